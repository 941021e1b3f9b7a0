"""Layers become a network: what its end may be, and how its weights begin."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import ShapeError, UsageError
from pellucid.initializers import initializer
from pellucid.layers import Layer, walk
from pellucid.layers.activation import ELU, GELU, Activation, LeakyReLU, ReLU, SiLU, Softmax
from pellucid.layers.dropout import Disturbance
from pellucid.losses import OUTPUTS
from pellucid.randomness import generator
from pellucid.workspace import Workspace

RECTIFIERS = ReLU | LeakyReLU | ELU | GELU | SiLU  # close to 0 on one side, so that half of the variance is lost


def check_output(layers: Sequence[Layer], output: str, outputs: int) -> None:
    """Refuse a network whose last layer and output link cannot both be meant."""
    if len(layers[-1].output_shape) != 1:
        raise ShapeError(
            f"The network ends with images, {layers[-1].output_shape}. Let a dense layer follow, or GAP, which makes a "
            "vector of them."
        )
    last = next((layer for layer in reversed(layers) if not isinstance(layer, Disturbance)), None)
    if isinstance(last, Activation) and output != "identity":
        instead = f" and take the output {last.kind!r}" if last.kind in OUTPUTS else ""
        raise UsageError(
            f"The network ends with {last.name}, and the output link {output!r} would follow it. "
            f"Leave {last.name} out{instead}, or take the output 'identity'."
        )
    if outputs == 1 and (output == "softmax" or isinstance(last, Softmax)):
        raise UsageError("The softmax of a single output is always 1; write output='sigmoid'.")


def initialize(workspace: Workspace, default: str | None, seed: int) -> None:
    """Draw the weights, layer by layer: by `default`, or as fits the activation that follows."""
    rng = generator(seed, "initialize")
    layers = list(walk(workspace.layers))
    for index, layer in enumerate(layers):
        after = next((other for other in layers[index + 1 :] if not other.transparent), None)
        fitting = "he_normal" if isinstance(after, RECTIFIERS) else "xavier_normal"
        layer.initialize(workspace.of[layer.name], rng, initializer(default or fitting))
