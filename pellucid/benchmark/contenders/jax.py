"""JAX: compiled; an epoch of a dense network is one scan over its batches, of another a call for each step.

In a scan XLA convolves on one thread, which takes it several times as long.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor, channels_last
from pellucid.benchmark.work import Work, order
from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import EPSILON, MOMENTUM, BatchNormalization, LayerNormalization
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten

jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")

BETA1, BETA2, TINY = 0.9, 0.999, 1e-8  # of Adam
AT_ONCE = 256  # images that are predicted together


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """As many threads as the process may use cores: JAX has no setting for them."""
    layers, count = work.layers, len(examples.labels)
    images, labels = jnp.asarray(channels_last.images(examples.rows, layers)), jnp.asarray(examples.labels)
    test = channels_last.images(examples.test_rows, layers)
    state = _beginning(layers)

    def step(state: Any, batch: Any) -> Any:
        def loss(parameters: Any) -> Any:
            z, statistics = _logits(layers, parameters, state["statistics"], images[batch], training=True)
            picked = jnp.take_along_axis(jax.nn.log_softmax(z), labels[batch][:, None], axis=1)
            return -jnp.mean(picked), statistics

        gradient, statistics = jax.grad(loss, has_aux=True)(state["parameters"])
        return {**_update(work, state, gradient), "statistics": statistics}, None

    scan = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0], donate_argnums=0)
    single = jax.jit(lambda state, batch: step(state, batch)[0], donate_argnums=0)
    classify = jax.jit(lambda p, s, x: _logits(layers, p, s, x, training=False)[0].argmax(axis=1))
    whole = count // work.batch_size * work.batch_size

    def epoch(number: int) -> None:
        nonlocal state
        taken = order(number, count).astype(np.int32)
        batches = taken[:whole].reshape(-1, work.batch_size)
        if work.dense:
            state = scan(state, batches)
        else:
            for batch in batches:
                state = single(state, batch)
        if whole < count:
            state = single(state, taken[whole:])
        jax.block_until_ready(state)

    def accuracy() -> float:
        classes = [classify(state["parameters"], state["statistics"], part) for part in _parts(test)]
        return float((np.concatenate(classes) == examples.test_labels).mean())

    return [Contender("JAX", "jit and scan" if work.dense else "jit", epoch, accuracy)]


def _parts(images: Any) -> list[Any]:
    return [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]


def _beginning(layers: Sequence[Layer]) -> dict[str, Any]:
    """Everything that a step changes."""
    parameters = jax.tree.map(jnp.asarray, channels_last.parameters(list(layers)))
    first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    statistics = [
        [jnp.zeros_like(gain), jnp.ones_like(gain)] if isinstance(layer, BatchNormalization) else []
        for layer, (gain, *_) in zip(layers, [own or [None] for own in parameters], strict=True)
    ]
    return {
        "parameters": parameters,
        "first": first,
        "second": second,
        "count": jnp.zeros(()),
        "statistics": statistics,
    }


def _logits(layers: Sequence[Layer], parameters: Any, statistics: Any, x: Any, *, training: bool) -> Any:
    """Forwards; and the running statistics after it."""
    after = []
    for layer, own, running in zip(layers, parameters, statistics, strict=True):
        if isinstance(layer, Convolution):
            padding, words = [(layer.padding, layer.padding)] * 2, ("NHWC", "HWIO", "NHWC")
            strides = (layer.stride, layer.stride)
            x = jax.lax.conv_general_dilated(x, own[0], strides, padding, dimension_numbers=words) + own[1]
        elif isinstance(layer, Dense):
            x = x @ own[0] + own[1]
        elif isinstance(layer, MaxPooling):  # faster than reduce_window
            corners = [x[:, i :: layer.stride, j :: layer.stride] for i in range(layer.side) for j in range(layer.side)]
            x = jax.tree.reduce(jnp.maximum, corners)
        elif isinstance(layer, BatchNormalization):
            x, running = _normalized(x, own, running, training=training)
        elif isinstance(layer, LayerNormalization):
            apart = x - x.mean(axis=1, keepdims=True)
            x = apart / jnp.sqrt((apart**2).mean(axis=1, keepdims=True) + EPSILON) * own[0] + own[1]
        else:
            x = x.reshape(len(x), -1) if isinstance(layer, Flatten) else jax.nn.relu(x)
        after.append(running)
    return x, after


def _normalized(x: Any, own: Any, running: Any, *, training: bool) -> Any:
    if training:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
        m = x.size / x.shape[-1]
        seen = (mean, m / (m - 1) * variance)
        running = [old + MOMENTUM * (new - old) for old, new in zip(running, seen, strict=True)]
    else:
        mean, variance = running
    return (x - mean) * (own[0] / jnp.sqrt(variance + EPSILON)) + own[1], running


def _update(work: Work, state: Any, gradient: Any) -> dict[str, Any]:
    parameters, first, second = state["parameters"], state["first"], state["second"]
    rate, tree, count = work.learning_rate, jax.tree.map, state["count"] + 1
    if work.optimizer == "sgd":
        parameters = tree(lambda p, g: p - rate * g, parameters, gradient)
    elif work.optimizer == "momentum":
        first = tree(lambda v, g: work.momentum * v + g, first, gradient)
        parameters = tree(lambda p, v: p - rate * v, parameters, first)
    else:
        first = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
        second = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradient)
        factor, unbias = rate / (1 - BETA1**count), 1 / (1 - BETA2**count)
        parameters = tree(lambda p, m, v: p - factor * m / (jnp.sqrt(unbias * v) + TINY), parameters, first, second)
    return {"parameters": parameters, "first": first, "second": second, "count": count}


def predictors(work: Work, examples: Examples, images: int) -> list[Predictor]:
    """Compiled, on arrays that are on the device already."""
    layers, state = work.layers, _beginning(work.layers)
    parts = [jnp.asarray(part) for part in _parts(channels_last.images(examples.test_rows[:images], layers))]
    answer = jax.jit(lambda p, s, x: jax.nn.softmax(_logits(layers, p, s, x, training=False)[0]))

    def predict() -> Any:
        return np.concatenate([answer(state["parameters"], state["statistics"], part) for part in parts])

    return [Predictor("JAX", "jit", predict)]


def product_rate(a: Any, b: Any) -> Any:
    """A function that multiplies two matrices."""
    a, b, multiply = jnp.asarray(a), jnp.asarray(b), jax.jit(jnp.matmul)
    return lambda: multiply(a, b).block_until_ready()
