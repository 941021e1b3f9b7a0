"""The run of a committee: a folder with an ordinary run for each member, and at the end the model of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.committee import Committee
from pellucid.errors import ModelFileError, UsageError
from pellucid.loading import load
from pellucid.network import Network
from pellucid.recipe import Recipe, changed
from pellucid.run import Run
from pellucid.run_folder import RunFolder, is_run
from pellucid.setup import Setup

OF_A_MEMBER = ("seed", "test_accuracy", "test_loss", "epochs", "stopped", "train_seconds", "run")


class CommitteeRun(RunFolder):
    """Networks of one recipe but for their seeds, which follow each other, trained one after another.

    recipe.toml             the recipe of the first member
    run.json                what a resume needs beside it, with the number of members
    member1/, member2/ ...  their runs
    model.safetensors       the committee, when all are trained
    result.json             what `pellucid train --json` prints; it is written last

    Raises:
        UsageError: members that could not become one committee.
    """

    def __init__(self, folder: Path, recipe: Recipe, setup: Setup) -> None:
        super().__init__(folder, recipe, setup)
        if recipe.validation and recipe.normalize == "standard":
            raise UsageError(
                "The members of a committee share one normalization, but each holds out other images, and standard is "
                "measured on the rest. Take --normalize unit or symmetric, or leave out --validation."
            )
        self.recipes = [changed(recipe, seed=recipe.seed + number) for number in range(setup.members)]

    def member(self, number: int) -> Run:
        """The run of a member, 1, 2, ..., begun or still to be begun."""
        folder = self._folder(number)
        recipe, setup = self.recipes[number - 1], replace(self.setup, members=1)
        run = MemberRun.resume(folder) if is_run(folder) else MemberRun.new(folder, recipe, setup)
        run.setup, run.committee = setup, self  # the data may have been moved
        return run

    def gather(self) -> Committee:
        """The committee of the trained members.

        Raises:
            ModelFileError: a member's model is missing or damaged.
        """
        return Committee.of([_network(self._folder(number)) for number in range(1, self.setup.members + 1)])

    def finish(self, committee: Committee, result: dict[str, Any]) -> None:
        """Write the model with its result, and then the result itself."""
        committee.save(self.path, self.made(result))
        self.write_result(result)

    def result(self) -> dict[str, Any] | None:
        """What the run came to, if it is finished."""
        result = super().result()
        rows = (result or {}).get("members")
        if not result or not isinstance(rows, list) or len(rows) != self.setup.members:
            return None
        if not all(isinstance(row, dict) and row.keys() >= {*OF_A_MEMBER} for row in rows):
            return None
        members = [row | {"run": str(self._folder(number))} for number, row in enumerate(rows, start=1)]
        return result | {"members": members}

    def _folder(self, number: int) -> Path:
        return self.folder / f"member{number}"


class MemberRun(Run):
    """The run of a member, which begins that of its committee."""

    committee: CommitteeRun

    def begin(self) -> None:
        self.committee.begin()
        super().begin()


def resume(folder: Path) -> Run | CommitteeRun:
    """The run in this folder, of a network or of a committee, to go on with: see `RunFolder.resume`."""
    try:
        members = Setup.read(folder / "run.json").members
    except UsageError:
        members = 1  # it is said in Run.resume
    return CommitteeRun.resume(folder) if members > 1 else Run.resume(folder)


def _network(folder: Path) -> Network:
    model = load(folder)
    if isinstance(model, Committee):
        raise ModelFileError(f"{folder} has a committee, where the model of one member is expected.")
    return model
