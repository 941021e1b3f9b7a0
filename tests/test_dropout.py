"""Dropout and Gaussian noise: what they draw, what they leave, and that prediction knows nothing of them."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.engine.reference import forward, gradient_of
from pellucid.layers import Numbers
from pellucid.randomness import Draws
from pellucid.workspace import Workspace

Digits = tuple[pl.data.Dataset, pl.data.Dataset]
DRAWS = Draws(seed=3, step=7)


def passed(layer: pl.layers.Layer, x: np.ndarray, random: Draws | None = DRAWS) -> Numbers:
    """One layer's numbers after both passes, with da = 1, 2, 3, ..."""
    t = Numbers("the layer", np)
    t.random, t.x = random, x
    layer.forward(t)
    t.da = np.arange(1.0, x.size + 1).reshape(x.shape)
    layer.backward(t)
    return t


def test_dropout_worked_out_by_hand() -> None:
    """At rate ¼ what is kept grows by 1 / (1 − ¼) = 4/3; words below 2³² / 4 = 2³⁰ drop their element."""

    class Words(Draws):
        def words(self, purpose: str, shape: tuple[int, ...]) -> np.ndarray:
            assert (purpose, shape) == ("dropout", (2, 2))
            return np.array([[0, 2**30 - 1], [2**30, 2**32 - 1]], np.uint32)

    t = passed(pl.Dropout(0.25), np.array([[3.0, 6.0], [9.0, -3.0]]), Words(0, 1))
    np.testing.assert_allclose(t.m, [[0, 0], [4 / 3, 4 / 3]])
    np.testing.assert_allclose(t.a, [[0, 0], [12, -4]])
    np.testing.assert_allclose(t.dx, [[0, 0], [4, 16 / 3]])


@pytest.mark.parametrize(
    ("rate", "threshold"), [(0.0, 0), (0.5, 2**31), (0.1, 429496730), (1 - 2**-53, 2**32 - 1), (2**-40, 0)]
)
def test_the_threshold_is_the_rate_in_words(rate: float, threshold: int) -> None:
    assert pl.Dropout(rate).threshold == threshold


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate: float) -> None:
    t = passed(pl.Dropout(rate), np.ones((200, 500)))
    assert abs((t.m == 0).mean() - rate) < 0.005
    assert abs(t.a.mean() - 1) < 0.03
    assert set(np.unique(t.m)) <= {0, 1 / (1 - rate)}


def test_noise_has_its_deviation_and_keeps_the_mean() -> None:
    t = passed(pl.GaussianNoise(0.3), np.full((200, 500), 2.0))
    assert abs(t.a.mean() - 2) < 0.005
    assert abs(t.a.std() - 0.3) < 0.003
    assert np.array_equal(t.a, 2 + 0.3 * DRAWS.normal("noise", (200, 500)))
    assert np.array_equal(t.dx, t.da)


@pytest.mark.parametrize("layer", [pl.Dropout(0.5), pl.GaussianNoise(0.5)], ids=lambda layer: layer.kind)
@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 4, 5)])
def test_any_shape_goes_through_and_each_element_is_drawn_alike(layer: pl.layers.Layer, shape: tuple[int, ...]) -> None:
    assert layer.build(shape[:-1]) == shape[:-1]
    x = np.random.default_rng(0).normal(size=shape)
    flat = x.reshape(-1, shape[-1])
    assert np.array_equal(passed(layer, x).a.reshape(flat.shape), passed(layer, flat).a)
    assert np.array_equal(passed(layer, x, None).a, x)
    assert np.array_equal(passed(layer, x, None).dx, passed(layer, x, None).da)


def test_numpys_scalars_do_not_bring_their_dtype_along() -> None:
    for layer in (pl.Dropout(np.float64(0.5)), pl.GaussianNoise(np.float64(0.5))):
        assert passed(layer, np.ones((3, 2), np.float32)).a.dtype == np.float32


