"""Ctrl-C and SIGTERM while a network trains."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interruption:
    """The first signal is a wish, which the training grants after its chunk of steps; the second stops it at once.

    A context manager; a wish that came too late for the training to see it is a KeyboardInterrupt at the end.
    """

    def __init__(self) -> None:
        self.wished = False
        self.before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self.wished

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells' background jobs have it
                    self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.wished and kind is None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True  # nothing is printed: a handler may run in the midst of a print
