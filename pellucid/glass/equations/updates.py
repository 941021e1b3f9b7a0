"""The equations of an update: what an optimizer adds to the parameters in the first step that it takes.

At the first step nothing is remembered yet, so every optimizer's formula is one in g alone: Adam's √v̂ is |g|.
"""

from __future__ import annotations

from math import sqrt

from pellucid.glass.equations.cells import Equation, Tensors, Term, term
from pellucid.optimizers import SGD, Adagrad, Adam, Lion, Optimizer, RMSProp


def update(optimizer: Optimizer, t: Tensors, name: str) -> Equation:
    """What becomes of the parameter of this name: what is added to it."""
    parameter, gradient = getattr(t, name), getattr(t, f"d{name}")
    rate = term("−α", -optimizer.learning_rate)
    decay = term("λ", optimizer.weight_decay)

    def terms(*at: int) -> list[Term]:
        g = [gradient[at]]
        if optimizer.weight_decay and not optimizer.decoupled:
            g.append(decay * parameter[at])
        scale = _scale(optimizer, sum(part.value for part in g))
        moved = [rate * part * scale for part in g] if scale else [rate * part for part in g]
        return [*moved, rate * decay * parameter[at]] if optimizer.weight_decay and optimizer.decoupled else moved

    g = f"d{name}" + (f" + λ {name}" if optimizer.weight_decay and not optimizer.decoupled else "")
    ahead = "(1 + μ) " if isinstance(optimizer, SGD) and optimizer.nesterov else ""
    formula = FORMULAS[_kind(optimizer)].format(g=g if " " not in g else f"({g})", size=f"|{g}|", ahead=ahead)
    if optimizer.weight_decay and optimizer.decoupled:
        formula += f" − α λ {name}"
    return Equation(f"{name}_update", formula, formula, (f"d{name}", name), terms, "the gradient points uphill")


FORMULAS: dict[type[Optimizer], str] = {
    SGD: "−α {ahead}{g}",
    Adagrad: "−α {g} / ({size} + ε)",
    RMSProp: "−α {g} / (√(1 − ρ) {size} + ε)",
    Adam: "−α {g} / ({size} + ε)",
    Lion: "−α sign {g}",
}


def _kind(optimizer: Optimizer) -> type[Optimizer]:
    return next(kind for kind in type(optimizer).__mro__ if kind in FORMULAS)


def _scale(optimizer: Optimizer, g: float) -> Term | None:
    """What the formula multiplies g by in the first step."""
    if isinstance(optimizer, SGD):
        return term("(1 + μ)", 1 + optimizer.momentum) if optimizer.nesterov else None
    if isinstance(optimizer, Lion):
        return term("1/|g|", 1 / abs(g)) if g else term("0", 0)
    assert isinstance(optimizer, Adagrad | RMSProp | Adam)
    fading = 1 - optimizer.rho if isinstance(optimizer, RMSProp) else 1.0
    return term("1/(√v + ε)", 1 / (sqrt(fading * g * g) + optimizer.epsilon))
