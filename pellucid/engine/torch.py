"""The torch engine: the layers' own formulas on PyTorch's tensors, on the CPU or a GPU.

PyTorch is an array library here and nothing more: gradients are those of the formulas, and its autograd is off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine import devices, tensors
from pellucid.engine.graphs import Repeated
from pellucid.engine.reference import gradient_of
from pellucid.losses import Loss
from pellucid.randomness import Draws
from pellucid.workspace import Workspace

Tensor = Any


class TorchEngine:
    """Gradient descent by the reference formulas on tensors. Arguments and results are those of ReferenceEngine.

    Examples, theta and all the rest lie on the device. A step is a function of tensors alone, its number and learning
    rate too, so that it can be replayed as a CUDA graph; the host waits for the device when a run is over, and not
    before. Distortions are computed on the host.

    Args:
        threads: of the CPU; by default PyTorch's own choice.
        device: cpu, cuda, cuda:0, cuda:1, ...

    Raises:
        UsageError: there is no such device.
    """

    name: ClassVar[str] = "torch"

    def __init__(
        self,
        workspace: Workspace,
        loss: Loss,
        descent: Descent,
        images: NDArray[Any],
        targets: NDArray[Any],
        normalization: Normalization,
        batch_size: int,
        seed: int = 0,
        threads: int | None = None,
        weights: NDArray[Any] | None = None,
        device: str = "cpu",
    ) -> None:
        self.workspace, self.loss, self.descent, self.normalization = workspace, loss, descent, normalization
        self.images, self.targets, self.weights = images, targets, weights
        self.batch_size, self.seed, self.step = batch_size, seed, 0
        self.device, self.threads = devices.device(device), threads or torch.get_num_threads()
        theta, state = self._tensor(workspace.theta), self._tensor(workspace.state)
        self.twin = Workspace(workspace.layers, theta, torch.zeros_like(theta), state, tensors)
        self.memory = [torch.zeros_like(theta) for _ in range(descent.optimizer.moments)]
        self.x, self.y = self._tensor(self._rows(images)), self._tensor(targets)
        self.w = None if weights is None else self._tensor(weights)
        self.count = self._tensor(np.int64(0))  # the optimizer's step
        self.position = self._tensor(np.zeros(1, np.int64))  # of the step in its run
        self._make_room(len(images), -(-len(images) // batch_size))

    def run(
        self, order: NDArray[np.int64], rates: NDArray[np.float64], distortions: Distortions | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Train on the examples of `order`, a batch at a time, with one learning rate for each step.

        Returns:
            The mean loss of each step's batch before its update, and how many of it were classified right.
        """
        if len(order) > len(self.order) or len(rates) > len(self.rates):
            self._make_room(len(order), len(rates))
        self.order[: len(order)] = torch.tensor(order)
        self.rates[: len(rates)] = torch.tensor(rates)
        if distortions:
            self._distort(distortions.of(self.images[order]))
        self.position.zero_()
        self.count.fill_(self.step)
        vectors: Sequence[tuple[Tensor, Tensor]] = (
            (self.twin.theta, self.workspace.theta),
            (self.twin.state, self.workspace.state),
        )
        for tensor, vector in vectors:
            tensor.copy_(torch.tensor(vector))  # a callback may have changed it
        steps, rest = divmod(len(order), self.batch_size)
        with self._on_device():
            for _ in range(steps):
                self._step(self.batch_size, bool(distortions))
            if rest:
                self._step(rest, bool(distortions))
        self.step += len(rates)
        for tensor, vector in vectors:
            vector[...] = tensor.cpu().numpy()
        losses, correct = (tensor[: len(rates)].cpu().numpy() for tensor in (self.losses, self.correct))
        return losses.astype(np.float64), correct.copy()

    def _take_step(self, examples: int, distorted: bool) -> None:
        """The step at `position`, of so many examples: nothing but operations on tensors that stay where they are."""
        part = self.position * self.batch_size + torch.arange(examples)
        batch = self.order[part]
        images = self.distorted[part] if distorted else self.x[batch]
        w = None if self.w is None else self.w[batch]
        self.count += 1
        random = Draws(self.seed, self.count, xp=tensors)
        t = gradient_of(self.twin, self.loss, self._columns(images), self.y[batch].T, random, w)
        step, rate = self.count.to(torch.float64), self.rates[self.position].reshape(())
        self.descent.update(self.twin, self.memory, step, rate)
        self.losses[self.position], self.correct[self.position] = t.loss, self.loss.right(t).sum()
        self.position += 1

    def _step(self, examples: int, distorted: bool) -> None:
        """The same, replayed where it can be."""
        key = (examples, distorted)
        if key not in self.steps:
            self.steps[key] = Repeated(partial(self._take_step, *key), self.device)
        self.steps[key]()

    def facts(self) -> dict[str, Any]:
        """What the bits of the result depend on beside the arguments."""
        if self.device.type == "cuda":
            place = {"device": torch.cuda.get_device_name(self.device)}
        else:
            place = {"threads": self.threads, "instruction set": torch.backends.cpu.get_cpu_capability()}
        return {"engine": self.name, **place, "PyTorch": str(torch.__version__), "NumPy": np.__version__}

    @property
    def moments(self) -> list[NDArray[Any]]:
        """The optimizer's moments, in theta's order."""
        return [moment.cpu().numpy() for moment in self.memory]

    def restore(self, moments: Sequence[NDArray[Any]], step: int) -> None:
        """Go on after `step` steps that left these moments; theta is there already."""
        for own, kept in zip(self.memory, moments, strict=True):
            own.copy_(torch.tensor(kept))
        self.step = step

    # What lies on the device

    def _make_room(self, examples: int, steps: int) -> None:
        """For the order, learning rates and results of a run; a step that was captured elsewhere is forgotten."""
        dtype = self.twin.theta.dtype
        self.order, self.correct = (torch.zeros(n, dtype=torch.int64, device=self.device) for n in (examples, steps))
        self.rates = torch.zeros(steps, dtype=torch.float64, device=self.device)
        self.losses = torch.zeros(steps, dtype=dtype, device=self.device)
        self.distorted: Tensor = None
        self.steps: dict[tuple[int, bool], Repeated] = {}

    def _distort(self, images: NDArray[Any]) -> None:
        """Put distorted images, in the order of the run, where the steps read them."""
        if self.distorted is None:
            self.distorted = torch.zeros((len(self.order), *self.x.shape[1:]), dtype=self.x.dtype, device=self.device)
        self.distorted[: len(images)] = torch.tensor(self._rows(images))

    @np.errstate(over="ignore", invalid="ignore")  # what is too large for float32 shows in the loss
    def _rows(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images (N, ...) as rows of what the first layer reads; bytes stay bytes."""
        if images.ndim == 4:
            images = np.moveaxis(images, -1, 1)
        dtype = images.dtype if images.dtype == np.uint8 else self.workspace.theta.dtype
        return np.ascontiguousarray(images.reshape(len(images), *self.workspace.input_shape), dtype)

    def _columns(self, rows: Tensor) -> Tensor:
        """Such rows as x, as `Normalization.columns` makes it."""
        if rows.dtype == torch.uint8:
            rows = rows.to(self.twin.theta.dtype) * self.normalization.scale
            rows = rows + self.normalization.offset if self.normalization.offset else rows
        return torch.moveaxis(rows, 0, -1).contiguous()

    def _tensor(self, array: Any) -> Tensor:
        return torch.tensor(array, device=self.device)

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """New tensors lie on the device, nothing is recorded for autograd, and the threads are as many as wished."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.no_grad(), ExitStack() as stack:
                if self.device.type != "cpu":  # where they lie anyhow, and asking slows each operation
                    stack.enter_context(self.device)
                if self.device.type == "cuda":
                    stack.enter_context(torch.cuda.device(self.device))
                yield
        finally:
            torch.set_num_threads(before)
