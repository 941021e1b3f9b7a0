"""Augmentation: words for it, what is drawn, what it does to pixels, and training with it."""

from __future__ import annotations

import itertools
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

import pellucid as pl
from pellucid.cli.interruption import Interruption
from pellucid.data import Dataset
from pellucid.data.augment import WORDS, Augmentation, parse
from pellucid.data.distortion import PART, Distortions, ElasticField, bilinear, gaussian
from pellucid.files.checkpoint import read_checkpoint, write_checkpoint
from pellucid.glass import samples
from pellucid.philox import philox
from pellucid.snapshot import Snapshot

Command = Any
ALL = "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1"
MANY = np.arange(20_000)
SHAPES = [(28, 28), (7, 12), (64, 64), (1, 1), (9, 5, 3), (6, 6, 1)]


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def drawn(text: str, indices: Any = MANY, epoch: int = 1, seed: int = 0, size: tuple[int, int] = (28, 28)) -> Any:
    return parse(text).draw(np.asarray(indices), epoch, seed, size)


def by_map(rows: Any, count: int = 1) -> Distortions:
    """The same map for all images, and nothing else."""
    return Distortions(np.array([rows] * count, np.float32), np.zeros((count, 4), np.int64))


# Words


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Augmentation()),
        ("  \n", Augmentation()),
        ("shift rotate zoom shear elastic erase", Augmentation(2, 10, 0.1, 10, (34, 4), 0.1)),
        ("rotate7.5 shift.5", Augmentation(shift=0.5, rotate=7.5)),
        ("elastic20", Augmentation(elastic=(20, 4))),
        ("elastic20,6", Augmentation(elastic=(20, 6))),
    ],
)
def test_words_name_distortions(text: str, meant: Augmentation) -> None:
    assert parse(text) == meant
    assert bool(parse(text)) == bool(text.strip())


def test_written_in_the_order_of_the_words_and_with_all_numbers() -> None:
    assert str(parse("erase elastic shear zoom rotate shift")) == ALL
    assert parse(ALL).words().startswith("shifted by −2 to 2 pixels")
    assert parse("").words() == "left as they are"


bounded = {
    name: st.just(0.0) | st.floats(1e-6, numbers[0].most) for name, (_, numbers) in WORDS.items() if name != "elastic"
}
pairs = st.just((0.0, 0.0)) | st.tuples(st.floats(1e-6, 1000), st.floats(1e-6, 64))


@given(st.builds(Augmentation, elastic=pairs, **bounded))
def test_what_is_written_is_read_back(augmentation: Augmentation) -> None:
    assert parse(str(augmentation)) == augmentation


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("shift2 rotat10", 7, "There is no augmentation called 'rotat'. Did you mean 'rotate'?"),
        ("Shift", 0, "Did you mean 'shift'?"),
        ("shift 2", 6, "Here a word is expected with its number right behind it"),
        ("shift=2", 5, "Here a number is expected, pixels, such as 2."),
        ("shift-2", 5, "Here a number is expected"),
        ("shift1e3", 5, "Here a number is expected"),
        ("shift٣", 5, "Here a number is expected"),
        ("zoom0.1,rotate5", 4, "These are more numbers than zoom takes: a share of the size."),
        ("elastic34,", 10, "Here a number is expected, σ in pixels, such as 4."),
        ("elastic34,4,4", 7, "more numbers than elastic takes: α in pixels and σ in pixels"),
        ("elastic34,65", 10, "elastic takes σ in pixels, above 0 and at most 64; 65 came."),
        ("shift2 rotate181", 13, "rotate takes degrees, above 0 and at most 180; 181 came."),
        (
            "zoom0",
            4,
            "zoom takes a share of the size, above 0 and at most 0.9; 0 came. Where there is to be none, leave",
        ),
        ("shift2 zoom shift3", 12, "shift stands here for the second time"),
        ("shift2\trotate10 banana", 16, "There is no augmentation called 'banana'"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, column: int, message: str) -> None:
    with pytest.raises(pl.UsageError) as raised:
        parse(text)
    said, shown, caret = str(raised.value).split("\n")
    assert message in said
    assert (shown, caret) == (f"  {text}", "  " + " " * column + "^")


@pytest.mark.parametrize(
    "values", [{"shift": 65}, {"rotate": -1}, {"zoom": float("nan")}, {"elastic": (34, 0)}, {"erase": 1.1}], ids=str
)
def test_numbers_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(pl.UsageError, match="above 0 and at most"):
        Augmentation(**values)


