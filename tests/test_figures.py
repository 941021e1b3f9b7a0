"""Published figures, and when they count as reproduced."""

from __future__ import annotations

import pytest

import pellucid as pl
from pellucid.figures import PublishedFigure
from pellucid.recipe import read


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("0.872", 0.872, 0.872),
        ("> 95%", 0.95, 0.95),
        ("0.56–0.62", 0.56, 0.62),
        ("97.1 % to 96.9 %", 0.969, 0.971),
        ("99.04% ± 0.07", 0.9904, 0.9904),
        ("1.6% error", 0.984, 0.984),
        ("0.8% to 0.95% error", 0.9905, 0.992),
    ],
)
def test_a_figure_is_read_from_its_authors_words(text: str, least: float, most: float) -> None:
    published = PublishedFigure.of(text)
    assert (published.least, published.most) == pytest.approx((least, most))
    assert published.text == text


@pytest.mark.parametrize("text", ["", "a lot", "98", "101%", "0.1 0.2 0.3", "120% error"])
def test_what_is_no_accuracy_is_refused(text: str) -> None:
    with pytest.raises(pl.UsageError, match=r"accuracy such as 0\.872, > 95% or an error such as 1\.6% error"):
        PublishedFigure.of(text)


@pytest.mark.parametrize(
    ("text", "mean", "deviation", "seeds", "reproduced", "words"),
    [
        ("0.87", 0.86, 0.01, 20, True, "reproduced"),
        ("0.87", 0.88, 0.01, 20, True, "reproduced"),
        ("0.87", 0.90, 0.01, 20, True, "reproduced, beaten"),
        ("0.87", 0.84, 0.01, 20, False, "not reproduced"),
        ("0.56–0.62", 0.60, 0.001, 20, True, "reproduced"),
        ("> 95%", 0.982, 0.001, 5, True, "reproduced, beaten"),
        ("> 95%", 0.982, 0.0, 1, True, "reproduced, beaten"),
        ("> 95%", 0.93, 0.0, 1, None, "too few seeds"),
        ("> 95%", 0.949, 0.0001, 2, None, "too few seeds"),
    ],
)
def test_reproduced_is_within_two_deviations_or_beaten(
    text: str, mean: float, deviation: float, seeds: int, reproduced: bool | None, words: str
) -> None:
    assert PublishedFigure.of(text).verdict(mean, deviation, seeds) == (reproduced, words)


def test_a_recipe_carries_its_figure(tmp_path: pl.recipe.Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text('architecture = "784-800-10"\npublished = "98.4%"\n')
    assert read(path).published == "98.4%"
    path.write_text('architecture = "784-800-10"\npublished = "excellent"\n')
    with pytest.raises(pl.UsageError, match=r"deep\.toml: The published figure is 'excellent'"):
        read(path)
