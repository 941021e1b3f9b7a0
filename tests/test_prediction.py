"""Prediction by the kernels: what the formulas of the layers say, for any number of examples and threads."""

from __future__ import annotations

import inspect
import os
import pickle
import random
import resource
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from architectures import architecture
from conftest import drawn_digits, needs_kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from test_native_images import ARCHITECTURES

import pellucid as pl
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine import reference
from pellucid.engine.compiled import _native
from pellucid.engine.lowering import lower_few, lower_many
from pellucid.engine.native import NativeEngine
from pellucid.engine.prediction import Runner
from pellucid.layers import Layer, walk

pytestmark = needs_kernels

LENET = "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10"
OTHERS = (
    "784-128-64-10",
    "1x9x9-4C3p1:tanh-MP2:sigmoid-3C3p1:leaky_relu0.2-D0.3-MP2s1-6-3",
    "2x9x7-3C2-MP1s2:tanh-4C3s2p1-MP2-N0.1-3",
    "1x8x8-3C8-3",
    "3x6x37-17C3-MP2-5C1:linear-MP2-4",  # more than one vector of windows in a row
    "784-60-BN-33:linear-BN-LN:tanh-10",
    "20-BN-R(20-BN-LN:linear-20:silu)-R(BN:relu-7)-BN:softmax-3-BN",
    "1x28x28-BN-6C5p2-BN-MP2-16C5:linear-LN:relu-BN-AP2-30-BN-10",
    "2x19x21-4C3p1-BN-R(4C3p1-BN-4C3p1-BN):relu-MP2-R(5C3s2p1:linear-BN-5C3p1):relu-BN:relu-MP2-GAP-3",
    "3x17x20-R(BN:relu-R(3C3p1:softmax)-LN:linear)-AP3s2-2C3p2:gelu-AP2-R(D0.3):elu-LN-GAP-4",
    "2x16x20-MP2:softmax-R(AP2-3C1-BN:sigmoid)-2C2:softmax-BN-MP2-3",
)


def images_for(network: pl.Network, count: int, floats: bool = False) -> Any:
    *channels, height, width = (1, *network.input_shape)[-3:]
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, height, width, *channels)).astype(np.uint8)
    images = images if len(network.input_shape) == 3 else images.reshape(count, -1)
    return (images / 200 - 0.5).astype(np.float32) if floats else images


def lived(architecture: str, seed: int) -> pl.Network:
    """A network whose biases, gains and running statistics are not those of the beginning."""
    network, rng = pl.Network(architecture, seed=seed), np.random.default_rng(seed)
    network.theta += 0.1 * rng.normal(size=network.theta.size)
    network.state[...] = rng.uniform(0.2, 2, network.state.size)
    return network


def by_formulas(network: pl.Network, images: Any, dtype: Any = np.float32) -> Any:
    workspace = network.workspace(network.theta.astype(dtype))
    t = workspace.loss
    t.z = reference.forward(workspace, network.normalization.columns(images, np.dtype(dtype), workspace.input_shape))
    network.loss.link.forward(t)
    return t.a.T


def agree(network: pl.Network, images: Any, counts: Sequence[int] = ()) -> None:
    """The first `counts` of the images, or all of them, get the answers of the formulas in double precision.

    Nearly so: to 2e-5 of what the numbers are, or some times the error of the formulas in single precision.
    """
    single, exact = (by_formulas(network, images, dtype) for dtype in (np.float32, np.float64))
    near = 2e-5 * np.abs(exact).max(initial=1) + 30 * np.abs(single - exact).max()
    for count in counts or [len(images)]:
        np.testing.assert_allclose(
            network.predict(images[:count]), exact[:count], rtol=0, atol=near, err_msg=f"{count} of {network}"
        )
    assert network.predictor.made.few  # by the kernels


@pytest.mark.parametrize("text", [*ARCHITECTURES, *OTHERS])
@pytest.mark.parametrize("floats", [False, True])
def test_any_number_of_images_gets_the_answers_of_the_formulas(text: str, floats: bool) -> None:
    network = lived(text, seed=1)
    network.normalization = Normalization("symmetric", 2 / 255, -1.0)
    agree(network, images_for(network, 1000, floats), (*range(1, 41), 65, 1000))


def generated(seed: int) -> pl.Network:
    """Two of three read images; some are wider than a vector."""
    text = architecture(random.Random(seed).choice, images=seed % 3 > 0)
    if seed % 5 == 0:
        text = text.replace("-3C", "-19C").replace("-4-", "-37-").replace("-5-", "-70-")
    return lived(text, seed)


