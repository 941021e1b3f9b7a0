"""Convolutions with fewer multiplications: they do what the reference does, to a few times its rounding.

Where a function has a kink, rounding decides now and then on which side a number stands: with ReLU or max pooling theta
is compared as loosely as test_native_images.py does, with smooth functions as strictly as test_native_generated.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from conftest import needs_kernels
from test_native_generated import OPTIMIZERS, check, check_threads
from test_native_images import check_near

import pellucid as pl
from pellucid.descent import Descent
from pellucid.engine.compiled import _native
from pellucid.engine.lowering import lower

pytestmark = needs_kernels

SMOOTH = (":linear", ":tanh", ":silu", ":tanh-AP2", ":tanh-GAP", ":linear-24C3p1:tanh")
KINKED = ("", "-MP2", "-BN", "-BN-MP2", "-20C3p1-MP2")


def kernels(architecture: str) -> set[str]:
    network = pl.Network(architecture)
    return {o.kernel for o in lower(network.layers, network.loss, Descent(pl.SGD(0.1)), 32, seed=0).operations}


def architecture(number: int, tails: Sequence[str]) -> str:
    """A convolution that pays, of any size, with any padding, which reads images or what another one leaves.

    Every second one pays in both directions, the others along the rows alone.
    """
    rng = np.random.default_rng(number)
    side, both = (3, 5, 7)[number % 3], number % 4 < 2
    while True:
        channels, maps = rng.integers(4, 40, 2) if both else rng.integers(1, [7, 20])
        height, width = rng.integers(side + 1, 20, 2)
        before = f"{channels}x{height}x{width}"
        if number % 2:
            before = f"{rng.choice([1, 3])}x{height}x{width}-{channels}C1:tanh"
        text = f"{before}-{maps}C{side}p{rng.integers(side)}{tails[number % len(tails)]}-4"
        try:
            if ("winograd_gradient" if both else "winograd_rows_weights") in kernels(text):
                return text
        except pl.PellucidError:  # too small for what follows
            continue


def changes(number: int) -> dict[str, Any]:
    """Smooth, and with a loss whose gradient is bounded, so that no training runs away."""
    bounded = {"output": "softmax", "loss": "cross_entropy", "multi_label": False}
    return {**bounded, "architecture": architecture(number, SMOOTH), "optimizer": OPTIMIZERS[number % len(OPTIMIZERS)]}


@pytest.mark.parametrize("number", range(30))
def test_steps_are_as_close_to_double_precision_as_those_of_the_reference(number: int) -> None:
    check(number, **changes(number))


@pytest.mark.parametrize("number", range(30))
def test_with_kinks_steps_lose_what_they_lose_on_the_reference(number: int) -> None:
    check_near(
        architecture(number, KINKED), count=37 + number, batch_size=17 + number, optimizer=OPTIMIZERS[number % 4]
    )


@pytest.mark.parametrize("number", range(10))
def test_the_number_of_threads_changes_no_bit(number: int) -> None:
    check_threads(number, architecture=architecture(number, KINKED))


@pytest.mark.parametrize("instruction_set", _native.INSTRUCTION_SETS if _native else [])
def test_every_instruction_set_computes_the_same(instruction_set: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PELLUCID_CPU", instruction_set)
    for number in range(6):
        check(number, **changes(number))
        check_near(architecture(number, KINKED), count=37, batch_size=17, optimizer=pl.SGD(0.02))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(30, 230))
def test_more_of_them(number: int) -> None:
    check(number, **changes(number))
    check_near(architecture(number, KINKED), count=2 * number, batch_size=number, optimizer=OPTIMIZERS[number % 4])


@pytest.mark.parametrize(
    ("architecture", "forward", "back"),
    [
        ("16x12x12-32C5-10", "winograd", "winograd"),
        ("8x28x28-16C7-10", "winograd_rows", "winograd"),
        ("1x28x28-6C5-10", "winograd_rows", "convolution"),  # one channel: nothing to save in the other
        ("1x28x28-16C3-10", "convolution", "convolution"),
        ("8x28x28-16C3s2-10", "convolution", "convolution"),
        ("8x28x28-16C4-10", "convolution", "convolution"),
        ("8x9x9-16C3-10", "winograd_rows", "convolution"),  # 7×7 pixels in tiles of 6×6 are half empty
    ],
)
def test_it_is_taken_where_it_pays(architecture: str, forward: str, back: str) -> None:
    assert {f"{forward}_forward", f"{back}_gradient"} <= kernels(architecture)
