"""The audience of a training: its callbacks, each told only what it listens to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from pellucid.callbacks.progress import Progress
from pellucid.errors import UsageError
from pellucid.network import Network

BEGIN, END, CHUNK = "on_train_batch_begin", "on_train_batch_end", "on_chunk_end"


class Audience:
    """Callbacks in their order. Any object with some of the hooks of `Callback` is one.

    A hook that does nothing costs nothing: one that an object lacks, or has from a base class named Callback, whether
    pellucid's or Keras's.

    Raises:
        UsageError: an `every` that is no whole number.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        self.callbacks = callbacks
        self.every = [getattr(callback, "every", 1) for callback in callbacks]
        for callback, every in zip(callbacks, self.every, strict=True):
            if type(every) is not int or every < 0:
                raise UsageError(
                    f"{type(callback).__name__}.every is a whole number of steps, or 0 for never; {every!r} came."
                )

    def introduce(self, network: Network, epochs: int, steps: int) -> None:
        """Tell whom and what this training is of."""
        self.tell("set_model", network)
        self.tell("set_params", {"epochs": epochs, "steps": steps, "verbose": 0})

    def check_validated(self) -> None:
        """Refuse callbacks that follow a validation which there is not (UsageError)."""
        for callback in self.callbacks:
            if str(monitor := getattr(callback, "monitor", "")).startswith("val_"):
                raise UsageError(
                    f"{type(callback).__name__} follows {monitor}: hold something out, say validation=0.1 "
                    "(--validation 0.1)."
                )

    def tell(self, hook: str, *arguments: Any) -> None:
        """Call this method of all who have it."""
        for callback in self.callbacks:
            if hook.startswith("set_") or listens(callback, hook):
                getattr(callback, hook, _nothing)(*arguments)

    def steps_until_event(self, step: int) -> int | None:
        """After how many steps somebody is to be told, where `step` are done; None if nobody ever is."""
        waits = []
        for callback, every in zip(self.callbacks, self.every, strict=True):
            if every and listens(callback, END):
                waits.append(every - step % every)
            if every and listens(callback, BEGIN):
                waits.append((-1 - step) % every or every)
            if listens(callback, "steps_until_event"):
                waits.append(callback.steps_until_event(step))
        return min(waits, default=None)

    def batch_begins(self, batch: int, step: int, progress: Callable[[], Progress]) -> None:
        """Tell those who want to hear before the step that follows these."""
        for callback, every in zip(self.callbacks, self.every, strict=True):
            if every and (step + 1) % every == 0 and listens(callback, BEGIN):
                callback.on_train_batch_begin(batch, progress())

    def chunk_ends(self, batch: int, logs: Progress) -> None:
        """Tell each in turn of this last batch and of its chunk."""
        for callback, every in zip(self.callbacks, self.every, strict=True):
            if every and logs.step % every == 0 and listens(callback, END):
                callback.on_train_batch_end(batch, logs)
            if listens(callback, CHUNK):
                callback.on_chunk_end(logs)

    def states(self) -> dict[str, dict[str, Any]]:
        """What a snapshot should remember of those who remember something."""
        states = {name: callback.state() for name, callback in self._keyed().items()}
        return {name: deepcopy(state) for name, state in states.items() if state}

    def restore(self, states: dict[str, dict[str, Any]]) -> None:
        """Let them go on from there."""
        for name, callback in self._keyed().items():
            if name in states:
                callback.restore(deepcopy(states[name]))

    def _keyed(self) -> dict[str, Any]:
        """Those who remember, by the names under which a snapshot keeps their states: Plateau, Plateau 2, ..."""
        result: dict[str, Any] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            number = 1 + sum(type(other).__name__ == kind for other in result.values())
            if listens(callback, "state"):
                result[kind if number == 1 else f"{kind} {number}"] = callback
        return result


def listens(callback: object, hook: str) -> bool:
    """Whether it has that method, and not from a class named Callback, where it does nothing."""
    if hook in getattr(callback, "__dict__", ()):
        return True
    owner = next((kind for kind in type(callback).__mro__ if hook in vars(kind)), None)
    return owner is not None and owner.__name__ != "Callback"


def _nothing(*_: Any) -> None:
    """What those do who have no such method."""
