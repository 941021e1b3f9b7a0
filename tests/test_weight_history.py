"""The way of a training: which weights every run keeps for the figures, and that nothing else notices."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pellucid as pl
from pellucid.callbacks import weight_history
from pellucid.callbacks.weight_history import FILE as WEIGHTS
from pellucid.callbacks.weight_history import MOST, WeightHistory, WeightRecorder

Command = Any
SMALL = "784-6-10"
RECIPE = [SMALL, "--batch-size", 32, "--epochs", 3, "--optimizer", "adam"]  # 19 steps each


def fitted(digits: Any, steps: int, architecture: str = SMALL, **options: Any) -> tuple[pl.Network, WeightRecorder]:
    network, recorder = pl.Network(architecture, seed=3), WeightRecorder()
    train = digits[0].subset(slice(10 * steps))
    pl.fit(network, train, epochs=1, batch_size=10, callbacks=[recorder], **options)
    return network, recorder


def now(recorder: WeightRecorder, network: pl.Network, step: int) -> WeightHistory:
    history = recorder.history(step, network.theta, network.state)
    assert history is not None
    return history


@pytest.mark.parametrize("steps", [1, 2, 28, 29, 30, 57, 58, 60])
def test_moments_are_evenly_spread_from_the_first_step_to_the_last(digits: Any, steps: int) -> None:
    network, recorder = fitted(digits, steps)
    history = now(recorder, network, steps)
    assert history.steps[0] == 0
    assert history.steps[-1] == steps
    assert set(np.diff(history.steps[:-1])) <= {history.spacing}
    assert 0 < history.steps[-1] - history.steps[-2] <= history.spacing
    assert min(steps + 1, MOST // 2) <= len(history) <= MOST
    assert np.array_equal(history.theta[0], pl.Network(SMALL, seed=3).theta)
    assert np.array_equal(history.theta[-1], network.theta)


def test_keeping_them_changes_no_bit_of_the_training(digits: Any) -> None:
    watched, _ = fitted(digits, 50)
    alone = pl.Network(SMALL, seed=3)
    pl.fit(alone, digits[0].subset(slice(500)), epochs=1, batch_size=10)
    assert watched.theta.tobytes() == alone.theta.tobytes()


def test_each_moment_is_the_one_that_a_shorter_training_ends_with(digits: Any) -> None:
    network, recorder = fitted(digits, 40)
    history = now(recorder, network, 40)
    for step, theta in list(zip(history.steps, history.theta, strict=True))[1::5]:
        other = pl.Network(SMALL, seed=3)
        stop = StopAfter(int(step))
        pl.fit(other, digits[0].subset(slice(400)), epochs=1, batch_size=10, callbacks=[stop])
        assert np.array_equal(theta, other.theta)


class StopAfter(pl.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, batch: int, logs: pl.callbacks.Progress) -> None:
        self.model.stop_training = logs.step >= self.step


def test_running_statistics_are_kept_too(digits: Any) -> None:
    network, recorder = fitted(digits, 20, "784-6-BN-10")
    history = now(recorder, network, 20)
    assert history.state.shape == (len(history), 12)
    assert np.array_equal(history.state[-1], network.state)
    assert np.array_equal(history.state[0], pl.Network("784-6-BN-10").state)


@pytest.mark.parametrize(("moments", "most"), [(8, 8), (3, 3), (2, 2)])
def test_a_large_network_has_fewer_but_always_the_first_and_the_last(
    digits: Any, monkeypatch: pytest.MonkeyPatch, moments: int, most: int
) -> None:
    monkeypatch.setattr(weight_history, "BYTES", moments * pl.Network(SMALL).theta.nbytes + 5)
    network, recorder = fitted(digits, 55)
    history = now(recorder, network, 55)
    assert 2 <= len(history) <= most
    assert (history.steps[0], history.steps[-1]) == (0, 55)
    assert history.theta.nbytes <= weight_history.BYTES


def test_of_too_large_a_network_nothing_is_kept(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_history, "BYTES", 1000)
    network, recorder = fitted(digits, 5)
    assert recorder.history(5, network.theta, network.state) is None


# In a run folder


def test_every_run_leaves_them_and_they_are_those_of_its_model(pellucid: Command, digits_folder: Path) -> None:
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "run").code == 0
    network = pl.load("run")
    assert isinstance(network, pl.Network)
    history = WeightHistory.read(Path("run") / WEIGHTS, network)
    assert history.begins
    assert np.array_equal(history.theta[-1], network.theta)
    assert history.epochs[-1] == 3


@pytest.mark.parametrize("asked", [1, 18, 19, 40])
def test_an_interrupted_run_ends_with_those_of_one_never_stopped(
    pellucid: Command, digits_folder: Path, interrupt: Any, asked: int
) -> None:
    options = ["--data", digits_folder, "--checkpoint-every", 7]
    assert pellucid("train", *RECIPE, *options, "--out", "whole").code == 0
    interrupt(asked)
    assert pellucid("train", *RECIPE, *options, "--out", "cut").code == 130
    interrupt(None)
    result = pellucid("train", "--resume", "cut")
    assert result.code == 0
    assert "history" not in result.err
    assert Path("cut", WEIGHTS).read_bytes() == Path("whole", WEIGHTS).read_bytes()


@pytest.mark.parametrize("damage", ["missing", "damaged", "of another network"])
def test_what_a_resumed_run_cannot_know_it_leaves_out_and_says(
    pellucid: Command, digits_folder: Path, interrupt: Any, damage: str
) -> None:
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "whole").code == 0
    interrupt(25)
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "cut").code == 130
    interrupt(None)
    file = Path("cut", WEIGHTS)
    if damage == "missing":
        file.unlink()
    elif damage == "damaged":
        file.write_bytes(file.read_bytes()[:-3])
    else:
        assert pellucid("train", "784-7-10", "--epochs", 1, "--data", digits_folder, "--out", "other").code == 0
        shutil.copy(Path("other", WEIGHTS), file)
    result = pellucid("train", "--resume", "cut")
    assert result.code == 0
    assert "The history of the weights begins with step" in result.err
    network = pl.load("cut")
    assert isinstance(network, pl.Network)
    assert network.theta.tobytes() == pl.load("whole").theta.tobytes()
    history = WeightHistory.read(file, network)
    assert not history.begins
    assert history.steps[-1] == 57


@pytest.mark.parametrize("change", ["steps", "theta", "extra", "seal"])
def test_a_file_that_is_none_is_refused(pellucid: Command, digits_folder: Path, change: str) -> None:
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "run").code == 0
    network, path = pl.load("run"), Path("run") / WEIGHTS
    assert isinstance(network, pl.Network)
    tensors = load_file(path)
    if change == "steps":
        tensors["steps"] = tensors["steps"][::-1].copy()
    elif change == "theta":
        tensors["theta"] = tensors["theta"][:, :-1].copy()
    elif change == "extra":
        tensors["more"] = tensors["steps"]
    if change == "seal":
        save_file(tensors, path)
    else:
        from pellucid.files.sealed import write_sealed

        about = {"spacing": 2, "epoch_steps": 19, "architecture": network.architecture}
        write_sealed(path, tensors, about, weight_history.VERSION)
    with pytest.raises(pl.ModelFileError, match="weight history"):
        WeightHistory.read(path, network)