def test_only_words_are_read() -> None:
    with pytest.raises(pl.UsageError, match="is written in words"):
        parse(3)  # type: ignore[arg-type]


# What is drawn


def spread_evenly(values: np.ndarray, low: float, high: float) -> bool:
    """Whether numbers are spread evenly from low to high: within them, and close to it in each twentieth."""
    shares = (np.sort(values) - low) / (high - low)
    expected = (np.arange(len(values)) + 0.5) / len(values)
    return shares[0] >= 0 and shares[-1] <= 1 and bool(abs(shares - expected).max() < 2 / np.sqrt(len(values)))


def test_each_number_is_drawn_evenly_within_its_bounds() -> None:
    centred = drawn("shift3").maps[:, :, 2]
    assert spread_evenly(-centred[:, 0], -3, 3)
    assert spread_evenly(-centred[:, 1], -3, 3)
    assert abs(np.corrcoef(centred.T)[0, 1]) < 0.03
    turned = drawn("rotate20").maps
    assert spread_evenly(np.degrees(np.arctan2(turned[:, 0, 1], turned[:, 0, 0])), -20, 20)
    zoomed = drawn("zoom0.3").maps
    assert spread_evenly(1 / zoomed[:, 0, 0], 0.7, 1.3)
    assert spread_evenly(1 / zoomed[:, 1, 1], 0.7, 1.3)
    slanted = drawn("shear30").maps
    assert spread_evenly(np.degrees(np.arctan(-slanted[:, 1, 0])), -30, 30)


@pytest.mark.parametrize("size", [(28, 28), (64, 20)], ids=str)
@pytest.mark.parametrize("largest", [0.01, 0.1, 0.5, 1.0])
def test_half_of_the_images_lose_a_rectangle_within_its_bounds(largest: float, size: tuple[int, int]) -> None:
    top, left, tall, wide = drawn(f"erase{largest}", size=size).rectangles.T
    assert top.min() == left.min() == 0
    assert (top + tall).max() == size[0]
    assert (left + wide).max() == size[1]
    lost = (tall > 0) & (wide > 0)
    assert abs((tall > 0).mean() - 0.5) < 0.02
    exact = np.sqrt(largest) / 0.3**0.5  # of the longest side
    assert tall.max() <= min(1, exact) * size[0] + 0.5
    assert wide.max() <= min(1, exact) * size[1] + 0.5
    least = min(0.02, largest)
    assert ((tall[lost] + 0.5) * (wide[lost] + 0.5) >= least * size[0] * size[1]).all()
    assert ((tall[lost] - 0.5) * (wide[lost] - 0.5) <= largest * size[0] * size[1]).all()
    ratio = (tall[lost] / size[0]) / (wide[lost] / size[1])
    assert abs(np.log(ratio).mean()) < 0.05  # neither tall nor wide ones are more frequent
    if size[0] == size[1] == 28 and largest < 0.2:
        assert abs((tall * wide)[lost].mean() / 784 - (least + largest) / 2) < 0.003


@given(st.permutations(range(12)), st.integers(1, 11), st.integers(0, 2**40), st.integers(1, 1000))
@settings(max_examples=30)
def test_an_image_depends_on_its_place_the_seed_and_the_epoch_alone(
    order: list[int], cut: int, seed: int, epoch: int
) -> None:
    images = noise(12, 9, 11)
    places = np.arange(12) * 5000
    whole = drawn(ALL, places, epoch, seed, (9, 11)).of(images)
    for batch in (order[:cut], order[cut:], order[:1]):
        assert np.array_equal(drawn(ALL, places[batch], epoch, seed, (9, 11)).of(images[batch]), whole[batch])
        later = drawn(ALL, places[order], epoch, seed, (9, 11)).part(slice(0, cut))
        assert np.array_equal(later.of(images[order[:cut]]), whole[order[:cut]])


def test_another_place_epoch_or_seed_distorts_otherwise() -> None:
    image = noise(1, 28, 28)
    for text in (*ALL.split()[:-1], ALL):
        seen = [
            drawn(text, [place], epoch, seed).of(image).tobytes()
            for place, epoch, seed in itertools.product((0, 7), (1, 2), (0, 1))
        ]
        assert len({image.tobytes(), *seen}) == 9, text


