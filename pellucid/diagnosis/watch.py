"""The watch: a callback that looks at a training now and then, and says in words what is going wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, replace
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.diagnosis import held_out, material, symptoms
from pellucid.diagnosis.probe import MORE, Probe, Reading, norm
from pellucid.diagnosis.symptoms import Moment, Symptom
from pellucid.layers import Array
from pellucid.losses import MultiLabel, decide
from pellucid.notice import Notice

EXAMPLES_BETWEEN = 200_000  # after which the end of an epoch is looked at, beside the steps 1, 2, 4, 8 ... and the last
GOOD = 0.1  # of the loss of guessing: a loss that is worse than the lowest by more is no good moment to go back to
KEPT = ("read", "first_loss", "lowest", "lowest_mean", "total", "count")
log = logging.getLogger("pellucid")


class Watch(Callback):
    """Reads a probe at the steps 0, 1, 2, 4, 8, ..., at ends of epochs and at the last step, and tells what it shows.

    Each kind of trouble is told once for each layer, as a warning of the logger "pellucid" and in `notices`.
    """

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.good: tuple[int, float] | None = None  # the last step at which all was well, and its loss
        self.read = -1  # the step of the last reading
        self.first_loss, self.lowest, self.lowest_mean = nan, np.inf, np.inf
        self.total, self.count = 0.0, 0  # of the losses since the last reading
        self.before: tuple[int, NDArray[Any]] | None = None  # theta one step before a reading

    # When it looks

    def steps_until_event(self, step: int) -> int:
        """A chunk ends before a step that is measured, and after it."""
        epoch, enough = self.steps_of_epoch, -(-EXAMPLES_BETWEEN // self.engine.batch_size)
        end = -(-max(step + 1, self.read + enough) // epoch) * epoch
        ahead = min(1 << step.bit_length(), end, max(self.steps, step + 1)) - step
        return max(ahead - 1, 1)

    def _is_read(self, step: int) -> bool:
        if step & (step - 1) == 0 or step == self.steps:
            return True
        examples = (step - self.read) * self.engine.batch_size
        return step % self.steps_of_epoch == 0 and examples >= EXAMPLES_BETWEEN

    def on_train_begin(self, logs: Progress) -> None:
        """Look at images, labels and network, and at what the probe says before the first step."""
        engine = self.engine = logs.source.engine
        self.steps_of_epoch = -(-logs.examples // engine.batch_size)
        self.steps = self.steps_of_epoch * logs.epochs
        self.probe = Probe(engine)
        self.guess = material.loss_of_guessing(engine.loss, engine.targets, engine.weights)
        if logs.step == 0:
            self._tell(logs, material.of_images(engine.images, self.probe.x))
            self._tell(logs, material.of_labels(engine.loss, engine.targets, self.model.classes))
            self._tell(
                logs, material.of_network(engine.workspace, min(engine.batch_size, logs.examples), engine.descent)
            )
            self.model.told_of_scale |= "unscaled images" in self._told()
        else:
            self.good = logs.step, self.probe.read().loss  # a training that is gone on with
        self._look(logs)

    def on_chunk_end(self, logs: Progress) -> None:
        """Look, if it is time, and remember theta before a step that will be measured."""
        self.total += float(logs.losses.sum())
        self.count += len(logs.losses)
        self._look(logs)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """Compare training and validation, where they differ much."""
        if logs.validation_accuracy is None or logs.accuracy - logs.validation_accuracy < held_out.GAP:
            return
        images, targets = self.engine.images, self.engine.targets
        if not isinstance(self.engine.loss, MultiLabel) and max(targets.shape[1], 2) == len(self.model.classes):
            ours = self._answers(logs, images[self.probe.places], targets[self.probe.places])
            theirs = self._answers(logs, *self._sample(logs.source.held_out))
            self._tell(logs, held_out.of_labels(ours, theirs, self.model.classes))

    # What it does

    def _look(self, logs: Progress) -> None:
        step = logs.step
        if self._is_read(step) and step > self.read:
            self._read(logs)
        if self._is_read(step + 1):
            self.before = step, np.array(self.probe.theta)

    @np.errstate(all="ignore")  # the numbers of a training that goes wrong may be beyond all bounds
    def _read(self, logs: Progress) -> None:
        reading = self.probe.read()
        if logs.step == 0:
            self.first_loss = reading.loss
        moment = self._moment(logs, reading)
        for look in (symptoms.of_units, symptoms.of_gradients):
            if any(map(self._is_new, look(moment))):  # it is told by more examples, if they agree
                self._tell(logs, look(replace(moment, reading=self.probe.read(MORE))))
            moment = replace(moment, told=self._told())
        self._tell(logs, symptoms.of_pace(moment))
        self._tell(logs, symptoms.of_standstill(replace(moment, told=self._told())))
        self.read, self.total, self.count = logs.step, 0.0, 0
        if moment.mean_steps >= symptoms.ENOUGH_STEPS:
            self.lowest_mean = min(self.lowest_mean, moment.mean_loss)
        if isfinite(reading.loss):
            self.lowest = min(self.lowest, reading.loss)
            if not reading.loss > self.lowest + GOOD * self.guess:
                self.good = logs.step, reading.loss

    def _moment(self, logs: Progress, reading: Reading) -> Moment:
        workspace, moved, in_all = self.probe.workspace, {}, 0.0
        if self.before and self.before[0] == logs.step - 1:
            theta = self.before[1]
            change = workspace.theta - theta
            in_all = _share(change, theta)
            weights = [slot for slot in workspace.parameters if slot.tensor.name == "W"]
            moved = {slot.layer.name: _share(slot.view(change), slot.view(theta)) for slot in weights}
        optimizer = self.engine.descent.optimizer
        return Moment(
            logs.step, self.steps, reading, self.guess, self.first_loss, self.total / max(self.count, 1),
            self.count, self.count * min(self.engine.batch_size, logs.examples), self.lowest_mean,
            moved, in_all, optimizer, logs.learning_rate, self._told(),
        )  # fmt: skip

    def _told(self) -> frozenset[str]:
        return frozenset(notice.kind for notice in self.notices)

    def _is_new(self, symptom: Symptom) -> bool:
        return symptom[:2] not in {(notice.kind, notice.layer) for notice in self.notices}

    def _tell(self, logs: Progress, found: Iterable[Symptom]) -> None:
        for kind, layer, text in filter(self._is_new, found):
            self.notices.append(Notice(kind, text, layer, logs.step, logs.epoch))
            log.warning("%s", self.notices[-1])

    def _sample(self, part: Any) -> tuple[Array, Array]:
        """Some of the held-out examples, evenly spread, and their targets."""
        images, targets = self.model.check_examples(*part)
        places = np.unique(np.linspace(0, len(images) - 1, held_out.EXAMPLES).astype(int))
        return images[places], targets[places]

    def _answers(self, logs: Progress, images: Array, targets: Array) -> tuple[Array, Array]:
        """True and predicted classes."""
        return decide(targets.T), logs.validated.classify(images)

    # What a snapshot keeps

    def state(self) -> dict[str, Any]:
        """What was told, and what the next reading is compared with."""
        numbers = {name: value for name in KEPT if isfinite(value := getattr(self, name))}
        return {**numbers, "notices": [asdict(notice) for notice in self.notices]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name in KEPT:
            setattr(self, name, state.get(name, getattr(self, name)))
        self.notices[:] = [Notice(**values) for values in state.get("notices", [])]


def _share(change: Array, of: Array) -> float:
    """How long a change is, as a share of what changes."""
    length = norm(of)
    return norm(change) / length if length else float(norm(change) > 0)
