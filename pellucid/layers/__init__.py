"""The layers: each a formula with its shapes, forward and backward side by side."""

from pellucid.layers.activation import (
    ACTIVATIONS,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    activation,
)
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Disturbance, Dropout, GaussianNoise
from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Array",
    "Dense",
    "Disturbance",
    "Dropout",
    "GaussianNoise",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Numbers",
    "ReLU",
    "Shape",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Tensor",
    "activation",
]
