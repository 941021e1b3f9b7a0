"""Write freehand.json: pictures, and what freehand preprocessing makes of them, for implementations in other languages.

python tests/golden/make_freehand.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pellucid.data.freehand import Stage, prepare

HERE = Path(__file__).with_name("freehand.json")
ABOUT = (
    "docs/freehand.md describes every stage. pixels: base64 of shape[0]·shape[1]·channels bytes, in C order. network: "
    "height and width of the result. stages: name, numbers (text and whole numbers exactly; thickness, factor and "
    "mass, which nothing is computed from, to 0.01), shape, sum of the pixels, and sum of each pixel times its place, "
    "counted from 0 in C order. image: base64 of the result, network[0]·network[1] bytes."
)


def text(size: int, words: str, height: int, width: int, at: tuple[int, int]) -> np.ndarray:
    """Coverage of drawn letters, 0 to 1."""
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).text(at, words, 255, ImageFont.load_default(size), "mm")
    return np.asarray(canvas, float) / 255


def grey(coverage: np.ndarray, paper: float, ink: float, light: object = 1, noise: float = 0) -> np.ndarray:
    """Ink on paper, in some light, with noise."""
    picture = (paper + (ink - paper) * coverage) * light
    return np.clip(picture + np.random.default_rng(0).normal(0, noise, picture.shape) + 0.5, 0, 255).astype(np.uint8)


def strokes(coverage: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A colour that is opaque where there is ink."""
    return np.dstack([np.broadcast_to(colour, (*coverage.shape, 3)), 255 * coverage]).astype(np.uint8)


def hairline(height: int, width: int) -> np.ndarray:
    """A digit of lines one pixel wide."""
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).line([(19, 15), (52, 17), (34, 45), (29, 75)], 255, 1)
    return np.asarray(canvas, float) / 255


def cases() -> dict[str, tuple[np.ndarray, int, int]]:
    """Pictures with the size that the network wants."""
    slope = np.linspace(1, 0.5, 60)
    table = grey(text(40, "4", 56, 72, (46, 28)), 210, 40, np.linspace(0.6, 1, 72))
    table[:, :7] = 50
    broken = text(50, "5", 70, 60, (30, 35))
    broken[30:33] = 0
    broken[[5, 60, 64], [50, 4, 55]] = 1
    cut = text(40, "2", 44, 40, (20, 22))
    rounded = strokes(np.ones((44, 40)), (240, 230, 180))
    rounded[cut > 0.5, :3] = 20, 40, 90
    rounded[:6, :6, 3] = rounded[-6:, -6:, 3] = 0
    paper = grey(text(36, "8", 48, 44, (22, 24)), 230, 30)
    yellow = np.dstack([paper, (paper * 0.9).astype(np.uint8), (paper * 0.5).astype(np.uint8)])
    blurred = Image.fromarray(grey(text(130, "6", 280, 80, (40, 140)), 220, 60)).filter(ImageFilter.GaussianBlur(3))
    return {
        "dark ink on light paper": (grey(text(36, "3", 40, 60, (40, 18)), 220, 40, noise=6), 28, 28),
        "light ink in a gradient": (grey(text(34, "7", 60, 50, (20, 30)), 50, 230, slope[:, None], 3), 28, 28),
        "blue-grey on yellow": (yellow, 28, 28),
        "dark strokes on nothing": (strokes(text(30, "9", 40, 36, (18, 20)), (30, 0, 60)), 28, 28),
        "light strokes on nothing": (strokes(text(30, "9", 40, 36, (18, 20)), (255, 250, 200)), 28, 28),
        "paper with transparent corners": (rounded, 28, 28),
        "the edge of a table": (table, 28, 28),
        "broken in two, with specks": (grey(broken, 235, 20), 28, 28),
        "hairline": (grey(hairline(90, 68), 200, 60, noise=2), 28, 28),
        "faint in noise": (grey(hairline(90, 68), 200, 90, noise=5), 28, 28),
        "averaged to 256": (np.asarray(blurred), 28, 28),
        "as large as the network's": (grey(text(22, "2", 28, 28, (14, 14)), 255, 0), 28, 28),
        "a network of 20 by 32": (grey(text(36, "1 4", 44, 70, (35, 22)), 210, 30, noise=4), 20, 32),
        "smaller than the network's": (grey(text(12, "0", 13, 11, (5, 6)), 255, 0), 28, 28),
    }


def summary(stage: Stage) -> dict[str, object]:
    """A stage as it stands in the file."""
    values = stage.image.astype(np.int64).ravel()
    return {
        "name": stage.name,
        "numbers": stage.numbers,
        "shape": list(stage.image.shape),
        "sum": int(values.sum()),
        "weighted": int(values @ np.arange(values.size)),
    }


def coded(array: np.ndarray) -> str:
    """The bytes of an array."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def entry(name: str, pixels: np.ndarray, height: int, width: int) -> dict[str, object]:
    """A picture and all that becomes of it."""
    stages = prepare(pixels, height, width)
    return {
        "name": name,
        "shape": list(pixels.shape[:2]),
        "channels": pixels.shape[2] if pixels.ndim == 3 else 1,
        "pixels": coded(pixels),
        "network": [height, width],
        "stages": [summary(stage) for stage in stages],
        "image": coded(stages[-1].image),
    }


if __name__ == "__main__":
    vectors = [entry(name, *case) for name, case in cases().items()]
    HERE.write_text(json.dumps({"about": ABOUT, "vectors": vectors}, indent=1) + "\n")
