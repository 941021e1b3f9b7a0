"""Why a training broke, as far as its numbers tell, and what to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.diagnosis import rates
from pellucid.diagnosis.scan import Size
from pellucid.optimizers import Optimizer

FORMULA = 1e6  # numbers below it do not overflow float32 by any product or sum of a layer: the formula itself broke
GROWN = 100  # times their first size: weights of a training that goes well grow a few times
LARGE = 100  # initial weights and images that are larger are taken for the cause; they are made to be about 1


@dataclass(frozen=True)
class Circumstances:
    """What is known of the step that broke.

    Args:
        culprit: the first tensor with NaN or infinity.
        before: those computed before it in that step, images first.
        found: whether the culprit was so when the step began.
        first: whether no step was taken before.
        weights: the largest number in theta when the training began, and when the step did.
        optimizer: moves the weights.
        learning_rate: of the step.
    """

    culprit: Size
    before: Sequence[Size]
    found: bool
    first: bool
    weights: tuple[float, float]
    optimizer: Optimizer
    learning_rate: float


def explain(of: Circumstances) -> tuple[str, str]:
    """The probable cause, and the remedy."""
    began, now = of.weights
    images = of.before[0].largest if of.before else 0.0
    greatest = max([now, *(size.largest for size in of.before)])
    if of.found:
        return _found(of)
    if of.culprit.layer == "images":
        return ("the images hold numbers that are too large for the dtype of the network.",
                "Divide them by their largest, so that they lie in [0, 1].")  # fmt: skip
    if images > LARGE and images >= now:
        return (f"the images go up to {images:.2g}; a network begins with weights for numbers of about 1.",
                "Divide the images by their largest number, or give pixels as uint8.")  # fmt: skip
    if of.culprit.direction != "update" and greatest < FORMULA:
        return (f"the formula of {of.culprit.layer} itself: every number before it is small (the largest is "
                f"{greatest:.2g}), so that nothing can have overflowed; it divides by 0, or takes a logarithm or a "
                "root of a number that has none.",
                "Check that formula with pellucid.glass.gradcheck, at these numbers.")  # fmt: skip
    if began > LARGE and now < GROWN * began:
        return (f"the weights were as large as {began:.2g} when the training began; products of such numbers overflow.",
                "Draw them smaller: the default initializers, he and xavier, fit the size of each layer.")  # fmt: skip
    lower = rates.lower(of.optimizer, of.learning_rate)
    if of.culprit.direction == "update" or now >= GROWN * began:
        return ("the learning rate is too high: each step overshoots by more than the one before.",
                f"Try a learning rate of {lower:g}, or gradients cut to a norm of 1 (clip_norm).")  # fmt: skip
    return ("numbers grow from layer to layer until they overflow.",
            f"Try gradients cut to a norm of 1 (clip_norm), a learning rate of {lower:g}, or normalization (BN, LN) "
            "between the layers.")  # fmt: skip


def _found(of: Circumstances) -> tuple[str, str]:
    where = f"{of.culprit.layer}.{of.culprit.tensor}"
    if of.first:
        return (f"{where} was so before the first step: it is not the training that did it.",
                "Look at what set network.theta, or make the network anew.")  # fmt: skip
    return (f"{where} was so when the step began, and was not when the step before ended: something beside the "
            "training set it, as a callback can.",
            "Look at what writes to network.theta while it trains.")  # fmt: skip
