"""An expression such as (y - (x*w + b))**2 becomes a graph of values: read as Python reads it, but nothing is run."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from pellucid.errors import NumericError, UsageError
from pellucid.glass.scalar import Value
from pellucid.names import suggest

FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "exp": Value.exp, "log": Value.log, "tanh": Value.tanh, "sigmoid": Value.sigmoid, "relu": Value.relu,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Value]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
DEEPEST = 200  # operations within each other


def evaluate(text: str, numbers: Mapping[str, float]) -> Value:
    """The value of an expression in which these names stand for these numbers.

    Raises:
        UsageError: it is no expression of numbers, names, + − * / **, and the functions.
        NumericError: it has no finite value there, such as log(0).
    """
    try:
        tree = ast.parse(text.strip().replace("^", "**").replace("−", "-").replace("·", "*"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise UsageError(f"{text!r} is no expression{where}. Write one such as '(y - (x*w + b))**2'.") from None
    leaves = {name: Value(number, name) for name, number in numbers.items()}
    try:
        result = _value(tree.body, leaves, 0)
    except UsageError:
        raise
    except (ZeroDivisionError, ValueError, OverflowError, TypeError) as error:
        raise NumericError(f"{text!r} has no value there, or no slope: {error.args[-1]}.") from None
    if not math.isfinite(result.data):
        raise NumericError(f"{text!r} has no finite value there: {result.data}.")
    unused = numbers.keys() - {value.name for value in result.order()}
    if unused:
        raise UsageError(f"{min(unused)!r} is given a number, but {text!r} does not use it.")
    return result


def _value(node: ast.expr, leaves: Mapping[str, Value], depth: int) -> Value:
    if depth > DEEPEST:
        raise UsageError(f"The expression has more than {DEEPEST} operations within each other.")

    def inner(part: ast.expr) -> Value:
        return _value(part, leaves, depth + 1)

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Value(number, f"{number:g}")
        case ast.Name(id=name):
            if name not in leaves:
                raise UsageError(f"{name!r} has no number: write {name}=2 behind the expression.")
            return leaves[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -inner(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, power = inner(left), _number(right)
            if base.data < 0 and not float(power).is_integer():
                raise ValueError(f"{base.data:g} is negative, and has no power {power:g} among the real numbers")
            return base**power
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](inner(left), inner(right))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            if name not in FUNCTIONS:
                raise UsageError(f"There is no function called {name!r}. {suggest(name, FUNCTIONS)}")
            return FUNCTIONS[name](inner(argument))
    raise UsageError(
        f"{ast.unparse(node)!r} is none of numbers, names, + - * / **, and {', '.join(FUNCTIONS)} of one number."
    )


def _number(node: ast.expr) -> float:
    """A power, which must be a number."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
    raise UsageError(f"A power is a number, such as 2; {ast.unparse(node)!r} came.")
