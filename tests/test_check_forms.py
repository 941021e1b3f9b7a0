"""pellucid check: what is right passes, however it is written; what is of no known form is not called wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from learner import name_of, only, write
from learner_mistakes import STEP_W

from pellucid.glass.check import check

Edits = list[tuple[str, str]]

SCALE = "images.reshape(-1, 784).T / 255.0"
LOADED = "return normalize(x_train), one_hot(y_train), normalize(x_test), y_test"
ERROR = "        dL_da = self.layers[-1].a - Y\n"
DW, DB = "self.dW = dL_dz @ self.input.T / batch_size", "self.db = dL_dz.mean(axis=1, keepdims=True)"
MADE = "def __init__(self, layer_sizes, activations):"
SHOWN = 'print(f"True: {y[i]}, Pred: {preds[i]}, Confidence: {probs[preds[i], i]:.2%}")'
GRID = "    _, axes = plt.subplots(5, 5, figsize=(10, 10))\n    for i, ax in enumerate(axes.flat):\n"
RIGHT: dict[str, Edits] = {
    "the mean and deviation of the training images": [
        (LOADED, "a, b = normalize(x_train), normalize(x_test)\n"
                 "    return (a - a.mean()) / a.std(), one_hot(y_train), (b - a.mean()) / a.std(), y_test")],
    "a mean and deviation from a table": [(SCALE, f"({SCALE} - 0.1307) / 0.3081")],
    "a scale from 0.01 to 1": [(SCALE, f"{SCALE} * 0.99 + 0.01")],
    "labels by Keras": [("one_hot(y_train), normalize", "to_categorical(y_train, 10).T, normalize"),
                        ("    from tensorflow.keras.datasets import mnist\n",
                         "    from tensorflow.keras.datasets import mnist\n"
                         "    from tensorflow.keras.utils import to_categorical\n")],
    "a batch loader that is told to shuffle": [("def batch_loader(X, Y, batch_size):",
                                                "def batch_loader(X, Y, batch_size, shuffle):")],
    "a generator of random numbers": [("def batch_loader(X, Y, batch_size):",
                                       "def batch_loader(X, Y, batch_size, rng):"),
                                      ("order = np.random.", "order = rng.")],
    "labels first, and AL": [("def cross_entropy_loss(y_pred, y_true):", "def cross_entropy_loss(Y, AL):\n"
                              "    y_pred, y_true = AL, Y"),
                             ("cross_entropy_loss(output, Y_batch)", "cross_entropy_loss(Y_batch, output)")],
    "y for the prediction and t for the target": [("def cross_entropy_loss(y_pred, y_true):",
                                                   "def cross_entropy_loss(y, t):\n    y_pred, y_true = y, t")],
    "backward(AL, Y)": [("def backward(self, Y):", "def backward(self, AL, Y):"),
                        ("net.backward(Y_batch)", "net.backward(output, Y_batch)")],
    "backward(grad)": [("def backward(self, Y):", "def backward(self, grad):"), (ERROR, "        dL_da = grad\n"),
                       ("net.backward(Y_batch)", "net.backward(output - Y_batch)")],
    "gradients that are added up, and zero_grad": [
        (DW, DW.replace(" = ", " += ")), (DB, DB.replace(" = ", " += ")),
        ("        self.activation = activation\n", "        self.activation = activation\n        self.zero_grad()\n\n"
         "    def zero_grad(self):\n        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)\n"),
        (MADE, "def zero_grad(self):\n        for layer in self.layers:\n            layer.zero_grad()\n\n    " + MADE),
        ("        net.backward(Y_batch)\n", "        net.zero_grad()\n        net.backward(Y_batch)\n")],
    "a rate that the network keeps": [
        (MADE, "def __init__(self, layer_sizes, activations, learning_rate=0.1):\n        self.rate = learning_rate"),
        ("def update(self, learning_rate):", "def update(self):\n        learning_rate = self.rate")],
    "a network that takes a rate, and chooses its activations": [
        (MADE, "def __init__(self, layer_sizes, learning_rate=0.1):\n"
               '        activations = ["relu"] * (len(layer_sizes) - 2) + ["softmax"]')],
    "train_epoch(model, x_train, y_train, lr, size)": [
        ("def train_epoch(net, X, Y, batch_size, learning_rate):",
         "def train_epoch(model, x_train, y_train, lr, size):\n"
         "    net, X, Y, learning_rate, batch_size = model, x_train, y_train, lr, size")],
    "the loss as it is after the epoch": [
        ("return total_loss / n_samples", "return cross_entropy_loss(net.forward(X), Y)")],
    "accuracy of labels that are one-hot": [("(predictions == y).mean()", "(predictions == y.argmax(axis=0)).mean()")],
    "a rate that ends at 0": [("0.5 ** (epoch // 5)", "(1 - epoch / 20)")],
    "learning_schedule(epoch, initial_lr)": [("def learning_schedule(learning_rate, epoch):",
                                              "def learning_schedule(epoch, initial_lr):\n"
                                              "    learning_rate = initial_lr")],
    "keep_prob": [("def dropout(a, rate, training=True):", "def dropout(a, keep_prob, training=True):\n"
                   "    rate = 1 - keep_prob")],
    "lines that are counted": [(SHOWN, SHOWN.replace('f"', 'f"{i}: '))],
    "the prediction first": [(SHOWN, 'print(f"predicted {preds[i]}, truth {y[i]}: {probs[preds[i], i]:.1%}")')],
    "a tuple of NumPy's numbers": [(SHOWN, "print((i, y[i], preds[i], probs[preds[i], i]))")],
    "axes that are not squeezed": [
        (GRID, "    _, axes = plt.subplots(1, 25, squeeze=False)\n    for i, ax in enumerate(axes[0, :]):\n")],
    "the largest neurons first": [("img = W[i]", "img = W[np.argsort(-np.abs(W).sum(axis=1))[i]]")],
    "seaborn's style": [
        ("import numpy as np\n", "import numpy as np\nimport seaborn as sns\n\nsns.set_style('white')\n")],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_network_that_is_right_passes_however_it_is_written(name: str, tmp_path: Path) -> None:
    report = check(write(tmp_path, *((name, old, new) for old, new in RIGHT[name])))
    assert report.passed, [one.finding for one in report.phases if one.finding]
    assert {one.status for one in report.phases} == {"passed"}


HEAD = """
def relu(z): return np.maximum(0, z)
def relu_derivative(z): return z > 0
def softmax(z): return np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0)
def cross_entropy(a, y): return -(y * np.log(a + 1e-12)).sum() / y.shape[1]
"""
TWO_LAYERS = """
def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = relu(Z1)
    Z2 = W2 @ A1 + b2
    return Z1, A1, Z2, softmax(Z2)
