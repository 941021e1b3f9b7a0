"""A step of a network as people read it: layer by layer, forwards, backwards, and through the update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.cli.matrices import draw
from pellucid.cli.picture import show_image
from pellucid.errors import UsageError
from pellucid.glass.curves import blocks
from pellucid.glass.equations import Sum, Term
from pellucid.glass.nudge import Nudge, nudge
from pellucid.glass.trace import LOSS, Trace, Traced
from pellucid.losses import decide

BAR = 24
TERMS = 12  # of a sum that are printed, the largest first
BINS = 15  # of the histogram of a tensor's numbers
FORWARD, BACKWARD, UPDATE = (
    "FORWARD: from the image to the answer",
    "BACKWARD: the chain rule, from the loss back to the first weights",
    "UPDATE: a step against the gradient",
)


@dataclass(frozen=True)
class Cell:
    """One number of a trace: where it comes from, where its gradient does, and three ways to know that one."""

    value: Sum
    gradient: Sum | None
    nudged: Nudge | None

    @classmethod
    def of(cls, trace: Trace, text: str) -> Cell:
        """The cell that is written TENSOR/I/J, dense2/W/5/17.

        Raises:
            UsageError: it is not written so, or there is none.
        """
        layer, tensor, *index = [*text.split("/"), ""][: max(2, text.count("/") + 1)]
        if not tensor or not all(part.isdecimal() for part in index):
            raise UsageError(f"A cell is written TENSOR/I/J, such as dense1/W/5/29; {text!r} came.")
        name, place = f"{layer}/{tensor}", tuple(map(int, index))
        value = trace.sum(name, *place)
        gradient = trace.sum(f"{layer}/d{tensor}", *place) if f"{layer}/d{tensor}" in trace.tensors else None
        trained = trace.tensors[name].role == "parameter"
        return cls(value, gradient, nudge(trace, name, *place) if trained else None)

    @property
    def sums(self) -> list[Sum]:
        """The number's own and that of its gradient, where they are made of anything."""
        return [one for one in (self.value, self.gradient) if one is not None and one.equation is not None]


# For people


def lines(
    trace: Trace, words: str, image: NDArray[Any], shape: tuple[int, int, int], cells: Sequence[Cell]
) -> Iterator[str]:
    """The whole step, or only the cells that were asked for."""
    yield f"{trace.network.architecture}, {trace.network.theta.size:,} parameters; {words}"
    if trace.made.training:
        yield f"A pass of training, with the draws of seed {trace.made.seed}."
    yield ""
    if cells:
        for cell in cells:
            yield from _cell(cell)
        return
    count = trace["loss/y"].shape[1]
    if count == 1:
        yield from _beside(show_image(image, shape).split("\n"), list(_answer(trace)))
    else:
        right = int((decide(trace["loss/a"]) == decide(trace["loss/y"])).sum())
        yield f"{right} of {count} examples are answered right; their mean loss is {trace.made.loss:.4g}."
    yield from _forward(trace)
    yield from _backward(trace)
    yield from _update(trace)
    yield from _cell(_steepest(trace))


def _answer(trace: Trace) -> Iterator[str]:
    """What the network says of one example, as bars."""
    outputs, targets, classes = trace["loss/a"][:, 0], trace["loss/y"][:, 0], trace.network.classes
    names = classes[-len(outputs) :]  # a single output is that of the second class
    width = max(map(len, names))
    yield f"what the network says: {classes[int(decide(trace['loss/a'])[0])]}"
    for name, output, target in zip(names, outputs, targets, strict=True):
        bar = "█" * round(BAR * float(np.clip(output, 0, 1)))
        yield f"{name:>{width}} {output:8.4f} {bar:<{BAR}}{'  ← what it shows' if target > 0.5 else ''}"
    yield f"loss {trace.made.loss:.4g}"


def _forward(trace: Trace) -> Iterator[str]:
    yield f"\n{FORWARD}"
    layer = ""
    for name, traced in trace.tensors.items():
        if traced.way != "forward":
            continue
        if traced.layer != layer:
            layer = traced.layer
            yield f"\n{layer}{_kind(trace, layer)}"
        if traced.formula:
            yield from _picture(trace, traced)
        yield _numbers(trace, name)


