"""A neural network of your own, in seven phases. Fill in a function, then run: pellucid check my_network.py"""

import numpy as np

# Phase 1: data


def normalize(images):
    """(N, 28, 28) bytes from 0 to 255 -> (784, N) numbers from 0 to 1: an image in each column."""
    raise NotImplementedError


def one_hot(labels, classes=10):
    """(N,) labels from 0 to 9 -> (10, N): in each column a 1 in the row of the label, else 0."""
    raise NotImplementedError


def load_mnist():
    """x_train (784, N), y_train_onehot (10, N), x_test (784, M), y_test (M,)."""
    raise NotImplementedError


def batch_loader(X, Y, batch_size):
    """Yield pairs (X_batch, Y_batch) of columns that belong together; each example once."""
    raise NotImplementedError


# Phase 2: activations


def relu(z):
    """max(0, z), place by place."""
    raise NotImplementedError


def relu_derivative(z):
    """The slope of relu at z."""
    raise NotImplementedError


def sigmoid(z):
    """1 / (1 + e^-z), place by place, also where z is 1000."""
    raise NotImplementedError


def sigmoid_derivative(z):
    """The slope of sigmoid at z."""
    raise NotImplementedError


def softmax(z):
    """(classes, B) scores -> (classes, B) probabilities: each column sums to 1, also where z is 1000."""
    raise NotImplementedError


def cross_entropy_loss(y_pred, y_true):
    """One number: the mean over the columns of -Σ y log ŷ. Both are (classes, B)."""
    raise NotImplementedError


# Phase 3: forward


def initialize_weights(input_size, output_size):
    """(output_size, input_size) random numbers, as large as fits so many inputs."""
    raise NotImplementedError


class Layer:
    """a = f(W x + b); an example is a column."""

    def __init__(self, input_size, output_size, activation):
        self.W = initialize_weights(input_size, output_size)
        self.b = np.zeros((output_size, 1))
        self.activation = activation  # "relu", "sigmoid" or "softmax"

    def forward(self, X):
        """(in, B) -> (out, B). Keep what the way back will need."""
        raise NotImplementedError

    # Phase 4: backward

    def backward(self, dL_da):
        """(out, B) -> (in, B). Leave self.dW (out, in) and self.db (out, 1)."""
        raise NotImplementedError


class NeuralNetwork:
    """Layers in a row: NeuralNetwork([784, 128, 10], ["relu", "softmax"])."""

    def __init__(self, layer_sizes, activations):
        self.layers = []
        for i in range(len(layer_sizes) - 1):
            self.layers.append(Layer(layer_sizes[i], layer_sizes[i + 1], activations[i]))

    def forward(self, X):
        """(784, B) -> (10, B): through all layers."""
        raise NotImplementedError

    def backward(self, Y):
        """Begin with ŷ - y at the output, then back through the layers, last one first."""
        raise NotImplementedError


def numerical_gradient(f, W, epsilon=1e-5):
    """How much f() grows for each number of W that grows. W is changed in place, and put back."""
    raise NotImplementedError


# Phase 5: training


def train_epoch(net, X, Y, batch_size, learning_rate):
    """Shuffle; for each batch forward, loss, backward, update. Return the mean loss over the examples."""
    raise NotImplementedError


def evaluate(net, X, y):
    """Which fraction of the labels y (N,) the network gets right."""
    raise NotImplementedError


# Phase 6: visualization


def visualize_weights(W):
    """Draw the weights of up to 25 neurons as pictures of 28 by 28, with imshow."""
    raise NotImplementedError


def show_predictions(net, X, y, n=10):
    """Print a line for each of the first n examples: true class, prediction, confidence."""
    raise NotImplementedError


# Phase 7: improvements


class MomentumSGD:
    """v = momentum v - learning_rate g, then W += v; a velocity for each W and b of each layer."""

    def __init__(self, learning_rate, momentum=0.9):
        self.lr = learning_rate
        self.momentum = momentum
        self.velocities = {}

    def update(self, layer, layer_id):
        """Move layer.W and layer.b by layer.dW and layer.db."""
        raise NotImplementedError


def learning_schedule(learning_rate, epoch):
    """The learning rate of an epoch, counted from 0: never larger than before."""
    raise NotImplementedError


def dropout(a, rate, training=True):
    """Set a share of a to 0, and scale the rest so that the mean stays; leave a alone outside of training."""
    raise NotImplementedError


def l2_penalty(layers, strength):
    """½ strength Σ W², over all layers."""
    raise NotImplementedError


def add_l2_gradient(layers, strength):
    """Add the derivative of the penalty to each layer.dW."""
    raise NotImplementedError
