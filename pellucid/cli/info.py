"""pellucid info: versions, machine, engines, recipes, and where data is looked for."""

from __future__ import annotations

import os

from pellucid import __version__
from pellucid.cli.options import Json
from pellucid.cli.output import emit
from pellucid.data.sources import cache_folder
from pellucid.machine import describe
from pellucid.recipe import names
from pellucid.training import ENGINES


def command(json: Json = False) -> int:
    """Show what a result depends on: versions, cores, matrix library, engines, data folders, recipes."""
    facts = {
        "pellucid": __version__,
        **describe(),
        "engines": sorted(ENGINES),
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
