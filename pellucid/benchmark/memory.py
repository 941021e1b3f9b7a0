"""Peak memory against data size: trainings in a process that may not have more than so much, on files of any size.

The cap is on what a process keeps for itself (RLIMIT_DATA). The pages of a mapped file are the system's: it drops and
reads them again as it likes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.benchmark.race import Say
from pellucid.data import Dataset
from pellucid.data.idx import write_dataset
from pellucid.glass.chart import Panel, draw

CAP = 512  # MiB
SIZES = (64, 128, 256, 512, 1024, 2048)  # MiB of images
PROGRAM = Path(__file__).parent / "programs" / "capped.py"
WAYS = {"mapped": "mapped by pellucid", "read": "read into memory first"}


@dataclass(frozen=True)
class Peak:
    """What a training came to.

    Args:
        way: of WAYS.
        size: MiB of images.
        peak: MiB that the process had for itself at most; None if that was more than the cap, and it ended.
    """

    way: str
    size: int
    peak: float | None


def measure(train: Dataset, test: Dataset, say: Say, sizes: Sequence[int] = SIZES, cap: int = CAP) -> list[Peak]:
    """A training for each size and way; none where the system has no such cap."""
    if sys.platform != "linux":
        say("Peak memory is measured on Linux only.")
        return []
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            count = size * 2**20 // train.images[0].size
            write_dataset(Path(name), repeated(train, count), test.subset(slice(100)))
            peaks += [Peak(way, size, capped(Path(name), way, cap)) for way in WAYS]
        say(f"{size} MiB of images: done")
    return peaks


def repeated(data: Dataset, count: int) -> Dataset:
    """So many examples, the same ones again and again."""
    return data.subset(np.arange(count) % len(data))


def capped(folder: Path, way: str, cap: int) -> float | None:
    """Peak MiB of an epoch on the data in the folder; None if they were not to be had."""
    command = [sys.executable, str(PROGRAM), str(folder), way, str(cap)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return float(json.loads(done.stdout)["peak"])
    if "MemoryError" in done.stderr:
        return None
    raise RuntimeError(done.stderr)


def picture(peaks: Sequence[Peak], caption: str) -> bytes:
    """Peak memory over data size, a line for each way, as the bytes of a PNG; a line ends where the cap ended it."""
    sizes = list(dict.fromkeys(peak.size for peak in peaks))
    lines = {
        words: [np.nan if peak.peak is None else peak.peak for peak in peaks if peak.way == way]
        for way, words in WAYS.items()
    }
    marks: dict[float, str] = {place: f"{size:,}" for place, size in enumerate(sizes, 1)}
    panel = Panel("peak memory of the process, MiB", lines, "MiB of images", marks=marks, from_zero=True)
    return draw([panel], caption, width=720)


def words(peaks: Sequence[Peak], cap: int = CAP) -> Iterator[str]:
    """What the picture shows, a sentence for each way."""
    for way, name in WAYS.items():
        done = [peak for peak in peaks if peak.way == way and peak.peak is not None]
        failed = [peak for peak in peaks if peak.way == way and peak.peak is None]
        sentence = f"{name}, under a cap of {cap} MiB: "
        if done:
            sentence += f"{done[0].size:,} to {done[-1].size:,} MiB of images take {done[0].peak:.0f} "
            sentence += f"to {done[-1].peak:.0f} MiB"
        if failed:
            sentence += f"{'; ' if done else ''}{failed[0].size:,} MiB cannot be had"
        yield sentence + "."
