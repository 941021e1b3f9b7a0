"""What callbacks remember: weights, and the states that a snapshot brings back, which nobody trusts."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.network import Network


@dataclass(frozen=True)
class Weights:
    """The parameters and running statistics of a network at one moment, copied."""

    theta: NDArray[Any]
    state: NDArray[Any]

    @classmethod
    def of(cls, network: Network) -> Weights:
        """Those it has now."""
        return cls(network.theta.copy(), network.state.copy())

    def put(self, network: Network) -> None:
        """Give them to a network."""
        network.theta[...], network.state[...] = self.theta, self.state

    @classmethod
    def restored(cls, state: dict[str, Any], network: Network) -> Weights | None:
        """Those in the state of a callback (as `vars` gave them), for this network; None if there are none."""
        if "theta" not in state:
            return None
        like = {"theta": network.theta, "state": network.state}
        return cls(**{name: array(state, name, own.shape, own.dtype) for name, own in like.items()})


def array(state: dict[str, Any], name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """The array of that name (ModelFileError: it is another, or missing)."""
    value = state.get(name)
    if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != dtype:
        came = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise ModelFileError(f"The snapshot remembers {name} as {came}; {np.dtype(dtype)} {shape} is expected.")
    return value


def number(state: dict[str, Any], name: str) -> float:
    """The number of that name (ModelFileError: it is none)."""
    return float(_checked(state, name, is_number(state.get(name)), "a number"))


def count(state: dict[str, Any], name: str) -> int:
    """The whole number of that name, at least 0 (ModelFileError: it is none)."""
    value = state.get(name)
    return int(_checked(state, name, type(value) is int and value >= 0, "a whole number"))


def rows(state: dict[str, Any], kinds: tuple[type, ...]) -> list[list[Any]]:
    """The rows of a table with columns of these kinds (ModelFileError: they are none)."""
    table = state.get("rows")
    good = isinstance(table, list) and all(
        isinstance(row, list)
        and len(row) == len(kinds)
        and all(type(cell) is kind and (kind is str or is_number(cell)) for cell, kind in zip(row, kinds, strict=True))
        for row in table
    )
    checked: list[list[Any]] = _checked(state, "rows", good, "a table")
    return checked


def is_number(value: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and isfinite(value)


def _checked(state: dict[str, Any], name: str, good: bool, what: str) -> Any:
    if not good:
        raise ModelFileError(f"The snapshot remembers {name} as {str(state.get(name))[:100]}; {what} is expected.")
    return state[name]
