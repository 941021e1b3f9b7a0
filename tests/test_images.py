"""Images from files: pictures, arrays, rows of numbers, and what is none of these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import drawn_digits
from PIL import Image

import pellucid as pl
from pellucid.data.formats.table import write_table
from pellucid.data.freehand import prepare
from pellucid.data.images import read_images, read_picture

DIGIT = drawn_digits(4, 0)[0][3]


def read(path: Path) -> np.ndarray:
    return read_images(path, 28, 28).images


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


@pytest.mark.parametrize("side", [29, 56, 280])
def test_a_picture_of_another_size_goes_through_freehand_preprocessing(tmp_path: Path, side: int) -> None:
    Image.fromarray(DIGIT).resize((side, side)).save(tmp_path / "3.jpg", quality=95)
    found = read_images(tmp_path / "3.jpg", 28, 28)
    pixels = np.asarray(Image.open(tmp_path / "3.jpg"))
    assert np.array_equal(found.images[0], prepare(pixels)[-1].image)
    assert [stage.name for stage in found.stages] == [stage.name for stage in prepare(pixels)]


@pytest.mark.parametrize("name", ["3.bmp", "3.gif", "3.webp", "3.tiff", "3.ppm", "3.png", "3.without"])
def test_pictures_of_all_these_formats_are_read(tmp_path: Path, name: str) -> None:
    kind = {"3.without": "PNG", "3.ppm": "PPM"}.get(name, name[2:].upper())
    Image.fromarray(DIGIT).save(tmp_path / name, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(read(tmp_path / name), DIGIT[None])


def test_the_first_of_several_pictures_is_read(tmp_path: Path) -> None:
    first, second = Image.fromarray(DIGIT), Image.fromarray(np.zeros_like(DIGIT))
    first.save(tmp_path / "3.gif", save_all=True, append_images=[second])
    assert np.array_equal(read(tmp_path / "3.gif"), DIGIT[None])


def test_a_network_of_colours_reads_colours(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "3.png")
    assert np.array_equal(read_images(tmp_path / "3.png", 32, 32, 3).images, pixels[None])
    np.save(tmp_path / "3.npy", np.stack([pixels, pixels]))
    assert read_images(tmp_path / "3.npy", 32, 32, 3).images.shape == (2, 32, 32, 3)


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (5, 28, 28), (5, 784)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_hold_one_image_or_many(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    np.save(tmp_path / "digits.npy", array)
    assert np.array_equal(read(tmp_path / "digits.npy").ravel(), array.ravel())


@pytest.mark.parametrize("labels", [None, np.array([3, 5, 3])])
@pytest.mark.parametrize("name", ["digits.csv", "digits.csv.gz"])
def test_tables_are_read_with_labels_and_without(tmp_path: Path, name: str, labels: np.ndarray | None) -> None:
    write_table(tmp_path / name, np.repeat(DIGIT[None], 3, axis=0), labels)
    found = read_images(tmp_path / name, 28, 28)
    assert np.array_equal(found.images, np.repeat(DIGIT[None], 3, axis=0))
    assert found.labels == (None if labels is None else ["3", "5", "3"])


def test_archives_of_arrays_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", x_test=DIGIT[None], y_test=[3], x_train=DIGIT[None], y_train=[3])
    found = read_images(tmp_path / "digits.npz", 28, 28)
    assert (found.images.shape, found.labels) == ((1, 28, 28), ["3"])


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.png", None, "No such file"),
        ("empty.png", b"", "no picture that can be read: PNG, JPEG"),
        ("text.png", b"hello", "no picture that can be read"),
        ("cut.png", "cut", "cannot be read|damaged"),
        ("cut.jpg", "cut", "cannot be read|damaged"),
        ("cut.webp", "cut", "cannot be read|damaged|no picture"),
        ("cut.tiff", "cut", "cannot be read|damaged"),
        ("gif.png", b"GIF89a" + bytes(50), "no picture that can be read"),
        ("empty.npy", b"", "does not begin as an npy file"),
        ("text.npy", b"hello", "does not begin as an npy file"),
        ("bomb.npy", npy_header("(4000000000, 28, 28)"), "cut short"),
        ("huge.npy", npy_header("(1180591620717411303424,)"), "cut short"),
        ("size.npy", npy_header("(27, 28)") + bytes(27 * 28), r"shape \(27, 28\); images of 28×28 are expected"),
        ("none.npy", npy_header("(0, 28, 28)"), r"shape \(0, 28, 28\)|holds nothing|empty|no images"),
        ("empty.csv", b"", "is empty"),
        ("words.csv", b"1,2\na,b\n", "row 2 .line 2.: 'b' is no whole number"),
        ("semicolon.csv", b"0;1\n", "separates its columns by ';'"),
        ("large.csv", b"1,2\n3,256\n", "row 2 .line 2.: a pixel is 256"),
        ("ragged.csv", b"1,2\n3\n", "row 2 .line 2.: 1 columns, where 2 are expected"),
        ("short.csv", b"1,2\n", r"images of 28×28 are expected"),
        ("binary.csv", b"\xff\xfe\x00", "no table in UTF-8 text"),
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


def test_paper_without_ink_is_named(tmp_path: Path) -> None:
    Image.new("L", (40, 50), 230).save(tmp_path / "blank.png")
    with pytest.raises(pl.DataError, match=r"blank.png: it shows no ink"):
        read(tmp_path / "blank.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_damage_of_any_kind_is_a_data_error(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged"
    Image.fromarray(np.kron(DIGIT, np.ones((2, 2), np.uint8))).save(path, kind)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
        damaged = content.copy()
        damaged[rng.integers(4, min(len(content), 400), rng.integers(1, 6))] = rng.integers(0, 256)
        path.write_bytes(damaged.tobytes()[: rng.integers(8, len(content) + 1)])
        try:
            assert read_picture(path).dtype == np.uint8
        except pl.DataError as error:
            assert "damaged" in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("size", [(70_000, 2), (2, 70_000)])
def test_a_picture_with_a_side_that_is_too_long_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("1", size).save(tmp_path / "long.png")
    with pytest.raises(pl.DataError, match="65,535 on a side"):
        read(tmp_path / "long.png")


def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "large.png")
    with pytest.raises(pl.DataError, match="8000×8000 pixels"):
        read(tmp_path / "large.png")
