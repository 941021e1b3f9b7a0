"""Networks of every kind of layer, generated: the native engine does what the reference does, whatever the network.

How far may two engines be apart in single precision? Where a normalization divides by a tiny deviation, or a ReLU has
its kink, rounding alone may move a loss by a lot. So the reference runs twice, in single and in double precision: the
native engine must be as close to the double one as the single one is, but for a small factor.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from architectures import architecture
from conftest import needs_kernels
from test_losses import PAIRS

import pellucid as pl
from pellucid import losses
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.compiled import _native
from pellucid.engine.lowering import LAYERS, LOSSES
from pellucid.engine.native import NativeEngine
from pellucid.engine.reference import ReferenceEngine
from pellucid.layers import Layer, Numbers, walk
from pellucid.layers.activation import ACTIVATIONS
from pellucid.losses import Loss, MultiLabel
from pellucid.workspace import slots

pytestmark = needs_kernels

OPTIMIZERS = (
    pl.SGD(0.02),
    pl.SGD(0.02, weight_decay=0.01),
    pl.SGD(0.005, momentum=0.9),
    pl.SGD(0.005, momentum=0.9, nesterov=True, weight_decay=0.01),
    pl.Adam(0.002, epsilon=1e-2),  # so that gradients that are 0 but for rounding, as of a bias before BN, move nothing
    pl.AdamW(0.002, epsilon=1e-2),
    pl.RMSProp(0.002, epsilon=1e-2),
    pl.Adagrad(0.002, epsilon=1e-2),  # Lion takes the sign of such gradients: test_native_descent.py holds it
)
STEPS = 3
NEAR = 2e-5  # of what the numbers are, for which single precision has 6e-8
FACTOR = 30  # times the error of the reference in single precision


@dataclass(frozen=True)
class Configuration:
    """A network, its examples and how it is trained: all of it follows from the number."""

    number: int
    architecture: str
    output: str
    loss: str
    multi_label: bool
    optimizer: Any
    clip_norm: float
    batch_size: int
    last: int  # examples of the last batch
    threads: int

    def trained(self, engine: Any, dtype: str = "float32", **options: Any) -> dict[str, np.ndarray]:
        """Losses, right answers, parameters and statistics after some steps."""
        network = pl.Network(self.architecture, output=self.output, loss=self.loss, dtype=dtype, seed=self.number)
        if self.multi_label:
            network.loss = MultiLabel(network.loss.link)
        rng = np.random.default_rng(self.number)
        network.theta += 0.1 * rng.normal(size=network.theta.size)  # with biases of 0, black pixels stand at kinks
        count = (STEPS - 1) * self.batch_size + self.last
        channels, *area = network.input_shape if len(network.input_shape) == 3 else (1, *network.input_shape)
        images = rng.integers(0, 256, (count, *area, channels)).astype(np.uint8)
        images[rng.random(images.shape) < rng.choice([0.0, 0.6])] = 0
        targets = rng.dirichlet(np.ones(network.outputs), count).astype(np.float32)
        runner = engine(
            network.workspace(gradient=np.zeros_like(network.theta)), network.loss, self.descent(network),
            images if channels > 1 else images[..., 0], targets, Normalization(), self.batch_size, seed=self.number,
            weights=rng.uniform(0.5, 2, count).astype(np.float32) if self.number % 4 == 1 else None, **options,
        )  # fmt: skip
        losses, correct = runner.run(rng.permutation(count), np.full(STEPS, self.optimizer.learning_rate))
        results = {"losses": losses, "correct": correct}
        for role, vector in (("parameter", network.theta), ("state", network.state)):
            results |= {slot.name: slot.view(vector) for slot in slots(network.layers, role)}
        return results

    def descent(self, network: pl.Network) -> Descent:
        """Every other network has a layer that is frozen, or learns at half the rate."""
        rng = np.random.default_rng(self.number)
        names = sorted({slot.layer.name for slot in slots(network.layers, "parameter")})
        rates = {str(rng.choice(names)): float(rng.choice([0.0, 0.5]))} if self.number % 2 and len(names) > 1 else {}
        l2, max_norm = rng.choice([0.0, 0.01]), rng.choice([0.0, 0.0, 1.5])
        l1, clip_value = rng.choice([0.0, 0.0, 0.01]), rng.choice([0.0, 0.0, 0.02])  # no weight comes to 0 in few steps
        return Descent(
            self.optimizer,
            l1=float(l1),
            l2=float(l2),
            clip_value=float(clip_value),
            clip_norm=self.clip_norm,
            max_norm=float(max_norm),
            layer_rates=rates,
        )


def configuration(number: int) -> Configuration:
    """Two of three read images; every fourth has a batch of up to 300."""
    rng = np.random.default_rng(number)
    text = architecture(lambda choices: choices[rng.integers(len(choices))], number % 3 > 0)
    if number % 5 == 0:  # wider than a vector, and than a part
        text = text.replace("-3C", "-19C").replace("-4-", "-37-").replace("-5-", "-70-")
    output, loss = PAIRS[number % len(PAIRS)]
    batch_size = int(rng.integers(1, 301) if number % 4 == 0 else rng.integers(1, 40))
    return Configuration(
        number,
        text,
        output,
        loss,
        multi_label=loss == "binary_cross_entropy" and bool(rng.integers(2)),
        optimizer=OPTIMIZERS[rng.integers(len(OPTIMIZERS))],
        clip_norm=float(rng.choice([0.0, 0.0, 0.5])),
        batch_size=batch_size,
        last=int(rng.integers(1, batch_size + 1)),
        threads=int(rng.integers(1, 4)),
    )


def check(number: int, **changes: Any) -> None:
    made = replace(configuration(number), **changes)
    native = made.trained(NativeEngine, threads=made.threads)
    single, double = made.trained(ReferenceEngine), made.trained(ReferenceEngine, "float64")
    if single["correct"].tolist() == double["correct"].tolist():
        assert native.pop("correct").tolist() == double["correct"].tolist(), made
    for name, values in native.items():
        size, off = np.abs(double[name]).max(initial=1), np.abs(single[name] - double[name]).max(initial=0)
        np.testing.assert_allclose(
            values, double[name], rtol=0, atol=NEAR * size + FACTOR * off, err_msg=f"{name} of {made}"
        )


def check_threads(number: int, **changes: Any) -> None:
    made = replace(configuration(number), **changes)
    one, *others = ({k: v.tobytes() for k, v in made.trained(NativeEngine, threads=n).items()} for n in (1, 2, 3))
    assert all(other == one for other in others), made


FAST = range(150)


@pytest.mark.parametrize("ten", range(FAST.stop // 10))
def test_steps_do_what_they_do_on_the_reference(ten: int) -> None:
    for number in range(10 * ten, 10 * ten + 10):
        check(number)


def test_batches_of_which_a_part_has_several_blocks_of_images_too() -> None:
    for number in (0, 4, 5, 10, 13, 15):  # each has a normalization, of rows or of images
        check(number, batch_size=1500, last=1201)
        check_threads(number, batch_size=1500, last=1201)


@pytest.mark.parametrize(
    "architecture",
    [
        "1x13x11-5C3-BN-MP2-7C2-BN-MP2-3",  # sides that are no whole number of windows
        "1x16x15-24C5-BN-MP2-32C3-BN-MP2-64-3",
        "3x5x4-BN:relu-MP2-20-BN-3",
        "2x9x8-4C3p1-BN-R(4C3p1-BN-4C3p1-BN):relu-MP2-R(5C3s2p1-BN-5C3p1-BN):relu-BN:relu-MP2-GAP-3",
    ],
)
def test_what_is_done_in_one_pass_is_so_too(architecture: str) -> None:
    for number in range(6):
        check(number, architecture=architecture)
        check_threads(number, architecture=architecture)


@pytest.mark.slow
@pytest.mark.parametrize("fifty", range(12))
def test_those_of_six_hundred_more_too(fifty: int) -> None:
    for number in range(FAST.stop + 50 * fifty, FAST.stop + 50 * fifty + 50):
        check(number)


def test_the_number_of_threads_changes_no_bit() -> None:
    for number in FAST:
        check_threads(number)


@pytest.mark.parametrize("kernels", _native.INSTRUCTION_SETS if _native else [])
def test_every_instruction_set_computes_the_same(kernels: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    for number in FAST[::10]:
        check(number)


@pytest.mark.slow
@pytest.mark.parametrize("kernels", _native.INSTRUCTION_SETS if _native else [])
def test_every_instruction_set_computes_the_same_for_two_hundred_more(kernels: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    for number in range(FAST.stop, FAST.stop + 200):
        check(number)


def subclasses(kind: type) -> Iterator[type]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def test_every_layer_and_every_loss_of_the_library_has_kernels() -> None:
    exported = {value for value in vars(pl).values() if inspect.isclass(value) and issubclass(value, Layer)}
    assert len(exported) > 20
    assert exported <= LAYERS.keys()
    assert {loss for loss in vars(losses).values() if inspect.isclass(loss) and issubclass(loss, Loss)} - {Loss} == set(
        LOSSES
    )


def test_the_configurations_try_every_layer() -> None:
    tried: Counter[str] = Counter()
    for number in FAST:
        made = configuration(number)
        tried["MultiLabel"] += made.multi_label
        for layer in walk(pl.Network(made.architecture).layers):
            tried.update({f"{type(layer).__name__} of {len(layer.input_shape)} axes": 1, type(layer).__name__: 1})
    of_both = [
        kind
        for kind in LAYERS
        if kind not in (pl.Dense, pl.Convolution, pl.MaxPooling, pl.AveragePooling, pl.GlobalAveragePooling, pl.Flatten)
    ]
    wanted = (
        {kind.__name__ for kind in LAYERS}
        | {"MultiLabel"}
        | {f"{kind.__name__} of {axes} axes" for kind in of_both for axes in (1, 3)}
    )
    assert {name for name in wanted if tried[name] < 3} == set()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("softmax", "identity")])
def test_an_activation_and_its_derivative_are_exact_to_single_precision(name: str) -> None:
    """At many places, as biases: the gradient of the weights behind is a(z), that of the biases its derivative."""
    places = np.linspace(-20, 20, 8001).astype(np.float32)
    network = pl.Network([pl.Dense(len(places)), ACTIVATIONS[name](), pl.Dense(1)], input_shape=(1,), output="identity")
    first, activation, last = network.layers
    first.b, last.W = places[:, None], np.full((1, len(places)), 1e-4, np.float32)
    images, targets = np.zeros((1, 1), np.float32), np.full((1, 1), -1000, np.float32)
    descent = Descent(pl.SGD(0.1, momentum=0.9))  # whose first velocity is the gradient
    runner = NativeEngine(network.workspace(), network.loss, descent, images, targets, Normalization(), 1)
    runner.run(np.zeros(1, np.int64), np.full(1, 0.1))
    gradients = {slot.name: slot.view(runner.moments[0]) for slot in slots(network.layers, "parameter")}
    t = Numbers(name, np)
    t.z, t.da = places.astype(np.float64), np.ones(len(places))
    activation.forward(t)
    activation.backward(t)
    of_loss = 2 * (1e-4 * t.a.sum() + 1000)
    for found, exact in (
        (gradients["dense2/W"][0] / of_loss, t.a),
        (gradients["dense1/b"][:, 0] / of_loss / 1e-4, t.dz),
    ):
        np.testing.assert_allclose(found, exact, rtol=5e-7, atol=3e-7)
