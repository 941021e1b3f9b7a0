"""Where the data come from, in this order: the path that was named, $PELLUCID_DATA, pellucid's own cache, the caches of
torchvision and Keras, a download, and for MNIST the offline sample.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pellucid.data.cache import from_caches
from pellucid.data.catalogue import NAMES, PUBLISHED, SAMPLE, Published
from pellucid.data.published import Parts, Progress, read, recognize, what_to_do
from pellucid.data.sample import read_sample
from pellucid.errors import DataError, UsageError
from pellucid.names import suggest

log = logging.getLogger("pellucid")


def load(data: str | Path = "mnist", progress: Progress | None = None) -> Parts:
    """A training set and a test set.

    Args:
        data: a name (looked for in the order above): "mnist", "mnist-5k" (the offline sample), "fashion-mnist",
            "kmnist", "qmnist", "emnist-letters" and EMNIST's others; or the path of a folder, file or zip archive
            in any of the formats of docs/data.md.
        progress: is told (file, bytes, bytes in all) while something is downloaded.

    Raises:
        UsageError: an unknown name.
        DataError: nothing was found, or what was named is damaged.
    """
    name = str(data)
    try:
        if name == SAMPLE:
            return read_sample()
        return _by_name(PUBLISHED[name], progress) if name in PUBLISHED else _by_path(name)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}.") from None


def _by_name(published: Published, progress: Progress | None) -> Parts:
    folder = _in_environment(published)
    if folder is not None:
        return _by_path(str(folder)) if published.name == "mnist" else read(published, folder)
    return from_caches(published) or _download(published, progress)


def _in_environment(published: Published) -> Path | None:
    """The folder of that set in $PELLUCID_DATA, if it has one; for MNIST $PELLUCID_DATA itself serves.

    Where other sets have folders there, it serves only if MNIST's files lie beside them.

    Raises:
        DataError: $PELLUCID_DATA is set, but names no folder.
    """
    named = os.environ.get("PELLUCID_DATA")
    if named is None:
        return None
    root = Path(named)
    if not (named and root.is_dir()):
        raise DataError(f"$PELLUCID_DATA names {named!r}, which is no folder. {what_to_do(published)}")
    families = {one.archive.family for one in PUBLISHED.values() if one.archive}
    there = [name for name in (*PUBLISHED, *families) if (root / name).is_dir()]
    for name in (published.name, published.archive.family if published.archive else ""):
        if name in there:
            return root / name
    return root if published.name == "mnist" and (not there or recognize(root)) else None


def _by_path(path: str) -> Parts:
    if path and Path(path).exists():
        from pellucid.data import reading  # with readers of many formats, which few programs need

        return reading.read(Path(path))
    if Path(path).name == path or not path:
        raise UsageError(f"There is no data set or folder called {path!r}. {suggest(path, NAMES)}")
    raise DataError(
        f"{path} is no file or folder. A folder, file or zip archive with labelled images is expected, or a name: "
        f"{', '.join(NAMES)}."
    )


def _download(published: Published, progress: Progress | None) -> Parts:
    """Fetch a set; without a network MNIST's offline sample stands in for it."""
    from pellucid.data.download import download

    try:
        return download(published, progress)
    except DataError as error:
        if published.name != "mnist":
            raise DataError(
                f"{published.name} is not on this machine, and could not be downloaded. {error} {what_to_do(published)}"
            ) from None
        log.warning("MNIST could not be downloaded: %s", error)
    try:
        parts = read_sample()
    except DataError as error:
        raise DataError(f"No digits were found. {error} {what_to_do(published)}") from None
    log.warning("The offline sample of 5,000 digits is used instead; accuracies will be lower than on MNIST.")
    return parts
