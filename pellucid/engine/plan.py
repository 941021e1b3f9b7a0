"""A plan: what one training step does, as a flat list of kernels on an arena of floats.

In the arena an example is a row (in the reference it is a column: the plan's rows are the transpose). First come the
parameters, then gradients and moments if the optimizer keeps some, then the tensors of a batch. A weight matrix lies as
(in, out), with the bias as one more row behind it, so that a vector of the machine holds neighbouring outputs. Images
lie abreast, the same pixel of 16 images in 16 neighbouring floats, so that a vector holds one pixel of several images.
`kernels/plan.h` declares the same records in C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAD = 16  # floats: a cache line, and the widest vector
TILE_ROWS, PANEL, SPARSE_STRIP, BLOCK, SUMMED = 6, 64, 24, 64, 4096  # what the kernels take at a time
TILE_PIXELS, POINTS, TILES_ABREAST = 4, 8, 4  # what those of convolutions take
IN_C = (PAD, TILE_ROWS, PANEL, SPARSE_STRIP, BLOCK, SUMMED, TILE_PIXELS, POINTS, TILES_ABREAST)  # in kernels/plan.h too

IMAGE_RIM = TILE_PIXELS - 1  # zeros beside the gradient of a convolution that its way back may touch
MOST_PARTS = 64  # of a batch, each with a gradient of its own for what images share
PAGE, GATHERED = 4096, 32  # bytes; columns that a transposition gathers at a time

TENSOR = ("i8", 5)
OPERATION = np.dtype(
    [
        ("kernel", "i8"), ("meet", "i8"), ("carry", "i8"), ("x", *TENSOR), ("y", *TENSOR), ("kept", *TENSOR),
        ("also", *TENSOR),
        ("w", "i8"), ("sums", "i8"), ("inputs", "i8"), ("outputs", "i8"), ("height", "i8"), ("width", "i8"),
        ("rows", "i8"), ("columns", "i8"), ("side", "i8"), ("stride", "i8"), ("padding", "i8"), ("relu", "i8"),
        ("batch", "i8"), ("number", "f8"), ("key", "u4", 2),
    ]
)  # fmt: skip


def padded(width: int) -> int:
    """The floats from one row to the next."""
    return -(-width // PAD) * PAD


def sparse_size(batch: int, features: int) -> int:
    """The floats that a batch takes as X and Xᵀ without what is 0, see sparse_batch in kernels/sparse.h."""
    room = (batch // PAD + 1 | 1) * PAD
    return batch * (2 * features + 1) + features * room


def distortion_size(height: int, width: int, channels: int) -> int:
    """The floats in which a thread distorts an image, see canvas in kernels/distort.h."""
    rimmed = padded((height + 3) * (width + 3))
    return PAD * padded(height * width * channels + PAD) + rimmed + (7 * height + 1) * padded(width)


Place = tuple[int, int, int, int, int]  # of a tensor: first number, unit, thread, plane, row; see kernels/plan.h
NOWHERE: Place = (0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Rows:
    """A tensor of the batch: a row of `width` numbers for each example, beginning at `start` in the arena."""

    start: int
    width: int
    spare: bool = False  # whoever wrote it does not need it again, so the next layer may write over it
    sparse: bool = False  # only what is not 0 is kept, see kernels/sparse.h

    @property
    def place(self) -> Place:
        return (self.start, padded(self.width), 0, 0, 0)


@dataclass(frozen=True)
class Images:
    """Images of the batch abreast, PAD at a time: (channels, height, width, PAD) within a rim of zeros."""

    start: int
    channels: int
    height: int
    width: int
    rim: int = 0
    threads: bool = False  # each thread has PAD of them, which live until the next PAD come
    spare: bool = False
    gradient_rim: int = 0  # that their gradient needs

    @property
    def row(self) -> int:
        return (self.width + 2 * self.rim) * PAD

    @property
    def plane(self) -> int:
        return (self.height + 2 * self.rim) * self.row

    @property
    def size(self) -> int:
        """The floats of PAD images."""
        return self.channels * self.plane

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def place(self) -> Place:
        return self.within(0)

    def within(self, padding: int) -> Place:
        """Where they begin with so much of their rim."""
        first, both = self.start + (self.rim - padding) * (self.row + PAD), (self.size, 0)
        return (first, *(both[::-1] if self.threads else both), self.plane, self.row)


def transpose(target: NDArray[np.float32], source: NDArray[np.float32]) -> None:
    """target ← sourceᵀ, both as rows.

    Rows that begin at the same place of a page push each other out of the cache; there some columns of the source
    at a time are gathered first, which is eight times as fast for 1024×1024.
    """
    if source.strides[0] % PAGE and target.strides[0] % PAGE:
        target[...] = source.T
        return
    for first in range(0, len(target), GATHERED):
        part = slice(first, first + GATHERED)
        target[part] = source[:, part].copy().T


@dataclass(frozen=True)
class Matrix:
    """A dense layer's parameters: W as (in, out) and b as one more row."""

    layer: str
    place: int  # in the arena
    start: int  # in theta
    inputs: int
    outputs: int
    panel: int  # columns that lie together: all of them, or PANEL

    @property
    def size(self) -> int:
        return (self.inputs + 1) * padded(self.outputs)

    def copy(self, arena: NDArray[np.float32], vector: NDArray[np.float32], *, out: bool, shift: int = 0) -> None:
        """Copy W and b between the arena and a flat vector like theta; `shift` leads to the gradient or a moment."""
        middle = self.start + self.outputs * self.inputs
        weights = vector[self.start : middle].reshape(self.outputs, self.inputs)
        bias = vector[middle : middle + self.outputs]
        for first in range(0, self.outputs, self.panel):
            columns = slice(first, min(first + self.panel, self.outputs))
            width = padded(columns.stop - first)
            start = self.place + shift + first * (self.inputs + 1)
            rows = arena[start : start + (self.inputs + 1) * width].reshape(-1, width)[:, : columns.stop - first]
            if out:
                transpose(weights[columns], rows[:-1])
                bias[columns] = rows[-1]
            else:
                transpose(rows[:-1], weights[columns])
                rows[-1] = bias[columns]


