"""The equations of the output link and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, log, log1p

import numpy as np

from pellucid.glass.equations.cells import Equation, Tensors, Term, term
from pellucid.glass.equations.pointwise import FUNCTIONS, softmax_term, through
from pellucid.layers.activation import Softmax
from pellucid.losses import BinaryCrossEntropy, Loss, SquaredError


def loss(of: Loss, t: Tensors) -> Iterator[Equation]:
    """Outputs, the loss of each example, their weighted mean, and the gradient where the way back begins."""
    outputs, examples = map(range, t.z.shape)
    weights = t.w.values.astype(float)
    link = of.link.kind

    def output(*at: int) -> list[Term]:
        if isinstance(of.link, Softmax):
            return [softmax_term(t, at)]
        z = t.z[at]
        return [z if link == "identity" else term(f"{link}({z})", FUNCTIONS[link].value(z.value))]

    def share(n: int) -> Term:
        return t.w[n] * term("1/Σ w", 1 / weights.sum())

    yield Equation("a", f"{link}(z)" if link != "identity" else "z", f"{link}(z)[i, n]", ("z",), output)
    formula, cell, losses = _losses(of, t, outputs)
    yield Equation("losses", formula, cell, ("a", "y"), losses)
    yield Equation(
        "loss", "Σ w losses / Σ w", "Σ_n w[n] losses[n] / Σ w", ("losses", "w"),
        lambda: [share(n) * t.losses[n] for n in examples],
    )  # fmt: skip
    if isinstance(of, SquaredError):
        yield Equation(
            "da", "2 (a − y) ∘ w / Σ w", "2 (a[i, n] − y[i, n]) w[n] / Σ w", ("a", "y", "w"),
            lambda i, n: [term("2", 2) * part * share(n) for part in (t.a[i, n], -t.y[i, n])],
            "∂losses/∂a = 2 (a − y)",
        )  # fmt: skip
        yield from (equation for equation in through(of.link, t) if equation.tensor == "dz")
        return
    yield Equation(
        "dz", "(a − y) ∘ w / Σ w", "(a[i, n] − y[i, n]) w[n] / Σ w", ("a", "y", "w"),
        lambda i, n: [t.a[i, n] * share(n), -t.y[i, n] * share(n)],
        f"the logarithm's derivative and that of {link} cancel: ∂losses/∂z = a − y",
    )  # fmt: skip


def _losses(of: Loss, t: Tensors, outputs: range) -> tuple[str, str, Callable[..., list[Term]]]:
    """The loss of an example: with matrices, with indices, term by term."""
    if isinstance(of, SquaredError):

        def square(k: int, n: int) -> Term:
            difference = term(f"({t.a[k, n]} − {t.y[k, n]})", t.a[k, n].value - t.y[k, n].value)
            return difference * difference

        return "Σ (a − y)²", "Σ_k (a[k, n] − y[k, n])²", lambda n: [square(k, n) for k in outputs]
    if isinstance(of, BinaryCrossEntropy):

        def answer(k: int, n: int) -> list[Term]:
            y, z = t.y[k, n], t.z[k, n].value
            yes, no = (
                term(f"log {a}", -log1p(exp(-abs(s))) + min(s, 0))
                for a, s in ((t.a[k, n], z), (f"(1 − {t.a[k, n]})", -z))
            )
            return [-y * yes, -term(f"(1 − {y})", 1 - y.value) * no]

        return (
            "−Σ (y log a + (1 − y) log(1 − a))", "−Σ_k (y[k, n] log a[k, n] + (1 − y[k, n]) log(1 − a[k, n]))",
            lambda n: [part for k in outputs for part in answer(k, n)],
        )  # fmt: skip

    def surprise(k: int, n: int) -> Term:
        column = t.z.values[:, n].astype(float)
        shifted = column - column.max()
        return -t.y[k, n] * term(f"log {t.a[k, n]}", shifted[k] - log(np.exp(shifted).sum()))

    return "−Σ y log a", "−Σ_k y[k, n] log a[k, n]", lambda n: [surprise(k, n) for k in outputs]
