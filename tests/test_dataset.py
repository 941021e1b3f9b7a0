"""Data sets: split by class, batched, one-hot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data import Dataset, one_hot


def numbered(labels: list[int]) -> Dataset:
    """A data set whose images carry their place, so that one sees where each went."""
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1).repeat(2, axis=2)
    return Dataset(images, np.array(labels, np.int64))


labels_strategy = st.lists(st.integers(0, 4), min_size=20, max_size=200)


@given(labels_strategy, st.floats(0.2, 0.8), st.integers(0, 9))
def test_a_split_takes_its_fraction_of_all_and_of_each_class_and_loses_nothing(
    labels: list[int], fraction: float, seed: int
) -> None:
    rest, held_out = numbered(labels).split(fraction, seed)
    places = sorted(np.concatenate([rest.images[:, 0, 0], held_out.images[:, 0, 0]]).tolist())
    assert places == list(range(len(labels)))
    assert len(held_out) == round(fraction * len(labels))
    for label in set(labels):
        assert abs((held_out.labels == label).sum() - fraction * labels.count(label)) < 1


def test_small_classes_do_not_shrink_the_held_out_part() -> None:
    held_out = numbered(list(range(10)) * 5).split(0.3)[1]  # each class of 5 would give 1.5
    assert len(held_out) == 15
    assert set(np.bincount(held_out.labels).tolist()) == {1, 2}


def test_a_split_follows_from_its_seed() -> None:
    data = numbered([0, 1] * 30)
    one, same, other = (data.split(0.5, seed)[1].images for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 0.001])
def test_a_fraction_that_leaves_nothing_is_refused(fraction: float) -> None:
    with pytest.raises(pl.UsageError):
        numbered([0, 1, 0, 1]).split(fraction)


@given(labels_strategy, st.integers(1, 300), st.one_of(st.none(), st.integers(0, 9)))
def test_batches_bring_each_example_once_with_its_label(labels: list[int], size: int, seed: int | None) -> None:
    data = numbered(labels)
    batches = list(data.batches(size, seed))
    assert all(len(images) == size for images, _ in batches[:-1])
    places = np.concatenate([images[:, 0, 0] for images, _ in batches])
    assert sorted(places.tolist()) == list(range(len(labels)))
    assert np.array_equal(np.concatenate([part for _, part in batches]), data.labels[places])
    if seed is None:
        assert places.tolist() == list(range(len(labels)))


def test_each_epoch_shuffles_anew() -> None:
    data = numbered([0] * 50)
    one, same, other = (next(data.batches(50, 7, epoch))[0].ravel() for epoch in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_batch_has_at_least_one_example() -> None:
    with pytest.raises(pl.UsageError, match="at least one"):
        next(numbered([0]).batches(0))


def test_one_hot_is_a_row_for_each_label() -> None:
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("labels", [[3], [-1], [0.5], [[1]]])
def test_one_hot_refuses_what_is_no_label(labels: list[object]) -> None:
    with pytest.raises(pl.DataError):
        one_hot(np.array(labels), 3)


def test_images_and_labels_must_be_as_many() -> None:
    with pytest.raises(pl.DataError, match="has 2 images, but 1 labels"):
        Dataset(np.zeros((2, 3, 3), np.uint8), np.zeros(1, np.int64))


def test_the_input_shape_is_channels_height_width() -> None:
    assert Dataset(np.zeros((2, 5, 3), np.uint8), np.zeros(2, np.int64)).input_shape == (1, 5, 3)
