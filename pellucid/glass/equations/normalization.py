"""The equations of normalization: center, spread, and what a number owes to all the others."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pellucid.glass.equations.cells import Equation, Tensors, Term, term
from pellucid.layers.normalization import EPSILON, MOMENTUM, BatchNormalization, Normalization

Index = tuple[int, ...]


def normalization(layer: Normalization, t: Tensors) -> Iterator[Equation]:
    """n = (x − μ) / σ, a = gain · n + bias, and the three ways by which x_i moves the loss."""
    of = Group(layer, t)
    yield from _statistics(layer, t, of)
    yield Equation(
        "n", "(x − center) / deviation", "(x[…] − center) / deviation", ("x", "center", "deviation"),
        lambda *at: [t.x[at] * of.inverse(at), -t.center[of.set(at)] * of.inverse(at)],
    )  # fmt: skip
    yield Equation(
        "a", "gain ∘ n + bias", "gain[r] n[…] + bias[r]", ("gain", "n", "bias"),
        lambda *at: [t.gain[of.row(at), 0] * t.n[at], t.bias[of.row(at), 0]],
    )  # fmt: skip
    yield Equation(
        "dgain", "Σ da ∘ n", "Σ da[…] n[…] over what has this gain", ("da", "n"),
        lambda r, _: [t.da[at] * t.n[at] for at in of.sharing(r)], "∂a/∂gain = n",
    )  # fmt: skip
    yield Equation(
        "dbias", "Σ da", "Σ da[…] over what has this bias", ("da",),
        lambda r, _: [t.da[at] for at in of.sharing(r)], "∂a/∂bias = 1",
    )  # fmt: skip
    if t.training or not layer.running:
        yield Equation(
            "dx", "(g − mean(g) − n ∘ mean(g ∘ n)) / deviation, g = gain ∘ da",
            "(g[…] − mean(g) − n[…] mean(g n)) / deviation", ("gain", "da", "n", "deviation"), of.owing,
            "x moves n itself, and with the center and the deviation every n of its set",
        )  # fmt: skip
    else:
        yield Equation(
            "dx", "gain ∘ da / deviation", "gain[r] da[…] / deviation", ("gain", "da", "deviation"),
            lambda *at: [t.gain[of.row(at), 0] * t.da[at] * of.inverse(at)], "∂a/∂x = gain / deviation",
        )  # fmt: skip


def _statistics(layer: Normalization, t: Tensors, of: Group) -> Iterator[Equation]:
    """Center and deviation, and what becomes of the running ones."""
    share = term(f"1/{of.count}", 1 / of.count)
    if layer.running and not t.training:
        yield Equation("center", "mean", "mean[r]", ("mean",), lambda *at: [t.mean[at]])
        yield Equation(
            "deviation", "√(variance + ε)", "√(variance[r] + ε)", ("variance",),
            lambda *at: [term(f"√({(v := t.variance[at])} + ε)", sqrt(v.value + EPSILON))],
        )  # fmt: skip
        return
    yield Equation(
        "center", "mean of x", "Σ x[…] / m over the set", ("x",),
        lambda *at: [share * t.x[place] for place in of.members(at)],
    )  # fmt: skip
    yield Equation(
        "deviation", "√(mean of (x − center)² + ε)", "√(Σ (x[…] − center)² / m + ε)", ("x", "center"),
        lambda *at: [term("√(variance of the set + ε)", sqrt(of.variance(at) + EPSILON))],
    )  # fmt: skip
    if isinstance(layer, BatchNormalization) and of.count > 1:
        weight, unbiased = term("0.1", MOMENTUM), term(f"{of.count}/{of.count - 1}", of.count / (of.count - 1))
        yield Equation(
            "mean_update", "0.1 (center − mean)", "0.1 (center[r] − mean[r])", ("center", "mean"),
            lambda *at: [weight * t.center[at], -weight * t.mean[at]],
        )  # fmt: skip
        yield Equation(
            "variance_update", "0.1 (m/(m−1) · variance of x − variance)",
            "0.1 (m/(m−1) · variance of the set − variance[r])",
            ("x", "center", "variance"),
            lambda *at: [
                weight * unbiased * term("variance of the set", of.variance(at)), -weight * t.variance[at]
            ],
        )  # fmt: skip


class Group:
    """Which numbers are normalized together, and which share a gain.

    Batch normalization takes all numbers of a feature or a map together; layer normalization those of an example.
    """

    def __init__(self, layer: Normalization, t: Tensors) -> None:
        self.t, self.shape, self.over_batch = t, t.x.shape, layer.axis == 1
        self.count = int(np.prod(self.shape[1:] if self.over_batch else self.shape[:-1]))

    def row(self, at: Index) -> int:
        """The row of gain and bias."""
        return at[0] if self.over_batch else int(np.ravel_multi_index(at[:-1], self.shape[:-1]))

    def set(self, at: Index) -> Index:
        """The place of center and deviation."""
        return (at[0], 0) if self.over_batch else (0, at[-1])

    def inverse(self, at: Index) -> Term:
        """1 / deviation."""
        cell = self.t.deviation[self.set(at)]
        return term(f"1/{cell}", 1 / cell.value)

    def members(self, where: Index) -> Iterator[Index]:
        """All numbers normalized with this center."""
        if self.over_batch:
            return ((where[0], *place) for place in np.ndindex(*self.shape[1:]))
        return ((*place, where[1]) for place in np.ndindex(*self.shape[:-1]))

    def sharing(self, row: int) -> Iterator[Index]:
        """All numbers of this gain."""
        if self.over_batch:
            return self.members((row, 0))
        place = tuple(map(int, np.unravel_index(row, self.shape[:-1])))
        return ((*place, n) for n in range(self.shape[-1]))

    def of(self, values: NDArray[np.floating], where: Index) -> NDArray[np.float64]:
        """The set's numbers in a tensor of the shape of x."""
        return (values[where[0]] if self.over_batch else values[..., where[1]]).ravel().astype(float)

    def variance(self, where: Index) -> float:
        """Of the set in x."""
        return float(self.of(self.t.x.values, where).var())

    def owing(self, *at: int) -> list[Term]:
        """The three parts of dx."""
        t, where = self.t, self.set(at)
        gain = t.gain.values
        spread = (
            gain.reshape(-1, *[1] * (len(self.shape) - 1)) if self.over_batch else gain.reshape(*self.shape[:-1], 1)
        )
        g, n = self.of(spread * t.da.values, where), self.of(t.n.values, where)
        inverse = self.inverse(at)
        return [
            t.gain[self.row(at), 0] * t.da[at] * inverse,
            -term("mean(g)", g.mean()) * inverse,
            -t.n[at] * term("mean(g n)", (g * n).mean()) * inverse,
        ]
