"""Lowering: one dictionary from kinds of layers to functions that write their kernels into a plan."""

from pellucid.engine.lowering.network import LOSSES, lower, lower_prediction, reads_images
from pellucid.engine.lowering.rule import OPTIMIZERS
from pellucid.engine.lowering.sequence import LAYERS

__all__ = ["LAYERS", "LOSSES", "OPTIMIZERS", "lower", "lower_prediction", "reads_images"]
