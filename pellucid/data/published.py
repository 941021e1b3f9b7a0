"""From the files of a published set, or of a folder with such names, to a training and a test set.

A set is verified where its content, its packed files or its archive have a digest that is known for certain, and match
it; where none is known (EMNIST's files outside their archive, files unpacked by others), its structure is checked:
the number and size of its images, the range of its labels.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.catalogue import DIGITS, PUBLISHED, Archive, File, Files, Published
from pellucid.data.classes import hold_out, label
from pellucid.data.dataset import Dataset
from pellucid.data.formats.part import Part, check_shape
from pellucid.data.idx import idx_sha256, read_idx, read_packed_idx
from pellucid.errors import DataError

Parts = tuple[Dataset, Dataset]
Progress = Callable[[str, int, int], None]  # told (file, bytes so far, bytes in all) of a download


def read(published: Published, folder: Path) -> Parts:
    """The training and test set of that name, from its archive or its four files (plain or .gz) in a folder.

    Raises:
        DataError: a file is missing, damaged, or not of the size that was published.
    """
    archive = published.archive
    if archive and (folder / archive.packed_name).is_file():
        arrays, verified = _read_archive(archive, published.files, folder / archive.packed_name)
    else:
        arrays, verified = _read_files(published, folder, published.files)
    for array, file in zip(arrays, published.files, strict=True):
        if array.shape != file.shape:
            sizes, expected = (" × ".join(map(str, shape)) for shape in (array.shape, file.shape))
            raise DataError(
                f"{folder}: {file.name} holds {sizes} numbers, but that of {published.name} {expected}. "
                "Other data are read by their path: --data FOLDER."
            )
    if published.name != "mnist" and is_original(arrays[1], PUBLISHED["mnist"].files[1]):
        raise DataError(f"{folder} holds MNIST, not {published.name}.")
    train, test = (
        assemble(published, images, labels, str(folder), verified) for images, labels in (arrays[:2], arrays[2:])
    )
    return train, test


def read_parts(published: Published, folder: Path) -> tuple[Part, Part | None]:
    """The two parts in anybody's folder with the file names of a set; no test part where neither of its files is there.

    Of MNIST's names, which other sets have too, the labels are taken as they come.

    Raises:
        DataError: a file is missing or damaged.
    """
    train = _read_part(published, folder, published.files[:2])
    if not any(find(folder, file) for file in published.files[2:]):
        return train, None
    return train, _read_part(published, folder, published.files[2:])


def finish(train: Part, test: Part | None, where: str, lacking: str = "") -> Parts:
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
    files = PUBLISHED["mnist"].files
    training = _recognized(replace(training, source=where + train.note), *files[:2])
    if test is None or testing is None:
        return hold_out(training, lacking)
    return training, _recognized(replace(testing, source=where + test.note), *files[2:])


def _recognized(part: Dataset, images: File, labels: File) -> Dataset:
    """The part, verified if it is MNIST's own."""
    if part.classes != DIGITS or not is_original(part.images, images):
        return part
    if not is_original(part.labels.astype(np.uint8), labels):
        return part
    return replace(part, name="mnist", verified=True)


def _read_part(published: Published, folder: Path, files: Sequence[File]) -> Part:
    images, labels = (read_idx(path, file.dimensions, file.dtype) for path, file in _places(published, folder, files))
    check_shape(images.shape[1:], f"{folder}, {files[0].name},")
    if published.name == "mnist":
        return Part(images, labels.astype(np.int64))
    return upright(published, images, labels, str(folder))


def recognize(folder: Path) -> Published | None:
    """The published set whose file names are in the folder: MNIST also for the sets that share its names, or None.

    Raises:
        DataError: files of several sets lie there together.
    """
    found = {
        published.files[0].name: published  # of the sets that share their names the first, which is MNIST
        for published in reversed(PUBLISHED.values())
        if any(find(folder, file) for file in published.files)
    }
    if not found:
        return None
    if (mnist := PUBLISHED["mnist"]) in found.values():
        return mnist
    if len(found) > 1:
        names = ", ".join(sorted(published.name for published in found.values()))
        raise DataError(
            f"{folder} holds files of {names}. Give each set a folder of its own; those of EMNIST may lie together in "
            "one called emnist: $PELLUCID_DATA names the folder around it, and --data the set."
        )
    return next(iter(found.values()))


