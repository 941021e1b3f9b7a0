"""A report: one HTML file that tells of a run, complete in itself. It asks nothing of any network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from pellucid.glass.report import sections
from pellucid.glass.report.material import Material
from pellucid.glass.report.step import step

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


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
    if m.evaluation.labels.ndim > 1:  # examples of several classes are confused with nothing
        del parts["confusion"], parts["mistakes"]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, (title, _) in parts.items())
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{content}</section>'
        for name, (title, content) in parts.items()
    )
    title = f"{m.recipe.name}: {m.result['test_accuracy']:.2%} on {m.result['dataset']}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{(HERE / 'report.css').read_text(encoding='utf-8')}</style></head>"
        f'<body><a class="skip" href="#content">Skip to the content</a><header><h1>{escape(title)}</h1>'
        f'<p class="soft">A run of pellucid, {escape(str(m.result["run"]))}</p>{sections.facts(m)}'
        f'<nav aria-label="sections">{links}</nav></header><main id="content">{body}</main>'
        f"<script>{(HERE / 'report.js').read_text(encoding='utf-8')}</script></body></html>\n"
    )
