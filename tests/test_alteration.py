"""Altered test images: what is done to them, by other people's programs and by properties."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.data.alteration import ALTERATIONS, KINDS, PART, Alteration, has_light_ground

BY_NAME = {alteration.name: alteration for alteration in ALTERATIONS}
GEOMETRIC = ("shift", "rotate", "scale", "shear")
STRENGTHS = {"shift": 3.0, "rotate": 25.0, "scale": 0.3, "shear": 15.0, "blur": 1.5}


def blobs(count: int, height: int = 28, width: int = 28, channels: int = 0) -> np.ndarray:
    """Soft light ink on black, away from the borders, no two alike."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / np.reshape((height, width), (2, 1, 1)) - 0.5
    places = rng.uniform(-0.15, 0.15, (count, max(channels, 1), 2, 1, 1))
    distance = ((y - places[:, :, 0]) ** 2 + 2 * (x - places[:, :, 1]) ** 2) * 60
    images = (255 * np.exp(-distance)).astype(np.uint8)
    return np.moveaxis(images, 1, -1) if channels else images[:, 0]


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda alteration: alteration.name)
@pytest.mark.parametrize("shape", [(28, 28), (20, 33), (8, 8), (32, 32, 3)], ids=str)
def test_every_alteration_changes_images_and_neither_their_shape_nor_the_originals(
    shape: tuple[int, ...], alteration: Alteration
) -> None:
    images = blobs(6, *shape)
    before = images.copy()
    altered = alteration.of(images)
    assert (altered.shape, altered.dtype) == (images.shape, np.uint8)
    assert all((new != old).any() for new, old in zip(altered, images, strict=True))
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(altered, alteration.of(images))


@pytest.mark.parametrize("kind", KINDS)
@given(images=arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12))))
def test_a_strength_near_0_changes_nothing(kind: str, images: np.ndarray) -> None:
    np.testing.assert_array_equal(Alteration("nothing", kind, 1e-9).of(images), images)


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda alteration: alteration.name)
def test_an_image_is_altered_by_its_place_alone(alteration: Alteration) -> None:
    images = np.tile(blobs(1, 8, 8), (PART + 3, 1, 1))
    altered = alteration.of(images)
    np.testing.assert_array_equal(altered[:5], alteration.of(images[:5]))
    assert len(np.unique(altered[-40:].reshape(40, -1), axis=0)) == {
        "shift": 4, "rotate": 2, "shear": 2, "noise": 40, "salt and pepper": 40
    }.get(alteration.kind, 1)  # fmt: skip
    if alteration.kind in ("noise", "shift"):
        assert (alteration.of(images, seed=1) != altered).any()


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda alteration: alteration.name)
def test_dark_ink_on_light_ground_is_altered_as_its_negative(alteration: Alteration) -> None:
    images = blobs(5)
    assert not has_light_ground(images)
    assert has_light_ground(255 - images)
    np.testing.assert_array_equal(alteration.of(255 - images), 255 - alteration.of(images))


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda alteration: alteration.name)
def test_equal_channels_stay_equal_and_are_altered_as_grey_is(alteration: Alteration) -> None:
    grey = blobs(5)
    coloured = alteration.of(np.repeat(grey[..., np.newaxis], 3, axis=3))
    if alteration.kind == "noise":  # which each channel has of its own
        assert (coloured[..., 0] != coloured[..., 1]).any()
    else:
        np.testing.assert_array_equal(coloured, np.repeat(alteration.of(grey)[..., np.newaxis], 3, axis=3))


@pytest.mark.parametrize("kind", GEOMETRIC)
@pytest.mark.parametrize("shape", [(28, 28), (20, 30)], ids=str)
def test_maps_are_scipys(kind: str, shape: tuple[int, int]) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    images, strength = blobs(8, *shape), STRENGTHS[kind]
    centre = (np.array(shape) - 1) / 2
    angle, slant = np.radians(strength), np.tan(np.radians(strength))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    ways = {
        "shift": [(np.eye(2), strength / 28 * np.array(shape) * (y, x)) for y in (-1, 1) for x in (-1, 1)],
        "rotate": [(turn, 0), (turn.T, 0)],
        "scale": [(np.eye(2) / (1 + strength), 0)],
        "shear": [(np.array([[1, 0], [slant, 1]]), 0), (np.array([[1, 0], [-slant, 1]]), 0)],
    }[kind]
    seen = set()
    for image, altered in zip(images, Alteration("", kind, strength).of(images), strict=True):
        expected = [
            ndimage.affine_transform(image.astype(float), inverse, centre - inverse @ (centre + moved), order=1)
            for inverse, moved in ways
        ]
        errors = [np.abs(altered - one).max() for one in expected]
        assert min(errors) <= 0.51
        seen.add(int(np.argmin(errors)))
    assert seen == set(range(len(ways)))  # each direction is drawn


