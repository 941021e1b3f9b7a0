"""Pictures, one file for each image, in a folder for each class: train/cat/1.png, or cat/1.png alone.

A picture counts as grey if it is stored so, or if red, green and blue are equal in each of its pixels. A set is grey
if all of its pictures are; it is in colour if all are stored in colour and one really is. Both kinds in one set are
refused. Transparent pictures lie on white paper; 16 bits are reduced to 8.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.formats.part import LARGEST, MOST_CLASSES, Part, check_shape, order, visible
from pellucid.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
log = logging.getLogger("pellucid")


def decode(picture: Path | bytes, source: str) -> NDArray[np.uint8]:
    """The pixels of a picture, (height, width) if it is stored grey, (height, width, 3) otherwise.

    Its size is looked at before its pixels are unpacked, so a small file cannot ask for much memory.

    Raises:
        DataError: it cannot be read, or is larger than 64×64.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata, of many pixels: the limit is ours
            with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=FORMATS) as opened:
                check_shape((opened.height, opened.width), source)
                return np.asarray(_flatten(opened))
    except Image.DecompressionBombError:
        raise DataError(f"{source} is a picture far larger than the 64×64 pixels that are read.") from None
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, IndexError, TypeError, OverflowError, EOFError, struct.error):
        raise DataError(f"{source} is no picture that can be read: it is damaged, or something else.") from None


def _flatten(picture: Image.Image) -> Image.Image:
    """As "L" or "RGB"."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture) / 257).astype(np.uint8))
    if picture.has_transparency_data:
        grey = picture.mode == "LA"
        layers = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), layers)
        return picture.convert("L" if grey else "RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


class Gathered:
    """Pictures of one size on their way into one array, which grows with what comes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.size: tuple[int, ...] = ()
        self.first = self.grey = self.coloured = ""  # which picture was the first at all, and of each kind
        self.content = bytearray()
        self.count = 0

    def add(self, pixels: NDArray[np.uint8], name: str) -> None:
        """Append what `decode` gave.

        Raises:
            DataError: it has another size, or is grey where another is in colour.
        """
        if not self.first:
            self.first, self.size = name, pixels.shape[:2]
        if pixels.shape[:2] != self.size:
            sizes = ["×".join(map(str, size)) for size in (pixels.shape[:2], self.size)]
            raise DataError(
                f"{name} has {sizes[0]} pixels, but {self.first} has {sizes[1]}. The images of a set have one size."
            )
        if pixels.ndim == 2:
            self.grey = self.grey or name
        elif not self.coloured and (pixels != pixels[..., :1]).any():
            self.coloured = name
            self.content = bytearray(np.repeat(np.frombuffer(self.content, np.uint8), 3))
        if self.grey and self.coloured:
            raise DataError(
                f"{self.grey} is grey, but {self.coloured} is in colour. The images of a set are all one or the other."
            )
        self.content += (pixels if self.coloured or pixels.ndim == 2 else pixels[..., 0]).tobytes()
        self.count += 1
        if len(self.content) > LARGEST:
            raise DataError(f"{self.source} unpacks to more than the {LARGEST:,} bytes of pixels that are read.")

    def array(self) -> NDArray[np.uint8]:
        """All of them, (N, height, width) or (N, height, width, 3)."""
        shape = (*self.size, 3) if self.coloured else self.size
        return np.frombuffer(self.content, np.uint8).reshape(self.count, *shape)


def read_pictures(folder: Path) -> Part:
    """The pictures in the folders of a folder, each named after its class.

    Raises:
        DataError: a picture is damaged or of another size or kind, a class has none, or there are too many.
    """
    names = class_folders(folder)
    if len(names) > MOST_CLASSES:
        raise DataError(f"{folder} has {len(names)} folders, as classes, of which {MOST_CLASSES} are possible.")
    gathered, labels, others = Gathered(str(folder)), [], []
    for number, name in enumerate(names):
        before = gathered.count
        for path in sorted(visible(folder / name), key=lambda path: order(path.name)):
            if path.suffix.lower() in SUFFIXES:
                gathered.add(decode(path, str(path)), str(path))
            else:
                others.append(path)
        if gathered.count == before:
            raise DataError(f"{folder / name} has no pictures in it ({', '.join(SUFFIXES)}). Remove it, or fill it.")
        labels += [number] * (gathered.count - before)
    if others:
        log.warning("%s: %d entries that are no pictures are passed over, such as %s", folder, len(others), others[0])
    return Part(gathered.array(), np.array(labels, np.int64), names)


def class_folders(folder: Path) -> tuple[str, ...]:
    """The names of the folders in a folder, in the order of classes."""
    return tuple(sorted((path.name for path in visible(folder) if path.is_dir()), key=order))
