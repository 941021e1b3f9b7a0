"""Weight averaging: by formula, by PyTorch, and what becomes of the statistics of batch normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress

pytestmark = pytest.mark.usefixtures("each_engine")

Digits = tuple[pl.data.Dataset, pl.data.Dataset]
X, Y = np.random.default_rng(0).random((30, 4)), np.arange(30) % 3


class Way(pl.Callback):
    """Keeps the weights after each step, and after each epoch with its validation."""

    def __init__(self) -> None:
        self.steps: list[np.ndarray] = []
        self.epochs: list[np.ndarray] = []
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        self.steps.append(self.model.theta.copy())

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self.epochs.append(self.model.theta.copy())
        self.losses += [logs["val_loss"]] if "val_loss" in logs else []


def train(average: str, *callbacks: Any, **options: Any) -> tuple[pl.Network, Way]:
    way, network = Way(), pl.Network("4-5-3", dtype="float64", seed=0)
    given = {"epochs": 3, "batch_size": 8, "optimizer": pl.Adam(0.05), "average": average, **options}
    pl.fit(network, X, Y, callbacks=[*callbacks, way], **given)
    return network, way


@settings(max_examples=30)
@given(st.floats(0.01, 0.9999), st.integers(1, 4), st.integers(1, 30))
def test_a_moving_average_weighs_each_step_by_a_power_of_its_decay(decay: float, epochs: int, batch_size: int) -> None:
    network, way = train(f"ema,decay={decay}", epochs=epochs, batch_size=batch_size)
    weights = decay ** np.arange(len(way.steps))[::-1]
    np.testing.assert_allclose(network.theta, weights @ np.array(way.steps) / weights.sum(), rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(1, 5))
def test_the_last_epochs_are_averaged_evenly(epochs: int, trained: int) -> None:
    network, way = train(f"last,epochs={epochs}", epochs=trained)
    np.testing.assert_allclose(network.theta, np.mean(way.epochs[-epochs:], axis=0), rtol=1e-12)


def test_the_training_itself_does_not_see_the_average() -> None:
    ways = [train(average)[1] for average in ("", "ema", "last")]
    for way in ways[1:]:
        assert np.array(way.steps).tobytes() == np.array(ways[0].steps).tobytes()


def test_validation_is_of_the_averaged_weights() -> None:
    held_out = pl.data.Dataset(np.arange(40, dtype=np.uint8).reshape(10, 2, 2), np.arange(10) % 3, ("a", "b", "c"))
    _, way = train("last,epochs=2", validation=held_out)
    network = pl.Network("4-5-3", dtype="float64")
    for epoch, loss in enumerate(way.losses):
        network.theta[:] = np.mean(way.epochs[max(0, epoch - 1) : epoch + 1], axis=0)
        assert network.evaluate(held_out.images, held_out.labels).loss == pytest.approx(loss, rel=1e-12)


def test_model_files_hold_the_averaged_weights(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    network, way = train("ema", pl.ModelCheckpoint(path), validation=0.2)
    assert pl.load(path).theta.tobytes() == network.theta.tobytes() != way.epochs[-1].tobytes()


# PyTorch


def test_the_moving_average_is_pytorchs_with_the_same_weights() -> None:
    """PyTorch's begins at the first weights; ours divides by 1 − dᵗ. As an `avg_fn` of PyTorch the two are one."""
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel

    decay = 0.9
    network, way = train(f"ema,decay={decay}")
    model = torch.nn.Linear(1, network.theta.size, bias=False, dtype=torch.float64)
    averaged = AveragedModel(
        model, avg_fn=lambda mean, new, count: mean + (1 - decay) / (1 - decay ** (int(count) + 1)) * (new - mean)
    )
    swa = AveragedModel(model)
    for step, theta in enumerate(way.steps, 1):
        with torch.no_grad():
            model.weight[:, 0] = torch.tensor(theta)
        averaged.update_parameters(model)
        if step % 4 == 0:
            swa.update_parameters(model)
    np.testing.assert_allclose(network.theta, averaged.module.weight.detach()[:, 0], rtol=1e-12)
    network, _ = train("last,epochs=3")
    np.testing.assert_allclose(network.theta, swa.module.weight.detach()[:, 0], rtol=1e-12)


@pytest.mark.parametrize("average", ["ema,decay=0.9", "last,epochs=2"])
@pytest.mark.parametrize("count", [64, 70])
def test_statistics_are_measured_as_pytorchs_update_bn_does(digits: Digits, average: str, count: int) -> None:
    """In order, in whole batches, without augmentation, the mean over the batches of their mean and variance."""
    torch = pytest.importorskip("torch")
    from torch import nn
    from torch.optim.swa_utils import update_bn

    train = digits[0].subset(slice(count))
    network = pl.Network("1x28x28-4C5s2-BN-MP2-16-BN-10", dtype="float64", seed=0)
    pl.fit(network, train, epochs=3, batch_size=16, optimizer=pl.Adam(0.01), average=average, augment="shift3")
    model = nn.Sequential(
        nn.Conv2d(1, 4, 5, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(144, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10),
    ).double()  # fmt: skip
    slots = network.workspace().parameters
    with torch.no_grad():
        for slot, parameter in zip(slots, model.parameters(), strict=True):
            parameter.copy_(torch.tensor(slot.view(network.theta)).reshape(parameter.shape))
    pixels = torch.tensor(train.images[: count - count % 16] / 255)[:, None]
    update_bn(pixels.split(16), model)
    expected = [np.concatenate([part.running_mean, part.running_var]) for part in (model[1], model[6])]
    np.testing.assert_allclose(network.state, np.concatenate(expected), rtol=1e-10)


@pytest.mark.parametrize("disturbance", ["D0.5", "N0.5"])
def test_statistics_are_those_that_prediction_meets_without_dropout_and_noise(digits: Digits, disturbance: str) -> None:
    train = digits[0].subset(slice(60))
    network = pl.Network(f"784-8-{disturbance}-BN-10", dtype="float64", seed=0)
    pl.fit(network, train, epochs=2, batch_size=60, average="last,epochs=1")
    dense = network.layers[0]
    a = np.maximum(dense.W @ (train.images.reshape(60, -1).T / 255) + dense.b, 0)
    np.testing.assert_allclose(network.state, [*a.mean(axis=1), *a.var(axis=1, ddof=1)], rtol=1e-10)


def test_statistics_are_of_so_many_images_and_no_more(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    for images in (40, 100, 10_000):
        monkeypatch.setattr("pellucid.callbacks.statistics.IMAGES", images)
        network = pl.Network("784-8-BN-10", seed=0)
        pl.fit(network, digits[0].subset(slice(100)), epochs=1, batch_size=20, average="ema")
        ends.append((network.theta.tobytes(), network.state.tobytes()))
    assert ends[1] == ends[2]
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] != ends[1][1]


@pytest.mark.parametrize("batch_size", [1, 7, 10**6])
def test_averaged_weights_with_new_statistics_still_read_digits(digits: Digits, batch_size: int) -> None:
    network = pl.Network("784-16-BN-10", seed=0)
    epochs = {1: 1, 7: 5, 10**6: 20}[batch_size]
    rate = 0.001 if batch_size == 1 else 1.0
    pl.fit(network, digits[0], epochs=epochs, batch_size=batch_size, optimizer=pl.SGD(rate), average="ema,decay=0.9")
    evaluation = network.evaluate(digits[1])
    assert np.isfinite(evaluation.loss)
    assert batch_size == 1 or evaluation.accuracy > 0.8
