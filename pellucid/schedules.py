"""Schedules: the learning rate over time. Each is a formula for factors of the optimizer's own rate.

    t    the steps done, 0, 1, ...
    T    how many there will be
    S    how many an epoch has

With a warm-up all are counted from its end. A schedule follows from these alone, `plateau` also from the validation
losses of the epochs before, which the history keeps: so a resumed training goes on exactly. In words it is a name with
what differs from its defaults: `cosine`, or `step,every=5,factor=0.5,warm_up=1`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.checks import check_number
from pellucid.errors import UsageError
from pellucid.names import assignments, choose

Floats = NDArray[Any]


def constant(t: Floats, T: int, S: int, losses: Sequence[float]) -> Floats:
    """1."""
    return np.ones(len(t))


def step(t: Floats, T: int, S: int, losses: Sequence[float], *, every: float = 10, factor: float = 0.1) -> Floats:
    """factor^⌊t / S / every⌋: a fall after every so many epochs."""
    return np.power(factor, t // S // every)


def exponential(t: Floats, T: int, S: int, losses: Sequence[float], *, factor: float = 0.9) -> Floats:
    """factor^(t / S): the same fall in every epoch, spread evenly over its steps."""
    return np.power(factor, t / S)


def polynomial(t: Floats, T: int, S: int, losses: Sequence[float], *, power: float = 1) -> Floats:
    """(1 − t / T)^power: with power 1 a straight line to 0."""
    return np.power(1 - t / T, power)


def cosine(t: Floats, T: int, S: int, losses: Sequence[float], *, floor: float = 0) -> Floats:
    """floor + (1 − floor) (1 + cos(π t / T)) / 2: half a wave from 1 down to the floor.

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017 (without restarts).
    """
    return wave(1, floor, t / T)


def one_cycle(
    t: Floats, T: int, S: int, losses: Sequence[float], *, share: float = 0.3, start: float = 25, end: float = 1e4
) -> Floats:
    """Half a wave from 1 / start up to 1, for that share of the steps; another down to 1 / (start · end) at the last.

    The optimizer's learning rate is the peak. The momentum stays as it is.

    Source: Smith, "A disciplined approach to neural network hyper-parameters", 2018, in the form of PyTorch.
    """
    p = np.interp(t, [0, max(share * T - 1, 0), T - 1], [0, 1, 2])  # 1 at the peak, 2 at the last step
    return np.where(p < 1, wave(1 / start, 1, p), wave(1, 1 / start / end, p - 1))


def plateau(
    t: Floats, T: int, S: int, losses: Sequence[float], *, factor: float = 0.1, patience: float = 10,
    threshold: float = 1e-4,
) -> Floats:  # fmt: skip
    """A fall by the factor whenever the validation loss has not got better for more than `patience` epochs.

    Better is below (1 − threshold) times the best.
    """
    best, waited, falls = inf, 0, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best * (1 - threshold) else (best, waited + 1)
        if waited > patience:
            waited, falls = 0, falls + 1
    return np.full(len(t), factor**falls)


def wave(first: float, last: float, p: Floats) -> Floats:
    """From first at p = 0 to last at p = 1 along half a cosine."""
    return last + (first - last) * (1 + np.cos(pi * p)) / 2


Formula = Callable[..., Floats]
FORMULAS = (constant, step, exponential, polynomial, cosine, one_cycle, plateau)
SCHEDULES: dict[str, Formula] = {formula.__name__: formula for formula in FORMULAS}
MAY_BE_0 = {"floor", "patience", "threshold", "warm_up"}
BELOW_1 = {"floor", "share", "threshold"}


class Schedule:
    """A schedule from its words.

    Every schedule may begin with a warm-up of `warm_up` epochs (also half a one), in whose W steps the rate rises in
    equal parts: 1/W, 2/W, ..., 1 (Goyal, Dollár, Girshick, et al., "Accurate, large minibatch SGD", 2017).

    Raises:
        UsageError: an unknown name, or a number out of range.
    """

    def __init__(self, words: str = "constant") -> None:
        name, _, rest = words.partition(",")
        self.name = name.strip().replace("-", "_")
        self.formula = choose("schedule", self.name, SCHEDULES)
        self.options = assignments(rest)
        for option, value in self.options.items():
            choose(f"option of the schedule {self.name}", option, {"warm_up": 0, **(self.formula.__kwdefaults__ or {})})
            check_number(option, value, option not in MAY_BE_0, 1 if option in BELOW_1 else inf)

    @property
    def spans(self) -> bool:
        """Whether the number of epochs enters."""
        return self.name in ("polynomial", "cosine", "one_cycle")

    def check_validated(self) -> None:
        """Refuse a schedule that follows a validation which there is not (UsageError)."""
        if self.name == "plateau":
            raise UsageError(
                "The schedule plateau follows the validation loss: hold something out, say validation=0.1 "
                "(--validation 0.1)."
            )

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{name}={value}" for name, value in sorted(self.options.items()))])

    def factors(self, epoch: int, steps: int, epochs: int, losses: Sequence[float] = ()) -> Floats:
        """The factors for the steps of an epoch (1, 2, ...), given the validation losses of those before."""
        options = dict(self.options)
        W = round(options.pop("warm_up", 0) * steps)
        n, T = np.arange((epoch - 1) * steps, epoch * steps), max(epochs * steps - W, 1)
        factors = self.formula(np.clip(n - W, 0, T), T, steps, losses, **options)
        return factors * np.minimum(1, (n + 1) / max(W, 1))
