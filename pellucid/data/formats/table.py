"""CSV tables: a row for each image, its label and then its pixels, as Kaggle's Digit Recognizer has them.

    label,pixel0,pixel1,…,pixel783        a header, or none
    5,0,0,…,0                             the label, then the pixels row by row, whole numbers from 0 to 255

Source: Kaggle, "Digit Recognizer", 2012 (train.csv; its test.csv has no labels); Dariel Dato-on, "MNIST in CSV", whose
header names the pixels 1x1 … 28x28; Joseph Redmon, "MNIST in CSV", which has no header.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pellucid.data.formats.part import LARGEST, Part, check_shape, flat_shape, text_labels, trouble
from pellucid.errors import DataError
from pellucid.files.atomic import write_atomic

LABELS = ("label", "labels", "class", "target", "y")
MISSING = (b"", b"nan")  # a label, in lower case
LONGEST_LINE = 2**19  # bytes; a colour image of 64×64 takes at most 49,152
PIECE = 2**18


@dataclass(frozen=True)
class Layout:
    """Where in a row the label is (0, −1 or None) and how many pixels of which shape there are."""

    label: int | None
    pixels: int
    shape: tuple[int, ...]
    header: bool

    @property
    def columns(self) -> int:
        """How many cells a row has."""
        return self.pixels + (self.label is not None)


def read_table(path: Path) -> Part:
    """The images in a CSV file, plain or gzip; without labels if it has none.

    With a header the first or last column is the label if it is called label, class, target or y. Without one a
    square number of columns is pixels alone, one more is a label and then pixels.

    Raises:
        DataError: the file is missing, damaged or no such table. The first bad row is named, and how many there are.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream: Any = gzip.GzipFile(fileobj=file) if packed else file
            return _read(stream, LARGEST if packed else None, str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {trouble(error)}.") from None


def write_table(path: Path, images: NDArray[np.uint8], labels: NDArray[Any] | None = None) -> None:
    """Write images as Kaggle does, atomically; packed if the name ends in .gz.

    Args:
        path: of the file.
        images: (N, height, width) or (N, height, width, 3), uint8.
        labels: (N,) whole numbers or text; without them the table has pixels alone.
    """
    count = prod(images.shape[1:])
    square = images.shape[1] == images.shape[2]
    width = images.shape[2]
    cells = [f"pixel{k}" if square else f"{1 + k // width}x{1 + k % width}" for k in range(count)]
    words = [str(value) for value in range(256)]
    lines = [",".join(cells if labels is None else ["label", *cells])]
    for index, image in enumerate(images):
        pixels = ",".join(map(words.__getitem__, image.ravel().tolist()))
        lines.append(pixels if labels is None else f"{_quoted(str(labels[index]))},{pixels}")
    content = "\n".join([*lines, ""]).encode()
    write_atomic(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


def _read(stream: BinaryIO, limit: int | None, source: str) -> Part:
    first = stream.readline(LONGEST_LINE)
    try:
        layout = _layout(_cells(first.removeprefix(b"\xef\xbb\xbf")), source)
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{source} is no table in UTF-8 text.") from None
    rows = Rows(layout, source)
    for block in _blocks(stream, b"" if layout.header else first.removeprefix(b"\xef\xbb\xbf"), source):
        rows.add(block)
        if limit and len(rows.pixels) > limit:
            raise DataError(f"{source} unpacks to more than the {limit:,} bytes of pixels that are read.")
    return rows.part()


def _blocks(stream: BinaryIO, rest: bytes, source: str) -> Iterator[bytes]:
    """The lines, many at a time, each block of whole lines without the last line's end."""
    while piece := stream.read(PIECE):
        rest += piece
        whole, end, rest = rest.rpartition(b"\n")
        if end:
            yield whole
        if len(rest) > LONGEST_LINE:
            raise DataError(f"{source} has a line of more than {LONGEST_LINE:,} bytes: it is no table of images.")
    if rest:
        yield rest.removesuffix(b"\n")


class Rows:
    """The rows read so far. What is written as usual is parsed at once, many rows together; the rest cell by cell."""

    def __init__(self, layout: Layout, source: str) -> None:
        self.layout, self.source = layout, source
        self.pixels = bytearray()
        self.labels: list[bytes] = []
        self.lines = int(layout.header)  # so many have been read
        self.count = 0  # rows, without blank lines
        self.troubles: list[str] = []

    def add(self, block: bytes) -> None:
        """Take the rows of a block of lines; what is wrong is noted, and said at the end."""
        lines = block.replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n")
        labels, pixels = self._labels_apart(lines)
        values = None if b'"' in block else _parse(pixels, self.layout.pixels)
        if values is None or any(label.strip().lower() in MISSING for label in labels):
            self._add_slowly(lines)
            return
        self.labels += labels
        self.pixels += values.tobytes()
        self.count += len(lines)
        self.lines += len(lines)

    def _labels_apart(self, lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        if self.layout.label is None:
            return [], lines
        if self.layout.label == 0:
            cut = [line.partition(b",") for line in lines]
            return [label for label, _, _ in cut], [pixels for _, _, pixels in cut]
        cut = [line.rpartition(b",") for line in lines]
        return [label for _, _, label in cut], [pixels for pixels, _, _ in cut]

    def _add_slowly(self, lines: list[bytes]) -> None:
        for line in lines:
            self.lines += 1
            if not line.strip():
                continue
            self.count += 1
            try:
                cells = _cells(line)
                if len(cells) != self.layout.columns:
                    raise DataError(f"{len(cells)} columns, where {self.layout.columns} are expected")
                if self.layout.label is not None:
                    label = cells.pop(self.layout.label).strip()
                    if label.lower().encode() in MISSING:
                        raise DataError("the label is missing")
                    self.labels.append(label.encode())
                self.pixels += bytes(map(_pixel, cells))
            except (DataError, UnicodeDecodeError, csv.Error) as error:
                fault = error if isinstance(error, DataError) else "it is no UTF-8 text"
                self.troubles.append(f"row {self.count} (line {self.lines}): {fault}" if not self.troubles else "")

    def part(self) -> Part:
        """All rows, if all were right and there are some."""
        if self.troubles:
            more = f" {len(self.troubles):,} of {self.count:,} rows are bad." if len(self.troubles) > 1 else ""
            raise DataError(f"{self.source}, {self.troubles[0]}.{more}")
        if not self.count:
            raise DataError(f"{self.source} has no rows of pixels.")
        images = np.frombuffer(self.pixels, np.uint8).reshape(self.count, *self.layout.shape)
        if self.layout.label is None:
            return Part(images)
        try:
            return Part(images, text_labels([label.decode().strip() for label in self.labels]))
        except UnicodeDecodeError as error:
            raise DataError(f"{self.source} has a label that is no UTF-8 text: {error.object[:20]!r}.") from None


def _parse(lines: list[bytes], columns: int) -> NDArray[np.uint8] | None:
    """The numbers (rows, columns) in lines of whole numbers from 0 to 255; None if there is anything else in them."""
    if not all(lines):
        return None
    try:
        values = np.loadtxt(lines, np.uint8, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None
    return values if values.shape == (len(lines), columns) else None


def _pixel(cell: str) -> int:
    """A cell as a pixel; 7 may be written 7.0, as pandas does in a column of floats."""
    try:
        value = float(cell)
    except ValueError:
        raise DataError(f"{cell.strip()[:20]!r} is no whole number from 0 to 255") from None
    if not 0 <= value <= 255 or value != int(value):
        raise DataError(f"a pixel is {cell.strip()[:20]}, no whole number from 0 to 255")
    return int(value)


def _cells(line: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(line.decode(), newline="")), [])


def _layout(cells: list[str], source: str) -> Layout:
    """What the first row says of the others."""
    if not cells:
        raise DataError(f"{source} is empty, or begins with an empty line.")
    if len(cells) == 1 and (other := re.search("[;\t]", cells[0])):
        raise DataError(f"{source} separates its columns by {other[0]!r}; commas are expected.")
    names = [cell.strip().lower() for cell in cells]
    if not _is_header(names):
        label = None if _is_square(len(cells)) else 0
        count = len(cells) - (label is not None)
        return Layout(label, count, flat_shape(count, source), header=False)
    if names[0] == "":
        raise DataError(
            f"{source}: the first column has no name, as an index that pandas writes; write it with index=False."
        )
    label = 0 if names[0] in LABELS else -1 if names[-1] in LABELS else None
    count = len(cells) - (label is not None)
    size = re.fullmatch(r"([0-9]{1,3})x([0-9]{1,3})", names[-2 if label == -1 else -1])
    if size and int(size[1]) * int(size[2]) == count:
        return Layout(label, count, check_shape((int(size[1]), int(size[2])), source), header=True)
    return Layout(label, count, flat_shape(count, source), header=True)


def _is_header(names: list[str]) -> bool:
    """Words instead of numbers, or the numbers of the columns, as pandas writes them where they have no names."""
    if not any(map(_is_number, names[1:] or names)):
        return True
    counted = names[names[0] in LABELS : len(names) - (names[-1] in LABELS)]
    return len(counted) > 9 and counted in ([str(k) for k in range(start, start + len(counted))] for start in (0, 1))


def _is_square(columns: int) -> bool:
    try:
        return bool(flat_shape(columns, ""))
    except DataError:
        return False


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
