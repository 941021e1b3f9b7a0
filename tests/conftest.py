"""What the tests share: small data sets, and the command line called as a function."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw, ImageFont

import pellucid as pl
from pellucid.cli.interruption import Interruption
from pellucid.cli.main import main
from pellucid.engine import compiled

# The same examples at every run, so that a change is what turns a test red; `--hypothesis-profile explore` hunts.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("fixed")


# A shell that starts the tests in the background lets them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

needs_kernels = pytest.mark.skipif(bool(compiled.missing()), reason=f"no native engine: {compiled.missing()}")
BOTH = ["reference", pytest.param("native", marks=needs_kernels)]


@pytest.fixture(scope="module", params=BOTH)
def each_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """A module that uses it runs once with each engine as the one that "auto" takes."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "reference":
            patch.setattr(compiled, "_native", None)
        yield request.param


def idx(array: np.ndarray) -> bytes:
    """The content of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def drawn_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of a printed font at random places: real enough to learn, and on every machine."""
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(22)
    labels = np.arange(count) % 10
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        canvas = Image.new("L", (28, 28))
        ImageDraw.Draw(canvas).text(tuple(rng.integers(12, 17, 2)), str(label), 255, font, "mm")
        image[...] = np.asarray(canvas)
    return images, labels.astype(np.uint8)


def write_folder(folder: Path, train: int = 600, test: int = 100) -> Path:
    """A folder with MNIST's file names and drawn digits."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("train", train, 1), ("t10k", test, 2)):
        if count:
            images, labels = drawn_digits(count, seed)
            (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(images))
            (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> tuple[pl.data.Dataset, pl.data.Dataset]:
    return pl.data.load(digits_folder)


@pytest.fixture(scope="session")
def mnist() -> tuple[pl.data.Dataset, pl.data.Dataset]:
    """The real MNIST, where it is at hand."""
    folder = os.environ.get("PELLUCID_DATA")
    if not folder:
        pytest.skip("needs the real MNIST: set PELLUCID_DATA to its folder")
    return pl.data.load(folder)


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert len(self.out.splitlines()) == 1
        return json.loads(self.out)


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the next trainings of this process stop when they ask for the n-th time, at every step and epoch's end."""
    monkeypatch.setattr("pellucid.loop.CHUNK_SECONDS", 1e-9)

    def set_to(asked: int | None) -> None:
        count = itertools.count(1)
        monkeypatch.setattr(Interruption, "__call__", lambda _: next(count) == asked)

    return set_to


@pytest.fixture
def pellucid(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line as a function, run in an empty folder, without a network or data of the machine's own."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_DATA", raising=False)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
