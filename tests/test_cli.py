"""The command line's contract: results on stdout, one JSON object with --json, exit codes by class."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import idx
from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len

import pellucid as pl
from pellucid.cli.test import _confusion
from pellucid.data.formats.table import write_table
from pellucid.data.freehand import prepare
from pellucid.files.model import read_model
from pellucid.glass.planted import MISTAKES
from pellucid.metrics import Evaluation
from pellucid.recipe import find

Command = Any


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, digits_folder: Path) -> Path:
    """A run that the commands can use."""
    from pellucid.cli.main import main

    folder = tmp_path_factory.mktemp("runs") / "run"
    options = ["--epochs", "12", "--validation", "0.2", "--data", str(digits_folder), "--out", str(folder)]
    assert main(["train", "784-24-10", *options]) == 0
    return folder


def test_train_writes_a_run_folder(run_folder: Path) -> None:
    names = {str(path.relative_to(run_folder)) for path in run_folder.rglob("*") if path.is_file()}
    assert names == {
        *("recipe.toml", "run.json", "metrics.jsonl", "checkpoint.safetensors", "model.safetensors", "result.json"),
        *("weights.safetensors", "figures/curves.png", "report.html"),
    }
    lines = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert {"loss", "accuracy", "validation_loss", "validation_accuracy", "seconds"} <= lines[0].keys()
    with Image.open(run_folder / "figures" / "curves.png") as picture:
        assert picture.size == (1040, 414)


def test_train_prints_the_keys_that_scripts_rely_on(pellucid: Command, digits_folder: Path) -> None:
    result = pellucid("train", "784-16-10", "--epochs", 2, "--data", digits_folder, "--seed", 5, "--json")
    assert result.code == 0
    keys = "recipe parameters epochs train_seconds images_per_second test_accuracy test_loss dataset"
    assert {*keys.split(), "engine", "threads", "seed", "run"} <= result.json.keys()
    assert (result.json["parameters"], result.json["epochs"], result.json["seed"]) == (12_730, 2, 5)
    assert Path(result.json["run"]).parent == Path("runs")
    assert result.err.count("epoch ") == 2
    assert json.loads((Path(result.json["run"]) / "result.json").read_text()) == result.json


def test_a_run_is_repeatable_from_its_folder(pellucid: Command, digits_folder: Path, run_folder: Path) -> None:
    assert pellucid("train", run_folder / "recipe.toml", "--data", digits_folder, "--out", "again").code == 0
    assert pl.load("again").theta.tobytes() == pl.load(run_folder).theta.tobytes()


def test_options_are_the_recipes_words(pellucid: Command, digits_folder: Path) -> None:
    options = {
        "--epochs": 1, "--batch-size": 7, "--learning-rate": 0.02, "--optimizer": "sgd", "--loss": "squared-error",
        "--output": "sigmoid", "--activation": "tanh", "--initializer": "xavier_uniform", "--normalize": "symmetric",
        "--validation": 0.1, "--limit": 200, "--seed": 3, "--dtype": "float64", "--engine": "reference",
        "--threads": 1, "--data": digits_folder, "--out": "run",
    }  # fmt: skip
    result = pellucid("train", "784-16-10", *(word for pair in options.items() for word in pair), "--json")
    assert result.code == 0, result.err
    assert result.json["threads"] == 1
    network = pl.load("run")
    assert network.dtype == np.float64
    assert (network.architecture, network.output, network.loss.kind) == ("784-16:tanh-10", "sigmoid", "squared_error")
    assert network.normalization.kind == "symmetric"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--optimizer", "adam"], ("adam", 0.001, 0.0, 0.0)),
        (["--optimizer", "adam", "--learning-rate", "0.01"], ("adam", 0.01, 0.0, 0.0)),
        (["--optimizer", "adamw", "--weight-decay", "0.1"], ("adamw", 0.001, 0.0, 0.1)),
        (["--optimizer", "nesterov"], ("nesterov", 0.1, 0.9, 0.0)),
        (["--momentum", "0.5", "--clip-norm", "1"], ("sgd", 0.1, 0.5, 0.0)),
    ],
    ids=str,
)
def test_an_optimizer_brings_its_own_numbers(
    pellucid: Command, digits_folder: Path, options: list[str], expected: tuple[str, float, float, float]
) -> None:
    result = pellucid("train", "p03", "--epochs", 1, "--data", digits_folder, "--out", "run", *options)
    assert result.code == 0, result.err
    recipe = find("run/recipe.toml")
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum, recipe.weight_decay) == expected


def test_a_recipe_that_names_an_optimizer_takes_its_numbers(pellucid: Command) -> None:
    Path("adam.toml").write_text('architecture = "784-10"\noptimizer = "adam"\n')
    assert find("adam.toml").make_optimizer() == pl.Adam()


def test_a_star_stands_for_the_data(pellucid: Command, digits_folder: Path) -> None:
    assert pellucid("train", "*-8-*", "--epochs", 1, "--data", digits_folder, "--out", "run").code == 0
    assert pl.load("run").architecture == "784-8-10"


def test_a_folder_with_something_in_it_is_not_overwritten(pellucid: Command, digits_folder: Path) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    result = pellucid("train", "784-8-10", "--data", digits_folder, "--out", "mine")
    assert result.code == 2
    assert "mine is not empty" in result.err
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("options", [["--threads", "0"], ["--engine", "cuda"], ["--validation", "0.0001"]])
def test_options_that_are_refused_leave_no_folder_behind(
    pellucid: Command, digits_folder: Path, options: list[str]
) -> None:
    assert pellucid("train", "784-8-10", "--data", digits_folder, "--out", "run", *options).code == 2
    assert not Path("run").exists()


def test_the_model_knows_its_recipe_and_result(run_folder: Path) -> None:
    _, about = read_model(run_folder / "model.safetensors")
    assert about["made"]["recipe"]["architecture"] == "784-24-10"
    result = json.loads((run_folder / "result.json").read_text())
    assert about["made"]["result"].items() < result.items()
    assert result.keys() - about["made"]["result"].keys() == {"train_seconds", "images_per_second", "run"}


def test_the_name_of_a_recipe_is_no_path(pellucid: Command, digits_folder: Path) -> None:
    Path("r.toml").write_text('architecture = "784-8-10"\nepochs = 1\nname = "../../' + "evil" * 100 + '"\n')
    result = pellucid("train", "r.toml", "--data", digits_folder, "--json")
    assert Path(result.json["run"]).resolve().parent == Path("runs").resolve()


def test_images_that_are_not_square_are_trained_on_and_predicted(pellucid: Command) -> None:
    rng = np.random.default_rng(0)
    Path("flat").mkdir()
    for part in ("train", "t10k"):
        Path(f"flat/{part}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (40, 10, 20))))
        Path(f"flat/{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(40) % 10))
    assert pellucid("train", "*-4-*", "--epochs", 1, "--data", "flat", "--out", "run").code == 0
    Image.fromarray(rng.integers(0, 256, (10, 20), dtype=np.uint8)).save("one.png")
    np.save("two.npy", np.zeros((2, 200), np.uint8))
    assert len(pellucid("predict", "run", "one.png", "two.npy", "--json").json["predictions"]) == 3


def test_a_file_of_bad_numbers_is_named_among_many(pellucid: Command, run_folder: Path) -> None:
    np.save("good.npy", np.zeros((28, 28)))
    np.save("bad.npy", np.full((28, 28), np.nan))
    np.save("huge.npy", np.full((28, 28), 1e300))
    result = pellucid("predict", run_folder, "good.npy", "bad.npy")
    assert (result.code, result.err.startswith("pellucid: bad.npy: ")) == (DATA, True)
    assert pellucid("predict", run_folder, "huge.npy").code == NUMERIC


def test_test_reports_accuracy_confusion_classes_and_mistakes(
    pellucid: Command, digits_folder: Path, run_folder: Path
) -> None:
    result = pellucid("test", run_folder, "--data", digits_folder, "--json").json
    assert {"accuracy", "loss", "confusion", "n", "dataset"} <= result.keys()
    confusion = np.array(result["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum() == result["n"] == 100
    assert result["accuracy"] == confusion.trace() / 100
    text = pellucid("test", run_folder / "model.safetensors", "--data", digits_folder).out
    assert f"accuracy {result['accuracy']:.2%}" in text
    assert "precision" in text


def test_predict_names_each_image_with_its_probabilities(
    pellucid: Command, digits_folder: Path, run_folder: Path
) -> None:
    assert pellucid("data", digits_folder, "--pictures", "pictures").code == 0
    files = sorted(Path("pictures").glob("*.png"))
    assert [file.name for file in files] == [f"{digit}.png" for digit in range(10)]
    predictions = pellucid("predict", run_folder, *files, "--json").json["predictions"]
    assert [prediction["file"] for prediction in predictions] == list(map(str, files))
    network, test = pl.load(run_folder), pl.data.load(digits_folder)[1]
    first = np.array([np.flatnonzero(test.labels == digit)[0] for digit in range(10)])
    expected = network.predict(test.images[first])
    np.testing.assert_allclose([prediction["probabilities"] for prediction in predictions], expected, rtol=1e-4)
    assert [prediction["label"] for prediction in predictions] == [str(c) for c in expected.argmax(axis=1)]
    text = pellucid("predict", run_folder, files[0]).out
    assert text.startswith(f"pictures/0.png: {predictions[0]['label']} ")


def test_predict_numbers_the_images_of_a_file_with_many(pellucid: Command, run_folder: Path) -> None:
    np.save("many.npy", np.zeros((3, 28, 28), np.uint8))
    predictions = pellucid("predict", run_folder, "many.npy", "--json").json["predictions"]
    assert [prediction["index"] for prediction in predictions] == [0, 1, 2]


def test_predict_reads_a_photograph_and_shows_each_stage(pellucid: Command, run_folder: Path) -> None:
    canvas = Image.new("RGB", (400, 300), (240, 230, 200))
    ImageDraw.Draw(canvas).text((150, 120), "4", (30, 30, 90), ImageFont.load_default(150), "mm")
    canvas.save("photo.jpg")
    pixels = np.asarray(Image.open("photo.jpg"))
    expected = pl.load(run_folder).classify(prepare(pixels)[-1].image[None])[0]
    assert pellucid("predict", run_folder, "photo.jpg").out.startswith(f"photo.jpg: {expected} ")
    shown = pellucid("predict", run_folder, "photo.jpg", "--show").out
    names = [stage.name for stage in prepare(pixels)]
    assert re.findall("^([a-z]+): ", shown, re.MULTILINE) == names
    assert "dark ink on light paper" in shown
    assert max(map(len, shown.splitlines())) <= 110
    last = shown[shown.index("centre: ") :].splitlines()[2:30]
    ink = [[cell != " " for cell in line[1:57:2]] for line in last]
    assert np.array_equal(ink, prepare(pixels)[-1].image > 51)  # a fifth of 255: the first shade that is not blank
    (prediction,) = pellucid("predict", run_folder, "photo.jpg", "--show", "--json").json["predictions"]
    assert [stage["stage"] for stage in prediction["stages"]] == names
    assert prediction["stages"][-1]["shift"] == prepare(pixels)[-1].numbers["shift"]
    assert "stages" not in pellucid("predict", run_folder, "photo.jpg", "--json").json["predictions"][0]


def test_predict_shows_arrays_as_the_network_sees_them(pellucid: Command, run_folder: Path) -> None:
    image = np.zeros((28, 28), np.float32)
    image[4] = 0.5
    np.save("one.npy", image)
    lines = pellucid("predict", run_folder, "one.npy", "--show").out.splitlines()
    assert lines[0] == "one.npy: what the network sees"
    assert lines[6] == "|" + "█" * 56 + "|"
    assert lines[5] == "|" + " " * 56 + "|"


def test_narrow_terminals_get_narrow_pictures(
    pellucid: Command, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    np.save("one.npy", np.zeros((28, 28), np.uint8))
    frame = [line for line in pellucid("predict", run_folder, "one.npy", "--show").out.splitlines() if line[:1] in "+|"]
    assert {len(line) for line in frame if line} == {30}


@pytest.mark.parametrize("labelled", [False, True])
def test_a_submission_is_what_kaggle_asks_for(pellucid: Command, run_folder: Path, digits: Any, labelled: bool) -> None:
    test = digits[1]
    write_table(Path("test.csv"), test.images, test.labels if labelled else None)
    result = pellucid("predict", run_folder, "test.csv", "--submission", "submission.csv")
    assert "wrote submission.csv: 100 rows" in result.out
    assert ("accuracy" in result.out) == labelled
    header, *rows = list(csv.reader(Path("submission.csv").read_text().splitlines()))
    assert header == ["ImageId", "Label"]
    assert [int(number) for number, _ in rows] == list(range(1, 101))
    network = pl.load(run_folder)
    assert [label for _, label in rows] == list(map(str, network.classify(test.images)))
    result = pellucid("predict", run_folder, "test.csv", "--submission", "submission.csv", "--json").json
    assert (result["submission"], result["rows"]) == ("submission.csv", 100)
    if labelled:
        assert result["accuracy"]["test.csv"] == network.evaluate(test).accuracy


def test_classes_with_names_stand_in_a_submission_as_they_are(pellucid: Command) -> None:
    network = pl.Network("4-2", classes=["cat", 'the "dog", a'])
    network.save("pets.safetensors")
    images = np.random.default_rng(0).integers(0, 256, (20, 2, 2), dtype=np.uint8)
    np.save("pets.npy", images)
    assert pellucid("predict", "pets.safetensors", "pets.npy", "--submission", "out.csv").code == 0
    labels = [row[1] for row in csv.reader(Path("out.csv").read_text().splitlines())][1:]
    assert labels == [network.classes[number] for number in network.classify(images)]
    assert len(set(labels)) == 2


def test_a_network_of_colours_predicts_pictures(pellucid: Command) -> None:
    network = pl.Network("*-2", input_shape=(3, 8, 8), classes=["a", "b"])
    network.save("colours.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("one.png")
    (prediction,) = pellucid("predict", "colours.safetensors", "one.png", "--show", "--json").json["predictions"]
    np.testing.assert_allclose(prediction["probabilities"], network.predict(pixels[None])[0], rtol=1e-4)
    assert pellucid("predict", "colours.safetensors", "one.png", "--show").out.count("\n|") == 8


def test_gradcheck_passes_and_prints_the_keys(pellucid: Command) -> None:
    result = pellucid("gradcheck", "20-10-5", "--json")
    assert result.code == 0
    assert {"passed", "worst", "checked", "redrawn", "layers"} <= result.json.keys()
    assert result.json["passed"] is True
    assert result.json["worst"] < 1e-7
    assert [row["name"] for row in result.json["layers"]] == ["input", "dense1/W", "dense1/b", "dense2/W", "dense2/b"]
    assert "passed: " in pellucid("gradcheck", "20-10-5").out


@pytest.mark.parametrize(
    "options",
    [
        ["p03"],
        ["p03", "--activation", "sigmoid", "--loss", "squared-error"],
        ["p03", "--activation", "sigmoid", "--output", "sigmoid", "--loss", "squared_error"],
        ["p03", "--activation", "tanh", "--loss", "binary-cross-entropy"],
        ["p03", "--activation", "tanh", "--output", "sigmoid"],
    ],
    ids=" ".join,
)
def test_gradcheck_of_p03_passes_with_every_loss(pellucid: Command, options: list[str]) -> None:
    result = pellucid("gradcheck", *options, "--coordinates", 50)
    assert result.code == 0, result.out


def test_a_wrong_gradient_is_exit_1_and_named(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    right = pl.Dense.backward

    def wrong(self: pl.Dense, t: Any) -> None:
        right(self, t)
        t.db[...] = t.dz.sum()

    monkeypatch.setattr(pl.Dense, "backward", wrong)
    result = pellucid("gradcheck", "20-10-5")
    assert result.code == 1
    assert "the first wrong gradient is that of dense2/b" in result.out


def test_every_planted_mistake_is_found(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    result = pellucid("gradcheck", "--planted", "--json")
    assert result.code == 0
    assert [row["caught"] for row in result.json["planted"]] == [True] * 116
    monkeypatch.setattr("pellucid.glass.planted.MISTAKES", MISTAKES[::-30])
    table = pellucid("gradcheck", "--planted").out
    assert "4 of 4" in table
    assert re.search(r"constant,warm_up=2 +0/W, 1/W, .* dense1/W is wrong first, after step 1\n", table)


def test_a_planted_mistake_that_goes_unseen_is_exit_1(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = replace(MISTAKES[0], change=lambda layer, t: None)
    monkeypatch.setattr("pellucid.glass.planted.MISTAKES", [MISTAKES[1], unseen])
    result = pellucid("gradcheck", "--planted")
    assert result.code == 1
    assert re.search(r"dx = W dz instead of Wᵀ dz +NOT FOUND\n\n1 of 2 planted mistakes were found", result.out)


def test_gradcheck_tries_the_recipes_step_too(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text('architecture = "4-3"\noptimizer = "adam"\nschedule = "cosine"\n')
    assert "passed: ten steps of adam, schedule cosine," in pellucid("gradcheck", "mine.toml").out
    right = pl.Adam.move

    def wrong(self: pl.Adam, theta: Any, g: Any, moments: Any, step: int, learning_rate: float) -> None:
        right(self, theta, g, moments, step + 1, learning_rate)

    monkeypatch.setattr(pl.Adam, "move", wrong)
    result = pellucid("gradcheck", "mine.toml")
    assert result.code == 1
    assert "part from the formula after step 1, first in dense1/W" in result.out
    result = pellucid("gradcheck", "mine.toml", "--json").json
    assert (result["passed"], result["steps"]["passed"], result["steps"]["step"]) == (False, False, 1)


def test_data_and_info_print_what_they_found(pellucid: Command, digits_folder: Path) -> None:
    data = pellucid("data", digits_folder, "--json").json
    assert (data["training"], data["test"], data["verified"]) == (600, 100, False)
    assert data["counts"]["test"] == [10] * 10
    assert str(digits_folder) in pellucid("data", digits_folder).out
    info = pellucid("info", "--json").json
    assert {"pellucid", "numpy", "cores", "blas", "engines", "recipes", "openblas_coretype"} <= info.keys()
    assert pl.__version__ in pellucid("info").out


def test_info_says_when_the_environment_slows_numpy(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "OPENBLAS_CORETYPE=Haswell is set" in pellucid("info").out


USAGE, DATA, MODEL, NUMERIC = 2, 3, 4, 5


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trian"], USAGE, "Did you mean 'train'"),
        (["train", "p3"], USAGE, "Did you mean 'p03'"),
        (["train", "--epoch", "3"], USAGE, "--epochs"),
        (["train", "--epochs", "many"], USAGE, "--epochs"),
        (["train", "--epochs", "0"], USAGE, "at least 1"),
        (["train", "--learning-rate", "-1"], USAGE, "above 0"),
        (["train", "--learning-rate", "nan"], USAGE, "above 0"),
        (["train", "--activation", "rleu"], USAGE, "Did you mean 'relu'"),
        (["train", "--optimizer", "adm"], USAGE, "Did you mean 'adam'"),
        (["train", "--optimizer", "adam", "--momentum", "0.9"], USAGE, "adam takes no momentum"),
        (["train", "--clip-norm", "-1"], USAGE, "clip_norm"),
        (["gradcheck", "784-999999-999999-10"], USAGE, "at most 1,000,000,000"),
        (["train", "784-12x-10"], USAGE, "      ^"),
        (["train", "missing.toml"], USAGE, "No such file"),
        (["train", "--data", "mnits"], USAGE, "Did you mean 'mnist'"),
        (["train", "--engine", "nativ", "--data", "DIGITS"], USAGE, "Known: auto, native, reference"),
        (["train", "100-10", "--data", "DIGITS"], USAGE, "784"),
        (["train", "784-3", "--data", "DIGITS"], USAGE, "3 outputs for 10 classes"),
        (["train", "--checkpoint-every", "0", "--data", "DIGITS"], USAGE, "checkpoint_every is 0; at least 1"),
        (["train", "--resume", "no/run"], USAGE, "no/run is no folder. --resume takes the folder of a run"),
        (["train", "--resume", "DIGITS"], USAGE, "has no recipe.toml"),
        (["train", "--resume", "RUN", "--epochs", "3", "p03"], USAGE, "leave out --epochs, RECIPE"),
        (["train", "784-10", "--out", "RUN", "--data", "DIGITS"], USAGE, "pellucid train --resume"),
        (["train", "--data", "no/folder"], DATA, "no/folder is no file or folder"),
        (["predict", "RUN", "missing.png"], DATA, "missing.png cannot be read"),
        (["predict", "RUN", "README", "x.csv", "--submission", "s.csv"], USAGE, "the answers for one file, not for 2"),
        (["predict", "RUN", "README", "--submission", "README"], USAGE, "--submission would overwrite README"),
        (["predict", "RUN", "letters.csv"], DATA, "letters.csv has the label 'a', but the network tells 0, 1"),
        (["predict", "RUN", "small.npy"], DATA, "images of 28×28 are expected"),
        (["predict", "RUN", "blank.png"], DATA, "blank.png: it shows no ink"),
        (["test", "missing"], MODEL, "missing cannot be read"),
        (["predict", "README", "x.png"], MODEL, "not a model file"),
        (["train", "--data", "DIGITS", "--learning-rate", "1e25"], NUMERIC, "learning rate 1e+25"),
        (["predict", "RUN"], USAGE, "FILE"),
        (["gradcheck", "--coordinates", "0"], USAGE, "--coordinates"),
    ],
)
def test_what_goes_wrong_is_said_in_one_place_with_its_exit_code(
    pellucid: Command, run_folder: Path, digits_folder: Path, words: list[str], code: int, message: str
) -> None:
    Path("README").write_text("not a model")
    write_table(Path("letters.csv"), np.zeros((2, 28, 28), np.uint8), np.array(["a", "b"]))
    np.save("small.npy", np.zeros((3, 20, 20), np.uint8))
    Image.new("L", (40, 30), 200).save("blank.png")
    names = {"RUN": run_folder, "DIGITS": digits_folder}
    words = [str(names.get(word, word)) for word in words]
    result = pellucid(*words)
    assert (result.code, result.out) == (code, ""), result.err
    assert message in result.err
    assert "Traceback" not in result.err
    as_json = pellucid(*words, "--json")
    assert as_json.code == code
    assert as_json.json["exit_code"] == code
    assert message.strip() in as_json.json["error"]


def test_an_error_of_our_own_shows_no_traceback_without_debug(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.cli.info.describe", lambda: 1 / 0)
    result = pellucid("info")
    assert result.code == 1
    assert "ZeroDivisionError" in result.err
    assert "--debug" in result.err
    assert "Traceback" not in result.err
    with pytest.raises(ZeroDivisionError):
        pellucid("info", "--debug")


def test_help_is_what_the_bare_command_prints(pellucid: Command) -> None:
    for words in ([], ["--help"]):
        result = pellucid(*words)
        assert result.code == 0
        for name in ("train", "test", "predict", "gradcheck", "data", "info"):
            assert name in result.out
    assert pellucid("--version").out == f"pellucid {pl.__version__}\n"


def program(*words: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pellucid", *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **options
    )


def test_without_a_terminal_there_is_no_colour_and_no_bar(digits_folder: Path, tmp_path: Path) -> None:
    out, err = program("train", "784-8-10", "--epochs", 2, "--data", digits_folder, cwd=tmp_path).communicate()
    assert "\x1b" not in out + err
    assert "test accuracy" in out
    assert "epoch 2/2" in err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_any_encoding_of_the_terminal_will_do(encoding: str, run_folder: Path, digits_folder: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for words in (["gradcheck", "5-4-3"], ["train", "foo-é", "--json"], ["test", run_folder, "--data", digits_folder]):
        out, err = program(*words, env=environment).communicate()
        assert "Traceback" not in err, words
        assert out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_a_line(run_folder: Path) -> None:
    for words in (["info", "--json"], ["info"], ["train", "nonsense", "--json"]):
        with Path("/dev/full").open("w") as full:
            process = subprocess.run(
                [sys.executable, "-m", "pellucid", *words], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert process.returncode == 1
        assert "No space left" in process.stderr
        assert "Traceback" not in process.stderr
        assert "Exception ignored" not in process.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full"])
def test_closed_and_full_streams_bring_no_traceback(closed: str, tmp_path: Path, digits_folder: Path) -> None:
    for words in ("info --json", "gradcheck 4-3-2 --json", f"train 784-4-10 --epochs 1 --data {digits_folder} --json"):
        command = f"{sys.executable} -m pellucid {words} {closed}"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        result = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert "Traceback" not in result.stderr
        assert closed == ">&-" or json.loads(result.stdout)


def test_memory_that_is_not_there_is_no_error_of_our_own(pellucid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted() -> None:
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr("pellucid.cli.info.describe", exhausted)
    result = pellucid("info")
    assert result.code == 1
    assert "not enough memory. Unable to allocate 3 TiB" in result.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_the_weights_and_exits_130(
    how: signal.Signals, digits_folder: Path, tmp_path: Path
) -> None:
    process = program("train", "784-64-10", "--epochs", 100000, "--data", digits_folder, "--out", "run", cwd=tmp_path)
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.exists() and metrics.read_text().count("\n") >= 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(how)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "interrupted" in err
    assert "Traceback" not in err
    assert pl.load(tmp_path / "run").theta.any()


def test_a_reader_who_leaves_causes_no_noise(digits_folder: Path, tmp_path: Path) -> None:
    process = program("data", digits_folder, cwd=tmp_path)
    process.stdout.close()
    with process.stderr:
        err = process.stderr.read()
    process.wait()
    assert "Traceback" not in err


@pytest.mark.slow
def test_p03_on_mnist_reaches_its_accuracy(mnist: object, tmp_path: Path) -> None:
    out, err = program("train", "p03", "--json", cwd=tmp_path).communicate()
    result = json.loads(out)
    assert result["test_accuracy"] >= 0.975, err
    assert (result["parameters"], result["dataset"], result["verified"]) == (109_386, "mnist", True)


def test_many_classes_are_a_list_and_wide_letters_stay_in_their_columns() -> None:
    def lines(classes: tuple[str, ...]) -> list[str]:
        labels = np.repeat(np.arange(len(classes)), 3)
        predicted = np.where(np.arange(len(labels)) % 3, labels, (labels + 1) % len(classes))
        return list(_confusion(Evaluation(np.zeros((len(labels), 1)), labels, predicted, 0.0, classes)))

    japanese = lines(("お o", "き", "su"))
    assert len({cell_len(line.rstrip("%")) for line in japanese[2:]}) == 1
    listed = lines(tuple(f"word {number}" for number in range(40)))
    assert max(map(cell_len, listed)) < 120
    assert "word 8, 1×" in next(line for line in listed if line.startswith(" word 7 "))
