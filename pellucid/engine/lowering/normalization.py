"""The kernels of normalization, of rows and of images abreast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engine.lowering.builder import Backward, Builder, Tensor
from pellucid.engine.lowering.layers import elementwise_backward, like, numbers_of, size_of
from pellucid.engine.plan import Images, Place, Prepare, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import EPSILON, BatchNormalization, LayerNormalization, Normalization
from pellucid.layers.pooling import MaxPooling

Numbers = NDArray[np.float32]


def batch_norm(
    builder: Builder, layer: BatchNormalization, x: Tensor, relu: bool = False, pool: MaxPooling | None = None
) -> tuple[Tensor, Backward]:
    """The layer, and with it the ReLU and the pooling of 2×2 that follow, if so."""
    way, statistics = _way(x), _statistics(builder, layer, x) if builder.training else _running(builder, layer)
    fields = {"x": x.place, "w": builder.parameters_of(layer.name).place, "sums": statistics}
    if pool and isinstance(x, Images):
        return _batch_norm_pool(builder, layer, x, pool, statistics, fields)
    a, numbers, shapes = like(builder, x), numbers_of(x), f"{numbers_of(x)}"
    builder.emit(
        f"batch_norm{way}_forward", layer.name, shapes, 4 * numbers, 2 * numbers,
        y=a.place, relu=relu, **fields, **size_of(x),
    )  # fmt: skip

    def backward(da: Tensor, needs_dx: bool) -> Tensor:
        if relu:
            da = elementwise_backward(builder, "relu", layer.name, da, a)
        sums = _gradients(builder, layer)
        builder.emit(
            f"batch_norm{way}_gradient", layer.name, shapes, 4 * numbers, 2 * numbers,
            x=da.place, kept=x.place, w=statistics, sums=sums, **size_of(x),
        )  # fmt: skip
        if not needs_dx:
            return da
        return _batch_norm_dx(builder, layer, x, da, statistics, _means(builder, layer, x, statistics, sums))

    return replace(a, spare=not relu), backward


def _batch_norm_pool(
    builder: Builder, layer: BatchNormalization, x: Images, pool: MaxPooling, statistics: int, fields: dict[str, Any]
) -> tuple[Images, Backward]:
    a = builder.images(pool.output_shape, spare=True)
    both = builder.images((2 * a.channels, a.height, a.width))  # the winners, and behind them their n
    size = {**size_of(a), "kept": both.place}
    numbers, pixels = prod(a.shape), prod(x.shape)
    builder.emit(
        "batch_norm_pool_forward", layer.name, f"{pixels} -> {numbers}", 4 * pixels, pixels + 3 * numbers,
        y=a.place, **fields, **size,
    )  # fmt: skip

    def backward(da: Images, needs_dx: bool) -> Images:
        sums = _gradients(builder, layer)
        builder.emit(
            "batch_norm_pool_gradient", layer.name, f"{numbers}", 4 * numbers, 3 * numbers,
            x=da.place, w=statistics, sums=sums, **size,
        )  # fmt: skip
        if not needs_dx:
            return da
        means = _means(builder, layer, x, statistics, sums)
        dx: Images = builder.gradient_of(x)
        builder.emit(
            "batch_norm_pool_backward", layer.name, f"{numbers} -> {pixels}", 5 * pixels, 2 * (numbers + pixels),
            x=da.place, y=dx.place, also=x.place, w=means, sums=statistics, height=x.height, width=x.width, **size,
        )  # fmt: skip
        return dx

    return a, backward


def _way(x: Tensor) -> str:
    """In the name of a kernel."""
    return "" if isinstance(x, Rows) else "_abreast"


def _at(place: int) -> Place:
    return (place, 0, 0, 0, 0)


def _statistics(builder: Builder, layer: BatchNormalization, x: Tensor) -> int:
    """The kernels that leave μ and 1 / σ of each feature, and where they do."""
    size, numbers = size_of(x), numbers_of(x)
    features, parts = size["outputs"], -(-builder.batch_size // builder.plan.part)
    moments, statistics = builder.claim(parts * 2 * padded(features)), builder.claim(2 * padded(features))
    builder.emit(
        f"batch_norm{_way(x)}_measure", layer.name, f"{numbers}", 4 * numbers, numbers,
        x=x.place, sums=moments, **size,
    )  # fmt: skip
    builder.emit(
        "batch_norm_statistics", layer.name, f"{features}", 0, 0, y=_at(builder.state_of(layer.name).place),
        w=statistics, sums=moments, number=EPSILON, meet=True, **{**size, "carry": 0},
    )  # fmt: skip
    builder.must_meet = True
    return statistics


def _running(builder: Builder, layer: BatchNormalization) -> int:
    """Where a prediction finds μ and 1 / σ of each feature: the running mean, and what becomes of the variance."""
    mean = builder.state_of(layer.name)
    variance = slice(mean.start + mean.count, mean.start + 2 * mean.count)

    def invert(theta: Numbers, state: Numbers) -> None:
        state[variance] = 1 / np.sqrt(state[variance] + EPSILON)

    builder.plan.prepared.append(invert)
    return mean.place


def folded(builder: Builder, layers: Sequence[Layer]) -> list[Layer]:
    """The layers of a prediction without batch normalizations that follow weights, which are scaled instead."""
    kept: list[Layer] = []
    for layer in layers:
        if isinstance(layer, BatchNormalization) and kept and isinstance(kept[-1], Dense | Convolution):
            builder.plan.prepared.append(_fold(builder, kept[-1], layer))
        else:
            kept.append(layer)
    return kept


def _fold(builder: Builder, weights: Dense | Convolution, layer: BatchNormalization) -> Prepare:
    """W ← s W and b ← s (b − μ) + bias, with s = gain / σ: then z is what the normalization would make of it."""
    first, own = (builder.parameters_of(name).start for name in (weights.name, layer.name))
    statistics, units = builder.state_of(layer.name).start, layer.sizes["rows"]
    middle = first + units * (weights.fan_in if isinstance(weights, Convolution) else weights.sizes["in"])

    def fold(theta: Numbers, state: Numbers) -> None:
        gain, bias = theta[own : own + 2 * units].reshape(2, -1)
        mean, variance = state[statistics : statistics + 2 * units].reshape(2, -1)
        w, b = theta[first:middle].reshape(units, -1), theta[middle : middle + units]
        scale = gain / np.sqrt(variance + EPSILON)
        w *= scale[:, None]
        b[...] = scale * (b - mean) + bias

    return fold


def _gradients(builder: Builder, layer: Normalization) -> int:
    """Where the parts leave their gradients of gain and bias, which the end of the step adds up."""
    vector = builder.parameters_of(layer.name)
    sums, count = builder.parts(vector), vector.count
    both = -(-builder.batch_size // builder.plan.part) * count
    builder.update("parts", layer.name, f"{count}", both, both, w=vector.place, sums=sums, outputs=count)
    return sums


def _means(builder: Builder, layer: BatchNormalization, x: Tensor, statistics: int, sums: int) -> int:
    """The kernel that leaves what dx needs of the gradients of gain and bias, and where it does."""
    size = size_of(x)
    means = builder.claim(3 * padded(size["outputs"]))
    builder.emit(
        "batch_norm_means", layer.name, f"{size['outputs']}", 0, 0, y=_at(means), kept=_at(statistics),
        w=builder.parameters_of(layer.name).place, sums=sums, meet=True, **{**size, "carry": 0},
    )  # fmt: skip
    builder.must_meet = True
    return means


def _batch_norm_dx(
    builder: Builder, layer: BatchNormalization, x: Tensor, da: Tensor, statistics: int, means: int
) -> Tensor:
    dx: Tensor = da if da.spare else builder.gradient_of(x)
    numbers = numbers_of(x)
    builder.emit(
        f"batch_norm{_way(x)}_backward", layer.name, f"{numbers}", 5 * numbers, 3 * numbers,
        x=da.place, y=dx.place, kept=x.place, w=means, sums=statistics, **size_of(x),
    )  # fmt: skip
    return dx


def layer_norm(builder: Builder, layer: LayerNormalization, x: Tensor) -> tuple[Tensor, Backward]:
    a, way, numbers, size = like(builder, x), _way(x), numbers_of(x), size_of(x)
    # μ and 1 / σ of each example
    kept: Tensor = (
        builder.rows(2)
        if isinstance(x, Rows)
        else builder.images_like(Images(0, 2, 1, 1, threads=not builder.training))
    )
    fields = {"kept": kept.place, "w": builder.parameters_of(layer.name).place, **size}
    builder.emit(
        f"layer_norm{way}_forward", layer.name, f"{numbers}", 4 * numbers, 2 * numbers,
        x=x.place, y=a.place, number=EPSILON, **fields,
    )  # fmt: skip

    def backward(da: Tensor, needs_dx: bool) -> Tensor:
        dx: Tensor = da if da.spare else builder.gradient_of(x)
        builder.emit(
            f"layer_norm{way}_backward", layer.name, f"{numbers}", 9 * numbers, 3 * numbers,
            x=da.place, y=dx.place, also=x.place, sums=_gradients(builder, layer), **fields,
        )  # fmt: skip
        return dx

    return a, backward
