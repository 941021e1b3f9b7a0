"""Where the test images lie, in the layers and over the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.errors import UsageError
from pellucid.glass.figures.places import limits, name_classes, rising, scatter
from pellucid.glass.figures.style import SMALL, WIDTH, finish, hide, legible, percent, sheet
from pellucid.glass.figures.subject import Picture, Subject
from pellucid.glass.measures import passes
from pellucid.glass.measures.passes import columns, outputs, sample
from pellucid.glass.measures.projection import between_classes, principal_components
from pellucid.layers import Layer
from pellucid.layers.activation import Activation
from pellucid.network import Network

IMAGES = 1000
PANELS = 8
NAME = 10  # letters of a class


def pca(subject: Subject) -> Picture:
    """The first two principal components of the images, of every hidden activation, and of the logits."""
    network, data = subject.network, sample(subject.test, IMAGES)
    names = legible(network.classes, NAME)
    chosen = _layers(network)
    found = {"input": columns(network, data.images).reshape(-1, len(data)).T}
    found |= outputs(network, data.images, chosen)
    across = min(4, len(found))
    rows = -(-len(found) // across)
    side = WIDTH / across - 0.12
    figure, grid = sheet(rows * (side + 0.5), rows, across)
    numbers: list[dict[str, Any]] = []
    unnamed = 0
    for axes, (name, activations) in zip(grid.flat, found.items(), strict=False):
        points = activations.reshape(len(data), -1)
        components = principal_components(points)
        share, apart = float(components.shares.sum()), between_classes(points, data.labels)
        places = components.of(points)
        scatter(axes, places, data.labels)
        x, y = limits(places, alike=True)
        axes.set(xlim=x, ylim=y)
        named = name_classes(axes, places, data.labels, names, (side, side))
        unnamed = max(unnamed, len(np.unique(data.labels)) - named)
        title = "logits" if name == network.layers[-1].name else name
        axes.set_title(
            f"{title}: {points.shape[1]:,} numbers\nclasses: {percent(apart, 0)} of variance", size=SMALL + 0.5
        )
        axes.set_xlabel(f"these 2 of {points.shape[1]:,}: {percent(share, 0)}", size=SMALL)
        numbers.append({"layer": name, "numbers": points.shape[1], "shown": share, "between_classes": apart})
    hide(grid.flat[len(found) :])
    shares = [float(row["between_classes"]) for row in numbers]
    first, last = percent(shares[0], 0), percent(shares[-1], 0)
    way = ", growing from layer to layer" if rising(shares) and shares[-1] > shares[0] + 0.01 else ""
    within = (1 - shares[-1]) / max(1 - shares[0], 1e-9)
    verdict = (
        "the layers untangle the classes" if within < 0.6 else
        "the layers untangle the classes a little" if within < 0.95 else "the layers do not untangle the classes"
    )  # fmt: skip
    missing = "" if not unnamed else "; names stand where there is room"
    words = (
        f"Of the variance of {len(data):,} test images {first} lies between classes in the input and {last} in the "
        f"logits{way}: {verdict} (each panel is a projection of its own, and shows what it says below it{missing})."
    )
    finish(figure, f"How the layers of {subject.name} untangle the classes", words)
    return Picture(figure, words, {"layers": numbers, "images": len(data)})


def _layers(network: Network) -> list[Layer]:
    """The activations, or where there are none other layers with weights; thinned to PANELS; then the last layer."""
    last = network.layers[-1]
    inner = [layer for layer in network.layers[:-1] if isinstance(layer, Activation) or layer.parts]
    inner = inner or [layer for layer in network.layers[:-1] if any(t.role == "parameter" for t in layer.tensors)]
    room = PANELS - 2
    if len(inner) > room:
        inner = [inner[place] for place in np.unique(np.linspace(0, len(inner) - 1, room).round().astype(int))]
    return [*inner, last]


def logits(subject: Subject) -> Picture:
    """The logits of the same images at moments of the training, all in the plane that holds most of their variance."""
    network, way, data = subject.network, subject.way, sample(subject.test, IMAGES // 2)
    if network.outputs < 2:
        raise UsageError(f"{subject.name} has a single logit, which needs no projection; see its curves.")
    names = legible(network.classes, NAME)
    moments = np.unique(np.linspace(0, len(way) - 1, PANELS).round().astype(int)).tolist()
    found = []
    theta, state = network.theta.copy(), network.state.copy()
    try:
        for moment in moments:
            network.theta[...], network.state[...] = way.theta[moment], way.state[moment]
            found.append(passes.logits(network, data.images))
    finally:
        network.theta[...], network.state[...] = theta, state
    components = principal_components(np.concatenate(found))
    across = min(4, len(moments))
    rows = -(-len(moments) // across)
    side = WIDTH / across - 0.12
    figure, grid = sheet(rows * (side + 0.42), rows, across)
    places = [components.of(z) for z in found]
    x, y = limits(np.concatenate(places), alike=True)
    numbers, unnamed = [], 0
    for axes, moment, own, z in zip(grid.flat, moments, places, found, strict=False):
        scatter(axes, own, data.labels)
        axes.set(xlim=x, ylim=y)
        right = float((z.argmax(axis=1) == data.labels).mean())
        axes.set_title(f"epoch {way.epochs[moment]:.3g}\n{percent(right)} right", size=SMALL + 0.5)
        named = name_classes(axes, own, data.labels, names, (side, side))
        unnamed = max(unnamed, len(np.unique(data.labels)) - named)
        apart = between_classes(z, data.labels)
        numbers.append({"epoch": float(way.epochs[moment]), "accuracy": right, "between_classes": apart})
    hide(grid.flat[len(moments) :])
    first, last = numbers[0], numbers[-1]
    missing = "; names stand where there is room" if unnamed else ""
    words = (
        f"The logits of the same {len(data):,} test images in one projection, which holds "
        f"{percent(float(components.shares.sum()), 0)} of their variance at all these moments: between epoch "
        f"{first['epoch']:.3g} and {last['epoch']:.3g} the share that lies between classes goes from "
        f"{percent(first['between_classes'], 0)} to {percent(last['between_classes'], 0)}, and that of right answers "
        f"from {percent(first['accuracy'])} to {percent(last['accuracy'])}{subject.since}{missing}."
    )
    finish(figure, f"How the logits of {subject.name} part over the epochs", words)
    return Picture(figure, words, {"moments": numbers, "shown": float(components.shares.sum()), "images": len(data)})
