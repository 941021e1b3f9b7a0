"""Initializers: the spread that their papers give, and nothing drawn twice."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.initializers import BY_FAN, initializer

FAN_IN, FAN_OUT = 300, 500


def weights(name: str) -> np.ndarray:
    return initializer(name).draw(np.random.default_rng(0), (FAN_OUT, FAN_IN), FAN_IN, FAN_OUT)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he", 2 / FAN_IN),
        ("xavier", 2 / (FAN_IN + FAN_OUT)),
        ("glorot", 2 / (FAN_IN + FAN_OUT)),
        ("lecun", 1 / FAN_IN),
    ],
)
def test_normal_and_uniform_have_the_variance_of_their_paper(name: str, variance: float) -> None:
    for form in (f"{name}_normal", f"{name}_uniform"):
        drawn = weights(form)
        assert abs(drawn.var() / variance - 1) < 0.02
        assert abs(drawn.mean()) < 0.01 * np.sqrt(variance)


def test_uniform_stays_within_its_limit_and_normal_does_not() -> None:
    limit = np.sqrt(6 / FAN_IN)
    assert 0.999 * limit < np.abs(weights("he_uniform")).max() <= limit
    assert np.abs(weights("he_normal")).max() > 2 * limit


@pytest.mark.parametrize(
    ("name", "limit"), [("uniform0.25", 0.25), ("scaled_uniform0.1", 0.1), ("scaled_uniform", 0.1)]
)
def test_uniform_takes_its_limit_in_the_name(name: str, limit: float) -> None:
    drawn = weights(name)
    assert 0.999 * limit < np.abs(drawn).max() <= limit


def test_normal_takes_its_deviation_in_the_name() -> None:
    assert abs(weights("normal0.5").std() - 0.5) < 0.005


@pytest.mark.parametrize("name", ["uniform0", "uniform1.2.3", "he_normal2", "hee", "normal-1", ""])
def test_what_is_no_initializer_is_refused(name: str) -> None:
    with pytest.raises(pl.UsageError):
        initializer(name)


def test_the_default_fits_the_activation_that_follows() -> None:
    network = pl.Network("400-400:relu-400:tanh-10", seed=0)
    relu, tanh = (network.layers[i].W for i in (0, 2))
    assert abs(relu.var() / (2 / 400) - 1) < 0.03
    assert abs(tanh.var() / (2 / 800) - 1) < 0.03
    assert not network.layers[0].b.any()


def test_a_layers_own_initializer_comes_first() -> None:
    network = pl.Network([pl.Dense(50, initializer("uniform0.001"))], input_shape=(50,), initializer="he")
    assert np.abs(network.layers[0].W).max() <= 0.001


@pytest.mark.parametrize("name", BY_FAN)
def test_the_seed_decides_the_weights(name: str) -> None:
    one, same, other = (pl.Network("9-8-7", initializer=name, seed=seed).theta for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_float32_and_float64_begin_at_the_same_weights() -> None:
    single, double = (pl.Network("9-8-7", dtype=dtype).theta for dtype in ("float32", "float64"))
    assert np.array_equal(single, double.astype(np.float32))
