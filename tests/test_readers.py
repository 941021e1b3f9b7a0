"""Readers of data sets: what the real package writes is what is read, in every format."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawn_digits, idx, write_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import pellucid as pl
from pellucid.data import reading
from pellucid.data.formats import table

TRAIN, TEST = drawn_digits(60, 1), drawn_digits(20, 2)
COLOUR = np.stack([TRAIN[0], 255 - TRAIN[0], TRAIN[0] // 2], axis=-1)
Parts = tuple[pl.data.Dataset, pl.data.Dataset]


def same(found: Parts, train: tuple[Any, Any] = TRAIN, test: tuple[Any, Any] = TEST) -> bool:
    return all(
        part.images.dtype == np.uint8 and np.array_equal(part.images, images) and np.array_equal(part.labels, labels)
        for part, (images, labels) in zip(found, (train, test), strict=True)
    )


def held_out(found: Parts, count: int = 60) -> bool:
    """A sixth was held out, and that is said."""
    return (len(found[0]), len(found[1])) == (count - count // 6, count // 6) and "one sixth held out" in found[
        1
    ].source


# CSV


def kaggle(path: Path, part: tuple[Any, Any], labelled: bool = True, **options: Any) -> Path:
    """As pandas writes it, in Kaggle's layout."""
    pandas = pytest.importorskip("pandas", reason="pandas writes Kaggle's tables")
    rows = pandas.DataFrame(part[0].reshape(len(part[0]), -1)).add_prefix("pixel")
    if labelled:
        rows.insert(0, "label", part[1])
    rows.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_kaggles_table_as_pandas_writes_it(tmp_path: Path, name: str) -> None:
    kaggle(tmp_path / name, TRAIN)
    part = reading.read_part(tmp_path / name)
    assert np.array_equal(part.images, TRAIN[0])
    assert np.array_equal(part.labels, TRAIN[1])
    assert held_out(pl.data.load(tmp_path / name))


