"""Checkpoints: a training in a sealed safetensors file. The one before is kept, in case the last is damaged."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.files.sealed import read_sealed, write_sealed

VERSION = "checkpoint 1"
LAST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
Parts = tuple[dict[str, NDArray[Any]], dict[str, Any]]
log = logging.getLogger("pellucid")


def write_checkpoint(folder: Path, tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Write the folder's checkpoint.

    The last one is renamed to the previous one when the new one is on the disk, and then the new one takes its name:
    at every moment at least one of the two names has a whole file.
    """
    write_sealed(folder / LAST, tensors, {"training": about}, VERSION, keep=folder / PREVIOUS)


def read_checkpoint(folder: Path) -> Parts | None:
    """The last checkpoint, or the previous one with a warning if the last is missing or damaged; None without any.

    The previous one then takes the last one's place, so that the next to be written does not push it out.

    Raises:
        ModelFileError: neither is whole.
    """
    last, previous = folder / LAST, folder / PREVIOUS
    if not last.exists() and not previous.exists():
        return None
    try:
        return _read(last)
    except ModelFileError as error:
        trouble = str(error)
    try:
        parts = _read(previous)
    except ModelFileError as error:
        raise ModelFileError(
            f"{folder} cannot be resumed: neither of its checkpoints is whole. {trouble} {error} Without both files "
            "it starts again from its recipe."
        ) from None
    log.warning("%s Resuming from %s, the checkpoint before.", trouble, previous)
    with contextlib.suppress(OSError):
        previous.replace(last)
    return parts


def _read(path: Path) -> Parts:
    tensors, about, sealed = read_sealed(path, "checkpoint", ("training",), VERSION)
    if not sealed or not isinstance(about.get("training"), dict):
        raise ModelFileError(f"{path} is not a checkpoint of pellucid.")
    return tensors, about["training"]
