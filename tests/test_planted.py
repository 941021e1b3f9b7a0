"""Planted mistakes: each is found, by the check that looks for it, where it was planted, and nothing else is."""

from __future__ import annotations

import pytest

import pellucid as pl
from pellucid.descent import OPTIONS
from pellucid.glass.planted import MISTAKES, Planted, check_planted
from pellucid.glass.planted.mistake import LOSS, GradientMistake, Mistake, StepMistake
from pellucid.layers import Layer, walk
from pellucid.layers.activation import ACTIVATIONS
from pellucid.losses import LOSSES
from pellucid.recipe import OPTIMIZERS
from pellucid.schedules import SCHEDULES
from pellucid.workspace import slots

OF_GRADIENTS = [mistake for mistake in MISTAKES if isinstance(mistake, GradientMistake)]
OF_STEPS = [mistake for mistake in MISTAKES if isinstance(mistake, StepMistake)]


@pytest.fixture(scope="module")
def found() -> list[Planted]:
    return check_planted()


def test_every_planted_mistake_is_caught(found: list[Planted]) -> None:
    assert [planted.mistake for planted in found] == list(MISTAKES)
    assert [planted.mistake.name for planted in found if not planted.caught] == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_same_without_the_mistake_passes(mistake: Mistake) -> None:
    check = mistake.check(planted=False)
    assert check.passed, check.suspect


def assert_points_at_it(mistake: Mistake, suspect: str) -> None:
    """Going back from there, no tensor of parameters lies between the mistake and the one that is wrong first."""
    if isinstance(mistake, GradientMistake):
        layers = list(walk(mistake.network().layers))
        names = [layer.name for layer in layers] + [LOSS]
        first, planted = names.index(suspect.partition("/")[0]), names.index(mistake.place)
        assert first <= planted, mistake.name
        assert not slots(layers[first + 1 : planted], "parameter"), mistake.name


def test_the_check_points_at_the_layer_or_at_what_lies_before_it(found: list[Planted]) -> None:
    for planted in found:
        assert_points_at_it(planted.mistake, planted.check.suspect.name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 20))
def test_all_that_with_other_weights_examples_and_draws(seed: int) -> None:
    for planted in check_planted(seed):
        assert planted.caught, planted.mistake.name
        assert_points_at_it(planted.mistake, planted.check.suspect.name)
        assert planted.mistake.check(seed, planted=False).passed, planted.mistake.name


def kind(mistake: GradientMistake) -> type[Layer] | str:
    network = mistake.network()
    if mistake.place == LOSS:
        return network.loss.kind
    return next(type(layer) for layer in walk(network.layers) if layer.name == mistake.place)


def test_every_kind_of_layer_loss_optimizer_option_and_schedule_has_mistakes() -> None:
    kinds = [kind(mistake) for mistake in OF_GRADIENTS]
    layers = {
        pl.Dense, pl.Convolution, pl.MaxPooling, pl.AveragePooling, pl.GlobalAveragePooling, pl.Flatten,
        pl.BatchNormalization, pl.LayerNormalization, pl.Dropout, pl.GaussianNoise, pl.Residual, *ACTIVATIONS.values(),
        *LOSSES,
    }  # fmt: skip
    assert {each for each in layers if kinds.count(each) < 2} == set()
    places = [mistake.place for mistake in OF_STEPS]
    assert {made for made in OPTIMIZERS.values() if places.count(made.__name__) < 2} == set()
    assert {option for option in OPTIONS if not any(option in place for place in places)} == set()
    assert {name for name in SCHEDULES if not any(place.startswith(name) for place in places)} == set()


def test_there_are_more_than_a_hundred_and_no_two_are_the_same() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) == 116
    assert len({(mistake.place, mistake.mistake) for mistake in MISTAKES}) == 116


def test_what_a_mistake_is_known_to_show(found: list[Planted]) -> None:
    findings = {planted.mistake.name: planted.check.suspect for planted in found}
    for name, tensor in {
        "swapped axis": "dense2/b",
        "bias over everything": "dense1/b",
        "missing batch size": "dense2/b",
        "unscaled dropout": "dense1/b",
        "untrained projection": "residual1.projection/W",
        "penalty on biases": "dense1/b",
        "frozen but decaying": "dense1/W",
        "frozen in the norm": "bn1/gain",
    }.items():
        assert findings[name].name == tensor
    steps = {
        "uncorrected bias": 1,
        "correction that never ends": 2,
        "rate inside the velocity": 2,
        "epochs taken for steps": 3,
        "impatience": 7,
    }
    for name, step in steps.items():
        assert findings[name].step == step
