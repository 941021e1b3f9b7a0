"""pellucid test: how good a model is, class by class, and its surest mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.cells import cell_len, set_cell_size

from pellucid.cli import robustness as told
from pellucid.cli.options import Data, Json, Member, Model, open_model
from pellucid.cli.output import DownloadProgress, emit, say
from pellucid.committee import Committee
from pellucid.data import Dataset, load
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.metrics import Evaluation
from pellucid.network import Network

if TYPE_CHECKING:
    from pellucid.glass.robustness import Robustness

WIDEST = 120  # cells of a terminal; a wider matrix becomes a list
LONGEST_NAME = 30


def command(
    model: Model,
    data: Data = "mnist",
    mistakes: Annotated[int, typer.Option(min=0, help="How many of the surest mistakes to list.")] = 10,
    member: Member = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Test it on altered images and on freehand strokes too.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw examples of the images of --robustness there.")
    ] = None,
    json: Json = False,
) -> int:
    """Test a model: accuracy, loss, confusion matrix, each class, the surest mistakes; how robust it is."""
    if picture and not robustness:
        raise UsageError("--picture draws the images that --robustness tests: give both.")
    network = open_model(model, member)
    _, test = load(data, DownloadProgress())
    evaluation = network.evaluate(test)
    members = _members(network, test)
    found = _measured(network, test, picture) if robustness else None
    if json:
        emit(_result(evaluation, test, mistakes) | _member_values(members) | _robustness_values(found, picture))
        return 0
    print(f"{test.description}")
    print(f"accuracy {evaluation.accuracy:.2%}, loss {evaluation.loss:.4f}")
    for line in (*_each_alone(evaluation, members), *_confusion(evaluation), *_mistakes(evaluation, mistakes)):
        print(line)
    if found:
        print()
        for line in told.lines(found):
            print(line)
    if picture:
        print(f"wrote {picture}")
    return 0


def _result(evaluation: Evaluation, test: Dataset, mistakes: int) -> dict[str, Any]:
    """The object of --json."""
    return {
        "accuracy": evaluation.accuracy,
        "loss": evaluation.loss,
        "confusion": evaluation.confusion.tolist(),
        "n": len(test),
        "dataset": test.name,
        "source": test.source,
        "verified": test.verified,
        "classes": list(evaluation.classes),
        "precision": evaluation.precision.tolist(),
        "recall": evaluation.recall.tolist(),
        "mistakes": [asdict(mistake) for mistake in evaluation.mistakes(mistakes)],
    }


def _members(network: Network | Committee, test: Dataset) -> list[Evaluation]:
    """How good each member of a committee is alone; empty for a network."""
    if isinstance(network, Network):
        return []
    return [network.member(number).evaluate(test) for number in range(1, len(network) + 1)]


def _member_values(members: Sequence[Evaluation]) -> dict[str, Any]:
    """What a committee adds to the object of --json."""
    if not members:
        return {}
    by_all = int(np.all([~one.right for one in members], axis=0).sum())
    return {"members": [one.accuracy for one in members], "mistakes_of_all_members": by_all}


def _each_alone(evaluation: Evaluation, members: Sequence[Evaluation]) -> Iterator[str]:
    """What a committee is more than its members: nothing, where they make the same mistakes."""
    if not members:
        return
    values = _member_values(members)
    wrong = int((~evaluation.right).sum())
    yield f"members alone: {', '.join(f'{accuracy:.2%}' for accuracy in values['members'])}"
    yield f"the committee makes {wrong:,} mistakes; {values['mistakes_of_all_members']:,} images no member reads right"


def _measured(network: Network | Committee, test: Dataset, picture: Path | None) -> Robustness:
    """How robust the network is; the picture is written, if one is asked for."""
    from pellucid.glass import robustness

    say("testing on altered images")
    found = robustness.measure(network, test)
    if picture:
        write_atomic(picture, robustness.picture(found))
    return found


def _robustness_values(found: Robustness | None, picture: Path | None) -> dict[str, Any]:
    """What --robustness adds to the object of --json."""
    drawn = {"picture": str(picture)} if picture else {}
    return {"robustness": told.values(found) | drawn} if found else {}


def _confusion(evaluation: Evaluation) -> Iterator[str]:
    """The confusion matrix, its rows ending with what is known of their class; a list where it would be too wide."""
    names = [set_cell_size(name, min(cell_len(name), LONGEST_NAME)) for name in evaluation.classes]
    longest = max(map(cell_len, names))
    width = max(5, longest + 1, len(str(evaluation.confusion.max())) + 1)
    if width * (len(names) + 1) + 21 > WIDEST:
        yield from _by_class(evaluation, names, longest)
        return
    yield "\nrows: the true class; columns: what the model said"
    yield " " * width + "".join(_right(name, width) for name in names) + "   precision   recall"
    for name, row, precision, recall in zip(
        names, evaluation.confusion, evaluation.precision, evaluation.recall, strict=True
    ):
        counts = "".join(f"{count or '.':>{width}}" for count in row.tolist())
        yield f"{_right(name, width)}{counts}{precision:12.2%}{recall:9.2%}"


def _by_class(evaluation: Evaluation, names: Sequence[str], longest: int) -> Iterator[str]:
    """A line for each class, with the class that it is most often taken for."""
    width = max(5, longest)
    yield f"\n{_right('class', width)}  images  precision   recall  most often taken for (--json has the whole matrix)"
    for label, row in enumerate(evaluation.confusion):
        wrong = row.copy()
        wrong[label] = 0
        other = int(wrong.argmax())
        taken = f"{names[other].strip()}, {wrong[other]:,}×" if wrong[other] else "-"
        shares = f"{evaluation.precision[label]:11.2%}{evaluation.recall[label]:9.2%}"
        yield f"{_right(names[label], width)}{row.sum():8,}{shares}  {taken}"


def _right(text: str, width: int) -> str:
    """The text at the right of so many cells of a terminal, of which a Japanese letter takes two."""
    return " " * (width - cell_len(text)) + text


def _mistakes(evaluation: Evaluation, count: int) -> Iterator[str]:
    worst = evaluation.mistakes(count)
    if worst:
        yield f"\nthe {len(worst)} mistakes that the model was surest of"
    for mistake in worst:
        true, said = evaluation.classes[mistake.label], evaluation.classes[mistake.predicted]
        yield f"  image {mistake.index}: {true} taken for {said}, output {mistake.output:.4f}"
