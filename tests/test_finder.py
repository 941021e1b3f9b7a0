"""The search for a learning rate: it changes nothing, sees where the loss is lowest, and says what it saw."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.data import Dataset
from pellucid.glass import rates

Command = Any
OPTIMIZERS = [pl.SGD(), pl.SGD(momentum=0.9), pl.Adam(), pl.RMSProp(), pl.Lion(), pl.Adagrad()]


@pytest.fixture(scope="module")
def blobs() -> Dataset:
    """Three classes around three points, as images of 4 × 4 pixels: easy, so that the search must find a good rate."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    centres = rng.integers(60, 200, (3, 4, 4))
    return Dataset(
        np.clip(centres[labels] + rng.normal(0, 30, (600, 4, 4)), 0, 255).astype(np.uint8),
        labels,
        classes=("0", "1", "2"),
    )


def network(classes: int = 3) -> pl.Network:
    return pl.Network(f"16-20-{classes}", seed=1)


def test_the_rate_rises_by_equal_factors_and_the_network_stays_as_it_is(blobs: Dataset) -> None:
    net = network()
    before = net.theta.copy()
    search = pl.find_learning_rate(net, blobs, steps=400, low=1e-5, high=1e-2, batch_size=20)
    assert np.array_equal(net.theta, before)
    assert net.stop_training is False
    assert len(search.rates) == 390  # 13 epochs of 30 steps are nearest to 400
    np.testing.assert_allclose(search.rates[1:] / search.rates[:-1], (1e-2 / 1e-5) ** (1 / 390), rtol=1e-9)
    assert search.rates[0] == 1e-5
    assert not search.diverged


def test_the_first_losses_are_those_of_the_network_as_it_is(blobs: Dataset) -> None:
    search = pl.find_learning_rate(network(), blobs, batch_size=600, steps=20, low=1e-9, high=2e-9)
    np.testing.assert_allclose(search.losses, network().evaluate(blobs).loss, rtol=1e-5)
    np.testing.assert_allclose(search.smoothed, search.losses, rtol=1e-5)  # the mean of equals, from the first on


def test_the_smoothed_loss_is_the_running_mean_that_weighs_each_step_095_of_the_next(blobs: Dataset) -> None:
    search = pl.find_learning_rate(network(), blobs, steps=100)
    for step in (1, 7, len(search.losses) - 1):
        weights = 0.95 ** np.arange(step, -1, -1)
        assert search.smoothed[step] == pytest.approx((weights @ search.losses[: step + 1]) / weights.sum())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ["reference", "auto"])
def test_the_search_ends_where_the_loss_runs_away(blobs: Dataset, optimizer: Any, engine: str) -> None:
    search = pl.find_learning_rate(network(), blobs, optimizer=optimizer, batch_size=20, high=1e6, engine=engine)
    assert search.diverged
    assert search.rates[-1] < 1e6
    assert search.rates[0] < search.recommended < search.lowest < search.rates[-1]
    assert search.recommended == pytest.approx(search.lowest / 4, rel=0.05)


def test_the_recommended_rate_trains_nearly_as_well_as_the_best_of_many(blobs: Dataset) -> None:
    def loss_at(rate: float) -> float:
        net = network()
        pl.fit(net, blobs, epochs=3, batch_size=20, optimizer=pl.SGD(rate))
        return net.evaluate(blobs).loss

    start = network().evaluate(blobs).loss
    recommended = pl.find_learning_rate(network(), blobs, batch_size=20).recommended
    best = min(loss_at(rate) for rate in np.geomspace(1e-4, 1, 9))
    assert start - loss_at(recommended) > 0.85 * (start - best)


def test_everything_else_of_the_training_is_as_it_will_be(blobs: Dataset) -> None:
    options = {"steps": 60, "seed": 3, "low": 1e-4, "high": 1e-2}
    plain = pl.find_learning_rate(network(), blobs, **options)
    for option in ({"augment": "shift1"}, {"class_weights": "0=5"}, {"l2": 1.0}, {"label_smoothing": 0.3}):
        assert not np.array_equal(pl.find_learning_rate(network(), blobs, **options, **option).losses, plain.losses)


def test_the_search_warns_of_none_of_the_rates_that_it_tries(blobs: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    pl.find_learning_rate(network(), blobs, high=1e6)
    assert not caplog.records


def test_plain_arrays_will_do(blobs: Dataset) -> None:
    images = (blobs.images / 255).astype(np.float32)
    assert pl.find_learning_rate(network(), images, blobs.labels, steps=100).recommended > 0


def test_rates_out_of_order_are_refused(blobs: Dataset) -> None:
    for low, high in ((1, 0.1), (0, 1), (1, float("inf")), (1, 1)):
        with pytest.raises(pl.UsageError, match="rise from low to high"):
            pl.find_learning_rate(network(), blobs, low=low, high=high)


@pytest.mark.parametrize("option", [{"epochs": 3}, {"schedule": "cosine"}, {"validation": 0.1}, {"early_stopping": 2}])
def test_options_that_a_search_has_no_use_for_are_refused(blobs: Dataset, option: dict[str, Any]) -> None:
    with pytest.raises(pl.UsageError, match=f"no use for {next(iter(option))}"):
        pl.find_learning_rate(network(), blobs, **option)


def test_words_say_what_was_seen(blobs: Dataset) -> None:
    first, last = rates.words(pl.find_learning_rate(network(), blobs, batch_size=20, high=1e6))
    assert "the learning rate rose from 1.0e-06 to" in first
    assert "beyond that the weights run away" in last
    *_, still = rates.words(pl.find_learning_rate(network(), blobs, low=1e-4, high=1e-2))
    assert "look there with --high" in still
    tiny = rates.words(pl.find_learning_rate(network(), blobs, low=1e-12, high=1e-11))
    assert any("learns nothing at any of these rates" in sentence for sentence in tiny)


def test_the_picture_marks_the_recommended_rate(blobs: Dataset) -> None:
    search = pl.find_learning_rate(network(), blobs, batch_size=20, high=1e6)
    with Image.open(io.BytesIO(rates.picture(search, "a search"))) as picture:
        dark = np.asarray(picture.convert("L")) < 80
    upright = dark[110:300].mean(axis=0)  # of the height of the axes
    share = np.log(search.recommended / search.rates[0]) / np.log(search.rates[-1] / search.rates[0])
    assert upright.argmax() == pytest.approx(62 + share * (720 - 62 - 22), abs=3)
    assert upright.max() > 0.9


def test_the_command(pellucid: Command, digits_folder: Path) -> None:
    words = ("784-16-10", "--data", digits_folder, "--steps", 60)
    result = pellucid("find-lr", *words, "--optimizer", "adam", "--out", "a.png")
    assert result.code == 0, result.err
    assert "recommended learning rate" in result.out
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(pellucid("find-lr", *words, "--json").out)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert found["learning_rate"] == pytest.approx(found["lowest_at"] / 4, rel=0.05)
    assert Path(found["picture"]) == Path("runs/learning-rate.png")
    assert pellucid("find-lr", *words, "--low", 1, "--high", 0.1).code == 2
