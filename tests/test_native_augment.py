"""Augmentation on the native engine: its kernels make the reference's images, and change nothing else of a training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import needs_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data.augment import Augmentation, parse
from pellucid.data.distortion import Distortions, ElasticField
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.compiled import _native
from pellucid.engine.distortion import Distorter, as_arguments
from pellucid.engine.native import NativeEngine
from pellucid.engine.reference import ReferenceEngine

pytestmark = needs_kernels

INSTRUCTION_SETS = _native.INSTRUCTION_SETS if _native else []
ALL = "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1"


def pixels(shape: tuple[int, ...], kind: str, seed: int = 0) -> np.ndarray:
    """Noise: no pixel says anything about the next, so that every error of a place shows."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape, np.uint8) if kind == "bytes" else rng.random(shape, np.float32)


def rounding(distortions: Distortions, size: tuple[int, int]) -> float:
    """How far two float32 calculations of a place may lie apart, in pixels: some units of its last place."""
    alpha = distortions.field.alpha if distortions.field else 0
    return float((abs(distortions.maps) @ [*size, 1]).max() + alpha) * 2**-21


def compare(images: np.ndarray, distortions: Distortions, threads: int = 1) -> None:
    """The kernels' images are the reference's: floats to rounding, bytes but where a float lies at a half."""
    apart = rounding(distortions, images.shape[1:3])
    found = Distorter(images, len(images), threads)(distortions)
    if images.dtype == np.float32:
        np.testing.assert_allclose(found, distortions.of(images), atol=2 * apart)  # a pixel down, and one to the right
    else:
        other = found != distortions.of(images)
        exact = distortions.of(images.astype(np.float32))[other]
        np.testing.assert_allclose(exact % 1, 0.5, atol=2 * 255 * apart)
        np.testing.assert_allclose(found[other], exact, atol=0.5 + 2 * 255 * apart)


sizes = st.tuples(st.integers(1, 64), st.integers(1, 64))
augmentations = st.builds(
    Augmentation,
    shift=st.just(0.0) | st.floats(0.1, 64),
    rotate=st.just(0.0) | st.floats(0.1, 180),
    zoom=st.just(0.0) | st.floats(0.01, 0.9),
    shear=st.just(0.0) | st.floats(0.1, 60),
    elastic=st.just((0.0, 0.0)) | st.tuples(st.floats(0.1, 1000), st.floats(0.1, 64)),
    erase=st.just(0.0) | st.floats(0.01, 1),
)


