"""For each mistake that is recognized, how it is planted in the worked solution: (name, text there, text with it)."""

from __future__ import annotations

DW = "self.dW = dL_dz @ self.input.T / batch_size"
DB = "self.db = dL_dz.mean(axis=1, keepdims=True)"
HIDDEN_RELU = "dL_dz = dL_da * relu_derivative(self.z)"
HIDDEN_SIGMOID = "dL_dz = dL_da * sigmoid_derivative(self.z)"
ERROR = "dL_da = self.layers[-1].a - Y"
WEIGHTS = "np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)"
STEP_W = "            layer.W -= learning_rate * layer.dW\n            layer.b -= learning_rate * layer.db\n    return"
ORDER = "indices = np.random.permutation(n_samples)\n    total"
LOOP = "order = np.random.permutation(n_samples)"
Z = "self.z = self.W @ X + self.b"
SOFTMAX = "    exp_z = np.exp(z - z.max(axis=0, keepdims=True))\n    return exp_z / exp_z.sum(axis=0, keepdims=True)"
LOSS = "return -np.sum(y_true * np.log(y_pred)) / y_true.shape[1]"
NORMALIZE = "return images.reshape(-1, 784).T / 255.0"
MASK = "mask = np.random.rand(*a.shape) >= rate"
CLIP = "    y_pred = np.clip(y_pred, 1e-15, 1 - 1e-15)\n"

Plant = tuple[str, str, str]

