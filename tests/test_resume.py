"""Resuming: a training that was cut anywhere ends where one never stopped ends, bit by bit."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.files.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from pellucid.snapshot import Snapshot

pytestmark = pytest.mark.usefixtures("each_engine")

OPTIMIZERS = {
    "sgd": pl.SGD(0.1),
    "momentum": pl.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": pl.Adam(0.01),
    "adamw": pl.AdamW(0.01),
}
RNG = np.random.default_rng(0)
X, LABELS = RNG.random((23, 5)), RNG.integers(0, 3, 23)


class Keeper(pl.Callback):
    """Keeps a snapshot of the step at which it stops the training, and of each epoch's end."""

    def __init__(self, stop: int = -1) -> None:
        self.stop, self.last, self.heard = stop, None, 0

    def on_train_begin(self, logs: Progress) -> None:
        self._keep(logs)

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        self._keep(logs)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self.heard += 1
        self.last = logs.snapshot()

    def _keep(self, logs: Progress) -> None:
        if logs.step == self.stop:
            self.last = logs.snapshot()
            raise KeyboardInterrupt

    def state(self) -> dict[str, Any]:
        return {"heard": self.heard}

    def restore(self, state: dict[str, Any]) -> None:
        self.heard = state["heard"]


def train(seed: int, *callbacks: pl.Callback, **options: Any) -> tuple[pl.Network, dict[str, list[float]]]:
    network = pl.Network("5-4-3", seed=seed)
    data = {"data": X, "labels": LABELS, "seed": 3, "epochs": 3, "batch_size": 4, "validation": 0.2}
    history = pl.fit(network, callbacks=callbacks, **{**data, **options}).history
    return network, {key: values for key, values in history.items() if key != "seconds"}


def stopped(step: int, **options: Any) -> Snapshot:
    """The snapshot of a training that was stopped after so many steps."""
    keeper = Keeper(step)
    with pytest.raises(KeyboardInterrupt):
        train(1, keeper, **options)
    assert keeper.last is not None
    return keeper.last


@settings(max_examples=80)
@given(
    st.integers(1, 30),
    st.integers(1, 4),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from(["float32", "float64"]),
    st.data(),
)
def test_resumed_is_the_same_as_never_stopped(
    tmp_path_factory: pytest.TempPathFactory,
    batch_size: int,
    epochs: int,
    optimizer: str,
    validation: float,
    dtype: str,
    data: st.DataObject,
) -> None:
    options = {"epochs": epochs, "batch_size": batch_size, "optimizer": OPTIMIZERS[optimizer], "validation": validation}
    images = X.astype(dtype)
    whole, cut, rest = Keeper(), Keeper(), Keeper()
    network, history = train(1, whole, data=images, **options)
    cut.stop = data.draw(st.integers(0, whole.last.step), label="stop")
    with pytest.raises(KeyboardInterrupt):
        train(1, cut, data=images, **options)
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder, *cut.last.parts())
    snapshot = Snapshot.of(*read_checkpoint(folder))
    resumed, same = train(2, rest, data=images, **options, resume=snapshot)  # other weights, which are overwritten
    assert resumed.theta.tobytes() == network.theta.tobytes()
    assert same == history
    assert rest.heard == whole.heard == epochs
    assert rest.last.step == whole.last.step
    assert [m.tobytes() for m in rest.last.moments] == [m.tobytes() for m in whole.last.moments]


