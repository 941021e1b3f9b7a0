"""pellucid find-lr: which learning rate to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.callbacks import Progress
from pellucid.cli.options import DEVICE_HELP, ENGINE_HELP, Data, Json
from pellucid.cli.output import DownloadProgress, TrainingProgress, emit
from pellucid.data import load
from pellucid.files.atomic import write_atomic
from pellucid.finder import NOT_OF_A_SEARCH, find_learning_rate
from pellucid.glass import rates
from pellucid.recipe import changed, find

Option = typer.Option


class SearchProgress(TrainingProgress):
    """The bar alone: means over an epoch in which the learning rate changes say nothing."""

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """No line."""


def command(
    what: Annotated[str, typer.Argument(metavar="RECIPE|ARCHITECTURE", help="A recipe or an architecture.")] = "p03",
    optimizer: Annotated[str | None, Option(help="sgd, nesterov, adagrad, rmsprop, adam, adamw or lion.")] = None,
    momentum: Annotated[float | None, Option(help="Of sgd and nesterov, from 0 to below 1.")] = None,
    batch_size: Annotated[int | None, Option(help="Examples a step.")] = None,
    seed: Annotated[int | None, Option(help="Of the weights and the shuffling.")] = None,
    steps: Annotated[int, Option(min=20, help="About how many the search takes.")] = 1000,
    low: Annotated[float, Option(help="The learning rate of the first step.")] = 1e-6,
    high: Annotated[float, Option(help="The learning rate of the last step.")] = 10.0,
    data: Data = "mnist",
    engine: Annotated[str, Option(help=ENGINE_HELP)] = "auto",
    device: Annotated[str, Option(help=DEVICE_HELP)] = "cpu",
    threads: Annotated[int | None, Option(help="By default as many as cores.")] = None,
    out: Annotated[Path, Option(metavar="FILE", help="The picture, a PNG.")] = Path("runs/learning-rate.png"),
    json: Json = False,
) -> int:
    """Train for a moment with rising learning rate, draw the loss over it, and recommend one to begin with."""
    recipe = changed(find(what), optimizer=optimizer, momentum=momentum, batch_size=batch_size, seed=seed)
    train, _ = load(data, DownloadProgress())
    network = recipe.make_network(train.input_shape, train.classes)
    options = {name: value for name, value in recipe.fit_options().items() if name not in NOT_OF_A_SEARCH}
    with SearchProgress() as progress:
        search = find_learning_rate(
            network, train, steps=steps, low=low, high=high, callbacks=(progress,), engine=engine, device=device,
            threads=threads, **options,
        )  # fmt: skip
    title = f"{network.architecture}, {recipe.optimizer}, batches of {recipe.batch_size}"
    write_atomic(out, rates.picture(search, f"{title}: recommended learning rate {search.recommended:g}"))
    if json:
        emit(
            {
                "learning_rate": search.recommended,
                "lowest_at": search.lowest,
                "diverged": search.diverged,
                "rates": search.rates.tolist(),
                "losses": search.losses.tolist(),
                "smoothed": search.smoothed.tolist(),
                "architecture": network.architecture,
                "optimizer": recipe.optimizer,
                "batch_size": recipe.batch_size,
                "dataset": train.description,
                "picture": str(out),
            }
        )
        return 0
    print(*rates.words(search), sep="\n")
    print(f"recommended learning rate {search.recommended:g}, a quarter of that with the lowest loss")
    print(f"picture {out}")
    return 0
