"""Training: `fit` checks what it is given, makes an engine, and lets the loop run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks import Callback, History, events
from pellucid.data.augment import Augmentation, parse
from pellucid.data.dataset import Dataset
from pellucid.data.normalization import Normalization, normalization
from pellucid.engine.engines import ENGINES, select
from pellucid.errors import UsageError
from pellucid.loop import Training
from pellucid.losses import Loss, make_loss
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
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
    loss: str | None = None,
    normalize: str | None = None,
    augment: str | None = None,
    clip_norm: float | None = None,
    validation: float | Dataset = 0.0,
    engine: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    resume: Snapshot | None = None,
) -> History:
    """Train a network by gradient descent; its theta changes in place.

    Args:
        network: what is trained.
        data: a Dataset, or images (N, ...) with `labels`.
        labels: (N,) class numbers, or (N, outputs) float targets.
        epochs: passes over the training data.
        batch_size: examples a step; 1 is single examples, N or more is the full batch.
        optimizer: SGD(0.1) by default.
        loss: by name; the network's own by default.
        normalize: unit, symmetric or standard, for uint8 images; the network's own by default.
        augment: distortions of the training images, "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1" or some of
            these words; each image has its own in each epoch.
        clip_norm: shorten each step's gradient to this norm where it is longer.
        validation: a fraction of the training data to hold out (stratified), or a Dataset.
        engine: native (kernels in C), reference (the layers' formulas), or auto: native where it can.
        threads: by default as many as there are cores to use.
        seed: of the shuffling, the held-out part, the distortions and what layers draw (dropout, noise).
        callbacks: are told of steps, chunks and epochs.
        resume: go on from this snapshot, with the bits of a training never stopped; `epochs` counts from its start.

    Raises:
        UsageError: an argument out of range, or a snapshot of another training.
        ShapeError, DataError: examples that do not fit the network.
        NumericError: the loss became NaN or infinite.
    """
    optimizer = SGD() if optimizer is None else optimizer
    _check_arguments(epochs, batch_size, seed, threads, optimizer, clip_norm)
    events(callbacks)
    loss_with_link = make_loss(network.output, loss) if loss else network.loss
    augmentation = parse(augment) if augment is not None else Augmentation()
    engine, _ = select(engine, network.layers, network.dtype, loss_with_link, optimizer, bool(augmentation))
    train, held_out = _split(data, labels, validation, seed)
    images, targets = network.check_examples(*train, loss=loss_with_link)
    if held_out:
        network.check_examples(*held_out, loss=loss_with_link)
    draw = partial(augmentation.draw, seed=int(seed), size=_size(images)) if augmentation else None
    settings = _settings(network, loss_with_link, optimizer, clip_norm, int(batch_size), int(seed), len(images))
    settings["augment"] = str(augmentation) or None  # None as in snapshots of before there was any
    if resume:
        resume.fits(settings, network.theta, network.state, optimizer.moments)
        network.normalization = Normalization(**resume.normalization)
        network.theta[...], network.state[...] = resume.theta, resume.state
    elif normalize:
        network.normalization = normalization(normalize, images)
    network.loss = loss_with_link  # nothing of the network has changed before all was found right
    runner = ENGINES[engine](
        network.workspace(gradient=np.zeros_like(network.theta)),
        network.loss,
        optimizer,
        images,
        targets,
        network.normalization,
        batch_size=int(batch_size),
        clip_norm=clip_norm,
        seed=int(seed),
        threads=threads,
    )
    training = Training(runner, network, int(epochs), optimizer.learning_rate, settings, callbacks, held_out, draw)
    with _limited(threads):
        if resume:
            training.restore(resume)
        training.run()
    return training.history


def _settings(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    clip_norm: float | None,
    batch_size: int,
    seed: int,
    examples: int,
) -> dict[str, Any]:
    """What a training can only go on with if it began with it, in values that JSON can say."""
    return {
        "architecture": network.architecture,
        "dtype": network.dtype.name,
        "output": network.output,
        "loss": loss.kind,
        "optimizer": repr(optimizer),
        "clip_norm": None if clip_norm is None else float(clip_norm),
        "batch_size": batch_size,
        "seed": seed,
        "examples": examples,
    }


def _check_arguments(
    epochs: int, batch_size: int, seed: int, threads: int | None, optimizer: Optimizer, clip_norm: float | None
) -> None:
    _check_whole("epochs", epochs)
    _check_whole("batch_size", batch_size)
    _check_whole("seed", seed, least=0)
    _check_whole("threads", 1 if threads is None else threads, most=MOST_THREADS)
    if clip_norm is not None and (not isinstance(clip_norm, Real) or not clip_norm > 0):
        raise UsageError(f"clip_norm is a number above 0, or None; {clip_norm!r} came.")
    if not isinstance(optimizer, Optimizer):
        raise UsageError(f"optimizer is an optimizer such as pl.SGD(0.1); {optimizer!r} came.")


def _check_whole(name: str, value: object, least: int = 1, most: float = inf) -> None:
    if not isinstance(value, Integral) or not least <= int(value) <= most:
        bounds = f"at least {least}" if most == inf else f"from {least} to {most}"
        raise UsageError(f"{name} is a whole number, {bounds}; {value!r} came.")


def _size(images: NDArray[Any]) -> tuple[int, int]:
    """Height and width of images that are to be distorted."""
    if images.ndim not in (3, 4):
        raise UsageError(
            "augment distorts images (N, height, width) or (N, height, width, channels); an array of shape "
            f"{images.shape} came. Give it the shape of the images; the network reads them alike."
        )
    return images.shape[1], images.shape[2]


def _limited(threads: int | None) -> contextlib.AbstractContextManager[Any]:
    """NumPy's matrix products held to so many threads."""
    if threads is None:
        return contextlib.nullcontext()
    import threadpoolctl  # imported here, and so elsewhere: `import pellucid` brings NumPy alone

    limits: contextlib.AbstractContextManager[Any] = threadpoolctl.threadpool_limits(threads)
    return limits


def _split(
    data: Dataset | NDArray[Any], labels: NDArray[Any] | None, validation: float | Dataset, seed: int
) -> tuple[tuple[Any, Any], tuple[Any, Any] | None]:
    """(images, labels) to train on, and to validate on if so wished."""
    if isinstance(validation, Dataset):
        return (data, labels), (validation, None)
    if not isinstance(validation, Real) or not 0 <= validation < 1:
        raise UsageError(f"validation is a fraction from 0 to below 1, or a Dataset; {validation!r} came.")
    if validation == 0:
        return (data, labels), None
    if isinstance(data, Dataset):
        train, held_out = data.split(validation, seed)
        return (train, None), (held_out, None)
    if labels is None or np.ndim(labels) != 1:
        raise UsageError("A validation fraction is drawn by class, so it needs labels of shape (N,).")
    train, held_out = Dataset(np.asarray(data), np.asarray(labels)).split(validation, seed)
    return (train.images, train.labels), (held_out.images, held_out.labels)
