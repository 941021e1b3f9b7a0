"""The step check: what is right passes, whatever is asked for; what is wrong is named with its step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.descent import Descent
from pellucid.glass.one_number import factor
from pellucid.glass.stepcheck import stepcheck
from pellucid.optimizers import Optimizer
from pellucid.recipe import FOLDER as RECIPES
from pellucid.recipe import names, read
from pellucid.schedules import Schedule

SCHEDULES = (
    "constant", "step,every=2,factor=0.5", "exponential", "polynomial,power=2", "cosine,floor=0.1", "one_cycle",
    "one_cycle,share=0.5", "plateau,patience=0", "plateau,patience=1,factor=0.5,threshold=0.1",
)  # fmt: skip


def optimizers() -> st.SearchStrategy[Optimizer]:
    rate, share, decay = st.floats(1e-3, 0.5), st.floats(0, 0.99), st.sampled_from([0.0, 0.1])
    epsilon = st.floats(1e-8, 1e-2)
    return st.one_of(
        st.builds(pl.SGD, rate, momentum=share, weight_decay=decay),
        st.builds(pl.SGD, rate, momentum=st.floats(0.1, 0.99), nesterov=st.just(True), weight_decay=decay),
        st.builds(pl.Adagrad, rate, epsilon=epsilon, weight_decay=decay),
        st.builds(pl.RMSProp, rate, rho=share, epsilon=epsilon, weight_decay=decay),
        st.builds(pl.Adam, rate, beta1=share, beta2=share, epsilon=epsilon, weight_decay=decay),
        st.builds(pl.AdamW, rate, beta1=share, beta2=share, epsilon=epsilon, weight_decay=decay),
        st.builds(pl.Lion, rate, beta1=share, beta2=share, weight_decay=decay),
    )


SURROUNDINGS = st.fixed_dictionaries(
    {},
    optional={
        "l1": st.floats(0, 0.5), "l2": st.floats(0, 0.5), "clip_value": st.floats(0.1, 3),
        "clip_norm": st.floats(0.1, 20), "max_norm": st.floats(0.1, 3),
        "layer_rates": st.dictionaries(st.sampled_from(["dense1", "bn1", "dense2"]), st.sampled_from([0.0, 0.1, 2.0])),
    },
)  # fmt: skip


@settings(max_examples=150)
@given(optimizers(), SURROUNDINGS, st.sampled_from(SCHEDULES), st.sampled_from([0, 0.5, 1, 2]), st.integers(0, 99))
def test_every_descent_passes(
    optimizer: Optimizer, surroundings: dict[str, Any], schedule: str, warm_up: float, seed: int
) -> None:
    words = f"{schedule},warm_up={warm_up}" if warm_up else schedule
    check = stepcheck(Descent(optimizer, **surroundings), Schedule(words), seed=seed)
    assert check.passed, check.suspect


@settings(max_examples=300)
@given(
    st.sampled_from(SCHEDULES), st.sampled_from([0, 0.3, 1, 2.5, 20]), st.integers(1, 9), st.integers(1, 7),
    st.lists(st.sampled_from([0.5, 0.8, 0.9, 1.0, 1.1]), min_size=9, max_size=9),
)  # fmt: skip
def test_every_schedule_is_its_formula_in_trainings_of_any_length(
    words: str, warm_up: float, epochs: int, steps: int, losses: list[float]
) -> None:
    schedule = Schedule(f"{words},warm_up={warm_up}" if warm_up else words)
    for epoch in range(1, epochs + 1):
        before = losses[: epoch - 1]
        for position, ours in enumerate(schedule.factors(epoch, steps, epochs, before)):
            n = (epoch - 1) * steps + position
            by_hand = factor(schedule.name, schedule.options, n, steps, epochs, before)
            assert ours == pytest.approx(by_hand, abs=1e-14), (n, epochs * steps)


@pytest.mark.parametrize("name", names())
def test_the_step_of_every_recipe_passes(name: str) -> None:
    recipe = read(RECIPES / f"{name}.toml")
    assert stepcheck(recipe.make_descent(), Schedule(recipe.schedule)).passed


def test_a_small_mistake_is_caught() -> None:
    class Nearly(pl.Adam):
        def move(self, theta: Any, g: Any, moments: Any, step: int, learning_rate: float) -> None:
            super().move(theta, g, moments, step, learning_rate * (1 + 1e-9 * (step == 4)))

    check = stepcheck(Descent(Nearly(0.1)), Schedule("cosine"))
    assert not check.passed
    assert check.suspect.step == 4


def test_a_step_to_nan_fails() -> None:
    class Divided(pl.SGD):
        def move(self, theta: Any, g: Any, moments: Any, step: int, learning_rate: float) -> None:
            theta /= np.zeros_like(theta)

    check = stepcheck(Descent(Divided(0.1)), Schedule())
    assert (check.passed, check.suspect.step, check.worst.passed) == (False, 1, False)


def test_a_frozen_layer_stands_still_and_the_factors_of_a_recipe_fall_on_the_layers_in_turn() -> None:
    for rates in ({"conv1": 0.0}, {"conv1": 0.5, "conv2": 0.0, "dense1": 2.0, "dense2": 0.1}):
        assert stepcheck(Descent(pl.SGD(0.1), layer_rates=rates), Schedule()).passed
