"""A network as a table: its layers with their shapes, parameters and arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from math import prod

from pellucid.arithmetic import operations, operations_of
from pellucid.layers import Layer, walk

UNIT = "operations: additions, multiplications and function values of a forward pass, for one example"


def rows_of(layers: Sequence[Layer]) -> list[tuple[str, str, str, str]]:
    """The headings, a row for each layer, also those inside others, and one for all."""
    rows = [("layer", "output shape", "parameters", "operations")]
    total = 0
    for layer in walk(layers):
        count = sum(prod(layer.shape_of(tensor)) for tensor in layer.tensors if tensor.role == "parameter")
        total += count
        rows.append((layer.name, str(layer.output_shape), f"{count:,}", f"{operations(layer):,}"))
    return [*rows, ("in all", "", f"{total:,}", f"{operations_of(layers):,}")]


def html(layers: Sequence[Layer], note: str) -> str:
    """The table for a notebook."""
    head, *rows = (
        "".join(f"<{cell}>{text}</{cell}>" for text in row)
        for row, cell in zip(rows_of(layers), chain(["th"], repeat("td")), strict=False)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{note}<br>{UNIT}</p>"


def table(layers: Sequence[Layer], note: str) -> str:
    """The table for a terminal; `note` stands below."""
    rows = rows_of(layers)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in rows]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], note, UNIT])
