"""What a reading of the probe shows: units that do nothing, gradients that get lost or grow, a rate too high or low."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pellucid.diagnosis import rates
from pellucid.diagnosis.probe import Reading
from pellucid.optimizers import Optimizer

DEAD = 0.75  # of a layer's units: healthy recipes have up to a third in their first steps, and hardly any later
FLAT = 0.75  # of a layer's numbers: the sigmoids of a healthy recipe reach a half, when it has long learned
VANISHED = 1 / 100  # of the last layer's ‖dz‖: three sigmoids in a row leave 1/64 at best and still learn
VANISHED_AFTER = 8  # steps; until then a last layer that began at 0 passes little back
EXPLODED = 100  # times the last layer's ‖dz‖: He's weights leave it as it is, healthy recipes reach 6
LAGS = 1 / 10  # of how far the last layer moves in a step: an optimizer that evens gradients out, as Adam, does not lag
LEARNED = 0.5  # of the loss of guessing: below it a network learns, whatever its units look like
RISEN = 1.5  # times the loss at the beginning, on average since the last reading: a good rate is far below by then
RISEN_AGAIN = 2.0  # times the lowest average so far, while worse than LEARNED
STUCK = 0.99  # of the loss of guessing, on average since the last reading: healthy recipes are below 0.95 by then
STUCK_AFTER = 1024  # steps; a plateau of sigmoids at the beginning is over by then
STUCK_AT_END = 256  # steps, in a training that has no more
ENOUGH_STEPS, ENOUGH_EXAMPLES = 32, 1024  # in an average: fewer may be odd ones
HARDLY_FALLEN = 0.01  # of the loss of guessing
HARDLY_MOVED = (
    0.01  # of theta's length, in the whole training at this pace; a training that learns moves it by 0.1 to 1
)
SLOW_AFTER = 64  # steps

OF_UNITS_AND_GRADIENTS = {
    "identical units", "dead units", "saturated units", "vanishing gradients", "exploding gradients",
    "learning rate too high", "batch of one", "constant images",
}  # fmt: skip

Symptom = tuple[str, str, str]  # kind, layer, text


@dataclass(frozen=True)
class Moment:
    """What is known at a reading.

    Args:
        step: steps done.
        steps: of the whole training.
        reading: of the probe.
        guess: the loss of the best answer that is always the same: ln 10 for ten classes that are equally frequent.
        first_loss: of the probe, before the first step.
        mean_loss: of the training's steps since the last reading.
        mean_steps, mean_examples: how many those are.
        lowest_mean: of all such averages before.
        moved: ‖ΔW‖ / ‖W‖ of each layer with weights in the last step; nothing before the first.
        moved_in_all: ‖Δθ‖ / ‖θ‖ in that step.
        optimizer, learning_rate: of the training, and of that step.
        told: kinds that were noticed before.
    """

    step: int
    steps: int
    reading: Reading
    guess: float
    first_loss: float
    mean_loss: float
    mean_steps: int
    mean_examples: int
    lowest_mean: float
    moved: Mapping[str, float]
    moved_in_all: float
    optimizer: Optimizer
    learning_rate: float
    told: frozenset[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was noticed before of what also makes gradients short and the loss stay."""
        return not self.told & OF_UNITS_AND_GRADIENTS

    @property
    def lower(self) -> str:
        """A lower rate to try."""
        return f"{rates.lower(self.optimizer, self.learning_rate):g}"

    @property
    def higher(self) -> str:
        """A higher rate to try."""
        return f"{rates.higher(self.optimizer, self.learning_rate):g}"


def of_units(at: Moment) -> Iterator[Symptom]:
    """Dead and saturated units."""
    for units in at.reading.units:
        if units.dead > DEAD * units.count:
            yield ("dead units", units.layer,
                   f"{units.dead} of {units.count} units of {units.kind} let no gradient through for any of "
                   f"{at.reading.examples} training images, so the weights into them stand still. "
                   + ("They begin so: look at the initial weights and biases (biases far below 0, weights of 0). "
                      if at.step == 0 else
                      f"Probably a step too large threw them there (learning rate {at.learning_rate:g}). ")
                   + f"Try a learning rate of {at.lower}, leaky_relu, or BN before the activation.")  # fmt: skip
            if units.dead == units.count:
                return  # whatever comes behind sees the same for every image
        if units.flat > FLAT and at.reading.loss > LEARNED * at.guess:
            yield ("saturated units", units.layer,
                   f"{units.flat:.0%} of the outputs of {units.kind} lie where it is flat, so hardly any gradient "
                   "passes. The weights or the numbers before it are too large. Try smaller initial weights "
                   f"(initializer=xavier), a learning rate of {at.lower}, or BN before the activation.")  # fmt: skip


