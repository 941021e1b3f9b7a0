"""Augmentation: images that are distorted a little, and otherwise in each epoch, while a network trains on them.

    augmentation = word { " " word }            "shift2 rotate10 elastic34,4"
    word         = NAME [ FLOAT { "," FLOAT } ]  a number that is left out takes its default

The numbers are bounds: `rotate10` turns each image by an angle drawn evenly from −10° to 10°. What is drawn depends on
the seed, the epoch and the image's place in the data set alone, not on batches, engines, threads or interruptions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions, ElasticField
from pellucid.errors import UsageError
from pellucid.names import plain, suggest
from pellucid.philox import philox
from pellucid.randomness import key

BLOCKS = 3  # of Philox for the numbers of an image: 12 words, each for one purpose
SMALLEST_SHARE, LEAST_ASPECT = 0.02, 0.3  # of a rectangle that is erased
OFTEN = 0.5  # images of which something is erased


class Number(NamedTuple):
    """A number behind a word: its meaning, its default, and what it may be at most."""

    meaning: str
    default: float
    most: float


WORDS: dict[str, tuple[str, tuple[Number, ...]]] = {
    "shift": ("shifted by −{0} to {0} pixels in height and width", (Number("pixels", 2, 64),)),
    "rotate": ("turned by −{0}° to {0}°", (Number("degrees", 10, 180),)),
    "zoom": ("enlarged or reduced by up to {} in height and width", (Number("a share of the size", 0.1, 0.9),)),
    "shear": ("slanted by −{0}° to {0}°", (Number("degrees", 10, 60),)),
    "elastic": ("bent elastically with α {} and σ {}", (Number("α in pixels", 34, 1000), Number("σ in pixels", 4, 64))),
    "erase": ("half of them with a rectangle of up to {} erased", (Number("a share of the area", 0.1, 1),)),
}


@dataclass(frozen=True)
class Augmentation:
    """How images may be distorted; 0 leaves a distortion out.

    Args:
        shift: in each direction, in pixels.
        rotate: about the centre, in degrees.
        zoom: height and width are each multiplied by a factor from 1 − zoom to 1 + zoom.
        shear: how much upright strokes are slanted, in degrees.
        elastic: α and σ of an elastic distortion, in pixels: how strong, how smooth.
            Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks", 2003.
        erase: the largest share of the image that a rectangle takes, which half of the images lose.
            Source: Zhong et al., "Random erasing data augmentation", 2017 (the rectangle is 0 here).

    Raises:
        UsageError: a number out of range.
    """

    shift: float = 0
    rotate: float = 0
    zoom: float = 0
    shear: float = 0
    elastic: tuple[float, float] = (0, 0)
    erase: float = 0

    def __post_init__(self) -> None:
        for name in self._names():
            for number, known in zip(self._numbers(name), WORDS[name][1], strict=True):
                _check(name, number, known)

    def __bool__(self) -> bool:
        return self != Augmentation()

    def __str__(self) -> str:
        """The notation; `parse` gives the same augmentation back."""
        return " ".join(name + ",".join(map(plain, self._numbers(name))) for name in self._names())

    def words(self) -> str:
        """What happens to the images, in words."""
        phrases = [WORDS[name][0].format(*map(plain, self._numbers(name))) for name in self._names()]
        return ", ".join(phrases) or "left as they are"

    def _names(self) -> list[str]:
        return [name for name in WORDS if any(self._numbers(name))]

    def _numbers(self, name: str) -> tuple[float, ...]:
        value = getattr(self, name)
        return value if isinstance(value, tuple) else (value,)

    def draw(self, indices: NDArray[np.int64], epoch: int, seed: int, size: tuple[int, int]) -> Distortions:
        """What happens to some images in an epoch.

        Args:
            indices: (N,) their places in the data set.
            epoch: 1, 2, ...
            seed: of the training.
            size: height and width of each, in pixels.
        """
        chosen = key(seed, "augment", epoch)
        uniform = _uniform(indices, chosen)
        field = ElasticField(*self.elastic, chosen, indices) if any(self.elastic) else None
        return Distortions(self._maps(uniform, size), self._rectangles(uniform, size), field)

    def _maps(self, uniform: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
        """Where each image's pixels come from: (N, 2, 3), A⁻¹ and beside it centre − A⁻¹ (centre + shift).

        A = rotation · shear · zoom, so that the zoom comes first.
        """
        even = 2 * uniform[:6] - 1  # from −1 to 1
        angle, slant = np.radians(self.rotate) * even[2], np.tan(np.radians(self.shear) * even[5])
        cosine, sine = np.cos(angle), np.sin(angle)
        turned_back = np.array([[cosine, sine], [-sine - slant * cosine, cosine - slant * sine]])
        inverse = turned_back / (1 + self.zoom * even[3:5, np.newaxis])
        centre = (np.array(size)[:, np.newaxis] - 1) / 2
        moved = centre + self.shift * even[:2]
        offset = centre - (inverse * moved).sum(axis=1)
        return np.moveaxis(np.concatenate([inverse, offset[:, np.newaxis]], axis=1), -1, 0).astype(np.float32)

    def _rectangles(self, uniform: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.int64]:
        """What is erased of each image: (N, 4), top, left, height and width in pixels.

        Half of the images lose a rectangle whose share s of the area lies evenly between 0.02 and `erase`; its height
        is √(s r) of the image's and its width √(s / r), with log r drawn evenly between those of 0.3 and 1 / 0.3, or
        as near to 1 as the rectangle needs to fit.
        """
        happens, share, aspect, place = uniform[6], uniform[7], uniform[8], uniform[9:11]
        least = min(SMALLEST_SHARE, self.erase)
        share = least + (self.erase - least) * share
        ratio = np.maximum(LEAST_ASPECT, share) ** (2 * aspect - 1)
        whole = np.array(size)[:, np.newaxis]
        sides = np.floor(np.sqrt([share * ratio, share / ratio]) * whole + 0.5) * (happens < OFTEN)
        corner = np.floor(place * (whole - sides + 1))
        return np.concatenate([corner, sides]).T.astype(np.int64)


def _uniform(indices: NDArray[np.int64], chosen: tuple[int, int]) -> NDArray[np.float64]:
    """Twelve numbers for each image, (12, N), evenly between 0 and 1: (w + ½) / 2³² for a word w of Philox.

    The counter is (word // 4, index of the image, 0, 0); with a 1 in the third place it is the elastic field's.
    """
    words = philox((np.arange(BLOCKS)[:, np.newaxis], indices, 0, 0), chosen)
    return (np.stack(words, axis=1).reshape(4 * BLOCKS, -1).astype(np.float64) + 0.5) / 2.0**32


def parse(text: str) -> Augmentation:
    """The augmentation that the words name, in any order; no words leave images as they are.

    Raises:
        UsageError: the text does not follow the notation; the message points at the character.
    """
    if not isinstance(text, str):
        raise UsageError(f'An augmentation is written in words, such as "shift2 rotate10"; {text!r} came.')
    values: dict[str, Any] = {}
    for match in re.finditer(r"\S+", text):
        name, numbers = _word(text, match.start(), match.group())
        if name in values:
            _fail(text, match.start(), f"{name} stands here for the second time.")
        values[name] = numbers if len(numbers) > 1 else numbers[0]
    return Augmentation(**values)


def _word(text: str, position: int, word: str) -> tuple[str, tuple[float, ...]]:
    """The name and the numbers of one word."""
    name = re.match(r"[^\W\d]*", word).group()  # type: ignore[union-attr]  # it always matches
    if not name:
        _fail(text, position, "Here a word is expected with its number right behind it, such as shift2.")
    if name not in WORDS:
        _fail(text, position, f"There is no augmentation called {name!r}. {suggest(name, WORDS)}")
    position += len(name)
    known = WORDS[name][1]
    given = word[len(name) :].split(",") if word != name else []
    if len(given) > len(known):
        meanings = " and ".join(number.meaning for number in known)
        _fail(text, position, f"These are more numbers than {name} takes: {meanings}. Words stand apart, by spaces.")
    numbers = [number.default for number in known]
    for place, (number, expected) in enumerate(zip(given, known, strict=False)):
        if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", number, re.ASCII):
            _fail(text, position, f"Here a number is expected, {expected.meaning}, such as {plain(expected.default)}.")
        numbers[place] = float(number)
        try:
            _check(name, numbers[place], expected)
        except UsageError as error:
            _fail(text, position, str(error))
        position += len(number) + 1
    return name, tuple(numbers)


def _check(name: str, number: float, known: Number) -> None:
    if not 0 < number <= known.most:
        raise UsageError(
            f"{name} takes {known.meaning}, above 0 and at most {plain(known.most)}; {number:g} came. "
            f"Where there is to be none, leave {name} out."
        )


def _fail(text: str, position: int, message: str) -> NoReturn:
    raise UsageError(f"{message}\n  {text}\n  {' ' * position}^")
