"""Freehand preprocessing measured: photographs made of MNIST's test digits, read by a network trained on MNIST.

python benchmarks/freehand.py                                    the table of docs/freehand.md
python benchmarks/freehand.py --picture docs/freehand.png        its picture
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

import pellucid as pl
import pellucid.data.ink
from pellucid.data.freehand import _stages, prepare

Pixels = NDArray[np.uint8]
HEIGHT, WIDTH = 300, 400
KINDS = {
    "evenly lit": "dark ink on light paper, anywhere, of any size",
    "colour": "blue ink on yellow paper",
    "light on dark": "chalk on a board, in a gradient of light",
    "transparent": "strokes of a drawing program, nothing behind them",
    "small": "a fifth of the picture high",
    "cropped": "so tightly that strokes are cut",
    "gradient": "light from one side: up to half of it lost",
    "vignette": "corners that are darker by up to two fifths",
    "hard shadow": "an edge across the picture, darker by two fifths behind it",
    "table": "the edge of a dark table at one side",
    "specks": "thirty specks of ink",
    "ruled": "ruled paper",
    "noise": "a dark, noisy photograph",
    "pencil": "ink only two fifths darker than paper, in a gradient",
    "thin": "a thin pen, in a gradient",
    "hairline": "a stroke of about one pixel",
    "marker": "a thick marker",
}


def photograph(digit: Pixels, kind: str, rng: np.random.Generator) -> Pixels:
    """A picture of a digit on paper: (300, 400) grey, or with colours or opacity."""
    coverage = _coverage(digit, kind, rng)
    if kind == "transparent":
        colour = np.broadcast_to(rng.integers(0, 256, 3), (*coverage.shape, 3))
        return np.dstack([colour, 255 * coverage]).astype(np.uint8)
    paper, ink = rng.uniform(170, 240), rng.uniform(15, 80)
    if kind == "light on dark":
        paper, ink = rng.uniform(20, 60), rng.uniform(180, 250)
    if kind == "pencil":
        ink = 0.6 * paper
    light = _light(kind, coverage.shape, rng)
    picture = (paper + (ink - paper) * coverage) * light
    if kind == "table":
        picture[:, : rng.integers(10, 60)] = 60
    if kind == "specks":
        for y, x in rng.integers(0, (HEIGHT - 3, WIDTH - 3), (30, 2)):
            picture[y : y + 3, x : x + 3] = ink
    if kind == "ruled":
        picture[20::40] *= 0.8
    texture = np.asarray(Image.fromarray(rng.normal(128, 60, picture.shape).clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(2)), float) - 128  # fmt: skip
    picture = picture + rng.normal(0, 14 if kind == "noise" else 6, picture.shape) + 0.4 * texture
    if kind == "colour":
        share = (picture[..., None] - ink) / (paper - ink)
        picture = np.array([30, 40, 130]) + share * (np.array([235, 215, 140]) - np.array([30, 40, 130]))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _coverage(digit: Pixels, kind: str, rng: np.random.Generator) -> NDArray[Any]:
    """How much of each pixel is inked, 0 to 1: the digit's outline redrawn large, at some place."""
    large = Image.fromarray(digit).resize((336, 336), Image.Resampling.BICUBIC).point(lambda value: 255 * (value > 127))
    if kind in ("thin", "hairline"):
        large = Image.fromarray(255 * thinned(np.asarray(large) > 0).astype(np.uint8))
        large = large.filter(ImageFilter.MaxFilter(9 if kind == "thin" else 3))
    if kind == "marker":
        large = large.filter(ImageFilter.MaxFilter(15))
    side = 60 if kind == "small" else int(rng.integers(110, 260))
    if kind == "cropped":
        return np.asarray(large.crop((36, 36, 300, 300)), float) / 255
    canvas = np.zeros((HEIGHT, WIDTH))
    y, x = rng.integers(0, (HEIGHT - side + 1, WIDTH - side + 1))
    canvas[y : y + side, x : x + side] = np.asarray(large.resize((side, side), Image.Resampling.BOX), float) / 255
    return canvas


