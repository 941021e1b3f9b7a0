"""pellucid: a neural network from scratch on NumPy that reads handwritten digits, and that you can see through."""

from pellucid import data
from pellucid.callbacks import Callback, History
from pellucid.errors import DataError, ModelFileError, NumericError, PellucidError, ShapeError, UsageError
from pellucid.initializers import initializer
from pellucid.layers import Dense, Dropout, GaussianNoise, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from pellucid.loading import load
from pellucid.network import Network
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, RMSProp
from pellucid.recipe import Recipe
from pellucid.snapshot import Snapshot
from pellucid.training import fit

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "DataError",
    "Dense",
    "Dropout",
    "GaussianNoise",
    "History",
    "Identity",
    "LeakyReLU",
    "Lion",
    "ModelFileError",
    "Network",
    "NumericError",
    "PellucidError",
    "RMSProp",
    "ReLU",
    "Recipe",
    "ShapeError",
    "Sigmoid",
    "Snapshot",
    "Softmax",
    "Tanh",
    "UsageError",
    "data",
    "fit",
    "initializer",
    "load",
]
