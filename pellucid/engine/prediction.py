"""Prediction: by the kernels, or where there are none for this network or machine by the formulas, in parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations_of
from pellucid.data.normalization import Normalization
from pellucid.engine import reference
from pellucid.engine.compiled import copy, instruction_set, missing, prepare
from pellucid.engine.lowering import AT_ONCE, FEW, lower_few, lower_many
from pellucid.engine.native import as_rows, unavailable
from pellucid.engine.plan import Plan
from pellucid.errors import NumericError
from pellucid.layers import Layer, Numbers, walk
from pellucid.layers.activation import Activation
from pellucid.losses import Loss
from pellucid.machine import cores
from pellucid.workspace import Workspace

Floats = NDArray[Any]

FEW_OPERATIONS = 2 * 10**7  # of few examples; other threads of Python wait meanwhile, about 0.3 ms
ONE_OPERATIONS = 2 * 10**8  # of one, which among many would take as long as 16: about 3 ms
WORK_AT_ONCE = 2 * 10**8  # operations of the examples that go through the formulas together
NATIVE_WORK_AT_ONCE = 10**10  # and through the kernels, about 0.1 s: then an interruption is noticed
MOST_RUNNERS = 2  # that wait for the next prediction; each has an arena and threads


def whole(theta: Floats, state: Floats) -> tuple[Floats, Floats]:
    """Copies, which are as they were between two chunks of the native engine, which may be training beside us."""
    kept = np.empty_like(theta), np.empty_like(state)
    if theta.dtype == np.float32 and not missing():
        copy(kept[0], theta, kept[1], state)
    else:
        kept[0][...], kept[1][...] = theta, state
    return kept


def check_finite(outputs: NDArray[Any]) -> NDArray[Any]:
    """The outputs of a network, if they are finite (NumericError)."""
    bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if bad:
        raise NumericError(
            f"The outputs for {bad} of {len(outputs)} examples are NaN or infinite: the weights of the network, or the "
            "values of the examples, are too large."
        )
    return outputs


class Runner:
    """A plan with an arena of its own, for one prediction at a time."""

    def __init__(self, plan: Plan, threads: int) -> None:
        self.plan = plan
        self.arena, self.native = prepare(plan, threads, instruction_set())
        self.packed: tuple[Floats, Floats] | None = None  # theta and state, as the arena has them

    def pack(self, theta: Floats, state: Floats) -> None:
        """Bring the arena to this theta and state, if they have changed: to compare them takes far less time."""
        if self.packed is None:
            self.packed = whole(theta, state)
        elif not copy(self.packed[0], theta, self.packed[1], state):
            return
        theta, state = self.packed
        if self.plan.prepared:
            theta, state = theta.copy(), state.copy()
        with np.errstate(all="ignore"):  # check_finite says it in words
            for change in self.plan.prepared:
                change(theta, state)
        for part, vector in ((self.plan.parameters, theta), (self.plan.state, state)):
            for numbers in part:
                numbers.copy(self.arena, vector, out=False)

    def __call__(
        self, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization, outputs: Floats
    ) -> bool:
        """Fill in the outputs for the images; whether all are finite."""
        rows, channels = as_rows(images)
        area, scale, offset = rows.size // len(rows) // channels, normalization.scale, normalization.offset
        finite: bool = self.native.predict(rows, theta, state, area, channels, scale, offset, outputs)
        return finite


@dataclass
class Made:
    """What was made for these formulas: link and slopes, which may be changed."""

    formulas: list[Any]
    few: Runner | None = None  # None where there are no kernels
    idle: deque[Runner] = field(default_factory=deque)  # for many examples


class Predictor:
    """Predicts by the kernels, where there are some for these layers, else by the formulas in parts.

    Several threads may ask at once. Few examples take some µs with the GIL held, and read theta and state where they
    lie. For many, each thread has a runner of its own, in which they are packed, and the GIL is released.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.outputs, self.operations = prod(layers[-1].output_shape), operations_of(layers)
        self.sloped = [layer for layer in walk(layers) if "slope" in vars(layer)]
        self.made = Made([])

    def __call__(
        self, loss: Loss, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization
    ) -> Floats:
        """The outputs (N, outputs) for images (N, ...), few or many.

        Raises:
            NumericError: outputs that are not finite.
        """
        few = self.few(loss.link, theta, state, images, normalization)
        return self.many(loss, theta, state, images, normalization)[0] if few is None else few

    def few(
        self, link: Activation, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization
    ) -> Floats | None:
        """The outputs (N, outputs) for a few images (N, ...); None where `many` is to be asked.

        Raises:
            NumericError: outputs that are not finite.
        """
        count = len(images)
        if count > FEW or count * self.operations > (FEW_OPERATIONS if count > 1 else ONE_OPERATIONS):
            return None
        few = self._made_for(link, theta).few
        if few is None:
            return None
        outputs = np.empty((count, self.outputs), np.float32)
        return outputs if few(theta, state, images, normalization, outputs) else check_finite(outputs)

    @np.errstate(over="ignore", invalid="ignore")  # check_finite says it in words
    def many(
        self, loss: Loss, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization,
        targets: NDArray[Any] | None = None,
    ) -> tuple[Floats, float]:  # fmt: skip
        """The outputs (N, outputs) for images (N, ...), and where there are targets (N, outputs) the mean loss.

        Raises:
            NumericError: outputs that are not finite.
        """
        outputs, total, t = np.empty((len(images), self.outputs), theta.dtype), 0.0, Numbers("the loss", np)
        for part, z in self.logits(loss.link, theta, state, images, normalization):
            t.z = z
            if targets is None:
                loss.link.forward(t)
            else:
                t.y = targets[part].T
                loss.forward(t)
                total += float(t.losses.sum(dtype=np.float64))
            outputs[part] = t.a.T
        return check_finite(outputs), total / len(images)

    def logits(
        self, link: Activation, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization
    ) -> Iterator[tuple[slice, Floats]]:
        """What the link is given for images (N, ...), in parts of them: (outputs, N)."""
        made, asked = self._made_for(link, theta), (theta, state, images, normalization)
        return self._by_kernels(made.idle, *asked) if made.few else self._by_formulas(*asked)

    def _by_kernels(
        self, idle: deque[Runner], theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization
    ) -> Iterator[tuple[slice, Floats]]:
        """The logits, for all images at once."""
        try:
            runner = idle.pop()
        except IndexError:  # all are busy
            runner = Runner(lower_many(self.layers, cores()), cores())
        runner.pack(theta, state)
        logits = np.empty((len(images), self.outputs), np.float32)
        for part in _parts(len(images), max(AT_ONCE, NATIVE_WORK_AT_ONCE // self.operations)):
            runner(theta, state, images[part], normalization, logits[part])
        if len(idle) < MOST_RUNNERS:
            idle.append(runner)
        yield slice(None), logits.T

    def _by_formulas(
        self, theta: Floats, state: Floats, images: NDArray[Any], normalization: Normalization
    ) -> Iterator[tuple[slice, Floats]]:
        """The logits, part by part."""
        theta, state = whole(theta, state)
        workspace = Workspace(self.layers, theta, state=state)
        for part in _parts(len(images), max(1, WORK_AT_ONCE // self.operations)):
            x = normalization.columns(images[part], theta.dtype, workspace.input_shape)
            yield part, reference.forward(workspace, x)

    def _made_for(self, link: Activation, theta: Floats) -> Made:
        formulas = [link.kind, *[vars(layer)["slope"] for layer in self.sloped]]
        made = self.made
        if made.formulas != formulas:
            made = Made(formulas)
            if not unavailable(self.layers, theta.dtype):
                made.few = Runner(lower_few(self.layers, link), 1)
            self.made = made
        return made


def _parts(count: int, at_once: int) -> Iterator[slice]:
    return (slice(start, start + at_once) for start in range(0, count, at_once))
