"""The layers: each a formula with its shapes, forward and backward side by side."""

from pellucid.layers.layer import Array, Layer, Numbers, Shape, Tensor
from pellucid.layers.sequence import walk

__all__ = ["Array", "Layer", "Numbers", "Shape", "Tensor", "walk"]
