"""pellucid diff: two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from math import sqrt
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.cli.options import DATA_HELP, Json
from pellucid.cli.output import DownloadProgress, emit
from pellucid.data import Dataset, load
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass.comparison import Change, Disagreement, changes, disagreements
from pellucid.glass.report.difference import page
from pellucid.loading import load as load_model
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.run import read_metrics
from pellucid.run_folder import RunFolder, is_run

SHOWN = 10  # images that are listed


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    folder: Path
    run: RunFolder
    network: Network
    history: dict[str, list[float]]
    evaluation: Evaluation


def command(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of another.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page with the pictures.")] = Path("diff.html"),
    data: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help=f"{DATA_HELP} By default the first run's own.")
    ] = None,
    json: Json = False,
) -> int:
    """Compare two runs: recipes, curves, weights, and the images on which they disagree."""
    runs = [_read(folder) for folder in (first, second)]
    _, test = load(data or runs[0].setup.data, DownloadProgress())
    a, b = (_side(run, test) for run in runs)
    if a.network.classes != b.network.classes:
        raise UsageError(f"{first} and {second} tell other classes apart; their answers cannot be compared.")
    recipe = _recipes(a.run, b.run)
    changed = changes(a.network, b.network) if a.network.architecture == b.network.architecture else []
    images = disagreements(a.evaluation, b.evaluation)
    words = _words(a, b, changed, images)
    names, histories = (str(first), str(second)), (a.history, b.history)
    content = page(names, words, recipe, histories, changed, images, test, a.network.classes)
    write_atomic(out, content.encode())
    if json:
        emit(_values(a, b, recipe, changed, images) | {"words": words, "page": str(out)})
        return 0
    for line in _lines(a, b, recipe, changed, images):
        print(line)
    print()
    print(*words, sep="\n")
    print(f"pictures: {out}")
    return 0


def _read(folder: Path) -> RunFolder:
    if not is_run(folder):
        raise UsageError(f"{folder} is no run folder. pellucid train RECIPE --out {folder} makes one.")
    run = RunFolder.read(folder)
    if run.result() is None:
        raise UsageError(f"{folder} is not finished. Finish it first: pellucid train --resume {folder}")
    return run


def _side(run: RunFolder, test: Dataset) -> Side:
    network = load_model(run.folder)
    if not isinstance(network, Network):
        raise UsageError(f"{run.folder} is a committee; compare its members, such as {run.folder}/member1.")
    return Side(run.folder, run, network, read_metrics(run.folder) or {}, network.evaluate(test))


def _recipes(a: RunFolder, b: RunFolder) -> list[tuple[str, Any, Any]]:
    """The entries of the recipes that differ, and the data where those do."""
    entries = [(field.name, getattr(a.recipe, field.name), getattr(b.recipe, field.name)) for field in fields(a.recipe)]
    entries += [(name, getattr(a.setup, name), getattr(b.setup, name)) for name in ("dataset", "engine", "device")]
    return [entry for entry in entries if entry[1] != entry[2]]


def _words(a: Side, b: Side, changed: list[Change], images: list[Disagreement]) -> list[str]:
    """What is seen, a sentence each."""
    accuracies = a.evaluation.accuracy, b.evaluation.accuracy
    better = (
        "as good as"
        if accuracies[0] == accuracies[1]
        else "worse than"
        if accuracies[0] < accuracies[1]
        else "better than"
    )
    count = len(a.evaluation.labels)
    sentences = [
        f"On {count:,} test images {a.folder} ({accuracies[0]:.2%}) is {better} {b.folder} ({accuracies[1]:.2%}).",
        f"They disagree on {len(images):,} images ({len(images) / count:.2%}).",
    ]
    right = [sum(image.answers[side] == image.label for image in images) for side in (0, 1)]
    if images:
        neither = len(images) - sum(right)
        sentences[1] += f" Of these {a.folder} reads {right[0]:,} right, {b.folder} {right[1]:,}, neither {neither:,}."
        if 0 < abs(right[0] - right[1]) < 1.96 * sqrt(sum(right)):
            sentences[1] += (
                " Of two that are equally good one would often lead by as much (McNemar's test, 1947, at 5%)."
            )
    if not changed:
        sentences.append("Their architectures differ, so no weight of one belongs to one of the other.")
    elif all(change.distance == 0 for change in changed):
        sentences.append("Their weights are the same, bit by bit.")
    else:
        most = max(changed, key=lambda change: change.distance / (change.length or 1))
        sentences.append(f"The weights that differ most, for their size, are those of {most.name}.")
    return sentences


def _lines(
    a: Side, b: Side, recipe: list[tuple[str, Any, Any]], changed: list[Change], images: list[Disagreement]
) -> Iterator[str]:
    yield "recipes" if recipe else "The recipes are the same."
    for name, one, other in recipe:
        yield f"  {name:<16} {one!s:<35} {other}"
    yield "\ncurves: after each epoch"
    for key in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        ends = [
            f"{side.history[key][-1]:.4f} ({len(side.history[key])} epochs)" if side.history.get(key) else "-"
            for side in (a, b)
        ]
        if ends != ["-", "-"]:
            yield f"  {key.replace('_', ' '):<22}{ends[0]:<24}{ends[1]}"
    if changed:
        wide = max([22, *(len(change.name) for change in changed)]) + 2
        yield f"\n{'weights':<{wide}}{'length':>10}{'distance':>10}{'angle':>9}  largest change"
        for change in changed:
            angle = "-" if change.angle is None else f"{change.angle:.1f}°"
            place, one, other = change.largest[0]
            yield (
                f"{change.name:<{wide}}{change.length:>10.4g}{change.distance:>10.4g}{angle:>9}  "
                f"{list(place)}: {one:.3g} → {other:.3g}"
            )
    if images:
        names = a.network.classes
        yield f"\nthe {min(SHOWN, len(images))} disagreements that both are surest of"
        for image in images[:SHOWN]:
            said = " and ".join(
                f"{names[answer]} ({sure:.1%})" for answer, sure in zip(image.answers, image.sure, strict=True)
            )
            yield f"  image {image.index}, {names[image.label]}: {said}"


def _values(
    a: Side, b: Side, recipe: list[tuple[str, Any, Any]], changed: list[Change], images: list[Disagreement]
) -> dict[str, Any]:
    return {
        "runs": [str(a.folder), str(b.folder)],
        "recipe": {name: [one, other] for name, one, other in recipe},
        "accuracy": [a.evaluation.accuracy, b.evaluation.accuracy],
        "loss": [a.evaluation.loss, b.evaluation.loss],
        "curves": [a.history, b.history],
        "weights": [
            {
                "name": change.name,
                "length": change.length,
                "distance": change.distance,
                "angle": change.angle,
                "largest": [{"index": list(place), "values": [one, other]} for place, one, other in change.largest],
            }
            for change in changed
        ],
        "disagreements": [asdict(image) for image in images],
    }
