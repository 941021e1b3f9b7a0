"""The layers: each a formula with its shapes, forward and backward side by side."""

from pellucid.layers.activation import (
    ACTIVATIONS,
    ELU,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    activation,
)
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Disturbance, Dropout, GaussianNoise
from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor
from pellucid.layers.normalization import BatchNormalization, LayerNormalization, Normalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual
from pellucid.layers.sequence import walk

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "Activation", "Array", "AveragePooling", "BatchNormalization", "Convolution",
    "Dense", "Disturbance", "Dropout", "Flatten", "GaussianNoise", "GlobalAveragePooling", "Identity", "Layer",
    "LayerNormalization", "LeakyReLU", "MaxPooling", "Normalization", "Numbers", "ReLU", "Residual", "Shape",
    "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "Tensor", "activation", "walk",
]  # fmt: skip