def test_kaggles_folder_whose_test_table_has_no_labels(tmp_path: Path) -> None:
    kaggle(tmp_path / "train.csv", TRAIN)
    kaggle(tmp_path / "test.csv", TEST, labelled=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    found = pl.data.load(tmp_path)
    assert held_out(found)
    assert "test.csv has no labels" in found[1].source
    part = reading.read_part(tmp_path / "test.csv")
    assert part.labels is None
    assert np.array_equal(part.images, TEST[0])


def test_mnist_in_csv_without_a_header_as_the_csv_module_writes_it(tmp_path: Path) -> None:
    for name, (images, labels) in (("mnist_train.csv", TRAIN), ("mnist_test.csv", TEST)):
        with (tmp_path / name).open("w", newline="") as file:  # the module ends its lines with \r\n
            csv.writer(file).writerows([label, *image.ravel()] for image, label in zip(images, labels, strict=True))
    assert same(pl.data.load(tmp_path))


def test_a_header_may_say_the_height_and_width(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    table.write_table(tmp_path / "flat.csv", images, np.array(["a", "b"]))
    assert (tmp_path / "flat.csv").read_text().startswith("label,1x1,1x2,1x3,1x4,1x5,2x1")
    assert np.array_equal(reading.read_part(tmp_path / "flat.csv").images, images)


@pytest.mark.parametrize("options", [{"float_format": "%.1f"}, {"quoting": csv.QUOTE_ALL}, {"lineterminator": "\r\n"}])
def test_floats_quotes_and_other_line_ends(tmp_path: Path, options: dict[str, Any]) -> None:
    part = (TRAIN[0].astype(float) if "float_format" in options else TRAIN[0], TRAIN[1])
    found = reading.read_part(kaggle(tmp_path / "train.csv", part, **options))
    assert np.array_equal(found.images, TRAIN[0])
    assert np.array_equal(found.labels, TRAIN[1])


def test_the_column_of_labels_may_come_last_and_columns_be_numbered(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas writes the table")
    rows = pandas.DataFrame(TRAIN[0].reshape(60, -1))
    rows["class"] = TRAIN[1]
    rows.to_csv(tmp_path / "train.csv", index=False)
    found = reading.read_part(tmp_path / "train.csv")
    assert np.array_equal(found.images, TRAIN[0])
    assert np.array_equal(found.labels, TRAIN[1])


IMAGES = st.integers(1, 6).flatmap(
    lambda side: st.integers(1, 5).flatmap(
        lambda n: st.sampled_from([(n, side, side), (n, side, side, 3)]).flatmap(lambda shape: arrays(np.uint8, shape))
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(IMAGES, st.sampled_from(["x.csv", "x.csv.gz"]), st.data())
def test_a_table_that_was_written_is_read_again(tmp_path: Path, images: Any, name: str, data: st.DataObject) -> None:
    words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
    words = words.filter(lambda text: not text[0].isdigit() and text.lower() != "nan" and text[0] not in "+-")
    kind = data.draw(st.sampled_from([None, st.integers(-(10**9), 10**9), words]))
    labels = None if kind is None else np.array([data.draw(kind) for _ in images])
    table.write_table(tmp_path / name, images, labels)
    part = table.read_table(tmp_path / name)
    assert np.array_equal(part.images, images)
    assert labels is None if part.labels is None else part.labels.tolist() == labels.tolist()


def test_reading_a_table_takes_little_more_than_its_pixels(tmp_path: Path) -> None:
    images = np.zeros((20_000, 28, 28), np.uint8)
    table.write_table(tmp_path / "train.csv", images, np.arange(20_000) % 10)
    tracemalloc.start()
    part = table.read_table(tmp_path / "train.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.images.nbytes == images.nbytes
    assert peak < 1.15 * images.nbytes + 16 * table.PIECE + 100 * 20_000


# Arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=lambda save: save.__name__)
def test_kerass_npz(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "mnist.npz", x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    assert same(pl.data.load(tmp_path / "mnist.npz"))
    assert same(pl.data.load(tmp_path))
    assert np.array_equal(reading.read_part(tmp_path / "mnist.npz").images, TEST[0])


@pytest.mark.parametrize(
    "names",
    [("images", "labels"), ("X", "y"), ("data", "target"), ("train_images", "train_labels")],
    ids=lambda names: names[0],
)
def test_other_names_of_arrays(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez(tmp_path / "digits.npz", **dict(zip(names, TRAIN, strict=True)))
    assert held_out(pl.data.load(tmp_path / "digits.npz"))
    for name, array in zip(names, TRAIN, strict=True):
        (tmp_path / "pair").mkdir(exist_ok=True)
        np.save(tmp_path / "pair" / f"{name}.npy", array)
    assert held_out(pl.data.load(tmp_path / "pair"))


def test_pairs_of_npy_files_are_mapped(tmp_path: Path) -> None:
    for name, (images, labels) in (("train", TRAIN), ("test", TEST)):
        np.save(tmp_path / f"x_{name}.npy", images)
        np.save(tmp_path / f"y_{name}.npy", labels[:, None])  # (N, 1), as Keras has CIFAR's
    found = pl.data.load(tmp_path)
    assert same(found)
    assert isinstance(found[0].images, np.memmap)
    lone = reading.read_part(tmp_path / "x_test.npy")
    assert lone.labels is None
    assert np.array_equal(lone.images, TEST[0])


def test_what_an_npz_file_holds_unpacked_is_mapped(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", images=np.asfortranarray(TRAIN[0]), labels=TRAIN[1])
    part = reading.read_part(tmp_path / "digits.npz")
    assert isinstance(part.images, np.memmap)
    assert np.array_equal(part.images, TRAIN[0])


@pytest.mark.parametrize(
    "stored",
    [
        TRAIN[0].astype(np.int64),
        TRAIN[0].astype(np.float64),
        TRAIN[0] / 255,
        (TRAIN[0] / 255).astype(np.float32),
        TRAIN[0][..., None],
        TRAIN[0].reshape(60, 784),
        np.asfortranarray(TRAIN[0]),
        TRAIN[0].astype(">i2"),
    ],
    ids=["int64", "float64", "unit float64", "unit float32", "channel", "flat", "fortran", "big-endian"],
)
def test_any_type_and_layout_of_numbers(tmp_path: Path, stored: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    np.savez_compressed(tmp_path / "digits.npz", images=stored, labels=TRAIN[1])
    assert np.array_equal(reading.read_part(tmp_path / "digits.npz").images, TRAIN[0])
    assert ("times 255" in caplog.text) == (stored.dtype.kind == "f" and stored.max() <= 1)


def test_truth_values_become_black_and_white(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", images=TRAIN[0] > 100, labels=TRAIN[1])
    assert np.array_equal(reading.read_part(tmp_path / "digits.npz").images, (TRAIN[0] > 100) * np.uint8(255))


def test_memory_follows_the_file_not_what_it_announces(tmp_path: Path) -> None:
    """Headers of 10¹² images, plain and packed, and a member that unpacks to far more than its header announces."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (10**12, 4, 4), "fortran_order": False, "descr": "|u1"})
    (tmp_path / "x.npy").write_bytes(header.getvalue() + bytes(100))
    for name, how in (("stored", zipfile.ZIP_STORED), ("packed", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(tmp_path / f"{name}.npz", "w", how) as archive:
            archive.writestr("images.npy", header.getvalue() + bytes(2**27 if how else 100))
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"label,pixel0\n" + bytes(2**27), mtime=0))
    for path in sorted(tmp_path.iterdir()):
        tracemalloc.start()
        with pytest.raises(pl.DataError, match=r"is cut short|has a line of more than"):
            reading.read_part(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**23, path


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("archive", "arrays", "table", "pictures"):
        monkeypatch.setattr(f"pellucid.data.formats.{module}.LARGEST", 30_000)
    np.savez_compressed(tmp_path / "a.npz", images=TRAIN[0], labels=TRAIN[1])
    table.write_table(tmp_path / "a.csv.gz", *TRAIN)
    shutil.make_archive(str(tmp_path / "a"), "zip", write_folder(tmp_path / "folder", 60, 20))
    write_pictures(tmp_path / "pictures", *TRAIN)
    shutil.rmtree(tmp_path / "folder")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(pl.DataError, match=r"unpacks to more than the 30,000 bytes"):
            reading.read(path)


# Parquet


def encoded(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def hugging_face(
    path: Path, images: Any, labels: Any, names: Any = None, image: str = "image", label: str = "label"
) -> Path:
    """A shard in exactly the layout of Hugging Face's data sets, the metadata of its schema included."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow writes parquet")
    import pyarrow.parquet

    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    feature = {"names": names, "_type": "ClassLabel"} if names else {"dtype": "int64", "_type": "Value"}
    about = {"info": {"features": {image: {"_type": "Image"}, label: feature}}}
    fields = [(image, kind)] if labels is None else [(image, kind), (label, arrow.infer_type(list(labels)))]
    schema = arrow.schema(fields, metadata={"huggingface": json.dumps(about)})
    columns = {image: [{"bytes": encoded(pixels), "path": None} for pixels in images]}
    if labels is not None:
        columns[label] = list(labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(arrow.table(columns, schema=schema), path, row_group_size=25)
    return path


@pytest.mark.parametrize("inside", [".", "mnist", "data"])
def test_hugging_faces_shards(tmp_path: Path, inside: str) -> None:
    names = list("0123456789")
    hugging_face(tmp_path / inside / "train-00000-of-00002.parquet", TRAIN[0][:40], TRAIN[1][:40].tolist(), names)
    hugging_face(tmp_path / inside / "train-00001-of-00002.parquet", TRAIN[0][40:], TRAIN[1][40:].tolist(), names)
    hugging_face(tmp_path / inside / "test-00000-of-00001.parquet", TEST[0], TEST[1].tolist(), names)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    assert same(pl.data.load(tmp_path))


def test_the_names_of_the_classes_come_from_the_metadata(tmp_path: Path) -> None:
    names = ["T - shirt / top", "Trouser", "Bag"]
    labels = (TRAIN[1] % 2).tolist()  # no bag in this part, but it is one of the classes
    path = hugging_face(tmp_path / "train.parquet", COLOUR, labels, names, image="img", label="fine_label")
    train, test = pl.data.load(path)
    assert train.classes == test.classes == tuple(names)
    assert train.input_shape == (3, 28, 28)


def test_labels_of_minus_one_are_none(tmp_path: Path) -> None:
    hugging_face(tmp_path / "train.parquet", TRAIN[0], TRAIN[1].tolist(), list("0123456789"))
    hugging_face(tmp_path / "test.parquet", TEST[0], [-1] * 20, list("0123456789"))
    assert held_out(pl.data.load(tmp_path))
    assert reading.read_part(tmp_path / "test.parquet").labels is None


def test_some_labels_of_minus_one_are_missing_ones(tmp_path: Path) -> None:
    labels = [-1 if k == 7 else label for k, label in enumerate(TRAIN[1].tolist())]
    path = hugging_face(tmp_path / "train.parquet", TRAIN[0], labels, list("0123456789"))
    with pytest.raises(pl.DataError, match="row 7: 1 of 60 labels are −1, which stands for missing"):
        pl.data.load(path)


def test_text_is_a_label_too(tmp_path: Path) -> None:
    path = hugging_face(tmp_path / "train.parquet", TRAIN[0], [["pear", "apple"][k % 2] for k in range(60)])
    train, _ = pl.data.load(path)
    assert train.classes == ("apple", "pear")


def test_without_pyarrow_the_command_that_brings_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(pl.DataError, match="pip install pyarrow"):
        pl.data.load(tmp_path)


# Pictures


def write_pictures(folder: Path, images: Any, names: Any, suffix: str = ".png") -> Path:
    for number, (pixels, name) in enumerate(zip(images, names, strict=True)):
        (folder / str(name)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / str(name) / f"{number}{suffix}")
    return folder


def by_class(part: pl.data.Dataset) -> list[bytes]:
    """The images as a multiset, for parts whose order is not kept."""
    return sorted(bytes([label]) + image.tobytes() for image, label in zip(part.images, part.labels, strict=True))


def test_folders_of_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", *TRAIN)
    write_pictures(tmp_path / "test", *TEST)
    train, test = pl.data.load(tmp_path)
    assert by_class(train) == sorted(bytes([label]) + image.tobytes() for image, label in zip(*TRAIN, strict=True))
    assert len(set(train.labels[:20].tolist())) > 5  # mixed, so that the first of them have all classes
    assert test.labels.tolist() == sorted(TEST[1].tolist())  # in the order of the folders, so that one can be found


def test_classes_are_sorted_as_numbers_and_then_as_words(tmp_path: Path) -> None:
    names = ["10", "9", "banana", "apple"]
    write_pictures(tmp_path, TRAIN[0], [names[k % 4] for k in range(60)])
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    train, _ = pl.data.load(tmp_path)
    assert train.classes == ("9", "10", "apple", "banana")


def test_pictures_in_colour_whose_pixels_are_grey_are_grey(tmp_path: Path) -> None:
    stored = np.repeat(TRAIN[0][..., None], 3, axis=-1)
    assert pl.data.load(write_pictures(tmp_path / "grey", stored, TRAIN[1]))[0].input_shape == (1, 28, 28)
    stored[57, 0, 0] = (1, 2, 3)  # one of them is really in colour
    train, test = pl.data.load(write_pictures(tmp_path / "colour", stored, TRAIN[1]))
    assert train.input_shape == (3, 28, 28)
    found = by_class(train) + by_class(test)
    assert sorted(found) == sorted(
        bytes([label]) + image.tobytes() for image, label in zip(stored, TRAIN[1], strict=True)
    )


def test_other_kinds_of_pictures(tmp_path: Path) -> None:
    ramp = np.arange(36, dtype=np.uint8).reshape(6, 6) * 7
    grey = Image.fromarray(ramp)
    for name, picture in {
        "a.png": grey, "b.bmp": grey, "c.pgm": grey, "d.tiff": grey, "e.gif": grey, "f.webp": grey.convert("RGB"),
        "g.png": Image.fromarray(ramp.astype(np.uint16) * 257), "h.png": grey.convert("LA"),
    }.items():  # fmt: skip
        picture.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
        assert np.array_equal(reading.read_part(tmp_path / name).images[0][..., 0].ravel()[:1], [0]), name
    for name in ("a.png", "b.bmp", "c.pgm", "d.tiff", "g.png", "h.png"):
        assert np.array_equal(reading.read_part(tmp_path / name).images, ramp[None]), name


def test_what_is_no_picture_is_passed_over_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_pictures(tmp_path, *TRAIN)
    (tmp_path / "3" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "3" / ".DS_Store").write_bytes(b"x")
    assert held_out(pl.data.load(tmp_path))
    assert "1 entries that are no pictures are passed over, such as" in caplog.text


# Zip archives


def write_all(folder: Path) -> dict[str, Path]:
    """The same digits in every layout, each in a folder."""
    write_folder(folder / "idx", 60, 20)
    for name, (images, labels) in (("train", TRAIN), ("test", TEST)):
        table.write_table(folder / "csv" / f"{name}.csv", images, labels)
        (folder / "npy").mkdir(exist_ok=True)
        np.save(folder / "npy" / f"x_{name}.npy", images)
        np.save(folder / "npy" / f"y_{name}.npy", labels)
        write_pictures(folder / "pictures" / name, images, labels)
    (folder / "npz").mkdir()
    np.savez(folder / "npz" / "mnist.npz", x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("around", [False, True], ids=["flat", "in a folder"])
def test_an_archive_gives_what_its_folder_gives(tmp_path: Path, around: bool) -> None:
    for name, folder in write_all(tmp_path / "plain").items():
        root, base = (folder.parent, folder.name) if around else (folder, ".")
        archive = Path(shutil.make_archive(str(tmp_path / name), "zip", root, base))
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("__MACOSX/._train.csv", b"what macOS adds")
            file.writestr(".DS_Store", b"and this")
        found, expected = pl.data.load(archive), pl.data.load(folder)
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.images, other.images), name
            assert np.array_equal(one.labels, other.labels), name
            assert one.source == str(archive)


def test_a_single_table_in_an_archive_as_kaggle_serves_it(tmp_path: Path) -> None:
    table.write_table(tmp_path / "test.csv", TEST[0])
    with zipfile.ZipFile(tmp_path / "test.csv.zip", "w") as archive:
        archive.write(tmp_path / "test.csv", "test.csv")
    assert np.array_equal(reading.read_part(tmp_path / "test.csv.zip").images, TEST[0])


def test_nothing_of_an_archive_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write_pictures(tmp_path / "digits", *TRAIN)
    archive = shutil.make_archive(str(tmp_path / "digits"), "zip", tmp_path / "digits")
    assert held_out(pl.data.load(archive))
    assert not list((tmp_path / "temporary").iterdir())


# Classes


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.arange(52) % 26 + 1, tuple(str(k) for k in range(1, 27))),
        (np.array(["dog", "cat"] * 26), ("cat", "dog")),
        (np.array([b"dog", b"cat"] * 26), ("cat", "dog")),
        (np.array(["10", "9"] * 26), ("9", "10")),
        (np.array(["b", "7", "a", "10"] * 13), ("7", "10", "a", "b")),
        (np.arange(52.0) % 3, ("0", "1", "2")),
        (np.arange(52) % 2 * 2 - 1, ("-1", "1")),
    ],
    ids=["1 to 26", "words", "bytes", "numbers as text", "both", "floats", "below 0"],
)
def test_classes_are_named_after_the_labels_that_occur(tmp_path: Path, labels: np.ndarray, names: tuple) -> None:
    images = np.arange(52 * 9, dtype=np.uint8).reshape(52, 3, 3)
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    train, test = pl.data.load(tmp_path / "own.npz")
    assert train.classes == test.classes == names
    texts = {image.tobytes(): str(label.decode() if isinstance(label, bytes) else label)
             for image, label in zip(images, labels.tolist(), strict=True)}  # fmt: skip
    for part in (train, test):
        for image, number in zip(part.images, part.labels, strict=True):
            assert names[number] == texts[image.tobytes()].removesuffix(".0")


def test_a_test_part_may_lack_a_class_but_has_none_of_its_own(tmp_path: Path) -> None:
    arrays = {"x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": TEST[0], "y_test": np.full(20, 7)}
    np.savez(tmp_path / "digits.npz", **arrays)
    assert set(pl.data.load(tmp_path / "digits.npz")[1].labels.tolist()) == {7}
    np.savez(tmp_path / "digits.npz", **arrays | {"y_test": np.full(20, 11)})
    with pytest.raises(pl.DataError, match=r"has the class '11' \(image 0\), which the training part does not have"):
        pl.data.load(tmp_path / "digits.npz")


def test_a_network_finds_its_classes_by_name() -> None:
    network = pl.Network("9-2", classes=("cat", "dog"))
    images, labels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3), np.array([0, 1])
    expected = network.evaluate(images, labels)
    turned = pl.data.Dataset(images, labels[::-1].copy(), ("dog", "cat"))
    assert network.evaluate(turned).loss == expected.loss
    assert network.evaluate(pl.data.Dataset(images[:1], labels[:1], ("cat",))).labels.tolist() == [0]
    assert network.evaluate(pl.data.Dataset(images, labels, ("0", "1"))).loss == expected.loss
    with pytest.raises(pl.ShapeError, match=r"2 classes apart \(cat, dog\), but images has 2 \(apple, pear\)"):
        network.evaluate(pl.data.Dataset(images, labels, ("apple", "pear")))


def test_mnist_is_recognized_in_whatever_file_it_comes(mnist: Parts, tmp_path: Path) -> None:
    (train, test), labels = mnist, [np.asarray(part.labels, np.uint8) for part in mnist]
    np.savez(tmp_path / "mnist.npz", x_train=train.images, y_train=labels[0], x_test=test.images, y_test=labels[1])
    found = pl.data.load(tmp_path / "mnist.npz")
    assert [(part.name, part.verified) for part in found] == [("mnist", True)] * 2


# Own data, through the whole program


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (5, 9), (8, 8, 3)], ids=str)
def test_own_data_are_trained_on_tested_and_checked(pellucid: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    images = np.clip(rng.integers(0, 60, (120, *shape)) + 90 * labels.reshape(-1, *[1] * len(shape)), 0, 255)
    np.savez("own.npz", images=images.astype(np.uint8), labels=np.array(["ant", "bee", "cow"])[labels])
    options = ["--data", "own.npz", "--epochs", 30, "--validation", 0.1, "--normalize", "standard", "--out", "run"]
    result = pellucid("train", "*-12-*", *options, "--json")
    assert result.code == 0, result.err
    assert result.json["test_accuracy"] > 0.9
    tested = pellucid("test", "run", "--data", "own.npz", "--json").json
    assert tested["classes"] == ["ant", "bee", "cow"]
    assert tested["accuracy"] == result.json["test_accuracy"]
    assert pl.load("run").input_shape == pl.data.load("own.npz")[0].input_shape
    assert pellucid("gradcheck", "*-4-*", "--data", "own.npz").code == 0


def test_a_hundred_classes_are_possible(pellucid: Any) -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, 4, 4), dtype=np.uint8)
    np.savez("own.npz", images=images, labels=np.arange(400) % 100)
    assert pellucid("train", "*-8-*", "--data", "own.npz", "--epochs", 1, "--out", "run").code == 0
    assert len(pl.load("run").classes) == 100


# Anything at all


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small file of each format."""
    folder = tmp_path_factory.mktemp("originals")
    images, labels = TRAIN[0][:12, 10:14, 10:14], TRAIN[1][:12]
    table.write_table(folder / "a.csv", images, labels)
    table.write_table(folder / "a.csv.gz", images, labels)
    np.savez(folder / "a.npz", images=images, labels=labels)
    np.savez_compressed(folder / "packed.npz", images=images, labels=labels)
    np.save(folder / "a.npy", images)
    (folder / "a-idx3-ubyte").write_bytes(idx(images))
    (folder / "a-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    Image.fromarray(images[0]).save(folder / "a.png")
    shutil.make_archive(str(folder / "a"), "zip", write_pictures(folder / "pictures", images, labels))
    shutil.rmtree(folder / "pictures")
    try:
        hugging_face(folder / "a.parquet", images, labels.tolist(), list("0123456789"))
    except pytest.skip.Exception:
        logging.getLogger(__name__).info("no pyarrow, no parquet")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_read_or_refused(originals: dict[str, bytes], tmp_path: Path, data: st.DataObject) -> None:
    """A changed, cut or lengthened file gives images, or one line; never another error."""
    name = data.draw(st.sampled_from(sorted(originals)))
    content = originals[name]
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.sampled_from([start, start + 1, start + 4, len(content)]))
    path = tmp_path / name
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=6)) + content[stop:])
    for read in (reading.read, reading.read_part):
        line = str(path)
        try:
            read(path)
        except pl.DataError as error:
            line = str(error)
        assert str(path) in line
        assert "\n" not in line
