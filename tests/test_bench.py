"""The races: what they count and say; the races themselves are run by `make benchmark`."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.benchmark import growth, memory, race, report
from pellucid.benchmark.contenders import Contender, channels_last
from pellucid.benchmark.growth import Growth
from pellucid.benchmark.memory import Peak
from pellucid.benchmark.process import FOLDER
from pellucid.benchmark.race import Racer, Result, failures
from pellucid.benchmark.work import LENET5, WORKS, Answering, Work
from pellucid.data.idx import write_dataset
from pellucid.layers.dense import Dense
from pellucid.recipe import find

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

FACTS = {
    "machine": {"cpu": "a CPU"}, "threads": 2, "date": "today", "peak": None, "product_rates": {"NumPy": 2e11},
    "versions": {"PyTorch": "2"}, "pellucid": "1", "commit": "abc",
}  # fmt: skip
GROWN = [Growth("width", "784-width-10", [64, 1024], {"pellucid": [0.1, 0.9], "PyTorch": [0.4, 0.8]})]
PEAKS = [Peak("mapped", 64, 30.0), Peak("read", 64, 90.0), Peak("mapped", 512, 70.0), Peak("read", 512, None)]
RESULTS = [
    Result("PyTorch", "eager", 0.8, [0.8], 1.0, accuracies=[0.91, 0.975], share=0.1),
    Result("pellucid", "native engine", 0.1, [0.1], 0.2, accuracies=[0.92, 0.976], share=0.9),
    Result("PyTorch", "compiled", 0.5, [0.5], 30.0, accuracies=[0.915], share=0.2, stopped="1 of 2 turns: too slow"),
]


def test_the_arithmetic_of_a_training_step() -> None:
    """By hand for 3-2-2: forwards 2·(6 + 4), dW as much, dx of the second layer 2·4."""
    assert Work("3-2-2", "sgd", 1).arithmetic == 20 + 20 + 8


def test_the_arithmetic_of_a_step_of_lenet5() -> None:
    """By hand: maps × places × taps of conv1 and conv2, then the dense layers; three times, but the first twice."""
    conv1, rest = 6 * 28 * 28 * 25, 16 * 10 * 10 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert Work(LENET5, "sgd", 32).arithmetic == 2 * (2 * conv1 + 3 * rest)
    assert Work(LENET5, "sgd", 32).forward_arithmetic == 2 * (conv1 + rest)


def test_a_row_says_what_is_done() -> None:
    assert Work(LENET5, "sgd", 32, examples=12_000).name == "LeNet-5, sgd, batch 32, 12,000 images"
    assert Work("784-16-10", "adam", 8, "standard").name == "784-16-10, adam, batch 8, pixels standard"
    assert [Answering(LENET5, count).name for count in (1, 10_000)] == ["LeNet-5, one image", "LeNet-5, 10,000 images"]


def test_every_library_pools_before_relu() -> None:
    kinds = [layer.name for layer in Work("1x28x28-4C5-BN-MP2-8C3-8C3-MP2-10", "sgd", 1).layers]
    assert kinds[:4] == ["conv1", "bn1", "pool1", "relu1"]
    assert kinds[4:9] == ["conv2", "relu2", "conv3", "pool2", "relu3"]


def test_weights_for_images_with_channels_last_mean_the_same() -> None:
    layers = Work("2x6x5-3C3-4C2-7-2", "sgd", 1).layers
    arrays = channels_last.parameters(layers)
    place = next(place for place, layer in enumerate(layers) if isinstance(layer, Dense))
    flat, dense = layers[place - 1], layers[place]
    assert arrays[0][0][1, 2, 0, 1] == layers[0].W[1, 0, 1, 2]
    x = np.random.default_rng(0).random(flat.input_shape, np.float32)
    np.testing.assert_allclose(x.transpose(1, 2, 0).ravel() @ arrays[place][0], dense.W @ x.ravel(), rtol=1e-5)


def test_the_speedrun_and_its_script_are_the_same_training() -> None:
    recipe = find("speedrun")
    script = (FOLDER / "pytorch_speedrun.py").read_text()
    assert f"lr={recipe.learning_rate}, betas=({recipe.beta1}, {recipe.beta2})" in script
    assert recipe.schedule == "one_cycle,share=" + re.search("pct_start=([0-9.]+)", script)[1]
    assert f"label_smoothing={recipe.label_smoothing}" in script
    assert f"split({recipe.batch_size})" in script
    maps = [int(number) for number in re.findall(r"(?:Conv2d|Linear)\([0-9]+, ([0-9]+)", script)]
    assert maps == [int(number) for number in re.findall(r"(?:^|-)([0-9]+)(?=C|-|$)", recipe.architecture)]


def test_ratios_are_in_units_of_pellucids_best_and_the_fastest_of_a_library_stands_first() -> None:
    ranked = race.with_ratios(RESULTS)
    assert [(r.library, r.style, round(r.ratio, 9)) for r in ranked] == [
        ("pellucid", "native engine", 1.0),
        ("PyTorch", "compiled", 5.0),
        ("PyTorch", "eager", 8.0),
    ]


def test_nobody_wins_by_not_learning() -> None:
    """Who had one turn is compared with the others after one turn."""
    assert not list(failures(RESULTS))
    (failure,) = failures([*RESULTS, Result("JAX", "jit", 0.1, [0.1], 0.1, accuracies=[0.92, 0.95])])
    assert failure == "JAX, jit has learned 95.0% where another has 97.6%"
    assert not list(failures([Result("pellucid", "net.predict", 1e-5, [1e-5], 1e-5, difference=0.0)]))


@pytest.mark.parametrize("difference", [0.1, float("nan")])
def test_nobody_wins_by_answering_something_else(difference: float) -> None:
    (failure,) = failures([Result("JAX", "jit", 1e-5, [1e-5], 1e-5, difference=difference)])
    assert "JAX, jit answers otherwise" in failure


def racer(*taken: float) -> Racer:
    """One that has had its first turn, in which its epochs took so long."""
    made = Racer(Contender("JAX", "jit", lambda number: None, lambda: 0.9), rounds=4)
    made.taken, made.accuracies = list(taken), [0.9]
    return made


def test_a_way_that_cannot_be_the_fastest_gives_up_its_turns() -> None:
    slow = racer(9.0, 2.1)
    slow.judge(best=1.0)
    assert slow.result().seconds == 2.1  # the first epoch compiles
    assert slow.result().stopped == "1 of 5 turns: another way of the library is faster"


def test_who_has_had_all_turns_was_not_stopped() -> None:
    one = racer(9.0, 9.0)
    one.taken, one.accuracies = 5 * one.taken, 5 * one.accuracies
    one.judge(best=1.0)
    assert one.result().stopped == ""


def test_a_contender_stops_where_its_time_is_over_and_goes_on_where_not() -> None:
    for seconds, stops in ((race.BUDGET / 5, False), (race.BUDGET / 3, True)):
        one = racer(seconds, seconds)
        one.judge(best=seconds)
        assert bool(one.stopped) == stops


def test_tables_say_who_how_and_what(tmp_path: Path) -> None:
    ranked = race.with_ratios(RESULTS)
    table = "\n".join(report.lines("some work", ranked))
    assert "pellucid, native engine" in table
    assert "97.60%" in table
    assert "* PyTorch, compiled: 1 of 2 turns: too slow" in table
    assert list(report.markdown({"some work": ranked}))[2] == "| some work | 0.100 s | 5.0† | 90% |"
    report.write(tmp_path, FACTS, {"some work": ranked})
    assert report.read(tmp_path / "bench.json") == (FACTS, {"some work": ranked})
    assert "† Its time was over" in (tmp_path / "bench.md").read_text()
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
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)  # with it the race would begin anew in another process
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)  # it would hold for the tests behind this one
    result = pellucid(
        "bench",
        "--rounds",
        1,
        "--only",
        "784-128-64-10, sgd, batch 128",
        "--data",
        digits_folder,
        "--out",
        "races",
        "--json",
    )
    assert result.code == 0, result.err
    assert [r["work"] for r in result.json["races"]] == [
        work.name for work in WORKS if "784-128-64-10, sgd, batch 128" in work.name
    ]
    assert "JAX does not race: No module named 'JAX'" in result.err
    assert {"bench.json", "bench.md", "bench.png"} == {path.name for path in Path("races").iterdir()}
    assert pellucid("bench", "--only", "nothing", "--data", digits_folder).code == 2


def test_the_document_is_filled_from_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Races of a later folder take the place of those of the same name; rows stand in the order of the command."""
    import fill

    (tmp_path / "docs").mkdir()
    shutil.copy(fill.DOCS / "performance.md", tmp_path / "docs")
    monkeypatch.setattr(fill, "DOCS", tmp_path / "docs")
    first, second = WORKS[0].name, WORKS[1].name
    report.write(tmp_path / "one", FACTS, {second: race.with_ratios(RESULTS)})
    faster = [replace(RESULTS[1], seconds=0.08), RESULTS[0]]
    report.write(tmp_path / "two", FACTS, {second: race.with_ratios(faster), first: race.with_ratios(RESULTS)})
    report.write_growth(tmp_path / "two", FACTS, GROWN, PEAKS)
    monkeypatch.setattr(sys, "argv", ["fill.py", str(tmp_path / "one"), str(tmp_path / "two")])
    fill.main()
    text = (tmp_path / "docs" / "performance.md").read_text()
    assert f"| {first} | 0.100 s | 5.0† | 90% |\n| {second} | 0.080 s | 10.0 | 90% |" in text
    assert "† Its time was over" in text
    assert "512 MiB cannot be had" in text
    assert "(9.00 times)" in text
    assert {path.name for path in (tmp_path / "docs").glob("*.png")} == {"bench.png", "growth.png", "memory.png"}


