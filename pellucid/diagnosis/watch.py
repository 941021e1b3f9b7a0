"""The watch: a callback that looks at a training now and then, and says in words what is going wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, replace
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks import Callback, Progress
from pellucid.diagnosis import held_out, material, symptoms
from pellucid.diagnosis.probe import MORE, Probe, Reading, norm
from pellucid.diagnosis.symptoms import Moment, Symptom
from pellucid.engine.reference import ReferenceEngine
from pellucid.layers import Array
from pellucid.losses import decide
from pellucid.notice import Notice

EXAMPLES_BETWEEN = 50_000  # after which the end of an epoch is looked at, beside the steps 1, 2, 4, 8 ... and the last
GOOD = 0.1  # of the loss of guessing: a loss that is worse than the lowest by more is no good moment to go back to
KEPT = ("read", "first_loss", "lowest", "lowest_mean", "total", "count")
log = logging.getLogger("pellucid")


class Watch(Callback):
    """Reads a probe at the steps 0, 1, 2, 4, 8, ..., at ends of epochs and at the last step, and tells what it shows.

    Each kind of trouble is told once for each layer, as a warning of the logger "pellucid" and in `notices`.

    Args:
        formulas: a reference engine with the examples, the loss and the theta of the training.
        held_out: images and labels to validate on, None without.
    """

    every = 0

    def __init__(self, formulas: ReferenceEngine, held_out: tuple[Any, Any] | None) -> None:
        self.formulas, self.held_out = formulas, held_out
        self.notices: list[Notice] = []
        self.good: tuple[int, float] | None = None  # the last step at which all was well, and its loss
        self.read = -1  # the step of the last reading
        self.first_loss, self.lowest, self.lowest_mean = nan, np.inf, np.inf
        self.total, self.count = 0.0, 0  # of the losses since the last reading
        self.before: tuple[int, NDArray[Any]] | None = None  # theta one step before a reading

    # When it looks

    def until(self, step: int) -> int:
        """In how many steps the training is to stop for a look: before the step that is measured, and after it."""
        epoch, enough = self.steps_of_epoch, -(-EXAMPLES_BETWEEN // self.formulas.batch_size)
        end = -(-max(step + 1, self.read + enough) // epoch) * epoch
        ahead = min(1 << step.bit_length(), end, max(self.steps, step + 1)) - step
        return max(ahead - 1, 1)

    def _is_read(self, step: int) -> bool:
        if step & (step - 1) == 0 or step == self.steps:
            return True
        examples = (step - self.read) * self.formulas.batch_size
        return step % self.steps_of_epoch == 0 and examples >= EXAMPLES_BETWEEN

    def begin(self, progress: Progress) -> None:
        """Look at images, labels and network, and at what the probe says before the first step."""
        self.network = progress.network
        self.steps_of_epoch = -(-progress.examples // self.formulas.batch_size)
        self.steps = self.steps_of_epoch * progress.epochs
        self.probe = Probe(self.formulas)
        self.guess = material.loss_of_guessing(self.probe.loss, self.formulas.targets, self.formulas.weights)
        f = self.formulas
        if progress.step == 0:
            self._tell(progress, material.of_images(f, self.probe.x))
            self.network.told_of_scale |= "unscaled images" in self._told()
            self._tell(progress, material.of_labels(f.loss, f.targets, self.network.classes))
            self._tell(progress, material.of_network(f.workspace, min(f.batch_size, len(f.images)), f.descent))
        else:
            self.good = progress.step, self.probe.read().loss  # a training that is gone on with
        self._look(progress)

    def chunk(self, progress: Progress) -> None:
        """Look, if it is time, and remember theta before a step that will be measured."""
        self.total += float(progress.losses.sum())
        self.count += len(progress.losses)
        self._look(progress)

    def epoch(self, progress: Progress) -> None:
        """Compare training and validation, where they differ much."""
        if progress.validation_accuracy is None or progress.accuracy - progress.validation_accuracy < held_out.GAP:
            return
        f = self.formulas
        if f.targets.shape[1] > 1 or len(self.network.classes) == 2:
            ours = self._answers(f.images[self.probe.places], f.targets[self.probe.places])
            theirs = self._answers(*self._sample_held_out())
            self._tell(progress, held_out.of_labels(ours, theirs, self.network.classes))

    # What it does

    def _look(self, progress: Progress) -> None:
        step = progress.step
        if self._is_read(step) and step > self.read:
            self._read(progress)
        if self._is_read(step + 1):
            self.before = step, np.array(self.probe.theta)

    @np.errstate(all="ignore")  # the numbers of a training that goes wrong may be beyond all bounds
    def _read(self, progress: Progress) -> None:
        reading = self.probe.read()
        if progress.step == 0:
            self.first_loss = reading.loss
        moment = self._moment(progress, reading)
        for look in (symptoms.of_units, symptoms.of_gradients):
            if any(map(self._is_new, look(moment))):  # it is told by more examples, if they agree
                self._tell(progress, look(replace(moment, reading=self.probe.read(MORE))))
            moment = replace(moment, told=self._told())
        self._tell(progress, symptoms.of_pace(moment))
        self._tell(progress, symptoms.of_standstill(replace(moment, told=self._told())))
        self.read, self.total, self.count = progress.step, 0.0, 0
        if moment.mean_steps >= symptoms.ENOUGH_STEPS:
            self.lowest_mean = min(self.lowest_mean, moment.mean_loss)
        if isfinite(reading.loss):
            self.lowest = min(self.lowest, reading.loss)
            if not reading.loss > self.lowest + GOOD * self.guess:
                self.good = progress.step, reading.loss

    def _moment(self, progress: Progress, reading: Reading) -> Moment:
        workspace, moved, in_all = self.probe.workspace, {}, 0.0
        if self.before and self.before[0] == progress.step - 1:
            theta = self.before[1]
            change = workspace.theta - theta
            in_all = _share(change, theta)
            weights = [slot for slot in workspace.parameters if slot.tensor.name == "W"]
            moved = {slot.layer.name: _share(slot.view(change), slot.view(theta)) for slot in weights}
        optimizer = self.formulas.descent.optimizer
        return Moment(
            progress.step, self.steps, reading, self.guess, self.first_loss, self.total / max(self.count, 1),
            self.count, self.count * min(self.formulas.batch_size, progress.examples), self.lowest_mean,
            moved, in_all, optimizer, progress.learning_rate, self._told(),
        )  # fmt: skip

    def _told(self) -> frozenset[str]:
        return frozenset(notice.kind for notice in self.notices)

    def _is_new(self, symptom: Symptom) -> bool:
        return symptom[:2] not in {(notice.kind, notice.layer) for notice in self.notices}

    def _tell(self, progress: Progress, found: Iterable[Symptom]) -> None:
        for kind, layer, text in filter(self._is_new, found):
            self.notices.append(Notice(kind, text, layer, progress.step, progress.epoch))
            log.warning("%s", self.notices[-1])

    def _sample_held_out(self) -> tuple[Array, Array]:
        """Some of the held-out examples, evenly spread, and their targets."""
        assert self.held_out
        images, targets = self.network.check_examples(*self.held_out, loss=self.probe.loss)
        places = np.unique(np.linspace(0, len(images) - 1, held_out.EXAMPLES).astype(int))
        return images[places], targets[places]

    def _answers(self, images: Array, targets: Array) -> tuple[Array, Array]:
        """True and predicted classes."""
        return decide(targets.T), self.network.classify(images)

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
