"""What `pellucid test --robustness` found, as a table, in words and as the values of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pellucid.data.alteration import SIDE

if TYPE_CHECKING:  # what draws pictures is imported where one is drawn
    from pellucid.glass.robustness import Robustness, Row

NAME = 24  # characters of a name, at least
LITTLE = 0.01  # of accuracy: a point
SURER = 0.1  # than right: a row where the network does not know that it does not know
FOLLOWS, HARDLY = 0.75, 0.25  # shares of what accuracy loses, which confidence loses too


def values(found: Robustness) -> dict[str, Any]:
    """All rows, what was left out, and the sentences."""
    names = [field.name for field in fields(found.rows[0]) if field.name != "examples"]
    return {
        "rows": [{name: getattr(row, name) for name in names} for row in found.rows],
        "left_out": found.left_out,
        "words": list(words(found)),
    }


def lines(found: Robustness) -> Iterator[str]:
    """The table, and below it what it shows."""
    width = max(NAME, *(len(row.name) for row in found.rows))
    yield (
        f"{'test images':<{width}}{'images':>9}{'accuracy':>10}{'confidence':>12}{'under 90%':>11}{'under 50%':>11}"
        f"{'calibration error':>19}"
    )
    for row in found.rows:
        shares = (row.confidence, row.under_90, row.under_50, row.calibration_error)
        confidence, under_90, under_50, error = ("-" if share is None else f"{share:.2%}" for share in shares)
        yield (
            f"{row.name:<{width}}{row.images:>9,}{row.accuracy:>10.2%}{confidence:>12}{under_90:>11}{under_50:>11}"
            f"{error:>19}"
        )
    yield f"Lengths are pixels of an image of {SIDE} × {SIDE}. Under 90%, 50%: answers with less confidence."
    yield from words(found)


def words(found: Robustness) -> Iterator[str]:
    """Where accuracy falls most, whether confidence falls with it, where the model is too sure; what was left out."""
    clean, *altered = found.rows
    if altered:
        worst = min(altered, key=lambda row: row.accuracy)
        if clean.accuracy - worst.accuracy < LITTLE:
            yield "Nothing here costs the model more than a point of accuracy."
        else:
            yield f"Accuracy falls most for {worst.name!r}: from {clean.accuracy:.2%} to {worst.accuracy:.2%}."
            yield from _confidence(clean, worst)
        yield from _too_sure(found.rows)
    for name, reason in found.left_out.items():
        yield f"Left out: {name!r}; {reason}."


def _confidence(clean: Row, worst: Row) -> Iterator[str]:
    if clean.confidence is None or worst.confidence is None:
        yield "The outputs of the model are no probabilities, so they say nothing of its confidence."
        return
    follows = (clean.confidence - worst.confidence) / (clean.accuracy - worst.accuracy)
    extent = f"from {clean.confidence:.2%} to {worst.confidence:.2%}"
    if follows >= FOLLOWS:
        yield f"Confidence falls with it, {extent}: the model knows that it does not know."
    elif follows >= HARDLY:
        yield f"Confidence falls less, {extent}: the model half knows that it does not know."
    elif follows > 0:
        yield f"Confidence hardly falls, {extent}: the model does not know that it does not know."
    else:
        yield f"Confidence does not fall, {extent}: the model does not know that it does not know."


def _too_sure(rows: list[Row]) -> Iterator[str]:
    """The rows where the mean confidence is far above the accuracy."""
    names = [repr(row.name) for row in rows if row.confidence is not None and row.confidence > row.accuracy + SURER]
    if names:
        extent = f"by more than {100 * SURER:.0f} points in {len(names)} of {len(rows)} rows"
        yield f"It is surer than right {extent}: {', '.join(names)}."
