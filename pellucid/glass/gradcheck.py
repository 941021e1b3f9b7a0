"""The gradient check: what the chain rule says against what happens when a number is nudged.

For a coordinate θ_k the central difference (L(θ + h e_k) − L(θ − h e_k)) / 2h, in float64 with h = 1e-5, must equal
the analytic ∂L/∂θ_k (e_k is 1 at place k, else 0). A tensor passes when

    max|a − n| ≤ 1e-7 · max|a| + 1e-10 · (1 + |L|).

Where a ReLU switches between the two evaluations, or another pixel wins in max pooling, the difference measures the
kink and not the gradient: such coordinates are drawn again, and counted. Networks without kinks are also checked by the
complex step Im L(θ + i h e_k) / h, with i the imaginary unit and h = 1e-30, which subtracts nothing and so loses no
digits (Squire, Trapp, 1998). What dropout and noise layers draw is held: both evaluations take the same pass of
training. In it batch normalization measures the batch, which a nudge changes; in a pass of prediction its statistics
are held. Either way the network's own running statistics stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engine.reference import gradient_of, loss_of
from pellucid.errors import NumericError
from pellucid.layers import walk
from pellucid.network import Network
from pellucid.randomness import Draws, generator
from pellucid.workspace import slots

STEP = 1e-5
COMPLEX_STEP = 1e-30
JITTER = 1e-2
ATTEMPTS = 5
TOLERANCES = {"central_difference": (1e-7, 1e-10), "complex_step": (1e-12, 1e-13)}  # of max|a|, of 1 + |L|


@dataclass(frozen=True)
class TensorCheck:
    """The check of one tensor by one method."""

    name: str
    shape: tuple[int, ...]
    method: str  # "central difference" or "complex step"
    checked: int  # coordinates compared
    redrawn: int  # coordinates passed over because a ReLU or a pooling switched
    difference: float  # max|a − n|
    largest: float  # max|a|
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether at least one coordinate was compared and all agree."""
        return self.checked > 0 and self.difference <= self.tolerance

    @property
    def relative(self) -> float:
        """max|a − n| / max|a|."""
        return self.difference / self.largest if self.largest else self.difference


@dataclass(frozen=True)
class GradientCheck:
    """The check of all tensors of a network."""

    loss: float
    tensors: list[TensorCheck]

    @property
    def passed(self) -> bool:
        """Whether every tensor passed."""
        return all(tensor.passed for tensor in self.tensors)

    @property
    def smooth(self) -> bool:
        """Whether the network has no kinks, so that the complex step was taken too."""
        return any(tensor.method == "complex step" for tensor in self.tensors)

    @property
    def worst(self) -> TensorCheck:
        """The tensor with the largest difference, measured by its tolerance (NaN is the largest)."""
        return max(self.tensors, key=lambda tensor: np.nan_to_num(tensor.difference / tensor.tolerance, nan=np.inf))

    @property
    def suspect(self) -> TensorCheck:
        """The wrong gradient that the backward pass came to first.

        The mistake is in the backward pass of its layer, or between it and the next layer with parameters,
        that one's dx included.
        """
        return next(tensor for tensor in reversed(self.tensors) if not tensor.passed)

    @property
    def checked(self) -> int:
        """Coordinates compared."""
        return sum(tensor.checked for tensor in self.tensors)

    @property
    def redrawn(self) -> int:
        """Coordinates passed over because a ReLU or a pooling switched."""
        return sum(tensor.redrawn for tensor in self.tensors)


class Probe:
    """The mean loss, to be read while single numbers of theta or of the input are nudged.

    Args:
        network: gives layers and loss; it is only read.
        theta: the parameters.
        x: (features, B) or (channels, height, width, B) the input.
        y: (outputs, B) the targets.
        dtype: float64, or complex128 for the complex step.
        random: what layers draw from, the same in every evaluation; None for a pass of prediction.
        w: (B,) the weights of the examples; None weighs all alike.
    """

    def __init__(
        self,
        network: Network,
        theta: NDArray[Any],
        x: NDArray[Any],
        y: NDArray[Any],
        dtype: type[Any] = np.float64,
        random: Draws | None = None,
        w: NDArray[Any] | None = None,
    ) -> None:
        self.network, self.x, self.y, self.random, self.w = network, np.array(x, dtype, order="C"), y, random, w
        self.theta = theta.astype(dtype)
        self.workspace = network.workspace(self.theta, np.zeros_like(self.theta))
        self.flat = {"theta": self.theta, "input": self.x.reshape(-1)}

    def gradients(self) -> tuple[float, dict[str, NDArray[Any]]]:
        """The mean loss and its analytic gradients by theta and by the input, flat."""
        t = gradient_of(self.workspace, self.network.loss, self.x, self.y, self.random, self.w, input_gradient=True)
        by_input = getattr(self.workspace.numbers[0], "d" + self.workspace.layers[0].input)
        return float(t.loss), {"theta": self.workspace.gradient, "input": by_input.reshape(-1)}

    def forget(self, rng: np.random.Generator) -> None:
        """Run both passes on other numbers, so that whatever is left over from an earlier pass is wrong."""
        x, y = rng.normal(size=self.x.shape), rng.permuted(self.y, axis=0)
        random = self.random and replace(self.random, first=self.random.first + x.shape[1])
        gradient_of(self.workspace, self.network.loss, x.astype(self.x.dtype), y, random, self.w, input_gradient=True)

    def loss(self, which: str, index: int, nudge: complex) -> Any:
        """The mean loss with one number of theta or the input moved by `nudge`."""
        vector = self.flat[which]
        before = vector[index]
        vector[index] += nudge
        loss = loss_of(self.workspace, self.network.loss, self.x, self.y, self.random, self.w).loss
        vector[index] = before
        return loss

    def branches(self) -> list[Any]:
        """Which pieces the piecewise formulas took in the last evaluation; empty for a smooth network."""
        of = self.workspace.of
        found = (layer.branches(of[layer.name]) for layer in walk(self.workspace.layers))
        return [branches for branches in found if branches is not None]


