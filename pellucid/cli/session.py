"""A session of a training, from its first line to its result: what `pellucid train` does once all is decided."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.callbacks import History
from pellucid.cli import report
from pellucid.cli.interruption import Interruption
from pellucid.cli.output import TrainingProgress, duration, emit, say
from pellucid.data import Dataset
from pellucid.data.augment import parse
from pellucid.diagnosis.breakdown import BreakdownError
from pellucid.engine import devices
from pellucid.glass import curves
from pellucid.machine import blas_threads, cores
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.run import Run
from pellucid.run_folder import REPORT, RunFolder
from pellucid.snapshot import Snapshot
from pellucid.training import fit

THREADS = {"native": cores, "reference": blas_threads, "torch": devices.threads}  # that each engine takes by itself


@contextmanager
def resumable(run: RunFolder) -> Iterator[None]:
    """Say how to go on where the run is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if run.begun:
            say(f"To go on: pellucid train --resume {shlex.quote(str(run.folder))}")
        raise


def announce(run: RunFolder, network: Network, train: Dataset, test: Dataset) -> None:
    """Say what is trained, and on what."""
    recipe, setup = run.recipe, run.setup
    title = "network" if recipe.name == network.architecture else recipe.name
    count = f" in each of {setup.members} members" if setup.members > 1 else ""
    place = f" on {setup.device}" if setup.engine == "torch" else ""
    say(f"{title}: {network.architecture}, {network.theta.size:,} parameters{count}, engine {setup.engine}{place}")
    train = train.subset(slice(recipe.limit)) if recipe.limit else train
    say(f"{train.description}; {len(test):,} to test")
    if augmentation := parse(recipe.augment):
        say(f"In each epoch the training images are {augmentation.words()}.")


def standing(run: Run, network: Network) -> Snapshot | None:
    """Where the run that was begun stands, which is said; None at its beginning."""
    snapshot = run.snapshot()
    if snapshot is None:
        say(f"{run.folder} has no checkpoint yet: it starts from its recipe.")
    else:
        over = snapshot.epoch > run.recipe.epochs or snapshot.stopped
        where = "with its test" if over else f"in epoch {snapshot.epoch} of {run.recipe.epochs}"
        say(f"{run.folder} goes on {where}, after {snapshot.step:,} steps.")
        run.recall(snapshot, network)
    return snapshot


def train_and_test(
    run: Run, network: Network, train: Dataset, test: Dataset, snapshot: Snapshot | None, who: str = ""
) -> tuple[dict[str, Any], History]:
    """Train by the run's recipe, test, and leave the results in its folder; `who` begins the lines of progress."""
    recipe, setup = run.recipe, run.setup
    train = train.subset(slice(recipe.limit)) if recipe.limit else train
    try:
        with TrainingProgress(who) as progress, Interruption() as run.stop:
            history = fit(
                network,
                train,
                **recipe.fit_options(),
                engine=setup.engine,
                device=setup.device,
                threads=setup.threads,
                callbacks=[progress, run.recorder, run],
                resume=snapshot,
            )
        evaluation = network.evaluate(test)
    except BreakdownError as error:
        if run.begun and error.snapshot:
            run.keep(error.snapshot)
            run.save()
            error.add(
                f"The model of that moment is {run.path} (pellucid test {shlex.quote(str(run.folder))}), beside its "
                "checkpoint. Resumed, the run would break again: begin a new one, with the remedy."
            )
        raise
    seconds = sum(history.history["seconds"])
    result = {
        "recipe": recipe.name,
        "parameters": network.theta.size,
        "epochs": len(history.history["loss"]),
        "stopped": history.stopped or None,
        "target_reached": _reached(recipe.target_accuracy, history.history["validation_accuracy"]),
        "train_seconds": seconds,
        "images_per_second": history.seen / seconds,
        **circumstances(run, evaluation, test),
        "notices": [asdict(notice) for notice in history.notices],
    }
    run.finish(history, result)
    run.write(REPORT, report.written(run, result, history.history, network, test, evaluation))
    return result, history


def circumstances(run: RunFolder, evaluation: Evaluation, test: Dataset) -> dict[str, Any]:
    """How a model did in its test, and where it was trained, for the result."""
    setup = run.setup
    return {
        "test_accuracy": evaluation.accuracy,
        "test_loss": evaluation.loss,
        "dataset": test.name,
        "source": test.source,
        "verified": test.verified,
        "engine": setup.engine,
        "device": setup.device,
        "threads": setup.threads or THREADS[setup.engine](),
        "seed": run.recipe.seed,
        "run": str(run.folder),
    }


def show(result: dict[str, Any], history: dict[str, list[float]] | None, json: bool) -> int:
    """Print the result, for people or as JSON; 1 if it was to reach an accuracy and did not."""
    missed = result.get("target_reached") is False
    if missed:
        say("The target accuracy was never reached on the validation images.")
    stopped = f"after {result['epochs']} epochs, {result['stopped']}" if result.get("stopped") else ""
    if stopped:
        (say if json else print)(stopped)
    if json:
        emit(result)
        return int(missed)
    print(f"test accuracy {result['test_accuracy']:.2%}, test loss {result['test_loss']:.4f}")
    if history:
        print(*curves.words(history), sep="\n")
        print(f"loss by epoch {curves.blocks(history['loss'])}")
    print_training(result)
    print(f"run folder {result['run']}, its report {Path(result['run'], REPORT)}")
    return int(missed)


def print_training(result: dict[str, Any]) -> None:
    """What was noticed in the training, and how long it took."""
    if notices := result.get("notices"):
        kinds = dict.fromkeys(notice["kind"] for notice in notices)
        print(f"noticed while it trained (see above, and result.json): {', '.join(kinds)}")
    speed = f"{result['images_per_second']:,.0f} images/s, {result['threads']} threads"
    print(f"{duration(result['train_seconds'])} of training, {speed}")


def _reached(target: float, accuracies: list[float]) -> bool | None:
    """Whether the training ended because it reached the target; None if there was none."""
    return accuracies[-1] >= target if target else None
