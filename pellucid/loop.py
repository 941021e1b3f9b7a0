"""The loop of a training: epochs of shuffled batches, in chunks of steps between which callbacks are told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks import Callback, History, Progress, events, keyed
from pellucid.data.distortion import Distortions
from pellucid.diagnosis.breakdown import Chunk, Guard
from pellucid.diagnosis.watch import Watch
from pellucid.engine.engines import Engine
from pellucid.engine.reference import ReferenceEngine
from pellucid.errors import NumericError
from pellucid.network import Network
from pellucid.randomness import generator
from pellucid.schedules import Schedule
from pellucid.snapshot import Snapshot

CHUNK_SECONDS = 0.1  # callbacks hear of the training about this often
log = logging.getLogger("pellucid")


class Training:
    """A training under way: where it stands, and the loop that carries it on.

    Args:
        engine: takes the steps; `theta` is its workspace's.
        formulas: a reference engine with the same arguments, for the diagnosis.
        network: whose theta that is.
        epochs: how many there will be.
        schedule: of the learning rate.
        settings: what a snapshot must have been taken with to go on here.
        callbacks: are told.
        held_out: images and labels to validate on.
        draw: how images are distorted, by their places and the epoch.
    """

    def __init__(
        self,
        engine: Engine,
        formulas: ReferenceEngine,
        network: Network,
        epochs: int,
        schedule: Schedule,
        settings: dict[str, Any],
        callbacks: Sequence[Callback],
        held_out: tuple[Any, Any] | None,
        draw: Callable[[NDArray[np.int64], int], Distortions] | None = None,
    ) -> None:
        self.engine, self.network, self.epochs = engine, network, epochs
        self.watch, self.guard = Watch(formulas, held_out), Guard(engine, network, formulas)
        self.schedule, self.settings, self.callbacks = schedule, settings, [self.watch, *callbacks]
        self.held_out, self.draw = held_out, draw
        self.events = events(callbacks)
        examples, size = settings["examples"], engine.batch_size
        self.starts = np.arange(0, examples, size)  # of each step's examples
        self.counts = np.diff(np.append(self.starts, examples))
        self.history = History(examples, notices=self.watch.notices)
        self.chunk = 1  # steps until about CHUNK_SECONDS are over
        self._start_epoch(1)

    def _start_epoch(self, epoch: int) -> None:
        self.epoch, self.position, self.seconds = epoch, 0, 0.0
        self.losses, self.correct = np.empty(len(self.counts)), np.empty(len(self.counts), np.int64)
        self.order = generator(self.settings["seed"], "shuffle", epoch).permutation(self.history.examples)
        weights = self.engine.weights
        self.shares = self.counts if weights is None else np.add.reduceat(weights[self.order], self.starts)
        before = self.history.history["validation_loss"]
        factors = self.schedule.factors(epoch, len(self.counts), self.epochs, before)
        self.rates = self.engine.descent.optimizer.learning_rate * factors  # never chunk by chunk: bits could differ

    def restore(self, snapshot: Snapshot) -> None:
        """Stand where the snapshot was taken; theta is there already."""
        self.engine.restore(snapshot.moments, snapshot.step)
        self.history.history = {key: list(values) for key, values in snapshot.history.items()}
        self._start_epoch(snapshot.epoch)
        self.position, self.seconds = snapshot.position, snapshot.seconds
        self.losses[: self.position], self.correct[: self.position] = snapshot.losses, snapshot.correct
        for name, callback in keyed(self.callbacks).items():
            if name in snapshot.callbacks:
                callback.restore(deepcopy(snapshot.callbacks[name]))
        changes = [
            f"{name} was {snapshot.facts.get(name)} and is {value}"
            for name, value in self.facts.items()
            if snapshot.facts.get(name) != value
        ]
        if changes:
            log.warning("The weights will agree only within tolerance with those of a run never stopped: "
                        "%s.", ", ".join(changes))  # fmt: skip

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The engine's facts; asked for once, since they take a millisecond."""
        return self.engine.facts()

    def run(self) -> None:
        """Train to the end."""
        progress = self._progress()
        for callback in self.callbacks:
            callback.begin(progress)
        self._remember()
        while self.epoch <= self.epochs:
            self._run_epoch()

    def _run_epoch(self) -> None:
        """The rest of this epoch: chunks of steps, then validation."""
        progress = self._progress()
        while self.position < len(self.counts):
            progress = self._run_chunk()
            for callback in self.callbacks:
                if callback.every and progress.step % callback.every == 0:
                    callback.step(progress)
                callback.chunk(progress)
            self._remember()
        if self.held_out:
            try:
                evaluation = self.network.evaluate(*self.held_out)
            except NumericError:
                self.guard.check_prediction(self.held_out, self.epoch, progress.learning_rate)
                raise
            progress = replace(progress, validation_loss=evaluation.loss, validation_accuracy=evaluation.accuracy)
        self.history.add(progress)
        self._start_epoch(self.epoch + 1)  # so that a snapshot taken now has this epoch behind it
        for callback in self.callbacks:
            callback.epoch(progress)

    def _run_chunk(self) -> Progress:
        """Steps until the next event of a callback, the end of the epoch or the end of about CHUNK_SECONDS."""
        step = self.engine.step
        until_event = min(self.watch.until(step), *(every - step % every for every in self.events), self.chunk)
        stop = min(self.position + until_event, len(self.counts))
        part, size = slice(self.position, stop), self.engine.batch_size
        self.guard.keep()
        began = time.perf_counter()
        examples = self.order[part.start * size : part.stop * size]
        distortions = self.draw(examples, self.epoch) if self.draw else None
        losses, correct = self.engine.run(examples, self.rates[part], distortions)
        seconds = time.perf_counter() - began
        self.losses[part], self.correct[part] = losses, correct
        self.position, self.seconds = stop, self.seconds + seconds
        self.guard.check(Chunk(examples, self.rates[part], distortions, losses), self.epoch)
        in_time = int(len(losses) * CHUNK_SECONDS / max(seconds, 1e-9))
        self.chunk = max(1, min(in_time, 10 * self.chunk))
        return replace(self._progress(), losses=losses, correct=correct)

    def _progress(self) -> Progress:
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
            taker=self.snapshot,
        )

    def _remember(self) -> None:
        """Keep this moment, if all is well, for the case that the training breaks."""
        if self.watch.good and self.watch.good[0] == self.engine.step and self.guard.is_finite:
            self.guard.good = self.snapshot(), self.watch.good[1]

    def snapshot(self) -> Snapshot:
        """All of it, copied, so that the training may go on."""
        workspace = self.engine.workspace
        states = {name: callback.state() for name, callback in keyed(self.callbacks).items()}
        return Snapshot(
            theta=np.array(workspace.theta),
            state=np.array(workspace.state),
            moments=[np.array(moment) for moment in self.engine.moments],
            losses=self.losses[: self.position].copy(),
            correct=self.correct[: self.position].copy(),
            step=self.engine.step,
            epoch=self.epoch,
            position=self.position,
            seconds=self.seconds,
            history={key: list(values) for key, values in self.history.history.items()},
            callbacks={name: deepcopy(state) for name, state in states.items() if state},
            facts=dict(self.facts),
            settings=dict(self.settings),
            normalization=dict(vars(self.network.normalization)),
        )
