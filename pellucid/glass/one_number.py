"""The descent written a second time, for a single number, in plain Python: what the step check compares with.

An optimizer remembers moments so that a step needs no gradient but the last. Here all gradients g_1 ... g_t of the
number are at hand, so each formula is written as the sum that its moments stand for, and none of them can have the
mistakes of a recursion:

    v ← μ v + g                    is    v = Σ_i μ^(t−i) g_i
    v ← ρ v + (1 − ρ) g²           is    v = (1 − ρ) Σ_i ρ^(t−i) g_i²
    m̂ = m / (1 − βᵗ)               is    m̂ = Σ_i β^(t−i) g_i / Σ_i β^(t−i), the weighted mean of the gradients

Sources: those that the optimizers and schedules name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, inf, pi, sqrt

from pellucid.optimizers import SGD, Adagrad, Adam, Lion, Optimizer, RMSProp

Numbers = list[float]


def fading_sum(values: Sequence[float], fading: float) -> float:
    """Σ_i fading^(t−i) values_i: the last counts in full, each before it less."""
    return sum(value * fading**age for age, value in enumerate(reversed(values)))


def fading_mean(values: Sequence[float], fading: float) -> float:
    """The mean with the same weights."""
    return fading_sum(values, fading) / fading_sum([1.0] * len(values), fading)


def sgd(o: SGD, g: Numbers) -> float:
    """Velocity, or where it will be."""
    velocity = fading_sum(g, o.momentum)
    return g[-1] + o.momentum * velocity if o.nesterov else velocity


def adagrad(o: Adagrad, g: Numbers) -> float:
    """By the root of the sum of squares."""
    return g[-1] / (sqrt(sum(value**2 for value in g)) + o.epsilon)


def rmsprop(o: RMSProp, g: Numbers) -> float:
    """By the root of the running mean of squares, which begins at 0."""
    return g[-1] / (sqrt((1 - o.rho) * fading_sum([value**2 for value in g], o.rho)) + o.epsilon)


def adam(o: Adam, g: Numbers) -> float:
    """The mean gradient by the root of the mean square."""
    return fading_mean(g, o.beta1) / (sqrt(fading_mean([value**2 for value in g], o.beta2)) + o.epsilon)


def lion(o: Lion, g: Numbers) -> float:
    """The sign of the new gradient mixed with the running mean of those before."""
    mixed = o.beta1 * (1 - o.beta2) * fading_sum(g[:-1], o.beta2) + (1 - o.beta1) * g[-1]
    return (mixed > 0) - (mixed < 0)


DIRECTIONS: dict[type[Optimizer], Callable[..., float]] = {
    SGD: sgd, Adagrad: adagrad, RMSProp: rmsprop, Adam: adam, Lion: lion,
}  # fmt: skip


def moved(optimizer: Optimizer, theta: float, gradients: Numbers, learning_rate: float) -> float:
    """Where a step takes a number; the last of its gradients is this step's, and takes the decay that is coupled."""
    if optimizer.decoupled:
        theta -= learning_rate * optimizer.weight_decay * theta
    else:
        gradients[-1] += optimizer.weight_decay * theta
    direction = next(DIRECTIONS[kind] for kind in type(optimizer).__mro__ if kind in DIRECTIONS)
    return theta - learning_rate * direction(optimizer, gradients)


def factor(name: str, options: dict[str, float], n: int, S: int, epochs: int, losses: Sequence[float]) -> float:
    """A schedule's factor of step n (0, 1, ...), with S steps an epoch and the validation losses of those before."""
    given = dict(options)
    W = round(given.pop("warm_up", 0) * S)
    t, T = max(n - W, 0), max(epochs * S - W, 1)
    warmth = min((n + 1) / W, 1.0) if W else 1.0
    return warmth * SCHEDULES[name](t, T, S, losses, **given)


def constant(t: int, T: int, S: int, losses: Sequence[float]) -> float:
    """Always 1."""
    return 1.0


def step(t: int, T: int, S: int, losses: Sequence[float], every: float = 10, factor: float = 0.1) -> float:
    """Once a number of whole epochs is over, and again."""
    epochs_done = t // S
    return float(factor ** int(epochs_done / every))


def exponential(t: int, T: int, S: int, losses: Sequence[float], factor: float = 0.9) -> float:
    """The root of the epoch's factor, once for each step."""
    return float((factor ** (1 / S)) ** t)


def polynomial(t: int, T: int, S: int, losses: Sequence[float], power: float = 1) -> float:
    """What is left of the way, to a power."""
    return float(((T - t) / T) ** power)


def cosine(t: int, T: int, S: int, losses: Sequence[float], floor: float = 0) -> float:
    """From 1 down to the floor, and there at step T."""
    return floor + (1 - floor) * cos(pi * t / T / 2) ** 2


def one_cycle(
    t: int, T: int, S: int, losses: Sequence[float], share: float = 0.3, start: float = 25, end: float = 1e4
) -> float:
    """Up to the peak, and down from it to the last step, T − 1."""
    peak, last = max(share * T - 1, 0.0), T - 1
    if t < peak:
        return 1 - (1 - 1 / start) * cos(pi * t / peak / 2) ** 2
    down = cos(pi * (t - peak) / (last - peak) / 2) ** 2 if last > peak else 0.0
    return down + (1 - down) / start / end


def plateau(
    t: int, T: int, S: int, losses: Sequence[float], factor: float = 0.1, patience: float = 10, threshold: float = 1e-4
) -> float:
    """Falls when more epochs than `patience` went by since the last that was better, or since the last fall."""
    best, since, falls = inf, 0, 0
    for epoch, loss in enumerate(losses):
        if loss < (1 - threshold) * best:
            best, since = loss, epoch
        elif epoch - since > patience:
            since, falls = epoch, falls + 1
    return float(factor**falls)


SCHEDULES: dict[str, Callable[..., float]] = {
    formula.__name__: formula for formula in (constant, step, exponential, polynomial, cosine, one_cycle, plateau)
}
