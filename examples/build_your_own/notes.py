"""The network of the notes on derivatives of single numbers, rebuilt in the guide's names: 784-10-10, softmax.

Its author began with weights and biases from U(-1, 1), summed the weight gradients over the batch and averaged those of
the biases. `pellucid check` calls that sum-for-mean; here both are averages.
"""

import numpy as np


def relu(z):
    """max(0, z)."""
    return z * (z > 0)


def relu_derivative(z):
    """1 where z > 0, else 0."""
    return np.where(z > 0, 1.0, 0.0)


def softmax(z):
    """e^z / Σ e^z down each column."""
    e = np.exp(z - np.max(z, axis=0))
    return e / np.sum(e, axis=0)


def cross_entropy(y_pred, y_true):
    """-log of the right class's probability, averaged."""
    right = np.sum(y_pred * y_true, axis=0)
    return np.mean(-np.log(right + 1e-12))


class Layer:
    """Weights hold their data and, after the way back, their gradient."""

    def __init__(self, input_size, output_size, activation):
        self.W = np.random.uniform(-1, 1, (output_size, input_size))
        self.b = np.random.uniform(-1, 1, (output_size, 1))
        self.activation = activation
        self.dW = self.db = None

    def forward(self, x):
        """x w + b, then the activation."""
        self.x = x
        self.z = np.dot(self.W, x) + self.b
        return relu(self.z) if self.activation == "relu" else softmax(self.z)

    def backward(self, gradient):
        """The global gradient is the parent's times the local one."""
        dz = gradient * relu_derivative(self.z) if self.activation == "relu" else gradient
        self.dW = np.mean([np.outer(dz[:, i], self.x[:, i]) for i in range(dz.shape[1])], axis=0)
        self.db = np.mean(dz, axis=1, keepdims=True)
        return np.dot(self.W.T, dz)


class NeuralNetwork:
    """Few layers connect with each other, and make a network."""

    def __init__(self, layer_sizes, activations):
        self.layers = []
        for number, activation in enumerate(activations):
            self.layers.append(Layer(layer_sizes[number], layer_sizes[number + 1], activation))

    def forward(self, X):
        """The probabilities."""
        for layer in self.layers:
            X = layer.forward(X)
        self.output = X
        return X

    def backward(self, Y):
        """Softmax with cross-entropy: an easy derivative."""
        gradient = self.output - Y
        for layer in self.layers[::-1]:
            gradient = layer.backward(gradient)

    def update(self, learning_rate):
        """The negated gradient."""
        for layer in self.layers:
            layer.W += -layer.dW * learning_rate
            layer.b += -layer.db * learning_rate


def evaluate(net, X, y):
    """The fraction of right answers."""
    return float(np.sum(net.forward(X).argmax(axis=0) == y)) / len(y)
