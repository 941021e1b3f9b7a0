"""Data sets by name: what the catalogue promises, and how each layout is read, from small sets in the same layouts."""

from __future__ import annotations

import gzip
import hashlib
import logging
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import idx

import pellucid as pl
from pellucid.data import download
from pellucid.data.cache import cache_folder
from pellucid.data.catalogue import NAMES, PUBLISHED, File, Published, four

OTHERS = [name for name in PUBLISHED if name != "mnist"]
COUNTS = {"train": 130, "test": 70}  # more than the largest number of classes


def arrays(name: str) -> list[np.ndarray]:
    """Training images and labels, test images and labels of a small set as it would be published."""
    published, rng = PUBLISHED[name], np.random.default_rng(len(name))
    found = []
    for count in COUNTS.values():
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % len(published.classes) + published.first_label
        found += [images, labels]
    return found


def packed(array: np.ndarray, file: File) -> bytes:
    """The .gz file with this array; QMNIST's labels are the first of eight columns of big-endian integers."""
    if file.name.endswith("-int"):
        table = np.arange(8 * len(array)).reshape(-1, 8)
        table[:, 0] = array
        header = bytes([0, 0, 12, 2]) + np.array(table.shape, ">u4").tobytes()
        return gzip.compress(header + table.astype(">i4").tobytes(), mtime=0)
    return gzip.compress(idx(array), mtime=0)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without data, on which small sets count as the published ones; their files lie in server/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    (tmp_path / "server" / "emnist").mkdir(parents=True)
    archive = tmp_path / "server" / "emnist" / "gzip.zip"
    with zipfile.ZipFile(archive, "w") as members:
        for name in OTHERS:
            monkeypatch.setitem(PUBLISHED, name, _small(PUBLISHED[name], tmp_path / "server", members))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    for name in OTHERS:
        if (known := PUBLISHED[name]).archive:
            whole = replace(known.archive, most=archive.stat().st_size, packed_sha256=digest)
            monkeypatch.setitem(PUBLISHED, name, replace(known, archive=whole))
    return tmp_path


def _small(published: Published, server: Path, members: zipfile.ZipFile) -> Published:
    digests = []
    for array, file in zip(arrays(published.name), published.files, strict=True):
        content = packed(array, file)
        if published.archive:
            members.writestr(f"gzip/{file.packed_name}", content)
        else:
            (server / published.name).mkdir(exist_ok=True)
            (server / published.name / file.packed_name).write_bytes(content)
        digests.append("" if published.archive else hashlib.sha256(content).hexdigest())
    shapes = [(count, *file.shape[1:]) for count, file in zip((130, 130, 70, 70), published.files, strict=True)]
    return replace(
        published,
        files=four([file.name for file in published.files], shapes, packed_sha256=digests),
        mirrors=("http://127.0.0.1:9/",),
    )


@pytest.fixture
def served(small: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same with a server that has the files; the list of what was asked of it."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(small / "server")))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name in OTHERS:
        folder = PUBLISHED[name].archive.family if PUBLISHED[name].archive else name
        mirror = f"http://127.0.0.1:{server.server_port}/{folder}/"
        monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], mirrors=(mirror,)))
    yield asked
    server.shutdown()
    server.server_close()