def test_an_epochs_end_is_neither_lost_nor_doubled() -> None:
    network, history = train(1)
    for step in (5, 10):  # the last step of an epoch, before its validation
        snapshot = stopped(step)
        assert (snapshot.epoch, snapshot.position) == (step // 5, 5)
        assert train(2, resume=snapshot)[1] == history
    keeper = Keeper()
    train(1, keeper, epochs=2)
    assert (keeper.last.epoch, keeper.last.position, len(keeper.last.history["loss"])) == (3, 0, 2)
    resumed, same = train(2, resume=keeper.last)
    assert resumed.theta.tobytes() == network.theta.tobytes()
    assert same == history


def test_the_seconds_count_all_sessions() -> None:
    snapshot = replace(stopped(8), seconds=1000.0)
    network = pl.Network("5-4-3")
    history = pl.fit(network, X, LABELS, seed=3, epochs=3, batch_size=4, validation=0.2, resume=snapshot).history
    assert history["seconds"][1] > 1000


def test_a_snapshot_stays_as_it_was() -> None:
    taken: list[tuple[Snapshot, bytes]] = []

    class Taker(pl.Callback):
        def on_train_batch_end(self, batch: int, logs: Progress) -> None:
            snapshot = logs.snapshot()
            taken.append((snapshot, repr(snapshot).encode()))

    train(1, Taker(), optimizer=pl.Adam())
    assert len(taken) == 15
    assert all(repr(snapshot).encode() == before for snapshot, before in taken)


def test_two_callbacks_of_a_kind_keep_their_states_apart() -> None:
    one, two = Keeper(7), Keeper()
    one.heard = 10
    with pytest.raises(KeyboardInterrupt):
        train(1, one, two)
    states = {name: state for name, state in one.last.callbacks.items() if name != "Watch"}
    assert states == {"Keeper": {"heard": 11}, "Keeper 2": {"heard": 1}}
    again, other = Keeper(), Keeper()
    train(1, again, other, resume=one.last)
    assert (again.heard, other.heard) == (13, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 5}, "has batch_size 4, but 5 came"),
        ({"seed": 4}, "has seed 3, but 4 came"),
        ({"optimizer": pl.Adam()}, r"has optimizer 'SGD\(.*', but 'Adam\("),
        ({"clip_norm": 1.0}, "has clip_norm None, but 1.0 came"),
        ({"l1": 0.1}, "has l1 None, but 0.1 came"),
        ({"layer_rates": "dense1=0"}, r"has layer_rates None, but {'dense1': 0.0} came"),
        ({"schedule": "cosine"}, "has schedule None, but 'cosine' came"),
        ({"label_smoothing": 0.1}, "has label_smoothing None, but 0.1 came"),
        ({"class_weights": "1=2"}, "has weights None, but '"),
        ({"validation": 0.3}, "has examples 18, but 16 came"),
        ({"loss": "squared_error"}, "has loss 'cross_entropy'"),
    ],
)
def test_another_training_is_refused_and_the_network_left_alone(options: dict[str, Any], message: str) -> None:
    network = pl.Network("5-4-3", seed=9)
    before = network.theta.copy()
    arguments = {"seed": 3, "batch_size": 4, "validation": 0.2, **options}
    with pytest.raises(pl.UsageError, match=message):
        pl.fit(network, X, LABELS, resume=stopped(3), **arguments)
    assert np.array_equal(network.theta, before)
    with pytest.raises(pl.UsageError, match="has architecture '5-4-3', but '5-6-3' came"):
        pl.fit(pl.Network("5-6-3"), X, LABELS, resume=stopped(3), seed=3, batch_size=4, validation=0.2)


@pytest.mark.parametrize(
    "change",
    [
        {"theta": np.zeros(3, np.float32)},
        {"theta": np.zeros(39)},
        {"moments": [np.zeros(39, np.float32)]},
        {"step": 4},
        {"epoch": 3},
    ],
    ids=str,
)
def test_a_snapshot_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(pl.UsageError, match="contradicts itself"):
        train(1, resume=replace(stopped(3), **change))


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"epoch": 0},
        {"position": True},
        {"seconds": "long"},
        {"seconds": float("nan")},
        {"history": []},
        {"history": {"loss": [1.0]}},
        {"history": {key: [1.0] for key in ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")}},
        {"callbacks": {"Keeper": 7}},
        {"facts": None},
        {"settings": "all"},
        {"settings": {"examples": "all"}},
        {"normalization": {"kind": "banana", "scale": 1.0}},
        {"normalization": {"exec": 1}},
        {"more": 1},
        {"theta": None},
    ],
    ids=str,
)
def test_a_file_that_describes_no_training_is_refused(change: dict[str, Any]) -> None:
    tensors, about = stopped(3).parts()
    with pytest.raises(pl.ModelFileError, match="does not describe a training"):
        Snapshot.of(tensors, {**about, **change})
    del tensors["losses"]
    with pytest.raises(pl.ModelFileError, match="losses"):
        Snapshot.of(tensors, about)


