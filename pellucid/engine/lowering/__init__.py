"""Lowering: one dictionary from kinds of layers to functions that write their kernels into a plan."""

from pellucid.engine.lowering.layers import LAYERS
from pellucid.engine.lowering.network import lower, lower_prediction

__all__ = ["LAYERS", "lower", "lower_prediction"]
