"""What is wrong with a data set is said in one line, with exit code 3: the table of docs/data.md, kept true.

`python tests/test_damage.py` writes the lines into the document again.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import idx
from PIL import Image

DOCUMENT = Path(__file__).parents[1] / "docs" / "data.md"
IMAGES = (np.arange(12 * 16).reshape(12, 4, 4) % 251).astype(np.uint8)
LABELS = np.arange(12) % 3
Build = Callable[[], str]  # writes damaged data into the current folder and gives the path to load

BUILDS: dict[str, Build] = {}


def damage(words: str) -> Callable[[Build], Build]:
    """List a builder under what is wrong, in words."""

    def listed(build: Build) -> Build:
        BUILDS[words] = build
        return build

    return listed


# CSV


def rows() -> list[list[str]]:
    """A right table of 12 images, as cells."""
    header = ["label", *(f"pixel{k}" for k in range(16))]
    return [header, *([str(label), *map(str, image.ravel())] for image, label in zip(IMAGES, LABELS, strict=True))]


def csv(cells: list[list[str]], separator: str = ",") -> str:
    Path("train.csv").write_text("".join(separator.join(row) + "\n" for row in cells))
    return "train.csv"


@damage("an empty file")
def empty_file() -> str:
    Path("train.csv").touch()
    return "train.csv"


@damage("a header and nothing else")
def header_alone() -> str:
    return csv(rows()[:1])


@damage("a row that lacks a column")
def short_row() -> str:
    cells = rows()
    cells[5].pop()
    return csv(cells)


@damage("pixels above 255, in two rows")
def large_pixels() -> str:
    cells = rows()
    cells[3][7] = cells[9][1] = "256"
    return csv(cells)


@damage("a pixel that is a fraction")
def fraction() -> str:
    cells = rows()
    cells[3][7] = "0.5"
    return csv(cells)


@damage("a pixel that is a word")
def word() -> str:
    cells = rows()
    cells[4][2] = "ink"
    return csv(cells)


@damage("a pixel that is missing")
def missing_pixel() -> str:
    cells = rows()
    cells[4][2] = ""
    return csv(cells)


@damage("a label that is missing (pandas writes NaN so)")
def missing_label() -> str:
    cells = rows()
    cells[2][0] = ""
    return csv(cells)


@damage("an index that pandas wrote")
def index() -> str:
    return csv([[str(n - 1) if n else "", *row] for n, row in enumerate(rows())])


@damage("semicolons instead of commas")
def semicolons() -> str:
    return csv(rows(), ";")


@damage("images that are no squares")
def no_square() -> str:
    return csv([row[:-1] for row in rows()])


@damage("another column than the label in first place: more than 100 classes")
def many_classes() -> str:
    return csv([["label", *map(str, range(16))], *([str(1000 + n), *["0"] * 16] for n in range(120))])


@damage("a table without labels, to train on")
def no_labels() -> str:
    return csv([row[1:] for row in rows()])


@damage("all labels the same")
def one_class() -> str:
    return csv([rows()[0], *(["7", *row[1:]] for row in rows()[1:])])


@damage("a .csv.gz that is cut short")
def cut_gzip() -> str:
    path = Path(csv(rows()))
    Path("train.csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0)[:-20])
    return "train.csv.gz"


@damage("a PDF called .csv")
def pdf_as_table() -> str:
    Path("train.csv").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    return "train.csv"


# NumPy


def npz(**arrays: Any) -> str:
    np.savez_compressed("mnist.npz", **({"images": IMAGES, "labels": LABELS} | arrays))
    return "mnist.npz"


@damage("a web page saved as mnist.npz")
def web_page() -> str:
    Path("mnist.npz").write_text("<html><body>404 Not Found</body></html>")
    return "mnist.npz"


@damage("an npz file that is cut short")
def cut_npz() -> str:
    path = Path(npz())
    path.write_bytes(path.read_bytes()[:200])
    return str(path)


@damage("a flipped bit in an npz file")
def flipped_bit() -> str:
    np.savez("mnist.npz", images=IMAGES, labels=LABELS)
    content = bytearray(Path("mnist.npz").read_bytes())
    content[content.index(IMAGES.tobytes()) + 50] ^= 1
    Path("mnist.npz").write_bytes(content)
    return "mnist.npz"


@damage("Python objects, which could run code")
def pickle() -> str:
    return npz(labels=np.array([{}] * 12, dtype=object))


@damage("no labels among the arrays")
def lone_images() -> str:
    np.savez("mnist.npz", images=IMAGES)
    return "mnist.npz"


@damage("one label too few")
def few_labels() -> str:
    return npz(labels=LABELS[:-1])


@damage("one-hot rows as labels")
def one_hot() -> str:
    return npz(labels=np.eye(3)[LABELS])


@damage("a label that is NaN")
def nan_label() -> str:
    return npz(labels=np.where(np.arange(12) == 5, np.nan, LABELS))


@damage("a label far away from the others")
def far_label() -> str:
    return npz(labels=np.where(np.arange(12) == 5, 4000, LABELS))


@damage("floats that are neither in [0, 1] nor whole")
def odd_floats() -> str:
    return npz(images=IMAGES / 127.5 - 1)


@damage("a pixel that is NaN")
def nan_pixel() -> str:
    images = IMAGES / 255
    images[7, 1, 2] = np.nan
    return npz(images=images)


@damage("channels before pixels")
def channels_first() -> str:
    return npz(images=np.stack([IMAGES] * 3, axis=1))


@damage("images that are too large")
def large_images() -> str:
    return npz(images=np.zeros((12, 65, 80), np.uint8))


@damage("test images of another size")
def other_size() -> str:
    np.savez("mnist.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:, 1:], y_test=LABELS)
    return "mnist.npz"


@damage("a class that only the test part has")
def strange_class() -> str:
    np.savez("mnist.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS + 1)
    return "mnist.npz"


@damage("an npy file whose header announces 10¹² images")
def huge_npy() -> str:
    np.save("x_train.npy", IMAGES)
    content = Path("x_train.npy").read_bytes()
    Path("x_train.npy").write_bytes(content.replace(b"(12, 4, 4), }             ", b"(1000000000000, 4, 4), }  ", 1))
    np.save("y_train.npy", LABELS)
    return "."


# IDX


@damage("an IDX file that is cut short")
def cut_idx() -> str:
    for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        Path(f"train-{kind}-ubyte").write_bytes(idx(array)[: 180 if "images" in kind else None])
    return "."


@damage("an IDX file of labels in the place of images")
def exchanged_idx() -> str:
    for kind in ("images-idx3", "labels-idx1"):
        Path(f"train-{kind}-ubyte").write_bytes(idx(LABELS))
    return "."


# Parquet


def parquet(images: list[bytes | None] | None = None, labels: Any = LABELS, names: str = "image label") -> str:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow writes parquet")
    import pyarrow.parquet

    pictures = [{"bytes": content, "path": None} for content in images or [png(image) for image in IMAGES]]
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    features = {"label": {"names": ["ant", "bee", "cow"], "_type": "ClassLabel"}}
    image, label = names.split()
    schema = arrow.schema(
        [(image, kind), (label, arrow.int64())], {"huggingface": json.dumps({"info": {"features": features}})}
    )
    pyarrow.parquet.write_table(arrow.table({image: pictures, label: list(labels)}, schema=schema), "train.parquet")
    return "train.parquet"


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


@damage("a damaged picture in a parquet file")
def damaged_row() -> str:
    pictures = [png(image) for image in IMAGES]
    pictures[4] = pictures[4][:40]
    return parquet(pictures)


@damage("a row without a picture")
def null_row() -> str:
    return parquet([*(png(image) for image in IMAGES[:11]), None])


@damage("a label beyond the names of the classes")
def label_out_of_names() -> str:
    return parquet(labels=np.where(np.arange(12) == 9, 3, LABELS))


@damage("other columns than expected")
def other_columns() -> str:
    return parquet(names="scan digit")


@damage("a parquet file that is cut short")
def cut_parquet() -> str:
    path = Path(parquet())
    path.write_bytes(path.read_bytes()[:-50])
    return str(path)


# Pictures


def pictures(folder: Path = Path("digits")) -> str:
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{number}.png")
    return str(folder)


@damage("a picture of another size")
def mixed_sizes() -> str:
    folder = pictures()
    Image.new("L", (5, 4)).save(f"{folder}/1/7.png")
    return folder


@damage("a picture in colour among grey ones")
def mixed_colours() -> str:
    folder = pictures()
    Image.new("RGB", (4, 4), "red").save(f"{folder}/2/8.png")
    return folder


@damage("a picture that is cut short")
def cut_picture() -> str:
    path = Path(pictures(), "0", "3.png")
    path.write_bytes(path.read_bytes()[:45])
    return "digits"


@damage("a photograph, not an image of 64×64 or less")
def photograph() -> str:
    folder = pictures()
    Image.new("L", (4000, 3000)).save(f"{folder}/1/1.png")
    return folder


@damage("a folder of a class without pictures")
def empty_class() -> str:
    folder = pictures()
    Path(folder, "3").mkdir()
    return folder


@damage("a folder with nothing that is known")
def nothing() -> str:
    Path("digits").mkdir()
    Path("digits/thesis.txt").write_text("years of work")
    Path("digits/notes.md").write_text("# Notes")
    return "digits"


@damage("training folders and test folders with other classes")
def other_classes() -> str:
    pictures(Path("digits/train"))
    pictures(Path("digits/test"))
    Path("digits/test/2").rename("digits/test/two")
    return "digits"


# Zip archives


def archive(*files: tuple[str, bytes]) -> str:
    with zipfile.ZipFile("digits.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return "digits.zip"


@damage("a zip archive that leads out of its folder")
def traversal() -> str:
    return archive(("0/a.png", png(IMAGES[0])), ("../../.profile", b"evil"))


@damage("a zip archive with two files of one name")
def twice() -> str:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive(("0/a.png", png(IMAGES[0])), ("0/a.png", png(IMAGES[1])))


@damage("a zip archive that is damaged inside")
def damaged_zip() -> str:
    path = Path(archive(("train.csv", Path(csv(rows())).read_bytes())))
    content = bytearray(path.read_bytes())
    content[content.index(b"train.csv") + 9] = 0xFF
    path.write_bytes(content)
    return str(path)


@damage("a row that is bad, in a zip archive")
def bad_row_in_zip() -> str:
    cells = rows()
    cells[6][3] = "-1"
    return archive(("digits/train.csv", Path(csv(cells)).read_bytes()))


# The table


@contextlib.contextmanager
def folder() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield


def row(words: str, line: str) -> str:
    return f"| {words} | `{line}` |"


@pytest.mark.parametrize("words", BUILDS)
def test_damage_is_said_in_one_line_which_the_document_has(words: str, pellucid: Any) -> None:
    path = BUILDS[words]()
    result = pellucid("data", Path(path) if path != "." else Path.cwd())
    assert (result.code, result.out) == (3, ""), result
    line = result.err.replace(f"{Path.cwd()}{os.sep}", "").replace(str(Path.cwd()), "FOLDER")
    assert line.startswith("pellucid: ")
    assert line.count("\n") == 1
    assert row(words, line.removeprefix("pellucid: ").strip()) in DOCUMENT.read_text(encoding="utf-8").splitlines()


def test_the_document_lists_nothing_else() -> None:
    listed = re.findall(r"^\| (.+?) \| `.+` \|$", DOCUMENT.read_text(encoding="utf-8").rpartition("| damage")[2], re.M)
    assert listed == list(BUILDS)
    assert len(listed) >= 30


def lines() -> Iterator[str]:
    import pellucid as pl

    for words, build in BUILDS.items():
        with folder():
            path = build()
            try:
                pl.data.load(Path(path) if path != "." else Path.cwd())
                raise SystemExit(f"{words}: this was read.")
            except pl.DataError as error:
                line = str(error).replace(f"{Path.cwd()}{os.sep}", "").replace(str(Path.cwd()), "FOLDER")
                yield row(words, line)


if __name__ == "__main__":
    before, mark, after = DOCUMENT.read_text(encoding="utf-8").partition("| damage | the line |\n|---|---|\n")
    _, _, rest = after.partition("\n\n")
    DOCUMENT.write_text(before + mark + "\n".join(lines()) + "\n\n" + rest, encoding="utf-8")
    sys.exit(0)
