"""A formula as a picture: its matrices as boxes, as tall and wide as their logarithms, with their shapes below."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log2, prod
from typing import NamedTuple

Shape = tuple[int, ...]
WIDEST = 110  # characters; a longer formula has no picture


class Block(NamedTuple):
    """Lines of one width, and which of them stands on the line of the formula."""

    lines: list[str]
    middle: int


def draw(result: str, formula: str, shapes: Mapping[str, Shape]) -> list[str]:
    """`result = formula` with a box for each tensor that `shapes` names; no lines where that would be too wide.

    Args:
        result: the name of what is computed.
        formula: with the names of tensors, xᵀ for a transposed one; side by side they are multiplied.
        shapes: as matrices or not; of an image all axes but the first count as columns.
    """
    names = "|".join(map(re.escape, sorted(shapes, key=len, reverse=True)))
    pieces = re.split(rf"(?<!\w)((?:{names})ᵀ?)(?![\w′])", f"{result} = {formula}")
    blocks: list[Block] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            blocks.append(_box(piece, shapes[piece.removesuffix("ᵀ")]))
        elif piece.strip():
            blocks.append(Block([f" {piece.strip()} "], 0))
        elif 0 < place < len(pieces) - 1:
            blocks.append(Block([" · "], 0))
    lines = _beside(blocks)
    return lines if len(lines) > 1 and max(map(len, lines)) <= WIDEST else []


def matrix(shape: Shape) -> tuple[int, int]:
    """Rows and columns of a tensor that is looked at as a matrix."""
    if len(shape) == 5:  # the windows of a convolution: channels and taps are its rows
        return shape[0] * shape[1], prod(shape[2:])
    return (shape[0] if shape else 1), prod(shape[1:])


def _box(name: str, shape: Shape) -> Block:
    rows, columns = matrix(shape)
    if name.endswith("ᵀ"):
        rows, columns = columns, rows
    below = f"{rows:,}×{columns:,}"
    width = max(len(name), min(1 + round(1.5 * log2(columns)), 16))
    height = max(1, min(1 + round(log2(rows) / 2), 6))
    inside = [" " * width] * height
    inside[(height - 1) // 2] = f"{name:^{width}}"
    lines = [f"┌{'─' * width}┐", *(f"│{line}│" for line in inside), f"└{'─' * width}┘", below]
    across = max(map(len, lines))
    return Block([f"{line:^{across}}" for line in lines], 1 + (height - 1) // 2)


def _beside(blocks: list[Block]) -> list[str]:
    """The blocks in a row, their middles on one line."""
    above = max(block.middle for block in blocks)
    below = max(len(block.lines) - block.middle for block in blocks)
    rows = [""] * (above + below)
    for block in blocks:
        blank = " " * len(block.lines[0])
        for number in range(len(rows)):
            line = number - above + block.middle
            rows[number] += block.lines[line] if 0 <= line < len(block.lines) else blank
    return [row.rstrip() for row in rows]
