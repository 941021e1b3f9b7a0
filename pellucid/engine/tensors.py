"""PyTorch as an array library: the functions that the formulas call, under NumPy's names, on tensors.

This module is what a workspace of tensors has as `t.xp`. Nearly all of it is array-api-compat's. Maximum and minimum
are written here: there, a number beside a tensor would be copied to the GPU in each call, and a copy from the host
cannot be captured in a CUDA graph.
"""

from __future__ import annotations

from typing import Any

import torch
from array_api_compat import torch as library

Tensor = Any


def maximum(x: Tensor, y: Tensor | float) -> Tensor:
    """The larger of the two, element by element; NaN where one is NaN."""
    return torch.clamp(x, min=y) if isinstance(x, torch.Tensor) else torch.clamp(y, min=x)


def minimum(x: Tensor, y: Tensor | float) -> Tensor:
    """The smaller of the two, element by element; NaN where one is NaN."""
    return torch.clamp(x, max=y) if isinstance(x, torch.Tensor) else torch.clamp(y, max=x)


def __getattr__(name: str) -> Any:
    return getattr(library, name)
