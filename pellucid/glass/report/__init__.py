"""`pellucid report`: a run as one page."""

from pellucid.glass.report.material import Material
from pellucid.glass.report.page import page

__all__ = ["Material", "page"]