@given(
    augmentation=augmentations,
    size=sizes,
    channels=st.sampled_from([(), (1,), (3,), (4,)]),
    kind=st.sampled_from(["bytes", "floats"]),
    indices=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5),
    kernels=st.sampled_from(INSTRUCTION_SETS or ["none"]),
    threads=st.integers(1, 3),
)
@settings(max_examples=200)
def test_images_are_distorted_as_the_reference_distorts_them(
    augmentation: Augmentation, size: Any, channels: Any, kind: str, indices: Any, kernels: str, threads: int
) -> None:
    distortions = augmentation.draw(np.array(indices), 3, 5, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_CPU", kernels)
        compare(pixels((len(indices), *size, *channels), kind), distortions, threads)


@pytest.mark.parametrize("kernels", INSTRUCTION_SETS)
@pytest.mark.parametrize("text", ["shift", "shift rotate zoom shear", "elastic", "erase", ALL])
def test_with_usual_numbers_bytes_differ_rarely_and_floats_by_rounding(
    text: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    distortions = parse(text).draw(np.arange(200) + 2**31 - 100, 1, 0, (28, 28))
    for kind in ("bytes", "floats"):
        images = pixels((200, 28, 28), kind)
        apart = abs(Distorter(images, 200)(distortions) - distortions.of(images))
        if kind == "bytes":
            assert apart.max() <= 1
            assert (apart > 0).mean() < 1e-3
        else:
            assert apart.max() < 1e-5


@pytest.mark.parametrize("kernels", INSTRUCTION_SETS)
def test_whole_shifts_and_quarter_turns_move_pixels_as_they_are(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    maps = [
        [[1, 0, 0], [0, 1, 0]], [[1, 0, 3], [0, 1, -2]], [[1, 0, -70], [0, 1, 0]], [[0, 1, 0], [-1, 0, 10]],
        [[-1, 0, 10], [0, -1, 10]],
    ]  # fmt: skip
    nothing = Distortions(np.array(maps, np.float32), np.zeros((5, 4), np.int64))
    for kind in ("bytes", "floats"):
        for shape in ((5, 11, 11), (5, 11, 11, 3)):
            images = pixels(shape, kind)
            assert np.array_equal(Distorter(images, 5)(nothing), nothing.of(images))


def test_numbers_that_make_no_sense_read_nothing_outside_of_the_image() -> None:
    """As a plan is told them; the sanitizers watch."""
    values = np.array([np.nan, np.inf, -np.inf, 1e38, -1e38, 1e9, -1e9], np.float32)
    rng = np.random.default_rng(0)
    far = np.iinfo(np.int64)
    for shape in ((40, 5, 7), (40, 17, 30, 3)):
        wild = Distortions(
            rng.choice(values, (40, 2, 3)), rng.choice([far.min, far.max, -3, 2, 4], (40, 4)),
            ElasticField(1e30, 2.0, (1, 2), np.arange(40)),
        )  # fmt: skip
        for kind in ("bytes", "floats"):
            assert np.isfinite(Distorter(pixels(shape, kind), 40)(wild)).all()


# Training

LAYERS = ("20", "3C3:tanh-AP2")  # what reads the images; smooth, so that rounding decides nothing
PROBLEMS = ("mostly 0", "dense", "symmetric", "colour", "floats")


def problem(kind: str, count: int = 70) -> tuple[np.ndarray, np.ndarray, Normalization]:
    images = pixels(
        (count, 9, 18, 3) if kind == "colour" else (count, 9, 18), "floats" if kind == "floats" else "bytes"
    )
    if kind == "mostly 0":
        images[np.random.default_rng(1).random(images.shape) < 0.8] = 0
    targets = np.eye(4, dtype=np.float32)[np.arange(count) % 4]
    return images, targets, Normalization("symmetric", 2 / 255, -1.0) if kind == "symmetric" else Normalization()


def train(
    engine: type, kind: str, layers: str = "20", text: str = ALL, cuts: tuple[int, ...] = (), **options: Any
) -> Any:
    """Losses and weights of three epochs in batches of 16, the runs cut at these steps."""
    images, targets, normalization = problem(kind)
    network = pl.Network(f"{3 if kind == 'colour' else 1}x9x18-{layers}-12:tanh-4", seed=2)
    runner = engine(
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, Descent(pl.SGD(momentum=0.9)), images,
        targets, normalization, 16, 3, **options,
    )  # fmt: skip
    losses = []
    for epoch in (1, 2, 3):
        order = np.random.default_rng(epoch).permutation(len(images))
        for start, stop in zip((0, *cuts), (*cuts, 5), strict=True):
            part = order[16 * start : 16 * stop]
            distortions = parse(text).draw(part, epoch, 7, images.shape[1:3])
            losses.append(runner.run(part, np.full(stop - start, 0.01), distortions)[0])
    return np.concatenate(losses), network.theta


@pytest.mark.parametrize("kernels", INSTRUCTION_SETS)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_training_loses_what_it_loses_on_the_reference(
    kind: str, layers: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_CPU", kernels)
    for text in ("shift1 rotate10", ALL):
        losses, theta = train(NativeEngine, kind, layers, text)
        expected, reference = train(ReferenceEngine, kind, layers, text)
        np.testing.assert_allclose(losses, expected, rtol=2e-4)
        np.testing.assert_allclose(theta, reference, atol=2e-4)
    plain, _ = train(NativeEngine, kind, layers, "shift0.000001")
    assert abs(losses - plain).max() > 1e-2  # what is drawn is seen


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("kind", PROBLEMS)
def test_neither_threads_nor_the_cut_into_runs_change_a_bit(kind: str, layers: str) -> None:
    losses, theta = train(NativeEngine, kind, layers, threads=1)
    for options in ({"threads": 2}, {"threads": 5}, {"threads": 2, "cuts": (1,)}, {"cuts": (1, 2, 3, 4)}):
        same, too = train(NativeEngine, kind, layers, **options)
        assert same.tobytes() == losses.tobytes()
        assert too.tobytes() == theta.tobytes()


def test_one_engine_trains_with_distortions_and_without() -> None:
    """What a run is told holds for this run alone."""
    images, targets, normalization = problem("mostly 0")
    thetas = []
    for distorted in (False, True):
        network = pl.Network("162-30-4", seed=2)
        runner = NativeEngine(
            network.workspace(), network.loss, Descent(pl.SGD(0.1)), images, targets, normalization, 35
        )
        order, rates = np.arange(70), np.full(2, 0.1)
        if distorted:
            start = network.theta.copy()
            runner.run(order, rates, parse(ALL).draw(order, 1, 0, (9, 18)))
            network.theta = start
        runner.run(order, rates)
        thetas.append(network.theta.tobytes())
    assert thetas[0] == thetas[1]


def test_distortions_that_do_not_fit_never_reach_the_kernels() -> None:
    images = pixels((6, 9, 11), "bytes")
    distorter = Distorter(images, 6)
    good = as_arguments(parse(ALL).draw(np.arange(6), 1, 0, (9, 11)), 9, 11)
    told = {
        "images": images, "targets": np.zeros((6, 1), np.float32), "area": 99, "channels": 1, "scale": 1.0,
        "offset": 0.0, "order": np.arange(6), "rates": np.zeros(1), "step": 1, "losses": np.empty(1),
        "correct": np.empty(1, np.int64),
    }  # fmt: skip
    height, width, maps, rectangles, indices, key, reach, down, across = good
    distorter.runner.train(**told, distortions=good)
    for bad in (
        [], 3, good[:3], good[:5], (11, 9, *good[2:4], indices, key, reach, down[:5, :5], across), (9, 10, *good[2:]),
        (0, 11, *good[2:]), (-9, -11, *good[2:]), (2**62, 11, *good[2:]), (height, width, maps[:5], rectangles),
        (height, width, maps.astype(np.float64), rectangles), (height, width, maps, rectangles[:5]),
        (height, width, maps, rectangles.astype(np.int32)), (*good[:4], indices[:5], *good[5:]),
        (*good[:5], (1,), *good[6:]), (*good[:6], -1, down, across), (*good[:7], down[:-1], across),
        (*good[:7], down, across[:-1]), (*good[:8], across.astype(np.float64)), (*good, 1),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            distorter.runner.train(**told, distortions=bad)
    told = {**told, "images": pixels((6, 30, 30), "bytes"), "area": 900, "targets": np.zeros((6, 3), np.float32)}
    network = pl.Network("900-3")
    flat = NativeEngine(
        network.workspace(), network.loss, Descent(pl.SGD(0.1)), told["images"].reshape(6, 900), told["targets"],
        Normalization(), 6,
    )  # fmt: skip
    good = as_arguments(parse(ALL).draw(np.arange(6), 1, 0, (30, 30)), 30, 30)
    with pytest.raises(ValueError, match="distortions: those of the plan's images expected"):  # it has no room for them
        flat.runner.train(**told, distortions=good)
