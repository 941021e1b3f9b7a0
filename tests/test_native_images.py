"""Networks that read images: the native engine, with the images abreast, does what the reference does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import needs_kernels

import pellucid as pl
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.native import NativeEngine
from pellucid.engine.reference import ReferenceEngine

pytestmark = needs_kernels

ARCHITECTURES = (
    "1x12x12-4C3-5",
    "1x12x12-6C5-MP2-5",
    "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10",
    "1x13x11-7C3s2-5",  # neither side is a whole number of strides
    "1x13x11-3C3-7C3s2p1:tanh-MP3s2-5",  # windows that overlap
    "2x15x9-5C5s3p4-MP2-9C2-4C1-5",
    "3x9x9-5C3:linear-MP2-4C3p2:sigmoid-5",
    "1x7x7-26C7-3",  # a window as large as the image
    "3x5x6-MP3s1-2C2s4-MP1-3",  # a stride that is larger than the window
)


def trained(engine: Any, architecture: str, count: int, batch_size: int, optimizer: Any, **options: Any) -> Any:
    network = pl.Network(architecture, seed=1)
    channels, height, width = network.input_shape
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, height, width, channels)).astype(np.uint8)
    targets = np.eye(network.outputs, dtype=np.float32)[rng.integers(0, network.outputs, count)]
    runner = engine(
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, Descent(optimizer), images, targets,
        Normalization(), batch_size, seed=3, **options,
    )  # fmt: skip
    losses, correct = runner.run(rng.permutation(count), np.full(-(-count // batch_size), optimizer.learning_rate))
    return network.theta, losses, correct


def check_near(architecture: str, count: int, batch_size: int, optimizer: Any) -> None:
    theta, losses, correct = trained(ReferenceEngine, architecture, count, batch_size, optimizer)
    own_theta, own_losses, own_correct = trained(NativeEngine, architecture, count, batch_size, optimizer)
    np.testing.assert_allclose(own_losses, losses, rtol=1e-4)
    np.testing.assert_allclose(own_theta, theta, rtol=1e-2, atol=2e-3)
    assert own_correct.tolist() == correct.tolist()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "optimizer",
    [
        pl.SGD(0.05),
        pl.SGD(0.02, momentum=0.9),
        pl.Adam(0.002, epsilon=1e-4),
    ],  # with less it divides rounding by rounding
    ids=repr,
)
@pytest.mark.parametrize(("count", "batch_size"), [(70, 32), (37, 17), (5, 1)])
def test_steps_lose_what_they_lose_on_the_reference(
    architecture: str, optimizer: Any, count: int, batch_size: int
) -> None:
    check_near(architecture, count, batch_size, optimizer)


@pytest.mark.parametrize("batch_size", [16, 40, 130])
def test_the_number_of_threads_changes_no_bit(batch_size: int) -> None:
    results = [
        trained(NativeEngine, ARCHITECTURES[2], 200, batch_size, pl.Adam(0.002), threads=threads)
        for threads in (1, 2, 3, 7)
    ]
    assert len({theta.tobytes() + losses.tobytes() for theta, losses, _ in results}) == 1


@pytest.mark.slow
def test_the_ladder_of_versions_can_be_climbed() -> None:
    """Each version computes what the reference does, or the script fails."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    script = Path(__file__).parent.parent / "benchmarks" / "convolution" / "ladder.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for version in ("tiles of maps by pixels", "fewer multiplications", "fewer, along the rows alone"):
        assert done.stdout.count(f"| {version} |") == 4
