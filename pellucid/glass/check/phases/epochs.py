"""Phase 5: an epoch: its order, its steps, and the loss that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode
from pellucid.glass.check.formulas import Pass
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, recognize
from pellucid.glass.check.phases.batches import judge_batches
from pellucid.glass.check.phases.networks import BACKWARD, Small, factor_for, facts
from pellucid.glass.check.phases.steps import NOTHING_MOVES, RATE, first_wrong, judge_step
from pellucid.glass.check.question import failed, pairs

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
BATCH = 4
MANY = tuple(Small((4, 4, 4), 10, hidden, 334) for hidden in ("sigmoid", "relu"))
TRIALS = tuple(
    small.told(f"epoch_{small.hidden}", kind="epoch", epochs=3, batch_size=BATCH, rate=RATE) for small in MANY
)


def judge(answers: Answers) -> list[Check]:
    """The checks of an epoch."""
    return [_epoch(answers, f"epoch_{small.hidden}", small) for small in MANY]


def _epoch(answers: Answers, trial: str, small: Small) -> Check:
    name = "train_epoch"
    ending, _, factor = facts(answers)
    called = f"train_epoch(net, X, Y, batch_size={BATCH}, learning_rate={RATE})"
    result, other = answers.result(trial, name, called, BACKWARD)
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
        if finding is None:
            runs = _runs(epoch, found, small, ending, scale)
            finding = _steps(epoch, runs, called) or _loss(epoch, runs, small, called, number)
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


def _steps(epoch: Mapping[str, Any], runs: Sequence[Pass], called: str) -> Finding | None:
    worst: Finding | None = None
    for number, (step, run) in enumerate(zip(epoch["steps"], runs, strict=True), 1):
        before, after = pairs(step["before"]), pairs(step["after"])
        if before is None or after is None:
            return Finding("After the step some parameters are no arrays.", None, called)
        found = judge_step(run, before, after, runs[number - 2] if number > 1 else None)
        if found is None:
            continue
        mistake, came, right = found
        label = first_wrong(came, right)
        given = {label: dict(zip(right, (p for pair in before for p in pair), strict=True))[label]}
        given |= {f"its gradient d{label[-1]}": run.gradient()[f"{label[:-1]}d{label[-1]}"]}
        notes = (first_difference(came[label], right[label]),)
        what = f"{label} is wrong after step {number} with learning rate {RATE}."
        finding = Finding(what, mistake, called, given, {label: came[label]}, {label: right[label]}, notes)
        if mistake and mistake is not NOTHING_MOVES:  # before the first step a stale gradient is none at all
            return finding
        worst = worst or finding
    return worst


def _loss(epoch: Mapping[str, Any], runs: Sequence[Pass], small: Small, called: str, number: int) -> Finding | None:
    """The loss that an epoch gives: the mean over the examples, each as it was when its batch came, or as after it."""
    losses, sizes = np.array([run.loss() for run in runs]), np.array([run.B for run in runs])
    right = np.asarray((losses * sizes).sum() / sizes.sum())
    came, finding = array_of(epoch["loss"], "train_epoch", called)
    if came is None:
        return finding
    after = [(W, b.reshape(-1, 1)) for W, b in pairs(epoch["steps"][-1]["after"]) or ()]
    whole = np.asarray(Pass(after, small.hidden, runs[-1].ending, small.X, small.Y, runs[-1].factor).loss())
    if came.size == 1 and any(close(came.reshape(()), one, 1e-3) for one in (right, whole)):
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


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not NOTHING_MOVES)
