"""From the lessons' scripts to their pages, pictures and notebooks: make lessons.

A script in this folder is the only source of its lesson. A line `# %%` begins a cell of code, `# %% [markdown]` one of
words, as editors and Jupytext read it. Each script is run, cell by cell, and becomes

    docs/lessons/01-neuron.md               words, code, what the code printed, and the picture
    docs/lessons/pictures/01-neuron.png     which the last cell of code saves
    docs/lessons/notebooks/01-neuron.ipynb  the same cells without the answers: first predict, then run

Links in the words are written as seen from docs/lessons/. `python examples/lessons/make.py 03 05` makes only these.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs" / "lessons"
CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)
LINK = re.compile(r"(!?\[[^\]]*\]\()(?!https?://|#)")


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson: words or code."""

    kind: str  # "markdown" or "code"
    text: str


@dataclass(frozen=True)
class Lesson:
    """A lesson, as its script has it."""

    script: Path

    @property
    def name(self) -> str:
        """What its page, picture and notebook are called: 01-neuron."""
        return self.script.stem.replace("_", "-")

    @property
    def cells(self) -> list[Cell]:
        """Its cells, in order."""
        _, *parts = CELL.split(self.script.read_text(encoding="utf-8"))
        return [_cell(mark, text.strip()) for mark, text in zip(parts[::2], parts[1::2], strict=True)]

    @property
    def title(self) -> str:
        """Its first line: 1. A neuron."""
        return self.cells[0].text.splitlines()[0].removeprefix("# ")

    def run(self) -> list[str]:
        """What each cell prints, empty for words. Pictures are saved in the working folder."""
        names: dict[str, Any] = {"__name__": "__main__"}
        printed = []
        for cell in self.cells:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                if cell.kind == "code":
                    exec(compile(cell.text, f"{self.script.name}, cell {len(printed) + 1}", "exec"), names)
            printed.append(out.getvalue().rstrip())
        return printed

    def page(self, printed: list[str], following: Lesson | None) -> str:
        """Its page in Markdown."""
        parts = []
        for cell, output in zip(self.cells, printed, strict=True):
            code = f"```python\n{cell.text}\n```"
            if "savefig" in cell.text:
                code = f"<details><summary>The program that draws the picture</summary>\n\n{code}\n\n</details>"
            parts.append(cell.text if cell.kind == "markdown" else code)
            if output:
                parts.append(f"```text\n{output}\n```")
        ways = [
            f"[the script](../../examples/lessons/{self.script.name})",
            f"[the notebook](notebooks/{self.name}.ipynb)",
            "[all lessons](README.md)",
        ]
        if following:
            ways.append(f"next: [{following.title}]({following.name}.md)")
        parts.append("---\n\n" + " · ".join(ways))
        return "\n\n".join(parts) + "\n"

    def notebook(self) -> str:
        """The notebook, in version 4.5 of its format, without outputs."""
        cells: list[dict[str, Any]] = []
        for number, cell in enumerate(self.cells):
            text = LINK.sub(r"\1../", cell.text) if cell.kind == "markdown" else cell.text
            made = {"cell_type": cell.kind, "id": f"cell-{number}", "metadata": {}}
            made |= {} if cell.kind == "markdown" else {"execution_count": None, "outputs": []}
            cells.append(made | {"source": text.splitlines(keepends=True)})
        python = {"display_name": "Python 3", "language": "python", "name": "python3"}
        about = {"kernelspec": python, "language_info": {"name": "python"}}
        whole = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(mark: str | None, text: str) -> Cell:
    if not mark:
        return Cell("code", text)
    return Cell("markdown", "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines()))


def lessons() -> list[Lesson]:
    """All lessons, in the order to read them in."""
    return [Lesson(script) for script in sorted(HERE.glob("[0-9][0-9]_*.py"))]


def shrink(picture: Path) -> None:
    """Keep 256 colours of a picture: enough for these, at half the bytes."""
    from PIL import Image

    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256)
    small.save(picture, optimize=True)


def main() -> None:
    """Make the lessons that the command line names by their numbers, or all of them."""
    import matplotlib

    matplotlib.use("Agg")
    every = lessons()
    for lesson, following in zip(every, [*every[1:], None], strict=True):
        if sys.argv[1:] and lesson.name[:2] not in sys.argv[1:]:
            continue
        os.chdir(DOCS / "pictures")
        printed = lesson.run()
        matplotlib.pyplot.close("all")
        shrink(Path(f"{lesson.name}.png"))
        (DOCS / f"{lesson.name}.md").write_text(lesson.page(printed, following), encoding="utf-8")
        (DOCS / "notebooks" / f"{lesson.name}.ipynb").write_text(lesson.notebook(), encoding="utf-8")
        print(f"docs/lessons/{lesson.name}.md")


if __name__ == "__main__":
    main()
