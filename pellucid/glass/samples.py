"""Pictures of a data set: examples of each class, the mean image of each class, images whose labels are unlikely."""

from __future__ import annotations

import unicodedata

import numpy as np

from pellucid.data.augment import Augmentation
from pellucid.data.dataset import Dataset
from pellucid.data.overview import Overview
from pellucid.glass.labels import Doubt
from pellucid.glass.sheet import Tile, draw, strip

WIDTH = 1000  # pixels that a sheet is wide, about
SIDE = 96  # pixels, about, of an image that stands alone
SHOWN = 24  # unlikely labels


def letters(name: str, number: int) -> str:
    """The name of a class in the letters that pictures have: Latin, without accents.

    A name that cannot be written so becomes the number of its class, counted from 0: "class 3".
    """
    base = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return base if base.isascii() and base.isprintable() else f"class {number}"


def contact_sheet(data: Dataset) -> bytes:
    """A row of examples of each class, spread evenly over the data set, as the bytes of a PNG.

    Many classes stand in several columns, with fewer and smaller examples.
    """
    columns, across, scale = _rows(data)
    tiles = []
    for label, name in enumerate(data.classes):
        members = np.flatnonzero(data.labels == label)
        places = members[np.unique(np.linspace(0, len(members) - 1, across).astype(int))] if len(members) else members
        tiles.append(Tile(strip(np.asarray(data.images[places]), across), [letters(name, label)]))
    return draw(tiles, f"{data.name}: training images of each class", columns, scale)


def distorted(data: Dataset, augmentation: Augmentation) -> bytes:
    """The first image of each class, and right of it the same as a network sees it in epoch 1, 2, ..., as a PNG.

    Those are the images of a training on all of the data with seed 0.
    """
    columns, across, scale = _rows(data)
    height, width = data.images.shape[1:3]
    tiles = []
    for label, name in enumerate(data.classes):
        places = np.flatnonzero(data.labels == label)[:1]
        original = np.asarray(data.images[places])
        epochs = range(1, across if len(places) else 1)
        seen = [augmentation.draw(places, epoch, 0, (height, width)).of(original) for epoch in epochs]
        tiles.append(Tile(strip(np.concatenate([original, *seen]), across), [letters(name, label)]))
    caption = f"{data.name}: an image of each class, then as in epochs 1, 2, ... with {augmentation}"
    return draw(tiles, caption, columns, scale)


def mean_images(data: Dataset, overview: Overview) -> bytes:
    """The mean image of each class, as the bytes of a PNG; white where a class has no images."""
    means = np.nan_to_num(overview.means, nan=255).round().astype(np.uint8)
    tiles = [
        Tile(image, [letters(name, label), f"{count:,}"])
        for label, (image, name, count) in enumerate(zip(means, data.classes, overview.counts.tolist(), strict=True))
    ]
    return _grid(tiles, f"{data.name}: mean training image of each class", 10 if len(tiles) > 12 else 5)


def unlikely_labels(data: Dataset, doubts: tuple[Doubt, ...]) -> bytes:
    """The first images whose labels are unlikely, each with its place, its label and what the network sees."""
    shown, names = doubts[:SHOWN], [letters(name, label) for label, name in enumerate(data.classes)]
    tiles = [
        Tile(
            np.asarray(data.images[doubt.index]),
            [f"{names[doubt.label]}, or {names[doubt.suggested]}?", f"image {doubt.index}"],
        )
        for doubt in shown
    ]
    return _grid(tiles, f"{data.name}: the {len(shown)} least likely labels, and what a network sees instead", 8)


def _rows(data: Dataset) -> tuple[int, int, int]:
    """In how many columns the classes stand, how many images each has side by side, and how much larger they are."""
    columns = next((columns for most, columns in ((12, 1), (30, 2), (60, 3)) if len(data.classes) <= most), 4)
    height, width = data.images.shape[1:3]
    scale = _scale(height, width, 56 if columns == 1 else 32)
    return columns, max(3, WIDTH // columns // ((width + 1) * scale)), scale


def _grid(tiles: list[Tile], caption: str, columns: int) -> bytes:
    height, width = tiles[0].image.shape[:2]
    return draw(tiles, caption, columns, _scale(height, width, SIDE))


def _scale(height: int, width: int, target: int) -> int:
    """How much larger an image is drawn so that its longer side comes near the target, in pixels."""
    return max(1, round(target / max(height, width)))
