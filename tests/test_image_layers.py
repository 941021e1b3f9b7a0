"""Convolution, pooling and shapes of images: worked out by hand, and what is said where they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.arithmetic import operations_of
from pellucid.layers import Numbers
from pellucid.layers.sequence import connect

Digits = tuple[pl.data.Dataset, pl.data.Dataset]
LENET = "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10"


def numbers(layer: pl.layers.Layer, x: np.ndarray) -> Numbers:
    """The layer, built for x (C, H, W, B), and its numbers after the forward pass."""
    connect([layer], x.shape[:-1])
    t = Numbers(layer.name, np)
    for tensor in layer.tensors:
        if tensor.role == "parameter":
            for name in (tensor.name, f"d{tensor.name}"):
                setattr(t, name, np.zeros(layer.shape_of(tensor)))
    t.x = x
    return t


def test_a_convolution_worked_out_by_hand() -> None:
    """The kernel [[1, 2], [3, 4]] on the image 1 ... 9, with bias 10, and back from da = 1, 2, 3, 4.

        1 2 3
        4 5 6     z[0, 0] = 10 + 1·1 + 2·2 + 3·4 + 4·5 = 47
        7 8 9

    dW[u, v] sums each output's da times the pixel under that tap: dW[0, 0] = 1·1 + 2·2 + 3·4 + 4·5 = 37.
    The middle pixel, 5, is in all four windows: dx = 1·4 + 2·3 + 3·2 + 4·1 = 20.
    """
    layer = pl.Convolution(1, 2)
    t = numbers(layer, np.arange(1.0, 10).reshape(1, 3, 3, 1))
    t.W[...], t.b[...] = np.array([[[[1, 2], [3, 4]]]]), 10
    layer.forward(t)
    assert t.z[0, :, :, 0].tolist() == [[47, 57], [77, 87]]
    t.dz = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)
    layer.backward(t)
    assert t.dW[0, 0].tolist() == [[37, 47], [67, 77]]
    assert t.db.tolist() == [[10]]
    assert t.dx[0, :, :, 0].tolist() == [[1, 4, 4], [6, 20, 16], [9, 24, 16]]


@pytest.mark.parametrize(
    ("side", "stride", "padding"), [(1, 1, 0), (3, 1, 0), (3, 2, 1), (4, 3, 2), (5, 1, 4), (2, 5, 0)]
)
def test_a_convolution_is_the_sum_that_its_docstring_writes(side: int, stride: int, padding: int) -> None:
    layer = pl.Convolution(3, side, stride, padding)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 5, 3))
    t = numbers(layer, x)
    t.W[...], t.b[...] = rng.normal(size=t.W.shape), rng.normal(size=t.b.shape)
    layer.forward(t)
    expected = np.zeros_like(t.z)
    for m, i, j in np.ndindex(*expected.shape[:3]):
        expected[m, i, j] = t.b[m, 0]
        for c, u, v in np.ndindex(2, side, side):
            row, column = stride * i + u - padding, stride * j + v - padding
            if 0 <= row < 7 and 0 <= column < 5:
                expected[m, i, j] += t.W[m, c, u, v] * x[c, row, column]
    np.testing.assert_allclose(t.z, expected, atol=1e-13)


def test_max_pooling_gives_everything_to_the_first_of_equals() -> None:
    layer = pl.MaxPooling(2)
    t = numbers(layer, np.array([[0.0, 3, 1, 1, 9], [3, 3, 1, 1, 9], [9, 9, 9, 9, 9]]).reshape(1, 3, 5, 1))
    layer.forward(t)
    assert t.a.ravel().tolist() == [3, 1]  # the last row and column hold no whole window
    t.da = np.array([5.0, 7]).reshape(1, 1, 2, 1)
    layer.backward(t)
    assert t.dx[0, :, :, 0].tolist() == [[0, 5, 7, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_a_pixel_in_two_windows_is_paid_by_both() -> None:
    layer = pl.MaxPooling(2, stride=1)
    t = numbers(layer, np.array([[1.0, 5, 2], [0, 0, 0]]).reshape(1, 2, 3, 1))
    layer.forward(t)
    t.da = np.array([10.0, 1]).reshape(1, 1, 2, 1)
    layer.backward(t)
    assert t.dx[0, 0, :, 0].tolist() == [0, 11, 0]


def test_flattening_goes_map_after_map_and_row_after_row() -> None:
    layer = pl.Flatten()
    t = numbers(layer, np.arange(24.0).reshape(2, 3, 4, 1))
    layer.forward(t)
    assert t.a[:, 0].tolist() == list(range(24))


def test_lenet5_has_the_shapes_and_parameters_of_the_literature() -> None:
    network = pl.Network(LENET)
    names = "conv1 relu1 pool1 conv2 relu2 pool2 flatten1 dense1 relu3 dense2 relu4 dense3"
    assert [layer.name for layer in network.layers] == names.split()
    shapes = [layer.output_shape for layer in network.layers if layer.kind in ("conv", "pool", "dense")]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
    assert network.theta.size == 61_706
    assert network.layers[0].W.shape == (6, 1, 5, 5)
    assert abs(network.layers[3].W.var() / (2 / 150) - 1) < 0.1  # He, with fan_in = 6·5·5


def test_an_image_that_is_too_small_is_said_when_the_network_is_built() -> None:
    with pytest.raises(pl.ShapeError) as error:
        pl.Network("1x12x12-6C5-MP2-16C5-10")
    assert str(error.value) == (
        "conv2 has a 5×5 kernel, but pool1 leaves images of 4×4.\n"
        "  input (1, 12, 12) → conv1 (6, 8, 8) → relu1 → pool1 (6, 4, 4) → conv2   ← here\n"
        "  A valid convolution of K×K needs height and width of at least K.\n"
        "  Give conv2 padding (16C5p2), a smaller kernel (16C3), or leave out the pooling before it."
    )


def test_the_remedies_of_that_message_work() -> None:
    for item in ("16C5p2", "16C3"):
        pl.Network(f"1x12x12-6C5-MP2-{item}-10")


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("784-6C5-10", "conv1 reads images (channels, height, width), but the input has shape (784,).|such as 1x28x28"),
        ("1x8x8-16-GAP-10", "pool1 reads images (channels, height, width), but dense1 leaves shape (16,).|← here"),
        ("1x8x8-MP9-10", "pool1 has windows of 9×9, but the input has images of 8×8.|smaller windows"),
        ("1x8x8-R(4C3)-10", "residual1 adds x, (1, 8, 8), to f(x), (4, 6, 6)|keeps the size (8C3p1"),
        ("1x8x8-R(4C3-4C9)-10", "residual1.conv2 has a 9×9 kernel, but residual1.conv1 leaves images of 6×6.|"
         "  input (1, 8, 8) → residual1   ← here|  residual1 (1, 8, 8) → residual1.conv1 (4, 6, 6)"),
        ("1x8x8-R(10)-10", "residual1 adds x, (1, 8, 8), to f(x), (10,)"),
        ("1x8x8-4C3", "The network ends with images, (4, 6, 6)|GAP"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_with_the_way_that_led_there(architecture: str, message: str) -> None:
    with pytest.raises(pl.ShapeError) as error:
        pl.Network(architecture)
    for part in message.split("|"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("architecture", "shape", "message"),
    [
        ("1x28x28-6C5-10", (3, 28, 28), r"reads examples of shape \(1, 28, 28\), but these have shape \(3, 28, 28\)"),
        ("1x4x9-6C3-10", (1, 6, 6), "Begin with 1x6x6, or with '\\*'"),
        ("784-10", (1, 4, 4), "Begin with 1x4x4"),
    ],
)
def test_an_architecture_for_other_images_is_refused(architecture: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(pl.ShapeError, match=message):
        pl.Network(architecture, input_shape=shape)


@pytest.mark.parametrize(
    ("architecture", "written"),
    [
        ("*-6C3-MP2-*", "3x9x9-6C3-MP2-4"),
        ("*-BN-R(6C3p1)-*", "3x9x9-BN-R(6C3p1)-4"),
        ("*-GAP-*", "3x9x9-GAP-4"),
        ("*-LN-20-*", "243-LN-20-4"),
        ("*-R(243)-*", "243-R(243)-4"),
    ],
)
def test_a_star_is_an_image_unless_a_dense_layer_reads_it_first(architecture: str, written: str) -> None:
    assert pl.Network(architecture, input_shape=(3, 9, 9), classes="abcd").architecture == written


@pytest.mark.parametrize(
    "make",
    [
        lambda: pl.Convolution(0, 3),
        lambda: pl.Convolution(3, 0),
        lambda: pl.Convolution(3, 3, padding=3),
        lambda: pl.MaxPooling(1.5),
        lambda: pl.AveragePooling(2, -1),
    ],
)
def test_windows_that_cannot_be_meant_are_refused(make: object) -> None:
    with pytest.raises(pl.UsageError, match=r"whole number|padding from 0 to 2"):
        make()


def test_images_in_any_outer_shape_give_the_same_answer() -> None:
    network = pl.Network("3x6x5-4C3-MP2-3", dtype="float64")
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 5, 3), dtype=np.uint8)
    rows = np.moveaxis(images, -1, 1).reshape(5, -1)
    assert np.array_equal(network.predict(images), network.predict(rows))
    with pytest.raises(pl.ShapeError, match=r"examples of shape \(3, 6, 5\)"):
        network.predict(np.moveaxis(images, -1, 1))


def test_many_images_are_predicted_in_parts_that_fit_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    network = pl.Network("1x8x8-4C3-BN-GAP-3", dtype="float64")
    images = np.random.default_rng(0).random((50, 8, 8))
    whole = network.predict(images)
    monkeypatch.setattr("pellucid.engine.prediction.WORK_AT_ONCE", 7 * operations_of(network.layers))
    shapes, forward = [], network.layers[0].forward
    network.layers[0].forward = lambda t: (shapes.append(t.x.shape), forward(t))
    np.testing.assert_allclose(network.predict(images), whole, atol=1e-14)
    assert shapes == [(1, 8, 8, 7)] * 7 + [(1, 8, 8, 1)]


def test_a_network_of_convolutions_learns_and_its_model_file_keeps_it(digits: Digits, tmp_path: Path) -> None:
    train, test = digits
    network = pl.Network("*-4C5s2p2-BN-R(4C3p1-BN-6C3s2p1)-MP2-*", input_shape=train.input_shape, classes=train.classes)
    pl.fit(network, train, epochs=8, batch_size=20, optimizer=pl.Adam(0.01), normalize="symmetric")
    accuracy = network.evaluate(test).accuracy
    assert accuracy > 0.9
    network.save(tmp_path / "m.safetensors")
    again = pl.load(tmp_path / "m.safetensors")
    assert again.architecture == "1x28x28-4C5s2p2-BN-R(4C3p1-BN-6C3s2p1)-MP2-10"
    assert again.state.tobytes() == network.state.tobytes()
    assert again.evaluate(test).accuracy == accuracy


def test_layers_inside_a_block_are_named_and_shown() -> None:
    network = pl.Network("1x6x6-R(4C3p1-BN-2C3s2p1)-3")
    inside = network.layers[0].parts
    names = [
        "residual1.projection",
        "residual1.conv1",
        "residual1.bn1",
        "residual1.relu1",
        "residual1.conv2",
        "residual1.relu2",
    ]
    assert [layer.name for layer in inside] == names
    assert inside[0].W.shape == (2, 1, 1, 1)
    assert np.shares_memory(inside[1].W, network.theta)
    for name in names:
        assert name in str(network)
    assert str(network).count(f"{network.theta.size:,}") == 1
