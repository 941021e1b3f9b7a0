"""What a run was begun with beside its recipe: data, engine, device ... The file run.json keeps it for a resume."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pellucid.checks import check_whole
from pellucid.data.dataset import Dataset
from pellucid.errors import DataError, UsageError

MOST_MEMBERS = 1000


@dataclass(frozen=True)
class Setup:
    """The options of `pellucid train` that are not the recipe's, and which data they brought.

    Args:
        data: a name or an absolute path.
        engine: the one that runs, never "auto".
        threads: None is as many as NumPy takes.
        checkpoint_every: steps; None is from time to time.
        dataset: the training data in words.
        sha256: of the training data.
        device: that the engine computes on.
        members: of the committee, 1 of a single network.
    """

    data: str
    engine: str
    threads: int | None
    checkpoint_every: int | None
    dataset: str
    sha256: str
    device: str = "cpu"
    members: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = {"str": (str,), "int": (int,), "int | None": (int, type(None))}[str(field.type)]
            if type(value) not in kinds:
                raise UsageError(f"{field.name} is {value!r}; a {field.type} is expected.")
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise UsageError(f"checkpoint_every is {self.checkpoint_every}; at least 1 is expected.")
        check_whole("members", self.members, 1, MOST_MEMBERS)

    def check(self, train: Dataset) -> None:
        """Refuse training data that are not those of the run.

        Raises:
            DataError: naming both.
        """
        if (digest := train.sha256()) != self.sha256:
            raise DataError(
                f"The run was trained on {self.dataset}, SHA-256 {self.sha256[:12]}…, but the data now are "
                f"{train.description}, SHA-256 {digest[:12]}…. Name the run's own with --data."
            )

    def write(self) -> str:
        """The content of run.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Setup:
        """The setup in run.json.

        Raises:
            UsageError: it is missing or damaged.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            trouble = f"cannot be read: {error.strerror}."
        except (ValueError, TypeError, RecursionError) as error:
            trouble = f"is damaged: {error}"
        raise UsageError(f"{path} {trouble} Without it the run cannot be resumed; its recipe.toml repeats it.")
