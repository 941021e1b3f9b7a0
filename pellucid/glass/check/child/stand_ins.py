"""What stands in for heavy libraries while a network is checked: Keras's MNIST, matplotlib, and what draws with it.

`load_mnist` of the specification reads Keras's digits and `visualize_weights` draws with matplotlib. Neither need be
installed: the child answers `mnist.load_data()` with a few made-up images, and remembers what is drawn.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, MutableSequence, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRETENDED = ("matplotlib", "mpl_toolkits", "seaborn", "tensorflow", "keras")
IMAGES: list[Any] = []  # that were drawn
TRAINING, TEST = 12, 6

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def digits(count: int, seed: int) -> Digits:
    """Made-up images (N, 28, 28) of bytes with 0 and 255 among them, and their labels (N,), all ten of which occur."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    return images, ((np.arange(count) * 7 + 3) % 10).astype(np.uint8)


def load_data(*_: Any, **__: Any) -> tuple[Digits, Digits]:
    """As `keras.datasets.mnist.load_data`, with images that are made up."""
    return digits(TRAINING, 1), digits(TEST, 2)


def to_categorical(y: Any, num_classes: int | None = None, **_: Any) -> NDArray[np.float64]:
    """As `keras.utils.to_categorical`: a row for each label, with a 1 in its place."""
    labels = np.asarray(y, int)
    return np.asarray(np.eye(num_classes or int(labels.max()) + 1)[labels])


class Anything:
    """Does whatever is asked of it, and remembers the images that it is to show."""

    def __call__(self, *_: Any, **__: Any) -> Anything:
        return Anything()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __getitem__(self, _: Any) -> Anything:
        return Anything()

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Anything:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def imshow(self, image: Any = None, *_: Any, **__: Any) -> Anything:
        """Remember it."""
        IMAGES.append(np.array(image))
        return Anything()

    matshow = imshow

    def subplots(self, nrows: int = 1, ncols: int = 1, squeeze: bool = True, **_: Any) -> tuple[Anything, Any]:
        """A figure, and its axes in the shape in which matplotlib gives them."""
        axes = np.empty(nrows * ncols, object)
        axes[:] = [Anything() for _ in axes]
        table = axes.reshape(nrows, ncols)
        table = np.squeeze(table) if squeeze else table
        return Anything(), table if table.ndim else table.item()


class Pretended(ModuleType):
    """A module in which every name exists."""

    __path__: MutableSequence[str] = []  # noqa: RUF012 - a module without it is no package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(Anything(), name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that are pretended, before Python looks for real ones."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The specification of a pretended module."""
        if name.split(".")[0] in PRETENDED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """A module in which every name exists."""
        module = Pretended(spec.name)
        if spec.name.endswith(".mnist"):
            module.load_data = load_data  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """`from tensorflow.keras.datasets import mnist` asks the package for it: let that be the module."""
        if module.__name__.endswith(".datasets"):
            mnist = Pretended("mnist")
            mnist.load_data = load_data  # type: ignore[attr-defined]
            module.mnist = mnist  # type: ignore[attr-defined]
        if module.__name__.endswith(".utils"):
            module.to_categorical = to_categorical  # type: ignore[attr-defined]
        for outer, inner in (("tensorflow", "keras"), ("keras", "datasets"), ("keras", "utils")):
            if module.__name__.endswith(outer):  # tf.keras.datasets.mnist.load_data(), without an import of its own
                setattr(module, inner, importlib.import_module(f"{module.__name__}.{inner}"))


def install() -> None:
    """Let the pretended modules be found first."""
    sys.meta_path.insert(0, Finder())
