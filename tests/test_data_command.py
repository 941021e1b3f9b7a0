"""pellucid data: what it prints, and the pictures it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len

from pellucid.data import Dataset

Command = Any


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `pellucid data` find these parts."""

    def give(train: Dataset, test: Dataset) -> None:
        monkeypatch.setattr("pellucid.cli.data.load", lambda *_: (train, test))

    return give


def parts(counts: list[int], tests: list[int], names: tuple[str, ...], shape: tuple[int, ...] = (6, 6)) -> Any:
    """Two parts with so many images of each class, all images different."""
    rng = np.random.default_rng(0)
    made = []
    for part in (counts, tests):
        labels = np.repeat(np.arange(len(names)), part)
        made.append(Dataset(rng.integers(0, 256, (len(labels), *shape), np.uint8), labels, names))
    return made


def test_each_class_has_a_line_however_many_and_long_their_names(pellucid: Command, given: Any) -> None:
    names = (*(f"{number}: a name that is much too long for any line of a table" for number in range(99)), "漢字")
    given(*parts([3] * 100, [1] * 100, names))
    lines = pellucid("data").out.splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("class "))
    rows = lines[header + 1 : header + 101]
    assert [row.split()[0] for row in rows] == [*(f"{number}:" for number in range(99)), "漢字"]
    assert {tuple(row.split()[-5:-1]) for row in rows} == {("3", "1.0%", "1", "1.0%")}
    assert {cell_len(row) for row in rows} == {len(lines[header])}
    assert len(lines[header]) <= 100


def test_imbalance_and_missing_classes_are_said_in_words(pellucid: Command, given: Any) -> None:
    given(*parts([30, 5, 0], [6, 0, 2], ("cat", "dog", "owl")))
    out = pellucid("data").out
    assert "uneven: from 5 training images (dog) to 30 (cat), 6.0 times as many" in out
    assert "Whoever always says cat is right on 75.0% of the test images." in out
    assert "There is no training image of owl." in out
    assert "There is no test image of dog." in out
    found = pellucid("data", "--json").json
    assert found["missing"] == {"training": ["owl"], "test": ["dog"]}
    assert found["imbalance"] == 6
    assert found["mean_pixels"][2] is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [([4, 4], "Every class has 4 training images."), ([4, 5], "about even: from 4 training images (a) to 5 (b), 1.2")],
)
def test_even_classes_are_said_to_be_even(pellucid: Command, given: Any, counts: list[int], words: str) -> None:
    given(*parts(counts, [1, 1], ("a", "b")))
    assert words in pellucid("data").out


def test_doubles_are_counted_and_listed_the_contradicting_ones_first(pellucid: Command, given: Any) -> None:
    train, test = parts([20, 20], [5, 5], ("a", "b"))
    train.images[3] = train.images[1]
    test.images[[0, 7]] = train.images[30]
    given(train, test)
    found = pellucid("data", "--json").json["doubles"]
    assert found == {
        "test_images_in_training": 2,
        "repeated_in_training": 1,
        "repeated_in_test": 1,
        "contradicting": 1,
        "groups": [
            {"training": [1, 3], "test": [], "labels": ["a"]},
            {"training": [30], "test": [0, 7], "labels": ["a", "b"]},
        ],
    }
    out = pellucid("data").out
    assert "doubles: 2 images are there more than once, 1 of them with different labels" in out
    assert "In the training set too: 2 of the 10 test images." in out
    assert "  training 30 = test 0, 7: labels a, b\n  training 1, 3: label a\n" in out


def test_no_doubles_is_said_too(pellucid: Command, given: Any) -> None:
    given(*parts([20, 20], [5, 5], ("a", "b")))
    assert "no two of the 50 images have equal pixels" in pellucid("data").out


def test_unlikely_labels_are_listed_with_both_probabilities(
    pellucid: Command, given: Any, digits: tuple[Dataset, Dataset]
) -> None:
    train, test = digits
    labels = train.labels.copy()
    labels[17] = 2
    given(replace(train, labels=labels), test)
    found = pellucid("data", "--json").json["unlikely_labels"]
    assert found["judged"] == 600
    first = found["labels"][0]
    assert (first["index"], first["label"], first["suggested"]) == (17, "2", "7")
    result = pellucid("data")
    assert "      17  2     " in result.out
    assert "The networks agree with" in result.out
    assert "They err too" in result.out
    assert "(1 of 2)" in result.err


def test_unlikely_labels_may_be_left_out_and_are_with_too_few_images(pellucid: Command, given: Any) -> None:
    given(*parts([19, 40], [1, 1], ("a", "b")))
    result = pellucid("data", "--no-check-labels")
    assert "not looked for (--no-check-labels)" in result.out
    assert result.err == ""
    assert pellucid("data", "--no-check-labels", "--json").json["unlikely_labels"] is None
    assert "two classes with at least 20 training images are needed" in pellucid("data").out
    found = pellucid("data", "--json").json["unlikely_labels"]
    assert found == {"judged": 0, "agreement": None, "left_out": ["a"], "labels": []}


def test_networks_that_know_too_little_say_so(pellucid: Command, given: Any) -> None:
    given(*parts([60, 60], [1, 1], ("a", "b")))  # noise
    assert "these networks know the classes badly" in pellucid("data").out


def test_out_writes_the_pictures(pellucid: Command, given: Any, digits: tuple[Dataset, Dataset]) -> None:
    labels = digits[0].labels.copy()
    labels[17] = 2
    given(replace(digits[0], labels=labels), digits[1])
    assert "--out FOLDER writes a contact sheet" in pellucid("data").out
    found = pellucid("data", "--out", "pictures", "--json").json
    assert found["pictures"] == [f"pictures/{name}.png" for name in ("contact", "means", "unlikely")]
    for path in found["pictures"]:
        with Image.open(path) as picture:
            picture.load()
    assert "wrote pictures/contact.png" in pellucid("data", "--out", "pictures").out


def test_names_in_other_letters_are_said_to_be_numbers_in_the_pictures(pellucid: Command, given: Any) -> None:
    given(*parts([3, 3], [1, 1], ("お", "ka")))
    assert "counted from 0" in pellucid("data", "--out", "pictures").out


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("T-shirt/top", "Bag"), ["T-shirt_top.png", "Bag.png"]),
        (("a", "A"), ["0-a.png", "1-A.png"]),  # the same file on some systems
        (("..", "x"), ["0-.png", "1-x.png"]),
    ],
)
@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 1), (6, 6, 3)], ids=str)
def test_pictures_are_named_after_their_classes(
    pellucid: Command, given: Any, names: tuple[str, ...], files: list[str], shape: tuple[int, ...]
) -> None:
    train, test = parts([3, 3], [2, 2], names, shape)
    given(train, test)
    found = pellucid("data", "--pictures", "pictures", "--json").json
    assert found["pictures"] == [f"pictures/{file}" for file in files]
    second = np.asarray(Image.open(Path("pictures") / files[1]))
    assert np.array_equal(second, test.images[2].reshape(second.shape))
