"""pellucid check: what is right passes, and each of its mistakes is called by its name."""

from __future__ import annotations

import re
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learner import EXAMPLES, name_of, only, write
from learner_mistakes import GENERAL, PHASES, SQUARED_ERROR, Plant

import pellucid as pl
from pellucid.glass.check import MISTAKES, check
from pellucid.glass.check.mistake import close, wrong
from pellucid.glass.check.phases import activations, data, encodings, losses, slips
from pellucid.glass.check.phases.backward import expected
from pellucid.glass.check.phases.epochs import MANY
from pellucid.glass.check.phases.networks import DEEP, OBLONG, SQUARE, Small
from pellucid.glass.check.question import Question, answers_of

Command = Any
SLOW = {"never-ends", "trains-at-import"}  # recognized when the time is over
NUMBERED = [[(number, plant) for plant in plants] for number, plants in enumerate(PHASES, 1)]
# Phases 1 and 7 are independent of all others, and 6 of 5: a file may hold a mistake of each, and one child will do.
FILES = [
    [planted for planted in several if planted]
    for several in zip_longest(chain(*NUMBERED[4:0:-1]), NUMBERED[0], NUMBERED[5], NUMBERED[6])
]


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


@pytest.mark.parametrize("plant", SQUARED_ERROR, ids=lambda plant: plant[0])
def test_the_gradient_of_the_squared_error_has_mistakes_of_its_own(plant: Plant, tmp_path: Path) -> None:
    report = check(write(tmp_path, plant, text=(EXAMPLES / "sixteen_sixteen.py").read_text(encoding="utf-8")))
    assert [name_of(one.finding) for one in report.phases if one.status == "failed"] == [plant[0]]


def test_every_mistake_that_is_known_is_planted() -> None:
    assert {mistake.name for mistake in MISTAKES} == {
        name for plants in (GENERAL, SQUARED_ERROR, *PHASES) for name, _, _ in plants
    }
    assert len({mistake.name for mistake in MISTAKES}) >= 25


def test_a_mistake_says_what_why_and_what_to_do() -> None:
    for mistake in MISTAKES:
        assert mistake.title
        assert mistake.why.endswith((".", ")", "?")), mistake
        assert mistake.remedy.endswith((".", ")", "?")), mistake
        assert re.fullmatch("[a-z0-9-]+", mistake.name)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("y-minus-a", "missing-transpose-of-w"),
        ("output-derivative-twice", "bias-gradient-over-the-wrong-axis"),
        ("weight-gradient-transposed", "derivative-at-a"),
    ],
)
def test_two_mistakes_at_once_are_both_named(first: str, second: str, tmp_path: Path) -> None:
    plants = [next(plant for plant in PHASES[3] if plant[0] == name) for name in (first, second)]
    (report,) = check(write(tmp_path, *plants), phase=4).phases
    assert report.finding is not None
    assert name_of(report.finding) == first
    assert any(second in note for note in report.finding.notes)


def test_numbers_that_no_mistake_gives_are_still_shown_beside_the_right_ones(pellucid: Command, tmp_path: Path) -> None:
    result = pellucid("check", only(tmp_path, "def relu(z):\n    return np.maximum(0, z) + 0.25"))
    assert result.code == 1
    assert "None of those that are known by name gives these numbers" in result.out
    assert "12 of 12 numbers differ, the first at [0, 0]: 0.25 came, 0 is right" in result.out


# What is right passes


@pytest.mark.parametrize("name", ["worked", "black_box", "notes", "digit_recognizer", "sixteen_sixteen"])
def test_the_networks_that_the_guide_and_four_people_wrote_pass(name: str) -> None:
    report = check(EXAMPLES / f"{name}.py")
    assert report.passed, [one.finding for one in report.phases if one.finding]
    statuses = {one.phase.name: one.status for one in report.phases}
    assert {statuses[phase] for phase in ("activations", "forward", "backward", "training")} == {"passed"}
    if name == "worked":
        assert set(statuses.values()) == {"passed"}
        assert not any(one.missing for one in report.phases)


def test_what_the_four_people_wrote_wrongly_is_named(tmp_path: Path) -> None:
    mean = "for i in range(dz.shape[1])], axis=0)"
    notes = ("notes", mean, f"{mean} * dz.shape[1]", "sum-for-mean")
    digits = ("digit_recognizer", ", axis=1, keepdims=True", "", "one-bias-gradient-for-the-layer")
    for file, old, new, name in (notes, digits):
        text = (EXAMPLES / f"{file}.py").read_text(encoding="utf-8")
        report = check(write(tmp_path, ("", old, new), text=text))
        assert [name_of(one.finding) for one in report.phases if one.status == "failed"] == [name]


