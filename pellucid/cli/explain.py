"""pellucid explain: every matrix of a step, from the image to the answer and back to the weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pellucid.cli import explained
from pellucid.cli.options import DATA_HELP, Json, Member, Model, open_model
from pellucid.cli.origin import data_of, recipe_of
from pellucid.cli.output import DownloadProgress, emit
from pellucid.committee import Committee
from pellucid.data import load
from pellucid.data.images import read_images
from pellucid.errors import DataError, UsageError
from pellucid.examples import check_classes
from pellucid.glass.measures.passes import image_shape
from pellucid.glass.tracing import trace
from pellucid.names import choose
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.recipe import Recipe, make_optimizer, optimizer_defaults


def command(
    model: Model,
    image: Annotated[
        Path | None, typer.Argument(metavar="IMAGE", readable=False, help="A picture; or give --index.")
    ] = None,
    index: Annotated[int | None, typer.Option(min=0, help="The test image of this number, from 0.")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="CLASS", help="What the picture shows; by default what the model says.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="A batch of so many test images, from --index on.")] = 1,
    training: Annotated[
        bool, typer.Option("--training", help="A pass of training: dropout drops, batch normalization measures.")
    ] = False,
    cell: Annotated[
        list[str] | None, typer.Option(metavar="TENSOR/I/J", help="Only where one number comes from: dense2/W/5/17.")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(help="Whose first step is taken: sgd, adam, ...; by default that of its training, else sgd."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of that step.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn in a pass of training.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--trace", metavar="FILE", help="Where to keep every tensor; by default in the run folder, or here."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help=f"{DATA_HELP} By default the run's own, else mnist.")
    ] = None,
    member: Member = None,
    json: Json = False,
) -> int:
    """Show every matrix of one forward and backward pass, with its shape and its formula."""
    network = open_model(model, member)
    if isinstance(network, Committee):
        raise UsageError(f"{model} is a committee of {len(network)}: say which member to explain, such as --member 1.")
    if label is not None and image is None:
        raise UsageError("--label says what a picture shows; a test image has its class.")
    if image is not None and index is None:
        images, labels, words = _picture(network, image, label)
    elif index is not None and image is None:
        images, labels, words = _test_images(network, data or data_of(model), index, examples)
    else:
        raise UsageError("What is to be explained? Give either a picture, or --index 7 for a test image.")
    made = _optimizer(optimizer, learning_rate, recipe_of(model, member))
    found = trace(network, images, labels, training=training, optimizer=made, dtype="float64", seed=seed)
    path = out or (Path(model, "trace.safetensors") if Path(model).is_dir() else Path("trace.safetensors"))
    cells = [explained.Cell.of(found, text) for text in cell or ()]
    found.save(path)
    if json:
        emit(explained.values(found, words, cells) | {"trace": str(path)})
        return 0
    for line in explained.lines(found, words, images[0], image_shape(network), cells):
        print(line)
    print(f"\nevery tensor: {path}")
    return 0


def _optimizer(name: str | None, learning_rate: float | None, recipe: Recipe | None) -> Optimizer:
    """The one that was asked for, or that of the recipe."""
    if name is None and recipe is not None:
        rate = recipe.learning_rate if learning_rate is None else learning_rate
        return replace(recipe, learning_rate=rate).make_optimizer()
    name = name or "sgd"
    return make_optimizer(name, learning_rate, optimizer_defaults(name)["momentum"])


def _picture(network: Network, file: Path, label: str | None) -> tuple[NDArray[Any], NDArray[np.int64], str]:
    """A picture as the network reads it, its class, and both in words."""
    channels, height, width = image_shape(network)
    images = read_images(file, height, width, channels).images
    if len(images) > 1:
        raise DataError(f"{file} holds {len(images):,} images; give a file with one to explain.")
    if label is None:
        labels = network.classify(images)
        return images, labels, f"{file}, taken for what the model says, {network.classes[labels[0]]} (--label CLASS)"
    classes = {name: number for number, name in enumerate(network.classes)}
    return images, np.array([choose("class", label, classes)]), f"{file}, a {label}"


def _test_images(network: Network, data: str, index: int, count: int) -> tuple[NDArray[Any], NDArray[np.int64], str]:
    """Test images, their classes, and both in words."""
    _, test = load(data, DownloadProgress())
    last = index + count - 1
    which = f"{index}" if count == 1 else f"{index} to {last}"
    if last >= len(test):
        raise UsageError(f"The test images of {test.name} are numbered from 0 to {len(test) - 1:,}; {which} came.")
    labels = check_classes(test, network.classes)[index : last + 1]
    names = ", ".join(network.classes[label] for label in labels)
    words = f"test image{'s' * (count > 1)} {which} of {test.name}, {names}"
    return test.images[index : last + 1], labels, words
