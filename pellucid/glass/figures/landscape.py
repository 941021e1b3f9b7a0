"""The loss around the weights, and along the way on which they came there."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.glass.figures.places import limits
from pellucid.glass.figures.scales import apart, scale_of_losses
from pellucid.glass.figures.style import COLOURS, DASHES, GREY, INK, SMALL, finish, percent, sheet
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.landscape import direction, line, loss_at, plane
from pellucid.glass.measures.passes import sample
from pellucid.glass.measures.trajectory import plane_of

REACH = 1.0  # in lengths of the filters
LINE_EXAMPLES, POINTS = 2000, 41
PLANE_EXAMPLES, SIDE = 500, 21
LEVELS = 12
COLOURMAP = "viridis_r"  # van der Walt, Smith, 2015: ever darker with the loss
FEWEST = 3  # moments that span a plane


def loss_line(subject: Subject) -> Picture:
    """Loss and accuracy at θ + a·d, on training and on test images."""
    network, steps = subject.network, np.linspace(-REACH, REACH, POINTS)
    along = direction(network, 0)
    parts = {"training": sample(subject.train, LINE_EXAMPLES), "test": sample(subject.test, LINE_EXAMPLES)}
    found = {name: line(network, data, along, steps) for name, data in parts.items()}
    figure, ((left, right),) = sheet(3.3, 1, 2)
    for number, (name, values) in enumerate(found.items()):
        for axes, column in ((left, 0), (right, 1)):
            axes.plot(steps, values[:, column], DASHES[number], color=COLOURS[number], label=f"{name} images")
    for axes in (left, right):
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xlabel("a, in lengths of the filters; 0 is the model")
        axes.grid(axis="y")
    losses = np.concatenate([values[:, 0] for values in found.values()])
    scale_of_losses(left, losses.tolist())
    left.legend()
    right.set_title("Accuracy")
    right.set_ylim(-0.02, 1.02)
    right.yaxis.set_major_formatter(PercentFormatter(1))
    own, middle = found["training"][:, 0], POINTS // 2
    lowest = int(np.nanargmin(own)) if np.isfinite(own).any() else middle
    lowest = middle if own[lowest] >= own[middle] else lowest  # of equals the model
    near = int(np.argmin(abs(steps - 0.5)))
    at_model, least, at_half = _told(*own[[middle, lowest, near]].tolist())
    place = (
        "is lowest here, in this direction," if lowest == middle else
        f"is lower, {least}, at a = {_minus(steps[lowest])} in this direction,"
    )  # fmt: skip
    words = (
        f"The training loss, {at_model} at the model, {place} and {at_half} where every filter is "
        f"changed by half its length, with {percent(found['training'][near, 1])} of the images read right; another "
        "direction may look otherwise."
    )
    if not along.any():
        words = _nowhere(own[middle])
    finish(figure, f"The loss of {subject.name} along one random direction, filter-normalised", words)
    return Picture(figure, words, {"a": steps.tolist()} | {name: own.tolist() for name, own in found.items()})


def _nowhere(loss: float) -> str:
    """What is to be said of a network without a direction."""
    return (
        "All weights are 0, and with them every direction, which is as long as the filters are: the training loss is "
        f"{_told(loss)[0]} everywhere here."
    )


def _minus(number: float) -> str:
    return f"{number:.2g}".replace("-", "−")


def _told(*losses: float) -> list[str]:
    """Losses as a sentence has them: different ones are told apart."""
    texts = apart(losses, 3)
    return [text if np.isfinite(loss) else "beyond all bounds" for loss, text in zip(losses, texts, strict=True)]


def loss_plane(subject: Subject) -> Picture:
    """Contours of the loss at θ + a·d + b·e."""
    network, steps = subject.network, np.linspace(-REACH, REACH, SIDE)
    data = sample(subject.train, PLANE_EXAMPLES)
    subject.say(f"the loss of {len(data)} images at {SIDE * SIDE} points")
    first, second = direction(network, 1), direction(network, 2)
    losses = plane(network, data, first, second, steps, steps)
    figure, ((axes,),) = sheet(5.0, width=6.6)
    _contours(figure, axes, steps, steps, losses)
    axes.plot(0, 0, "*", color="white", markeredgecolor=INK, markersize=15)
    axes.annotate("the model", (0, 0), (9, 8), textcoords="offset points", size=SMALL, color=INK, bbox=_PAPER)
    axes.set(xlabel="first direction, in lengths of the filters", ylabel="second direction", aspect="equal")
    here = float(losses[SIDE // 2, SIDE // 2])
    finite = np.where(np.isfinite(losses), losses, np.inf)
    row, column = np.unravel_index(int(finite.argmin()), losses.shape)
    edge = float(np.median(np.concatenate([losses[0], losses[-1], losses[:, 0], losses[:, -1]])))
    at_model, least, along = _told(here, float(finite[row, column]), edge)
    lowest = (
        "nowhere on this grid lower," if finite[row, column] >= here else
        f"on this grid lowest at ({_minus(steps[column])}, {_minus(steps[row])}), {least},"
    )  # fmt: skip
    words = (
        f"The training loss is {at_model} at the model, {lowest} and {along} (median) along the edge, where filters "
        f"are changed by their own length and more; these are two directions of {network.theta.size:,}."
    )
    if not first.any():
        words = _nowhere(here)
    finish(figure, f"The loss around {subject.name}, two random directions, filter-normalised", words)
    return Picture(figure, words, {"steps": steps.tolist(), "loss": losses.tolist()})


_PAPER = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def _contours(figure: Figure, axes: Axes, x: Any, y: Any, losses: NDArray[np.float64]) -> None:
    """Filled contours with lines and numbers, evenly spaced in the logarithm where the losses are far apart."""
    finite = losses[np.isfinite(losses)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    spread = high > 10 * low > 0
    levels = np.geomspace(low, high, LEVELS) if spread else np.linspace(low, high, LEVELS)
    shown = np.clip(np.where(np.isfinite(losses), losses, high), low, high)
    norm = LogNorm(low, high) if spread else None
    drawn = axes.contourf(x, y, shown, levels=levels, cmap=COLOURMAP, norm=norm)
    axes.contour(x, y, shown, levels=levels, colors=INK, linewidths=0.4)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.9, aspect=24, pad=0.02)
    bar.ax.set_yticks(levels[::2], apart(levels[::2].tolist(), 2))
    bar.ax.minorticks_off()
    bar.set_label("training loss" + (", on a logarithmic scale" if spread else ""), size=SMALL)
    bar.outline.set_visible(False)


def loss_path(subject: Subject) -> Picture:
    """The plane that holds most of the way with the loss in it, and the loss at every moment of the way."""
    network, way = subject.network, subject.way
    if len(way) < FEWEST:
        raise ModelFileError(f"{subject.name} knows {len(way)} moments of its way; a plane needs {FEWEST} at least.")
    data = sample(subject.train, PLANE_EXAMPLES)
    components = plane_of(way)
    places = components.of(way.theta)
    (x_low, x_high), (y_low, y_high) = limits(places, 0.25)
    span = max(x_high - x_low, y_high - y_low)
    y_low, y_high = _at_least(y_low, y_high, 0.45 * span)
    x, y = np.linspace(x_low, x_high, SIDE), np.linspace(y_low, y_high, SIDE)
    subject.say(f"the loss of {len(data)} images at {SIDE * SIDE} points")
    measure = loss_at(network, data)
    losses = np.array([[measure(components.mean + [a, b] @ components.axes, way.state[-1])[0] for a in x] for b in y])
    true = [measure(theta, state)[0] for theta, state in zip(way.theta, way.state, strict=True)]
    projected = [measure(components.mean + place @ components.axes, way.state[-1])[0] for place in places]
    figure, ((left, right),) = sheet(3.9, 1, 2, width=9.4, width_ratios=[1.45, 1])
    figure.get_layout_engine().set(wspace=0.08)  # type: ignore[union-attr, call-arg]  # the bar belongs to the left
    _contours(figure, left, x, y, losses)
    left.plot(*places.T, "o-", color="white", markeredgecolor=INK, markersize=4, linewidth=1.2)
    for place, name, mark in ((0, "first", "s"), (-1, "end", "*")):
        left.plot(*places[place], mark, color="white", markeredgecolor=INK, markersize=8 if mark == "s" else 14)
        text = ("start" if way.begins else f"step {int(way.steps[0]):,}") if name == "first" else name
        left.annotate(text, places[place], (8, 7), textcoords="offset points", size=SMALL, color=INK, bbox=_PAPER)
    left.set(xlabel=f"first component, {percent(components.shares[0], 0)}",
             ylabel=f"second component, {percent(components.shares[1], 0)}")  # fmt: skip
    left.set_title("the path, as it falls on the plane")
    right.plot(way.epochs, true, "o-", color=COLOURS[0], label="on the path itself")
    right.plot(way.epochs, projected, "s--", color=COLOURS[1], markersize=3.5, label="where it falls on the plane")
    scale_of_losses(right, true + projected)
    right.set_xlabel("epoch")
    right.grid(axis="y")
    right.legend()
    held = float(components.shares.sum())
    nearest = [losses[abs(y - b).argmin(), abs(x - a).argmin()] for a, b in places]
    with np.errstate(all="ignore"):  # a loss may be beyond all bounds
        misses = max(abs(np.log10(np.maximum(nearest, 1e-12) / np.maximum(projected, 1e-12))), default=0.0)
        off = float(np.median(np.array(projected[:-1]) / np.maximum(true[:-1], 1e-12)))
    coarse = "" if misses < 1 else "; the grid is too coarse for the steepest places, and shows a false loss there"
    beside = f"{off:.2g} times (median) what it is on the path itself" if np.isfinite(off) else "beyond all bounds"
    begun, ended = _told(true[0], true[-1])
    words = (
        f"Along the path the training loss goes from {begun} to {ended}; this plane holds "
        f"{percent(held, 0)} of the path's variance, and where the path falls on it the loss is {beside}{coarse}"
        f"{subject.since}."
    )
    finish(figure, f"The loss along the path of training, {subject.name}", words)
    numbers = {"places": places.tolist(), "epochs": way.epochs.tolist(), "loss": true, "projected": projected}
    return Picture(figure, words, numbers | {"shares": components.shares.tolist(), "x": x.tolist(), "y": y.tolist(),
                                             "plane": losses.tolist()})  # fmt: skip


def _at_least(low: float, high: float, span: float) -> tuple[float, float]:
    middle, half = (low + high) / 2, max(high - low, span) / 2
    return middle - half, middle + half
