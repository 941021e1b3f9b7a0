"""A committee: networks of one architecture that answer together, by the mean of their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.checks import check_whole
from pellucid.data.dataset import Dataset
from pellucid.data.normalization import Normalization
from pellucid.engine.prediction import check_finite
from pellucid.errors import CommitteeError, UsageError
from pellucid.examples import check_images
from pellucid.files.model import write_model
from pellucid.layers import Numbers
from pellucid.layers.activation import Activation, Sigmoid, Softmax, Tanh
from pellucid.losses import Loss, decide, for_labels
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.workspace import slots

Floats = NDArray[Any]


class Committee:
    """Networks that differ in their parameters alone; their mean outputs are right more often than those of one.

    `pellucid train RECIPE --members N` trains one; `Committee.of` makes one of trained networks. It predicts, tests and
    is saved as a network is. What else a network can do its members do: `committee.member(1)`, they count from 1.

    Args:
        network: what the members have in common; its own parameters stand for nothing.
        theta: (members, P) the parameters of each.
        state: (members, S) the running statistics of each.

    Source: Hansen, Salamon, "Neural network ensembles", 1990.
    """

    def __init__(self, network: Network, theta: Floats, state: Floats) -> None:
        self._network, self._theta, self._state = network, theta, state

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Committee:
        """The committee of these networks, whose parameters are copied.

        Raises:
            UsageError: no networks, or two that differ in more than their parameters; naming in what.
        """
        if not networks:
            raise UsageError("A committee has at least one member; no network came.")
        first, *others = [network.about() | {"dtype": network.dtype.name} for network in networks]
        for number, other in enumerate(others, start=2):
            for name, value in first.items():
                if other[name] != value:
                    raise UsageError(
                        f"Member 1 of the committee has {name} {value}, member {number} has {other[name]}. "
                        "Members differ in their parameters alone."
                    )
        theta, state = (np.array([getattr(network, name) for network in networks]) for name in ("theta", "state"))
        return cls(deepcopy(networks[0]), theta, state)

    # What its members are

    def __len__(self) -> int:
        return len(self._theta)

    def member(self, number: int) -> Network:
        """A copy of one member, as a network of its own: 1, 2, ...

        Raises:
            UsageError: there is no such member; naming those that there are.
        """
        check_whole("member", number, 1, len(self))
        network = deepcopy(self._network)
        network.theta[...], network.state[...] = self._theta[number - 1], self._state[number - 1]
        return network

    @property
    def theta(self) -> Floats:
        """The parameters of all members, (members, P); a row is as a network's theta."""
        return self._theta

    @property
    def state(self) -> Floats:
        """The running statistics of all members, (members, S)."""
        return self._state

    # What they have in common

    @property
    def architecture(self) -> str:
        """Of each member, in the notation, such as "784-128-64-10"."""
        return self._network.architecture

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self._network.input_shape

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self._network.classes

    @property
    def normalization(self) -> Normalization:
        """Of uint8 pixels."""
        return self._network.normalization

    @property
    def output(self) -> str:
        """The name of the output link."""
        return self._network.output

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return self._network.outputs

    @property
    def loss(self) -> Loss:
        """The loss with its output link."""
        return self._network.loss

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of parameters and outputs."""
        return self._theta.dtype

    # The verbs

    def predict(self, images: NDArray[Any]) -> Floats:
        """The mean of what the members say of each example: see `Network.predict`. They are asked one after another."""
        shared = self._network
        images = check_images(images, shared.input_shape)
        shared.check_scale(images)
        total = np.zeros((len(images), shared.outputs), shared.dtype)
        for theta, state in zip(self._theta, self._state, strict=True):
            total += shared.predictor(shared.loss, theta, state, images, shared.normalization)
        return total / len(self)

    def classify(self, images: NDArray[Any]) -> NDArray[np.int64]:
        """The class of each example, (N,): the largest mean output, or whether a single one is above ½."""
        return np.asarray(decide(self.predict(images).T), np.int64)

    @np.errstate(over="ignore", invalid="ignore")  # check_finite says it in words
    def evaluate(self, data: Dataset | NDArray[Any], labels: NDArray[Any] | None = None) -> Evaluation:
        """Accuracy, loss and mistakes of the mean outputs on labelled examples: see `Network.evaluate`."""
        shared = self._network
        images, targets = shared.check_examples(data, labels)
        shared.check_scale(images)
        loss, t = for_labels(shared.loss, labels), Numbers("the loss", np)
        logits = np.empty((len(self), shared.outputs, len(images)), shared.dtype)
        for theta, state, own in zip(self._theta, self._state, logits, strict=True):
            for part, z in shared.predictor.logits(loss.link, theta, state, images, shared.normalization):
                own[:, part] = z
        t.z, t.y = logits_of_mean(loss.link, logits), targets.T
        loss.forward(t)
        outputs, mean_loss = check_finite(t.a.T), float(t.losses.mean(dtype=np.float64))
        true, predicted = (np.asarray(loss.decide(values).T, np.int64) for values in (t.y, t.a))
        return Evaluation(outputs, true, predicted, mean_loss, shared.classes)

    def save(self, path: str | Path, made: dict[str, Any] | None = None) -> None:
        """Write the committee to one model file, atomically; `made` says how it was made."""
        layers = self._network.layers
        tensors = {slot.name: slot.view(self._theta) for slot in slots(layers, "parameter")}
        tensors |= {slot.name: slot.view(self._state) for slot in slots(layers, "state")}
        write_model(Path(path), tensors, self._network.about() | {"members": len(self), "made": made or {}})

    def summary(self) -> None:
        """Print the layers of a member, and how many members there are."""
        print(self)

    def __str__(self) -> str:
        count = f"{len(self)} member{'s' if len(self) > 1 else ''}"
        return f"{self._network}\ncommittee of {count} of this architecture, {self._theta.size:,} parameters in all"

    if not TYPE_CHECKING:  # where types are checked, it simply has no such attribute

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or not hasattr(self._network, name):
                raise AttributeError(f"A committee has no {name!r}.")
            raise CommitteeError(
                f"A committee has no {name} of its own, its {len(self)} members have. Take one of them: "
                f"committee.member(1) to member({len(self)}), on the command line --member."
            )


def logits_of_mean(link: Activation, logits: Floats) -> Floats:
    """The logits whose outputs are the mean of the members' outputs: with them a loss needs no logarithm of a mean.

    Computed with logarithms of outputs, which neither overflow nor are those of a 0:

        softmax    z_k = log Σ_m a_mk; the log of the number of members, left out, changes no output
        sigmoid    z = log Σ_m σ(z_m) − log Σ_m σ(−z_m)
        tanh       tanh(z) = 2 σ(2z) − 1, so half of what sigmoid has for 2 z_m
        identity   the mean

    Args:
        link: the output link.
        logits: (members, outputs, N).

    Returns:
        (outputs, N).
    """
    add = np.logaddexp.reduce
    if isinstance(link, Softmax):
        return np.asarray(add(logits - add(logits, axis=1, keepdims=True), axis=0))
    if isinstance(link, Sigmoid):
        return np.asarray(add(-np.logaddexp(0, -logits), axis=0) - add(-np.logaddexp(0, logits), axis=0))
    if isinstance(link, Tanh):
        return logits_of_mean(Sigmoid(), 2 * logits) / 2
    return np.asarray(logits.mean(axis=0))
