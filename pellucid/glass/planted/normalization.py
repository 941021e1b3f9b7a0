"""Mistakes in batch and layer normalization; n = (x − μ) / σ, g = gain · da."""

from __future__ import annotations

from typing import Any

from pellucid.glass.planted.mistake import backward_of
from pellucid.layers import Numbers
from pellucid.layers.normalization import Normalization

BATCH = "3-5:linear-BN:tanh-4"
IMAGES = "2x4x5-3C2:linear-BN:tanh-4"
LAYER = "3-7:linear-LN:tanh-4"  # as many features as examples


def parts(t: Numbers) -> tuple[Any, Any, Any]:
    """x, n and g as matrices, a row for each gain."""
    x, n, da = (value.reshape(len(t.gain), -1) for value in (t.x, t.n, t.da))
    return x, n, t.gain * da


@backward_of("bn1", BATCH)
def forgotten_mean(layer: Normalization, t: Numbers) -> None:
    """dx without the term − mean(g), by which x moves the batch's mean."""
    _, n, g = parts(t)
    t.dx = ((g - n * layer.average(g * n)) / t.deviation).reshape(t.x.shape)


@backward_of("bn1", BATCH)
def forgotten_variance(layer: Normalization, t: Numbers) -> None:
    """dx without the term − n · mean(g n), by which x moves the batch's variance."""
    _, _, g = parts(t)
    t.dx = ((g - layer.average(g)) / t.deviation).reshape(t.x.shape)


@backward_of("bn1", IMAGES)
def statistics_taken_for_constants(layer: Normalization, t: Numbers) -> None:
    """dx = g / σ in training, as if x moved neither mean nor variance of the batch."""
    _, _, g = parts(t)
    t.dx = (g / t.deviation).reshape(t.x.shape)


@backward_of("bn1", IMAGES)
def running_deviation_in_training(layer: Normalization, t: Numbers) -> None:
    """dx divided by the running deviation, though the batch's was taken forwards."""
    rows = t.dx.reshape(len(t.gain), -1)
    t.dx = (rows * t.deviation / (t.variance + 1e-5) ** 0.5).reshape(t.x.shape)


@backward_of("bn1", BATCH)
def unbiased_variance_backwards(layer: Normalization, t: Numbers) -> None:
    """σ from Σ(x − μ)² / (m − 1) backwards, though it was divided by m forwards."""
    m = t.x.size // len(t.gain)
    t.dx = t.dx * ((m - 1) / m) ** 0.5


@backward_of("bn1", IMAGES)
def means_over_the_batch_alone(layer: Normalization, t: Numbers) -> None:
    """The means over the examples at each place, though a map's statistics are over all places too."""
    channels, places = len(t.gain), (1, 1, 1)
    g, n = t.gain.reshape(channels, *places) * t.da, t.n
    dx = g - g.mean(axis=-1, keepdims=True) - n * (g * n).mean(axis=-1, keepdims=True)
    t.dx = dx / t.deviation.reshape(channels, *places)


@backward_of("bn1", BATCH, training=False)
def batch_statistics_in_prediction(layer: Normalization, t: Numbers) -> None:
    """dx with both terms of training, though the running statistics do not move with x."""
    _, n, g = parts(t)
    t.dx = ((g - layer.average(g) - n * layer.average(g * n)) / t.deviation).reshape(t.x.shape)


@backward_of("bn1", IMAGES)
def gain_times_x(layer: Normalization, t: Numbers) -> None:
    """dgain = Σ da x instead of Σ da n."""
    x, _, _ = parts(t)
    t.dgain[...] = (t.da.reshape(x.shape) * x).sum(axis=1, keepdims=True)


@backward_of("ln1", LAYER)
def means_over_the_batch(layer: Normalization, t: Numbers) -> None:
    """dx with means over the examples, as in batch normalization, instead of over the features."""
    _, n, g = parts(t)
    t.dx = (g - g.mean(axis=1, keepdims=True) - n * (g * n).mean(axis=1, keepdims=True)) / t.deviation


@backward_of("ln1", LAYER)
def gain_of_the_wrong_axis(layer: Normalization, t: Numbers) -> None:
    """dgain = Σ over the features instead of Σ over the batch."""
    t.dgain[...] = (t.da * t.n).sum(axis=0).reshape(-1, 1)


@backward_of("ln1", LAYER)
def forgotten_gain(layer: Normalization, t: Numbers) -> None:
    """dx from da instead of g = gain · da, which nobody notices while the gains are still 1."""
    da, n = t.da, t.n
    t.dx = (da - layer.average(da) - n * layer.average(da * n)) / t.deviation


@backward_of("ln1", LAYER, training=False)
def constants_in_prediction(layer: Normalization, t: Numbers) -> None:
    """dx = g / σ outside training, though a layer's statistics are those of x in every pass."""
    _, _, g = parts(t)
    t.dx = g / t.deviation
