"""The right answers, in plain NumPy: written for the check, apart from the library, and held to it by the tests.

An example is a column: X (in, B), W (out, in), b (out, 1), Y (classes, B) one-hot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.glass.check.mistake import Array


def relu(z: Array) -> Array:
    """max(0, z)."""
    return np.maximum(0.0, z)


def relu_derivative(z: Array) -> Array:
    """1 where z > 0, else 0."""
    return (z > 0).astype(float)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^−z), by tanh, which does not overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def sigmoid_derivative(z: Array) -> Array:
    """σ(z) (1 − σ(z))."""
    a = sigmoid(z)
    return np.asarray(a * (1 - a))


def softmax(z: Array) -> Array:
    """e^z / Σ e^z down each column, with the column's largest z subtracted first."""
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return np.asarray(e / e.sum(axis=0, keepdims=True))


def cross_entropy(p: Array, y: Array) -> Array:
    """−Σ y log p, averaged over the columns."""
    return np.asarray(-(y * np.log(np.clip(p, 1e-15, 1))).sum() / y.shape[1])


def binary_cross_entropy(p: Array, y: Array) -> Array:
    """−Σ [y log p + (1 − y) log(1 − p)], averaged over the columns."""
    return cross_entropy(p, y) + cross_entropy(1 - p, 1 - y)


def squared_error(p: Array, y: Array) -> Array:
    """Σ (p − y)², averaged over the columns."""
    return np.asarray(((p - y) ** 2).sum() / y.shape[1])


LOSSES = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "squared_error": squared_error,
}
FUNCTIONS = {"relu": (relu, relu_derivative), "sigmoid": (sigmoid, sigmoid_derivative)}


class Pass:
    """One batch forwards and backwards, line by line, so that a mistake is one line that reads otherwise.

    Args:
        parameters: (W, b), layer by layer.
        hidden: "relu" or "sigmoid".
        ending: the loss; softmax before cross-entropy, sigmoid before the two others.
        factor: by which the squared error is multiplied (1, or ½, or one over the number of classes).
    """

    def __init__(
        self, parameters: Sequence[tuple[Array, Array]], hidden: str, ending: str, X: Array, Y: Array, factor: float = 1
    ) -> None:
        self.parameters, self.hidden, self.ending, self.X, self.Y, self.factor = (
            parameters, hidden, ending, X, Y, factor,
        )  # fmt: skip
        self.last = len(parameters) - 1
        self.xs: list[Array] = []  # what each layer reads
        self.zs: list[Array] = []
        self.outputs: list[Array] = []
        self.dzs: dict[int, Array] = {}  # once there is a gradient
        for k in range(len(parameters)):
            self.xs.append(self.x(k))
            self.zs.append(self.z(k))
            self.outputs.append(self.a(k))

    @property
    def B(self) -> int:
        """The size of the batch."""
        return int(self.X.shape[1])

    def x(self, k: int) -> Array:
        """What layer k reads."""
        return self.outputs[k - 1] if k else self.X

    def z(self, k: int) -> Array:
        """W x + b."""
        W, b = self.parameters[k]
        return np.asarray(W @ self.xs[k] + b)

    def a(self, k: int) -> Array:
        """The activation."""
        return self.act(k, self.zs[k])

    def act(self, k: int, z: Array) -> Array:
        """The activation of layer k at any numbers."""
        if k < self.last:
            return FUNCTIONS[self.hidden][0](z)
        return softmax(z) if self.ending == "cross_entropy" else sigmoid(z)

    def slope(self, z: Array) -> Array:
        """The derivative of the hidden activation."""
        return FUNCTIONS[self.hidden][1](z)

    def error(self) -> Array:
        """∂L/∂z of the last layer, example by example: a − y, for the squared error 2 (a − y) σ'(z)."""
        difference = self.outputs[-1] - self.Y
        if self.ending == "squared_error":
            return np.asarray(2 * self.factor * difference * sigmoid_derivative(self.zs[-1]))
        return np.asarray(difference)

    def through(self, k: int, da: Array) -> Array:
        """∂L/∂z = ∂L/∂a ⊙ f'(z)."""
        return np.asarray(da * self.slope(self.zs[k]))

    def dW(self, k: int, dz: Array) -> Array:
        """dz xᵀ / B."""
        return np.asarray(dz @ self.xs[k].T / self.B)

    def db(self, k: int, dz: Array) -> Array:
        """The mean of dz over the batch, a column."""
        return np.asarray(dz.mean(axis=1, keepdims=True))

    def dx(self, k: int, dz: Array) -> Array:
        """Wᵀ dz."""
        return np.asarray(self.parameters[k][0].T @ dz)

    def gradient(self) -> dict[str, Array]:
        """dW and db, the last layer first, as they are computed."""
        told, dz = {}, self.error()
        for k in range(self.last, -1, -1):
            self.dzs[k] = dz
            told[f"layers[{k}].dW"], told[f"layers[{k}].db"] = self.dW(k, dz), self.db(k, dz)
            if k:
                dz = self.through(k - 1, self.dx(k, dz))
        return told

    def loss(self) -> float:
        """The loss of the batch."""
        factor = self.factor if self.ending == "squared_error" else 1
        return factor * float(LOSSES[self.ending](self.outputs[-1], self.Y))


def changed(**lines: Callable[..., Any]) -> type[Pass]:
    """A pass in which some lines read otherwise."""
    return type("Changed", (Pass,), lines)
