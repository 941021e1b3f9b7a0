"""The native engine does what the reference does: the same losses, decisions and weights, whatever the network."""

from __future__ import annotations

import os
import re
import resource
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from conftest import needs_kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import HIDDEN, OUTPUTS_AND_LOSSES

import pellucid as pl
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.compiled import _native
from pellucid.engine.engines import select
from pellucid.engine.native import NativeEngine
from pellucid.engine.reference import ReferenceEngine
from pellucid.losses import CrossEntropy, make_loss

pytestmark = needs_kernels

OPTIMIZERS = (
    pl.SGD(0.02),
    pl.SGD(0.02, weight_decay=0.01),
    pl.SGD(0.005, momentum=0.9),
    pl.SGD(0.005, momentum=0.9, nesterov=True, weight_decay=0.01),
    pl.Adam(0.002),
    pl.Adam(0.002, weight_decay=0.01),
    pl.AdamW(0.002),
)
PIXELS = ("mostly 0", "dense", "symmetric", "colour", "floats")


def images(kind: str, count: int, features: int, rng: np.random.Generator) -> tuple[np.ndarray, Normalization]:
    pixels = rng.integers(1, 256, (count, features)).astype(np.uint8)
    if kind == "mostly 0":
        pixels[rng.random(pixels.shape) < 0.8] = 0
    if kind == "colour":
        pixels = pixels.reshape(count, features // 3, 1, 3)
    if kind == "floats":
        return rng.normal(size=(count, features)).astype(np.float32), Normalization()
    return pixels, Normalization("symmetric", 2 / 255, -1.0) if kind == "symmetric" else Normalization()


def problem(seed: int, hidden: str, output: str, loss: str, pixels: str, batch_size: int) -> dict[str, Any]:
    """A random network with random examples; the last batch is short."""
    rng = np.random.default_rng(seed)
    features = 3 * int(rng.integers(1, 40))
    widths = rng.integers(1, 80, rng.integers(0, 3)).tolist()
    outputs = int(rng.integers(2 if output == "softmax" else 1, 20))
    items = [str(features), *(f"{width}:{hidden}" for width in widths), str(outputs)]
    for place, item in ((1, "D0.3"), (len(items) - 1, "N0.1"), (len(items) - 1, "D0.5")):
        if rng.random() < 0.3:
            items.insert(place, item)
    count = batch_size * 3 + int(rng.integers(0, batch_size))
    x, normalization = images(pixels, count, features, rng)
    y = rng.dirichlet(np.ones(max(outputs, 2)), count)[:, :outputs].astype(np.float32)
    return {
        "architecture": "-".join(items), "output": output, "loss": loss, "images": x, "targets": y,
        "normalization": normalization, "batch_size": batch_size, "seed": seed,
    }  # fmt: skip


def train(engine: type, optimizer: pl.SGD | pl.Adam, clip_norm: float | None, steps: int = 10, **given: Any) -> Any:
    """A network trained for some steps from the same beginning, and its losses and correct counts."""
    extra = {name: given.pop(name) for name in ("threads",) if name in given}
    network = pl.Network(given["architecture"], output=given["output"], loss=given["loss"], seed=given["seed"])
    runner = engine(
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss,
        Descent(optimizer, clip_norm=clip_norm or 0.0), given["images"], given["targets"], given["normalization"],
        given["batch_size"], given["seed"], **extra,
    )  # fmt: skip
    rng = np.random.default_rng(given["seed"])
    losses, correct = [], []
    while len(losses) < steps:
        order = rng.permutation(len(given["images"]))
        rates = np.full(-(-len(order) // given["batch_size"]), optimizer.learning_rate)
        for result, part in zip((losses, correct), runner.run(order, rates), strict=True):
            result.extend(part.tolist())
    return network, runner, np.array(losses[:steps]), np.array(correct[:steps])


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.sampled_from(HIDDEN),
    output_and_loss=st.sampled_from(OUTPUTS_AND_LOSSES),
    pixels=st.sampled_from(PIXELS),
    batch_size=st.one_of(st.integers(1, 20), st.integers(1, 300)),
    optimizer=st.sampled_from(OPTIMIZERS),
    clip_norm=st.sampled_from((None, None, 0.5)),
    threads=st.integers(1, 3),
)
def test_ten_steps_lose_what_they_lose_on_the_reference(
    seed, hidden, output_and_loss, pixels, batch_size, optimizer, clip_norm, threads
) -> None:
    given = problem(seed, hidden, *output_and_loss, pixels, batch_size)
    reference, _, expected, _ = train(ReferenceEngine, optimizer, clip_norm, **given)
    native, _, losses, _ = train(NativeEngine, optimizer, clip_norm, threads=threads, **given)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    np.testing.assert_allclose(native.theta, reference.theta, rtol=1e-2, atol=2e-3)


def test_the_whole_gradient_is_that_of_the_reference() -> None:
    given = problem(3, "tanh", "softmax", "cross_entropy", "mostly 0", 40)
    given["architecture"] = re.sub(r"-[DN][\d.]+", "", given["architecture"])  # what is drawn in training only
    for clip_norm in (0.0, 1e9):  # in the product, and whole
        network = pl.Network(given["architecture"], seed=3)
        before = network.theta.copy()
        images = given["normalization"].columns(given["images"][:40], network.dtype).T
        _, gradient = network.loss_and_gradient(images, given["targets"][:40])
        runner = NativeEngine(
            network.workspace(),
            network.loss,
            Descent(pl.SGD(1.0), clip_norm=clip_norm),
            given["images"],
            given["targets"],
            Normalization(),
            40,
        )
        runner.run(np.arange(40), np.ones(1))
        np.testing.assert_allclose(before - network.theta, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_the_number_of_threads_changes_no_bit(optimizer: Any, clip_norm: float | None) -> None:
    given = problem(5, "relu", "softmax", "cross_entropy", "mostly 0", 37)
    results = [train(NativeEngine, optimizer, clip_norm, threads=threads, **given) for threads in (1, 2, 3, 7)]
    for network, runner, losses, correct in results[1:]:
        assert network.theta.tobytes() == results[0][0].theta.tobytes()
        assert [m.tobytes() for m in runner.moments] == [m.tobytes() for m in results[0][1].moments]
        assert losses.tobytes() == results[0][2].tobytes()
        assert correct.tobytes() == results[0][3].tobytes()


def test_the_cut_into_runs_changes_no_bit() -> None:
    given = problem(7, "relu", "softmax", "cross_entropy", "mostly 0", 20)
    given["architecture"] = given["architecture"].replace("-", "-D0.2-", 1)
    thetas = []
    for cuts in ([0, 60], [0, 20, 60], [0, 20, 40, 60]):
        network = pl.Network(given["architecture"], seed=7)
        runner = NativeEngine(
            network.workspace(),
            network.loss,
            Descent(pl.Adam()),
            given["images"],
            given["targets"],
            Normalization(),
            20,
            seed=7,
        )
        for start, stop in pairwise(cuts):
            runner.run(np.arange(60)[start:stop], np.full((stop - start) // 20, 0.01))
        thetas.append(network.theta.tobytes())
    assert len(set(thetas)) == 1


def test_restored_moments_go_on_with_the_same_bits() -> None:
    given = problem(9, "sigmoid", "softmax", "cross_entropy", "dense", 25)
    network, runner, *_ = train(NativeEngine, pl.Adam(), None, steps=3, **given)
    theta, moments, step = network.theta.copy(), runner.moments, runner.step
    order, rates = np.arange(50), np.full(2, 0.01)
    runner.run(order, rates)
    again = pl.Network(given["architecture"], seed=1)
    other = NativeEngine(
        again.workspace(),
        again.loss,
        Descent(pl.Adam()),
        given["images"],
        given["targets"],
        given["normalization"],
        25,
        seed=9,
    )
    again.theta = theta
    other.restore(moments, step)
    other.run(order, rates)
    assert again.theta.tobytes() == network.theta.tobytes()


@pytest.mark.parametrize("kernels", _native.INSTRUCTION_SETS if _native else [])
def test_every_instruction_set_can_be_forced_and_computes_the_same(kernels: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    for hidden in HIDDEN:
        given = problem(11, hidden, "softmax", "cross_entropy", "mostly 0", 30)
        _, _, expected, _ = train(ReferenceEngine, pl.Adam(0.002), None, **given)
        _, runner, losses, _ = train(NativeEngine, pl.Adam(0.002), None, **given)
        assert runner.facts()["instruction set"] == kernels
        np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_an_instruction_set_that_is_not_there_is_named(monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", "v9")
    given = problem(1, "relu", "softmax", "cross_entropy", "dense", 5)
    with pytest.raises(pl.UsageError, match="PELLUCID_CPU=v9 names no instruction set of this machine"):
        train(NativeEngine, pl.SGD(0.1), None, **given)


def test_dropout_draws_the_words_of_the_reference() -> None:
    """With weights that pass everything on, what is left of the inputs shows in the gradient."""
    features, count = 37, 50
    x = np.ones((count, features), np.float32)
    network = pl.Network(f"{features}-D0.4-2", seed=0)
    reference = pl.Network(f"{features}-D0.4-2", seed=0)
    y = np.tile(np.float32([1, 0]), (count, 1))
    for engine, net in ((NativeEngine, network), (ReferenceEngine, reference)):
        runner = engine(
            net.workspace(gradient=np.zeros_like(net.theta)),
            net.loss,
            Descent(pl.SGD(1.0)),
            x,
            y,
            Normalization(),
            count,
            42,
        )
        runner.run(np.arange(count), np.ones(1))
    np.testing.assert_allclose(network.theta, reference.theta, rtol=1e-4, atol=1e-6)
    assert np.abs(network.theta).max() > 0


def test_noise_is_that_of_the_reference_to_single_precision() -> None:
    count, features = 64, 50
    x, y = np.zeros((count, features), np.float32), np.tile(np.float32([1, 0]), (count, 1))
    moved = []
    for engine in (NativeEngine, ReferenceEngine):
        network = pl.Network(f"{features}-N1-2", seed=0, output="identity")
        network.layers[1].W = np.zeros((2, features), np.float32)
        runner = engine(
            network.workspace(gradient=np.zeros_like(network.theta)), network.loss, Descent(pl.SGD(1.0)), x, y,
            Normalization(), 1, 42,
        )  # fmt: skip
        runner.run(np.arange(1), np.ones(1))  # W moves by 2 x of the first example: twice its noise
        moved.append(network.layers[1].W[0] / 2)
    np.testing.assert_allclose(*moved, rtol=1e-5, atol=1e-6)
    assert 0.5 < moved[0].std() < 1.5


def test_a_fork_trains_on(tmp_path: Path) -> None:
    """The threads of a pool do not survive a fork; the child makes its own."""
    given = problem(13, "relu", "softmax", "cross_entropy", "dense", 20)
    network, runner, *_ = train(NativeEngine, pl.SGD(0.01), None, threads=2, **given)
    result = tmp_path / "theta"
    child = os.fork()
    if not child:
        try:
            runner.run(np.arange(40), np.full(2, 0.01))
            result.write_bytes(network.theta.tobytes())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    runner.run(np.arange(40), np.full(2, 0.01))
    assert result.read_bytes() == network.theta.tobytes()


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_loss_that_is_not_finite_is_not_hidden(hidden: str) -> None:
    for value in (np.nan, np.inf):
        given = problem(25, hidden, "softmax", "cross_entropy", "floats", 10)
        given["architecture"] = f"{given['images'].shape[1]}-20:{hidden}-20:{hidden}-{given['targets'].shape[1]}"
        network = pl.Network(given["architecture"], seed=25)
        network.theta[:] = value
        runner = NativeEngine(
            network.workspace(),
            network.loss,
            Descent(pl.SGD(0.1)),
            given["images"],
            given["targets"],
            Normalization(),
            10,
        )
        losses, _ = runner.run(np.arange(10), np.ones(1))
        assert not np.isfinite(losses).all()
        assert not np.isfinite(network.theta).all()


def test_two_plans_run_at_once() -> None:
    given = problem(15, "relu", "softmax", "cross_entropy", "mostly 0", 30)
    alone, *_ = train(NativeEngine, pl.Adam(), None, steps=60, threads=2, **given)
    with ThreadPoolExecutor(3) as executor:
        futures = [executor.submit(train, NativeEngine, pl.Adam(), None, 60, threads=2, **given) for _ in range(3)]
    assert {future.result()[0].theta.tobytes() for future in futures} == {alone.theta.tobytes()}


def test_an_order_beyond_the_data_is_refused() -> None:
    given = problem(17, "relu", "softmax", "cross_entropy", "dense", 5)
    _, runner, *_ = train(NativeEngine, pl.SGD(0.1), None, **given)
    with pytest.raises(IndexError, match=f"order names example 99 of {len(given['images'])}"):
        runner.run(np.array([0, 99]), np.ones(1))


def test_images_are_read_where_they_lie() -> None:
    """Nothing is copied of a data set that may be larger than memory."""
    given = problem(19, "relu", "softmax", "cross_entropy", "dense", 5)
    _, runner, *_ = train(NativeEngine, pl.SGD(0.1), None, **given)
    assert np.shares_memory(runner.images, given["images"])


def test_after_the_first_step_nothing_grows() -> None:
    given = problem(21, "relu", "softmax", "cross_entropy", "dense", 50)
    _, runner, *_ = train(NativeEngine, pl.Adam(), None, threads=2, **given)
    order, rates = np.tile(np.arange(50), 200), np.full(200, 0.001)
    runner.run(order, rates)
    faults = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF)
        runner.run(order, rates)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before.ru_minflt)
    assert min(faults) < 20  # a page that is new brings a fault, in every run; what else the machine does, now and then


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "tanh", "identity"])
def test_few_examples_are_predicted_as_many_are(output: str) -> None:
    rng = np.random.default_rng(0)
    network = pl.Network("50-D0.5-33:tanh-N0.2-7", output=output, seed=1)
    for x in (rng.normal(size=(40, 50)), rng.integers(0, 256, (40, 50)).astype(np.uint8)):
        many = network.predict(x)
        one_by_one = np.concatenate([network.predict(row[None]) for row in x])
        in_fives = np.concatenate([network.predict(x[i : i + 5]) for i in range(0, 40, 5)])
        np.testing.assert_allclose(one_by_one, many, rtol=1e-5, atol=1e-6)
        assert one_by_one.tobytes() == in_fives.tobytes()


def test_prediction_beside_training_sees_whole_steps() -> None:
    rng = np.random.default_rng(0)
    images, targets = rng.random((40, 300), np.float32), np.eye(10, dtype=np.float32)[rng.integers(0, 10, 40)]
    network = pl.Network("300-400-400-10", seed=0)
    runner = NativeEngine(network.workspace(), network.loss, Descent(pl.SGD(0.1)), images, targets, Normalization(), 40)
    thetas = [network.theta.copy()]

    def steps() -> None:
        for _ in range(60):
            runner.run(np.arange(40), np.full(1, 0.1))
            thetas.append(network.theta.copy())

    thread = Thread(target=steps)
    thread.start()
    seen = set()
    while thread.is_alive():
        seen |= {network.predict(images[:count]).tobytes() for count in (1, 20)}
    thread.join()
    assert len(seen) > 2
    known = set()
    for theta in thetas:
        network.theta = theta
        known |= {network.predict(images[:count]).tobytes() for count in (1, 20)}
    assert seen <= known


def test_a_predictor_follows_its_network() -> None:
    network, x = pl.Network("5-4:leaky_relu-3", seed=0), np.ones((20, 5))
    for change in (lambda: None, lambda: setattr(network.layers[1], "slope", 0.9), lambda: network.theta.fill(0.1)):
        change()
        np.testing.assert_allclose(network.predict(x[:2]), network.predict(x)[:2], rtol=1e-5)
    network.loss = make_loss("sigmoid")
    np.testing.assert_allclose(network.predict(x[:2]), network.predict(x)[:2], rtol=1e-5)


def test_formulas_that_have_no_kernels_stay_on_the_reference() -> None:
    class Signs(pl.SGD):
        def update(self, theta: Any, gradient: Any, moments: Any, step: int, learning_rate: float) -> None:
            theta -= learning_rate * np.sign(gradient)

    class Doubled(CrossEntropy):
        pass

    class Square(pl.ReLU):
        pass

    network = pl.Network("5-4-3")
    other = pl.Network([pl.Dense(4), Square(), pl.Dense(3)], input_shape=(5,))
    mended = pl.Network("5-4-3")
    mended.layers[0].forward = lambda t: None
    inside = pl.Network("5-R(5-BN)-3")
    inside.layers[0].layers[0].backward = lambda t: None
    for net, loss, optimizer, name in (
        (network, network.loss, Signs(0.1), "Signs"),
        (network, Doubled(network.loss.link), pl.SGD(0.1), "Doubled"),
        (other, other.loss, pl.SGD(0.1), "relu1"),
        (mended, mended.loss, pl.SGD(0.1), "dense1"),
        (inside, inside.loss, pl.SGD(0.1), "residual1.dense1"),
    ):
        chosen, reason = select("auto", net.layers, net.dtype, loss, Descent(optimizer))
        assert (chosen, reason) == ("reference", f"not native: there are no kernels for {name}")
        with pytest.raises(pl.UsageError, match=f"cannot train this network: there are no kernels for {name}"):
            select("native", net.layers, net.dtype, loss, Descent(optimizer))
    assert select("auto", network.layers, network.dtype, network.loss, Descent(pl.SGD(0.1))) == ("native", "")


def test_what_does_not_fit_a_plan_never_reaches_the_kernels() -> None:
    given = problem(27, "relu", "softmax", "cross_entropy", "floats", 5)
    _, runner, *_ = train(NativeEngine, pl.SGD(0.1), None, **given)
    plan, features = runner.runner, given["images"].shape[1]
    good = {
        "images": runner.images, "targets": runner.targets, "area": features, "channels": 1, "scale": 1.0,
        "offset": 0.0, "order": np.arange(5), "rates": np.ones(1), "step": 1,
        "losses": np.empty(1), "correct": np.empty(1, np.int64),
    }  # fmt: skip
    plan.train(**good)
    for change in (
        {"area": features + 1}, {"area": 2**62, "channels": 4}, {"channels": 0},
        {"images": runner.images.astype(np.float64)},
        {"images": runner.images.view(np.int32)}, {"targets": runner.targets[:3]}, {"order": np.arange(5.0)},
        {"order": np.arange(5, dtype=np.int32)}, {"rates": np.ones(2)}, {"rates": np.ones(1, np.int64)},
        {"losses": np.empty(0)}, {"correct": np.empty(1)}, {"order": np.array([-1])}, {"order": np.array([10**9])},
    ):  # fmt: skip
        with pytest.raises((ValueError, IndexError)):
            plan.train(**{**good, **change})
    many = np.zeros(10**5, np.float32)
    with pytest.raises(ValueError, match="a plan of a prediction expected"):
        plan.predict(runner.images, many, many, features, 1, 1.0, 0.0, many)
    with pytest.raises(RuntimeError, match="never made"):
        _native.Plan.__new__(_native.Plan).train(**good)
    with pytest.raises(RuntimeError, match="made once"):
        plan.__init__(None, None, None, 1, 1, 1, "v2")


def test_rows_that_are_not_aligned_are_copied_first() -> None:
    given = problem(29, "relu", "softmax", "cross_entropy", "floats", 5)
    _, _, expected, _ = train(NativeEngine, pl.SGD(0.1), None, **given)
    raw = b"x" + given["images"].tobytes()
    given["images"] = np.frombuffer(raw, np.float32, offset=1).reshape(given["images"].shape)
    assert not given["images"].flags.aligned
    _, _, losses, _ = train(NativeEngine, pl.SGD(0.1), None, **given)
    assert losses.tobytes() == expected.tobytes()


ODD = (
    [pl.Dense(17), pl.Softmax(), pl.Tanh(), pl.Dense(3)],
    [pl.ReLU(), pl.Sigmoid(), pl.Dense(3)],
    [pl.GaussianNoise(0.1), pl.Dense(16), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3), pl.Dropout(0.3)],
    [pl.Dense(48), pl.Identity(), pl.LeakyReLU(0.2), pl.Softmax(), pl.Dense(1)],
    [pl.Dropout(0.2), pl.GaussianNoise(0.1), pl.Dropout(0.0), pl.Dense(49), pl.Softmax(), pl.Dense(2), pl.Softmax()],
    [pl.Dense(1), pl.Dense(65), pl.Dense(1), pl.Tanh()],
)


@pytest.mark.parametrize("layers", ODD, ids=lambda layers: "-".join(type(layer).__name__ for layer in layers))
def test_odd_rows_of_layers(layers: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 33)).astype(np.float32)
    results = []
    for engine, threads in ((ReferenceEngine, None), (NativeEngine, 1), (NativeEngine, 70)):
        network = pl.Network(deepcopy(layers), input_shape=(33,), output="identity", seed=1)
        y = np.zeros((50, network.outputs), np.float32)
        runner = engine(
            network.workspace(gradient=np.zeros_like(network.theta)), network.loss, Descent(pl.Adam()), x, y,
            Normalization(), 1000, 3, threads=threads,
        )  # fmt: skip
        losses = [runner.run(np.arange(50), np.full(1, 1e-3))[0] for _ in range(5)]
        results.append([*losses, network.theta])
    for native in results[1:]:
        for a, b in zip(native, results[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
