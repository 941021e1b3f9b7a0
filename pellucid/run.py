"""A run: the folder in which a training leaves its recipe, checkpoints, metrics, model and curves."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pellucid
from pellucid import recipe as recipes
from pellucid.callbacks import Callback, History, Progress
from pellucid.data.augment import parse
from pellucid.errors import ModelFileError, UsageError
from pellucid.files.atomic import held, is_temporary, sweep, write_atomic
from pellucid.files.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from pellucid.glass import curves
from pellucid.machine import cores
from pellucid.network import Network
from pellucid.recipe import Recipe, changed
from pellucid.setup import Setup
from pellucid.snapshot import KEYS, Snapshot

FILES = ("run.json", "recipe.toml", "metrics.jsonl", "model.safetensors", LAST, PREVIOUS, "result.json", "curves.png")
OF_THE_SESSION = ("train_seconds", "images_per_second", "run")  # what differs between equal runs
AFTER_EPOCH = 10  # seconds since the last checkpoint, after which the end of an epoch brings the next one
WITHIN_EPOCH = 60
SHARE = 1 / 20  # of the time at most goes into those
log = logging.getLogger("pellucid")


class Run(Callback):
    """Writes the run folder as the training goes. It takes snapshots, so it stands last among the callbacks.

    recipe.toml             the recipe, resolved: with the data it repeats the run
    run.json                what a resume needs beside it
    metrics.jsonl           a line for each epoch
    checkpoint.safetensors  where the training stands; checkpoint.previous.safetensors is the one before
    model.safetensors       the network at the end, or where it was interrupted
    figures/curves.png      loss and accuracy
    result.json             what `pellucid train --json` prints; it is written last

    While it is open, as a context manager, no other process may go on with the same folder.
    """

    def __init__(self, folder: Path, recipe: Recipe, setup: Setup) -> None:
        self.folder, self.recipe, self.setup = folder, recipe, setup
        self.fresh = False  # whether the folder is still to be made
        self.every = setup.checkpoint_every or 0
        self.stop: Callable[[], bool] = lambda: False  # whether an interruption is wished
        self.open = ExitStack()
        self.written, self.cost = time.monotonic(), 0.0  # when the last checkpoint was written, and how long it took

    @classmethod
    def new(cls, folder: Path | None, recipe: Recipe, setup: Setup) -> Run:
        """A run in a new or empty folder; None makes one in runs/, named after the recipe and the time.

        Raises:
            UsageError: the folder has something in it.
        """
        run = cls(folder or _new_folder(recipe.name), recipe, setup)
        run.fresh = True
        run._refuse_taken()
        return run

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """The run in this folder, to go on with.

        Raises:
            UsageError: it is no run folder, its recipe or run.json is damaged, or another process goes on with it.
        """
        if not _is_run(folder):
            raise UsageError(
                f"{folder} {'has no recipe.toml' if folder.is_dir() else 'is no folder'}. --resume takes the folder of "
                "a run; pellucid train RECIPE --out FOLDER begins one."
            )
        run = cls(folder, recipes.read(folder / "recipe.toml"), Setup.read(folder / "run.json"))
        run._hold()
        for place in (folder, folder / "figures"):
            sweep(place, FILES)
        return run

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exception: object) -> None:
        self.open.close()

    @property
    def path(self) -> Path:
        """Where the model is."""
        return self.folder / "model.safetensors"

    @property
    def begun(self) -> bool:
        """Whether there is something to go on with."""
        return _is_run(self.folder)

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the folder, atomically."""
        write_atomic(self.folder / name, content.encode() if isinstance(content, str) else content)

    # What there is to go on with

    def result(self) -> dict[str, Any] | None:
        """What the run came to, if it is finished."""
        try:
            result = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        numbers = ("test_accuracy", "test_loss", "images_per_second", "threads", "train_seconds")
        whole = isinstance(result, dict) and all(isinstance(result.get(name), int | float) for name in numbers)
        return {**result, "run": str(self.folder)} if whole else None

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

    # What happens while it trains

    def on_train_begin(self, logs: Progress) -> None:
        """Make the folder, with recipe.toml, which says that the run has begun, and before it run.json."""
        self.written = time.monotonic()
        try:
            if self.fresh:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._hold()
                self._refuse_taken()  # once more: another process may have begun here meanwhile
                sweep(self.folder, FILES)
            self.write("run.json", self.setup.write())  # the data may have been moved
            if self.fresh:
                self.write("recipe.toml", self.recipe.write())
        except OSError as error:
            raise UsageError(f"The run folder {self.folder} cannot be written: {error.strerror}.") from None

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
        """Write a checkpoint."""
        began = time.monotonic()
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
        """Write the model as it is now, with how it was made and what came of it: equal runs leave equal files."""
        kept = result and {key: value for key, value in result.items() if key not in OF_THE_SESSION}
        made = {"version": pellucid.__version__, "recipe": asdict(self.recipe), "result": kept}
        self.model.save(self.path, made)

    def finish(self, history: History, result: dict[str, Any]) -> None:
        """Write the model with its result, the curves, and then the result itself."""
        self.save(result)
        accuracy = f"test accuracy {result['test_accuracy']:.2%}"
        title = f"{self.recipe.architecture}, {result['dataset']}, {accuracy}"
        self.write("figures/curves.png", curves.picture(history.history, title))
        self.write("result.json", json.dumps(result, indent=2) + "\n")

    def _refuse_taken(self) -> None:
        folder = self.folder
        try:
            taken = folder.exists() and (not folder.is_dir() or not all(map(_of_a_beginning, folder.iterdir())))
        except OSError as error:
            raise UsageError(f"{folder} cannot be the run folder: {error.strerror}.") from None
        if taken:
            resumed = f" To go on with the run in it: pellucid train --resume {folder}" if self.begun else ""
            raise UsageError(f"{folder} is not empty. Name another folder with --out, or remove it.{resumed}")

    def _hold(self) -> None:
        if not self.open.enter_context(held(self.folder)):
            raise UsageError(f"Another process is training in {self.folder}. Wait for its end, or stop it.")


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


def _is_run(folder: Path) -> bool:
    try:
        return (folder / "recipe.toml").exists()
    except OSError:
        return False


def _of_a_beginning(path: Path) -> bool:
    """Whether this is all that a process leaves that is killed before its training began."""
    return path.name == "run.json" or is_temporary(path.name, FILES)


def _new_folder(name: str) -> Path:
    """A folder in runs/ that is not there yet, named after the recipe and the time."""
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60] + time.strftime("-%Y%m%d-%H%M%S")
    folder, number = Path("runs") / stem, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{stem}-{number}"
    return folder
