"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.committee import Committee
from pellucid.data.catalogue import NAMES
from pellucid.errors import UsageError
from pellucid.loading import load
from pellucid.network import Network

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
DATA_HELP = f"A folder or file of images, or one of {', '.join(NAMES)}."
AUGMENT_HELP = 'Distort training images: "shift2 rotate10 zoom0.1 shear10 elastic34,4 erase0.1" or some of these.'
ENGINE_HELP = "auto, native, reference or torch."
DEVICE_HELP = "Of the engine torch: cpu, cuda, cuda:1 ..."
Data = Annotated[str, typer.Option(metavar="NAME|PATH", help=DATA_HELP)]
Member = Annotated[int | None, typer.Option(metavar="I", help="Of a committee only this member: 1, 2, ...")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A .safetensors file, a run folder, or pretrained.")]


def open_model(text: str, member: int | None = None) -> Network | Committee:
    """The network or the committee that MODEL names, or this member of it: 1, 2, ...

    Raises:
        UsageError: there is no such member, or MODEL is a single network.
    """
    model = load(text)
    if member is None:
        return model
    if isinstance(model, Committee):
        return model.member(member)
    raise UsageError(f"{text} is a single network, no committee; leave out --member.")
