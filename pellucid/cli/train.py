"""pellucid train: a recipe and data in, a run folder out."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.callbacks import History
from pellucid.cli.interruption import Interruption
from pellucid.cli.options import AUGMENT_HELP, DEVICE_HELP, ENGINE_HELP, Data, Json
from pellucid.cli.output import DownloadProgress, TrainingProgress, duration, emit, say
from pellucid.data import Dataset, load
from pellucid.data.augment import parse
from pellucid.data.catalogue import NAMES
from pellucid.diagnosis.breakdown import BreakdownError
from pellucid.engine import devices
from pellucid.engine.engines import select
from pellucid.errors import UsageError
from pellucid.glass import curves
from pellucid.machine import blas_threads, cores
from pellucid.network import Network
from pellucid.recipe import changed, find
from pellucid.run import Run, read_metrics, resolved
from pellucid.setup import Setup
from pellucid.snapshot import Snapshot
from pellucid.training import fit

Option = typer.Option
THREADS = {"native": cores, "reference": blas_threads, "torch": devices.threads}  # that each engine takes by itself


def command(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="RECIPE|ARCHITECTURE", help="A recipe or an architecture.")] = "p03",
    epochs: Annotated[int | None, Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, Option(help="Examples a step; more than there are is the full batch.")] = None,
    learning_rate: Annotated[float | None, Option(help="Step size α of gradient descent.")] = None,
    schedule: Annotated[
        str | None,
        Option(help="Of the learning rate: cosine, one_cycle, plateau ..., or as step,every=10,factor=0.1,warm_up=1."),
    ] = None,
    optimizer: Annotated[str | None, Option(help="sgd, nesterov, adagrad, rmsprop, adam, adamw or lion.")] = None,
    momentum: Annotated[float | None, Option(help="Of sgd and nesterov, from 0 to below 1.")] = None,
    beta1: Annotated[float | None, Option("--beta1", help="Of adam, adamw and lion, the running mean's.")] = None,
    beta2: Annotated[float | None, Option("--beta2", help="The same for the mean of squares.")] = None,
    weight_decay: Annotated[float | None, Option(help="How fast weights shrink, at least 0.")] = None,
    l1: Annotated[float | None, Option("--l1", help="Penalty on the size of weights, not of biases.")] = None,
    l2: Annotated[float | None, Option("--l2", help="Penalty on the square of weights, not of biases.")] = None,
    clip_value: Annotated[float | None, Option(help="Bound every number of the gradients.")] = None,
    clip_norm: Annotated[float | None, Option(help="Shorten gradients to this norm where they are longer.")] = None,
    max_norm: Annotated[float | None, Option(help="Bound the norm of the weights into each unit.")] = None,
    layer_rates: Annotated[
        str | None, Option(help="Factors of the learning rate: dense1=0.1,dense2=0; 0 freezes a layer.")
    ] = None,
    loss: Annotated[str | None, Option(help="cross_entropy, binary_cross_entropy or squared_error.")] = None,
    label_smoothing: Annotated[float | None, Option(help="Share of each target spread over all answers.")] = None,
    class_weights: Annotated[str | None, Option(help="balanced, or as 5=2,8=3; other classes weigh 1.")] = None,
    output: Annotated[str | None, Option(help="Output link: softmax, sigmoid, tanh or identity.")] = None,
    activation: Annotated[str | None, Option(help="Of the hidden layers: relu, leaky_relu, sigmoid, tanh ...")] = None,
    initializer: Annotated[str | None, Option(help="he_normal, xavier_uniform, uniform0.5 ...")] = None,
    normalize: Annotated[str | None, Option(help="Pixels to unit [0, 1], symmetric [-1, 1] or standard.")] = None,
    augment: Annotated[str | None, Option(metavar="WORDS", help=AUGMENT_HELP)] = None,
    validation: Annotated[float | None, Option(help="Fraction of the training images to hold out.")] = None,
    average: Annotated[
        str | None, Option(metavar="WORDS", help="Weights to leave: ema,decay=0.999, or last,epochs=5.")
    ] = None,
    early_stopping: Annotated[
        int | None, Option(metavar="EPOCHS", help="Stop after so many without a better validation loss.")
    ] = None,
    target_accuracy: Annotated[
        float | None, Option(help="Stop when the validation accuracy reaches it; exit 1 if it never does.")
    ] = None,
    time_limit: Annotated[float | None, Option(metavar="SECONDS", help="Stop after so many of training.")] = None,
    limit: Annotated[int | None, Option(help="Train on the first so many images.")] = None,
    seed: Annotated[int | None, Option(help="Of the weights, the shuffling and the held-out part.")] = None,
    dtype: Annotated[str | None, Option(help="float32 or float64.")] = None,
    engine: Annotated[str, Option(help=ENGINE_HELP)] = "auto",
    device: Annotated[str, Option(help=DEVICE_HELP)] = "cpu",
    threads: Annotated[int | None, Option(help="By default as many as cores.")] = None,
    data: Data = "mnist",
    out: Annotated[Path | None, Option(help="Run folder; by default a new one in runs/.")] = None,
    checkpoint_every: Annotated[
        int | None,
        Option(metavar="STEPS", help="Write a checkpoint after every so many steps; by default now and then."),
    ] = None,
    resume: Annotated[
        Path | None, Option(metavar="RUN", help="Go on with the run in this folder, with its own recipe and options.")
    ] = None,
    json: Json = False,
) -> int:
    """Train a network, test it, and write a run folder."""
    if resume is not None:
        given = {name for name in context.params if _was_given(context, name)}
        return _go_on(resume, data if "data" in given else None, given, json)
    recipe = changed(
        find(what), epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, optimizer=optimizer, loss=loss,
        output=output, activation=activation, initializer=initializer, normalize=normalize, validation=validation,
        schedule=schedule, l1=l1, l2=l2, clip_value=clip_value, max_norm=max_norm, layer_rates=layer_rates,
        label_smoothing=label_smoothing, class_weights=class_weights, augment=augment, limit=limit, seed=seed,
        dtype=dtype, momentum=momentum, beta1=beta1, beta2=beta2, weight_decay=weight_decay, clip_norm=clip_norm,
        average=average, early_stopping=early_stopping, target_accuracy=target_accuracy, time_limit=time_limit,
    )  # fmt: skip
    train, test = load(data, DownloadProgress())
    network = recipe.make_network(train.input_shape, train.classes)
    descent = recipe.make_descent()
    descent.check(network.layers)
    engine, reason = select(engine, network.layers, network.dtype, network.loss, descent, device)
    if reason:
        say(f"The reference engine trains, {reason}.")
    place = data if data in NAMES else str(Path(data).absolute())
    setup = Setup(place, engine, threads, checkpoint_every, train.description, train.sha256(), device)
    with Run.new(out, resolved(recipe, network), setup) as run:
        result, history = _train(run, train, test, network, None)
    return _show(result, history.history, json)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _go_on(folder: Path, data: str | None, given: set[str], json: bool) -> int:
    """--resume: everything is the run's own, only its data may lie elsewhere."""
    if others := given - {"resume", "data", "json"}:
        words = ", ".join(sorted("RECIPE" if name == "what" else f"--{name.replace('_', '-')}" for name in others))
        raise UsageError(
            f"--resume goes on with the recipe and the options of {folder}; leave out {words}. "
            "Beside it stand only --data, for data that were moved, and --json."
        )
    with Run.resume(folder) as run:
        if (result := run.result()) is not None:
            say(f"{folder} is finished.")
            return _show(result, read_metrics(folder), json)
        train, test = load(data or run.setup.data, DownloadProgress())
        run.setup.check(train)
        if data and data not in NAMES:
            run.setup = replace(run.setup, data=str(Path(data).absolute()))
        snapshot = run.snapshot()
        network = run.recipe.make_network(train.input_shape, train.classes)
        if snapshot is None:
            say(f"{folder} has no checkpoint yet: it starts from its recipe.")
        else:
            over = snapshot.epoch > run.recipe.epochs or snapshot.stopped
            where = "with its test" if over else f"in epoch {snapshot.epoch} of {run.recipe.epochs}"
            say(f"{folder} goes on {where}, after {snapshot.step:,} steps.")
        result, history = _train(run, train, test, network, snapshot)
    return _show(result, history.history, json)


