"""pellucid explain: a step in the terminal, its numbers as JSON, and where one of them comes from."""

from __future__ import annotations

from itertools import takewhile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_folder
from PIL import Image

import pellucid as pl
from pellucid.cli import explained
from pellucid.cli.matrices import draw, matrix
from pellucid.glass.nudge import nudge


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("explain") / "digits")


@pytest.fixture
def run(pellucid: Any, digits: Path) -> Path:
    assert pellucid("train", "784-8-10", "--data", digits, "--epochs", 1, "--out", "run").code == 0
    return Path("run")


def test_it_walks_forwards_backwards_and_through_the_update(pellucid: Any, digits: Path, run: Path) -> None:
    result = pellucid("explain", run, "--index", 3, "--data", digits)
    assert result.code == 0
    places = [result.out.index(words) for words in ("FORWARD", "BACKWARD", "UPDATE", "three ways", "every tensor")]
    assert places == sorted(places)
    assert "∂L/∂dense1.W = ∂L/∂dense1.z · ∂dense1.z/∂dense1.W" in result.out
    assert result.out.count("← what it shows") == 1
    assert max(map(len, result.out.splitlines())) <= 130
    trace = pl.Trace.open(run / "trace.safetensors")
    assert f"The loss {'fell' if trace.made.loss_after < trace.made.loss else 'rose'} from {trace.made.loss:.6g}" in (
        result.out
    )


def test_json_has_every_tensor_with_its_numbers(pellucid: Any, digits: Path, run: Path) -> None:
    found = pellucid("explain", run, "--index", 3, "--data", digits, "--json").json
    trace = pl.Trace.open(found["trace"])
    assert [layer["name"] for layer in found["layers"]] == ["dense1", "relu1", "dense2", "loss"]
    tensors = {tensor["name"]: tensor for layer in found["layers"] for tensor in layer["tensors"]}
    assert tensors.keys() == trace.tensors.keys()
    np.testing.assert_array_equal(tensors["dense2/dW"]["values"], trace["dense2/dW"])
    assert tensors["dense2/x"]["same_as"] == "relu1/a"
    assert found["cells"][0]["gradient"]["analytic"] == pytest.approx(found["cells"][0]["gradient"]["numerical"], 1e-4)


def test_a_cell_is_its_value_its_gradient_and_the_terms_of_both(pellucid: Any, digits: Path, run: Path) -> None:
    words = ("explain", run, "--index", 0, "--examples", 4, "--data", digits, "--cell", "dense2/W/5/2")
    printed = pellucid(*words).out
    assert "FORWARD" not in printed
    assert "dense2/dW[5, 2] = Σ_n dz[i, n] x[j, n]" in printed
    assert printed.count("dense2/dz[5, ") == 4
    (cell,) = pellucid(*words, "--json").json["cells"]
    (gradient,) = cell["sums"]
    assert sum(term["value"] for term in gradient["terms"]) == pytest.approx(gradient["value"], rel=1e-12)
    assert cell["gradient"]["analytic"] == pytest.approx(gradient["value"], rel=1e-12)


def test_a_picture_is_explained_too(pellucid: Any, run: Path, tmp_path: Path) -> None:
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "digit.png")
    assert "taken for what the model says" in pellucid("explain", run, tmp_path / "digit.png").out
    assert "digit.png, a 7" in pellucid("explain", run, tmp_path / "digit.png", "--label", 7).out