def test_random_architectures_get_the_answers_of_the_formulas() -> None:
    for seed in range(300):
        network = generated(seed)
        agree(network, images_for(network, 130, floats=seed % 2 > 0), (1, 2, 8, 9, 16, 17, 33, 64, 65, 130))


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(3, 20))
def test_two_thousand_more_do_too(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        network = generated(seed)
        agree(network, images_for(network, 130, floats=seed % 2 > 0), (1, 2, 8, 9, 16, 17, 33, 64, 65, 130))


def test_every_layer_of_the_library_is_predicted_by_kernels_that_only_go_forwards() -> None:
    """That these networks are predicted by kernels is seen above; here, that all layers are among them."""
    exported = {value for value in vars(pl).values() if inspect.isclass(value) and issubclass(value, Layer)}
    tried: Counter[type[Layer]] = Counter()
    for seed in range(300):
        network = generated(seed)
        tried.update({type(layer) for layer in walk(network.layers)})
        for plan in (lower_few(network.layers, network.loss.link), lower_many(network.layers, 2)):
            endings = {operation.kernel.split("_")[-1] for operation in plan.operations}
            assert endings <= {"gather", "abreast", "planes", "forward", "predict", "add", "weights"}
    assert {kind.__name__ for kind in exported if tried[kind] < 3} == set()


@pytest.mark.parametrize("count", [1, 5, 40])
@pytest.mark.parametrize("text", ["1x12x12-6C5-BN-MP2:sigmoid-BN-R(LN-6C3p1-BN)-9-BN-5", "12-BN-8-BN-R(8-BN)-5"])
def test_what_is_kept_from_a_prediction_follows_theta_and_the_running_statistics(text: str, count: int) -> None:
    network = lived(text, seed=4)
    images = images_for(network, count)
    before = network.predict(images)
    assert network.predict(images).tobytes() == before.tobytes()
    for vector in (network.state, network.theta, network.state):
        vector[...] *= 1.1
        agree(network, images)
        assert not np.allclose(network.predict(images), before)
    again = pickle.loads(pickle.dumps(network))
    assert again.predict(images).tobytes() == network.predict(images).tobytes()


def test_after_a_training_the_statistics_are_those_of_the_training() -> None:
    images, labels = drawn_digits(400, seed=0)
    network = pl.Network("1x28x28-6C5-BN-MP2-R(6C3p1-BN):relu-AP2-BN-30-BN-10", seed=0)
    for epochs in (1, 2):
        pl.fit(network, images, labels, epochs=epochs, batch_size=32)
        agree(network, images, (1, 8, 30, 100, 400))
    assert network.evaluate(images, labels).accuracy > 0.8


@settings(max_examples=40)
@given(
    count=st.integers(1, 100), maps=st.integers(1, 20), side=st.integers(1, 5), stride=st.integers(1, 3),
    size=st.integers(5, 30), padding=st.integers(0, 2),
)  # fmt: skip
def test_convolutions_of_any_size(count: int, maps: int, side: int, stride: int, size: int, padding: int) -> None:
    network = pl.Network(f"2x{size}x{35 - size}-{maps}C{side}s{stride}p{min(padding, side - 1)}-3", seed=0)
    agree(network, images_for(network, count))
    agree(network, images_for(network, 1))


@pytest.mark.parametrize("kernels", _native.INSTRUCTION_SETS if _native else [])
def test_every_instruction_set_predicts_the_same(kernels: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    for text in (*ARCHITECTURES, *OTHERS):
        network = lived(text, seed=2)
        agree(network, images_for(network, 100), (1, 8, 15, 100))


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_counted_in_the_error(count: int, value: float) -> None:
    network = pl.Network(LENET, seed=0)
    network.theta[-1] = value
    with pytest.raises(pl.NumericError, match=f"The outputs for {count} of {count} examples are NaN or infinite"):
        network.predict(images_for(network, count))


@pytest.mark.parametrize("count", [1, 50])
def test_nan_is_not_lost_in_a_pooling(count: int) -> None:
    for bias in (2, 3):  # of the first map, of the other: one weight each stands before them
        network = pl.Network("1x8x8-2C1-MP2-3", seed=0)
        network.theta[bias] = np.nan
        with pytest.raises(pl.NumericError):
            network.predict(images_for(network, count))


def test_images_need_not_lie_in_order() -> None:
    network = pl.Network(LENET, seed=0)
    images = images_for(network, 200, floats=True)
    for others in (images[::-1], images.astype(np.float64), np.asfortranarray(images), images.astype(np.float16)):
        np.testing.assert_allclose(network.predict(others), by_formulas(network, others), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "loss"), [("softmax", None), ("sigmoid", None), ("tanh", None), ("softmax", "squared_error")]
)
def test_evaluation_finds_the_loss_of_the_formulas(output: str, loss: str | None) -> None:
    options: dict[str, Any] = {"output": output, "loss": loss, "seed": 3}
    native, exact = pl.Network(LENET, **options), pl.Network(LENET, dtype="float64", **options)
    images, labels = images_for(native, 300), np.arange(300) % 10
    found, expected = native.evaluate(images, labels), exact.evaluate(images, labels)
    assert found.loss == pytest.approx(expected.loss, rel=1e-4)
    np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-5)
    assert native.predictor.made.idle


