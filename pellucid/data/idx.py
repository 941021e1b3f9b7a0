"""IDX files, in which MNIST was published: a header that says how much follows, then bytes. Plain or gzip.

    magic   4 bytes: 0, 0, kind of number, number of dimensions
    sizes   4 bytes each, most significant first
    data    in C order: bytes (kind 8), or for QMNIST's labels whole numbers of 4 bytes, most significant first (12)

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.errors import DataError
from pellucid.files.atomic import write_atomic

BYTES, INTEGERS = np.dtype(np.uint8), np.dtype(">i4")
KINDS = {BYTES: 8, INTEGERS: 12}  # as the third byte of the magic names them
LARGEST = 2**31  # bytes that a gzip file may unpack to; a larger set is read from a plain file, by mapping
PIECE = 2**20


def read_idx(path: Path, dimensions: int, dtype: np.dtype[Any] = BYTES) -> NDArray[Any]:
    """The array in an IDX file; a plain file is mapped, not read.

    Nothing is allocated on the word of the header: memory grows with what the file really holds.

    Args:
        path: the file; one that begins as gzip does is unpacked.
        dimensions: how many the content must have: 3 for images, 1 for labels.
        dtype: of the numbers, BYTES or INTEGERS.

    Raises:
        DataError: the file is missing, damaged, too short, too long or of another kind.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                return read_packed_idx(file, dimensions, str(path), dtype)
            shape = _shape(file.read(4 + 4 * dimensions), dimensions, str(path), dtype)
    except OSError as error:
        raise _unreadable(str(path), error) from None
    header = 4 + 4 * dimensions
    _check_length(path.stat().st_size - header, shape, str(path), dtype)
    return np.memmap(path, dtype, mode="r", offset=header, shape=shape)


def read_packed_idx(stream: IO[bytes], dimensions: int, source: str, dtype: np.dtype[Any] = BYTES) -> NDArray[Any]:
    """The array in a gzip stream with an IDX file; `source` names it in errors, as which they are raised."""
    try:
        with gzip.open(stream) as unpacked:
            return parse_idx(_unpack(unpacked, dimensions, source, dtype), dimensions, source, dtype)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(source, error) from None


def parse_idx(content: bytes | bytearray, dimensions: int, source: str, dtype: np.dtype[Any] = BYTES) -> NDArray[Any]:
    """The array in the content of an IDX file; `source` names it in errors."""
    header = 4 + 4 * dimensions
    shape = _shape(bytes(content[:header]), dimensions, source, dtype)
    _check_length(len(content) - header, shape, source, dtype)
    return np.frombuffer(content, dtype, offset=header).reshape(shape)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array of bytes as a plain IDX file, atomically."""
    write_atomic(path, _content(array))


def idx_sha256(array: NDArray[np.uint8]) -> str:
    """The SHA-256 of the plain IDX file that holds this array of bytes."""
    digest = hashlib.sha256()
    for piece in _content(array):
        digest.update(piece)
    return digest.hexdigest()


def write_dataset(folder: Path, train: Dataset, test: Dataset) -> list[Path]:
    """Images and labels of both parts, under MNIST's names."""
    written = []
    for name, part in (("train", train), ("t10k", test)):
        for kind, array in (("images-idx3", part.images), ("labels-idx1", part.labels)):
            written.append(folder / f"{name}-{kind}-ubyte")
            write_idx(written[-1], np.asarray(array))
    return written


def _content(array: NDArray[np.uint8]) -> Iterator[bytes]:
    """A plain IDX file in pieces, so that a mapped or turned array is never copied as a whole."""
    yield bytes([0, 0, KINDS[BYTES], array.ndim]) + np.array(array.shape, ">u4").tobytes()
    rows = max(1, PIECE * len(array) // max(1, array.size))
    for start in range(0, len(array), rows):
        yield np.ascontiguousarray(array[start : start + rows], np.uint8).tobytes()


def _unpack(stream: gzip.GzipFile, dimensions: int, source: str, dtype: np.dtype[Any]) -> bytearray:
    """The unpacked content, in pieces; stops as soon as it is longer than its header announces."""
    content = bytearray(stream.read(4 + 4 * dimensions))
    shape = _shape(bytes(content), dimensions, source, dtype)
    limit = min(len(content) + dtype.itemsize * prod(shape), LARGEST)
    while piece := stream.read(PIECE):
        content += piece
        if len(content) > limit:
            raise DataError(f"{source} holds more than the {limit:,} bytes that its header announces or that are read.")
    return content


def _unreadable(source: str, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or str(error)
    return DataError(f"{source} cannot be read: {reason}. Fetch the file again.")


def _shape(header: bytes, dimensions: int, source: str, dtype: np.dtype[Any]) -> tuple[int, ...]:
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{source} has {len(header)} bytes, too few for the header of an IDX file.")
    magic = bytes([0, 0, KINDS[dtype], dimensions])
    if header[:4] != magic:
        kinds = {
            b"\0\0\x08\x01": "it holds labels, not images",
            b"\0\0\x08\x03": "it holds images, not labels",
        }
        kind = kinds.get(header[:4], f"it begins with {header[:4].hex()}, not with {magic.hex()}")
        raise DataError(f"{source} is not the IDX file expected here: {kind}.")
    return tuple(np.frombuffer(header, ">u4", offset=4).tolist())


def _check_length(length: int, shape: tuple[int, ...], source: str, dtype: np.dtype[Any]) -> None:
    expected = dtype.itemsize * prod(shape)
    if length != expected:
        fault = "is cut short" if length < expected else "is too long"
        sizes = " × ".join(map(str, (*shape, dtype.itemsize) if dtype.itemsize > 1 else shape))
        raise DataError(f"{source} {fault}: the header announces {sizes} = {expected:,} bytes, {length:,} follow.")
    if not length:
        raise DataError(f"{source} is empty: its header announces no data.")
