"""The loop of a training: epochs of shuffled batches, in chunks of steps between which callbacks are told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import resuming
from pellucid.callbacks import History, Progress
from pellucid.callbacks.audience import Audience
from pellucid.data.distortion import Distortions
from pellucid.engine.engines import Engine, gradient_beside
from pellucid.errors import NumericError
from pellucid.layers import Array
from pellucid.network import Network
from pellucid.randomness import generator
from pellucid.schedules import Schedule
from pellucid.snapshot import Snapshot

CHUNK_SECONDS = 0.1  # callbacks hear of the training about this often
Batch = tuple[NDArray[np.int64], Distortions | None]


class Training:
    """A training under way: where it stands, and the loop that carries it on.

    Args:
        engine: takes the steps; `theta` is its workspace's.
        network: whose theta that is.
        epochs: how many there will be.
        schedule: of the learning rate.
        settings: what a snapshot must have been taken with to go on here.
        audience: the callbacks.
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
        held_out: tuple[Any, Any] | None,
        draw: Callable[[NDArray[np.int64], int], Distortions] | None = None,
    ) -> None:
        self.engine, self.network, self.epochs = engine, network, epochs
        self.schedule, self.settings, self.audience = schedule, settings, audience
        self.held_out, self.draw = held_out, draw
        examples, size = settings["examples"], engine.batch_size
        self.starts = np.arange(0, examples, size)  # of each step's examples
        self.counts = np.diff(np.append(self.starts, examples))
        self.history = History(examples)
        self.chunk = 1  # steps until about CHUNK_SECONDS are over
        network.stop_training = False
        audience.introduce(network, epochs, len(self.counts))
        self.start_epoch(1)

    def start_epoch(self, epoch: int) -> None:
        """Stand before the first step of an epoch."""
        self.epoch, self.position, self.seconds = epoch, 0, 0.0
        self.losses, self.correct = np.empty(len(self.counts)), np.empty(len(self.counts), np.int64)
        self.order = generator(self.settings["seed"], "shuffle", epoch).permutation(self.history.examples)
        weights = self.engine.weights
        self.shares = self.counts if weights is None else np.add.reduceat(weights[self.order], self.starts)
        before = self.history.history["validation_loss"]
        factors = self.schedule.factors(epoch, len(self.counts), self.epochs, before)
        self.rates = self.engine.descent.optimizer.learning_rate * factors  # never chunk by chunk: bits could differ

    def run(self) -> None:
        """Train to the end: of the epochs, or where a callback stops it."""
        self.audience.tell("on_train_begin", self.progress())
        while self.position or (self.epoch <= self.epochs and not self.network.stop_training):
            self._run_epoch()
        values: dict[str, Any] = {
            key: values[-1] for key, values in self.history.history.items() if values and key != "seconds"
        }
        trained = len(self.history.history["loss"])
        values |= {"epoch": trained, "done": trained and self.history.examples, "learning_rate": 0.0}
        logs = replace(self.progress(), **values)
        self.audience.tell("on_train_end", logs)
        whole, rest = divmod(self.engine.step, len(self.counts))
        self.history.seen = whole * self.history.examples + int(self.counts[:rest].sum())
        self.history.stopped = self.reason

    @property
    def reason(self) -> str:
        """Why it was stopped, or what else is to be said of its end; empty if nothing."""
        wish = self.network.stop_training
        return wish if isinstance(wish, str) else "a callback stopped it" if wish else ""

    def _run_epoch(self) -> None:
        """The rest of this epoch, a step of it at least: chunks of steps, then validation."""
        progress = self.progress()
        if not self.position:
            self.audience.tell("on_epoch_begin", self.epoch - 1, progress)
        while self.position < len(self.counts) and not (self.position and self.network.stop_training):
            progress = self._run_chunk()
            self.audience.chunk_ends(self.position - 1, progress)
        _check_finite("weights", self.engine.workspace.theta, self.epoch, self.position, self.rates[-1])
        if self.held_out:
            progress = self._validate(progress, *self.held_out)
        self.history.add(progress)
        self.start_epoch(self.epoch + 1)  # so that a snapshot taken now has this epoch behind it
        self.audience.tell("on_epoch_end", progress.epoch - 1, progress)

    def _validate(self, progress: Progress, images: Any, labels: Any) -> Progress:
        self.audience.tell("on_test_begin", progress)  # where averaged weights may come in
        evaluation = progress.validated.evaluate(images, labels)
        progress = replace(progress, validation_loss=evaluation.loss, validation_accuracy=evaluation.accuracy)
        self.audience.tell("on_test_end", progress)
        return progress

    def _run_chunk(self) -> Progress:
        """Steps until the next event of a callback, the end of the epoch or the end of about CHUNK_SECONDS."""
        self.audience.batch_begins(self.position, self.engine.step, self.progress)
        steps = min(self.chunk, self.audience.steps_until_event(self.engine.step) or self.chunk)
        part = slice(self.position, min(self.position + steps, len(self.counts)))
        began = time.perf_counter()
        examples, distortions = self._batch(part)
        losses, correct = self.engine.run(examples, self.rates[part], distortions)
        seconds = time.perf_counter() - began
        self.losses[part], self.correct[part] = losses, correct
        self.position, self.seconds = part.stop, self.seconds + seconds
        _check_finite("loss", losses, self.epoch, part.stop, self.rates[part.stop - 1])
        in_time = int(len(losses) * CHUNK_SECONDS / max(seconds, 1e-9))
        self.chunk = max(1, min(in_time, 10 * self.chunk))
        return replace(self.progress(), losses=losses, correct=correct)

    def _batch(self, part: slice) -> Batch:
        """The examples of these steps of the epoch, and how they are distorted."""
        examples = self.order[part.start * self.engine.batch_size : part.stop * self.engine.batch_size]
        return examples, self.draw(examples, self.epoch) if self.draw else None

    def progress(self) -> Progress:
        """What there is to tell now."""
        shares = self.shares[: self.position]
        done = int(self.counts[: self.position].sum())
        return Progress(
            self.network,
            self.epochs,
            self.history.examples,
            epoch=self.epoch,
            done=done,
            step=self.engine.step,
            loss=float(self.losses[: self.position] @ shares / shares.sum()) if done else 0.0,
            accuracy=int(self.correct[: self.position].sum()) / max(done, 1),
            learning_rate=float(self.rates[max(self.position - 1, 0)]),
            seconds=self.seconds,
            total_seconds=sum(self.history.history["seconds"]) + self.seconds,
            training=self,
        )

    def gradient(self) -> Array:
        """∇L of the batch that comes next, by the reference formulas in a workspace of its own."""
        theta = np.array(self.network.theta)
        workspace = self.network.workspace(theta, np.empty_like(theta))  # with a copy of the state
        return gradient_beside(self.engine, workspace, *self._batch(slice(self.position, self.position + 1)))

    def snapshot(self) -> Snapshot:
        """All of it, copied."""
        return resuming.take(self)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The engine's facts; asked for once, since they take a millisecond."""
        return self.engine.facts()


def _check_finite(what: str, values: NDArray[Any], epoch: int, step: int, learning_rate: float) -> None:
    if not np.isfinite(values).all():
        raise NumericError(
            f"The {what} became NaN or infinite in epoch {epoch}, by step {step}, at learning rate "
            f"{learning_rate:g}: the weights have grown beyond all bounds. Try a tenth of that rate."
        )