def test_prediction_evaluation_and_a_gradient_asked_for_know_nothing_of_them() -> None:
    x, labels = np.random.default_rng(0).normal(size=(9, 6)), np.arange(9) % 3
    plain, drawing = pl.Network("6-5-4-3", seed=1), pl.Network("6-D0.2-5-N0.3-4-D0.5-3", seed=1)
    assert np.array_equal(plain.theta, drawing.theta)  # He's variance: the ReLU is seen behind the dropout
    assert np.array_equal(plain.predict(x), drawing.predict(x))
    assert plain.evaluate(x, labels).loss == drawing.evaluate(x, labels).loss
    for one, other in zip(plain.loss_and_gradient(x, labels), drawing.loss_and_gradient(x, labels), strict=True):
        assert np.array_equal(one, other)
    assert drawing.layers[0].m.tolist() == np.ones((6, 9)).tolist()
    assert pickle.loads(pickle.dumps(drawing)).predict(x).tolist() == plain.predict(x).tolist()


def test_weights_begin_as_fits_the_activation_behind_dropout_and_noise() -> None:
    layers = [pl.Dense(400), pl.Dropout(0.5), pl.GaussianNoise(0.1), pl.ReLU(), pl.Dense(3)]
    network = pl.Network(layers, input_shape=(400,))
    assert abs(network.layers[0].W.var() / (2 / 400) - 1) < 0.03


def test_layers_steps_and_seeds_draw_masks_of_their_own() -> None:
    network = pl.Network([pl.Dropout(0.5), pl.Dropout(0.5), pl.Dense(2)], input_shape=(40,))

    def masks(random: Draws) -> list[bytes]:
        workspace = network.workspace()
        forward(workspace, np.ones((40, 3), np.float32), random)
        return [t.m.tobytes() for t in workspace.numbers[:2]]

    drawn = [masks(random) for random in (DRAWS, replace(DRAWS, step=8), replace(DRAWS, seed=4))]
    assert masks(DRAWS) == drawn[0]
    assert len(set(itertools.chain(*drawn))) == 6


def test_a_batch_in_two_parts_gives_the_gradient_of_the_whole() -> None:
    network = pl.Network("6-D0.3-5-N0.2-3", dtype="float64", activation="tanh")
    x, y = np.random.default_rng(0).normal(size=(6, 8)), np.eye(3)[np.arange(8) % 3].T

    def gradient(part: slice) -> np.ndarray:
        workspace = network.workspace(gradient=np.zeros_like(network.theta))
        gradient_of(workspace, network.loss, x[:, part], y[:, part], replace(DRAWS, first=part.start))
        return workspace.gradient

    parts = (3 * gradient(slice(0, 3)) + 5 * gradient(slice(3, 8))) / 8
    np.testing.assert_allclose(parts, gradient(slice(0, 8)), rtol=0, atol=1e-15)


def test_the_way_back_ends_where_training_reads_no_more() -> None:
    """The first dense layer's dx is a product that only the dropout before it would read."""
    network = pl.Network("6-D0.3-5-3")
    network.loss_and_gradient(np.ones((2, 6)), np.array([0, 1]))
    with pytest.raises(AttributeError, match="dense1 has no dx"):
        _ = network.layers[1].dx


