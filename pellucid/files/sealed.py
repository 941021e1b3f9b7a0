"""Safetensors files with a seal: a SHA-256 over header and data, kept in the header.

Metadata are strings: `pellucid` is the format, `sha256` the digest, the other keys hold JSON. The digest covers the
header, written with sorted keys, no spaces and an empty digest, and then the data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.files.atomic import write_atomic


def write_sealed(
    path: Path, tensors: dict[str, NDArray[Any]], about: dict[str, Any], version: str, keep: Path | None = None
) -> None:
    """Write tensors and what is to be known about them, atomically; `keep` is the last file's new name."""
    import safetensors.numpy

    metadata = {key: json.dumps(value) for key, value in about.items()}
    metadata |= {"pellucid": version, "sha256": ""}
    arrays = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    header, data = _parts(safetensors.numpy.save(arrays, metadata))
    header["__metadata__"]["sha256"] = _digest(header, data)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begin at a multiple of 8
    write_atomic(path, (len(text).to_bytes(8, "little"), text, data), keep)


def read_sealed(
    path: Path, kind: str, keys: Sequence[str], version: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], bool]:
    """The tensors, what is known about them under these keys, and whether there was a seal.

    Args:
        path: the file.
        kind: what it should be, in words: "model file".
        keys: of the metadata that hold JSON; others are left alone.
        version: the format's, expected where there is a seal.

    Raises:
        ModelFileError: no such file, not a safetensors file, damaged, or of another version.
    """
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        content = path.read_bytes()
        tensors = safetensors.numpy.load(content)
        header, data = _parts(content)
        metadata = header.get("__metadata__") or {}
        about = {key: json.loads(metadata[key]) for key in keys if key in metadata}
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a {kind}, or it is damaged: {error}.") from None
    sealed = "pellucid" in metadata or "sha256" in metadata
    if sealed:
        if metadata.get("sha256") != _digest(header, data):
            raise ModelFileError(f"{path} is damaged: its content does not match its SHA-256. Copy or train it again.")
        _check_version(path, kind, metadata.get("pellucid"), version)
    return tensors, about, sealed


def _check_version(path: Path, kind: str, found: str | None, version: str) -> None:
    if found == version:
        return
    words, wanted = str(found).split(), version.split()
    if words[:-1] != wanted[:-1]:
        raise ModelFileError(f"{path} is a {' '.join(words[:-1]) or 'model'}, not a {kind}.")
    raise ModelFileError(
        f"{path} has format version {words[-1]}; this pellucid reads version {wanted[-1]}. Update pellucid."
    )


def _parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header of a safetensors file and its data, which are not copied."""
    size = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + size].rstrip(b" ")
    if not text.endswith(b"}"):
        raise ValueError("the header is padded with something else than spaces")
    return json.loads(text), memoryview(content)[8 + size :]


def _digest(header: dict[str, Any], data: memoryview) -> str:
    """SHA-256 over the header with an empty digest, and the data."""
    blank = {**header, "__metadata__": {**header["__metadata__"], "sha256": ""}}
    text = json.dumps(blank, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(text)
    digest.update(data)
    return digest.hexdigest()
