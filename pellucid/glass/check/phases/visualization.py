"""Phase 6: weights as images, and predictions with their confidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, present
from pellucid.glass.check.phases.networks import FORWARD, SQUARE, facts
from pellucid.glass.check.phases.training import labels_for
from pellucid.glass.check.question import failed

COLUMNS = Mistake(
    "columns-for-neurons",
    "columns of W are drawn, where rows are the neurons",
    "Row i of W holds the 784 weights of neuron i, one for each pixel. A column holds what one pixel means to "
    "all neurons.",
    "`W[i].reshape(28, 28)`.",
)
MIRRORED = Mistake(
    "weights-drawn-transposed",
    "rows and columns of the picture are exchanged",
    "The pixels were flattened row by row, so that is how they have to be laid out again.",
    "`W[i].reshape(28, 28)`, without `.T` and without order='F'.",
)
SAME_NEURON = Mistake(
    "same-neuron-in-every-picture",
    "every picture shows the same neuron",
    "The index does not move with the loop.",
    "`W[i]` with the i of the loop over the axes.",
)
TRUE_CONFIDENCE = Mistake(
    "confidence-of-the-true-class",
    "the probability of the true class is printed as the confidence",
    "How sure the network is of its answer is the probability of the class it answers, right or wrong.",
    "`probs[preds[i], i]`.",
)
PREDICTION_AXIS = Mistake(
    "prediction-over-the-wrong-axis",
    "the largest number is looked for in each row, over the examples",
    "A prediction is the class with the largest probability in a column.",
    "`probs.argmax(axis=0)`.",
)
EXCHANGED = Mistake(
    "row-and-column-exchanged",
    "the probability is read at [example, class]",
    "Rows are classes and columns examples, so the class comes first.",
    "`probs[preds[i], i]`.",
)

NEURONS = 6
NUMBER = r"\d+(?:\.\d+)?"
W = np.random.default_rng(9).uniform(-1, 1, (NEURONS, 784)).round(2)
SMALL = SQUARE["sigmoid"], SQUARE["relu"]
TRIALS: tuple[Mapping[str, Any], ...] = (
    {"id": "weights", "kind": "weights", "W": encode(W)},
    {"id": "weights_few", "kind": "weights", "W": encode(W[:3])},
    *(
        small.told(
            f"predictions_{small.hidden}",
            kind="evaluate",
            names=("show_predictions",),
            y=encode(labels_for(small).astype(np.int64)),
            n=3,
        )
        for small in SMALL
    ),
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    weights = [_weights(answers, "weights", W), _weights(answers, "weights_few", W[:3])]
    return present(weights) + present([_predictions(answers, number) for number in range(2)])


def _weights(answers: Answers, trial: str, shown: Array) -> Check:
    name, called = "visualize_weights", f"visualize_weights(W), with W of shape {shown.shape}"
    result, other = answers.result(trial, name, called)
    if other:
        line = answers.told.get(trial, {}).get("error", {})
        if other.finding and ("reshape" in str(line.get("message")) or "IndexError" in str(line.get("kinds"))):
            text = " ".join(frame["text"] for frame in line.get("frames", ())[-1:])
            mistake = COLUMNS if re.search(r"\[\s*:\s*,|\.T\b", text) else None
            finding = other.finding
            return failed(name, Finding(finding.what, mistake, called, notes=finding.notes))
        return other
    images = [decode(image) for image in result["images"]]
    if not images:
        return Check(name, "skipped", note="visualize_weights drew nothing with imshow")
    if len(images) == 1 and images[0] is not None and _holds_all(images[0], shown):
        return Check(name, "skipped", note="visualize_weights draws all neurons in one picture")
    rights = [row.reshape(28, 28) for row in shown]
    drawn: list[int] = []
    for number, image in enumerate(images[: len(rights)]):
        plain = _plain(np.zeros((1, 1)) if image is None else image)
        at = next((n for n, right in enumerate(rights) if close(plain, _plain(right))), None)
        if at is not None and at not in drawn:  # in which order is free
            drawn.append(at)
            continue
        came = {f"picture {number}": image if image is not None else "no numbers"}
        turned = any(close(plain, _plain(right.T)) for right in rights)
        mistake = SAME_NEURON if at is not None else MIRRORED if turned else None
        what = f"Picture {number} does not show the weights of a neuron, or of one that is drawn already."
        return failed(name, Finding(what, mistake, called, {}, came, {f"picture {number}": rights[number]}))
    if len(images) < len(rights):
        what = f"{len(images)} of {len(rights)} neurons are drawn."
        return failed(name, Finding(what, None, called))
    return Check(name, "passed")


def _holds_all(image: Array, shown: Array) -> bool:
    """Whether an image has room for all neurons side by side."""
    return len(shown) > 1 and min(image.shape[:2], default=0) >= 28 and image.size >= shown.size


def _plain(image: Array) -> Array:
    """An image between 0 and 1: how it is scaled for the eye is free."""
    spread = image.max() - image.min()
    return np.asarray((image - image.min()) / (spread or 1.0))


def _predictions(answers: Answers, which: int) -> Check:
    small = SMALL[which]
    ending, _, _ = facts(answers)
    name, called = "show_predictions", "show_predictions(net, X, y, n=3)"
    result, other = answers.result(f"predictions_{small.hidden}", name, called, FORWARD)
    if other:
        return other
    probabilities, y = small.run(ending).outputs[-1], labels_for(small).astype(int)
    predictions = probabilities.argmax(axis=0)
    given = {"net.forward(X)": probabilities, "y": y}
    wanted = [(int(y[i]), int(predictions[i]), float(probabilities[predictions[i], i])) for i in range(3)]
    words = "\n".join(f"True: {t}, Pred: {p}, Confidence: {c:.2%}" for t, p, c in wanted)
    lines = [line for line in str(result["printed"]).splitlines() if len(_numbers(line)) >= 3]
    right = {"printed": words}
    if len(lines) < 3:
        what = f"{len(lines)} lines with true class, prediction and confidence are printed; three were asked for."
        return failed(name, Finding(what, None, called, given, {"printed": str(result["printed"])[:500]}, right))
    verdicts = [_lines(lines[n : n + 3], wanted, probabilities) for n in range(len(lines) - 2)]
    if None in verdicts:  # what else is printed does not matter
        return Check(name, "passed")
    what, mistake = verdicts[-1] or ("", None)
    return failed(name, Finding(what, mistake, called, given, {"printed": "\n".join(lines[-3:])}, right))


def _numbers(line: str) -> list[float]:
    """The numbers in a line; the 64 of np.float64 is none."""
    return [float(number) for number in re.findall(NUMBER, re.sub(r"\b(?:int|float)\d+\b", "", line))]


def _lines(
    lines: list[str], wanted: list[tuple[int, int, float]], probabilities: Array
) -> tuple[str, Mistake | None] | None:
    """What is wrong with three printed lines, and by which mistake; None where they are right."""
    across = probabilities.argmax(axis=1)
    for i, (line, (label, prediction, confidence)) in enumerate(zip(lines, wanted, strict=True)):
        numbers = _numbers(line)
        found = [(numbers[0], numbers[1]), (numbers[-3], numbers[-2])]  # the lines may be counted, in front
        if 0 <= line.lower().find("pred") < line.lower().find("tru"):
            found = [(second, first) for first, second in found]
        if (label, prediction) not in found:
            named = next((second for first, second in found if first == label), None)
            if named is None:
                return f"Line {i + 1} names another true class.", None
            return f"Line {i + 1} names another prediction.", PREDICTION_AXIS if named == across[i] else None
        if not _is(numbers[-1], confidence):
            mistake = TRUE_CONFIDENCE if _is(numbers[-1], probabilities[label, i]) else None
            mistake = EXCHANGED if _is(numbers[-1], probabilities[i, prediction]) else mistake
            return f"Line {i + 1} names another confidence.", mistake
    return None


def _is(number: float, probability: float) -> bool:
    """Whether a printed number is a probability, as a fraction or in percent, rounded."""
    return abs(number - probability) < 0.006 or abs(number - 100 * probability) < 0.6


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
