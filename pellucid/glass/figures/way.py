"""How far a training went."""

from __future__ import annotations

import numpy as np

from pellucid.glass.figures.scales import far_apart, logarithmic
from pellucid.glass.figures.style import COLOURS, DASHES, INK, MARKERS, SMALL, finish, sheet
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures.trajectory import distances

MOST = 7  # layers with a line of their own


def distance(subject: Subject) -> Picture:
    """‖θ_t − θ_0‖ / ‖θ_0‖ over the epochs, of all parameters and of the weights of each layer."""
    way = subject.way
    found = distances(subject.network, way)
    epochs = way.epochs
    figure, ((axes,),) = sheet(3.7)
    names = sorted(found.layers, key=lambda name: -found.layers[name][-1])
    shown = {name: found.layers[name] for name in names[:MOST]}
    markers = len(epochs) <= 40
    for number, (name, values) in enumerate(shown.items()):
        axes.plot(
            epochs, values, DASHES[1 + number % 3], color=COLOURS[number], marker=MARKERS[number] if markers else "",
            markersize=3.5, linewidth=1.4, label=name,
        )  # fmt: skip
    axes.plot(epochs, found.whole, color=INK, linewidth=2.4, label="all parameters")
    axes.set(xlabel="epoch", ylabel="distance, in lengths at the start")
    if far_apart(values[-1] for values in (*found.layers.values(), found.whole) if values[-1]):
        logarithmic(axes)
        axes.set_ylabel("distance, in lengths at the start; logarithmic")
        for drawn in axes.lines:
            values = np.asarray(drawn.get_ydata(), np.float64)
            drawn.set_ydata(np.where(values > 0, values, np.nan))  # the start has no place on this scale
    else:
        axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="weights of", title_fontsize=SMALL,
                alignment="left", handlelength=3.2)  # fmt: skip
    half = int(np.argmax(found.whole >= found.whole[-1] / 2)) if found.whole[-1] else 0
    far, near = names[0], names[-1]
    layers = (
        f", {far} furthest ({found.layers[far][-1]:.3g} times) and {near} least ({found.layers[near][-1]:.3g} times)"
        if len(names) > 1 else ""
    )  # fmt: skip
    start = "their start" if way.begins else f"where they were after step {int(way.steps[0]):,}"
    words = (
        f"The weights went {found.whole[-1]:.3g} times their own length from {start}{layers}; half of that was done by "
        f"epoch {epochs[half]:.3g} of {epochs[-1]:.3g}, and the way there was {found.detour:.1f} times as long as the "
        "straight line, measured between the moments that were kept."
    )
    if not found.whole[-1]:
        words = f"The weights are where they began: no parameter has moved in {epochs[-1]:.3g} epochs."
    finish(figure, f"How far the weights of {subject.name} went from their start", words)
    numbers = {"epochs": epochs.tolist(), "all": found.whole.tolist(), "detour": found.detour}
    return Picture(figure, words, numbers | {"layers": {name: own.tolist() for name, own in found.layers.items()}})
