"""pellucid info: versions, machine, engines, recipes, and where data is looked for; or the plan of an architecture."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pellucid import __version__
from pellucid.cli.options import Json
from pellucid.cli.output import emit
from pellucid.data.cache import cache_folder
from pellucid.engine import devices
from pellucid.engine.compiled import instruction_set, missing
from pellucid.engine.engines import ENGINES
from pellucid.engine.lowering import lower
from pellucid.engine.native import unavailable
from pellucid.errors import UsageError
from pellucid.machine import describe
from pellucid.recipe import changed, find, names

Option = typer.Option


def command(
    plan: Annotated[
        str | None, Option(metavar="RECIPE|ARCHITECTURE", help="Print the kernels that train it natively.")
    ] = None,
    batch_size: Annotated[int | None, Option(help="Examples a step of the plan.")] = None,
    optimizer: Annotated[str | None, Option(help="Of the plan: sgd, nesterov, adam or adamw.")] = None,
    momentum: Annotated[float | None, Option(help="Of the plan.")] = None,
    clip_norm: Annotated[float | None, Option(help="Of the plan.")] = None,
    json: Json = False,
) -> int:
    """Show what a result depends on: versions, cores, engines, data folders, recipes. Or a plan of kernels."""
    if plan:
        return _plan(plan, json, batch_size=batch_size, optimizer=optimizer, momentum=momentum, clip_norm=clip_norm)
    absent = {"native": missing(), "torch": devices.missing()}
    facts = {
        "pellucid": __version__,
        **describe(),
        "engines": [name for name in ENGINES if not absent.get(name)],
        "native": _native(),
        "torch": devices.describe(),
        "recipes": names(),
        "data": os.environ.get("PELLUCID_DATA"),
        "cache": str(cache_folder()),
    }
    if json:
        emit(facts)
        return 0
    blas = facts["blas"]
    facts["blas"] = (
        f"{blas['name']} {blas['version']}, {blas['architecture']}, {blas['threads']} threads" if blas else "?"
    )
    facts["data"] = facts["data"] or "$PELLUCID_DATA is not set"
    coretype = facts.pop("openblas_coretype")
    for name, value in facts.items():
        print(f"{name:<9} {', '.join(value) if isinstance(value, list) else value}")
    if coretype:
        print(f"OPENBLAS_CORETYPE={coretype} is set: it may pin NumPy's matrix products to slower kernels than it has.")
    return 0


def _native() -> str:
    """The native engine in words: its instruction set, or why there is none."""
    reason = missing()
    return f"none: {reason}" if reason else f"kernels for {instruction_set()}"


def _plan(what: str, json: bool, **changes: Any) -> int:
    """Print the plan of a training step on images of bytes that are mostly 0, as MNIST's are."""
    recipe = changed(find(what), **changes)
    stars = "*" in recipe.architecture
    network = recipe.make_network((1, 28, 28), tuple("0123456789")) if stars else recipe.make_network()
    reason = unavailable(network.layers, network.dtype)
    if reason and reason != missing():
        raise UsageError(f"The native engine has no plan for {network.architecture}: {reason}.")
    plan = lower(
        network.layers, network.loss, recipe.make_descent(), recipe.batch_size, recipe.seed,
        sparse=recipe.normalize == "unit",
    )  # fmt: skip
    if json:
        operations = [asdict(operation) for operation in plan.operations]
        emit({"architecture": network.architecture, "batch_size": recipe.batch_size, "operations": operations})
        return 0
    print(f"{network.architecture}, {recipe.optimizer}, batches of {recipe.batch_size}, float32, {_native()}")
    print(plan)
    print("arithmetic: multiplications, additions and function values of a step; bytes: read and written in it.")
    if any(operation.kernel.startswith("sparse") for operation in plan.operations):
        print("sparse kernels pass over pixels that are 0: on MNIST, a fifth of their arithmetic is left.")
    if any(operation.kernel.startswith("winograd") for operation in plan.operations):
        print("winograd kernels take fewer multiplications; the arithmetic of the plain convolution is counted.")
    return 0
