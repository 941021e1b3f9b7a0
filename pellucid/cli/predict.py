"""pellucid predict: what a model says of images from files."""

from __future__ import annotations

from math import isqrt, prod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pellucid.cli.options import Json, Model, open_model
from pellucid.cli.output import emit
from pellucid.data.images import read_images
from pellucid.errors import ModelFileError, PellucidError
from pellucid.losses import decide
from pellucid.network import Network

BAR = 20


def command(
    model: Model,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", readable=False, help="PNG, JPEG, .npy or .csv files of images.")
    ],
    json: Json = False,
) -> int:
    """Predict the class of each image in the files."""
    network = open_model(model)
    height, width = _size(network)
    predictions: list[dict[str, Any]] = []
    for file in files:
        images = read_images(file, height, width)
        try:
            outputs = network.predict(images)
        except PellucidError as error:
            raise type(error)(f"{file}: {error}") from None
        for index, row in enumerate(outputs):
            place = {"index": index} if len(outputs) > 1 else {}
            label = network.classes[int(decide(row[:, None])[0])]
            predictions.append({"file": str(file), **place, "label": label, "probabilities": row.tolist()})
    if json:
        emit({"predictions": predictions, "classes": list(network.classes)})
        return 0
    for prediction in predictions:
        print(_line(network, prediction))
    return 0


def _size(network: Network) -> tuple[int, int]:
    """Height and width of the images that the network reads: those it was made for, or a square."""
    if len(network.input_shape) == 3 and network.input_shape[0] == 1:
        return network.input_shape[1], network.input_shape[2]
    side = isqrt(prod(network.input_shape))
    if side * side != prod(network.input_shape):
        raise ModelFileError(f"The model reads {network.input_shape}, which is no grey image.")
    return side, side


def _line(network: Network, prediction: dict[str, Any]) -> str:
    """The file, the answer, how sure it is, and the second choice."""
    where = prediction["file"] + (f"[{prediction['index']}]" if "index" in prediction else "")
    outputs = np.array(prediction["probabilities"])
    if len(outputs) == 1:
        return f"{where}: {prediction['label']}  (output {outputs[0]:.4f})"
    second, first = np.argsort(outputs, kind="stable")[-2:]
    bar = "█" * round(BAR * float(np.clip(outputs[first], 0, 1)))
    then = f"then {network.classes[second]} {outputs[second]:.2%}"
    return f"{where}: {prediction['label']}  {outputs[first]:7.2%} {bar:<{BAR}}  {then}"
