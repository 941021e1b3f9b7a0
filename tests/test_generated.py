"""Networks of every kind of layer, generated: the notation, the gradient check, and PyTorch as the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from architectures import architecture
from hypothesis import given, settings
from hypothesis import strategies as st
from test_losses import PAIRS
from twin import Twin

import pellucid as pl
from pellucid.engine.reference import gradient_of
from pellucid.glass.gradcheck import gradcheck
from pellucid.layers import walk
from pellucid.layers.activation import ACTIVATIONS
from pellucid.layers.normalization import BatchNormalization
from pellucid.layers.window import Window
from pellucid.losses import MultiLabel
from pellucid.notation import parse, write
from pellucid.randomness import Draws


@st.composite
def architectures(draw: st.DrawFn) -> str:
    return architecture(lambda choices: draw(st.sampled_from(choices)), draw(st.booleans()))


@dataclass(frozen=True)
class Configuration:
    """A network, and how its gradient is asked for: all of it follows from the number."""

    number: int
    architecture: str
    output: str
    loss: str
    multi_label: bool
    training: bool
    examples: int
    weighted: bool
    smoothing: float

    def network(self) -> pl.Network:
        options: dict[str, Any] = {"output": self.output, "loss": self.loss, "dtype": "float64", "seed": self.number}
        network = pl.Network(self.architecture, **options)
        if self.multi_label:
            network.loss = MultiLabel(network.loss.link)
        return network


def configuration(number: int) -> Configuration:
    """Two of three read images, every other one is a pass of training, every fourth a batch of one."""
    rng = np.random.default_rng(number)
    text = architecture(lambda choices: choices[rng.integers(len(choices))], number % 3 > 0)
    output, loss = PAIRS[number % len(PAIRS)]
    binary, smooth = loss == "binary_cross_entropy", loss != "squared_error"
    return Configuration(
        number,
        text,
        output,
        loss,
        multi_label=binary and bool(rng.integers(2)),
        training=number % 8 < 4,
        examples=(1, 5, 6, 8)[number % 4],
        weighted=bool(rng.integers(2)),
        smoothing=(0.0, 0.1)[rng.integers(2)] * smooth,
    )


@settings(max_examples=300)
@given(architectures())
def test_notation_to_layers_to_notation_is_the_identity(text: str) -> None:
    network = pl.Network(text)
    assert write(*parse(text)) == network.architecture == text
    assert list(map(repr, pl.Network(network.architecture).layers)) == list(map(repr, network.layers))


@settings(max_examples=200)
@given(architectures(), st.sampled_from(["tanh", "linear", "gelu"]))
def test_with_another_hidden_activation_too(text: str, hidden: str) -> None:
    layers = parse(text, hidden)[1]
    again = parse(write(parse(text)[0], layers))[1]
    assert list(map(repr, again)) == list(map(repr, layers))


FAST = range(330)


def features(configuration: Configuration) -> Iterator[str]:
    """What a configuration tries."""
    network, when = configuration.network(), "in training" if configuration.training else "in prediction"
    yield f"{configuration.output} with {configuration.loss}"
    yield from (name for name in ("weighted", "multi_label") if getattr(configuration, name))
    yield f"batch of one {when}" if configuration.examples == 1 else f"batch {when}"
    for layer in walk(network.layers):
        depth = layer.name.count(".")
        kind, of = type(layer).__name__, "images" if len(layer.input_shape) == 3 else "vectors"
        yield f"{kind} of {of} {when}"
        yield f"{kind} in {min(depth, 2)} blocks"
        if isinstance(layer, Window):
            lengths, side = layer.input_shape[1:], layer.side
            windows = "convolution" if isinstance(layer, pl.Convolution) else "pooling"
            yield f"{windows} of {'one channel' if layer.input_shape[0] == 1 else 'channels'}"
            yield f"{windows} of {'square' if lengths[0] == lengths[1] else 'other'} images"
            yield f"{windows}, {'overlapping' if layer.stride < side else 'side by side or apart'}"
            if layer.padding:
                yield f"{windows}, {'more' if layer.padding > side // 2 else 'some'} padding"
            if any((length + 2 * layer.padding - side) % layer.stride for length in lengths):
                yield f"{windows} that leaves out a rest"
            if layer.stride > max(lengths):
                yield f"{windows} with a stride beyond the image"
        if isinstance(layer, pl.Residual):
            yield f"block with projection {type(layer.shortcut[0]).__name__}" if layer.shortcut else "block without"


def test_the_configurations_try_everything() -> None:
    tried = Counter(feature for number in FAST for feature in set(features(configuration(number))))
    layers = [
        *ACTIVATIONS.values(),
        pl.Dropout,
        pl.GaussianNoise,
        pl.BatchNormalization,
        pl.LayerNormalization,
        pl.Residual,
    ]
    of_images = [pl.Convolution, pl.MaxPooling, pl.AveragePooling]
    wanted = {
        *(f"{output} with {loss}" for output, loss in PAIRS),
        *(f"{layer.__name__} in {depth} blocks" for layer in [*layers, *of_images] for depth in (0, 1)),
        "Residual in 1 blocks", "BatchNormalization in 2 blocks", "Convolution in 2 blocks", "Dense in 2 blocks",
        "weighted", "multi_label",
        *(f"{windows}{what}" for windows in ("convolution", "pooling") for what in (
            " of one channel", " of channels", " of square images", " of other images", ", overlapping",
            ", side by side or apart", " that leaves out a rest",
        )),
        "convolution, some padding", "convolution, more padding", "convolution with a stride beyond the image",
        "block without", "block with projection Dense", "block with projection Convolution",
    }  # fmt: skip
    for when in ("in training", "in prediction"):
        wanted |= {f"batch of one {when}", f"batch {when}", f"Dense of vectors {when}", f"Flatten of images {when}"}
        wanted |= {f"GlobalAveragePooling of images {when}"}
        wanted |= {f"{layer.__name__} of {of} {when}" for layer in layers for of in ("images", "vectors")}
        wanted |= {f"{layer.__name__} of images {when}" for layer in of_images}
    assert len({configuration(number).architecture for number in FAST}) >= 300
    assert {feature: tried[feature] for feature in sorted(wanted) if tried[feature] < 3} == {}


def check(number: int, coordinates: int) -> None:
    """The gradient check of a generated network.

    Where a normalization divides by a tiny deviation, the loss may be so curved that h = 1e-5 is too long a step, or
    its rounding errors so large that it is too short; each tensor must pass with that step, with a tenth or a
    hundredth of it, or with ten times as much.
    """
    made = configuration(number)
    network = made.network()
    state = network.state.copy()
    wrong = None
    for step in (1e-5, 1e-6, 1e-4, 1e-7):
        checked = gradcheck(
            network, examples=made.examples, coordinates=coordinates, training=made.training, weighted=made.weighted,
            seed=number, step=step,
        )  # fmt: skip
        failed = {(row.name, row.method) for row in checked.tensors if not row.passed}
        wrong = failed if wrong is None else wrong & failed
        if not wrong:
            break
    assert not wrong, made
    assert np.array_equal(network.state, state)


@pytest.mark.parametrize("thirty", range(11))
def test_the_gradients_of_generated_networks_are_right(thirty: int) -> None:
    for number in FAST[30 * thirty : 30 * thirty + 30]:
        check(number, coordinates=2)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(10))
def test_the_gradients_of_a_thousand_are_right_at_more_coordinates(hundred: int) -> None:
    for number in range(100 * hundred, 100 * hundred + 100):
        check(number, coordinates=20)


@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
def test_outputs_losses_gradients_and_statistics_equal_pytorchs(training: bool) -> None:
    for number in FAST:
        compare_with_pytorch(number, training)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
def test_those_of_a_thousand_more_equal_pytorchs(training: bool) -> None:
    for number in range(FAST.stop, FAST.stop + 1000):
        compare_with_pytorch(number, training)


def compare_with_pytorch(number: int, training: bool) -> None:
    torch = pytest.importorskip("torch")
    made, examples = configuration(number), (2, 3, 8)[number % 3]  # PyTorch normalizes no batch of one
    network = made.network()
    rng = np.random.default_rng(number)
    network.theta += 0.1 * rng.normal(size=network.theta.size)
    for layer in walk(network.layers):
        if isinstance(layer, BatchNormalization):
            layer.mean, layer.variance = rng.normal(size=layer.mean.shape), rng.random(layer.mean.shape) + 0.5
    workspace = network.workspace(network.theta, np.zeros_like(network.theta))
    twin = Twin(workspace, training)
    x = rng.integers(-2, 3, (*network.layers[0].input_shape, examples)) / 2  # with ties, for the pooling,
    x += rng.normal(size=examples)  # but no two examples the same, whose variance of 0 magnifies rounding errors
    y = rng.dirichlet(np.ones(3), examples)
    w = rng.uniform(0.5, 2, examples) if made.weighted else None
    targets = network.loss.smooth(y, made.smoothing).T if made.smoothing else y.T
    random = Draws(number, step=1) if training else None
    t = gradient_of(workspace, network.loss, x, targets, random, w, input_gradient=True)
    first = torch.tensor(np.moveaxis(x, -1, 0).copy(), requires_grad=True)
    z = twin.run(network.layers, first)
    loss = twin.loss(made, z, torch.tensor(y), torch.tensor(np.ones(examples) if w is None else w))
    loss.backward()
    dx = np.moveaxis(getattr(workspace.numbers[0], "d" + network.layers[0].input), -1, 0)
    pairs = (
        (t.z.T, z), (t.loss, loss), (dx, first.grad), (workspace.gradient, twin.gradient()),
        (workspace.state, twin.state()),
    )  # fmt: skip
    for ours, theirs in pairs:
        theirs = np.asarray(theirs.detach() if hasattr(theirs, "detach") else theirs)
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * scale, err_msg=str(made))
