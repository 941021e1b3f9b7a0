"""The contract of every layer; a layer that is listed here is held to all of it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.arithmetic import operations
from pellucid.engine.reference import backward, forward
from pellucid.glass.gradcheck import gradcheck
from pellucid.layers import Layer, Numbers, walk
from pellucid.layers.activation import ACTIVATIONS, Activation
from pellucid.randomness import Draws
from pellucid.workspace import Workspace, length, slots

MAKERS = {
    "dense": lambda: pl.Dense(4),
    "leaky_relu0.3": lambda: pl.LeakyReLU(0.3),
    "dropout": lambda: pl.Dropout(0.4),
    "noise": lambda: pl.GaussianNoise(0.3),
    "bn": pl.BatchNormalization,
    "ln": pl.LayerNormalization,
    "residual": lambda: pl.Residual([pl.Dense(6), pl.BatchNormalization(), pl.Tanh()]),
    "residual-projected": lambda: pl.Residual([pl.Dense(4), pl.Dropout(0.3)]),
    **ACTIVATIONS,
}
IMAGE_MAKERS = {
    "conv": lambda: pl.Convolution(2, 3),
    "conv-strided-padded": lambda: pl.Convolution(4, 3, stride=2, padding=2),
    "max-pooling": lambda: pl.MaxPooling(2),
    "max-pooling-overlapping": lambda: pl.MaxPooling(3, 2),
    "average-pooling": lambda: pl.AveragePooling(2),
    "average-pooling-apart": lambda: pl.AveragePooling(1, 2),
    "global-average-pooling": pl.GlobalAveragePooling,
    "flatten": pl.Flatten,
    "residual": lambda: pl.Residual([pl.Convolution(3, 3, padding=1), pl.ReLU()]),
    "residual-projected": lambda: pl.Residual([pl.Convolution(2, 3, stride=2, padding=1), pl.BatchNormalization()]),
    **{name: MAKERS[name] for name in ("dropout", "noise", "bn", "ln", "relu", "softmax")},
}
TRAINING = Draws(seed=0, step=1)  # what a training pass draws from; None makes a pass of prediction
PASSES = pytest.mark.parametrize("random", [None, TRAINING], ids=["prediction", "training"])


@pytest.fixture(params=[*MAKERS, *(f"{name} of images" for name in IMAGE_MAKERS)])
def network(request: pytest.FixtureRequest) -> pl.Network:
    """The layer between two others with parameters, so that its input and output gradients matter."""
    name, _, images = request.param.partition(" of ")
    if images:
        layers = [pl.Convolution(3, 2), IMAGE_MAKERS[name](), pl.Flatten(), pl.Dense(3)]
        shape: tuple[int, ...] = (2, 6, 5)
    else:
        layers, shape = [pl.Dense(6), MAKERS[name](), pl.Dense(3)], (5,)
    return pl.Network(layers, input_shape=shape, output="identity", dtype="float64", seed=1)


def examples(network: pl.Network, count: int) -> np.ndarray:
    """Random examples, as the first layer reads them."""
    return np.random.default_rng(0).normal(size=(*network.input_shape, count))


def run(
    network: pl.Network, x: np.ndarray, random: Draws | None = TRAINING, dtype: type = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    theta = network.theta.astype(dtype)
    workspace = network.workspace(theta, np.zeros_like(theta))
    z = forward(workspace, x.astype(dtype), random)
    backward(workspace, np.cos(z), input_gradient=True)
    return z, workspace.gradient


@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
@pytest.mark.parametrize("count", [5, 1])
def test_its_gradients_are_right(network: pl.Network, training: bool, count: int) -> None:
    check = gradcheck(network, examples=count, coordinates=None, training=training)
    assert check.passed, check.worst


@PASSES
def test_shapes_and_dtypes_are_those_declared(network: pl.Network, random: Draws | None) -> None:
    for dtype in (np.float32, np.float64, np.complex128):
        theta = network.theta.astype(dtype)
        workspace = network.workspace(theta, np.zeros_like(theta))
        backward(workspace, forward(workspace, examples(network, 7).astype(dtype), random), input_gradient=True)
        for layer in walk(workspace.layers):
            for tensor in layer.tensors:
                bare = tensor.role in ("random", "kept", "state")
                for name in (tensor.name, "d" + tensor.name)[: 1 if bare else 2]:
                    array = getattr(workspace.of[layer.name], name)
                    assert array.shape == layer.shape_of(tensor, 7), (layer.name, name)
                    assert array.dtype == (np.int64 if name == "winner" else dtype), (layer.name, name)


@PASSES
def test_passes_leave_alone_what_is_not_theirs(network: pl.Network, random: Draws | None) -> None:
    """Forward keeps its input, backward keeps da and all that forward left."""
    workspace = network.workspace(network.theta.copy(), np.zeros_like(network.theta))
    forward(workspace, examples(network, 4), random)
    for layer, t in zip(workspace.layers, workspace.numbers, strict=True):
        given = np.random.default_rng(1).normal(size=getattr(t, layer.output).shape)
        setattr(t, "d" + layer.output, given)
        before = {name: np.copy(value) for name, value in vars(t).items() if isinstance(value, np.ndarray)}
        layer.forward(t)
        layer.backward(t)
        for tensor in layer.tensors:
            if tensor.role != "state":
                assert np.array_equal(getattr(t, tensor.name), before[tensor.name]), (layer.name, tensor.name)
        assert np.array_equal(getattr(t, "d" + layer.output), before["d" + layer.output])


@PASSES
def test_only_a_training_pass_changes_the_state(network: pl.Network, random: Draws | None) -> None:
    workspace, before = network.workspace(), network.state.copy()
    forward(workspace, examples(network, 4), random)
    assert np.array_equal(network.state, before) == (random is None or not len(before))


def test_leaky_relu_keeps_its_slope_below_zero() -> None:
    t = Numbers("leaky_relu1", np)
    t.z, t.da = np.array([[-2.0, 3.0]]), np.array([[1.0, 1.0]])
    layer = pl.LeakyReLU(0.3)
    layer.forward(t)
    layer.backward(t)
    assert t.a.tolist() == [[-0.6, 3.0]]
    assert t.dz.tolist() == [[0.3, 1.0]]


@PASSES
def test_running_twice_gives_the_same_bits(network: pl.Network, random: Draws | None) -> None:
    x = examples(network, 4)
    for first, second in zip(run(network, x, random), run(network, x, random), strict=True):
        assert np.array_equal(first, second)


@PASSES
def test_examples_do_not_see_each_other(network: pl.Network, random: Draws | None) -> None:
    if random and len(network.state):
        pytest.skip("batch normalization measures the batch")
    x = examples(network, 6)
    together, gradient = run(network, x, random)
    alone = [run(network, x[..., i : i + 1], random and replace(random, first=i)) for i in range(6)]
    np.testing.assert_allclose(together, np.hstack([z for z, _ in alone]), atol=1e-14)
    np.testing.assert_allclose(gradient, sum(gradient for _, gradient in alone), atol=1e-12)
    predicted, turned = (run(network, columns, None)[0] for columns in (x, x[..., ::-1]))
    np.testing.assert_allclose(turned, predicted[:, ::-1], atol=1e-14)


def test_the_inputs_memory_order_does_not_matter(network: pl.Network) -> None:
    x = examples(network, 6)
    x.setflags(write=False)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2]):
        np.testing.assert_allclose(run(network, other)[0], run(network, x)[0], atol=1e-14)


def test_float32_gives_nearly_the_gradient_of_float64(network: pl.Network) -> None:
    x = examples(network, 6)
    single, double = run(network, x, dtype=np.float32)[1], run(network, x)[1]
    np.testing.assert_allclose(single, double, atol=1e-5 * np.abs(double).max())


def test_it_survives_pickling_and_copying(network: pl.Network) -> None:
    x = examples(network, 3).reshape(-1, 3).T
    for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert np.array_equal(twin.predict(x), network.predict(x))
        twin.theta += 1
        assert twin.layers[0].W.flat[0] == network.layers[0].W.flat[0] + 1  # its views are its own


def test_arithmetic_is_counted(network: pl.Network) -> None:
    assert all(operations(layer) > 0 for layer in network.layers)


class Counter(Layer):
    """A layer with state, as running statistics will be: it counts the batches that passed."""

    kind = "counter"
    tensors = (pl.layers.Tensor("count", "1", "state"), *Activation.tensors)

    def build(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def forward(self, t: Numbers) -> None:
        t.count += 1
        t.a = t.z


def test_state_lies_in_a_vector_of_its_own() -> None:
    layer = Counter()
    layer.name, layer.sizes = "counter1", {}
    state = np.zeros(length(slots([layer], "state")))
    workspace = Workspace([layer], np.zeros(0), state=state)
    for _ in range(3):
        forward(workspace, np.ones((2, 2)))
    assert state.tolist() == [3.0]


@pytest.mark.parametrize(("z", "a"), [(-1e4, 0.0), (-20.0, 2.0611536e-09), (0.0, 0.5), (20.0, 1.0), (1e4, 1.0)])
def test_sigmoid_neither_overflows_nor_loses_small_values(z: float, a: float) -> None:
    t = Numbers("sigmoid1", np)
    t.z = np.array([[z]], np.float32)
    pl.Sigmoid().forward(t)
    np.testing.assert_allclose(t.a, [[a]], rtol=1e-6)


def test_softmax_of_huge_logits_is_finite_and_sums_to_one() -> None:
    t = Numbers("softmax1", np)
    t.z = np.array([[1e4, -1e4], [0, 1e4]], np.float32)
    pl.Softmax().forward(t)
    assert t.a.tolist() == [[1, 0], [0, 1]]


def test_relu_of_minus_infinity_is_zero_and_of_nan_is_nan() -> None:
    t = Numbers("relu1", np)
    t.z = np.array([[-np.inf, np.nan, 0.0]])
    t.da = np.array([[np.inf, 1.0, 1.0]])
    pl.ReLU().forward(t)
    pl.ReLU().backward(t)
    assert t.a[0, 0] == 0
    assert np.isnan(t.a[0, 1])
    assert t.dz.tolist() == [[0, 0, 0]]


def test_a_missing_number_is_named_with_its_layer() -> None:
    with pytest.raises(AttributeError, match="dense1 has no x here"):
        _ = Numbers("dense1", np).x
