"""JAX: an epoch is one compiled scan over its batches; the short last batch is a second one."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work

jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """As many threads as the process may use cores: JAX has no setting for them."""
    images, labels = jnp.asarray(examples.rows), jnp.asarray(examples.labels)
    parameters = _parameters(work)
    first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    state = (parameters, first, second, jnp.zeros(()))

    def step(state: Any, batch: Any) -> Any:
        gradient = jax.grad(_loss)(state[0], images[batch], labels[batch])
        return _update(work, state, gradient), None

    run = jax.jit(lambda state, order: jax.lax.scan(step, state, order)[0], donate_argnums=0)
    classify = jax.jit(lambda parameters, x: _logits(parameters, x).argmax(axis=1))
    whole = len(examples.labels) // work.batch_size * work.batch_size

    def epoch(number: int) -> None:
        nonlocal state
        order = np.random.default_rng(number).permutation(len(examples.labels))
        state = run(state, order[:whole].reshape(-1, work.batch_size))
        if whole < len(order):
            state = run(state, order[whole:].reshape(1, -1))
        jax.block_until_ready(state)

    def accuracy() -> float:
        return float((np.asarray(classify(state[0], examples.test_rows)) == examples.test_labels).mean())

    return [Contender("JAX", "jit and scan", epoch, accuracy)]


def _parameters(work: Work) -> Any:
    rng = np.random.default_rng(0)
    return [
        (jnp.asarray(rng.normal(0, (2 / inputs) ** 0.5, (inputs, outputs)), jnp.float32), jnp.zeros(outputs))
        for inputs, outputs in pairwise(work.widths)
    ]


def _logits(parameters: Any, x: Any) -> Any:
    for w, b in parameters[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = parameters[-1]
    return x @ w + b


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(_logits(parameters, x)), y[:, None], axis=1))


def _update(work: Work, state: Any, gradient: Any) -> Any:
    parameters, first, second, count = state
    rate, tree = work.learning_rate, jax.tree.map
    if work.optimizer == "sgd":
        return tree(lambda p, g: p - rate * g, parameters, gradient), first, second, count
    if work.optimizer == "momentum":
        first = tree(lambda v, g: work.momentum * v + g, first, gradient)
        return tree(lambda p, v: p - rate * v, parameters, first), first, second, count
    count = count + 1
    first = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
    second = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradient)
    factor, unbias = rate / (1 - BETA1**count), 1 / (1 - BETA2**count)
    moved = tree(lambda p, m, v: p - factor * m / (jnp.sqrt(unbias * v) + EPSILON), parameters, first, second)
    return moved, first, second, count


def predictors(work: Work, examples: Examples) -> list[Predictor]:
    """Compiled, on an array that is on the device already."""
    parameters, image = _parameters(work), jnp.asarray(examples.test_rows[:1])
    predict = jax.jit(lambda parameters, x: jax.nn.softmax(_logits(parameters, x)))
    return [Predictor("JAX", "jit", lambda: predict(parameters, image).block_until_ready())]


def product_rate(a: Any, b: Any) -> Any:
    """A function that multiplies two matrices."""
    a, b, multiply = jnp.asarray(a), jnp.asarray(b), jax.jit(jnp.matmul)
    return lambda: multiply(a, b).block_until_ready()
