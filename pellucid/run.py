"""A run: the folder in which a training leaves its recipe, metrics, model and curves."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pellucid
from pellucid.callbacks import Callback, History, Progress
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass import curves
from pellucid.network import Network
from pellucid.recipe import Recipe, changed


class Run(Callback):
    """Writes the run folder as the training goes.

    recipe.toml         the recipe, resolved: with the data it repeats the run
    metrics.jsonl       a line for each epoch
    model.safetensors   the network after the last epoch
    figures/curves.png  loss and accuracy
    result.json         what `pellucid train --json` prints

    Args:
        folder: a new or empty one; None makes one in runs/, named after the recipe and the time.
        recipe: what is trained.
        network: whose weights are kept.

    Raises:
        UsageError: the folder has something in it.
    """

    def __init__(self, folder: Path | None, recipe: Recipe, network: Network) -> None:
        self.recipe, self.network = resolved(recipe, network), network
        self.folder = folder or _new_folder(self.recipe.name)
        try:
            taken = self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir()))
        except OSError as error:
            raise UsageError(f"{self.folder} cannot be the run folder: {error.strerror}.") from None
        if taken:
            raise UsageError(f"{self.folder} is not empty. Name another folder with --out, or remove it.")

    @property
    def model(self) -> Path:
        """Where the model is."""
        return self.folder / "model.safetensors"

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the folder, atomically."""
        write_atomic(self.folder / name, content.encode() if isinstance(content, str) else content)

    def begin(self, progress: Progress) -> None:
        """Make the folder, with the recipe in it."""
        try:
            self.write("recipe.toml", self.recipe.write())
        except OSError as error:
            raise UsageError(f"The run folder {self.folder} cannot be written: {error.strerror}.") from None

    def epoch(self, progress: Progress) -> None:
        """Add a line to the metrics and keep the model."""
        keys = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds", "images_per_second")
        line = {key: value for key in keys if (value := getattr(progress, key)) is not None}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.save()

    def save(self, result: dict[str, Any] | None = None) -> None:
        """Write the model as it is now, with how it was made and what came of it."""
        made = {"version": pellucid.__version__, "recipe": asdict(self.recipe), "result": result}
        self.network.save(self.model, made)

    def finish(self, history: History, result: dict[str, Any]) -> None:
        """Write the model with its result, the result itself and the curves."""
        self.save(result)
        self.write("result.json", json.dumps(result, indent=2) + "\n")
        accuracy = f"test accuracy {result['test_accuracy']:.2%}"
        title = f"{self.recipe.architecture}, {result['dataset']}, {accuracy}"
        self.write("figures/curves.png", curves.picture(history.history, title))


def resolved(recipe: Recipe, network: Network) -> Recipe:
    """The recipe with everything spelled out that its network decided."""
    return changed(
        recipe,
        name=recipe.name or network.architecture,
        architecture=network.architecture,
        activation="relu",  # what differs from it stands in the architecture
        output=network.output,
        loss=network.loss.kind,
    )


def _new_folder(name: str) -> Path:
    """A folder in runs/ that is not there yet, named after the recipe and the time."""
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60] + time.strftime("-%Y%m%d-%H%M%S")
    folder, number = Path("runs") / stem, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{stem}-{number}"
    return folder
