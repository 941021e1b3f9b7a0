"""The network that comes with pellucid: small, made by its recipe, and good at digits of other hands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawn_digits
from PIL import Image

import pellucid as pl
from pellucid.data import strokes
from pellucid.files.model import read_model
from pellucid.loading import PRETRAINED
from pellucid.recipe import find

Command = Any


def test_it_is_under_a_megabyte_and_says_how_it_was_made() -> None:
    assert PRETRAINED.stat().st_size < 1_000_000
    _, about = read_model(PRETRAINED)
    made = pl.Recipe(**about["made"]["recipe"])
    recipe = find("pretrained")
    network = recipe.make_network()
    assert made.architecture == network.architecture
    for name in ("optimizer", "learning_rate", "schedule", "augment", "label_smoothing", "average", "epochs", "seed"):
        assert getattr(made, name) == getattr(recipe, name), name
    assert about["made"]["result"]["test_accuracy"] >= 0.995


def test_the_word_opens_it_and_a_path_of_that_name_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = pl.Network("784-10", seed=1)
    network.save("pretrained")
    assert pl.load("pretrained").architecture == find("pretrained").architecture
    assert pl.load(Path("pretrained")).architecture == "784-10"


def test_it_reads_nearly_all_test_images_of_mnist(mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    network = pl.load("pretrained")
    evaluation = network.evaluate(mnist[1])
    assert evaluation.accuracy >= 0.995
    _, about = read_model(PRETRAINED)
    assert evaluation.accuracy == pytest.approx(about["made"]["result"]["test_accuracy"], abs=2e-4)


def test_it_reads_freehand_strokes_that_it_never_saw() -> None:
    assert pl.load("pretrained").evaluate(strokes.load()).accuracy >= 0.98


def test_it_works_without_data_and_without_network(tmp_path: Path) -> None:
    images, labels = drawn_digits(20, seed=3)
    canvas = np.full((120, 120), 250, np.uint8)
    canvas[40:96, 30:86] = 250 - np.repeat(np.repeat(images[7], 2, 0), 2, 1) // 255 * 220
    Image.fromarray(canvas).save(tmp_path / "photo.png")
    hidden = ("PELLUCID_DATA", "HOME", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pellucid", "predict", "pretrained", "photo.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"photo.png: {labels[7]} ")
