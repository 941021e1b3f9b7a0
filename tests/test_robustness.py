"""pellucid test --robustness: accuracy beside confidence, on altered images and freehand strokes."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

import pellucid as pl
from pellucid.cli.robustness import lines, words
from pellucid.data import Dataset, strokes
from pellucid.data.alteration import ALTERATIONS
from pellucid.glass.robustness import CLEAN, FREEHAND, Robustness, Row, measure, picture
from pellucid.metrics import Evaluation

Command = Any
NAMES = [CLEAN, *(alteration.name for alteration in ALTERATIONS), FREEHAND]
KEYS = {"name", "images", "accuracy", "confidence", "under_90", "under_50", "calibration_error"}
EXAMPLES = np.zeros((1, 2, 2), np.uint8)


def answers(confidences: list[float], right: list[bool]) -> Evaluation:
    """Answers of two classes, all 0, with these confidences."""
    outputs = np.array([[share, 1 - share] for share in confidences], np.float64)
    return Evaluation(outputs, 1 - np.array(right, np.int64), np.zeros(len(right), np.int64), 0.0, ("a", "b"))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, digits_folder: Path) -> Path:
    from pellucid.cli.main import main

    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "784-24-10", "--epochs", "12", "--data", str(digits_folder), "--out", str(folder)]) == 0
    return folder


# Confidence and calibration


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_the_calibration_error_is_its_definition(drawn: list[tuple[float, bool]], bins: int) -> None:
    assume(all(share == 1 or abs(share * bins - round(share * bins)) > 1e-9 for share, _ in drawn))
    evaluation = answers(*map(list, zip(*drawn, strict=True)))
    total = 0.0
    for b in range(1, bins + 1):
        inside = [(share, right) for share, right in drawn if (b - 1) / bins < share <= b / bins]
        if inside:
            shares, rights = zip(*inside, strict=True)
            total += len(inside) / len(drawn) * abs(np.mean(rights) - np.mean(shares))
    assert evaluation.calibration_error(bins) == pytest.approx(total, abs=1e-12)


def test_who_is_right_as_often_as_sure_has_no_calibration_error() -> None:
    assert answers([0.75] * 4, [True, True, True, False]).calibration_error() == 0
    assert answers([1.0] * 4, [False] * 4).calibration_error() == 1
    assert answers([1.0, 0.75], [True, False]).calibration_error() == pytest.approx(0.375)


def test_the_confidence_of_a_single_output_is_that_of_the_side_it_chose() -> None:
    outputs = np.array([[0.9], [0.2], [0.5]])
    evaluation = Evaluation(outputs, np.array([1, 0, 0]), np.array([1, 0, 0]), 0.0, ("0", "1"))
    np.testing.assert_allclose(evaluation.confidence, [0.9, 0.8, 0.5])


# What is measured


def test_each_row_is_what_the_network_says_of_those_images(digits: tuple[Dataset, Dataset]) -> None:
    train, test = digits
    network = pl.Network("784-16-10", seed=0)
    pl.fit(network, train, epochs=3, seed=0)
    found = measure(network, test)
    assert [row.name for row in found.rows] == NAMES
    assert found.left_out == {}
    altered = [test.images, *(alteration.of(test.images) for alteration in ALTERATIONS), strokes.load().images]
    for row, images in zip(found.rows, altered, strict=True):
        labels = strokes.load().labels if row.name == FREEHAND else test.labels
        outputs = network.predict(images)
        assert row.images == len(images)
        assert row.accuracy == pytest.approx((outputs.argmax(axis=1) == labels).mean())
        assert row.confidence == pytest.approx(outputs.max(axis=1).mean(), rel=1e-5)
        assert row.under_50 == (outputs.max(axis=1) < 0.5).mean()
        assert row.under_90 == (outputs.max(axis=1) < 0.9).mean()
        assert row.calibration_error == pytest.approx(network.evaluate(images, labels).calibration_error())
        assert all((images == example).all(axis=(1, 2)).any() for example in row.examples)


def test_outputs_that_are_no_probabilities_have_no_confidence(digits: tuple[Dataset, Dataset]) -> None:
    found = measure(pl.Network("784-10", output="identity", loss="squared_error"), digits[1])
    assert all((row.confidence, row.under_90, row.under_50, row.calibration_error) == (None,) * 4 for row in found.rows)
    assert "The outputs of the model are no probabilities" in "\n".join(words(found))
    assert all(re.search(r"%( +-){4}$", line) for line in list(lines(found))[1 : len(found.rows) + 1])


@pytest.mark.parametrize(
    ("shape", "classes", "left_out"),
    [
        ((1, 8, 8), 10, {FREEHAND: "they are grey images of 28 × 28, and the model reads 1 × 8 × 8"}),
        ((1, 28, 28), 4, {FREEHAND: "they are the digits 0 to 9, and the model tells other classes apart"}),
        (
            (3, 16, 20),
            3,
            {
                "thicker by 1": "strokes are made thicker and thinner in grey images only",
                "thinner by 0.5": "strokes are made thicker and thinner in grey images only",
                FREEHAND: "they are grey images of 28 × 28, and the model reads 3 × 16 × 20",
            },
        ),
    ],
)
def test_other_data_are_altered_too_and_what_makes_no_sense_is_left_out(
    shape: tuple[int, int, int], classes: int, left_out: dict[str, str]
) -> None:
    channels, height, width = shape
    sizes = (20, height, width, channels) if channels > 1 else (20, height, width)
    images = np.random.default_rng(0).integers(0, 256, sizes, np.uint8)
    names = tuple(str(number) for number in range(classes))
    test = Dataset(images, np.arange(20) % classes, names)
    network = pl.Network(f"*-{classes}", input_shape=shape, classes=names)
    found = measure(network, test)
    assert found.left_out == left_out
    assert [row.name for row in found.rows] == [name for name in NAMES if name not in left_out]
    for name, reason in left_out.items():
        assert f"Left out: {name!r}; {reason}." in list(words(found))


def test_what_changes_nothing_is_left_out() -> None:
    """An image of a single pixel cannot be turned."""
    test = Dataset(np.full((4, 1, 1), 9, np.uint8), np.arange(4) % 2, ("a", "b"))
    found = measure(pl.Network("*-2", input_shape=(1, 1, 1), classes=("a", "b")), test)
    assert found.left_out["rotated by 15°"] == "it leaves these images as they are"
    assert [row.name for row in found.rows][-1] == "inverted"


# In words


def row(name: str, accuracy: float, confidence: float | None) -> Row:
    return Row(name, 1000, accuracy, EXAMPLES, confidence, 0.25, 0.05, 0.01)


def told(*rows: Row, **left_out: str) -> list[str]:
    return list(words(Robustness([row(CLEAN, 0.98, 0.97), *rows], left_out)))


@pytest.mark.parametrize(
    ("confidence", "sentence"),
    [
        (0.55, "Confidence falls with it, from 97.00% to 55.00%: the model knows that it does not know."),
        (0.75, "Confidence falls less, from 97.00% to 75.00%: the model half knows that it does not know."),
        (0.90, "Confidence hardly falls, from 97.00% to 90.00%: the model does not know that it does not know."),
        (0.99, "Confidence does not fall, from 97.00% to 99.00%: the model does not know that it does not know."),
    ],
)
def test_the_words_say_where_accuracy_falls_most_and_whether_confidence_follows(
    confidence: float, sentence: str
) -> None:
    first, second, *_ = told(row("shifted by 2", 0.9, 0.95), row("inverted", 0.5, confidence))
    assert first == "Accuracy falls most for 'inverted': from 98.00% to 50.00%."
    assert second == sentence


def test_the_words_name_the_rows_where_the_model_is_surer_than_right() -> None:
    found = told(row("shifted by 2", 0.7, 0.95), row("rotated by 15°", 0.9, 0.95), row("inverted", 0.5, 0.7))
    assert found[-1] == (
        "It is surer than right by more than 10 points in 2 of 4 rows: 'shifted by 2', 'inverted'."
    )  # fmt: skip


def test_a_model_that_nothing_troubles_is_told_so() -> None:
    assert told(row("inverted", 0.975, 0.9)) == ["Nothing here costs the model more than a point of accuracy."]
    assert told() == []


def test_the_table_has_a_line_for_each_row() -> None:
    table = list(lines(Robustness([row(CLEAN, 0.98, 0.97), row("inverted", 0.5, 0.7)], {})))
    assert table[:4] == [
        "test images                images  accuracy  confidence  under 90%  under 50%  calibration error",
        "as they are                 1,000    98.00%      97.00%     25.00%      5.00%              1.00%",
        "inverted                    1,000    50.00%      70.00%     25.00%      5.00%              1.00%",
        "Lengths are pixels of an image of 28 × 28. Under 90%, 50%: answers with less confidence.",
    ]


def test_the_picture_shows_the_images_of_each_row() -> None:
    examples = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    found = Robustness([Row(name, 1, 0.5, examples) for name in NAMES], {})
    with Image.open(io.BytesIO(picture(found))) as sheet:
        assert sheet.mode == "L"
        assert 600 < sheet.width < 1200
        pixels = np.asarray(sheet)
    shown = examples[2].repeat(2, axis=0).repeat(2, axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (1, 56))[:, :, 0]
    assert (windows == shown[0]).all(axis=2).sum() == 2 * len(NAMES)  # a pixel is two high


# The command


def test_the_command_prints_the_table_and_writes_the_picture(
    pellucid: Command, run_folder: Path, digits_folder: Path
) -> None:
    options = (run_folder, "--data", digits_folder, "--robustness", "--picture", "altered.png")
    result = pellucid("test", *options)
    assert result.code == 0
    assert result.err == "testing on altered images\n"
    plain = pellucid("test", run_folder, "--data", digits_folder).out
    assert result.out.startswith(plain)
    table = result.out.removeprefix(plain).splitlines()
    assert [line[:24].rstrip() for line in table[2:20]] == NAMES
    assert "wrote altered.png" in table
    with Image.open("altered.png") as sheet:
        assert sheet.size[0] > 500
    values = pellucid("test", *options, "--json").json
    assert values.keys() - pellucid("test", run_folder, "--data", digits_folder, "--json").json.keys() == {"robustness"}
    robustness = values["robustness"]
    assert robustness.keys() == {"rows", "left_out", "words", "picture"}
    assert all(one.keys() == KEYS for one in robustness["rows"])
    assert robustness["rows"][0]["accuracy"] == values["accuracy"]
    assert [f"{one['accuracy']:.2%}" for one in robustness["rows"]] == [line[33:].split()[0] for line in table[2:20]]
    assert all(sentence in table for sentence in robustness["words"])


def test_a_picture_without_robustness_is_refused(pellucid: Command, run_folder: Path) -> None:
    result = pellucid("test", run_folder, "--picture", "altered.png")
    assert (result.code, result.err) == (
        2, "pellucid: --picture draws the images that --robustness tests: give both.\n"
    )  # fmt: skip
    assert not Path("altered.png").exists()
