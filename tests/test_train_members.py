"""`pellucid train --members N`: a run for each member, one model at the end, and what a kill or Ctrl-C leaves of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BOTH, write_folder
from PIL import Image
from test_interrupted import LITTER, killed, metrics, result, survive_kills

import pellucid as pl
from pellucid.files.atomic import held
from pellucid.files.model import read_model
from pellucid.recipe import find

Command = Any
RECIPE = ["784-8-10", "--optimizer", "adam", "--batch-size", 32, "--epochs", 2, "--seed", 7]  # 19 steps each
OF_THE_CLOCK = {"train_seconds", "images_per_second", "run"}


def outcome(folder: Path) -> dict[str, Any]:
    """What a committee came to, without what the clock and its name say."""
    values = result(folder)
    members = [{key: row[key] for key in row.keys() - OF_THE_CLOCK} for row in values["members"]]
    return values | {"members": members}


def assert_alike(run: Path, whole: Path, members: int = 3) -> None:
    """Two committees of the same bytes, and so are all that their members left but the seconds."""
    for name in ("model.safetensors", "recipe.toml", *(f"member{n + 1}/model.safetensors" for n in range(members))):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    for number in range(members):
        assert metrics(run / f"member{number + 1}") == metrics(whole / f"member{number + 1}")
    assert outcome(run) == outcome(whole)
    assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, digits_folder: Path) -> Path:
    """A committee whose training was never stopped."""
    from pellucid.cli.main import main

    folder = tmp_path_factory.mktemp("committees") / "whole"
    words = [*RECIPE, "--members", 3, "--data", digits_folder, "--out", folder]
    assert main(["train", *map(str, words)]) == 0
    return folder


@pytest.fixture
def copy(whole: Path, pellucid: Command) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(whole, "copy")).absolute()


# What it trains


def test_it_writes_a_run_for_each_member_and_the_model_of_all(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        *("recipe.toml", "run.json", "model.safetensors", "result.json", "member1", "member2", "member3"),
    }
    assert json.loads((whole / "run.json").read_text())["members"] == 3
    assert find(whole / "recipe.toml").seed == 7
    committee = pl.load(whole)
    assert isinstance(committee, pl.Committee)
    for number in (1, 2, 3):
        folder = whole / f"member{number}"
        assert find(folder / "recipe.toml").seed == 6 + number
        assert committee.member(number).theta.tobytes() == pl.load(folder).theta.tobytes()
    _, about = read_model(whole / "model.safetensors")
    assert about["made"]["result"]["members"][1].keys() >= {"seed", "test_accuracy"}
    assert not OF_THE_CLOCK & about["made"]["result"]["members"][1].keys()


def test_a_member_is_the_very_run_of_its_seed(pellucid: Command, digits_folder: Path, whole: Path) -> None:
    assert pellucid("train", *RECIPE, "--seed", 8, "--data", digits_folder, "--out", "alone").code == 0
    for name in ("model.safetensors", "recipe.toml", "run.json"):
        assert Path("alone", name).read_bytes() == (whole / "member2" / name).read_bytes(), name


def test_members_1_is_an_ordinary_run(pellucid: Command, digits_folder: Path, whole: Path) -> None:
    words = [*RECIPE, "--members", 1, "--data", digits_folder, "--out", "run", "--json"]
    assert "members" not in pellucid("train", *words).json
    assert Path("run/model.safetensors").read_bytes() == (whole / "member1" / "model.safetensors").read_bytes()


def test_it_prints_the_keys_that_scripts_rely_on(pellucid: Command, digits_folder: Path) -> None:
    printed = pellucid("train", *RECIPE, "--members", 2, "--data", digits_folder, "--out", "run", "--json")
    assert printed.code == 0, printed.err
    values = printed.json
    assert values == json.loads(Path("run/result.json").read_text())
    test = pl.data.load(digits_folder)[1]
    members = [pl.load(Path("run", f"member{number}")).evaluate(test) for number in (1, 2)]
    assert [row["test_accuracy"] for row in values["members"]] == [member.accuracy for member in members]
    assert [row["seed"] for row in values["members"]] == [7, 8]
    assert [row["run"] for row in values["members"]] == ["run/member1", "run/member2"]
    assert values["train_seconds"] == sum(row["train_seconds"] for row in values["members"])
    assert (values["test_accuracy"], values["test_loss"]) == (
        pl.load("run").evaluate(test).accuracy,
        pl.load("run").evaluate(test).loss,
    )
    assert (values["run"], values["seed"], values["epochs"]) == ("run", 7, 2)
    assert values["parameters"] == 2 * pl.load("run/member1").theta.size
    single = json.loads(Path("run/member1/result.json").read_text())
    assert values.keys() == single.keys() | {"members"}


def test_members_share_the_normalization_that_is_measured(pellucid: Command, digits_folder: Path) -> None:
    words = [*RECIPE, "--members", 2, "--normalize", "standard", "--data", digits_folder, "--out", "run"]
    assert pellucid("train", *words).code == 0
    assert pl.load("run").normalization == pl.load("run/member2").normalization
    assert pl.load("run").normalization.kind == "standard"


def test_it_says_which_member_trains_and_how_each_did(pellucid: Command, digits_folder: Path) -> None:
    said = pellucid("train", *RECIPE, "--members", 2, "--data", digits_folder, "--out", "run")
    lines = said.err.splitlines()
    assert any(line.startswith("network: 784-8-10, 6,370 parameters in each of 2 members, engine") for line in lines)
    for line in (
        *("member 1/2: seed 7, in run/member1", "member 1/2  epoch 2/2  loss", "member 1/2: test accuracy"),
        *("member 2/2: seed 8, in run/member2", "member 2/2  epoch 1/2  loss"),
    ):
        assert sum(found.startswith(line) for found in lines) == 1, line
    assert "committee of 2: test accuracy" in said.out
    assert "members: test accuracy" in said.out


def test_a_target_that_one_member_misses_is_exit_1(pellucid: Command, digits_folder: Path) -> None:
    words = ["784-16-10", "--epochs", 2, "--validation", 0.2, "--members", 2, "--data", digits_folder, "--json"]
    missed = pellucid("train", *words, "--target-accuracy", 1, "--out", "missed")
    assert (missed.code, missed.json["target_reached"]) == (1, False)
    assert "Not every member reached the target accuracy" in missed.err
    assert pellucid("train", "--resume", "missed").code == 1
    reached = pellucid("train", *words, "--target-accuracy", 0.1, "--out", "reached")
    assert (reached.code, reached.json["target_reached"]) == (0, True)
    assert all(row["stopped"].startswith("target accuracy") for row in reached.json["members"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--members", 0], "members is a whole number, from 1 to 1000; 0 came"),
        (["--members", 1001], "from 1 to 1000"),
        (["--members", 2, "--normalize", "standard", "--validation", 0.1], "share one normalization"),
        (["--members", 2, "--seed", 2**63], "beyond all bounds"),
        (["--members", 2, "--threads", 0], "threads"),
        (["--members", 2, "--validation", 0.0001], "leaves a part empty"),
        (["--members", 2, "--resume", "run"], "leave out --members"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_before_a_folder_is_made(
    pellucid: Command, digits_folder: Path, words: list[Any], message: str
) -> None:
    recipe = [] if "--resume" in words else ["784-4-10", "--out", "run"]
    refused = pellucid("train", *recipe, *words, "--data", digits_folder)
    assert (refused.code, refused.out) == (2, ""), refused.err
    assert message in refused.err
    assert not Path("run").exists()


# Commands that take it


def test_test_and_predict_take_a_committee_or_one_member(pellucid: Command, digits_folder: Path, whole: Path) -> None:
    committee, test = pl.load(whole), pl.data.load(digits_folder)[1]
    for words, model in (([], committee), (["--member", 2], committee.member(2))):
        printed = pellucid("test", whole, *words, "--data", digits_folder, "--json").json
        assert (printed["accuracy"], printed["loss"]) == (model.evaluate(test).accuracy, model.evaluate(test).loss)
        assert printed["n"] == len(test)
    np.save("images.npy", test.images[:3])
    Image.fromarray(test.images[0]).save("image.png")
    for words, model in (([], committee), (["--member", 2], committee.member(2))):
        printed = pellucid("predict", whole, "images.npy", *words, "--json").json
        rows = [row["probabilities"] for row in printed["predictions"]]
        assert np.array_equal(np.float32(rows), model.predict(test.images[:3]))
        assert printed["predictions"][0].keys() == {"file", "index", "label", "probabilities"}
        assert pellucid("predict", whole, "image.png", *words, "--show").code == 0


def test_test_says_how_good_each_member_of_a_committee_is_alone(
    pellucid: Command, digits_folder: Path, whole: Path
) -> None:
    committee, test = pl.load(whole), pl.data.load(digits_folder)[1]
    answers = [committee.member(number).classify(test.images) for number in (1, 2, 3)]
    right = [answer == test.labels for answer in answers]
    missed = int((~right[0] & ~right[1] & ~right[2]).sum())
    printed = pellucid("test", whole, "--data", digits_folder, "--json").json
    assert printed["members"] == [each.mean() for each in right]
    assert printed["mistakes_of_all_members"] == missed
    said = pellucid("test", whole, "--data", digits_folder).out
    assert "members alone: " + ", ".join(f"{each.mean():.2%}" for each in right) in said
    assert f"{missed:,} images no member reads right" in said
    assert "members" not in pellucid("test", whole / "member1", "--data", digits_folder, "--json").json


@pytest.mark.parametrize("command", [["test"], ["predict", "image.png"]])
def test_members_that_are_not_there_are_usage_errors(pellucid: Command, whole: Path, command: list[str]) -> None:
    Image.new("L", (28, 28)).save("image.png")
    words = [command[0], whole, *command[1:]]
    for number in (0, 4):
        refused = pellucid(*words, "--member", number)
        assert (refused.code, refused.out) == (2, "")
        assert f"member is a whole number, from 1 to 3; {number} came" in refused.err
    refused = pellucid(command[0], whole / "member1", *command[1:], "--member", 1)
    assert refused.code == 2
    assert "is a single network" in refused.err


# Stopped and gone on with


@pytest.mark.parametrize("asked", [1, 20, 39, 40, 41, 64, 120])
def test_interrupted_and_resumed_is_the_same_as_never_stopped(
    pellucid: Command,
    digits_folder: Path,
    whole: Path,
    interrupt: Any,
    asked: int,
) -> None:
    """In the first member, at its end, in the second, at the very end."""
    interrupt(asked)
    stopped = pellucid("train", *RECIPE, "--members", 3, "--data", digits_folder, "--out", "cut")
    assert (stopped.code, stopped.out) == (130, ""), stopped.err
    assert "To go on: pellucid train --resume cut\n" in stopped.err
    unfinished = pellucid("test", "cut", "--data", digits_folder)
    assert unfinished.code == 4
    assert "cut has no model yet. Finish its training: pellucid train --resume cut" in unfinished.err
    interrupt(None)
    done = pellucid("train", "--resume", "cut", "--json")
    assert done.code == 0, done.err
    assert_alike(Path("cut"), whole)


def test_many_interruptions_are_as_good_as_none(
    pellucid: Command,
    digits_folder: Path,
    whole: Path,
    interrupt: Any,
) -> None:
    interrupt(15)
    assert pellucid("train", *RECIPE, "--members", 3, "--data", digits_folder, "--out", "cut").code == 130
    for _ in range(7):
        interrupt(15)
        assert pellucid("train", "--resume", "cut").code == 130
    interrupt(None)
    assert pellucid("train", "--resume", "cut").code == 0
    assert_alike(Path("cut"), whole)


def test_a_resume_passes_over_finished_members(pellucid: Command, copy: Path, whole: Path) -> None:
    """As if it had been killed after its first member."""
    for name in ("model.safetensors", "result.json"):
        (copy / name).unlink()
    for number in (2, 3):
        shutil.rmtree(copy / f"member{number}")
    before = (copy / "member1" / "result.json").stat().st_mtime_ns
    done = pellucid("train", "--resume", copy)
    assert done.code == 0, done.err
    assert f"member 1/3: {copy}/member1 is finished" in done.err
    assert "member 1/3  epoch" not in done.err
    assert "member 2/3  epoch 1/2" in done.err
    assert (copy / "member1" / "result.json").stat().st_mtime_ns == before
    assert_alike(copy, whole)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("result.json", None),
        ("result.json", "{"),
        ("result.json", '{"members": []}'),
        ("model.safetensors", "damaged"),  # the result is written last, so it cannot be there without a model
        ("member2/result.json", None),
        ("member3/result.json", '{"test_accuracy": 1}'),
        ("member2/.result.json.0123abcd.tmp", "half"),
        (LITTER, "half"),
    ],
)
def test_the_end_may_be_all_that_is_missing(
    pellucid: Command, copy: Path, whole: Path, name: str, content: str | None
) -> None:
    if name.startswith(("member", "model")):
        (copy / "result.json").unlink()
    (copy / name).unlink(missing_ok=True)
    if content is not None:
        (copy / name).write_text(content)
    done = pellucid("train", "--resume", copy, "--json")
    assert done.code == 0, done.err
    assert "  epoch " not in done.err
    if name != LITTER:
        assert_alike(copy, whole)


def test_a_finished_committee_shows_its_result_again_wherever_it_lies(pellucid: Command, copy: Path) -> None:
    before = json.loads((copy / "result.json").read_text())
    copy.rename("moved")
    again = pellucid("train", "--resume", "moved", "--json")
    assert again.code == 0
    assert "moved is finished" in again.err
    rows = [row | {"run": f"moved/member{number}"} for number, row in enumerate(before["members"], start=1)]
    assert again.json == before | {"run": "moved", "members": rows}
    assert "committee of 3: test accuracy" in pellucid("train", "--resume", "moved").out


def test_a_member_whose_model_is_gone_is_named(pellucid: Command, copy: Path) -> None:
    (copy / "result.json").unlink()
    (copy / "member2" / "model.safetensors").write_bytes(b"damaged")
    refused = pellucid("train", "--resume", copy)
    assert (refused.code, refused.out) == (4, "")
    assert f"{copy}/member2/model.safetensors is not a model file" in refused.err


def test_a_member_that_is_a_committee_is_refused(pellucid: Command, copy: Path) -> None:
    (copy / "result.json").unlink()
    shutil.copy(copy / "model.safetensors", copy / "member2" / "model.safetensors")
    refused = pellucid("train", "--resume", copy)
    assert refused.code == 4
    assert "member2 has a committee" in refused.err


def test_a_member_may_be_gone_on_with_by_itself(
    pellucid: Command,
    digits_folder: Path,
    whole: Path,
    interrupt: Any,
) -> None:
    interrupt(45)
    assert pellucid("train", *RECIPE, "--members", 3, "--data", digits_folder, "--out", "cut").code == 130
    interrupt(None)
    assert pellucid("train", "--resume", "cut/member2").code == 0
    assert pellucid("train", "--resume", "cut").code == 0
    assert_alike(Path("cut"), whole)


def test_data_that_were_moved_are_found_by_their_new_place(
    pellucid: Command,
    digits_folder: Path,
    whole: Path,
    interrupt: Any,
    tmp_path: Path,
) -> None:
    shutil.copytree(digits_folder, tmp_path / "old")
    interrupt(45)
    words = [*RECIPE, "--members", 3, "--data", tmp_path / "old", "--out", "cut"]
    assert pellucid("train", *words).code == 130
    interrupt(None)
    (tmp_path / "old").rename(tmp_path / "new")
    assert pellucid("train", "--resume", "cut").code == 3
    other = pellucid("train", "--resume", "cut", "--data", write_folder(tmp_path / "other", train=50))
    assert other.code == 3
    assert "The run was trained on" in other.err
    assert pellucid("train", "--resume", "cut", "--data", tmp_path / "new").code == 0
    assert pl.load("cut").theta.tobytes() == pl.load(whole).theta.tobytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", "{", "run.json is damaged"),
        ("run.json", None, "run.json cannot be read"),
        ("recipe.toml", None, "has no recipe.toml"),
        ("recipe.toml", "epochs =", "is not TOML"),
        ("member2/run.json", "{", "run.json is damaged"),
        ("member2/recipe.toml", 'architecture = "784-8-10"', "has optimizer 'Adam"),
    ],
)
def test_a_folder_that_was_tampered_with_is_a_usage_error(
    pellucid: Command, copy: Path, name: str, content: str | None, message: str
) -> None:
    (copy / "result.json").unlink()
    (copy / "member2" / "result.json").unlink()
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_text(content)
    refused = pellucid("train", "--resume", copy)
    assert (refused.code, refused.out) == (2, ""), refused.err
    assert message in refused.err


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no flock")
def test_two_processes_do_not_go_on_with_one_committee_or_member(pellucid: Command, copy: Path, whole: Path) -> None:
    (copy / "result.json").unlink()
    for folder in (copy, copy / "member2"):
        with held(folder):
            refused = pellucid("train", "--resume", copy)
            assert refused.code == 2
            assert f"Another process is training in {folder}." in refused.err
    assert pellucid("train", "--resume", copy).code == 0
    assert_alike(copy, whole)


def kill_committees(engine: str, kills: int, data: Path, folder: Path) -> None:
    words = [*killed(["784-D0.2-16-10", "--batch-size", 8, "--epochs", 5], engine, data), "--members", 3]
    survive_kills(words, kills, folder, alike=assert_alike, most_lines=12)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
def test_kills_change_nothing(digits_folder: Path, tmp_path: Path) -> None:
    kill_committees("auto", 2, digits_folder, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of this system")
@pytest.mark.parametrize("engine", BOTH)
def test_thirty_kills_change_nothing(engine: str, digits_folder: Path, tmp_path: Path) -> None:
    kill_committees(engine, 30, digits_folder, tmp_path)
