"""Optimizers: what a gradient does to theta. Each is a formula on flat vectors, sorted from simple to rich.

α is the learning rate, g the gradient ∇L, λ the weight decay; t counts the steps from 1. What an optimizer remembers
from step to step are its moments: vectors as long as theta, 0 at the beginning, kept by the engine.

The decay falls on all parameters, as in PyTorch: g ← g + λ θ before the formula, or where an optimizer is `decoupled`
θ ← θ − α λ θ. (`l1` and `l2` in descent.py spare biases and normalization.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.checks import check_fields
from pellucid.errors import UsageError
from pellucid.layers import Array

POSITIVE = {"learning_rate", "epsilon"}
BELOW_1 = {"momentum", "beta1", "beta2", "rho"}


@dataclass(frozen=True)
class Optimizer:
    """A rule that moves theta by a gradient."""

    learning_rate: float
    _: KW_ONLY
    weight_decay: float = 0.0

    kept: ClassVar[int] = 0  # moments
    decoupled: ClassVar[bool] = False  # the decay stays out of the gradient

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, BELOW_1)

    @property
    def moments(self) -> int:
        """How many vectors, as long as theta, it remembers."""
        return self.kept

    def update(self, theta: Array, gradient: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        """Step number `step` (1, 2, ...) at this learning rate; theta and moments change in place."""
        if self.decoupled:
            theta *= 1 - learning_rate * self.weight_decay
        elif self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        self.move(theta, gradient, moments, step, learning_rate)

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        """The formula, without decay."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent on mini-batches, with momentum if wished.

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
        if self.nesterov and not self.momentum:
            raise UsageError("Nesterov's step looks ahead along the momentum; give it one, such as momentum=0.9.")

    @property
    def moments(self) -> int:
        return 1 if self.momentum else 0

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        if self.momentum:
            (v,) = moments
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        theta -= learning_rate * g


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Each parameter at a rate of its own, which falls with all the gradients that it has seen.

        v ← v + g²
        θ ← θ − α g / (√v + ε)

    Args:
        learning_rate: α, above 0.
        epsilon: ε, above 0.
        weight_decay: λ, at least 0.

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
    """

    learning_rate: float = 0.01
    _: KW_ONLY
    epsilon: float = 1e-10

    kept = 1

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        (v,) = moments
        v += g * g
        theta -= learning_rate * g / (v**0.5 + self.epsilon)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """Adagrad that forgets: the sum of squares becomes their running mean.

        v ← ρ v + (1 − ρ) g²
        θ ← θ − α g / (√v + ε)

    Args:
        learning_rate: α, above 0.
        rho: ρ, from 0 to below 1.
        epsilon: ε, above 0.
        weight_decay: λ, at least 0.

    Source: Tieleman, Hinton, "Neural networks for machine learning", lecture 6.5, 2012.
    """

    learning_rate: float = 0.01
    _: KW_ONLY
    rho: float = 0.99
    epsilon: float = 1e-8

    kept = 1

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        (v,) = moments
        v *= self.rho
        v += (1 - self.rho) * g * g
        theta -= learning_rate * g / (v**0.5 + self.epsilon)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Each parameter at a rate of its own, by the running means of its gradient and of the gradient's square.

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

    kept = 2

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        m, v = moments
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * g * g
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

    decoupled = True


@dataclass(frozen=True)
class Lion(Optimizer):
    """Steps of one length in every coordinate, with the sign of a running mean; the decay is decoupled.

        θ ← θ − α sign(β₁ m + (1 − β₁) g)
        m ← β₂ m + (1 − β₂) g

    Its learning rate is a third to a tenth of Adam's, its decay three to ten times as large.

    Args:
        learning_rate: α, above 0.
        beta1: β₁, from 0 to below 1, of the mean that is stepped along.
        beta2: β₂, from 0 to below 1, of the mean that is remembered.
        weight_decay: λ, at least 0.

    Source: Chen, Liang, Huang, Real, Wang, et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    learning_rate: float = 0.0001
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.99

    kept, decoupled = 1, True

    def move(self, theta: Array, g: Array, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        (m,) = moments
        mean = self.beta1 * m + (1 - self.beta1) * g
        theta -= learning_rate * (mean > 0) - learning_rate * (mean < 0)
        m *= self.beta2
        m += (1 - self.beta2) * g
