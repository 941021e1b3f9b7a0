"""Phase 5: the step, an epoch, and the accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.formulas import Pass
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, present, recognize
from pellucid.glass.check.phases.batches import X_WITHOUT_Y, judge_batches
from pellucid.glass.check.phases.networks import SQUARE, Small, facts, factor_for
from pellucid.glass.check.question import failed, pairs

UPHILL = Mistake(
    "uphill",
    "the gradient is added, not subtracted",
    "The gradient points to where the loss grows fastest. Descent goes the other way.",
    "`layer.W -= learning_rate * layer.dW`.",
)
NO_RATE = Mistake(
    "learning-rate-forgotten",
    "the whole gradient is subtracted, without the learning rate",
    "Such a step overshoots, and changing the learning rate changes nothing.",
    "`layer.W -= learning_rate * layer.dW`.",
)
RATE_BY_BATCH = Mistake(
    "step-divided-by-the-batch",
    "the step is divided by the batch size, although the gradient is a mean already",
    "The learning rate is then B times smaller than it says, and training B times slower.",
    "`layer.W -= learning_rate * layer.dW`; the 1/B stands in `backward`.",
)
BIAS_STANDS = Mistake(
    "bias-not-updated",
    "the weights move, the biases do not",
    "The biases are parameters too, with a gradient of their own.",
    "`layer.b -= learning_rate * layer.db`, in the same loop.",
)
ONE_LAYER = Mistake(
    "not-every-layer-updated",
    "only one layer is updated",
    "The others keep the random numbers with which they began.",
    "`for layer in net.layers:` around both lines of the update.",
)
NOTHING_MOVES = Mistake(
    "nothing-updated",
    "no parameter changes",
    "`W = W - ...` gives a new array to a local name; the layer keeps the old one.",
    "`layer.W -= learning_rate * layer.dW`, which changes the layer's own array, or `layer.W = layer.W - ...`.",
)
STALE = Mistake(
    "updated-before-the-backward-pass",
    "the step is taken with the gradient of the batch before",
    "The update stands above the backward pass, so it uses what the last batch left.",
    "The order is: forward, loss, backward, update.",
)
NOT_SHUFFLED = Mistake(
    "not-shuffled",
    "the examples come in the order of the data",
    "Data are often sorted, and neighbours alike. Steps that see only one kind of example pull the network to and fro.",
    "`indices = np.random.permutation(n_samples)` at the beginning of the epoch.",
)
SAME_ORDER = Mistake(
    "shuffled-once",
    "every epoch has the same order",
    "A fixed seed, or a permutation drawn outside of the function, deals the same batches again and again.",
    "Draw a new permutation in each epoch, and set no seed in `train_epoch`.",
)
LOSS_SUMMED = Mistake(
    "epoch-loss-summed",
    "the losses of the batches are added up, and not divided",
    "The number then depends on how many batches there are, and cannot be compared with anything.",
    "`total_loss += loss * (end - start)`, and `return total_loss / n_samples`.",
)
SHORT_BATCH = Mistake(
    "short-batch-weighs-as-much",
    "the batch losses are averaged as if all batches were of one size",
    "The last batch is shorter; its examples then count more than the others.",
    "Weigh each batch by its size: `total_loss += loss * (end - start)`, and `return total_loss / n_samples`.",
)
LAST_LOSS = Mistake(
    "loss-of-the-last-batch",
    "the loss of the last batch is given, not that of the epoch",
    "One batch is a small and noisy sample.",
    "`total_loss += loss * (end - start)` in the loop, and `return total_loss / n_samples` after it.",
)
ACCURACY_AXIS = Mistake(
    "accuracy-over-the-wrong-axis",
    "the largest number is looked for in each row, over the examples",
    "A prediction is the class with the largest probability in a column.",
    "`net.forward(X).argmax(axis=0)`.",
)
ACCURACY_COUNT = Mistake(
    "accuracy-not-a-fraction",
    "how many are right, or how many in a hundred, not which fraction",
    "The guide's accuracy lies between 0 and 1, whatever the number of examples.",
    "`(predictions == y).mean()`.",
)
ERROR_RATE = Mistake(
    "error-for-accuracy",
    "the fraction of wrong answers is given",
    "Accuracy is the fraction of right ones.",
    "`(predictions == y).mean()`, with ==.",
)

RATE, BATCH = 0.5, 4
MANY = Small((4, 4, 4), 10, "sigmoid", 334)
MANY_RELU = Small((4, 4, 4), 10, "relu", 334)
FEW = SQUARE["relu"], SQUARE["sigmoid"]


def _for_epochs(small: Small, trial: str) -> dict[str, Any]:
    more = {"kind": "epoch", "epochs": 3, "batch_size": BATCH, "rate": RATE}
    return small.told(trial, **more)


def labels_for(small: Small, ending: str = "cross_entropy") -> Array:
    """Labels of which the network, by softmax or sigmoid, gets 3 of 4 right."""
    predictions = small.run(ending).outputs[-1].argmax(axis=0)
    labels = predictions[:4].copy()
    labels[1] = (labels[1] + 1) % small.sizes[-1]
    return labels


def _for_accuracy(small: Small) -> dict[str, Any]:
    more = {"kind": "evaluate", "names": ("evaluate", "accuracy"), "y": encode(labels_for(small).astype(np.int64))}
    return small.told(f"evaluate_{small.hidden}", **more)


TRIALS: tuple[Mapping[str, Any], ...] = (
    *(small.told(f"update_{small.hidden}", backward=True, update=RATE) for small in FEW),
    _for_epochs(MANY, "epoch_sigmoid"),
    _for_epochs(MANY_RELU, "epoch_relu"),
    *(_for_accuracy(small) for small in FEW),
)

Move = Callable[[Array, Array, int, int], Array]  # parameter, gradient, layer, whether it is a bias
MOVES: tuple[tuple[Mistake, Move], ...] = (
    (UPHILL, lambda p, g, k, bias: p + RATE * g),
    (NO_RATE, lambda p, g, k, bias: p - g),
    (BIAS_STANDS, lambda p, g, k, bias: p if bias else p - RATE * g),
    (ONE_LAYER, lambda p, g, k, bias: p - RATE * g if k == 1 else p),
    (ONE_LAYER, lambda p, g, k, bias: p - RATE * g if k == 0 else p),
    (NOTHING_MOVES, lambda p, g, k, bias: p),
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    checks = [_update(answers, small) for small in FEW]
    checks = [check for check in checks if check.status != "missing"]  # a method that the specification only sketches
    epochs = [_epoch(answers, f"epoch_{small.hidden}", small) for small in (MANY, MANY_RELU)]
    accuracies = [_accuracy(answers, small) for small in FEW]
    return [*checks, *present(epochs), *present(accuracies)]


def _moved(
    run: Pass, gradient: Mapping[str, Array], move: Move, before: Sequence[tuple[Array, Array]]
) -> dict[str, Array]:
    """All parameters after a step."""
    told = {}
    for k, pair in enumerate(before):
        for bias, label in enumerate("Wb"):
            slope = gradient[f"layers[{k}].d{label}"].reshape(pair[bias].shape)
            told[f"layers[{k}].{label}"] = np.asarray(move(pair[bias], slope, k, bias))
    return told


def _step(
    run: Pass, before: Sequence[tuple[Array, Array]], after: Sequence[tuple[Array, Array]], previous: Pass | None
) -> tuple[Mistake | None, dict[str, Array], dict[str, Array]] | None:
    """What is wrong with a step: (mistake, what came, what is right), or None."""
    gradient = run.gradient()
    right = _moved(run, gradient, lambda p, g, k, bias: p - RATE * g, before)
    came = {f"layers[{k}].{label}": pair[n] for k, pair in enumerate(after) for n, label in enumerate("Wb")}
    if all(close(came[label], right[label]) for label in right):
        return None
    moves = (*MOVES, (RATE_BY_BATCH, lambda p, g, k, bias: p - RATE * g / run.B))
    variants = [(mistake, _moved(run, gradient, move, before)) for mistake, move in moves]
    if previous:
        stale = _moved(run, previous.gradient(), lambda p, g, k, bias: p - RATE * g, before)
        variants.append((STALE, stale))
    return recognize(came, right, tuple(variants)), came, right


def _first(came: Mapping[str, Array], right: Mapping[str, Array]) -> str:
    return next(label for label in right if not close(came[label], right[label]))


def _update(answers: Answers, small: Small) -> Check:
    name = "update"
    ending, form, factor = facts(answers)
    called = f"{small.made(ending, form)}; net.backward(Y); net.update({RATE})"
    result, other = answers.result(f"update_{small.hidden}", name, called)
    if other:
        return other
    after = pairs(result.get("updated", []))
    if not after:
        return Check(name, "missing", note=name)
    run = small.run(ending, factor_for(factor, small))
    found = _step(run, small.parameters, after, None)
    if found is None:
        return Check(name, "passed")
    mistake, came, right = found
    label = _first(came, right)
    what = f"{label} is wrong after one step with learning rate {RATE}."
    given = {label: dict(small.given())[label], f"its gradient d{label[-1]}": run.gradient()[f"{label[:-1]}d{label[-1]}"]}  # fmt: skip
    notes = (first_difference(came[label], right[label]),)
    return failed(name, Finding(what, mistake, called, given, {label: came[label]}, {label: right[label]}, notes))


def _epoch(answers: Answers, trial: str, small: Small) -> Check:
    name = "train_epoch"
    ending, form, factor = facts(answers)
    called = f"train_epoch(net, X, Y, batch_size={BATCH}, learning_rate={RATE})"
    result, other = answers.result(trial, name, called)
    if other:
        return other
    orders: list[list[int]] = []
    scale = factor_for(factor, small)
    for number, epoch in enumerate(result["epochs"]):
        steps = [(decode(step["X"]), decode(step["Y"])) for step in epoch["steps"]]
        found = [(x, y) for x, y in steps if x is not None and y is not None]
        if not found:
            what = "train_epoch never called net.forward(X_batch) and net.backward(Y_batch)."
            return failed(name, Finding(what, None, called))
        finding, order = judge_batches(found, small.X, small.Y, BATCH, called)
        if finding and finding.mistake is not X_WITHOUT_Y:
            return failed(name, finding)
        finding = finding or _steps(epoch, found, small, ending, scale, called)
        finding = finding or _loss(epoch, found, small, ending, scale, called, number)
        if finding:
            return failed(name, finding)
        orders.append(order)
    plain = list(range(small.batch))
    shown = {f"epoch {n}": np.array(order) for n, order in enumerate(orders, 1)}
    if orders[0] == orders[1] == orders[2]:
        mistake = NOT_SHUFFLED if orders[0] == plain else SAME_ORDER
        right = {"examples": "another order in each epoch"}
        return failed(
            name, Finding("The order of the examples is the same in each epoch.", mistake, called, {}, shown, right)
        )
    return Check(name, "passed")


def _runs(
    epoch: Mapping[str, Any], batches: Sequence[tuple[Array, Array]], small: Small, ending: str, scale: float
) -> list[Pass]:
    """The right passes of an epoch's batches, each with the parameters that the learner's network then had."""
    runs = []
    for step, (x, y) in zip(epoch["steps"], batches, strict=True):
        parameters = [(W, b.reshape(-1, 1)) for W, b in pairs(step["before"]) or ()]
        runs.append(Pass(parameters, small.hidden, ending, x, y, scale))
    return runs


def _steps(
    epoch: Mapping[str, Any],
    batches: Sequence[tuple[Array, Array]],
    small: Small,
    ending: str,
    scale: float,
    called: str,
) -> Finding | None:
    runs = _runs(epoch, batches, small, ending, scale)
    worst: Finding | None = None
    for number, (step, run) in enumerate(zip(epoch["steps"], runs, strict=True), 1):
        before, after = pairs(step["before"]), pairs(step["after"])
        if before is None or after is None:
            return Finding("After the step some parameters are no arrays.", None, called)
        found = _step(run, before, after, runs[number - 2] if number > 1 else None)
        if found is None:
            continue
        mistake, came, right = found
        label = _first(came, right)
        given = {label: dict(zip(right, (p for pair in before for p in pair), strict=True))[label]}
        given |= {f"its gradient d{label[-1]}": run.gradient()[f"{label[:-1]}d{label[-1]}"]}
        notes = (first_difference(came[label], right[label]),)
        what = f"{label} is wrong after step {number} with learning rate {RATE}."
        worst = Finding(what, mistake, called, given, {label: came[label]}, {label: right[label]}, notes)
        if mistake and mistake is not NOTHING_MOVES:  # before the first step a stale gradient is none at all
            return worst
    return worst


def _loss(
    epoch: Mapping[str, Any],
    batches: Sequence[tuple[Array, Array]],
    small: Small,
    ending: str,
    scale: float,
    called: str,
    number: int,
) -> Finding | None:
    """The loss that an epoch gives: the mean over the examples, each as it was when its batch came."""
    runs = _runs(epoch, batches, small, ending, scale)
    losses, sizes = np.array([run.loss() for run in runs]), np.array([run.B for run in runs])
    right = np.asarray((losses * sizes).sum() / sizes.sum())
    came, finding = array_of(epoch["loss"], "train_epoch", called)
    if came is None:
        return finding
    if came.size == 1 and close(came.reshape(()), right, 1e-3):
        return None
    variants = (
        (LAST_LOSS, losses[-1]),
        (SHORT_BATCH, losses.mean()),
        (LOSS_SUMMED, losses.sum()),
        (LOSS_SUMMED, (losses * sizes).sum()),
        (LOSS_SUMMED, losses.sum() / sizes.sum()),
    )
    mistake = None
    if came.size == 1:
        mistake = recognize(
            {"loss": came.reshape(())}, {"loss": right}, tuple((one, {"loss": np.asarray(v)}) for one, v in variants)
        )
    what = f"The loss that epoch {number + 1} gives is not the mean over its examples."
    given = {"losses of the batches": losses, "sizes of the batches": sizes}
    return Finding(what, mistake, called, given, {"loss": came}, {"loss": right})


def _accuracy(answers: Answers, small: Small) -> Check:
    name = "evaluate"
    ending, _, _ = facts(answers)
    called = "evaluate(net, X, y)"
    y = labels_for(small)
    result, other = answers.result(f"evaluate_{small.hidden}", name, called)
    if other:
        return other
    output = small.run(ending).outputs[-1]
    came, finding = array_of(result["value"], name, called)
    given = {"net.forward(X)": output, "y": y}
    right = np.asarray((output.argmax(axis=0) == y).mean())
    if came is None:
        assert finding
        return failed(name, Finding(finding.what, finding.mistake, called, given, {}, {"accuracy": right}))
    if came.size == 1:
        came = came.reshape(())
        if close(came, right):
            return Check(name, "passed")
    variants = (
        (ACCURACY_COUNT, right * len(y)),
        (ACCURACY_COUNT, right * 100),
        (ERROR_RATE, 1 - right),
        (ACCURACY_AXIS, (output.argmax(axis=1) == y).mean()),
        (ACCURACY_AXIS, (output.argmax() == y).mean()),
    )
    tensors = tuple((mistake, {"accuracy": np.asarray(value, float)}) for mistake, value in variants)
    mistake = recognize({"accuracy": came}, {"accuracy": right}, tensors)
    notes = (f"argmax of each column: {output.argmax(axis=0)}, so {right.item():.0%} are right",)
    what = "The accuracy of a small network on four examples is not as expected."
    return failed(name, Finding(what, mistake, called, given, {"accuracy": came}, {"accuracy": right}, notes))


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not X_WITHOUT_Y)
