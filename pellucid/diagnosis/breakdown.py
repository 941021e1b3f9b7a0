"""Where a training broke: the first NaN or infinity, found by taking its last steps again, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.progress import Progress
from pellucid.diagnosis import rates, scan
from pellucid.diagnosis.cause import Circumstances, explain
from pellucid.diagnosis.scan import Size
from pellucid.diagnosis.watch import Watch
from pellucid.engine import reference
from pellucid.engine.engines import Engine
from pellucid.engine.reference import ReferenceEngine
from pellucid.epoch import Epoch
from pellucid.errors import NumericError
from pellucid.network import Network
from pellucid.snapshot import Snapshot
from pellucid.workspace import Workspace

SHOWN = 6  # tensors before the one that broke, in messages
PART = 1000  # held-out examples looked at together


class BreakdownError(NumericError):
    """A training that broke, with the place where it did.

    Args:
        words: the message.
        place: the first tensor that was not finite: its direction, layer and name; None where it was not found.
        step: of the whole training, 1, 2, ...; the first of those looked at where it was not found.
        epoch: 1, 2, ...
        learning_rate: of that step.
        snapshot: the last good moment, whose weights the network has again.
    """

    def __init__(
        self, words: str, place: Size | None, step: int, epoch: int, learning_rate: float, snapshot: Snapshot | None
    ) -> None:
        super().__init__(words)
        self.place, self.step, self.epoch, self.learning_rate = place, step, epoch, learning_rate
        self.snapshot = snapshot

    def add(self, line: str) -> None:
        """Another line of the message."""
        self.args = (f"{self}\n  {line}",)


class Guard:
    """Looks after each chunk of steps whether all is finite, and keeps what is needed to say what happened if not.

    Args:
        engine: that trains.
        network: its network.
        watch: knows which moments are good.
    """

    def __init__(self, engine: Engine, network: Network, watch: Watch) -> None:
        self.engine, self.network, self.watch = engine, network, watch
        workspace = engine.workspace
        self.theta, self.state = np.array(workspace.theta), np.array(workspace.state)  # where the chunk began
        self.moments = [np.array(moment) for moment in engine.moments]
        self.good: tuple[Snapshot, float] | None = None  # the last good moment, and its loss
        self.began: tuple[float, int] | None = None  # the largest weight at the beginning, and the steps done then

    def keep(self) -> None:
        """Called before a chunk: where it begins."""
        workspace = self.engine.workspace
        self.step = self.engine.step
        self.theta[...], self.state[...] = workspace.theta, workspace.state
        for kept, moment in zip(self.moments, self.engine.moments, strict=True):
            kept[...] = moment
        if self.began is None:
            self.began = (scan.largest(self.theta), self.step)

    @property
    def is_finite(self) -> bool:
        """Whether theta and the state are finite; a sum that is not may still be of finite numbers."""
        vectors: list[Any] = [self.engine.workspace.theta, self.engine.workspace.state]
        with np.errstate(over="ignore", invalid="ignore"):
            return all(np.isfinite(vector.sum()) or bool(np.isfinite(vector).all()) for vector in vectors)

    @np.errstate(all="ignore")
    def check(self, epoch: Epoch, part: slice) -> None:
        """Called after a chunk, the steps `part` of that epoch.

        Raises:
            BreakdownError: something is not finite.
        """
        losses, number = epoch.losses[part], epoch.number
        if np.isfinite(losses).all() and self.is_finite:
            return
        twin = self._twin()
        found = next((size for size in scan.parameters(twin.workspace) if size.broken), None)
        if found:
            raise self._error(
                found, [], scan.largest(self.theta), self.step + 1, number, epoch.rates[part.start], found=True
            )
        for step in range(part.start, part.stop):
            weights = scan.largest(twin.workspace.theta)
            sizes = self._take(twin, epoch, step)
            place = next((place for place, size in enumerate(sizes) if size.broken), None)
            if place is not None:
                error = self._error(sizes[place], sizes[:place], weights, twin.step, number, epoch.rates[step])
                raise self._doubting(error, losses, twin.step)
        raise self._not_found(epoch, part, scan.largest(twin.workspace.theta))

    @contextmanager
    def validation(self, progress: Progress, images: Any, labels: Any) -> Iterator[None]:
        """Around the validation: outputs that are not finite, though theta is, are explained too."""
        try:
            yield
        except NumericError:
            self._explain_prediction(progress, progress.validated.check_examples(images, labels)[0])
            raise

    def remember(self, take: Callable[[], Snapshot]) -> None:
        """Called when all callbacks have been told: keep this moment, if all is well."""
        if self.watch.good and self.watch.good[0] == self.engine.step and self.is_finite:
            self.good = take(), self.watch.good[1]

    @np.errstate(all="ignore")
    def _explain_prediction(self, progress: Progress, images: NDArray[Any]) -> None:
        network = progress.validated
        workspace = network.workspace()
        for start in range(0, len(images), PART):
            x = network.normalization.columns(images[start : start + PART], network.dtype, workspace.input_shape)
            reference.forward(workspace, x)
            sizes = list(scan.forward(workspace))
            place = next((place for place, size in enumerate(sizes) if size.broken), None)
            if place is not None:
                weights = scan.largest(workspace.theta)
                error = self._error(
                    sizes[place], sizes[:place], weights, progress.step, progress.epoch, progress.learning_rate
                )
                error.add("It showed when the examples held out were looked at, after that step.")
                raise error

    def _twin(self) -> ReferenceEngine:
        """A reference engine that stands where the chunk began."""
        theta, state = self.theta.copy(), self.state.copy()
        workspace = Workspace(self.network.layers, theta, np.zeros_like(theta), state)
        of = self.engine
        twin = ReferenceEngine(
            workspace, of.loss, of.descent, of.images, of.targets, of.normalization, of.batch_size, of.seed,
            weights=of.weights,
        )  # fmt: skip
        twin.restore(self.moments, self.step)
        return twin

    def _take(self, twin: ReferenceEngine, epoch: Epoch, step: int) -> list[Size]:
        """One step of the epoch by the formulas, and how large everything became in it."""
        examples, distortions = epoch.batch(slice(step, step + 1))
        twin.run(examples, epoch.rates[step : step + 1], distortions)
        workspace = twin.workspace
        return [*scan.forward(workspace), *scan.backward(workspace), *scan.updated(workspace, twin.moments)]

    # The message

    def _error(
        self, culprit: Size, before: Sequence[Size], weights: float, step: int, epoch: int, rate: float,
        *, found: bool = False,
    ) -> BreakdownError:  # fmt: skip
        largest, steps = self.began or (0.0, 0)
        optimizer = self.engine.descent.optimizer
        of = Circumstances(culprit, before, found, step == steps + 1, (largest, weights), optimizer, rate)
        cause, remedy = explain(of)
        way = {"forward": "on the way forward", "backward": "on the way back", "update": "in the update"}
        verb = "was" if found else "became"
        lines = [
            f"{culprit.name} {verb} {culprit.words} {way[culprit.direction]}, in step {step:,} (epoch {epoch}), at "
            f"learning rate {rate:g}."
        ]
        if before:
            if culprit.direction == "update":
                before = [size for size in before if size.layer == culprit.layer and culprit.tensor in size.tensor]
            sizes = [f"{size.name} {size.words}" for size in [*before[-SHOWN:], culprit]]
            lines.append(f"Largest numbers on the way there: {' → '.join(sizes)}   ← here")
            lines.append(f"Largest weight: {largest:.2g} when the training began, {weights:.2g} before this step.")
        lines += [f"Probable cause: {cause}", f"Remedy: {remedy}"]
        return self._with_last_good(lines, culprit, step, epoch, rate)

    def _doubting(self, error: BreakdownError, losses: NDArray[np.float64], step: int) -> BreakdownError:
        """What is to be added where the engine that trained broke in another step."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad) and self.step + 1 + bad[0] < step:
            error.add(
                f"That is the step by the formulas; the loss of the {self.engine.name} engine was not finite in step "
                f"{self.step + 1 + bad[0]:,} already. They differ in the last digits, and a training that diverges "
                "makes much of those."
            )
        return error

    def _not_found(self, epoch: Epoch, part: slice, weights: float) -> BreakdownError:
        """The error where the steps, taken again by the formulas, stay finite."""
        losses, rate = epoch.losses[part], float(epoch.rates[part.stop - 1])
        bad = np.flatnonzero(~np.isfinite(losses))
        first, last = self.step + 1, self.step + len(losses)
        slots = [slot.name for slot in self.engine.workspace.parameters
                 if not np.isfinite(slot.view(self.engine.workspace.theta)).all()]  # fmt: skip
        what = f"The loss was not finite in step {first + int(bad[0]):,}" if len(bad) else "The loss stayed finite"
        where = f"; after step {last:,} {', '.join(slots)} held NaN or infinity" if slots else ""
        lines = [
            f"{what}{where} (epoch {epoch.number}), at learning rate {rate:g}.",
            f"Where it began is not known: the steps {first:,} to {last:,}, taken again by the formulas of the "
            f"reference engine, stay finite (largest weight {weights:.2g}). The {self.engine.name} engine differs from "
            "them in the last digits.",
            "Remedy: take engine=reference, which names the place if it happens there too; or try a learning rate of "
            f"{rates.lower(self.engine.descent.optimizer, rate):g}.",
        ]
        return self._with_last_good(lines, None, first + int(bad[0]) if len(bad) else first, epoch.number, rate)

    def _with_last_good(
        self, lines: list[str], place: Size | None, step: int, epoch: int, rate: float
    ) -> BreakdownError:
        """The error; the network goes back to the last good moment."""
        snapshot = None
        if self.good:
            snapshot, loss = self.good
            self.network.theta[...], self.network.state[...] = snapshot.theta, snapshot.state
            where = f"at step {snapshot.step:,}" if snapshot.step else "where it began"
            lines.append(f"The network is back {where}, with a loss of {loss:.4g}.")
        return BreakdownError("\n  ".join(lines), place, step, epoch, float(rate), snapshot)