def test_growth_is_told_in_words_and_drawn() -> None:
    assert list(growth.words(GROWN)) == [
        "width, 64 to 1,024 (784-width-10): pellucid's epoch goes from 0.100 s to 0.900 s (9.00 times); "
        "PyTorch's epoch goes from 0.400 s to 0.800 s (2.00 times)."
    ]
    assert Image.open(io.BytesIO(growth.picture(4 * GROWN, "caption"))).size == (3 * 560, 2 * 380 + 34)


def test_every_point_of_every_axis_can_be_trained() -> None:
    for axis in growth.AXES:
        assert len(axis.numbers) >= 4
        arithmetic = [work.arithmetic * work.examples for work in map(axis.work, axis.numbers)]
        assert axis.name == "batch size" or arithmetic == sorted(arithmetic)


@pytest.mark.skipif(sys.platform != "linux", reason="the cap is Linux's")
def test_a_training_on_a_mapped_file_needs_less_memory_than_the_file_has(tmp_path: Path) -> None:
    """The same training that first reads the file into memory cannot be had under the cap."""
    images, labels = np.zeros((400_000, 28, 28), np.uint8), np.arange(400_000) % 10
    images[:, 0, 0] = labels
    data = pl.data.Dataset(images, labels)
    write_dataset(tmp_path, data, data.subset(slice(100)))
    size = images.nbytes / 2**20
    assert size > 256
    peak = memory.capped(tmp_path, "mapped", cap=256)
    assert peak is not None
    assert peak < size / 2
    assert memory.capped(tmp_path, "read", cap=256) is None


