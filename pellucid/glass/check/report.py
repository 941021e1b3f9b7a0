"""What a check comes to: phase by phase, and the first thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.glass.check.answers import GENERAL, Answers
from pellucid.glass.check.mistake import Check, Finding, Mistake
from pellucid.glass.check.phases import (
    activations,
    backward,
    data,
    forward,
    improvements,
    training,
    visualization,
)
from pellucid.glass.check.question import CHANGES_INPUT


@dataclass(frozen=True)
class Phase:
    """One of the seven.

    Args:
        number: 1 to 7.
        name: of the field.
        needs: phases whose functions this one's use: while they are wrong, this one is not judged.
        trials: what the child is asked.
        judge: the checks that come of its answers.
        looked_for: the specification's names.
    """

    number: int
    name: str
    needs: tuple[int, ...]
    trials: Sequence[Mapping[str, Any]]
    judge: Callable[[Answers], list[Check]]
    looked_for: tuple[str, ...]


PHASES = (
    Phase(1, "data", (), data.TRIALS, data.judge, ("load_mnist", "normalize", "one_hot", "batch_loader")),
    Phase(
        2, "activations", (), activations.TRIALS, activations.judge,
        ("relu", "relu_derivative", "sigmoid", "sigmoid_derivative", "softmax", "cross_entropy_loss"),
    ),
    Phase(3, "forward", (2,), forward.TRIALS, forward.judge, ("initialize_weights", "Layer", "NeuralNetwork")),
    Phase(4, "backward", (2, 3), backward.TRIALS, backward.judge, ("NeuralNetwork.backward", "numerical_gradient")),
    Phase(5, "training", (2, 3, 4), training.TRIALS, training.judge, ("train_epoch", "evaluate")),
    Phase(
        6, "visualization", (2, 3), visualization.TRIALS, visualization.judge, ("visualize_weights", "show_predictions")
    ),
    Phase(
        7, "improvements", (), improvements.TRIALS, improvements.judge,
        ("MomentumSGD", "learning_schedule", "dropout", "l2_penalty", "add_l2_gradient"),
    ),
)  # fmt: skip
MISTAKES: tuple[Mistake, ...] = (
    *GENERAL, CHANGES_INPUT, *data.MISTAKES, *activations.MISTAKES, *forward.MISTAKES, *backward.MISTAKES,
    *training.MISTAKES, *visualization.MISTAKES, *improvements.MISTAKES,
)  # fmt: skip


@dataclass(frozen=True)
class PhaseReport:
    """A phase: "passed", "failed", "missing" (not there yet), "waiting" (it builds on a failed one) or "skipped"."""

    phase: Phase
    status: str
    checks: tuple[Check, ...]

    @property
    def finding(self) -> Finding | None:
        """The first thing that is wrong."""
        return next((check.finding for check in self.checks if check.finding), None)

    @property
    def missing(self) -> list[str]:
        """What is not there yet, each once."""
        names = [check.note.split(" (")[0] for check in self.checks if check.status == "missing"]
        return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Report:
    """What was found in a file.

    Args:
        form: "class", "functions" or None.
        ending: the loss that the network is for.
        phases: those that were checked.
        early: what is wrong before the first of them, at the import.
        near: of names that are looked for and not there, those in the file that resemble them.
    """

    form: str | None
    ending: str
    phases: tuple[PhaseReport, ...]
    early: Finding | None = None
    near: Mapping[str, str] | None = None

    @property
    def passed(self) -> bool:
        """Whether all that is there is right."""
        return self.early is None and all(phase.status != "failed" for phase in self.phases)


def judge_phases(answers: Answers, phases: Sequence[Phase]) -> tuple[PhaseReport, ...]:
    """The reports of some phases, in order."""
    told: list[PhaseReport] = []
    for phase in phases:
        checks = tuple(phase.judge(answers))
        bad = {report.phase.number for report in told if report.status in ("failed", "waiting")}
        told.append(PhaseReport(phase, _status(checks, bool(bad & set(phase.needs))), checks))
    return tuple(told)


def _status(checks: Sequence[Check], waits: bool) -> str:
    kinds = [check.status for check in checks]
    if all(kind == "missing" for kind in kinds):
        return "missing"
    if waits:
        return "waiting"
    if "failed" in kinds:
        return "failed"
    return "passed" if "passed" in kinds else "skipped"
