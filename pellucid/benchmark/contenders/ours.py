"""pellucid: the engine that it takes by itself."""

from __future__ import annotations

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work
from pellucid.data.normalization import normalization
from pellucid.descent import Descent
from pellucid.engine.engines import ENGINES, select
from pellucid.network import Network
from pellucid.optimizers import SGD, Adam, Optimizer


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """The native engine where it is built, else the reference."""
    network = Network(work.architecture, seed=0)
    network.normalization = normalization(work.normalize, examples.pixels)
    optimizer: Optimizer = SGD(work.learning_rate, momentum=work.momentum)
    if work.optimizer == "adam":
        optimizer = Adam(work.learning_rate)
    descent = Descent(optimizer)
    engine, _ = select("auto", network.layers, network.dtype, network.loss, descent)
    images, targets = network.check_examples(examples.pixels, examples.labels)
    runner = ENGINES[engine](
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, descent, images, targets,
        network.normalization, work.batch_size, threads=threads,
    )  # fmt: skip
    rates = np.full(-(-len(images) // work.batch_size), work.learning_rate)

    def epoch(number: int) -> None:
        runner.run(np.random.default_rng(number).permutation(len(images)), rates)

    def accuracy() -> float:
        return network.evaluate(examples.test_pixels, examples.test_labels).accuracy

    return [Contender("pellucid", f"{engine} engine", epoch, accuracy)]


def predictors(work: Work, examples: Examples) -> list[Predictor]:
    """`network.predict` as anyone would call it."""
    network, image = Network(work.architecture, seed=0), examples.test_pixels[:1]
    return [Predictor("pellucid", "net.predict", lambda: network.predict(image))]
