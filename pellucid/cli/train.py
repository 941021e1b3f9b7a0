"""pellucid train: a recipe and data in, a run folder out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.members import show_committee, train_committee
from pellucid.cli.options import AUGMENT_HELP, DEVICE_HELP, ENGINE_HELP, Data, Json
from pellucid.cli.output import DownloadProgress, say
from pellucid.cli.session import announce, resumable, show, standing, train_and_test
from pellucid.committee_run import CommitteeRun
from pellucid.committee_run import resume as resume_run
from pellucid.data import load
from pellucid.data.catalogue import NAMES
from pellucid.engine.engines import select
from pellucid.errors import UsageError
from pellucid.recipe import changed, find
from pellucid.run import Run, read_metrics, resolved
from pellucid.setup import Setup

Option = typer.Option


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
    members: Annotated[
        int, Option(metavar="N", help="Train so many networks, with seeds that follow each other, as one committee.")
    ] = 1,
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
    setup = Setup(place, engine, threads, checkpoint_every, train.description, train.sha256(), device, members)
    recipe = resolved(recipe, network)
    if members > 1:
        with CommitteeRun.new(out, recipe, setup) as committee, resumable(committee):
            return show_committee(train_committee(committee, train, test), json)
    with Run.new(out, recipe, setup) as run, resumable(run):
        announce(run, network, train, test)
        result, history = train_and_test(run, network, train, test, None)
    return show(result, history.history, json)


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
    with resume_run(folder) as run, resumable(run):
        result = run.result()
        if result is not None:
            say(f"{folder} is finished.")
        else:
            train, test = load(data or run.setup.data, DownloadProgress())
            run.setup.check(train)
            if data and data not in NAMES:
                run.setup = replace(run.setup, data=str(Path(data).absolute()))
        if isinstance(run, CommitteeRun):
            return show_committee(result or train_committee(run, train, test), json)
        if result is not None:
            return show(result, read_metrics(folder), json)
        network = run.recipe.make_network(train.input_shape, train.classes)
        snapshot = standing(run, network)
        announce(run, network, train, test)
        result, history = train_and_test(run, network, train, test, snapshot)
    return show(result, history.history, json)
