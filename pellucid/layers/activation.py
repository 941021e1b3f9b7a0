"""Activations: a = g(z), element by element; softmax alone mixes the elements of a column.

σ(z) = 1 / (1 + e^−z). Each derivative is written with what the forward pass left behind, never computed again.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, ClassVar

from pellucid.checks import check_number
from pellucid.errors import UsageError
from pellucid.layers.layer import Array, Layer, Numbers, Tensor
from pellucid.names import choose, plain, split_number


class Activation(Layer):
    """a = g(z), of any shape; the backward pass multiplies da by the derivative g'(z)."""

    tensors: ClassVar[tuple[Tensor, ...]] = (
        Tensor("z", "... B", "input"),
        Tensor("a", "... B", "output"),
    )

    def notation(self) -> str:
        return self.kind


class Rectifier(Activation):
    """An activation of two pieces, that for z > 0 and the other."""

    def branches(self, t: Numbers) -> Array:
        return t.z > 0


def sigmoid(z: Array, xp: Any) -> Array:
    """σ(z), written with e^−|z|, which cannot overflow: 1 / (1 + e^−z) for z > 0, e^z / (1 + e^z) otherwise."""
    e = xp.exp(xp.where(z > 0, -z, z))
    return xp.where(z > 0, 1, e) / (1 + e)


class ReLU(Rectifier):
    """a = max(z, 0);  dz = da where z > 0, else 0 (also at z = 0).

    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    kind = "relu"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.maximum(t.z, 0)

    def backward(self, t: Numbers) -> None:
        t.dz = t.xp.where(t.z > 0, t.da, 0)


class LeakyReLU(Rectifier):
    """a = z where z > 0, else slope · z;  dz = da where z > 0, else slope · da.

    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """

    slope: float = 0.01

    kind = "leaky_relu"

    def __post_init__(self) -> None:
        check_number("The slope of a leaky ReLU", self.slope, below=1)

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.where(t.z > 0, t.z, self.slope * t.z)

    def backward(self, t: Numbers) -> None:
        t.dz = t.xp.where(t.z > 0, t.da, self.slope * t.da)

    def notation(self) -> str:
        return self.kind if self.slope == LeakyReLU.slope else f"{self.kind}{plain(self.slope)}"


class Sigmoid(Activation):
    """a = σ(z);  dz = da · a (1 − a)."""

    kind = "sigmoid"

    def forward(self, t: Numbers) -> None:
        t.a = sigmoid(t.z, t.xp)

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * t.a * (1 - t.a)


class Tanh(Activation):
    """a = tanh(z);  dz = da · (1 − a²)."""

    kind = "tanh"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.tanh(t.z)

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * (1 - t.a * t.a)


class Softplus(Activation):
    """a = log(1 + e^z), a ReLU without a kink;  dz = da · σ(z), where σ(z) = 1 − e^−a.

    Written as max(z, 0) + log(1 + e^−|z|), which cannot overflow.

    Source: Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for better option
    pricing", 2001.
    """

    kind = "softplus"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.where(t.z > 0, t.z, 0) + t.xp.log1p(t.xp.exp(t.xp.where(t.z > 0, -t.z, t.z)))

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * -t.xp.expm1(-t.a)


class ELU(Rectifier):
    """a = z where z > 0, else e^z − 1;  dz = da where z > 0, else da · (a + 1).

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units
    (ELUs)", 2016.
    """

    kind = "elu"

    def forward(self, t: Numbers) -> None:
        t.a = t.xp.where(t.z > 0, t.z, t.xp.expm1(t.xp.where(t.z > 0, 0, t.z)))

    def backward(self, t: Numbers) -> None:
        t.dz = t.xp.where(t.z > 0, t.da, t.da * (t.a + 1))


class SiLU(Activation):
    """a = z σ(z), also called swish;  dz = da · (s + a (1 − s)) with s = σ(z).

    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", 2018.
    """

    kind = "silu"
    tensors = (*Activation.tensors, Tensor("s", "... B", "kept"))

    def forward(self, t: Numbers) -> None:
        t.s = sigmoid(t.z, t.xp)
        t.a = t.z * t.s

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * (t.s + t.a * (1 - t.s))


def share_below(z: Array, density: Array, xp: Any) -> Array:
    """Φ(z), the share of a standard normal distribution that lies below z, where its density is φ(z).

    NumPy has neither Φ nor the error function, but Φ has a series whose terms all have the same sign, so that none of
    its digits are lost:

        Φ(z) = ½ + φ(z) (z + z³/3 + z⁵/(3·5) + z⁷/(3·5·7) + ...)

    Beyond |z| = 9 it is 0 or 1 to 18 digits. Libraries that have the complementary error function give Φ themselves.

    Source: Marsaglia, "Evaluating the normal distribution", 2004.
    """
    if hasattr(xp, "erfc"):
        return xp.erfc(-z / sqrt(2)) / 2
    near = abs(z) < 9
    z_near = xp.where(near, z, 0)
    term, total, square, odd = z_near, z_near, z_near * z_near, 1
    while abs(term).max() > 1e-18:
        odd += 2
        term = term * (square / odd)
        total = total + term
    return xp.where(near, 0.5 + density * total, z > 0)


class GELU(Activation):
    """a = z Φ(z), with Φ the distribution function of the standard normal, φ its density;  dz = da · (Φ(z) + z φ(z)).

    The usual approximation by a tanh is off by up to 5e-4.

    Source: Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
    """

    kind = "gelu"
    tensors = (*Activation.tensors, Tensor("density", "... B", "kept"), Tensor("share", "... B", "kept"))

    def forward(self, t: Numbers) -> None:
        t.density = t.xp.exp(-t.z * t.z / 2) / sqrt(2 * pi)
        t.share = share_below(t.z, t.density, t.xp)
        t.a = t.z * t.share

    def backward(self, t: Numbers) -> None:
        t.dz = t.da * (t.share + t.z * t.density)


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


class Identity(Activation):
    """a = z;  dz = da."""

    kind = "identity"

    def forward(self, t: Numbers) -> None:
        t.a = t.z

    def backward(self, t: Numbers) -> None:
        t.dz = t.da


ACTIVATIONS: dict[str, type[Activation]] = {
    layer.kind: layer for layer in (ReLU, LeakyReLU, ELU, GELU, SiLU, Softplus, Sigmoid, Tanh, Softmax, Identity)
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
