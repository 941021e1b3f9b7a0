"""pellucid data: what digits there are, where they came from, and what is odd about them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from pellucid.cli.findings import Findings
from pellucid.cli.options import DATA_HELP, Json
from pellucid.cli.output import DownloadProgress, emit, say
from pellucid.data import Dataset, load
from pellucid.data.augment import parse
from pellucid.data.idx import write_dataset
from pellucid.data.overview import doubles, overview
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass import samples
from pellucid.glass.labels import judge

Option = typer.Option


def command(
    data: Annotated[str, typer.Argument(metavar="NAME|PATH", help=DATA_HELP)] = "mnist",
    out: Annotated[
        Path | None, Option(metavar="FOLDER", help="Write a contact sheet, mean images and unlikely labels there.")
    ] = None,
    augment: Annotated[
        str | None, Option(metavar="WORDS", help="Write a sheet of distorted images to the folder of --out.")
    ] = None,
    check_labels: Annotated[
        bool, Option("--check-labels/--no-check-labels", help="Train two small networks that look for wrong labels.")
    ] = True,
    pictures: Annotated[
        Path | None, Option(metavar="FOLDER", help="Write the first test image of each class there, as PNG.")
    ] = None,
    idx: Annotated[
        Path | None, Option(metavar="FOLDER", help="Write the data there as MNIST's four IDX files, not packed.")
    ] = None,
    json: Json = False,
) -> int:
    """Show a data set: its origin, size and classes, doubles, unlikely labels, and pictures of it."""
    augmentation = parse(augment) if augment is not None else None
    if augmentation is not None and out is None:
        raise UsageError("--augment draws a picture: name a folder for it with --out.")
    train, test = load(data, DownloadProgress())
    verdict = judge(train, progress=_tell) if check_labels else None
    findings = Findings(train, test, overview(train), overview(test), doubles(train, test), verdict)
    written = _write_sheets(findings, out) if out else []
    if out and augmentation is not None:
        written.append(out / "augment.png")
        write_atomic(written[-1], samples.distorted(train, augmentation))
    written += _write_first(test, pictures) if pictures else []
    written += write_dataset(idx, train, test) if idx else []
    if json:
        paths = {"pictures": [str(path) for path in written if path.suffix], "written": [str(path) for path in written]}
        emit(findings.values() | paths)
        return 0
    for line in findings.lines():
        print(line)
    if augmentation is not None:
        print(f"In augment.png the images are {augmentation.words()}.")
    for path in written:
        print(f"wrote {path}")
    if not out:
        print("pictures: --out FOLDER writes a contact sheet, the mean image of each class and the unlikely labels")
    elif any(samples.letters(name, number) == f"class {number}" for number, name in enumerate(train.classes)):
        print("The letters of the pictures are Latin: other classes stand there by number, counted from 0.")
    return 0


def _tell(half: int) -> None:
    say(f"looking for unlikely labels: a network learns one half of the training images ({half} of 2)")


def _write_sheets(findings: Findings, folder: Path) -> list[Path]:
    """contact.png, means.png and, where there are unlikely labels, unlikely.png."""
    train, verdict = findings.train, findings.verdict
    sheets = {"contact.png": samples.contact_sheet(train), "means.png": samples.mean_images(train, findings.training)}
    if verdict and verdict.doubts:
        sheets["unlikely.png"] = samples.unlikely_labels(train, verdict.doubts)
    for name, content in sheets.items():
        write_atomic(folder / name, content)
    return [folder / name for name in sheets]


def _write_first(data: Dataset, folder: Path) -> list[Path]:
    """The first image of each class as a picture, named after its class."""
    stems = [re.sub(r"[^\w.+-]+", "_", name).strip(".") for name in data.classes]
    if "" in stems or len({stem.casefold() for stem in stems}) < len(stems):
        stems = [f"{number}-{stem}" for number, stem in enumerate(stems)]
    written = []
    for number, stem in enumerate(stems):
        members = np.flatnonzero(data.labels == number)
        if len(members):
            image = np.asarray(data.images[members[0]])
            output = io.BytesIO()
            Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image).save(output, "PNG")
            written.append(folder / f"{stem}.png")
            write_atomic(written[-1], output.getvalue())
    return written
