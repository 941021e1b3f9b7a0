"""pellucid scalar: forward and backward through an expression, on single numbers."""

from __future__ import annotations

import unicodedata
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.options import Json
from pellucid.cli.output import emit
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass.expression import evaluate
from pellucid.glass.scalar_graph import Graph


def command(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help='Such as "(y - (x*w + b))**2".')],
    numbers: Annotated[list[str] | None, typer.Argument(metavar="NAME=NUMBER...", help="x=2 w=3 ...")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the graph there.")] = None,
    json: Json = False,
) -> int:
    """Compute an expression step by step, and walk back to the gradient of every number in it."""
    given = _given(numbers or [])
    result = evaluate(expression, given)
    result.backward()
    graph = Graph(result, next(name for n in count() if (name := "L" + n * "′") not in given))
    if svg:
        write_atomic(svg, graph.svg().encode())
    if json:
        gradients = {name: value.gradient for name, value in graph.letters.items()}
        steps = {"forward": list(graph.forwards()), "backward": list(graph.backwards())}
        emit({"value": result.data, "gradients": gradients, **steps, "svg": svg and str(svg)})
        return 0
    print(f"{graph.name} = {expression} = {result.data:.6g}\n\nforwards")
    print(*(f"  {line}" for line in graph.forwards()), sep="\n")
    print("\nbackwards: the gradient that arrived, times the slope of the step")
    print(*(f"  {line}" for line in graph.backwards()), sep="\n")
    print("\nthe graph")
    print(*(f"  {line}" for line in graph.tree()), sep="\n")
    print()
    for name, value in graph.letters.items():
        print(f"If {name} grows a little, {graph.name} changes {value.gradient:+.6g} times as much.")
    if graph.bends:
        print("A ReLU stands at 0, where it bends: 0 is taken for its slope, so these hold to one side only.")
    if svg:
        print(f"wrote {svg}")
    return 0


def _given(texts: list[str]) -> dict[str, float]:
    """The numbers by name, each given once."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python reads names
        try:
            value = float(number)
        except ValueError:
            value = None
        if value is None or not name.isidentifier():
            raise UsageError(f"A number is given as NAME=NUMBER, such as x=2; {text!r} came.")
        if name in found:
            raise UsageError(f"{name} is given twice, {found[name]:g} and {value:g}.")
        found[name] = value
    return found