@dataclass(frozen=True)
class Vector:
    """A layer's parameters as they lie in theta, or running statistics as they lie in the state."""

    layer: str
    place: int  # in the arena
    start: int  # in theta, or in the state
    count: int
    units: int = 0  # that have weights
    weights: int = 0  # the first so many numbers, those of each unit together

    @property
    def size(self) -> int:
        return padded(self.count)

    def copy(self, arena: NDArray[np.float32], vector: NDArray[np.float32], *, out: bool, shift: int = 0) -> None:
        """Copy them between the arena and a flat vector like theta; `shift` leads to the gradient or a moment."""
        outside = vector[self.start : self.start + self.count]
        inside = arena[self.place + shift : self.place + shift + self.count]
        if out:
            outside[...] = inside
        else:
            inside[...] = outside


@dataclass(frozen=True)
class Operation:
    """One kernel's work, with what people want to know of it."""

    kernel: str
    layer: str  # its name, or "input", "loss", "optimizer"
    shapes: str
    arithmetic: int  # multiplications, additions and function values in a step of a whole batch
    bytes: int  # read and written in such a step
    x: Place = NOWHERE
    y: Place = NOWHERE
    kept: Place = NOWHERE
    also: Place = NOWHERE
    carry: int = 0  # examples that a thread carries through it; 0: it shares out its work itself
    w: int = 0
    sums: int = 0
    inputs: int = 0
    outputs: int = 0
    height: int = 0
    width: int = 0
    rows: int = 0
    columns: int = 0
    side: int = 0
    stride: int = 0
    padding: int = 0
    relu: bool = False
    batch: int = 0
    number: float = 0.0
    key: tuple[int, int] = (0, 0)
    meet: bool = False  # the threads wait for each other before it


Prepare = Callable[[NDArray[np.float32], NDArray[np.float32]], None]  # changes copies of theta and state


@dataclass
class Plan:
    """The operations of a step in their order, and the arena that they need."""

    batch_size: int
    rule: Any  # the optimizer, a record of lowering/rule.py
    parameters: list[Matrix | Vector]
    operations: list[Operation] = field(default_factory=list)
    size: int = 0  # floats of the arena
    scratch: int = PAD  # floats of scratch for each thread
    part: int = 1  # examples that stay with one thread
    state: list[Vector] = field(default_factory=list)  # running statistics
    prepared: list[Prepare] = field(default_factory=list)  # before a prediction packs them

    def records(self, kernels: tuple[str, ...]) -> NDArray[Any]:
        """The operations as the C code reads them; `kernels` is its table."""
        names = OPERATION.names[1:] if OPERATION.names else ()
        rows = [(kernels.index(o.kernel), *(getattr(o, name) for name in names)) for o in self.operations]
        return np.array(rows, OPERATION)

    def __str__(self) -> str:
        head = ("kernel", "layer", "shapes", "arithmetic", "bytes")
        rows = [(o.kernel, o.layer, o.shapes, f"{o.arithmetic:,}", f"{o.bytes:,}") for o in self.operations]
        total = (
            "in all",
            "",
            "",
            f"{sum(o.arithmetic for o in self.operations):,}",
            f"{sum(o.bytes for o in self.operations):,}",
        )
        widths = [max(len(row[i]) for row in (head, *rows, total)) for i in range(5)]

        def line(row: tuple[str, ...]) -> str:
            texts = [f"{cell:<{width}}" for cell, width in zip(row[:3], widths[:3], strict=True)]
            return "  ".join(
                texts + [f"{cell:>{width}}" for cell, width in zip(row[3:], widths[3:], strict=True)]
            ).rstrip()

        rule = "-" * len(line(head))
        lines = [line(head), rule]
        for operation, row in zip(self.operations, rows, strict=True):
            if operation.meet:
                lines.append("  · the threads meet ·")
            lines.append(line(row))
        return "\n".join([*lines, rule, line(total)])
