"""The devices on which PyTorch can compute: which there are, and what to say where one is not there."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from pellucid.errors import UsageError

PACKAGES = {"torch": "PyTorch", "array_api_compat": "array-api-compat"}
DEVICE = re.compile(r"cpu|cuda(:\d+)?", re.ASCII)


def missing() -> str:
    """Why PyTorch cannot be used; empty where it can. It is not imported for that: that takes seconds."""
    absent = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    return f"{' and '.join(absent)} {'are' if len(absent) > 1 else 'is'} not installed" if absent else ""


def device(name: str) -> Any:
    """The torch.device of that name: cpu, cuda (the current one), cuda:0, cuda:1, ...

    Raises:
        UsageError: PyTorch is not installed, or there is no such device; with those that there are.
    """
    if not DEVICE.fullmatch(name):
        raise UsageError(f"A device is cpu, cuda or cuda:0, cuda:1, ...; {name!r} came.")
    if reason := missing():
        raise UsageError(f"The torch engine needs PyTorch, but {reason}: pip install 'pellucid[torch]'.")
    import torch

    kind, _, number = name.partition(":")
    if kind == "cpu":
        return torch.device("cpu")
    there = gpus()
    if not there:
        raise UsageError(f"There is no device {name} here, but cpu: {_without()}.")
    index = int(number) if number else torch.cuda.current_device()
    if index >= len(there):
        raise UsageError(f"There is no device {name} here, but cpu, {', '.join(there)}.")
    return torch.device("cuda", index)


def gpus() -> list[str]:
    """The GPUs that PyTorch finds, such as 'cuda:0 (NVIDIA H200)'."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(count)]


def threads() -> int:
    """The threads of the CPU that PyTorch takes by itself."""
    import torch

    return int(torch.get_num_threads())


def describe() -> str:
    """PyTorch's version, or why there is no PyTorch. It is not imported for that."""
    reason = missing()
    return f"none: {reason}" if reason else version("torch")


def _without() -> str:
    """Why PyTorch has no GPU."""
    import torch

    return "PyTorch finds no GPU" if torch.backends.cuda.is_built() else "this PyTorch is built for the CPU alone"
