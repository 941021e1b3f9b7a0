"""Images from files that people have: PNG and JPEG, npy arrays, CSV rows."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pellucid.errors import DataError

LARGEST_PICTURE = 50_000_000  # pixels; a photograph has about 12 million


def read_images(path: Path, height: int, width: int) -> NDArray[Any]:
    """The images in a file, as rows (N, height, width).

    A picture (PNG, JPEG) becomes grey, light ink on dark ground as in MNIST (it is inverted if its border is
    light), and of the size asked for. An npy file holds (N, height, width), (height, width) or (N, pixels), uint8
    or floats; a CSV file one image in each row, pixels 0 to 255.

    Raises:
        DataError: the file is missing, damaged, of another kind, or of images of another size.
    """
    readers = {".npy": _read_npy, ".csv": _read_csv}
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is not a file.")
        if path.suffix.lower() in readers:
            array = readers[path.suffix.lower()](path)
        else:
            array = _read_picture(path, height, width)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    if array.shape == (height, width):
        array = array[None]
    if array.ndim < 2 or array[0].size != height * width:
        raise DataError(
            f"{path} holds an array of shape {array.shape}; images of {height}×{width} are expected, as "
            f"(N, {height}, {width}) or (N, {height * width})."
        )
    return array.reshape(len(array), height, width)


def _read_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings(), Image.open(path, formats=["PNG", "JPEG"]) as picture:
            warnings.simplefilter("ignore")  # of broken EXIF, of many pixels: the limit below is ours
            if picture.width * picture.height > LARGEST_PICTURE:
                raise DataError(f"{path} has {picture.width}×{picture.height} pixels, more than {LARGEST_PICTURE:,}.")
            grey = _flatten(ImageOps.exif_transpose(picture)).convert("L")
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(f"{path} has more than {LARGEST_PICTURE:,} pixels.") from None
    except (UnidentifiedImageError, SyntaxError, ValueError):
        raise DataError(f"{path} is not a PNG or JPEG picture that can be read, an .npy or a .csv file.") from None
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if np.median(border) > 127:  # dark ink on light paper
        grey = Image.fromarray(255 - pixels)
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.BOX if grey.width > width else Image.Resampling.BICUBIC)
    return np.asarray(grey)


def _flatten(picture: Image.Image) -> Image.Image:
    """A transparent picture on white paper; 16 bits reduced to 8."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture) / 257).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _read_npy(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{path} is not an array that can be read: {error}.") from None
    if not isinstance(array, np.ndarray) or array.ndim < 1 or not array.size:
        raise DataError(f"{path} does not hold an array of images.")
    return array


def _read_csv(path: Path) -> NDArray[np.uint8]:
    """Rows of numbers 0 to 255, as many in each; a first row of words is a header."""
    rows: list[NDArray[np.uint8]] = []
    number = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, cells in enumerate(csv.reader(file), start=1):
                if cells and not (number == 1 and not any(map(_is_number, cells))):
                    rows.append(_row(cells, expected=len(rows[0]) if rows else len(cells)))
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path}, row {number}: {error}.") from None
    if not rows:
        raise DataError(f"{path} has no rows of pixels.")
    return np.array(rows)


def _row(cells: list[str], expected: int) -> NDArray[np.uint8]:
    words = [cell for cell in cells if not cell.strip().isdecimal()]
    if words:
        raise ValueError(f"{words[0][:20]!r} is no whole number from 0 to 255")
    values = [int(cell) for cell in cells]
    if len(values) != expected:
        raise ValueError(f"{len(values)} numbers, where the rows before have {expected}")
    if not 0 <= min(values) <= max(values) <= 255:
        raise ValueError(f"pixels go from 0 to 255, not from {min(values)} to {max(values)}")
    return np.array(values, np.uint8)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
