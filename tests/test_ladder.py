"""The ladder of accuracy: its rungs, their goals, and what the repository keeps of each seed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.recipe import changed, find
from pellucid.systems import find as find_systems
from pellucid.systems import ladder
from pellucid.systems.system import Outcome, Protocol
from pellucid.systems.table import lines, markdown, rows_of

Command = Any
ROOT = Path(__file__).parents[1]
RUNGS = list(ladder.systems())


def protocol_of(**changes: Any) -> Protocol:
    return replace(RUNGS[0].protocols[0], **changes)


def committee_of_three() -> tuple[ladder.Climb, ladder.SeedCommittee]:
    """A short recipe as a rung with a committee."""
    climb = ladder.Climb(what="", recipe=changed(find("nielsen-30"), epochs=2), seeds=3)
    return climb, ladder.SeedCommittee(what="", variant="committee", climb=climb, members=3, seeds=1)


def outcomes(*accuracies: float, seconds: float = 1.0) -> list[Outcome]:
    return [Outcome({"test": accuracy}, seconds) for accuracy in accuracies]


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_each_rung_is_a_recipe_with_a_source_a_goal_and_enough_seeds(rung: pl.systems.system.System) -> None:
    protocol, *committees = rung.protocols
    recipe = find(rung.name)
    assert recipe.source
    assert protocol.recipe == recipe
    assert 0.85 < protocol.goal < 1
    assert protocol.seeds >= 3
    assert recipe.validation == 0  # all training images, everything fixed beforehand
    assert not recipe.early_stopping
    assert not recipe.target_accuracy
    for committee in committees:
        assert committee.climb == protocol
        assert committee.members == protocol.seeds
        assert protocol.goal < committee.goal < 1


def test_without_a_goal_of_its_own_a_rung_is_to_beat_what_was_published() -> None:
    (protocol,) = find_systems(["lecun-300"])[0].protocols
    assert protocol.goal == pytest.approx(1 - 0.047)


def test_the_whole_ladder_has_a_name() -> None:
    assert [system.name for system in find_systems(["ladder"])] == [rung.recipe for rung in ladder.RUNGS]
    assert [system.name for system in find_systems(["linear", "ladder"])] == [rung.recipe for rung in ladder.RUNGS]


@pytest.mark.parametrize(
    ("accuracies", "seconds", "seeds", "reached", "verdict"),
    [
        ((0.995, 0.997), 1.0, 2, True, "reached"),
        ((0.994, 0.995), 1.0, 2, False, "short by 0.050 points"),
        ((0.995, 0.995), 17.5, 2, False, "2.5 s too slow"),
        ((0.994, 0.994), 17.5, 2, False, "short by 0.100 points, 2.5 s too slow"),
        ((0.995,), 1.0, 2, None, "reached so far: 1 of 2 seeds"),
    ],
)
def test_the_verdict_says_by_how_much_a_goal_is_missed(
    accuracies: tuple[float, ...], seconds: float, seeds: int, reached: bool | None, verdict: str
) -> None:
    protocol = protocol_of(goal=0.995, time_limit=15.0, seeds=seeds)
    (row,) = rows_of(RUNGS[0], protocol, outcomes(*accuracies, seconds=seconds))
    assert (row.reached, row.verdict) == (reached, verdict)


def test_rungs_and_other_systems_have_tables_of_their_own() -> None:
    (rung,) = rows_of(RUNGS[0], protocol_of(goal=0.995, time_limit=15.0), outcomes(0.9962, 0.9964))
    (other,) = rows_of(RUNGS[0], protocol_of(goal=0.0), outcomes(0.5))
    text = list(lines([rung, other]))
    assert [line.split()[:3] for line in text if "measured" in line] == [["what", "is", "trained"]] * 2
    assert "99.5%" in text[-1]
    assert "99.63% ± 0.01" in text[-1]
    assert all(len(line) <= 120 for line in text if line.startswith("  "))
    assert sum(line.startswith("|---") for line in markdown([rung, other])) == 2


def test_a_digest_knows_what_changes_a_result_and_nothing_else(
    digits: tuple[pl.data.Dataset, pl.data.Dataset],
) -> None:
    protocol = RUNGS[0].protocols[0]
    recipe = protocol.recipe
    alike = [
        replace(protocol, what="other words", seeds=3, goal=0.1, time_limit=9.0),
        replace(protocol, recipe=changed(recipe, source="other", published="1%", seed=4)),
    ]
    assert {other.digest(digits) for other in alike} == {protocol.digest(digits)}
    assert replace(protocol, recipe=changed(recipe, epochs=21)).digest(digits) != protocol.digest(digits)
    assert protocol.digest(digits[::-1]) != protocol.digest(digits)


def test_quickly_the_ladder_is_its_short_part(pellucid: Command, digits_folder: Path) -> None:
    result = pellucid("reproduce", "ladder", "--quick", "--seeds", 1, "--data", digits_folder, "--json")
    assert result.code in (0, 1)
    names = [row["name"] for row in result.json["rows"]]
    assert names == [rung.recipe for rung in ladder.RUNGS if rung.seeds >= 10]
    long = [rung.recipe for rung in ladder.RUNGS if rung.seeds < 10]
    assert f"they take longer: {', '.join(long)}." in result.err


class Stopper(pl.Callback):
    """Counts epochs, and interrupts in the one of that number."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.epochs = at, 0

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.epochs += 1
        if self.epochs == self.at:
            raise KeyboardInterrupt


