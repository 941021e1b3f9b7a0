"""Optimizers follow PyTorch's step by step, and the formula where PyTorch is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.optimizers import Optimizer, clip_by_norm, make_optimizer
from pellucid.recipe import optimizer_defaults

# ours, PyTorch's name, PyTorch's arguments
CASES: dict[str, tuple[Optimizer, str, dict[str, Any]]] = {
    "sgd": (pl.SGD(0.3), "SGD", {"lr": 0.3}),
    "sgd with decay": (pl.SGD(0.3, weight_decay=0.1), "SGD", {"lr": 0.3, "weight_decay": 0.1}),
    "momentum": (pl.SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "nesterov": (
        pl.SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "adam": (pl.Adam(0.02), "Adam", {"lr": 0.02}),
    "adam with decay": (
        pl.Adam(0.02, beta1=0.8, beta2=0.9, epsilon=1e-4, weight_decay=0.1),
        "Adam",
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adamw": (pl.AdamW(0.02, weight_decay=0.1), "AdamW", {"lr": 0.02, "weight_decay": 0.1}),
}


def trajectory(optimizer: Optimizer, theta: np.ndarray, gradients: np.ndarray) -> list[np.ndarray]:
    moments = [np.zeros_like(theta) for _ in range(optimizer.moments)]
    steps = []
    for step, gradient in enumerate(gradients, start=1):
        optimizer.update(theta, gradient, moments, step, optimizer.learning_rate)
        steps.append(theta.copy())
    return steps


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_ten_steps_follow_pytorch(case: str, dtype: type, tolerance: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    optimizer, name, arguments = CASES[case]
    rng = np.random.default_rng(1)
    theta, gradients = rng.normal(size=30).astype(dtype), rng.normal(size=(10, 30)).astype(dtype)
    parameter = torch.nn.Parameter(torch.tensor(theta))
    theirs = getattr(torch.optim, name)([parameter], **arguments)
    for ours, gradient in zip(trajectory(optimizer, theta.copy(), gradients), gradients, strict=True):
        parameter.grad = torch.tensor(gradient)
        theirs.step()
        np.testing.assert_allclose(ours, parameter.detach().numpy(), rtol=0, atol=tolerance)
        assert ours.dtype == dtype


@pytest.mark.parametrize(
    ("optimizer", "after"),
    [
        (pl.SGD(0.5), [0.5, 0.0]),
        (pl.SGD(0.5, weight_decay=0.2), [0.4, -0.14]),
        (pl.SGD(0.5, momentum=0.5), [0.5, -0.25]),
        (pl.SGD(0.5, momentum=0.5, nesterov=True), [0.25, -0.625]),
        (pl.Adam(0.1, epsilon=1e-12), [0.9, 0.8]),
        (pl.AdamW(0.1, epsilon=1e-12, weight_decay=0.5), [0.85, 0.7075]),
    ],
    ids=str,
)
def test_two_steps_worked_out_by_hand(optimizer: Optimizer, after: list[float]) -> None:
    """θ = 1 and g = 1 at both steps; Adam's m̂ and √v̂ are then both 1."""
    steps = trajectory(optimizer, np.array([1.0]), np.ones((2, 1)))
    np.testing.assert_allclose(np.ravel(steps), after, atol=1e-10)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.floats(1e-3, 1e3))
def test_a_clipped_gradient_keeps_its_direction_and_is_never_longer(values: list[float], most: float) -> None:
    gradient = np.array(values)
    clipped = gradient.copy()
    clip_by_norm(clipped, most, np)
    norm = np.linalg.norm(gradient)
    assert np.linalg.norm(clipped) <= most * (1 + 1e-12)
    np.testing.assert_allclose(clipped, gradient * min(1, most / (norm + 1e-6)), atol=1e-12)


def test_clipping_follows_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    gradient = np.random.default_rng(0).normal(size=50)
    parameter = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
    parameter.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_norm_([parameter], 2.0)
    clip_by_norm(gradient, 2.0, np)
    np.testing.assert_allclose(gradient, parameter.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw"])
def test_every_optimizer_learns(name: str, digits: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    network = pl.Network("784-16-10", seed=0)
    optimizer = make_optimizer(name, **optimizer_defaults(name))
    losses = pl.fit(network, digits[0], epochs=10, optimizer=optimizer, clip_norm=5.0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_each_training_begins_without_memory(digits: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    optimizer, thetas = pl.Adam(), []
    for _ in range(2):
        network = pl.Network("784-8-10", seed=0)
        pl.fit(network, digits[0], epochs=1, optimizer=optimizer)
        thetas.append(network.theta.tobytes())
    assert thetas[0] == thetas[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.SGD(momentum=1.0), "momentum must be a number at least 0 and below 1, not 1.0"),
        (lambda: pl.SGD(weight_decay=-1), "weight_decay must be a number at least 0"),
        (lambda: pl.SGD(nesterov=True), "momentum=0.9"),
        (lambda: pl.Adam(0), "learning_rate must be a number above 0"),
        (lambda: pl.Adam(beta2=1), "beta2"),
        (lambda: pl.AdamW(epsilon=0), "epsilon"),
        (lambda: make_optimizer("adam", momentum=0.9), "adam takes no momentum"),
        (lambda: make_optimizer("adamax"), "Did you mean 'adam'"),
    ],
)
def test_numbers_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(pl.UsageError, match=message):
        make()


def test_the_second_number_is_not_taken_for_momentum_or_decay() -> None:
    with pytest.raises(TypeError):
        pl.SGD(0.1, 0.9)
