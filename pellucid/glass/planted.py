"""Mistakes that people make in backpropagation, planted on purpose: a check that finds none of them is no check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pellucid.glass.gradcheck import GradientCheck, gradcheck
from pellucid.layers import Layer, Numbers
from pellucid.losses import CrossEntropy
from pellucid.network import Network

ARCHITECTURE = "6-7:relu-D0.4-7:sigmoid-4"  # a square layer in the middle, where a transpose can be forgotten unseen
EXAMPLES = 7  # as many as units, so that a sum over the wrong axis has the right shape


@dataclass(frozen=True)
class Planted:
    """A planted mistake, and what the gradient check says of it."""

    name: str
    mistake: str
    check: GradientCheck


def _layer(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


def after_backward(layer: Layer, change: Callable[[Numbers], None]) -> None:
    """Let a layer's backward pass be followed by a change. Such a layer has no kernels: the reference engine trains."""
    right = layer.backward

    def backward(t: Numbers) -> None:
        right(t)
        change(t)

    layer.backward = backward  # type: ignore[method-assign]


def forgotten_transpose(network: Network) -> None:
    """dx = W dz instead of Wᵀ dz."""

    def change(t: Numbers) -> None:
        t.dx = t.W @ t.dz

    after_backward(_layer(network, "dense2"), change)


def missing_batch_size(network: Network) -> None:
    """dz = a − y instead of (a − y) / B."""

    class Summed(CrossEntropy):
        def backward(self, t: Numbers) -> None:
            t.dz = t.a - t.y

    network.loss = Summed(network.loss.link)


def wrong_relu_mask(network: Network) -> None:
    """dz = da where da > 0 instead of where z > 0."""

    def change(t: Numbers) -> None:
        t.dz = t.xp.where(t.da > 0, t.da, 0)

    after_backward(_layer(network, "relu1"), change)


def swapped_axis(network: Network) -> None:
    """db = Σ over the units instead of Σ over the batch."""

    def change(t: Numbers) -> None:
        t.db[...] = t.dz.sum(axis=0).reshape(-1, 1)

    after_backward(_layer(network, "dense2"), change)


def bias_over_everything(network: Network) -> None:
    """db = one number, Σ over units and batch, instead of one for each unit."""

    def change(t: Numbers) -> None:
        t.db[...] = t.dz.sum()

    after_backward(_layer(network, "dense1"), change)


def derivative_at_wrong_place(network: Network) -> None:
    """dz = da · σ'(a) instead of da · σ'(z)."""

    def change(t: Numbers) -> None:
        sigmoid_of_a = 1 / (1 + t.xp.exp(-t.a))
        t.dz = t.da * sigmoid_of_a * (1 - sigmoid_of_a)

    after_backward(_layer(network, "sigmoid1"), change)


def unscaled_dropout(network: Network) -> None:
    """dx = da where m > 0, without the 1 / (1 − p), instead of m ∘ da."""

    def change(t: Numbers) -> None:
        t.dx = t.xp.where(t.m > 0, t.da, 0)

    after_backward(_layer(network, "dropout1"), change)


MISTAKES = (
    forgotten_transpose,
    missing_batch_size,
    wrong_relu_mask,
    swapped_axis,
    bias_over_everything,
    derivative_at_wrong_place,
    unscaled_dropout,
)


def check_planted(seed: int = 0) -> list[Planted]:
    """Plant each mistake into a small network and run the gradient check on it."""
    found = []
    for plant in MISTAKES:
        network = Network(ARCHITECTURE, seed=seed)
        plant(network)
        check = gradcheck(network, examples=EXAMPLES, seed=seed)
        found.append(Planted(plant.__name__.replace("_", " "), (plant.__doc__ or "").rstrip("."), check))
    return found
