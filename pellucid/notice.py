"""A notice: something about a training that its user should know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """What was noticed, once for each kind and layer.

    Args:
        kind: "dead units", "learning rate too high" ...; docs/diagnosis.md lists them.
        text: what it shows by, its probable cause, and what to try.
        layer: where; "" where it is not one layer's matter.
        step: of the whole training; 0 is before the first.
        epoch: 1, 2, ...
    """

    kind: str
    text: str
    layer: str = ""
    step: int = 0
    epoch: int = 1

    def __str__(self) -> str:
        where = f"step {self.step:,}, epoch {self.epoch}" if self.step else "before the first step"
        return f"{self.kind}{self.layer and f' in {self.layer}'} ({where}): {self.text}"
