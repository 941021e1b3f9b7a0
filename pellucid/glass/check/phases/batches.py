"""Which examples a batch holds, and in which order: what the batch iterator and the training loop have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.glass.check.mistake import Array, Finding, Mistake

X_WITHOUT_Y = Mistake(
    "x-shuffled-without-y",
    "the examples are in another order than their labels",
    "Each image is then trained with the label of another one; the network can learn nothing but the frequencies.",
    "Draw one permutation, and use it for both: `X[:, index]`, `Y[:, index]`.",
)
LAST_BATCH_DROPPED = Mistake(
    "last-batch-dropped",
    "the examples of the last, shorter batch are left out",
    "`n // batch_size` batches hold only full ones; with 10 examples in batches of 4 two are never seen.",
    "`for start in range(0, n, batch_size)`, and `end = min(start + batch_size, n)`.",
)
SAME_BATCH = Mistake(
    "always-the-first-batch",
    "every batch holds the same examples",
    "The slice does not move, so the network learns a few examples by heart and never sees the others.",
    "`index[start:start + batch_size]`, with `start` from the loop.",
)
DRAWN_AGAIN = Mistake(
    "examples-drawn-with-repeats",
    "some examples come twice in an epoch, others never",
    "A fresh permutation, or a random choice, for each batch begins anew. An epoch is one pass over all examples.",
    "Draw one permutation before the loop over the batches: `np.random.permutation(n)`.",
)
SIZE_IGNORED = Mistake(
    "batch-size-ignored",
    "one batch holds all examples, whatever the batch size",
    "That is full-batch descent: one step for each pass over the data, where batches of 32 would take 1,875.",
    "`for start in range(0, n, batch_size)`, and of each batch only `index[start:start + batch_size]`.",
)
ROWS_CUT = Mistake(
    "batch-cuts-rows",
    "rows are taken where columns were meant",
    "`X[start:end]` takes rows, which are pixels here. An example is a column.",
    "`X[:, start:end]`, and the same for Y.",
)
FIRST_ALONE = Mistake(
    "stops-after-the-first-batch",
    "an epoch has one batch, and leaves the other examples out",
    "A `return` inside of the loop ends the epoch; so does a count of rows, `X.shape[0]`, where that of the "
    "examples was meant.",
    "`return` after the loop, and `n_samples = X.shape[1]`.",
)
MISTAKES = (X_WITHOUT_Y, LAST_BATCH_DROPPED, FIRST_ALONE, SAME_BATCH, DRAWN_AGAIN, SIZE_IGNORED, ROWS_CUT)


def columns_of(batch: Array, X: Array) -> list[int] | None:
    """Which columns of X a batch holds, or None where it holds others."""
    if batch.ndim != 2 or batch.shape[0] != X.shape[0]:
        return None
    found = []
    for column in batch.T:
        at = np.flatnonzero(np.isclose(X, column[:, None], rtol=0, atol=1e-5).all(axis=0))
        if not at.size:
            return None
        found.append(int(at[0]))
    return found


def judge_batches(
    batches: Sequence[tuple[Array, Array]], X: Array, Y: Array, size: int, called: str
) -> tuple[Finding | None, list[int]]:
    """The first thing that is wrong with an epoch's batches; and the order in which the examples came."""
    count = X.shape[1]
    order: list[int] = []
    for number, (x, y) in enumerate(batches, 1):
        columns = columns_of(x, X)
        if columns is None:
            mistake = ROWS_CUT if x.ndim == 2 and x.shape[1] == count and x.shape[0] <= size else None
            what = f"Batch {number} is of shape {x.shape} and holds no columns of X, whose shape is {X.shape}."
            return Finding(what, mistake, called, {"X": X}, {"X_batch": x}, {"X_batch": X[:, :size]}), order
        expected = Y[:, columns]
        if y.shape != expected.shape or not np.allclose(y, expected):
            matches = y.ndim == 2 and y.shape == expected.shape and _are_columns(y, Y)
            what = f"In batch {number} the labels are not those of the examples."
            given = {"examples": np.array(columns), "X": X, "Y": Y}
            return Finding(
                what, X_WITHOUT_Y if matches else None, called, given, {"Y_batch": y}, {"Y_batch": expected}
            ), order
        order += columns
    missing = sorted(set(range(count)) - set(order))
    if not missing and len(order) == count and len(batches) > 1:
        return None, order
    sizes = [x.shape[1] for x, _ in batches]
    what = f"{count} examples in batches of {size}: an epoch had batches of {sizes}, with examples {order}."
    full = count - count % size
    mistake = None
    if len(order) == full and len(set(order)) == full:
        mistake = LAST_BATCH_DROPPED
    elif len(batches) == 1 and len(order) == count:
        mistake = SIZE_IGNORED
    elif len(batches) == 1 and len(order) == len(set(order)) <= size:
        mistake = FIRST_ALONE
    elif len(batches) > 1 and len({tuple(order[k : k + size]) for k in range(0, full, size)}) == 1:
        mistake = SAME_BATCH
    elif len(set(order)) < len(order):
        mistake = DRAWN_AGAIN
    notes = (f"never seen: {missing}",) if missing else ()
    right = f"each of 0 ... {count - 1} once, in batches of {[size] * (count // size) + [count % size]}"
    return Finding(what, mistake, called, {"X": X}, {"examples": np.array(order)}, {"examples": right}, notes), order


def _are_columns(y: Array, Y: Array) -> bool:
    """Whether the labels of a batch are at least some of the labels."""
    return all(any(np.allclose(column, other) for other in Y.T) for column in y.T)
