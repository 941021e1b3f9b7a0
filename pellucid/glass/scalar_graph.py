"""The graph of a scalar computation: its steps forwards and backwards in words, as a tree, and as an SVG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from pellucid.glass.scalar import Value

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 150, 58, 210, 84, 24  # pixels: of a node, from one to the next, around all


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
        names: dict[int, str] = {}
        made = 0
        for value in self.values:
            made += bool(value.operation)
            names[id(value)] = value.name or f"v{made}"
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
        """From the result back, the product of each step: "dL/dv1 += dL/dv2 · dv2/dv1 = -2 · 1 = -2"."""
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
                    f"d{self.name}/d{there} {sign} d{self.name}/d{here} · d{here}/d{there} "
                    f"= {value.gradient:.6g} · ({written}) "
                    f"= {value.gradient:.6g} · {_bracketed(slope)} = {product:.6g}{more}"
                )

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
        column: dict[int, int] = {}
        for value in self.values:
            column[id(value)] = max((column[id(parent)] + 1 for parent in value.parents), default=0)
        for value in self.values:  # what was given stands just before its first use
            if not value.operation:
                column[id(value)] = min(column[id(other)] for other in self.values if value in other.parents) - 1
        rows: dict[int, int] = {}
        place: dict[int, tuple[int, int]] = {}
        for value in self.values:
            across = column[id(value)]
            down = rows.get(across, 0)
            rows[across] = down + 1
            place[id(value)] = (MARGIN + across * ACROSS, MARGIN + down * DOWN)
        width = 2 * MARGIN + max(column.values()) * ACROSS + WIDTH
        height = 2 * MARGIN + (max(rows.values()) - 1) * DOWN + HEIGHT
        title = f"{self.name} = {self.result.data:.6g}, computed from left to right; gradients from right to left"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for value in self.values:
            for parent in value.parents:
                (x1, y1), (x2, y2) = place[id(parent)], place[id(value)]
                start, end, middle = x1 + WIDTH, x2, (x1 + WIDTH + x2) / 2
                parts.append(
                    f'<path d="M{start} {y1 + HEIGHT / 2} C{middle} {y1 + HEIGHT / 2} {middle} {y2 + HEIGHT / 2} '
                    f'{end} {y2 + HEIGHT / 2}" fill="none" stroke="#888888"/>'
                )
        for value in self.values:
            parts.append(self._node(value, *place[id(value)]))
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _node(self, value: Value, x: int, y: int) -> str:
        fill = "#e8f1f8" if value.operation else "#f7efe2"
        name = self.names[id(value)] + (f" = {self.written(value)}" if value.operation else "")
        lines = [(name, "#222222"), (f"{value.data:.5g}", "#0072b2"), (f"gradient {value.gradient:.5g}", "#b34700")]
        text = "".join(
            f'<text x="{x + 8}" y="{y + 17 + 16 * line}" fill="{colour}">{escape(words)}</text>'
            for line, (words, colour) in enumerate(lines)
        )
        return f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="#888888"/>{text}'


def _bracketed(number: float) -> str:
    """A number within a formula: negative ones in brackets."""
    return f"({number:.6g})" if number < 0 else f"{number:.6g}"
