"""pellucid show: what it draws, says, writes and refuses; and that every text in a figure can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.cli.main import main
from pellucid.glass import figures
from pellucid.glass.figures import KINDS
from pellucid.glass.figures.subject import Subject

pytest.importorskip("matplotlib", reason="needs matplotlib")
from figure_checks import faults, texts

Command = Any
OF_CONVOLUTIONS = {"feature-maps"}
OF_A_RUN = {"curves", "logits", "loss-path", "distance", "learning-curve"}
LONG = "a name of a class that is far too long for any figure, number "


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, digits_folder: Path) -> Path:
    """A dense network, a convolution, one that was trained badly, and a committee."""
    folder = tmp_path_factory.mktemp("shown")
    for name, options in {
        "dense": ["784-16-12-10", "--epochs", "4", "--validation", "0.2"],
        "convolution": ["1x28x28-4C5s2-BN-MP2-20-R(20:tanh)-10", "--epochs", "2", "--learning-rate", "0.05"],
        "bad": ["784-16-12-10", "--epochs", "2", "--learning-rate", "30"],
        "committee": ["784-8-10", "--epochs", "1", "--members", "2"],
    }.items():
        data = ["--data", str(digits_folder), "--out", str(folder / name)]
        assert main(["train", *options, *data]) == 0
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer points and images, which take less time and the same way."""
    monkeypatch.setattr("pellucid.glass.figures.landscape.SIDE", 5)
    monkeypatch.setattr("pellucid.glass.figures.landscape.POINTS", 7)
    monkeypatch.setattr("pellucid.glass.measures.growth.SIZES", 2)
    monkeypatch.setattr("pellucid.glass.measures.preferred.STEPS", 5)


def random_subject(classes: list[str], architecture: str, **options: Any) -> Subject:
    """A network that was never trained, with data of as many classes."""
    rng = np.random.default_rng(0)
    shape = (3 * len(classes), 12, 12, 3) if architecture.startswith("3x") else (3 * len(classes), 12, 12)
    labels = np.arange(3 * len(classes)) % len(classes)
    data = pl.data.Dataset(rng.integers(0, 256, shape, np.uint8), labels, tuple(classes))
    network = pl.Network(architecture, classes=classes, **options)
    return Subject(network, "a/rather/long/path/to/some/folder/of/runs/and/its/model.safetensors", lambda: (data, data))


# Every kind


