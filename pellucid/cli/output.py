"""What commands print: results on stdout, progress on stderr."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from pellucid.callbacks import Callback, Progress


def emit(result: dict[str, Any]) -> None:
    """Print the one JSON object of `--json`; what JSON cannot say (NaN, infinity) becomes null."""
    print(json.dumps(_plain(result), allow_nan=False))


def say(text: str = "") -> None:
    """A line of progress or log; a stderr that takes none is no reason to stop."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def duration(seconds: float) -> str:
    """12.3 s, 4:05 min, 1:02:33 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


class TrainingProgress(Callback):
    """A line for each epoch, begun by `who` trains; on a terminal also a bar that moves within it."""

    def __init__(self, who: str = "") -> None:
        self.who = f"{who}  " if who else ""
        console = Console(stderr=True)
        self.bars = Bars(
            TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[words]}"),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self.task = self.bars.add_task("", words="", visible=False)

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def on_chunk_end(self, logs: Progress) -> None:
        """Move the bar."""
        speed = f"{logs.images_per_second:,.0f} images/s  {duration(logs.seconds_left)} left"
        words = f"loss {logs.loss:.4f}  accuracy {logs.accuracy:.2%}  {speed}"
        title = f"{self.who}epoch {logs.epoch}/{logs.epochs}"
        self.bars.update(
            self.task, completed=logs.done, total=logs.examples, description=title, words=words, visible=True
        )

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """Print the epoch's line."""
        width = len(str(logs.epochs))
        held_out = ""
        if logs.validation_accuracy is not None:
            held_out = f"  validation {logs.validation_loss:.4f} {logs.validation_accuracy:7.2%}"
        line = (
            f"{self.who}epoch {logs.epoch:>{width}}/{logs.epochs}  loss {logs.loss:.4f}  "
            f"accuracy {logs.accuracy:7.2%}{held_out}  {logs.images_per_second:9,.0f} images/s  "
            f"{duration(logs.seconds_left)} left"
        )
        self.say(line)

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self.bars.console.is_terminal:
            self.bars.console.print(line, highlight=False, soft_wrap=True)
        else:
            say(line)


class DownloadProgress:
    """How much of a file has come, on a terminal as a line that counts, elsewhere once for each file."""

    def __init__(self) -> None:
        self.file = ""

    def __call__(self, file: str, done: int, total: int) -> None:
        """Told by the download."""
        if sys.stderr.isatty():
            print(f"\rfetching {file}: {done:,} of {total:,} bytes ", end="", file=sys.stderr, flush=True)
        elif file != self.file:
            say(f"fetching {file}: {total:,} bytes")
        self.file = file