def _backward(trace: Trace) -> Iterator[str]:
    yield f"\n{BACKWARD}"
    for name, traced in trace.tensors.items():
        if traced.way != "backward":
            continue
        if not traced.formula:
            yield f"\n{name} = {traced.same_as}"
            continue
        yield f"\n{_product(trace, traced)}{traced.because and f', {traced.because}'}"
        yield from _picture(trace, traced)
        yield _numbers(trace, name)


def _product(trace: Trace, traced: Traced) -> str:
    """The chain rule: ∂L/∂dense1.W = ∂L/∂dense1.z · ∂dense1.z/∂dense1.W."""
    layer, tensor = traced.layer, traced.tensor.removeprefix("d")
    if layer == LOSS:
        output = "a" if f"{LOSS}/da" in traced.parents else "losses"
    else:
        tensors = trace.tensors.values()
        output = next(other.tensor for other in tensors if other.layer == layer and other.role == "output")
    return f"∂L/∂{layer}.{tensor} = ∂L/∂{layer}.{output} · ∂{layer}.{output}/∂{layer}.{tensor}"


def _update(trace: Trace) -> Iterator[str]:
    optimizer = trace.made.optimizer
    if optimizer is None:
        return
    yield f"\n{UPDATE}, {type(optimizer).__name__} at learning rate {optimizer.learning_rate:g}\n"
    updates = [traced for traced in trace.tensors.values() if traced.way == "update"]
    wide = max([24, *(2 + len(traced.name) for traced in updates)])
    long = max([30, *(2 + len(traced.formula) for traced in updates)])
    yield f"{'what is added':<{wide}}{'formula':<{long}}{'its length':>12}{'of that of the parameter':>28}"
    for traced in updates:
        names = traced.name, traced.name.removesuffix("_update")
        length, whole = (float(np.linalg.norm(trace[name])) for name in names)
        share = f"{length / whole:.2%}" if whole else "-"
        yield f"{traced.name:<{wide}}{traced.formula:<{long}}{length:>12.4g}{share:>28}"
    yield f"\nThe loss {trace.made.change} by this step."


def _steepest(trace: Trace) -> Cell:
    """The weight of the first layer whose gradient is largest; where a ReLU switches behind it, of the last layer."""
    parameters = [traced for traced in trace.tensors.values() if traced.role == "parameter"]
    cell = _steepest_of(trace, parameters[0].name)
    if cell.nudged and cell.nudged.numerical is not None:
        return cell
    return _steepest_of(trace, next(one.name for one in parameters if one.layer == parameters[-1].layer))


def _steepest_of(trace: Trace, parameter: str) -> Cell:
    gradient = abs(trace[parameter.replace("/", "/d")])
    place = np.unravel_index(int(gradient.argmax()), gradient.shape)
    return Cell.of(trace, "/".join([parameter, *map(str, place)]))


def _cell(cell: Cell) -> Iterator[str]:
    yield f"\n{cell.value.name} = {cell.value.value:.10g}"
    for one in cell.sums:
        equation = one.equation
        assert equation is not None
        yield f"\n{one.name} = {equation.cell}{equation.because and f'   because {equation.because}'}"
        terms = sorted(one.terms, key=lambda term: -abs(term.value))
        for term in terms[:TERMS]:
            yield f"  {term.value:>+14.6g}   = {_factors(term)}"
        if len(terms) > TERMS:
            rest = sum(term.value for term in terms[TERMS:])
            yield f"  {rest:>+14.6g}   from {len(terms) - TERMS:,} more terms, each smaller"
        yield f"  {one.total:>+14.10g}   in all, of {len(terms):,} {'term' if len(terms) == 1 else 'terms'}"
        yield f"  {one.value:>+14.10g}   as the matrices have it"
    if nudged := cell.nudged:
        yield f"\nthe gradient of {nudged.name}, three ways"
        yield f"  {nudged.analytic:>+14.8g}   by the chain rule"
        if nudged.numerical is None:
            yield f"  {'-':>14}   numerically: a ReLU or a pooling switches in between, which a difference misses"
        else:
            yield f"  {nudged.numerical:>+14.8g}   numerically, (L(w + h) − L(w − h)) / 2h with h = 1e-5"
        yield (
            f"  {nudged.change:>+14.8g}   is what the loss changed by when the weight was nudged by {nudged.nudge:g}; "
            f"the gradient promised {nudged.expected:+.8g}"
        )