@pytest.mark.parametrize("run", [pytest.param("dense", marks=pytest.mark.slow), "convolution", "bad"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_whole_legible_and_says_what_it_shows(
    pellucid: Command, runs: Path, monkeypatch: pytest.MonkeyPatch, run: str, kind: str
) -> None:
    drawn = []
    keep = figures.content
    monkeypatch.setattr(
        "pellucid.cli.show.content", lambda picture, suffix: drawn.append(picture) or keep(picture, suffix)
    )
    result = pellucid("show", kind, runs / run, "--json")
    if kind in OF_CONVOLUTIONS and run != "convolution":
        assert result.code == 4
        assert "has no convolution" in result.err
        return
    assert result.code == 0, result.err
    found = result.json
    name = "curves-shown.png" if kind == "curves" else f"{kind}.png"  # the run has a curves.png of its own
    assert (found["kind"], found["file"]) == (kind, str(runs / run / "figures" / name))
    assert len(found) > 3
    (picture,) = drawn
    picture.figure.set_layout_engine("none")  # it is laid out by now
    assert faults(picture.figure) == []
    words = found["words"]
    assert words[0].isupper() or not words[0].isalpha()
    assert words.endswith(".")
    assert ". " not in words
    assert "nan" not in words
    assert "".join(words.split()) in {"".join(text.split()) for text, _ in texts(picture.figure)}
    with Image.open(found["file"]) as image:
        assert image.width >= 500
        assert len(image.getcolors(1 << 24) or ()) > 10


def test_without_json_the_sentence_and_the_file_are_printed(pellucid: Command, runs: Path) -> None:
    result = pellucid("show", "confusion", runs / "dense", "--out", "matrix.png")
    words, wrote = result.out.splitlines()
    assert "of 100 images are read right" in words
    assert wrote == "wrote matrix.png"
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(("kind", "suffix"), [("curves", ".png"), ("weights", ".SVG"), ("loss-line", ".svg")])
def test_the_same_figure_is_the_same_bytes(pellucid: Command, runs: Path, kind: str, suffix: str) -> None:
    for name in ("one", "two"):
        assert pellucid("show", kind, runs / "dense", "--out", name + suffix).code == 0
    one, two = (Path(name + suffix).read_bytes() for name in ("one", "two"))
    assert one == two
    if suffix != ".png":
        assert ElementTree.fromstring(one).tag.endswith("svg")


def test_the_figure_that_the_training_drew_is_left_alone(pellucid: Command, runs: Path) -> None:
    own = runs / "dense" / "figures" / "curves.png"
    before = own.read_bytes()
    found = pellucid("show", "curves", runs / "dense", "--json").json
    assert found["file"] == str(own.with_name("curves-shown.png"))
    assert own.read_bytes() == before


def test_a_model_file_alone_has_its_figure_in_the_current_folder(
    pellucid: Command, runs: Path, digits_folder: Path
) -> None:
    model = runs / "dense" / "model.safetensors"
    result = pellucid("show", "calibration", model, "--data", digits_folder)
    assert result.code == 0, result.err
    assert Path("calibration.png").exists()


@pytest.mark.parametrize("kind", sorted(OF_A_RUN - {"learning-curve"}))
def test_what_only_a_run_folder_knows_is_asked_for(
    pellucid: Command, runs: Path, digits_folder: Path, kind: str
) -> None:
    result = pellucid("show", kind, runs / "dense" / "model.safetensors", "--data", digits_folder)
    assert result.code == 4
    assert "run folder" in result.err
    assert not Path(f"{kind}.png").exists()


def test_a_learning_curve_takes_the_recipe_that_a_model_file_tells_of(
    pellucid: Command, runs: Path, digits_folder: Path
) -> None:
    model = runs / "dense" / "model.safetensors"
    result = pellucid("show", "learning-curve", model, "--data", digits_folder, "--limit", 200, "--json")
    assert result.code == 0, result.err
    assert [row["examples"] for row in result.json["rows"]] == [80, 160]  # of 200, a fifth is held out
    assert "training on 160 of 160 images" in result.err


# The numbers behind them


def test_the_confusion_matrix_is_that_of_the_test(pellucid: Command, runs: Path, digits_folder: Path) -> None:
    tested = pellucid("test", runs / "dense", "--data", digits_folder, "--json").json
    assert pellucid("show", "confusion", runs / "dense", "--json").json["confusion"] == tested["confusion"]
    shown = pellucid("show", "mistakes", runs / "dense", "--json").json["mistakes"]
    assert shown[:10] == [pytest.approx(row) for row in tested["mistakes"]][: len(shown[:10])]


def test_curves_are_those_of_the_metrics(pellucid: Command, runs: Path) -> None:
    rows = [json.loads(line) for line in (runs / "dense" / "metrics.jsonl").read_text().splitlines()]
    history = pellucid("show", "curves", runs / "dense", "--json").json["history"]
    assert history["validation_loss"] == [row["validation_loss"] for row in rows]


def test_contributions_of_the_command_add_up(pellucid: Command, runs: Path) -> None:
    found = pellucid("show", "contributions", runs / "dense", "--index", 7, "--class", "3", "--json").json
    assert sum(found["products"]) + found["bias"] == pytest.approx(found["total"])
    assert (found["class"], found["index"]) == ("3", 7)
    assert ("below that of" if found["total"] < 0 else "above that of") in found["words"]


def test_the_path_ends_at_the_model_and_the_distance_begins_at_0(pellucid: Command, runs: Path) -> None:
    path = pellucid("show", "loss-path", runs / "dense", "--json").json
    assert path["places"][-1] == pytest.approx([0, 0], abs=1e-9)
    assert path["loss"][-1] == pytest.approx(path["projected"][-1], rel=1e-5)
    away = pellucid("show", "distance", runs / "dense", "--json").json
    assert away["all"][0] == 0
    assert away["epochs"][-1] == 4
    assert list(away["layers"]) == ["dense1", "dense2", "dense3"]


def test_training_images_are_those_that_were_not_held_out(pellucid: Command, runs: Path, digits_folder: Path) -> None:
    found = pellucid("show", "loss-line", runs / "dense", "--json").json
    middle = len(found["a"]) // 2
    train, _ = pl.data.load(digits_folder)[0].split(0.2, seed=0)
    evaluation = pl.load(runs / "dense").evaluate(train)
    assert found["a"][middle] == 0
    assert found["training"][middle] == pytest.approx([evaluation.loss, evaluation.accuracy], rel=1e-5)


def test_figures_of_the_way_leave_the_model_at_its_end(pellucid: Command, runs: Path) -> None:
    before = (runs / "dense" / "model.safetensors").read_bytes()
    found = pellucid("show", "logits", runs / "dense", "--json").json
    tested = pellucid("show", "confusion", runs / "dense", "--json").json
    right = np.trace(np.array(tested["confusion"])) / 100
    assert found["moments"][-1]["accuracy"] == pytest.approx(right)
    assert before == (runs / "dense" / "model.safetensors").read_bytes()


def test_units_of_a_layer_can_be_chosen(pellucid: Command, runs: Path) -> None:
    options = ("--layer", "conv1", "--unit", 2)
    found = pellucid("show", "preferred-input", runs / "convolution", *options, "--json").json
    assert (found["layer"], found["units"]) == ("conv1", [2])
    assert found["after"][0] >= found["before"][0]


# Committees


def test_a_committee_answers_together_and_shows_its_members(pellucid: Command, runs: Path) -> None:
    assert pellucid("show", "confusion", runs / "committee", "--out", "c.svg").code == 0
    result = pellucid("show", "weights", runs / "committee", "--out", "w.png")
    assert result.code == 2
    assert "--member 1" in result.err
    for kind in ("weights", "distance", "curves"):
        found = pellucid("show", kind, runs / "committee", "--member", 2, "--json").json
        assert found["file"] == str(runs / "committee" / "figures" / f"{kind}-member2.png")


# What is refused


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["wieghts", "MODEL"], 2, "Did you mean 'weights'?"),
        (["nothing", "MODEL"], 2, "how the layers untangle the classes"),
        (["curves", "MODEL", "--index", "3"], 2, "curves takes no --index; these do: feature-maps, predictions"),
        (["saliency", "MODEL", "--layer", "dense1"], 2, "these do: preferred-input"),
        (["saliency", "MODEL", "--index", "100"], 2, "numbered from 0 to 99; 100 came"),
        (["predictions", "MODEL", "--index", "100"], 2, "numbered from 0 to 99; 100 came"),
        (["saliency", "MODEL", "--class", "ten"], 2, "There is no class called 'ten'"),
        (
            ["preferred-input", "MODEL", "--layer", "dense9"],
            2,
            "There is no layer called 'dense9'. Did you mean 'dense",
        ),
        (["preferred-input", "MODEL", "--unit", "10"], 2, "has units 0 to 9; --unit 10 came"),
        (["pca", "MODEL", "--out", "figure.gif"], 2, "let it end in .png or .svg"),
        (["pca", "MODEL", "--member", "1"], 2, "no committee"),
        (["pca", "nowhere.safetensors"], 4, "cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_said(pellucid: Command, runs: Path, words: list[str], code: int, says: str) -> None:
    result = pellucid("show", *[str(runs / "dense") if word == "MODEL" else word for word in words])
    assert result.code == code
    assert says in result.err


def test_without_matplotlib_the_remedy_is_said(pellucid: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    result = pellucid("show", "curves", runs / "dense")
    assert result.code == 2
    assert "pip install 'pellucid[plot]'" in result.err


def test_outputs_that_are_no_probabilities_have_no_calibration() -> None:
    subject = random_subject(["a", "b", "c"], "144-5-3", output="identity")
    with pytest.raises(pl.UsageError, match="no probabilities"):
        figures.draw("calibration", subject)


def test_a_damaged_history_of_weights_is_said(pellucid: Command, runs: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(runs / "dense", tmp_path / "copy")
    (copy / "weights.safetensors").write_bytes(b"no weights")
    result = pellucid("show", "distance", copy)
    assert result.code == 4
    assert "weights.safetensors" in result.err


def test_neither_training_nor_the_library_imports_matplotlib(digits_folder: Path, tmp_path: Path) -> None:
    arguments = ["train", "784-4-10", "--epochs", "1", "--data", str(digits_folder), "--out", str(tmp_path / "run")]
    code = (
        "import sys, pellucid; from pellucid.cli.main import main; import pellucid.cli.show; "
        f"assert main({arguments}) == 0; assert 'matplotlib' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# Data of other kinds

NAMES = {
    "two": ["no", "yes"],
    "hundred": [f"{LONG}{number}" for number in range(100)],
    "odd": ["お", "き", "$x$", "a_b^c", "\\frac", "{", "%", "<&>", " ", "né", f"{LONG}1", f"{LONG}2"],
}
OF_ANSWERS = ["confusion", "calibration", "mistakes", "predictions", "saliency", "occlusion", "contributions", "pca"]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("kind", OF_ANSWERS)
def test_2_to_100_classes_of_any_name_can_be_read(names: str, kind: str) -> None:
    classes = NAMES[names]
    picture = figures.draw(kind, random_subject(classes, f"144-9-{len(classes)}"))
    assert faults(picture.figure) == []


@pytest.mark.parametrize("kind", [*OF_ANSWERS, "weights", "feature-maps", "preferred-input", "layers", "dead-units"])
def test_colour_images_blocks_and_a_single_output_have_their_figures(kind: str) -> None:
    subject = random_subject(["no", "yes"], "3x12x12-R(5C3p1-BN)-MP2-R(6C3s2p1)-7:sigmoid-1", output="sigmoid")
    picture = figures.draw(kind, subject)
    assert faults(picture.figure) == []


def test_a_model_without_mistakes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = random_subject(["a", "b"], "144-2")
    data = subject.test
    right = pl.data.Dataset(data.images, subject.network.classify(data.images), data.classes)
    picture = figures.draw("mistakes", Subject(subject.model, "model", lambda: (right, right)))
    assert "no mistake to show" in picture.words
    assert faults(picture.figure) == []


def test_the_checks_of_legibility_find_what_is_wrong() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2))
    figure.text(0.5, 0.5, "one text")
    figure.text(0.52, 0.5, "another")
    figure.text(0.9, 0.1, "beyond the edge")
    assert {fault.split(":")[0] for fault in faults(figure)} == {"overlap", "cut off"}


# Models that went wrong, and words that would


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("weights", "all of them are 0"),
        ("loss-line", "All weights are 0"),
        ("loss-plane", "All weights are 0"),
        ("layers", "its length is no measure"),
        ("contributions", "every product of weight and input is 0"),
        ("occlusion", "never changes its logits."),
        ("mistakes", "none of them with over 90%"),
    ],
)
def test_of_weights_that_are_all_0_that_is_said(kind: str, says: str) -> None:
    subject = random_subject(["a", "b", "c"], "144-5-3")
    subject.network.theta[...] = 0
    data = subject.test.subset(slice(4))  # two of a, so that the last biases have a gradient
    picture = figures.draw(kind, Subject(subject.model, "model", lambda: (data, data)))
    assert says in picture.words
    assert faults(picture.figure) == []


@pytest.mark.parametrize("kind", ["pca", "layers", "dead-units", "preferred-input", "feature-maps", "confusion"])
def test_of_logits_beyond_all_bounds_nothing_is_drawn(kind: str) -> None:
    subject = random_subject(["a", "b", "c"], "1x12x12-2C3-5-3")
    subject.network.theta[...] = 1e30
    with pytest.raises(pl.NumericError, match="NaN or infinite"):
        figures.draw(kind, subject)


def test_only_a_class_that_other_images_are_taken_for_is_said_whatever_they_show() -> None:
    shown = np.array([0] * 8 + [1] * 2 + [2] * 2)
    images = np.zeros((12, 144), np.uint8)
    images[np.arange(12), shown] = 255
    labels = np.where(np.arange(12) == 0, 1, shown)
    data = pl.data.Dataset(images.reshape(12, 12, 12), labels, ("a", "b", "c"))
    network = pl.Network("144-3", classes=["a", "b", "c"])
    network.theta[...] = 0
    network.layers[0].W[...] = np.eye(3, 144)  # the class is the white one of the first three pixels
    subject = Subject(network, "model", lambda: (data, data))
    assert "the most frequent of 1 mistake is b taken for a" in figures.draw("confusion", subject).words
    network.layers[0].b[2] = 9
    assert "says c of 100% of all images, whatever they show" in figures.draw("confusion", subject).words


def test_a_loss_that_stays_does_not_rise() -> None:
    subject = random_subject(["a", "b"], "144-2")
    subject.history = {"loss": [2.3, 2.3], "accuracy": [0.5, 0.5], "validation_loss": [], "validation_accuracy": []}
    assert "the training loss stayed at 2.3" in figures.draw("curves", subject).words


def test_limits_that_are_alike_let_equal_distances_look_equal() -> None:
    from pellucid.glass.figures.places import limits

    points = np.array([[0.0, 2.0], [4.0, 3.0]])
    assert limits(points, 0.0) == ((0, 4), (2, 3))
    assert limits(points, 0.0, alike=True) == ((0, 4), (0.5, 4.5))
