"""Write descent.safetensors: where PyTorch and lion-pytorch once went in ten steps.

python tests/golden/make_descent.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
from oracle_descent import CASES, SURROUNDINGS, problem, torch_steps

if __name__ == "__main__":
    theta, gradients = problem(0)
    numbers = {"theta": theta, "gradients": gradients}
    for case, surroundings in CASES:
        numbers[f"{case}/{surroundings}"] = torch_steps(case, SURROUNDINGS[surroundings], theta, gradients)[-1]
    save_file(numbers, Path(__file__).with_name("descent.safetensors"), {"torch": torch.__version__})