@pytest.mark.parametrize("text", ["1x12x12-6C5-MP2-30-5", "1x12x12-6C5-BN-MP2-BN-30-BN-5"])
def test_several_threads_predict_while_one_trains(text: str) -> None:
    """Every answer is that of a theta and running statistics as they are together between two chunks of steps."""
    network = pl.Network(text, seed=0)
    images, targets = images_for(network, 80), np.eye(5, dtype=np.float32)[np.arange(80) % 5]
    runner = NativeEngine(network.workspace(), network.loss, Descent(pl.SGD(0.1)), images, targets, Normalization(), 40)
    points, training = [(network.theta.copy(), network.state.copy())], Event()
    changed = {count: Event() for count in (1, 2, 40, 80)}
    training.set()

    def train() -> None:
        while len(points) <= 40 or (len(points) < 4000 and not all(event.is_set() for event in changed.values())):
            runner.run(np.arange(80), np.full(2, 0.1))
            points.append((network.theta.copy(), network.state.copy()))
        training.clear()

    def predict(count: int) -> set[bytes]:
        seen = set()
        while training.is_set():
            seen.add(network.predict(images[:count]).tobytes())
            if len(seen) > 1:
                changed[count].set()
        return seen

    with ThreadPoolExecutor(5) as executor:
        answers = {count: executor.submit(predict, count) for count in changed}
        executor.submit(train).result()
    for count, seen in answers.items():
        known = set()
        for theta, state in points:
            network.theta, network.state[...] = theta, state
            known.add(network.predict(images[:count]).tobytes())
        assert seen.result() <= known
        assert changed[count].is_set(), f"no answer for {count} images changed while {len(points)} chunks were trained"


def test_other_threads_of_python_go_on_meanwhile() -> None:
    network = pl.Network("1x28x28-32C5-MP2-64C5-MP2-128-10", seed=0)
    images, turns, done = images_for(network, 2000), 0, Event()
    network.predict(images[:20])

    def predict() -> None:
        network.predict(images)
        done.set()

    thread = Thread(target=predict)
    thread.start()
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    assert turns > 5


def test_many_images_need_no_more_memory_than_some() -> None:
    network = pl.Network(LENET, seed=0)
    images = images_for(network, 20_000)
    for _ in range(3):
        network.predict(images[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    network.predict(images)
    network.evaluate(images, np.zeros(len(images), int))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20_000  # KiB; as floats the images alone are 61,000


def test_a_fork_predicts_on(tmp_path: Path) -> None:
    network = pl.Network(LENET, seed=0)
    images, result = images_for(network, 300), tmp_path / "answers"
    expected = network.predict(images).tobytes()
    child = os.fork()
    if not child:
        try:
            result.write_bytes(network.predict(images).tobytes())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert result.read_bytes() == expected == network.predict(images).tobytes()


def test_the_number_of_examples_beside_an_example_changes_no_bit() -> None:
    network = pl.Network(LENET, seed=0)
    images = images_for(network, 1000)
    all_at_once = network.predict(images)
    for part in (slice(0, 500), slice(64, 128), slice(960, 1000)):
        assert network.predict(images[part]).tobytes() == all_at_once[part].tobytes()


def test_vectors_that_are_too_short_never_reach_the_kernels() -> None:
    network = lived("1x8x8-3C3-BN-LN-5-BN", seed=0)
    runner, images = Runner(lower_few(network.layers, network.loss.link), 1), images_for(network, 1)
    outputs = np.empty((1, 5), np.float32)
    assert runner(network.theta, network.state, images, network.normalization, outputs)
    for theta, state, name in (
        (network.theta[:-1], network.state, "theta"),
        (network.theta, network.state[:-1], "state"),
    ):
        with pytest.raises(ValueError, match=f"{name}: .* expected"):
            runner(theta, state, images, network.normalization, outputs)
