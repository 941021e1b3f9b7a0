"""What a model's run folder, or its file, tells of how it was trained."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from pellucid import recipe as recipes
from pellucid.errors import PellucidError, UsageError
from pellucid.files.model import read_model
from pellucid.loading import PRETRAINED
from pellucid.recipe import Recipe
from pellucid.run_folder import is_run
from pellucid.setup import Setup


def folder_of(model: str, member: int | None = None) -> Path | None:
    """The run folder that MODEL names, or that of a member of the committee in it; None if it is none."""
    if not is_run(Path(model)):
        return None
    return Path(model) if member is None else Path(model, f"member{member}")


def data_of(model: str) -> str:
    """The data that MODEL was trained on, as far as it is known; else MNIST."""
    try:
        return Setup.read(Path(model) / "run.json").data if is_run(Path(model)) else "mnist"
    except UsageError:
        return "mnist"


def recipe_of(model: str, member: int | None = None) -> Recipe | None:
    """The recipe of the run, or the one that the model file tells of; None if it is not known."""
    try:
        if folder := folder_of(model, member):
            return recipes.read(folder / "recipe.toml")
        path = PRETRAINED if model == "pretrained" else Path(model)
        made: dict[str, Any] = read_model(path / "model.safetensors" if path.is_dir() else path)[1].get("made", {})
        known = {field.name for field in fields(Recipe)}
        return Recipe(**{name: value for name, value in made["recipe"].items() if name in known})
    except (PellucidError, LookupError, TypeError, AttributeError):
        return None
