"""The learner's code in a process of its own: isolated, limited in time and memory, ended with all its children."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.glass.check.answers import NEVER_ENDS, TRAINS_AT_IMPORT, Answers, Hang

RUN = Path(__file__).parent / "child" / "run.py"
MEMORY = 4 << 30  # bytes of addresses
GRACE = 10  # seconds; the child ends itself when its time is over, and is killed if it does not
LARGEST = 200 << 20  # bytes of answers


def ask(file: Path, tree: ast.Module, trials: Sequence[Mapping[str, Any]], seconds: float) -> Answers:
    """Run the trials on the learner's file in a child process.

    Args:
        file: the learner's, with its full path.
        tree: what is written in it.
        trials: what to try, in order.
        seconds: after which the child and its own children are killed.
    """
    with tempfile.TemporaryDirectory(prefix="pellucid-check-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        request = {"file": str(file), "trials": trials, "bytes": MEMORY, "seconds": seconds}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        code, last_words = _run(file, folder, seconds + GRACE)
        told, begun, ended = _read(folder / "answers.jsonl")
        hang = None
        if not ended:
            hang = _hang(folder, begun, code, last_words, tree, file, seconds)
    return Answers(told, hang, frozenset(stubs(tree)))


def _run(file: Path, folder: Path, seconds: float) -> tuple[int | None, str]:
    """The exit code, or None where the time ran out; and the last of what was written to standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-I", "-B", str(RUN), str(folder), str(Path(np.__file__).parents[1])]
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=file.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
    with (folder / "errors.txt").open("rb") as errors:
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
        return code, errors.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _read(path: Path) -> tuple[dict[str, Any], str, bool]:
    """The answers, the trial that was begun last, and whether the child came to the end."""
    told: dict[str, Any] = {}
    begun, ended = "", False
    if not path.exists() or path.stat().st_size > LARGEST:
        return told, begun, ended
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # cut off, or written over
            continue
        if not isinstance(line, dict):
            continue
        begun = str(line.get("begin", begun))
        ended = ended or bool(line.get("end"))
        if "id" in line:
            told[str(line["id"])] = line
    return told, begun, ended


def _hang(
    folder: Path, begun: str, code: int | None, last_words: str, tree: ast.Module, file: Path, seconds: float
) -> Hang:
    """What to say of a child that did not come to its end."""
    what = "The import of the file" if begun in ("", "import") else "The call"
    path = folder / "hang.txt"
    stacks = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if code is None or stacks:
        lines = tuple(_where(stacks, file))
        if begun in ("", "import") and works_at_import(tree):
            words = f"The file was imported, and after {seconds:g} s it was still at work."
            return Hang(begun, words, TRAINS_AT_IMPORT, lines)
        return Hang(begun, f"{what} did not come to an end in {seconds:g} s.", NEVER_ENDS, lines)
    tail = tuple(last_words.strip().splitlines()[-4:])
    if code < 0:
        names = {int(one): one.name for one in signal.Signals}
        return Hang(begun, f"{what} was ended by the system ({names.get(-code, -code)}).", None, tail)
    return Hang(begun, f"{what} ended Python, with exit code {code}.", None, tail)


def _where(stacks: str, file: Path) -> Iterator[str]:
    """The learner's lines that were at work when the time ran out."""
    source = file.read_text(encoding="utf-8", errors="replace").splitlines()
    for name, number, function in re.findall(r'File "(.+)", line (\d+) in (\S+)', stacks):
        if Path(name) == file and int(number) <= len(source):
            yield f"it was at {file.name}, line {number}, in {function}:  {source[int(number) - 1].strip()}"


def works_at_import(tree: ast.Module) -> bool:
    """Whether statements outside of functions and classes call something in a loop, or just call it."""
    return any(
        isinstance(statement, ast.For | ast.While | ast.With)
        or (
            isinstance(statement, ast.Expr | ast.Assign)
            and any(isinstance(node, ast.Call) for node in ast.walk(statement))
        )
        for statement in tree.body
    )


def stubs(tree: ast.Module) -> Iterator[str]:
    """Functions and methods (`Layer.forward`) in which there is nothing yet but a docstring, `pass`, `return None`."""
    for prefix, body in (("", tree.body), *((f"{c.name}.", c.body) for c in tree.body if isinstance(c, ast.ClassDef))):
        for node in body:
            if isinstance(node, ast.FunctionDef) and all(_empty(statement) for statement in node.body):
                yield prefix + node.name


def _empty(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Return):
        return statement.value is None or (isinstance(statement.value, ast.Constant) and statement.value.value is None)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
