"""Values of the learner's as JSON, and back as arrays. Nothing that the child wrote is ever unpickled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 200_000  # numbers; of more than that the shape is told alone
DEEPEST = 4


def encode(value: Any, depth: int = 0) -> dict[str, Any]:
    """The type, shape and numbers of a value; of what is no number, a word or two."""
    kind = type(value).__name__
    if isinstance(value, dict) and depth < DEEPEST:
        return {"type": kind, "entries": {str(key): encode(item, depth + 1) for key, item in value.items()}}
    if isinstance(value, tuple) and depth < DEEPEST:
        return {"type": kind, "items": [encode(item, depth + 1) for item in value[:100]]}
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        return {"type": kind, "dtype": str(array.dtype), "text": repr(value)[:200]}
    numbers = array.astype(np.float64).ravel().tolist() if array.size <= LARGEST else None
    return {"type": kind, "dtype": str(array.dtype), "shape": list(array.shape), "numbers": numbers}


def decode(told: Any) -> NDArray[np.float64] | None:
    """The array that was told, or None where there is none, or no sound one."""
    if not isinstance(told, dict) or not isinstance(told.get("numbers"), list):
        return None
    try:
        return np.array(told["numbers"], np.float64).reshape([int(size) for size in told["shape"]])
    except (KeyError, TypeError, ValueError):
        return None
