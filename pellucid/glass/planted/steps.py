"""Mistakes in optimizers: the gradient is right, and what becomes of it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.descent import Descent
from pellucid.glass.planted.mistake import StepMistake, sentence
from pellucid.layers import Array
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSProp
from pellucid.schedules import Schedule

SCHEDULE = "cosine"  # the learning rate changes, and with it whatever wrongly remembers it
Move = Callable[[Any, Array, Array, Sequence[Array], int, float], None]


def step_of(optimizer: Optimizer, *, update: bool = False) -> Callable[[Move], StepMistake]:
    """Makes a mistake of a function that stands in place of the optimizer's move, or of its whole update."""

    def make(function: Move) -> StepMistake:
        kind = type(optimizer)
        wrong = type(kind.__name__, (kind,), {"update" if update else "move": function})

        def plant(right: Descent, schedule: Schedule) -> tuple[Descent, Schedule]:
            return Descent(wrong(**vars(optimizer))), schedule

        return StepMistake(*sentence(function), kind.__name__, lambda: (Descent(optimizer), Schedule(SCHEDULE)), plant)

    return make


@step_of(SGD(0.1))
def up_the_hill(o: SGD, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """θ ← θ + α g instead of θ − α g."""
    theta += rate * g


@step_of(SGD(0.1, momentum=0.9))
def damped_velocity(o: SGD, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v ← μ v + (1 − μ) g instead of μ v + g."""
    (v,) = moments
    v[...] = o.momentum * v + (1 - o.momentum) * g
    theta -= rate * v


@step_of(SGD(0.1, momentum=0.9))
def rate_inside_the_velocity(o: SGD, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v ← μ v + α g, so that earlier gradients keep earlier learning rates."""
    (v,) = moments
    v[...] = o.momentum * v + rate * g
    theta -= v


@step_of(SGD(0.1, momentum=0.9, nesterov=True))
def nesterov_behind_time(o: SGD, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """θ ← θ − α (g + μ v) with the v of the step before."""
    (v,) = moments
    theta -= rate * (g + o.momentum * v)
    v[...] = o.momentum * v + g


@step_of(SGD(0.1, momentum=0.9, weight_decay=0.1), update=True)
def decay_beside_the_momentum(o: SGD, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """The decay taken off theta, though SGD's goes through the momentum."""
    theta *= 1 - rate * o.weight_decay
    o.move(theta, g, moments, step, rate)


@step_of(Adagrad(0.1))
def forgetful_adagrad(o: Adagrad, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v = g² of this step alone instead of the sum over all."""
    theta -= rate * g / ((g * g) ** 0.5 + o.epsilon)


@step_of(Adagrad(0.1, epsilon=1e-3))
def epsilon_under_adagrads_root(
    o: Any, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float
) -> None:
    """√(v + ε) instead of √v + ε."""
    (v,) = moments
    v += g * g
    theta -= rate * g / (v + o.epsilon) ** 0.5


@step_of(RMSProp(0.1, rho=0.9))
def swapped_shares(o: RMSProp, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v ← (1 − ρ) v + ρ g² instead of ρ v + (1 − ρ) g²."""
    (v,) = moments
    v[...] = (1 - o.rho) * v + o.rho * g * g
    theta -= rate * g / (v**0.5 + o.epsilon)


@step_of(RMSProp(0.1, rho=0.9))
def mean_of_the_gradients(o: RMSProp, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v ← ρ v + (1 − ρ) |g|, without the square."""
    (v,) = moments
    v[...] = o.rho * v + (1 - o.rho) * abs(g)
    theta -= rate * g / (v**0.5 + o.epsilon)


def adam_step(o: Adam, theta: Array, g: Array, moments: Sequence[Array], one: float, two: float, rate: float) -> None:
    """Adam's step, with its means divided by these corrections."""
    m, v = moments
    m[...] = o.beta1 * m + (1 - o.beta1) * g
    v[...] = o.beta2 * v + (1 - o.beta2) * g * g
    theta -= rate * (m / one) / ((v / two) ** 0.5 + o.epsilon)


@step_of(Adam(0.1))
def uncorrected_bias(o: Adam, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """m and v taken as they are, without the divisions by 1 − βᵗ."""
    adam_step(o, theta, g, moments, 1, 1, rate)


@step_of(Adam(0.1))
def steps_counted_from_zero(o: Adam, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """1 − βᵗ with t from 0 instead of 1: the first step divides 0 by 0."""
    adam_step(o, theta, g, moments, 1 - o.beta1 ** (step - 1), 1 - o.beta2 ** (step - 1), rate)


@step_of(Adam(0.1))
def correction_that_never_ends(
    o: Adam, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float
) -> None:
    """1 − β instead of 1 − βᵗ, so that t stays at 1."""
    adam_step(o, theta, g, moments, 1 - o.beta1, 1 - o.beta2, rate)


@step_of(Adam(0.1))
def one_correction_for_both(o: Adam, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """v̂ = v / (1 − β₁ᵗ) instead of v / (1 − β₂ᵗ)."""
    adam_step(o, theta, g, moments, 1 - o.beta1**step, 1 - o.beta1**step, rate)


@step_of(Adam(0.1))
def forgotten_root(o: Adam, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """m̂ / (v̂ + ε) instead of m̂ / (√v̂ + ε)."""
    m, v = moments
    m[...] = o.beta1 * m + (1 - o.beta1) * g
    v[...] = o.beta2 * v + (1 - o.beta2) * g * g
    theta -= rate * (m / (1 - o.beta1**step)) / (v / (1 - o.beta2**step) + o.epsilon)


@step_of(AdamW(0.1, weight_decay=0.1), update=True)
def coupled_decay(o: AdamW, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """AdamW's decay added to the gradient, as Adam's is."""
    o.move(theta, g + o.weight_decay * theta, moments, step, rate)


@step_of(AdamW(0.1, weight_decay=0.1), update=True)
def decay_without_the_rate(o: AdamW, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """θ ← θ − λ θ instead of θ − α λ θ."""
    theta *= 1 - o.weight_decay
    o.move(theta, g, moments, step, rate)


@step_of(Lion(0.1))
def one_mean_for_both(o: Lion, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """The sign of the m that is remembered instead of the one mixed with β₁."""
    (m,) = moments
    m[...] = o.beta2 * m + (1 - o.beta2) * g
    theta -= rate * ((m > 0) * 1.0 - (m < 0) * 1.0)


@step_of(Lion(0.1))
def swapped_betas(o: Lion, theta: Array, g: Array, moments: Sequence[Array], step: int, rate: float) -> None:
    """β₂ in the mean that is stepped along, β₁ in the one that is remembered."""
    (m,) = moments
    mean = o.beta2 * m + (1 - o.beta2) * g
    theta -= rate * ((mean > 0) * 1.0 - (mean < 0) * 1.0)
    m[...] = o.beta1 * m + (1 - o.beta1) * g
