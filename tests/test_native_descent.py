"""A step of the native engine, with every optimizer and all that surrounds it, does what the reference's does."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from conftest import needs_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.compiled import _native
from pellucid.engine.engines import select
from pellucid.engine.lowering import lower
from pellucid.engine.native import NativeEngine
from pellucid.engine.reference import ReferenceEngine
from pellucid.losses import MultiLabel
from pellucid.workspace import slots

pytestmark = needs_kernels

OPTIMIZERS = (
    pl.SGD(0.02),
    pl.SGD(0.02, weight_decay=0.1),
    pl.SGD(0.005, momentum=0.9, weight_decay=0.1),
    pl.SGD(0.005, momentum=0.9, nesterov=True),
    pl.Adagrad(0.005),
    pl.Adagrad(0.005, epsilon=1e-3, weight_decay=0.1),
    pl.RMSProp(0.002, epsilon=1e-4),
    pl.RMSProp(0.002, rho=0.8, epsilon=1e-3, weight_decay=0.1),
    pl.Adam(0.002, epsilon=1e-5),
    pl.Adam(0.002, beta1=0.8, beta2=0.9, epsilon=1e-4, weight_decay=0.1),
    pl.AdamW(0.002, epsilon=1e-5, weight_decay=1.0),
    pl.Lion(0.0001),
    pl.Lion(0.0001, beta1=0.8, beta2=0.95, weight_decay=30.0),
)
SURROUNDINGS: dict[str, dict[str, Any]] = {
    "alone": {},
    "l1": {"l1": 0.05},
    "l2": {"l2": 0.2},
    "by value": {"clip_value": 0.01},
    "by norm": {"clip_norm": 0.1},
    "max norm": {"max_norm": 0.5},
    "rates": {"layer_rates": {0: 0.1, -1: 2.0}},
    "first frozen": {"layer_rates": {0: 0.0}},
    "last frozen": {"layer_rates": {-1: 0.0}},
    "all of it": {
        "l1": 0.02, "l2": 0.1, "clip_value": 0.05, "clip_norm": 0.3, "max_norm": 0.7, "layer_rates": {0: 0.0, 1: 0.3},
    },
}  # fmt: skip
NETWORKS = {
    "dense": "37-70-18-5",
    "sparse": "100-150:tanh-D0.2-20-5",
    "images": "1x9x8-5C3p1:tanh-MP2-3C2-20:sigmoid-5",
    "images, wide": "2x6x5-20C3-5",
}


def descent_of(network: pl.Network, optimizer: Any, surroundings: dict[str, Any]) -> Descent:
    """The descent; layers with parameters are counted."""
    names = list(dict.fromkeys(slot.layer.name for slot in slots(network.layers, "parameter")))
    given = dict(surroundings)
    given["layer_rates"] = {names[number]: rate for number, rate in given.get("layer_rates", {}).items()}
    return Descent(optimizer, **given)


def problem(kind: str, optimizer: Any, surroundings: dict[str, Any], seed: int = 0, count: int = 110) -> Any:
    """A network and what an engine is made with."""
    network, rng = pl.Network(NETWORKS[kind], seed=seed), np.random.default_rng(seed)
    shape = network.input_shape if len(network.input_shape) == 1 else (*network.input_shape[1:], network.input_shape[0])
    images = rng.integers(1, 256, (count, *shape)).astype(np.uint8)
    if kind == "sparse":
        images[rng.random(images.shape) < 0.8] = 0
    targets = np.eye(5, dtype=np.float32)[rng.integers(0, 5, count)]
    return network, descent_of(network, optimizer, surroundings), images, targets


def engine_of(engine: Any, network: pl.Network, descent: Descent, images: Any, targets: Any, **options: Any) -> Any:
    workspace = network.workspace(gradient=np.zeros_like(network.theta))
    return engine(workspace, network.loss, descent, images, targets, Normalization(), 32, seed=3, **options)


def steps(runner: Any, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """The losses and right answers of ten steps, at rates that change; the last batch of four is short."""
    order = np.concatenate([np.random.default_rng(i).permutation(len(runner.images)) for i in range(3)])
    rates = runner.descent.optimizer.learning_rate * (0.6 + 0.4 * np.cos(np.arange(12)))
    results = [
        runner.run(order[epoch * 110 : (epoch + 1) * 110], rates[4 * epoch : 4 * epoch + 4]) for epoch in range(3)
    ]
    losses, correct = (np.concatenate(parts)[:count] for parts in zip(*results, strict=True))
    return losses, correct


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_steps_are_those_of_the_reference(optimizer: Any, surroundings: str, kind: str) -> None:
    results = []
    for engine in (ReferenceEngine, NativeEngine):
        network, *given = problem(kind, optimizer, SURROUNDINGS[surroundings])
        runner = engine_of(engine, network, *given)
        results.append((*steps(runner), network.theta, *runner.moments))
    (expected, right, theta, *moments), (losses, correct, own, *own_moments) = results
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.abs(correct - right).sum() <= 1  # two outputs may be nearly the same
    np.testing.assert_allclose(own, theta, rtol=1e-3, atol=5e-4)
    for moment, other in zip(own_moments, moments, strict=True):
        np.testing.assert_allclose(moment, other, rtol=1e-2, atol=1e-4 * max(1.0, np.abs(other).max()))


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(list(NETWORKS)), optimizer=st.sampled_from(OPTIMIZERS),
    l1=st.sampled_from((0.0, 0.05)), l2=st.sampled_from((0.0, 0.2)), clip_value=st.sampled_from((0.0, 0.02)),
    clip_norm=st.sampled_from((0.0, 0.1)), max_norm=st.sampled_from((0.0, 0.6)),
    rate=st.sampled_from((1.0, 0.0, 0.3)), last=st.sampled_from((1.0, 2.0)), weighted=st.booleans(),
    threads=st.integers(1, 3),
)  # fmt: skip
def test_so_they_are_with_options_of_any_kind_together(
    seed, kind, optimizer, l1, l2, clip_value, clip_norm, max_norm, rate, last, weighted, threads
) -> None:
    surroundings = {
        "l1": l1, "l2": l2, "clip_value": clip_value, "clip_norm": clip_norm, "max_norm": max_norm,
        "layer_rates": {0: rate, -1: last},
    }  # fmt: skip
    weights = np.random.default_rng(seed).uniform(0.1, 3, 110) if weighted else None
    results = []
    for engine, options in ((ReferenceEngine, {}), (NativeEngine, {"threads": threads})):
        network, *given = problem(kind, optimizer, surroundings, seed)
        runner = engine_of(engine, network, *given, weights=weights, **options)
        results.append((*steps(runner), network.theta))
    (expected, right, theta), (losses, correct, own) = results
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.abs(correct - right).sum() <= 1
    np.testing.assert_allclose(own, theta, rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS[::2], ids=repr)
@pytest.mark.parametrize("clip_norm", [0.0, 0.1])
def test_a_frozen_layer_does_not_move_by_a_bit(optimizer: Any, kind: str, clip_norm: float) -> None:
    for frozen in (0, -1):
        surroundings = {"layer_rates": {frozen: 0.0}, "l1": 0.1, "l2": 0.1, "max_norm": 0.1, "clip_norm": clip_norm}
        network, *given = problem(kind, optimizer, surroundings)
        before, runner = network.theta.copy(), engine_of(NativeEngine, network, *given)
        moments = [np.random.default_rng(1).random(before.shape, np.float32) for _ in runner.moments]
        runner.restore(moments, 5)
        steps(runner)
        (name,) = given[0].layer_rates
        for slot in slots(network.layers, "parameter"):
            pairs = [(network.theta, before), *zip(runner.moments, moments, strict=True)]
            same = [np.array_equal(slot.view(now), slot.view(then)) for now, then in pairs]
            assert all(same) if slot.layer.name == name else not any(same)


def kernels(architecture: str, *, decay: float = 0.0, **surroundings: Any) -> list[str]:
    network = pl.Network(architecture)
    descent = descent_of(network, pl.SGD(0.1), surroundings)
    plan = lower(network.layers, network.loss, descent, 32, 0, sparse=True, decay=decay)
    return [operation.kernel for operation in plan.operations]


def test_of_frozen_layers_no_gradient_is_computed() -> None:
    """Nor what only they would need; the others keep their update in the product."""
    ways = {0: ["dense_backward", "dense_descend", "dense_descend"], 1: ["dense_backward", "dense_backward"]}
    for frozen, expected in ways.items():
        names = kernels("784-32-16-10", layer_rates={frozen: 0.0})
        assert [name for name in names if name in ("dense_backward", "dense_descend")][: len(expected)] == expected
        assert names.count("sparse_descend") == (frozen != 0)
    images = kernels("1x12x12-4C3-6C3-10", layer_rates={0: 0.0})
    assert images.count("convolution_gradient") == images.count("parts_descend") == 1
    assert "convolution_backward" not in images


def test_plain_steps_stay_in_the_product() -> None:
    for surroundings in ({}, {"l2": 0.1}, {"layer_rates": {0: 0.0}}, {"max_norm": 1.0}):
        assert "dense_descend" in kernels("784-32-10", **surroundings)
    for surroundings in ({"l1": 0.1}, {"clip_value": 0.1}, {"layer_rates": {0: 0.5}}):
        assert "dense_update" in kernels("784-32-10", **surroundings)


def test_a_network_that_is_frozen_whole_is_not_for_the_kernels() -> None:
    network = pl.Network("5-4-3")
    descent = descent_of(network, pl.SGD(0.1), {"layer_rates": {0: 0.0, 1: 0.0}})
    name, reason = select("auto", network.layers, network.dtype, network.loss, descent)
    assert (name, reason) == ("reference", "not native: there is nothing to train")


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_the_number_of_threads_changes_no_bit(surroundings: str, kind: str) -> None:
    weights = np.random.default_rng(0).random(110)
    for optimizer in OPTIMIZERS[::3]:
        results = set()
        for threads in (1, 2, 3, 7):
            network, *given = problem(kind, optimizer, SURROUNDINGS[surroundings])
            runner = engine_of(NativeEngine, network, *given, weights=weights, threads=threads)
            runner.keep_average(0.9)
            losses, correct = steps(runner)
            results.add(
                b"".join(a.tobytes() for a in (losses, correct, network.theta, runner.average, *runner.moments))
            )
        assert len(results) == 1


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_what_is_restored_goes_on_with_the_same_bits(optimizer: Any, kind: str) -> None:
    network, *given = problem(kind, optimizer, SURROUNDINGS["all of it"])
    runner = engine_of(NativeEngine, network, *given)
    runner.keep_average(0.9)
    runner.run(np.arange(96), np.full(3, 0.01))
    theta, moments, average = network.theta.copy(), runner.moments, runner.average
    runner.run(np.arange(96), np.full(3, 0.01))
    other = pl.Network(NETWORKS[kind], seed=9)
    other.theta = theta
    again = engine_of(NativeEngine, other, *given)
    again.restore(moments, 3)
    assert again.keep_average(0.9, average, 3)
    again.run(np.arange(96), np.full(3, 0.01))
    assert other.theta.tobytes() == network.theta.tobytes()
    assert again.average.tobytes() == runner.average.tobytes()


@pytest.mark.parametrize("instructions", _native.INSTRUCTION_SETS if _native else [])
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_instruction_set_does_the_same(kind: str, instructions: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", instructions)
    for optimizer, surroundings in product(OPTIMIZERS[1::2], ("rates", "all of it")):
        test_steps_are_those_of_the_reference(optimizer, surroundings, kind)


def test_padding_of_theta_stays_zero() -> None:
    """It is updated with the rest where the gradient is kept whole, and a vector of the machine reads it."""
    for optimizer in OPTIMIZERS:
        network, *given = problem("sparse", optimizer, {"clip_norm": 0.1, "l1": 0.1, "max_norm": 0.3})
        runner = engine_of(NativeEngine, network, *given)
        steps(runner)
        matrix = runner.plan.parameters[-1]
        rows = runner.arena[matrix.place : matrix.place + matrix.size].reshape(matrix.inputs + 1, -1)
        assert not rows[:, matrix.outputs :].any()
        assert rows[:, : matrix.outputs].all()


# weights and targets


def test_an_example_that_weighs_nothing_counts_as_little_as_one_that_is_not_there() -> None:
    weights = np.ones(110)
    weights[20:32] = 0
    thetas = []
    for examples, given_weights in ((np.arange(32), weights), (np.arange(20), None)):
        network, *given = problem("dense", pl.SGD(0.1), {})
        runner = engine_of(NativeEngine, network, *given, weights=given_weights)
        loss, _ = runner.run(examples, np.full(1, 0.1))
        thetas.append(np.append(network.theta, loss))
    np.testing.assert_allclose(*thetas, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "squared_error", "multi_label"])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_loss_weighs_and_smooths_as_the_reference_does(loss: str, weighted: bool) -> None:
    rng, results = np.random.default_rng(0), []
    x, weights = rng.normal(size=(64, 12)).astype(np.float32), rng.uniform(0.1, 4, 64)
    answers = rng.random((64, 4)) < 0.4
    for engine in (ReferenceEngine, NativeEngine):
        network = pl.Network("12-9-4", loss="binary_cross_entropy" if loss == "multi_label" else loss, seed=1)
        measure = MultiLabel(network.loss.link) if loss == "multi_label" else network.loss
        y = answers if loss == "multi_label" else np.eye(4)[answers.argmax(axis=1)]
        targets = y.astype(np.float32) if loss == "squared_error" else measure.smooth(y.astype(np.float32), 0.1)
        workspace = network.workspace(gradient=np.zeros_like(network.theta))
        assert select("auto", network.layers, network.dtype, measure, Descent(pl.SGD(0.1)))[0] == "native"
        runner = engine(
            workspace, measure, Descent(pl.SGD(0.1)), x, targets, Normalization(), 10,
            weights=weights if weighted else None,
        )  # fmt: skip
        losses, correct = runner.run(np.tile(np.arange(60), 3), np.full(18, 0.1))
        results.append((losses, correct, network.theta))
    for own, expected in zip(*reversed(results), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-5)


# averaging


class Runs(pl.Callback):
    """Counts the calls of the engine, which are chunks of steps."""

    every = 0

    def __init__(self) -> None:
        self.chunks: list[int] = []

    def on_chunk_end(self, logs: Progress) -> None:
        self.chunks.append(len(logs.losses))

    def steps_until_event(self, step: int) -> int:
        return 10**6


def fitted(average: str, *callbacks: Any, **options: Any) -> tuple[pl.Network, Any]:
    rng = np.random.default_rng(0)
    network = pl.Network("12-9-4", seed=1)
    given = {"epochs": 3, "batch_size": 8, "optimizer": pl.Adam(0.01), "engine": "native", **options}
    history = pl.fit(
        network, rng.normal(size=(400, 12)), rng.integers(0, 4, 400), average=average, callbacks=callbacks, **given
    )
    return network, history


@settings(max_examples=30)
@given(st.floats(0.01, 0.9999), st.sampled_from(list(NETWORKS)), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_the_engine_keeps_the_average_of_the_formula(decay: float, kind: str, runs: list[int]) -> None:
    network, *given = problem(kind, pl.Adam(0.01), SURROUNDINGS["max norm"])
    runner = engine_of(NativeEngine, network, *given)
    assert runner.keep_average(decay)
    assert not runner.keep_average(0.5)
    mean, step = np.zeros(network.theta.shape), 0
    single, *given = problem(kind, pl.Adam(0.01), SURROUNDINGS["max norm"])
    stepper = engine_of(NativeEngine, single, *given)
    for count in runs:
        runner.run(np.arange(32 * count) % 110, np.full(count, 0.01))
        for part in pairwise(range(0, 32 * count + 1, 32)):
            stepper.run(np.arange(*part) % 110, np.full(1, 0.01))
            step += 1
            mean += (1 - decay) / (1 - decay**step) * (single.theta - mean)
    assert network.theta.tobytes() == single.theta.tobytes()  # watching changes no bit
    np.testing.assert_allclose(runner.average, mean, rtol=1e-5, atol=1e-6)


def test_an_average_costs_no_call_for_each_step() -> None:
    runs, alone = Runs(), Runs()
    network, history = fitted("ema,decay=0.9", runs)
    _, expected = fitted("", alone)
    assert max(runs.chunks) > 1
    assert sum(runs.chunks) == sum(alone.chunks) == 150
    assert history.history["loss"] == expected.history["loss"]
    reference, _ = fitted("ema,decay=0.9", engine="reference")
    np.testing.assert_allclose(network.theta, reference.theta, rtol=1e-3, atol=1e-4)


def test_two_averages_of_a_training_are_kept_side_by_side() -> None:
    """The engine keeps the first, the callback the other; each is what it is alone."""
    first, second = pl.WeightAveraging("ema,decay=0.9"), pl.WeightAveraging("ema,decay=0.5")
    fitted("", first, second)
    for average, words in ((first, "ema,decay=0.9"), (second, "ema,decay=0.5")):
        alone, _ = fitted(words)
        np.testing.assert_allclose(average.network.theta, alone.theta, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("every", [1, 7])
def test_hearing_of_steps_changes_no_bit_of_an_average(every: int) -> None:
    network, _ = fitted("ema,decay=0.9")
    watched, _ = fitted("ema,decay=0.9", pl.Norms(every))
    assert watched.theta.tobytes() == network.theta.tobytes()
