"""The table of docs/robustness.md: models on altered test images of MNIST and on the freehand strokes, side by side.

pellucid train p03 --out runs/p03
pellucid train lenet5 --out runs/lenet5
pellucid train lenet5 --augment "shift4 rotate20 zoom0.25 shear15" --out runs/augmented
python benchmarks/robustness.py runs/p03 runs/lenet5 runs/augmented

`pellucid test MODEL --robustness` says more of one model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pellucid as pl
from pellucid.glass.robustness import Row, measure


def cells(row: Row) -> str:
    """Accuracy, mean confidence, the share of answers with less than 90%."""
    shares = (row.accuracy, row.confidence, row.under_90)
    return " | ".join("-" if share is None else f"{share:.1%}" for share in shares)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, help="run folders or model files")
    models = parser.parse_args().models
    _, test = pl.data.load("mnist")
    found = [measure(pl.load(model), test) for model in models]
    print("| test images |", " | ".join(f"`{model.stem}` | confidence | under 90%" for model in models), "|")
    print("|---" * (1 + 3 * len(models)) + "|")
    for rows in zip(*(one.rows for one in found), strict=True):
        print(f"| {rows[0].name} |", " | ".join(map(cells, rows)), "|")
