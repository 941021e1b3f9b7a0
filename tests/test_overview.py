"""What `pellucid data` counts: classes, mean images, pixels, images that are there more than once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import Dataset
from pellucid.data.normalization import PART
from pellucid.data.overview import Double, doubles, overview


def drawn(count: int, shape: tuple[int, ...], classes: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *shape), np.uint8)
    return Dataset(images, rng.integers(0, classes, count), tuple(f"class {number}" for number in range(classes)))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (6, 7, 3)], ids=str)
@pytest.mark.parametrize("count", [1, 30, PART, 2 * PART + 7])
def test_an_overview_is_what_numpy_says_of_all_images_at_once(shape: tuple[int, ...], count: int) -> None:
    data = drawn(count, shape, 4)
    found = overview(data)
    for label in range(4):
        members = data.images[data.labels == label]
        assert found.counts[label] == len(members)
        if len(members):
            np.testing.assert_allclose(found.means[label], members.mean(axis=0), rtol=1e-12)
            assert found.mean_pixels[label] == pytest.approx(members.mean())
    assert (found.lowest, found.highest) == (data.images.min(), data.images.max())
    assert found.zeros == pytest.approx((data.images == 0).mean())
    assert found.mean == pytest.approx(data.images.mean())


def test_a_class_without_images_is_missing_and_has_no_mean() -> None:
    found = overview(Dataset(np.ones((3, 2, 2), np.uint8), np.array([0, 2, 2]), ("a", "b", "c")))
    assert found.missing == [1]
    assert np.isnan(found.means[1]).all()
    assert found.mean == 1


def test_the_mean_images_most_alike_are_those_with_the_smallest_difference() -> None:
    images = np.array([0, 100, 104, 200, 206], np.uint8).reshape(5, 1, 1).repeat(3, axis=2)
    found = overview(Dataset(images, np.array([3, 1, 1, 0, 0]), tuple("abcd")))
    assert found.most_alike() == (0, 1, pytest.approx(203 - 102))
    assert overview(Dataset(images, np.zeros(5, np.int64), ("a",))).most_alike() is None


def test_images_on_a_disk_are_read_in_parts(tmp_path: object) -> None:
    data = drawn(PART + 5, (3, 3), 2)
    file = f"{tmp_path}/images"
    data.images.tofile(file)
    mapped = Dataset(np.memmap(file, np.uint8, mode="r", shape=data.images.shape), data.labels, data.classes)
    assert np.array_equal(overview(mapped).means, overview(data).means)
    assert doubles(mapped, mapped) == doubles(data, data)


pixels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=12)


@given(pixels, pixels)
def test_doubles_are_all_groups_of_equal_images(training: list[tuple[int, int]], test: list[tuple[int, int]]) -> None:
    parts = [
        Dataset(np.array([[[pixel, 7]] for pixel, _ in part], np.uint8), np.array([label for _, label in part]))
        for part in (training, test)
    ]
    expected = []
    for pixel in dict.fromkeys(pixel for pixel, _ in training + test):
        places = [tuple(place for place, (other, _) in enumerate(part) if other == pixel) for part in (training, test)]
        labels = {label for other, label in training + test if other == pixel}
        if len(places[0] + places[1]) > 1:
            expected.append(Double(*places, tuple(sorted(labels))))
    assert doubles(*parts) == expected


def test_mnist_has_no_doubles(mnist: tuple[Dataset, Dataset]) -> None:
    assert doubles(*mnist) == []
