"""pellucid check: a network of one's own, phase by phase, and the first thing that is wrong with it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pellucid.cli.options import Json
from pellucid.cli.output import emit
from pellucid.glass.check import SECONDS, Finding, PhaseReport, Report, check

Option = typer.Option
WIDTH = 100
ROWS = 8  # of an array are shown
FORMS = {
    "class": "a class, NeuralNetwork(layer_sizes, activations)",
    "functions": "functions, forward_prop and backward_prop",
}
ENDINGS = {
    "cross_entropy": "softmax outputs with cross-entropy",
    "binary_cross_entropy": "sigmoid outputs with binary cross-entropy",
    "squared_error": "sigmoid outputs with the squared error",
}


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Your network, in the specification's names.")],
    phase: Annotated[int | None, Option(min=1, max=7, metavar="1-7", help="Check this phase alone.")] = None,
    timeout: Annotated[float, Option(min=1, metavar="SECONDS", help="After which your code is ended.")] = SECONDS,
    json: Json = False,
) -> int:
    """Check a network of your own, phase by phase, and name the first mistake in it.

    docs/build-your-own/ leads through the seven phases. Your code runs in a process of its own, with a time limit.
    """
    report = check(file, phase, timeout)
    if json:
        emit(_told(report))
    else:
        _print(file, report)
    return 0 if report.passed else 1


def _told(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    phases = [
        {
            "phase": one.phase.number,
            "name": one.phase.name,
            "status": one.status,
            "missing": one.missing,
            "checks": [{"name": check.name, "status": check.status, "note": check.note} for check in one.checks],
            **_finding(one.finding if one.status == "failed" else None),
        }
        for one in report.phases
    ]
    first = report.early or next((one.finding for one in report.phases if one.status == "failed"), None)
    told = {"passed": report.passed, "form": report.form, "loss": report.ending, "phases": phases}
    return told | {"mistake": first.mistake.name if first and first.mistake else None, "error": _words(report.early)}


def _words(finding: Finding | None) -> dict[str, Any] | None:
    return {**_finding(finding)["finding"], "mistake": finding.mistake and finding.mistake.name} if finding else None


def _finding(finding: Finding | None) -> dict[str, Any]:
    if finding is None:
        return {"mistake": None, "finding": None}
    mistake = finding.mistake
    return {
        "mistake": mistake and mistake.name,
        "finding": {
            "what": finding.what,
            "called": finding.called,
            "given": _plain(finding.given),
            "came": _plain(finding.came),
            "right": _plain(finding.right),
            "notes": list(finding.notes),
            "title": mistake and mistake.title,
            "why": mistake and mistake.why,
            "remedy": mistake and mistake.remedy,
        },
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _print(file: Path, report: Report) -> None:
    if report.early:
        _show(report.early)
        return
    form = f": {FORMS[report.form]}; {ENDINGS[report.ending]}; examples are columns" if report.form else ""
    print(f"{file.name}{form}\n")
    for one in report.phases:
        print(f"{one.phase.number}  {one.phase.name:<15}{_line(one, report)}")
    failed = [one for one in report.phases if one.status == "failed"]
    if failed:
        first = failed[0]
        assert first.finding
        print(f"\nPhase {first.phase.number}, {first.phase.name}:")
        _show(first.finding)
        print(f"\nThe phase is explained in docs/build-your-own/{first.phase.number}-{first.phase.name}.md.")
    for near, name in (report.near or {}).items():
        print(f"\n{near} is not in the file, but {name} is: is that the one?")


def _line(one: PhaseReport, report: Report) -> str:
    missing = ", ".join(one.missing)
    if one.status == "missing":
        return f"not there yet: {', '.join(one.phase.looked_for)}"
    if one.status == "waiting":
        return "not judged yet: it builds on a phase that is wrong"
    skipped = next((check.note for check in one.checks if check.status == "skipped" and check.note), "")
    if one.status == "skipped":
        return f"could not be checked: {skipped}"
    if one.status == "failed":
        assert one.finding
        return f"WRONG: {one.finding.mistake.title if one.finding.mistake else one.finding.what}"
    names = list(dict.fromkeys(check.name.split(" (")[0] for check in one.checks if check.status == "passed"))
    later = f"; not there yet: {missing}" if one.missing else ""
    return f"passed: {', '.join(names)}{later}" + (f"; {skipped}" if skipped else "")


def _show(finding: Finding) -> None:
    _paragraph("", finding.what)
    if finding.mistake:
        print(f"\n  the mistake    {finding.mistake.name}")
        _paragraph("", finding.mistake.title)
        _paragraph("why", finding.mistake.why)
        _paragraph("remedy", finding.mistake.remedy)
    elif finding.came:
        print()
        _paragraph("the mistake", "None of those that are known by name gives these numbers; compare them below.")
    if finding.called or finding.notes:
        print()
    _paragraph("called", finding.called)
    _values("came", finding.came)
    _values("right is", finding.right)
    for number, note in enumerate(finding.notes):
        _paragraph("look at" if not number else "", note)
    _values("with", finding.given)


def _values(title: str, values: Mapping[str, Any]) -> None:
    for number, (name, value) in enumerate(values.items()):
        _value("" if number else title, name, value)


def _paragraph(title: str, text: str) -> None:
    for number, line in enumerate(textwrap.wrap(text, WIDTH) if text else ()):
        print(f"  {title if not number else '':<15}{line}")


def _value(title: str, name: str, value: Any) -> None:
    if not isinstance(value, np.ndarray):
        lines = str(value).splitlines() or [""]
        print(f"  {title:<15}{name}: {lines[0]}")
        for line in lines[1:]:
            print(f"  {'':<17}{line}")
        return
    shown = value if value.ndim < 1 or value.shape[0] <= ROWS else value[:ROWS]
    text = np.array2string(shown, precision=4, suppress_small=True, threshold=40, edgeitems=3, max_line_width=WIDTH)
    shape = f" {value.shape}" if value.shape else ""
    print(f"  {title:<15}{name}{shape}" + (f" = {text}" if "\n" not in text else ""))
    if "\n" in text:
        for line in text.splitlines():
            print(f"  {'':<17}{line}")
        if len(shown) < len(value):
            print(f"  {'':<17}... {len(value) - len(shown)} more rows")
