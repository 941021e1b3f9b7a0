"""Losses and output links: stable, matched, and refused where their formulas do not fit."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers import Numbers
from pellucid.losses import LOSSES, OUTPUTS, decide, make_loss


def loss_of(output: str, loss: str, z: list[list[float]], y: list[list[float]], dtype: type = np.float32) -> Numbers:
    t = Numbers("the loss", np)
    t.z, t.y = np.array(z, dtype), np.array(y, dtype)
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
