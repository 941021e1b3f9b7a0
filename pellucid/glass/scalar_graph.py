"""The graph of a scalar computation: its steps forwards and backwards in words, as a tree, and as an SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import count, pairwise

from pellucid.glass.scalar import Value

WIDTH, HEIGHT, GAP, DOWN, MARGIN = 150, 58, 60, 84, 24  # pixels: of a node, between two, from one to the next, around
LETTER = 7.2  # pixels, of the width of a letter or digit


@dataclass(frozen=True)
class Graph:
    """All values behind a result, each with a name: that of its letter, or v1, v2, ... in the order of computing.

    Args:
        result: after `backward`.
        name: what the result is called.
    """

    result: Value
    name: str = "L"

    @property
    def values(self) -> list[Value]:
        """In the order of computing."""
        return list(self.result.order())

    @property
    def names(self) -> dict[int, str]:
        """By the identity of the values; the result's is `name`."""
        taken = {value.name for value in self.values}
        free = (f"v{number}" for number in count(1) if f"v{number}" not in taken)
        names = {
            id(value): value.name or (next(free) if value.operation else f"{value.data:g}") for value in self.values
        }
        return names | {id(self.result): self.name}

    def written(self, value: Value) -> str:
        """What a value was made of: "x · w"."""
        return value.operation.format(*(self.names[id(parent)] for parent in value.parents)) or value.name

    def forwards(self) -> Iterator[str]:
        """A line for each operation: "v1 = x · w = 2 · 3 = 6"."""
        for value in self.values:
            if value.operation:
                numbers = value.operation.format(*(_bracketed(parent.data) for parent in value.parents))
                yield f"{self.names[id(value)]} = {self.written(value)} = {numbers} = {value.data:.6g}"

    def backwards(self) -> Iterator[str]:
        """From the result back, the product of each step: "dL/dv1 += dL/dv2 · ∂v2/∂v1 = -2 · 1 = -2"."""
        names, done = self.names, {id(self.result): 1.0}
        yield f"d{self.name}/d{self.name} = 1"
        for value in reversed(self.values):
            for parent, (slope, formula) in zip(value.parents, value.slopes, strict=True):
                if not parent.operation and parent.name not in self.letters:
                    continue  # a number that was written in the expression
                here, there, before = names[id(value)], names[id(parent)], done.get(id(parent))
                product = value.gradient * slope
                done[id(parent)] = (before or 0.0) + product
                written = formula.format(*(names[id(each)] for each in value.parents))
                sign, more = ("=", "") if before is None else ("+=", f", in all {done[id(parent)]:.6g}")
                yield (
                    f"d{self.name}/d{there} {sign} d{self.name}/d{here} · ∂{here}/∂{there} "
                    f"= {value.gradient:.6g} · ({written}) "
                    f"= {value.gradient:.6g} · {_bracketed(slope)} = {product:.6g}{more}"
                )

    @property
    def bends(self) -> bool:
        """Whether a ReLU stands exactly at 0, where it has no slope and 0 is taken for one."""
        return any(value.operation.startswith("relu") and not value.parents[0].data for value in self.values)

    @property
    def letters(self) -> dict[str, Value]:
        """The values that have a name of their own."""
        return {value.name: value for value in self.values if value.name.isidentifier()}

    def tree(self) -> Iterator[str]:
        """The result at the top, below each value what it was made of, with the number and the gradient of each."""
        seen: set[int] = set()

        def branch(value: Value, before: str, lead: str, below: str) -> Iterator[str]:
            name, again = self.names[id(value)], id(value) in seen
            seen.add(id(value))
            made = f" = {self.written(value)}" if value.operation else ""
            more = "   (see above)" if again and value.operation else ""
            yield f"{before}{lead}{name + made:<24} {value.data:>10.5g}   gradient {value.gradient:.5g}{more}"
            for number, parent in enumerate(value.parents if not again else ()):
                last = number == len(value.parents) - 1
                yield from branch(parent, before + below, "└─ " if last else "├─ ", "   " if last else "│  ")

        yield from branch(self.result, "", "", "")

    def svg(self) -> str:
        """The graph from left to right: given numbers, operations, the result; each node with number and gradient."""
        place, wide = self._places(), self._wide()
        column: dict[int, int] = {}
        for key, across in place:
            column.setdefault(key, across)
        width = 2 * MARGIN + max(column.values()) * (wide + GAP) + wide
        height = 2 * MARGIN + max(place.values()) * DOWN + HEIGHT
        title = f"{self.name} = {self.result.data:.6g}, computed from left to right; gradients from right to left"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for value in self.values:
            for parent in value.parents:
                way = range(column[id(parent)], column[id(value)])
                stops = [(across, place[id(parent), across]) for across in way]
                parts.append(_line([*stops, (column[id(value)], place[id(value), column[id(value)]])], wide))
        for value in self.values:
            across = column[id(value)]
            x, y = MARGIN + across * (wide + GAP), MARGIN + place[id(value), across] * DOWN
            parts.append(self._node(value, x, y, wide))
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _places(self) -> dict[tuple[int, int], int]:
        """Which row a value has in its column, and in those behind it that a line from it passes.

        Columns are counted backwards from the result, each value just before its first use.
        """
        values = self.values
        column = {id(value): 0 for value in values}
        last: dict[int, int] = {}
        for value in reversed(values):
            for parent in value.parents:
                column[id(parent)] = max(column[id(parent)], column[id(value)] + 1)
                last[id(parent)] = min(last.get(id(parent), column[id(value)]), column[id(value)])
        deepest = max(column.values())
        rows: Counter[int] = Counter()
        place = {}
        begin = {id(value): deepest - column[id(value)] for value in values}
        passed = [(key, across) for key in begin for across in range(begin[key] + 1, deepest - last.get(key, -1))]
        for key, across in (*begin.items(), *passed):  # lines pass below the values
            place[key, across] = rows[across]
            rows[across] += 1
        return place

    def _lines(self, value: Value) -> tuple[tuple[str, str], ...]:
        """What is written in a node, each line with its colour."""
        name = self.names[id(value)] + (f" = {self.written(value)}" if value.operation else "")
        return (name, "#222222"), (f"{value.data:.5g}", "#0072b2"), (f"gradient {value.gradient:.5g}", "#b34700")

    def _wide(self) -> int:
        """The width of a node: the longest line fits in."""
        longest = max(len(words) for value in self.values for words, _ in self._lines(value))
        return max(WIDTH, round(16 + LETTER * longest))

    def _node(self, value: Value, x: int, y: int, wide: int) -> str:
        fill = "#e8f1f8" if value.operation else "#f7efe2"
        text = "".join(
            f'<text x="{x + 8}" y="{y + 17 + 16 * line}" fill="{colour}">{escape(words)}</text>'
            for line, (words, colour) in enumerate(self._lines(value))
        )
        return f'<rect x="{x}" y="{y}" width="{wide}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="#888888"/>{text}'


def _line(stops: list[tuple[int, int]], wide: int) -> str:
    """A curve from the right of a node, past others, to the left of the last."""
    places = [(MARGIN + across * (wide + GAP), MARGIN + down * DOWN + HEIGHT / 2) for across, down in stops]
    path = f"M{places[0][0] + wide} {places[0][1]}"
    for (x1, y1), (x2, y2) in pairwise(places):
        middle = (x1 + wide + x2) / 2
        path += f" C{middle} {y1} {middle} {y2} {x2} {y2} H{x2 + wide}"
    return f'<path d="{path.rsplit(" H", 1)[0]}" fill="none" stroke="#888888"/>'


def _bracketed(number: float) -> str:
    """A number within a formula: negative ones in brackets."""
    return f"({number:.6g})" if number < 0 else f"{number:.6g}"
