"""pellucid check: what is right passes, and each of its mistakes is called by its name."""

from __future__ import annotations

import os
import re
import sys
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.glass.check import MISTAKES, Finding, check
from pellucid.glass.check.mistake import wrong
from pellucid.glass.check.phases import slips
from pellucid.glass.check.phases.backward import expected
from pellucid.glass.check.phases.epochs import MANY
from pellucid.glass.check.phases.networks import DEEP, OBLONG, SQUARE, Small

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent / "build_your_own"))
from mistakes import GENERAL, PHASES, SQUARED_ERROR, Plant  # noqa: E402

Command = Any
EXAMPLES = ROOT / "examples" / "build_your_own"
SKELETON = ROOT / "docs" / "build-your-own" / "skeleton" / "my_network.py"
WORKED = (EXAMPLES / "worked.py").read_text(encoding="utf-8")
SLOW = {"never-ends", "trains-at-import"}  # recognized when the time is over
# Phases 1 and 7 are independent of all others: a file may hold a mistake of each, and one child serves for three.
DATA, *CORE, IMPROVEMENTS = PHASES
OTHERS = [(phase, plant) for phase, plants in enumerate(CORE, 2) for plant in plants]
FILES = [
    [planted for planted in trio if planted]
    for trio in zip_longest(((1, plant) for plant in DATA), OTHERS, ((7, plant) for plant in IMPROVEMENTS))
]


def write(folder: Path, *plants: Plant, text: str = WORKED) -> Path:
    """The worked solution, or another text, with mistakes in it."""
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
    "a sum by hand": ("self.db = dL_dz.mean(axis=1, keepdims=True)",
                      "self.db = (dL_dz @ np.ones((batch_size, 1))) / batch_size"),
    "einsum": ("dL_dz @ self.input.T / batch_size", "np.einsum('ib,jb->ij', dL_dz, self.input) / batch_size"),
    "a bias that is kept flat": ("np.zeros((output_size, 1))", "np.zeros(output_size)"),
    "the squared form of ŷ − y": ("dL_da = self.layers[-1].a - Y", "dL_da = -(Y - self.layers[-1].a)"),
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
     "the squared form of ŷ − y", "a new array for each step", "prints", "an own random state"],
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


# What the learner's code may do to the check


def only(folder: Path, body: str) -> Path:
    file = folder / "mine.py"
    file.write_text(f"import numpy as np\n{body}\n", encoding="utf-8")
    return file


RELU = "def relu(z):\n    return np.maximum(0, z)\n"


def test_prints_without_end_fill_nothing(tmp_path: Path) -> None:
    report = check(only(tmp_path, "def relu(z):\n    while True:\n        print('x' * 10000)"), phase=2, seconds=1)
    assert name_of(report.phases[0].finding) == "never-ends"
    assert "in relu" in report.phases[0].finding.notes[0]


def test_what_was_printed_is_shown_when_something_is_raised(tmp_path: Path) -> None:
    body = "def relu(z):\n    print('shape', z.shape)\n    return z @ z"
    (report,) = check(only(tmp_path, body), phase=2).phases
    assert "relu raises ValueError" in report.finding.what
    assert report.finding.notes[0] == "mine.py, line 4, in relu:  return z @ z"
    assert "  shape (3, 4)" in report.finding.notes
    assert any("transpose may be missing" in note for note in report.finding.notes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_children_of_the_child_end_with_it(tmp_path: Path) -> None:
    body = (
        "import os, time\nif os.fork() == 0:\n    open('pid', 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
        + RELU
    )
    (report,) = check(only(tmp_path, body), phase=2).phases
    assert report.status == "passed"
    for _ in range(100):
        status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("the fork is still alive")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_that_goes_on_answers_nothing(tmp_path: Path) -> None:
    (report,) = check(only(tmp_path, "import os\nos.fork()\n" + RELU), phase=2).phases
    assert [one.status for one in report.checks if one.name == "relu"] == ["passed"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os\ndef relu(z):\n    os._exit(3)", "ended Python, with exit code 3"),
        ("import os, signal\ndef relu(z):\n    os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("def relu(z):\n    return relu(z)", "RecursionError"),
        ("def relu(z):\n    raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def relu(z):\n    return 'text'", "gives a str"),
        ("def relu(z):\n    return {'a': 1}", "gives a dict"),
        ("def relu():\n    return 1", "takes 0 positional arguments"),
        ("def relu(z, alpha, beta):\n    return z", "missing 2 required positional arguments"),
        ("def relu(z):\n    return z[0]", "gives another shape"),
        ("class NeuralNetwork:\n    pass\n" + RELU, "takes no arguments"),
    ],
)  # fmt: skip
def test_what_else_can_happen_is_said(body: str, words: str, tmp_path: Path) -> None:
    report = check(only(tmp_path, body))
    finding = next(one.finding for one in report.phases if one.status == "failed")
    assert words in finding.what


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("print(input())", "Nobody is there to answer"),
        ("raise SystemExit(3)", "ends the program"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("x = y", "mine.py, line 2, in <module>:  x = y"),
    ],
)  # fmt: skip
def test_what_goes_wrong_at_the_import_is_said_with_the_line(body: str, words: str, tmp_path: Path) -> None:
    report = check(only(tmp_path, body))
    assert not report.passed
    assert words in " ".join((report.early.what, *report.early.notes))


