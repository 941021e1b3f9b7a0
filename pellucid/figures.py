"""A published figure, and whether a measurement reproduces it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pellucid.errors import UsageError

DEVIATIONS = 2  # on both sides of the mean are its spread: a normal distribution has 95% there
FEWEST = 3  # seeds that have a spread; two may agree by chance


@dataclass(frozen=True)
class PublishedFigure:
    """An accuracy as its author wrote it: "0.872", "> 95%", "0.56 to 0.62", "99.04% ± 0.07", "1.6% error".

    Args:
        text: those words.
        least: the figure, or the smaller of two, as a share of 1.
        most: the figure, or the larger of two.
    """

    text: str
    least: float
    most: float

    @classmethod
    def of(cls, text: str) -> PublishedFigure:
        """The figure in these words.

        Raises:
            UsageError: one or two accuracies or errors, from 0 to 1 or 0% to 100%, are expected.
        """
        found = re.findall(r"([0-9]*\.?[0-9]+)\s*(%?)", re.sub(r"±\s*[0-9.]+", "", text))
        shares = [float(number) / (100 if percent else 1) for number, percent in found]
        figures = sorted(1 - share if text.endswith("error") else share for share in shares)
        if not 1 <= len(figures) <= 2 or not 0 <= figures[0] <= figures[-1] <= 1:
            raise UsageError(
                f"The published figure is {text!r}; an accuracy such as 0.872, > 95% or an "
                "error such as 1.6% error is expected."
            )
        return cls(text, figures[0], figures[-1])

    def verdict(self, mean: float, deviation: float, seeds: int) -> tuple[bool | None, str]:
        """Whether a mean and standard deviation over seeds reproduce it, None if nobody can say; and that in words.

        Reproduced means: the figure lies within two standard deviations of the mean, or below.
        """
        spread = DEVIATIONS * deviation
        if mean - spread <= self.most and self.least <= mean + spread and seeds >= FEWEST:
            return True, "reproduced"
        if mean > self.most:
            return True, "reproduced, beaten"
        return (False, "not reproduced") if seeds >= FEWEST else (None, "too few seeds")
