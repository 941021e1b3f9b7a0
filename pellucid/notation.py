"""An architecture in one line, as the literature writes it: "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10" <-> layers.

    architecture = input "-" item { "-" item }
    input = INT | INT "x" INT "x" INT | "*"         so many numbers · channels x height x width · "*": from the data
    item  = ( INT | "*"                             a dense layer · "*": as many outputs as there are classes
            | INT "C" INT [ "s" INT ] [ "p" INT ]   convolution: maps, side of the kernel, stride 1, padding 0
            | ( "MP" | "AP" ) INT [ "s" INT ]       pooling by maximum or average: side, stride = side
            | "GAP" | "BN" | "LN"                   global average pooling, batch and layer normalization
            | "D" FLOAT | "N" FLOAT                 dropout at this rate · Gaussian noise of this deviation
            | "R(" item { "-" item } ")" )          residual block: y = x + f(x)
            [ ":" ACTIVATION ]

The hidden activation follows each dense layer and convolution but the last: directly, or behind a BN or LN that is the
very next item. `:name` replaces it and stands where it is written, `:linear` leaves it out. An image is flattened where
a dense layer follows it. Dropout and noise stand where they act: 784-D0.2-128-D0.5-10 drops pixels, and outputs of the
ReLU behind the 128. Ciresan, Meier, Gambardella, Schmidhuber write networks so: "Deep, big, simple neural nets for
handwritten digit recognition", 2010.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import NoReturn

from pellucid.errors import UsageError
from pellucid.layers import Layer, Shape
from pellucid.layers.activation import Activation, ReLU, activation
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.normalization import BatchNormalization, LayerNormalization, Normalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual
from pellucid.names import suggest

WEIGHTS = (Dense, Convolution)
LARGEST = 1_000_000  # of any number in an architecture; a longer one is a slip of the hand
DEEPEST = 20  # blocks within blocks
FLOAT = r"[0-9]+\.?[0-9]*|\.[0-9]+"
SLIDE = "(?P<side>[0-9]+)(?:s(?P<stride>[0-9]+))?"
ITEMS: dict[str, tuple[str, Callable[..., Layer], str]] = {  # by its letters: how it is written, what it is
    "": ("(?P<units>[0-9]+)", Dense, "Here a number of units is expected, '*', or the letters of another layer."),
    "C": (
        f"(?P<maps>[0-9]+)C{SLIDE}(?:p(?P<padding>[0-9]+))?",
        Convolution,
        "A convolution is written 6C5, 6C5s2 or 6C5s2p1: maps, side of the kernel, stride, padding.",
    ),
    "MP": ("MP" + SLIDE, MaxPooling, "Pooling is written MP2 or MP3s2: side, stride."),
    "AP": ("AP" + SLIDE, AveragePooling, "Pooling is written AP2 or AP3s2: side, stride."),
    "GAP": ("GAP", GlobalAveragePooling, "GAP stands alone."),
    "BN": ("BN", BatchNormalization, "BN stands alone."),
    "LN": ("LN", LayerNormalization, "LN stands alone."),
    "D": (f"D(?P<rate>{FLOAT})", Dropout, "D is followed by a number, such as D0.5."),
    "N": (f"N(?P<sigma>{FLOAT})", GaussianNoise, "N is followed by a number, such as N0.5."),
    "R": ("(?!)", Residual, "A residual block is written R(8C3p1-8C3p1)."),
}


def parse(
    text: str, hidden: str = "relu", shape: Shape | None = None, classes: int | None = None
) -> tuple[Shape, list[Layer]]:
    """The input shape and the layers of an architecture.

    Args:
        text: the architecture.
        hidden: activation after each dense layer and convolution but the last, by name.
        shape: of the examples, which is what "*" means as input.
        classes: what "*" means as a layer.

    Raises:
        UsageError: the text does not follow the notation; the message points at the character.
    """
    if hidden != "linear":
        activation(hidden)
    reader = Reader(text, hidden, classes)
    return reader.input(shape), reader.row()


class Reader:
    """Reads an architecture from left to right."""

    def __init__(self, text: str, hidden: str, classes: int | None) -> None:
        self.text, self.hidden, self.classes, self.position = text, hidden, classes, 0
        self.last = max((found.start() for found in re.finditer("(?<=[-(])[0-9*]", text)), default=0)

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        """Point at a character, by default at the next one to read."""
        space = " " * (self.position if position is None else position)
        raise UsageError(f"{message}\n  {self.text}\n  {space}^")

    def take(self, pattern: str) -> str:
        """Read what matches from here on; nothing where nothing does."""
        found = re.compile(pattern).match(self.text, self.position)
        self.position = found.end() if found else self.position
        return found.group() if found else ""

    def input(self, shape: Shape | None) -> Shape:
        """The input shape, and the minus behind it."""
        text = self.take("[^-]*")
        if not self.take("-"):
            self.fail("An architecture has an input and at least one layer, such as 784-128-10.", 0)
        if not self.last:
            self.fail("At least one dense layer or convolution is expected: nothing here could learn.")
        if text != "*":
            if not re.fullmatch("[0-9]+(x[0-9]+x[0-9]+)?", text):
                self.fail("Here a number of inputs is expected, an image such as 1x28x28, or '*'.", 0)
            shape = tuple(self.number(found.group(), found.start()) for found in re.finditer("[0-9]+", text))
        elif not shape:
            self.fail("'*' needs the data set to take the input size from.", 0)
        elif (first := re.search("[-(](?:[0-9]+C|MP|AP|GAP|([0-9*]))", self.text)) and first[1]:
            shape = (prod(shape),)  # a dense layer reads flat images
        self.image = len(shape) == 3
        return shape

    def number(self, digits: str, position: int, least: int = 1) -> int:
        if not least <= int(digits[:20]) <= LARGEST:
            self.fail(f"A number from {least} to {LARGEST:,} is expected here.", position)
        return int(digits)

    def row(self, depth: int = 0) -> list[Layer]:
        """Items up to the end of the text, or of a residual block."""
        layers: list[Layer] = []
        waiting = "linear"  # the hidden activation, where it stands behind the normalization that comes next
        while True:
            start = self.position
            layer = self.block(depth) if self.take(r"R\(") else self.item()
            name, waiting = waiting, "linear"
            if isinstance(layer, WEIGHTS) and start != self.last:
                name = self.hidden
            if isinstance(layer, Dense) and self.image:
                layers.append(Flatten())
            self.image = self.image and not isinstance(layer, Dense | GlobalAveragePooling)
            layers.append(layer)
            start = self.position + 1
            if self.take(":"):
                name = self.take("[^-()]*")
            elif isinstance(layer, WEIGHTS) and re.compile("-[BL]N").match(self.text, self.position):
                name, waiting = "linear", name
            if name != "linear":
                layers.append(self.attempt(start, activation, name))
            if not self.take("-"):
                break
        if self.take(r"\)" if depth else "$") == "" and self.position < len(self.text) + depth:
            self.fail("A '-' and another layer are expected here" + (", or a ')'." if depth else "."))
        return layers

    def block(self, depth: int) -> Layer:
        """A residual block, behind its R and bracket."""
        if depth == DEEPEST:
            self.fail(f"Residual blocks stand at most {DEEPEST} deep in each other.")
        return Residual(self.row(depth + 1))

    def item(self) -> Layer:
        """One layer, without its activation."""
        start, text = self.position, self.take("[^-:()]*")
        letters = re.match("[0-9*]*([A-Za-z]*)", text)
        assert letters
        if text == "*":
            return Dense(self.classes or self.fail("'*' needs the data set to take the classes from.", start))
        if letters[1] not in ITEMS:
            self.fail(
                f"There is no layer {letters[1]!r}. {suggest(letters[1].upper(), filter(None, ITEMS))}",
                start + letters.start(1),
            )
        pattern, make, form = ITEMS[letters[1]]
        found = re.fullmatch(pattern, text)
        if not found:
            begun = re.match(pattern, text)
            self.fail(form, start + (begun or letters).end())
        numbers = {
            name: float(digits)
            if name in ("rate", "sigma")
            else self.number(digits, start + found.start(name), int(name != "padding"))
            for name, digits in found.groupdict().items()
            if digits
        }
        return self.attempt(start + letters.end(), make, **numbers)

    def attempt(self, position: int, make: Callable[..., Layer], *arguments: object, **numbers: object) -> Layer:
        """The layer that is made so; what is wrong with it is said with its place."""
        try:
            return make(*arguments, **numbers)
        except UsageError as error:
            self.fail(str(error), position)


def write(input_shape: Shape, layers: Sequence[Layer]) -> str:
    """The architecture of these layers; `parse` gives the same layers back.

    Raises:
        UsageError: the layers cannot be written in the notation.
    """
    last = _last(layers)
    if last is None:
        raise UsageError("A network without a dense layer or convolution cannot be written in the notation.")
    return "x".join(map(str, input_shape)) + "-" + _row(layers, last)


def _last(layers: Sequence[Layer]) -> Layer | None:
    """The last dense layer or convolution."""
    for layer in reversed(layers):
        found = _last(layer.layers) if isinstance(layer, Residual) else layer
        if isinstance(found, WEIGHTS):
            return found
    return None


def _row(layers: Sequence[Layer], last: Layer) -> str:
    """The items of layers in a row; `last` is the last dense layer or convolution of the network."""
    items, waiting = [], False  # whether the hidden activation stands behind the normalization that comes next
    around = [None, *layers, None, None]
    for place, layer in enumerate(layers):
        before, after, then = around[place], around[place + 2], around[place + 3]
        if isinstance(layer, Activation) and not isinstance(before, Activation | None):
            continue
        if isinstance(layer, Flatten) and isinstance(after, Dense) and len(layer.input_shape) != 1:
            continue
        if isinstance(layer, Activation):
            raise UsageError(f"{layer.name} follows no layer but activations, which the notation cannot write.")
        items.append(f"R({_row(layer.layers, last)})" if isinstance(layer, Residual) else layer.notation())
        due = isinstance(layer, WEIGHTS) and layer is not last
        if due and isinstance(after, Normalization) and isinstance(then, Activation):
            waiting = True
            continue
        usual = ReLU if (due and not isinstance(then, Normalization)) or waiting else None
        if isinstance(after, Activation):
            items[-1] += "" if type(after) is usual else f":{after.notation()}"
        elif due:
            items[-1] += ":linear"
        waiting = False
    return "-".join(items)
