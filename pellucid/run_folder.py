"""A run folder: what makes a training repeatable and resumable, whoever trains in it."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import pellucid
from pellucid import recipe as recipes
from pellucid.callbacks.weight_history import FILE as WEIGHTS
from pellucid.errors import UsageError
from pellucid.files.atomic import held, is_temporary, sweep, write_atomic
from pellucid.files.checkpoint import LAST, PREVIOUS
from pellucid.recipe import Recipe
from pellucid.setup import Setup

REPORT = "report.html"
FILES = (
    "run.json", "recipe.toml", "metrics.jsonl", "model.safetensors", LAST, PREVIOUS, WEIGHTS, "result.json",
    "curves.png", REPORT,
)  # fmt: skip
OF_THE_SESSION = ("train_seconds", "images_per_second", "run")  # what differs between equal runs
NUMBERS = ("epochs", "seed", "test_accuracy", "test_loss", "images_per_second", "threads", "train_seconds")


class RunFolder:
    """A folder with recipe.toml, run.json, and at the end model.safetensors and result.json, which is written last.

    While it is open, as a context manager, no other process may go on with the same folder.
    """

    def __init__(self, folder: Path, recipe: Recipe, setup: Setup) -> None:
        self.folder, self.recipe, self.setup = folder, recipe, setup
        self.fresh = False  # whether the folder is still to be made
        self.open = ExitStack()

    @classmethod
    def new(cls, folder: Path | None, recipe: Recipe, setup: Setup) -> Self:
        """A run in a new or empty folder; None makes one in runs/, named after the recipe and the time.

        Raises:
            UsageError: the folder has something in it.
        """
        run = cls(folder or _new_folder(recipe.name), recipe, setup)
        run.fresh = True
        run._refuse_taken()
        return run

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """The run in this folder, to go on with.

        Raises:
            UsageError: it is no run folder, its recipe or run.json is damaged, or another process goes on with it.
        """
        if not is_run(folder):
            raise UsageError(
                f"{folder} {'has no recipe.toml' if folder.is_dir() else 'is no folder'}. --resume takes the folder of "
                "a run; pellucid train RECIPE --out FOLDER begins one."
            )
        run = cls.read(folder)
        run._hold()
        for place in (folder, folder / "figures"):
            sweep(place, FILES)
        return run

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The run in this folder, only to be looked at.

        Raises:
            UsageError: its recipe or run.json is damaged.
        """
        return cls(folder, recipes.read(folder / "recipe.toml"), Setup.read(folder / "run.json"))

    def __enter__(self) -> Self:
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
        return is_run(self.folder)

    def begin(self) -> None:
        """Make the folder, with recipe.toml, which says that the run has begun, and before it run.json.

        Raises:
            UsageError: it cannot be written, or another process has begun here meanwhile.
        """
        try:
            if self.fresh:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._hold()
                self._refuse_taken()
                sweep(self.folder, FILES)
            self.write("run.json", self.setup.write())  # the data may have been moved
            if self.fresh:
                self.write("recipe.toml", self.recipe.write())
        except OSError as error:
            raise UsageError(f"The run folder {self.folder} cannot be written: {error.strerror}.") from None
        self.fresh = False

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the folder, atomically."""
        write_atomic(self.folder / name, content.encode() if isinstance(content, str) else content)

    def result(self) -> dict[str, Any] | None:
        """What the run came to, if it is finished."""
        try:
            result = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        whole = isinstance(result, dict) and all(isinstance(result.get(name), int | float) for name in NUMBERS)
        return {**result, "run": str(self.folder)} if whole else None

    def write_result(self, result: dict[str, Any]) -> None:
        """Write result.json: the run is finished."""
        self.write("result.json", json.dumps(result, indent=2) + "\n")

    def made(self, result: dict[str, Any] | None) -> dict[str, Any]:
        """How the model was made and what came of it, for its file: equal runs leave equal files."""
        return {"version": pellucid.__version__, "recipe": asdict(self.recipe), "result": _lasting(result)}

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


def is_run(folder: Path) -> bool:
    """Whether a run has begun in the folder."""
    try:
        return (folder / "recipe.toml").exists()
    except OSError:
        return False


def _lasting(value: Any) -> Any:
    """A result without what is of the session."""
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in OF_THE_SESSION}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


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
