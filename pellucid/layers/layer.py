"""What every layer is: a table of its tensors, a rule for shapes, and two formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, dataclass_transform

import numpy as np

from pellucid.errors import ShapeError, UsageError
from pellucid.initializers import Initializer
from pellucid.randomness import Draws

Array = Any  # an array of any library that shares NumPy's operators
Shape = tuple[int, ...]
Role = Literal["parameter", "state", "input", "output", "random", "kept"]


@dataclass(frozen=True)
class Tensor:
    """The declaration of one tensor: its name, its axes in letters, what it is for.

    `B` is the number of examples and always last; `...` stands for the whole input shape of the layer, or output shape.
    The gradient of a tensor `W` is `dW`, has its shape, and needs no declaration of its own. What the forward pass
    draws (random) or keeps for the backward pass (kept) has none.
    """

    name: str
    axes: str
    role: Role


class Numbers:
    """The numbers of one layer in one pass: `t.W`, `t.x`, `t.z`, `t.dz`, ...

    Parameters, their gradients and the state are views of the workspace's flat vectors; everything else is
    set by `forward` and `backward` as the pass goes.
    """

    def __init__(self, layer: str, xp: Any, index: int = 0) -> None:
        self.layer = layer
        self.xp = xp  # the array library: NumPy, or one that names things as NumPy does
        self.index = index  # of the layer among all of the network
        self.parts: list[Numbers] = []  # of the layers inside it
        self.needs_dx = True  # False where nobody reads the gradient of the layer's input
        self.random: Draws | None = None  # what the layer draws from in a training pass; None in any other

    @property
    def training(self) -> bool:
        """Whether this is a training pass, in which layers draw, and measure the batch."""
        return self.random is not None

    @property
    def disturbance(self) -> Draws | None:
        """What dropout and noise draw from; None where they let everything through."""
        return None if self.random is None or self.random.still else self.random

    if TYPE_CHECKING:  # any name may be set; the layers' tables say which are

        def __setattr__(self, name: str, value: Array) -> None: ...

    def __getattr__(self, name: str) -> Array:
        raise AttributeError(f"{vars(self).get('layer')} has no {name} here; was the pass that computes it run?")


@dataclass_transform(eq_default=False)
class Layer:
    """A formula: hyperparameters, shapes, `forward` and `backward`. The numbers live in a workspace.

    Every subclass becomes a dataclass of the hyperparameters that it annotates, and declares `kind` and `tensors`. Once
    a network owns the layer, `layer.W` reads the network's own parameters, and assigning to it copies into them.
    """

    kind: ClassVar[str]
    tensors: ClassVar[tuple[Tensor, ...]]

    transparent: ClassVar[bool] = False  # whether the layer before it begins as fits the one behind it

    input: ClassVar[str]  # names of the tensors it reads and writes, taken from the table
    output: ClassVar[str]

    name: str = ""  # kind and number, given by the network: dense1
    source: str = ""  # what gave it its input shape, for messages: "pool1 leaves"
    parts: Sequence[Layer] = ()  # the layers inside it
    numbers: Numbers | None = None  # the network's own, for reading layer.W
    sizes: dict[str, int]  # axis letter -> length, set by build
    input_shape: Shape = ()
    output_shape: Shape = ()

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)
        names = {tensor.role: tensor.name for tensor in cls.tensors}
        cls.input, cls.output = names["input"], names["output"]

    def build(self, input_shape: Shape) -> Shape:
        """Take the shape of one example, return the shape of what the layer makes of it: by default the same."""
        self.sizes = {}
        return input_shape

    def initialize(self, t: Numbers, rng: np.random.Generator, default: Initializer) -> None:
        """Draw the first parameters; a layer without any does nothing."""

    def forward(self, t: Numbers) -> None:
        """Compute the output tensor from the input and the parameters."""
        raise NotImplementedError

    def backward(self, t: Numbers) -> None:
        """Compute the gradients of parameters and input from the gradient of the output."""
        raise NotImplementedError

    def branches(self, t: Numbers) -> Array | None:
        """Which piece of a piecewise formula each element took in the last forward pass (None: smooth)."""
        return None

    def notation(self) -> str:
        """How the layer is written in an architecture."""
        raise UsageError(f"{self.name or type(self).__name__} has no place in the notation of architectures")

    def shape_of(self, tensor: Tensor, examples: int = 0) -> Shape:
        """The shape of one of its tensors, in numbers, for so many examples."""
        sizes = {**self.sizes, "B": examples}
        whole = self.output_shape if tensor.role == "output" else self.input_shape
        axes = tensor.axes.replace("...", " ".join(map(str, whole))).split()
        return tuple(int(axis) if axis.isdigit() else sizes[axis] for axis in axes)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "numbers"}

    def __getattr__(self, name: str) -> Array:
        if any(name.removeprefix("d") == tensor.name for tensor in self.tensors) and self.numbers is not None:
            return getattr(self.numbers, name)
        raise AttributeError(f"{self.name or type(self).__name__} has no {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if any(name.removeprefix("d") == t.name for t in self.tensors if t.role in ("parameter", "state")):
            assign(f"{self.name}.{name}", getattr(self, name), value)
        else:
            super().__setattr__(name, value)


def assign(name: str, view: Array, value: Array) -> None:
    """Copy `value` into `view`; the shapes must be equal, nothing is broadcast.

    Raises:
        ShapeError: the shapes differ; (n,) for (n, 1) differs too.
    """
    shape = tuple(getattr(value, "shape", ()))
    if shape != tuple(view.shape):
        column = shape == (view.shape[0],) and tuple(view.shape) == (view.shape[0], 1)
        remedy = "Write value.reshape(-1, 1) to make it a column." if column else "Give it that shape."
        raise ShapeError(f"{name} has shape {tuple(view.shape)}, but a value of shape {shape} came. {remedy}")
    view[...] = value
