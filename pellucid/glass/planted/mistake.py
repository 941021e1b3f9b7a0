"""What a planted mistake is: how it is planted, and which check must find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.descent import Descent
from pellucid.glass.gradcheck import GradientCheck, gradcheck
from pellucid.glass.stepcheck import StepCheck, stepcheck
from pellucid.layers import Layer, Numbers, walk
from pellucid.network import Network
from pellucid.schedules import Schedule

LOSS = "the loss"
EXAMPLES = 7
COORDINATES = 25

Change = Callable[[Any, Numbers], None]  # of the numbers that a right backward pass of this layer or loss has left


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, in one line."""

    name: str
    mistake: str
    place: str  # where it is planted

    def check(self, seed: int = 0, *, planted: bool = True) -> GradientCheck | StepCheck:
        """What the check says with the mistake, or of the same thing without it."""
        raise NotImplementedError


@dataclass(frozen=True)
class GradientMistake(Mistake):
    """A mistake in a backward pass, which the gradient check must find."""

    architecture: str
    change: Change
    options: dict[str, str]
    training: bool
    weighted: bool

    def network(self, seed: int = 0) -> Network:
        """The network that it is planted in."""
        return Network(self.architecture, seed=seed, **self.options)  # type: ignore[arg-type]

    def check(self, seed: int = 0, *, planted: bool = True) -> GradientCheck:
        network = self.network(seed)
        if planted:
            self.plant(network)
        return gradcheck(
            network,
            examples=EXAMPLES,
            coordinates=COORDINATES,
            training=self.training,
            weighted=self.weighted,
            seed=seed,
        )

    def plant(self, network: Network) -> None:
        """Let the right backward pass be followed by the change."""
        if self.place == LOSS:
            network.loss = after_loss(network, self.change)
            return
        layer = next(layer for layer in walk(network.layers) if layer.name == self.place)
        after_backward(layer, lambda t: self.change(layer, t))


@dataclass(frozen=True)
class StepMistake(Mistake):
    """A mistake in a step of the descent or in its learning rate, which the step check must find."""

    right: Callable[[], tuple[Descent, Schedule]]
    wrong: Callable[[Descent, Schedule], tuple[Descent, Schedule]]

    def check(self, seed: int = 0, *, planted: bool = True) -> StepCheck:
        right = self.right()
        return stepcheck(*(self.wrong(*right) if planted else right), seed=seed)


def after_backward(layer: Layer, change: Callable[[Numbers], None]) -> None:
    """Let a layer's backward pass be followed by a change. Such a layer has no kernels: the reference engine trains."""
    right = layer.backward

    def backward(t: Numbers) -> None:
        right(t)
        change(t)

    layer.backward = backward  # type: ignore[method-assign]


def after_loss(network: Network, change: Change) -> Any:
    """The network's loss, whose backward pass is followed by a change."""
    right: Any = type(network.loss)

    class Wrong(right):  # type: ignore[misc]
        def backward(self, t: Numbers) -> None:
            super().backward(t)
            change(self, t)

    return Wrong(network.loss.link)


def sentence(function: Callable[..., Any]) -> tuple[str, str]:
    """The name of a mistake and its line, as its function has them."""
    return function.__name__.replace("_", " "), (function.__doc__ or "").rstrip(".")


def backward_of(
    place: str, architecture: str, *, training: bool = True, weighted: bool = False, **options: str
) -> Callable[[Change], GradientMistake]:
    """Makes a mistake of a function that changes what the right backward pass of this place has left."""

    def make(change: Change) -> GradientMistake:
        return GradientMistake(*sentence(change), place, architecture, change, options, training, weighted)

    return make
