"""The equations of a dense layer."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.glass.equations.cells import Equation, Tensors
from pellucid.layers.dense import Dense


def dense(layer: Dense, t: Tensors) -> Iterator[Equation]:
    """z = W x + b and its gradients."""
    outputs, inputs = map(range, t.W.shape)
    examples = range(t.x.shape[1])
    yield Equation(
        "z", "W x + b", "Σ_j W[i, j] x[j, n] + b[i]", ("W", "x", "b"),
        lambda i, n: [t.W[i, j] * t.x[j, n] for j in inputs] + [t.b[i, 0]],
    )  # fmt: skip
    yield Equation(
        "dW", "dz xᵀ", "Σ_n dz[i, n] x[j, n]", ("dz", "x"),
        lambda i, j: [t.dz[i, n] * t.x[j, n] for n in examples], "∂z[i]/∂W[i, j] = x[j]",
    )  # fmt: skip
    yield Equation(
        "db", "Σ_B dz", "Σ_n dz[i, n]", ("dz",),
        lambda i, _: [t.dz[i, n] for n in examples], "∂z[i]/∂b[i] = 1",
    )  # fmt: skip
    yield Equation(
        "dx", "Wᵀ dz", "Σ_i W[i, j] dz[i, n]", ("W", "dz"),
        lambda j, n: [t.W[i, j] * t.dz[i, n] for i in outputs], "∂z[i]/∂x[j] = W[i, j]",
    )  # fmt: skip
