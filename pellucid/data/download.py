"""Fetching a file of MNIST from its mirrors: with retries, resumed where it broke off, and checked.

What has come so far is kept in memory (a file has at most 10 MB), so an interruption leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import threading
import time
import urllib.request
import zlib
from collections.abc import Sequence
from http.client import HTTPException

from pellucid.data.mnist import File, Progress
from pellucid.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
ROUNDS = 3  # times that all mirrors are asked
PATIENCE = 8.0  # seconds without a new byte after which the network counts as absent
LARGEST = 2**24  # bytes; the largest of the files has 9.9 MB compressed
PIECE = 2**16


class Download:
    """One file on its way; `news` is when its last byte came, `content` is there when it is complete."""

    def __init__(self, file: File, mirrors: Sequence[str]) -> None:
        self.file, self.mirrors = file, mirrors
        self.data = bytearray()
        self.total = 0
        self.news = time.monotonic()
        self.trouble = "no answer"
        self.content: bytes | None = None

    def work(self) -> None:
        """Ask the mirrors in turn until the content is complete and is what it should be."""
        for round_ in range(ROUNDS):
            for mirror in self.mirrors:
                try:
                    self._transfer(f"{mirror}{self.file.name}.gz")
                    self.content = self._checked()
                    return
                except (OSError, HTTPException, DataError) as error:
                    self.trouble = f"{mirror}: {error}"
            time.sleep(0.3 * (round_ + 1))

    def _transfer(self, url: str) -> None:
        """Take what is missing from one mirror, beginning at the first byte that has not come yet."""
        request = urllib.request.Request(url, headers={"User-Agent": "pellucid"})
        if self.data:
            request.add_header("Range", f"bytes={len(self.data)}-")
        with urllib.request.urlopen(request, timeout=PATIENCE / 2) as answer:
            if answer.status != 206:
                self.data.clear()
            self.total = len(self.data) + int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(PIECE):
                self.data += piece
                self.news = time.monotonic()
                if len(self.data) > LARGEST:
                    self.data.clear()
                    raise DataError("the answer is far too long")
        if len(self.data) < self.total:
            raise DataError(f"broke off after {len(self.data):,} of {self.total:,} bytes")

    def _checked(self) -> bytes:
        """The unpacked content, if its length and SHA-256 are right; otherwise begin again with nothing."""
        try:
            content = zlib.decompressobj(wbits=31).decompress(bytes(self.data), self.file.size + 1)
        except zlib.error:
            content = b""
        if len(content) == self.file.size and hashlib.sha256(content).hexdigest() == self.file.sha256:
            return content
        self.data.clear()
        raise DataError("the answer is not the file, by its length or SHA-256")


def fetch(
    file: File,
    mirrors: Sequence[str] = MIRRORS,
    patience: float = PATIENCE,
    progress: Progress | None = None,
) -> bytes:
    """The uncompressed content of a file, verified.

    A thread does the waiting, because looking up a name can block for longer than any time limit given to it.

    Raises:
        DataError: no mirror gave the file, or no byte came for `patience` seconds.
    """
    download = Download(file, mirrors)
    worker = threading.Thread(target=download.work, daemon=True)
    worker.start()
    while worker.is_alive() and time.monotonic() - download.news < patience:
        worker.join(0.1)
        if progress and download.data:
            progress(file.name, len(download.data), download.total)
    if download.content is None:
        raise DataError(f"{file.name} could not be fetched ({download.trouble}).")
    return download.content