def _factors(term: Term) -> str:
    return " · ".join(f"{name} ({value:.6g})" for name, value in term.factors)


def _kind(trace: Trace, layer: str) -> str:
    """What a layer reads, where it is not the images."""
    first = next(traced for traced in trace.tensors.values() if traced.layer == layer and traced.role == "input")
    return f" reads {first.same_as}" if first.same_as else " reads the images"


def _picture(trace: Trace, traced: Traced) -> Iterator[str]:
    """The formula, with its matrices drawn where there is room."""
    shapes = {name.split("/")[1]: trace[name].shape for name in traced.parents if name.split("/")[0] == traced.layer}
    drawn = draw(traced.tensor, traced.formula, {traced.tensor: trace[traced.name].shape, **shapes})
    yield from ((f"    {line}" for line in drawn) if drawn else [f"    {traced.tensor} = {traced.formula}"])


def _numbers(trace: Trace, name: str) -> str:
    """Shape, extent and histogram of a tensor."""
    numbers, same = trace[name], trace.tensors[name].same_as
    wide = max(map(len, trace.tensors)) + 2
    shape = "×".join(map(str, numbers.shape)) or "a number"
    if same:
        return f"  {name:<{wide}}{shape:<18}= {same}"
    if not numbers.size:
        return f"  {name:<{wide}}{shape:<18}"
    if numbers.size == 1:
        return f"  {name:<{wide}}{shape:<18}{numbers.item():.6g}"
    if infinite := int((~np.isfinite(numbers)).sum()):
        return f"  {name:<{wide}}{shape:<18}{infinite:,} of {numbers.size:,} are NaN or infinite"
    low, high, mean = (float(number) for number in (numbers.min(), numbers.max(), numbers.mean()))
    zeros = f", {np.mean(numbers == 0):.0%} are 0" if (numbers == 0).any() else ""
    bars = blocks(_counts(numbers, low, high))
    return f"  {name:<{wide}}{shape:<18}{low:>10.3g} … {high:<9.3g} {bars}  mean {mean:.3g}{zeros}"


def _counts(numbers: NDArray[Any], low: float, high: float) -> list[int]:
    """How many numbers lie in each bin from the smallest to the largest; in the middle one where all are the same."""
    share = (numbers.astype(float) - low) / (high - low) if high > low else np.full(numbers.shape, 0.5)
    counts: list[int] = np.bincount(np.minimum(share * BINS, BINS - 1).astype(int).ravel(), minlength=BINS).tolist()
    return counts


def _beside(left: list[str], right: list[str]) -> Iterator[str]:
    width = max(map(len, left)) + 3
    top = max(0, (len(left) - len(right)) // 2)
    for one, other in zip_longest(left, [""] * top + right, fillvalue=""):
        yield f"{one:<{width}}{other}".rstrip()


# For programs


def values(trace: Trace, words: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """All of the step: layers with their tensors and numbers, and the cells that were asked for."""
    layers: dict[str, list[dict[str, Any]]] = {}
    for name, traced in trace.tensors.items():
        numbers = trace[name]
        entry = asdict(traced) | {"shape": list(numbers.shape)}
        layers.setdefault(traced.layer, []).append(entry if traced.same_as else entry | {"values": numbers.tolist()})
    optimizer = trace.made.optimizer
    return {
        "what": words,
        "architecture": trace.network.architecture,
        "classes": list(trace.network.classes),
        "loss": trace.made.loss,
        "loss_after": trace.made.loss_after,
        "optimizer": optimizer and {"name": type(optimizer).__name__.lower(), **asdict(optimizer)},
        "training": trace.made.training,
        "probabilities": trace["loss/a"].T.tolist(),
        "layers": [{"name": layer, "tensors": tensors} for layer, tensors in layers.items()],
        "cells": [_cell_values(cell) for cell in cells or [_steepest(trace)]],
    }


def _cell_values(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.value.name,
        "value": cell.value.value,
        "sums": [
            {
                "name": one.name,
                "value": one.value,
                "total": one.total,
                "formula": one.equation.cell if one.equation else "",
                "terms": [
                    {"factors": [{"name": name, "value": value} for name, value in term.factors], "value": term.value}
                    for term in one.terms
                ],
            }
            for one in cell.sums
        ],
        "gradient": cell.nudged and asdict(cell.nudged),
    }
