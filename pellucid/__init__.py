"""pellucid: a neural network from scratch on NumPy that reads handwritten digits, and that you can see through."""

from pellucid import data
from pellucid.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    Norms,
    TargetAccuracy,
    TimeLimit,
    WeightAveraging,
)
from pellucid.committee import Committee
from pellucid.errors import DataError, ModelFileError, NumericError, PellucidError, ShapeError, UsageError
from pellucid.finder import find_learning_rate
from pellucid.glass.notebook import Matrix
from pellucid.glass.trace import Trace
from pellucid.glass.tracing import trace
from pellucid.initializers import initializer
from pellucid.layers.activation import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.normalization import BatchNormalization, LayerNormalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual
from pellucid.loading import load
from pellucid.network import Network
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, RMSProp
from pellucid.recipe import Recipe
from pellucid.snapshot import Snapshot
from pellucid.training import fit

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "AveragePooling",
    "BatchNormalization",
    "CSVLogger",
    "Callback",
    "Committee",
    "Convolution",
    "DataError",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling",
    "History",
    "Identity",
    "LayerNormalization",
    "LeakyReLU",
    "Lion",
    "Matrix",
    "MaxPooling",
    "ModelCheckpoint",
    "ModelFileError",
    "Network",
    "Norms",
    "NumericError",
    "PellucidError",
    "RMSProp",
    "ReLU",
    "Recipe",
    "Residual",
    "ShapeError",
    "SiLU",
    "Sigmoid",
    "Snapshot",
    "Softmax",
    "Softplus",
    "Tanh",
    "TargetAccuracy",
    "TimeLimit",
    "Trace",
    "UsageError",
    "WeightAveraging",
    "data",
    "find_learning_rate",
    "fit",
    "initializer",
    "load",
    "trace",
]
