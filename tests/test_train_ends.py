"""`pellucid train` with averages and ends: what it prints, writes and exits with, also when it is resumed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from test_interrupted import metrics, result, tensors

import pellucid as pl

Command = Any
WORDS = ["784-16-10", "--epochs", 30, "--validation", 0.2]
OVERFITS = [*WORDS, "--limit", 60, "--learning-rate", 3, "--batch-size", 10, "--early-stopping", 3]


def test_early_stopping_says_when_and_which_weights(pellucid: Command, digits_folder: Path) -> None:
    outcome = pellucid("train", *OVERFITS, "--data", digits_folder, "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    losses = [line["validation_loss"] for line in metrics("run")]
    best = losses.index(min(losses)) + 1
    expected = f"early stopping: no better val_loss since epoch {best}; weights of epoch {best}"
    assert outcome.json["stopped"] == expected
    assert outcome.json["epochs"] == len(losses) == best + 3 < 30
    assert f"after {len(losses)} epochs, {expected}" in outcome.err
    again = pellucid("train", "--resume", "run")
    assert f"after {len(losses)} epochs, {expected}" in again.out
    held_out = pl.data.load(digits_folder)[0].subset(slice(60)).split(0.2)[1]
    assert pl.load("run").evaluate(held_out).loss == min(losses)


def test_a_run_that_was_stopped_is_finished_and_not_continued(pellucid: Command, digits_folder: Path) -> None:
    words = [*OVERFITS, "--average", "last,epochs=2", "--data", digits_folder]
    assert pellucid("train", *words, "--out", "whole").code == 0
    assert pellucid("train", *words, "--out", "run").code == 0
    for name in ("result.json", "model.safetensors"):  # as if it had been killed before the test
        Path("run", name).unlink()
    outcome = pellucid("train", "--resume", "run")
    assert outcome.code == 0, outcome.err
    assert "goes on with its test" in outcome.err
    assert "epoch " not in outcome.err.replace("In each epoch", "").partition("goes on with its test")[2]
    assert tensors("run") == tensors("whole")
    assert (result(Path("run")), metrics("run")) == (result(Path("whole")), metrics("whole"))


def test_the_target_accuracy_decides_the_exit_code(pellucid: Command, digits_folder: Path) -> None:
    words = [*WORDS, "--data", digits_folder, "--json"]
    reached = pellucid("train", *words, "--target-accuracy", 0.7, "--out", "reached")
    assert (reached.code, reached.json["target_reached"]) == (0, True)
    assert reached.json["stopped"].startswith("target accuracy: validation accuracy ")
    assert metrics("reached")[-1]["validation_accuracy"] >= 0.7 > metrics("reached")[-2]["validation_accuracy"]
    missed = pellucid("train", *words, "--target-accuracy", 1, "--epochs", 2, "--out", "missed")
    assert (missed.code, missed.json["target_reached"], missed.json["stopped"]) == (1, False, None)
    assert "never reached" in missed.err
    assert pellucid("train", "--resume", "missed").code == 1
    assert pellucid("train", "--resume", "reached").code == 0


def test_a_time_limit_ends_a_run_with_a_model_and_its_test(pellucid: Command, digits_folder: Path) -> None:
    words = ["784-16-10", "--epochs", 10**6, "--time-limit", 0.05, "--data", digits_folder, "--out", "run"]
    outcome = pellucid("train", *words)
    assert outcome.code == 0, outcome.err
    assert "epochs, time limit: 0.05 s of training in epoch" in outcome.out
    values = json.loads(Path("run/result.json").read_text())
    assert values["epochs"] == len(metrics("run"))
    assert values["train_seconds"] >= 0.05
    assert pl.load("run").theta.any()


def test_the_options_stand_in_the_recipe_which_repeats_the_run(pellucid: Command, digits_folder: Path) -> None:
    words = [*OVERFITS, "--average", "ema,decay=0.9", "--target-accuracy", 1, "--time-limit", 1000]
    pellucid("train", *words, "--data", digits_folder, "--out", "one")
    recipe = tomllib.loads(Path("one/recipe.toml").read_text())
    options = {"average": "ema,decay=0.9", "early_stopping": 3, "target_accuracy": 1, "time_limit": 1000}
    assert recipe.items() >= options.items()
    pellucid("train", "one/recipe.toml", "--data", digits_folder, "--out", "two")
    assert tensors("two") == tensors("one")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--early-stopping", 3], "--validation 0.1"),
        (["--target-accuracy", 0.9], "--validation 0.1"),
        (["--target-accuracy", 97, "--validation", 0.1], "a share of 1"),
        (["--average", "mean"], "There is no average called 'mean'"),
        (["--time-limit", -1], "at least 0"),
    ],
)
def test_mistakes_are_usage_errors(pellucid: Command, digits_folder: Path, words: list[Any], message: str) -> None:
    outcome = pellucid("train", "784-4-10", *words, "--data", digits_folder, "--out", "run")
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert not Path("run").exists()