def test_pytorch_finds_the_same_loss_and_gradients_with_the_same_mask_and_noise() -> None:
    torch = pytest.importorskip("torch")
    network = pl.Network("6-D0.3-5-D0.5-N0.2-4-3-D0.1", dtype="float64", seed=2)
    workspace = Workspace(network.layers, network.theta, np.zeros_like(network.theta))
    x, labels = np.random.default_rng(0).normal(size=(6, 8)), np.arange(8) % 3
    ours = gradient_of(workspace, network.loss, x, np.eye(3)[labels].T, DRAWS, input_gradient=True)
    tensors, a = [], torch.tensor(x, requires_grad=True)
    column = a
    for layer, t in zip(network.layers, workspace.numbers, strict=True):
        if layer.kind == "dense":
            tensors += [torch.tensor(t.W, requires_grad=True), torch.tensor(t.b, requires_grad=True)]
            a = tensors[-2] @ a + tensors[-1]
        elif layer.kind == "relu":
            a = torch.relu(a)
        elif layer.kind == "dropout":
            a = a * torch.tensor(DRAWS.of(network.layers.index(layer)).words("dropout", t.x.shape) >= layer.threshold)
            a = a / (1 - layer.rate)
        else:
            a = a + layer.sigma * torch.tensor(t.n)
    loss = torch.nn.functional.cross_entropy(a.T, torch.tensor(labels))
    loss.backward()
    assert abs(loss.item() - ours.losses.mean()) < 1e-12
    theirs = np.concatenate([tensor.grad.numpy().ravel() for tensor in tensors])
    np.testing.assert_allclose(workspace.gradient, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(workspace.numbers[0].dx, column.grad.numpy(), rtol=0, atol=1e-12)


def test_the_engine_counts_steps_from_one_and_draws_by_seed_and_step() -> None:
    network = pl.Network("6-D0.5-3", dtype="float64", seed=1)
    x, labels = np.random.default_rng(0).normal(size=(8, 6)), np.arange(8) % 3
    expected = network.workspace(network.theta.copy(), np.zeros_like(network.theta))
    for step in range(1, 4):
        order = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(1, step))).permutation(8)
        gradient_of(expected, network.loss, x[order].T, np.eye(3)[labels[order]].T, Draws(seed=5, step=step))
        expected.theta -= 0.1 * expected.gradient
    pl.fit(network, x, labels, epochs=3, batch_size=8, seed=5)
    np.testing.assert_allclose(network.theta, expected.theta, rtol=0, atol=1e-15)


def test_training_with_both_learns_and_the_seed_decides_every_bit(digits: Digits) -> None:
    train, test = digits
    thetas = []
    for seed, epochs in ((0, 2), (0, 2), (1, 2), (0, 25)):
        network = pl.Network("784-N0.1-64-D0.3-10", seed=0)
        losses = pl.fit(network, train, epochs=epochs, seed=seed).history["loss"]
        thetas.append(network.theta)
    assert np.array_equal(thetas[0], thetas[1])
    assert not np.array_equal(thetas[0], thetas[2])
    assert losses[-1] < 0.3 * losses[0]
    assert network.evaluate(test).accuracy > 0.85


def test_what_layers_draw_does_not_disturb_the_order_of_the_examples() -> None:
    x, labels = np.random.default_rng(0).normal(size=(20, 6)), np.arange(20) % 3
    thetas = []
    for architecture in ("6-5-3", "6-D0-5-N0-3"):
        network = pl.Network(architecture, seed=1)
        pl.fit(network, x, labels, epochs=3, batch_size=4)
        thetas.append(network.theta)
    assert np.array_equal(*thetas)


def test_a_model_file_keeps_them(tmp_path: Path) -> None:
    network = pl.Network("6-D0.2-5:tanh-N0.00001-4-D0.5-3", seed=3)
    network.save(tmp_path / "m.safetensors")
    again = pl.load(tmp_path / "m.safetensors")
    assert list(map(repr, again.layers)) == list(map(repr, network.layers))
    assert np.array_equal(again.theta, network.theta)


@pytest.mark.parametrize("rate", [1, -0.1, float("nan"), "0.5", None])
def test_a_rate_out_of_range_is_refused(rate: object) -> None:
    with pytest.raises(pl.UsageError, match="rate of dropout must be a number at least 0 and below 1, not"):
        pl.Dropout(rate)


@pytest.mark.parametrize("sigma", [-0.1, float("inf"), float("nan"), "0.5", None])
def test_a_sigma_out_of_range_is_refused(sigma: object) -> None:
    with pytest.raises(pl.UsageError, match="sigma of Gaussian noise must be a number at least 0, not"):
        pl.GaussianNoise(sigma)


def test_an_activation_before_a_last_dropout_is_the_networks_last() -> None:
    with pytest.raises(pl.UsageError, match="The network ends with relu1"):
        pl.Network("6-5:relu-D0.5")
    assert pl.Network("6-5:relu-D0.5", output="identity").architecture == "6-5:relu-D0.5"
