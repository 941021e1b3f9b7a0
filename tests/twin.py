"""The same network in PyTorch: layer by layer, at the same parameters, with the same draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.layers import Layer, Numbers
from pellucid.workspace import Workspace, slots


class Twin:
    """A workspace's layers in PyTorch, in float64, with the masks and noise that the workspace drew."""

    def __init__(self, workspace: Workspace, training: bool) -> None:
        import torch

        torch.set_num_threads(1)  # for small arrays more of them take forty times as long
        self.torch, self.functional, self.workspace, self.training = torch, torch.nn.functional, workspace, training
        places = [(slot.name, slot.view(workspace.theta)) for slot in slots(workspace.layers, "parameter")]
        self.parameters = {name: torch.tensor(view, requires_grad=True) for name, view in places}
        states = [(slot.name, slot.view(workspace.state).ravel()) for slot in slots(workspace.layers, "state")]
        self.states = {name: torch.tensor(view) for name, view in states}

    def run(self, layers: Any, x: Any) -> Any:
        """What these layers make of x, which has the examples first."""
        for layer in layers:
            x = getattr(self, f"_{type(layer).__name__}", self._activation)(layer, self.workspace.of[layer.name], x)
        return x

    def loss(self, made: Any, z: Any, y: Any, w: Any) -> Any:
        """Σ w·loss / Σ w of logits and targets (N, outputs), by PyTorch's losses, which smooth by themselves."""
        functional, smoothing = self.functional, made.smoothing
        if made.loss == "cross_entropy":
            losses = functional.cross_entropy(z, y, reduction="none", label_smoothing=smoothing)
        elif made.loss == "binary_cross_entropy":
            smoothed = (1 - smoothing) * y + smoothing / 2
            formula = (
                functional.multilabel_soft_margin_loss
                if made.multi_label
                else functional.binary_cross_entropy_with_logits
            )
            losses = formula(z, smoothed, reduction="none")
            losses = losses * z.shape[1] if made.multi_label else losses.sum(dim=1)
        else:
            links = {"identity": lambda z: z, "softmax": lambda z: z.softmax(dim=1)}
            link = links.get(made.output) or getattr(self.torch, made.output)
            losses = functional.mse_loss(link(z), y, reduction="none").sum(dim=1)
        return (w * losses).sum() / w.sum()

    def gradient(self) -> np.ndarray:
        return np.concatenate([tensor.grad.numpy().ravel() for tensor in self.parameters.values()])

    def state(self) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(tensor.numpy() for tensor in self.states.values())])

    def _of(self, layer: Layer, *names: str) -> list[Any]:
        return [self.parameters[f"{layer.name}/{name}"] for name in names]

    def _Dense(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        weight, bias = self._of(layer, "W", "b")
        return self.functional.linear(x, weight, bias[:, 0])

    def _Convolution(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        weight, bias = self._of(layer, "W", "b")
        return self.functional.conv2d(x, weight, bias[:, 0], layer.stride, layer.padding)

    def _MaxPooling(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return self.functional.max_pool2d(x, layer.side, layer.stride)

    def _AveragePooling(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return self.functional.avg_pool2d(x, layer.side, layer.stride)

    def _GlobalAveragePooling(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return self.functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def _Flatten(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return x.flatten(1)

    def _BatchNormalization(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        gain, bias = self._of(layer, "gain", "bias")
        mean, variance = (self.states[f"{layer.name}/{name}"] for name in ("mean", "variance"))
        return self.functional.batch_norm(x, mean, variance, gain[:, 0], bias[:, 0], self.training)

    def _LayerNormalization(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        gain, bias = (tensor.reshape(x.shape[1:]) for tensor in self._of(layer, "gain", "bias"))
        return self.functional.layer_norm(x, x.shape[1:], gain, bias)

    def _Dropout(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return x * self.torch.tensor(np.moveaxis(t.m, -1, 0))

    def _GaussianNoise(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return x + layer.sigma * self.torch.tensor(np.moveaxis(t.n, -1, 0))

    def _Residual(self, layer: Any, t: Numbers, x: Any) -> Any:  # noqa: N802
        return self.run(layer.shortcut, x) + self.run(layer.layers, x)

    def _activation(self, layer: Any, t: Numbers, z: Any) -> Any:
        if layer.kind == "leaky_relu":
            return self.functional.leaky_relu(z, layer.slope)
        if layer.kind == "softmax":
            return self.functional.softmax(z, dim=1)
        return z if layer.kind == "identity" else getattr(self.functional, layer.kind)(z)
