"""Norms of weights, gradients and updates, layer by layer, while a network trains."""

from __future__ import annotations

import csv
import io
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import rows
from pellucid.files.atomic import write_atomic
from pellucid.workspace import slots


class Row(NamedTuple):
    """A layer in one step; its parameters are taken as one vector, W and b together."""

    step: int  # 1, 2, ...
    layer: str
    weights: float  # ‖W‖ before the step
    gradient: float  # ‖∇L‖ of the step's batch: of the loss alone, without penalties and clipping
    update: float  # ‖ΔW‖, what the step did
    ratio: float  # ‖ΔW‖ / ‖W‖; about 0.001 is usual, 0 where W is 0


KINDS = (int, str, float, float, float, float)


class Norms(Callback):
    """Keeps ‖W‖, ‖∇L‖, ‖ΔW‖ and ‖ΔW‖/‖W‖ of each layer with parameters, at every so many steps.

    `norms.rows` is the table, `norms["dense1"]` the layer's last row, `print(norms)` shows the last step. The gradient
    is computed anew by the reference formulas, beside the training, since kernels may never hold one: from the very
    batch, its distortions and what layers draw, at the weights before the step. Watching changes no bit.

    Args:
        every: so many steps; each costs about what a step of the reference engine costs.
    """

    def __init__(self, every: int = 100) -> None:
        self.every = every
        self.rows: list[Row] = []

    def on_train_batch_begin(self, batch: int, logs: Progress) -> None:
        self.theta, self.gradient = self.model.theta.copy(), logs.source.epoch.gradient(self.model)

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        update = self.model.theta - self.theta
        for name, group in groupby(slots(self.model.layers, "parameter"), lambda slot: slot.layer.name):
            places = list(group)
            part = slice(places[0].start, places[-1].stop)
            W, g, dW = (_norm(vector[part]) for vector in (self.theta, self.gradient, update))
            self.rows.append(Row(logs.step, name, W, g, dW, dW / W if W else 0.0))

    def __getitem__(self, layer: str) -> Row:
        return next(row for row in reversed(self.rows) if row.layer == layer)

    def __str__(self) -> str:
        head = ("layer", "‖W‖", "‖∇L‖", "‖ΔW‖", "‖ΔW‖/‖W‖")
        last = [row for row in self.rows if row.step == self.rows[-1].step]
        lines = [head, *((row.layer, *(f"{value:.3g}" for value in row[2:])) for row in last)]
        width = max(len(line[0]) for line in lines)
        table = [f"{line[0]:<{width}}" + "".join(f"{cell:>11}" for cell in line[1:]) for line in lines]
        return "\n".join([f"step {last[0].step}" if last else "no step yet", *table])

    def write(self, path: str | Path) -> None:
        """Write all rows as a CSV file, atomically."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([Row._fields, *self.rows])
        write_atomic(Path(path), text.getvalue().encode())

    def state(self) -> dict[str, Any]:
        return {"rows": [list(row) for row in self.rows]} if self.rows else {}

    def restore(self, state: dict[str, Any]) -> None:
        self.rows = [Row(*row) for row in rows(state, KINDS)]


def _norm(vector: NDArray[Any]) -> float:
    return float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
