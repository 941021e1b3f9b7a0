"""The native engine does what the reference does: the same losses, decisions and weights, whatever the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data.normalization import Normalization
from pellucid.engine.native import NativeEngine, unavailable
from pellucid.engine.reference import ReferenceEngine

from oracle import HIDDEN, OUTPUTS_AND_LOSSES

reason = unavailable([pl.Dense(1)], np.dtype("float32"))
pytestmark = pytest.mark.skipif(bool(reason), reason=f"no native engine: {reason}")

OPTIMIZERS = (
    pl.SGD(0.05),
    pl.SGD(0.05, weight_decay=0.01),
    pl.SGD(0.02, momentum=0.9),
    pl.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=0.01),
    pl.Adam(0.002),
    pl.Adam(0.002, weight_decay=0.01),
    pl.AdamW(0.002),
)
PIXELS = ("mostly 0", "dense", "symmetric", "colour", "floats")


def images(kind: str, count: int, features: int, rng: np.random.Generator) -> tuple[np.ndarray, Normalization]:
    pixels = rng.integers(1, 256, (count, features)).astype(np.uint8)
    if kind == "mostly 0":
        pixels[rng.random(pixels.shape) < 0.8] = 0
    if kind == "colour":
        pixels = pixels.reshape(count, features // 3, 1, 3)
    if kind == "floats":
        return rng.normal(size=(count, features)).astype(np.float32), Normalization()
    return pixels, Normalization("symmetric", 2 / 255, -1.0) if kind == "symmetric" else Normalization()


def problem(seed: int, hidden: str, output: str, loss: str, pixels: str, batch_size: int) -> dict[str, Any]:
    """A random network with random examples; the last batch is short."""
    rng = np.random.default_rng(seed)
    features = 3 * int(rng.integers(1, 40))
    widths = rng.integers(1, 80, rng.integers(0, 3)).tolist()
    outputs = int(rng.integers(2 if output == "softmax" else 1, 20))
    items = [str(features), *(f"{width}:{hidden}" for width in widths), str(outputs)]
    for place, item in ((1, "D0.3"), (len(items) - 1, "N0.1"), (len(items) - 1, "D0.5")):
        if rng.random() < 0.3:
            items.insert(place, item)
    count = batch_size * 3 + int(rng.integers(0, batch_size))
    x, normalization = images(pixels, count, features, rng)
    y = rng.dirichlet(np.ones(max(outputs, 2)), count)[:, :outputs].astype(np.float32)
    return {
        "architecture": "-".join(items), "output": output, "loss": loss, "images": x, "targets": y,
        "normalization": normalization, "batch_size": batch_size, "seed": seed,
    }  # fmt: skip


def train(engine: type, optimizer: pl.SGD | pl.Adam, clip_norm: float | None, steps: int = 10, **given: Any) -> Any:
    """A network trained for some steps from the same beginning, and its losses and correct counts."""
    extra = {name: given.pop(name) for name in ("threads",) if name in given}
    network = pl.Network(given["architecture"], output=given["output"], loss=given["loss"], seed=given["seed"])
    runner = engine(
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, optimizer, given["images"],
        given["targets"], given["normalization"], given["batch_size"], clip_norm, given["seed"], **extra,
    )  # fmt: skip
    rng = np.random.default_rng(given["seed"])
    losses, correct = [], []
    while len(losses) < steps:
        order = rng.permutation(len(given["images"]))
        rates = np.full(-(-len(order) // given["batch_size"]), optimizer.learning_rate)
        for result, part in zip((losses, correct), runner.run(order, rates), strict=True):
            result.extend(part.tolist())
    return network, runner, np.array(losses[:steps]), np.array(correct[:steps])


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.sampled_from(HIDDEN),
    output_and_loss=st.sampled_from(OUTPUTS_AND_LOSSES),
    pixels=st.sampled_from(PIXELS),
    batch_size=st.one_of(st.integers(1, 20), st.integers(1, 300)),
    optimizer=st.sampled_from(OPTIMIZERS),
    clip_norm=st.sampled_from((None, None, 0.5)),
    threads=st.integers(1, 3),
)
def test_ten_steps_lose_what_they_lose_on_the_reference(
    seed, hidden, output_and_loss, pixels, batch_size, optimizer, clip_norm, threads
) -> None:
    given = problem(seed, hidden, *output_and_loss, pixels, batch_size)
    reference, _, expected, _ = train(ReferenceEngine, optimizer, clip_norm, **given)
    native, _, losses, _ = train(NativeEngine, optimizer, clip_norm, threads=threads, **given)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    np.testing.assert_allclose(native.theta, reference.theta, rtol=1e-2, atol=2e-3)
