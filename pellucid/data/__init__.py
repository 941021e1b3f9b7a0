"""Where digits come from, and what is done to them before a network sees them."""

from pellucid.data.dataset import Dataset, one_hot
from pellucid.data.sources import load

__all__ = ["Dataset", "load", "one_hot"]
