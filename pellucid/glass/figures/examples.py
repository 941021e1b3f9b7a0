"""Single test images with what the model says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.glass.figures.style import (
    COLOURS,
    GREY,
    RULE,
    SMALL,
    WIDTH,
    counted,
    finish,
    fit,
    hide,
    legible,
    percent,
    sheet,
    show_image,
)  # fmt: skip
from pellucid.glass.figures.subject import Picture, Subject

MISTAKES, PREDICTIONS, BARS = 24, 10, 3
COLUMNS = 8  # of mistakes; fewer where classes have long names
NAME = 10  # letters of a class


def mistakes(subject: Subject) -> Picture:
    """The wrong answers that the model was surest of, the surest first."""
    test = subject.test
    evaluation = subject.model.evaluate(test)
    names = legible(evaluation.classes)
    columns = COLUMNS if max(map(len, names)) <= NAME // 2 else COLUMNS - 3
    worst, wrong = (
        evaluation.mistakes(MISTAKES // columns * columns),
        int((evaluation.predicted != evaluation.labels).sum()),
    )
    rows = max(1, -(-len(worst) // columns))
    figure, grid = sheet(rows * (WIDTH / columns + 0.5) if worst else 0.4, rows, columns)
    for axes, mistake in zip(grid.flat, worst, strict=False):
        show_image(axes, test.images[mistake.index])
        lines = (f"is {names[mistake.label]}", f"said {names[mistake.predicted]}", _sure(subject, mistake.output))
        axes.set_title(
            "\n".join(fit(text, WIDTH / columns - 0.12, SMALL) for text in lines), size=SMALL, linespacing=1.15, pad=3
        ).set_in_layout(True)
        axes.set_xlabel(f"image {mistake.index}", size=7, color=GREY, labelpad=2)
    hide(grid.flat[len(worst) :])
    if not worst:
        words = f"The model reads all {len(test):,} test images right, so there is no mistake to show."
    else:
        high = sum(mistake.output > 0.9 for mistake in evaluation.mistakes(wrong))
        many = f"{high:,}" if high else "none"
        sure = f", {many} of them with over 90%" if subject.model.output in ("softmax", "sigmoid") else ""
        words = (
            f"The model reads {wrong:,} of {len(test):,} test images wrong{sure}; these are the "
            f"{counted(len(worst), 'mistake')} that it was surest of, the surest first."
        )
    finish(figure, f"The surest mistakes of {subject.name}", words)
    rows_of = [vars(mistake) for mistake in worst]
    return Picture(figure, words, {"mistakes": rows_of, "wrong": wrong, "images": len(test)})


def _sure(subject: Subject, output: float) -> str:
    """An output in words: a share where outputs are probabilities."""
    if subject.model.output not in ("softmax", "sigmoid"):
        return f"{output:.3g}"
    return percent(output)


def predictions(subject: Subject) -> Picture:
    """Test images in their order, none chosen, each with the outputs of the classes that the model holds likeliest."""
    test, first = subject.test, subject.index or 0
    if first >= len(test):
        raise UsageError(f"The test images of {test.name} are numbered from 0 to {len(test) - 1:,}; {first:,} came.")
    part = test.subset(slice(first, first + PREDICTIONS))
    outputs = _of_classes(subject.model.predict(part.images))
    names = legible(subject.model.classes, NAME + 4)
    probabilities = subject.model.output in ("softmax", "sigmoid")
    reach = 1.0 if probabilities else float(max(abs(outputs).max(), 1e-9))
    rows = -(-len(part) // 2)
    figure, grid = sheet(rows * 0.95, rows, 4, width_ratios=[1, 3.2, 1, 3.2])
    right = 0
    for number, (image, label, own) in enumerate(zip(part.images, part.labels.tolist(), outputs, strict=True)):
        picture, bars = grid[number // 2, 2 * (number % 2) : 2 * (number % 2) + 2]
        show_image(picture, image)
        right += int(own.argmax()) == label
        _bars(bars, own, label, names, reach, probabilities)
        mark = "" if int(own.argmax()) == label else ", read wrong"
        bars.set_title(f"image {first + number}: {names[label]}{mark}", size=SMALL, pad=2)
    for axes in grid[-1, 2 * (len(part) % 2 or 2) :]:
        axes.set_axis_off()
    unsure = int((outputs.max(axis=1) < 0.9).sum())
    doubts = f", and {unsure or 'none'} answered with less than 90%" if probabilities else ""
    words = (
        f"Of test images {first} to {first + len(part) - 1}, taken as they come, {right} of {len(part)} are read right"
        f"{doubts}; the full bar is the true class."
    )
    finish(figure, f"What {subject.name} says of test images", words)
    return Picture(figure, words, {"first": first, "labels": part.labels.tolist(), "outputs": outputs.tolist()})


def _of_classes(outputs: NDArray[Any]) -> NDArray[Any]:
    """Outputs by class: a single one is that of the second class."""
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def _bars(axes: Axes, outputs: NDArray[Any], label: int, names: list[str], reach: float, probabilities: bool) -> None:
    """The likeliest classes as bars, that of the true class filled, the others hatched."""
    best = np.argsort(-outputs, kind="stable")[:BARS]
    values = outputs[best]
    filled: dict[str, Any] = {"color": COLOURS[0], "edgecolor": COLOURS[0]}
    hatched: dict[str, Any] = {"color": "white", "edgecolor": COLOURS[1], "hatch": "/////"}
    for place, (number, value) in enumerate(zip(best.tolist(), values.tolist(), strict=True)):
        axes.barh(place, value, 0.72, linewidth=0.8, **(filled if number == label else hatched))
        text = percent(value) if probabilities else f"{value:.3g}"
        axes.text(max(value, 0) + 0.03 * reach, place, text, va="center", size=SMALL)
    axes.set_yticks(range(len(best)), [names[number] for number in best])
    axes.set_xticks([])
    axes.set(ylim=(BARS - 0.4, -0.6), xlim=(min(0.0, float(values.min())), 1.35 * reach))
    axes.tick_params(length=0)
    for name, side in axes.spines.items():
        side.set_visible(name == "left")
        side.set_color(RULE)
