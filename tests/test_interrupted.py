"""Runs that are interrupted, killed and damaged, and what `pellucid train --resume` makes of them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import BOTH, write_folder
from safetensors.numpy import load_file

import pellucid as pl
from pellucid.cli.interruption import Interruption
from pellucid.engine.compiled import missing
from pellucid.files.atomic import held
from pellucid.files.checkpoint import LAST, PREVIOUS, read_checkpoint

Command = Any
RECIPE = ["784-16-10", "--optimizer", "adam", "--batch-size", 32, "--epochs", 3, "--validation", 0.1]  # 17 steps each
LITTER = ".checkpoint.safetensors.0123abcd.tmp"


def tensors(folder: Path | str) -> dict[str, bytes]:
    return {name: tensor.tobytes() for name, tensor in load_file(Path(folder) / "model.safetensors").items()}


def metrics(folder: Path | str) -> list[dict[str, float]]:
    """The lines of metrics.jsonl without what the clock says."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line.keys() - {"seconds", "images_per_second"}} for line in lines]


@pytest.fixture
def whole(pellucid: Command, digits_folder: Path) -> Path:
    """A run never stopped."""
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "whole").code == 0
    return Path("whole").absolute()


@pytest.fixture
def cut(pellucid: Command, digits_folder: Path, interrupt: Any) -> Path:
    """The same run, interrupted in its third epoch; its last checkpoint but one is of step 40."""
    interrupt(43)
    options = ["--data", digits_folder, "--out", "cut", "--checkpoint-every", 20]
    result = pellucid("train", *RECIPE, *options)
    assert result.code == 130, result.err
    assert "pellucid train --resume cut" in result.err
    interrupt(None)
    return Path("cut").absolute()


@pytest.mark.parametrize("asked", [1, 16, 17, 18, 19, 53, 54])  # in an epoch, at its last step, after its validation
def test_interrupted_and_resumed_is_the_same_as_never_stopped(
    pellucid: Command, digits_folder: Path, whole: Path, interrupt: Any, asked: int
) -> None:
    interrupt(asked)
    result = pellucid("train", *RECIPE, "--data", digits_folder, "--out", "cut", "--json")
    assert (result.code, result.json["exit_code"]) == (130, 130)
    assert pl.load("cut").theta.any()  # the weights so far are a model
    interrupt(None)
    resumed = pellucid("train", "--resume", "cut", "--json")
    assert resumed.code == 0, resumed.err
    assert tensors("cut") == tensors(whole)
    assert metrics("cut") == metrics(whole)
    assert [line["epoch"] for line in metrics("cut")] == [1, 2, 3]
    expected = json.loads((whole / "result.json").read_text())
    assert {key for key in expected if resumed.json[key] != expected[key]} <= {
        "train_seconds",
        "images_per_second",
        "run",
    }
    assert "figures" in {path.name for path in Path("cut").iterdir()}


def test_many_interruptions_are_as_good_as_none(
    pellucid: Command, digits_folder: Path, whole: Path, interrupt: Any
) -> None:
    interrupt(7)
    assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", "cut").code == 130
    for _ in range(6):
        interrupt(7)
        assert pellucid("train", "--resume", "cut").code == 130
    interrupt(None)
    assert pellucid("train", "--resume", "cut").code == 0
    assert tensors("cut") == tensors(whole)
    assert metrics("cut") == metrics(whole)


def test_a_resume_says_where_it_goes_on_and_takes_the_runs_own_options(pellucid: Command, cut: Path) -> None:
    setup = json.loads((cut / "run.json").read_text())
    assert setup["engine"] == ("reference" if missing() else "native")
    assert (setup["threads"], setup["checkpoint_every"]) == (None, 20)
    assert Path(setup["data"]).is_absolute()
    result = pellucid("train", "--resume", cut)
    assert "cut goes on in epoch 3 of 3, after 41 steps" in result.err
    assert result.err.count("epoch 3/3") == 1
    assert "epoch 2/3" not in result.err


