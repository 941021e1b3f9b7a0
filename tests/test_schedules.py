"""Schedules: PyTorch's, to 1e-12; and the same after every interruption."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.schedules import SCHEDULES, Schedule

EPOCHS, STEPS = 12, 7
ALL = (
    "constant", "step,every=2,factor=0.5", "exponential,factor=0.8", "polynomial,power=2", "cosine,floor=0.01",
    "one_cycle,share=0.4", "plateau,factor=0.5,patience=0", "cosine,warm_up=1", "step,every=1,warm_up=0.7",
    "plateau,patience=0,threshold=0.9,warm_up=1.3",
)  # fmt: skip


def whole(words: str, epochs: int = EPOCHS, steps: int = STEPS, losses: list[float] | None = None) -> np.ndarray:
    """The factors of all steps."""
    schedule = Schedule(words)
    return np.concatenate([schedule.factors(e, steps, epochs, (losses or [])[: e - 1]) for e in range(1, epochs + 1)])


def pytorchs(make: Any, count: int) -> np.ndarray:
    """The learning rates of a scheduler of PyTorch at so many steps, beginning at 1."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedulers = torch.optim.lr_scheduler
    scheduler, rates = make(schedulers, optimizer), []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR calls PyTorch's own deprecated ways
            scheduler.step()
    return np.array(rates)


T = EPOCHS * STEPS
TORCHS: dict[str, Any] = {
    "constant": lambda s, o: s.ConstantLR(o, 1.0),
    "step,every=3,factor=0.5": lambda s, o: s.StepLR(o, 3 * STEPS, 0.5),
    "exponential,factor=0.7": lambda s, o: s.ExponentialLR(o, 0.7 ** (1 / STEPS)),
    "polynomial": lambda s, o: s.PolynomialLR(o, T, 1.0),
    "polynomial,power=2.5": lambda s, o: s.PolynomialLR(o, T, 2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T),
    "cosine,floor=0.05": lambda s, o: s.CosineAnnealingLR(o, T, 0.05),
    "one_cycle": lambda s, o: s.OneCycleLR(o, 1.0, T, cycle_momentum=False),
    "one_cycle,share=0.45,start=10,end=100": lambda s, o: s.OneCycleLR(
        o, 1.0, T, pct_start=0.45, div_factor=10, final_div_factor=100, cycle_momentum=False
    ),
    "constant,warm_up=2": lambda s, o: s.LinearLR(o, 1 / 14, 1.0, 13),
    "cosine,warm_up=2": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 1 / 14, 1.0, 13), s.CosineAnnealingLR(o, T - 14)], [14]
    ),
    "step,every=2,warm_up=1": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 1 / 7, 1.0, 6), s.StepLR(o, 14, 0.1)], [7]),
}


@pytest.mark.parametrize("words", TORCHS)
def test_the_rates_are_those_of_pytorch(words: str) -> None:
    np.testing.assert_allclose(whole(words), pytorchs(TORCHS[words], T), rtol=1e-12, atol=1e-14)


@settings(max_examples=50)
@given(
    st.lists(st.floats(0.01, 3), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.5]),
    st.integers(0, 4),
    st.sampled_from([0.0, 1e-4, 0.1]),
)
def test_a_plateau_is_pytorchs(losses: list[float], factor: float, patience: int, threshold: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold, eps=0.0
    )
    theirs = [1.0]
    for loss in losses:
        scheduler.step(loss)
        theirs.append(optimizer.param_groups[0]["lr"])
    words = f"plateau,factor={factor},patience={patience},threshold={threshold}"
    np.testing.assert_allclose(whole(words, len(losses) + 1, 1, losses), theirs, rtol=1e-12)


def test_the_rates_worked_out_by_hand() -> None:
    """Two epochs of two steps."""
    expected = {
        "constant": [1, 1, 1, 1],
        "step,every=1": [1, 1, 0.1, 0.1],
        "exponential,factor=0.25": [1, 0.5, 0.25, 0.125],
        "polynomial": [1, 0.75, 0.5, 0.25],
        "cosine": [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5],
        "one_cycle,share=0.5,start=2,end=5": [0.5, 1, 0.55, 0.1],
        "constant,warm_up=1": [0.5, 1, 1, 1],
        "polynomial,warm_up=1": [0.5, 1, 1, 0.5],
        "plateau": [1, 1, 1, 1],
    }
    for words, factors in expected.items():
        np.testing.assert_allclose(whole(words, 2, 2, [1.0]), factors, atol=1e-15, err_msg=words)


@given(st.sampled_from(ALL), st.integers(1, 5), st.integers(1, 9), st.floats(0, 6))
def test_every_rate_is_a_number_from_0_to_1(words: str, epochs: int, steps: int, warm_up: float) -> None:
    """Also of a single step, of a warm-up longer than the training, and of the epoch after the last."""
    words = words.partition(",warm_up")[0] + f",warm_up={warm_up}"
    for epoch in range(1, epochs + 2):
        factors = Schedule(words).factors(epoch, steps, epochs, [1.0] * (epoch - 1))
        assert factors.shape == (steps,)
        assert ((factors >= 0) & (factors <= 1)).all()


