"""One step of the network in a report: the image, the answer, and every matrix on the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from pellucid.glass.report.material import Material
from pellucid.glass.report.pictures import CELLS, CELLS_IN_ALL, heat, picture
from pellucid.glass.trace import Trace, Traced

LARGEST = 2**18  # numbers of a tensor that is shown


def step(m: Material) -> Iterator[str]:
    """The step of the image that the network was most wrong about."""
    trace, index = m.step, m.shown
    names = m.network.classes
    true = names[m.evaluation.labels[index]]
    yield (
        f"<p>Test image {index}, {escape(true)}: every tensor of one step, in the order of computing. Orange "
        'is above 0, blue below.<span class="screen"> Point at a cell for its number, or reach a picture with Tab and '
        "walk it with the arrow keys.</span></p>"
    )
    yield picture(m.image(index), f"test image {index}").replace('class="picture"', 'class="picture" width="140"')
    yield _answer(trace)
    number, cells = 0, _cells(trace)
    for way, title in (("forward", "Forward: to the answer"), ("backward", "Backward: the chain rule"),
                       ("update", "The update")):  # fmt: skip
        tensors = [traced for traced in trace.tensors.values() if traced.way == way and traced.formula]
        if not tensors:
            continue
        parts = []
        for traced in tensors:
            number += 1
            parts.append(_tensor(trace, traced, number, cells))
        yield f"<details{' open' if way == 'forward' else ''}><summary><strong>{title}</strong></summary>"
        yield from parts
        yield "</details>"
    if trace.made.loss_after is not None:
        optimizer = type(trace.made.optimizer).__name__
        yield f"<p>By this step of {optimizer} its loss {trace.made.change}.</p>"


def _cells(trace: Trace) -> int:
    """How many cells a heat map may have, so that all together do not make the page too large."""
    sizes = [trace[name].size for name, traced in trace.tensors.items() if traced.formula]
    enough = sum(min(size, CELLS) for size in sizes) <= CELLS_IN_ALL
    return CELLS if enough else max(16, min(CELLS, CELLS_IN_ALL // len(sizes)))


def _answer(trace: Trace) -> str:
    """The outputs as bars."""
    outputs, targets = trace["loss/a"][:, 0], trace["loss/y"][:, 0]
    names = trace.network.classes[-len(outputs) :]  # a single output is that of the second class
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{output:.4f}</td><td class="words"><span class="bar" '
        f'style="width:{max(0.0, min(1.0, float(output))) * 16:.2f}rem"></span>'
        f"{' ← what it shows' if target > 0.5 else ''}</td></tr>"
        for name, output, target in zip(names, outputs, targets, strict=True)
    )
    return f'<div class="scroll"><table class="bars"><tbody>{rows}</tbody></table></div>'


def _tensor(trace: Trace, traced: Traced, number: int, cells: int) -> str:
    values = trace[traced.name]
    shape = " × ".join(map(str, values.shape)) or "a number"
    parents = ", ".join(
        f"{parent} {' × '.join(map(str, trace[parent].shape)) or 'a number'}" for parent in traced.parents
    )
    because = f'<br><span class="soft">because {escape(traced.because)}</span>' if traced.because else ""
    if values.size == 1:
        shown = f"<p>{float(values.reshape(-1)[0]):.6g}</p>"
    elif values.size <= LARGEST:
        images = values.ndim == 4 and traced.axes.endswith("B") and min(values.shape[1:3]) > 1
        shown = heat(traced.name, number, values, images, cells)
    else:
        shown = f'<p class="soft">{values.size:,} numbers, from {values.min():.3g} to {values.max():.3g}</p>'
    return (
        f'<div class="step"><p class="formula" title="{escape(traced.cell)}">'
        f"<strong>{escape(traced.name)}</strong> = {escape(traced.formula)}</p>"
        f'<p class="soft">{shape}, made of {escape(parents)}{because}</p>{shown}</div>'
    )
