"""Mistakes in dropout, noise and residual blocks."""

from __future__ import annotations

import numpy as np

from pellucid.glass.planted.mistake import backward_of
from pellucid.layers import Numbers
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.residual import Residual

DROPOUT = "6-7:tanh-D0.4-4"
NOISE = "6-7:tanh-N0.3-4"
BLOCK = "6-7:tanh-R(7:tanh)-4"
PROJECTED = "1x5x6-2C2:tanh-R(3C3s2p1:tanh)-4"


@backward_of("dropout1", DROPOUT)
def unscaled_dropout(layer: Dropout, t: Numbers) -> None:
    """dx = da where m > 0, without the 1 / (1 − p), instead of m ∘ da."""
    t.dx = np.where(t.m > 0, t.da, 0)


@backward_of("dropout1", DROPOUT)
def dropout_forgotten_backwards(layer: Dropout, t: Numbers) -> None:
    """dx = da, also where the element was dropped."""
    t.dx = t.da


@backward_of("dropout1", DROPOUT)
def another_mask_backwards(layer: Dropout, t: Numbers) -> None:
    """dx by a mask drawn anew instead of that of the forward pass."""
    t.dx = np.roll(t.m, 1, axis=0) * t.da


@backward_of("dropout1", DROPOUT, training=False)
def scaled_in_prediction(layer: Dropout, t: Numbers) -> None:
    """dx = da / (1 − p) outside training, where nothing is dropped."""
    t.dx = t.dx / (1 - layer.rate)


@backward_of("noise1", NOISE)
def noise_taken_for_a_factor(layer: GaussianNoise, t: Numbers) -> None:
    """dx = da · (1 + σ n), though the noise was added."""
    t.dx = t.da * (1 + layer.sigma * t.n)


@backward_of("noise1", NOISE)
def gradient_of_the_noise(layer: GaussianNoise, t: Numbers) -> None:
    """dx = σ da, the gradient of n instead of that of x."""
    t.dx = layer.sigma * t.da


@backward_of("residual1", BLOCK)
def forgotten_shortcut(layer: Residual, t: Numbers) -> None:
    """dx without dy, which the sum passes on as it is."""
    t.dx = t.dx - t.dy


@backward_of("residual1", BLOCK)
def shortcut_alone(layer: Residual, t: Numbers) -> None:
    """dx = dy, without what f carries back."""
    t.dx = t.dy


@backward_of("residual1", PROJECTED)
def forgotten_projection(layer: Residual, t: Numbers) -> None:
    """dx without what the projection carries back."""
    t.dx = t.dx - t.parts[0].dx


@backward_of("residual1.projection", PROJECTED)
def untrained_projection(layer: Residual, t: Numbers) -> None:
    """dW = 0 for the projection, whose gradient nobody asked for."""
    t.dW[...] = 0
