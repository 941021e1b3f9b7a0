"""Zip archives: unpacked into a folder, with suspicion."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pellucid.data.formats.part import LARGEST, trouble
from pellucid.errors import DataError

MOST_FILES = 1_000_000
PIECE = 2**20


def members(path: Path) -> list[zipfile.ZipInfo]:
    """The files in an archive, without folders, hidden files and what macOS puts beside them.

    Raises:
        DataError: it is no archive, or a file in it would lie outside of the folder that it is unpacked to.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} cannot be unpacked: {trouble(error)}. Fetch the file again.") from None
    for info in infos:
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or re.match("[A-Za-z]:", info.filename):
            raise DataError(f"{path} has a file {info.filename!r} that leads out of the archive; nothing is unpacked.")
    return [info for info in infos if not info.filename.startswith("__MACOSX") and not _hidden(info.filename)]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") and part != "." for part in re.split(r"[/\\]", name))


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into a folder, as far as the limits go: what counts is what comes out, not what is announced.

    Raises:
        DataError: it is damaged or encrypted, has two files of one name, or more than is read.
    """
    infos = members(path)
    if len(infos) > MOST_FILES:
        raise DataError(f"{path} has {len(infos):,} files, more than the {MOST_FILES:,} that are read.")
    left, name = LARGEST, ""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in infos:
                name = info.filename
                target = folder / name.replace("\\", "/")
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as packed, target.open("xb") as file:
                    while piece := packed.read(PIECE):
                        left -= file.write(piece)
                        if left < 0:
                            raise DataError(f"{path} unpacks to more than the {LARGEST:,} bytes that are read.")
    except FileExistsError:
        raise DataError(f"{path} has two files called {name}.") from None
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}, {name}, cannot be unpacked: {trouble(error)}. Fetch the file again.") from None