def unpack(name: str, folder: Path, pack: bool = False) -> Path:
    """The four files of a small set, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for array, file in zip(arrays(name), PUBLISHED[name].files, strict=True):
        content = packed(array, file)
        path = folder / (file.packed_name if pack else file.name)
        path.write_bytes(content if pack else gzip.decompress(content))
    return folder


def check(name: str, parts: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    """The parts are the arrays, images upright and labels from 0."""
    published, expected = PUBLISHED[name], arrays(name)
    for part, images, labels in zip(parts, expected[::2], expected[1::2], strict=True):
        assert part.name == name
        assert part.classes == published.classes
        assert np.array_equal(part.images, images.swapaxes(1, 2) if name.startswith("emnist") else images)
        assert np.array_equal(part.labels, np.arange(len(labels)) % len(published.classes))


# The catalogue


def test_every_name_is_there_once() -> None:
    assert len(set(NAMES)) == len(NAMES) == 11
    assert set(NAMES) == {*PUBLISHED, "mnist-5k"}
    assert all(name == published.name for name, published in PUBLISHED.items())


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_entry_is_whole(name: str) -> None:
    published = PUBLISHED[name]
    assert len(set(published.classes)) == len(published.classes) <= 100
    assert published.mirrors
    assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in published.mirrors)
    for images, labels in (published.files[:2], published.files[2:]):
        assert images.shape[1:] == (28, 28)
        assert images.shape[0] == labels.shape[0]
        assert f"idx{images.dimensions}" in images.name
        assert f"idx{labels.dimensions}" in labels.name
    for file in published.files:
        known = [digest for digest in (file.sha256, file.packed_sha256) if digest]
        assert len(known) == (0 if published.archive else 1)
        assert all(len(bytes.fromhex(digest)) == 32 for digest in known)
    assert published.archive is None or len(bytes.fromhex(published.archive.packed_sha256)) == 32


def test_no_digest_occurs_twice() -> None:
    files = [file for published in PUBLISHED.values() for file in published.files]
    digests = [digest for file in files for digest in (file.sha256, file.packed_sha256) if digest]
    assert len(set(digests)) == len(digests) == 16


def test_the_classes_are_those_of_the_publications() -> None:
    counts = {name: len(published.classes) for name, published in PUBLISHED.items()}
    assert counts == {
        **dict.fromkeys(("mnist", "fashion-mnist", "kmnist", "qmnist", "emnist-digits", "emnist-mnist"), 10),
        "emnist-balanced": 47,
        "emnist-bymerge": 47,
        "emnist-byclass": 62,
        "emnist-letters": 26,
    }
    assert PUBLISHED["emnist-balanced"].classes[36:] == tuple("abdefghnqrt")
    assert PUBLISHED["kmnist"].classes[3] == "つ tsu"
    totals = {name: sum(file.shape[0] for file in published.files[::2]) for name, published in PUBLISHED.items()}
    assert totals["emnist-byclass"] == totals["emnist-bymerge"] == 814_255  # as NIST counts them
    assert (totals["emnist-balanced"], totals["emnist-letters"], totals["emnist-digits"]) == (131_600, 145_600, 280_000)


# Reading


@pytest.mark.parametrize("name", OTHERS)
def test_a_set_is_downloaded_verified_and_kept(small: Path, served: list[str], name: str) -> None:
    for part in (first := pl.data.load(name)):
        assert part.verified
    check(name, first)
    asked = len(served)
    again = pl.data.load(name)
    check(name, again)
    assert all(part.verified for part in again)
    assert len(served) == asked  # the second time nothing is fetched
    assert isinstance(again[0].images, np.memmap)
    assert again[0].images.flags.c_contiguous  # the kernels read it as it is mapped
    assert again[0].sha256() == first[0].sha256()
    assert again[0].source == str(cache_folder(name))


def test_one_archive_serves_all_sets_in_it(small: Path, served: list[str]) -> None:
    for name in OTHERS:
        if name.startswith("emnist"):
            check(name, pl.data.load(name))
    assert served == ["/emnist/gzip.zip"]


def test_sums_can_be_checked_by_others(small: Path, served: list[str]) -> None:
    pl.data.load("kmnist")
    for line in (cache_folder("kmnist") / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((cache_folder("kmnist") / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("place", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "SHA256SUMS"])
@pytest.mark.parametrize("name", ["kmnist", "qmnist", "emnist-letters"])
def test_a_damaged_cache_is_passed_over_and_fetched_again(
    small: Path, served: list[str], caplog: pytest.LogCaptureFixture, name: str, place: str
) -> None:
    pl.data.load(name)
    path = cache_folder(name) / place
    content = bytearray(path.read_bytes())
    content[-60] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        check(name, pl.data.load(name))
    assert "is passed over" in caplog.text
    caplog.clear()
    check(name, pl.data.load(name))
    assert not caplog.text


def test_a_cache_that_was_not_written_to_the_end_is_none(small: Path, served: list[str]) -> None:
    pl.data.load("kmnist")
    (cache_folder("kmnist") / "SHA256SUMS").unlink()
    asked = len(served)
    assert pl.data.load("kmnist")[0].verified
    assert len(served) > asked


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("pack", [False, True], ids=["plain", "gz"])
def test_a_folder_of_that_name_in_the_environment_comes_first(
    small: Path, monkeypatch: pytest.MonkeyPatch, name: str, pack: bool
) -> None:
    folder = unpack(name, small / "sets" / name, pack)
    monkeypatch.setenv("PELLUCID_DATA", str(small / "sets"))
    parts = pl.data.load(name)
    check(name, parts)
    assert parts[0].source.startswith(str(folder))
    assert parts[0].verified == (pack and not name.startswith("emnist"))  # only the packed files have known digests


def test_emnists_sets_may_lie_together_or_in_their_archive(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(small / "sets"))
    for name in ("emnist-letters", "emnist-digits"):
        unpack(name, small / "sets" / "emnist")
    check("emnist-letters", pl.data.load("emnist-letters"))
    assert not pl.data.load("emnist-digits")[0].verified
    monkeypatch.setenv("PELLUCID_DATA", str(small / "server"))  # where only the archive is
    parts = pl.data.load("emnist-byclass")
    check("emnist-byclass", parts)
    assert parts[0].verified


def test_emnists_images_are_turned_and_that_is_said(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An L as EMNIST has it: its rows are columns, so the long stroke lies and the short one hangs from its end."""
    letter = np.zeros((28, 28), np.uint8)
    letter[4:24, 6] = letter[23, 6:18] = 255  # as people write it
    folder = unpack("emnist-letters", small / "sets" / "emnist-letters")
    file = PUBLISHED["emnist-letters"].files[0]
    (folder / file.name).write_bytes(idx(np.repeat(letter.T[None], 130, axis=0)))
    monkeypatch.setenv("PELLUCID_DATA", str(small / "sets"))
    for train, _ in (pl.data.load(folder), pl.data.load("emnist-letters")):
        assert np.array_equal(train.images[0], letter)
        assert train.source == f"{folder} (turned upright: EMNIST exchanges rows and columns)"
        assert train.classes[0] == "A"
        assert train.labels.min() == 0


