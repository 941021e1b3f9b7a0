"""pellucid diff: what differs between two runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_folder
from test_report import read

import pellucid as pl
from pellucid.glass.comparison import changes, disagreements


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("diff") / "digits")


def test_it_compares_recipes_curves_weights_and_answers(pellucid: Any, digits: Path) -> None:
    common = ("784-8-10", "--data", digits)
    pellucid("train", *common, "--out", "a")
    pellucid("train", *common, "--epochs", 3, "--learning-rate", 0.05, "--validation", 0.1, "--out", "b")
    result = pellucid("diff", "a", "b")
    assert result.code == 0
    for words in ("learning_rate", "0.05", "validation accuracy", "dense1/W", "They disagree on", "diff.html"):
        assert words in result.out
    page = read(Path("diff.html"))
    assert (page.wrong, page.open) == ([], [])
    assert set(page.references) <= set(page.ids)
    found = pellucid("diff", "a", "b", "--out", "other.html", "--json").json
    assert found["recipe"].keys() == {"epochs", "learning_rate", "validation"}
    a, b = pl.load("a"), pl.load("b")
    for weights in found["weights"]:
        layer, tensor = weights["name"].split("/")
        one, other = (
            np.asarray(getattr(next(part for part in network.layers if part.name == layer), tensor), float)
            for network in (a, b)
        )
        assert weights["distance"] == pytest.approx(np.linalg.norm(other - one))
        place = tuple(weights["largest"][0]["index"])
        assert abs(other - one)[place] == abs(other - one).max()
    _, test = pl.data.load(str(digits))
    differ = a.classify(test.images) != b.classify(test.images)
    assert sorted(image["index"] for image in found["disagreements"]) == np.flatnonzero(differ).tolist()


def test_a_run_and_itself_are_the_same(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--out", "a")
    printed = pellucid("diff", "a", "a").out
    for words in ("The recipes are the same", "as good as", "They disagree on 0 images", "the same, bit by bit"):
        assert words in printed


def test_other_architectures_still_have_answers_to_compare(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--out", "a")
    pellucid("train", "784-9-10", "--data", digits, "--out", "b")
    assert "Their architectures differ" in pellucid("diff", "a", "b").out
    assert pellucid("diff", "a", "nowhere").code == 2
    Path("b/result.json").unlink()
    assert (pellucid("diff", "a", "b").code, "not finished" in pellucid("diff", "a", "b").err) == (2, True)


def test_the_angle_is_that_between_the_weights() -> None:
    a, b = (pl.Network("2-2", dtype="float64") for _ in range(2))
    a.layers[0].W, b.layers[0].W = np.array([[1.0, 0], [0, 0]]), np.array([[1.0, 1], [0, 0]])
    weights, biases = changes(a, b)
    assert weights.angle == pytest.approx(45)
    assert (weights.distance, weights.length) == (1, 1)
    assert weights.largest[0] == ((0, 1), 0.0, 1.0)
    assert (biases.angle, biases.distance) == (None, 0)
    with pytest.raises(pl.UsageError, match="one network is 2-2, the other 2-3"):
        changes(a, pl.Network("2-3"))


def test_disagreements_begin_where_both_are_surest() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (50, 3, 3), dtype=np.uint8), rng.integers(0, 10, 50)
    test = pl.data.Dataset(images, labels)
    a, b = (pl.Network("9-10", seed=seed).evaluate(test) for seed in (0, 1))
    found = disagreements(a, b)
    sure = [min(image.sure) for image in found]
    assert sure == sorted(sure, reverse=True)
    assert len(found) == (a.predicted != b.predicted).sum()
    assert not math.isnan(sure[0])
