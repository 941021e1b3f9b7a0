"""The loop of a training: epochs of shuffled batches, in chunks of steps between which callbacks are told."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

from pellucid import resuming
from pellucid.callbacks import History, Progress
from pellucid.callbacks.audience import Audience
from pellucid.diagnosis.breakdown import Guard
from pellucid.engine.engines import Engine
from pellucid.epoch import Draw, Epoch
from pellucid.network import Network
from pellucid.schedules import Schedule
from pellucid.snapshot import Snapshot

CHUNK_SECONDS = 0.1  # callbacks hear of the training about this often,
RARER = 10  # or up to so many times less often, if keeping the network would take more than
SHARE_OF_KEEPING = 1 / 40  # of the time


def chunk_seconds(keeping: float) -> float:
    """How long a chunk of steps should last, where keeping the network before it took so many seconds."""
    return min(max(CHUNK_SECONDS, keeping / SHARE_OF_KEEPING), RARER * CHUNK_SECONDS)


class Training:
    """A training under way: where it stands, and the loop that carries it on.

    Args:
        engine: takes the steps; `theta` is its workspace's.
        network: whose theta that is.
        epochs: how many there will be.
        schedule: of the learning rate.
        settings: what a snapshot must have been taken with to go on here.
        audience: the callbacks.
        guard: looks whether all stays finite.
        held_out: images and labels to validate on.
        draw: how images are distorted, by their places and the epoch.
    """

    def __init__(
        self,
        engine: Engine,
        network: Network,
        epochs: int,
        schedule: Schedule,
        settings: dict[str, Any],
        audience: Audience,
        guard: Guard,
        held_out: tuple[Any, Any] | None,
        draw: Draw | None = None,
    ) -> None:
        self.engine, self.network, self.epochs = engine, network, epochs
        self.schedule, self.settings, self.audience = schedule, settings, audience
        self.guard = guard
        self.held_out, self.draw, self.facts = held_out, draw, engine.facts()
        self.history = History(len(engine.images))
        self.steps = -(-len(engine.images) // engine.batch_size)  # of an epoch
        self.chunk = 1  # steps until about `chunk_seconds` are over
        network.stop_training = False
        audience.introduce(network, epochs, self.steps)
        self.epoch = self.start(1)

    def start(self, number: int) -> Epoch:
        """An epoch before its first step."""
        factors = self.schedule.factors(number, self.steps, self.epochs, self.history.history["validation_loss"])
        rates = self.engine.descent.optimizer.learning_rate * factors
        return Epoch(number, self.engine, rates, self.settings["seed"], self.draw)

    def run(self) -> History:
        """Train to the end: of the epochs, or where a callback stops it."""
        self.audience.tell("on_train_begin", self.progress())
        self.guard.remember(self.snapshot)
        while self.epoch.position or (self.epoch.number <= self.epochs and not self.network.stop_training):
            self._run_epoch()
        self.audience.tell("on_train_end", self._last())
        whole, rest = divmod(self.engine.step, self.steps)
        self.history.seen = whole * self.history.examples + int(self.epoch.counts[:rest].sum())
        self.history.stopped = self.reason
        return self.history

    @property
    def reason(self) -> str:
        """Why it was stopped, or what else is to be said of its end; empty if nothing."""
        wish = self.network.stop_training
        return wish if isinstance(wish, str) else "a callback stopped it" if wish else ""

    def _run_epoch(self) -> None:
        """The rest of this epoch, a step of it at least: chunks of steps, then validation."""
        epoch, progress = self.epoch, self.progress()
        if not epoch.position:
            self.audience.tell("on_epoch_begin", epoch.number - 1, progress)
        while not epoch.over and not (epoch.position and self.network.stop_training):
            progress = self._run_chunk()
            self.audience.chunk_ends(epoch.position - 1, progress)
            self.guard.remember(self.snapshot)
        if self.held_out:
            progress = self._validate(progress, *self.held_out)
        self.history.add(progress)
        self.epoch = self.start(epoch.number + 1)  # so that a snapshot taken now has this epoch behind it
        self.audience.tell("on_epoch_end", epoch.number - 1, progress)

    def _validate(self, progress: Progress, images: Any, labels: Any) -> Progress:
        self.audience.tell("on_test_begin", progress)  # where averaged weights may come in
        with self.guard.validation(progress, images, labels):
            evaluation = progress.validated.evaluate(images, labels)
        progress = replace(progress, validation_loss=evaluation.loss, validation_accuracy=evaluation.accuracy)
        self.audience.tell("on_test_end", progress)
        return progress

    def _run_chunk(self) -> Progress:
        """Steps until the next event of a callback, the end of the epoch or the end of about `chunk_seconds`."""
        epoch, step = self.epoch, self.engine.step
        self.audience.batch_begins(epoch.position, step, self.progress)
        began = perf_counter()
        self.guard.keep()
        kept = perf_counter()
        part = epoch.run(min(self.chunk, self.audience.steps_until_event(step) or self.chunk))
        ended = perf_counter()
        losses, correct = epoch.losses[part].copy(), epoch.correct[part].copy()
        self.guard.check(epoch, part)
        in_time = int(len(losses) * chunk_seconds(kept - began) / max(ended - kept, 1e-9))
        self.chunk = max(1, min(in_time, 10 * self.chunk))
        epoch.seconds += perf_counter() - began
        return replace(self.progress(), losses=losses, correct=correct)

    def progress(self) -> Progress:
        """What there is to tell now."""
        epoch = self.epoch
        return Progress(
            self.network,
            self.epochs,
            self.history.examples,
            epoch=epoch.number,
            done=epoch.done,
            step=self.engine.step,
            loss=epoch.loss,
            accuracy=epoch.accuracy,
            learning_rate=float(epoch.rates[max(epoch.position - 1, 0)]),
            seconds=epoch.seconds,
            total_seconds=sum(self.history.history["seconds"]) + epoch.seconds,
            training=self,
        )

    def _last(self) -> Progress:
        """What there is to tell of the last epoch, also where it was trained in a session before."""
        values: dict[str, Any] = {key: values[-1] for key, values in self.history.history.items() if values}
        trained = len(self.history.history["loss"])
        return replace(
            self.progress(), epoch=trained, done=trained and self.history.examples, learning_rate=0.0, **values
        )

    def snapshot(self) -> Snapshot:
        """All of it, copied."""
        return resuming.take(self)
