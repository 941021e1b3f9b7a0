"""`pellucid reproduce`: published beside measured, a line for each seed, gone on with where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import write_folder
from PIL import Image

import pellucid as pl
from pellucid import recipe
from pellucid.systems import digit_recognizer
from pellucid.systems.scalar_notes import Fitting, Notes

Command = Any
OUT = Path("runs/reproduce")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (OUT / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[type, int]]:
    """The seeds that scalar-notes is trained from, as they are."""
    seeds: list[tuple[type, int]] = []
    for kind in (Notes, Fitting):

        def run(self: Any, train: Any, test: Any, seed: int, own: Any = kind.run) -> Any:
            seeds.append((type(self), seed))
            return own(self, train, test, seed)

        monkeypatch.setattr(kind, "run", run)
    return seeds


def test_it_prints_the_keys_that_scripts_rely_on(pellucid: Command, digits_folder: Path) -> None:
    result = pellucid("reproduce", "scalar-notes", "--seeds", 3, "--data", digits_folder, "--json")
    assert result.code in (0, 1)
    same, fresh, fitting = result.json["rows"]
    assert {"name", "published", "accuracy_mean", "accuracy_std", "seeds", "train_seconds"} <= same.keys()
    assert [row["name"] for row in (same, fresh, fitting)] == [
        "scalar-notes", "scalar-notes/fresh", "scalar-notes/fitting",
    ]  # fmt: skip
    assert (same["published"], same["published_text"], same["seeds"]) == (0.56, "0.56–0.62", 3)
    assert (fresh["published"], fresh["verdict"], fresh["reproduced"]) == (None, "nothing published", None)
    accuracies = [line["accuracies"]["test"] for line in lines("scalar-notes-fresh")]
    assert fresh["accuracy_mean"] == pytest.approx(sum(accuracies) / 3)
    assert fresh["accuracy_std"] ** 2 == pytest.approx(
        sum((accuracy - fresh["accuracy_mean"]) ** 2 for accuracy in accuracies) / 2
    )
    assert json.loads((OUT / "table.json").read_text()) == result.json


def test_it_prints_a_table_that_a_stranger_can_read_and_its_three_pictures(
    pellucid: Command, digits_folder: Path
) -> None:
    result = pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder)
    head, heading, same, *_ = result.out.splitlines()
    assert head.split() == [
        "what",
        "is",
        "trained",
        "accuracy",
        "on",
        "published",
        "measured",
        "seeds",
        "seconds",
        "verdict",
    ]
    assert heading == "scalar-notes: Mikulej, nn-from-scratch (a repository)"
    assert "0.56–0.62" in same
    assert "±" in same
    assert all(len(line) <= 120 for line in result.out.splitlines() if not line.startswith("data: "))
    assert "600 images" in result.err
    assert "scalar-notes  seed 2/2" in result.err
    assert "left" in result.err
    for name in ("accuracy", "loss", "predictions"):
        with Image.open(OUT / f"scalar-notes-{name}.png") as picture:
            assert picture.width > 500
    assert "| `scalar-notes` | 100 steps on the same 32 images | those 32 |" in (OUT / "table.md").read_text()


def test_seeds_that_are_there_are_not_trained_again(
    pellucid: Command, digits_folder: Path, trained: list[tuple[type, int]]
) -> None:
    pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder)
    first = lines("scalar-notes")
    assert len(trained) == 6
    trained.clear()
    result = pellucid("reproduce", "scalar-notes", "--seeds", 3, "--data", digits_folder, "--json")
    assert trained == [(Notes, 2), (Notes, 2), (Fitting, 2)]
    assert lines("scalar-notes")[:2] == first
    assert [row["seeds"] for row in result.json["rows"]] == [3, 3, 3]
    trained.clear()
    again = pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder, "--json")
    assert not trained
    assert [row["seeds"] for row in again.json["rows"]] == [2, 2, 2]  # the first two


def test_an_interruption_keeps_what_is_done(
    pellucid: Command, digits_folder: Path, trained: list[tuple[type, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Fitting.run

    def interrupted(self: Fitting, *arguments: Any) -> Any:
        if len(trained) == 5:
            raise KeyboardInterrupt
        return own(self, *arguments)

    monkeypatch.setattr(Fitting, "run", interrupted)
    result = pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder, "--json")
    assert (result.code, result.json["exit_code"]) == (130, 130)
    assert "the same command goes on" in result.err
    monkeypatch.setattr(Fitting, "run", own)
    assert pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder).code in (0, 1)
    assert trained == [(Notes, 0), (Notes, 1), (Notes, 0), (Notes, 1), (Fitting, 0), (Fitting, 1)]


def test_a_line_that_was_cut_off_is_trained_again_and_harms_no_other(
    pellucid: Command, digits_folder: Path, trained: list[tuple[type, int]]
) -> None:
    pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder)
    path = OUT / "scalar-notes.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    trained.clear()
    result = pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder, "--json")
    assert trained == [(Notes, 1)]
    assert result.json["rows"][0]["seeds"] == 2
    trained.clear()
    pellucid("reproduce", "scalar-notes", "--seeds", 2, "--data", digits_folder)
    assert not trained


def test_what_other_data_or_settings_came_to_does_not_count(
    pellucid: Command, digits_folder: Path, trained: list[tuple[type, int]], tmp_path: Path
) -> None:
    pellucid("reproduce", "scalar-notes", "--seeds", 1, "--data", digits_folder)
    others = write_folder(tmp_path / "others", train=500)
    trained.clear()
    pellucid("reproduce", "scalar-notes", "--seeds", 1, "--data", others)
    assert len(trained) == 3
    assert len(lines("scalar-notes")) == 2
    pellucid("reproduce", "sixteen-sixteen", "--seeds", 1, "--data", digits_folder)
    pellucid("reproduce", "sixteen-sixteen", "--seeds", 1, "--data", digits_folder, "--quick")
    assert len(lines("sixteen-sixteen")) == 2


def test_a_file_that_is_no_record_is_left_alone_or_named(pellucid: Command, digits_folder: Path) -> None:
    OUT.mkdir(parents=True)
    (OUT / "scalar-notes.jsonl").write_text('[]\n{"seed": 0}\nnot JSON\n' + "[" * 100_000 + "\n")
    assert pellucid("reproduce", "scalar-notes", "--seeds", 1, "--data", digits_folder).code in (0, 1)
    (OUT / "scalar-notes.jsonl").write_bytes(b"\xff\xfe")
    result = pellucid("reproduce", "scalar-notes", "--seeds", 1, "--data", digits_folder)
    assert result.code == 2
    assert "scalar-notes.jsonl cannot be read" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name what to reproduce, or give --all"),
        (["p03", "--all"], "not both"),
        (["scalar-note"], "Did you mean 'scalar-notes'?"),
        (["p03", "--seeds", "0"], "--seeds"),
        (["p03", "--out", "taken/folder"], "taken/folder cannot be made"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    pellucid: Command, digits_folder: Path, arguments: list[str], words: str
) -> None:
    Path("taken").write_text("a file")
    result = pellucid("reproduce", *arguments, "--data", digits_folder)
    assert result.code == 2
    assert words in result.err
    assert not OUT.exists()


def test_a_recipe_with_a_published_figure_is_a_system(
    pellucid: Command, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in recipe.FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = 'source = "A paper"\npublished = "{}"\narchitecture = "*-8-*"\nepochs = 1\n'
    (tmp_path / "paper-2010.toml").write_text(text.format("1%"))
    monkeypatch.setattr(recipe, "FOLDER", tmp_path)
    result = pellucid("reproduce", "paper-2010", "--seeds", 2, "--data", digits_folder, "--json")
    (row,) = result.json["rows"]
    assert (result.code, row["source"], row["what"]) == (0, "A paper", "*-8-*, 1 epochs")
    assert (row["published"], row["verdict"]) == (0.01, "reproduced, beaten")
    (tmp_path / "paper-2010.toml").write_text(text.format("100%"))
    result = pellucid("reproduce", "paper-2010", "--seeds", 3, "--data", digits_folder)
    assert result.code == 1
    assert "not reproduced" in result.out


def test_everything_is_reproduced_in_small(
    pellucid: Command, digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = pellucid("reproduce", "--all", "--quick", "--data", digits_folder, "--json")
    assert result.code in (0, 1)
    names = [row["name"] for row in result.json["rows"]]
    assert names[:3] == ["p03", "glass-from-black-box", "glass-from-black-box/is-it-a-5"]
    assert {row["seeds"] for row in result.json["rows"]} == {3}
    assert [row["measured_on"] for row in result.json["rows"] if row["name"] == "digit-recognizer"] == [
        *digit_recognizer.PUBLISHED
    ]
    remarks = result.json["remarks"]
    assert "dense2/b is wrong first" in "\n".join(remarks["digit-recognizer"])
    assert "13,002 parameters" in remarks["sixteen-sixteen"][0]
    assert "dense6" in "\n".join(remarks["vanishing"])
    assert all(Path(path).exists() for path in result.json["pictures"])


@pytest.mark.slow
def test_on_mnist_the_published_figures_hold(pellucid: Command, mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    source = mnist[0].source
    result = pellucid("reproduce", "five-systems", "--quick", "--data", source, "--json")
    published = [row for row in result.json["rows"] if row["published"] is not None]
    assert {row["name"].partition("/")[0] for row in published} >= {"p03", "scalar-notes", "digit-recognizer"}
    assert all(row["reproduced"] for row in published), published
    assert result.code == 0
    accuracy = {row["name"]: row["accuracy_mean"] for row in result.json["rows"]}
    assert accuracy["vanishing"] > 0.9 > 0.3 > accuracy["vanishing/sigmoid"]
    assert accuracy["glass-from-black-box/is-it-a-5"] > 0.98
