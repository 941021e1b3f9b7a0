"""The races: what they count and say; the races themselves are run by `make benchmark`."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pellucid.benchmark import race, report
from pellucid.benchmark.race import Result
from pellucid.benchmark.work import WORKS, Work

RESULTS = [
    Result("PyTorch", "eager", 0.8, [0.8], 1.0, accuracy=0.975, share=0.1),
    Result("pellucid", "native engine", 0.1, [0.1], 0.2, accuracy=0.976, share=0.9),
    Result("PyTorch", "compiled", 0.5, [0.5], 30.0, accuracy=0.974, share=0.2),
]


def test_the_arithmetic_of_a_training_step() -> None:
    """By hand for 3-2-1: forwards 2·(6 + 2), dW as much, dx of the second layer 2·2."""
    assert Work("3-2-1", "sgd", 1).arithmetic == 16 + 16 + 4


def test_ratios_are_in_units_of_pellucids_best_and_the_fastest_of_a_library_stands_first() -> None:
    ranked = race.with_ratios(RESULTS)
    assert [(r.library, r.style, round(r.ratio, 9)) for r in ranked] == [
        ("pellucid", "native engine", 1.0),
        ("PyTorch", "compiled", 5.0),
        ("PyTorch", "eager", 8.0),
    ]


def test_nobody_wins_by_not_learning() -> None:
    assert race.all_learned(RESULTS)
    assert not race.all_learned([*RESULTS, Result("JAX", "jit", 0.1, [0.1], 0.1, accuracy=0.1)])
    assert race.all_learned([Result("pellucid", "net.predict", 1e-5, [1e-5], 1e-5)])


def test_tables_say_who_how_and_what(tmp_path: Path) -> None:
    ranked = race.with_ratios(RESULTS)
    table = "\n".join(report.lines("some work", ranked))
    assert "pellucid, native engine" in table
    assert "97.60%" in table
    assert list(report.markdown({"some work": ranked}))[2] == "| some work | 1.0 | 5.0 | 90% |"
    report.write(tmp_path, {"threads": 2}, {"some work": ranked}, "caption")
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert [r["seconds"] for r in kept["races"][0]["results"]] == [0.1, 0.5, 0.8]
    assert Image.open(io.BytesIO((tmp_path / "bench.png").read_bytes())).width > 500


def test_pellucid_races_alone_where_nothing_else_is_installed(
    pellucid: Any, digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = race.module_of

    def module_of(library: str) -> Any:
        if library != "pellucid":
            raise ImportError(f"No module named {library!r}")
        return known(library)

    monkeypatch.setattr(race, "module_of", module_of)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)  # it would hold for the tests behind this one
    result = pellucid(
        "bench", "--rounds", 1, "--only", "sgd, batch 128", "--data", digits_folder, "--out", "races", "--json"
    )
    assert result.code == 0, result.err
    assert [r["work"] for r in result.json["races"]] == [work.name for work in WORKS if "sgd, batch 128" in work.name]
    assert "JAX does not race: No module named 'JAX'" in result.err
    assert {"bench.json", "bench.md", "bench.png"} == {path.name for path in Path("races").iterdir()}
    assert pellucid("bench", "--only", "nothing", "--data", digits_folder).code == 2


@pytest.mark.slow
def test_all_libraries_race(digits_folder: Path, tmp_path: Path) -> None:
    for library in ("torch", "jax", "sklearn"):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"needs {library}")
    words = ["bench", "--rounds", "1", "--only", "adam", "--data", str(digits_folder), "--json"]
    done = subprocess.run([sys.executable, "-m", "pellucid", *words], cwd=tmp_path, capture_output=True, text=True)
    (raced,) = json.loads(done.stdout)["races"]
    assert {r["library"] for r in raced["results"]} == {"pellucid", "PyTorch", "JAX", "scikit-learn"}
    assert all(r["accuracy"] > 0.05 for r in raced["results"])  # a few steps; the races themselves ask for more
