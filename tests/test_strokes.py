"""The freehand strokes: evenly spread, as their program draws them, drawn as they are stored, and read by networks."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.data import strokes
from pellucid.data.freehand import BOX, FRAME

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))


def test_every_digit_style_and_pen_has_its_even_share() -> None:
    drawings = strokes.drawings()
    assert len(drawings) == 300
    assert set(Counter(one.digit for one in drawings).values()) == {30}
    styles = Counter((one.digit, one.style) for one in drawings)
    assert len(styles) == 50
    assert set(styles.values()) == {6}
    assert set(Counter((one.digit, one.style, one.pen) for one in drawings).values()) == {2}


def test_the_program_draws_the_stored_file() -> None:
    import make_strokes

    assert make_strokes.stored() == strokes.FILE.read_bytes()
    assert len(make_strokes.stored()) < 300_000


def test_they_are_drawn_small_and_large_narrow_and_wide_and_anywhere_in_the_box() -> None:
    sides, centres, widths = [], [], []
    for one in strokes.drawings():
        points = np.concatenate(one.strokes)
        assert points.min() >= one.width // 2
        assert points.max() <= strokes.BOX - one.width // 2
        sides.append(np.ptp(points, axis=0))
        centres.append((points.min(axis=0) + points.max(axis=0)) / 2)
        widths.append(one.width)
    heights, aspects = np.array(sides)[:, 1], np.divide(*np.array(sides).T)
    assert heights.min() < 300 < 800 < heights.max()
    assert aspects.min() < 0.2 < 1 < aspects.max()
    assert min(widths) <= 15 < 100 <= max(widths)
    assert (np.ptp(centres, axis=0) > 600).all()


def test_a_pen_leaves_a_line_as_wide_as_itself_with_round_ends() -> None:
    straight = strokes.Drawing(1, "bar", "stylus", 100, (np.array([[500, 250], [500, 750]]),))
    ink = (strokes.PAPER - strokes.draw(straight).astype(float)) / (strokes.PAPER - strokes.INK)
    pixels = strokes.CANVAS / strokes.BOX  # in a unit of the box
    area = 500 * 100 + np.pi * 50**2
    assert ink.sum() == pytest.approx(area * pixels**2, rel=0.05)
    assert ink[strokes.CANVAS // 2].sum() == pytest.approx(100 * pixels, rel=0.05)
    assert ink[0].max() == 0


def test_every_drawing_becomes_an_image_as_mnist_has_them() -> None:
    data = strokes.load()
    assert data.images.shape == (300, 28, 28)
    assert data.labels.tolist() == [one.digit for one in strokes.drawings()]
    assert data.classes == tuple("0123456789")
    for image in data.images:
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == BOX
        assert image.max() == 255
        mass = image.sum(axis=1) @ np.arange(FRAME) / image.sum(), image.sum(axis=0) @ np.arange(FRAME) / image.sum()
        assert np.abs(np.subtract(mass, FRAME // 2)).max() <= 4  # as far as the frame lets it
    assert len(np.unique(data.images.reshape(300, -1), axis=0)) == 300


def test_nobody_can_change_what_all_are_measured_by() -> None:
    with pytest.raises(ValueError, match="read-only"):
        strokes.load().images[0] = 0


def test_the_contact_sheet_shows_all() -> None:
    import io

    import make_strokes

    with Image.open(io.BytesIO(make_strokes.contact_sheet())) as sheet:
        grey = np.asarray(sheet.convert("L"))
    side, across = 56, 30
    for number in (0, 31, 299):
        top, left = number // across * (2 * side + 10) + side + 1, number % across * (side + 2)
        shown = grey[top : top + side, left : left + side][::2, ::2].astype(int)
        assert np.abs(shown - strokes.load().images[number]).mean() < 4  # the file has 16 shades


def test_a_network_that_knows_mnist_knows_most_of_them(mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    network = pl.Network("784-64-10", seed=0)
    pl.fit(network, mnist[0].subset(slice(0, 20000)), epochs=3, batch_size=32, optimizer=pl.SGD(0.1), seed=0)
    assert network.evaluate(strokes.load()).accuracy > 0.85
