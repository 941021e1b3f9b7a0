"""The lessons: scripts run and print what stands on their pages, notebooks have their cells, nothing is left out."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from conftest import write_folder

from pellucid.cli.main import _app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "lessons"
sys.path.insert(0, str(ROOT / "examples" / "lessons"))

from make import Cell, Lesson, lessons  # noqa: E402

LESSONS = lessons()
README = (DOCS / "README.md").read_text(encoding="utf-8")
REAL = bool(os.environ.get("PELLUCID_DATA"))  # whether the digits are those of the pages
TRAINED = {"07", "09", "10", "12", "13", "15", "16", "17"}  # their numbers depend a little on the machine
SLOW = {"07", "09", "10", "12", "13", "15"}
NUMBER = re.compile(r"[-+−]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
ITEMS = (
    "nonlinearity", "matrix product", "derive the equations", "transpose", "learning rate", "batch size",
    "forward pass", "backpropagation from scratch", "95%", "learned weights", "mistake of shape",
    "one neuron", "each layer learn", "mini-batches", "backpropagation work",
)  # fmt: skip


def number(lesson: Lesson) -> str:
    return lesson.name[:2]


def each(slow: bool = False) -> list[object]:
    """All lessons; those that train for seconds are marked, if wished."""
    marks = [[pytest.mark.slow] if slow and number(lesson) in SLOW else [] for lesson in LESSONS]
    return [pytest.param(lesson, id=lesson.name, marks=mark) for lesson, mark in zip(LESSONS, marks, strict=True)]


def page(lesson: Lesson) -> str:
    return (DOCS / f"{lesson.name}.md").read_text(encoding="utf-8")


def outputs(text: str) -> str:
    return "\n".join(re.findall(r"^```text\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL))


def same(printed: str, written: str, lesson: Lesson) -> None:
    """The same words; and the same numbers, or after a training nearly."""
    if number(lesson) not in TRAINED:
        assert printed == written
        return
    blank = [re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (printed, written)]
    assert blank[0] == blank[1]
    for one, other in zip(NUMBER.findall(printed), NUMBER.findall(written), strict=True):
        one, other = (float(text.replace(",", "").replace("−", "-")) for text in (one, other))
        whole = other.is_integer() and abs(other) > 1
        assert one == pytest.approx(other, rel=0.1, abs=3 if whole else 0.03), (one, other)


@pytest.fixture(scope="module")
def printed_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many digits of a printed font as the offline sample has."""
    return write_folder(tmp_path_factory.mktemp("printed"), 4000, 1000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An empty folder to run a lesson in; without the real MNIST its digits are of a printed font."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("Agg")
    if not REAL:
        monkeypatch.setenv("PELLUCID_DATA", str(request.getfixturevalue("printed_digits")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("lesson", each(slow=True))
def test_it_prints_what_stands_on_its_page_and_leaves_one_picture(lesson: Lesson, folder: Path) -> None:
    from matplotlib import pyplot

    printed = lesson.run()
    pyplot.close("all")
    if REAL or "data.load(" not in lesson.script.read_text(encoding="utf-8"):
        same("\n".join(filter(None, printed)), outputs(page(lesson)), lesson)
    assert [path.name for path in folder.iterdir()] == [f"{lesson.name}.png"]


def test_a_script_runs_alone(folder: Path) -> None:
    script, environment = LESSONS[3].script, {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == outputs(page(LESSONS[3])).split()


def test_there_are_seventeen_in_an_unbroken_row() -> None:
    assert [lesson.title.split(". ")[0] for lesson in LESSONS] == [str(n) for n in range(1, 18)]
    assert [int(number(lesson)) for lesson in LESSONS] == list(range(1, 18))
    for kind, folder in (("md", DOCS), ("png", DOCS / "pictures"), ("ipynb", DOCS / "notebooks")):
        made = sorted(path.stem for path in folder.glob(f"[0-9]*.{kind}"))
        assert made == [lesson.name for lesson in LESSONS], kind


@pytest.mark.parametrize("lesson", each())
def test_the_page_and_the_notebook_are_made_from_the_script_of_today(lesson: Lesson) -> None:
    following = (*LESSONS, None)[LESSONS.index(lesson) + 1]
    text = page(lesson)
    blank = lesson.page([""] * len(lesson.cells), following)
    assert re.sub(r"```text\n.*?\n```\n\n", "", text, flags=re.DOTALL) == blank
    notebook = (DOCS / "notebooks" / f"{lesson.name}.ipynb").read_text(encoding="utf-8")
    assert notebook == lesson.notebook()


@pytest.mark.parametrize("lesson", each())
def test_the_notebook_has_the_cells_of_the_script_and_no_answers(lesson: Lesson) -> None:
    notebook = json.loads((DOCS / "notebooks" / f"{lesson.name}.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell, made in zip(lesson.cells, notebook["cells"], strict=True):
        code = cell.kind == "code"
        keys = {"cell_type", "id", "metadata", "source"} | ({"execution_count", "outputs"} if code else set())
        assert set(made) == keys
        assert Cell(made["cell_type"], "".join(made["source"]).replace("](../", "](")) == Cell(
            cell.kind, cell.text.replace("](../", "](")
        )
        assert not made.get("outputs")


@pytest.mark.parametrize("lesson", each())
def test_it_asks_before_it_tells_and_ends_in_a_picture_with_words(lesson: Lesson) -> None:
    words = [cell.text for cell in lesson.cells if cell.kind == "markdown"]
    assert any("**Predict.**" in text for text in words)
    code = [cell.text for cell in lesson.cells if cell.kind == "code"]
    assert code[-1].endswith(f'figure.savefig("{lesson.name}.png")')
    assert sum(text.count("savefig") for text in code) == 1
    alt, caption = re.fullmatch(rf"!\[([^\]]+)\]\(pictures/{lesson.name}\.png\)\n\n\*([^*]+)\*", words[-1]).groups()
    assert len(alt) > 80
    assert len(caption) > 40
    assert (DOCS / "pictures" / f"{lesson.name}.png").stat().st_size < 60_000


@pytest.mark.parametrize("document", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_its_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert link.startswith("https://") or (document.parent / link).exists(), link


def rows() -> list[tuple[str, str, str]]:
    """The table of the checklist: what one can, the lessons, what to run."""
    _, table = README.split("## Can you?")
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([^|]+)` \|$", table, re.MULTILINE)
    return [(item, links, command) for item, links, command in found]


def test_the_table_answers_every_item_of_the_specification() -> None:
    found = [item for item, _, _ in rows()]
    assert len(found) == len(ITEMS)
    for item in ITEMS:
        assert sum(item in row for row in found) == 1, item
    for _, links, _ in rows():
        assert re.search(r"\]\(\d\d-", links)


@pytest.mark.parametrize("command", sorted({command for _, _, command in rows()}))
def test_what_the_table_says_to_run_is_there(command: str) -> None:
    program, first, *rest = shlex.split(command)
    if program == "python":
        assert (ROOT / first).exists()
        assert not rest
    else:
        assert program == "pellucid"
        typer.main.get_command(_app([first])).commands[first].make_context(first, rest)  # raises if it cannot be read


def test_every_lesson_stands_in_the_order_to_read() -> None:
    order = re.findall(r"^\| \[([^\]]+)\]\((.+?)\.md\)", README, re.MULTILINE)
    assert order == [(lesson.title, lesson.name) for lesson in LESSONS]
