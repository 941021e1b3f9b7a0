"""Where formulas break that are right in the middle: huge and tiny numbers, constants, every window, threads."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_generated import configuration
from test_image_layers import numbers
from test_losses import PAIRS

import pellucid as pl
from pellucid.engine.reference import forward, gradient_of
from pellucid.layers import Numbers, walk
from pellucid.layers.activation import ACTIVATIONS
from pellucid.losses import make_loss
from pellucid.randomness import Draws
from pellucid.workspace import slots

TRAINING = Draws(seed=0, step=1)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SIDES = [1e4, 1e3, 88, 40, 9 + 1e-4, 9, 9 - 1e-4, 1, 1e-8, 1e-30, 0]
Z = np.array([*SIDES, *(-z for z in SIDES)])
WINDOWS = [
    (height, width, K, s) for height in (1, 2, 5, 8) for width in (1, 4, 7) for K in (1, 2, 3, 5) for s in (1, 2, 3, 9)
]


@DTYPES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_derivatives_are_pytorchs_from_minus_to_plus_10000(name: str, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer, t, z = ACTIVATIONS[name](), Numbers(name, np), torch.tensor(Z.astype(dtype)[:, None], requires_grad=True)
    t.z, t.da = z.detach().numpy(), np.ones((len(Z), 1), dtype)
    with np.errstate(all="raise", under="ignore"):
        layer.forward(t)
        layer.backward(t)
    theirs = {"softmax": lambda z: torch.softmax(z, 0), "identity": lambda z: z}.get(name)
    a = (theirs or getattr(torch.nn.functional, name))(z)
    a.sum().backward()
    digits = 2e-6 if dtype is np.float32 else 1e-8  # PyTorch's softplus is z from 20 on
    np.testing.assert_allclose(t.a, a.detach().numpy(), rtol=digits, atol=digits)
    np.testing.assert_allclose(t.dz, z.grad.numpy(), rtol=digits, atol=4 * digits)


@DTYPES
@pytest.mark.parametrize(("output", "kind"), PAIRS)
def test_losses_of_huge_logits_are_finite_and_so_are_their_gradients(output: str, kind: str, dtype: Any) -> None:
    loss, t = make_loss(output, kind), Numbers("the loss", np)
    for size in (1e4, 88, 1e-30):
        for signs in ([1, -1, 0], [1, 1, 1], [-1, -1, -1]):
            t.z = (size * np.array([signs] * 3, dtype)).T
            t.y, t.w = np.array([[1, 0, 0], [0, 1, 0], [0.2, 0.3, 0.5]], dtype).T, np.ones(3, dtype)
            with np.errstate(all="raise", under="ignore"):
                loss.forward(t)
                loss.backward(t)
            assert np.isfinite(t.losses).all()
            assert np.isfinite(t.dz).all()
            assert t.losses.min() > -1e-6


@DTYPES
@pytest.mark.parametrize("architecture", ["1x4x4-BN-3", "5-BN-3", "1x4x4-LN-3", "5-LN-3", "1x4x4-MP2-BN-GAP-3"])
@pytest.mark.parametrize("value", [0, 1e-30, 1, 255, 1e4])
def test_images_of_one_colour_have_no_variance_and_do_no_harm(architecture: str, value: float, dtype: Any) -> None:
    network = pl.Network(architecture, dtype=dtype.__name__)
    workspace = network.workspace(network.theta, np.zeros_like(network.theta))
    x, y = np.full((*network.layers[0].input_shape, 4), value, dtype), np.eye(3, dtype=dtype)[[0, 1, 2, 0]].T
    gradient_of(workspace, network.loss, x, y, TRAINING, input_gradient=True)
    assert np.isfinite(workspace.gradient).all()
    assert np.isfinite(workspace.state).all()
    for layer in network.layers:
        if layer.kind in ("bn", "ln"):
            assert abs(workspace.of[layer.name].n).max() < 0.2  # 0, but for the rounding of the mean


@pytest.mark.parametrize(("height", "width", "K", "s"), WINDOWS)
def test_every_convolution_is_pytorchs_and_its_way_back_is_the_adjoint(height: int, width: int, K: int, s: int) -> None:
    """⟨conv(x), y⟩ = ⟨x, dx(y)⟩ = ⟨W, dW(y)⟩ for any y, since z is linear in x and in W."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for p in range(K):
        if min(height, width) + 2 * p < K:
            continue
        layer, x = pl.Convolution(3, K, s, p), rng.normal(size=(2, height, width, 2))
        t = numbers(layer, x)
        t.W[...] = rng.normal(size=t.W.shape)
        layer.forward(t)
        theirs = torch.conv2d(torch.tensor(np.moveaxis(x, -1, 0).copy()), torch.tensor(t.W), None, s, p)
        np.testing.assert_allclose(np.moveaxis(t.z, -1, 0), theirs, atol=1e-12)
        t.dz = rng.normal(size=t.z.shape)
        layer.backward(t)
        np.testing.assert_allclose([(t.x * t.dx).sum(), (t.W * t.dW).sum()], (t.z * t.dz).sum(), atol=1e-11)


