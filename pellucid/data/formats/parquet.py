"""Parquet files as Hugging Face keeps image sets in them: a column of pictures and a column of labels.

    image   struct<bytes: binary, path: string>, the bytes of a PNG or another picture; also called img
    label   int64, a number of a class, or text; also called labels or fine_label

The names of the classes stand as JSON under "huggingface" in the metadata of the schema.

Source: Lhoest et al., "Datasets: A community library for natural language processing", 2021, and the files of
"ylecun/mnist" there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data.formats.part import Part, text_labels
from pellucid.data.formats.pictures import Gathered, decode
from pellucid.errors import DataError

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label")
ROWS = 1000  # read at a time


def read_parquet(paths: Sequence[Path]) -> Part:
    """The images in the shards of a part, in this order; without labels if there are none, or all are −1.

    Raises:
        DataError: pyarrow is missing, a file is damaged or has other columns, or a row is bad; rows count from 0.
    """
    try:
        import pyarrow as arrow
    except ImportError:
        raise DataError(f"{paths[0]} needs pyarrow, which is not installed: pip install pyarrow brings it.") from None
    gathered = Gathered(str(paths[0]))
    labels: list[Any] = []
    classes: dict[tuple[str, ...] | None, Path] = {}
    for path in paths:
        try:
            classes.setdefault(_read_shard(path, gathered, labels), path)
        except DataError:
            raise
        except (arrow.ArrowException, OSError, MemoryError):
            raise DataError(f"{path} is damaged: pyarrow cannot read it. Fetch the file again.") from None
    if len(classes) > 1:
        one, other = classes.values()
        raise DataError(f"{one} and {other} name their classes differently.")
    if not gathered.count:
        raise DataError(f"{paths[0]} has no rows.")
    names = next(iter(classes))
    if not labels or set(labels) == {-1}:
        return Part(gathered.array())
    if isinstance(labels[0], str):
        return Part(gathered.array(), text_labels(labels))
    if names and -1 in labels:
        missing = f"{labels.count(-1):,} of {len(labels):,} labels are −1, which stands for missing"
        raise DataError(f"{paths[0]}, row {labels.index(-1)}: {missing}.")
    return Part(gathered.array(), np.array(labels, np.int64), names)


def _read_shard(path: Path, gathered: Gathered, labels: list[Any]) -> tuple[str, ...] | None:
    """Append the rows of a file; give the names of its classes if it has them."""
    import pyarrow.parquet

    with path.open("rb") as file:
        shard = pyarrow.parquet.ParquetFile(file)
        schema = shard.schema_arrow
        image = next((name for name in IMAGES if name in schema.names), None)
        if image is None:
            raise DataError(f"{path} has no column image (or img), but {', '.join(schema.names) or 'none at all'}.")
        label = next((name for name in LABELS if name in schema.names), None)
        kind = schema.field(image).type
        packed = pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        if not (packed or pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)):
            raise DataError(f"{path}: the column {image} is {kind}; pictures as struct<bytes, path> are expected.")
        names = _names(schema.metadata, label)
        row = 0
        for batch in shard.iter_batches(ROWS, columns=[image] if label is None else [image, label]):
            pictures = batch.column(image)
            for content in (pictures.flatten()[kind.get_field_index("bytes")] if packed else pictures).to_pylist():
                where = f"{path}, row {row}"
                if content is None:
                    raise DataError(f"{where} has no bytes of a picture. Rows that only name a file cannot be read.")
                gathered.add(decode(content, where), where)
                row += 1
            if label is not None:
                labels += _checked(batch.column(label).to_pylist(), row - len(batch), names, path)
        if row != shard.metadata.num_rows:
            raise DataError(f"{path} announces {shard.metadata.num_rows:,} rows, but {row:,} are in it.")
    return names


def _checked(labels: list[Any], start: int, names: tuple[str, ...] | None, path: Path) -> list[Any]:
    """The labels of a batch, if each is whole or a text, and one of the classes where they have names."""
    for row, label in enumerate(labels, start):
        if label is None or label == "":
            raise DataError(f"{path}, row {row}: the label is missing.")
        if not isinstance(label, int | str) or (isinstance(label, int) and abs(label) >= 2**63):
            raise DataError(f"{path}, row {row}: the label is {str(label)[:50]}, neither a whole number nor a text.")
        if names and isinstance(label, int) and not -1 <= label < len(names):
            raise DataError(f"{path}, row {row}: the label is {label}, but there are {len(names)} classes, from 0.")
    return labels


def _names(metadata: dict[bytes, bytes] | None, label: str | None) -> tuple[str, ...] | None:
    """The names of the classes in the metadata, if they are there and are names."""
    try:
        names = json.loads((metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None
