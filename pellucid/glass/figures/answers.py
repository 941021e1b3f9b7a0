"""How a model answers all test images: which classes it confuses, and whether it knows how sure to be."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.glass.figures.style import (
    AMOUNT,
    COLOURS,
    GREY,
    INK,
    RULE,
    SMALL,
    counted,
    finish,
    legible,
    percent,
    sheet,
    text_width,
)
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.calibration import Bin, reliability
from pellucid.metrics import Evaluation

NARROWEST = 6.4  # inches, for the sentence
FEW = 10  # answers in a bin, of which nothing can be said
WRITTEN = 20  # classes; of more the cells are too small for numbers
PROBABILITIES = ("softmax", "sigmoid")


def confusion(subject: Subject) -> Picture:
    """The confusion matrix: rows are true classes, columns what the model said."""
    evaluation = subject.model.evaluate(subject.test)
    matrix, names = evaluation.confusion, legible(evaluation.classes)
    count = len(names)
    cell = max(0.115, min(1.0, 7.0 / count, max(0.46, 2.8 / count)))
    letters = min(SMALL, 72 * cell / 1.25)
    edge = max(text_width(name, letters) for name in names) + 0.5
    figure, ((axes,),) = sheet(max(2.6, cell * count + edge), width=max(NARROWEST, cell * count + edge + 1.4))
    wrong = matrix - np.diag(np.diag(matrix))
    shares = wrong / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    drawn = axes.imshow(shares, cmap=AMOUNT, vmin=0, vmax=shares.max() or 1)
    axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 2 else 0, size=letters)
    axes.set_yticks(range(count), names, size=letters)
    axes.tick_params(length=0, pad=2)
    axes.set(xlabel="what the model said", ylabel="the true class")
    for side in axes.spines.values():
        side.set_visible(False)
    _cells(axes, matrix, shares, letters, written=count <= WRITTEN)
    if wrong.any():
        bar = figure.colorbar(drawn, ax=axes, shrink=0.6, aspect=22, pad=0.02, format=PercentFormatter(1))
        bar.set_label("mistakes: share of\nthe true class", size=SMALL)
        bar.outline.set_visible(False)
    words = _confused(evaluation, wrong, names)
    finish(figure, f"What {subject.name} takes the classes of {subject.test.name} for", words)
    return Picture(figure, words, {"confusion": matrix.tolist(), "classes": list(evaluation.classes)})


def _cells(axes: Axes, matrix: NDArray[np.int64], shares: NDArray[np.float64], size: float, written: bool) -> None:
    """The right answers on grey, and the numbers where there is room."""
    top = shares.max() or 1
    for row, column in np.ndindex(*matrix.shape):
        if row == column:
            axes.add_patch(_square(row, RULE))
        if written and (matrix[row, column] or row == column):
            dark = row != column and shares[row, column] > 0.6 * top
            text = f"{matrix[row, column]:,}"
            fitted = min(size, size * 0.40 / max(text_width(text, size), 0.01))
            axes.text(column, row, text, ha="center", va="center", size=fitted, color="white" if dark else INK)


def _square(place: int, colour: str) -> Rectangle:
    return Rectangle((place - 0.5, place - 0.5), 1, 1, color=colour, linewidth=0)


def _confused(evaluation: Evaluation, wrong: NDArray[np.int64], names: list[str]) -> str:
    total, worst = int(wrong.sum()), np.unravel_index(int(wrong.argmax()), wrong.shape)
    right = f"{percent(evaluation.accuracy, 2)} of {counted(len(evaluation.labels), 'image')} are read right"
    if not total:
        return f"{right}: the model confuses nothing here."
    true, said = (names[place] for place in worst)
    often = int(wrong[worst])
    said_most = int(evaluation.confusion.sum(axis=0).argmax())
    share = evaluation.confusion[:, said_most].sum() / len(evaluation.labels)
    others = len(evaluation.labels) - evaluation.confusion[said_most].sum()
    if wrong[:, said_most].sum() > 0.5 * others and len(names) > 2:
        return f"{right}; the model says {names[said_most]} of {percent(share)} of all images, whatever they show."
    low = int(np.where(evaluation.confusion.sum(axis=1) > 0, evaluation.recall, 2).argmin())
    return (
        f"{right}; the most frequent of {counted(total, 'mistake')} is {true} taken for {said} ({often:,}×), and the "
        f"class read worst is {names[low]}, right in {percent(float(evaluation.recall[low]))}."
    )


def calibration(subject: Subject) -> Picture:
    """Accuracy against confidence, in bins, and how many answers each bin has."""
    if subject.model.output not in PROBABILITIES:
        raise UsageError(
            f"The outputs of {subject.name} are {subject.model.output}, no probabilities, so there is no confidence to "
            f"compare with. {' and '.join(PROBABILITIES)} outputs have one."
        )
    evaluation = subject.model.evaluate(subject.test)
    bins, error = reliability(evaluation), evaluation.calibration_error()
    figure, ((upper,), (lower,)) = sheet(5.0, 2, 1, width=6.8, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1.2)
    enough = [own for own in bins if own.count >= FEW]
    upper.plot([own.confidence for own in enough], [own.accuracy for own in enough], color=COLOURS[0])
    x, y = [own.confidence for own in bins], [own.accuracy for own in bins]
    spread = [[own.accuracy - own.interval[0] for own in bins], [own.interval[1] - own.accuracy for own in bins]]
    upper.errorbar(
        x, y, yerr=np.maximum(spread, 0), fmt="o", color=COLOURS[0], ecolor=GREY, elinewidth=1, capsize=2.5,
        label="answers, with 95% intervals",
    )  # fmt: skip
    few = [own for own in bins if own.count < FEW]
    upper.plot(
        [own.confidence for own in few], [own.accuracy for own in few], "o", color="white", markeredgecolor=COLOURS[0],
        label=f"fewer than {FEW} answers" if few else None, zorder=3,
    )  # fmt: skip
    upper.plot([], [], ":", color=GREY, label="as often right as sure")
    upper.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, columnspacing=1.2)
    upper.set(ylabel="share that is right", ylim=(-0.02, 1.05), xlim=(-0.02, 1.02))
    upper.grid()
    width = bins[0].high - bins[0].low
    lower.bar([own.low + width / 2 for own in bins], [own.count for own in bins], width * 0.9, color=COLOURS[0])
    lower.set(ylabel="answers", xlabel="confidence: the probability of the class that is answered")
    lower.set_yscale("log")
    lower.set_ylim(0.7, max(own.count for own in bins) * 2)
    lower.yaxis.set_major_formatter("{x:,.0f}")
    for axis in (upper.xaxis, upper.yaxis, lower.xaxis):
        axis.set_major_formatter(PercentFormatter(1))
    words = _calibrated(evaluation, error, bins)
    finish(figure, f"Is {subject.name} as often right as it is sure?", words)
    return Picture(figure, words, {"calibration_error": error, "bins": [vars(own) for own in bins]})


def _calibrated(evaluation: Evaluation, error: float, bins: list[Bin]) -> str:
    sure = float(evaluation.confidence.mean(dtype=np.float64))
    gap = 100 * (sure - evaluation.accuracy)
    verdict = (
        f"surer than right by {gap:.1f} points" if gap > 0.5 else
        f"less sure than right by {-gap:.1f} points" if gap < -0.5 else "about as sure as right"
    )  # fmt: skip
    top = bins[-1]
    return (
        f"With a mean confidence of {percent(sure)} and an accuracy of {percent(evaluation.accuracy)} the model is "
        f"{verdict} (expected calibration error {percent(error)}); {percent(top.count / len(evaluation.labels))} of "
        f"its answers are given with over {percent(top.low)}, and of these {percent(top.accuracy)} are right."
    )
