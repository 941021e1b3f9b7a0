"""Curves: in words that are true, in blocks, and as a picture that holds every point."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pellucid.glass import curves
from pellucid.glass.chart import ticks

FALLING = {
    "loss": [0.5, 0.2, 0.1],
    "accuracy": [0.8, 0.9, 0.95],
    "validation_loss": [0.4, 0.3, 0.35],
    "validation_accuracy": [0.85, 0.92, 0.91],
    "seconds": [1.0, 1.0, 1.0],
}


def test_words_say_what_the_curves_show() -> None:
    fell, held_out, overfits = curves.words(FALLING)
    assert "fell from 0.5000 to 0.1000 over 3 epochs" in fell
    assert "80.00% to 95.00%" in fell
    assert "ended at 91.00%; its best was 92.00%, after epoch 2" in held_out
    assert "lowest after epoch 2 (0.3000)" in overfits
    assert "overfits" in overfits


def test_words_do_not_claim_what_is_not_so() -> None:
    rising = {**FALLING, "loss": [0.1, 0.2, 0.3], "validation_loss": [], "validation_accuracy": []}
    (sentence,) = curves.words(rising)
    assert "rose from 0.1000 to 0.3000" in sentence
    still_falling = {**FALLING, "validation_loss": [0.4, 0.3, 0.2]}
    assert not any("overfits" in sentence for sentence in curves.words(still_falling))
    assert "After one epoch" in curves.words({key: values[:1] for key, values in FALLING.items()})[0]


def test_blocks_rise_and_fall_with_the_values() -> None:
    assert curves.blocks([0, 0.5, 1]) == "▁▅█" or curves.blocks([0, 0.5, 1]) == "▁▄█"
    assert curves.blocks([2, 2]) == "▁▁"


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_span_the_values(low: float, spread: float) -> None:
    marks = ticks(low, low + spread)
    assert 2 <= len(marks) <= 9
    assert marks[0] <= low + 1e-6 * spread
    assert marks[-1] >= low + spread * (1 - 1e-6)
    steps = np.diff(marks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)


@pytest.mark.parametrize("epochs", [1, 2, 3, 20, 200])
@pytest.mark.parametrize("validation", [True, False])
def test_the_picture_shows_each_line_in_its_colour(epochs: int, validation: bool) -> None:
    falling = list(np.linspace(1, 0.1, epochs))
    rising = list(np.linspace(0.2, 0.99, epochs))
    history = {
        "loss": falling,
        "accuracy": rising,
        "validation_loss": falling[::-1] if validation else [],
        "validation_accuracy": rising[::-1] if validation else [],
    }
    picture = Image.open(io.BytesIO(curves.picture(history, "a run"))).convert("RGB")
    assert picture.size == (1040, 414)
    pixels = np.asarray(picture).astype(int)
    blue = (np.abs(pixels - (0, 114, 178)).sum(axis=2) < 30).sum()
    orange = (np.abs(pixels - (213, 94, 0)).sum(axis=2) < 30).sum()
    assert blue > 30
    assert (orange > 20) == validation


def test_a_loss_that_never_moves_or_is_not_a_number_is_drawn_all_the_same() -> None:
    for values in ([2.3, 2.3], [0.0, 0.0], [float("nan"), 1.0], [float("inf"), float("nan")]):
        history = {"loss": values, "accuracy": values, "validation_loss": [], "validation_accuracy": []}
        assert curves.picture(history, "flat").startswith(b"\x89PNG")
