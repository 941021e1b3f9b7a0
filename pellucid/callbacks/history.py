"""What a training remembers of its epochs."""

from __future__ import annotations

from dataclasses import dataclass, field

from pellucid.callbacks.progress import Progress
from pellucid.notice import Notice
from pellucid.snapshot import KEYS


@dataclass
class History:
    """What each epoch brought: `history.history["loss"]` is a list with one number for each epoch.

    Keys: loss, accuracy, validation_loss, validation_accuracy (empty without validation), seconds.

    Args:
        examples: how many a whole epoch trains on.
        history: the lists.
        seen: how many were trained on in all, known at the end.
        stopped: what ended it before its last epoch, or which weights it left; empty if neither is to be said.
        notices: what was noticed while it trained.
    """

    examples: int = 0
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})
    seen: int = 0
    stopped: str = ""
    notices: list[Notice] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        """Remember an epoch."""
        for key, values in self.history.items():
            value = getattr(progress, key)
            if value is not None:
                values.append(value)
