"""Images to predict, from files that people have: pictures, and everything else that `reading.py` reads."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pellucid.data.formats.arrays import read_npy
from pellucid.data.formats.part import Part
from pellucid.data.formats.pictures import FORMATS, SUFFIXES
from pellucid.data.freehand import Stage, prepare, resize
from pellucid.data.reading import BEGINNINGS, read_part
from pellucid.errors import DataError

LARGEST_PICTURE = 50_000_000  # pixels; a photograph has about 12 million
LONGEST_SIDE = 65_535  # pixels, as in JPEG
AS_THEY_ARE = ("L", "RGB", "RGBA")


@dataclass(frozen=True)
class Images:
    """What a file holds for a network.

    Args:
        images: (N, ...), examples of the shape asked for.
        labels: the name of each one's class, where the file has labels.
        stages: how a picture became its image.
    """

    images: NDArray[Any]
    labels: list[str] | None = None
    stages: tuple[Stage, ...] = ()


def read_images(path: Path, height: int, width: int, channels: int = 1) -> Images:
    """The images in a file, as a network of that height, width and number of channels reads them.

    A picture goes through `freehand.prepare`; for a network that reads colours it is resized. Every other file holds
    images of that size already: an npy array (uint8 or floats, mapped and taken as it is), a table, npz, parquet, IDX.

    Raises:
        DataError: the file is missing, damaged, of another kind, or of images of another size.
    """
    try:
        if _is_picture(path):
            return _from_picture(path, height, width, channels)
        part = Part(read_npy(path)) if path.suffix.lower() == ".npy" else read_part(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    return Images(_fitting(part.images, height, width, channels, path), _names(part, path))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The pixels of a picture, upright: (H, W) grey, (H, W, 3) colour or (H, W, 4) with opacity; of several the first.

    Raises:
        DataError: it is damaged, or has more than 50 million pixels.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
            # warned of would be broken EXIF, and many pixels: the limit is ours
            if picture.width * picture.height > LARGEST_PICTURE or max(picture.size) > LONGEST_SIDE:
                raise DataError(
                    f"{path} has {picture.width}×{picture.height} pixels; at most {LARGEST_PICTURE:,} are read, and "
                    f"{LONGEST_SIDE:,} on a side. Make it smaller first."
                )
            return _pixels(ImageOps.exif_transpose(picture))
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(f"{path} has far more than the {LARGEST_PICTURE:,} pixels that are read.") from None
    except UnidentifiedImageError:
        raise DataError(f"{path} is no picture that can be read: {', '.join(FORMATS)} can.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # whatever a damaged file makes of its decoder
        raise DataError(f"{path} is a damaged picture: {str(error) or type(error).__name__}.") from None


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """As uint8; 16 bits reduced to 8, rounded."""
    if picture.mode.startswith("I"):
        deep = np.clip(np.asarray(picture), 0, 65535).astype(np.uint32)
        return np.asarray((2 * deep + 257) // 514, np.uint8)
    if picture.mode not in AS_THEY_ARE:
        grey = picture.mode in ("1", "L")
        picture = picture.convert("RGBA" if picture.has_transparency_data else "L" if grey else "RGB")
    elif picture.mode != "RGBA" and picture.has_transparency_data:
        picture = picture.convert("RGBA")
    return np.asarray(picture)


def _is_picture(path: Path) -> bool:
    if not path.is_file():
        raise DataError(f"{path} is not a file." if path.exists() else f"{path} cannot be read: No such file.")
    with path.open("rb") as file:
        head = file.read(8)
    return path.suffix.lower() in SUFFIXES or any(
        head.startswith(beginning) for beginning, kind in BEGINNINGS.items() if kind == "picture"
    )


def _from_picture(path: Path, height: int, width: int, channels: int) -> Images:
    pixels = read_picture(path)
    if channels == 3:
        return Images(resize(pixels, height, width)[None])
    try:
        stages = tuple(prepare(pixels, height, width))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return Images(stages[-1].image[None], stages=stages)


def _fitting(array: NDArray[Any], height: int, width: int, channels: int, path: Path) -> NDArray[Any]:
    """The images as (N, ...), if they are of that size."""
    shapes: list[tuple[int, ...]] = [(height, width, channels), (height * width * channels,)]
    shapes += [(height, width)] if channels == 1 else []
    if array.shape in shapes and array.ndim > 1:
        array = array[None]
    if array.shape[1:] not in shapes or not len(array):
        size = (height, width, channels) if channels > 1 else (height, width)
        expected = f"(N, {', '.join(map(str, size))}) or (N, {height * width * channels})"
        raise DataError(
            f"{path} holds an array of shape {array.shape}; images of {height}×{width} are expected, as {expected}."
        )
    return array


def _names(part: Part, path: Path) -> list[str] | None:
    """The labels as names of classes."""
    if part.labels is None:
        return None
    if len(part.labels) != len(part.images):
        raise DataError(f"{path} has {len(part.images):,} images, but {len(part.labels):,} labels.")
    labels = part.labels.tolist()
    return [part.classes[label] for label in labels] if part.classes else list(map(str, labels))