@pytest.mark.parametrize("shape", [(28, 28), (14, 56)], ids=str)
def test_the_blur_is_scipys(shape: tuple[int, int]) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    images = blobs(3, *shape)
    sigma = 1.5 / 28 * np.array(shape)
    for image, blurred in zip(images, Alteration("", "blur", 1.5).of(images), strict=True):
        expected = ndimage.gaussian_filter(image.astype(float), sigma, mode="constant", truncate=4.0)
        np.testing.assert_allclose(blurred, expected, atol=0.51)


@pytest.mark.parametrize(("kind", "extreme"), [("thicker", "maximum_filter"), ("thinner", "minimum_filter")])
def test_thickness_looks_as_far_as_its_radius(kind: str, extreme: str) -> None:
    """Between the extreme of the four neighbours and that of all eight."""
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs SciPy")
    images = blobs(3)
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    for image, altered in zip(images, Alteration("", kind, 1).of(images), strict=True):
        few, many = (
            getattr(ndimage, extreme)(image, footprint=form, mode="constant") for form in (cross, np.ones((3, 3)))
        )
        assert (np.minimum(few, many) <= altered).all()
        assert (altered <= np.maximum(few, many)).all()
        assert (altered != image).any()


def test_a_shift_of_whole_pixels_moves_bytes() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 10:12, 10:13] = [[1, 2, 3], [4, 5, 255]]
    (moved,) = Alteration("", "shift", 2).of(image)
    places = [(10 + y, 10 + x) for y in (-2, 2) for x in (-2, 2)]
    assert [moved[y : y + 2, x : x + 3].tolist() for y, x in places].count([[1, 2, 3], [4, 5, 255]]) == 1
    assert moved.sum() == image.sum()


def test_lengths_grow_with_images() -> None:
    """An image of twice the size is shifted by twice the pixels."""
    small = np.zeros((1, 28, 28), np.uint8)
    small[0, 12:16, 12:16] = 200
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    two = BY_NAME["shifted by 2"]
    np.testing.assert_array_equal(two.of(large), two.of(small).repeat(2, axis=1).repeat(2, axis=2))


def test_noise_has_its_deviation_and_salt_and_pepper_its_share() -> None:
    grey = np.full((50, 28, 28), 128, np.uint8)
    grey[:, [0, -1]] = grey[:, :, [0, -1]] = 0
    inside = np.s_[:, 1:-1, 1:-1]
    noisy = Alteration("", "noise", 0.1).of(grey)[inside].astype(float) - 128
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    assert abs(noisy.mean()) < 0.5
    spotted = BY_NAME["salt and pepper of 10%"].of(grey)[inside]
    assert [(spotted == value).mean() for value in (0, 255)] == pytest.approx([0.05, 0.05], abs=0.005)
    assert set(np.unique(spotted)) == {0, 128, 255}


def test_contrast_and_inversion_are_arithmetic() -> None:
    images = blobs(3)
    means = images.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(BY_NAME["contrast of 0.3"].of(images), means + 0.3 * (images - means), atol=0.51)
    np.testing.assert_array_equal(BY_NAME["inverted"].of(images), 255 - images)


def test_strokes_are_sought_in_grey_images_only() -> None:
    grey, colours = blobs(2), blobs(2, channels=3)
    for alteration in ALTERATIONS:
        assert alteration.unfit(grey) is None
        assert alteration.unfit(grey[..., np.newaxis]) is None
        assert (alteration.unfit(colours) is not None) == (alteration.kind in ("thicker", "thinner"))


def test_a_stronger_alteration_draws_the_same() -> None:
    """So that two strengths of a kind differ in nothing else."""
    images, weak = blobs(30), BY_NAME["Gaussian noise of 0.1"]
    grey = np.full_like(images, 100)
    one, three = (replace(weak, strength=share).of(grey).astype(int) - 100 for share in (0.1, 0.3))
    between = (one > -90) & (three > -90) & (three < 140)
    assert np.abs(3 * one - three)[between].max() <= 2


def test_the_document_has_a_row_for_each() -> None:
    text = (Path(__file__).parents[1] / "docs" / "robustness.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.count("|") == 11]
    assert rows[2:-1] == ["as they are", *BY_NAME]