GENERAL: tuple[Plant, ...] = (
    ("returns-nothing", "return np.maximum(0, z)", "np.maximum(0, z)"),
    ("list-for-array", "return np.maximum(0, z)", "return [[max(0, x) for x in row] for row in z.tolist()]"),
    ("exits", "return np.maximum(0, z)", "import sys; sys.exit('done')"),
    ("too-much-memory", "return np.maximum(0, z)", "return np.zeros((10**6, 10**6))"),
    ("never-ends", "return np.maximum(0, z)", "\n    while True:\n        pass"),
    ("trains-at-import", 'if __name__ == "__main__":\n', "while True:\n    break\nwhile True:\n"),
    ("input-changed-in-place", "return np.maximum(0, z)", "z[z < 0] = 0\n    return z"),
    ("input-changed-in-place", "exp_z = np.exp(z - z.max(axis=0, keepdims=True))",
     "z -= z.max(axis=0, keepdims=True)\n    exp_z = np.exp(z)"),
)  # fmt: skip
DATA: tuple[Plant, ...] = (
    ("pixels-not-scaled", NORMALIZE, "return images.reshape(-1, 784).T"),
    ("pixels-scaled-twice", NORMALIZE, "return images.reshape(-1, 784).T / 255.0 / 255.0"),
    ("pixels-scaled-twice", "return normalize(x_train)", "return normalize(x_train) / 255.0"),
    ("pixels-divided-as-whole-numbers", NORMALIZE, "return images.reshape(-1, 784).T // 255"),
    ("bytes-wrap-around", NORMALIZE, "return (images.reshape(-1, 784).T - 128) / 128"),
    ("images-scrambled-by-reshape", NORMALIZE, "return images.reshape(784, -1) / 255.0"),
    ("examples-in-rows", NORMALIZE, "return images.reshape(-1, 784) / 255.0"),
    ("images-not-flattened", "return normalize(x_train)", "return x_train / 255.0"),
    ("images-transposed", NORMALIZE, "return images.T.reshape(784, -1) / 255.0"),
    ("test-images-not-scaled", "normalize(x_test)", "x_test.reshape(-1, 784).T"),
    ("one-hot-transposed", "Y[labels, np.arange(len(labels))] = 1\n    return Y",
     "Y[labels, np.arange(len(labels))] = 1\n    return Y.T"),
    ("one-hot-off-by-one", "Y[labels, np", "Y[labels - 1, np"),
    ("one-hot-fills-whole-rows", "Y[labels, np.arange(len(labels))] = 1", "Y[labels] = 1"),
    ("one-hot-as-tall-as-its-labels", "Y = np.zeros((classes,", "Y = np.zeros((labels.max() + 1,"),
    ("labels-not-one-hot", "one_hot(y_train), normalize", "y_train, normalize"),
    ("x-shuffled-without-y", "yield X[:, index], Y[:, index]", "yield X[:, index], Y[:, start : start + batch_size]"),
    ("last-batch-dropped", "for start in range(0, n_samples, batch_size):\n        index",
     "for start in range(0, n_samples - batch_size + 1, batch_size):\n        index"),
    ("batch-size-ignored", "index = order[start : start + batch_size]\n        yield", "index = order\n    yield"),
    ("always-the-first-batch", "index = order[start : start + batch_size]", "index = order[:batch_size]"),
    ("batch-cuts-rows", "yield X[:, index], Y[:, index]", "yield X[start:start + 2], Y[start:start + 2]"),
)  # fmt: skip
ACTIVATIONS: tuple[Plant, ...] = (
    ("relu-derivative-keeps-z", "return (z > 0).astype(float)", "return np.where(z > 0, z, 0)"),
    ("relu-not-0-below-0", "return np.maximum(0, z)", "return np.abs(z)"),
    ("relu-derivative-not-0-below-0", "return (z > 0).astype(float)", "return np.sign(z)"),
    ("sigmoid-derivative-with-a-wrong-sign", "return s * (1 - s)", "return s * (s - 1)"),
    ("sigmoid-derivative-without-brackets", "return s * (1 - s)", "return s * 1 - s"),
    ("sigmoid-without-minus", "np.exp(-np.clip(z, -500, 500))", "np.exp(np.clip(z, -500, 500))"),
    ("sigmoid-overflows", "return 1 / (1 + np.exp(-np.clip(z, -500, 500)))", "return np.exp(z) / (1 + np.exp(z))"),
    ("derivative-of-z-taken-as-a", "s = sigmoid(z)\n", "s = z\n"),
    ("sigmoid-applied-twice", "s = sigmoid(z)\n", "s = sigmoid(sigmoid(z))\n"),
    ("derivative-is-the-function", "return s * (1 - s)", "return s"),
    ("softmax-over-the-wrong-axis", SOFTMAX, SOFTMAX.replace("axis=0", "axis=1")),
    ("softmax-over-the-wrong-axis", SOFTMAX, "    e = np.exp(z)\n    return e / e.sum(axis=1)"),
    ("softmax-over-the-whole-batch", "exp_z.sum(axis=0, keepdims=True)", "exp_z.sum()"),
    ("softmax-without-the-shift", "np.exp(z - z.max(axis=0, keepdims=True))", "np.exp(z)"),
    ("softmax-shifted-by-the-whole-batch", "z.max(axis=0, keepdims=True)", "z.max()"),
    ("softmax-not-divided", "return exp_z / exp_z.sum(axis=0, keepdims=True)", "return exp_z"),
    ("loss-without-minus", LOSS, LOSS.replace("-np", "np")),
    ("loss-summed-over-the-batch", LOSS, LOSS.replace(" / y_true.shape[1]", "")),
    ("loss-averaged-over-classes", LOSS, "return -np.mean(y_true * np.log(y_pred))"),
    ("loss-averaged-over-classes", LOSS, LOSS.replace("[1]", "[0]")),
    ("log-of-zero", CLIP, ""),
    ("loss-clipped-too-far", CLIP, CLIP.replace("1e-15, 1 - 1e-15", "0.01, 0.99")),
    ("loss-clipped-too-far", LOSS, LOSS.replace("np.log(y_pred)", "np.log(y_pred + 0.01)")),
    ("loss-arguments-swapped", LOSS, "return -np.sum(y_pred * np.log(y_true)) / y_true.shape[1]"),
    ("loss-for-each-example", LOSS, "return -np.sum(y_true * np.log(y_pred), axis=0)"),
    ("loss-in-another-base", LOSS, LOSS.replace("np.log", "np.log2")),
)  # fmt: skip
FORWARD: tuple[Plant, ...] = (
    ("weights-transposed", "np.random.randn(output_size, input_size)", "np.random.randn(input_size, output_size)"),
    ("weights-all-alike", WEIGHTS, "np.zeros((output_size, input_size))"),
    ("weights-too-large", WEIGHTS, "np.random.randn(output_size, input_size)"),
    ("weights-all-positive", WEIGHTS, "np.random.rand(output_size, input_size) * 0.1"),
    ("fan-in-and-fan-out-mixed-up", "np.sqrt(2 / input_size)", "np.sqrt(2 / output_size)"),
    ("variance-for-deviation", "np.sqrt(2 / input_size)", "2 / input_size"),
    ("root-of-the-two-alone", "np.sqrt(2 / input_size)", "np.sqrt(2) / input_size"),
    ("weights-of-one-seed", f"return {WEIGHTS}", f"np.random.seed(0)\n    return {WEIGHTS}"),
    ("row-for-column", "np.zeros((output_size, 1))", "np.zeros(output_size)"),
    ("bias-forgotten", Z, "self.z = self.W @ X"),
    ("weights-times-input-transposed", Z, "self.z = self.W.T @ X + self.b"),
    ("factors-exchanged", Z, "self.z = X @ self.W + self.b"),
    ("elementwise-for-matrix-product", Z, "self.z = self.W * X + self.b"),
    ("hidden-layer-without-activation", "self.a = sigmoid(self.z)", "self.a = self.z"),
    ("output-without-activation", "self.a = softmax(self.z)", "self.a = self.z"),
    ("activated-twice", "self.a = sigmoid(self.z)", "self.a = sigmoid(sigmoid(self.z))"),
    ("output-with-the-hidden-activation", "layer_sizes[i + 1], activations[i]", "layer_sizes[i + 1], activations[0]"),
    ("every-layer-reads-x", "current = layer.forward(current)", "current = layer.forward(X)"),
    ("wrong-hidden-activation", "self.a = sigmoid(self.z)", "self.a = np.tanh(self.z)"),
    ("one-neuron-at-a-time", "        return current", "        return current[0]"),
)  # fmt: skip
BACKWARD: tuple[Plant, ...] = (
    ("sum-for-mean", f"{DW}\n        {DB}",
     "self.dW = dL_dz @ self.input.T\n        self.db = dL_dz.sum(axis=1, keepdims=True)"),
    ("sum-for-mean", DW, "self.dW = dL_dz @ self.input.T"),
    ("averaged-twice", ERROR, "dL_da = (self.layers[-1].a - Y) / Y.shape[1]"),
    ("averaged-at-every-layer", "dL_dx = self.W.T @ dL_dz", "dL_dx = self.W.T @ dL_dz / batch_size"),
    ("y-minus-a", ERROR, "dL_da = Y - self.layers[-1].a"),
    ("minus-before-the-gradient", DW, DW.replace("dL_dz", "-dL_dz")),
    ("minus-before-the-gradient", DB, DB.replace("dL_dz", "-dL_dz")),
    ("layers-not-reversed", "for layer in reversed(self.layers):", "for layer in self.layers:"),
    ("missing-transpose-of-w", "dL_dx = self.W.T @ dL_dz", "dL_dx = self.W @ dL_dz"),
    ("missing-transpose-of-x", DW, "self.dW = dL_dz @ self.input / batch_size"),
    ("weight-gradient-transposed", DW, "self.dW = self.input @ dL_dz.T / batch_size"),
    ("derivative-at-a", HIDDEN_SIGMOID, "dL_dz = dL_da * sigmoid_derivative(self.a)"),
    ("derivative-forgotten", HIDDEN_SIGMOID, "dL_dz = dL_da"),
    ("derivative-applied-twice", HIDDEN_SIGMOID, f"{HIDDEN_SIGMOID} * sigmoid_derivative(self.z)"),
    ("gradient-not-passed-on", "dL_da = layer.backward(dL_da)", "layer.backward(dL_da)"),
    ("divided-by-the-rows", "batch_size = self.input.shape[1]", "batch_size = self.input.shape[0]"),
    ("derivative-of-another-layer", HIDDEN_SIGMOID, "dL_dz = dL_da * sigmoid_derivative(self.input)"),
    ("derivative-at-the-gradient", HIDDEN_RELU, "dL_dz = dL_da * relu_derivative(dL_da)"),
    ("output-derivative-twice", "dL_dz = dL_da  #", "dL_dz = dL_da * self.a * (1 - self.a)  #"),
    ("gradient-of-another-loss", ERROR, "dL_da = 2 * (self.layers[-1].a - Y)"),
    ("softmax-derivative-missing", ERROR, "dL_da = -Y / self.layers[-1].a"),
    ("bias-gradient-over-the-wrong-axis", DB, "self.db = dL_dz.mean(axis=0, keepdims=True)"),
    ("one-bias-gradient-for-the-layer", DB, "self.db = dL_dz.sum() / batch_size"),
    ("no-bias-gradient", DB, "self.db = np.zeros_like(self.b)"),
    ("bias-gradient-row-for-column", DB, "self.db = dL_dz.mean(axis=1)"),
    ("bias-gradient-not-averaged", DB, "self.db = dL_dz"),
    ("own-output-for-input", DW, "self.dW = dL_dz @ self.a.T / batch_size"),
    ("x-for-every-layer", "current = layer.forward(current)",
     "current = layer.forward(current)\n            layer.input = X"),
    ("z-for-the-activation", "        return current",
     "        for before, layer in zip(self.layers, self.layers[1:]):\n"
     "            layer.input = before.z\n        return current"),
    ("gradient-passed-around-the-activation", "dL_dx = self.W.T @ dL_dz", "dL_dx = self.W.T @ dL_da"),
    ("updated-before-passed-back", "dL_dx = self.W.T @ dL_dz", "dL_dx = (self.W - 0.5 * self.dW).T @ dL_dz"),
    ("gradient-piles-up", DW, "self.dW = getattr(self, 'dW', 0) + dL_dz @ self.input.T / batch_size"),
    ("difference-divided-by-one-step", "/ (2 * epsilon)", "/ epsilon"),
    ("difference-the-wrong-way-round", "(f_plus - f_minus)", "(f_minus - f_plus)"),
    ("weight-not-put-back", "            W[i, j] += epsilon\n            grad", "            grad"),
)  # fmt: skip
TRAINING: tuple[Plant, ...] = (
    ("x-shuffled-without-y", "Y_batch = Y[:, batch_idx]", "Y_batch = Y[:, start:end]"),
    ("last-batch-dropped", "for start in range(0, n_samples, batch_size):\n        end",
     "for start in range(0, n_samples - batch_size + 1, batch_size):\n        end"),
    ("stops-after-the-first-batch", "layer.b -= learning_rate * layer.db\n    return total",
     "layer.b -= learning_rate * layer.db\n        return total"),
    ("examples-drawn-with-repeats", "batch_idx = indices[start:end]",
     "batch_idx = np.random.default_rng(start).permutation(n_samples)[:end - start]"),
    ("uphill", STEP_W, STEP_W.replace("-=", "+=")),
    ("learning-rate-forgotten", STEP_W, STEP_W.replace("learning_rate * ", "")),
    ("step-divided-by-the-batch", STEP_W, STEP_W.replace("learning_rate", "learning_rate / (end - start)")),
    ("bias-not-updated", "            layer.b -= learning_rate * layer.db\n    return", "    return"),
    ("not-every-layer-updated", "for layer in net.layers:\n", "for layer in net.layers[-1:]:\n"),
    ("nothing-updated", STEP_W, "            W = layer.W - learning_rate * layer.dW\n            W += 0\n    return"),
    ("updated-before-the-backward-pass", "        net.backward(Y_batch)\n        for layer in net.layers:\n" + STEP_W,
     "        for layer in net.layers:\n            if hasattr(layer, 'dW'):\n"
     "                layer.W -= learning_rate * layer.dW\n                layer.b -= learning_rate * layer.db\n"
     "        net.backward(Y_batch)\n    return"),
    ("not-shuffled", ORDER, "indices = np.arange(n_samples)\n    total"),
    ("shuffled-once", ORDER, "np.random.seed(0)\n    " + ORDER),
    ("epoch-loss-summed", "return total_loss / n_samples", "return total_loss"),
    ("short-batch-weighs-as-much", "total_loss += loss * (end - start)", "total_loss += loss * n_samples / 3"),
    ("loss-of-the-last-batch", "return total_loss / n_samples", "return loss"),
    ("accuracy-over-the-wrong-axis", "net.forward(X).argmax(axis=0)\n    return",
     "net.forward(X).argmax(axis=1)\n    return"),
    ("accuracy-of-no-classes", "net.forward(X).argmax(axis=0)\n    return", "net.forward(X).max(axis=0)\n    return"),
    ("accuracy-of-no-classes", "net.forward(X).argmax(axis=0)\n    return", "net.forward(X).argmax()\n    return"),
    ("accuracy-not-a-fraction", "return (predictions == y).mean()", "return (predictions == y).mean() * 100"),
    ("error-for-accuracy", "return (predictions == y).mean()", "return (predictions != y).mean()"),
)  # fmt: skip
VISUALIZATION: tuple[Plant, ...] = (
    ("columns-for-neurons", "img = W[i].reshape(28, 28)", "img = W[:, i].reshape(28, 28)"),
    ("weights-drawn-transposed", "img = W[i].reshape(28, 28)", "img = W[i].reshape(28, 28).T"),
    ("same-neuron-in-every-picture", "img = W[i].reshape(28, 28)", "img = W[0].reshape(28, 28)"),
    ("confidence-of-the-true-class", "{probs[preds[i], i]:.2%}", "{probs[y[i], i]:.2%}"),
    ("prediction-over-the-wrong-axis", "preds = probs.argmax(axis=0)", "preds = probs.argmax(axis=1)"),
    ("row-and-column-exchanged", "{probs[preds[i], i]:.2%}", "{probs[i, preds[i]]:.2%}"),
)  # fmt: skip
IMPROVEMENTS: tuple[Plant, ...] = (
    ("momentum-with-the-wrong-sign", 'v["W"] = self.momentum', 'v["W"] = -self.momentum'),
    ("velocity-forgotten", "if layer_id not in self.velocities:", "if True:"),
    ("velocity-shared-by-layers", '"""A step of one layer."""', "layer_id = 0"),
    ("bias-left-out-of-the-update", '        layer.b += v["b"]\n', ""),
    ("uphill", 'v["W"] = self.momentum * v["W"] - self.lr * layer.dW\n'
     '        v["b"] = self.momentum * v["b"] - self.lr',
     'v["W"] = self.momentum * v["W"] + self.lr * layer.dW\n        v["b"] = self.momentum * v["b"] + self.lr'),
    ("learning-rate-grows", "0.5 ** (epoch // 5)", "1.5 ** (epoch // 5)"),
    ("dropout-without-scaling", "return a * mask / (1 - rate)", "return a * mask"),
    ("dropout-scaled-the-wrong-way", "return a * mask / (1 - rate)", "return a * mask * (1 - rate)"),
    ("dropout-rate-turned-round", MASK, MASK.replace(">=", "<")),
    ("dropout-at-the-test", "    if not training:\n        return a\n", ""),
    ("same-mask-for-all-examples", MASK, "mask = np.random.rand(a.shape[0], 1) >= rate"),
    ("weight-decay-on-the-bias", "layer.dW += strength * layer.W",
     "layer.dW += strength * layer.W\n        layer.db += strength * layer.b"),
    ("factor-of-the-l2-term", "layer.dW += strength * layer.W", "layer.dW += 2 * strength * layer.W"),
    ("l2-term-replaces-the-gradient", "layer.dW += strength * layer.W", "layer.dW = strength * layer.W"),
    ("l2-term-subtracted", "layer.dW += strength * layer.W", "layer.dW -= strength * layer.W"),
)  # fmt: skip
# in the network of seed 004, whose loss is the squared error
SQUARED_ERROR: tuple[Plant, ...] = (
    ("output-derivative-forgotten", "2 * (self.layers[-1].a - Y) * sigmoid_derivative(self.layers[-1].z)",
     "2 * (self.layers[-1].a - Y)"),
    ("factor-of-the-squared-error", "dL_dz = 2 * (", "dL_dz = ("),
    ("derivative-at-a", "sigmoid_derivative(self.layers[-1].z)", "sigmoid_derivative(self.layers[-1].a)"),
)  # fmt: skip
PHASES = (DATA, ACTIVATIONS, FORWARD, BACKWARD, TRAINING, VISUALIZATION, IMPROVEMENTS)