def test_classes_are_matched_by_name(pellucid: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in "37":
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(6):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{index}.png")
    pl.Network("64-10").save("ten.safetensors")
    for index in (0, 1):
        found = pellucid("explain", "ten.safetensors", "--index", index, "--data", tmp_path / "pictures", "--json").json
        targets = next(tensor for tensor in found["layers"][-1]["tensors"] if tensor["name"] == "loss/y")["values"]
        assert found["what"].endswith(f", {np.argmax(targets)}")
        assert np.argmax(targets) in (3, 7)


def test_every_optimizer_takes_its_step(pellucid: Any, digits: Path, run: Path) -> None:
    words = ("explain", run, "--index", 3, "--data", digits, "--optimizer")
    assert "−α (1 + μ) dW" in pellucid(*words, "nesterov").out
    update = pellucid(*words, "adamw").out.split("UPDATE")[1].split("The loss")[0]
    assert "−α dW / (|dW| + ε) − α λ W" in update
    assert len({len(line) for line in update.splitlines()[2:] if line}) == 1  # columns stand below each other


def test_a_pass_of_training_draws_and_measures(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-BN-D0.5-10", "--data", digits, "--epochs", 1, "--out", "run")
    words = ("explain", "run", "--index", 0, "--examples", 8, "--training", "--data", digits, "--optimizer", "adam")
    assert "bn1/mean_update" in pellucid(*words).out
    assert pellucid(*words, "--json").json["training"]


def test_the_step_and_the_images_are_those_of_its_training(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--epochs", 1, "--optimizer", "adam", "--learning-rate", 0.02,
             "--out", "run")  # fmt: skip
    own = pellucid("explain", "run", "--index", 3, "--json").json
    assert (own["optimizer"]["name"], own["optimizer"]["learning_rate"]) == ("adam", 0.02)
    assert own["loss"] == pellucid("explain", "run", "--index", 3, "--data", digits, "--json").json["loss"]
    steeper = pellucid("explain", "run", "--index", 3, "--learning-rate", 0.1, "--json").json["optimizer"]
    assert (steeper["name"], steeper["learning_rate"]) == ("adam", 0.1)
    other = pellucid("explain", "run", "--index", 3, "--optimizer", "sgd", "--json").json["optimizer"]
    assert (other["name"], other["learning_rate"]) == ("sgd", pl.SGD().learning_rate)
    shown = pellucid("explain", "run", "--index", 3).out
    assert f"from {own['loss']:.6g} to {own['loss_after']:.6g}" in shown


def test_a_gradient_is_measured_where_it_can_be(pellucid: Any, digits: Path) -> None:
    pellucid("train", "1x28x28-4C5-MP2-8-10", "--data", digits, "--epochs", 1, "--out", "run")
    found = pellucid("explain", "run", "--index", 0, "--examples", 32, "--training", "--json").json
    assert found["cells"][0]["gradient"]["numerical"] is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "either a picture, or --index 7"),
        (("--index", 100_000), "numbered from 0 to"),
        (("--index", 95, "--examples", 10), "from 0 to 99; 95 to 104 came"),
        (("--index", 0, "--label", 3), "--label says what a picture shows"),
        (("--index", 0, "--cell", "dense9/W/0/0"), "Did you mean 'dense2/W'"),
        (("--index", 0, "--cell", "dense1/W/8/0"), "whose shape is (8, 784)"),
        (("--index", 0, "--cell", "dense1"), "A cell is written TENSOR/I/J"),
        (("--index", 0, "--cell", "dense1/W/x/0"), "A cell is written TENSOR/I/J"),
        (("--index", 0, "--cell", "dense1/W/²/0"), "A cell is written TENSOR/I/J"),
        (("--index", 0, "--optimizer", "adm"), "Did you mean 'adam'"),
        (("--index", 0, "--trace", "."), ". is a folder. Name a file in it."),
    ],
)
def test_what_cannot_be_explained_is_said(
    pellucid: Any, digits: Path, run: Path, words: tuple[Any, ...], message: str
) -> None:
    result = pellucid("explain", run, *words, "--data", digits)
    assert result.code == 2
    assert message in result.err
    assert not (run / "trace.safetensors").exists()


