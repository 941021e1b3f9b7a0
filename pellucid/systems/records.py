"""What each seed came to, as a line of JSON in a file: a reproduction may be stopped at any moment and gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid import __version__
from pellucid.errors import UsageError
from pellucid.systems.system import Outcome


class Records:
    """The outcomes of one protocol, by seed, in a file of JSON lines.

    Lines of other settings or other data stay in the file and do not count; neither does a line that a process was
    killed in the middle of. Each line says which version of pellucid it is by.

    Args:
        path: of the file; it need not exist.
        digest: what the outcomes must have been measured with.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self.digest = digest
        self.outcomes: dict[int, Outcome] = {}
        try:
            content = path.read_text(encoding="utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}. Name another folder with --out.") from None
        self.unfinished = bool(content) and not content.endswith("\n")
        for line in content.splitlines():
            if (found := self._read(line)) is not None:
                self.outcomes[found[0]] = found[1]

    def _read(self, line: str) -> tuple[int, Outcome] | None:
        try:
            values: dict[str, Any] = json.loads(line)
            del values["pellucid"]
            digest, seed = values.pop("digest"), values.pop("seed")
            return (int(seed), Outcome(**values)) if digest == self.digest else None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def add(self, seed: int, outcome: Outcome) -> None:
        """Append an outcome; it is in the file when this returns."""
        mark = {"digest": self.digest, "pellucid": __version__, "seed": seed}
        line = json.dumps({**mark, **asdict(outcome)}) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n" + line if self.unfinished else line)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}.") from None
        self.unfinished = False
        self.outcomes[seed] = outcome
