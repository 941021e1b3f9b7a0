"""pellucid report: a finished run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import pellucid
from pellucid.cli.options import DATA_HELP, Json
from pellucid.cli.output import DownloadProgress, emit
from pellucid.data import Dataset, load
from pellucid.errors import UsageError
from pellucid.files.atomic import write_atomic
from pellucid.glass.report import Material, page
from pellucid.loading import load as load_model
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.run import read_metrics
from pellucid.run_folder import REPORT, RunFolder, is_run


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default report.html in the run folder.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help=f"{DATA_HELP} By default the run's own.")
    ] = None,
    json: Json = False,
) -> int:
    """Write a run as one HTML file: curves, mistakes, weights, and a step number by number."""
    if not is_run(run):
        raise UsageError(f"{run} is no run folder. pellucid train RECIPE --out {run} makes one.")
    folder = RunFolder.read(run)
    unfinished = UsageError(f"{run} is not finished. Finish it first: pellucid train --resume {run}")
    if (result := folder.result()) is None:
        raise unfinished
    network = load_model(run)
    if not isinstance(network, Network):
        raise UsageError(f"{run} is a committee. Its members have a run each: pellucid report {run}/member1")
    if (history := read_metrics(run)) is None:  # which a committee has none of
        raise unfinished
    _, test = load(data or folder.setup.data, DownloadProgress())
    content = written(folder, result, history, network, test, network.evaluate(test), data)
    path = out or run / REPORT
    write_atomic(path, content)
    if json:
        emit({"report": str(path), "bytes": len(content)})
    else:
        print(f"wrote {path}, {len(content):,} bytes: open it in a browser")
    return 0


def written(
    run: RunFolder, result: dict[str, object], history: dict[str, list[float]], network: Network, test: Dataset,
    evaluation: Evaluation, test_data: str | None = None,
) -> bytes:  # fmt: skip
    """The page of a run; `test_data` is where the test images are, by default in the run's own data."""
    facts = {
        "pellucid": pellucid.__version__,
        "NumPy": np.__version__,
        "training data": run.setup.dataset,
        "its SHA-256": run.setup.sha256,
        "test data": test.description,
        "engine": f"{result['engine']} on {result['device']}, {result['threads']} threads",
        "seed": str(result["seed"]),
    }
    data = run.setup.data
    return page(
        Material(run.recipe, result, history, facts, data, test_data or data, network, test, evaluation)
    ).encode()
