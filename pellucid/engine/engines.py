"""The engines by name, and which of them trains a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine import devices
from pellucid.engine.native import NativeEngine, unavailable
from pellucid.engine.reference import ReferenceEngine
from pellucid.errors import UsageError
from pellucid.layers import Array, Layer
from pellucid.losses import Loss
from pellucid.names import choose
from pellucid.workspace import Workspace


class Engine(Protocol):
    """What every engine has: what it was given, one verb, and what a checkpoint keeps of it."""

    name: ClassVar[str]
    workspace: Workspace  # its theta is up to date after every run
    loss: Loss
    descent: Descent
    images: NDArray[Any]  # (N, ...)
    targets: NDArray[Any]  # (N, outputs)
    normalization: Normalization
    batch_size: int
    seed: int
    step: int  # of the optimizer, done
    weights: NDArray[Any] | None  # (N,) of the examples

    @property
    def moments(self) -> Sequence[Array]:
        """The optimizer's vectors, in theta's order."""

    def run(
        self, order: NDArray[np.int64], rates: NDArray[np.float64], distortions: Distortions | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Train on the examples of `order`, distorted so; the loss and the number of right answers of each step."""

    def facts(self) -> dict[str, Any]:
        """What the bits of the result depend on beside the arguments."""

    def restore(self, moments: Sequence[Array], step: int) -> None:
        """Go on after `step` steps that left these moments; theta is there already."""


def gradient_beside(
    engine: Engine, workspace: Workspace, batch: NDArray[np.int64], distortions: Distortions | None
) -> Array:
    """∇L of the engine's coming step if these are its examples, by the reference formulas.

    `workspace` stands where the engine's does and is the caller's own: the engine is not touched. Penalties and
    clipping are not in it.
    """
    one = engine
    twin = ReferenceEngine(
        workspace, one.loss, one.descent, one.images, one.targets, one.normalization, one.batch_size, one.seed,
        weights=one.weights,
    )  # fmt: skip
    twin.step = one.step
    twin.gradient(batch, distortions)
    return workspace.gradient


def _torch_engine(*given: Any, **options: Any) -> Engine:
    from pellucid.engine.torch import TorchEngine  # imported here: PyTorch takes seconds, and may not be there

    return TorchEngine(*given, **options)


ENGINES: dict[str, Callable[..., Engine]] = {
    "native": NativeEngine,
    "reference": ReferenceEngine,
    "torch": _torch_engine,
}


def select(
    name: str,
    layers: Sequence[Layer],
    dtype: np.dtype[Any],
    loss: Loss,
    descent: Descent,
    device: str = "cpu",
) -> tuple[str, str]:
    """The engine that `name` means for this training, and where it is "auto" why that is not the native one.

    On a device other than the CPU, "auto" means the torch engine.

    Raises:
        UsageError: an unknown name, "native" for a training that it cannot do, or a device that is not there.
    """
    choose("engine", name, dict.fromkeys(("auto", *ENGINES)))
    if name == "torch" or device != "cpu":
        devices.device(device)
        if name not in ("auto", "torch"):
            raise UsageError(f"The {name} engine computes on the CPU. Take the engine torch for {device}.")
        return "torch", ""
    reason = unavailable(layers, dtype, loss, descent) if name != "reference" else ""
    if name == "native" and reason:
        raise UsageError(f"The native engine cannot train this network: {reason}. Take the engine auto or reference.")
    if name == "auto":
        return ("reference", f"not native: {reason}") if reason else ("native", "")
    return name, ""
