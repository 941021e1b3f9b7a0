"""What the first layer looks for, and what convolutions make of an image."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.glass.figures.style import (
    IMAGE,
    SIGNED,
    SMALL,
    WIDTH,
    bare,
    counted,
    finish,
    hide,
    legible,
    sheet,
    show_image,
    symmetric,
)
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.passes import image_shape, outputs
from pellucid.layers import Layer, walk
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.network import Network

MOST = 128  # units in a figure
WITHIN, ENOUGH = 0.995, 2000  # share of the weights that the scale holds, where there are so many
MAPS = 16  # of a layer in a row


def weights(subject: Subject) -> Picture:
    """The weights into each unit of the first layer as an image, or the kernels of its maps."""
    network = subject.network
    layer = _first(network)
    if layer is None or prod(layer.input_shape) != prod(network.input_shape):
        raise ModelFileError(
            f"{subject.name} does not begin with a dense layer or a convolution that reads its images; its layers are "
            f"{', '.join(own.name for own in network.layers)}."
        )
    kernels = _kernels(network, layer)
    shown = kernels[:MOST]
    largest, bound = float(abs(kernels).max()), symmetric(kernels)
    usual = float(np.quantile(abs(kernels), WITHIN))
    if kernels.size >= ENOUGH and 0 < usual < bound / 1.5:
        bound = usual
    columns = min(len(shown), 16 if len(shown) > 24 else 8)
    rows = -(-len(shown) // columns)
    cell = (WIDTH - 0.9) / columns
    figure, grid = sheet(max(1.6, rows * cell * shown.shape[1] / shown.shape[2]), rows, columns)
    for axes, kernel in zip(grid.flat, shown, strict=False):
        drawn = axes.imshow(kernel, cmap=SIGNED, vmin=-bound, vmax=bound)
        bare(axes)
    hide(grid.flat[len(shown) :])
    beyond = "both" if bound < largest else "neither"
    bar = figure.colorbar(drawn, ax=grid, shrink=min(1.0, 3 / rows), aspect=18, pad=0.015, extend=beyond)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    lengths = np.sqrt(np.square(kernels, dtype=np.float64).sum(axis=(1, 2)))
    weak = int((lengths < 0.1 * np.median(lengths)).sum())
    smooth = _smoothness(kernels)
    kind, into = ("kernels", "of ") if isinstance(layer, Convolution) else ("weights", "into ")
    looks = "neighbouring weights are alike" if smooth > 0.5 else "neighbouring weights hardly agree"
    grain = f"; {looks} (correlation {smooth:.2f})" if np.isfinite(smooth) else ""
    part = f"the first {len(shown)} of " if len(shown) < len(kernels) else ""
    size = f"the largest is {largest:.2g}" if largest else "all of them are 0"
    clipped = f", and one in {round(1 / (1 - WITHIN))} lies beyond the scale" if bound < largest else ""
    words = (
        f"The {kind} {into}{part}{_units(len(kernels), layer)} of {layer.name} on one scale, dark for negative, "
        f"light for positive, grey for 0: {size}{clipped}{grain}"
        + (f"; {counted(weak, 'of them is', 'of them are')} far weaker than the others." if weak else ".")
    )
    finish(figure, f"{kind.capitalize()} of {layer.name}, {network.architecture}", words)
    numbers = {
        "layer": layer.name,
        "largest": largest,
        "scale": bound,
        "lengths": lengths.tolist(),
        "correlation": smooth,
    }
    return Picture(figure, words, numbers)


def _first(network: Network) -> Layer | None:
    """The first layer with weights; of a residual block, the largest that reads what the block does."""
    for layer in network.layers:
        inside = [own for own in walk([layer]) if isinstance(own, Dense | Convolution)]
        if reading := [own for own in inside if own.input_shape == layer.input_shape]:
            return max(reading, key=lambda own: own.W.size)
    return None


def _units(count: int, layer: Layer) -> str:
    return (
        counted(count, "map and channel", "maps and channels")
        if isinstance(layer, Convolution) and layer.input_shape[0] > 1
        else counted(count, "map" if isinstance(layer, Convolution) else "unit")
    )


def _kernels(network: Network, layer: Layer) -> NDArray[Any]:
    """(kernels, height, width); those of the channels after each other, colours of a dense layer as their mean."""
    W = np.asarray(layer.W)
    if isinstance(layer, Convolution):
        return W.reshape(-1, *W.shape[2:])
    return np.asarray(W.reshape(len(W), *image_shape(network)).mean(axis=1))


def _smoothness(kernels: NDArray[Any]) -> float:
    """The correlation of weights with their right and lower neighbours; NaN where nothing varies."""
    pairs = [(kernels[:, :, :-1], kernels[:, :, 1:]), (kernels[:, :-1], kernels[:, 1:])]
    a, b = (np.concatenate([pair[side].reshape(-1) for pair in pairs]).astype(np.float64) for side in (0, 1))
    return float(np.corrcoef(a, b)[0, 1]) if a.size > 1 and a.std() and b.std() else float("nan")


def feature_maps(subject: Subject) -> Picture:
    """What the maps of every convolution, and of what follows it, are for one image."""
    network = subject.network
    image, label, index = subject.image
    layers = [layer for layer in network.layers if len(layer.output_shape) == 3]
    if not any(isinstance(layer, Convolution) or layer.parts for layer in layers):
        raise ModelFileError(
            f"{subject.name} has no convolution, so it has no feature maps; its layers are "
            f"{', '.join(layer.name for layer in network.layers)}. See its weights instead."
        )
    found = outputs(network, image[None], layers)
    columns = 1 + min(MAPS, max(len(found[layer.name][0]) for layer in layers))
    cell = min(0.8, WIDTH / columns)
    figure, grid = sheet(len(layers) * (cell + 0.3), len(layers), columns)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(h_pad=0.12)  # type: ignore[call-arg]  # for the lines above the rows
    silent = {}
    for number, (row, layer) in enumerate(zip(grid, layers, strict=True)):
        maps = found[layer.name][0]
        _show_maps(row[1:], maps[: columns - 1])
        row[0].set_axis_off()
        if number == 0:
            show_image(row[0], image)
        else:
            hide(row[:1])
        text = f"{layer.name}: {counted(len(maps), 'map')} of {maps.shape[1]}×{maps.shape[2]}"
        shown = f", the first {columns - 1} shown" if len(maps) > columns - 1 else ""
        title = row[1].text(0, 1.1, f"{text}{shown}", size=SMALL, va="bottom", transform=row[1].transAxes)
        title.set_in_layout(False)  # it is wider than a map
        silent[layer.name] = int((np.ptp(maps.reshape(len(maps), -1), axis=1) == 0).sum())
    names = legible(network.classes)
    said = names[network.classify(image[None])[0]]
    empty = sum(silent.values())
    last = layers[-1]
    words = (
        f"Test image {index}, which shows {names[label]} and is taken for {said}, becomes {len(found[last.name][0])} "
        f"maps of {last.output_shape[1]}×{last.output_shape[2]} in {last.name}; each map goes from its smallest value, "
        f"dark, to its largest, light, and {counted(empty, 'map is', 'maps are')} the same everywhere."
    )
    finish(figure, f"Feature maps of {subject.name} for test image {index}", words)
    return Picture(figure, words, {"index": index, "label": label, "constant": silent})


def _show_maps(row: NDArray[Any], maps: NDArray[Any]) -> None:
    for axes, own in zip(row, maps, strict=False):
        _show_map(axes, own)
    hide(row[len(maps) :].tolist())


def _show_map(axes: Axes, own: NDArray[Any]) -> None:
    low, high = float(own.min()), float(own.max())
    axes.imshow(own, cmap=IMAGE, vmin=low, vmax=high if high > low else low + 1)
    bare(axes)
