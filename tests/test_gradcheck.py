"""The gradient check: it passes what is right, and it catches what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_losses import PAIRS

import pellucid as pl
from pellucid.glass.gradcheck import Probe, gradcheck
from pellucid.layers.activation import ACTIVATIONS


@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_with_every_loss_passes(activation: str, output: str, loss: str) -> None:
    check = gradcheck(pl.Network("6-8-5-4", activation=activation, output=output, loss=loss), coordinates=None)
    assert check.passed, check.suspect
    assert check.checked + check.redrawn >= 6 * 8 + 8 + 8 * 5 + 5 + 5 * 4 + 4 + 6 * 5


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "sigmoid", "loss": "squared_error"},
        {"activation": "sigmoid", "output": "sigmoid", "loss": "squared_error"},
        {"activation": "tanh", "loss": "binary_cross_entropy"},
    ],
    ids=str,
)
def test_the_network_of_p03_passes(options: dict[str, str]) -> None:
    check = gradcheck(pl.Network("784-128-64-10", **options))
    assert check.passed, check.suspect
    assert check.worst.relative < 1e-6


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from(list(ACTIVATIONS)),
    st.sampled_from(PAIRS),
    st.integers(1, 6),
    st.integers(0, 99),
)
def test_random_networks_pass(hidden: list[int], activation: str, pair: tuple[str, str], batch: int, seed: int) -> None:
    text = "-".join(map(str, [*hidden, 3]))
    network = pl.Network(f"5-{text}", activation=activation, output=pair[0], loss=pair[1], seed=seed)
    check = gradcheck(network, examples=batch, coordinates=None, seed=seed)
    assert check.passed, check.suspect


@pytest.mark.parametrize("options", [{"output": "sigmoid"}, {"output": "identity"}, {"output": "tanh"}], ids=str)
def test_networks_with_a_single_output_pass(options: dict[str, str]) -> None:
    check = gradcheck(pl.Network("4-3-1", **options), coordinates=None)
    assert check.passed, check.suspect


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_training_takes_the_gradient_that_was_checked(activation: str) -> None:
    network = pl.Network("6-5-4-3", activation=activation, dtype="float64", seed=2)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 6)), rng.dirichlet(np.ones(3), 7)
    loss, gradient = network.loss_and_gradient(x, y)
    probe_loss, probed = Probe(network, network.theta, x.T, y.T).gradients()
    assert loss == probe_loss
    assert np.array_equal(gradient, probed["theta"])
    before = network.theta.copy()
    pl.fit(network, x, y, epochs=1, batch_size=7, optimizer=pl.SGD(1.0))
    np.testing.assert_allclose(before - network.theta, gradient, rtol=0, atol=1e-14)


def test_what_an_earlier_pass_left_is_not_used() -> None:
    network = pl.Network("6-5-4", activation="tanh")
    layer, right = network.layers[0], network.layers[0].backward

    def accumulating(t: pl.layers.Numbers) -> None:
        before = t.dW.copy()
        right(t)
        t.dW[...] += before

    layer.backward = accumulating
    assert gradcheck(network).suspect.name == "dense1/W"


def test_a_gradient_that_is_zero_everywhere_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    from pellucid.cli.main import main

    assert main(["gradcheck", "4-1:softmax-3"]) == 0  # softmax of one unit is 1, whatever its weights
    assert "all of it is 0" in capsys.readouterr().out


def test_smooth_networks_are_also_checked_by_the_complex_step() -> None:
    methods = {row.method for row in gradcheck(pl.Network("5-4-3", activation="tanh")).tensors}
    assert methods == {"central difference", "complex step"}
    assert {row.method for row in gradcheck(pl.Network("5-4-3")).tensors} == {"central difference"}


def test_dropout_and_noise_are_checked_in_a_training_pass_with_what_it_drew() -> None:
    network = pl.Network("7-D0.2-6:tanh-N0.1-5:sigmoid-D0.5-4")
    right, drawn = network.layers[0].forward, []

    def watched(t: pl.layers.Numbers) -> None:
        right(t)
        drawn.append(np.real(t.m))

    network.layers[0].forward = watched
    check = gradcheck(network, coordinates=None)
    assert check.passed, check.suspect
    assert check.smooth
    assert len(np.unique(drawn[1])) == 2  # some are dropped, others scaled
    assert not np.array_equal(drawn[0], drawn[1])  # the pass whose leftovers must not matter drew others
    assert all(np.array_equal(mask, drawn[1]) for mask in drawn[1:])


@pytest.mark.parametrize("architecture", ["784-D0.2-30-N0.1-10-D0.5-10", "784-30-10-D0.5", "20-8-1-N0.3"])
def test_networks_that_draw_pass(architecture: str) -> None:
    check = gradcheck(pl.Network(architecture, output="sigmoid"))
    assert check.passed, check.suspect


def test_a_small_mistake_is_caught_too() -> None:
    network = pl.Network("6-5-4", activation="tanh")
    layer, right = network.layers[0], network.layers[0].backward

    def nearly(t: pl.layers.Numbers) -> None:
        right(t)
        t.dW[...] *= 1 + 1e-5

    layer.backward = nearly
    assert not gradcheck(network, coordinates=None).passed


@pytest.mark.parametrize("step", [1e-1, 1e-13])
def test_a_bad_step_fails_a_right_gradient(step: float) -> None:
    assert not gradcheck(pl.Network("6-5-4", activation="sigmoid"), step=step).passed


def test_a_nan_gradient_fails() -> None:
    network = pl.Network("6-5-4", activation="tanh")
    layer, right = network.layers[0], network.layers[0].backward
    layer.backward = lambda t: (right(t), t.dW.fill(np.nan))
    check = gradcheck(network)
    assert not check.passed
    assert check.worst.name == "dense1/W"


def test_coordinates_at_a_kink_are_drawn_again_and_counted() -> None:
    network = pl.Network("4-30-3")
    few = {row.name: row for row in gradcheck(network, coordinates=10, step=0.3).tensors}["dense1/W"]
    assert (few.checked, few.redrawn > 0) == (10, True)


def test_a_tensor_of_which_nothing_could_be_compared_does_not_pass() -> None:
    row = {row.name: row for row in gradcheck(pl.Network("4-30-3"), step=100.0).tensors}["dense1/b"]
    assert (row.checked, row.redrawn, row.passed) == (0, 30, False)


def test_checking_changes_nothing() -> None:
    network = pl.Network("6-5-4")
    theta, gradient = network.theta.copy(), network.gradient.copy()
    gradcheck(network)
    assert np.array_equal(network.theta, theta)
    assert np.array_equal(network.gradient, gradient)


def test_examples_of_unequal_weight_are_checked_by_their_weighted_mean() -> None:
    network = pl.Network("6-5:tanh-4")
    plain, weighted = (gradcheck(network, weighted=weighted, coordinates=None) for weighted in (False, True))
    assert plain.passed
    assert weighted.passed
    assert plain.loss != weighted.loss