def test_other_versions_or_threads_are_said(caplog: pytest.LogCaptureFixture) -> None:
    snapshot = stopped(3)
    with caplog.at_level(logging.WARNING):
        train(1, resume=snapshot)
        assert not caplog.records
        train(1, resume=replace(snapshot, facts={**snapshot.facts, "instruction set": "v9", "NumPy": "1.0"}))
    assert "only within tolerance" in caplog.text
    assert "instruction set was v9 and is " in caplog.text
    assert f"NumPy was 1.0 and is {np.__version__}" in caplog.text


def test_the_facts_are_values_that_json_can_say() -> None:
    import json

    facts = stopped(3).facts
    assert {"engine", "instruction set", "NumPy"} <= facts.keys()
    assert json.loads(json.dumps(facts)) == facts


# The files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two checkpoints, of steps 3 and 4."""
    for step in (3, 4):
        write_checkpoint(tmp_path, *stopped(step).parts())
    return tmp_path


def step_of(folder: Path) -> int:
    return Snapshot.of(*read_checkpoint(folder)).step


def test_the_previous_checkpoint_is_kept(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {LAST, PREVIOUS}
    assert step_of(folder) == 4
    (folder / LAST).unlink()  # as a kill between the two renames leaves it
    assert step_of(folder) == 3


def test_damage_at_any_place_leads_to_the_previous_one(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    last, previous = (folder / LAST).read_bytes(), (folder / PREVIOUS).read_bytes()
    flipped = (last[:n] + bytes([last[n] ^ 1 << n % 8]) + last[n + 1 :] for n in range(len(last)))
    cut = (last[:n] for n in range(0, len(last), 7))
    for content in (*flipped, *cut):
        (folder / LAST).write_bytes(content)
        (folder / PREVIOUS).write_bytes(previous)
        caplog.clear()
        assert step_of(folder) == 3
        assert str(folder / LAST) in caplog.text
        assert str(folder / PREVIOUS) in caplog.text
        assert (folder / LAST).read_bytes() == previous  # so that the next checkpoint does not push out the good one


def test_two_damaged_checkpoints_are_one_clear_error(folder: Path) -> None:
    for name in (LAST, PREVIOUS):
        (folder / name).write_bytes(b"\0" * 100)
    with pytest.raises(pl.ModelFileError, match="neither of its checkpoints is whole"):
        read_checkpoint(folder)


def test_files_of_another_kind_or_version_are_told_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pl.ModelFileError, match=f"{LAST} is a checkpoint, not a model file"):
        pl.load(folder / LAST)
    pl.Network("5-4-3").save(folder / LAST)
    pl.Network("5-4-3").save(folder / PREVIOUS)
    with pytest.raises(pl.ModelFileError, match="is a model, not a checkpoint"):
        read_checkpoint(folder)
    for name in (LAST, PREVIOUS):
        (folder / name).unlink()
    monkeypatch.setattr("pellucid.files.checkpoint.VERSION", "checkpoint 2")
    write_checkpoint(folder, *stopped(3).parts())
    monkeypatch.undo()
    with pytest.raises(pl.ModelFileError, match="format version 2; this pellucid reads version 1"):
        read_checkpoint(folder)


def test_without_a_seal_nothing_is_believed(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    for name in (LAST, PREVIOUS):
        save_file(load_file(folder / name), folder / name)
    with pytest.raises(pl.ModelFileError, match="is not a checkpoint of pellucid"):
        read_checkpoint(folder)
