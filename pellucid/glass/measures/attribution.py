"""Why a network answers as it does: saliency, occlusion, and the exact contributions of the last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.glass.measures.passes import columns, image_shape, input_gradient, logits, outputs
from pellucid.layers.dense import Dense
from pellucid.network import Network

Floats = NDArray[Any]


def saliency(network: Network, image: NDArray[Any], output: int) -> Floats:
    """The gradient of a logit with respect to each pixel of an image, ∂z_k/∂x: (channels, height, width).

    Pixels count from 0, black, to 1, white, whatever the network's normalization: it says by how much the logit would
    grow if a pixel went from black to white and the slope stayed what it is.

    Args:
        network: is only read.
        image: one example, as `network.predict` takes it in a row; floats are taken as they are.
        output: k.

    Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks: visualising image classification models
    and saliency maps", 2014.
    """
    weights = np.zeros((network.outputs, 1), network.dtype)
    weights[output] = 1
    last = network.layers[-1]
    x = columns(network, image[None])
    _, gradient = input_gradient(network, x, last, weights.reshape(*last.output_shape, 1))
    white = 255 * network.normalization.scale if image.dtype == np.uint8 else 1.0
    return white * gradient.reshape(image_shape(network))


@dataclass(frozen=True)
class Occlusion:
    """What becomes of an answer when a patch of the image is covered, by the place of the patch.

    Args:
        answer: the class that is followed.
        whole: its lead for the whole image: z_answer − the largest other logit; above 0 it is what is answered.
        lead: (rows, columns) its lead with the patch at each place.
        outputs: (rows, columns) its output with the patch at each place.
        answers: (rows, columns) the class that is answered then.
        side: of the patch, in pixels.
        stride: pixels from one place to the next.
    """

    answer: int
    whole: float
    lead: Floats
    outputs: Floats
    answers: NDArray[np.int64]
    side: int
    stride: int


def occlusion(network: Network, image: NDArray[np.uint8], answer: int, side: int, stride: int = 1) -> Occlusion:
    """Cover a square patch at every place of an image in turn, with its ground, and ask the network again.

    The ground is the most frequent value of the pixels along the border.

    Args:
        network: is only read.
        image: (height, width) or (height, width, channels), uint8.
        answer: the class to follow.
        side: of the patch, at most the image's.
        stride: pixels between places.

    Source: Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2014.
    """
    height, width = image.shape[:2]
    side = min(side, height, width)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).reshape(2 * (height + width), -1)
    values, counts = np.unique(border, axis=0, return_counts=True)
    ground = values[counts.argmax()]
    rows, places = range(0, height - side + 1, stride), range(0, width - side + 1, stride)
    covered = np.repeat(image[None], len(rows) * len(places), axis=0)
    for number, (top, left) in enumerate((top, left) for top in rows for left in places):
        covered[number, top : top + side, left : left + side] = ground if image.ndim == 3 else ground[0]
    images = np.concatenate([image[None], covered])
    z, said = logits(network, images), network.predict(images)
    if network.outputs == 1:  # the other class has the logit 0
        z, said = np.concatenate([0 * z, z], axis=1), np.concatenate([1 - said, said], axis=1)
    lead = z[:, answer] - np.delete(z, answer, axis=1).max(axis=1)
    shape = (len(rows), len(places))
    return Occlusion(
        answer, float(lead[0]), lead[1:].reshape(shape), said[1:, answer].reshape(shape),
        said[1:].argmax(axis=1).reshape(shape), side, stride,
    )  # fmt: skip


@dataclass(frozen=True)
class Contributions:
    """What a logit, or the difference of two, is the sum of: z_k = b_k + Σ_j W_kj x_j, in float64.

    Args:
        layer: the last layer.
        source: what it reads, by the name of the layer before it.
        products: (in,) W_kj x_j, or (W_kj − W_rj) x_j.
        inputs: (in,) x_j.
        bias: b_k, or b_k − b_r.
        total: their sum.
    """

    layer: str
    source: str
    products: NDArray[np.float64]
    inputs: NDArray[np.float64]
    bias: float
    total: float


def contributions(network: Network, image: NDArray[Any], output: int, against: int | None = None) -> Contributions:
    """Which weights of the last layer decided: exact, since that layer is linear.

    Args:
        network: whose last layer is dense.
        image: one example, in a row.
        output: k.
        against: r, to compare with: then everything is of z_k − z_r.

    Raises:
        UsageError: the last layer is not dense.
    """
    last = network.layers[-1]
    if not isinstance(last, Dense):
        raise UsageError(
            f"The last layer of the network is {last.name}. A logit is a sum of contributions, weight times input, "
            "where it is dense; look at the saliency instead."
        )
    W, b = last.W.astype(np.float64), last.b.astype(np.float64)
    before = network.layers[-2:-1]
    x = outputs(network, image[None], before)[before[0].name] if before else columns(network, image[None]).T
    inputs = x.reshape(-1).astype(np.float64)
    row, bias = W[output], b[output, 0]
    if against is not None:
        row, bias = row - W[against], bias - b[against, 0]
    products = row * inputs
    return Contributions(
        last.name, before[0].name if before else "input", products, inputs, float(bias), float(products.sum() + bias)
    )
