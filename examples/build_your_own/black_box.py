"""The network of "From Black Box to Glass Box", rebuilt in the guide's names: sigmoid outputs, binary cross-entropy.

Its author met vanishing gradients with sigmoids everywhere and NaN in the logarithm; hence ReLU inside, and an ε.
"""

import numpy as np

EPSILON = 1e-8


def relu(z):
    """g(z) = max(0, z)."""
    return np.maximum(0, z)


def relu_derivative(z):
    """1 where z > 0, else 0."""
    return (z > 0).astype(float)


def sigmoid(z):
    """1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(z):
    """a (1 - a)."""
    a = sigmoid(z)
    return a * (1 - a)


def binary_cross_entropy_loss(y_pred, y_true):
    """-Σ [y log(ŷ + ε) + (1 - y) log(1 - ŷ + ε)] / m."""
    m = y_true.shape[1]
    return -np.sum(y_true * np.log(y_pred + EPSILON) + (1 - y_true) * np.log(1 - y_pred + EPSILON)) / m


class Layer:
    """Z[l] = W[l] A[l-1] + b[l], A[l] = g(Z[l])."""

    def __init__(self, input_size, output_size, activation):
        self.W = np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)
        self.b = np.zeros((output_size, 1))
        self.activation = activation

    def forward(self, A_previous):
        """Keep A[l-1] and Z[l] for the way back."""
        assert A_previous.shape[0] == self.W.shape[1]
        self.input = A_previous
        self.z = np.dot(self.W, A_previous) + self.b
        self.a = relu(self.z) if self.activation == "relu" else sigmoid(self.z)
        return self.a

    def slope(self):
        """g'(Z[l])."""
        return relu_derivative(self.z) if self.activation == "relu" else sigmoid_derivative(self.z)


class NeuralNetwork:
    """Layers in a row, the last one sigmoid."""

    def __init__(self, layer_sizes, activations):
        sizes = zip(layer_sizes, layer_sizes[1:], strict=False)
        self.layers = [Layer(n, m, kind) for (n, m), kind in zip(sizes, activations, strict=True)]

    def forward(self, X):
        """Ŷ, (outputs, m)."""
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, Y):
        """dZ[L] = A[L] - Y, then layer by layer."""
        m = Y.shape[1]
        dZ = self.layers[-1].a - Y
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            layer.dW = np.dot(dZ, layer.input.T) / m
            layer.db = np.sum(dZ, axis=1).reshape(-1, 1) / m
            assert layer.dW.shape == layer.W.shape
            assert layer.db.shape == layer.b.shape
            if number:
                dZ = np.dot(layer.W.T, dZ) * self.layers[number - 1].slope()

    def update(self, learning_rate):
        """W[l] = W[l] - α dW[l]."""
        for layer in self.layers:
            layer.W = layer.W - learning_rate * layer.dW
            layer.b = layer.b - learning_rate * layer.db


def train_epoch(net, X, Y, batch_size, learning_rate):
    """One pass over all examples; the mean cost."""
    m = X.shape[1]
    order = np.random.permutation(m)
    cost = 0.0
    for start in range(0, m, batch_size):
        batch = order[start : start + batch_size]
        cost += binary_cross_entropy_loss(net.forward(X[:, batch]), Y[:, batch]) * len(batch) / m
        net.backward(Y[:, batch])
        net.update(learning_rate)
    return cost


def evaluate(net, X, y):
    """The fraction of right answers."""
    return np.mean(np.argmax(net.forward(X), axis=0) == y)
