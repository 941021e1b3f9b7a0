"""Mistakes that people make in backpropagation and descent, planted on purpose: a check that finds none is no check.

Left out is what no gradient can show. Of several pixels that are the largest of a window, max pooling may pay any one:
which it is, is a convention, and PyTorch is its oracle. A forward pass that is wrong together with its backward pass
has the right gradient of the wrong function; there too PyTorch is the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from pellucid.glass.gradcheck import GradientCheck
from pellucid.glass.planted import (
    activations,
    blocks,
    images,
    losses,
    normalization,
    steps,
    surroundings,
    weights,
)
from pellucid.glass.planted.mistake import Mistake, after_backward
from pellucid.glass.stepcheck import StepCheck

__all__ = ["MISTAKES", "Planted", "after_backward", "check_planted"]


def _of(subject: ModuleType) -> list[Mistake]:
    """The mistakes that a module makes, in its order."""
    return [value for value in vars(subject).values() if isinstance(value, Mistake)]


SUBJECTS = (weights, images, normalization, blocks, activations, losses, steps, surroundings)
MISTAKES: tuple[Mistake, ...] = tuple(mistake for subject in SUBJECTS for mistake in _of(subject))


@dataclass(frozen=True)
class Planted:
    """A planted mistake, and what its check says of it."""

    mistake: Mistake
    check: GradientCheck | StepCheck

    @property
    def caught(self) -> bool:
        """Whether the check failed, as it must."""
        return not self.check.passed

    @property
    def found_by(self) -> str:
        """Which check looks for it."""
        return "step check" if isinstance(self.check, StepCheck) else "gradient check"

    @property
    def finding(self) -> str:
        """What is wrong first."""
        if not self.caught:
            return "NOT FOUND"
        after = f", after step {self.check.suspect.step}" if isinstance(self.check, StepCheck) else ""
        return f"{self.check.suspect.name} is wrong first{after}"


def check_planted(seed: int = 0) -> list[Planted]:
    """Plant each mistake, one at a time, and run the check that must find it."""
    return [Planted(mistake, mistake.check(seed)) for mistake in MISTAKES]
