"""NumPy's arrays: pairs of npy files, images and labels, or an npz archive of them, as Keras's mnist.npz.

    images   (N, height, width), (N, height, width, 1 or 3), or (N, pixels) of square images
    labels   (N,) or (N, 1): whole numbers or text

An array that holds Python objects is refused, because unpickling can run code.

Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", 2007.
"""

from __future__ import annotations

import re
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.formats.part import LARGEST, Part, trouble
from pellucid.data.formats.values import to_images, to_labels
from pellucid.errors import DataError

PIECE = 2**20
ROLES = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("test", "testing", "t10k"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}
KINDS = {
    **dict.fromkeys(("x", "image", "images", "img", "imgs", "data"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}


def role(name: str) -> str:
    """What part a file or an array is by its name: "training", "test", "validation", or ""."""
    return next((ROLES[word] for word in re.findall("[a-z]+[0-9]*k?", name.lower()) if word in ROLES), "")


def kind(name: str) -> str:
    """What an array holds by its name: "images", "labels", or ""."""
    return next((KINDS[word] for word in re.findall("[a-z]+", name.lower()) if word in KINDS), "")


def pairs(arrays: Mapping[str, NDArray[Any]], source: str) -> tuple[Part, Part | None]:
    """The training and the test part among arrays, by their names; without such a word all is for training.

    Raises:
        DataError: images or labels are missing, or two arrays have the same place.
    """
    found: dict[tuple[str, str], str] = {}
    for name in arrays:
        place = (role(name), kind(name))
        if place in found:
            raise DataError(f"{source} has two arrays of the same meaning, {found[place]} and {name}.")
        if place[1]:
            found[place] = name
    training = "training" if ("training", "images") in found else ""
    testing = next((part for part in ("test", "validation") if (part, "images") in found), None)
    train = _pair(arrays, found, training, source)
    return train, None if testing is None else _pair(arrays, found, testing, source)


def _pair(arrays: Mapping[str, NDArray[Any]], found: dict[tuple[str, str], str], part: str, source: str) -> Part:
    names = [found.get((part, what)) for what in ("images", "labels")]
    if names[0] is None or names[1] is None:
        there = ", ".join(arrays) or "nothing"
        raise DataError(
            f"{source} lacks the {part and part + ' '}{'labels' if names[0] else 'images'}: x_train, y_train, x_test, "
            f"y_test or images, labels are expected, but there is {there}."
        )
    images = to_images(arrays[names[0]], f"{source}, {names[0]}")
    return Part(images, to_labels(arrays[names[1]], f"{source}, {names[1]}"))


def read_npy(path: Path) -> NDArray[Any]:
    """The array in an npy file, mapped, not read.

    Raises:
        DataError: the file is missing, damaged, cut short or too long, or holds Python objects.
    """
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file, str(path))
            _check_length(path.stat().st_size - file.tell(), shape, dtype, str(path))
            return _map(path, file.tell(), shape, fortran, dtype)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays in an npz file whose names say that they are images or labels; unpacked ones are mapped.

    Raises:
        DataError: the file is missing or damaged, or one of the arrays is.
    """
    arrays: dict[str, NDArray[Any]] = {}
    name = ""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    raise DataError(f"{path} has two arrays called {name}.")
                if kind(name) and info.filename.endswith(".npy"):
                    arrays[name] = _read_member(path, archive, info)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        where = f"{path}, {name}," if name else str(path)
        raise DataError(f"{where} cannot be read: {trouble(error)}. Fetch the file again.") from None
    return arrays


def _read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """An array of an archive: every byte passes the archive's checksum; one that is not packed is mapped after that."""
    source = f"{path}, {info.filename.removesuffix('.npy')}"
    content, length = bytearray(), 0
    packed = info.compress_type != zipfile.ZIP_STORED
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream, source)
        offset = stream.tell()
        _check_length(info.file_size - offset, shape, dtype, source)
        while piece := stream.read(PIECE):
            length += len(piece)
            if packed:
                content += piece
            if len(content) > LARGEST:
                raise DataError(f"{source} unpacks to more than the {LARGEST:,} bytes that are read.")
    _check_length(length, shape, dtype, source)
    if not packed:
        return _map(path, _begin(path, info) + offset, shape, fortran, dtype)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _begin(path: Path, info: zipfile.ZipInfo) -> int:
    """Where in the archive the content of a member begins: behind its local header, a name and an extra field."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
    return info.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")


def _header(file: IO[bytes], source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an npy file, of which at most a few thousand bytes are read."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python 2's headers
            shape, fortran, dtype = read[np.lib.format.read_magic(file)](file)
    except (ValueError, LookupError, TypeError, SyntaxError, tokenize.TokenError, RecursionError):
        raise DataError(f"{source} does not begin as an npy file; it is damaged or something else.") from None
    if dtype.hasobject:
        raise DataError(
            f"{source} holds Python objects, which are never unpickled: that could run code. Save numbers or text."
        )
    return shape, fortran, dtype


def _check_length(length: int, shape: tuple[int, ...], dtype: np.dtype[Any], source: str) -> None:
    announced = prod(shape) * dtype.itemsize
    if length != announced:
        fault = "is cut short" if length < announced else "is too long"
        raise DataError(
            f"{source} {fault}: its header announces {dtype} of shape {shape}, {announced:,} bytes; {length:,} follow."
        )
    if not shape or not length:
        raise DataError(f"{source} is empty: an array of shape {shape}.")


def _map(path: Path, offset: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape, order="F" if fortran else "C")
