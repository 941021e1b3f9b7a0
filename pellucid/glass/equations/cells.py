"""Cells, products and sums: a number of a trace, and what it was made of.

A cell is one number of a tensor, dense1/W[3, 17]. Every number that a pass computes is a sum of products of cells and
of what a function makes of a cell, so a formula written for one number,

    lambda i, b: [t.W[i, j] * t.x[j, b] for j in inputs] + [t.b[i, 0]]

is all that is needed to show where it comes from, term by term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import fsum, prod
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Term:
    """A product. `factors` are names with their values: ("dense1/W[3, 17]", 0.25), ("1/B", 0.01)."""

    factors: tuple[tuple[str, float], ...]

    @property
    def value(self) -> float:
        """The product of the factors."""
        return prod(value for _, value in self.factors)

    def __mul__(self, other: Term) -> Term:
        return Term(self.factors + other.factors)

    def __neg__(self) -> Term:
        return Term((("−1", -1.0), *self.factors))

    def __str__(self) -> str:
        return " · ".join(name for name, _ in self.factors)


def term(name: str, value: Any) -> Term:
    """A number that has a name but no cell: 1/B, σ(z), the slope of a function."""
    return Term(((name, float(value)),))


@dataclass(frozen=True)
class Cells:
    """The cells of one tensor: `cells[3, 17]` is a term of one factor."""

    name: str
    values: NDArray[Any]

    def __getitem__(self, index: int | tuple[int, ...]) -> Term:
        index = index if isinstance(index, tuple) else (index,)
        return Term(((cell_name(self.name, index), float(self.values[index])),))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return self.values.shape


def cell_name(tensor: str, index: Sequence[int]) -> str:
    """dense1/W[3, 17]."""
    return f"{tensor}[{', '.join(map(str, index))}]" if len(index) else tensor


class Tensors:
    """The tensors of one layer in a trace, for its equations: `t.W[3, 17]`, `t.of("bn1", "a")`.

    Args:
        layer: the layer's name.
        values: every tensor of the trace by its name, "dense1/W".
        training: whether the pass was one of training.
    """

    def __init__(self, layer: str, values: Callable[[str], NDArray[Any]], training: bool) -> None:
        self.layer, self.values, self.training = layer, values, training

    def __getattr__(self, name: str) -> Cells:
        return self.cells(f"{self.layer}/{name}")

    def cells(self, name: str) -> Cells:
        """Of any tensor, another layer's too."""
        return Cells(name, self.values(name))


@dataclass(frozen=True)
class Equation:
    """How one tensor of a layer comes from others.

    Args:
        tensor: its name, "dW".
        formula: what it is, with matrices: "dz xᵀ".
        cell: the same for one number, with indices: "Σ_b dz[i, b] x[j, b]".
        parents: the tensors it is made of, of this layer ("dz") or of another one ("dense2/dx").
        terms: the sum that makes the number at an index.
        because: the rule behind it, for gradients: "∂z/∂W".
    """

    tensor: str
    formula: str
    cell: str
    parents: tuple[str, ...]
    terms: Callable[..., list[Term]] = field(repr=False, compare=False)
    because: str = ""


@dataclass(frozen=True)
class Sum:
    """Where one number comes from: `value` is the sum of the terms, but for rounding."""

    name: str
    value: float
    equation: Equation | None
    terms: tuple[Term, ...]

    @property
    def total(self) -> float:
        """The terms, added up exactly and rounded once."""
        return fsum(term.value for term in self.terms)
