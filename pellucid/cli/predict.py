"""pellucid predict: what a model says of images from files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pellucid.cli.options import Json, Member, Model, open_model
from pellucid.cli.output import emit
from pellucid.cli.picture import show_image, show_stages
from pellucid.committee import Committee
from pellucid.data.images import Images, read_images
from pellucid.errors import DataError, PellucidError, UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass.measures.passes import image_shape
from pellucid.losses import decide
from pellucid.network import Network

BAR = 20
AT_ONCE = 1000  # images that the network is given together, so that a mapped file need not fit into memory


@dataclass(frozen=True)
class Answer:
    """A file, its images, and what the network says of them: outputs (N, outputs) and the names of the classes."""

    file: Path
    found: Images
    outputs: NDArray[Any]
    labels: list[str]

    @property
    def accuracy(self) -> float | None:
        """The share of right answers, where the file has labels."""
        if self.found.labels is None:
            return None
        return float(np.mean(np.array(self.labels) == np.array(self.found.labels)))


def command(
    model: Model,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", readable=False, help="Pictures (PNG, JPEG, ...), .npy, .csv and other data."),
    ],
    show: Annotated[bool, typer.Option("--show", help="Show what becomes of each picture, stage by stage.")] = False,
    submission: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Write the answers there as Kaggle takes them: ImageId,Label.")
    ] = None,
    member: Member = None,
    json: Json = False,
) -> int:
    """Predict the class of each image in the files."""
    if submission and len(files) > 1:
        raise UsageError(f"--submission takes the answers for one file, not for {len(files)}.")
    if submission and submission.resolve() == files[0].resolve():
        raise UsageError(f"--submission would overwrite {submission}, whose images are asked for.")
    network = open_model(model, member)
    answers = [_answer(network, file) for file in files]
    if submission:
        write_atomic(submission, _rows(answers[0].labels))
    if json:
        emit(_result(network, answers, show, submission))
        return 0
    for answer in answers:
        _print(network, answer, show, lines=submission is None)
    if submission:
        print(f"wrote {submission}: {len(answers[0].labels):,} rows")
    return 0


def _answer(network: Network | Committee, file: Path) -> Answer:
    channels, height, width = image_shape(network)
    found = read_images(file, height, width, channels)
    parts = [found.images[start : start + AT_ONCE] for start in range(0, len(found.images), AT_ONCE)]
    try:
        outputs = np.concatenate([network.predict(part) for part in parts])
    except PellucidError as error:
        raise type(error)(f"{file}: {error}") from None
    labels = [network.classes[number] for number in decide(outputs.T).tolist()]
    if strangers := set(found.labels or ()) - set(network.classes):
        raise DataError(
            f"{file} has the label {min(strangers)!r}, but the network tells {', '.join(network.classes)} apart. "
            "Leave the labels out, or predict with a model that was trained on these classes."
        )
    return Answer(file, found, outputs, labels)


def _rows(labels: list[str]) -> bytes:
    """The content of the file that Kaggle's Digit Recognizer asks for; images count from 1."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("ImageId", "Label"), *enumerate(labels, start=1)])
    return text.getvalue().encode()


def _result(network: Network | Committee, answers: list[Answer], show: bool, submission: Path | None) -> dict[str, Any]:
    """The object of --json; with a submission the answers stand in its file."""
    result: dict[str, Any] = {"classes": list(network.classes)}
    if submission:
        result |= {"submission": str(submission), "rows": len(answers[0].labels)}
    else:
        result["predictions"] = [row for answer in answers for row in _predictions(answer, show)]
    known = {str(answer.file): answer.accuracy for answer in answers if answer.accuracy is not None}
    return result | ({"accuracy": known} if known else {})


def _predictions(answer: Answer, show: bool) -> list[dict[str, Any]]:
    stages = [{"stage": stage.name, "words": stage.words, **stage.numbers} for stage in answer.found.stages]
    return [
        {
            "file": str(answer.file),
            **({"index": index} if len(answer.labels) > 1 else {}),
            "label": label,
            "probabilities": row.tolist(),
            **({"stages": stages} if show and stages else {}),
        }
        for index, (row, label) in enumerate(zip(answer.outputs, answer.labels, strict=True))
    ]


def _print(network: Network | Committee, answer: Answer, show: bool, lines: bool) -> None:
    for index, row in enumerate(answer.outputs if lines or show else ()):
        where = f"{answer.file}[{index}]" if len(answer.outputs) > 1 else str(answer.file)
        if show and answer.found.stages:
            print(f"{where}:\n\n{show_stages(answer.found.stages)}\n")
        elif show:
            print(f"{where}: what the network sees\n{show_image(answer.found.images[index], image_shape(network))}\n")
        if lines:
            print(f"{where}: {_line(network, row, answer.labels[index])}")
    if answer.accuracy is not None:
        print(f"{answer.file}: accuracy {answer.accuracy:.2%} of {len(answer.labels):,} labelled images")


def _line(network: Network | Committee, outputs: NDArray[Any], label: str) -> str:
    """The answer, how sure it is, and the second choice."""
    if len(outputs) == 1:
        return f"{label}  (output {outputs[0]:.4f})"
    second, first = np.argsort(outputs, kind="stable")[-2:]
    bar = "█" * round(BAR * float(np.clip(outputs[first], 0, 1)))
    then = f"then {network.classes[second]} {outputs[second]:.2%}"
    return f"{label}  {outputs[first]:7.2%} {bar:<{BAR}}  {then}"
