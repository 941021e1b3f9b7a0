"""What lies on this machine already: pellucid's own cache, and those of torchvision and Keras.

Pellucid keeps every set in one form, so that it can be mapped: four plain IDX files with MNIST's names, images
upright, labels counted from 0. Of MNIST this is the published content, whose digests are known. Of other sets only
the digests of what was downloaded are known; when that matched, the digests of what was made of it are written beside
it, as SHA256SUMS, so that damage is noticed later.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from pellucid.data.catalogue import MNISTS_NAMES, Published, four
from pellucid.data.idx import write_dataset
from pellucid.data.published import Parts, file_sha256, find, read
from pellucid.errors import DataError
from pellucid.files.atomic import write_atomic

SUMS = "SHA256SUMS"
log = logging.getLogger("pellucid")


def cache_folder(name: str = "") -> Path:
    """Where the set of that name is kept; without a name, the folder around all of them."""
    import platformdirs

    try:
        return platformdirs.user_cache_path("pellucid") / name
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "pellucid" / name


def keep(published: Published, parts: Parts) -> Parts:
    """Keep a set whose download was verified in pellucid's cache, and read it from there, mapped.

    Raises:
        DataError: the cache cannot be written.
    """
    folder = cache_folder(published.name)
    try:
        (folder / SUMS).unlink(missing_ok=True)
        paths = write_dataset(folder, *parts)
        if not published.certain:
            sums = "".join(f"{file_sha256(path)}  {path.name}\n" for path in paths)
            write_atomic(folder / SUMS, sums.encode())
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror}.") from None
    return read(_kept(published, folder), folder)


def from_caches(published: Published) -> Parts | None:
    """The set from the first cache that has it; a damaged one is passed over with a warning.

    Content whose digests are known must match them; of other sets the caches of others may be unverified.
    """
    home = _home()
    roots = (Path(), Path("data"), home, home / "data")
    others = [root / published.torchvision / "raw" for root in roots]
    if published.keras:
        others.append(Path(os.environ.get("KERAS_HOME", home / ".keras")) / "datasets" / published.keras)
    caches = [(cache_folder(published.name), _read_own, True), *((path, _read, published.certain) for path in others)]
    for path, reader, certain in caches:
        try:
            parts = reader(published, path)
            if parts is None:
                continue
            if not certain or all(part.verified for part in parts):
                return parts
            trouble = f"its content is not that of {published.name}"
        except Exception as error:  # whatever a stranger's cache makes of its readers, there are other sources
            trouble = str(error) or type(error).__name__
        log.warning("The cache %s is passed over: %s", path, trouble)
    return None


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home; nothing is at this place
        return Path("~")


def _read_own(published: Published, folder: Path) -> Parts | None:
    """A set from pellucid's cache; without its digests it was not written to the end."""
    there = published.certain or (folder / SUMS).is_file()
    return _read(_kept(published, folder), folder) if there else None


def _kept(published: Published, folder: Path) -> Published:
    """A set as the cache holds it, with the digests that were written beside it."""
    if published.certain:
        return published
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    shapes = [file.shape if file.dimensions == 3 else file.shape[:1] for file in published.files]
    files = four(MNISTS_NAMES, shapes, sha256=[sums[name] for name in MNISTS_NAMES])
    return replace(published, files=files, archive=None, turned=False, first_label=0)


def _read(published: Published, path: Path) -> Parts | None:
    """A set from a folder or from Keras's npz file; None if it is not there."""
    if path.suffix == ".npz":
        from pellucid.data.reading import read as read_any  # with readers of many formats, which few programs need

        return read_any(path) if path.is_file() else None
    archive = published.archive
    there = all(find(path, file) for file in published.files) or (archive and (path / archive.packed_name).is_file())
    return read(published, path) if there else None
