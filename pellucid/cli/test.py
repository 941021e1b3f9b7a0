"""pellucid test: how good a model is, class by class, and its surest mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from pellucid.cli.options import Data, Json, Model, open_model
from pellucid.cli.output import DownloadProgress, emit
from pellucid.data import load
from pellucid.metrics import Evaluation


def command(
    model: Model,
    data: Data = "mnist",
    mistakes: Annotated[int, typer.Option(min=0, help="How many of the surest mistakes to list.")] = 10,
    json: Json = False,
) -> int:
    """Test a model: accuracy, loss, confusion matrix, each class, the surest mistakes."""
    network = open_model(model)
    _, test = load(data, DownloadProgress())
    evaluation = network.evaluate(test)
    if json:
        emit(
            {
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
        )
        return 0
    print(f"{test.description}")
    print(f"accuracy {evaluation.accuracy:.2%}, loss {evaluation.loss:.4f}")
    for line in (*_confusion(evaluation), *_mistakes(evaluation, mistakes)):
        print(line)
    return 0


def _confusion(evaluation: Evaluation) -> Iterator[str]:
    """The confusion matrix; its rows end with what is known of their class."""
    names = evaluation.classes
    width = max(5, *(len(name) + 1 for name in names), *(len(str(n)) + 1 for n in evaluation.confusion.ravel()))
    yield "\nrows: the true class; columns: what the model said"
    yield " " * width + "".join(f"{name:>{width}}" for name in names) + "   precision   recall"
    for name, row, precision, recall in zip(
        names, evaluation.confusion, evaluation.precision, evaluation.recall, strict=True
    ):
        counts = "".join(f"{count or '.':>{width}}" for count in row.tolist())
        yield f"{name:>{width}}{counts}{precision:12.2%}{recall:9.2%}"


def _mistakes(evaluation: Evaluation, count: int) -> Iterator[str]:
    worst = evaluation.mistakes(count)
    if worst:
        yield f"\nthe {len(worst)} mistakes that the model was surest of"
    for mistake in worst:
        true, said = evaluation.classes[mistake.label], evaluation.classes[mistake.predicted]
        yield f"  image {mistake.index}: {true} taken for {said}, output {mistake.output:.4f}"