def test_a_long_training_goes_on_where_it_was_stopped_and_leaves_its_model(
    digits: tuple[pl.data.Dataset, pl.data.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.run.AFTER_EPOCH", 0)
    monkeypatch.setattr("pellucid.run.SHARE", 1e9)  # a checkpoint after each epoch
    protocol = protocol_of(recipe=changed(find("nielsen-30"), epochs=6), seeds=3)
    with pytest.raises(KeyboardInterrupt):
        protocol.go_on(*digits, 1, tmp_path, [Stopper(at=4)])
    assert not list(tmp_path.glob("models/*"))
    rest = Stopper()
    outcome = protocol.go_on(*digits, 1, tmp_path, [rest])
    assert rest.epochs == 3
    whole = protocol.run(*digits, 1)
    assert (outcome.accuracies, outcome.notes) == (whole.accuracies, whole.notes)
    (model,) = tmp_path.glob("models/*")
    assert pl.load(model).evaluate(digits[1]).accuracy == outcome.accuracies["test"]
    assert not list(tmp_path.glob("work/*"))


def test_a_committee_gathers_the_models_that_are_there_and_trains_the_rest(
    digits: tuple[pl.data.Dataset, pl.data.Dataset], tmp_path: Path
) -> None:
    rung, committee = committee_of_three()
    single = rung.go_on(*digits, 1, tmp_path, [])
    counter = Stopper()
    together = committee.go_on(*digits, 0, tmp_path, [counter])
    assert counter.epochs == 2 * rung.recipe.epochs
    members = [rung.go_on(*digits, seed, tmp_path, [counter]) for seed in range(3)]
    assert counter.epochs == 2 * rung.recipe.epochs
    assert members[1] == single
    assert together.train_seconds == sum(member.train_seconds for member in members)
    whole = pl.load(tmp_path / "models" / "nielsen-30-committee.safetensors")
    assert isinstance(whole, pl.Committee)
    assert len(whole) == 3
    networks = [changed(rung.recipe, seed=seed).make_network((28, 28), digits[0].classes) for seed in range(3)]
    for seed, network in enumerate(networks):
        pl.fit(network, digits[0], **(rung.recipe.fit_options() | {"seed": seed}))
    mean = np.mean([network.predict(digits[1].images) for network in networks], axis=0)
    assert together.accuracies["test"] == np.mean(mean.argmax(axis=1) == digits[1].labels)


def test_a_committee_takes_no_model_of_another_recipe(
    digits: tuple[pl.data.Dataset, pl.data.Dataset], tmp_path: Path
) -> None:
    rung, _ = committee_of_three()
    rung.go_on(*digits, 0, tmp_path, [])
    other = replace(rung, recipe=changed(rung.recipe, learning_rate=0.01))
    outcome = other.go_on(*digits, 0, tmp_path, [])
    assert (outcome.accuracies, outcome.notes) == ((run := other.run(*digits, 0)).accuracies, run.notes)


def test_a_committee_is_one_however_many_seeds_are_asked_for() -> None:
    rung, committee = committee_of_three()
    assert [rung.seeds_taken(7), rung.seeds_taken(None)] == [7, 3]
    assert [committee.seeds_taken(7), committee.seeds_taken(None)] == [1, 1]


def test_a_committee_is_a_second_row_of_its_rung(
    pellucid: Command, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "RUNGS", (ladder.Rung("nielsen-30", 99, 60, 3, ("1.5% error", 98.5)),))
    result = pellucid("reproduce", "nielsen-30", "--quick", "--data", digits_folder, "--out", tmp_path, "--json")
    single, together = result.json["rows"]
    assert (single["name"], single["seeds"], single["time_limit"]) == ("nielsen-30", 3, 60)
    assert (together["name"], together["seeds"], together["time_limit"]) == ("nielsen-30/committee", 1, 180)
    assert together["goal"] == pytest.approx(0.015)
    assert together["published"] == pytest.approx(0.985)
    assert together["reached"]
    models = {path.stem for path in (tmp_path / "models").iterdir()}
    assert models == {"nielsen-30-0", "nielsen-30-1", "nielsen-30-2", "nielsen-30-committee"}
    again = pellucid("reproduce", "nielsen-30", "--quick", "--data", digits_folder, "--out", tmp_path, "--json")
    assert again.json["rows"] == result.json["rows"]


@pytest.mark.slow
def test_on_mnist_each_short_rung_is_reached(pellucid: Command, mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    result = pellucid("reproduce", "ladder", "--quick", "--seeds", 1, "--data", mnist[0].source, "--json")
    spread = 0.0015  # of single seeds about their mean
    for row in result.json["rows"]:
        assert row["accuracy_mean"] > row["goal"] - spread, row


# results/ and docs/results.md

DOCUMENT = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
TABLE = DOCUMENT.partition("<!-- table -->")[2].partition("<!-- /table -->")[0]


def test_the_document_has_a_line_for_each_rung() -> None:
    expected = [rung.name for rung in RUNGS for _ in rung.protocols]
    assert re.findall(r"^\| \[([a-z0-9-]+)\]", TABLE, re.MULTILINE) == expected


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.jsonl")), ids=lambda path: path.stem)
def test_what_the_repository_keeps_of_each_seed_is_small_and_whole(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {"seed", "digest", "accuracies", "train_seconds", "notes"} <= rows[0].keys()
    assert all(0 < row["accuracies"]["test"] <= 1 for row in rows)
    assert path.stat().st_size < 50_000


def test_the_documents_table_is_what_the_repository_keeps(
    mnist: tuple[pl.data.Dataset, pl.data.Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import results

    assert TABLE.strip() == "\n".join(results.table(mnist, ROOT / "results"))
