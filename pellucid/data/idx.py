"""IDX files, in which MNIST was published: a header that says how much follows, then bytes. Plain or gzip.

    magic   4 bytes: 0, 0, 8 (unsigned bytes), number of dimensions
    sizes   4 bytes each, most significant first
    data    one byte each, in C order

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.errors import DataError
from pellucid.files.atomic import write_atomic

LARGEST = 2**31  # bytes that a gzip file may unpack to; a larger set is read from a plain file, by mapping
PIECE = 2**20


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file; a plain file is mapped, not read.

    Nothing is allocated on the word of the header: memory grows with what the file really holds.

    Args:
        path: the file; one that begins as gzip does is unpacked.
        dimensions: how many the content must have: 3 for images, 1 for labels.

    Raises:
        DataError: the file is missing, damaged, too short, too long or of another kind.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                with gzip.open(path) as stream:
                    return parse_idx(_unpack(stream, dimensions, str(path)), dimensions, str(path))
            file.seek(0)
            shape = _shape(file.read(4 + 4 * dimensions), dimensions, str(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}. Fetch the file again.") from None
    header = 4 + 4 * dimensions
    _check_length(path.stat().st_size - header, shape, str(path))
    return np.memmap(path, np.uint8, mode="r", offset=header, shape=shape)


def parse_idx(content: bytes | bytearray, dimensions: int, source: str) -> NDArray[np.uint8]:
    """The array in the content of an IDX file; `source` names it in errors."""
    header = 4 + 4 * dimensions
    shape = _shape(bytes(content[:header]), dimensions, source)
    _check_length(len(content) - header, shape, source)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array of bytes as a plain IDX file, atomically."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    write_atomic(path, header + np.ascontiguousarray(array, np.uint8).tobytes())


def write_dataset(folder: Path, train: Dataset, test: Dataset) -> list[Path]:
    """Images and labels of both parts, under MNIST's names."""
    written = []
    for name, part in (("train", train), ("t10k", test)):
        for kind, array in (("images-idx3", part.images), ("labels-idx1", part.labels)):
            written.append(folder / f"{name}-{kind}-ubyte")
            write_idx(written[-1], np.asarray(array))
    return written


def _unpack(stream: gzip.GzipFile, dimensions: int, source: str) -> bytearray:
    """The unpacked content, in pieces; stops as soon as it is longer than its header announces."""
    content = bytearray(stream.read(4 + 4 * dimensions))
    limit = min(len(content) + prod(_shape(bytes(content), dimensions, source)), LARGEST)
    while piece := stream.read(PIECE):
        content += piece
        if len(content) > limit:
            raise DataError(f"{source} holds more than the {limit:,} bytes that its header announces or that are read.")
    return content


def _shape(header: bytes, dimensions: int, source: str) -> tuple[int, ...]:
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{source} has {len(header)} bytes, too few for the header of an IDX file.")
    if header[:4] != bytes([0, 0, 8, dimensions]):
        kinds = {
            b"\0\0\x08\x01": "it holds labels, not images",
            b"\0\0\x08\x03": "it holds images, not labels",
        }
        kind = kinds.get(header[:4], f"it begins with {header[:4].hex()}, not with 000008{dimensions:02x}")
        raise DataError(f"{source} is not the IDX file expected here: {kind}.")
    return tuple(np.frombuffer(header, ">u4", offset=4).tolist())


def _check_length(length: int, shape: tuple[int, ...], source: str) -> None:
    if length != prod(shape):
        fault = "is cut short" if length < prod(shape) else "is too long"
        sizes = " × ".join(map(str, shape))
        raise DataError(f"{source} {fault}: the header announces {sizes} = {prod(shape):,} bytes, {length:,} follow.")
    if not length:
        raise DataError(f"{source} is empty: its header announces no data.")
