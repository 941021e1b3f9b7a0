"""Optimizers and what surrounds them follow PyTorch step by step, and the formula where PyTorch is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_descent import ARCHITECTURE, CASES, OPTIMIZERS, RATES, SURROUNDINGS, problem, torch_steps
from safetensors.numpy import load_file

import pellucid as pl
from pellucid.descent import Descent
from pellucid.optimizers import Optimizer
from pellucid.recipe import OPTIMIZERS as NAMES
from pellucid.recipe import make_optimizer, optimizer_defaults
from pellucid.workspace import Workspace

GOLDEN = load_file(Path(__file__).parent / "golden" / "descent.safetensors")
Digits = tuple[pl.data.Dataset, pl.data.Dataset]


def workspace(theta: np.ndarray, gradient: np.ndarray, architecture: str = ARCHITECTURE) -> Workspace:
    return pl.Network(architecture).workspace(theta, gradient)


def steps(descent: Descent, theta: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    place = workspace(theta.copy(), np.zeros_like(theta))
    moments = [np.zeros_like(theta) for _ in range(descent.optimizer.moments)]
    thetas = []
    for step, (gradient, rate) in enumerate(zip(gradients, RATES, strict=True), start=1):
        place.gradient[...] = gradient
        descent.update(place, moments, step, descent.optimizer.learning_rate * rate)
        thetas.append(place.theta.copy())
    return np.array(thetas)


@pytest.mark.parametrize(("case", "surroundings"), CASES)
def test_ten_steps_are_where_pytorch_once_went(case: str, surroundings: str) -> None:
    thetas = steps(Descent(OPTIMIZERS[case][0], **SURROUNDINGS[surroundings]), GOLDEN["theta"], GOLDEN["gradients"])
    np.testing.assert_allclose(thetas[-1], GOLDEN[f"{case}/{surroundings}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
@pytest.mark.parametrize(("case", "surroundings"), CASES)
def test_ten_steps_follow_pytorch_live(case: str, surroundings: str, dtype: type, tolerance: float) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; its stored steps were compared instead")
    if case.startswith("lion"):
        pytest.importorskip(
            "lion_pytorch", reason="lion-pytorch is not installed; its stored steps were compared instead"
        )
    theta, gradients = problem(1, dtype)
    ours = steps(Descent(OPTIMIZERS[case][0], **SURROUNDINGS[surroundings]), theta, gradients)
    np.testing.assert_allclose(
        ours, torch_steps(case, SURROUNDINGS[surroundings], theta, gradients), rtol=0, atol=tolerance
    )
    assert ours.dtype == dtype


def trajectory(optimizer: Optimizer, theta: np.ndarray, gradients: np.ndarray) -> list[np.ndarray]:
    moments = [np.zeros_like(theta) for _ in range(optimizer.moments)]
    thetas = []
    for step, gradient in enumerate(gradients, start=1):
        optimizer.update(theta, gradient, moments, step, optimizer.learning_rate)
        thetas.append(theta.copy())
    return thetas


@pytest.mark.parametrize(
    ("optimizer", "after"),
    [
        (pl.SGD(0.5), [0.5, 0.0]),
        (pl.SGD(0.5, weight_decay=0.2), [0.4, -0.14]),
        (pl.SGD(0.5, momentum=0.5), [0.5, -0.25]),
        (pl.SGD(0.5, momentum=0.5, nesterov=True), [0.25, -0.625]),
        (pl.Adagrad(0.1), [0.9, 0.9 - 0.1 / 2**0.5]),
        (pl.RMSProp(0.1, rho=0.75, epsilon=1e-12), [0.8, 0.8 - 0.1 / 0.4375**0.5]),
        (pl.Adam(0.1, epsilon=1e-12), [0.9, 0.8]),
        (pl.AdamW(0.1, epsilon=1e-12, weight_decay=0.5), [0.85, 0.7075]),
        (pl.Lion(0.1, weight_decay=0.5), [0.85, 0.7075]),
    ],
    ids=str,
)
def test_two_steps_worked_out_by_hand(optimizer: Optimizer, after: list[float]) -> None:
    """θ = 1 and g = 1 at both steps; Adam's m̂ and √v̂ are then both 1."""
    thetas = trajectory(optimizer, np.array([1.0]), np.ones((2, 1)))
    np.testing.assert_allclose(np.ravel(thetas), after, atol=1e-9)


def test_lion_stands_still_where_nothing_pulls() -> None:
    assert trajectory(pl.Lion(0.1), np.array([1.0]), np.zeros((1, 1))) == [1.0]


@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=8), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_clipped_gradient_is_bounded_and_by_norm_keeps_its_direction(
    values: list[float], most: float, norm: float
) -> None:
    """With plain SGD at rate 1 from θ = 0, θ is the negative gradient."""
    gradient = np.array(values)
    for descent, expected in (
        (Descent(pl.SGD(1.0), clip_value=most), np.clip(gradient, -most, most)),
        (Descent(pl.SGD(1.0), clip_norm=norm), gradient * min(1, norm / (np.linalg.norm(gradient) + 1e-6))),
    ):
        place = workspace(np.zeros(8), gradient.copy(), "3-2")
        descent.update(place, [], 1, 1.0)
        np.testing.assert_allclose(place.theta, -expected, atol=1e-12)