def _train(
    run: Run, train: Dataset, test: Dataset, network: Network, snapshot: Snapshot | None
) -> tuple[dict[str, Any], History]:
    """Train by the run's recipe, test, and leave the results in its folder."""
    recipe, setup = run.recipe, run.setup
    title = "network" if recipe.name == network.architecture else recipe.name
    place = f" on {setup.device}" if setup.engine == "torch" else ""
    say(f"{title}: {network.architecture}, {network.theta.size:,} parameters, engine {setup.engine}{place}")
    train = train.subset(slice(recipe.limit)) if recipe.limit else train
    say(f"{train.description}; {len(test):,} to test")
    if augmentation := parse(recipe.augment):
        say(f"In each epoch the training images are {augmentation.words()}.")
    try:
        with TrainingProgress() as progress, Interruption() as run.stop:
            history = fit(
                network,
                train,
                **recipe.fit_options(),
                engine=setup.engine,
                device=setup.device,
                threads=setup.threads,
                callbacks=[progress, run],
                resume=snapshot,
            )
        evaluation = network.evaluate(test)
    except BreakdownError as error:
        if run.begun and error.snapshot:
            run.keep(error.snapshot)
            run.save()
            error.add(
                f"The model of that moment is {run.path} (pellucid test {shlex.quote(str(run.folder))}), beside its "
                "checkpoint. Resumed, the run would break again: begin a new one, with the remedy."
            )
        raise
    except KeyboardInterrupt:
        if run.begun:
            say(f"To go on: pellucid train --resume {shlex.quote(str(run.folder))}")
        raise
    seconds = sum(history.history["seconds"])
    result = {
        "recipe": recipe.name,
        "parameters": network.theta.size,
        "epochs": len(history.history["loss"]),
        "stopped": history.stopped or None,
        "target_reached": _reached(recipe.target_accuracy, history.history["validation_accuracy"]),
        "train_seconds": seconds,
        "images_per_second": history.seen / seconds,
        "test_accuracy": evaluation.accuracy,
        "test_loss": evaluation.loss,
        "dataset": test.name,
        "source": test.source,
        "verified": test.verified,
        "engine": setup.engine,
        "device": setup.device,
        "threads": setup.threads or THREADS[setup.engine](),
        "seed": recipe.seed,
        "run": str(run.folder),
        "notices": [asdict(notice) for notice in history.notices],
    }
    run.finish(history, result)
    return result, history


