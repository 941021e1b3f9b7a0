"""Callbacks: Keras's hooks, what is told, what watching costs, and what ends a training."""

from __future__ import annotations

import csv
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.loop import chunk_seconds

pytestmark = pytest.mark.usefixtures("each_engine")

Digits = tuple[pl.data.Dataset, pl.data.Dataset]
RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 4)), np.arange(30) % 3
OBSERVED = ("loss", "accuracy", "validation_loss", "validation_accuracy")


def train(*callbacks: Any, architecture: str = "4-5-3", **options: Any) -> tuple[pl.Network, pl.callbacks.History]:
    network = pl.Network(architecture, seed=0)
    given = {"epochs": 2, "batch_size": 8, "validation": 0.2, "optimizer": pl.SGD(0.5), **options}
    return network, pl.fit(network, X, Y, callbacks=callbacks, **given)


# The hooks


class Diary(pl.Callback):
    """Writes down each hook that is called."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def on_train_begin(self, logs: Progress) -> None:
        self.lines.append(("train begin", sorted(logs)))

    def on_train_end(self, logs: Progress) -> None:
        self.lines.append(("train end", sorted(logs)))

    def on_epoch_begin(self, epoch: int, logs: Progress) -> None:
        self.lines.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self.lines.append(("epoch end", epoch, sorted(logs)))

    def on_train_batch_begin(self, batch: int, logs: Progress) -> None:
        self.lines.append(("batch begin", batch))

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        self.lines.append(("batch end", batch))

    def on_test_begin(self, logs: Progress) -> None:
        self.lines.append(("test begin", sorted(logs)))

    def on_test_end(self, logs: Progress) -> None:
        self.lines.append(("test end", sorted(logs)))


def test_hooks_come_in_the_order_of_keras() -> None:
    diary = Diary()
    train(diary)
    seen, known = ["accuracy", "learning_rate", "loss"], ["accuracy", "learning_rate", "loss", "val_accuracy"]
    batches = [line for batch in range(3) for line in (("batch begin", batch), ("batch end", batch))]
    assert diary.lines == [
        ("train begin", []),
        *(
            line
            for epoch in (0, 1)
            for line in [
                ("epoch begin", epoch),
                *batches,
                ("test begin", seen),
                ("test end", [*known, "val_loss"]),
                ("epoch end", epoch, [*known, "val_loss"]),
            ]
        ),
        ("train end", ["accuracy", "loss", "val_accuracy", "val_loss"]),
    ]
    assert diary.params == {"epochs": 2, "steps": 3, "verbose": 0}
    assert isinstance(diary.model, pl.Network)


@pytest.mark.parametrize("every", [2, 3, 4])
def test_hooks_of_batches_come_in_pairs_around_every_so_many_steps(every: int) -> None:
    diary = Diary()
    diary.every = every
    train(diary, epochs=4)
    batches = [line for line in diary.lines if line[0].startswith("batch")]
    steps = [step for step in range(1, 13) if step % every == 0]
    assert batches == [line for n in steps for line in (("batch begin", (n - 1) % 3), ("batch end", (n - 1) % 3))]


def test_logs_are_the_numbers_of_the_history() -> None:
    class Last(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            rows.append(dict(logs))
            assert logs.get("val_loss") == logs.validation_loss == logs["val_loss"]
            assert "f1" not in logs
            with pytest.raises(KeyError):
                logs["f1"]

    rows: list[dict[str, float]] = []
    _, history = train(Last(), schedule="cosine")
    for row, *numbers in zip(rows, *(history.history[key] for key in OBSERVED), strict=True):
        assert [row[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")] == numbers
    assert rows[0]["learning_rate"] > rows[1]["learning_rate"] > 0


class LossHistory:
    """As somebody writes it who comes from Keras, and does not know of pellucid."""

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        logs = logs or {}
        self.losses.append(logs.get("loss"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == self.params["epochs"] - 1:
            self.model.stop_training = True


def test_a_callback_written_for_keras_works_as_it_is() -> None:
    keras = LossHistory()
    _, history = train(keras, epochs=5)
    assert len(keras.losses) == 4 * 3
    assert keras.losses[2::3] == history.history["loss"]
    assert history.stopped == "a callback stopped it"


def test_a_hook_may_be_an_attribute_as_in_kerass_lambda_callback() -> None:
    class LambdaCallback:
        def __init__(self, on_epoch_end: Any) -> None:
            self.on_epoch_end = on_epoch_end

    epochs: list[int] = []
    train(LambdaCallback(lambda epoch, logs: epochs.append(epoch)))
    assert epochs == [0, 1]


def test_hooks_of_a_base_class_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Callback:  # Keras's, which has all of them
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise AssertionError

    class Silent(Callback):
        pass

    class Chunks(pl.Callback):
        def on_chunk_end(self, logs: Progress) -> None:
            sizes.append(len(logs.losses))

    sizes: list[int] = []
    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1000)
    train(Silent(), pl.Callback(), Chunks(), epochs=1, batch_size=1)
    assert sizes == [1, 1, 1, 1, 3, 1, 7, 1, 7, 1]  # where the watch looks, and one step before


@pytest.mark.parametrize(("keeping", "seconds"), [(0.0, 0.1), (0.002, 0.1), (0.005, 0.2), (0.02, 0.8), (3.0, 1.0)])
def test_a_chunk_is_longer_where_keeping_the_network_takes_more_than_a_fortieth_of_it(
    keeping: float, seconds: float
) -> None:
    assert chunk_seconds(keeping) == pytest.approx(seconds)


# Watching


def observers(folder: Path) -> list[Any]:
    """All that only watch."""
    return [
        Diary(),
        LossHistory(),
        pl.Norms(every=2),
        pl.CSVLogger(folder / "log.csv"),
        pl.ModelCheckpoint(folder / "model.safetensors"),
        pl.TimeLimit(1e6),
        pl.EarlyStopping(patience=9, restore_best_weights=False),
    ]


@pytest.mark.parametrize("architecture", ["4-5-3", "4-D0.3-6-BN-N0.1-3"])
def test_watching_changes_no_bit(architecture: str, tmp_path: Path) -> None:
    ends = []
    for callbacks in ([], observers(tmp_path)):
        network, history = train(*callbacks, architecture=architecture, epochs=1)
        numbers = [history.history[key] for key in OBSERVED]
        ends.append((network.theta.tobytes(), network.state.tobytes(), numbers))
    assert ends[0] == ends[1]


# Norms


@pytest.mark.parametrize("architecture", ["4-5-3", "4-D0.3-6-N0.1-5-3", "4-6-BN-R(6)-3"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_descent_moves_by_its_rate_times_the_gradient(architecture: str, dtype: str) -> None:
    """‖ΔW‖ = α ‖∇L‖ for the very batch, dropout and noise of the step, on both engines."""
    network, norms = pl.Network(architecture, dtype=dtype, seed=0), pl.Norms(every=3)
    pl.fit(network, X, Y, epochs=3, batch_size=7, optimizer=pl.SGD(0.25), callbacks=[norms])
    layers = list(dict.fromkeys(slot.layer.name for slot in network.workspace().parameters))
    assert [(row.step, row.layer) for row in norms.rows] == [
        (step, name) for step in (3, 6, 9, 12, 15) for name in layers
    ]
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    for row in norms.rows:
        assert row.update == pytest.approx(0.25 * row.gradient, rel=tolerance)
        assert row.ratio == row.update / row.weights
    assert norms["dense1"] == next(row for row in norms.rows if (row.step, row.layer) == (15, "dense1"))


def test_norms_of_augmented_and_weighted_examples(digits: Digits) -> None:
    norms = pl.Norms(every=5)
    images, labels = digits[0].images[:80], digits[0].labels[:80]
    options = {"augment": "shift2 rotate10", "class_weights": "3=4", "label_smoothing": 0.1}
    pl.fit(
        pl.Network("784-8-10", dtype="float64"), images, labels, epochs=2, batch_size=16, callbacks=[norms], **options
    )
    for row in norms.rows:
        assert row.update == pytest.approx(0.1 * row.gradient, rel=1e-9)


def test_the_first_norms_are_those_that_the_network_itself_gives() -> None:
    network, norms = pl.Network("4-5-3", seed=0), pl.Norms(every=1)
    theta = network.theta.copy()
    _, gradient = network.loss_and_gradient(X, Y)
    expected = [np.linalg.norm(vector[:25]) for vector in (theta, gradient)]
    pl.fit(network, X, Y, epochs=1, batch_size=100, callbacks=[norms])
    np.testing.assert_allclose(norms.rows[0][2:4], expected, rtol=1e-5)


def test_norms_can_be_printed_and_written(tmp_path: Path) -> None:
    norms = pl.Norms(every=2)
    assert "no step yet" in str(norms)
    train(norms)
    lines = str(norms).splitlines()
    assert lines[0] == "step 6"
    assert [line.split()[0] for line in lines[1:]] == ["layer", "dense1", "dense2"]
    assert len({len(line) for line in lines[1:]}) == 1
    norms.write(tmp_path / "norms.csv")
    header, *rows = csv.reader((tmp_path / "norms.csv").read_text().splitlines())
    assert header == ["step", "layer", "weights", "gradient", "update", "ratio"]
    assert [(int(row[0]), row[1], float(row[2])) for row in rows] == [row[:3] for row in norms.rows]


# Early stopping


def told(network: pl.Network, epoch: int, value: float, monitor: str) -> Progress:
    key = {"val_loss": "validation_loss", "val_accuracy": "validation_accuracy"}.get(monitor, monitor)
    return Progress(network, epochs=99, examples=1, epoch=epoch, done=1, **{key: value})


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.4]), min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.06]),
    st.sampled_from(["val_loss", "val_accuracy", "loss", "accuracy"]),
)
def test_early_stopping_is_what_one_does_by_hand(
    values: list[float], patience: int, min_delta: float, monitor: str
) -> None:
    best = 0
    for now in range(len(values)):
        gain = values[best] - values[now] if "loss" in monitor else values[now] - values[best]
        if now and gain > min_delta:
            best = now
        if now - best == patience:
            break
    network, callback = pl.Network("2-2"), pl.EarlyStopping(monitor, patience=patience, min_delta=min_delta)
    callback.set_model(network)
    network.stop_training = False
    for epoch, value in enumerate(values):
        network.theta[:] = epoch
        callback.on_epoch_end(epoch, told(network, epoch + 1, value, monitor))
        if network.stop_training:
            break
    assert epoch == now
    assert bool(network.stop_training) == (now - best == patience)
    callback.on_train_end(told(network, epoch + 1, value, monitor))
    assert (network.theta == best).all()
    if now > best:
        assert f"weights of epoch {best + 1}" in network.stop_training


@pytest.mark.parametrize("average", ["", "ema,decay=0.8", "last,epochs=2"])
@pytest.mark.parametrize("architecture", ["784-8-10", "784-8-BN-D0.2-10"])
def test_the_best_weights_are_left_exactly(digits: Digits, architecture: str, average: str) -> None:
    """Weights and statistics: the network measures what it measured in its best epoch."""
    held_out = digits[1].subset(slice(60))
    network = pl.Network(architecture, seed=0)
    few = digits[0].subset(slice(50))
    options = {"optimizer": pl.SGD(2.0), "batch_size": 10, "average": average}
    history = pl.fit(network, few, epochs=12, validation=held_out, early_stopping=3, **options)
    losses = history.history["validation_loss"]
    assert network.evaluate(held_out).loss == min(losses)
    best = int(np.argmin(losses)) + 1
    if best < len(losses):
        assert f"weights of epoch {best}" in history.stopped
    assert len(losses) == min(12, best + 3)


def test_weights_that_reached_the_target_win_also_when_the_training_goes_on() -> None:
    network = pl.Network("2-2")
    enough = pl.TargetAccuracy(0.5)
    enough.set_model(network)
    for epoch, accuracy in enumerate([0.4, 0.6, 0.3], 1):
        network.theta[:] = epoch
        enough.on_epoch_end(epoch - 1, told(network, epoch, accuracy, "val_accuracy"))
    other, again = pl.Network("2-2"), pl.TargetAccuracy(0.5)
    again.set_model(other)
    again.restore(enough.state())
    for callback in (enough, again):
        callback.on_train_end(told(network, 3, 0.3, "val_accuracy"))
    assert (network.theta == 2).all()
    assert (other.theta == 2).all()
    assert network.stop_training == "target accuracy: validation accuracy 60.00% in epoch 2"


# Other ends


@pytest.mark.parametrize(("step", "steps", "epochs"), [(1, [8], 1), (2, [16], 1), (3, [24], 1), (4, [24, 8], 2)])
def test_a_batch_that_stops_the_training_is_followed_by_the_end_of_its_epoch(
    step: int, steps: list[int], epochs: int
) -> None:
    class Stop(Diary):
        def on_train_batch_end(self, batch: int, logs: Progress) -> None:
            if logs.step == step:
                self.model.stop_training = "enough"

        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            done.append(logs.done)
            kept.append(logs.snapshot())

    done: list[int] = []
    kept: list[pl.Snapshot] = []
    network, history = train(Stop(), epochs=9)
    assert done == steps
    assert (history.stopped, history.seen) == ("enough", sum(steps))
    assert len(history.history["loss"]) == len(history.history["validation_loss"]) == epochs
    resumed, same = train(resume=pl.Snapshot.of(*kept[-1].parts()), epochs=9)  # it is finished, not continued
    assert resumed.theta.tobytes() == network.theta.tobytes()
    assert (same.stopped, same.seen, same.history) == (history.stopped, history.seen, history.history)


def test_a_training_that_is_stopped_trains_a_step_at_least_or_none() -> None:
    class Stop(pl.Callback):
        def on_epoch_begin(self, epoch: int, logs: Progress) -> None:
            self.model.stop_training = True

    assert train(Stop())[1].seen == 8
    assert train(Stop())[0].stop_training
    network = pl.Network("4-5-3")
    network.stop_training = True  # of a training before
    assert pl.fit(network, X, Y, epochs=2).seen == 60


def test_a_time_limit_stops_within_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1e-9)
    _, history = train(epochs=1000, time_limit=1e-9)
    assert history.seen == 8
    assert history.stopped == "time limit: 1e-09 s of training in epoch 1"
    assert len(history.history["validation_loss"]) == 1


def test_the_target_accuracy_stops_with_the_weights_that_reached_it(digits: Digits) -> None:
    train, test = digits
    network = pl.Network("784-16-10", seed=0)
    history = pl.fit(network, train, validation=test, epochs=50, target_accuracy=0.8, early_stopping=50)
    accuracies = history.history["validation_accuracy"]
    assert accuracies[-1] >= 0.8 > max(accuracies[:-1])
    assert network.evaluate(test).accuracy == accuracies[-1]
    assert history.stopped == f"target accuracy: validation accuracy {accuracies[-1]:.2%} in epoch {len(accuracies)}"


# Files


def test_a_model_checkpoint_holds_the_last_or_the_best_weights(digits: Digits, tmp_path: Path) -> None:
    train, test = digits
    last, best = tmp_path / "last.safetensors", tmp_path / "best.safetensors"
    callbacks = [pl.ModelCheckpoint(last), pl.ModelCheckpoint(best, "val_loss", save_best_only=True)]
    network = pl.Network("784-8-BN-10", seed=0)
    few, options = train.subset(slice(50)), {"optimizer": pl.SGD(3.0), "epochs": 8}
    losses = pl.fit(network, few, validation=test, callbacks=callbacks, **options).history["validation_loss"]
    assert pl.load(last).theta.tobytes() == network.theta.tobytes()
    assert pl.load(best).evaluate(test).loss == min(losses) < losses[-1]


def test_a_csv_log_has_a_row_for_each_epoch(tmp_path: Path) -> None:
    _, history = train(pl.CSVLogger(tmp_path / "log.csv"), epochs=3)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    for name, key in (("loss", "loss"), ("val_accuracy", "validation_accuracy")):
        assert [float(row[name]) for row in rows] == history.history[key]


# Mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"early_stopping": 3, "validation": 0}, r"EarlyStopping follows val_loss: hold something out, say validation"),
        ({"target_accuracy": 0.9, "validation": 0}, r"TargetAccuracy follows val_accuracy: .*--validation 0\.1"),
        ({"early_stopping": -1}, "at least 0"),
        ({"early_stopping": 2.5}, "2.5 came"),
        ({"target_accuracy": 97}, "a share of 1, such as 0.97; 97 came"),
        ({"target_accuracy": -0.5}, "at least 0"),
        ({"time_limit": float("inf")}, "time_limit must be a number"),
        ({"average": "emma"}, "Did you mean 'ema'"),
        ({"average": "ema,dekay=0.9"}, "Did you mean 'decay'"),
        ({"average": "ema,decay=1"}, "decay must be a number above 0 and below 1"),
        ({"average": "last,epochs=2.5"}, "epochs is a whole number"),
        ({"average": "last,epochs=0"}, "at least 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    network = pl.Network("4-5-3")
    before = network.theta.copy()
    with pytest.raises(pl.UsageError, match=message):
        pl.fit(network, X, Y, **{"validation": 0.2, **options})
    assert np.array_equal(network.theta, before)
    if options.get("validation") != 0:
        with pytest.raises(
            pl.UsageError, match=message if options.get("early_stopping") != 2.5 else "a int is expected"
        ):
            pl.Recipe("4-5-3", **options)


def test_names_of_figures_are_known() -> None:
    with pytest.raises(pl.UsageError, match="Did you mean 'val_loss'"):
        pl.EarlyStopping("validation_loss", patience=3)
    with pytest.raises(pl.UsageError, match="at least 1"):
        pl.EarlyStopping(patience=0)
    with pytest.raises(pl.UsageError, match="EarlyStopping follows val_loss"):
        train(pl.EarlyStopping(patience=3), validation=0.0)
    with pytest.raises(pl.UsageError, match="ModelCheckpoint follows val_loss"):
        train(pl.ModelCheckpoint("model.safetensors", save_best_only=True), validation=0.0)
    losses = train(pl.EarlyStopping("loss", patience=3), validation=0.0, epochs=3)[1].history["loss"]
    assert all(after < before for before, after in itertools.pairwise(losses))


# The document


def test_the_program_of_the_document_runs_as_written(digits_folder: Path, tmp_path: Path) -> None:
    document = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n([^`]*?Callback.*?)^```", document, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "PELLUCID_DATA": str(digits_folder)}
    command = [sys.executable, "-W", "error", "-c", program.replace("every=100", "every=10")]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "step 30" in result.stdout
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,")
