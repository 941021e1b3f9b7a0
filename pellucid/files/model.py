"""Model files: named tensors in a safetensors file, what they are in its metadata, and a SHA-256 over all of it.

Metadata are strings; `pellucid` is the format's version, the other keys hold JSON. The digest is that of the
whole file with zeros in the digest's own place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.files.atomic import write_atomic

VERSION = 1
PLACE = "0" * 64


def write_model(path: Path, tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Write tensors and what is to be known about them, atomically."""
    import safetensors.numpy

    metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in about.items()}
    metadata |= {"pellucid": str(VERSION), "sha256": PLACE}
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    content = safetensors.numpy.save(arrays, metadata)
    digest = hashlib.sha256(content).hexdigest()
    write_atomic(path, content.replace(PLACE.encode(), digest.encode(), 1))


def read_model(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors of a model file and what is known about them.

    Raises:
        ModelFileError: no such file, not a safetensors file, damaged, or of a later version.
    """
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        content = path.read_bytes()
        tensors = safetensors.numpy.load(content)
        metadata = _metadata(content)
        about = {key: json.loads(value) for key, value in metadata.items() if key not in ("sha256", "format")}
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a model file, or it is damaged: {error}.") from None
    _check_digest(path, content, metadata)
    if about.get("pellucid", VERSION) != VERSION:
        raise ModelFileError(
            f"{path} has format version {about['pellucid']}; this pellucid reads version {VERSION}. Update pellucid."
        )
    return tensors, about


def _metadata(content: bytes) -> dict[str, str]:
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return dict(metadata)


def _check_digest(path: Path, content: bytes, metadata: dict[str, str]) -> None:
    if "pellucid" not in metadata and "sha256" not in metadata:
        return  # written by others, who promise no digest
    digest = metadata.get("sha256", "missing")
    blank = content.replace(digest.encode(), PLACE.encode(), 1)
    if hashlib.sha256(blank).hexdigest() != digest:
        raise ModelFileError(f"{path} is damaged: its content does not match its SHA-256. Train or copy it again.")
