"""Distorted images by kernels: what these are told, and the kernels alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions, gaussian, radius
from pellucid.engine.compiled import instruction_set, plain, prepare
from pellucid.engine.lowering.rule import RULE
from pellucid.engine.plan import Operation, Plan, Rows, distortion_size, padded


def as_arguments(distortions: Distortions, height: int, width: int) -> tuple[Any, ...]:
    """The distortions of images of this size as a plan's `train` takes them, see kernels/arguments.h."""
    arguments = (height, width, plain(distortions.maps, np.float32), plain(distortions.rectangles, np.int64))
    if not (field := distortions.field):
        return arguments
    down, across = gaussian(height, field.sigma), np.zeros((width, padded(width)), np.float32)
    across[:, :width] = gaussian(width, field.sigma).T * np.float32(field.alpha / 128)  # of bytes
    return (*arguments, plain(field.indices, np.int64), field.key, radius(field.sigma), down, across)


class Distorter:
    """The kernels that distort images, alone, as a training runs them: for tests and measurements.

    Args:
        images: (N, height, width) or (N, height, width, channels), bytes or float32.
        batch_size: images at a time.
        threads: that share each batch.
    """

    def __init__(self, images: NDArray[Any], batch_size: int, threads: int = 1) -> None:
        self.images, self.batch_size = np.ascontiguousarray(images), batch_size
        self.size, self.channels = (images.shape[1], images.shape[2]), images[0, 0, 0].size
        self.features, size = images[0].size, batch_size * padded(images[0].size)
        x, z, dz = Rows(0, self.features), Rows(size, 1), Rows(size + batch_size * padded(1), 1)
        plan = Plan(batch_size, np.zeros(1, RULE)[0], [], size=size + 2 * batch_size * padded(1))
        plan.operations = [
            Operation("gather", "input", "", 0, 0, y=x.place, outputs=self.features, meet=True),
            Operation("squared_error", "loss", "", 0, 0, x=z.place, y=dz.place, inputs=1, outputs=1),
        ]  # a training has a loss; this one stays 0
        plan.scratch = distortion_size(*self.size, self.channels)
        self.arena, self.runner = prepare(plan, threads, instruction_set())

    def __call__(self, distortions: Distortions) -> NDArray[np.float32]:
        """Distort all images, a batch after the other; the floats of the last whole batch."""
        count = len(self.images)
        steps = -(-count // self.batch_size)
        self.runner.train(
            images=self.images, targets=np.zeros((count, 1), np.float32), area=self.features // self.channels,
            channels=self.channels, scale=1.0, offset=0.0, order=np.arange(count), rates=np.zeros(steps), step=1,
            losses=np.empty(steps), correct=np.empty(steps, np.int64),
            distortions=as_arguments(distortions, *self.size),
        )  # fmt: skip
        rows = self.arena[: self.batch_size * padded(self.features)].reshape(self.batch_size, -1)[:, : self.features]
        planes = rows.reshape(self.batch_size, self.channels, *self.size)
        return np.moveaxis(planes, 1, -1).reshape(self.batch_size, *self.images.shape[1:])