def test_every_schedule_has_its_oracle() -> None:
    assert {words.partition(",")[0] for words in TORCHS} | {"plateau"} == set(SCHEDULES)


# In a training

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(30, 5)), RNG.integers(0, 3, 30)


class Rates(pl.Callback):
    """Keeps the learning rate of each step, and a snapshot of one."""

    def __init__(self, stop: int = -1) -> None:
        self.stop, self.rates, self.kept = stop, [], None

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        self.rates.append(logs.learning_rate)
        if logs.step == self.stop:
            self.kept = logs.snapshot()
            raise KeyboardInterrupt


def train(*callbacks: pl.Callback, **options: Any) -> tuple[pl.Network, dict[str, list[float]]]:
    network = pl.Network("5-4-3", seed=0)
    given = {"epochs": 4, "batch_size": 5, "validation": 0.2, "optimizer": pl.Adam(0.1), "seed": 3, **options}
    history = pl.fit(network, X, LABELS, callbacks=callbacks, **given).history
    return network, {key: values for key, values in history.items() if key != "seconds"}


@pytest.mark.parametrize("words", ALL)
def test_a_training_follows_its_schedule(words: str) -> None:
    rates = Rates()
    _, history = train(rates, schedule=words)
    np.testing.assert_allclose(rates.rates, 0.1 * whole(words, 4, 5, history["validation_loss"]), rtol=1e-12)


@pytest.mark.usefixtures("each_engine")
@settings(max_examples=40)
@given(st.sampled_from(ALL), st.integers(1, 19))
def test_resumed_at_any_step_it_ends_in_the_same_bytes(words: str, stop: int) -> None:
    network, history = train(schedule=words)
    cut = Rates(stop)
    with pytest.raises(KeyboardInterrupt):
        train(cut, schedule=words)
    resumed, same = train(schedule=words, resume=cut.kept)
    assert resumed.theta.tobytes() == network.theta.tobytes()
    assert same == history


@settings(max_examples=40)
@given(
    st.sampled_from([pl.RMSProp(), pl.Adagrad(0.1), pl.Lion(0.01), pl.SGD(0.1, momentum=0.9)]),
    st.integers(1, 19),
    st.sampled_from([{}, {"class_weights": "balanced", "label_smoothing": 0.1}]),
    st.sampled_from([{}, {"l1": 0.01, "clip_value": 0.5, "max_norm": 1.0, "layer_rates": "dense1=0.5"}]),
)
def test_resumed_with_everything_it_ends_in_the_same_bytes(
    optimizer: Any, stop: int, loss: dict[str, Any], descent: dict[str, Any]
) -> None:
    options = {"optimizer": optimizer, "schedule": "one_cycle,warm_up=0.5", "sample_weights": X[:, 0] ** 2 + 0.1}
    network, history = train(**options, **loss, **descent)
    cut = Rates(stop)
    with pytest.raises(KeyboardInterrupt):
        train(cut, **options, **loss, **descent)
    resumed, same = train(resume=cut.kept, **options, **loss, **descent)
    assert resumed.theta.tobytes() == network.theta.tobytes()
    assert same == history


def test_a_schedule_that_spans_the_training_cannot_be_lengthened() -> None:
    for words, message in (("cosine", "has epochs 4, but 5 came"), ("step", None)):
        cut = Rates(7)
        with pytest.raises(KeyboardInterrupt):
            train(cut, schedule=words)
        if message:
            with pytest.raises(pl.UsageError, match=message):
                train(schedule=words, epochs=5, resume=cut.kept)
        else:
            train(schedule=words, epochs=5, resume=cut.kept)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cosin", "no schedule called 'cosin'. Did you mean 'cosine'"),
        ("cosine,flor=0.1", "no option of the schedule cosine called 'flor'. Did you mean 'floor'"),
        ("cosine,floor=1", "floor must be a number at least 0 and below 1, not 1.0"),
        ("step,every=0", "every must be a number above 0, not 0.0"),
        ("step,10", "not of the form name=number"),
        ("step,every=ten", "not of the form name=number"),
        ("one_cycle,share=1", "share must be a number above 0 and below 1"),
        ("constant,warm_up=-1", "warm_up must be a number at least 0, not -1"),
        ("constant,warm_up=nan", "warm_up must be a number at least 0, not nan"),
        ("", "no schedule called ''"),
    ],
)
def test_words_that_mean_no_schedule_are_refused(words: str, message: str) -> None:
    with pytest.raises(pl.UsageError, match=message):
        Schedule(words)


def test_a_plateau_needs_something_held_out() -> None:
    with pytest.raises(pl.UsageError, match=r"follows the validation loss: hold something out, say validation=0.1"):
        train(schedule="plateau", validation=0.0)


def test_equal_schedules_have_equal_words() -> None:
    assert str(Schedule("one-cycle, share=0.5,end=10")) == str(Schedule("one_cycle,end=10.0,share=0.5"))
