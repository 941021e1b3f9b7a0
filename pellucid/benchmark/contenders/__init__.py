"""The libraries that race, each in the ways in which it may be fastest."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.benchmark.work import Work

LIBRARIES = {
    "pellucid": "ours", "PyTorch": "pytorch", "JAX": "jax", "TensorFlow": "tensorflow", "scikit-learn": "sklearn",
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """The data as the others take them: floats in rows, in memory; and as they are stored."""

    pixels: NDArray[np.uint8]  # (N, 28, 28)
    rows: NDArray[np.float32]  # (N, 784), normalized
    labels: NDArray[np.int64]
    test_pixels: NDArray[np.uint8]
    test_rows: NDArray[np.float32]
    test_labels: NDArray[np.int64]


@dataclass(frozen=True)
class Contender:
    """One way of doing the work.

    Args:
        library: whose.
        style: which of its ways.
        epoch: trains one epoch, shuffled by the number that is given.
        accuracy: on the test images.
    """

    library: str
    style: str
    epoch: Callable[[int], None]
    accuracy: Callable[[], float]


@dataclass(frozen=True)
class Predictor:
    """One way of answering.

    Args:
        library: whose.
        style: which of its ways.
        predict: the probabilities (N, 10) of the images that it was made for.
    """

    library: str
    style: str
    predict: Callable[[], Any]


def module_of(library: str) -> Any:
    """The module that knows how a library does the work.

    Raises:
        ImportError: the library is not installed.
    """
    return importlib.import_module(f"pellucid.benchmark.contenders.{LIBRARIES[library]}")


def contenders(library: str, work: Work, examples: Examples, threads: int) -> list[Contender]:
    """The library's ways of doing the work; none if it cannot."""
    made: list[Contender] = module_of(library).contenders(work, examples, threads)
    return made


def predictors(library: str, work: Work, examples: Examples, images: int) -> list[Predictor]:
    """The library's ways of answering for the first so many test images; none if it cannot."""
    made: list[Predictor] = module_of(library).predictors(work, examples, images)
    return made
