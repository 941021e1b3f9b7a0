"""How large pellucid is: lines of code, without docstrings, comments and blank lines.

Run: make size
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pellucid"
CORE = (
    "network", "notation", "workspace", "layers/", "losses", "initializers", "optimizers", "schedules", "training",
)  # fmt: skip
SPLIT_OFF = ("building", "descent", "epoch", "loop")  # what belongs to these and has a file of its own
LIMITS = {CORE: 1500, CORE + SPLIT_OFF: 1700}
IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {n for token in tokens if token.type not in IGNORED for n in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def functions(source: str) -> list[tuple[int, str]]:
    """Each function's lines of code and name."""
    lines = code_lines(source)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return [(len(lines & set(range(f.lineno, (f.end_lineno or f.lineno) + 1))), f.name) for f in found]


def size_of(modules: tuple[str, ...]) -> int:
    """Lines of code of these modules; a name with a slash is a folder."""
    names = {path: str(path.relative_to(PACKAGE)).removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    chosen = [path for path, name in names.items() if name in modules or name.partition("/")[0] + "/" in modules]
    return sum(len(code_lines(path.read_text())) for path in chosen)


def main() -> int:
    """Print the sizes; the core may not outgrow its limits."""
    folders: dict[str, int] = {}
    files, longest = [], []
    for path in sorted(PACKAGE.rglob("*.py")):
        source, name = path.read_text(), str(path.relative_to(PACKAGE))
        lines = len(code_lines(source))
        folder = name.partition("/")[0] if "/" in name else "."
        folders[folder] = folders.get(folder, 0) + lines
        files.append((lines, name))
        longest += [(count, f"{name}:{function}") for count, function in functions(source)]
    for folder, lines in folders.items():
        print(f"{folder:<12}{lines:>6}")
    print(f"{'in all':<12}{sum(folders.values()):>6}")
    for modules, limit in LIMITS.items():
        print(f"{'core':<12}{size_of(modules):>6} of at most {limit:,}: {', '.join(modules)}")
    print("longest file      {0[0]:>4} {0[1]}".format(max(files)))
    print("longest function  {0[0]:>4} {0[1]}".format(max(longest)))
    return 0 if all(size_of(modules) <= limit for modules, limit in LIMITS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
