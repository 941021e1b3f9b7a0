"""Mistakes around the optimizer: penalties, clipping, constraints, frozen layers, and the learning rate over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.descent import Descent
from pellucid.glass.planted.mistake import StepMistake, sentence
from pellucid.layers import Array
from pellucid.optimizers import SGD
from pellucid.schedules import SCHEDULES, Schedule, wave
from pellucid.workspace import Workspace

Update = Callable[[Any, Workspace, Sequence[Array], int, float], None]
Formula = Callable[..., Any]


def surroundings(**options: Any) -> Callable[[Update], StepMistake]:
    """Makes a mistake of a function that stands in place of the descent's update."""
    right = Descent(SGD(0.1, momentum=0.9, weight_decay=0.1), **options)

    def make(function: Update) -> StepMistake:
        wrong = type("Descent", (Descent,), {"update": function})

        def plant(descent: Descent, schedule: Schedule) -> tuple[Descent, Schedule]:
            return wrong(**vars(descent)), schedule

        return StepMistake(*sentence(function), ", ".join(options), lambda: (right, Schedule()), plant)

    return make


def gradient_of(workspace: Workspace) -> Array:
    """The gradient, which a workspace of a descent has."""
    return workspace.gradient


def without(d: Descent, **options: Any) -> Descent:
    """The right descent, with some of its options changed."""
    return Descent(**{**vars(d), **options})


