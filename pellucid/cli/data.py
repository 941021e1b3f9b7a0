"""pellucid data: what digits there are, and where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from pellucid.cli.options import DATA_HELP, Json
from pellucid.cli.output import DownloadProgress, emit
from pellucid.data import Dataset, load
from pellucid.data.idx import write_dataset


def command(
    data: Annotated[str, typer.Argument(metavar="NAME|PATH", help=DATA_HELP)] = "mnist",
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the first test image of each class there, as PNG.")
    ] = None,
    idx: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the data there as MNIST's four IDX files, not packed.")
    ] = None,
    json: Json = False,
) -> int:
    """Show a data set: its size, origin and classes."""
    train, test = load(data, DownloadProgress())
    written = (_write(test, pictures) if pictures else []) + (write_dataset(idx, train, test) if idx else [])
    counts = {
        name: np.bincount(part.labels, minlength=len(part.classes)).tolist() for name, part in _parts(train, test)
    }
    if json:
        emit(
            {
                "name": train.name,
                "source": train.source,
                "verified": train.verified and test.verified,
                "input_shape": list(train.input_shape),
                "classes": list(train.classes),
                "training": len(train),
                "test": len(test),
                "counts": counts,
                "pictures": [str(path) for path in written if path.suffix],
                "written": [str(path) for path in written],
            }
        )
        return 0
    print(train.description.replace("images from", "training images from"))
    print(test.description.replace("images from", "test images from"))
    print(f"images of {' × '.join(map(str, train.input_shape))} (channels, height, width)")
    print("class     " + "".join(f"{name:>7}" for name in train.classes))
    for name, row in counts.items():
        print(f"{name:<10}" + "".join(f"{count:>7,}" for count in row))
    for path in written:
        print(f"wrote {path}")
    return 0


def _parts(train: Dataset, test: Dataset) -> list[tuple[str, Dataset]]:
    return [("training", train), ("test", test)]


def _write(data: Dataset, folder: Path) -> list[Path]:
    """The first image of each class as a picture, named after its class."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, name in enumerate(data.classes):
        members = np.flatnonzero(data.labels == number)
        if len(members):
            written.append(folder / f"{name}.png")
            Image.fromarray(np.asarray(data.images[members[0]])).save(written[-1])
    return written
