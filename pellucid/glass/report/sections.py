"""The sections of a report: each a heading, a sentence that says what is seen, and the thing itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape
from math import prod

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations
from pellucid.glass import curves
from pellucid.glass.report.material import Material
from pellucid.glass.report.pictures import chart, coloured, picture, png
from pellucid.layers import walk
from pellucid.workspace import slots

MISTAKES = 24  # that are shown
IN_A_CELL = 12  # images that a cell of the confusion matrix opens
UNITS = 64  # of the first layer, whose weights are shown
CLASSES = 20  # at most, of a confusion matrix
SIDE = 32  # pixels of an image that a cell opens
BYTES = 1_500_000  # of all these images; but each cell has one


def facts(m: Material) -> str:
    """The run in eight numbers."""
    result, seconds = m.result, m.result["train_seconds"]
    cells = {
        "test accuracy": f"{m.evaluation.accuracy:.2%}",
        "test loss": f"{m.evaluation.loss:.4f}",
        "parameters": f"{result['parameters']:,}",
        "epochs": str(result["epochs"]),
        "training": f"{seconds:,.0f} s" if seconds > 99 else f"{seconds:.3g} s",
        "images per second": f"{result['images_per_second']:,.0f}",
        "engine": f"{result['engine']}, {result['threads']} threads",
        "data": m.test.name,
    }
    return '<dl class="facts">' + "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in cells.items()
    ) + "</dl>"  # fmt: skip


def learning(m: Material) -> str:
    """The curves, and what they show in words."""
    words = curves.words(m.history)
    charts = []
    for key in ("loss", "accuracy"):
        lines = {"training": m.history[key]}
        if m.history[f"validation_{key}"]:
            lines["validation"] = m.history[f"validation_{key}"]
        ends = "; ".join(f"{name} ends at {line[-1]:.4g}" for name, line in lines.items())
        charts.append(chart(key, lines, f"{key} over {len(m.history[key])} epochs: {ends}"))
    return f"<p>{escape(' '.join(words))}</p><div class='charts'>{''.join(charts)}</div>"


def warnings(m: Material) -> str:
    """What was noticed while it trained."""
    notices = m.result.get("notices") or []
    if not notices:
        return "<p>Nothing unusual was noticed while it trained: no dead units, no rate too high or too low.</p>"
    items = "".join(
        f"<li><strong>{escape(notice['kind'])}</strong>{escape(notice['layer'] and ' in ' + notice['layer'])}, "
        f"epoch {notice['epoch']}: {escape(notice['text'])}</li>"
        for notice in notices
    )
    return f'<ul class="notices">{items}</ul>'


def layers(m: Material) -> str:
    """The network as a table."""
    rows = []
    for layer in walk(m.network.layers):
        count = sum(prod(layer.shape_of(tensor)) for tensor in layer.tensors if tensor.role == "parameter")
        shape = " × ".join(map(str, layer.output_shape))
        formula = (type(layer).__doc__ or "").split("\n")[0].rstrip(".")
        rows.append(
            f'<tr><th scope="row">{escape(layer.name)}</th><td class="words formula">{escape(formula)}</td>'
            f"<td>{shape}</td><td>{count:,}</td><td>{operations(layer):,}</td></tr>"
        )
    head = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for name, kind in (("layer", ' class="words"'), ("what it computes", ' class="words"'), ("output", ""),
                           ("parameters", ""), ("operations", ""))
    )  # fmt: skip
    return (
        f"<p>{escape(m.network.architecture)}. Operations are those of one image on the way forward.</p>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def confusion(m: Material) -> str:
    """The confusion matrix; each cell opens images."""
    evaluation, names = m.evaluation, m.network.classes
    matrix = evaluation.confusion
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        words = f"All {len(evaluation.labels):,} test images are read right."
    else:
        true, said = divmod(int(wrong.argmax()), len(names))
        words = (
            f"{wrong.sum():,} of {len(evaluation.labels):,} test images are read wrong; most often {names[true]} is "
            f"taken for {names[said]}, {wrong[true, said]:,} times."
        )
    if len(names) > CLASSES:
        return f"<p>{escape(words)} {len(names)} classes are too many for a table here; pellucid test lists them.</p>"
    opened = np.count_nonzero(matrix) * (300 + 4 / 3 * _small(m.image(0)).nbytes)  # bytes, an image in each cell
    most = max(1, min(IN_A_CELL, int(BYTES / opened)))
    rows, panels = [], []
    for true, row in enumerate(matrix):
        cells = []
        for said, count in enumerate(row.tolist()):
            share = count / max(1, int(row.sum()))
            colour = f"rgba(var(--{'cell' if true == said else 'wrong'}), {min(0.85, share**0.5 * 0.8):.2f})"
            label = f"{names[true]} taken for {names[said]}: {count:,}"
            if count:
                name = f"c{true}-{said}"
                cells.append(
                    f'<td style="background:{colour}"><button aria-expanded="false" aria-controls="{name}" '
                    f'aria-label="{escape(label)}, show images">{count:,}</button></td>'
                )
                panels.append(f'<div class="cell" id="{name}" hidden>{_images(m, true, said, most)}</div>')
            else:
                cells.append("<td><span>0</span></td>")
        rows.append(f'<tr><th scope="row">{escape(names[true])}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f"<p>{escape(words)} A row is a true class, a column what the network said"
        '<span class="screen">; a cell opens its images</span>.</p>'
        f'<div class="scroll"><table class="confusion"><caption class="soft">true class down, answer across</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<div aria-live="polite">{"".join(panels)}</div>'
    )


def _images(m: Material, true: int, said: int, most: int) -> str:
    """Of a cell, so many: the mistakes the network was surest of, of right answers those it was least sure of."""
    evaluation = m.evaluation
    there = np.flatnonzero((evaluation.labels == true) & (evaluation.predicted == said))
    sure = m.confidence[there]
    order = there[np.argsort(sure if true == said else -sure, kind="stable")][:most]
    which = "least sure of" if true == said else "surest of"
    names = m.network.classes
    heading = f"{names[true]} taken for {names[said]}: {len(there):,}"
    some = f", the {len(order)} it was {which}" if len(order) < len(there) else ""
    return f"<h3>{escape(heading + some)}</h3>{_list(m, order.tolist(), small=True)}"


def mistakes(m: Material) -> str:
    """The mistakes that the network was surest of."""
    worst = m.evaluation.mistakes(MISTAKES)
    if not worst:
        return "<p>There are none.</p>"
    first = worst[0]
    names = m.network.classes
    words = (
        f"The surest is test image {first.index}: {names[first.label]} taken for {names[first.predicted]} with an "
        f"output of {first.output:.4f}."
    )
    return f"<p>{escape(words)}</p>{_list(m, [mistake.index for mistake in worst])}"


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image of no more than SIDE pixels a side: of a larger one every second pixel, or every third, ..."""
    step = -(-max(image.shape[:2]) // SIDE)
    return image[::step, ::step]


def _list(m: Material, indices: list[int], small: bool = False) -> str:
    """Test images, each with its class, the answer, and how sure that was."""
    evaluation, names = m.evaluation, m.network.classes
    sure = m.confidence
    items = []
    for index in indices:
        true, said = names[evaluation.labels[index]], names[evaluation.predicted[index]]
        words = f"{true}, read as {said}, {sure[index]:.1%}" if true != said else f"{true}, {sure[index]:.1%}"
        image = _small(m.image(index)) if small else m.image(index)
        items.append(
            f"<li>{picture(image, f'test image {index}')}{escape(words)}<br>"
            f'<span class="soft">image {index}</span></li>'
        )
    return f'<ul class="images">{"".join(items)}</ul>'


def weights(m: Material) -> str:
    """The first layer's weights as images, all on one scale."""
    places = [slot for slot in slots(m.network.layers, "parameter") if slot.tensor.name == "W"]
    if not places:
        return "<p>The network has no weights.</p>"
    W = places[0].view(m.network.theta)
    shape = m.network.layers[0].input_shape if W.ndim == 2 else W.shape[1:]
    shape = m.network.input_shape if len(shape) == 1 and len(m.network.input_shape) == 3 else shape
    if len(shape) == 1:
        side = round(shape[0] ** 0.5)
        shape = (1, side, side) if side * side == shape[0] else (1, 1, shape[0])
    if prod(shape) != prod(W.shape[1:]):
        return f"<p>The first layer with weights, {places[0].layer.name}, does not read the images themselves.</p>"
    units = W.reshape(len(W), *shape).mean(axis=1)
    largest = float(abs(units).max())
    items = "".join(
        f'<li><img class="picture" src="{png(coloured(unit, largest))}" alt="weights of unit {number}, from '
        f'{unit.min():.2g} to {unit.max():.2g}" title="unit {number}: {unit.min():.3g} to {unit.max():.3g}"></li>'
        for number, unit in enumerate(units[:UNITS])
    )
    some = f"the first {UNITS} of {len(W)}" if len(W) > UNITS else f"all {len(W)}"
    words = (
        f"What each unit of {places[0].layer.name} looks for, {some}: orange pixels speak for it, blue against it, "
        f"white ones do not matter. One scale for all, from −{largest:.3g} to {largest:.3g}."
    )
    return f'<p>{escape(words)}</p><ul class="weights">{items}</ul>'


def repeat(m: Material) -> Iterator[str]:
    """How to get the same again."""
    yield "<p>Same data, threads, instruction set and versions give the same bits; others nearly the same.</p>"
    run = str(m.result["run"])
    trained, tested = (f" --data {shlex.quote(data)}" if data != "mnist" else "" for data in (m.data, m.test_data))
    commands = (
        f"pellucid train {shlex.quote(f'{run}/recipe.toml')}{trained}",
        f"pellucid test {shlex.quote(run)}{tested}",
        f"pellucid explain {shlex.quote(run)} --index {m.shown}{tested}",
    )
    lines = "\n".join(commands)
    yield f"<pre>{escape(lines)}</pre>"
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="words">{escape(value)}</td></tr>'
        for name, value in m.facts.items()
    )
    yield f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
    yield f"<details><summary>the recipe</summary><pre>{escape(m.recipe.write())}</pre></details>"
