"""What layers and units do: activations, gradients and updates, units that are dead, and what a unit likes best."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from pellucid.errors import UsageError
from pellucid.glass.figures.style import (
    COLOURS,
    GREY,
    INK,
    SMALL,
    counted,
    finish,
    hide,
    legible,
    sheet,
    show_image,
)  # fmt: skip
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.activity import Flow, activities, flow, largest
from pellucid.glass.measures.passes import image_shape, layer_called, sample
from pellucid.glass.measures.preferred import preferred_inputs
from pellucid.optimizers import SGD

EXAMPLES = 256
IMAGES = 2000  # that units are watched with
WIDE = 100  # times the usual size of outputs: then their scale is stretched
USUAL = (3e-4, 3e-3)  # of ‖Δθ‖ / ‖θ‖
UNITS = 20  # whose favourites are shown


def layers(subject: Subject) -> Picture:
    """Three panels, a row for each layer: outputs, gradients, and how far a step moves the weights."""
    recipe = subject.recipe
    optimizer = recipe.make_optimizer() if recipe else SGD()
    examples = sample(subject.train, EXAMPLES)
    rows = flow(subject.network, examples, optimizer)
    figure, ((left, middle, right),) = sheet(max(1.8, 0.24 * len(rows) + 1.0), 1, 3, sharey=True)
    places = np.arange(len(rows))
    left.set_yticks(places, [row.layer for row in rows])
    left.set_ylim(len(rows) - 0.4, -0.6)
    _boxes(left, rows)
    left.set_title("outputs: 5, 25, 50, 75, 95%")
    gradients = [row.gradient for row in rows]
    own = [row.weight_gradient or np.nan for row in rows]
    _dots(middle, gradients, "of its output, ‖dz‖", 0)
    _dots(middle, own, "of its weights", 1)
    middle.set_title("gradients of the loss")
    if 0 in gradients or 0 in [row.weight_gradient for row in rows]:
        middle.set_xlabel("no mark: 0")
    middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3 if len(rows) < 8 else -0.16), ncols=2)
    ratios = [row.ratio or np.nan for row in rows]
    right.axvspan(*USUAL, facecolor="none", edgecolor=GREY, hatch="....", alpha=0.6, linewidth=0)
    _dots(right, ratios, "", 2)
    right.set_title("‖update‖ / ‖weights‖")
    right.set_xlabel("dotted: what is usual")
    for axes in (left, middle, right):
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    words = _flowing(rows, f"{type(optimizer).__name__} at a learning rate of {optimizer.learning_rate:g}")
    title = (
        f"Layer by layer: {subject.name}, {len(examples)} training images, the first step of {type(optimizer).__name__}"
    )
    finish(figure, title, words)
    return Picture(figure, words, {"layers": [vars(row) for row in rows]})


def _boxes(axes: Axes, rows: list[Flow]) -> None:
    """The quantiles of the outputs of each layer."""
    for place, row in enumerate(rows):
        low, first, middle, third, high = row.quantiles
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=1)
        axes.plot([first, third], [place, place], color=COLOURS[0], linewidth=5, solid_capstyle="butt")
        axes.plot([middle], [place], "|", color=INK, markersize=9, markeredgewidth=1.6)
    sizes = [max(map(abs, row.quantiles)) for row in rows]
    top, usual = max(sizes), float(np.median([size for size in sizes if size] or [1.0]))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:.3g}")
    if top > WIDE * usual:
        axes.set_xscale("symlog", linthresh=usual)
        power = 10.0 ** np.floor(np.log10(top))
        low, high = axes.get_xlim()
        axes.set_xticks([value for value in (-power, 0.0, power) if low <= value <= high])
        axes.xaxis.set_major_formatter("{x:.3g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("the scale is stretched around 0")


def _dots(axes: Axes, values: list[float], label: str, number: int) -> None:
    """A number for each layer on a logarithmic scale; what is 0 has none."""
    shown = [value if value > 0 else np.nan for value in values]
    axes.plot(shown, range(len(values)), "os^"[number], color=COLOURS[number], label=label, markersize=6)
    axes.set_xscale("log")
    found = [value for value in [*shown, *axes.dataLim.intervalx] if np.isfinite(value) and value > 0]
    if found:
        low, high = min(found), max(found)
        axes.set_xlim(low / 3, high * 3)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _flowing(rows: list[Flow], step: str) -> str:
    known = [row for row in rows if row.weight_gradient is not None]
    if not known or not any(row.weight_gradient for row in known):
        return "No gradient reaches any weight for these images: the network stands still."
    first, last = known[0], known[-1]
    ratio = (first.gradient / last.gradient) if last.gradient else float("inf")
    verdict = (
        "so gradients vanish on their way back" if ratio < 0.01 else
        "so gradients grow on their way back" if ratio > 100 else "so gradients reach all layers"
    )  # fmt: skip
    way = f"‖dz‖ is {first.gradient:.2g} in {first.layer} and {last.gradient:.2g} in {last.layer}, {verdict}"
    if first is last:
        way = f"‖dz‖ is {first.gradient:.2g} in {first.layer}, which alone has weights"
    moved = {row.layer: row.ratio for row in known if row.ratio}
    if not moved and any(row.weight_gradient and row.ratio is None for row in known):
        return f"{way}; what the step moves is all 0, so that its length is no measure."
    if not moved:
        return f"{way}; the step moves no weight."
    if len(moved) == 1:
        ((only, ratio),) = moved.items()
        what = "them" if first is last else f"those of {only} alone,"
        return f"{way}; a step of {step} moves {what} by {ratio:.2g} of their length."
    slow, fast = min(moved, key=lambda name: moved[name]), max(moved, key=lambda name: moved[name])
    return (
        f"{way}; a step of {step} moves {slow} by {moved[slow]:.2g} of its length, {fast} by "
        f"{moved[fast]:.2g}, where about 0.001 is usual."
    )


def dead_units(subject: Subject) -> Picture:
    """The share of the images that each unit is active for, the busiest unit first, a panel for each activation."""
    images = sample(subject.test, IMAGES)
    found = activities(subject.network, images.images)
    if not found:
        raise UsageError(f"{subject.name} has no hidden activation, so none of its units can be dead.")
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure, grid = sheet(1.9 * rows + 0.4, rows, columns, sharey=True)
    for axes, own in zip(grid.flat, found, strict=False):
        shares, count = np.sort(own.shares)[::-1], len(own.shares)
        alive = count - len(own.dead)
        axes.fill_between(
            np.arange(count + 1), np.append(shares, shares[-1]), step="post", color=COLOURS[0], alpha=0.75
        )
        if len(own.dead):
            axes.axvspan(alive, count, facecolor="white", edgecolor=COLOURS[1], hatch="xxx", linewidth=0)
        dead = f"{len(own.dead)} of {count} dead" if len(own.dead) else f"none of {count} dead"
        axes.set_title(f"{own.layer}\n{dead}", size=SMALL + 1)
        axes.set(xlim=(0, count), ylim=(0, 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    hide(grid.flat[len(found) :])
    for axes in grid[:, 0]:
        axes.set_ylabel("images it is active for")
    for axes in grid[-1]:
        axes.set_xlabel("units, the busiest first")
    lost, every = sum(len(own.dead) for own in found), sum(len(own.shares) for own in found)
    always = sum(int((own.shares == 1).sum()) for own in found)
    places = [f"{len(own.dead)} of {len(own.shares)} in {own.layer}" for own in found if len(own.dead)]
    most = f" ({', '.join(places[:4])}{' ...' if len(places) > 4 else ''})" if lost else ""
    words = (
        f"Of {counted(every, 'unit')} {lost or 'none'} {'is' if lost == 1 else 'are'} dead, letting no gradient "
        f"through for any of {len(images):,} test images{most}, and {always or 'none'} "
        f"{'is' if always == 1 else 'are'} active for all of them."
    )
    finish(figure, f"Which units of {subject.name} are ever active", words)
    numbers = [{"layer": own.layer, "shares": own.shares.tolist(), "dead": own.dead.tolist()} for own in found]
    return Picture(figure, words, {"layers": numbers, "images": len(images)})


def preferred_input(subject: Subject) -> Picture:
    """Inputs that the classes, or the units of a layer, like best."""
    network = subject.network
    layer = layer_called(network, subject.layer) if subject.layer else network.layers[-1]
    count = layer.output_shape[0]
    if subject.unit is not None and subject.unit >= count:
        raise UsageError(f"{layer.name} has units 0 to {count - 1}; --unit {subject.unit} came.")
    units = np.arange(min(count, UNITS)) if subject.unit is None else np.array([subject.unit])
    images = sample(subject.train, IMAGES).images
    real = largest(network, images, layer)
    found = preferred_inputs(network, layer, units, np.asarray(images.mean(axis=0).round(), np.uint8))
    columns = min(5, len(units))
    rows = -(-len(units) // columns)
    figure, grid = sheet(rows * 1.85, rows, columns, width=max(5.2, 1.55 * columns))
    shape = image_shape(network)
    ends = layer is network.layers[-1] and count > 1
    names = legible(network.classes) if ends else [f"unit {unit}" for unit in range(count)]
    for axes, unit, image, after in zip(grid.flat, units.tolist(), found.images, found.after.tolist(), strict=False):
        show_image(axes, _rows(image.reshape(shape)))
        axes.set_title(f"{names[unit]}\n{after:.3g}", size=SMALL, linespacing=1.15, pad=3)
    hide(grid.flat[len(units) :])
    stuck = int((found.after <= found.before).sum())
    beyond = _beyond(found.after, real[units])
    what = "the logits" if ends else f"{counted(len(units), 'unit')} of {layer.name}"
    what, each = (what, "each") if len(units) > 1 else (f"{names[units[0]]} of {layer.name}", "the")
    like = "like" if len(units) > 1 else "likes"
    mean = ", the mean over the places of the map," if len(layer.output_shape) == 3 else ""
    words = (
        f"Gradient ascent from the mean training image to what {what} {like} best, where the number above {each} image"
        f"{mean} is what it gave{beyond}" + (f"; {counted(stuck, 'unit')} could not be moved." if stuck else ".")
    )
    finish(figure, f"What {layer.name} of {subject.name} likes best", words)
    numbers: dict[str, Any] = {"layer": layer.name, "units": units.tolist(), "before": found.before.tolist()}
    numbers |= {"after": found.after.tolist(), "largest_of_training": real[units].tolist()}
    return Picture(figure, words, numbers)


def _beyond(after: Any, real: Any) -> str:
    """How far beyond what real images bring that is."""
    factors = [a / r for a, r in zip(after.tolist(), real.tolist(), strict=True) if r > 0]
    typical = " (median)" if len(factors) > 1 else ""
    return f", {np.median(factors):.1f} times{typical} the most that a training image gave" if factors else ""


def _rows(image: Any) -> Any:
    """(height, width), or (height, width, 3)."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
