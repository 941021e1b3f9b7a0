"""The network of docs/build-your-own/, filled in: all seven phases, in the names of the specification."""

import numpy as np

# Phase 1: data


def normalize(images):
    """(N, 28, 28) bytes -> (784, N) numbers from 0 to 1."""
    return images.reshape(-1, 784).T / 255.0


def one_hot(labels, classes=10):
    """(N,) labels -> (classes, N), a 1 in each column."""
    Y = np.zeros((classes, len(labels)))
    Y[labels, np.arange(len(labels))] = 1
    return Y


def load_mnist():
    """Training images and one-hot labels, test images and labels."""
    from tensorflow.keras.datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return normalize(x_train), one_hot(y_train), normalize(x_test), y_test


def batch_loader(X, Y, batch_size):
    """Batches of columns; the last may be shorter."""
    n_samples = X.shape[1]
    order = np.random.permutation(n_samples)
    for start in range(0, n_samples, batch_size):
        index = order[start : start + batch_size]
        yield X[:, index], Y[:, index]


# Phase 2: activations


def relu(z):
    """max(0, z)."""
    return np.maximum(0, z)


def relu_derivative(z):
    """1 where z > 0, else 0."""
    return (z > 0).astype(float)


def sigmoid(z):
    """1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-np.clip(z, -500, 500)))


def sigmoid_derivative(z):
    """σ(z) (1 - σ(z))."""
    s = sigmoid(z)
    return s * (1 - s)


def softmax(z):
    """Probabilities down each column."""
    exp_z = np.exp(z - z.max(axis=0, keepdims=True))
    return exp_z / exp_z.sum(axis=0, keepdims=True)


def cross_entropy_loss(y_pred, y_true):
    """-Σ y log ŷ, averaged over the columns."""
    y_pred = np.clip(y_pred, 1e-15, 1 - 1e-15)
    return -np.sum(y_true * np.log(y_pred)) / y_true.shape[1]


# Phases 3 and 4: forward and backward


def initialize_weights(input_size, output_size):
    """He: normal with standard deviation √(2 / fan_in)."""
    return np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)


class Layer:
    """a = f(W x + b)."""

    def __init__(self, input_size, output_size, activation):
        self.W = initialize_weights(input_size, output_size)
        self.b = np.zeros((output_size, 1))
        self.activation = activation

    def forward(self, X):
        """Keep what the way back needs."""
        self.input = X
        self.z = self.W @ X + self.b
        if self.activation == "relu":
            self.a = relu(self.z)
        elif self.activation == "sigmoid":
            self.a = sigmoid(self.z)
        else:
            self.a = softmax(self.z)
        return self.a

    def backward(self, dL_da):
        """dW, db, and the gradient for the layer before."""
        if self.activation == "relu":
            dL_dz = dL_da * relu_derivative(self.z)
        elif self.activation == "sigmoid":
            dL_dz = dL_da * sigmoid_derivative(self.z)
        else:
            dL_dz = dL_da  # softmax with cross-entropy: ŷ - y has arrived
        batch_size = self.input.shape[1]
        self.dW = dL_dz @ self.input.T / batch_size
        self.db = dL_dz.mean(axis=1, keepdims=True)
        dL_dx = self.W.T @ dL_dz
        return dL_dx


class NeuralNetwork:
    """Layers in a row."""

    def __init__(self, layer_sizes, activations):
        self.layers = []
        for i in range(len(layer_sizes) - 1):
            self.layers.append(Layer(layer_sizes[i], layer_sizes[i + 1], activations[i]))

    def forward(self, X):
        """The outputs, (classes, B)."""
        current = X
        for layer in self.layers:
            current = layer.forward(current)
        return current

    def backward(self, Y):
        """The gradient of the mean cross-entropy, left in the layers."""
        dL_da = self.layers[-1].a - Y
        for layer in reversed(self.layers):
            dL_da = layer.backward(dL_da)

    def update(self, learning_rate):
        """A step downhill."""
        for layer in self.layers:
            layer.W -= learning_rate * layer.dW
            layer.b -= learning_rate * layer.db


def numerical_gradient(f, W, epsilon=1e-5):
    """How f changes when each number of W is nudged."""
    grad = np.zeros_like(W)
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            W[i, j] += epsilon
            f_plus = f()
            W[i, j] -= 2 * epsilon
            f_minus = f()
            W[i, j] += epsilon
            grad[i, j] = (f_plus - f_minus) / (2 * epsilon)
    return grad


# Phase 5: training


def train_epoch(net, X, Y, batch_size, learning_rate):
    """One pass over all examples; the mean loss."""
    n_samples = X.shape[1]
    indices = np.random.permutation(n_samples)
    total_loss = 0
    for start in range(0, n_samples, batch_size):
        end = min(start + batch_size, n_samples)
        batch_idx = indices[start:end]
        X_batch = X[:, batch_idx]
        Y_batch = Y[:, batch_idx]
        output = net.forward(X_batch)
        loss = cross_entropy_loss(output, Y_batch)
        total_loss += loss * (end - start)
        net.backward(Y_batch)
        for layer in net.layers:
            layer.W -= learning_rate * layer.dW
            layer.b -= learning_rate * layer.db
    return total_loss / n_samples


def evaluate(net, X, y):
    """The fraction of right answers."""
    predictions = net.forward(X).argmax(axis=0)
    return (predictions == y).mean()


# Phase 6: visualization


def visualize_weights(W):
    """The weights of up to 25 neurons as pictures."""
    import matplotlib.pyplot as plt

    n_neurons = min(W.shape[0], 25)
    _, axes = plt.subplots(5, 5, figsize=(10, 10))
    for i, ax in enumerate(axes.flat):
        if i < n_neurons:
            img = W[i].reshape(28, 28)
            ax.imshow(img, cmap="RdBu")
        ax.axis("off")
    plt.show()


def show_predictions(net, X, y, n=10):
    """The first answers, and how sure the network is of them."""
    probs = net.forward(X[:, :n])
    preds = probs.argmax(axis=0)
    for i in range(n):
        print(f"True: {y[i]}, Pred: {preds[i]}, Confidence: {probs[preds[i], i]:.2%}")


# Phase 7: improvements


class MomentumSGD:
    """v = μ v - α g, W += v."""

    def __init__(self, learning_rate, momentum=0.9):
        self.lr = learning_rate
        self.momentum = momentum
        self.velocities = {}

    def update(self, layer, layer_id):
        """A step of one layer."""
        if layer_id not in self.velocities:
            self.velocities[layer_id] = {"W": np.zeros_like(layer.W), "b": np.zeros_like(layer.b)}
        v = self.velocities[layer_id]
        v["W"] = self.momentum * v["W"] - self.lr * layer.dW
        v["b"] = self.momentum * v["b"] - self.lr * layer.db
        layer.W += v["W"]
        layer.b += v["b"]


def learning_schedule(learning_rate, epoch):
    """Half of it every five epochs."""
    return learning_rate * 0.5 ** (epoch // 5)


def dropout(a, rate, training=True):
    """Drop a share of the numbers, and make the others larger to match."""
    if not training:
        return a
    mask = np.random.rand(*a.shape) >= rate
    return a * mask / (1 - rate)


def l2_penalty(layers, strength):
    """½ λ Σ W²."""
    return 0.5 * strength * sum((layer.W**2).sum() for layer in layers)


def add_l2_gradient(layers, strength):
    """dW += λ W; biases are spared."""
    for layer in layers:
        layer.dW += strength * layer.W


if __name__ == "__main__":
    x_train, y_train, x_test, y_test = load_mnist()
    net = NeuralNetwork([784, 128, 64, 10], ["relu", "relu", "softmax"])
    for epoch in range(20):
        loss = train_epoch(net, x_train, y_train, batch_size=32, learning_rate=0.1)
        print(f"Epoch {epoch}: Loss = {loss:.4f}, Test Accuracy = {evaluate(net, x_test, y_test):.4f}")
