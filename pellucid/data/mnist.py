"""The four files of MNIST: what they are, how they are known, and how they become two data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.classes import hold_out, label
from pellucid.data.dataset import Dataset
from pellucid.data.formats.part import Part, check_shape
from pellucid.data.idx import read_idx
from pellucid.errors import DataError


@dataclass(frozen=True)
class File:
    """One file of MNIST: its name, how many dimensions it has, and its uncompressed length and SHA-256."""

    name: str
    dimensions: int
    size: int
    sha256: str


TRAIN_IMAGES = File(
    "train-images-idx3-ubyte",
    3,
    47_040_016,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
TRAIN_LABELS = File(
    "train-labels-idx1-ubyte", 1, 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
)
TEST_IMAGES = File(
    "t10k-images-idx3-ubyte", 3, 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
)
TEST_LABELS = File(
    "t10k-labels-idx1-ubyte", 1, 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
)
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
Progress = Callable[[str, int, int], None]  # told (file, bytes so far, bytes in all) of a download


def read_folder(folder: Path) -> tuple[Dataset, Dataset]:
    """The training and test sets in a folder with MNIST's file names, plain or .gz.

    Content that is not MNIST's own (Fashion-MNIST has the same names) is marked unverified. Without the two
    test files one sixth of the training set is held out, stratified, and the source says so.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    return finish(*read_parts(folder), str(folder), "no test files there")


def read_parts(folder: Path) -> tuple[Part, Part | None]:
    """The two parts as the files have them; no test part where neither of its files is there."""
    train = _read_part(folder, TRAIN_IMAGES, TRAIN_LABELS)
    if not any(find(folder, file) for file in (TEST_IMAGES, TEST_LABELS)):
        return train, None
    return train, _read_part(folder, TEST_IMAGES, TEST_LABELS)


def finish(train: Part, test: Part | None, where: str, lacking: str = "") -> tuple[Dataset, Dataset]:
    """Two data sets from what a reader found; content that is MNIST's own is recognized, whatever file it came from.

    Args:
        train: the training part.
        test: the test part; without one, a sixth of the training part is held out.
        where: where both are, for people.
        lacking: why there is no test part, in words.

    Raises:
        DataError: the parts do not fit, or have no labels, too many classes or too few images.
    """
    training, testing = label(train, test, where)
    training = _recognized(training, TRAIN_IMAGES, TRAIN_LABELS)
    if testing is None:
        return hold_out(training, lacking)
    return training, _recognized(testing, TEST_IMAGES, TEST_LABELS)


def _recognized(part: Dataset, images: File, labels: File) -> Dataset:
    """The part, verified if it is MNIST's own."""
    if part.classes != tuple("0123456789") or not is_original(part.images, images):
        return part
    if not is_original(part.labels.astype(np.uint8), labels):
        return part
    return replace(part, name="mnist", verified=True)


def find(folder: Path, file: File) -> Path | None:
    """The file in this folder, plain before gzip, with a dash or a dot before 'idx'; None if it is not there."""
    for name in (file.name, file.name.replace("-idx", ".idx")):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def is_original(array: NDArray[Any], file: File) -> bool:
    """Whether the array is the content of that file of MNIST, by the SHA-256 of header and data."""
    if array.size + 4 + 4 * array.ndim != file.size:
        return False
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    digest = hashlib.sha256(header)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest() == file.sha256


def assemble(images: NDArray[np.uint8], labels: NDArray[Any], source: str, verified: bool) -> Dataset:
    """A data set of digits; labels that are not 0 to 9 are refused by number."""
    if len(images) != len(labels):
        raise DataError(f"{source} has {len(images):,} images, but {len(labels):,} labels.")
    if not len(labels):
        raise DataError(f"{source} has no images.")
    if labels.max() > 9:
        wrong = int(np.flatnonzero(labels > 9)[0])
        raise DataError(f"{source}: label {wrong} is {labels[wrong]}, but digits go from 0 to 9.")
    name = "mnist" if verified else "images"
    return Dataset(images, labels.astype(np.int64), name=name, source=source, verified=verified)


def _read_part(folder: Path, images: File, labels: File) -> Part:
    arrays = []
    for file in (images, labels):
        path = find(folder, file)
        if path is None:
            raise DataError(f"{folder} has no {file.name} (or {file.name}.gz). {what_to_do()}")
        arrays.append(read_idx(path, file.dimensions))
    check_shape(arrays[0].shape[1:], f"{folder}, {images.name},")
    return Part(arrays[0], arrays[1].astype(np.int64))


def what_to_do() -> str:
    """How to get the digits by hand."""
    names = ", ".join(file.name for file in FILES)
    return f"Put the four files {names} (or each with .gz) into a folder and name it with --data FOLDER."
