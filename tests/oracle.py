"""What PyTorch computes for a network, loss and data given as plain arrays: an oracle from outside."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np

ARCHITECTURE = (5, 7, 6, 4)
EXAMPLES = 3
HIDDEN = ("relu", "leaky_relu", "sigmoid", "tanh", "softmax", "identity")
OUTPUTS_AND_LOSSES = (
    ("softmax", "cross_entropy"),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "squared_error"),
    ("sigmoid", "squared_error"),
    ("tanh", "squared_error"),
    ("identity", "squared_error"),
)
CASES = [(hidden, *pair) for hidden, pair in product(HIDDEN, OUTPUTS_AND_LOSSES)]


def problem(case: int) -> dict[str, np.ndarray]:
    """Random theta, examples in rows, and soft targets (shares of 1) for a case."""
    rng = np.random.default_rng(case)
    size = sum(out * (into + 1) for into, out in pairwise(ARCHITECTURE))
    return {
        "theta": rng.normal(0, 0.7, size),
        "x": rng.normal(0, 1, (EXAMPLES, ARCHITECTURE[0])),
        "y": rng.dirichlet(np.ones(ARCHITECTURE[-1]), EXAMPLES),
    }


def torch_numbers(hidden: str, output: str, loss: str, theta: Any, x: Any, y: Any) -> dict[str, np.ndarray]:
    """Outputs, loss and the gradients by theta and x, in float64, by PyTorch's autograd."""
    import torch
    from torch.nn import functional

    activations = {
        "relu": torch.relu,
        "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softmax": lambda z: torch.softmax(z, dim=1),
        "identity": lambda z: z,
    }
    flat, x, y = (torch.tensor(array, dtype=torch.float64, requires_grad=array is not y) for array in (theta, x, y))
    a, start = x, 0
    for number, (into, out) in enumerate(pairwise(ARCHITECTURE)):
        weight = flat[start : start + out * into].reshape(out, into)
        bias = flat[start + out * into : start + out * (into + 1)]
        start += out * (into + 1)
        z = functional.linear(a, weight, bias)
        a = activations[hidden](z) if number < len(ARCHITECTURE) - 2 else z
    outputs = activations[output](z)
    if loss == "cross_entropy":
        value = functional.cross_entropy(z, y)
    elif loss == "binary_cross_entropy":
        value = functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(y)
    else:
        value = functional.mse_loss(outputs, y, reduction="sum") / len(y)
    value.backward()
    return {
        "outputs": outputs.detach().numpy(),
        "loss": value.detach().numpy().reshape(1),
        "gradient": flat.grad.numpy(),
        "dx": x.grad.numpy(),
    }
