"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.data.catalogue import NAMES
from pellucid.errors import ModelFileError
from pellucid.loading import load
from pellucid.network import Network

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
DATA_HELP = f"A folder or file of images, or one of {', '.join(NAMES)}."
AUGMENT_HELP = 'Distort training images: "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1" or some of these.'
ENGINE_HELP = "auto, native, reference or torch."
DEVICE_HELP = "Of the engine torch: cpu, cuda, cuda:1 ..."
Data = Annotated[str, typer.Option(metavar="NAME|PATH", help=DATA_HELP)]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A .safetensors file or a run folder.")]


def open_model(text: str) -> Network:
    """The network that MODEL names."""
    if text == "pretrained":
        raise ModelFileError("This version brings no pretrained model. Train one: pellucid train p03")
    return load(text)
