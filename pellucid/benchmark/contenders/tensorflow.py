"""TensorFlow: Keras's fit, and an epoch of plain steps in one graph; with and without XLA."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its news of the machine

from pellucid.benchmark.contenders import Contender, Examples, Predictor, channels_last
from pellucid.benchmark.work import Work, order
from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import EPSILON, MOMENTUM, BatchNormalization, LayerNormalization
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten

tf: Any = importlib.import_module("tensorflow")
keras: Any = importlib.import_module("keras")

AT_ONCE = 256  # images that are predicted together


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """Images with channels last, in memory."""
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    return [_contender(work, examples, style) for style in EPOCHS]


def _model(work: Work) -> Any:
    layers = [made for layer in work.layers for made in _layers(layer)]
    model = keras.Sequential(
        [keras.Input(channels_last.images(np.zeros((1, 784), np.float32), work.layers).shape[1:]), *layers]
    )
    model.set_weights(_weights(work))
    return model


def _weights(work: Work) -> list[Any]:
    """In Keras's order: the running mean and variance stand behind a normalization's gain and bias."""
    weights: list[Any] = []
    for layer, own in zip(work.layers, channels_last.parameters(work.layers), strict=True):
        weights += own
        if isinstance(layer, BatchNormalization):
            weights += [np.zeros_like(own[0]), np.ones_like(own[0])]
    return weights


def _layers(layer: Layer) -> list[Any]:
    made = keras.layers
    if isinstance(layer, Convolution):
        zeros = [made.ZeroPadding2D(layer.padding)] if layer.padding else []
        return [*zeros, made.Conv2D(layer.maps, layer.side, layer.stride)]
    if isinstance(layer, Dense):
        return [made.Dense(len(layer.W))]
    if isinstance(layer, MaxPooling):
        return [made.MaxPooling2D(layer.side, layer.stride)]
    if isinstance(layer, BatchNormalization):
        return [made.BatchNormalization(momentum=1 - MOMENTUM, epsilon=EPSILON)]
    if isinstance(layer, LayerNormalization):
        return [made.LayerNormalization(epsilon=EPSILON)]
    return [made.Flatten() if isinstance(layer, Flatten) else made.ReLU()]


def _contender(work: Work, examples: Examples, style: str) -> Contender:
    images = channels_last.images(examples.rows, work.layers)
    model = _model(work)
    optimizer = keras.optimizers.SGD(work.learning_rate, momentum=work.momentum)
    if work.optimizer == "adam":
        optimizer = keras.optimizers.Adam(work.learning_rate, epsilon=1e-8)

    parts = _parts(channels_last.images(examples.test_rows, work.layers))
    classify = tf.function(lambda x: tf.argmax(model(x, training=False), axis=1), reduce_retracing=True)

    def accuracy() -> float:
        classes = np.concatenate([classify(part).numpy() for part in parts])
        return float((classes == examples.test_labels).mean())

    return Contender("TensorFlow", style, EPOCHS[style](work, model, optimizer, images, examples.labels), accuracy)


def _fit(work: Work, model: Any, optimizer: Any, images: Any, labels: Any) -> Callable[[int], None]:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=work.dense)

    def epoch(number: int) -> None:
        taken = order(number, len(labels))
        model.fit(images[taken], labels[taken], batch_size=work.batch_size, shuffle=False, verbose=0)

    return epoch


def _graph(work: Work, model: Any, optimizer: Any, images: Any, labels: Any) -> Callable[[int], None]:
    images, labels = tf.constant(images), tf.constant(labels)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def run(taken: Any) -> None:
        for start in tf.range(0, len(labels), work.batch_size):
            batch = taken[start : start + work.batch_size]
            x, y = tf.gather(images, batch), tf.gather(labels, batch)
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, model.trainable_variables))

    def epoch(number: int) -> None:
        run(tf.constant(order(number, len(labels))))

    return epoch


EPOCHS = {"fit": _fit, "tf.function": _graph}


def _parts(images: Any) -> list[Any]:
    return [tf.constant(images[start : start + AT_ONCE]) for start in range(0, len(images), AT_ONCE)]


def predictors(work: Work, examples: Examples, images: int) -> list[Predictor]:
    """A tf.function, on tensors."""
    model = _model(work)
    parts = _parts(channels_last.images(examples.test_rows[:images], work.layers))
    function = tf.function(lambda x: tf.nn.softmax(model(x, training=False)), reduce_retracing=True)
    return [Predictor("TensorFlow", "tf.function", lambda: np.concatenate([function(part).numpy() for part in parts]))]


def product_rate(a: Any, b: Any) -> Any:
    """A function that multiplies two matrices."""
    a, b = tf.constant(a), tf.constant(b)
    return lambda: tf.linalg.matmul(a, b).numpy()