def _light(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
    """How much light falls on each pixel, from 0 to 1."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.reshape(shape, (2, 1, 1)) - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    if kind == "vignette":
        return 1 - 0.8 * (x**2 + y**2)
    if kind == "hard shadow":
        return np.where(along > rng.uniform(-0.3, 0.3), 0.6, 1)
    if kind in ("gradient", "light on dark", "pencil", "thin", "table"):
        return 1 - 0.5 * np.clip(along + 0.5, 0, 1)
    return np.ones(shape)


def thinned(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle line of strokes.

    Source: Zhang, Suen, "A Fast Parallel Algorithm for Thinning Digital Patterns", 1984.
    """
    m = np.pad(mask, 1).astype(int)
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            north, east, south, west = m[:-2, 1:-1], m[1:-1, 2:], m[2:, 1:-1], m[1:-1, :-2]
            ring = [north, m[:-2, 2:], east, m[2:, 2:], south, m[2:, :-2], west, m[:-2, :-2]]
            count = sum(ring)
            steps = sum((a < b).astype(int) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
            ends = (east * south * (north + west) if first else north * west * (east + south)) == 0
            goes = (m[1:-1, 1:-1] == 1) & (count >= 2) & (count <= 6) & (steps == 1) & ends
            m[1:-1, 1:-1][goes] = 0
            changed |= bool(goes.any())
    return m[1:-1, 1:-1] == 1


def resized(pixels: Pixels) -> Pixels:
    """What predict did before: inverted if the border is light, resized to 28×28."""
    picture = Image.fromarray(pixels)
    if pixels.shape[2:] == (4,):
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    grey = np.asarray(picture.convert("L"))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    grey = 255 - grey if np.median(border) > 127 else grey
    return np.asarray(Image.fromarray(grey).resize((28, 28), Image.Resampling.BOX))


def prepared(pixels: Pixels) -> Pixels:
    """The image after all stages; black where no ink is found."""
    try:
        return prepare(pixels)[-1].image
    except pl.DataError:
        return np.zeros((28, 28), np.uint8)


def through_all_stages(images: Pixels) -> Pixels:
    """Images of the network's own size, which would be taken as they are, sent through every stage."""
    return np.array([list(_stages(np.asarray(image), "", None, 28, 28))[-1].image for image in images])


def photographs(images: Pixels, kind: str, seed: int = 0) -> list[Pixels]:
    """One of each image."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    return [photograph(np.asarray(image), kind, rng) for image in images]


def trained(model: str = "") -> tuple[pl.Network | pl.Committee, pl.data.Dataset]:
    """The model, or the network of the recipe p03 after 10 epochs; and MNIST's test images."""
    train, test = pl.data.load("mnist")
    if model:
        return pl.load(model), test
    network = pl.Network("784-128-64-10", seed=0)
    pl.fit(network, train, epochs=10, batch_size=32, optimizer=pl.SGD(0.1), seed=0)
    return network, test


def measure(model: str, kinds: list[str], count: int, first: int) -> None:
    """Print the table."""
    network, test = trained(model)
    labels = test.labels[first : first + count]
    clean = float((network.classify(test.images[first : first + count]) == labels).mean())
    print(f"the {count} digits themselves: {clean:.1%}\n")
    print("| photographs | resized | prepared |  |\n|---|---|---|---|")
    rows = []
    for kind in kinds:
        pictures = photographs(test.images[first : first + count], kind)
        rows.append([
            float((network.classify(np.array([way(picture) for picture in pictures])) == labels).mean())
            for way in (resized, prepared)
        ])  # fmt: skip
        print(f"| {kind} | {rows[-1][0]:.1%} | {rows[-1][1]:.1%} | {KINDS[kind]} |", flush=True)
    means = np.mean(rows, axis=0)
    print(f"| all | {means[0]:.1%} | {means[1]:.1%} |  |\n")
    again = through_all_stages(test.images)
    print(
        f"MNIST's {len(test)} test images: {network.evaluate(test).accuracy:.2%} as they are, "
        f"{np.mean(network.classify(again) == test.labels):.2%} if they went through all stages"
    )


def draw_picture(path: Path) -> None:
    """The stages of three photographs, one below the other."""
    _, test = pl.data.load("mnist")
    side, gap, top = 150, 10, 22
    rows = [
        list(prepare(photographs(test.images[index : index + 1], kind, seed)[0]))
        for index, kind, seed in ((4, "gradient", 3), (61, "light on dark", 1), (15, "table", 2))
    ]
    canvas = Image.new("L", (8 * (side + gap) + gap, len(rows) * (side + gap + top)), 255)
    pen = ImageDraw.Draw(canvas)
    for y, stages in enumerate(rows):
        for x, stage in enumerate(stages):
            picture = Image.fromarray(stage.image)
            scale = min(side / picture.width, side / picture.height)
            size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
            picture = picture.resize(size, Image.Resampling.NEAREST)
            place = gap + x * (side + gap), y * (side + gap + top) + top
            pen.text((place[0], place[1] - 16), stage.name, 0)
            canvas.paste(picture, place)
            pen.rectangle((place[0] - 1, place[1] - 1, place[0] + size[0], place[1] + size[1]), outline=128)
    canvas.quantize(32).save(path, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw the stages of three photographs there, instead")
    parser.add_argument("--model", default="", help="by default p03 after 10 epochs")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of photographs")
    parser.add_argument("--count", type=int, default=200, help="photographs of each kind")
    parser.add_argument("--first", type=int, default=1000, help="the first test image that is photographed")
    parser.add_argument(
        "--thinnest", type=int, default=pellucid.data.ink.THINNEST, help="THINNEST of data/ink.py; 0 widens nothing"
    )
    options = parser.parse_args()
    pellucid.data.ink.THINNEST = options.thinnest
    if options.picture:
        draw_picture(options.picture)
    else:
        measure(options.model, options.only, options.count, options.first)
