"""Optimizers: what a gradient does to theta. Each is a formula on flat vectors, sorted from simple to rich.

α is the learning rate, g the gradient ∇L, λ the weight decay; t counts the steps from 1. What an optimizer remembers
from step to step are its moments: vectors as long as theta, 0 at the beginning, kept by the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from math import inf
from typing import Any

from pellucid.errors import UsageError
from pellucid.layers import Array
from pellucid.names import choose


@dataclass(frozen=True)
class Optimizer:
    """A rule that moves theta by a gradient."""

    learning_rate: float
    _: KW_ONLY
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check("learning_rate", self.learning_rate, positive=True)
        _check("weight_decay", self.weight_decay)

    @property
    def moments(self) -> int:
        """How many vectors, as long as theta, it remembers."""
        return 0

    def update(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        """Step number `step` (1, 2, ...) at this learning rate; theta and moments change in place."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent on mini-batches, with momentum if wished.

        g ← g + λ θ
        v ← μ v + g               (with momentum)
        θ ← θ − α v               (Nesterov: θ ← θ − α (g + μ v);  without momentum: θ ← θ − α g)

    Args:
        learning_rate: α, above 0.
        momentum: μ, from 0 to below 1.
        nesterov: look ahead along the momentum.
        weight_decay: λ, at least 0.

    Sources: Robbins, Monro, "A stochastic approximation method", 1951; Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964; Sutskever, Martens, Dahl, Hinton, "On the importance of initialization
    and momentum in deep learning", 2013.
    """

    learning_rate: float = 0.1
    _: KW_ONLY
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("momentum", self.momentum, below=1)
        if self.nesterov and not self.momentum:
            raise UsageError("Nesterov's step looks ahead along the momentum; give it one, such as momentum=0.9.")

    @property
    def moments(self) -> int:
        return 1 if self.momentum else 0

    def update(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        if self.momentum:
            (v,) = moments
            v *= self.momentum
            v += gradient
            gradient = gradient + self.momentum * v if self.nesterov else v
        theta -= learning_rate * gradient


@dataclass(frozen=True)
class Adam(Optimizer):
    """Each parameter at a rate of its own, by the running means of its gradient and of the gradient's square.

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g           m̂ = m / (1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²          v̂ = v / (1 − β₂ᵗ)
        θ ← θ − α m̂ / (√v̂ + ε)

    The divisions by 1 − βᵗ make up for m and v beginning at 0.

    Args:
        learning_rate: α, above 0.
        beta1: β₁, from 0 to below 1.
        beta2: β₂, from 0 to below 1.
        epsilon: ε, above 0.
        weight_decay: λ, at least 0.

    Source: Kingma, Ba, "Adam: a method for stochastic optimization", 2015.
    """

    learning_rate: float = 0.001
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("beta1", self.beta1, below=1)
        _check("beta2", self.beta2, below=1)
        _check("epsilon", self.epsilon, positive=True)

    @property
    def moments(self) -> int:
        return 2

    def update(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        self.move(theta, gradient, moments, step, learning_rate)

    def move(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        """The step itself, without decay."""
        m, v = moments
        m *= self.beta1
        m += (1 - self.beta1) * gradient
        v *= self.beta2
        v += (1 - self.beta2) * gradient * gradient
        m_hat = m / (1 - self.beta1**step)
        v_hat = v / (1 - self.beta2**step)
        theta -= learning_rate * m_hat / (v_hat**0.5 + self.epsilon)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the weight decay taken out of the gradient:  θ ← θ − α λ θ, then Adam's step with λ = 0.

    In Adam the decay is divided by √v̂ like the rest of the gradient, so that weights with large gradients hardly
    decay; here all decay alike.

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
    """

    _: KW_ONLY
    weight_decay: float = 0.01

    def update(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        theta *= 1 - learning_rate * self.weight_decay
        self.move(theta, gradient, moments, step, learning_rate)


def clip_by_norm(gradient: Array, most: float, xp: Any) -> None:
    """Shorten a gradient in place to the norm `most`, if it is longer:  g ← g · min(1, most / (‖g‖ + 1e-6)).

    Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    gradient *= min(1.0, most / (float(xp.linalg.vector_norm(gradient)) + 1e-6))


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "nesterov": SGD, "adam": Adam, "adamw": AdamW}


def make_optimizer(
    name: str, learning_rate: float | None = None, momentum: float = 0.0, weight_decay: float | None = None
) -> Optimizer:
    """The optimizer of that name; None leaves a number at the optimizer's own default.

    Raises:
        UsageError: an unknown name, a number out of range, or momentum for an optimizer that has none.
    """
    kind = choose("optimizer", name, OPTIMIZERS)
    options: dict[str, Any] = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    if kind is SGD:
        options |= {"momentum": momentum, "nesterov": name == "nesterov"}
    elif momentum:
        raise UsageError(f"{name} takes no momentum (its running means are its own); take sgd or nesterov for that.")
    return kind(**{option: value for option, value in options.items() if value is not None})


def _check(name: str, value: object, positive: bool = False, below: float = inf) -> None:
    bounds = ("above 0" if positive else "at least 0") + (f" and below {below}" if below < inf else "")
    if not isinstance(value, int | float) or not 0 <= value < below or (positive and value == 0):
        raise UsageError(f"{name} must be a number {bounds}, not {value!r}.")
