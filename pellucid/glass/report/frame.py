"""The frame of a page: one HTML file with its style and its script in it, which asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def framed(title: str, subtitle: str, summary: str, parts: Mapping[str, tuple[str, str]]) -> str:
    """A page of sections.

    Args:
        title: text.
        subtitle: text.
        summary: HTML, above the links to the sections.
        parts: by its name in the address, the title (text) and the content (HTML) of each section.
    """
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, (heading, _) in parts.items())
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{heading}</h2>{content}</section>'
        for name, (heading, content) in parts.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{(HERE / 'report.css').read_text(encoding='utf-8')}</style></head>"
        f'<body><a class="skip" href="#content">Skip to the content</a><header><h1>{escape(title)}</h1>'
        f'<p class="soft">{escape(subtitle)}</p>{summary}<nav aria-label="sections">{links}</nav></header>'
        f'<main id="content">{body}</main><script>{(HERE / "report.js").read_text(encoding="utf-8")}</script></body>'
        "</html>\n"
    )
