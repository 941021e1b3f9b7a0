"""Activations: a = g(z), element by element; softmax alone mixes the elements of a column.

Each derivative is written with what the forward pass left behind, never computed again.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.errors import UsageError
from pellucid.layers.layer import Array, Layer, Numbers, Tensor
from pellucid.names import choose, plain, split_number


class Activation(Layer):
    """a = g(z), of any shape; the backward pass multiplies da by the derivative g'(z)."""

    tensors = (
        Tensor("z", "... B", "input"),
        Tensor("a", "... B", "output"),
    )

    def notation(self) -> str:
        return self.kind


@dataclass(eq=False)
class ReLU(Activation):
    """a = max(z, 0);  dz = da where z > 0, else 0 (also at z = 0).

    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    kind = "relu"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.maximum(t.z, 0)

    def backward(self, t: Numbers) -> None:
        t.dz = t.xp.where(t.z > 0, t.da, 0)

    def branches(self, t: Numbers) -> Array:
        return t.z > 0


@dataclass(eq=False)
class LeakyReLU(Activation):
    """a = z where z > 0, else slope · z;  dz = da where z > 0, else slope · da.

    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """

    slope: float = 0.01

    kind = "leaky_relu"

    def __post_init__(self) -> None:
        if not 0 <= self.slope < 1:
            raise UsageError(f"The slope of a leaky ReLU lies in [0, 1), not at {self.slope}.")

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.where(t.z > 0, t.z, self.slope * t.z)

    def backward(self, t: Numbers) -> None:
        t.dz = t.xp.where(t.z > 0, t.da, self.slope * t.da)

    def branches(self, t: Numbers) -> Array:
        return t.z > 0

    def notation(self) -> str:
        return self.kind if self.slope == LeakyReLU.slope else f"{self.kind}{plain(self.slope)}"


@dataclass(eq=False)
class Sigmoid(Activation):
    """a = σ(z) = 1 / (1 + e^−z);  dz = da · a (1 − a).

    Written with e^−|z|, which cannot overflow: σ(z) = 1 / (1 + e^−z) for z > 0, e^z / (1 + e^z) otherwise.
    """

    kind = "sigmoid"

    def forward(self, t: Numbers) -> None:
        e = t.xp.exp(t.xp.where(t.z > 0, -t.z, t.z))
        t.a = t.xp.where(t.z > 0, 1, e) / (1 + e)

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * t.a * (1 - t.a)


@dataclass(eq=False)
class Tanh(Activation):
    """a = tanh(z);  dz = da · (1 − a²)."""

    kind = "tanh"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.tanh(t.z)

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * (1 - t.a * t.a)


@dataclass(eq=False)
class Softmax(Activation):
    """a_i = e^{z_i} / Σ_k e^{z_k}, over the first axis;  dz_i = a_i (da_i − Σ_k a_k da_k).

    The backward pass is the full Jacobian ∂a_i/∂z_k = a_i (δ_ik − a_k). Subtracting the largest z of each
    column changes nothing in the quotient and keeps e^z from overflowing.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs, with relationships to
    statistical pattern recognition", 1990.
    """

    kind = "softmax"

    def forward(self, t: Numbers) -> None:
        e = t.xp.exp(t.z - t.xp.max(t.z, axis=0, keepdims=True))
        t.a = e / e.sum(axis=0, keepdims=True)

    def backward(self, t: Numbers) -> None:
        t.dz = t.a * (t.da - (t.a * t.da).sum(axis=0, keepdims=True))


@dataclass(eq=False)
class Identity(Activation):
    """a = z;  dz = da."""

    kind = "identity"

    def forward(self, t: Numbers) -> None:
        t.a = t.z

    def backward(self, t: Numbers) -> None:
        t.dz = t.da


ACTIVATIONS: dict[str, type[Activation]] = {
    layer.kind: layer for layer in (ReLU, LeakyReLU, Sigmoid, Tanh, Softmax, Identity)
}


def activation(text: str) -> Activation:
    """An activation by its name in the notation: 'tanh', 'leaky_relu', 'leaky_relu0.2'."""
    name, number = split_number(text)
    layer = choose("activation", name, ACTIVATIONS)
    if number is None:
        return layer()
    if layer is not LeakyReLU:
        raise UsageError(f"{name} takes no number, but {text!r} gives it one.")
    return LeakyReLU(number)
