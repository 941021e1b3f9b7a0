"""The figures of each epoch as a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import rows
from pellucid.files.atomic import write_atomic


class CSVLogger(Callback):
    """Writes a row for each epoch: its number from 0, then what `logs` knows, by name.

    The file is written anew after each epoch, atomically, with all rows. A training that goes on from a snapshot begins
    with the rows that were there at its moment, so that none is lost or doubled.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.names: list[str] = []
        self.rows: list[list[float]] = []

    def on_train_begin(self, logs: Progress) -> None:
        self._write()

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self.names = sorted(logs)
        self.rows.append([epoch, *(logs[name] for name in self.names)])
        self._write()

    def _write(self) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["epoch", *self.names], *self.rows] if self.rows else [])
        write_atomic(self.path, text.getvalue().encode())

    def state(self) -> dict[str, Any]:
        return {"names": list(self.names), "rows": [list(row) for row in self.rows]} if self.rows else {}

    def restore(self, state: dict[str, Any]) -> None:
        names = state.get("names")
        self.names = [str(name) for name in names] if isinstance(names, list) else []
        self.rows = rows(state, (int, *[float] * len(self.names)))