def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * relu_derivative(Z1)
    dW1, db1 = dZ1 @ X.T / X.shape[1], dZ1.mean(axis=1, keepdims=True)
    dW2, db2 = dZ2 @ A1.T / X.shape[1], dZ2.mean(axis=1, keepdims=True)
    return dW1, db1, dW2, db2
"""
ACTIVATIONS_APART = """
class Dense:
    def __init__(self, inputs, outputs):
        self.W, self.b = np.random.randn(outputs, inputs) * np.sqrt(2 / inputs), np.zeros((outputs, 1))
    def forward(self, x):
        self.x = x
        return self.W @ x + self.b
    def backward(self, dz):
        self.dW, self.db = dz @ self.x.T, dz.sum(axis=1, keepdims=True)
        return self.W.T @ dz
class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
    def backward(self, da):
        return da * self.mask
class NeuralNetwork:
    def __init__(self, sizes, activations):
        self.layers = [Dense(sizes[0], sizes[1])]
        for inputs, outputs in zip(sizes[1:], sizes[2:]):
            self.layers += [ReLU(), Dense(inputs, outputs)]
    def forward(self, X):
        for layer in self.layers:
            X = layer.forward(X)
        self.output = softmax(X)
        return self.output
    def backward(self, Y):
        gradient = (self.output - Y) / Y.shape[1]
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
"""
NETWORKS = {
    "functions": TWO_LAYERS,
    "functions with names of their own": TWO_LAYERS.replace("W1, b1, W2, b2, X)", "V, c, U, d, pixels)", 1).replace(
        "W1 @ X + b1", "V @ pixels + c").replace("W2 @ A1 + b2", "U @ A1 + d"),
    "gradients of the last layer first": TWO_LAYERS.replace("return dW1, db1, dW2, db2", "return dW2, db2, dW1, db1"),
    "labels as indices": TWO_LAYERS.replace("dZ2 = A2 - Y", "dZ2 = A2.copy()\n    dZ2[Y, np.arange(len(Y))] -= 1"),
    "activations that are layers": ACTIVATIONS_APART,
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_other_forms_of_a_network_are_known(name: str, tmp_path: Path) -> None:
    report = check(only(tmp_path, HEAD + NETWORKS[name]))
    assert report.passed, [one.finding for one in report.phases if one.finding]
    assert {report.phases[number - 1].status for number in (2, 3, 4)} == {"passed"}


@pytest.mark.parametrize(
    "forward",
    [
        "def forward_prop(W1, b1, W2, b2, W3, b3, X):\n    return softmax(W3 @ relu(W2 @ relu(W1 @ X + b1) + b2) + b3)",
        "def forward(X, params):\n    return softmax(params['W'] @ X + params['b'])",
        "W = np.eye(4)\ndef forward(X):\n    return softmax(W @ X)",
    ],
    ids=["three layers", "a dictionary", "global weights"],
)
def test_functions_of_a_form_that_is_not_known_are_not_called_wrong(forward: str, tmp_path: Path) -> None:
    report = check(only(tmp_path, HEAD + forward))
    assert report.passed
    phase = report.phases[2]
    assert phase.status == "skipped"
    assert any("what is known are functions for two layers, with W1, b1, W2, b2, X" in one.note for one in phase.checks)


def test_an_accuracy_of_predictions_is_not_taken_for_evaluate(tmp_path: Path) -> None:
    helper = "def accuracy(y_pred, y_true):\n    return (y_pred.argmax(axis=0) == y_true.argmax(axis=0)).mean()\n"
    report = check(only(tmp_path, HEAD + ACTIVATIONS_APART + helper))
    assert report.passed
    assert "evaluate" in report.phases[4].missing


def test_all_neurons_in_one_picture_are_not_judged(tmp_path: Path) -> None:
    body = (
        "def visualize_weights(W):\n    import matplotlib.pyplot as plt\n"
        "    plt.imshow(np.hstack([row.reshape(28, 28) for row in W]))\n"
    )
    (report,) = check(only(tmp_path, body), phase=6).phases
    assert report.status == "skipped"


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_an_array_that_holds_no_numbers_is_said(dtype: str, tmp_path: Path) -> None:
    body = f"def one_hot(labels, classes=10):\n    return np.eye(classes)[labels].T.astype({dtype})\n"
    (report,) = check(only(tmp_path, body), phase=1).phases
    assert "an array of dtype " in report.finding.what
    assert "where an array of numbers is needed" in report.finding.what


def test_layers_that_all_networks_share_are_said(tmp_path: Path) -> None:
    edits = (
        ("", "        self.layers = []\n", ""),
        ("", '    """Layers in a row."""\n', '    """Layers in a row."""\n\n    layers = []\n'),
    )
    (report,) = check(write(tmp_path, *edits), phase=3).phases
    assert "`self.layers = []` belongs in `__init__`" in report.finding.what


def test_of_steps_that_nobody_knows_the_first_is_shown(tmp_path: Path) -> None:
    step = STEP_W
    plant = ("", step, step.replace("layer.dW", "layer.W"))
    (report,) = check(write(tmp_path, plant), phase=5).phases
    assert name_of(report.finding) is None
    assert "after step 1" in report.finding.what
