"""Training: it learns, it repeats, and watching changes nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_losses import PAIRS

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.layers.activation import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("each_engine")

Digits = tuple[pl.data.Dataset, pl.data.Dataset]


def test_printed_digits_are_learned(digits: Digits) -> None:
    train, test = digits
    network = pl.Network("784-32-10", seed=0)
    history = pl.fit(network, train, epochs=25)
    losses = history.history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert network.evaluate(test).accuracy > 0.9


def test_real_digits_are_learned(mnist: Digits) -> None:
    train, test = mnist
    network = pl.Network("784-128-64-10", seed=0)
    pl.fit(network, train, epochs=2)
    assert network.evaluate(test).accuracy > 0.95


@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_every_loss_reaches_100_percent_on_32_examples(digits: Digits, activation: str, output: str, loss: str) -> None:
    few = digits[0].subset(slice(32))
    network = pl.Network("784-48-24-10", activation=activation, output=output, loss=loss, seed=0)
    rate = 0.02 if output in ("identity", "tanh") else 0.2
    pl.fit(network, few, epochs=300, batch_size=8, optimizer=pl.SGD(rate))
    assert network.evaluate(few).accuracy == 1.0


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_the_loss_falls_on_a_repeated_batch(digits: Digits, activation: str) -> None:
    batch = digits[0].subset(slice(20))
    network = pl.Network("784-16-10", activation=activation, seed=0)
    losses = pl.fit(network, batch, epochs=20, batch_size=20, optimizer=pl.SGD(0.01)).history["loss"]
    assert all(after < before for before, after in itertools.pairwise(losses))


def test_float32_and_float64_end_at_nearly_the_same_place(digits: Digits) -> None:
    train, test = digits
    ends = []
    for dtype in ("float32", "float64"):
        network = pl.Network("784-32-10", dtype=dtype, seed=0)
        history = pl.fit(network, train, epochs=5)
        ends.append((network.evaluate(test).accuracy, history.history["loss"][-1]))
    assert abs(ends[0][0] - ends[1][0]) <= 0.01
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-2)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(digits: Digits) -> None:
    def trained(seed: int) -> bytes:
        network = pl.Network("784-16-10", seed=0)
        pl.fit(network, digits[0], epochs=2, seed=seed)
        return network.theta.tobytes()

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


class Watcher(pl.Callback):
    """Looks at everything it can, as often as it may."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.chunks: list[int] = []
        self.epochs: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        self.steps.append(logs.step)
        logs.snapshot()

    def on_chunk_end(self, logs: Progress) -> None:
        self.chunks.append(logs.step)
        self.losses += logs.losses.tolist()
        assert len(logs.losses) == len(logs.correct)
        logs.network.predict(X)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self.epochs.append(logs.epoch)
        logs.network.evaluate(X, Y)
        logs.snapshot()


X, Y = np.random.default_rng(1).random((30, 4)), np.arange(30) % 3


