"""A pytest plugin: takes the kernels from the file that PELLUCID_KERNELS names, one built with sanitizers."""

import importlib.machinery
import importlib.util
import os
import sys

NAME = "pellucid.engine._native"

loader = importlib.machinery.ExtensionFileLoader(NAME, os.environ["PELLUCID_KERNELS"])
spec = importlib.util.spec_from_file_location(NAME, loader.path, loader=loader)
assert spec
sys.modules[NAME] = importlib.util.module_from_spec(spec)
loader.exec_module(sys.modules[NAME])