RIGHT = {
    "the scale from −1 to 1": ("images.reshape(-1, 784).T / 255.0", "images.reshape(-1, 784).T / 127.5 - 1"),
    "an identity matrix for one-hot": ("Y[labels, np.arange(len(labels))] = 1", "Y = np.eye(classes)[labels].T"),
    "ReLU by a mask": ("np.maximum(0, z)", "z * (z > 0)"),
    "a derivative of booleans": ("(z > 0).astype(float)", "z > 0"),
    "slope 1 at 0": ("(z > 0).astype(float)", "(z >= 0).astype(float)"),
    "sigmoid by tanh": ("1 / (1 + np.exp(-np.clip(z, -500, 500)))", "(1 + np.tanh(z / 2)) / 2"),
    "sigmoid that overflows to 0": ("np.exp(-np.clip(z, -500, 500))", "np.exp(-z)"),
    "ε in the logarithm": ("np.log(y_pred)", "np.log(y_pred + 1e-9)"),
    "Xavier": ("np.sqrt(2 / input_size)", "np.sqrt(2 / (input_size + output_size))"),
    "uniform weights": ("np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)",
                        "np.random.uniform(-0.5, 0.5, (output_size, input_size))"),
    "float32": ("self.z = self.W @ X + self.b", "self.z = (self.W @ X + self.b).astype(np.float32)"),
    "weights in float32": ("self.W = initialize_weights(input_size, output_size)",
                           "self.W = initialize_weights(input_size, output_size).astype(np.float32)"),
    "a sum by hand": ("self.db = dL_dz.mean(axis=1, keepdims=True)",
                      "self.db = (dL_dz @ np.ones((batch_size, 1))) / batch_size"),
    "einsum": ("dL_dz @ self.input.T / batch_size", "np.einsum('ib,jb->ij', dL_dz, self.input) / batch_size"),
    "a bias that is kept flat": ("np.zeros((output_size, 1))", "np.zeros(output_size)"),
    "ŷ − y turned round twice": ("dL_da = self.layers[-1].a - Y", "dL_da = -(Y - self.layers[-1].a)"),
    "a new array for each step": ("layer.W -= learning_rate * layer.dW",
                                  "layer.W = layer.W - learning_rate * layer.dW"),
    "net.update": ("        for layer in net.layers:\n            layer.W -= learning_rate * layer.dW\n"
                   "            layer.b -= learning_rate * layer.db\n    return",
                   "        net.update(learning_rate)\n    return"),
    "accuracy by a sum": ("(predictions == y).mean()", "np.sum(predictions == y) / len(y)"),
    "momentum as PyTorch has it": (
        'v["W"] = self.momentum * v["W"] - self.lr * layer.dW\n'
        '        v["b"] = self.momentum * v["b"] - self.lr * layer.db\n'
        '        layer.W += v["W"]\n        layer.b += v["b"]',
        'v["W"] = self.momentum * v["W"] + layer.dW\n        v["b"] = self.momentum * v["b"] + layer.db\n'
        '        layer.W -= self.lr * v["W"]\n        layer.b -= self.lr * v["b"]'),
    "dropout that is made good at the test": (
        "    if not training:\n        return a\n", "    if not training:\n        return a * (1 - rate)\n"),
    "an L2 term without ½": ("return 0.5 * strength", "return strength"),
    "prints": ("return np.maximum(0, z)", "print('here', z)\n    return np.maximum(0, z)"),
    "an own random state": ("import numpy as np\n", "import numpy as np\n\nnp.random.seed(3)\n"),
}  # fmt: skip
ALSO = {
    "a bias that is kept flat": [("self.W @ X + self.b", "self.W @ X + self.b.reshape(-1, 1)"),
                                 ("mean(axis=1, keepdims=True)", "mean(axis=1)")],
    "dropout that is made good at the test": [("return a * mask / (1 - rate)", "return a * mask")],
    "an L2 term without ½": [("layer.dW += strength", "layer.dW += 2 * strength")],
}  # fmt: skip
TOGETHER = [  # that touch different places, so that one child serves for many
    ["the scale from −1 to 1", "an identity matrix for one-hot", "ReLU by a mask", "a derivative of booleans",
     "sigmoid by tanh", "ε in the logarithm", "Xavier", "float32", "a sum by hand", "einsum", "net.update",
     "momentum as PyTorch has it", "dropout that is made good at the test", "an L2 term without ½",
     "accuracy by a sum"],
    ["slope 1 at 0", "sigmoid that overflows to 0", "uniform weights", "a bias that is kept flat",
     "weights in float32", "ŷ − y turned round twice", "a new array for each step", "prints", "an own random state"],
]  # fmt: skip


@pytest.mark.parametrize("names", TOGETHER, ids=["one", "other"])
def test_other_ways_to_write_what_is_right_pass(names: list[str], tmp_path: Path) -> None:
    changes = [(name, *pair) for name in names for pair in (RIGHT[name], *ALSO.get(name, ()))]
    report = check(write(tmp_path, *changes))
    assert report.passed, [one.finding for one in report.phases if one.finding]
    assert all(one.status == "passed" for one in report.phases)


def test_every_other_way_is_tried() -> None:
    assert sorted(name for names in TOGETHER for name in names) == sorted(RIGHT)


