"""The equations of layers that take each number by itself, of softmax, which does not, and of flattening."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import erf, exp, log1p, pi, sqrt, tanh
from typing import NamedTuple

import numpy as np

from pellucid.glass.equations.cells import Equation, Tensors, Term, term
from pellucid.layers.activation import Activation, Identity, LeakyReLU, Softmax
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.reshape import Flatten


class Function(NamedTuple):
    """g and its derivative, for one number z: in words and as Python's own mathematics has them."""

    formula: str
    slope_formula: str
    value: Callable[[float], float]
    slope: Callable[[float], float]


def sigma(z: float) -> float:
    """σ(z) = 1 / (1 + e^−z)."""
    return 1 / (1 + exp(-z)) if z > 0 else exp(z) / (1 + exp(z))


def below(z: float) -> float:
    """Φ(z), the share of a standard normal distribution below z."""
    return (1 + erf(z / sqrt(2))) / 2


def density(z: float) -> float:
    """φ(z), the density of the standard normal distribution."""
    return exp(-z * z / 2) / sqrt(2 * pi)


FUNCTIONS = {
    "relu": Function("max(z, 0)", "1 where z > 0, else 0", lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "elu": Function(
        "z where z > 0, else e^z − 1", "1 where z > 0, else e^z",
        lambda z: z if z > 0 else exp(z) - 1, lambda z: 1.0 if z > 0 else exp(z),
    ),
    "gelu": Function(
        "z Φ(z)", "Φ(z) + z φ(z)",
        lambda z: z * below(z), lambda z: below(z) + z * density(z),
    ),
    "silu": Function(
        "z σ(z)", "σ(z) (1 + z (1 − σ(z)))",
        lambda z: z * sigma(z), lambda z: sigma(z) * (1 + z * (1 - sigma(z))),
    ),
    "softplus": Function("log(1 + e^z)", "σ(z)", lambda z: max(z, 0.0) + log1p(exp(-abs(z))), sigma),
    "sigmoid": Function("σ(z)", "σ(z) (1 − σ(z))", sigma, lambda z: sigma(z) * sigma(-z)),
    "tanh": Function("tanh(z)", "1 − tanh²(z)", tanh, lambda z: 1 - tanh(z) ** 2),
}  # fmt: skip


# what the forward pass keeps for the way back
KEPT: dict[str, dict[str, tuple[str, Callable[[float], float]]]] = {
    "gelu": {"density": ("φ(z)", density), "share": ("Φ(z)", below)},
    "silu": {"s": ("σ(z)", sigma)},
}


def function(layer: Activation) -> Function:
    """Of an activation that takes each number by itself."""
    if isinstance(layer, LeakyReLU):
        low = layer.slope
        return Function(
            f"z where z > 0, else {low:g} z", f"1 where z > 0, else {low:g}",
            lambda z: z if z > 0 else low * z, lambda z: 1.0 if z > 0 else low,
        )  # fmt: skip
    return FUNCTIONS[layer.kind]


def activation(layer: Activation, t: Tensors) -> Iterator[Equation]:
    """a = g(z), dz = da ∘ g′(z)."""
    g = function(layer)
    for name, (formula, value) in KEPT.get(layer.kind, {}).items():
        yield Equation(
            name, formula, formula.replace("z", "z[…]"), ("z",),
            lambda *at, of=value, formula=formula: [term(f"{formula} at {(z := t.z[at])}", of(z.value))],
        )  # fmt: skip
    yield Equation(
        "a", g.formula, g.formula.replace("z", "z[…]"), ("z",),
        lambda *at: [term(f"g({(z := t.z[at])})", g.value(z.value))],
    )  # fmt: skip
    yield Equation(
        "dz", f"da ∘ ({g.slope_formula})", f"da[…] · ({g.slope_formula.replace('z', 'z[…]')})", ("da", "z"),
        lambda *at: [t.da[at] * term(f"g′({(z := t.z[at])})", g.slope(z.value))], f"∂a/∂z = {g.slope_formula}",
    )  # fmt: skip


def identity(layer: Identity, t: Tensors) -> Iterator[Equation]:
    """a = z."""
    yield Equation("a", "z", "z[…]", ("z",), lambda *at: [t.z[at]])
    yield Equation("dz", "da", "da[…]", ("da",), lambda *at: [t.da[at]], "∂a/∂z = 1")


def softmax(layer: Softmax, t: Tensors) -> Iterator[Equation]:
    """a_i = e^{z_i} / Σ_k e^{z_k}, with the whole Jacobian on the way back."""
    yield Equation("a", "softmax(z)", "e^z[i, n] / Σ_k e^z[k, n]", ("z",), lambda *at: [softmax_term(t, at)])
    yield Equation(
        "dz", "a ∘ (da − Σ a ∘ da)", "Σ_k a[i, n] (δ_ik − a[k, n]) da[k, n]", ("a", "da"),
        lambda i, *at: [
            t.a[i, *at] * term(f"(δ − {t.a[k, *at]})", (i == k) - t.a[k, *at].value) * t.da[k, *at]
            for k in range(t.a.shape[0])
        ], "∂a[k]/∂z[i] = a[k] (δ_ik − a[i])",
    )  # fmt: skip


def softmax_term(t: Tensors, at: tuple[int, ...]) -> Term:
    """e^(z − max) / Σ e^(z − max), over the first axis."""
    column = np.array([t.z[k, *at[1:]].value for k in range(t.z.shape[0])])
    e = np.exp(column - column.max())
    return term(f"e^({t.z[at]} − max)", e[at[0]]) * term("1/Σ_k e^(z[k] − max)", 1 / e.sum())


def through(layer: Activation, t: Tensors) -> Iterator[Equation]:
    """The equations of any activation."""
    if isinstance(layer, Softmax):
        return softmax(layer, t)
    return identity(layer, t) if isinstance(layer, Identity) else activation(layer, t)


def dropout(layer: Dropout, t: Tensors) -> Iterator[Equation]:
    """a = m ∘ x."""
    yield Equation("a", "m ∘ x", "m[…] x[…]", ("m", "x"), lambda *at: [t.m[at] * t.x[at]])
    yield Equation("dx", "m ∘ da", "m[…] da[…]", ("m", "da"), lambda *at: [t.m[at] * t.da[at]], "∂a/∂x = m")


def noise(layer: GaussianNoise, t: Tensors) -> Iterator[Equation]:
    """a = x + σ n."""
    sigma = term("σ", layer.sigma)
    yield Equation("a", "x + σ n", "x[…] + σ n[…]", ("x", "n"), lambda *at: [t.x[at], sigma * t.n[at]])
    yield Equation("dx", "da", "da[…]", ("da",), lambda *at: [t.da[at]], "∂a/∂x = 1")


def flatten(layer: Flatten, t: Tensors) -> Iterator[Equation]:
    """The same numbers in a column."""
    shape = layer.input_shape
    yield Equation(
        "a", "x, as one column", "x, map after map, row after row", ("x",),
        lambda i, n: [t.x[*map(int, np.unravel_index(i, shape)), n]],
    )  # fmt: skip
    yield Equation(
        "dx", "da, back in the shape of x", "da at the same place", ("da",),
        lambda *at: [t.da[int(np.ravel_multi_index(at[:-1], shape)), at[-1]]], "∂a/∂x = 1",
    )  # fmt: skip