def test_one_distortion_does_not_change_what_is_drawn_for_another() -> None:
    assert np.array_equal(drawn("rotate10 shift2").maps, drawn("rotate10 shift2 elastic34,4 erase0.2").maps)
    assert np.array_equal(drawn("erase0.2").rectangles, drawn(ALL.replace("0.1", "0.2")).rectangles)


# What it does to pixels


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_identity_leaves_every_pixel_as_it_is(shape: tuple[int, ...], dtype: str) -> None:
    images = noise(3, *shape).astype(dtype)
    seen = by_map([[1, 0, 0], [0, 1, 0]], 3).of(images)
    assert seen.dtype == images.dtype
    assert np.array_equal(seen, images)
    assert np.array_equal(parse("").draw(np.arange(3), 1, 0, shape[:2]).of(images), images)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_shift_by_whole_pixels_moves_them_and_leaves_zeros(shape: tuple[int, ...]) -> None:
    images = noise(2, *shape)
    height, width = shape[:2]
    for down, right in itertools.product((-70, -3, -1, 0, 2), (-3, 0, 1, 70)):
        expected = np.zeros_like(images)
        if abs(down) < height and abs(right) < width:
            expected[:] = np.roll(images, (down, right), axis=(1, 2))
            expected[:, slice(0, down) if down >= 0 else slice(down, None)] = 0
            expected[:, :, slice(0, right) if right >= 0 else slice(right, None)] = 0
        seen = by_map([[1, 0, -down], [0, 1, -right]], 2).of(images)
        assert np.array_equal(seen, expected), (down, right)


