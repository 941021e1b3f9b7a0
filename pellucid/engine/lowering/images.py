"""The kernels of layers that read images, which lie abreast (see kernels/plan.h)."""

from __future__ import annotations

from math import prod
from typing import Any

from pellucid.engine.lowering import winograd
from pellucid.engine.lowering.builder import Backward, Builder
from pellucid.engine.lowering.layers import elementwise_backward
from pellucid.engine.plan import IMAGE_RIM, NOWHERE, PAD, Images, Place
from pellucid.layers.convolution import Convolution
from pellucid.layers.pooling import AveragePooling, MaxPooling


def convolution(
    builder: Builder, layer: Convolution, x: Images, relu: bool = False, pool: MaxPooling | None = None
) -> tuple[Images, Backward]:
    """The layer, and with it the ReLU and the pooling of 2×2 that follow, if so: pooling commutes with ReLU."""
    maps, rows, columns = layer.output_shape
    fields: dict[str, Any] = {"x": x.within(layer.padding), "relu": relu, **_window(builder, layer, x)}
    shapes, gradient_rim = _shapes(x.shape, layer.output_shape), min(layer.side - 1, IMAGE_RIM)
    way, back = winograd.ways(layer)
    winograd.make_room(builder, layer, way)
    fields["also"] = winograd.weights(builder, layer, way)
    if pool:
        a = builder.images(pool.output_shape, spare=True)
        winner, unpooled = builder.images_like(a), Images(0, maps, rows, columns, gradient_rim=gradient_rim)
        pixels = maps * (2 * a.height) * (2 * a.width)  # a row or column that no window reaches is left out
        builder.emit(
            f"{way}_pool_forward", layer.name, f"{shapes} -> {_shapes(a.shape)}", 2 * layer.fan_in * pixels,
            prod(x.shape) + 2 * prod(a.shape), y=a.place, kept=winner.place, rows=a.height, columns=a.width, **fields,
        )  # fmt: skip
    else:
        a = builder.images(layer.output_shape, spare=not relu, gradient_rim=gradient_rim)
        builder.emit(
            f"{way}_forward", layer.name, shapes, 2 * layer.fan_in * prod(a.shape), prod(x.shape) + prod(a.shape),
            y=a.place, rows=rows, columns=columns, **fields,
        )  # fmt: skip

    def backward(da: Any, needs_dx: bool) -> Any:
        if pool and not needs_dx and back == "convolution":
            _weight_gradient(builder, layer, x, da, "convolution_pool_gradient", winner)
            return da
        if pool:
            da = _unpool(builder, pool, da, winner, unpooled)
        elif relu:
            da = elementwise_backward(builder, "relu", layer.name, da, a)
        winograd.make_room(builder, layer, back)
        _weight_gradient(builder, layer, x, da, f"{back}_gradient")
        if not needs_dx:
            return da
        also = fields["also"] if way == back else winograd.weights(builder, layer, back)
        return _dx(builder, layer, x, da, f"{back}_backward", also)

    return a, backward


def _window(builder: Builder, layer: Convolution, x: Images) -> dict[str, Any]:
    """What all kernels of a convolution must know."""
    place = builder.parameters_of(layer.name).place
    window = {"side": layer.side, "stride": layer.stride, "padding": layer.padding}
    return {"w": place, "inputs": x.channels, "outputs": layer.maps, "carry": PAD, **window}


def _shapes(*shapes: tuple[int, ...]) -> str:
    return " -> ".join("x".join(map(str, shape)) for shape in shapes)


def _weight_gradient(
    builder: Builder, layer: Convolution, x: Images, dz: Images, kernel: str, winner: Images | None = None
) -> None:
    """dW and db, and what becomes of them; behind a pooling from its da and who won."""
    vector, count = builder.parameters_of(layer.name), layer.fan_in * layer.maps + layer.maps
    sums, both = builder.parts(vector), builder.blocks * count
    pixels = prod(dz.shape) * (4 if winner else 1)
    if builder.rate_of(layer.name):
        builder.emit(
            kernel, layer.name, _shapes(x.shape, dz.shape), 2 * layer.fan_in * pixels, prod(x.shape) + prod(dz.shape),
            x=x.within(layer.padding), y=dz.place, kept=winner.place if winner else NOWHERE, sums=sums,
            rows=dz.height, columns=dz.width, **_window(builder, layer, x),
        )  # fmt: skip
    builder.update("parts", layer.name, f"{count}", both, both, w=vector.place, sums=sums, outputs=count)


def _dx(builder: Builder, layer: Convolution, x: Images, dz: Images, kernel: str, also: Place) -> Images:
    dx: Images = builder.gradient_of(x)
    builder.emit(
        kernel, layer.name, _shapes(dz.shape, x.shape), 2 * layer.fan_in * prod(dz.shape),
        prod(x.shape) + prod(dz.shape), x=dz.place, y=dx.place, also=also, height=x.height, width=x.width,
        rows=dz.height, columns=dz.width, **_window(builder, layer, x),
    )  # fmt: skip
    return dx


def max_pooling(builder: Builder, layer: MaxPooling, x: Images) -> tuple[Images, Backward]:
    a = builder.images(layer.output_shape, spare=True)
    winner = builder.images_like(a)
    builder.emit(
        "max_pool_forward", layer.name, _shapes(x.shape, a.shape), layer.side**2 * prod(a.shape),
        prod(x.shape) + 2 * prod(a.shape), x=x.place, y=a.place, kept=winner.place, **_pool(layer, x),
    )  # fmt: skip
    return a, lambda da, needs_dx: _unpool(builder, layer, da, winner, x)


def _unpool(builder: Builder, layer: MaxPooling, da: Images, winner: Images, x: Images) -> Images:
    dx: Images = builder.gradient_of(x)
    builder.emit(
        "max_pool_backward", layer.name, _shapes(da.shape, x.shape), layer.side**2 * prod(da.shape),
        prod(x.shape) + 2 * prod(da.shape), x=da.place, y=dx.place, kept=winner.place, **_pool(layer, x),
    )  # fmt: skip
    return dx


def average_pooling(builder: Builder, layer: AveragePooling, x: Images) -> tuple[Images, Backward]:
    a = builder.images(layer.output_shape, spare=True)
    arithmetic, floats = layer.side**2 * prod(a.shape), prod(x.shape) + prod(a.shape)
    builder.emit(
        "average_pool_forward", layer.name, _shapes(x.shape, a.shape), arithmetic, floats,
        x=x.place, y=a.place, **_pool(layer, x),
    )  # fmt: skip

    def backward(da: Images, needs_dx: bool) -> Images:
        dx: Images = builder.gradient_of(x)
        builder.emit(
            "average_pool_backward", layer.name, _shapes(da.shape, x.shape), arithmetic, floats,
            x=da.place, y=dx.place, **_pool(layer, x),
        )  # fmt: skip
        return dx

    return a, backward


def _pool(layer: MaxPooling | AveragePooling, x: Images) -> dict[str, Any]:
    """What the kernels of a pooling must know."""
    _, rows, columns = layer.output_shape
    return {
        "inputs": x.channels, "outputs": x.channels, "side": layer.side, "stride": layer.stride, "carry": PAD,
        "height": x.height, "width": x.width, "rows": rows, "columns": columns,
    }  # fmt: skip