@surroundings(l2=0.2)
def penalty_on_biases(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """λ₂ θ added to every gradient, those of biases and normalization too."""
    gradient = gradient_of(workspace)
    gradient += d.l2 * workspace.theta
    without(d, l2=0.0).update(workspace, moments, step, rate)


@surroundings(l2=0.2)
def twice_the_penalty(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """2 λ₂ W, the gradient of λ₂ Σ w², though the penalty has a factor ½."""
    without(d, l2=2 * d.l2).update(workspace, moments, step, rate)


@surroundings(l1=0.2)
def lasso_without_sign(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """λ₁ added instead of λ₁ sign W: negative weights are driven away from 0."""
    for slot in workspace.parameters:
        if slot.tensor.name == "W":
            slot.view(gradient_of(workspace))[...] += d.l1
    without(d, l1=0.0).update(workspace, moments, step, rate)


@surroundings(clip_value=0.9, clip_norm=2.0)
def norm_before_value(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """Clipped by the norm first and by value then, the other way round."""
    gradient = gradient_of(workspace)
    gradient *= min(1, d.clip_norm / np.linalg.norm(gradient))
    without(d, clip_norm=0.0).update(workspace, moments, step, rate)


@surroundings(clip_norm=1.0)
def each_tensor_by_its_own_norm(
    d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float
) -> None:
    """Each tensor's gradient clipped by its own norm, which turns the step."""
    for slot in workspace.parameters:
        g = slot.view(gradient_of(workspace))
        g *= min(1, d.clip_norm / np.linalg.norm(g))
    without(d, clip_norm=0.0).update(workspace, moments, step, rate)


@surroundings(clip_norm=100.0)
def lengthened_to_the_norm(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """Every gradient brought to the norm, shorter ones lengthened too."""
    gradient = gradient_of(workspace)
    gradient *= d.clip_norm / np.linalg.norm(gradient)
    without(d, clip_norm=0.0).update(workspace, moments, step, rate)


@surroundings(clip_value=0.5)
def negative_not_clipped(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """min(g, c) alone, which leaves negative gradients as long as they are."""
    gradient = gradient_of(workspace)
    gradient[...] = np.minimum(gradient, d.clip_value)
    without(d, clip_value=0.0).update(workspace, moments, step, rate)


@surroundings(max_norm=0.7)
def columns_constrained(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """The weights out of each unit made shorter instead of those into it."""
    without(d, max_norm=0.0).update(workspace, moments, step, rate)
    for slot in workspace.parameters:
        if slot.tensor.name == "W":
            W = slot.view(workspace.theta)
            W *= d.max_norm / np.maximum(np.linalg.norm(W, axis=0), d.max_norm)


@surroundings(max_norm=0.7)
def constrained_before_the_step(
    d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float
) -> None:
    """Weights made shorter before the step, which lengthens them again."""
    without(d, optimizer=replace(d.optimizer, weight_decay=0.0)).update(workspace, [0 * moments[0]], step, 0.0)
    without(d, max_norm=0.0).update(workspace, moments, step, rate)


@surroundings(layer_rates={"dense1": 0.0})
def frozen_but_decaying(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """A frozen layer's gradient set to 0, and its weights still moved by the weight decay."""
    for slot in workspace.parameters:
        slot.view(gradient_of(workspace))[...] *= d.layer_rates.get(slot.layer.name, 1.0) > 0
    without(d, layer_rates={}).update(workspace, moments, step, rate)


@surroundings(layer_rates={"dense1": 0.0}, clip_norm=1.0)
def frozen_in_the_norm(d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float) -> None:
    """The gradients of frozen layers counted in the norm by which the others are clipped."""
    gradient = gradient_of(workspace)
    gradient *= min(1, d.clip_norm / (np.linalg.norm(gradient) + 1e-6))
    without(d, clip_norm=0.0).update(workspace, moments, step, rate)


@surroundings(layer_rates={"dense1": 0.1})
def rate_of_a_layer_on_its_gradient(
    d: Descent, workspace: Workspace, moments: Sequence[Array], step: int, rate: float
) -> None:
    """A layer's gradient made smaller instead of its learning rate, so not its decay."""
    for slot in workspace.parameters:
        slot.view(gradient_of(workspace))[...] *= d.layer_rates.get(slot.layer.name, 1.0)
    without(d, layer_rates={}).update(workspace, moments, step, rate)


def over_time(words: str) -> Callable[[Formula], StepMistake]:
    """Makes a mistake of a function that stands in place of a schedule's formula; t, T and S are counted in steps."""
    descent = Descent(SGD(0.1))

    def make(function: Formula) -> StepMistake:
        def plant(_: Descent, schedule: Schedule) -> tuple[Descent, Schedule]:
            wrong = Schedule(words)
            wrong.formula = function
            return descent, wrong

        return StepMistake(*sentence(function), words, lambda: (descent, Schedule(words)), plant)

    return make


@over_time("cosine")
def one_step_ahead(t: Array, T: int, S: int, losses: Sequence[float]) -> Array:
    """The rate of the step after this one, because the count was raised too early."""
    return wave(1, 0, (t + 1) / T)


@over_time("step,every=2,factor=0.5")
def epochs_taken_for_steps(t: Array, T: int, S: int, losses: Sequence[float], *, every: float, factor: float) -> Array:
    """A fall every so many steps instead of every so many epochs."""
    return np.power(factor, t // every)


@over_time("exponential,factor=0.8")
def epochs_fall_in_each_step(t: Array, T: int, S: int, losses: Sequence[float], *, factor: float) -> Array:
    """The epoch's factor in every step."""
    return np.power(factor, t)


@over_time("polynomial,power=2")
def power_forgotten(t: Array, T: int, S: int, losses: Sequence[float], *, power: float) -> Array:
    """A straight line, whatever the power."""
    return 1 - t / T


@over_time("one_cycle")
def no_way_up(t: Array, T: int, S: int, losses: Sequence[float]) -> Array:
    """Down from the peak at once, without the way up to it."""
    return wave(1, 1 / 25 / 1e4, t / (T - 1))


@over_time("plateau,patience=1,factor=0.5")
def impatience(t: Array, T: int, S: int, losses: Sequence[float], *, patience: float, factor: float) -> Array:
    """A fall as soon as `patience` epochs are over, one too early."""
    return SCHEDULES["plateau"](t, T, S, losses, patience=patience - 1, factor=factor)


@over_time("cosine,warm_up=1")
def warm_up_not_left_out(t: Array, T: int, S: int, losses: Sequence[float]) -> Array:
    """The wave begun with the warm-up instead of behind it."""
    return wave(1, 0, (t + S) / (T + S))


class WarmUpFromZero(Schedule):
    """A schedule that begins so."""

    def factors(self, epoch: int, steps: int, epochs: int, losses: Sequence[float] = ()) -> Array:
        return np.minimum(1, np.arange((epoch - 1) * steps, epoch * steps) / (2 * steps))


WARM_UP = "constant,warm_up=2"
warm_up_from_zero = StepMistake(
    "warm up from zero",
    "0/W, 1/W, ... instead of 1/W, 2/W, ..., 1: the first step stands still",
    WARM_UP,
    lambda: (Descent(SGD(0.1)), Schedule(WARM_UP)),
    lambda descent, _: (descent, WarmUpFromZero(WARM_UP)),
)