@pytest.fixture
def at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number is drawn at its upper bound."""
    monkeypatch.setattr("pellucid.data.augment._uniform", lambda indices, _: np.ones((12, len(indices))))


@pytest.mark.usefixtures("at_the_bound")
def test_the_signs_of_the_numbers() -> None:
    for side in (1, 2, 8, 27, 28, 64):
        images = noise(2, side, side)
        turn = Augmentation(rotate=90).draw(np.arange(2), 1, 0, (side, side))
        assert np.array_equal(turn.of(images), np.rot90(images, axes=(1, 2)))  # against the clock
    images = noise(1, 9, 9)
    assert np.array_equal(drawn("shift2", [0], size=(9, 9)).of(images)[0, 2:, 2:], images[0, :-2, :-2])
    upright = np.zeros((1, 9, 9), np.uint8)
    upright[0, :, 4] = 255
    slanted = drawn("shear45", [0], size=(9, 9)).of(upright)[0]
    assert np.array_equal(slanted, 255 * np.eye(9))  # further right the further down
    square = np.zeros((1, 31, 31), np.uint8)
    square[0, 10:21, 10:21] = 255
    large = drawn("zoom0.5", [0], size=(31, 31)).of(square)[0]
    assert (large[15] > 127).sum() == (large[:, 15] > 127).sum() == 17


@given(st.data())
@settings(max_examples=60)
def test_an_affine_map_is_scipys(data: st.DataObject) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    height, width = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    bounds = data.draw(st.builds(Augmentation, **{**bounded, "erase": st.just(0.0)}))
    uniform = data.draw(st.lists(st.floats(0, 1), min_size=6, max_size=6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pellucid.data.augment._uniform", lambda *_: np.array([*uniform, *[0.9] * 6])[:, np.newaxis])
        drawing = bounds.draw(np.zeros(1, np.int64), 1, 0, (height, width))
    even = 2 * np.array(uniform) - 1
    angle, slant = np.radians(bounds.rotate * even[2]), np.tan(np.radians(bounds.shear * even[5]))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, 0], [slant, 1]])
    zoom = np.diag(1 + bounds.zoom * even[3:5])
    inverse = np.linalg.inv(rotation @ shear @ zoom)
    assume(abs(inverse).max() < 8)
    centre = np.array([height - 1, width - 1]) / 2
    offset = centre - inverse @ (centre + bounds.shift * even[:2])
    image = noise(1, height, width)
    expected = ndimage.affine_transform(image[0].astype(float), inverse, offset, order=1, mode="grid-constant")
    np.testing.assert_allclose(drawing.of(image.astype(np.float32))[0], expected, atol=0.1)  # a place moves by 1e-5
    assert abs(drawing.of(image)[0] - expected).max() <= 0.6
    np.testing.assert_allclose(drawing.maps[0], np.column_stack([inverse, offset]), rtol=1e-5, atol=1e-5)


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.1, 20))
@settings(max_examples=40)
def test_places_between_pixels_are_scipys(height: int, width: int, spread: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    rng = np.random.default_rng(height * width)
    images = rng.random((3, height, width), np.float32)
    grid = np.stack(np.mgrid[:height, :width])
    places = (grid + rng.normal(0, spread, (3, 2, height, width))).astype(np.float32)
    for image, place, seen in zip(images, places, bilinear(images, places), strict=True):
        expected = ndimage.map_coordinates(image.astype(float), place.astype(float), order=1, mode="grid-constant")
        np.testing.assert_allclose(seen, expected, atol=2e-6)


@given(st.integers(1, 64), st.integers(1, 64), st.floats(0.05, 64))
@settings(max_examples=40)
def test_the_gaussian_is_scipys(height: int, width: int, sigma: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    u = np.random.default_rng(height).uniform(-1, 1, (height, width))
    expected = ndimage.gaussian_filter(u, sigma, mode="constant", truncate=4)
    np.testing.assert_allclose(gaussian(height, sigma) @ u @ gaussian(width, sigma).T, expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (3, 5), (1, 1), (17, 64)])
def test_an_elastic_field_is_smoothed_bytes_of_philox(height: int, width: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    key, area = (123, 456), height * width
    field = ElasticField(34, 4, key, np.array([5, 70_000])).displacements(height, width)
    for place, index in enumerate((5, 70_000)):
        words = [int(word) for block in range(area // 8 + 1) for word in philox((block, index, 1, 0), key)]
        drawn_bytes = [words[j // 4] >> 8 * (j % 4) & 255 for j in range(2 * area)]
        u = (np.array(drawn_bytes).reshape(2, height, width) + 0.5) / 128 - 1
        expected = [34 * ndimage.gaussian_filter(one, 4, mode="constant", truncate=4) for one in u]
        np.testing.assert_allclose(field[place], expected, atol=1e-5)


def test_elastic_displacements_are_symmetric_and_as_strong_as_alpha_and_sigma_say() -> None:
    field = ElasticField(34, 4, (1, 2), np.arange(2000)).displacements(41, 41)[:, :, 18:23, 18:23]
    expected = 34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * 4)  # of noise of variance ⅓ under a Gaussian
    assert abs(field.std() / expected - 1) < 0.02
    assert abs(field.mean()) < 0.05
    assert abs(np.corrcoef(field[:, 0, 2, 2], field[:, 1, 2, 2])[0, 1]) < 0.1  # rows and columns apart


def test_the_field_is_added_where_the_map_looks() -> None:
    images = noise(3, 12, 10).astype(np.float32)
    both = drawn("rotate20 elastic34,3", [3, 4, 9], size=(12, 10))
    affine = drawn("rotate20", [3, 4, 9], size=(12, 10))
    grid = np.stack([*np.mgrid[:12, :10], np.ones((12, 10))]).astype(np.float32)
    places = np.einsum("nij,jrc->nirc", affine.maps, grid) + both.field.displacements(12, 10)
    np.testing.assert_allclose(both.of(images), bilinear(images, places), atol=0.02)


@given(st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=30)
def test_a_small_shift_keeps_the_mass(down: float, right: float) -> None:
    images = np.zeros((1, 12, 12), np.float32)
    images[0, 3:9, 3:9] = noise(1, 6, 6)
    moved = by_map([[1, 0, -down], [0, 1, -right]]).of(images)
    assert moved.sum() == pytest.approx(images.sum(), rel=1e-5)
    middle = (np.mgrid[:12, :12] * moved).sum(axis=(1, 2)) / moved.sum()
    before = (np.mgrid[:12, :12] * images).sum(axis=(1, 2)) / images.sum()
    np.testing.assert_allclose(middle - before, [down, right], atol=1e-4)


def test_what_is_erased_is_0_and_the_rest_as_it_was() -> None:
    images = np.maximum(noise(4, 8, 9, 3), 1)
    boxes = np.array([[0, 0, 0, 0], [2, 3, 4, 5], [0, 0, 8, 9], [7, 8, 1, 1]])
    seen = replace(by_map([[1, 0, 0], [0, 1, 0]], 4), rectangles=boxes).of(images)
    for (top, left, tall, wide), image, before in zip(boxes, seen, images, strict=True):
        expected = before.copy()
        expected[top : top + tall, left : left + wide] = 0
        assert np.array_equal(image, expected)


def test_a_half_is_rounded_up() -> None:
    images = np.array([[[0, 1, 2, 255, 254]]], np.uint8)
    seen = by_map([[1, 0, 0], [0, 1, 0.5]]).of(images)
    assert seen.tolist() == [[[1, 2, 129, 255, 127]]]


def test_every_colour_is_distorted_alike_and_as_grey_is() -> None:
    images = noise(PART + 3, 15, 9, 3)
    distortions = drawn(ALL, np.arange(PART + 3), size=(15, 9))
    seen = distortions.of(images)
    for channel in range(3):
        grey = np.ascontiguousarray(images[..., channel])
        assert np.array_equal(distortions.of(grey), seen[..., channel])
        assert np.array_equal(distortions.of(grey[..., np.newaxis])[..., 0], seen[..., channel])


def test_what_lies_on_a_disk_or_in_another_order_is_distorted_alike(tmp_path: Path) -> None:
    images = noise(5, 8, 6)
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, mode="r", shape=images.shape)
    distortions = drawn(ALL, np.arange(5), size=(8, 6))
    assert np.array_equal(distortions.of(mapped), distortions.of(images))
    assert np.array_equal(distortions.of(np.asfortranarray(images)), distortions.of(images))


# Training


def train(data: Dataset, *callbacks: pl.Callback, **options: Any) -> tuple[pl.Network, dict[str, list[float]]]:
    network = pl.Network("784-8-10", seed=0)
    options = {"augment": ALL, "epochs": 2, "batch_size": 16, "seed": 3, **options}
    history = pl.fit(network, data, callbacks=callbacks, **options).history
    return network, {key: values for key, values in history.items() if key != "seconds"}


@pytest.fixture(scope="module")
def few(digits: tuple[Dataset, Dataset]) -> Dataset:
    return digits[0].subset(slice(70))


def test_training_sees_each_epoch_what_is_drawn_for_it(few: Dataset) -> None:
    network, _ = train(few, epochs=1, engine="reference")
    seen = parse(ALL).draw(np.arange(70), 1, 3, (28, 28)).of(few.images)
    other, _ = train(replace(few, images=seen), epochs=1, augment=None, engine="reference")
    assert network.theta.tobytes() == other.theta.tobytes()
    assert network.theta.tobytes() != train(few, epochs=1, augment="", engine="reference")[0].theta.tobytes()


@pytest.mark.usefixtures("each_engine")
def test_neither_the_images_nor_what_is_held_out_is_distorted(digits: tuple[Dataset, Dataset], few: Dataset) -> None:
    before = few.sha256(), digits[1].sha256()
    network, history = train(few, validation=digits[1])
    evaluation = network.evaluate(digits[1])
    assert history["validation_loss"][-1] == evaluation.loss
    assert (few.sha256(), digits[1].sha256()) == before
    network, history = train(few, validation=0.3)
    assert history["validation_loss"][-1] == network.evaluate(few.split(0.3, seed=3)[1]).loss


class Keeper(pl.Callback):
    """Keeps a snapshot of a step and stops there."""

    every = 1

    def __init__(self, stop: int = -1) -> None:
        self.stop = stop

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if logs.step == self.stop:
            self.last = logs.snapshot()
            raise KeyboardInterrupt


@pytest.mark.usefixtures("each_engine")
@pytest.mark.parametrize("stop", [1, 4, 5, 6, 9])
def test_interrupted_is_the_same_as_never_interrupted(few: Dataset, tmp_path: Path, stop: int) -> None:
    whole, history = train(few)
    keeper = Keeper(stop)
    with pytest.raises(KeyboardInterrupt):
        train(few, keeper)
    write_checkpoint(tmp_path, *keeper.last.parts())
    parts = read_checkpoint(tmp_path)
    assert parts is not None
    resumed, same = train(few, resume=Snapshot.of(*parts))
    assert resumed.theta.tobytes() == whole.theta.tobytes()
    assert same == history
    for augment in (None, "shift1"):
        with pytest.raises(pl.UsageError, match="has augment"):
            train(few, resume=keeper.last, augment=augment)


@pytest.mark.usefixtures("each_engine")
def test_watching_changes_nothing(few: Dataset) -> None:
    assert train(few)[0].theta.tobytes() == train(few, Keeper())[0].theta.tobytes()


@pytest.mark.usefixtures("each_engine")
def test_the_order_and_the_writing_of_the_words_do_not_matter(few: Dataset) -> None:
    one, two = (train(few, augment=text)[0].theta for text in ("shift rotate5", "rotate5.0   shift2"))
    assert one.tobytes() == two.tobytes()


def test_examples_that_are_no_images_are_refused(few: Dataset) -> None:
    with pytest.raises(pl.UsageError, match=r"\(70, 784\) came. Give it the shape of the images"):
        pl.fit(pl.Network("784-8-10"), few.images.reshape(70, 784), few.labels, augment="shift")


# The command line


def test_a_run_keeps_its_augmentation_and_resumes_with_it(
    pellucid: Command, digits_folder: Path, monkeypatch: pytest.MonkeyPatch, each_engine: str
) -> None:
    words = ["784-8-10", "--epochs", 2, "--limit", 200, "--data", digits_folder, "--augment", "elastic shift1"]
    result = pellucid("train", *words, "--out", "whole")
    assert result.code == 0, result.err
    assert "In each epoch the training images are shifted by −1 to 1 pixels" in result.err
    recipe = tomllib.loads(Path("whole/recipe.toml").read_text())
    assert recipe["augment"] == "shift1 elastic34,4"
    assert json.loads(Path("whole/run.json").read_text())["engine"] == each_engine
    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1e-9)
    asked = itertools.count(1)
    monkeypatch.setattr(Interruption, "__call__", lambda _: next(asked) == 9)
    assert pellucid("train", *words, "--out", "cut").code == 130
    assert pellucid("train", "--resume", "cut").code == 0
    assert pellucid("train", "whole/recipe.toml", "--data", digits_folder, "--out", "again").code == 0
    whole, cut, again = (pl.load(name).theta.tobytes() for name in ("whole", "cut", "again"))
    assert cut == whole
    assert again == whole
    without = ["--augment", "", "--data", digits_folder, "--out", "without"]
    result = pellucid("train", "whole/recipe.toml", *without)
    assert "In each epoch" not in result.err
    assert "augment" not in Path("without/recipe.toml").read_text()


def test_a_mistake_in_a_recipe_or_an_option_is_pointed_at(pellucid: Command, digits_folder: Path) -> None:
    Path("mine.toml").write_text('architecture = "784-8-10"\naugment = "rotat10"\n')
    for words in (["mine.toml"], ["784-8-10", "--augment", "rotat10"]):
        result = pellucid("train", *words, "--data", digits_folder)
        assert result.code == 2
        assert "Did you mean 'rotate'?" in result.err
        assert "  rotat10\n  ^" in result.err


def test_a_sheet_shows_what_a_network_sees(pellucid: Command, digits_folder: Path, few: Dataset) -> None:
    result = pellucid("data", digits_folder, "--no-check-labels", "--augment", "erase rotate", "--out", "pictures")
    assert "turned by −10° to 10°, half of them with a rectangle of up to 0.1 erased" in result.out
    assert "wrote pictures/augment.png" in result.out
    with Image.open("pictures/augment.png") as picture:
        sheet = np.asarray(picture)
    seen = drawn("rotate erase", [3], epoch=5).of(few.images[3:4])[0]
    for image, place in ((few.images[3], 0), (seen, 5)):
        large = image.repeat(2, axis=0).repeat(2, axis=1)
        left = 16 + place * 2 * 29
        column = sheet[:, left : left + 56]
        assert any(np.array_equal(column[top : top + 56], large) for top in range(len(sheet) - 56)), place
    found = pellucid("data", digits_folder, "--no-check-labels", "--augment", "shift", "--out", "pictures", "--json")
    assert "pictures/augment.png" in found.json["pictures"]


def test_a_sheet_needs_a_folder_and_right_words(pellucid: Command, digits_folder: Path) -> None:
    result = pellucid("data", digits_folder, "--augment", "shift")
    assert (result.code, "--out" in result.err) == (2, True)
    result = pellucid("data", digits_folder, "--augment", "shove", "--out", "pictures")
    assert (result.code, "Did you mean" in result.err) == (2, True)


@pytest.mark.parametrize("classes", [1, 30, 100])
@pytest.mark.parametrize("shape", [(28, 28), (64, 40, 3), (8, 8)], ids=str)
def test_sheets_of_any_data_are_of_a_fair_size(classes: int, shape: tuple[int, ...]) -> None:
    labels = np.arange(classes)
    labels[-1] = 0  # the last class has no images where there are several
    data = Dataset(noise(classes, *shape), labels, tuple(map(str, range(classes))))
    import io

    with Image.open(io.BytesIO(samples.distorted(data, parse("shift elastic")))) as picture:
        assert 100 < picture.width < 1500
        assert picture.height < 2500