def test_a_finished_run_shows_its_result_again(pellucid: Command, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    result = pellucid("train", "--resume", whole, "--json")
    assert result.code == 0
    assert {**result.json, "run": "whole"} == json.loads((whole / "result.json").read_text())
    text = pellucid("train", "--resume", whole)
    assert "is finished" in text.err
    assert f"test accuracy {result.json['test_accuracy']:.2%}" in text.out
    assert "over 3 epochs" in text.out
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*")}


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"test_accuracy": "high"}', "[" * 100_000])
def test_a_damaged_result_is_made_again(pellucid: Command, whole: Path, content: str) -> None:
    before, model = json.loads((whole / "result.json").read_text()), tensors(whole)
    (whole / "result.json").write_text(content)
    result = pellucid("train", "--resume", whole, "--json")
    assert (result.code, {**result.json, "run": "whole"}) == (0, before)
    assert tensors(whole) == model


def test_the_last_step_may_be_all_that_is_missing(pellucid: Command, whole: Path) -> None:
    """Killed after training, before or in the midst of the test: nothing is left to train."""
    model = tensors(whole)
    for name in ("result.json", "model.safetensors"):
        (whole / name).unlink()
    assert "pellucid train --resume" in pellucid("test", whole).err
    assert "goes on with its test, after 51 steps" in pellucid("train", "--resume", whole).err
    assert tensors(whole) == model


def test_a_run_without_a_checkpoint_starts_from_its_recipe(pellucid: Command, whole: Path, cut: Path) -> None:
    for name in (LAST, PREVIOUS, "model.safetensors"):
        (cut / name).unlink()
    result = pellucid("train", "--resume", cut)
    assert "has no checkpoint yet: it starts from its recipe" in result.err
    assert tensors(cut) == tensors(whole)
    assert metrics(cut) == metrics(whole)


@pytest.mark.parametrize("damage", ["cut short", "flipped", "emptied", "missing"])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    pellucid: Command, whole: Path, cut: Path, damage: str
) -> None:
    content = (cut / LAST).read_bytes()
    flipped = content[:5000] + bytes([content[5000] ^ 8]) + content[5001:]
    (cut / LAST).write_bytes({"cut short": content[:-9], "flipped": flipped}.get(damage, b""))
    if damage == "missing":
        (cut / LAST).unlink()
    result = pellucid("train", "--resume", cut)
    assert result.code == 0, result.err
    assert f"{cut / LAST} " in result.err
    assert f"Resuming from {cut / PREVIOUS}" in result.err
    assert "after 40 steps" in result.err
    assert tensors(cut) == tensors(whole)
    assert metrics(cut) == metrics(whole)


def test_two_damaged_checkpoints_are_exit_4(pellucid: Command, cut: Path) -> None:
    for name in (LAST, PREVIOUS):
        (cut / name).write_bytes(b"no checkpoint")
    result = pellucid("train", "--resume", cut)
    assert (result.code, result.out) == (4, "")
    assert "neither of its checkpoints is whole" in result.err
    assert len(metrics(cut)) == 2  # nothing else was touched


@pytest.mark.parametrize("content", ['{"epoch": 1', "", "\0\0\0", '{"epoch": 9, "loss": 1}\n' * 30])
def test_metrics_are_cut_back_to_the_checkpoint(pellucid: Command, whole: Path, cut: Path, content: str) -> None:
    (cut / "metrics.jsonl").write_text(content)
    assert pellucid("train", "--resume", cut).code == 0
    assert metrics(cut) == metrics(whole)


def test_other_data_are_refused_naming_both(pellucid: Command, cut: Path, digits_folder: Path, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", train=590)
    result = pellucid("train", "--resume", cut, "--data", other)
    assert result.code == 3
    assert f"600 images from {digits_folder}" in result.err
    assert f"590 images from {other}" in result.err


def test_data_that_were_moved_are_found_by_their_new_place(
    pellucid: Command, cut: Path, whole: Path, digits_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(digits_folder, tmp_path / "moved")
    assert pellucid("train", "--resume", cut, "--data", tmp_path / "moved").code == 0
    assert json.loads((cut / "run.json").read_text())["data"] == str(tmp_path / "moved")
    assert tensors(cut) == tensors(whole)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recipe.toml", "epochs =", "is not TOML"),
        ("recipe.toml", 'architecture = "784-16-10"', "has optimizer 'Adam"),
        ("run.json", "{", "run.json is damaged"),
        ("run.json", "{}", "run.json is damaged"),
        ("run.json", '{"data": 7}', "run.json is damaged"),
        ("run.json", "[" * 100_000, "run.json is damaged"),
        ("run.json", None, "run.json cannot be read"),
    ],
)
def test_a_folder_that_was_tampered_with_is_a_usage_error(
    pellucid: Command, cut: Path, name: str, content: str | None, message: str
) -> None:
    (cut / name).unlink()
    if content is not None:
        (cut / name).write_text(content)
    result = pellucid("train", "--resume", cut)
    assert (result.code, result.out) == (2, ""), result.err
    assert message in result.err


