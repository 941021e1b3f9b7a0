"""Mistakes in the derivatives of activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.planted.mistake import backward_of
from pellucid.layers import Numbers
from pellucid.layers.activation import Activation, LeakyReLU


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def network(activation: str) -> str:
    """Seven units, as many as examples."""
    return f"6-7:{activation}-4"


@backward_of("relu1", network("relu"))
def wrong_relu_mask(layer: Activation, t: Numbers) -> None:
    """dz = da where da > 0 instead of where z > 0."""
    t.dz = np.where(t.da > 0, t.da, 0)


@backward_of("relu1", network("relu"))
def rectified_nothing(layer: Activation, t: Numbers) -> None:
    """dz = da everywhere, also where z < 0."""
    t.dz = t.da


@backward_of("leaky_relu1", network("leaky_relu0.2"))
def slope_lost(layer: LeakyReLU, t: Numbers) -> None:
    """dz = 0 where z < 0, as of ReLU, instead of slope · da."""
    t.dz = np.where(t.z > 0, t.da, 0)


@backward_of("leaky_relu1", network("leaky_relu0.2"))
def slope_on_both_sides(layer: LeakyReLU, t: Numbers) -> None:
    """dz = slope · da everywhere, also where z > 0."""
    t.dz = layer.slope * t.da


@backward_of("sigmoid1", network("sigmoid"))
def derivative_at_wrong_place(layer: Activation, t: Numbers) -> None:
    """dz = da · σ'(a) instead of da · σ'(z)."""
    t.dz = t.da * sigmoid(t.a) * (1 - sigmoid(t.a))


@backward_of("sigmoid1", network("sigmoid"))
def half_of_the_derivative(layer: Activation, t: Numbers) -> None:
    """dz = da · (1 − a) instead of da · a (1 − a)."""
    t.dz = t.da * (1 - t.a)


@backward_of("tanh1", network("tanh"))
def forgotten_square(layer: Activation, t: Numbers) -> None:
    """dz = da · (1 − a) instead of da · (1 − a²)."""
    t.dz = t.da * (1 - t.a)


@backward_of("tanh1", network("tanh"))
def z_in_place_of_a(layer: Activation, t: Numbers) -> None:
    """dz = da · (1 − z²) instead of da · (1 − a²)."""
    t.dz = t.da * (1 - t.z * t.z)


@backward_of("softplus1", network("softplus"))
def sigmoid_of_a(layer: Activation, t: Numbers) -> None:
    """dz = da · σ(a) instead of da · σ(z)."""
    t.dz = t.da * sigmoid(t.a)


@backward_of("softplus1", network("softplus"))
def softplus_taken_for_relu(layer: Activation, t: Numbers) -> None:
    """dz = da where z > 0, else 0, instead of da · σ(z)."""
    t.dz = np.where(t.z > 0, t.da, 0)


@backward_of("elu1", network("elu"))
def forgotten_one(layer: Activation, t: Numbers) -> None:
    """dz = da · a where z < 0 instead of da · (a + 1)."""
    t.dz = np.where(t.z > 0, t.da, t.da * t.a)


@backward_of("elu1", network("elu"))
def exponential_everywhere(layer: Activation, t: Numbers) -> None:
    """dz = da · e^z also where z > 0."""
    t.dz = t.da * np.exp(t.z)


@backward_of("gelu1", network("gelu"))
def z_taken_for_constant(layer: Activation, t: Numbers) -> None:
    """dz = da · Φ(z), without the term z φ(z) of the product rule."""
    t.dz = t.da * t.share


@backward_of("gelu1", network("gelu"))
def derivative_of_the_approximation(layer: Activation, t: Numbers) -> None:
    """dz with σ(1.702 z) for Φ(z), though a was computed with Φ itself."""
    share = sigmoid(1.702 * t.z)
    t.dz = t.da * (share + 1.702 * t.z * share * (1 - share))


@backward_of("silu1", network("silu"))
def factor_taken_for_constant(layer: Activation, t: Numbers) -> None:
    """dz = da · σ(z), without the term z σ'(z) of the product rule."""
    t.dz = t.da * t.s


@backward_of("silu1", network("silu"))
def derivative_of_sigmoid(layer: Activation, t: Numbers) -> None:
    """dz = da · σ(z) (1 − σ(z)), the derivative of the factor alone."""
    t.dz = t.da * t.s * (1 - t.s)


@backward_of("softmax1", network("softmax"))
def diagonal_jacobian(layer: Activation, t: Numbers) -> None:
    """dz = da · a (1 − a), the diagonal of softmax's Jacobian alone."""
    t.dz = t.da * t.a * (1 - t.a)


@backward_of("softmax1", network("softmax"))
def summed_over_the_batch(layer: Activation, t: Numbers) -> None:
    """Σ a da over the examples instead of over the outputs of each."""
    t.dz = t.a * (t.da - (t.a * t.da).sum(axis=1, keepdims=True))


@backward_of("identity1", network("identity"))
def derivative_of_the_square(layer: Activation, t: Numbers) -> None:
    """dz = da · a instead of da · 1."""
    t.dz = t.da * t.a


@backward_of("identity1", network("identity"))
def forgotten_chain(layer: Activation, t: Numbers) -> None:
    """dz = 1, the derivative alone, without the da that it multiplies."""
    t.dz = np.ones_like(t.da)
