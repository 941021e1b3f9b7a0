"""Model files: named tensors in a safetensors file, what they are in its metadata, and a SHA-256 over all of it.

Metadata are strings: `pellucid` is the format's version, `sha256` the digest, the other keys hold JSON. The digest
covers the header, written with sorted keys, no spaces and an empty digest, and then the data.
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
KEYS = ("architecture", "output", "loss", "input_shape", "classes", "normalization", "made")


def write_model(path: Path, tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Write tensors and what is to be known about them, atomically."""
    import safetensors.numpy

    metadata = {key: json.dumps(value) for key, value in about.items()}
    metadata |= {"pellucid": str(VERSION), "sha256": ""}
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    header, data = _parts(safetensors.numpy.save(arrays, metadata))
    header["__metadata__"]["sha256"] = _digest(header, data)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begin at a multiple of 8
    write_atomic(path, len(text).to_bytes(8, "little") + text + data)


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
        header, data = _parts(content)
        metadata = header.get("__metadata__") or {}
        about = {key: json.loads(metadata[key]) for key in KEYS if key in metadata}
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a model file, or it is damaged: {error}.") from None
    if "pellucid" in metadata or "sha256" in metadata:  # others promise no digest
        if metadata.get("sha256") != _digest(header, data):
            raise ModelFileError(f"{path} is damaged: its content does not match its SHA-256. Copy or train it again.")
        if metadata.get("pellucid") != str(VERSION):
            raise ModelFileError(
                f"{path} has format version {metadata.get('pellucid')}; this pellucid reads version {VERSION}. "
                "Update pellucid."
            )
    return tensors, about


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file and its data."""
    size = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + size].rstrip(b" ")
    if not text.endswith(b"}"):
        raise ValueError("the header is padded with something else than spaces")
    return json.loads(text), content[8 + size :]


def _digest(header: dict[str, Any], data: bytes) -> str:
    """SHA-256 over the header with an empty digest, and the data."""
    blank = {**header, "__metadata__": {**header["__metadata__"], "sha256": ""}}
    text = json.dumps(blank, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(text + data).hexdigest()
