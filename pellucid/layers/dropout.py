"""Layers that disturb each training pass at random: dropout multiplies by a mask, noise adds.

In any other pass (prediction, evaluation, a gradient that is asked for) the input goes through unchanged.
"""

from __future__ import annotations

from typing import ClassVar

from pellucid.checks import check_number
from pellucid.layers.layer import Layer, Numbers, Tensor
from pellucid.names import plain


class Disturbance(Layer):
    """A layer that lets everything through outside training."""

    transparent = True
    tensors: ClassVar[tuple[Tensor, ...]] = (
        Tensor("x", "... B", "input"),
        Tensor("a", "... B", "output"),
    )


class Dropout(Disturbance):
    """a = m ∘ x, element by element: each is dropped with probability p, and what is kept is scaled up.

    Forward     m = 0 with probability p, else 1 / (1 − p)      (..., B), drawn anew in each training pass
                a = m ∘ x
    Backward    dx = m ∘ da

    The mean of m is p · 0 + (1 − p) / (1 − p) = 1, so that in training the next layer sees on average what it sees in
    prediction, where m = 1 ('inverted' scaling). No unit can lean on another that may be gone.

    Args:
        rate: p, from 0 to below 1 (UsageError).

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent neural networks
    from overfitting", 2014.
    """

    rate: float

    kind = "dropout"
    tensors = (*Disturbance.tensors, Tensor("m", "... B", "random"))

    def forward(self, t: Numbers) -> None:
        if (random := t.disturbance) is None:
            t.m = t.xp.ones_like(t.x)
        else:
            kept = random.words("dropout", t.x.shape) >= self.threshold
            t.m = t.xp.asarray(kept, dtype=t.x.dtype) * (1 / (1 - self.rate))
        t.a = t.m * t.x

    def backward(self, t: Numbers) -> None:
        t.dx = t.m * t.da

    def __post_init__(self) -> None:
        check_number("The rate of dropout", self.rate, below=1)
        self.rate = float(self.rate)  # a NumPy scalar would bring its dtype into the pass

    @property
    def threshold(self) -> int:
        """The first of the 2³² words that keeps its element: p of them lie below."""
        return min(round(self.rate * 2**32), 2**32 - 1)

    def notation(self) -> str:
        return f"D{plain(self.rate)}"


class GaussianNoise(Disturbance):
    """a = x + σ n, with n from the standard normal distribution, another number for each element.

    Forward     n drawn anew in each training pass (0 in prediction)      (..., B)
                a = x + σ n
    Backward    dx = da

    Args:
        sigma: σ, the standard deviation, at least 0 and finite (UsageError).

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
    """

    sigma: float

    kind = "noise"
    tensors = (*Disturbance.tensors, Tensor("n", "... B", "random"))

    def forward(self, t: Numbers) -> None:
        if (random := t.disturbance) is None:
            t.n = t.xp.zeros_like(t.x)
        else:
            t.n = t.xp.asarray(random.normal("noise", t.x.shape), dtype=t.x.dtype)
        t.a = t.x + self.sigma * t.n

    def backward(self, t: Numbers) -> None:
        t.dx = t.da

    def __post_init__(self) -> None:
        check_number("The sigma of Gaussian noise", self.sigma)
        self.sigma = float(self.sigma)

    def notation(self) -> str:
        return f"N{plain(self.sigma)}"
