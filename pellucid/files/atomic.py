"""Files are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pellucid.errors import UsageError


def write_atomic(path: Path, content: bytes | Iterable[bytes | memoryview], keep: Path | None = None) -> None:
    """Write a file so that, whatever happens, its path holds the old content or the new, never a part.

    The content, whole or in pieces, goes to a temporary file in the same folder, to the disk, and then takes the
    name. With `keep` the old file takes that name just before; for a moment then only `keep` is there, whole.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            path.replace(keep)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def is_temporary(name: str, names: Iterable[str]) -> bool:
    """Whether `write_atomic` gives such a name to a file of one of these names while it is being written."""
    return re.fullmatch(rf"\.({'|'.join(map(re.escape, names))})\.[0-9a-f]{{8}}\.tmp", name) is not None


def sweep(folder: Path, names: Collection[str]) -> None:
    """Remove what a process killed in the middle of `write_atomic` left of files of these names."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if is_temporary(path.name, names):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the folder against other processes, as long as the body or this process lasts; False if another has it.

    The lock is the system's, on the folder itself, so nothing is left behind. Where there is none, all may have it.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield True
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError as error:
        free = not isinstance(error, BlockingIOError)
    try:
        yield free
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