def gradcheck(
    network: Network,
    *,
    examples: int = 5,
    coordinates: int | None = 200,
    training: bool = True,
    weighted: bool = False,
    seed: int = 0,
    step: float = STEP,
    progress: Callable[[str], None] = lambda name: None,
) -> GradientCheck:
    """Check the gradient of every parameter tensor and of the input, on random examples.

    The check is made a little beside the network's theta, because a unit whose inputs are all 0 and whose
    bias is still 0 has z = 0, exactly on the kink of its ReLU, where there is no derivative to compare with. Where
    kinks leave nothing of a tensor to compare (a single bias, for instance), other examples are drawn.

    Args:
        network: it is only read; the check runs in a float64 workspace of its own.
        examples: the size of the batch.
        coordinates: how many to draw from each tensor; None checks all.
        training: check a pass of training; otherwise one of prediction.
        weighted: give each example a weight of its own, as class and sample weights do.
        seed: of the examples and the coordinates.
        step: h of the central difference.
        progress: is told the name of each tensor before it is checked.
    """
    for attempt in range(ATTEMPTS):
        rng, random = generator(seed, "check", attempt), Draws(seed, step=attempt + 1) if training else None
        check = _check(network, rng, random, examples, weighted, coordinates, step, progress)
        if all(tensor.checked for tensor in check.tensors):
            break
    return check


@np.errstate(over="ignore", invalid="ignore")  # a gradient that is NaN fails its check
def _check(
    network: Network,
    rng: np.random.Generator,
    random: Draws | None,
    examples: int,
    weighted: bool,
    coordinates: int | None,
    step: float,
    progress: Callable[[str], None],
) -> GradientCheck:
    """The check on examples and coordinates drawn from `rng`."""
    x = rng.normal(size=(*network.layers[0].input_shape, examples))
    y = rng.dirichlet(np.ones(max(network.outputs, 2)), examples).T[: network.outputs]  # shares of 1, none of them 0
    theta = network.theta.astype(np.float64)
    theta += JITTER * rng.normal(size=theta.shape)
    w = rng.uniform(0.5, 2, examples) if weighted else None
    probe = Probe(network, theta, x, y, random=random, w=w)
    probe.forget(rng)
    loss, analytic = probe.gradients()
    if not np.isfinite(loss):
        raise NumericError(f"The loss is {loss}: the weights are too large to check a gradient with.")

    probes = [(probe, central_difference)]
    if not probe.branches():
        probes.append((Probe(network, theta, x, y, np.complex128, random, w), complex_step))
    places = [(slot.name, slot.shape, "theta", slot.start) for slot in slots(network.layers, "parameter")]
    tensors = []
    for name, shape, which, start in [("input", x.shape, "input", 0), *places]:
        progress(name)
        for prober, method in probes:
            order = (start + rng.permutation(prod(shape))).tolist()
            numeric = (method(prober, which, index, step) for index in order)
            pairs = zip(analytic[which][order], numeric, strict=True)
            tensors.append(_compare(name, tuple(shape), method.__name__, pairs, coordinates, loss))
    return GradientCheck(loss, tensors)


def central_difference(probe: Probe, which: str, index: int, step: float) -> float | None:
    """(L(+h) − L(−h)) / 2h, or None where a piecewise formula takes another piece in between."""
    above, branches_above = probe.loss(which, index, step), probe.branches()
    below, branches_below = probe.loss(which, index, -step), probe.branches()
    if not all(map(np.array_equal, branches_above, branches_below)):
        return None
    return float(above - below) / (2 * step)


def complex_step(probe: Probe, which: str, index: int, step: float) -> float:
    """Im L(+ih) / h; its step has nothing to do with that of the central difference."""
    return float(probe.loss(which, index, 1j * COMPLEX_STEP).imag) / COMPLEX_STEP


def _compare(
    name: str,
    shape: tuple[int, ...],
    method: str,
    pairs: Iterator[tuple[float, float | None]],
    coordinates: int | None,
    loss: float,
) -> TensorCheck:
    """Compare (analytic, numeric) pairs until so many coordinates could be compared."""
    checked, redrawn, difference, largest = 0, 0, 0.0, 0.0
    for a, n in pairs:
        if n is None:
            redrawn += 1
            continue
        difference = float(np.maximum(difference, abs(a - n)))  # keeps a NaN
        largest = max(largest, abs(float(a)))
        checked += 1
        if checked == coordinates:
            break
    relative, absolute = TOLERANCES[method]
    tolerance = relative * largest + absolute * (1 + abs(loss))
    return TensorCheck(name, shape, method.replace("_", " "), checked, redrawn, difference, largest, tolerance)
