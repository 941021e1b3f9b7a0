"""Losses and output links: stable, matched, and refused where their formulas do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.engine.reference import gradient_of
from pellucid.engine.reference import loss_of as network_loss
from pellucid.examples import check_targets, check_weights
from pellucid.layers import Numbers
from pellucid.losses import LOSSES, OUTPUTS, decide, make_loss


def loss_of(output: str, loss: str, z: list[list[float]], y: list[list[float]], dtype: type = np.float32) -> Numbers:
    t = Numbers("the loss", np)
    t.z, t.y = np.array(z, dtype), np.array(y, dtype)
    t.w = np.ones(len(t.y[0]), dtype)
    made = make_loss(output, loss)
    made.forward(t)
    made.backward(t)
    return t


PAIRS = [(output, kind) for kind, loss in LOSSES.items() for output, link in OUTPUTS.items() if link in loss.links]


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_loss_is_finite_for_logits_of_ten_thousand(output: str, loss: str) -> None:
    t = loss_of(output, loss, [[1e4, -1e4], [-1e4, 1e4]], [[0, 0], [1, 1]])
    assert np.isfinite(t.losses).all()
    assert np.isfinite(t.dz).all()


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_the_gradient_carries_one_over_the_batch_size(output: str, loss: str) -> None:
    one = loss_of(output, loss, [[0.3], [-0.7]], [[1], [0]], np.float64)
    four = loss_of(output, loss, [[0.3] * 4, [-0.7] * 4], [[1] * 4, [0] * 4], np.float64)
    np.testing.assert_allclose(four.dz.sum(axis=1, keepdims=True), one.dz)
    np.testing.assert_allclose(four.losses, one.losses.repeat(4))


def test_cross_entropy_of_a_wrong_class_by_a_margin_is_the_margin() -> None:
    assert loss_of("softmax", "cross_entropy", [[200.0], [0.0]], [[0], [1]]).losses[0] == 200


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes() -> None:
    t = loss_of("softmax", "cross_entropy", [[0.0]] * 10, [[1.0]] + [[0.0]] * 9)
    np.testing.assert_allclose(t.losses, np.log(10), rtol=1e-6)


def test_binary_cross_entropy_keeps_small_losses() -> None:
    t = loss_of("sigmoid", "binary_cross_entropy", [[20.0]], [[1.0]])
    np.testing.assert_allclose(t.losses, 2.0611536e-09, rtol=1e-5)


def test_squared_error_is_summed_over_outputs_without_a_half() -> None:
    t = loss_of("identity", "squared_error", [[1.0], [2.0]], [[0.0], [0.0]])
    assert t.losses.tolist() == [5.0]
    assert t.dz.tolist() == [[2.0], [4.0]]


@pytest.mark.parametrize(
    ("output", "loss", "expected"),
    [
        (None, None, ("softmax", "cross_entropy")),
        ("sigmoid", None, ("sigmoid", "binary_cross_entropy")),
        ("tanh", None, ("tanh", "squared_error")),
        ("identity", None, ("identity", "squared_error")),
        (None, "binary_cross_entropy", ("sigmoid", "binary_cross_entropy")),
        (None, "cross-entropy", ("softmax", "cross_entropy")),
        ("sigmoid", "squared_error", ("sigmoid", "squared_error")),
    ],
)
def test_what_is_not_said_matches_what_is(output: str | None, loss: str | None, expected: tuple[str, str]) -> None:
    made = make_loss(output, loss)
    assert (made.link.kind, made.kind) == expected


def test_a_loss_for_another_output_is_refused_with_both_remedies() -> None:
    with pytest.raises(pl.UsageError, match=r"made for the output 'softmax', not 'sigmoid'.*binary_cross_entropy"):
        make_loss("sigmoid", "cross_entropy")


def test_an_unknown_loss_gets_the_nearest_name() -> None:
    with pytest.raises(pl.UsageError, match="Did you mean 'cross_entropy'"):
        make_loss(None, "crossentropy")


def test_the_decision_is_the_largest_output_or_whether_one_output_is_above_a_half() -> None:
    assert decide(np.array([[0.1, 0.9], [0.8, 0.05], [0.1, 0.05]])).tolist() == [1, 0]
    assert decide(np.array([[0.4, 0.6]])).tolist() == [0, 1]


# Weights and smoothing


def weighted(output: str, loss: str, y: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The weighted loss of a network of logits, its gradient by the logits, and the logits."""
    network = pl.Network(f"4-{y.shape[1]}", output=output, loss=loss, dtype="float64", seed=0)
    x = np.random.default_rng(0).normal(size=(4, len(y)))
    t = gradient_of(network.workspace(gradient=np.zeros_like(network.theta)), network.loss, x, y.T, w=w)
    return float(t.loss), t.dz.T, t.z.T


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weighted_and_smoothed_losses_are_pytorchs(smoothing: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(1)
    labels, w = rng.integers(0, 3, 20), rng.uniform(0.1, 4, 20)
    y = np.eye(3)[labels]
    smoothed = make_loss("softmax").smooth(y, smoothing)
    ours, dz, z = weighted("softmax", "cross_entropy", smoothed, w)
    logits = torch.tensor(z, requires_grad=True)
    each = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="none", label_smoothing=smoothing)
    theirs = (each * torch.tensor(w)).sum() / w.sum()
    theirs.backward()
    np.testing.assert_allclose(ours, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(dz, logits.grad.numpy(), atol=1e-12)


def test_class_weights_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    labels = np.random.default_rng(2).integers(0, 3, 30)
    y, classes = np.eye(3)[labels], {"0": 0.5, "2": 3.0}
    w = check_weights(None, classes, labels, y, ("0", "1", "2"))
    ours, dz, z = weighted("softmax", "cross_entropy", y, w)
    logits = torch.tensor(z, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(
        logits, torch.tensor(labels), torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    )
    theirs.backward()
    np.testing.assert_allclose(ours, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(dz, logits.grad.numpy(), atol=1e-12)


def test_several_labels_are_pytorchs_binary_cross_entropy() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(3)
    y, w = rng.integers(0, 2, (20, 5)).astype(float), rng.uniform(0.1, 4, 20)
    ours, dz, z = weighted("sigmoid", "binary_cross_entropy", y, w)
    logits = torch.tensor(z, requires_grad=True)
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y), reduction="none").sum(dim=1)
    theirs = (each * torch.tensor(w)).sum() / w.sum()
    theirs.backward()
    np.testing.assert_allclose(ours, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(dz, logits.grad.numpy(), atol=1e-12)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    utils = pytest.importorskip("sklearn.utils", reason="scikit-learn is not installed")
    labels = np.random.default_rng(4).choice([0, 1, 3], 50, p=[0.7, 0.2, 0.1])  # nothing of class 2
    ours = check_weights(None, "balanced", labels, np.eye(4)[labels], tuple("0123"))
    np.testing.assert_allclose(ours, utils.compute_sample_weight("balanced", labels))


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_the_weighted_gradient_is_that_of_the_weighted_loss(output: str, loss: str) -> None:
    """By central differences of Σ w·loss / Σ w, for every parameter."""
    rng = np.random.default_rng(5)
    network = pl.Network("4-3:tanh-3", output=output, loss=loss, dtype="float64", seed=1)
    x, y, w = rng.normal(size=(4, 6)), rng.dirichlet(np.ones(3), 6).T, rng.uniform(0.1, 5, 6)
    place = network.workspace(gradient=np.zeros_like(network.theta))
    gradient_of(place, network.loss, x, y, w=w)
    for k in range(network.theta.size):
        ends = []
        for h in (1e-5, -1e-5):
            theta = network.theta.copy()
            theta[k] += h
            t = network_loss(network.workspace(theta), network.loss, x, y, w=w)
            ends.append(float((w * t.losses).sum() / w.sum()))
        np.testing.assert_allclose(place.gradient[k], (ends[0] - ends[1]) / 2e-5, atol=1e-8)


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_an_example_of_weight_two_is_two_examples(output: str, loss: str) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 3).T
    network = pl.Network("4-3", output=output, loss=loss, dtype="float64")
    gradients = []
    for places, w in (([0, 1, 2], np.array([1.0, 2.0, 1.0])), ([0, 1, 1, 2], None)):
        place = network.workspace(gradient=np.zeros_like(network.theta))
        gradient_of(place, network.loss, x[:, places], y[:, places], w=w)
        gradients.append(place.gradient)
    np.testing.assert_allclose(*gradients, atol=1e-14)


@given(st.integers(2, 8), st.floats(0, 0.99))
def test_a_smoothed_target_is_a_target_for_the_same_class(classes: int, share: float) -> None:
    y = np.eye(classes)
    smoothed = make_loss("softmax").smooth(y, share)
    check_targets(smoothed, make_loss("softmax"))
    assert (smoothed.argmax(axis=1) == np.arange(classes)).all()
    np.testing.assert_allclose(make_loss("sigmoid").smooth(y, share), np.clip(y, share / 2, 1 - share / 2), atol=1e-12)


# In a training


def imbalanced() -> tuple[np.ndarray, np.ndarray]:
    """Two classes that overlap, one ten times as frequent as the other."""
    rng = np.random.default_rng(7)
    labels = (np.arange(550) >= 500) * 1
    return rng.normal(size=(550, 2)) + labels[:, None] * 1.0, labels


def test_balanced_weights_help_the_rare_class() -> None:
    x, labels = imbalanced()
    recalls = {}
    for weights in ("", "balanced", {"1": 10}, "1=10"):
        network = pl.Network("2-2", classes=("0", "1"), seed=0)
        pl.fit(network, x, labels, epochs=20, class_weights=weights)
        recalls[str(weights)] = network.evaluate(x, labels).recall[1]
    assert recalls[""] < 0.4 < 0.6 < recalls["balanced"]
    assert recalls["{'1': 10}"] == recalls["1=10"]


def test_the_epochs_loss_is_the_weighted_mean_of_all_its_examples() -> None:
    x, labels = imbalanced()
    w = np.random.default_rng(8).uniform(0.1, 5, len(x))
    network = pl.Network("2-2", classes=("0", "1"), seed=0, dtype="float64")
    before = network.predict(x)
    history = pl.fit(network, x, labels, epochs=1, batch_size=100, sample_weights=w, optimizer=pl.SGD(1e-12))
    losses = -np.log(before[np.arange(len(x)), labels])
    np.testing.assert_allclose(history.history["loss"][0], (w * losses).sum() / w.sum(), rtol=1e-9)


def test_weights_go_with_their_examples_when_some_are_held_out() -> None:
    """Examples of the second half would teach the contrary, but weigh next to nothing."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(400, 2))
    labels = np.where(np.arange(400) < 200, x[:, 0] > 0, x[:, 0] < 0) * 1
    network = pl.Network("2-2", classes=("0", "1"), seed=0)
    pl.fit(network, x, labels, epochs=5, sample_weights=np.repeat([1, 1e-6], 200), validation=0.3)
    assert network.evaluate(x[:200], labels[:200]).accuracy > 0.95


def test_weights_of_one_change_no_bit() -> None:
    x, labels = imbalanced()
    thetas = set()
    for weights in (None, np.ones(len(x))):
        network = pl.Network("2-3-2", classes=("0", "1"), seed=0)
        pl.fit(network, x, labels, epochs=2, batch_size=7, sample_weights=weights, engine="reference")
        thetas.add(network.theta.tobytes())
    assert len(thetas) == 1


def test_smoothing_keeps_the_network_from_being_too_sure() -> None:
    x, labels = imbalanced()
    sure = {}
    for smoothing in (0.0, 0.2):
        network = pl.Network("2-16-2", classes=("0", "1"), seed=0)
        pl.fit(network, x + 5 * labels[:, None], labels, epochs=30, label_smoothing=smoothing)
        sure[smoothing] = float(network.predict(x + 5 * labels[:, None]).max(axis=1).mean())
    assert sure[0.0] > 0.99
    assert abs(sure[0.2] - 0.9) < 0.03


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.float32])
def test_several_labels_are_learned_and_counted_all_together(dtype: type) -> None:
    rng = np.random.default_rng(10)
    x = rng.normal(size=(600, 3))
    answers = (x > 0).astype(dtype)  # three questions
    network = pl.Network("3-16-3", output="sigmoid", seed=0)
    history = pl.fit(network, x, answers, epochs=30, validation=0.2).history
    evaluation = network.evaluate(x, answers)
    said = network.predict(x) > 0.5
    assert evaluation.accuracy == (said == (x > 0)).all(axis=1).mean() > 0.9
    assert history["accuracy"][-1] > 0.9
    assert abs(history["validation_accuracy"][-1] - evaluation.accuracy) < 0.1
    np.testing.assert_allclose(evaluation.recall, (said & (x > 0)).sum(axis=0) / (x > 0).sum(axis=0))
    np.testing.assert_allclose(evaluation.precision, (said & (x > 0)).sum(axis=0) / said.sum(axis=0))
    with pytest.raises(pl.UsageError, match="no confusion matrix"):
        _ = evaluation.confusion


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"label_smoothing": 1.0}, pl.UsageError, "label_smoothing must be a number at least 0 and below 1"),
        ({"label_smoothing": 0.1, "loss": "squared_error"}, pl.UsageError, "not for squared_error"),
        ({"class_weights": "2=3"}, pl.UsageError, "no class called '2'"),
        ({"class_weights": "0=0"}, pl.UsageError, "weight of the class 0 must be a number above 0, not 0.0"),
        ({"class_weights": "balanced,0=1"}, pl.UsageError, "not of the form name=number"),
        ({"class_weights": "0=1,0=2"}, pl.UsageError, "each name once"),
        ({"sample_weights": np.ones(3)}, pl.ShapeError, r"550 examples came with sample_weights of shape \(3,\)"),
        ({"sample_weights": np.zeros(550)}, pl.DataError, "finite numbers above 0"),
    ],
    ids=str,
)
def test_weights_and_shares_that_are_none_are_refused(options: dict[str, Any], error: type, message: str) -> None:
    x, labels = imbalanced()
    with pytest.raises(error, match=message):
        pl.fit(pl.Network("2-2", classes=("0", "1")), x, labels, **options)


def test_rows_have_no_class_to_weigh() -> None:
    with pytest.raises(pl.UsageError, match="Take sample_weights"):
        pl.fit(pl.Network("2-3", output="sigmoid"), np.zeros((4, 2)), np.eye(4)[:, :3], class_weights="balanced")
