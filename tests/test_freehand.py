"""Freehand preprocessing: stage by stage against other programs, and as a whole on photographs made of digits."""

from __future__ import annotations

import base64
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw

import pellucid as pl
from pellucid.data import imaging
from pellucid.data.freehand import centre_of_mass, fit, flatten, place, prepare, resize
from pellucid.data.ink import has_dark_ink, ink_threshold, select

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
GOLDEN = json.loads((ROOT / "tests" / "golden" / "freehand.json").read_text(encoding="utf-8"))["vectors"]
IMAGES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def drawn(height: int = 60, width: int = 80, pen: int = 5, ink: int = 30, paper: int = 220) -> np.ndarray:
    """A 7 in the middle of a picture."""
    canvas = Image.new("L", (width, height), paper)
    corners = [(0.35, 0.25), (0.65, 0.25), (0.45, 0.75)]
    ImageDraw.Draw(canvas).line([(x * width, y * height) for x, y in corners], ink, pen, joint="curve")
    return np.asarray(canvas)


def image_of(pixels: np.ndarray, height: int = 28, width: int = 28) -> np.ndarray:
    return prepare(pixels, height, width)[-1].image


# The arithmetic


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4))
def test_halves_are_rounded_up(numerator: int, denominator: int) -> None:
    assert imaging.rounded(numerator, denominator) == (Fraction(numerator, denominator) + Fraction(1, 2)).__floor__()


@given(IMAGES, st.integers(1, 30), st.integers(1, 30))
def test_an_area_average_is_the_mean_of_the_area(image: np.ndarray, height: int, width: int) -> None:
    fine = np.kron(image, np.ones((height, width), np.int64))  # so that every area is whole pixels
    blocks = fine.reshape(height, image.shape[0], width, image.shape[1]).sum(axis=(1, 3))
    assert np.array_equal(imaging.area_average(image, height, width), imaging.rounded(blocks, image.size))


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_pillow_averages_the_same_blocks(factor: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (factor * 9, factor * 13), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(image).reduce(factor), int)
    assert np.abs(imaging.area_average(image, 9, 13) - theirs).max() <= 1


@given(arrays(np.uint8, (5, 3)))
def test_luminance_is_pillows_within_one(pixels: np.ndarray) -> None:
    theirs = np.asarray(Image.fromarray(pixels[None]).convert("L"), int)
    assert np.abs(imaging.luminance(pixels[None]) - theirs).max() <= 1


@given(IMAGES, st.integers(1, 9))
def test_maximum_and_closing_are_scipys(image: np.ndarray, radius: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    size = 2 * radius + 1
    dilated = ndimage.maximum_filter(image, size, mode="constant", cval=0)
    assert np.array_equal(imaging.maximum(image, radius), dilated)
    closed = ndimage.minimum_filter(dilated, size, mode="constant", cval=255)
    assert np.array_equal(imaging.closing(image, radius), closed)


@given(IMAGES, st.integers(1, 9))
def test_window_sums_are_scipys(image: np.ndarray, radius: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    ones = np.ones((2 * radius + 1, 2 * radius + 1), np.int64)
    theirs = ndimage.convolve(image.astype(np.int64), ones, mode="constant", cval=0)
    assert np.array_equal(imaging.window_sums(image, radius), theirs)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24)))
def test_components_and_their_extents_are_scipys(mask: np.ndarray) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    theirs, count = ndimage.label(mask, np.ones((3, 3)))
    numbered = imaging.components(mask)
    assert np.array_equal(numbered, theirs)
    if count:
        area, begin, end = imaging.extents(numbered)
        slices = ndimage.find_objects(theirs)
        assert area.tolist() == np.bincount(theirs.ravel())[1:].tolist()
        assert begin.tolist() == [[rows.start, columns.start] for rows, columns in slices]
        assert end.tolist() == [[rows.stop, columns.stop] for rows, columns in slices]


@given(arrays(np.uint8, st.integers(2, 60)))
def test_otsus_threshold_leaves_no_better_one(values: np.ndarray) -> None:
    def between(threshold: int) -> Fraction:
        low, high = values[values <= threshold].tolist(), values[values > threshold].tolist()
        if not low or not high:
            return Fraction(0)
        return len(low) * len(high) * (Fraction(sum(high), len(high)) - Fraction(sum(low), len(low))) ** 2

    best = max(between(threshold) for threshold in range(256))
    assert between(imaging.otsu(values)) >= best * (1 - Fraction(1, 10**9))