@settings(max_examples=40)
@given(st.integers(1, 40), st.lists(st.integers(0, 30), max_size=3), st.sampled_from([1e-9, 1e-4, 10]))
def test_watching_changes_no_bit(batch_size: int, everies: list[int], seconds: float) -> None:
    ends = []
    with pytest.MonkeyPatch.context() as patch:
        for callbacks in ([], [Watcher(every) for every in everies]):
            network = pl.Network("4-5-3", seed=0)
            history = pl.fit(network, X, Y, epochs=3, batch_size=batch_size, callbacks=callbacks).history
            ends.append((network.theta.tobytes(), history["loss"], history["accuracy"]))
            patch.setattr("pellucid.loop.CHUNK_SECONDS", seconds)
    assert ends[0] == ends[1]
    steps = 3 * -(-30 // batch_size)
    for watcher in callbacks:
        assert watcher.steps == [step for step in range(1, steps + 1) if watcher.every and step % watcher.every == 0]
        assert watcher.epochs == [1, 2, 3]
        assert watcher.chunks == sorted(set(watcher.chunks))
        assert set(watcher.steps) <= set(watcher.chunks)
        assert len(watcher.losses) == steps == watcher.chunks[-1]


def test_a_chunk_goes_on_until_somebody_wants_to_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chunks(pl.Callback):
        def __init__(self) -> None:
            self.sizes: list[int] = []

        def on_chunk_end(self, logs: Progress) -> None:
            self.sizes.append(len(logs.losses))

    class Steps(pl.Callback):
        every = 4

        def on_train_batch_end(self, batch: int, logs: Progress) -> None:
            pass

    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1000)
    alone, beside = Chunks(), Chunks()
    pl.fit(pl.Network("4-3"), X, Y, epochs=2, batch_size=1, callbacks=[alone])
    pl.fit(pl.Network("4-3"), X, Y, epochs=2, batch_size=3, callbacks=[beside, Steps()])
    assert alone.sizes == [1, 1, 1, 1, 3, 1, 7, 1, 14, 1, 1, 27, 1]  # the watch looks at 1, 2, 4, 8 ..., and before
    assert beside.sizes == [1, 1, 1, 1, 3, 1, 2, 2, 3, 1, 3, 1]


@pytest.mark.parametrize("every", [-1, 2.5, "often", True])
def test_every_is_a_number_of_steps(every: object) -> None:
    network = pl.Network("4-3")
    before = network.theta.copy()
    with pytest.raises(pl.UsageError, match=r"Watcher\.every is a whole number of steps, or 0 for never"):
        pl.fit(network, X, Y, callbacks=[Watcher(every)])
    assert np.array_equal(network.theta, before)


def test_only_a_training_that_runs_gives_snapshots() -> None:
    with pytest.raises(pl.UsageError, match="this progress belongs to none"):
        Progress(pl.Network("3-2"), epochs=1, examples=1).snapshot()


def test_mapped_images_are_not_copied(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engine.engines import ENGINES
    from pellucid.engine.reference import ReferenceEngine

    seen = []

    class Engine(ReferenceEngine):
        def __post_init__(self) -> None:
            super().__post_init__()
            seen.append(self.images)

    monkeypatch.setitem(ENGINES, "reference", Engine)
    train = digits[0]
    assert isinstance(train.images, np.memmap)
    for data in (train, train.subset(slice(100))):  # --limit takes such a slice
        for normalize in ("unit", "standard"):
            pl.fit(pl.Network("784-4-10"), data, epochs=1, normalize=normalize, engine="reference")
            assert np.shares_memory(seen[-1], train.images)


def test_looking_at_gradients_while_training_changes_no_bit(digits: Digits) -> None:
    class Looker(pl.Callback):
        def on_chunk_end(self, logs: Progress) -> None:
            logs.network.loss_and_gradient(digits[1].images, digits[1].labels)

    thetas = []
    for callbacks in ([], [Looker()]):
        network = pl.Network("784-16-10", seed=0)
        pl.fit(network, digits[0], epochs=2, callbacks=callbacks)
        thetas.append(network.theta.tobytes())
    assert thetas[0] == thetas[1]


def test_what_a_callback_is_told_stays_as_it_was(digits: Digits) -> None:
    told: list[Progress] = []

    class Keeper(pl.Callback):
        def on_chunk_end(self, logs: Progress) -> None:
            assert logs.validation_loss is None  # not known yet in this epoch
            told.append(logs)

        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            assert logs.validation_loss is not None

    pl.fit(pl.Network("784-8-10"), digits[0], epochs=3, validation=0.5, callbacks=[Keeper()])
    assert sorted({progress.epoch for progress in told}) == [1, 2, 3]
    assert len({(progress.epoch, progress.done) for progress in told}) == len(told)


def test_the_history_does_not_depend_on_how_often_callbacks_are_told(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = []
    for seconds in (1e-9, 1e-3, 10):
        monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", seconds)
        history = pl.fit(pl.Network("784-8-10", dtype="float64"), digits[0], epochs=2, batch_size=7).history
        histories.append((history["loss"], history["accuracy"]))
    assert histories[0] == histories[1] == histories[2]


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 60))
def test_any_batch_size_sees_each_example_once_an_epoch(count: int, batch_size: int) -> None:
    """With one step's learning rate near zero the epoch's loss is the mean over all examples."""
    rng = np.random.default_rng(count)
    x, labels = rng.random((count, 3)), rng.integers(0, 2, count)
    network = pl.Network("3-4-2", dtype="float64", seed=1)
    expected = network.evaluate(x, labels)
    history = pl.fit(network, x, labels, epochs=1, batch_size=batch_size, optimizer=pl.SGD(1e-13)).history
    np.testing.assert_allclose(history["loss"], [expected.loss], rtol=1e-9)
    assert history["accuracy"] == [expected.accuracy]


