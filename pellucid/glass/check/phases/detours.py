"""Phase 4: mistakes about the way that the gradient takes through the network, and about what it is divided by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.glass.check.formulas import Pass, changed
from pellucid.glass.check.mistake import Mistake

SLOPE_TWICE = Mistake(
    "derivative-applied-twice",
    "the activation's derivative is multiplied in twice",
    "On the way back one passes each activation once. σ' is at most ¼, so that twice leaves at most a sixteenth. "
    "(ReLU's derivative is 0 or 1, and twice the same.)",
    "`dL_dz = dL_da * sigmoid_derivative(self.z)`, in the layer alone and not in the network's loop too.",
)
NOT_PASSED_ON = Mistake(
    "gradient-not-passed-on",
    "every layer gets ŷ − y, not what the layer behind it hands back",
    "ŷ − y belongs to the output. What a hidden layer has to do with the loss goes through the weights behind it.",
    "In the loop: `dL_da = layer.backward(dL_da)`.",
)
DIVIDED_BY_ROWS = Mistake(
    "divided-by-the-rows",
    "the number of rows is divided by, where that of the examples is meant",
    "An example is a column, so X is (features, examples): `len(X)` and `X.shape[0]` count the features.",
    "`batch_size = self.input.shape[1]`.",
)


def _over(rows: Callable[[Any, int], int]) -> dict[str, Any]:
    """The gradient's sums divided by some number of rows."""
    return {
        "dW": lambda self, k, dz: dz @ self.xs[k].T / rows(self, k),
        "db": lambda self, k, dz: dz.sum(axis=1, keepdims=True) / rows(self, k),
    }


ROWS: tuple[dict[str, Any], ...] = (
    _over(lambda self, k: len(self.xs[k])),
    _over(lambda self, k: len(self.X)),
    _over(lambda self, k: len(self.Y)),
)
LINES: tuple[tuple[Mistake, type[Pass]], ...] = (
    (SLOPE_TWICE, changed(through=lambda self, k, da: da * self.slope(self.zs[k]) ** 2)),
    (NOT_PASSED_ON, changed(dx=lambda self, k, dz: self.error())),
    *((DIVIDED_BY_ROWS, changed(dW=lines["dW"])) for lines in ROWS),
    *((DIVIDED_BY_ROWS, changed(**lines)) for lines in ROWS),
)
MISTAKES = (SLOPE_TWICE, NOT_PASSED_ON, DIVIDED_BY_ROWS)
