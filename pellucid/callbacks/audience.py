"""The audience of a training: its callbacks, each told only what it listens to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.errors import UsageError
from pellucid.network import Network

BEGIN, END, CHUNK = "on_train_batch_begin", "on_train_batch_end", "on_chunk_end"
EVENT = "steps_until_event"


@dataclass(frozen=True)
class Listener:
    """A callback, how often the hooks of batches are its, and which of all hooks are."""

    callback: Any
    every: int
    hooks: frozenset[str]

    @classmethod
    def of(cls, callback: Any) -> Listener:
        """What it says of itself (UsageError: an `every` that is no whole number)."""
        every = getattr(callback, "every", 1)
        if type(every) is not int or every < 0:
            raise UsageError(
                f"{type(callback).__name__}.every is a whole number of steps, or 0 for never; {every!r} came."
            )
        hooks = frozenset(hook for hook in vars(Callback) if listens(callback, hook))
        return cls(callback, every, hooks if every else hooks - {BEGIN, END})

    def tell(self, hook: str, *arguments: Any) -> None:
        """Call it, if it is one of its hooks."""
        if hook in self.hooks:
            getattr(self.callback, hook)(*arguments)


class Audience:
    """Callbacks in their order. Any object with some of the hooks of `Callback` is one.

    A hook that does nothing costs nothing: one that an object lacks, or has from a base class named Callback, whether
    pellucid's or Keras's.

    Raises:
        UsageError: an `every` that is no whole number.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        self.listeners = [Listener.of(callback) for callback in callbacks]

    def introduce(self, network: Network, epochs: int, steps: int) -> None:
        """Tell whom and what this training is of."""
        for one in self.listeners:
            for name, value in (("model", network), ("params", {"epochs": epochs, "steps": steps, "verbose": 0})):
                if hasattr(one.callback, f"set_{name}"):
                    getattr(one.callback, f"set_{name}")(value)

    def check_validated(self) -> None:
        """Refuse callbacks that follow a validation which there is not (UsageError)."""
        for one in self.listeners:
            if str(monitor := getattr(one.callback, "monitor", "")).startswith("val_"):
                raise UsageError(
                    f"{type(one.callback).__name__} follows {monitor}: hold something out, say validation=0.1 "
                    "(--validation 0.1)."
                )

    def tell(self, hook: str, *arguments: Any) -> None:
        """Call this hook of all whose it is."""
        for one in self.listeners:
            one.tell(hook, *arguments)

    def steps_until_event(self, step: int) -> int | None:
        """After how many steps somebody is to be told, where `step` are done; None if nobody ever is."""
        ends = [one.every - step % one.every for one in self.listeners if END in one.hooks]
        begins = [(-1 - step) % one.every or one.every for one in self.listeners if BEGIN in one.hooks]
        wishes = [one.callback.steps_until_event(step) for one in self.listeners if EVENT in one.hooks]
        return min(ends + begins + wishes, default=None)

    def batch_begins(self, batch: int, step: int, progress: Callable[[], Progress]) -> None:
        """Tell those who want to hear before the step that follows these."""
        for one in self.listeners:
            if BEGIN in one.hooks and (step + 1) % one.every == 0:
                one.callback.on_train_batch_begin(batch, progress())

    def chunk_ends(self, batch: int, logs: Progress) -> None:
        """Tell each in turn of this last batch and of its chunk."""
        for one in self.listeners:
            if END in one.hooks and logs.step % one.every == 0:
                one.callback.on_train_batch_end(batch, logs)
            one.tell(CHUNK, logs)

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
        for one in self.listeners:
            kind = type(one.callback).__name__
            number = 1 + sum(type(other).__name__ == kind for other in result.values())
            if "state" in one.hooks:
                result[kind if number == 1 else f"{kind} {number}"] = one.callback
        return result


def listens(callback: object, hook: str) -> bool:
    """Whether it has that method, and not from a class named Callback, where it does nothing."""
    if hook in getattr(callback, "__dict__", ()):
        return True
    owner = next((kind for kind in type(callback).__mro__ if hook in vars(kind)), None)
    return owner is not None and owner.__name__ != "Callback"
