"""Training: epochs of shuffled batches, watched by callbacks, remembered in a history."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.normalization import normalization
from pellucid.engine.reference import ReferenceEngine
from pellucid.errors import NumericError, UsageError
from pellucid.losses import make_loss
from pellucid.names import choose
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
from pellucid.randomness import generator

MOST_THREADS = 1024
CHUNK_SECONDS = 0.1  # callbacks hear of the training about this often
ENGINES = {"auto": ReferenceEngine, "reference": ReferenceEngine}


@dataclass
class Progress:
    """How far the training is; what callbacks are told, a new one each time.

    `loss` and `accuracy` are means over the epoch so far, each batch measured before its update.
    """

    network: Network
    epochs: int
    examples: int  # of an epoch
    epoch: int = 0  # 1, 2, ...
    done: int = 0  # examples of this epoch
    loss: float = 0.0
    accuracy: float = 0.0
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    seconds: float = 0.0  # of training in this epoch
    total_seconds: float = 0.0  # of training in all epochs

    @property
    def images_per_second(self) -> float:
        """The speed of this epoch's training."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """The time that the rest will take at the speed so far."""
        done = (self.epoch - 1) * self.examples + self.done
        return self.total_seconds * (self.epochs * self.examples - done) / max(done, 1)


class Callback:
    """Watches a training; watching never changes it. Override what is of interest."""

    def begin(self, progress: Progress) -> None:
        """Called once, when all arguments are found right and before the first step."""

    def chunk(self, progress: Progress) -> None:
        """Called after some steps, about ten times a second."""

    def epoch(self, progress: Progress) -> None:
        """Called after each epoch, when its validation is known."""


@dataclass
class History:
    """What each epoch brought: `history.history["loss"]` is a list with one number for each epoch.

    Keys: loss, accuracy, validation_loss, validation_accuracy (empty without validation), seconds.
    `examples` is how many each epoch trained on.
    """

    examples: int = 0
    history: dict[str, list[float]] = field(
        default_factory=lambda: {
            key: [] for key in ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
        }
    )

    def add(self, progress: Progress) -> None:
        """Remember an epoch."""
        for key, values in self.history.items():
            value = getattr(progress, key)
            if value is not None:
                values.append(value)


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
    clip_norm: float | None = None,
    validation: float | Dataset = 0.0,
    engine: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
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
        clip_norm: shorten each step's gradient to this norm where it is longer.
        validation: a fraction of the training data to hold out (stratified), or a Dataset.
        engine: auto or reference.
        threads: of NumPy's matrix products; by default as many as it takes by itself.
        seed: of the shuffling, the held-out part and what layers draw (dropout, noise).
        callbacks: are told of each chunk and epoch.

    Raises:
        UsageError: an argument out of range.
        ShapeError, DataError: examples that do not fit the network.
        NumericError: the loss became NaN or infinite.
    """
    optimizer = SGD() if optimizer is None else optimizer
    _check_arguments(epochs, batch_size, seed, threads, optimizer, clip_norm)
    loss_with_link = make_loss(network.output, loss) if loss else network.loss
    make_engine = choose("engine", engine, ENGINES)
    train, held_out = _split(data, labels, validation, seed)
    images, targets = network.check_examples(*train, loss=loss_with_link)
    if held_out:
        network.check_examples(*held_out, loss=loss_with_link)
    if normalize:
        network.normalization = normalization(normalize, images)
    network.loss = loss_with_link  # nothing of the network has changed before all was found right
    runner = make_engine(
        network.workspace(gradient=np.zeros_like(network.theta)),
        network.loss,
        optimizer,
        images,
        targets,
        network.normalization,
        batch_size=int(batch_size),
        clip_norm=clip_norm,
        seed=int(seed),
    )
    history, progress = History(len(images)), Progress(network, int(epochs), len(images))
    for callback in callbacks:
        callback.begin(progress)
    with _limited(threads):
        for epoch in range(1, progress.epochs + 1):
            order = generator(seed, "shuffle", epoch).permutation(len(images))
            progress = replace(
                progress, epoch=epoch, done=0, seconds=0.0, validation_loss=None, validation_accuracy=None
            )
            progress = _train_epoch(runner, order, optimizer.learning_rate, progress, callbacks)
            if held_out:
                evaluation = network.evaluate(*held_out)
                progress.validation_loss, progress.validation_accuracy = evaluation.loss, evaluation.accuracy
            history.add(progress)
            for callback in callbacks:
                callback.epoch(progress)
    return history


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


def _limited(threads: int | None) -> contextlib.AbstractContextManager[Any]:
    """NumPy's matrix products held to so many threads."""
    if threads is None:
        return contextlib.nullcontext()
    import threadpoolctl  # imported here, and so elsewhere: `import pellucid` brings NumPy alone

    limits: contextlib.AbstractContextManager[Any] = threadpoolctl.threadpool_limits(threads)
    return limits


def _train_epoch(
    runner: ReferenceEngine,
    order: NDArray[np.int64],
    learning_rate: float,
    progress: Progress,
    callbacks: Iterable[Callback],
) -> Progress:
    """One pass over the examples in this order, in chunks of steps between which callbacks are told."""
    size, steps = runner.batch_size, -(-len(order) // runner.batch_size)
    counts = np.full(steps, size)
    counts[-1] = len(order) - size * (steps - 1)
    losses, correct = np.empty(steps), np.empty(steps, np.int64)
    step, chunk = 0, 1
    while step < steps:
        part = slice(step, min(step + chunk, steps))
        began = time.perf_counter()
        rates = np.full(part.stop - step, learning_rate)
        losses[part], correct[part] = runner.run(order[step * size : part.stop * size], rates)
        seconds = time.perf_counter() - began
        step = part.stop
        _check_finite("loss", losses[part], progress.epoch, step, learning_rate)
        done = int(counts[:step].sum())
        progress = replace(
            progress,
            done=done,
            loss=float(losses[:step] @ counts[:step]) / done,
            accuracy=int(correct[:step].sum()) / done,
            seconds=progress.seconds + seconds,
            total_seconds=progress.total_seconds + seconds,
        )
        for callback in callbacks:
            callback.chunk(progress)
        chunk = max(1, int(chunk * min(CHUNK_SECONDS / max(seconds, 1e-9), 10)))
    _check_finite("weights", runner.workspace.theta, progress.epoch, steps, learning_rate)
    return progress


def _check_finite(what: str, values: NDArray[Any], epoch: int, step: int, learning_rate: float) -> None:
    if not np.isfinite(values).all():
        raise NumericError(
            f"The {what} became NaN or infinite in epoch {epoch}, by step {step}, at learning rate "
            f"{learning_rate:g}: the weights have grown beyond all bounds. Try a tenth of that rate."
        )


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
