"""A report: one HTML file that tells of a run, complete in itself. It asks nothing of any network."""

from __future__ import annotations

from pellucid.glass.report import sections
from pellucid.glass.report.frame import framed
from pellucid.glass.report.material import Material
from pellucid.glass.report.step import step


def page(m: Material) -> str:
    """The whole file."""
    parts = {
        "curves": ("How it learned", sections.learning(m)),
        "warnings": ("What was noticed", sections.warnings(m)),
        "layers": ("The network", sections.layers(m)),
        "confusion": ("What is taken for what", sections.confusion(m)),
        "mistakes": ("The surest mistakes", sections.mistakes(m)),
        "weights": ("What the first layer looks for", sections.weights(m)),
        "step": ("A step, number by number", "".join(step(m))),
        "repeat": ("How to repeat it", "".join(sections.repeat(m))),
    }
    title = f"{m.recipe.name}: {m.evaluation.accuracy:.2%} on {m.test.name}"
    return framed(title, f"A run of pellucid, {m.result['run']}", sections.facts(m), parts)