# The stages


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_the_golden_vectors(vector: dict) -> None:
    from golden.make_freehand import summary

    channels = () if vector["channels"] == 1 else (vector["channels"],)
    pixels = np.frombuffer(base64.b64decode(vector["pixels"]), np.uint8).reshape(*vector["shape"], *channels)
    stages = prepare(pixels, *vector["network"])
    for stage, expected in zip(stages, vector["stages"], strict=True):
        assert summary(stage) == expected, stage.name
    assert stages[-1].image.tobytes() == base64.b64decode(vector["image"])


def check_image_or_no_ink(pixels: np.ndarray, height: int, width: int) -> None:
    try:
        image = image_of(pixels, height, width)
    except pl.DataError:
        return  # what else is wrong with a picture, its decoder says
    assert (image.shape, image.dtype) == ((height, width), np.uint8)
    assert pixels.shape == (height, width) or image.max() == 255


@given(IMAGES, st.integers(1, 40), st.integers(1, 40))
def test_every_picture_becomes_an_image_or_shows_no_ink(pixels: np.ndarray, height: int, width: int) -> None:
    check_image_or_no_ink(pixels, height, width)


@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 40), st.integers(1, 40))
def test_so_does_every_scatter_of_spots(seed: int, share: float, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (70, 50))
    pixels = np.where(rng.random((70, 50)) < share, spots, rng.integers(0, 256)).astype(np.uint8)
    check_image_or_no_ink(pixels, height, width)


@given(st.integers(0, 255), st.integers(0, 255))
def test_polarity_inverts(ink: int, paper: int) -> None:
    if abs(ink - paper) > 60:
        picture = drawn(ink=ink, paper=paper)
        assert has_dark_ink(picture) == (ink < paper)
        assert has_dark_ink(255 - picture) == (ink > paper)


