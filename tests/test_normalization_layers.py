"""Batch and layer normalization: the statistics, when they are taken, and that they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engine.reference import forward
from pellucid.randomness import Draws

TRAINING = Draws(seed=0, step=1)
Digits = tuple[pl.data.Dataset, pl.data.Dataset]


def single(layer: pl.layers.Layer, shape: tuple[int, ...]) -> pl.Network:
    """The layer, with one behind it that makes a vector of what it leaves."""
    behind = [pl.Flatten()] if len(shape) > 1 else []
    return pl.Network([layer, *behind], input_shape=shape, output="identity", dtype="float64")


def test_running_statistics_worked_out_by_hand() -> None:
    """1, 2, 3, 6 have mean 3 and variance (4 + 1 + 0 + 9) / 4 = 3.5; unbiased it is 14 / 3."""
    network = single(pl.BatchNormalization(), (1,))
    layer = network.layers[0]
    a = forward(network.workspace(), np.array([[1.0, 2, 3, 6]]), TRAINING)
    np.testing.assert_allclose(a, np.array([[-2, -1, 0, 3]]) / np.sqrt(3.5 + 1e-5), rtol=1e-14)
    np.testing.assert_allclose(layer.mean, [[0.9 * 0 + 0.1 * 3]], rtol=1e-14)
    np.testing.assert_allclose(layer.variance, [[0.9 * 1 + 0.1 * 14 / 3]], rtol=1e-14)
    assert network.state.tolist() == [layer.mean.item(), layer.variance.item()]
    predicted = network.predict(np.array([[1.3]]))
    np.testing.assert_allclose(predicted, (1.3 - layer.mean) / np.sqrt(layer.variance + 1e-5), rtol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_training_leaves_mean_0_and_deviation_1(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(5, 3, (*shape, 50))
    a = forward(single(pl.BatchNormalization(), shape).workspace(), x, TRAINING).reshape(3, -1)
    np.testing.assert_allclose(a.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(a.std(axis=1), 1, atol=1e-5)
    for random in (TRAINING, None):
        a = forward(single(pl.LayerNormalization(), shape).workspace(), x, random)
        np.testing.assert_allclose(a.mean(axis=0), 0, atol=1e-12)
        variance = x.var(axis=tuple(range(len(shape))))
        np.testing.assert_allclose(a.std(axis=0), np.sqrt(variance / (variance + 1e-5)), rtol=1e-10)


def test_the_variance_of_large_numbers_keeps_its_digits() -> None:
    """In float32, mean(x²) − mean(x)² of numbers near 10,000 would be off by several units."""
    x = (10_000 + np.random.default_rng(0).normal(size=(1, 4000))).astype(np.float32)
    network = pl.Network([pl.BatchNormalization()], input_shape=(1,), output="identity")
    a = forward(network.workspace(), x, TRAINING)
    assert abs(float(a.std()) - 1) < 1e-3


def test_a_batch_of_one_leaves_the_running_statistics_alone() -> None:
    network = single(pl.BatchNormalization(), (3,))
    before = network.state.copy()
    a = forward(network.workspace(), np.ones((3, 1)), TRAINING)
    assert a.tolist() == [[0], [0], [0]]
    assert np.array_equal(network.state, before)


def test_a_gradient_that_is_asked_for_takes_the_running_statistics() -> None:
    network = pl.Network("4-BN-3", dtype="float64")
    x, labels = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 3
    state, together = network.state.copy(), network.loss_and_gradient(x, labels)[1].copy()
    alone = np.mean([network.loss_and_gradient(x[i : i + 1], labels[i : i + 1])[1].copy() for i in range(6)], axis=0)
    np.testing.assert_allclose(together, alone, atol=1e-14)
    assert np.array_equal(network.state, state)


def test_running_statistics_follow_pytorch_through_a_training() -> None:
    torch = pytest.importorskip("torch")
    network = pl.Network("2x4x4-3C3-BN-4-BN-3", dtype="float64", seed=1)
    modules = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(12, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3),
    ).double()  # fmt: skip
    ours = [tensor for layer in network.layers for tensor in _parameters(layer)]
    for parameter, tensor in zip(modules.parameters(), ours, strict=True):
        parameter.data = torch.tensor(tensor.reshape(parameter.shape))
    rng = np.random.default_rng(0)
    images, labels = rng.random((30, 4, 4, 2)), rng.integers(0, 3, 30)
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.1)
    x = torch.tensor(np.moveaxis(images, -1, 1).copy())
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(modules(x), torch.tensor(labels)).backward()
        optimizer.step()
    pl.fit(network, images, labels, epochs=10, batch_size=30, optimizer=pl.SGD(0.1))
    theirs = np.concatenate([p.detach().numpy().ravel() for p in modules.parameters()])
    np.testing.assert_allclose(network.theta, theirs, atol=1e-10)
    buffers = [buffer.numpy().ravel() for buffer in modules.buffers() if buffer.ndim]
    np.testing.assert_allclose(network.state, np.concatenate(buffers), atol=1e-12)
    modules.eval()
    answers = torch.softmax(modules(x), dim=1).detach().numpy()
    np.testing.assert_allclose(network.predict(images), answers, atol=1e-10)


def _parameters(layer: Any) -> list[np.ndarray]:
    return [getattr(layer, tensor.name) for tensor in layer.tensors if tensor.role == "parameter"]


def test_a_model_file_names_the_running_statistics(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    network = pl.Network("4-R(5-BN)-BN-3", seed=1)
    forward(network.workspace(), np.random.default_rng(0).random((4, 9), dtype=np.float32), TRAINING)
    network.save(tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert {"bn1/mean", "bn1/variance", "residual1.bn1/mean", "residual1.bn1/gain"} <= set(tensors)
    assert np.array_equal(tensors["bn1/mean"], network.layers[1].mean)
    assert np.array_equal(pl.load(tmp_path / "m.safetensors").state, network.state)
    images = np.random.default_rng(1).random((5, 4))
    assert np.array_equal(pl.load(tmp_path / "m.safetensors").predict(images), network.predict(images))


def test_a_training_that_goes_on_has_the_statistics_of_one_never_stopped(digits: Digits) -> None:
    train, _ = digits
    architecture = "*-4C5s2-BN-D0.2-R(4C3p1-BN)-MP2-BN-*"

    class Taker(pl.Callback):
        every = 45

        def __init__(self) -> None:
            self.snapshots: list[pl.Snapshot] = []

        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            self.snapshots.append(pl.Snapshot.of(*logs.snapshot().parts()))

    def train_on(resume: pl.Snapshot | None) -> tuple[pl.Network, Taker]:
        network, taker = pl.Network(architecture, input_shape=train.input_shape, classes=train.classes), Taker()
        pl.fit(network, train, epochs=3, batch_size=20, optimizer=pl.Adam(), callbacks=[taker], resume=resume)
        return network, taker

    whole, taker = train_on(None)
    resumed, _ = train_on(taker.snapshots[0])
    assert taker.snapshots[0].step == 45
    assert not np.array_equal(taker.snapshots[0].state, whole.state)
    assert resumed.state.tobytes() == whole.state.tobytes()
    assert resumed.theta.tobytes() == whole.theta.tobytes()
