"""A trace: every tensor of a pass kept, with its shape, its formula and the tensors it was made of.

Names are those of the layers and their tables, "dense1/W", "relu1/da", and for what stands behind the last layer
"loss/a", "loss/dz". An update is "dense1/W_update": what is added to W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError, PellucidError, UsageError
from pellucid.files.sealed import read_sealed, write_sealed
from pellucid.glass.equations import Equation, Sum, Tensors, cell_name, equations
from pellucid.glass.equations.losses import loss as loss_equations
from pellucid.glass.equations.updates import update
from pellucid.layers import walk
from pellucid.loading import restore
from pellucid.names import choose
from pellucid.network import Network
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSProp

VERSION = "trace 1"
LOSS = "loss"  # the name of what stands behind the last layer
OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, Adagrad, RMSProp, Adam, AdamW, Lion)}


@dataclass(frozen=True)
class Traced:
    """What is known of one tensor, beside its numbers.

    Args:
        name: "dense1/dW".
        role: parameter, state, input, output, random, kept, target, loss, gradient or update.
        way: forward, backward or update: the part of the step that it belongs to.
        axes: its axes in letters, "out in".
        formula: what it is made of, with matrices: "dz xᵀ"; empty where it was given.
        cell: the same for one number, with indices.
        because: the rule behind a gradient: "∂z[i]/∂W[i, j] = x[j]".
        parents: the names of the tensors that it was made of.
        same_as: the tensor that has the same numbers, where one layer's output is the next one's input.
    """

    name: str
    role: str
    way: str
    axes: str
    formula: str = ""
    cell: str = ""
    because: str = ""
    parents: tuple[str, ...] = ()
    same_as: str = ""

    @property
    def layer(self) -> str:
        """The layer that it belongs to."""
        return self.name.split("/")[0]

    @property
    def tensor(self) -> str:
        """Its name within the layer."""
        return self.name.split("/")[1]


@dataclass(frozen=True)
class Circumstances:
    """How a trace came about.

    Args:
        training: whether it was a pass of training, in which layers draw and batch normalization measures the batch.
        seed: of what the layers drew.
        loss: the mean loss of the examples.
        loss_after: the same after the update; None without one.
        optimizer: of the update, in the first step that it takes; None without one.
    """

    training: bool
    seed: int
    loss: float
    loss_after: float | None = None
    optimizer: Optimizer | None = None

    @property
    def change(self) -> str:
        """What the update did to the loss: "fell from 2.31 to 2.05"."""
        before, after = self.loss, self.loss_after
        if after is None or after == before:
            return f"stayed at {before:.6g}"
        verb = "fell" if after < before else "rose" if after > before else "went"
        return f"{verb} from {before:.6g} to {after:.6g}"


class Trace:
    """The record of a step.

    `trace["dense1/dW"]` are the numbers, `trace.tensors["dense1/dW"]` is what is known of them, in the order in which
    they were computed, and `trace.sum("dense1/dW", 5, 29)` is where one number comes from.

    Args:
        network: whose layers it went through.
        made: how it came about.
        tensors: what is known of each tensor, by name.
        values: the numbers, by name; not of a tensor that is the same as another.
    """

    def __init__(
        self, network: Network, made: Circumstances, tensors: dict[str, Traced], values: dict[str, NDArray[Any]]
    ) -> None:
        self.network, self.made, self.tensors, self.values = network, made, tensors, values

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The numbers of a tensor.

        Raises:
            UsageError: no such tensor.
        """
        return self.values[choose("tensor", name, self.tensors).same_as or name]

    @cached_property
    def equations(self) -> dict[str, Equation]:
        """How each tensor that was computed comes from others."""
        return dict(book(self.network, self.made, self.__getitem__))

    def sum(self, name: str, *index: int) -> Sum:
        """Where the number at an index of a tensor comes from, term by term; a given number is made of no terms.

        Raises:
            UsageError: no such tensor, or no such place in it.
        """
        values = self[name]
        shape = values.shape
        whole = len(index) == len(shape) and all(isinstance(i, int | np.integer) for i in index)
        if not whole or not all(0 <= i < length for i, length in zip(index, shape, strict=True)):
            raise UsageError(
                f"{cell_name(name, index)} is no number of {name}, whose shape is {shape}. Write one index, from 0, "
                "for each axis."
            )
        equation = self.equations.get(name)
        terms = equation.terms(*index) if equation else ()
        return Sum(cell_name(name, index), float(values[index]), equation, tuple(terms))

    def __repr__(self) -> str:
        return f"Trace({self.network.architecture}, {len(self.tensors)} tensors, loss {self.made.loss:.6g})"

    def _repr_html_(self) -> str:
        from pellucid.glass.notebook import walk  # which knows traces

        return walk(self)

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file, atomically; docs/trace.md describes the format."""
        made = asdict(self.made)
        if optimizer := self.made.optimizer:
            made["optimizer"] = {"kind": type(optimizer).__name__, **made["optimizer"]}
        tensors = [asdict(traced) | {"shape": self[name].shape} for name, traced in self.tensors.items()]
        about = self.network.about() | {"pass": made, "tensors": tensors}
        write_sealed(Path(path), self.values, about, VERSION)

    @classmethod
    def open(cls, path: str | Path) -> Trace:
        """The trace in a file.

        Raises:
            ModelFileError: no such file, no trace, or damaged.
        """
        keys = ("architecture", "output", "loss", "input_shape", "classes", "normalization", "pass", "tensors")
        values, about, sealed = read_sealed(Path(path), "trace", keys, VERSION)
        if not sealed:
            raise ModelFileError(f"{path} is not a trace of pellucid.")
        try:
            made = about.pop("pass")
            if made["optimizer"]:
                made["optimizer"] = OPTIMIZERS[made["optimizer"].pop("kind")](**made["optimizer"])
            tensors = {entry["name"]: _traced(entry) for entry in about.pop("tensors")}
            kept = {name: values[name] for name, traced in tensors.items() if traced.role in ("parameter", "state")}
            network = restore(kept, about)
        except (PellucidError, LookupError, TypeError, AttributeError, ValueError) as error:
            raise ModelFileError(f"{path} does not describe a trace of pellucid: {str(error)[:500]}") from None
        assert isinstance(network, Network)  # `members` is not among the keys
        return cls(network, Circumstances(**made), tensors, values)


def _traced(entry: dict[str, Any]) -> Traced:
    entry.pop("shape")
    return Traced(**entry | {"parents": tuple(entry["parents"])})


def book(
    network: Network, made: Circumstances, values: Callable[[str], NDArray[Any]]
) -> Iterator[tuple[str, Equation]]:
    """The equations of all tensors that a step computes, by their names."""
    for layer in walk(network.layers):
        t = Tensors(layer.name, values, made.training)
        for equation in equations(layer, t):
            yield f"{layer.name}/{equation.tensor}", equation
        for tensor in layer.tensors:
            if made.optimizer and tensor.role == "parameter":
                yield f"{layer.name}/{tensor.name}_update", update(made.optimizer, t, tensor.name)
    for equation in loss_equations(network.loss, Tensors(LOSS, values, made.training)):
        yield f"{LOSS}/{equation.tensor}", equation
