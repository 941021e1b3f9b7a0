"""Images from files: pictures, arrays, rows of numbers, and what is none of these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import drawn_digits
from PIL import Image

import pellucid as pl
from pellucid.data.images import read_images

DIGIT = drawn_digits(4, 0)[0][3]


def read(path: Path) -> np.ndarray:
    return read_images(path, 28, 28)


def test_a_picture_of_mnists_kind_is_taken_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(DIGIT).save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path / "3.png"), DIGIT[None])


def test_dark_ink_on_light_paper_is_inverted(tmp_path: Path) -> None:
    Image.fromarray(255 - DIGIT).save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path / "3.png"), DIGIT[None])


def test_a_transparent_picture_lies_on_white_paper(tmp_path: Path) -> None:
    ink = np.zeros((28, 28, 4), np.uint8)
    ink[..., 3] = DIGIT  # black, as opaque as the digit is bright
    Image.fromarray(ink).save(tmp_path / "3.png")
    np.testing.assert_allclose(read(tmp_path / "3.png").astype(int), DIGIT[None].astype(int), atol=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "LA"])
def test_every_kind_of_picture_becomes_grey(tmp_path: Path, mode: str) -> None:
    Image.fromarray(np.where(DIGIT > 127, 255, 0).astype(np.uint8)).convert(mode).save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path / "3.png"), np.where(DIGIT > 127, 255, 0)[None])


@pytest.mark.parametrize("ground", [0, 1])
def test_sixteen_bits_are_reduced_to_eight(tmp_path: Path, ground: int) -> None:
    deep = DIGIT.astype(np.uint16) * 257
    Image.fromarray(65535 - deep if ground else deep).save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path / "3.png"), DIGIT[None])


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    sideways = Image.fromarray(DIGIT).rotate(90)
    exif = sideways.getexif()
    exif[274] = 6  # turn by 90 degrees clockwise to see it upright
    sideways.save(tmp_path / "3.jpg", quality=95, exif=exif)
    assert np.corrcoef(read(tmp_path / "3.jpg").ravel(), DIGIT.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("side", [14, 56, 280])
def test_another_size_is_resized(tmp_path: Path, side: int) -> None:
    Image.fromarray(DIGIT).resize((side, side)).save(tmp_path / "3.jpg", quality=95)
    found = read(tmp_path / "3.jpg").ravel()
    assert np.corrcoef(found, DIGIT.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (5, 28, 28), (5, 784)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_hold_one_image_or_many(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    np.save(tmp_path / "digits.npy", array)
    assert np.array_equal(read(tmp_path / "digits.npy").ravel(), array.ravel())


@pytest.mark.parametrize("header", ["", "pixel0,pixel1\n"])
def test_csv_rows_are_images_with_or_without_a_header(tmp_path: Path, header: str) -> None:
    rows = "".join(",".join(map(str, DIGIT.ravel())) + "\n" for _ in range(3))
    (tmp_path / "digits.csv").write_text(header + rows)
    assert np.array_equal(read(tmp_path / "digits.csv"), np.repeat(DIGIT[None], 3, axis=0))


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.png", None, "No such file"),
        ("empty.png", b"", "not a PNG or JPEG"),
        ("text.png", b"hello", "not a PNG or JPEG"),
        ("cut.png", "cut", "cannot be read|not a PNG"),
        ("gif.png", b"GIF89a" + bytes(50), "not a PNG or JPEG"),
        ("empty.npy", b"", "not an array"),
        ("text.npy", b"hello", "not an array"),
        ("bomb.npy", npy_header("(4000000000, 28, 28)"), "not an array"),
        ("huge.npy", npy_header("(1180591620717411303424,)"), "not an array"),
        ("size.npy", npy_header("(27, 28)") + bytes(27 * 28), r"shape \(27, 28\)"),
        ("empty.csv", b"", "no rows"),
        ("words.csv", b"1,2\na,b\n", "row 2: 'a' is no whole number"),
        ("decimal.csv", b"0.0,1\n0,1\n", "row 1: '0.0' is no whole number"),
        ("semicolon.csv", b"0;1\n", "row|rows"),
        ("large.csv", b"1,2\n3,256\n", "row 2: pixels go from 0 to 255, not from 3 to 256"),
        ("ragged.csv", b"1,2\n3\n", "row 2: 1 numbers, where the rows before have 2"),
        ("short.csv", b"1,2\n", r"images of 28×28 are expected"),
        ("binary.csv", b"\xff\xfe\x00", "row 1"),
    ],
)
def test_what_is_no_image_gets_one_clear_line(tmp_path: Path, name: str, content: object, message: str) -> None:
    path = tmp_path / name
    if content == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:200])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(pl.DataError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_an_array_of_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(pl.DataError):
        read(tmp_path / "objects.npy")


def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "large.png")
    with pytest.raises(pl.DataError, match="8000×8000 pixels"):
        read(tmp_path / "large.png")