def test_a_backward_pass_that_updates_at_once_is_measured_by_how_far_it_moved(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        ("", "def backward(self, dL_da):", "def backward(self, dL_da, learning_rate):"),
        ("", "        return dL_dx\n", "        self.W -= learning_rate * self.dW\n"
         "        self.b -= learning_rate * self.db\n        return dL_dx\n"),
        ("", "def backward(self, Y):", "def backward(self, Y, learning_rate):"),
        ("", "dL_da = layer.backward(dL_da)", "dL_da = layer.backward(dL_da, learning_rate)"),
    )  # fmt: skip
    assert check(file, phase=4).passed
    text = file.read_text(encoding="utf-8")
    step = "        self.W -= learning_rate * self.dW\n"
    file.write_text(text.replace(step, "").replace("        dL_dx = self.W.T", step + "        dL_dx = self.W.T"))
    (report,) = check(file, phase=4).phases
    assert name_of(report.finding) == "updated-before-passed-back"


# The answers themselves


@pytest.mark.parametrize("ending", ["cross_entropy", "binary_cross_entropy", "squared_error"])
@pytest.mark.parametrize("hidden", ["relu", "sigmoid"])
def test_the_right_answers_are_those_of_the_library(hidden: str, ending: str) -> None:
    small = Small((5, 4, 3), 6, hidden, 111)
    output = "softmax" if ending == "cross_entropy" else "sigmoid"
    network = pl.Network(f"5-4:{hidden}-3", output=output, loss=ending, dtype="float64")
    network.theta[:] = np.concatenate([part.ravel() for pair in small.parameters for part in pair])
    right = small.run(ending)
    loss, gradient = network.loss_and_gradient(small.X.T, small.Y.T)
    told = right.gradient()
    order = [f"layers[{k}].{name}" for k in range(2) for name in ("dW", "db")]
    np.testing.assert_allclose(np.concatenate([told[name].ravel() for name in order]), gradient, atol=1e-12)
    np.testing.assert_allclose(right.loss(), loss, atol=1e-12)
    np.testing.assert_allclose(right.outputs[-1], network.predict(small.X.T).T, atol=1e-12)


@pytest.mark.parametrize("small", [*SQUARE.values(), *OBLONG.values(), *DEEP.values(), *MANY], ids=str)
def test_no_number_of_a_small_network_is_near_a_kink(small: Small) -> None:
    run = small.run("cross_entropy")
    assert min(float(np.abs(z).min()) for z in run.zs[:-1]) > 1e-3


@pytest.mark.parametrize("ending", ["cross_entropy", "binary_cross_entropy", "squared_error"])
def test_mistakes_in_the_gradient_are_told_apart(ending: str) -> None:
    """In some small network each one's numbers differ from the right ones and from those of every other mistake."""
    smalls = [*SQUARE.values(), *DEEP.values(), *OBLONG.values()]
    lines = slips.LINES[ending]
    seen = [{n: expected(small, ending, 1, line) for n, (_, line) in enumerate(lines)} for small in smalls]
    for n, (mistake, _) in enumerate(lines):
        rights = [small.run(ending).gradient() for small in smalls]
        assert any(table[n] and wrong(table[n], right) for table, right in zip(seen, rights, strict=True)), mistake.name
        for m, (other, _) in enumerate(lines[:n]):
            if mistake is not other:
                assert any(
                    table[n].keys() != table[m].keys() or (table[n] and wrong(table[n], table[m])) for table in seen
                ), (mistake.name, other.name)


@pytest.mark.parametrize("small", [SQUARE["sigmoid"], DEEP["relu"], OBLONG["sigmoid"]], ids=str)
@pytest.mark.parametrize("ending", ["cross_entropy", "binary_cross_entropy", "squared_error"])
def test_the_right_gradients_are_those_of_differences(small: Small, ending: str) -> None:
    gradient = small.run(ending).gradient()
    for k, pair in enumerate(small.parameters):
        for place, name in enumerate(("dW", "db")):
            slopes = np.zeros_like(pair[place])
            for at in range(slopes.size):
                losses = []
                for step in (1e-5, -1e-5):
                    parameters = small.parameters
                    parameters[k][place].flat[at] += step
                    losses.append(small.run(ending, parameters=parameters).loss())
                slopes.flat[at] = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose(gradient[f"layers[{k}].{name}"], slopes, atol=1e-9)


@pytest.mark.parametrize(
    "question", [*activations.QUESTIONS, *losses.QUESTIONS, *encodings.QUESTIONS, data.NORMALIZE], ids=lambda q: q.trial
)
def test_what_mistakes_make_of_a_question_is_not_right_and_not_the_same(question: Question) -> None:
    values = list(question.values.values())
    with np.errstate(all="ignore"):
        rights = [np.asarray(formula(*values), float) for formula in (question.right, *question.accepted)]
        told = [(mistake, answer[""]) for mistake, answer in answers_of(question.variants, "", values)]
    for n, (mistake, answer) in enumerate(told):
        assert not any(close(answer, right) for right in rights), mistake.name
        for other, numbers in told[:n]:
            assert mistake is other or not close(answer, numbers), (mistake.name, other.name)
