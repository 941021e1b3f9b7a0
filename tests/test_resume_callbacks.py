"""Exact resume with callbacks that remember: averages, best weights, patience, rows; and what damage comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.files.checkpoint import read_checkpoint, write_checkpoint
from pellucid.snapshot import Snapshot

pytestmark = pytest.mark.usefixtures("each_engine")

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (40, 8, 8), np.uint8), RNG.integers(0, 3, 40)
NETWORKS = {"64-6-3": {}, "1x8x8-2C3-BN-MP2-D0.2-*": {"augment": "shift1 rotate10 erase0.1"}}
SCHEDULES = ["one_cycle", "plateau,patience=1", "cosine,warm_up=1"]


class Cut(pl.Callback):
    """Stops the training after a step, or tells where that was the end of an epoch, and keeps the snapshot."""

    def __init__(self, step: int, epoch: bool) -> None:
        self.step, self.epoch = step, epoch

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        if logs.step == self.step and not self.epoch:
            self._keep(logs)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        if logs.step >= self.step and self.epoch:
            self._keep(logs)

    def _keep(self, logs: Progress) -> None:
        self.kept = logs.snapshot()
        raise KeyboardInterrupt


def train(folder: Path, architecture: str, *callbacks: Any, resume: Snapshot | None = None, **options: Any) -> Any:
    """All that a training leaves: weights, statistics, history, files, rows."""
    folder.mkdir(exist_ok=True)
    network = pl.Network(architecture, input_shape=(1, 8, 8), classes="abc", seed=2 if resume else 1)
    norms, model = pl.Norms(every=3), folder / "model.safetensors"
    watching = [norms, pl.CSVLogger(folder / "log.csv"), pl.ModelCheckpoint(model, "val_accuracy", save_best_only=True)]
    given = {"epochs": 6, "batch_size": 8, "validation": 0.3, "optimizer": pl.Adam(0.05), **NETWORKS[architecture]}
    history = pl.fit(
        network, IMAGES, LABELS, callbacks=[*watching, *callbacks], resume=resume, **given, **options
    )  # fmt: skip
    numbers = {key: values for key, values in history.history.items() if key != "seconds"}
    files = (folder / "log.csv").read_bytes(), model.read_bytes() if model.exists() else None
    return (
        network.theta.tobytes(), network.state.tobytes(), numbers, history.stopped, history.seen, files, norms.rows,
    )  # fmt: skip


@settings(max_examples=20)
@given(
    st.sampled_from(sorted(NETWORKS)),
    st.sampled_from(SCHEDULES),
    st.sampled_from(["", "ema,decay=0.8", "last,epochs=3"]),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.6]),
    st.integers(0, 23),
    st.booleans(),
)
def test_resumed_is_the_same_as_never_stopped(
    tmp_path_factory: pytest.TempPathFactory,
    architecture: str,
    schedule: str,
    average: str,
    patience: int,
    target: float,
    step: int,
    epoch: bool,
) -> None:
    options = {"schedule": schedule, "average": average, "early_stopping": patience, "target_accuracy": target}
    folder = tmp_path_factory.mktemp("run")
    whole = train(folder / "whole", architecture, **options)
    cut = Cut(step, epoch)
    try:
        train(folder / "cut", architecture, cut, **options)
    except KeyboardInterrupt:
        write_checkpoint(folder, *cut.kept.parts())
        snapshot = Snapshot.of(*read_checkpoint(folder))
        assert train(folder / "cut", architecture, resume=snapshot, **options) == whole


def kept(step: int = 9, **options: Any) -> Snapshot:
    """The snapshot of a training that remembers all there is."""
    cut = Cut(step, False)
    network = pl.Network("64-6-3", classes="abc", seed=1)
    remembering = [pl.CSVLogger("log.csv"), pl.Norms(every=3), cut]
    given = {"average": "ema", "early_stopping": 3, "validation": 0.3, "batch_size": 8, "seed": 3, **options}
    with pytest.raises(KeyboardInterrupt):
        pl.fit(network, IMAGES, LABELS, epochs=9, callbacks=remembering, **given)
    return cut.kept


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def go_on(snapshot: Snapshot, **options: Any) -> pl.callbacks.History:
    network = pl.Network("64-6-3", classes="abc", seed=1)
    given = {"average": "ema", "early_stopping": 3, "validation": 0.3, "batch_size": 8, "seed": 3, **options}
    callbacks = [pl.CSVLogger("log.csv"), pl.Norms(every=3)]
    return pl.fit(network, IMAGES, LABELS, epochs=9, callbacks=callbacks, resume=snapshot, **given)


def test_arrays_of_callbacks_are_tensors_of_the_file() -> None:
    snapshot = kept()
    tensors, about = snapshot.parts()
    assert {"callbacks/WeightAveraging/points", "callbacks/EarlyStopping/theta"} <= set(tensors)
    assert set(about["callbacks"]["WeightAveraging"]) == {"count"}
    assert about["callbacks"]["WeightAveraging"]["count"] == 9
    assert isinstance(snapshot.callbacks["WeightAveraging"]["points"], np.ndarray)  # the snapshot is left alone
    assert go_on(Snapshot.of(tensors, about)).history["loss"] == go_on(snapshot).history["loss"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("WeightAveraging", {"count": -1}),
        ("WeightAveraging", {"count": True}),
        ("WeightAveraging", {"count": None}),
        ("WeightAveraging", {"points": np.zeros((1, 411))}),
        ("WeightAveraging", {"points": np.zeros((2, 411), np.float32)}),
        ("WeightAveraging", {"points": np.zeros((1, 410), np.float32)}),
        ("WeightAveraging", {"points": "none"}),
        ("EarlyStopping", {"best": "low"}),
        ("EarlyStopping", {"best": float("nan")}),
        ("EarlyStopping", {"epoch": 1.5}),
        ("EarlyStopping", {"theta": np.zeros(3, np.float32)}),
        ("EarlyStopping", {"state": np.zeros(3, np.float32)}),
        ("EarlyStopping", {"state": None}),
        ("CSVLogger", {"rows": {}}),
        ("CSVLogger", {"rows": [[0, 1.0]]}),
        ("CSVLogger", {"names": None}),
        ("Norms", {"rows": [["a", "b"]]}),
        ("Norms", {"rows": [[3, "dense1", 1.0, 1.0, 1.0, float("inf")]]}),
    ],
    ids=str,
)
def test_a_state_that_no_callback_can_have_left_is_refused(name: str, change: dict[str, Any]) -> None:
    snapshot = kept()
    states = {**snapshot.callbacks, name: {**snapshot.callbacks[name], **change}}
    with pytest.raises(pl.ModelFileError, match=r"The snapshot remembers .* is expected"):
        go_on(replace(snapshot, callbacks=states))


@pytest.mark.parametrize("key", ["callbacks/WeightAveraging", "callbacks/Nobody/points", "callbacks//", "callbacks/"])
def test_a_tensor_of_no_callback_is_refused(key: str) -> None:
    tensors, about = kept().parts()
    with pytest.raises(pl.ModelFileError, match="does not describe a training"):
        Snapshot.of({**tensors, key: np.zeros(3)}, about)


@pytest.mark.parametrize("stopped", [7, None, ["early"]])
def test_a_reason_is_text(stopped: Any) -> None:
    tensors, about = kept().parts()
    with pytest.raises(pl.ModelFileError, match="stopped is"):
        Snapshot.of(tensors, {**about, "stopped": stopped})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": "ema,decay=0.9"}, "has average 'ema,decay=0.999', but 'ema,decay=0.9' came"),
        ({"average": ""}, "has average 'ema,decay=0.999', but None came"),
        ({"early_stopping": 4}, "has early_stopping 3, but 4 came"),
        ({"target_accuracy": 0.5}, "has target_accuracy None, but 0.5 came"),
        ({"time_limit": 5}, "has time_limit None, but 5 came"),
    ],
)
def test_another_average_or_end_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(pl.UsageError, match=message):
        go_on(kept(), **options)


def test_the_words_of_an_average_may_be_written_otherwise() -> None:
    assert go_on(kept(), average="ema,decay=0.9990").history["loss"]


def test_an_average_may_begin_where_a_training_goes_on() -> None:
    def last(resume: Snapshot | None, *callbacks: Any) -> bytes:
        network = pl.Network("64-6-3", classes="abc", seed=1)
        given = {"epochs": 4, "batch_size": 8, "resume": resume}
        pl.fit(network, IMAGES, LABELS, callbacks=[pl.WeightAveraging("last,epochs=3"), *callbacks], **given)
        return network.theta.tobytes()

    first, second = Cut(8, True), Cut(13, True)
    with pytest.raises(KeyboardInterrupt):
        pl.fit(pl.Network("64-6-3", classes="abc", seed=1), IMAGES, LABELS, epochs=4, batch_size=8, callbacks=[first])
    whole = last(first.kept)
    with pytest.raises(KeyboardInterrupt):
        last(first.kept, second)
    assert last(second.kept) == whole
