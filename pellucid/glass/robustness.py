"""How far a network's knowledge reaches: accuracy and confidence on altered test images and on freehand strokes.

A network that meets what it was not made for should at least be unsure of it. So beside each accuracy stands the mean
confidence, how many answers were unsure, and the expected calibration error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pellucid.committee import Committee
from pellucid.data import strokes
from pellucid.data.alteration import ALTERATIONS
from pellucid.data.dataset import Dataset
from pellucid.glass.sheet import Tile, draw, strip
from pellucid.metrics import Evaluation
from pellucid.network import Network

CLEAN, FREEHAND = "as they are", "freehand strokes"
PROBABILITIES = ("softmax", "sigmoid")  # outputs that are some
SHOWN = 5  # images of each row in the picture
WIDTH = 240  # pixels of these, about


@dataclass(frozen=True)
class Row:
    """What a network says of one kind of images.

    Args:
        name: what was done to them.
        images: how many there were.
        accuracy: the share of right answers.
        examples: the first image of each of a few classes.
        confidence: the mean confidence; None, as what follows, where outputs are no probabilities.
        under_90: the share of answers with a confidence under 90%.
        under_50: the share of answers with a confidence under 50%.
        calibration_error: the expected one (`Evaluation.calibration_error`).
    """

    name: str
    images: int
    accuracy: float
    examples: NDArray[np.uint8]
    confidence: float | None = None
    under_90: float | None = None
    under_50: float | None = None
    calibration_error: float | None = None


@dataclass(frozen=True)
class Robustness:
    """The rows, the first of which has the images as they are, and what was left out, each with the reason."""

    rows: list[Row]
    left_out: dict[str, str]


def measure(network: Network | Committee, test: Dataset) -> Robustness:
    """Test a network on a data set as it is, with each alteration of it, and on the freehand strokes.

    The strokes are for networks that tell the ten digits apart in grey images of 28 × 28.

    Raises:
        UsageError, ShapeError, DataError: the data set does not suit the network.
    """
    clean = _row(network, CLEAN, test)
    rows, left_out = [clean], {}
    for alteration in ALTERATIONS:
        reason = alteration.unfit(test.images)
        altered = test.images if reason else alteration.of(test.images)
        if reason or np.array_equal(altered, test.images):
            left_out[alteration.name] = reason or "it leaves these images as they are"
        else:
            rows.append(_row(network, alteration.name, replace(test, images=altered)))
    if reason := _no_digits(network):
        left_out[FREEHAND] = reason
    else:
        rows.append(_row(network, FREEHAND, strokes.load()))
    return Robustness(rows, left_out)


def _row(network: Network | Committee, name: str, data: Dataset) -> Row:
    evaluation = network.evaluate(data)
    labels, first = np.unique(data.labels, return_index=True)
    places = first[np.linspace(0, len(labels) - 1, min(SHOWN, len(labels))).round().astype(int)]
    confidence = _confidence(evaluation) if network.output in PROBABILITIES else {}
    return Row(name, len(data), evaluation.accuracy, np.asarray(data.images[places]), **confidence)


def _confidence(evaluation: Evaluation) -> dict[str, float]:
    """What a row says of it."""
    confidence = evaluation.confidence
    return {
        "confidence": float(confidence.mean(dtype=np.float64)),
        "under_90": float((confidence < 0.9).mean()),
        "under_50": float((confidence < 0.5).mean()),
        "calibration_error": evaluation.calibration_error(),
    }


def _no_digits(network: Network | Committee) -> str | None:
    """Why a network cannot be asked for freehand digits."""
    shape = network.input_shape
    if shape not in ((784,), (1, 28, 28)):
        return f"they are grey images of 28 × 28, and the model reads {' × '.join(map(str, shape))}"
    if network.classes != tuple("0123456789"):
        return "they are the digits 0 to 9, and the model tells other classes apart"
    return None


def picture(found: Robustness) -> bytes:
    """The same few images in each row's alteration, with the accuracy there, as the bytes of a PNG."""
    count, _, width = found.rows[0].examples.shape[:3]
    scale = max(1, round(WIDTH / (count * (width + 1))))
    tiles = [Tile(strip(row.examples, count), [row.name, f"accuracy {row.accuracy:.2%}"]) for row in found.rows]
    return draw(tiles, "Test images altered, and how many of them are read right", 3, scale)
