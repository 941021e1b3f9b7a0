"""Fetching a published set from its mirrors: with retries, resumed where it broke off, and checked.

What has come so far is kept in a file, NAME.part, in pellucid's cache: the next attempt goes on from there, be it at
another mirror or in another process. An archive that holds several sets stays in the cache.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import shutil
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from pellucid.data.cache import cache_folder, from_caches, keep
from pellucid.data.catalogue import Archive, File, Published
from pellucid.data.published import Parts, Progress, file_sha256, read
from pellucid.errors import DataError
from pellucid.files.atomic import held

ROUNDS = 3  # times that all mirrors are asked
PATIENCE = 8.0  # seconds without a new byte after which the network counts as absent
PIECE = 2**16
log = logging.getLogger("pellucid")


def download(published: Published, progress: Progress | None = None) -> Parts:
    """Fetch a set and keep it in pellucid's cache; if another process is doing so, wait for it.

    Raises:
        DataError: it could not be fetched, or the cache cannot be written.
    """
    archive = published.archive
    folder = cache_folder(archive.family) if archive else cache_folder("downloads") / published.name
    waited = False
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder} cannot be written: {error.strerror}.") from None
        with held(folder) as free:
            if free:
                return (from_caches(published) if waited else None) or _fetch_and_keep(published, folder, progress)
        if not waited:
            log.warning("Another process is fetching %s; this one waits for it.", published.name)
        waited = True
        time.sleep(0.5)


def _fetch_and_keep(published: Published, folder: Path, progress: Progress | None) -> Parts:
    for wanted in (published.archive,) if published.archive else published.files:
        fetch(wanted, published.mirrors, folder, progress=progress)
    parts = keep(published, read(published, folder))
    if not published.archive:
        shutil.rmtree(folder, ignore_errors=True)
    return parts


def fetch(
    wanted: File | Archive,
    mirrors: Sequence[str],
    folder: Path,
    patience: float = PATIENCE,
    progress: Progress | None = None,
) -> Path:
    """The path of the packed file or archive in this folder: verified, and fetched if it is not there yet.

    A thread does the waiting, because looking up a name can block for longer than any time limit given to it.

    Raises:
        DataError: no mirror gave the file, or no byte came for `patience` seconds.
    """
    transfer = Transfer(wanted, mirrors, folder)
    for path in (transfer.path, transfer.part):
        if path.is_file() and is_right(wanted, path):
            return path.replace(transfer.path)
    worker = threading.Thread(target=transfer.work, daemon=True)
    worker.start()
    try:
        while worker.is_alive() and time.monotonic() - transfer.news < patience:
            worker.join(0.1)
            if progress and transfer.done:
                progress(wanted.packed_name, transfer.done, transfer.total)
    finally:
        transfer.abandoned = True
    if not transfer.complete:
        raise DataError(f"{wanted.packed_name} could not be fetched ({transfer.trouble}).")
    return transfer.path


def is_right(wanted: File | Archive, path: Path) -> bool:
    """Whether this is the packed file or archive that was published; by its content, where only that is known."""
    if wanted.packed_sha256:
        return file_sha256(path) == wanted.packed_sha256
    return isinstance(wanted, File) and _content_sha256(path, wanted.size) == wanted.sha256


def _content_sha256(path: Path, size: int) -> str:
    """The SHA-256 of what is packed in a .gz file; of a damaged one, or one that holds more than that, nothing."""
    digest, length = hashlib.sha256(), 0
    try:
        with gzip.open(path) as content:
            while piece := content.read(PIECE):
                digest.update(piece)
                length += len(piece)
                if length > size:
                    return ""
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()


class Transfer:
    """One file on its way; `news` is when its last byte came, `complete` says that it is there and right."""

    def __init__(self, wanted: File | Archive, mirrors: Sequence[str], folder: Path) -> None:
        self.wanted, self.mirrors = wanted, mirrors
        self.path, self.part = folder / wanted.packed_name, folder / f"{wanted.packed_name}.part"
        self.done = self.total = 0
        self.news = time.monotonic()
        self.trouble = "no answer"
        self.complete = self.abandoned = False

    def work(self) -> None:
        """Ask the mirrors in turn until the file is complete and is what it should be."""
        for round_ in range(ROUNDS):
            for mirror in self.mirrors:
                try:
                    self._take(f"{mirror}{self.wanted.packed_name}")
                    self._finish()
                    return
                except (OSError, HTTPException, DataError) as error:
                    self.trouble = f"{mirror}: {error}"
                if self.abandoned:
                    return
            time.sleep(0.3 * (round_ + 1))

    def _take(self, url: str) -> None:
        """Take what is missing from one mirror, beginning at the first byte that has not come yet."""
        request = urllib.request.Request(url, headers={"User-Agent": "pellucid"})
        if self.part.is_file() and (begun := self.part.stat().st_size):
            request.add_header("Range", f"bytes={begun}-")
        try:
            answer = urllib.request.urlopen(request, timeout=PATIENCE / 2)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # there are no further bytes, so what has come is not the beginning of the file
                self.part.unlink()
            raise
        with answer, self.part.open("ab" if answer.status == 206 else "wb") as file:
            self.done = file.tell()
            self.total = self.done + int(answer.headers.get("Content-Length") or 0)
            while (piece := answer.read1(PIECE)) and not self.abandoned and self.done <= self.wanted.most:
                self.done += file.write(piece)
                self.news = time.monotonic()
        if self.done < self.total and self.done <= self.wanted.most:
            raise DataError(f"broke off after {self.done:,} of {self.total:,} bytes")

    def _finish(self) -> None:
        """Give the file its name, if it is right; otherwise begin again with nothing."""
        if not is_right(self.wanted, self.part):
            self.part.unlink()
            raise DataError("the answer is not the file, by its length or SHA-256")
        self.part.replace(self.path)
        self.complete = True
