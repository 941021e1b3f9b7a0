"""pellucid: the engine that it takes by itself, and the reference beside it where that is cheap."""

from __future__ import annotations

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work, order
from pellucid.data.normalization import normalization
from pellucid.descent import Descent
from pellucid.engine.engines import ENGINES, select
from pellucid.network import Network
from pellucid.optimizers import SGD, Adam, Optimizer


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """The native engine where it has kernels for the work, and the reference."""
    network = work.network
    engine, _ = select("auto", network.layers, network.dtype, network.loss, _descent(work))
    return [_contender(work, examples, threads, name) for name in dict.fromkeys((engine, "reference"))]


def _descent(work: Work) -> Descent:
    adam: Optimizer = Adam(work.learning_rate)
    return Descent(adam if work.optimizer == "adam" else SGD(work.learning_rate, momentum=work.momentum))


def _contender(work: Work, examples: Examples, threads: int, engine: str) -> Contender:
    network = Network(work.architecture, seed=0)
    network.normalization = normalization(work.normalize, examples.pixels)
    images, targets = network.check_examples(examples.pixels, examples.labels)
    runner = ENGINES[engine](
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, _descent(work), images, targets,
        network.normalization, work.batch_size, threads=threads,
    )  # fmt: skip
    rates = np.full(-(-len(images) // work.batch_size), work.learning_rate)

    def epoch(number: int) -> None:
        runner.run(order(number, len(images)), rates)

    def accuracy() -> float:
        return network.evaluate(examples.test_pixels, examples.test_labels).accuracy

    return Contender("pellucid", f"{engine} engine", epoch, accuracy)


def predictors(work: Work, examples: Examples, images: int) -> list[Predictor]:
    """`network.predict` as anyone would call it."""
    network, asked = Network(work.architecture, seed=0), examples.test_pixels[:images]
    return [Predictor("pellucid", "net.predict", lambda: network.predict(asked))]
