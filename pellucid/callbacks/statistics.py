"""The statistics of batch normalization, measured anew for weights that no training pass has seen."""

from __future__ import annotations

import numpy as np

from pellucid.engine import reference
from pellucid.engine.engines import Engine
from pellucid.layers.normalization import MOMENTUM
from pellucid.network import Network
from pellucid.randomness import Draws

IMAGES = 10_000  # of the training's, the first ones


def measure(network: Network, engine: Engine) -> None:
    """Give the network the statistics of the engine's training images at its own weights.

    The first IMAGES of them, without augmentation, go through the network in order, in whole batches of the training's
    size; the statistics are the means of those of the batches. As in prediction nothing is dropped and no noise is
    added: with either, activations spread more than those that prediction meets. A network that keeps no statistics
    is left alone.

    Sources: Izmailov, Podoprikhin, Garipov, et al., "Averaging weights leads to wider optima and better
    generalization", 2018; Li, Chen, Hu, Yang, "Understanding the disharmony between dropout and batch normalization by
    variance shift", 2019.
    """
    images = engine.images[:IMAGES]
    if not network.state.size or len(images) < 2:  # a single number has no variance
        return
    workspace = network.workspace()
    size = min(max(engine.batch_size, 2), len(images))
    batches = len(images) // size
    total = np.zeros(network.state.shape)
    for number in range(batches):
        x = engine.normalization.columns(
            images[number * size : (number + 1) * size], network.dtype, workspace.input_shape
        )
        network.state[...] = 0  # of which a training pass leaves 1 − MOMENTUM
        reference.forward(workspace, x, Draws(engine.seed, number + 1, still=True))
        total += network.state / MOMENTUM
    network.state[...] = total / batches
