"""Why the model answers as it does of one test image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pellucid.glass.figures.style import (
    AMOUNT,
    COLOURS,
    GREY,
    INK,
    RULE,
    SIGNED,
    SMALL,
    bare,
    finish,
    legible,
    percent,
    sheet,
    shorten,
    show_image,
    signed,
    symmetric,
)  # fmt: skip
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures import attribution
from pellucid.glass.measures.attribution import Contributions, Occlusion
from pellucid.glass.measures.passes import by_name, image_shape, logits

LARGEST = 14  # contributions that have a bar of their own
SHARE = 0.18  # of the image's side that the patch covers
NAMED = 3  # letters of a class in a small place


def _asked(subject: Subject) -> tuple[int, int, list[str]]:
    """The answer of the model, the class that is asked about, and the names of all."""
    network = subject.network
    image, _, _ = subject.image
    said = int(network.classify(image[None])[0])
    return said, by_name(network, subject.answer, said), legible(network.classes)


def _about(subject: Subject, said: int, names: list[str]) -> str:
    _, label, index = subject.image
    right = "rightly" if said == label else f"but shows {names[label]}"
    return f"Test image {index} is taken for {names[said]}, {right}"


def _output(subject: Subject, answer: int) -> int:
    """The output whose logit speaks for a class: of a single output there is only one."""
    return min(answer, subject.network.outputs - 1)


def saliency(subject: Subject) -> Picture:
    """The gradient of a logit with respect to the pixels: signed, and its size."""
    image, _, index = subject.image
    said, answer, names = _asked(subject)
    gradient = attribution.saliency(subject.network, image, _output(subject, answer))
    if subject.network.outputs == 1 and answer == 0:
        gradient = -gradient
    channels, height, width = image_shape(subject.network)
    pixels = image.reshape(height, width, channels)
    strongest = gradient[abs(gradient).argmax(axis=0), np.arange(height)[:, None], np.arange(width)]
    figure, ((left, middle, right),) = sheet(2.75, 1, 3)
    show_image(left, pixels[..., 0] if channels == 1 else pixels)
    left.set_title(f"test image {index}")
    bound = symmetric(strongest)
    _with_bar(figure, middle, strongest, "slope of its logit, pixel by pixel", SIGNED, -bound, bound)
    _with_bar(figure, right, abs(gradient).max(axis=0), "its size, the saliency", AMOUNT, 0, bound)
    ink = pixels.max(axis=-1) > 127
    size = abs(gradient).max(axis=0)
    share = float(size[ink].sum() / size.sum()) if size.sum() else 0.0
    if not size.any():
        words = f"{_about(subject, said, names)}, and no pixel changes the logit of {names[answer]}: its gradient is 0."
    else:
        top, place = np.unravel_index(int(size.argmax()), size.shape)
        words = (
            f"{_about(subject, said, names)}; the logit of {names[answer]} depends most on the pixel in row {top}, "
            f"column {place}, whose slope is {signed(strongest[top, place])} from black to white, and {percent(share)} "
            f"of the saliency lies on the ink, which is {percent(float(ink.mean()))} of the image."
        )
    finish(figure, f"Which pixels {subject.name} looks at", words)
    return Picture(figure, words, {"index": index, "class": names[answer], "gradient": gradient.tolist()})


def _with_bar(
    figure: Figure, axes: Axes, values: NDArray[np.floating], title: str, colours: str | Colormap, low: float,
    high: float,
) -> None:  # fmt: skip
    drawn = axes.imshow(values, cmap=colours, vmin=low, vmax=high)
    _framed(axes)
    axes.set_title(title)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.85, aspect=16, pad=0.03)
    bar.outline.set_visible(False)


def occlusion(subject: Subject) -> Picture:
    """The output for a class, and the answer, with a patch at each place."""
    image, _, index = subject.image
    said, answer, names = _asked(subject)
    height, width = image.shape[:2]
    side = max(1, round(SHARE * max(height, width)))
    found = attribution.occlusion(subject.network, image, answer, side, max(1, max(height, width) // 28))
    figure, ((left, middle, right),) = sheet(2.75, 1, 3)
    show_image(left, image)
    top, place = np.unravel_index(int(found.lead.argmin()), found.lead.shape)
    lowest, changes = float(found.lead[top, place]), bool(np.ptp(found.lead))
    if changes:
        corner = (place * found.stride - 0.5, top * found.stride - 0.5)
        left.add_patch(Rectangle(corner, found.side, found.side, fill=False, edgecolor=COLOURS[4], linewidth=2))
    left.set_title(f"test image {index}" + ("\nand the patch that does most" if changes else ""))
    low, high = min(0.0, lowest), max(float(found.lead.max()), found.whole, 0.0)
    title = f"lead of {shorten(names[answer], 12)} over the\nnext logit, by the patch's place"
    _with_bar(figure, middle, found.lead, title, AMOUNT, low, high if high > low else low + 1)
    _place(middle, found, height, width)
    _answers(right, found, said, legible(subject.network.classes, NAMED))
    _place(right, found, height, width)
    changed = float((found.answers != said).mean())
    moves = (
        f"takes the lead of {names[answer]} over the next logit from {signed(found.whole)} to {signed(lowest)} at worst"
        if changes else "never changes its logits"
    )  # fmt: skip
    becomes = (
        f", and at {percent(changed)} of all places the answer becomes another" if changed else
        ", and nowhere does the answer become another" if changes else ""
    )  # fmt: skip
    words = f"{_about(subject, said, names)}; a patch of {found.side}×{found.side} on the image {moves}{becomes}."
    finish(figure, f"What {subject.name} says when a part is covered", words)
    numbers = {"index": index, "class": names[answer], "side": found.side, "stride": found.stride, "whole": found.whole}
    numbers |= {name: getattr(found, name).tolist() for name in ("lead", "outputs", "answers")}
    return Picture(figure, words, numbers)


def _answers(axes: Axes, found: Occlusion, said: int, names: list[str]) -> None:
    """Where another answer is given, and which."""
    other = found.answers != said
    axes.imshow(other, cmap=AMOUNT, vmin=0, vmax=3)
    axes.set_title("where the answer changes,\nand to what")
    _framed(axes)
    _borders(axes, np.where(other, found.answers, -1), found)
    if not other.any():
        axes.text(0.5, 0.5, "nowhere", ha="center", va="center", size=SMALL, color=GREY, transform=axes.transAxes)
    for label in np.unique(found.answers[other]).tolist():
        for rows, columns in _regions(other & (found.answers == label)):
            if len(rows) >= 4:
                middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
                x, y = (places[middle] * found.stride + (found.side - 1) / 2 for places in (columns, rows))
                axes.text(x, y, names[label], ha="center", va="center", size=SMALL, color=INK)


def _borders(axes: Axes, answers: NDArray[np.int64], found: Occlusion) -> None:
    """Lines between places of different answers."""
    first, step = (found.side - found.stride) / 2 - 0.5, found.stride
    for row, column in zip(*np.nonzero(answers[:, 1:] != answers[:, :-1]), strict=True):
        x, y = first + (column + 1) * step, first + row * step
        axes.plot([x, x], [y, y + step], color=GREY, linewidth=0.8)
    for row, column in zip(*np.nonzero(answers[1:] != answers[:-1]), strict=True):
        x, y = first + column * step, first + (row + 1) * step
        axes.plot([x, x + step], [y, y], color=GREY, linewidth=0.8)


def _place(axes: Axes, found: Occlusion, height: int, width: int) -> None:
    """Let numbers by the place of a patch stand where its centre is on the image."""
    first = (found.side - found.stride) / 2 - 0.5
    rows, columns = found.lead.shape
    (drawn,) = axes.images
    drawn.set_extent((first, first + columns * found.stride, first + rows * found.stride, first))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _framed(axes: Axes) -> None:
    bare(axes)
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_color(RULE)


def _regions(mask: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The connected parts of a mask, each as its rows and columns."""
    left, parts = mask.copy(), []
    while left.any():
        part = np.zeros_like(left)
        part[np.unravel_index(int(left.argmax()), left.shape)] = True
        while True:
            grown = part.copy()
            grown[1:] |= part[:-1]
            grown[:-1] |= part[1:]
            grown[:, 1:] |= part[:, :-1]
            grown[:, :-1] |= part[:, 1:]
            grown &= left
            if (grown == part).all():
                break
            part = grown
        left &= ~part
        parts.append(np.nonzero(part))
    return parts  # type: ignore[return-value]


