"""docs/build-your-own/: its programs print what stands below them, its skeletons and its list are those of the code.

`python tests/test_build_your_own.py` writes mistakes.md and the output in README.md anew.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.main import main
from pellucid.glass.check import MISTAKES, PHASES
from pellucid.glass.check.answers import GENERAL
from pellucid.glass.check.question import CHANGES_INPUT

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "build-your-own"
SKELETON = (DOCS / "skeleton" / "my_network.py").read_text(encoding="utf-8")
WORKED = (ROOT / "examples" / "build_your_own" / "worked.py").read_text(encoding="utf-8")
PAGES = sorted(DOCS.glob("[1-7]-*.md"))
CONSOLE = re.compile(r"(```console\n\$ pellucid check my_network.py --phase 4\n)(.*?)(```)", re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def mistakes_page() -> str:
    """The text of mistakes.md."""
    of_phase = {mistake.name: number for number, table in enumerate(_tables(), 1) for mistake in table}
    lines = [
        "# The mistakes that are recognized\n",
        "`pellucid check` calls each of these by its name, and says why it is one.",
        "`python tests/test_build_your_own.py` writes this page.\n",
    ]
    titles = {0: "In any phase", **{phase.number: f"Phase {phase.number}: {phase.name}" for phase in PHASES}}
    for number, title in titles.items():
        lines += [f"## {title}\n", "| name | what was done | what to do |", "|---|---|---|"]
        for mistake in MISTAKES:
            if of_phase.get(mistake.name, 0) == number:
                cells = (f"`{mistake.name}`", mistake.title, mistake.remedy)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _tables() -> list[Any]:
    from pellucid.glass.check import report

    modules = (
        report.data, report.activations, report.forward, report.backward, report.training, report.visualization,
        report.improvements,
    )  # fmt: skip
    return [[m for m in module.MISTAKES if m not in (*GENERAL, CHANGES_INPUT)] for module in modules]


def console_output(folder: Path) -> str:
    """What the command says of the mistake that README.md shows."""
    file = folder / "my_network.py"
    line = "dL_da * sigmoid_derivative(self.z)"
    assert line in WORKED
    file.write_text(WORKED.replace(line, line.replace("self.z", "self.a")), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["check", str(file), "--phase", "4"]) == 1
    return printed.getvalue()


def test_the_list_of_mistakes_is_whole() -> None:
    assert (DOCS / "mistakes.md").read_text(encoding="utf-8") == mistakes_page()


def test_the_output_in_the_readme_is_what_the_command_prints(tmp_path: Path) -> None:
    (shown,) = CONSOLE.findall((DOCS / "README.md").read_text(encoding="utf-8"))
    assert shown[1] == console_output(tmp_path)


def test_there_is_a_page_for_each_phase() -> None:
    assert [page.stem for page in PAGES] == [f"{phase.number}-{phase.name}" for phase in PHASES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_programs_print_what_stands_below_them(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"__name__": "my_network"}
    exec(WORKED, namespace)
    text = page.read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", text, re.DOTALL)
    assert len(programs) == len(blocks(page, "python")) == len(blocks(page, "text"))
    capsys.readouterr()
    for program, output in programs:
        exec(program, namespace)
        assert capsys.readouterr().out == output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_skeletons_are_those_of_the_file(page: Path) -> None:
    shown = blocks(page, "py")
    assert shown
    for block in shown:
        assert block in (WORKED if block.startswith("if __name__") else SKELETON), block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_question_comes_before_its_answer_which_is_folded_away(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    questions, answers = text.count("**Predict.**"), text.count("<details><summary>The answer</summary>\n\n")
    assert questions == answers == text.count("\n\n</details>") >= 3
    assert re.findall(r"\*\*Predict\.\*\*|<details>", text) == ["**Predict.**", "<details>"] * questions


def test_the_skeleton_has_every_name_that_is_looked_for_and_the_worked_network_has_those_of_the_skeleton() -> None:
    def names(text: str) -> set[str]:
        tree = ast.parse(text)
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
        return found

    assert {name for phase in PHASES for name in phase.looked_for} <= names(SKELETON) <= names(WORKED)


def test_links_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


if __name__ == "__main__":
    import tempfile

    (DOCS / "mistakes.md").write_text(mistakes_page(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        output = console_output(Path(folder))
    readme = DOCS / "README.md"
    readme.write_text(CONSOLE.sub(lambda m: m[1] + output + m[3], readme.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {DOCS}", file=sys.stderr)
