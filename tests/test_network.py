"""The network from outside: one vector, rows in and rows out, and errors that say what fits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.workspace import slots

pytestmark = pytest.mark.usefixtures("each_engine")


def test_p03_has_109386_parameters_in_one_vector() -> None:
    network = pl.Network("784-128-64-10", seed=0)
    assert network.theta.shape == network.gradient.shape == (109_386,)
    assert network.theta.dtype == np.float32
    places = [(slot.name, slot.start, slot.shape) for slot in slots(network.layers, "parameter")]
    assert places == [
        ("dense1/W", 0, (128, 784)),
        ("dense1/b", 100_352, (128, 1)),
        ("dense2/W", 100_480, (64, 128)),
        ("dense2/b", 108_672, (64, 1)),
        ("dense3/W", 108_736, (10, 64)),
        ("dense3/b", 109_376, (10, 1)),
    ]


def test_layers_show_views_of_the_vector() -> None:
    network = pl.Network("4-3-2")
    network.theta[0] = 7
    assert network.layers[0].W[0, 0] == 7
    network.layers[2].b[1, 0] = 9
    assert network.theta[-1] == 9
    network.loss_and_gradient(np.ones((1, 4)), np.array([0]))
    assert np.array_equal(network.layers[0].dW.ravel(), network.gradient[:12])


def test_gradient_descent_is_one_line() -> None:
    network = pl.Network("4-3-2", seed=1)
    x, labels = np.random.default_rng(0).random((9, 4)), np.arange(9) % 2
    before, gradient = network.loss_and_gradient(x, labels)
    network.theta -= 0.1 * gradient
    assert network.loss_and_gradient(x, labels)[0] < before


def test_assigning_copies_into_the_views() -> None:
    network = pl.Network("4-3-2")
    weights = np.arange(12.0).reshape(3, 4)
    network.layers[0].W = weights
    weights[...] = 0
    assert network.theta[:12].tolist() == list(range(12))
    network.theta = np.ones(network.theta.size)
    assert network.layers[0].W.min() == 1


def test_a_flat_vector_is_not_taken_for_a_column() -> None:
    network = pl.Network("4-3-2")
    with pytest.raises(
        pl.ShapeError, match=r"dense1.b has shape \(3, 1\), but a value of shape \(3,\).*reshape\(-1, 1\)"
    ):
        network.layers[0].b = np.ones(3)
    with pytest.raises(pl.ShapeError, match="Give it that shape"):
        network.layers[0].W = np.ones((4, 3))
    with pytest.raises(pl.ShapeError, match="theta has shape"):
        network.theta = np.ones(3)


@pytest.mark.parametrize("shape", [(6, 784), (6, 28, 28), (6, 28, 28, 1)])
def test_rows_of_any_image_shape_go_in_and_rows_of_probabilities_come_out(shape: tuple[int, ...]) -> None:
    network = pl.Network("784-16-10")
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    probabilities = network.predict(images)
    assert probabilities.shape == (6, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(network.classify(images), probabilities.argmax(axis=1))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros(784), r"shape \(784,\) came, .*For a single example write images\[None\]"),
        (np.zeros((28, 28)), r"write images\[None\]"),
        (np.zeros((5, 100)), r"784 numbers.*\(5, 100\) came, 100 numbers an example"),
        (np.zeros((0, 784)), "784 numbers"),
        (np.zeros((784, 2)), "An example is a row"),
    ],
)
def test_examples_of_another_shape_are_refused_not_broadcast(images: np.ndarray, message: str) -> None:
    with pytest.raises(pl.ShapeError, match=message):
        pl.Network("784-16-10").predict(images)


@pytest.mark.parametrize("images", [np.full((2, 784), np.nan), np.full((2, 784), np.inf), np.ones((2, 784), int)])
def test_values_that_are_no_pixels_are_refused(images: np.ndarray) -> None:
    with pytest.raises(pl.DataError):
        pl.Network("784-16-10").predict(images)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.zeros((3, 1), int), pl.ShapeError, "whole numbers of shape"),
        (np.zeros(2, int), pl.ShapeError, r"3 images came with labels of shape \(2,\)"),
        (np.array([0, 1, 2]), pl.DataError, "go from 0 to 1; label 2 is 2"),
        (np.array([0, -1, 1]), pl.DataError, "label 1 is -1"),
        (np.zeros(3), pl.ShapeError, "float64"),
        (np.zeros((3, 5)), pl.ShapeError, r"\(N, 2\)"),
        (np.full((3, 2), np.nan), pl.DataError, "NaN"),
        (None, pl.UsageError, "need their labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pl.Network("4-2").evaluate(np.ones((3, 4)), labels)


def test_one_hot_targets_are_the_same_as_labels() -> None:
    network, x, labels = pl.Network("4-3-2"), np.random.default_rng(0).random((5, 4)), np.array([0, 1, 1, 0, 1])
    by_label = network.loss_and_gradient(x, labels)[1].copy()
    by_row = network.loss_and_gradient(x, pl.data.one_hot(labels, 2))[1]
    assert np.array_equal(by_label, by_row)


def test_a_single_output_answers_a_yes_or_no_question() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((200, 3))
    labels = (x[:, 0] > 0.5).astype(int)
    network = pl.Network("3-8-1", output="sigmoid", classes=("no", "yes"), seed=1)
    pl.fit(network, x, labels, epochs=60, batch_size=10, optimizer=pl.SGD(0.5))
    assert network.predict(x).shape == (200, 1)
    assert network.evaluate(x, labels).accuracy > 0.95
    assert set(network.classify(x)) == {0, 1}


@given(st.integers(1, 2500), st.randoms(use_true_random=False))
def test_predicting_in_parts_and_in_any_order_is_predicting(count: int, random: object) -> None:
    network = pl.Network("3-4-2", dtype="float64")
    x = np.random.default_rng(count).normal(size=(count, 3))
    order = np.random.default_rng(count).permutation(count)
    np.testing.assert_allclose(network.predict(x[order]), network.predict(x)[order], atol=1e-14)


def test_the_gradient_of_a_batch_is_the_mean_of_its_examples_gradients() -> None:
    network = pl.Network("4-5-3", dtype="float64", activation="tanh")
    x, labels = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    single = [network.loss_and_gradient(x[i : i + 1], labels[i : i + 1])[1].copy() for i in range(6)]
    np.testing.assert_allclose(network.loss_and_gradient(x, labels)[1], np.mean(single, axis=0), atol=1e-15)


def test_the_summary_lists_shapes_parameters_and_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    pl.Network("784-128-64-10").summary()
    text = capsys.readouterr().out
    for part in ("dense1  (128,)           100,480     200,704", "relu2   (64,)                  0", "109,386"):
        assert part in text


def test_a_layer_that_needs_a_vector_says_where_the_image_came_from() -> None:
    with pytest.raises(pl.ShapeError) as error:
        pl.Network([pl.Dense(10)], input_shape=(28, 28))
    assert str(error.value) == (
        "dense1 reads a vector, but the input has shape (28, 28).\n"
        "  input (28, 28) → dense1   ← here\n"
        "  Put pl.Flatten() before it, or give flat images, input_shape=(784,)."
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: pl.Network([pl.Dense(3), pl.Softmax()], input_shape=(4,)),
            "ends with softmax1.*take the output 'softmax'",
        ),
        (lambda: pl.Network("4-1"), "softmax of a single output is always 1"),
        (lambda: pl.Network([], input_shape=(4,)), "at least one layer"),
        (lambda: pl.Network([pl.Dense(3)]), "input_shape"),
        (lambda: pl.Network("4-3", classes=("a", "b")), "3 outputs for 2 classes"),
        (lambda: pl.Network("4-3", dtype="float16"), "Known: float32, float64"),
        (lambda: pl.Network("4-3", output="sofmax"), "Did you mean 'softmax'"),
        (lambda: pl.Dense(0), "whole number, at least 1"),
        (lambda: pl.Dense(2.5), "whole number, at least 1"),
        (lambda: pl.LeakyReLU(1.5), "slope"),
        (lambda: pl.SGD(0), "above 0"),
        (lambda: pl.SGD(float("nan")), "above 0"),
    ],
)
def test_what_cannot_be_built_is_refused_when_it_is_built(make: object, message: str) -> None:
    with pytest.raises(pl.UsageError, match=message):
        make()


def test_a_class_in_the_place_of_a_layer_is_refused_and_unharmed() -> None:
    with pytest.raises(pl.UsageError, match=r"Write ReLU\(\)"):
        pl.Network([pl.Dense(8), pl.ReLU, pl.Dense(3)], input_shape=(4,))
    assert pl.Network("4-8-3").layers[1].name == "relu1"


def test_a_network_that_was_refused_leaves_its_layers_free() -> None:
    layer = pl.Dense(3)
    with pytest.raises(pl.UsageError):
        pl.Network([layer, pl.Softmax()], input_shape=(4,))
    assert pl.Network([layer], input_shape=(4,)).layers == [layer]


@pytest.mark.parametrize(
    ("output", "targets", "message"),
    [
        ("softmax", [[0.5, 0.5, 0.5]], "shares of 1; row 0 is"),
        ("softmax", [[1.5, -0.5, 0.0]], "shares of 1"),
        ("sigmoid", [[0.0, 5.0, 1.0]], r"lie in \[0, 1\]"),
    ],
)
def test_targets_that_the_loss_is_not_made_for_are_refused(
    output: str, targets: list[list[float]], message: str
) -> None:
    with pytest.raises(pl.DataError, match=message):
        pl.Network("4-3", output=output).loss_and_gradient(np.ones((1, 4)), np.array(targets))


def test_outputs_that_are_not_finite_are_an_error_not_an_answer() -> None:
    network = pl.Network("4-3")
    with pytest.raises(pl.NumericError, match="outputs for 1 of 2 examples"):
        network.predict(np.array([[1.0, 1, 1, 1], [1e39, 1, 1, 1]]))


def test_colours_are_turned_to_channels_first() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    network = pl.Network("*-2", input_shape=(3, 4, 6), dtype="float64")
    first = np.moveaxis(images, -1, 1).reshape(5, -1)
    assert np.array_equal(network.predict(images), network.predict(first))


def test_a_layer_stands_in_one_network_only() -> None:
    layer = pl.Dense(3)
    pl.Network([layer], input_shape=(4,))
    with pytest.raises(pl.UsageError, match="dense1 stands in a network already"):
        pl.Network([layer], input_shape=(4,))


def test_a_layer_stands_in_one_place_only() -> None:
    """Two places would share their numbers of a pass, and the gradient of one of them would be lost."""
    layer = pl.Dense(4)
    for layers in ([layer, pl.ReLU(), layer], [layer, pl.Residual([layer])], [pl.Residual([layer, layer])]):
        with pytest.raises(pl.UsageError, match=r"dense\d stands in the network 2 times; make a new layer"):
            pl.Network(layers, input_shape=(4,))


def test_a_block_without_layers_is_refused() -> None:
    with pytest.raises(pl.UsageError, match="at least one layer"):
        pl.Network([pl.Residual([]), pl.Dense(3)], input_shape=(4,))


def test_pixels_are_normalized_and_floats_are_not() -> None:
    pixels = np.array([[0, 51, 255]], np.uint8)
    for kind, expected in (("unit", [0, 0.2, 1]), ("symmetric", [-1, -0.6, 1])):
        network = pl.Network("3-2", dtype="float64")
        network.normalization = pl.data.normalization.normalization(kind, pixels)
        np.testing.assert_allclose(network.predict(pixels), network.predict(np.array([expected])), atol=1e-15)


def test_standard_normalization_gives_mean_zero_and_deviation_one() -> None:
    images = np.random.default_rng(0).integers(0, 200, (50, 6, 6), dtype=np.uint8)
    columns = pl.data.normalization.normalization("standard", images).columns(images, np.dtype(np.float64))
    assert abs(columns.mean()) < 1e-12
    assert abs(columns.std() - 1) < 1e-12


def test_importing_brings_numpy_and_the_standard_library_alone() -> None:
    program = "import sys, numpy; had = set(sys.modules); import pellucid; print(*set(sys.modules) - had)"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    roots = {name.partition(".")[0] for name in output.split()}
    assert {root for root in roots if root not in sys.stdlib_module_names} <= {"pellucid", "numpy"}