def test_a_committee_asks_which_member(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--epochs", 1, "--members", 2, "--out", "run")
    result = pellucid("explain", "run", "--index", 0, "--data", digits)
    assert (result.code, "--member 1" in result.err) == (2, True)
    assert pellucid("explain", "run", "--index", 0, "--member", 2, "--data", digits).code == 0


def lines(network: pl.Network, x: np.ndarray, labels: list[int]) -> list[str]:
    """What is printed of a step on these examples."""
    trace = pl.trace(network, x, np.array(labels), optimizer=pl.SGD(0.1))
    return list(explained.lines(trace, "", x[0], (1, 2, 3), []))


def test_a_single_output_answers_with_one_of_two_classes() -> None:
    network = pl.Network("6-1", output="sigmoid", classes=("no", "yes"))
    network.theta[...] = [0, 0, 0, 0, 0, 0, 5]  # always says yes
    x = np.random.default_rng(0).normal(size=(4, 6))
    assert "2 of 4 examples are answered right" in "\n".join(lines(network, x, [0, 1, 0, 1]))
    printed = "\n".join(lines(network, x[:1], [1]))
    assert "what the network says: yes" in printed
    assert "yes   0.9933" in printed


def test_a_squared_error_reaches_the_logits_through_the_outputs() -> None:
    network, x = pl.Network("6-4", output="tanh"), np.random.default_rng(0).normal(size=(2, 6))
    printed = "\n".join(lines(network, x, [0, 1]))
    assert "∂L/∂loss.a = ∂L/∂loss.losses · ∂loss.losses/∂loss.a" in printed
    assert "∂L/∂loss.z = ∂L/∂loss.a · ∂loss.a/∂loss.z" in printed


def test_the_factors_of_each_term_multiply_to_it_even_where_one_stands_twice() -> None:
    network, x = pl.Network("6-4", output="tanh"), np.random.default_rng(0).normal(size=(2, 6))
    trace = pl.trace(network, x, np.array([0, 1]))
    (cell,) = explained.values(trace, "", [explained.Cell.of(trace, "loss/losses/0")])["cells"]
    for term in cell["sums"][0]["terms"]:
        assert prod(factor["value"] for factor in term["factors"]) == pytest.approx(term["value"])


def test_a_loss_that_stays_neither_fell_nor_rose() -> None:
    network, x = pl.Network("6-4", dtype="float64"), np.ones((1, 6))
    network.theta[...] = [*[0] * 24, 800, 0, 0, 0]  # so sure that no gradient is left
    assert "The loss stayed at 0 by this step." in "\n".join(lines(network, x, [0]))


def test_numbers_that_differ_in_the_last_digit_have_a_histogram() -> None:
    network, x = pl.Network("6-4", dtype="float64"), np.nextafter(np.ones((2, 6)), [[0], [2]])
    assert any(line.startswith("  dense1/x") and "█" in line for line in lines(network, x, [0, 1]))


def test_numbers_that_are_not_finite_are_counted() -> None:
    network = pl.Network("6-5-4", dtype="float64")
    network.theta[...] = 1e200
    trace = pl.trace(network, np.ones((3, 6)), np.array([0, 1, 2]))
    assert np.isnan(trace.made.loss)
    forward = takewhile(lambda line: "BACKWARD" not in line, explained.lines(trace, "", np.ones(6), (1, 2, 3), []))
    assert any("12 of 12 are NaN or infinite" in line for line in forward)


@pytest.mark.parametrize("training", [False, True])
def test_three_ways_to_a_gradient_agree(training: bool) -> None:
    network = pl.Network("6-5:tanh-BN-D0.3-4", dtype="float64", seed=1)
    rng = np.random.default_rng(1)
    trace = pl.trace(network, rng.normal(size=(7, 6)), rng.integers(0, 4, 7), training=training)
    for name in ("dense1/W", "bn1/gain", "dense2/b"):
        place = tuple(length - 1 for length in trace[name].shape)
        found = nudge(trace, name, *place)
        assert found.analytic == trace[name.replace("/", "/d")][place]
        assert found.numerical == pytest.approx(found.analytic, abs=1e-9)
        assert found.change == pytest.approx(found.expected, abs=1e-3)


def test_a_nudge_takes_the_running_statistics_of_its_trace() -> None:
    network = pl.Network("6-5:tanh-BN-4", dtype="float64", seed=1)
    rng = np.random.default_rng(1)
    trace = pl.trace(network, rng.normal(size=(7, 6)), rng.integers(0, 4, 7))
    network.state[...] += 1
    assert nudge(trace, "dense1/W", 0, 0).analytic == pytest.approx(trace["dense1/dW"][0, 0], rel=1e-12)


# Matrices as boxes


def test_a_formula_is_drawn_with_a_box_for_each_matrix() -> None:
    assert draw("z", "W x + b", {"z": (2, 1), "W": (2, 4), "x": (4, 1), "b": (2, 1)}) == [
        "┌─┐   ┌────┐   ┌─┐   ┌─┐",
        "│z│ = │ W  │ · │x│ + │b│",
        "└─┘   └────┘   │ │   └─┘",
        "2×1    2×4     └─┘   2×1",
        "               4×1",
    ]


def test_a_transposed_matrix_lies_on_its_side_and_what_has_no_box_stays_text() -> None:
    drawn = draw("dW", "dz xᵀ", {"dW": (2, 50), "dz": (2, 1), "x": (50, 1)})
    assert "1×50" in drawn[-1] + drawn[-2]
    drawn = draw("a", "max(z, 0)", {"a": (1, 1), "z": (1, 1)})
    assert drawn[1] == "│a│ = max( │z│ , 0)"


def test_images_and_windows_are_looked_at_as_matrices() -> None:
    assert [matrix(shape) for shape in [(), (5,), (3, 4), (8, 24, 24, 2), (4, 9, 5, 5, 2)]] == [
        (1, 1), (5, 1), (3, 4), (8, 24 * 24 * 2), (36, 50),
    ]  # fmt: skip


def test_what_is_too_wide_is_not_drawn() -> None:
    shapes = dict.fromkeys("abcdefgh", (1000, 1000))
    assert draw("a", "b c d e f g h", shapes) == []