@pytest.mark.parametrize("size", [(60, 81), (200, 270), (2000, 2700)])
def test_the_size_of_the_picture_hardly_matters(size: tuple[int, int]) -> None:
    pen = max(1, size[0] // 12)
    found, expected = (image_of(drawn(*shape, pen=width)) for shape, width in ((size, pen), ((240, 324), 20)))
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.85


def test_the_ink_fits_the_box_and_lies_by_its_mass() -> None:
    for height, width in ((28, 28), (64, 64), (20, 40), (14, 9)):
        image = image_of(drawn(), height, width)
        *_, rows, columns = imaging.bounding_box(image)
        box = (20 * height + 14) // 28, (20 * width + 14) // 28
        assert rows <= box[0]
        assert columns <= box[1]
        assert rows == box[0] or columns == box[1]
        row, column = centre_of_mass(image)
        assert abs(row - height // 2) <= 1
        assert abs(column - width // 2) <= 1


def test_the_frame_holds_ink_whose_mass_lies_at_its_edge() -> None:
    small = np.full((20, 20), 1, np.uint8)
    small[-1, -1] = 255
    small[:19, :19] = 0
    assert place(small, 28, 28) == (0, 0)


def test_proportions_are_kept() -> None:
    assert fit(np.full((40, 10), 9, np.uint8), 20, 20).shape == (20, 5)
    assert fit(np.full((1, 1000), 9, np.uint8), 20, 20).shape == (1, 20)


def test_thin_strokes_are_widened_to_what_a_network_knows() -> None:
    stages = {stage.name: stage for stage in prepare(drawn(200, 200, pen=1))}
    assert stages["crop"].numbers["widened"] > 0
    assert {stage.name: stage for stage in prepare(drawn(200, 200, pen=20))}["crop"].numbers["widened"] == 0
    ink = stages["centre"].image
    double_area, sides = 2 * np.count_nonzero(ink > 127), imaging.circumference(ink > 127)
    assert 1.3 <= double_area / sides <= 3.1  # of MNIST's images 90%


def test_a_digit_broken_in_two_stays_whole_and_specks_go() -> None:
    picture = drawn(120, 120, pen=8).copy()
    whole = image_of(picture)
    picture[50:54] = 220
    picture[[5, 60, 110], [100, 20, 60]] = 30
    assert np.corrcoef(image_of(picture).ravel(), whole.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("side", range(4))
def test_the_edge_of_a_table_goes(side: int) -> None:
    picture = drawn(120, 120, pen=8)
    whole = image_of(picture)
    picture = np.rot90(picture, side).copy()
    picture[:, :9] = 60
    picture = np.rot90(picture, -side)
    assert np.corrcoef(image_of(picture).ravel(), whole.ravel())[0, 1] > 0.95


def test_what_touches_the_border_stays_where_nothing_else_is() -> None:
    mask = np.zeros((40, 40), bool)
    mask[:30, 18:22] = True
    assert np.array_equal(select(mask)[0], mask)


def test_noise_is_parted_again_until_ink_is_found() -> None:
    rng = np.random.default_rng(0)
    contrast = np.abs(rng.normal(0, 12, (200, 200))).clip(0, 60).astype(np.uint8)
    contrast[100, 50:80] = 200
    assert imaging.otsu(contrast) < 20  # the noise has been parted
    assert 40 < ink_threshold(contrast) < 200


@pytest.mark.parametrize(("paper", "sigma"), [(0, 0), (90, 3), (160, 6), (255, 3)])
def test_blank_paper_is_said_to_show_no_ink(paper: int, sigma: float) -> None:
    light = np.linspace(1, 0.5, 200)[:, None] * np.ones(300)
    picture = (paper * light + np.random.default_rng(0).normal(0, sigma, light.shape)).clip(0, 255).astype(np.uint8)
    with pytest.raises(pl.DataError, match="no ink"):
        prepare(picture)


def test_opacity_is_read_as_people_draw() -> None:
    coverage = 255 - drawn(ink=0, paper=255)
    for colour in ((0, 0, 0), (255, 255, 255), (200, 30, 30)):
        strokes = np.dstack([np.broadcast_to(np.uint8(colour), (60, 80, 3)), coverage])
        dark = colour != (255, 255, 255)
        assert flatten(strokes)[1] == (255 if dark else 0)
        assert np.corrcoef(image_of(strokes).ravel(), image_of(255 - coverage).ravel())[0, 1] > 0.99
    opaque = np.dstack([np.repeat(drawn()[..., None], 3, axis=2), np.full((60, 80), 255, np.uint8)])
    opaque[:5, :, 3] = 0
    assert flatten(opaque)[1] == 220  # its paper


def test_a_network_of_colours_gets_a_resized_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    assert np.array_equal(resize(pixels, 32, 32)[..., 1], imaging.area_average(pixels[..., 1], 32, 32))
    clear = np.dstack([pixels, np.zeros((64, 96), np.uint8)])
    assert np.array_equal(resize(clear, 8, 8), np.full((8, 8, 3), 255))


# On digits


def test_mnists_images_are_what_comes_out_of_their_own_photographs(mnist: tuple) -> None:
    """Enlarged tenfold, an image of MNIST comes back nearly as it was, now and then a pixel beside its place."""
    images = [np.asarray(image) for image in mnist[1].images[:20]]
    again = [image_of(np.kron(image, np.ones((10, 10), np.uint8))) for image in images]
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(again, images, strict=True)]
    assert np.median(alike) > 0.97
    assert min(alike) > 0.5


def test_photographs_are_read_where_resizing_fails(mnist: tuple) -> None:
    """`python benchmarks/freehand.py` measures more of them: 12% by resizing, 96% so."""
    from freehand import KINDS, photographs, prepared, resized, trained

    network, test = trained()
    images, labels = test.images[200:203], test.labels[200:203]
    right = dict.fromkeys((prepared, resized), 0)
    for kind in KINDS:
        for picture, label in zip(photographs(images, kind, seed=7), labels, strict=True):
            for way in right:
                right[way] += int(network.classify(way(picture)[None])[0] == label)
    share = {way: count / (len(KINDS) * len(images)) for way, count in right.items()}
    assert share[prepared] > 0.9
    assert share[resized] < 0.5


@pytest.mark.slow
def test_mnists_test_images_as_pngs_are_read_as_well_as_they_are(mnist: tuple, tmp_path: Path) -> None:
    """All 10,000, as `predict` reads them, and sent through all stages although they need none."""
    from freehand import through_all_stages, trained

    from pellucid.data.images import read_images

    network, test = trained()
    path = tmp_path / "digit.png"
    read = np.empty_like(test.images)
    for index, image in enumerate(test.images):
        Image.fromarray(np.asarray(image)).save(path)
        read[index] = read_images(path, 28, 28).images[0]
    assert np.array_equal(read, test.images)
    again = through_all_stages(test.images)
    accuracy, expected = network.evaluate(again, test.labels).accuracy, network.evaluate(test).accuracy
    assert abs(accuracy - expected) <= 0.001
