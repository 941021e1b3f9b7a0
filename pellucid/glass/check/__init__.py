"""Build your own, checked: a learner's network, phase by phase, and the mistake in it by name.

The learner's file runs in a child process (`process.py`, `child/`), which calls what the specification names with small
numbers. What comes back is held to plain formulas (`formulas.py`) and to what typical mistakes would give (`phases/`).
"""

from __future__ import annotations

import ast
import difflib
from pathlib import Path

from pellucid.errors import UsageError
from pellucid.glass.check.answers import Answers, error_finding
from pellucid.glass.check.child.forms import BACKWARD, FORWARD, LOSSES, NETWORKS, UPDATE
from pellucid.glass.check.mistake import Check, Finding, Mistake
from pellucid.glass.check.process import ask
from pellucid.glass.check.report import MISTAKES, PHASES, Phase, PhaseReport, Report, judge_phases

__all__ = ["MISTAKES", "PHASES", "Check", "Finding", "Mistake", "Phase", "PhaseReport", "Report", "check"]

SECONDS = 20.0


def check(path: Path, phase: int | None = None, seconds: float = SECONDS) -> Report:
    """Check a learner's file.

    Args:
        path: of the file.
        phase: 1 to 7; None checks all.
        seconds: after which the child process is ended.

    Raises:
        UsageError: there is no such file, it is not Python, or none of the names are in it.
    """
    tree = _parse(path)
    phases = [one for one in PHASES if phase in (None, one.number)]
    trials = list({str(trial["id"]): trial for one in phases for trial in one.trials}.values())
    if phase:  # what a network ends in shows in its loss
        trials += [trial for trial in PHASES[1].trials if trial["id"] == "squared_error" and trial not in trials]
    answers = ask(path.resolve(), tree, trials, seconds)
    result, other = answers.result("import", path.name, f"import {path.stem}")
    if other:
        finding = other.finding or Finding(f"{path.name} could not be imported: {other.note}")
        return Report(None, "cross_entropy", (), _import_finding(path, answers, finding))
    names = [str(name) for name in result["names"]]
    reports = judge_phases(answers, phases)
    if phase is None and not set(names) & _known():
        raise UsageError(f"{path} has none of the names that are looked for. {_looked_for(names)}")
    near = {
        wanted: match[0]
        for report in reports
        for wanted in report.missing
        if (match := difflib.get_close_matches(wanted, set(names) - _known(), 1, 0.75))
    }
    form = result.get("form")
    return Report(str(form) if form else None, str(result["ending"]), reports, None, near)


def _parse(path: Path) -> ast.Module:
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name the Python file in it.")
    if path.is_file() and path.suffix != ".py":
        notebook = " Save the notebook as a script first (File, Save and Export As, Executable Script)."
        raise UsageError(f"{path} is no .py file.{notebook if path.suffix == '.ipynb' else ''}")
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.py")], 1)
        raise UsageError(f"There is no file {path}." + (f" Did you mean {near[0]}?" if near else ""))
    try:
        return ast.parse(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except SyntaxError as error:
        line = f" in line {error.lineno}: {(error.text or '').strip()}" if error.lineno else ""
        raise UsageError(f"{path} is not Python: {error.msg}{line}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not Python: {error}") from None


def _import_finding(path: Path, answers: Answers, finding: Finding) -> Finding:
    line = answers.told.get("import", {})
    return error_finding(path.name, f"import {path.stem}", line) if "error" in line else finding


def _known() -> set[str]:
    names = {trial_name for one in PHASES for trial in one.trials for trial_name in trial.get("names", ())}
    names |= {name.split(".")[0] for one in PHASES for name in one.looked_for}
    names |= {*NETWORKS, *FORWARD, *BACKWARD, *UPDATE, "load_data"}
    return names.union(*LOSSES.values())


def _looked_for(names: list[str]) -> str:
    wanted = [name for one in PHASES for name in one.looked_for if "." not in name]
    near = [
        f"{name} (did you mean {match[0]}?)" for name in names if (match := difflib.get_close_matches(name, wanted, 1))
    ]
    found = f" In the file there is {', '.join(near)}." if near else ""
    return f"Looked for: {', '.join(wanted)}.{found}"
