"""pellucid train: a recipe and data in, a run folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.callbacks import History
from pellucid.cli.options import Data, Json
from pellucid.cli.output import DownloadProgress, TrainingProgress, duration, emit, say
from pellucid.data import load
from pellucid.glass import curves
from pellucid.machine import blas_threads
from pellucid.names import choose
from pellucid.recipe import Recipe, changed, find
from pellucid.run import Run
from pellucid.training import ENGINES, fit

Option = typer.Option


def command(
    what: Annotated[str, typer.Argument(metavar="RECIPE|ARCHITECTURE", help="A recipe or an architecture.")] = "p03",
    epochs: Annotated[int | None, Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, Option(help="Examples a step; more than there are is the full batch.")] = None,
    learning_rate: Annotated[float | None, Option(help="Step size α of gradient descent.")] = None,
    optimizer: Annotated[str | None, Option(help="sgd, nesterov, adam or adamw.")] = None,
    momentum: Annotated[float | None, Option(help="Of sgd and nesterov, from 0 to below 1.")] = None,
    weight_decay: Annotated[float | None, Option(help="How fast weights shrink, at least 0.")] = None,
    clip_norm: Annotated[float | None, Option(help="Shorten gradients to this norm where they are longer.")] = None,
    loss: Annotated[str | None, Option(help="cross_entropy, binary_cross_entropy or squared_error.")] = None,
    output: Annotated[str | None, Option(help="Output link: softmax, sigmoid, tanh or identity.")] = None,
    activation: Annotated[str | None, Option(help="Of the hidden layers: relu, leaky_relu, sigmoid, tanh ...")] = None,
    initializer: Annotated[str | None, Option(help="he_normal, xavier_uniform, uniform0.5 ...")] = None,
    normalize: Annotated[str | None, Option(help="Pixels to unit [0, 1], symmetric [-1, 1] or standard.")] = None,
    validation: Annotated[float | None, Option(help="Fraction of the training images to hold out.")] = None,
    limit: Annotated[int | None, Option(help="Train on the first so many images.")] = None,
    seed: Annotated[int | None, Option(help="Of the weights, the shuffling and the held-out part.")] = None,
    dtype: Annotated[str | None, Option(help="float32 or float64.")] = None,
    engine: Annotated[str, Option(help="auto or reference.")] = "auto",
    threads: Annotated[int | None, Option(help="Of the matrix products.")] = None,
    data: Data = "mnist",
    out: Annotated[Path | None, Option(help="Run folder; by default a new one in runs/.")] = None,
    json: Json = False,
) -> int:
    """Train a network, test it, and write a run folder."""
    recipe = changed(
        find(what), epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, optimizer=optimizer, loss=loss,
        output=output, activation=activation, initializer=initializer, normalize=normalize, validation=validation,
        limit=limit, seed=seed, dtype=dtype, momentum=momentum, weight_decay=weight_decay, clip_norm=clip_norm,
    )  # fmt: skip
    result, history = _train(recipe, data, out, engine, threads)
    if json:
        emit(result)
        return 0
    print(f"test accuracy {result['test_accuracy']:.2%}, test loss {result['test_loss']:.4f}")
    print(*curves.words(history.history), sep="\n")
    print(f"loss by epoch {curves.blocks(history.history['loss'])}")
    speed = f"{result['images_per_second']:,.0f} images/s, {result['threads']} threads"
    print(f"{duration(result['train_seconds'])} of training, {speed}")
    print(f"run folder {result['run']}, curves in {Path(result['run'], 'figures', 'curves.png')}")
    return 0


def _train(
    recipe: Recipe, data: str, out: Path | None, engine: str, threads: int | None
) -> tuple[dict[str, Any], History]:
    """Train by the recipe, test, and leave the run folder; an interruption leaves the weights so far."""
    train, test = load(data, DownloadProgress())
    if recipe.limit:
        train = train.subset(slice(recipe.limit))
    network = recipe.make_network(train.input_shape, train.classes)
    run = Run(out, recipe, network)
    engine = choose("engine", engine, ENGINES).name  # what "auto" stands for
    say(f"{recipe.name or 'network'}: {network.architecture}, {network.theta.size:,} parameters, engine {engine}")
    say(f"{train.description}; {len(test):,} to test")
    with TrainingProgress() as progress:
        try:
            history = fit(
                network,
                train,
                epochs=recipe.epochs,
                batch_size=recipe.batch_size,
                optimizer=recipe.make_optimizer(),
                normalize=recipe.normalize,
                clip_norm=recipe.clip_norm or None,
                validation=recipe.validation,
                engine=engine,
                threads=threads,
                seed=recipe.seed,
                callbacks=[run, progress],
            )
        except KeyboardInterrupt:
            if run.folder.exists():
                run.save()
                say(f"The weights so far are in {run.model}.")
            raise
    evaluation = network.evaluate(test)
    seconds = sum(history.history["seconds"])
    result = {
        "recipe": recipe.name or network.architecture,
        "parameters": network.theta.size,
        "epochs": recipe.epochs,
        "train_seconds": seconds,
        "images_per_second": history.examples * recipe.epochs / seconds,
        "test_accuracy": evaluation.accuracy,
        "test_loss": evaluation.loss,
        "dataset": test.name,
        "source": test.source,
        "verified": test.verified,
        "engine": engine,
        "threads": threads or blas_threads(),
        "seed": recipe.seed,
        "run": str(run.folder),
    }
    run.finish(history, result)
    return result, history
