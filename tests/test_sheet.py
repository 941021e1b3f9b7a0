"""Sheets of images: every pixel of every image is there, square and sharp, under its title."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pellucid.data import Dataset
from pellucid.data.overview import overview
from pellucid.glass import samples
from pellucid.glass.labels import Doubt
from pellucid.glass.sheet import Tile, draw, strip


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def stands_in(image: np.ndarray, sheet: np.ndarray) -> bool:
    """Whether these pixels are anywhere in the sheet, side by side as they are."""
    height, width = image.shape[:2]
    corners = sheet[: sheet.shape[0] - height + 1, : sheet.shape[1] - width + 1]
    equal = (corners == image[0, 0]).reshape(*corners.shape[:2], -1).all(axis=2)
    return any(np.array_equal(sheet[y : y + height, x : x + width], image) for y, x in np.argwhere(equal))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("shape", [(28, 28), (64, 9, 3), (1, 1), (8, 8, 1)], ids=str)
def test_every_image_stands_in_the_sheet_enlarged(shape: tuple[int, ...], scale: int) -> None:
    images = noise(7, *shape)
    sheet = opened(draw([Tile(image, ["title"]) for image in images], "seven", columns=3, scale=scale))
    assert sheet.ndim == (3 if shape[2:] == (3,) else 2)
    for image in images:
        pixels = image[..., 0] if shape[2:] == (1,) else image
        assert stands_in(pixels.repeat(scale, axis=0).repeat(scale, axis=1), sheet)


def test_titles_are_drawn_above_their_images_and_cut_to_their_width() -> None:
    images = np.zeros((2, 30, 120), np.uint8)
    plain, titled, long = (
        opened(draw([Tile(image, [title]) for image in images], "two\nlines", columns=2))
        for title in ("", "name", "name" * 99)
    )
    assert plain.shape == titled.shape == long.shape
    assert (titled != plain).any()
    assert (long[:, 136:148] == plain[:, 136:148]).all()  # the gap between the two


def test_a_strip_has_room_for_all_that_could_be_there() -> None:
    row = strip(np.zeros((2, 4, 3), np.uint8), 3)
    assert row.shape == (4, 11)
    assert row[0].tolist() == [0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]


@pytest.mark.parametrize("classes", [1, 10, 26, 47, 100])
@pytest.mark.parametrize("shape", [(28, 28), (64, 64, 3), (8, 8)], ids=str)
def test_each_class_has_examples_and_a_mean_on_sheets_of_a_fair_size(classes: int, shape: tuple[int, ...]) -> None:
    names = tuple(f"a class of a long name, which is number {number}" for number in range(classes))
    data = Dataset(noise(classes * 2, *shape), np.arange(classes * 2) % classes, names)
    contact, means = (opened(one) for one in (samples.contact_sheet(data), samples.mean_images(data, overview(data))))
    for sheet in (contact, means):
        assert 100 < sheet.shape[1] < 1500
        assert sheet.shape[0] < 2500
    if shape == (64, 64, 3):  # drawn as it is
        assert all(stands_in(image, contact) for image in data.images[:: max(1, classes // 2)])


def test_a_class_without_images_leaves_its_place_white() -> None:
    data = Dataset(np.zeros((3, 28, 28), np.uint8), np.array([0, 2, 2]), ("a", "b", "c"))
    full = Dataset(np.zeros((3, 28, 28), np.uint8), np.array([0, 1, 2]), ("a", "b", "c"))
    black = [(opened(samples.mean_images(one, overview(one))) == 0).sum() for one in (data, full)]
    assert black[0] * 3 == black[1] * 2


def test_unlikely_labels_show_their_images() -> None:
    data = Dataset(noise(40, 32, 32), np.zeros(40, np.int64), ("a", "b"))
    doubts = tuple(Doubt(index, 0, 1, 0.0, 1.0) for index in range(5, 40))
    sheet = opened(samples.unlikely_labels(data, doubts))
    large = data.images.repeat(3, axis=1).repeat(3, axis=2)
    assert stands_in(large[5], sheet)
    assert stands_in(large[4 + samples.SHOWN], sheet)
    assert not stands_in(large[5 + samples.SHOWN], sheet)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("T-shirt/top", "T-shirt/top"), ("élan", "elan"), ("お", "class 3"), ("", ""), ("a\tb", "class 3")],
)
def test_names_that_the_font_cannot_write_become_numbers(name: str, letters: str) -> None:
    assert samples.letters(name, 3) == letters