def of_gradients(at: Moment) -> Iterator[Symptom]:
    """Gradients that vanish or explode on their way back."""
    norms = at.reading.gradients
    if len(norms) < 2 or not at.reading.loss > LEARNED * at.guess:
        return
    first, *_, last = norms
    if not norms[first] or not norms[last] or not at.is_sound:
        return
    table = ", ".join(f"{name} {norm:.1e}" for name, norm in norms.items())
    ratio = norms[first] / norms[last]
    if ratio < VANISHED and at.step >= VANISHED_AFTER and at.moved and at.moved[first] < LAGS * at.moved[last]:
        yield ("vanishing gradients", first,
               f"the gradient of z is {1 / ratio:,.0f} times as short as in the last layer (‖dz‖: {table}), and its "
               "weights hardly move. Each sigmoid passes on at most a quarter. Try ReLU, BN between the layers, fewer "
               "layers, or Adam, which evens out the lengths.")  # fmt: skip
    if ratio > EXPLODED:
        yield ("exploding gradients", first,
               f"the gradient of z is {ratio:,.0f} times as long as in the last layer (‖dz‖: {table}): it grows from "
               "layer to layer on its way back, as the weights between are too large. "
               + ("They begin so. Try the default initializer (he, xavier)" if at.step == 0 else
                  f"Probably a step too large made them so (learning rate {at.learning_rate:g}). Try {at.lower}")
               + ", gradients cut to a norm of 1 (clip_norm), or BN between the layers.")  # fmt: skip


def of_pace(at: Moment) -> Iterator[Symptom]:
    """A learning rate too high or too low."""
    enough = at.mean_steps >= ENOUGH_STEPS and at.mean_examples >= ENOUGH_EXAMPLES
    rate = f"the learning rate {at.learning_rate:g} of {type(at.optimizer).__name__}"
    moved = f"a step moves the weights by {at.moved_in_all:.1g} of their length (about 0.001 is usual)"
    if enough and at.mean_loss > RISEN * max(at.guess, at.first_loss):
        yield ("learning rate too high", "",
               f"the loss was {at.mean_loss:.3g} on average over the last {at.mean_steps} steps, {at.first_loss:.3g} "
               f"before the first, {at.guess:.3g} for guessing; {moved}. Probably {rate} is too high. Try {at.lower}, "
               "or gradients cut to a norm of 1 (clip_norm).")  # fmt: skip
    elif enough and at.mean_loss > max(RISEN_AGAIN * at.lowest_mean, LEARNED * at.guess):
        yield ("learning rate too high", "",
               f"the loss had come down to {at.lowest_mean:.3g} and rose to {at.mean_loss:.3g}, on average over the "
               f"last {at.mean_steps} steps; {moved}. Probably {rate} is too high. Try {at.lower}, a schedule that "
               "lets it fall, or gradients cut to a norm of 1 (clip_norm).")  # fmt: skip
    hardly = at.reading.loss > max(at.first_loss - HARDLY_FALLEN * at.guess, LEARNED * at.guess)
    if (at.step >= min(SLOW_AFTER, at.steps) and at.moved and hardly and at.is_sound
            and at.moved_in_all * at.steps < HARDLY_MOVED):  # fmt: skip
        yield ("learning rate too low", "",
               f"after {at.step} steps the loss is {at.reading.loss:.4g}, and was {at.first_loss:.4g}; {moved}, so "
               f"that all {at.steps:,} steps will hardly change them. Probably {rate} is too low. Try "
               f"{at.higher}.")  # fmt: skip


def of_standstill(at: Moment) -> Iterator[Symptom]:
    """A loss that stays at what guessing gives."""
    late = at.step >= (STUCK_AFTER if at.step < at.steps else STUCK_AT_END)
    if late and at.mean_steps >= ENOUGH_STEPS and STUCK * at.guess < at.mean_loss < RISEN * at.guess:
        yield ("stuck loss", "",
               f"the loss is {at.mean_loss:.4g} on average over the last {at.mean_steps} steps: that of answering the "
               f"same for every image, with the frequencies of the classes ({at.guess:.4g}). "
               + (f"Probably for what was noticed before: {', '.join(sorted(at.told))}." if at.told else
                  "Nothing of the images comes through, or the labels do not belong to them. Look at some images with "
                  f"their labels (pellucid data); try a learning rate of {at.higher} or {at.lower}, ReLU, or fewer "
                  "layers."))  # fmt: skip
