"""Snapshots of a training under way: how one is taken, and how a training comes to stand where one was taken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from pellucid.snapshot import Snapshot

if TYPE_CHECKING:
    from pellucid.loop import Training

log = logging.getLogger("pellucid")


def take(training: Training) -> Snapshot:
    """All of it, copied, so that the training may go on."""
    engine, epoch = training.engine, training.epoch
    return Snapshot(
        theta=np.array(engine.workspace.theta),
        state=np.array(engine.workspace.state),
        moments=[np.array(moment) for moment in engine.moments],
        losses=epoch.losses[: epoch.position].copy(),
        correct=epoch.correct[: epoch.position].copy(),
        step=engine.step,
        epoch=epoch.number,
        position=epoch.position,
        seconds=epoch.seconds,
        history={key: list(values) for key, values in training.history.history.items()},
        callbacks=training.audience.states(),
        facts=dict(training.facts),
        settings=dict(training.settings),
        normalization=dict(vars(training.network.normalization)),
        stopped=training.reason,
    )


def restore(training: Training, snapshot: Snapshot) -> None:
    """Stand where the snapshot was taken; theta and state are there already.

    Raises:
        ModelFileError: what a callback is to remember is not what it remembers.
    """
    training.engine.restore(snapshot.moments, snapshot.step)
    training.history.history = {key: list(values) for key, values in snapshot.history.items()}
    epoch = training.epoch = training.start(snapshot.epoch)
    epoch.position, epoch.seconds = snapshot.position, snapshot.seconds
    epoch.losses[: epoch.position], epoch.correct[: epoch.position] = snapshot.losses, snapshot.correct
    training.network.stop_training = snapshot.stopped or False
    training.audience.restore(snapshot.callbacks)
    changes = [
        f"{name} was {snapshot.facts.get(name)} and is {value}"
        for name, value in training.facts.items()
        if snapshot.facts.get(name) != value
    ]
    if changes:
        log.warning("The weights will agree only within tolerance with those of a run never stopped: "
                    "%s.", ", ".join(changes))  # fmt: skip
