"""Model files: named tensors in a sealed safetensors file, and what they are in its metadata.

A network's tensors have its layers' names and shapes, dense1/W (out, in). Those of a committee have an axis for the
members before them, dense1/W (members, out, in), and `members` in the metadata says how many there are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pellucid.files.sealed import read_sealed, write_sealed

VERSION = 1
KEYS = ("architecture", "output", "loss", "input_shape", "classes", "normalization", "made", "members")


def write_model(path: Path, tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Write tensors and what is to be known about them, atomically."""
    write_sealed(path, tensors, about, str(VERSION))


def read_model(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors of a model file and what is known about them; files of others may come without a seal.

    Raises:
        ModelFileError: no such file, not a safetensors file, damaged, or of a later version.
    """
    tensors, about, _ = read_sealed(path, "model file", KEYS, str(VERSION))
    return tensors, about