def test_answers_that_the_learner_writes_over_are_not_believed(tmp_path: Path) -> None:
    body = (
        "import glob, tempfile\ndef relu(z):\n"
        "    for path in glob.glob(tempfile.gettempdir() + '/pellucid-check-*/answers.jsonl'):\n"
        "        open(path, 'a').write('[1]\\n{\"id\": \"sigmoid\", \"result\": 5}\\nnonsense\\n')\n    return z"
    )  # fmt: skip
    (report,) = check(only(tmp_path, body), phase=2).phases
    assert report.status == "failed"


def test_a_module_beside_the_file_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "activations.py").write_text(f"import numpy as np\n{RELU}", encoding="utf-8")
    (report,) = check(only(tmp_path, "from activations import relu"), phase=2).phases
    assert report.status == "passed"


# The command


def test_the_untouched_skeleton_is_not_there_yet(pellucid: Command) -> None:
    result = pellucid("check", SKELETON, "--json")
    assert (result.code, result.json["passed"], result.json["mistake"]) == (0, True, None)
    assert {one["status"] for one in result.json["phases"]} == {"missing"}


def test_functions_with_nothing_in_them_are_not_there_yet(tmp_path: Path) -> None:
    text = SKELETON.read_text(encoding="utf-8").replace("raise NotImplementedError", "pass")
    report = check(write(tmp_path, text=text))
    assert {one.status for one in report.phases} == {"missing"}


def test_one_phase_can_be_checked_alone(pellucid: Command, tmp_path: Path) -> None:
    file = write(tmp_path, GENERAL[0])
    assert pellucid("check", file, "--phase", 1).code == 0
    result = pellucid("check", file, "--phase", 2)
    assert result.code == 1
    assert "returns-nothing" in result.out
    assert "1  data" not in result.out


def test_the_first_wrong_thing_is_shown_with_its_numbers(pellucid: Command, tmp_path: Path) -> None:
    plant = next(plant for plant in PHASES[3] if plant[0] == "derivative-at-a")
    result = pellucid("check", write(tmp_path, plant))
    assert result.code == 1
    words = result.out
    for part in (
        "my_network.py: a class, NeuralNetwork(layer_sizes, activations); softmax outputs with cross-entropy",
        "4  backward       WRONG: the activation's derivative is taken at a, where z is meant",
        "5  training       not judged yet: it builds on a phase that is wrong",
        "layers[0].dW is wrong",
        "the mistake    derivative-at-a",
        "called         net = NeuralNetwork([4, 4, 4], ['sigmoid', 'softmax']); net.forward(X); net.backward(Y)",
        "came           layers[0].dW (4, 4)",
        "right is       on the way, layers[0].z (4, 4)",
        "                 layers[0].dz (4, 4)",
        "the numerical gradient: layers[0].dW[0, 0], when nudged, moves your own loss",
        "right already: layers[1].dW, layers[1].db",
        "docs/build-your-own/4-backward.md",
    ):
        assert part in words, part


def test_json_has_the_numbers_and_the_words(pellucid: Command, tmp_path: Path) -> None:
    told = pellucid("check", write(tmp_path, PHASES[1][0]), "--json").json
    assert (told["passed"], told["mistake"], told["form"]) == (False, "relu-derivative-keeps-z", "class")
    phase = told["phases"][1]
    assert (phase["phase"], phase["status"], phase["mistake"]) == (2, "failed", told["mistake"])
    finding = phase["finding"]
    assert (
        np.shape(finding["given"]["z"]) == np.shape(finding["came"]["result"]) == np.shape(finding["right"]["result"])
    )
    assert finding["why"]
    assert {check["status"] for check in phase["checks"]} == {"passed", "failed"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "There is no file"),
        ("def relu(z)\n    return z\n", "is not Python: expected ':' in line 1: def relu(z)"),
        ("\0", "is not Python"),
        ("def relU(z):\n    return z\n", "In the file there is relU (did you mean relu?)"),
        ("", "none of the names"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_checked_is_a_usage_error(
    text: str | None, words: str, pellucid: Command, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    result = pellucid("check", file)
    assert result.code == 2
    assert words in result.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_usage_error(pellucid: Command, tmp_path: Path) -> None:
    file = only(tmp_path, RELU)
    file.chmod(0)
    assert "cannot be read" in pellucid("check", file).err


def test_a_name_that_resembles_is_pointed_out(pellucid: Command, tmp_path: Path) -> None:
    result = pellucid("check", only(tmp_path, RELU + "def soft_max(z):\n    return z\n"))
    assert "softmax is not in the file, but soft_max is: is that the one?" in result.out


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
