"""Two runs on one page: their curves, what changed in the weights, and the images on which they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from pellucid.data import Dataset
from pellucid.glass.comparison import Change, Disagreement
from pellucid.glass.report.frame import framed
from pellucid.glass.report.pictures import CELLS, CELLS_IN_ALL, chart, heat, picture

MOST = 48  # images that are shown
LARGEST = 2**18  # numbers of a tensor whose change is shown


def page(
    names: tuple[str, str],
    words: Sequence[str],
    recipe: Sequence[tuple[str, Any, Any]],
    histories: tuple[dict[str, list[float]], dict[str, list[float]]],
    changed: Sequence[Change],
    images: Sequence[Disagreement],
    test: Dataset,
    classes: Sequence[str],
) -> str:
    """The whole file."""
    parts = {
        "recipes": ("The recipes", _recipes(names, recipe)),
        "curves": ("The curves", _curves(names, histories)),
        "weights": ("What changed in the weights", _weights(changed)),
        "images": ("Where they disagree", _images(images, test, classes)),
    }
    summary = "".join(f"<p>{escape(sentence)}</p>" for sentence in words)
    return framed(f"{names[0]} and {names[1]}", "Two runs of pellucid", summary, parts)


def _recipes(names: tuple[str, str], recipe: Sequence[tuple[str, Any, Any]]) -> str:
    if not recipe:
        return "<p>They are the same.</p>"
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="words">{escape(str(one))}</td>'
        f'<td class="words">{escape(str(other))}</td></tr>'
        for name, one, other in recipe
    )
    head = "".join(f'<th scope="col" class="words">{escape(name)}</th>' for name in ("entry", *names))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _curves(names: tuple[str, str], histories: tuple[dict[str, list[float]], dict[str, list[float]]]) -> str:
    charts = []
    for key in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        lines = {name: history[key] for name, history in zip(names, histories, strict=True) if history.get(key)}
        if lines:
            title = key.replace("_", " ")
            ends = "; ".join(f"{name} ends at {line[-1]:.4g}" for name, line in lines.items())
            charts.append(chart(title, lines, f"{title}: {ends}"))
    return f'<div class="charts">{"".join(charts)}</div>' if charts else "<p>There are none.</p>"


def _weights(changed: Sequence[Change]) -> str:
    if not changed:
        return "<p>The architectures differ, so there is nothing to compare.</p>"
    cells = max(16, min(CELLS, CELLS_IN_ALL // len(changed)))
    rows, pictures = [], []
    for number, change in enumerate(changed):
        angle = "-" if change.angle is None else f"{change.angle:.1f}°"
        rows.append(
            f'<tr><th scope="row">{change.name}</th><td>{change.length:.4g}</td><td>{change.distance:.4g}</td>'
            f"<td>{angle}</td></tr>"
        )
        if 1 < change.difference.size <= LARGEST and change.distance:
            place, one, other = change.largest[0]
            pictures.append(
                f'<div class="step"><p class="formula"><strong>{change.name}</strong>, the second minus the first</p>'
                f'<p class="soft">largest at {list(place)}: {one:.4g} became {other:.4g}</p>'
                f"{heat(change.name, number, change.difference, images=False, cells=cells)}</div>"
            )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("weights", "length of the first", "distance", "angle"))
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return f"{table}<p>Orange grew from the first to the second, blue fell.</p>{''.join(pictures)}"


def _images(images: Sequence[Disagreement], test: Dataset, classes: Sequence[str]) -> str:
    if not images:
        return "<p>They give the same answers.</p>"
    items = []
    for image in images[:MOST]:
        pixels = test.images[image.index]
        pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
        said = ", ".join(
            f"{classes[answer]} {sure:.0%}" for answer, sure in zip(image.answers, image.sure, strict=True)
        )
        items.append(
            f"<li>{picture(pixels, f'test image {image.index}')}{escape(classes[image.label])}: {escape(said)}<br>"
            f'<span class="soft">image {image.index}</span></li>'
        )
    some = f"The {MOST} of {len(images):,} that both are surest of." if len(images) > MOST else ""
    return f'<p>The class, then the two answers. {some}</p><ul class="images">{"".join(items)}</ul>'
