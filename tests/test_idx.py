"""IDX files: what is whole is read, what is damaged gets one clear line."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import idx, write_folder
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data.catalogue import PUBLISHED
from pellucid.data.idx import parse_idx, read_idx
from pellucid.data.published import is_original

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        array = parse_idx(content, 3, "bytes")
    except pl.DataError:
        return
    assert idx(array) == content


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_plain_and_gzip_files_are_read(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "images"
    path.write_bytes(pack(idx(IMAGES)))
    assert np.array_equal(read_idx(path, 3), IMAGES)


def test_a_plain_file_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx(IMAGES))
    assert isinstance(read_idx(tmp_path / "images", 3), np.memmap)


HUGE = bytes([0, 0, 8, 3]) + b"\xff" * 12  # announces 2^96 bytes
DAMAGE = {
    "empty": (b"", "has 0 bytes, too few"),
    "header cut": (idx(IMAGES)[:9], "has 9 bytes, too few"),
    "cut short": (idx(IMAGES)[:-1], "is cut short: the header announces 2 × 3 × 4 = 24 bytes, 23 follow"),
    "too long": (idx(IMAGES) + b"x", "header announces"),
    "huge": (HUGE, "is cut short"),
    "no data": (idx(IMAGES[:0]), "announces no data"),
    "labels": (idx(np.zeros(40, np.uint8)), "it holds labels, not images"),
    "other magic": (b"\0\0\x0d\x03" + idx(IMAGES)[4:], "begins with 00000d03"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "begins with 89504e47"),
    "a web page": (b"<html><body>404 Not Found</body></html>", "begins with 3c68746d"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(tmp_path: Path, kind: str, pack: object) -> None:
    content, message = DAMAGE[kind]
    path = tmp_path / "images"
    path.write_bytes(pack(content))
    with pytest.raises(pl.DataError) as error:
        read_idx(path, 3)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "damaged",
    [gzip.compress(idx(IMAGES))[:-4], gzip.compress(idx(IMAGES))[:30], b"\x1f\x8b" + bytes(30), b"\x1f\x8b"],
    ids=["trailer cut", "cut", "no gzip", "two bytes"],
)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "images.gz").write_bytes(damaged)
    with pytest.raises(pl.DataError, match=r"images\.gz"):
        read_idx(tmp_path / "images.gz", 3)


def test_a_flipped_bit_in_a_gzip_file_is_seen(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(IMAGES)))
    packed[-6] ^= 1  # in the checksum
    (tmp_path / "images.gz").write_bytes(packed)
    with pytest.raises(pl.DataError):
        read_idx(tmp_path / "images.gz", 3)


@pytest.mark.parametrize("content", [HUGE, gzip.compress(HUGE), gzip.compress(idx(IMAGES) + bytes(2**28))])
def test_memory_follows_the_file_not_its_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(pl.DataError):
        read_idx(tmp_path / "images", 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_a_folder_without_test_files_holds_out_one_sixth_and_says_so(tmp_path: Path) -> None:
    train, test = pl.data.load(write_folder(tmp_path / "data", 600, 0))
    assert (len(train), len(test)) == (500, 100)
    assert np.bincount(test.labels).tolist() == [10] * 10
    assert "one sixth held out" in test.source


def test_a_folder_lacking_a_file_names_it_and_what_to_do(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(pl.DataError, match=r"has no train-labels-idx1-ubyte .*Put the four files"):
        pl.data.load(folder)


def test_a_label_far_from_the_others_is_named_by_number(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    content = bytearray((folder / "train-labels-idx1-ubyte").read_bytes())
    content[8 + 17] = 200
    (folder / "train-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(pl.DataError, match="label 17 is 200, far from the others"):
        pl.data.load(folder)


def test_images_and_labels_of_different_number_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(599)))
    with pytest.raises(pl.DataError, match="600 images, but 599 labels"):
        pl.data.load(folder)


def test_other_content_under_the_same_names_is_unverified_not_an_error(digits: tuple[pl.data.Dataset, ...]) -> None:
    assert not digits[0].verified
    assert "(unverified)" in digits[0].description


def test_the_original_is_verified(mnist: tuple[pl.data.Dataset, pl.data.Dataset]) -> None:
    train, test = mnist
    assert train.verified
    assert test.verified
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    changed = np.array(test.images)
    changed[5, 5, 5] ^= 1
    assert not is_original(changed, PUBLISHED["mnist"].files[2])
    assert PUBLISHED["mnist"].files[0].size == train.images.size + 16
