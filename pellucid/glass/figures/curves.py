"""A training in two curves, and what more examples would bring."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from pellucid.errors import ModelFileError
from pellucid.glass.figures.scales import scale_of_losses
from pellucid.glass.figures.style import COLOURS, DASHES, MARKERS, counted, finish, percent, sheet
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.growth import grow

MARKED = 40  # epochs; more of them have no markers
SPAN = 0.05


def curves(subject: Subject) -> Picture:
    """Loss and accuracy after each epoch, on training images and on held-out ones if there were any."""
    history = subject.history
    if not history:
        raise ModelFileError(
            f"{subject.name} does not know the numbers of its epochs; metrics.jsonl in a run folder of "
            "`pellucid train` does. Of a committee take one member, --member 1."
        )
    epochs = np.arange(1, len(history["loss"]) + 1)
    figure, ((left, right),) = sheet(3.3, 1, 2)
    for axes, key in ((left, "loss"), (right, "accuracy")):
        lines = {"training": history[key], "held-out": history[f"validation_{key}"]}
        for number, (name, values) in enumerate(lines.items()):
            if values:
                marker = MARKERS[number] if len(values) <= MARKED else ""
                axes.plot(epochs, values, DASHES[number], color=COLOURS[number], marker=marker, label=name)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        axes.margins(x=0.03 if len(epochs) > 1 else 1)
        axes.grid(axis="y")
    if history["validation_loss"]:
        left.legend()
    scale_of_losses(left, [*history["loss"], *history["validation_loss"]])
    right.set_title("Accuracy")
    right.yaxis.set_major_formatter(PercentFormatter(1))
    _widen(right)
    words = _words(history)
    finish(figure, f"Loss and accuracy of {subject.name} over {counted(len(epochs), 'epoch')}", words)
    return Picture(figure, words, {"history": history})


def _widen(axes: Axes) -> None:
    """Let an axis of shares span SPAN at least, so that next to nothing does not look like much."""
    low, high = axes.get_ylim()
    if high - low < SPAN:
        middle = min(max((low + high) / 2, SPAN / 2), 1 - SPAN / 2)
        axes.set_ylim(middle - 0.52 * SPAN, middle + 0.52 * SPAN)


def _words(history: dict[str, list[float]]) -> str:
    loss, accuracy = history["loss"], history["accuracy"]
    if len(loss) == 1:
        words = f"After one epoch the training loss is {loss[0]:.3g} and the training accuracy {percent(accuracy[0])}"
    else:
        first, last = f"{loss[0]:.3g}", f"{loss[-1]:.3g}"
        way = "fell" if loss[-1] < loss[0] else "rose"
        moved = f"stayed at {last}" if first == last else f"{way} from {first} to {last}"
        words = (
            f"Over {len(loss)} epochs the training loss {moved} and the training accuracy "
            f"went from {percent(accuracy[0])} to {percent(accuracy[-1])}"
        )
    if held_out := history["validation_loss"]:
        best = int(np.argmin(held_out))
        shares = history["validation_accuracy"]
        words += f"; on held-out images the accuracy ended at {percent(shares[-1])}"
        if best < len(held_out) - 1 and held_out[-1] > 1.02 * held_out[best] and loss[-1] < loss[0]:
            words += (
                f", and the loss, lowest after epoch {best + 1}, has risen from {held_out[best]:.3g} to "
                f"{held_out[-1]:.3g} since, which is overfitting"
            )
    return f"{words}."


def learning_curve(subject: Subject) -> Picture:
    """Accuracy on training and test images of networks that are trained by the run's recipe on ever more examples."""
    recipe, train = subject.recipe, subject.given
    if recipe is None:
        raise ModelFileError(
            f"{subject.name} does not say by which recipe it was trained; a run folder of `pellucid train` does, "
            "and so do the model files in it."
        )
    rows = grow(recipe, train.subset(slice(subject.limit)), subject.test, subject.say)
    sizes = [row.examples for row in rows]
    figure, ((axes,),) = sheet(3.6)
    for number, name in enumerate(("training", "test")):
        values = [getattr(row, name) for row in rows]
        style = {"color": COLOURS[number], "marker": MARKERS[number], "label": f"{name} images"}
        axes.plot(sizes, values, DASHES[number], **style)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="training examples, on a logarithmic scale", ylabel="accuracy")
    _widen(axes)
    axes.grid(axis="y")
    axes.legend(loc="lower right")
    (before, last), gap = list(pairwise(rows))[-1], rows[-1].training - rows[-1].test
    gained = round(100 * last.test, 1) - round(100 * before.test, 1)  # of the numbers as they are written
    lead = "more examples would still help" if gained > 0.5 else "more of the same examples would hardly help"
    words = (
        f"With {last.examples:,} examples in place of {before.examples:,} the test accuracy goes from "
        f"{percent(before.test)} to {percent(last.test)}, {gained:+.1f} points, so {lead}; it lies "
        f"{abs(100 * gap):.1f} points {'below' if gap >= 0 else 'above'} that of the training images."
    )
    finish(figure, f"Accuracy of {recipe.name or recipe.architecture} against the number of training examples", words)
    return Picture(figure, words, {"rows": [vars(row) for row in rows]})
