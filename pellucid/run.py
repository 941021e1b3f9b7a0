"""A run: the folder in which a training leaves its recipe, checkpoints, metrics, model and curves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pellucid
from pellucid.callbacks import Callback, History, Progress, WeightRecorder
from pellucid.callbacks.weight_history import FILE, WeightHistory, most_moments
from pellucid.data.augment import parse
from pellucid.errors import ModelFileError
from pellucid.files.checkpoint import LAST, read_checkpoint, write_checkpoint
from pellucid.glass import curves
from pellucid.machine import cores
from pellucid.network import Network
from pellucid.recipe import Recipe, changed
from pellucid.run_folder import RunFolder
from pellucid.setup import Setup
from pellucid.snapshot import KEYS, Snapshot

AFTER_EPOCH = 10  # seconds since the last checkpoint, after which the end of an epoch brings the next one
WITHIN_EPOCH = 60
SHARE = 1 / 20  # of the time at most goes into those
log = logging.getLogger("pellucid")


class Run(Callback, RunFolder):
    """Writes the folder of a training as it goes. It takes snapshots, so it stands last among the callbacks.

    recipe.toml             the recipe, resolved: with the data it repeats the run
    run.json                what a resume needs beside it
    metrics.jsonl           a line for each epoch
    checkpoint.safetensors  where the training stands; checkpoint.previous.safetensors is the one before
    weights.safetensors     the weights at some thirty moments until then
    model.safetensors       the network at the end, or where it was interrupted
    figures/curves.png      loss and accuracy
    result.json             what `pellucid train --json` prints; it is written last
    """

    def __init__(self, folder: Path, recipe: Recipe, setup: Setup) -> None:
        super().__init__(folder, recipe, setup)
        self.every = setup.checkpoint_every or 0
        self.recorder = WeightRecorder()  # stands before it among the callbacks
        self.stop: Callable[[], bool] = lambda: False  # whether an interruption is wished
        self.written, self.cost = time.monotonic(), 0.0  # when the last checkpoint was written, and how long it took

    # What there is to go on with

    def snapshot(self) -> Snapshot | None:
        """The last checkpoint, None without one; metrics.jsonl is cut back to the epochs that it knows.

        Raises:
            ModelFileError: no checkpoint is whole, or it is not one of a training.
        """
        parts = read_checkpoint(self.folder)
        try:
            snapshot = Snapshot.of(*parts) if parts else None
        except ModelFileError as error:
            raise ModelFileError(f"{self.folder / LAST}: {error}") from None
        if snapshot and snapshot.facts.get("pellucid") != pellucid.__version__:
            log.warning("The run was begun by pellucid %s, this is %s: its weights may come out differently.",
                        snapshot.facts.get("pellucid"), pellucid.__version__)  # fmt: skip
        history = snapshot.history if snapshot else {}
        lines = []
        for number in range(len(history.get("loss", []))):
            values = {key: history[key][number] for key in KEYS if history[key]}
            speed = snapshot.settings["examples"] / values["seconds"] if snapshot and values["seconds"] else 0.0
            lines.append(_line({"epoch": number + 1, **values, "images_per_second": speed}))
        self.write("metrics.jsonl", "".join(lines))
        return snapshot

    def recall(self, snapshot: Snapshot, network: Network) -> None:
        """Let the history of the weights go on, as far as it is known."""
        if not most_moments(network):
            return
        try:
            self.recorder.go_on(WeightHistory.read(self.folder / FILE, network), snapshot.step)
        except ModelFileError as error:
            log.warning("%s The history of the weights begins with step %d; nothing else depends on it.",
                        error, snapshot.step)  # fmt: skip

    # What happens while it trains

    def on_train_begin(self, logs: Progress) -> None:
        """Begin the folder, if that is still to be done."""
        self.written = time.monotonic()
        self.begin()

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        """--checkpoint-every."""
        self._checkpoint(logs)

    def on_chunk_end(self, logs: Progress) -> None:
        """Write a checkpoint from time to time in a long epoch, and stop if that is wished."""
        if self.stop():
            self._interrupt(logs)
        if self._is_due(WITHIN_EPOCH):
            self._checkpoint(logs)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """Add a line to the metrics; write a checkpoint now and then, and when no epoch follows."""
        keys = ("epoch", *KEYS, "images_per_second")
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(_line({key: value for key in keys if (value := getattr(logs, key)) is not None}))
        if self.stop():
            self._interrupt(logs)
        if logs.epoch == logs.epochs or self.model.stop_training or self._is_due(AFTER_EPOCH):
            self._checkpoint(logs)

    def on_train_end(self, logs: Progress) -> None:
        """Write the model, whose weights are the ones to be left."""
        self.save()

    def _is_due(self, seconds: float) -> bool:
        return time.monotonic() - self.written > max(seconds, self.cost / SHARE)

    def _checkpoint(self, logs: Progress) -> None:
        self.keep(logs.snapshot())

    def keep(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, and before it the history of the weights, which it may then go on with."""
        began = time.monotonic()
        if history := self.recorder.history(snapshot.step, snapshot.theta, snapshot.state):
            history.write(self.folder / FILE)
        threads = self.setup.threads or cores()  # the reference says more exactly; the native bits do not depend on it
        facts = {"threads": threads, **snapshot.facts, "pellucid": pellucid.__version__}
        write_checkpoint(self.folder, *replace(snapshot, facts=facts).parts())
        self.written = time.monotonic()
        self.cost = self.written - began

    def _interrupt(self, logs: Progress) -> None:
        self._checkpoint(logs)
        self.save()
        raise KeyboardInterrupt

    def save(self, result: dict[str, Any] | None = None) -> None:
        """Write the model as it is now, with how it was made and what came of it."""
        self.model.save(self.path, self.made(result))

    def finish(self, history: History, result: dict[str, Any]) -> None:
        """Write the model with its result, the curves, and then the result itself."""
        self.save(result)
        accuracy = f"test accuracy {result['test_accuracy']:.2%}"
        title = f"{self.recipe.architecture}, {result['dataset']}, {accuracy}"
        self.write("figures/curves.png", curves.picture(history.history, title))
        self.write_result(result)


def resolved(recipe: Recipe, network: Network) -> Recipe:
    """The recipe with everything spelled out that its network decided."""
    return changed(
        recipe,
        name=recipe.name or network.architecture,
        architecture=network.architecture,
        activation="relu",  # what differs from it stands in the architecture
        output=network.output,
        loss=network.loss.kind,
        augment=str(parse(recipe.augment)),
    )


def read_metrics(folder: Path) -> dict[str, list[float]] | None:
    """The history in a folder's metrics.jsonl; None if it is missing or damaged."""
    try:
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return {key: [float(row[key]) for row in rows if key in row] for key in KEYS} if rows else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
