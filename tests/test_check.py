"""pellucid check: what is right passes, and each of its mistakes is called by its name."""

from __future__ import annotations

import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from pellucid.glass.check import MISTAKES, Finding, check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent / "build_your_own"))
from mistakes import GENERAL, PHASES, Plant  # noqa: E402

Command = Any
WORKED = (ROOT / "examples" / "build_your_own" / "worked.py").read_text(encoding="utf-8")
SLOW = {"never-ends", "trains-at-import"}  # recognized when the time is over
# Phases 1 and 7 are independent of all others: a file may hold a mistake of each, and one child serves for three.
DATA, *CORE, IMPROVEMENTS = PHASES
OTHERS = [(phase, plant) for phase, plants in enumerate(CORE, 2) for plant in plants]
FILES = [
    [planted for planted in trio if planted]
    for trio in zip_longest(((1, plant) for plant in DATA), OTHERS, ((7, plant) for plant in IMPROVEMENTS))
]


def write(folder: Path, *plants: Plant) -> Path:
    """The worked solution with mistakes in it."""
    text = WORKED
    for _, old, new in plants:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "my_network.py"
    file.write_text(text, encoding="utf-8")
    return file


def name_of(finding: Finding | None) -> str | None:
    return finding.mistake.name if finding and finding.mistake else None


@pytest.mark.parametrize("plants", FILES, ids=lambda plants: "+".join(plant[0] for _, plant in plants))
def test_a_planted_mistake_is_called_by_its_name(plants: list[tuple[int, Plant]], tmp_path: Path) -> None:
    report = check(write(tmp_path, *(plant for _, plant in plants)))
    assert not report.passed
    found = {one.phase.number: name_of(one.finding) for one in report.phases if one.status == "failed"}
    assert found == {phase: name for phase, (name, _, _) in plants}


@pytest.mark.parametrize("plant", GENERAL, ids=lambda plant: plant[0])
def test_what_can_go_wrong_anywhere_has_a_name_too(plant: Plant, tmp_path: Path) -> None:
    report = check(write(tmp_path, plant), seconds=2 if plant[0] in SLOW else 20)
    first = report.early or next(one.finding for one in report.phases if one.status == "failed")
    assert name_of(first) == plant[0], first


def test_every_mistake_that_is_known_is_planted() -> None:
    assert {mistake.name for mistake in MISTAKES} == {name for plants in (GENERAL, *PHASES) for name, _, _ in plants}
    assert len({mistake.name for mistake in MISTAKES}) >= 25