@pytest.mark.parametrize("name", ["qmnist", "emnist-letters", "emnist-balanced"])
def test_the_names_of_files_say_which_set_a_path_holds(small: Path, name: str) -> None:
    folder = unpack(name, small / "mine", pack=True)
    train, test = pl.data.load(folder)
    assert (len(train), len(test)) == (130, 70)
    assert train.classes == PUBLISHED[name].classes
    assert np.array_equal(train.labels, np.arange(130) % len(train.classes))
    for file in PUBLISHED[name].files[2:]:
        (folder / file.packed_name).unlink()
    assert "one sixth held out" in pl.data.load(folder)[0].source


def test_a_path_with_several_sets_is_refused_with_a_way_out(small: Path) -> None:
    for name in ("emnist-letters", "emnist-digits"):
        unpack(name, small / "mine")
    with pytest.raises(pl.DataError, match=r"holds files of emnist-digits, emnist-letters.*one called emnist"):
        pl.data.load(small / "mine")


@pytest.mark.parametrize("name", OTHERS)
def test_torchvisions_cache_is_read(small: Path, name: str) -> None:
    unpack(name, small / "data" / PUBLISHED[name].torchvision / "raw")
    check(name, pl.data.load(name))
    assert not pl.data.load(name)[0].verified  # unpacked by torchvision; of that no digests are known
    if not name.startswith("emnist"):
        unpack(name, small / "data" / PUBLISHED[name].torchvision / "raw", pack=True)  # it leaves the packed ones there
        assert pl.data.load(name)[0].verified


def test_kerass_cache_is_read(small: Path) -> None:
    unpack("fashion-mnist", small / "home" / ".keras" / "datasets" / "fashion-mnist", pack=True)
    parts = pl.data.load("fashion-mnist")
    check("fashion-mnist", parts)
    assert parts[0].verified


# What is not taken for another set


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(wanted: File, *_: object, **__: object) -> Path:
        raise pl.DataError(f"{wanted.packed_name} could not be fetched (no answer).")

    monkeypatch.setattr(download, "fetch", no_network)


@pytest.mark.parametrize("name", OTHERS)
def test_without_a_source_the_error_names_the_files_and_the_folder(small: Path, offline: None, name: str) -> None:
    with pytest.raises(pl.DataError) as error:
        pl.data.load(name)
    message = str(error.value)
    assert all(file.name in message for file in PUBLISHED[name].files)
    assert f"into a folder called {name}" in message
    assert "$PELLUCID_DATA" in message
    assert ("gzip.zip into one called emnist" in message) == name.startswith("emnist")
    assert "\n" not in message