def find(folder: Path, file: File) -> Path | None:
    """The file in this folder, with a dash or a dot before 'idx'; None if it is not there.

    Plain before .gz, which is slower to read, unless only the packed file can be verified.
    """
    endings = (".gz", "") if file.packed_sha256 else ("", ".gz")
    for ending in endings:
        for name in (file.name, file.name.replace("-idx", ".idx")):
            if (path := folder / f"{name}{ending}").is_file():
                return path
    return None


def is_original(array: NDArray[Any], file: File) -> bool:
    """Whether the array is the content of that file as it was published, by the SHA-256 of header and data."""
    return bool(file.sha256) and array.shape == file.shape and idx_sha256(array) == file.sha256


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def upright(published: Published, images: NDArray[np.uint8], labels: NDArray[Any], source: str) -> Part:
    """Published arrays as a part: images upright, labels counted from 0; those out of range refused by number."""
    labels = labels[:, 0] if labels.ndim == 2 else labels
    first, last = published.first_label, published.first_label + len(published.classes) - 1
    out = (labels < first) | (labels > last)
    if out.any():
        wrong = int(out.argmax())
        whose = "digits" if published.classes == DIGITS else f"those of {published.name}"
        raise DataError(f"{source}: label {wrong} is {labels[wrong]}, but {whose} go from {first} to {last}.")
    note = " (turned upright: EMNIST exchanges rows and columns)" if published.turned else ""
    images = images.transpose(0, 2, 1) if published.turned else images
    return Part(images, labels.astype(np.int64) - first, published.classes, note)


def assemble(
    published: Published, images: NDArray[np.uint8], labels: NDArray[Any], source: str, verified: bool
) -> Dataset:
    """A data set of published arrays; content that is certainly not that of the set does not have its name."""
    part = upright(published, images, labels, source)
    name = published.name if verified or not published.certain else "images"
    return Dataset(part.images, np.asarray(part.labels), published.classes, name, source + part.note, verified)


def what_to_do(published: Published) -> str:
    """How to get the files of a set by hand."""
    names = ", ".join(file.name for file in published.files)
    files = f"Put the four files {names} (or each with .gz) into a folder"
    if published.name == "mnist":
        return f"{files} and name it with --data FOLDER."
    places = f"called {published.name}"
    if archive := published.archive:
        places += f", or {archive.packed_name} into one called {archive.family}"
    return f"{files} {places}, and let $PELLUCID_DATA name the folder around it. They come from {published.mirrors[0]}"


def _read_files(published: Published, folder: Path, files: Sequence[File]) -> tuple[list[NDArray[Any]], bool]:
    """The arrays in these files of a folder, and whether each of them is known to be the original."""
    arrays, verified = [], True
    for path, file in _places(published, folder, files):
        arrays.append(read_idx(path, file.dimensions, file.dtype))
        known = is_original(arrays[-1], file) or (
            path.suffix == ".gz" and bool(file.packed_sha256) and file_sha256(path) == file.packed_sha256
        )
        verified = verified and known
    return arrays, verified


def _places(published: Published, folder: Path, files: Sequence[File]) -> Iterator[tuple[Path, File]]:
    """Where these files are in a folder."""
    for file in files:
        path = find(folder, file)
        if path is None:
            raise DataError(f"{folder} has no {file.name} (or {file.name}.gz). {what_to_do(published)}")
        yield path, file


def _read_archive(archive: Archive, files: Files, path: Path) -> tuple[list[NDArray[Any]], bool]:
    """The arrays in these files of an archive, the only ones that are unpacked; and whether it is the original."""
    arrays = []
    try:
        with zipfile.ZipFile(path) as members:
            for file in files:
                with members.open(f"{archive.prefix}{file.name}.gz") as member:
                    arrays.append(read_packed_idx(member, file.dimensions, f"{path}: {file.name}.gz", file.dtype))
        return arrays, file_sha256(path) == archive.packed_sha256
    except KeyError as error:
        raise DataError(f"{path} is not the archive that was published: {error.args[0]}.") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}). Fetch it again.") from None