def test_the_full_batch_is_one_step_of_gradient_descent() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.random((10, 3)), rng.integers(0, 2, 10)
    network, twin = (pl.Network("3-4-2", dtype="float64", seed=1) for _ in range(2))
    pl.fit(network, x, labels, epochs=1, batch_size=10**9, optimizer=pl.SGD(0.5))
    twin.theta -= 0.5 * twin.loss_and_gradient(x, labels)[1]
    np.testing.assert_allclose(network.theta, twin.theta, atol=1e-15)


def test_a_validation_fraction_is_held_out_of_the_training(digits: Digits) -> None:
    heard: list[tuple[int, int]] = []

    class Watcher(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            heard.append((logs.epoch, logs.done))

    history = pl.fit(pl.Network("784-8-10"), digits[0], epochs=2, validation=0.25, callbacks=[Watcher()]).history
    assert heard == [(1, 450), (2, 450)]
    assert {key: len(values) for key, values in history.items()} == dict.fromkeys(history, 2)


def test_validation_may_be_a_data_set_or_come_from_arrays(digits: Digits) -> None:
    train, test = digits
    network = pl.Network("784-8-10")
    history = pl.fit(network, train, epochs=1, validation=test).history
    assert history["validation_accuracy"] == [network.evaluate(test).accuracy]
    pixels = train.images.reshape(-1, 784).astype(np.float32) / 255
    assert pl.fit(network, pixels, train.labels, epochs=1, validation=0.5).history["validation_loss"]


def test_normalization_is_measured_on_the_training_data_and_kept(digits: Digits) -> None:
    network = pl.Network("784-8-10")
    pl.fit(network, digits[0], epochs=1, normalize="standard", validation=0.5)
    pixels = digits[0].split(0.5)[0].images
    assert abs(network.normalization.scale - 1 / pixels.std()) < 1e-12
    assert network.normalization.kind == "standard"


def test_targets_need_only_suit_the_loss_that_is_trained_with() -> None:
    x, y = np.random.default_rng(0).random((8, 3)), np.full((8, 2), 0.9)
    network = pl.Network("3-2", output="softmax")
    assert pl.fit(network, x, y, epochs=1, loss="squared_error").history["loss"]
    with pytest.raises(pl.DataError, match="shares of 1"):
        pl.fit(network, x, y, epochs=1, loss="cross_entropy")


def test_a_diverging_training_is_stopped_and_explained(digits: Digits) -> None:
    # which of the two comes first, infinity or the difference of two, is the order in which BLAS adds
    message = r"dense2\.z became (infinite|NaN) .*in step 2 \(epoch 1\), at learning rate 1e\+25"
    with pytest.raises(pl.NumericError, match=message):
        pl.fit(pl.Network("784-16-10"), digits[0], optimizer=pl.SGD(1e25))


def test_progress_knows_speed_and_time_left() -> None:
    progress = Progress(pl.Network("3-2"), epochs=4, examples=100, epoch=2, done=50, seconds=0.5, total_seconds=1.5)
    assert progress.images_per_second == 100
    assert progress.seconds_left == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"threads": 0}, "threads is a whole number, from 1 to 1024; 0 came"),
        ({"validation": 1.0}, "fraction"),
        ({"engine": "referense"}, "Did you mean 'reference'"),
        ({"loss": "binary_cross_entropy"}, "made for the output 'sigmoid'"),
        ({"normalize": "units"}, "Did you mean 'unit'"),
        ({"epochs": 2.5}, "2.5 came"),
        ({"seed": -1}, "at least 0"),
        ({"optimizer": "sgd"}, r"pl.SGD\(0.1\)"),
        ({"validation": "half"}, "'half' came"),
        ({"labels": [1]}, "brings its own labels"),
    ],
)
def test_arguments_out_of_range_are_refused(digits: Digits, arguments: dict[str, object], message: str) -> None:
    network = pl.Network("784-8-10")
    before = network.theta.copy(), network.loss, network.normalization
    with pytest.raises(pl.UsageError, match=message):
        pl.fit(network, digits[0], **{"normalize": "symmetric", **arguments})
    assert np.array_equal(network.theta, before[0])
    assert (network.loss, network.normalization) == before[1:]


