"""pellucid show: one figure of a model or its training, with a sentence that says what it shows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.options import DATA_HELP, Json, Member, Model, open_model
from pellucid.cli.origin import data_of, folder_of, recipe_of
from pellucid.cli.output import DownloadProgress, emit, say
from pellucid.data import Dataset, load
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass.figures import FORMATS, KINDS, content, draw, kind_called
from pellucid.glass.figures.subject import Subject
from pellucid.run import read_metrics
from pellucid.run_folder import FILES

Option = typer.Option


def command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    model: Model,
    out: Annotated[
        Path | None, Option(metavar="FILE", help="A .png or .svg; by default RUN/figures/KIND.png or KIND.png.")
    ] = None,
    index: Annotated[int | None, Option(min=0, help="The test image of this number, from 0.")] = None,
    answer: Annotated[str | None, Option("--class", metavar="CLASS", help="Whose logit is asked about.")] = None,
    layer: Annotated[str | None, Option(help="Of preferred-input: conv1, dense2, ...")] = None,
    unit: Annotated[int | None, Option(min=0, help="Of that layer, from 0.")] = None,
    limit: Annotated[int | None, Option(min=1, help="Of learning-curve: at most so many training images.")] = None,
    data: Annotated[
        str | None, Option(metavar="NAME|PATH", help=f"{DATA_HELP} By default the run's own, else mnist.")
    ] = None,
    member: Member = None,
    json: Json = False,
) -> int:
    """Draw a figure of a model or its training, and say what it shows."""
    given = {"index": index, "class": answer, "layer": layer, "unit": unit, "limit": limit}
    _check_options(kind, {name for name, value in given.items() if value is not None})
    file = _file(kind, model, member, out)
    subject = _subject(model, member, data)
    subject.index, subject.answer, subject.layer, subject.unit, subject.limit = index, answer, layer, unit, limit
    picture = draw(kind, subject)
    try:
        write_atomic(file, content(picture, file.suffix.lower()))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}. Name another file with --out.") from None
    if json:
        emit({"kind": kind, "file": str(file), "words": picture.words, **picture.numbers})
        return 0
    print(picture.words)
    print(f"wrote {file}")
    return 0


def _check_options(kind: str, given: set[str]) -> None:
    """Refuse options that this kind does not take."""
    taken = kind_called(kind).options
    for name in sorted(given - {*taken}):
        takers = ", ".join(other for other, known in KINDS.items() if name in known.options)
        raise UsageError(f"{kind} takes no --{name}; these do: {takers}.")


def _file(kind: str, model: str, member: int | None, out: Path | None) -> Path:
    """Where the figure goes; by default beside the run's own files, never in the place of one."""
    if out is None:
        folder = Path(model) / "figures" if Path(model).is_dir() else Path()
        name = f"{kind}.png" if member is None else f"{kind}-member{member}.png"
        return folder / (f"{kind}-shown.png" if name in FILES else name)
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{out} does not say in which format: let it end in {' or '.join(FORMATS)}.")
    return out


def _subject(text: str, member: int | None, data: str | None) -> Subject:
    """The model, with all that its file or its run folder knows of its training."""
    model = open_model(text, member)
    own, folder = data or data_of(text), folder_of(text, member)
    history = read_metrics(folder) if folder else None
    name = text if member is None else f"member {member} of {text}"
    return Subject(model, name, partial(_load, own), folder, recipe_of(text, member), history, say=say)


def _load(data: str) -> tuple[Dataset, Dataset]:
    return load(data, DownloadProgress())
