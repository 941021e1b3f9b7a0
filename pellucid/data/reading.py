"""Labelled images from a path: a file, a folder or a zip archive, in any of the formats of `formats/`.

A file is known by how it begins, a folder by the names in it; docs/data.md shows every layout.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pellucid.data.dataset import Dataset
from pellucid.data.formats.archive import members, unpack
from pellucid.data.formats.arrays import kind, pairs, read_npy, read_npz, role
from pellucid.data.formats.parquet import read_parquet
from pellucid.data.formats.part import Part, visible
from pellucid.data.formats.pictures import SUFFIXES, class_folders, decode, read_pictures
from pellucid.data.formats.table import read_table
from pellucid.data.formats.values import to_images
from pellucid.data.idx import read_idx
from pellucid.data.published import finish, read_parts, recognize
from pellucid.errors import DataError
from pellucid.randomness import generator

BEGINNINGS = {
    b"PK": "zip",
    b"PAR1": "parquet",
    b"\x93NUMPY": "npy",
    b"\0\0\x08": "idx",
    **dict.fromkeys(
        (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"P5\n", b"P6\n"), "picture"
    ),
}
OTHERS = (".zip", ".parquet", ".npy", ".npz", *SUFFIXES)  # names of files that begin in one of these ways
DEEPEST = 4  # folders of a single folder that are gone through
WAYS = (
    "MNIST's four files, train.csv, train-*.parquet, mnist.npz, x_train.npy and y_train.npy, or a folder of pictures "
    "for each class"
)
Parts = tuple[Part, Part | None, str]  # training, test, and why there is no test part


def read(path: Path) -> tuple[Dataset, Dataset]:
    """A training set and a test set from a file, a folder or a zip archive.

    Where there is no test part, or it has no labels as Kaggle's, one sixth is held out, stratified; the source says so.
    The classes have the names that the files give them, or are named after the labels that occur.

    Raises:
        DataError: nothing is there that can be read, or something is damaged or does not fit; in a line.
    """
    try:
        train, test, lacking = _parts(path, DEEPEST)
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read: {error.strerror or error}.") from None
    return finish(train, test, str(path), lacking)


def read_part(path: Path) -> Part:
    """The images of one file, with their labels if it has some; of a file with two parts the test part.

    Args:
        path: a CSV, npz, npy, parquet or IDX file, a picture as it is, or a zip archive with one of these in it.

    Raises:
        DataError: it is missing, damaged, or of another kind.
    """
    try:
        if _format(path) != "zip":
            return _part_of_file(path)
        with _unpacked(path) as folder:
            files = [file for file in folder.rglob("*") if file.is_file()]
            if len(files) != 1:
                raise DataError(f"{path} has {len(files)} files in it; unpack it, and name one of them.")
            return _part_of_file(files[0])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def _parts(path: Path, depth: int) -> Parts:
    if path.is_dir():
        return _of_folder(path, depth)
    found = _format(path)
    if found == "zip":
        with _unpacked(path) as folder:
            return _of_folder(folder, depth)
    if found == "npz":
        return *pairs(read_npz(path), str(path)), "no test part there"
    return _part_of_file(path), None, "no test part there"


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """A folder with the files of an archive, as long as the body lasts; what is mapped stays readable after it."""
    with tempfile.TemporaryDirectory(prefix="pellucid-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / path.name
        folder.mkdir()
        unpack(path, folder)
        try:
            yield folder
        except DataError as error:  # in the user's terms
            raise DataError(str(error).replace(str(folder), str(path))) from None


def _format(path: Path) -> str:
    """What a file is, by how it begins; "table" where nothing speaks against it."""
    if not path.is_file():
        raise DataError(f"{path} is no file or folder." if not path.exists() else f"{path} is not a file.")
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise DataError(f"{path} is empty.")
    if head.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error), gzip.open(path) as stream:
            head = stream.read(8)
    found = next((name for beginning, name in BEGINNINGS.items() if head.startswith(beginning)), None)
    if found == "zip":
        names = [info.filename for info in members(path)]
        return "npz" if path.suffix == ".npz" or (names and all(name.endswith(".npy") for name in names)) else "zip"
    if found is None and path.suffix.lower() in OTHERS:
        raise DataError(
            f"{path} begins with {head!r}, which is no {path.suffix} file: it is damaged, or something else was saved "
            "under its name."
        )
    return found or "table"


def _part_of_file(path: Path) -> Part:
    readers: dict[str, Callable[[Path], Part]] = {
        "table": read_table,
        "parquet": lambda path: read_parquet([path]),
        "npy": lambda path: Part(to_images(read_npy(path), str(path))),
        "npz": lambda path: _last(pairs(read_npz(path), str(path))),
        "idx": lambda path: Part(read_idx(path, 3)),
        "picture": lambda path: Part(decode(path, str(path))[None]),
    }
    found = _format(path)
    if found not in readers:
        raise DataError(f"{path} is an archive in an archive; unpack it first.")
    return readers[found](path)


def _last(parts: tuple[Part, Part | None]) -> Part:
    return parts[1] or parts[0]


def _of_folder(folder: Path, depth: int) -> Parts:
    """What a folder holds, in the first layout that it has; a folder around a single thing is looked into."""
    for layout in (_idx, _tables, _parquet, _npy, _npz, _pictures):
        if found := layout(folder):
            return found
    inside = visible(folder)
    if len(inside) == 1 and depth:
        return _parts(inside[0], depth - 1)
    there = ", ".join(path.name for path in inside[:5]) + (" …" if len(inside) > 5 else "")
    raise DataError(f"{folder} has no data set in it, but {there or 'nothing'}. Expected are {WAYS}.")


def _idx(folder: Path) -> Parts | None:
    published = recognize(folder)
    return (*read_parts(published, folder), "no test files there") if published else None


def _tables(folder: Path) -> Parts | None:
    paths = [path for path in visible(folder) if path.name.lower().endswith((".csv", ".csv.gz"))]
    train, test = _by_role([path for path in paths if "submission" not in path.name.lower()], folder, shards=False)
    if not train:
        return None
    if not test:
        return read_table(train[0]), None, "no test table there"
    part = read_table(test[0])
    return read_table(train[0]), None if part.labels is None else part, f"{test[0].name} has no labels"


def _parquet(folder: Path) -> Parts | None:
    """Shards in the folder itself, or in the only one of its folders that has some, as data/ or mnist/."""
    places = [place for place in (folder, *(path for path in visible(folder) if path.is_dir())) if _shards(place)]
    if not places:
        return None
    if len(places) > 1 and places[0] != folder:
        raise DataError(f"{folder} has parquet files in {' and '.join(p.name for p in places[:2])}; name one of them.")
    train, test = _by_role(_shards(places[0]), places[0], shards=True)
    parts = read_parquet(train), read_parquet(test) if test else None
    if parts[1] is not None and parts[1].labels is None:
        return parts[0], None, "the labels of the test part are missing"
    return *parts, "no test part there"


def _shards(folder: Path) -> list[Path]:
    return [path for path in visible(folder) if path.name.lower().endswith(".parquet")]


def _npy(folder: Path) -> Parts | None:
    paths = [path for path in visible(folder) if path.suffix == ".npy" and kind(path.stem)]
    return (*pairs({path.stem: read_npy(path) for path in paths}, str(folder)), "no test part there") if paths else None


def _npz(folder: Path) -> Parts | None:
    paths = [path for path in visible(folder) if path.suffix == ".npz"]
    if len(paths) > 1:
        raise DataError(f"{folder} has several npz files, {paths[0].name} and {paths[1].name}; name one of them.")
    return _parts(paths[0], 0) if paths else None


def _pictures(folder: Path) -> Parts | None:
    """train/ and test/ with a folder for each class in them, or these folders alone."""
    names = class_folders(folder)
    split = {role(name): folder / name for name in names if any(map(_has_pictures, _folders(folder / name)))}
    if train := split.get("training"):
        test = split.get("test") or split.get("validation")
        return _mixed(read_pictures(train)), read_pictures(test) if test else None, "no test folder there"
    if not any(_has_pictures(folder / name) for name in names):
        return None
    return _mixed(read_pictures(folder)), None, "no test folder there"


def _folders(folder: Path) -> list[Path]:
    return [folder / name for name in class_folders(folder)]


def _has_pictures(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())


def _mixed(part: Part) -> Part:
    """The same images in a fixed random order, so that the first of them are not all of one class."""
    order = generator(0, "split").permutation(len(part.images))
    return replace(part, images=part.images[order], labels=None if part.labels is None else part.labels[order])


def _by_role(paths: Sequence[Path], folder: Path, shards: bool) -> tuple[list[Path], list[Path]]:
    """The files for training and for testing by their names; a single one without such a word is for training."""
    by_role = {
        name: [path for path in paths if role(path.name) == name] for name in ("training", "test", "validation", "")
    }
    train, test = by_role["training"], by_role["test"] or by_role["validation"]
    if not train and (len(by_role[""]) == 1 or (shards and by_role[""])):
        train = by_role[""]
    for part in (train or paths, test):
        if len(part) > 1 and not shards:
            raise DataError(f"{folder} has {part[0].name} and {part[1].name}; name one of them, or call it train.csv.")
    if paths and not train:
        raise DataError(f"{folder} has {paths[0].name}, but no training part beside it.")
    return train, test