def contributions(subject: Subject) -> Picture:
    """What the last layer adds up for a class, against the class that comes next."""
    network = subject.network
    image, _, index = subject.image
    said, answer, names = _asked(subject)
    z = logits(network, image[None])[0]
    rival = int(np.argsort(np.where(np.arange(len(z)) == answer, -np.inf, z))[-1]) if len(z) > 1 else None
    output = _output(subject, answer)
    found = attribution.contributions(network, image, output, rival)
    if len(z) == 1 and answer == 0:  # the one logit speaks for the other class
        found = replace(found, products=-found.products, bias=-found.bias, total=-found.total)
    inputs = _inputs(found, image)
    figure = _bars(found, inputs, names[answer], None if rival is None else names[rival])
    side = "above" if found.total >= 0 else "below"
    lies = f"is {signed(found.total)}"
    if rival is not None:
        lies = f"lies {abs(found.total):.3g} {side} that of {names[rival]}"
    best = int(abs(found.products).argmax())
    most = (
        f"of which {inputs[best]} weighs most, {signed(found.products[best])}, and the bias is {signed(found.bias)}"
        if found.products.any() else "which is the bias alone, as every product of weight and input is 0"
    )  # fmt: skip
    words = (
        f"{_about(subject, said, names)}; the logit of {names[answer]} {lies}, exactly the "
        f"sum of these contributions, {most}."
    )
    finish(figure, f"Which weights of {found.layer} decided, {subject.name}", words)
    numbers = {"index": index, "class": names[answer], "against": None if rival is None else names[rival]}
    numbers |= {"products": found.products.tolist(), "bias": found.bias, "total": found.total}
    return Picture(figure, words, numbers)