def test_a_validation_set_that_does_not_fit_is_found_before_the_first_step(digits: Digits) -> None:
    network = pl.Network("784-8-10")
    before = network.theta.copy()
    other = pl.data.Dataset(np.zeros((4, 5, 5), np.uint8), np.zeros(4, np.int64))
    with pytest.raises(pl.ShapeError):
        pl.fit(network, digits[0], validation=other)
    assert np.array_equal(network.theta, before)


def test_a_data_set_of_other_classes_is_refused_naming_both(digits: Digits) -> None:
    with pytest.raises(pl.ShapeError, match=r"tells 3 classes apart \(0, 1, 2\), but images has 10"):
        pl.fit(pl.Network("784-8-3"), digits[0])


def test_threads_are_held_to_what_was_asked(digits: Digits) -> None:
    from pellucid.machine import blas_threads

    seen = []

    class Watcher(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            seen.append(blas_threads())

    pl.fit(pl.Network("784-8-10"), digits[0], epochs=1, threads=1, engine="reference", callbacks=[Watcher()])
    assert seen == [1]


def test_metrics_of_a_test(digits: Digits) -> None:
    network = pl.Network("2-3", dtype="float64", classes=("cat", "dog", "cow"))
    network.layers[0].W = np.array([[9.0, 0], [0, 9], [-9, -9]])
    evaluation = network.evaluate(np.array([[1.0, 0], [0, 1], [0, 2], [1, 0]]), np.array([0, 1, 2, 0]))
    assert evaluation.accuracy == 0.75
    assert evaluation.confusion.tolist() == [[2, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert evaluation.precision.tolist() == [1, 0.5, 0]
    assert evaluation.recall.tolist() == [1, 1, 0]
    (mistake,) = evaluation.mistakes(5)
    assert (mistake.index, mistake.label, mistake.predicted) == (2, 2, 1)


@pytest.mark.slow
def test_p03_reaches_97_and_a_half_percent(mnist: Digits) -> None:
    train, test = mnist
    network = pl.Network("784-128-64-10", seed=1)
    pl.fit(network, train, epochs=20, batch_size=32, optimizer=pl.SGD(0.1))
    assert network.evaluate(test).accuracy >= 0.975


def test_a_callback_may_move_theta() -> None:
    class Eraser(pl.Callback):
        def on_train_batch_end(self, batch: int, logs: Progress) -> None:
            losses.extend(logs.losses)
            logs.network.theta[:] = 0

    losses: list[float] = []
    pl.fit(pl.Network("3-4-2"), np.ones((40, 3)), np.arange(40) % 2, epochs=1, batch_size=4, callbacks=[Eraser()])
    assert losses[1:] == pytest.approx([np.log(2)] * 9, rel=1e-6)  # each step begins where the callback left theta
