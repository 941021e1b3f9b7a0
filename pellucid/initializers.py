"""How weights begin: small enough not to saturate, large enough that signals survive the depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.names import choose, split_number

Spread = Callable[[int, int], float]


@dataclass(frozen=True)
class Initializer:
    """How the weights of a layer with `fan_in` inputs and `fan_out` outputs are drawn.

    Args:
        name: as recipes write it: 'he_normal', 'uniform0.5'.
        distribution: 'normal' draws from N(0, s²), 'uniform' from U(−s, s), which has variance s²/3.
        spread: s as a function of fan_in and fan_out.
    """

    name: str
    distribution: str
    spread: Spread

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> NDArray[np.float64]:
        """Weights of that shape."""
        s = self.spread(fan_in, fan_out)
        return rng.normal(0.0, s, shape) if self.distribution == "normal" else rng.uniform(-s, s, shape)


BY_FAN: dict[str, tuple[str, Spread]] = {
    # variance 2 / fan_in: He, Zhang, Ren, Sun, "Delving deep into rectifiers: surpassing
    # human-level performance on ImageNet classification", 2015
    "he_normal": ("normal", lambda fan_in, fan_out: sqrt(2 / fan_in)),
    "he_uniform": ("uniform", lambda fan_in, fan_out: sqrt(6 / fan_in)),
    # variance 2 / (fan_in + fan_out): Glorot, Bengio, "Understanding the difficulty of training deep
    # feedforward neural networks", 2010
    "xavier_normal": ("normal", lambda fan_in, fan_out: sqrt(2 / (fan_in + fan_out))),
    "xavier_uniform": ("uniform", lambda fan_in, fan_out: sqrt(6 / (fan_in + fan_out))),
    # variance 1 / fan_in: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998
    "lecun_normal": ("normal", lambda fan_in, fan_out: sqrt(1 / fan_in)),
    "lecun_uniform": ("uniform", lambda fan_in, fan_out: sqrt(3 / fan_in)),
}
BY_FAN |= {short: BY_FAN[f"{short}_normal"] for short in ("he", "xavier", "lecun")}
BY_FAN |= {name.replace("xavier", "glorot"): BY_FAN[name] for name in BY_FAN if name.startswith("xavier")}

# Their spread is the number in the name, or this one: 'uniform0.5' draws from U(−0.5, 0.5).
# 'scaled_uniform' is often written (2·rand − 1)·s, which is U(−s, s).
BY_NUMBER = {"scaled_uniform": ("uniform", 0.1), "uniform": ("uniform", 0.5), "normal": ("normal", 0.01)}


def initializer(text: str) -> Initializer:
    """An initializer by its name, which may carry a number: 'he_normal', 'uniform0.5'.

    Raises:
        UsageError: an unknown name, or a number that is not wanted or not above 0.
    """
    name, number = split_number(text)
    if name in BY_NUMBER:
        distribution, default = BY_NUMBER[name]
        s = default if number is None else number
        if not 0 < s < inf:
            raise UsageError(f"Initializer {text!r} needs a number above 0.")
        return Initializer(f"{name}{s:g}", distribution, lambda fan_in, fan_out: s)
    distribution, spread = choose("initializer", name, BY_FAN | dict.fromkeys(BY_NUMBER, BY_FAN["he"]))
    if number is not None:
        raise UsageError(f"Initializer {name} takes no number, but {text!r} gives it one.")
    return Initializer(name, distribution, spread)
