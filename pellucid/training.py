"""Training: `fit` checks what it is given, makes an engine, and lets the loop run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks import History, asked
from pellucid.callbacks.audience import Audience
from pellucid.checks import check_number, check_whole
from pellucid.data.dataset import Dataset
from pellucid.data.normalization import Normalization, normalization
from pellucid.descent import Descent
from pellucid.diagnosis.breakdown import Guard
from pellucid.diagnosis.watch import Watch
from pellucid.engine.engines import ENGINES, select
from pellucid.loop import Training
from pellucid.machine import limited
from pellucid.names import assignments
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
from pellucid.preparation import prepare, settings
from pellucid.resuming import restore
from pellucid.schedules import Schedule
from pellucid.snapshot import Snapshot

MOST_THREADS = 1024


def fit(
    network: Network,
    data: Dataset | NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    optimizer: Optimizer | None = None,
    schedule: str = "constant",
    loss: str | None = None,
    label_smoothing: float = 0.0,
    class_weights: str | Mapping[str, float] = "",
    sample_weights: NDArray[Any] | None = None,
    normalize: str | None = None,
    augment: str | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    max_norm: float | None = None,
    layer_rates: str | Mapping[str, float] = "",
    validation: float | Dataset = 0.0,
    average: str = "",
    early_stopping: int = 0,
    target_accuracy: float = 0.0,
    time_limit: float = 0.0,
    engine: str = "auto",
    device: str = "cpu",
    threads: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Any] = (),
    diagnosis: bool = True,
    resume: Snapshot | None = None,
) -> History:
    """Train a network by gradient descent; its theta changes in place.

    Args:
        network: what is trained.
        data: a Dataset, or images (N, ...) with `labels`.
        labels: (N,) class numbers, or (N, outputs) targets. Rows for binary_cross_entropy are answers to as many
            questions, as of examples of several classes; an example counts as right when all its answers are.
        epochs: passes over the training data.
        batch_size: examples a step; 1 is single examples, N or more is the full batch.
        optimizer: SGD(0.1) by default.
        schedule: of the learning rate, in words: "cosine", "step,every=5,factor=0.5,warm_up=1".
        loss: by name; the network's own by default.
        label_smoothing: share of each target that is spread evenly over all answers.
        class_weights: "balanced", or numbers by class: {"5": 2.0} or "5=2"; other classes weigh 1.
        sample_weights: (N,), of the examples. Losses are averaged over a batch as Σ w·loss / Σ w.
        normalize: unit, symmetric or standard, for uint8 images; the network's own by default.
        augment: distortions of the training images, "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1" or some of
            these words; each image has its own in each epoch.
        l1: adds the penalty l1 · Σ|w| over all weights; biases and normalizations are spared.
        l2: adds ½ l2 · Σ w² over the same.
        clip_value: the largest number in a gradient.
        clip_norm: shorten each step's gradient to this norm where it is longer.
        max_norm: shorten the weights into each unit to this norm where they are longer.
        layer_rates: factors of the learning rate by layer: {"dense1": 0.1} or "dense1=0.1"; 0 freezes a layer.
        validation: a fraction of the training data to hold out (stratified), or a Dataset.
        average: the weights to leave in place of the last ones, "ema,decay=0.999" or "last,epochs=5": see
            `WeightAveraging`. They are what is validated.
        early_stopping: stop after so many epochs without a lower validation loss, and leave the best weights; 0: off.
        target_accuracy: stop when the validation accuracy reaches it; 0: off.
        time_limit: stop after so many seconds of training; 0: off.
        engine: native (kernels in C), reference (the layers' formulas), torch (the same on PyTorch's tensors), or auto:
            native where it can.
        device: of the engine torch: cpu, cuda, cuda:1.
        threads: by default as many as there are cores to use.
        seed: of the shuffling, the held-out part, the distortions and what layers draw (dropout, noise).
        callbacks: are told of steps, chunks and epochs: `Callback`s, or other objects with Keras's hooks.
        diagnosis: whether to look now and then for what goes wrong, and to warn of it.
        resume: go on from this snapshot, with the bits of a training never stopped; `epochs` counts from its start.

    Validation and `network.evaluate` take every example as it is, without weights and smoothing.

    Raises:
        UsageError: an argument out of range, a device that is not there, or a snapshot of another training.
        ShapeError, DataError: examples that do not fit the network.
        BreakdownError: a NumericError, where a number became NaN or infinite; the network has its last good weights.
    """
    for name, value, least in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        check_whole(name, value, least)
    check_whole("threads", 1 if threads is None else threads, most=MOST_THREADS)
    check_number("label_smoothing", label_smoothing, below=1)
    rates = assignments(layer_rates) if isinstance(layer_rates, str) else layer_rates
    descent = Descent(optimizer or SGD(), l1, l2, clip_value or 0.0, clip_norm or 0.0, max_norm or 0.0, rates)
    descent.check(network.layers)
    factors = Schedule(schedule)
    wishes = (average, early_stopping, target_accuracy, time_limit)
    watch = Watch()
    audience = Audience([*([watch] if diagnosis else []), *asked.asked_for(*wishes), *callbacks])
    examples = prepare(
        network, data, labels, validation, seed, augment, loss, label_smoothing, sample_weights, class_weights
    )
    if not examples.held_out:
        audience.check_validated()
        factors.check_validated()
    measure, weights = examples.loss_of_labels, examples.weights
    engine, _ = select(engine, network.layers, network.dtype, measure, descent, device)
    terms = settings(network, examples, descent, factors, epochs, batch_size, seed, label_smoothing)
    terms |= asked.settings(*wishes)
    if resume:
        resume.fits(terms, network.theta, network.state, descent.optimizer.moments)
        network.normalization = Normalization(**resume.normalization)
        network.theta[...], network.state[...] = resume.theta, resume.state
    elif normalize:
        network.normalization = normalization(normalize, examples.images)
    network.loss = examples.loss  # nothing of the network has changed before all was found right
    runner = ENGINES[engine](
        network.workspace(gradient=np.zeros_like(network.theta)), measure, descent, examples.images, examples.targets,
        network.normalization, int(batch_size), int(seed), threads, weights,
        **({"device": device} if engine == "torch" else {}),
    )  # fmt: skip
    guard = Guard(runner, network, watch)
    with limited(1 if engine == "native" else threads):  # two pools of threads would get in each other's way
        training = Training(
            runner, network, int(epochs), factors, terms, audience, guard, examples.held_out, examples.draw
        )
        training.history.notices = watch.notices
        if resume:
            restore(training, resume)
        return training.run()
