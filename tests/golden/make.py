"""Write torch.safetensors: what PyTorch once computed, so that the tests mean something without it.

python tests/golden/make.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
from oracle import CASES, problem, torch_numbers

if __name__ == "__main__":
    numbers = {}
    for number, case in enumerate(CASES):
        given = problem(number)
        for name, array in {**given, **torch_numbers(*case, **given)}.items():
            numbers[f"{'/'.join(case)}/{name}"] = array
    save_file(numbers, Path(__file__).with_name("torch.safetensors"), {"torch": torch.__version__})
