"""Networks of every kind of layer, generated: the notation, the gradient check, and PyTorch as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from architectures import architecture
from hypothesis import given, settings
from hypothesis import strategies as st
from twin import Twin

import pellucid as pl
from pellucid.engine.reference import gradient_of
from pellucid.glass.gradcheck import gradcheck
from pellucid.layers import walk
from pellucid.layers.normalization import BatchNormalization
from pellucid.notation import parse, write
from pellucid.randomness import Draws


@st.composite
def architectures(draw: st.DrawFn) -> str:
    return architecture(lambda choices: draw(st.sampled_from(choices)), draw(st.booleans()))


def numbered(number: int) -> str:
    """The architecture of a number; two of three read images."""
    rng = np.random.default_rng(number)
    return architecture(lambda choices: choices[rng.integers(len(choices))], number % 3 > 0)


@settings(max_examples=300)
@given(architectures())
def test_notation_to_layers_to_notation_is_the_identity(text: str) -> None:
    network = pl.Network(text)
    assert write(*parse(text)) == network.architecture == text
    assert list(map(repr, pl.Network(network.architecture).layers)) == list(map(repr, network.layers))


@settings(max_examples=200)
@given(architectures(), st.sampled_from(["tanh", "linear", "gelu"]))
def test_with_another_hidden_activation_too(text: str, hidden: str) -> None:
    layers = parse(text, hidden)[1]
    again = parse(write(parse(text)[0], layers))[1]
    assert list(map(repr, again)) == list(map(repr, layers))


def check(number: int, coordinates: int) -> None:
    """The gradient check of a generated network, in a pass of training or of prediction.

    Where a normalization divides by a tiny deviation, the loss is so curved that h = 1e-5 is too long a step; each
    tensor must pass with that step or a tenth of it.
    """
    network = pl.Network(numbered(number), seed=number, dtype="float64")
    state = network.state.copy()
    options = {"examples": (1, 2, 5, 7)[number % 4], "training": number % 8 < 4, "seed": number}
    wrong = None
    for step in (1e-5, 1e-6):
        checked = gradcheck(network, coordinates=coordinates, step=step, **options)
        failed = {(row.name, row.method) for row in checked.tensors if not row.passed}
        wrong = failed if wrong is None else wrong & failed
        if not wrong:
            break
    assert not wrong, (network.architecture, options)
    assert np.array_equal(network.state, state)


@pytest.mark.parametrize("tens", range(6))
def test_the_gradients_of_generated_networks_are_right(tens: int) -> None:
    for number in range(10 * tens, 10 * tens + 10):
        check(number, coordinates=3)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(1, 6))
def test_the_gradients_of_five_hundred_more_are_right(hundred: int) -> None:
    for number in range(100 * hundred, 100 * hundred + 100):
        check(number, coordinates=10)


@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
@pytest.mark.parametrize("tens", range(10))
def test_outputs_gradients_and_statistics_equal_pytorchs(tens: int, training: bool) -> None:
    torch = pytest.importorskip("torch")
    for number in range(10 * tens, 10 * tens + 10):
        network = pl.Network(numbered(number), dtype="float64", seed=number)
        rng, examples = np.random.default_rng(number), (2, 3, 8)[number % 3]  # PyTorch normalizes no batch of one
        network.theta += 0.1 * rng.normal(size=network.theta.size)
        for layer in walk(network.layers):
            if isinstance(layer, BatchNormalization):
                layer.mean, layer.variance = rng.normal(size=layer.mean.shape), rng.random(layer.mean.shape) + 0.5
        workspace = network.workspace(network.theta, np.zeros_like(network.theta))
        twin = Twin(workspace, training)
        x = rng.integers(-2, 3, (*network.layers[0].input_shape, examples)) / 2  # with ties, for the pooling
        y = rng.dirichlet(np.ones(3), examples).T
        t = gradient_of(workspace, network.loss, x, y, Draws(number, step=1) if training else None, input_gradient=True)
        first = torch.tensor(np.moveaxis(x, -1, 0).copy(), requires_grad=True)
        z = twin.run(network.layers, first)
        torch.nn.functional.cross_entropy(z, torch.tensor(y.T)).backward()
        dx = np.moveaxis(getattr(workspace.numbers[0], "d" + network.layers[0].input), -1, 0)
        pairs = ((t.z.T, z), (dx, first.grad), (workspace.gradient, twin.gradient()), (workspace.state, twin.state()))
        for ours, theirs in pairs:
            theirs = np.asarray(theirs.detach() if hasattr(theirs, "detach") else theirs)
            scale = max(1.0, float(np.abs(theirs).max(initial=0)))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * scale, err_msg=network.architecture)
