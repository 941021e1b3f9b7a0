"""pellucid check: what a learner's code may do to it, and what it prints."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learner import RELU, SKELETON, name_of, only, write
from learner_mistakes import GENERAL, PHASES

from pellucid.glass.check import check

Command = Any

# What the learner's code may do to the check


def test_prints_without_end_fill_nothing(tmp_path: Path) -> None:
    report = check(only(tmp_path, "def relu(z):\n    while True:\n        print('x' * 10000)"), phase=2, seconds=5)
    assert name_of(report.phases[0].finding) == "never-ends"
    assert "in relu" in report.phases[0].finding.notes[0]


def test_what_was_printed_is_shown_when_something_is_raised(tmp_path: Path) -> None:
    body = "def relu(z):\n    print('shape', z.shape)\n    return z @ z"
    (report,) = check(only(tmp_path, body), phase=2).phases
    assert "relu raises ValueError" in report.finding.what
    assert report.finding.notes[0] == "mine.py, line 4, in relu:  return z @ z"
    assert "  shape (3, 4)" in report.finding.notes
    assert any("transpose may be missing" in note for note in report.finding.notes)


def test_a_notebook_and_a_folder_are_no_python_file(pellucid: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.ipynb").write_text("{}", encoding="utf-8")
    result = pellucid("check", tmp_path / "mine.ipynb")
    assert result.code == 2
    assert "mine.ipynb is no .py file. Save the notebook as a script first" in result.err
    assert "is a folder. Name the Python file in it" in pellucid("check", tmp_path).err


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


@pytest.mark.parametrize(
    ("images", "name"),
    [
        ("np.random.rand(784, 100)", None),
        ("np.random.rand(100, 784)", "examples-in-rows"),
        ("np.random.rand(784, 100) * 255", "pixels-not-scaled"),
        ("np.random.rand(100, 28, 28)", "images-not-flattened"),
    ],
)
def test_of_a_learners_own_data_shapes_and_ranges_are_looked_at(images: str, name: str | None, tmp_path: Path) -> None:
    labels = "np.arange(100) % 10"
    body = f"def load_mnist():\n    return {images}, np.eye(10)[:, {labels}], np.random.rand(784, 50), {labels}"
    (report,) = check(only(tmp_path, body), phase=1).phases
    assert name_of(report.finding) == name
    assert report.status == ("failed" if name else "passed")


def test_data_that_are_not_at_hand_here_are_no_mistake(tmp_path: Path) -> None:
    (report,) = check(only(tmp_path, "def load_mnist():\n    return np.load('digits.npz')"), phase=1).phases
    assert report.status == "skipped"
    assert "digits.npz" in report.checks[2].note


# The command


def test_the_time_limit_is_an_option(pellucid: Command, tmp_path: Path) -> None:
    file = only(tmp_path, "import itertools\ndef relu(z):\n    for _ in itertools.count():\n        pass")
    result = pellucid("check", file, "--phase", 2, "--timeout", 2)
    assert result.code == 1
    assert "did not come to an end in 2 s" in result.out
    assert "it was at mine.py, line" in result.out


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
        ("\0", "is not Python: source code string cannot contain null bytes"),
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