def test_what_a_kill_left_of_a_write_is_swept_and_nothing_else(pellucid: Command, cut: Path) -> None:
    for name in (LITTER, ".notes.txt.0123abcd.tmp", "notes.txt"):
        (cut / name).write_text("half")
    assert pellucid("train", "--resume", cut).code == 0
    names = {path.name for path in cut.iterdir()}
    assert LITTER not in names
    assert {".notes.txt.0123abcd.tmp", "notes.txt"} <= names


def test_what_a_kill_left_before_the_run_began_is_no_obstacle(pellucid: Command, digits_folder: Path) -> None:
    Path("run").mkdir()
    for name in ("run.json", ".recipe.toml.0123abcd.tmp"):
        Path("run", name).write_text("{")
    assert pellucid("train", "784-4-10", "--epochs", 1, "--data", digits_folder, "--out", "run").code == 0
    assert not Path("run/.recipe.toml.0123abcd.tmp").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no flock")
def test_two_processes_do_not_go_on_with_one_run(pellucid: Command, cut: Path, whole: Path) -> None:
    with held(cut) as free:
        assert free
        result = pellucid("train", "--resume", cut)
        assert result.code == 2
        assert "Another process is training in" in result.err
    assert pellucid("train", "--resume", cut).code == 0
    assert tensors(cut) == tensors(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no flock")
def test_two_processes_do_not_begin_in_one_folder(pellucid: Command, digits_folder: Path) -> None:
    Path("run").mkdir()
    with held(Path("run")):
        result = pellucid("train", "784-4-10", "--data", digits_folder, "--out", "run")
    assert result.code == 2
    assert "Another process is training in run" in result.err
    assert not list(Path("run").iterdir())


def test_the_first_signal_is_a_wish_and_the_second_an_order() -> None:
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(KeyboardInterrupt), Interruption() as interruption:
        assert not interruption()
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Interruption():  # a wish that came too late
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_training_of_the_library_leaves_signals_alone(digits: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    class Signal(pl.Callback):
        def on_chunk_end(self, logs: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        pl.fit(pl.Network("784-4-10"), digits[0], epochs=1, callbacks=[Signal()])


def test_checkpoints_come_now_and_then(pellucid: Command, digits_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid import run

    written = []
    monkeypatch.setattr(run, "write_checkpoint", lambda folder, tensors, about: written.append(about["step"]))
    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1e-9)
    for after, within, expected in ((10, 60, [51]), (0, 60, [17, 34, 51]), (10, 0, [*range(1, 52), 51])):
        monkeypatch.setattr(run, "AFTER_EPOCH", after)
        monkeypatch.setattr(run, "WITHIN_EPOCH", within)
        monkeypatch.setattr(run, "SHARE", 1e9)
        assert pellucid("train", *RECIPE, "--data", digits_folder, "--out", f"{after}-{within}").code == 0
        assert written == expected
        written.clear()


# Real processes, real signals


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pellucid", "train", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_and_resume_end_in_the_same_bytes(digits_folder: Path, tmp_path: Path) -> None:
    words = ["784-16-10", "--optimizer", "adam", "--batch-size", 4, "--epochs", 60, "--data", digits_folder]
    out, err = start(*words, "--out", tmp_path / "whole").communicate(timeout=120)
    assert "test accuracy" in out, err
    process = start(*words, "--out", tmp_path / "cut")
    lines, deadline = tmp_path / "cut" / "metrics.jsonl", time.monotonic() + 60
    while not (lines.exists() and lines.read_text().count("\n") >= 2):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert f"pellucid train --resume {tmp_path / 'cut'}" in err
    out, err = start("--resume", tmp_path / "cut").communicate(timeout=120)
    assert "test accuracy" in out, err
    assert tensors(tmp_path / "cut") == tensors(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


DENSE = ["784-D0.2-32-D0.5-10", "--batch-size", 8, "--epochs", 24]
IMAGES = ["1x28x28-4C5s2-BN-MP2-D0.2-*", "--batch-size", 20, "--epochs", 40, "--augment", "shift1 rotate5 elastic"]
IMAGES += ["--average", "ema,decay=0.9", "--early-stopping", 4, "--schedule", "one_cycle", "--learning-rate", 0.05]


def result(folder: Path) -> dict[str, Any]:
    """What a run came to, without what the clock and its name say."""
    values = json.loads((folder / "result.json").read_text())
    return {key: values[key] for key in values.keys() - {"train_seconds", "images_per_second", "run"}}


def assert_same(run: Path, whole: Path) -> None:
    """A run that was gone on with is as one that was left alone."""
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (metrics(run), result(run)) == (metrics(whole), result(whole))
    assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]


def survive_kills(
    words: list[Any],
    kills: int,
    folder: Path,
    seed: int = 0,
    alike: Callable[[Path, Path], None] = assert_same,
    most_lines: int = 2,
) -> None:
    """Kill runs at random moments and resume them, so many times in all; each ends as one that was left alone.

    A moment is up to 0.4 s after fewer than `most_lines` lines of progress.
    """
    moments = random.Random(seed)
    out, err = start(*words, "--out", folder / "whole").communicate(timeout=300)
    assert "test accuracy" in out, err
    done, number, run = 0, 0, folder / "0"
    while done < kills or number < 1 or (run / "recipe.toml").exists():
        begun = (run / "recipe.toml").exists()
        process = start("--resume", run) if begun else start(*words, "--out", run)
        if done < kills:
            for _ in range(moments.randrange(most_lines)):
                process.stderr.readline()
            time.sleep(moments.random() * 0.4)
            process.kill()
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert process.returncode in (0, -signal.SIGKILL), err
        done += process.returncode != 0
        if process.returncode == 0:
            alike(run, folder / "whole")
            number += 1
            run = folder / str(number)
    assert done == kills


def killed(network: list[Any], engine: str, data: Path) -> list[Any]:
    """What is trained, with a checkpoint every few steps."""
    words = [*network, "--optimizer", "adam", "--validation", 0.1]
    return [*words, "--engine", engine, "--checkpoint-every", 5, "--data", data]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
@pytest.mark.parametrize("engine", BOTH)
def test_kills_change_nothing(engine: str, digits_folder: Path, tmp_path: Path) -> None:
    survive_kills(killed(DENSE, engine, digits_folder), 3, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
def test_kills_change_nothing_of_all_that_is_remembered(digits_folder: Path, tmp_path: Path) -> None:
    survive_kills(killed(IMAGES, "reference", digits_folder), 2, tmp_path)
    assert "weights of epoch" in result(tmp_path / "whole")["stopped"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
@pytest.mark.parametrize("engine", BOTH)
def test_fifty_kills_change_nothing(engine: str, digits_folder: Path, tmp_path: Path) -> None:
    survive_kills(killed(DENSE, engine, digits_folder), 50, tmp_path, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
def test_fifty_kills_change_nothing_of_all_that_is_remembered(digits_folder: Path, tmp_path: Path) -> None:
    survive_kills(killed(IMAGES, "reference", digits_folder), 50, tmp_path, seed=1)
    assert "weights of epoch" in result(tmp_path / "whole")["stopped"]


@pytest.mark.parametrize("engine", BOTH)
def test_a_checkpoint_says_what_it_came_from(pellucid: Command, digits_folder: Path, engine: str) -> None:
    pellucid("train", *RECIPE, "--data", digits_folder, "--out", "run", "--engine", engine, "--threads", 2)
    _, about = read_checkpoint(Path("run")) or ({}, {})
    assert {"engine", "threads", "instruction set", "NumPy", "pellucid"} <= about["facts"].keys()
    assert (about["facts"]["engine"], about["facts"]["threads"]) == (engine, 2)