@given(st.integers(0, 100), st.floats(0.01, 10))
def test_no_row_of_weights_is_longer_than_the_largest_norm_and_each_keeps_its_direction(seed: int, most: float) -> None:
    theta, gradients = problem(seed)
    free, bound = workspace(theta.copy(), gradients[0]), workspace(theta.copy(), gradients[0])
    Descent(pl.SGD(0.1)).update(free, [], 1, 0.1)
    Descent(pl.SGD(0.1), max_norm=most).update(bound, [], 1, 0.1)
    for before, after in zip(free.numbers, bound.numbers, strict=True):
        if "W" in vars(after):
            norms = np.linalg.norm(before.W, axis=1, keepdims=True)
            np.testing.assert_allclose(after.W, before.W * np.minimum(1, most / norms), rtol=1e-12)
            np.testing.assert_array_equal(after.b, before.b)


def test_the_largest_norm_is_pytorchs_renorm() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theta, gradients = problem(3)
    place = workspace(theta.copy(), 0 * gradients[0])
    Descent(pl.SGD(0.1), max_norm=1.0).update(place, [], 1, 0.1)
    theirs = torch.renorm(torch.tensor(theta[:30].reshape(6, 5)), 2, 0, 1.0).numpy()
    np.testing.assert_allclose(place.numbers[0].W, theirs, atol=1e-6)


def test_a_row_of_zeros_stays() -> None:
    place = workspace(np.zeros(8), np.zeros(8), "3-2")
    Descent(pl.SGD(0.1), max_norm=1.0).update(place, [], 1, 0.1)
    assert not place.theta.any()


@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_the_gradient_of_the_penalties_is_that_of_their_formula(seed: int, l1: float, l2: float) -> None:
    """By central differences of λ₁ Σ|w| + ½ λ₂ Σ w²; weights near the kink of |w| are left out."""
    theta = np.random.default_rng(seed).normal(size=8)
    place = workspace(theta.copy(), np.zeros(8), "3-2")
    Descent(pl.SGD(1.0), l1, l2).update(place, [], 1, 1.0)
    moved = theta - place.theta
    for k in range(8):
        above, below = (theta[k] + h for h in (1e-5, -1e-5))
        numeric = (l1 * (abs(above) - abs(below)) + l2 / 2 * (above**2 - below**2)) / 2e-5
        if abs(theta[k]) > 1e-4:
            np.testing.assert_allclose(moved[k], numeric if k < 6 else 0, atol=1e-9)  # the last two are biases


def test_a_frozen_layer_keeps_its_bits_while_others_learn(digits: Digits) -> None:
    for optimizer in (pl.SGD(0.1, momentum=0.9, weight_decay=0.1), pl.AdamW(), pl.Lion()):
        network = pl.Network("784-16-10", seed=0)
        before = network.theta.copy()
        pl.fit(
            network, digits[0], epochs=2, optimizer=optimizer, layer_rates={"dense1": 0}, l2=0.1, max_norm=0.1,
            clip_norm=1.0,
        )  # fmt: skip
        moved = network.theta != before
        assert not moved[: 16 * 785].any()
        assert moved[16 * 785 :].mean() > 0.9


def test_a_lasso_makes_weights_smaller_and_a_ridge_too(digits: Digits) -> None:
    sizes = {}
    for name, options in {"free": {}, "l1": {"l1": 0.001}, "l2": {"l2": 0.01}}.items():
        network = pl.Network("784-16-10", seed=0)
        pl.fit(network, digits[0], epochs=5, **options)
        sizes[name] = (float(np.abs(network.layers[0].W).sum()), float((network.layers[0].W ** 2).sum()))
    assert sizes["l1"][0] < 0.9 * sizes["free"][0]
    assert sizes["l2"][1] < 0.9 * sizes["free"][1]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_optimizer_learns(name: str, digits: Digits) -> None:
    network = pl.Network("784-16-10", seed=0)
    optimizer = make_optimizer(name, **optimizer_defaults(name))
    losses = pl.fit(network, digits[0], epochs=10, batch_size=8, optimizer=optimizer, clip_norm=5.0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_each_training_begins_without_memory(digits: Digits) -> None:
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
        (lambda: pl.RMSProp(rho=1), "rho must be a number at least 0 and below 1"),
        (lambda: pl.Lion(float("nan")), "learning_rate must be a number above 0, not nan"),
        (lambda: pl.Adagrad(float("inf")), "learning_rate must be a number above 0, not inf"),
        (lambda: make_optimizer("adam", momentum=0.9), "adam takes no momentum"),
        (lambda: make_optimizer("sgd", beta1=0.7), "sgd takes no beta1 and beta2"),
        (lambda: make_optimizer("adam", beta2=1.5), "beta2"),
        (lambda: make_optimizer("adamax"), "Did you mean 'adam'"),
        (lambda: Descent(pl.SGD(), l1=-1), "l1 must be a number at least 0, not -1"),
        (lambda: Descent(pl.SGD(), layer_rates={"dense1": -1}), "factor of dense1 must be a number at least 0"),
        (lambda: Descent("sgd"), r"optimizer is an optimizer such as pl.SGD\(0.1\); 'sgd' came"),
        (
            lambda: Descent(pl.SGD(), layer_rates={"dense3": 1}).check(pl.Network("5-4-3").layers),
            "no layer with parameters called 'dense3'. Did you mean 'dense2'",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(pl.UsageError, match=message):
        make()


def test_the_second_number_is_not_taken_for_momentum_or_decay() -> None:
    with pytest.raises(TypeError):
        pl.SGD(0.1, 0.9)