def _show(result: dict[str, Any], history: dict[str, list[float]] | None, json: bool) -> int:
    """Print the result, for people or as JSON; 1 if it was to reach an accuracy and did not."""
    missed = result.get("target_reached") is False
    if missed:
        say("The target accuracy was never reached on the validation images.")
    stopped = f"after {result['epochs']} epochs, {result['stopped']}" if result.get("stopped") else ""
    if stopped:
        (say if json else print)(stopped)
    if json:
        emit(result)
        return int(missed)
    print(f"test accuracy {result['test_accuracy']:.2%}, test loss {result['test_loss']:.4f}")
    if history:
        print(*curves.words(history), sep="\n")
        print(f"loss by epoch {curves.blocks(history['loss'])}")
    if notices := result.get("notices"):
        kinds = dict.fromkeys(notice["kind"] for notice in notices)
        print(f"noticed while it trained (see above, and result.json): {', '.join(kinds)}")
    speed = f"{result['images_per_second']:,.0f} images/s, {result['threads']} threads"
    print(f"{duration(result['train_seconds'])} of training, {speed}")
    print(f"run folder {result['run']}, curves in {Path(result['run'], 'figures', 'curves.png')}")
    return int(missed)


def _reached(target: float, accuracies: list[float]) -> bool | None:
    """Whether the training ended because it reached the target; None if there was none."""
    return accuracies[-1] >= target if target else None
