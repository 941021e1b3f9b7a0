"""Layers become a network: they get their names, the shapes run through them, their weights are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import ShapeError, UsageError
from pellucid.initializers import initializer
from pellucid.layers import Activation, Disturbance, Layer, LeakyReLU, ReLU, Shape, Softmax
from pellucid.losses import OUTPUTS
from pellucid.randomness import generator
from pellucid.workspace import Workspace


def build(layers: Sequence[Layer], shape: Shape) -> None:
    """Name the layers and let the shapes run through them."""
    path = f"input {shape}"
    count: dict[str, int] = {}
    for layer in layers:
        if not isinstance(layer, Layer):
            remedy = f"Write {layer.__name__}()." if isinstance(layer, type) else "Write pl.Dense(10), pl.ReLU() ..."
            raise UsageError(f"A network is a list of layers, but {layer!r} is none. {remedy}")
        if layer.numbers is not None:
            raise UsageError(f"{layer.name} stands in a network already; make a new layer for each place.")
        count[layer.kind] = count.get(layer.kind, 0) + 1
        layer.name = f"{layer.kind}{count[layer.kind]}"
        try:
            layer.input_shape, layer.output_shape = shape, layer.build(shape)
        except ShapeError as error:
            raise ShapeError(f"{error}\n  {path} → {layer.name}   ← here") from None
        shape = layer.output_shape
        path += f" → {layer.name} {shape}"


def check_output(layers: Sequence[Layer], output: str, outputs: int) -> None:
    """Refuse a network whose last layer and output link cannot both be meant."""
    last = _first_undisturbed(layers[::-1])
    if isinstance(last, Activation) and output != "identity":
        instead = (
            f"Leave {last.name} out and take the output {last.kind!r}, or "
            if last.kind in OUTPUTS
            else "Leave it out, or "
        )
        raise UsageError(
            f"The network ends with {last.name}, and the output link {output!r} would follow it. "
            f"{instead}take the output 'identity'."
        )
    if outputs == 1 and (output == "softmax" or isinstance(last, Softmax)):
        raise UsageError("The softmax of a single output is always 1; write output='sigmoid'.")


def initialize(workspace: Workspace, default: str | None, seed: int) -> None:
    """Draw the weights, layer by layer: by `default`, or as fits the activation that follows."""
    rng = generator(seed, "initialize")
    layers = workspace.layers
    for index, (layer, t) in enumerate(zip(layers, workspace.numbers, strict=True)):
        after = _first_undisturbed(layers[index + 1 :])
        fitting = "he_normal" if isinstance(after, ReLU | LeakyReLU) else "xavier_normal"
        layer.initialize(t, rng, initializer(default or fitting))


def _first_undisturbed(layers: Sequence[Layer]) -> Layer | None:
    """The first layer that is neither dropout nor noise."""
    return next((layer for layer in layers if not isinstance(layer, Disturbance)), None)
