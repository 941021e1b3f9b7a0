"""Making a trace: one pass through a network, forwards, backwards and through an update, of which all is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Dataset
from pellucid.engine.reference import gradient_of, loss_of
from pellucid.errors import UsageError
from pellucid.glass.equations import Equation
from pellucid.glass.trace import LOSS, Circumstances, Trace, Traced, book
from pellucid.layers import Layer, walk
from pellucid.losses import for_labels
from pellucid.names import choose
from pellucid.network import DTYPES, Network
from pellucid.optimizers import Optimizer
from pellucid.randomness import Draws
from pellucid.workspace import Workspace, slots


@np.errstate(over="ignore", invalid="ignore")  # a loss that is NaN is for the caller to see
def trace(
    network: Network,
    images: Dataset | NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    training: bool = False,
    optimizer: Optimizer | None = None,
    dtype: Any = None,
    seed: int = 0,
) -> Trace:
    """Keep every tensor of a pass of these examples through a network, forwards and backwards.

    The network is only read, but for `network.gradient`, which is this pass's gradient afterwards.

    Args:
        network: at its present parameters.
        images: (N, 784), (N, 28, 28), ..., or a Dataset with its labels.
        labels: (N,) classes, or (N, outputs) targets.
        training: a pass of training, in which dropout drops, noise is added and batch normalization measures the
            batch; by default a pass of prediction.
        optimizer: take its first step too, and record what it adds to each parameter and what the loss is then.
        dtype: float32 or float64, to compute with; by default the network's own.
        seed: of what layers draw in a pass of training.

    Raises:
        ShapeError, DataError: examples that the network cannot read.
        UsageError: no labels, or another dtype.
    """
    if not isinstance(network, Network):
        raise UsageError(f"A trace is of a Network, such as pl.load(...) gives; {network!r:.80} came.")
    if not isinstance(optimizer, Optimizer | None):
        raise UsageError(f"optimizer is one such as pl.SGD(0.1), or None; {optimizer!r:.80} came.")
    images, targets = network.check_examples(images, labels)
    name = dtype if isinstance(dtype, str) else np.dtype(dtype or network.dtype).name
    dtype = np.dtype(choose("dtype", name, DTYPES))
    theta, state = network.theta.astype(dtype), network.state.astype(dtype)
    workspace = Workspace(network.layers, theta, np.zeros_like(theta), state.copy())
    loss, random = for_labels(network.loss, labels), Draws(seed, step=1) if training else None
    x, y = network.normalization.columns(images, dtype, workspace.input_shape), targets.T.astype(dtype)
    mean_loss = float(gradient_of(workspace, loss, x, y, random, input_gradient=True).loss)
    network.gradient[...] = workspace.gradient
    values = _numbers(workspace)
    for slot in slots(network.layers, "state"):
        values[f"{slot.name}_update"], values[slot.name] = values[slot.name] - slot.view(state), slot.view(state)
    after = None
    if optimizer is not None:
        added = _first_step(optimizer, theta.astype(np.float64), np.asarray(workspace.gradient, np.float64))
        values |= {f"{slot.name}_update": slot.view(added).astype(dtype) for slot in workspace.parameters}
        there = Workspace(network.layers, (theta + added).astype(dtype), None, state.copy())
        after = float(loss_of(there, loss, x, y, random).loss)
    made = Circumstances(training, seed, mean_loss, after, optimizer)
    tensors = _table(network, made, values)
    kept = {name: np.asarray(values[name]) for name, traced in tensors.items() if not traced.same_as}
    return Trace(network, made, tensors, kept)


def _first_step(optimizer: Optimizer, theta: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the optimizer's first step adds to theta; taken from 0, so that no digit of it is lost beside theta's."""
    added, decay = np.zeros_like(theta), optimizer.weight_decay
    moments = [np.zeros_like(theta) for _ in range(optimizer.moments)]
    rate = optimizer.learning_rate
    optimizer.move(added, g if optimizer.decoupled else g + decay * theta, moments, 1, rate)
    return added - rate * decay * theta if optimizer.decoupled else added


def _numbers(workspace: Workspace) -> dict[str, Any]:
    """All that a pass left in its workspace, by name."""
    everything = {**workspace.of, LOSS: workspace.loss}
    hidden = ("layer", "xp", "index", "parts", "needs_dx", "random")
    return {
        f"{name}/{tensor}": value for name, t in everything.items()
        for tensor, value in vars(t).items() if tensor not in hidden
    }  # fmt: skip


def _table(network: Network, made: Circumstances, values: dict[str, Any]) -> dict[str, Traced]:
    """What is known of each tensor, in the order of the step."""
    found = dict(book(network, made, values.__getitem__))
    tensors: dict[str, Traced] = {}
    first: dict[int, str] = {}  # the first name of each array
    steps = (
        _forward(network.layers, found), _of_loss(values), _backward(network.layers, found),
        _updates(network.layers, found),
    )  # fmt: skip
    for name, role, way, axes in chain(*steps):
        same = first.setdefault(id(values[name]), name)
        traced = Traced(name, role, way, axes, same_as="" if same == name else same)
        if equation := found.get(name):
            parents = tuple(parent if "/" in parent else f"{traced.layer}/{parent}" for parent in equation.parents)
            traced = replace(
                traced, formula=equation.formula, cell=equation.cell, because=equation.because, parents=parents
            )
        tensors[name] = traced
    return tensors


Row = tuple[str, str, str, str]  # name, role, way, axes


def _forward(layers: Sequence[Layer], found: Mapping[str, Equation]) -> Iterator[Row]:
    """What a layer reads, has and computes, in this order; the layers inside it come before its output."""
    for layer in layers:
        table = {f"{layer.name}/{tensor.name}": tensor for tensor in layer.tensors}
        given = [name for name in table if name not in found]
        computed = [name for name in found if name in table]
        for name in (*given, *computed[:-1]):
            yield name, table[name].role, "forward", table[name].axes
        yield from _forward(layer.parts, found)
        yield computed[-1], "output", "forward", table[computed[-1]].axes


def _backward(layers: Sequence[Layer], found: Mapping[str, Equation]) -> Iterator[Row]:
    """The gradients, the last layer's first."""
    for layer in reversed(layers):
        axes = {f"{layer.name}/d{tensor.name}": tensor.axes for tensor in layer.tensors}
        arriving = f"{layer.name}/d{layer.output}"
        yield arriving, "gradient", "backward", axes[arriving]
        yield from _backward(layer.parts, found)
        for name in found:
            if name in axes and name != arriving:
                yield name, "gradient", "backward", axes[name]


def _of_loss(values: Mapping[str, Any]) -> Iterator[Row]:
    """What stands behind the last layer."""
    axes = {"w": "B", "losses": "B", "loss": ""}
    roles = {"z": "input", "y": "target", "w": "target", "a": "output", "losses": "loss", "loss": "loss"}
    for tensor, role in roles.items():
        yield f"{LOSS}/{tensor}", role, "forward", axes.get(tensor, "outputs B")
    for tensor in ("da", "dz"):
        if f"{LOSS}/{tensor}" in values:
            yield f"{LOSS}/{tensor}", "gradient", "backward", "outputs B"


def _updates(layers: Sequence[Layer], found: Mapping[str, Equation]) -> Iterator[Row]:
    """What is added to parameters and running statistics."""
    for layer in walk(layers):
        for tensor in layer.tensors:
            if (name := f"{layer.name}/{tensor.name}_update") in found:
                yield name, "update", "update", tensor.axes