def test_the_environment_itself_is_for_mnist_only(small: Path, offline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(unpack("fashion-mnist", small / "sets")))
    for name in ("fashion-mnist", "kmnist"):
        with pytest.raises(pl.DataError, match="could not be downloaded"):
            pl.data.load(name)
    assert pl.data.load("mnist")[0].name == "images"  # the same file names; it is not taken for MNIST


def test_a_folder_around_other_sets_is_not_searched_for_mnist(
    small: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    unpack("fashion-mnist", small / "sets" / "fashion-mnist")
    monkeypatch.setenv("PELLUCID_DATA", str(small / "sets"))
    monkeypatch.setattr("pellucid.data.sources.read_sample", lambda: "the sample")
    assert pl.data.load("mnist") == "the sample"


def test_mnist_is_not_taken_for_another_set(
    mnist: tuple[pl.data.Dataset, pl.data.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl.data.idx.write_dataset(tmp_path / "kmnist", *mnist)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    with pytest.raises(pl.DataError, match="kmnist holds MNIST, not kmnist"):
        pl.data.load("kmnist")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _fewer(path: Path) -> None:
    path.write_bytes(idx(np.zeros((129, 28, 28))))


def _wrong_label(path: Path) -> None:
    content = bytearray(path.with_name(path.name.replace("images-idx3", "labels-idx1")).read_bytes())
    content[8 + 17] = 0
    path.with_name(path.name.replace("images-idx3", "labels-idx1")).write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_cut, "is cut short"),
        (_fewer, "holds 129 × 28 × 28 numbers, but that of emnist-letters 130 × 28 × 28"),
        (_wrong_label, "label 17 is 0, but those of emnist-letters go from 1 to 26"),
        (Path.unlink, "has no emnist-letters-train-images-idx3-ubyte"),
    ],
)
def test_damage_in_a_named_folder_is_named(
    small: Path, monkeypatch: pytest.MonkeyPatch, harm: Any, message: str
) -> None:
    folder = unpack("emnist-letters", small / "sets" / "emnist-letters")
    harm(folder / "emnist-letters-train-images-idx3-ubyte")
    monkeypatch.setenv("PELLUCID_DATA", str(small / "sets"))
    with pytest.raises(pl.DataError) as error:
        pl.data.load("emnist-letters")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\x03\x04 no zip", "is damaged"), (b"", "is damaged"), (None, "is not the archive"), (b"flip", "damaged|cut")],
)
def test_a_damaged_archive_is_named(
    small: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    archive = small / "server" / "emnist" / "gzip.zip"
    if content is None:
        with zipfile.ZipFile(archive, "w") as members:
            members.writestr("something.else", b"")
    elif content == b"flip":
        whole = bytearray(archive.read_bytes())
        whole[300] ^= 255
        archive.write_bytes(whole)
    else:
        archive.write_bytes(content)
    monkeypatch.setenv("PELLUCID_DATA", str(small / "server"))
    with pytest.raises(pl.DataError, match=message):
        pl.data.load("emnist-balanced")


@pytest.mark.parametrize(
    ("name", "nearest"), [("fashion", "fashion-mnist"), ("emnist-letter", "emnist-letters"), ("kminst", "kmnist")]
)
def test_an_unknown_name_gets_the_nearest_of_all(small: Path, name: str, nearest: str) -> None:
    with pytest.raises(pl.UsageError, match=f"Did you mean '{nearest}'"):
        pl.data.load(name)


# The command line


def test_training_by_name_and_going_on_with_it(small: Path, served: list[str], pellucid: Any) -> None:
    options = ("--data", "emnist-letters", "--epochs", 1, "--engine", "reference", "--out", "run", "--json")
    result = pellucid("train", "*-8-*", *options)
    assert result.code == 0, result.err
    assert (result.json["dataset"], result.json["verified"]) == ("emnist-letters", True)
    assert pellucid("test", "run", "--data", "emnist-letters", "--json").json["classes"][0] == "A"
    Path("run", "result.json").unlink()  # as if it had been stopped before the test
    again = pellucid("train", "--resume", "run", "--json")
    assert "goes on with its test" in again.err
    assert again.json["test_accuracy"] == result.json["test_accuracy"]


def test_help_lists_every_name(pellucid: Any) -> None:
    for command in ("train", "test", "data"):
        words = "".join(pellucid(command, "--help").out.replace("│", " ").split())  # the names are broken at hyphens
        assert ",".join(NAMES) in words
