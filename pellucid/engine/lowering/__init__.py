"""Lowering: one dictionary from kinds of layers to functions that write their kernels into a plan."""

from pellucid.engine.lowering.network import LOSSES, lower, trained
from pellucid.engine.lowering.one_image import FEW, lower_few
from pellucid.engine.lowering.prediction import AT_ONCE, lower_many
from pellucid.engine.lowering.rule import OPTIMIZERS
from pellucid.engine.lowering.sequence import LAYERS

__all__ = ["AT_ONCE", "FEW", "LAYERS", "LOSSES", "OPTIMIZERS", "lower", "lower_few", "lower_many", "trained"]
