"""The equations of what looks through windows: convolution and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from pellucid.glass.equations.cells import Equation, Tensors, term
from pellucid.layers.convolution import Convolution
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.window import Window


def convolution(layer: Convolution, t: Tensors) -> Iterator[Equation]:
    """z = W X + b, with all windows as the columns of X, and its gradients."""
    maps, channels, side, _ = t.W.shape
    taps = [(u, v) for u in range(side) for v in range(side)]
    places = list(product(*map(range, t.z.shape[1:])))
    yield Equation(
        "X", "the windows of x, side by side", "x[c, s i + u − p, s j + v − p], or 0 outside", ("x",),
        lambda c, k, i, j, n: [t.x[c, *at, n] for at in _pixel(layer, taps[k], i, j)],
    )  # fmt: skip
    yield Equation(
        "z", "W X + b", "Σ_c Σ_k W[m, c, k] X[c, k, i, j, n] + b[m]", ("W", "X", "b"),
        lambda m, *at: [
            t.W[m, c, u, v] * t.X[c, k, *at] for c in range(channels) for k, (u, v) in enumerate(taps)
        ] + [t.b[m, 0]],
    )  # fmt: skip
    yield Equation(
        "dW", "dz Xᵀ", "Σ_i Σ_j Σ_n dz[m, i, j, n] X[c, k, i, j, n]", ("dz", "X"),
        lambda m, c, u, v: [t.dz[m, *at] * t.X[c, u * side + v, *at] for at in places],
        "∂z[m, i, j]/∂W[m, c, k] = X[c, k, i, j]",
    )  # fmt: skip
    yield Equation(
        "db", "Σ_{H'W'B} dz", "Σ_i Σ_j Σ_n dz[m, i, j, n]", ("dz",),
        lambda m, _: [t.dz[m, *at] for at in places], "∂z[m, i, j]/∂b[m] = 1",
    )  # fmt: skip
    yield Equation(
        "dx", "Wᵀ dz, each window's part laid over the image", "Σ_m Σ_k W[m, c, k] dz[m, i, j, n]", ("W", "dz"),
        lambda c, h, w, n: [
            t.W[m, c, *taps[k]] * t.dz[m, i, j, n] for m in range(maps) for k, i, j in _windows(layer, h, w)
        ], "∂z[m, i, j]/∂x = W[m, c, k], for each window that the pixel is in",
    )  # fmt: skip


def max_pooling(layer: MaxPooling, t: Tensors) -> Iterator[Equation]:
    """The largest number of each window."""
    taps = [(u, v) for u in range(layer.side) for v in range(layer.side)]

    def winner(c: int, i: int, j: int, n: int) -> tuple[int, int]:
        return taps[int(t.winner.values[c, i, j, n])]

    def first_largest(c: int, i: int, j: int, n: int) -> int:
        window = [t.x[c, *at, n].value for tap in taps for at in _pixel(layer, tap, i, j)]
        return window.index(max(window))

    yield Equation(
        "winner", "which tap of each window has the largest x", "the first k with the largest x of window i, j", ("x",),
        lambda *at: [term("the tap", first_largest(*at))],
    )  # fmt: skip
    yield Equation(
        "a", "max over each window of x", "x at the winning tap of window i, j", ("x", "winner"),
        lambda c, i, j, n: [t.x[c, *at, n] for at in _pixel(layer, winner(c, i, j, n), i, j)],
    )  # fmt: skip
    yield Equation(
        "dx", "da, to the pixel that won", "Σ da[c, i, j, n] over the windows that the pixel won", ("da", "winner"),
        lambda c, h, w, n: [
            t.da[c, i, j, n] for k, i, j in _windows(layer, h, w) if t.winner.values[c, i, j, n] == k
        ], "∂a/∂x = 1 for the winner of the window, 0 for the others",
    )  # fmt: skip


def average_pooling(layer: AveragePooling, t: Tensors) -> Iterator[Equation]:
    """The mean of each window."""
    share = term(f"1/{layer.side**2}", 1 / layer.side**2)
    taps = [(u, v) for u in range(layer.side) for v in range(layer.side)]
    yield Equation(
        "a", "mean over each window of x", "Σ_k x at tap k / K²", ("x",),
        lambda c, i, j, n: [share * t.x[c, *at, n] for tap in taps for at in _pixel(layer, tap, i, j)],
    )  # fmt: skip
    yield Equation(
        "dx", "da / K², to every pixel of the window", "Σ da[c, i, j, n] / K² over the windows with the pixel", ("da",),
        lambda c, h, w, n: [share * t.da[c, i, j, n] for _, i, j in _windows(layer, h, w)], "∂a/∂x = 1/K²",
    )  # fmt: skip


def global_average_pooling(layer: GlobalAveragePooling, t: Tensors) -> Iterator[Equation]:
    """The mean of each map."""
    _, height, width, _ = t.x.shape
    share = term(f"1/{height * width}", 1 / (height * width))
    yield Equation(
        "a", "mean of each map of x", "Σ_i Σ_j x[c, i, j, n] / HW", ("x",),
        lambda c, n: [share * t.x[c, i, j, n] for i in range(height) for j in range(width)],
    )  # fmt: skip
    yield Equation(
        "dx", "da / HW, to every pixel of the map", "da[c, n] / HW", ("da",),
        lambda c, h, w, n: [share * t.da[c, n]], "∂a/∂x = 1/HW",
    )  # fmt: skip


def _pixel(layer: Window, tap: tuple[int, int], i: int, j: int) -> list[tuple[int, int]]:
    """Which pixel of x the window of output i, j has at this tap; none outside the image."""
    _, height, width = layer.input_shape
    h, w = layer.stride * i + tap[0] - layer.padding, layer.stride * j + tap[1] - layer.padding
    return [(h, w)] if 0 <= h < height and 0 <= w < width else []


def _windows(layer: Window, h: int, w: int) -> Iterator[tuple[int, int, int]]:
    """In which windows the pixel h, w is: the number of its tap there, and the window's place."""
    _, rows, columns = layer.output_shape
    for u, v in product(range(layer.side), repeat=2):
        i, row_rest = divmod(h + layer.padding - u, layer.stride)
        j, column_rest = divmod(w + layer.padding - v, layer.stride)
        if not row_rest and not column_rest and 0 <= i < rows and 0 <= j < columns:
            yield u * layer.side + v, i, j
