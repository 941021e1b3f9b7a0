"""Writes a plan, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from pellucid.engine.plan import MOST_PARTS, PAD, PANEL, Images, Matrix, Operation, Plan, Rows, Vector, padded
from pellucid.layers import Layer, walk
from pellucid.layers.dense import Dense
from pellucid.workspace import slots

Tensor = Rows | Images
ELSEWHERE = 2**40  # beyond the arena, and as much apart from each other, are tensors that have no place yet
PLACES = ("x", "y", "kept", "also")
Backward = Callable[[Any, bool], Any]  # the gradient of a layer's output, whether dx is wanted -> dx


class Builder:
    """Writes a plan, operation by operation.

    Args:
        layers: of the network.
        rule: the descent, a record of lowering/rule.py.
        batch_size: examples of a step.
        seed: of what is drawn for each element.
        abreast: whether images lie abreast somewhere.
        sparse: whether the first layer passes over pixels that are 0.
        threads: that will run the plan.
        training: whether there are steps; a prediction keeps nothing for a way back, so that PAD images abreast lie
            where the last ones lay.
        packed: whether the parameters lie in the arena; else they are read from theta.
        rates: factors of the learning rate by the names of layers; 0 freezes a layer.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        rule: Any,
        batch_size: int,
        seed: int,
        *,
        abreast: bool = False,
        sparse: bool = False,
        threads: int = 1,
        training: bool = True,
        packed: bool = True,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.threads, self.training, self.rates = threads, training, rates or {}
        self.seed, self.batch_size, self.rule = seed, batch_size, rule
        self.plan = Plan(batch_size, rule, [])
        self.must_meet = False  # before the next operation
        self.first: list[Operation] = []  # what begins a step, before the batch is read
        self.updates: list[Operation] = []  # they come last: every gradient is read before a parameter moves
        self.index = {layer.name: index for index, layer in enumerate(walk(layers))}
        self.rim = 0  # zeros that what comes next needs around images
        self.blocks = -(-batch_size // PAD) if training else 1  # of images abreast
        self.gradients: list[Images] = []
        self._place_parameters(layers, sparse, packed)
        shared = abreast or any(isinstance(parameters, Vector) for parameters in self.plan.parameters)
        if shared and training:
            self.plan.part = PAD * -(-self.blocks // MOST_PARTS)
        self.parameters = self.plan.size
        vectors = [name for name in ("gradient", "first", "second", "average") if rule[name]]
        for name in vectors:
            rule[name] = self.claim(self.parameters)
        for slot in slots(layers, "state"):
            vector = Vector(slot.layer.name, self.plan.size, slot.start, slot.stop - slot.start)
            self.plan.state.append(vector)
            self.claim(vector.size)

    def _place_parameters(self, layers: Sequence[Layer], sparse: bool, packed: bool) -> None:
        for layer, group in groupby(slots(layers, "parameter"), lambda slot: slot.layer):
            places = list(group)
            first = places[0]
            parameters: Matrix | Vector
            if isinstance(layer, Dense):  # b follows W
                outputs, inputs = first.shape
                panel = PANEL if sparse and layer is layers[0] else padded(outputs)
                parameters = Matrix(layer.name, self.plan.size, first.start, inputs, outputs, panel)
            else:
                units = first.shape[0] if first.tensor.name == "W" else 0
                weights = first.stop - first.start if units else 0
                parameters = Vector(
                    layer.name, self.plan.size, first.start, places[-1].stop - first.start, units, weights
                )
            self.plan.parameters.append(parameters)
            if packed:
                self.claim(parameters.size)

    def claim(self, floats: int) -> int:
        """So many floats of the arena."""
        place = self.plan.size
        self.plan.size += padded(floats)
        return place

    def rows(self, width: int, spare: bool = False) -> Rows:
        """A new tensor of the batch."""
        return Rows(self.claim(self.batch_size * padded(width)), width, spare)

    def images(self, shape: Sequence[int], *, spare: bool = False, gradient_rim: int = 0) -> Images:
        """New images of the batch, with the rim that what comes next needs."""
        channels, height, width = shape
        images = Images(0, channels, height, width, self.rim, not self.training, spare, gradient_rim)
        return self.images_like(images)

    def images_like(self, x: Images) -> Images:
        """New images of the batch that lie as x does."""
        return replace(x, start=self.claim(self.blocks * x.size))

    def parts(self, parameters: Vector) -> int:
        """Where the parts of a batch leave their gradients of these parameters."""
        return self.claim(-(-self.batch_size // self.plan.part) * parameters.size)

    def gradient_of(self, x: Tensor) -> Any:
        """A new tensor for the gradient of x; that of images is given its place when all who read it are known."""
        if isinstance(x, Rows):
            return self.rows(x.width, spare=True)
        start = ELSEWHERE * (len(self.gradients) + 1)
        self.gradients.append(replace(x, start=start, rim=x.gradient_rim, spare=True))
        return self.gradients[-1]

    def settle(self) -> None:
        """Give the gradients of images their places.

        Where PAD images go through all that writes and reads them before the next PAD come, each thread has room for
        PAD, which stay in its cache; else there is room for the whole batch.
        """
        operations = self.plan.operations
        for images in self.gradients:
            mine = range(images.start, images.start + ELSEWHERE)
            own = [n for n, o in enumerate(operations) if any(getattr(o, name)[0] in mine for name in PLACES)]
            between = operations[own[0] + 1 : own[-1] + 1]
            whole = any(operation.meet or operation.carry != PAD for operation in between)
            shift = self.claim(images.size * (self.blocks if whole else self.threads)) - images.start
            unit, thread = (images.size, 0) if whole else (0, images.size)
            for n in own:
                found = {name: getattr(operations[n], name) for name in PLACES}
                moved: dict[str, Any] = {
                    name: (place[0] + shift, unit, thread, *place[3:])
                    for name, place in found.items()
                    if place[0] in mine
                }
                operations[n] = replace(operations[n], **moved)

    def begin(self) -> None:
        """Put in front what begins a step; no thread may have to wait once more for that."""
        if self.first:
            head, *rest = self.plan.operations
            self.first[0] = replace(self.first[0], meet=True)
            self.plan.operations = [*self.first, replace(head, meet=False), *rest]

    def parameters_of(self, name: str) -> Any:
        """Where the parameters of the layer of this name lie."""
        return next(parameters for parameters in self.plan.parameters if parameters.layer == name)

    def state_of(self, name: str) -> Vector:
        """Where the running statistics of the layer of this name lie: the first of them, and the others behind it."""
        return next(vector for vector in self.plan.state if vector.layer == name)

    def emit(self, kernel: str, layer: str, shapes: str, arithmetic: int, floats: int, **fields: Any) -> None:
        """The next operation; `arithmetic` and `floats` (read and written) are those of one example.

        Each thread carries its examples through it: all of them, or PAD at a time where images are read or written.
        """
        size, meet = self.batch_size, fields.pop("meet", False) or self.must_meet
        self.must_meet = False
        fields.setdefault("carry", size)
        self.plan.operations.append(
            Operation(kernel, layer, shapes, arithmetic * size, 4 * floats * size, meet=meet, **fields)
        )

    @property
    def way(self) -> str:
        """What becomes of a gradient: it is kept for its norm, part of a product, or used for an update."""
        return "gradient" if self.rule["clip_norm"] else "descend" if self.rule["in_product"] else "update"

    def rate_of(self, name: str) -> float:
        """The factor of the learning rate of the layer of this name; where it is 0, nobody asks for its gradient."""
        return self.rates.get(name, 1.0)

    def update(self, kernel: str, layer: str, shapes: str, arithmetic: int, floats: int, **fields: Any) -> None:
        """An operation that ends the step: all threads have met, and it shares out its own work.

        `arithmetic` and `floats` are those of the whole batch; each parameter is read and written, with its moments.
        A layer that is frozen needs none.
        """
        parameters, rate = self.parameters_of(layer), self.rate_of(layer)
        if not rate:
            return
        size = parameters.size
        if isinstance(parameters, Vector):
            fields["inputs"] = parameters.weights
        vectors = 2 + 2 * sum(bool(self.rule[name]) for name in ("first", "second")) if self.way == "update" else 2
        self.updates.append(
            Operation(
                f"{kernel}_{self.way}", layer, shapes, arithmetic, 4 * (floats + vectors * size),
                meet=not self.updates, number=rate, **fields,
            )
        )  # fmt: skip

    def scratch(self, floats: int) -> None:
        """Each thread needs so many floats of scratch."""
        self.plan.scratch = max(self.plan.scratch, padded(floats))
