"""Phase 1: pixels scaled and flattened, labels one-hot, batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.child.stand_ins import TEST, TRAINING, digits
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, recognize
from pellucid.glass.check.phases import batches, encodings
from pellucid.glass.check.question import Question, failed

UNSCALED = Mistake(
    "pixels-not-scaled",
    "the pixels are still bytes from 0 to 255",
    "Inputs of 255 make the first layer's sums hundreds of times too large: sigmoids saturate, softmax overflows.",
    "Divide by 255.0.",
)
SCALED_TWICE = Mistake(
    "pixels-scaled-twice",
    "the pixels are divided by 255 twice",
    "All pixels then lie between 0 and 0.004, and every image looks black to the network.",
    "Scale in one place alone, in `load_mnist` or in `normalize`.",
)
WHOLE_NUMBERS = Mistake(
    "pixels-divided-as-whole-numbers",
    "the quotient is cut to a whole number",
    "`//`, or a conversion to integers after the division, leaves only 0 and 1: all grey is gone.",
    "`x / 255.0`, with one slash and no `astype(int)` after it.",
)
BYTES_WRAP = Mistake(
    "bytes-wrap-around",
    "arithmetic with bytes ran over",
    "MNIST's pixels are of dtype uint8, which holds 0 to 255: 100 − 128 is 228 there, and 2 · 200 is 144.",
    "Make them floats first: `x.astype(np.float64) / 127.5 - 1`.",
)
SCRAMBLED = Mistake(
    "images-scrambled-by-reshape",
    "the pixels of different images are mixed",
    "`reshape(784, -1)` cuts the row of all pixels into 784 pieces. Each column then holds pixels of many images.",
    "Give each image a row, then transpose: `x.reshape(-1, 784).T`.",
)
IN_ROWS = Mistake(
    "examples-in-rows",
    "an example is a row, where the specification has a column",
    "Rows are as good, but all formulas of the guide, `W @ X + b` first of all, are written for columns.",
    "Transpose: `x.reshape(-1, 784).T` is (784, N).",
)
NOT_FLATTENED = Mistake(
    "images-not-flattened",
    "the images are still squares",
    "A dense layer multiplies a matrix with a column of 784 numbers; it has no use for 28 × 28.",
    "`x.reshape(-1, 784).T`.",
)
PIXELS_TRANSPOSED = Mistake(
    "images-transposed",
    "rows and columns of each image are exchanged",
    "`x.T` of (N, 28, 28) reverses all three axes. The network learns as well, but its weights are shown mirrored.",
    "Flatten first, then transpose: `x.reshape(-1, 784).T`.",
)
TEST_UNSCALED = Mistake(
    "test-images-not-scaled",
    "the training images are scaled, the test images are not",
    "The network is then asked about numbers that are 255 times as large as those it learned from.",
    "Do with `x_test` exactly what is done with `x_train`.",
)

IMAGES = digits(6, 3)[0]
X = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 1, 4, 2, 3, 5, 1, 4, 2, 3], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]]) / 10
Y = np.eye(4)[[2, 0, 3, 1, 1, 0, 2, 3, 3, 0]].T
SIZE = 4
ITERATORS = ("batch_loader", "create_batches", "get_batches", "batch_iterator", "iterate_batches")


Change = Callable[[Any], Any]
SCALES: tuple[Change, ...] = (
    lambda x: x / 255.0,
    lambda x: x / 127.5 - 1,
    lambda x: x / 256.0,
    lambda x: (x / 255.0 - np.mean(x / 255.0)) / np.std(x / 255.0),
)
BAD_SCALES: tuple[tuple[Mistake, Change], ...] = (
    (UNSCALED, lambda x: x),
    (SCALED_TWICE, lambda x: x / 255.0 / 255.0),
    (WHOLE_NUMBERS, lambda x: x // 255),
    (BYTES_WRAP, lambda x: (x - np.uint8(128)) / 128.0),
    (BYTES_WRAP, lambda x: (x - np.uint8(128)) / 127.5),
    (BYTES_WRAP, lambda x: (x - np.uint8(127)) / 127.5),
    (BYTES_WRAP, lambda x: (x * np.uint8(2)) / 255.0 - 1),
)
COLUMNS: Change = lambda x: x.reshape(len(x), -1).T  # noqa: E731
BAD_LAYOUTS: tuple[tuple[Mistake, Change], ...] = (
    (SCRAMBLED, lambda x: x.reshape(784, -1)),
    (IN_ROWS, lambda x: x.reshape(len(x), -1)),
    (NOT_FLATTENED, lambda x: x),
    (PIXELS_TRANSPOSED, lambda x: x.T.reshape(784, -1)),
)


def _wrong_images(images: Any) -> Iterator[tuple[Mistake, Array]]:
    """What the mistakes make of images: a bad scale in a right layout, or a bad layout of a right scale."""
    for mistake, scale in BAD_SCALES:
        for layout in (COLUMNS, lambda x: x):
            yield mistake, np.asarray(layout(scale(images)), float)
    for (mistake, layout), scale in product(BAD_LAYOUTS, SCALES):
        yield mistake, np.asarray(layout(scale(images)), float)


def _on_a_scale(came: Array, pixels: Array) -> bool:
    """Whether all pixels are moved and stretched alike, to about 0 to 1, −1 to 1, or deviation 1."""
    if came.shape != pixels.shape:
        return False
    low, high = float(came[pixels == 0].mean()), float(came[pixels == 255].mean())
    return 0.5 < high - low < 5 and abs(low) < 3 and close(came, low + (high - low) * pixels / 255, 1e-3)


NORMALIZE = Question(
    "normalize",
    ("normalize",),
    {"images": IMAGES},
    lambda x: COLUMNS(x) / 255.0,
    tuple(
        (mistake, lambda x, answer=answer: answer)
        for mistake, answer in _wrong_images(IMAGES)
        if mistake is not NOT_FLATTENED  # it may flatten elsewhere
    ),
    accepted=tuple(lambda x, s=s, f=f: f(s(x)) for s, f in product(SCALES, (COLUMNS, lambda x: x))),
    accepts=lambda came: any(_on_a_scale(came, np.asarray(f(IMAGES), float)) for f in (COLUMNS, lambda x: x)),
)  # fmt: skip
TRIALS: tuple[Mapping[str, Any], ...] = (
    {"id": "load_mnist", "kind": "load_mnist"},
    NORMALIZE.told(),
    *(question.told() for question in encodings.QUESTIONS),
    {"id": "batches", "kind": "batches", "names": ITERATORS, "X": encode(X), "Y": encode(Y), "batch_size": SIZE},
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    return [NORMALIZE.check(answers), *encodings.judge(answers), _load(answers), _batches(answers)]


def _load(answers: Answers) -> Check:
    name, called = "load_mnist", "x_train, y_train, x_test, y_test = load_mnist()"
    result, other = answers.result(name, name, called)
    if other:
        kinds = answers.told.get(name, {}).get("error", {}).get("kinds", [])
        if {"OSError", "ImportError"} & set(kinds):  # its data are not at hand here
            message = answers.told[name]["error"]["message"]
            return Check(name, "skipped", note=f"load_mnist cannot be run here: {message}")
        return other
    labels = ("x_train", "y_train", "x_test", "y_test")
    arrays: dict[str, Array] = {}
    for label, told, values in zip(labels, result["arrays"], result["values"], strict=True):
        array, finding = array_of(values, label, called)
        if array is None:
            return failed(name, finding or Finding(f"{label} is no array.", None, called))
        arrays[label] = array
        if label.startswith("x") and TRAINING not in told["shape"] and TEST not in told["shape"]:
            return _real(result["arrays"], called)
    for part, count, seed in (("train", TRAINING, 1), ("test", TEST, 2)):
        images, numbers = digits(count, seed)
        finding = _images(f"x_{part}", arrays[f"x_{part}"], images, called) or _labels(
            f"y_{part}", arrays[f"y_{part}"], numbers, called
        )
        if finding and part == "test" and finding.mistake is UNSCALED:
            finding = Finding(finding.what, TEST_UNSCALED, called, {}, finding.came, finding.right, finding.notes)
        if finding:
            return failed(name, finding)
    return Check(name, "passed")


def _images(label: str, came: Array, images: Any, called: str) -> Finding | None:
    rights = [np.asarray(COLUMNS(scale(images)), float) for scale in SCALES]
    if any(close(came, right, 1e-3) for right in rights) or _on_a_scale(came, np.asarray(COLUMNS(images), float)):
        return None
    with np.errstate(all="ignore"):
        variants = tuple((mistake, {label: answer}) for mistake, answer in _wrong_images(images))
    mistake = recognize({label: came}, {label: rights[0]}, variants)
    what = f"{label} of {len(images)} made-up images is not as expected."
    notes = (first_difference(came, rights[0]),)
    return Finding(what, mistake, called, {}, {label: came}, {label: rights[0]}, notes)


def _labels(label: str, came: Array, numbers: Any, called: str) -> Finding | None:
    right = encodings.one_hot(numbers)
    if close(came, right) or (label == "y_test" and close(came.reshape(-1), numbers.astype(float))):
        return None
    variants = tuple((mistake, {label: formula(numbers, 10)}) for mistake, formula in encodings.ONE_HOT.variants)
    variants += ((encodings.NOT_ONE_HOT, {label: numbers[None].astype(float)}),)
    mistake = recognize({label: came}, {label: right}, variants)
    what = f"{label} is not the one-hot matrix of the labels {', '.join(map(str, numbers[:8]))}, ..."
    return Finding(what, mistake, called, {}, {label: came}, {label: right}, (first_difference(came, right),))


def _real(arrays: Any, called: str) -> Check:
    """Data from elsewhere: shapes and ranges alone can be judged."""
    name = "load_mnist"
    x, y, _, _ = arrays
    mistake = None
    if len(x["shape"]) != 2:
        what, mistake = f"x_train has the shape {tuple(x['shape'])}; (784, N) is right.", NOT_FLATTENED
    elif x["shape"][0] != 784:
        what = f"x_train has the shape {tuple(x['shape'])}; (784, N) is right."
        mistake = IN_ROWS if x["shape"][1] == 784 else None
    elif x["high"] > 10:
        what, mistake = f"x_train goes up to {x['high']:g}.", UNSCALED
    elif x["high"] < 0.01:
        what, mistake = f"x_train goes up to {x['high']:g} only.", SCALED_TWICE
    elif y["shape"] != [10, x["shape"][1]]:
        what = f"y_train has the shape {tuple(y['shape'])}; (10, {x['shape'][1]}) is right."
        mistake = encodings.ONE_HOT_TRANSPOSED if y["shape"] == [x["shape"][1], 10] else encodings.NOT_ONE_HOT
    else:
        return Check(name, "passed", note="of its own data only shapes and ranges were looked at")
    return failed(name, Finding(what, mistake, called))


def _batches(answers: Answers) -> Check:
    name, called = ITERATORS[0], "for X_batch, Y_batch in batch_loader(X, Y, batch_size=4)"
    result, other = answers.result("batches", name, called)
    if other:
        return other
    decoded = [(decode(x), decode(y)) for x, y in result["batches"]]
    found = [(x, y) for x, y in decoded if x is not None and y is not None]
    finding, _ = batches.judge_batches(found, X, Y, SIZE, called)
    return failed(name, finding) if finding else Check(name, "passed")


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
MISTAKES += encodings.MISTAKES + batches.MISTAKES
