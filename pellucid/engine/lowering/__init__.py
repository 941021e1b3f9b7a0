"""Lowering: one dictionary from kinds of layers to functions that write their kernels into a plan."""

from pellucid.engine.lowering.layers import LAYERS
from pellucid.engine.lowering.network import LOSSES, lower, lower_prediction
from pellucid.engine.lowering.rule import OPTIMIZERS

__all__ = ["LAYERS", "LOSSES", "OPTIMIZERS", "lower", "lower_prediction"]
