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
    workspace, engine, stopped = training.engine.workspace, training.engine, training.network.stop_training
    return Snapshot(
        theta=np.array(workspace.theta),
        state=np.array(workspace.state),
        moments=[np.array(moment) for moment in engine.moments],
        losses=training.losses[: training.position].copy(),
        correct=training.correct[: training.position].copy(),
        step=engine.step,
        epoch=training.epoch,
        position=training.position,
        seconds=training.seconds,
        history={key: list(values) for key, values in training.history.history.items()},
        callbacks=training.audience.states(),
        facts=dict(training.facts),
        settings=dict(training.settings),
        normalization=dict(vars(training.network.normalization)),
        stopped=training.reason if stopped else "",
    )


def restore(training: Training, snapshot: Snapshot) -> None:
    """Stand where the snapshot was taken; theta and state are there already.

    Raises:
        ModelFileError: what a callback is to remember is not what it remembers.
    """
    training.engine.restore(snapshot.moments, snapshot.step)
    training.history.history = {key: list(values) for key, values in snapshot.history.items()}
    training.start_epoch(snapshot.epoch)
    training.position, training.seconds = snapshot.position, snapshot.seconds
    training.losses[: snapshot.position] = snapshot.losses
    training.correct[: snapshot.position] = snapshot.correct
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