@pytest.mark.parametrize(("height", "width", "K", "s"), [window for window in WINDOWS if window[2] <= min(window[:2])])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_every_pooling_is_pytorchs_with_ties(kind: str, height: int, width: int, K: int, s: int) -> None:
    torch = pytest.importorskip("torch")
    rng, layer = np.random.default_rng(0), pl.MaxPooling(K, s) if kind == "max" else pl.AveragePooling(K, s)
    t = numbers(layer, rng.integers(0, 3, (2, height, width, 2)).astype(float))
    layer.forward(t)
    t.da = rng.normal(size=t.a.shape)
    layer.backward(t)
    x = torch.tensor(np.moveaxis(t.x, -1, 0).copy(), requires_grad=True)
    a = getattr(torch.nn.functional, f"{kind}_pool2d")(x, K, s)
    a.backward(torch.tensor(np.moveaxis(t.da, -1, 0).copy()))
    np.testing.assert_allclose(np.moveaxis(t.a, -1, 0), a.detach(), atol=1e-14)
    np.testing.assert_allclose(np.moveaxis(t.dx, -1, 0), x.grad, atol=1e-14)


@pytest.mark.parametrize("ten", range(3))
def test_generated_networks_answer_each_example_by_itself_wherever_they_are_kept(ten: int, tmp_path: Path) -> None:
    """Predictions and gradients do not depend on the order of the examples, and survive file, pickle and copy."""
    for number in range(10 * ten, 10 * ten + 10):
        network, rng = configuration(number).network(), np.random.default_rng(number)
        forward(network.workspace(), rng.normal(size=(*network.layers[0].input_shape, 9)), TRAINING)
        images, y, state = (
            rng.normal(size=(6, prod(network.input_shape))),
            rng.dirichlet(np.ones(3), 6),
            network.state.copy(),
        )
        predicted, gradient = network.predict(images), network.loss_and_gradient(images, y)[1].copy()
        turned = network.loss_and_gradient(images[::-1], y[::-1])[1].copy()
        alone = [network.loss_and_gradient(images[i : i + 1], y[i : i + 1])[1].copy() for i in range(6)]
        np.testing.assert_allclose(turned, gradient, atol=1e-9, err_msg=network.architecture)
        np.testing.assert_allclose(np.mean(alone, axis=0), gradient, atol=1e-9, err_msg=network.architecture)
        network.save(tmp_path / "model.safetensors")
        kept = (pl.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(network)), copy.deepcopy(network))
        for twin in kept:
            assert np.array_equal(twin.predict(images), predicted)
            assert np.array_equal(twin.state, state)
            for slot in slots(twin.layers, "parameter"):
                assert np.shares_memory(getattr(slot.layer, slot.tensor.name), twin.theta)
            twin.theta += 1
            forward(twin.workspace(), rng.normal(size=(*network.layers[0].input_shape, 9)), TRAINING)
        assert np.array_equal(network.predict(images), predicted)
        assert np.array_equal(network.state, state)


def test_the_size_of_weights_before_batch_normalization_changes_no_answer_and_divides_their_gradient() -> None:
    rng = np.random.default_rng(0)
    x, y, results = rng.normal(size=(2, 5, 5, 9)), np.eye(4)[rng.integers(0, 4, 9)].T, []
    for size in (10, 100):
        network = pl.Network("2x5x5-3C3:linear-BN-4", dtype="float64", seed=1)
        network.layers[0].W *= size
        workspace = network.workspace(network.theta, np.zeros_like(network.theta))
        t, conv = gradient_of(workspace, network.loss, x, y, TRAINING), workspace.numbers[0]
        assert abs((conv.W * conv.dW).sum()) < 1e-4  # the gradient stands at right angles to the weights
        results.append((t.losses, size * conv.dW))
    for ours, ten_times in zip(*results, strict=True):
        np.testing.assert_allclose(ours, ten_times, rtol=1e-3, atol=1e-6)  # but for the epsilon


@pytest.mark.parametrize("architecture", ["784-64-10", "1x28x28-4C5-BN-MP2-R(4C3p1)-10"])
def test_many_threads_predict_with_one_network(architecture: str) -> None:
    network, images = pl.Network(architecture), np.random.default_rng(0).random((24, 28, 28), dtype=np.float32)
    parts = [images[start : start + count] for count in (1, 3, 24) for start in (0, 8, 16)] * 5
    expected = list(map(network.predict, parts))
    with ThreadPoolExecutor(8) as threads:
        for ours, alone in zip(threads.map(network.predict, parts), expected, strict=True):
            assert np.array_equal(ours, alone)


def test_float32_gives_nearly_the_gradient_of_float64_in_generated_networks() -> None:
    for number in range(100):
        network, rng = configuration(number).network(), np.random.default_rng(number)
        x, y, gradients = rng.normal(size=(*network.layers[0].input_shape, 6)), rng.dirichlet(np.ones(3), 6).T, []
        for dtype in (np.float32, np.float64):
            theta = network.theta.astype(dtype)
            workspace = network.workspace(theta, np.zeros_like(theta))
            gradient_of(workspace, network.loss, x.astype(dtype), y.astype(dtype), Draws(number, 1))
            assert {getattr(workspace.of[layer.name], layer.output).dtype for layer in walk(network.layers)} == {
                theta.dtype
            }
            gradients.append(workspace.gradient)
        scale = max(1e-2, np.abs(gradients[1]).max())
        np.testing.assert_allclose(*gradients, rtol=0, atol=1e-3 * scale, err_msg=network.architecture)