def test_peak_memory_is_told_in_words() -> None:
    assert list(memory.words(PEAKS, cap=300)) == [
        "mapped by pellucid, under a cap of 300 MiB: 64 to 512 MiB of images take 30 to 70 MiB.",
        "read into memory first, under a cap of 300 MiB: 64 to 64 MiB of images take 90 to 90 MiB; "
        "512 MiB cannot be had.",
    ]
    assert Image.open(io.BytesIO(memory.picture(PEAKS, "caption"))).width == 720


@pytest.mark.slow
@pytest.mark.parametrize("only", ["784-128-64-10, adam", "BN", "LN", "LeNet-5, one image", "LeNet-5, 10,000 images"])
def test_all_libraries_race(only: str, digits_folder: Path, tmp_path: Path) -> None:
    """Their answers are compared in the run itself."""
    expected = {"pellucid"}
    for library, module in (
        ("PyTorch", "torch"),
        ("JAX", "jax"),
        ("TensorFlow", "tensorflow"),
        ("scikit-learn", "sklearn"),
    ):
        if importlib.util.find_spec(module) and (library != "scikit-learn" or only.startswith("784")):
            expected.add(library)
    if len(expected) == 1:
        pytest.skip("no other library is installed")
    words = ["bench", "--rounds", "1", "--only", only, "--data", str(digits_folder), "--json"]
    done = subprocess.run([sys.executable, "-m", "pellucid", *words], cwd=tmp_path, capture_output=True, text=True)
    (raced,) = json.loads(done.stdout)["races"]
    assert {r["library"] for r in raced["results"]} == expected
    if "image" in only:
        assert done.returncode == 0, done.stderr
    else:
        for turn in zip_longest(*(r["accuracies"] for r in raced["results"])):  # some have fewer of them
            accuracies = [accuracy for accuracy in turn if accuracy is not None]
            assert max(accuracies) - min(accuracies) < 0.15  # a few steps on few images; the races ask for more
