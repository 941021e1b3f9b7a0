"""Callbacks: they are told of a training as it goes, and some end it or decide which weights it leaves."""

from pellucid.callbacks.averaging import WeightAveraging
from pellucid.callbacks.callback import Callback
from pellucid.callbacks.checkpoint import ModelCheckpoint
from pellucid.callbacks.csv_logger import CSVLogger
from pellucid.callbacks.early_stopping import EarlyStopping
from pellucid.callbacks.history import History
from pellucid.callbacks.limits import TargetAccuracy, TimeLimit
from pellucid.callbacks.norms import Norms
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.weight_history import WeightRecorder

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "ModelCheckpoint",
    "Norms",
    "Progress",
    "TargetAccuracy",
    "TimeLimit",
    "WeightAveraging",
    "WeightRecorder",
]
