"""The network of expressive code, rebuilt in the guide's names: 784-16-16-10, all sigmoid, squared error.

Its author wrote the gradient example by example, three lines for each layer; here they are the same lines for a batch.
"""

import numpy as np


def sigmoid(z):
    """σ(z) = 1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(z):
    """σ(z) (1 - σ(z))."""
    return sigmoid(z) * (1 - sigmoid(z))


def cost(y_pred, y_true):
    """Σ (a - y)², averaged over the examples."""
    costs = [((y_pred[:, i] - y_true[:, i]) ** 2).sum() for i in range(y_true.shape[1])]
    return sum(costs) / len(costs)


class Layer:
    """Sigmoid neurons."""

    def __init__(self, input_size, output_size, activation="sigmoid"):
        self.W = np.random.randn(output_size, input_size) / np.sqrt(input_size)
        self.b = np.zeros((output_size, 1))

    def forward(self, activations_previous_layer):
        """σ(W a + b)."""
        self.activations_previous_layer = activations_previous_layer
        self.z = self.W @ activations_previous_layer + self.b
        self.a = sigmoid(self.z)
        return self.a

    def backward(self, dL_dz):
        """The three partial derivatives of its author: by weights, by biases, by the activations before."""
        examples = dL_dz.shape[1]
        self.dW = dL_dz @ self.activations_previous_layer.T / examples
        self.db = dL_dz.sum(axis=1, keepdims=True) / examples
        return self.W.T @ dL_dz


class NeuralNetwork:
    """All layers are sigmoid, so nothing but the sizes is needed."""

    def __init__(self, layer_sizes):
        self.layers = [Layer(layer_sizes[i], layer_sizes[i + 1]) for i in range(len(layer_sizes) - 1)]

    def forward(self, X):
        """The activations of the last layer."""
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, Y):
        """2 (a - y) σ'(z) at the output, then back through the layers."""
        dL_dz = 2 * (self.layers[-1].a - Y) * sigmoid_derivative(self.layers[-1].z)
        for number in range(len(self.layers) - 1, -1, -1):
            dL_da = self.layers[number].backward(dL_dz)
            if number:
                dL_dz = dL_da * sigmoid_derivative(self.layers[number - 1].z)


def train_epoch(net, X, Y, batch_size, learning_rate):
    """Nudge each parameter against its derivative, times the learning rate."""
    order = np.random.permutation(X.shape[1])
    total = 0.0
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        total += cost(net.forward(X[:, chosen]), Y[:, chosen]) * len(chosen)
        net.backward(Y[:, chosen])
        for layer in net.layers:
            layer.W -= learning_rate * layer.dW
            layer.b -= learning_rate * layer.db
    return total / len(order)


def evaluate(net, X, y):
    """The fraction of right answers."""
    return (net.forward(X).argmax(axis=0) == y).mean()
