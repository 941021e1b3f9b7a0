"""Ten steps of PyTorch's optimizers on given gradients: an oracle from outside. Lion is lion-pytorch's."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.optimizers import Optimizer

SHAPES = {
    "dense1/W": (6, 5),
    "dense1/b": (6, 1),
    "dense2/W": (4, 6),
    "dense2/b": (4, 1),
    "dense3/W": (3, 4),
    "dense3/b": (3, 1),
}
ARCHITECTURE = "5-6-4-3"
RATES = 0.5 + 0.5 * np.cos(np.arange(10))  # factors of the learning rate, a schedule of some kind

# ours, PyTorch's name, PyTorch's arguments
OPTIMIZERS: dict[str, tuple[Optimizer, str, dict[str, Any]]] = {
    "sgd": (pl.SGD(0.3), "SGD", {"lr": 0.3}),
    "sgd with decay": (pl.SGD(0.3, weight_decay=0.1), "SGD", {"lr": 0.3, "weight_decay": 0.1}),
    "momentum": (pl.SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "nesterov": (
        pl.SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "adagrad": (pl.Adagrad(0.1), "Adagrad", {"lr": 0.1}),
    "adagrad with decay": (
        pl.Adagrad(0.1, epsilon=1e-3, weight_decay=0.1),
        "Adagrad",
        {"lr": 0.1, "eps": 1e-3, "weight_decay": 0.1},
    ),
    "rmsprop": (pl.RMSProp(0.02), "RMSprop", {"lr": 0.02}),
    "rmsprop with decay": (
        pl.RMSProp(0.02, rho=0.8, epsilon=1e-3, weight_decay=0.1),
        "RMSprop",
        {"lr": 0.02, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1},
    ),
    "adam": (pl.Adam(0.02), "Adam", {"lr": 0.02}),
    "adam with decay": (
        pl.Adam(0.02, beta1=0.8, beta2=0.9, epsilon=1e-4, weight_decay=0.1),
        "Adam",
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adamw": (pl.AdamW(0.02, weight_decay=0.1), "AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    "lion": (pl.Lion(0.01), "Lion", {"lr": 0.01}),
    "lion with decay": (
        pl.Lion(0.01, beta1=0.8, beta2=0.95, weight_decay=0.3),
        "Lion",
        {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.3},
    ),
}
SURROUNDINGS: dict[str, dict[str, Any]] = {
    "alone": {},
    "penalties": {"l1": 0.05, "l2": 0.2},
    "layer rates": {"layer_rates": {"dense1": 0.1, "dense3": 2.0}},
    "clipped by value": {"clip_value": 0.7},
    "clipped by norm": {"clip_norm": 1.5},
    "all of it": {
        "l1": 0.05, "l2": 0.2, "clip_value": 1.2, "clip_norm": 2.0, "layer_rates": {"dense1": 0.3, "dense2": 0.0},
    },
}  # fmt: skip
CASES = list(product(OPTIMIZERS, SURROUNDINGS))


def problem(seed: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """A theta, and the gradients of ten steps."""
    rng = np.random.default_rng(seed)
    size = sum(rows * columns for rows, columns in SHAPES.values())
    return rng.normal(size=size).astype(dtype), rng.normal(size=(10, size)).astype(dtype)


def torch_steps(case: str, surroundings: dict[str, Any], theta: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Theta after each of ten steps, (10, parameters)."""
    import torch

    _, name, arguments = OPTIMIZERS[case]
    factors = surroundings.get("layer_rates", {})
    tensors: dict[str, Any] = {}
    for tensor, part in _parts(theta).items():
        trained = factors.get(tensor.partition("/")[0], 1.0) > 0
        tensors[tensor] = torch.nn.Parameter(torch.tensor(part), requires_grad=trained)
    groups = [
        {"params": [tensor], "lr": arguments["lr"] * factors.get(where.partition("/")[0], 1.0)}
        for where, tensor in tensors.items()
    ]
    if name == "Lion":
        import lion_pytorch

        optimizer = lion_pytorch.Lion(groups, **arguments)
    else:
        optimizer = getattr(torch.optim, name)(groups, **arguments)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: RATES[min(step, 9)])
    steps = []
    for gradient in gradients:
        optimizer.zero_grad()
        loss = torch.zeros((), dtype=torch.tensor(theta).dtype)
        for where, part in _parts(gradient).items():  # a loss with this gradient, and the penalties by autograd
            loss = loss + (torch.tensor(part) * tensors[where]).sum()
            if where.endswith("W"):
                loss = loss + surroundings.get("l1", 0.0) * tensors[where].abs().sum()
                loss = loss + surroundings.get("l2", 0.0) / 2 * tensors[where].square().sum()
        loss.backward()
        if "clip_value" in surroundings:
            torch.nn.utils.clip_grad_value_(tensors.values(), surroundings["clip_value"])
        if "clip_norm" in surroundings:
            torch.nn.utils.clip_grad_norm_(tensors.values(), surroundings["clip_norm"])
        optimizer.step()
        schedule.step()
        steps.append(np.concatenate([tensor.detach().numpy().ravel() for tensor in tensors.values()]))
    return np.array(steps)


def _parts(vector: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors in a flat vector."""
    parts, start = {}, 0
    for name, shape in SHAPES.items():
        parts[name] = vector[start : start + shape[0] * shape[1]].reshape(shape)
        start += shape[0] * shape[1]
    return parts
