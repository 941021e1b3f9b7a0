"""Backpropagation on single numbers: a value that knows what it was made of, and carries its gradient back there.

    x, w, b, y = Value(2, "x"), Value(3, "w"), Value(1, "b"), Value(5, "y")
    loss = (y - (x * w + b)) ** 2
    loss.backward()
    w.gradient            # ∂loss/∂w

Every operation leaves the value it makes, the values it is made of, and the slope towards each: ∂(a b)/∂a = b. The way
back multiplies slopes along each path and adds up what arrives by several: that is the chain rule, and all of it.

Sources: Linnainmaa, "Taylor expansion of the accumulated rounding error", 1976; after Karpathy, micrograd, 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator


class Value:
    """A number in a computation.

    Args:
        data: the number.
        name: how it is called, for printing.
        operation: what made it, with {0} and {1} for what it was made of; empty for a given number.
        parents: what it was made of.
        slopes: the derivative towards each parent, and how that is written.
    """

    def __init__(
        self,
        data: float,
        name: str = "",
        operation: str = "",
        parents: tuple[Value, ...] = (),
        slopes: tuple[tuple[float, str], ...] = (),
    ) -> None:
        self.data, self.name, self.operation = float(data), name, operation
        self.parents, self.slopes = parents, slopes
        self.gradient = 0.0

    def backward(self) -> None:
        """Fill `gradient` of everything that this value was made of: the derivative of this value by that one."""
        order = list(self.order())
        for value in order:
            value.gradient = 0.0
        self.gradient = 1.0
        for value in reversed(order):
            for parent, (slope, _) in zip(value.parents, value.slopes, strict=True):
                parent.gradient += value.gradient * slope

    def order(self) -> Iterator[Value]:
        """All values behind this one and itself, each after those it was made of (a depth-first topological order)."""
        seen: set[int] = set()
        waiting: list[tuple[Value, bool]] = [(self, False)]
        while waiting:
            value, ready = waiting.pop()
            if ready:
                yield value
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.append((value, True))
                waiting.extend((parent, False) for parent in reversed(value.parents))

    # The operations, each with its slopes

    def __add__(self, other: Value | float) -> Value:
        b = value_of(other)
        return Value(self.data + b.data, "", "{0} + {1}", (self, b), ((1, "1"), (1, "1")))

    def __sub__(self, other: Value | float) -> Value:
        b = value_of(other)
        return Value(self.data - b.data, "", "{0} − {1}", (self, b), ((1, "1"), (-1, "−1")))

    def __mul__(self, other: Value | float) -> Value:
        b = value_of(other)
        return Value(self.data * b.data, "", "{0} · {1}", (self, b), ((b.data, "{1}"), (self.data, "{0}")))

    def __truediv__(self, other: Value | float) -> Value:
        b = value_of(other)
        slopes = ((1 / b.data, "1 / {1}"), (-self.data / b.data**2, "−{0} / {1}²"))
        return Value(self.data / b.data, "", "{0} / {1}", (self, b), slopes)

    def __pow__(self, power: float) -> Value:
        slope = power * self.data ** (power - 1) if power else 0.0
        return Value(
            self.data**power, "", f"{{0}} ^ {power:g}", (self,), ((slope, f"{power:g} · {{0}} ^ {power - 1:g}"),)
        )

    def __neg__(self) -> Value:
        return Value(-self.data, "", "−{0}", (self,), ((-1, "−1"),))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Value:
        return Value(other) - self

    def __rtruediv__(self, other: float) -> Value:
        return Value(other) / self

    def exp(self) -> Value:
        """e^a."""
        return self._of("exp", math.exp(self.data), math.exp(self.data), "exp({0})")

    def log(self) -> Value:
        """The natural logarithm."""
        return self._of("log", math.log(self.data), 1 / self.data, "1 / {0}")

    def tanh(self) -> Value:
        """tanh a."""
        return self._of("tanh", math.tanh(self.data), 1 - math.tanh(self.data) ** 2, "1 − tanh²({0})")

    def sigmoid(self) -> Value:
        """1 / (1 + e^−a)."""
        s = 1 / (1 + math.exp(-self.data)) if self.data > 0 else math.exp(self.data) / (1 + math.exp(self.data))
        return self._of("sigmoid", s, s * (1 - s), "σ({0}) · (1 − σ({0}))")

    def relu(self) -> Value:
        """max(a, 0); its slope at 0 is taken as 0."""
        return self._of("relu", max(self.data, 0.0), float(self.data > 0), "1 if {0} > 0 else 0")

    def _of(self, function: str, data: float, slope: float, written: str) -> Value:
        return Value(data, "", f"{function}({{0}})", (self,), ((slope, written),))


def value_of(number: Value | float) -> Value:
    """A number as a value without a past."""
    return number if isinstance(number, Value) else Value(number, f"{number:g}")