def _inputs(found: Contributions, image: NDArray[np.uint8]) -> list[str]:
    """What the last layer reads: units, or pixels by row and column, from 0."""
    places = range(found.products.size)
    if found.source != "input":
        return [f"unit {place} of {found.source}" for place in places]
    height, width = image.shape[:2]
    pixels = [f"row {place // width % height}, column {place % width}" for place in places]
    colours = ("red", "green", "blue")
    return (
        [f"{colours[n // (height * width)]}, {pixel}" for n, pixel in enumerate(pixels)] if image.ndim > 2 else pixels
    )


def _bars(found: Contributions, inputs: list[str], answer: str, rival: str | None) -> Figure:
    """The largest contributions, the rest together, the bias, and the sum of all."""
    order = np.argsort(-abs(found.products), kind="stable")
    own, rest = order[:LARGEST], order[LARGEST:]
    rows = [(f"{inputs[place]} ({found.inputs[place]:.2g})", float(found.products[place])) for place in own]
    if len(rest):
        rows.append((f"the other {len(rest)}", float(found.products[rest].sum())))
    rows += [("bias", found.bias), ("sum", found.total)]
    figure, ((axes,),) = sheet(0.215 * len(rows) + 0.75)
    values = [value for _, value in rows]
    low, high = min(0.0, *values), max(0.0, *values)
    span = high - low or 1.0
    for place, (name, value) in enumerate(rows):
        hatch = "/////" if value < 0 else ""
        colour = COLOURS[1] if value < 0 else COLOURS[0]
        style = {"facecolor": "white" if value < 0 else colour, "edgecolor": colour, "hatch": hatch}
        axes.barh(place, value, 0.7, linewidth=0.8, **style)
        text, gap = signed(value), 0.01 * span
        axes.text(value + (gap if value >= 0 else -gap), place, text, size=SMALL, va="center",
                  ha="left" if value >= 0 else "right", weight="bold" if name == "sum" else "normal")  # fmt: skip
    axes.axhline(len(rows) - 1.5, color=GREY, linewidth=0.8)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(low - 0.12 * span, high + 0.12 * span))
    to = f"for {answer}" + (f", full, or for {rival}, hatched" if rival else "")
    axes.set_xlabel(f"weight × input {to}\nthe input is in brackets")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    return figure
