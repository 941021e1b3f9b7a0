"""A network: layers in a row, all of whose parameters are one point theta."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.building import check_output, initialize
from pellucid.data.dataset import Dataset
from pellucid.data.normalization import Normalization
from pellucid.engine import reference
from pellucid.engine.prediction import Predictor
from pellucid.errors import ShapeError, UsageError
from pellucid.examples import FAR, check_classes, check_images, check_targets, targets_of, typical_size
from pellucid.files.model import write_model
from pellucid.layers import Layer, Shape, walk
from pellucid.layers.layer import assign
from pellucid.layers.sequence import connect
from pellucid.losses import Loss, decide, for_labels, make_loss
from pellucid.metrics import Evaluation
from pellucid.names import choose
from pellucid.notation import parse, write
from pellucid.summary import html, table
from pellucid.workspace import Workspace, length, slots

log = logging.getLogger("pellucid")
DTYPES: dict[str, Any] = {"float32": np.float32, "float64": np.float64}
MOST_PARAMETERS = 10**9  # 4 GB in float32; a larger number is a slip of the hand


class Network:
    """Layers in a row, their parameters in one flat vector `theta`, an output link and a loss.

    Args:
        architecture: one line such as "784-128-64-10", or a list of layers.
        input_shape: shape of one example, for a list of layers or an architecture that begins with "*".
        output: link after the last layer: softmax (default), sigmoid, tanh or identity.
        loss: cross_entropy, binary_cross_entropy or squared_error; by default the one that matches the output.
        activation: follows each dense layer of a one-line architecture but the last.
        initializer: how weights are drawn; by default He before a (leaky) ReLU, Xavier otherwise.
        dtype: "float32" or "float64".
        seed: of the initial weights.
        classes: names of the classes; by default "0", "1", ...

    Raises:
        UsageError: an unknown name, or an architecture that does not follow the notation.
        ShapeError: layers that do not fit together.
    """

    def __init__(
        self, architecture: str | Sequence[Layer], *, input_shape: Shape | None = None, output: str | None = None,
        loss: str | None = None, activation: str = "relu", initializer: str | None = None, dtype: str = "float32",
        seed: int = 0, classes: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        if isinstance(architecture, str):
            shape, layers = parse(architecture, activation, input_shape, len(classes) if classes else None)
            if input_shape and tuple(input_shape) != shape and (prod(input_shape) != prod(shape) or len(shape) == 3):
                raise ShapeError(
                    f"{architecture} reads examples of shape {shape}, but these have shape {input_shape}, "
                    f"{prod(input_shape)} numbers. Begin with {'x'.join(map(str, input_shape))}, or with '*'."
                )
        else:
            layers, shape = list(architecture), tuple(input_shape or ())
        if not layers or not shape:
            raise UsageError("A list of layers needs at least one layer, and input_shape, such as (784,).")
        self.layers: list[Layer] = layers
        self.input_shape = tuple(input_shape or shape)  # (1, 28, 28) is flattened where a dense layer comes first
        self.dtype = np.dtype(choose("dtype", np.dtype(dtype).name, DTYPES))
        self.loss: Loss = make_loss(output, loss)
        self.normalization = Normalization()
        self.stop_training: bool | str = False  # a callback sets it, to True or to the reason
        connect(self.layers, shape)
        check_output(self.layers, self.output, self.outputs)
        self.classes: tuple[str, ...] = tuple(classes or map(str, range(max(self.outputs, 2))))
        if len(self.classes) != max(self.outputs, 2):
            raise ShapeError(f"The network has {self.outputs} outputs for {len(self.classes)} classes.")
        parameters = length(slots(layers, "parameter"))
        if parameters > MOST_PARAMETERS:
            raise UsageError(f"The network has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are possible.")
        self._theta = np.zeros(parameters, self.dtype)
        self._gradient = np.zeros_like(self._theta)
        self._state = np.zeros(length(slots(layers, "state")), self.dtype)
        self._bind()
        self.predictor = Predictor(layers)
        self.told_of_scale = False  # whether images of another scale were noticed
        initialize(self.workspace(), initializer, seed)

    # The point, and what is read off it

    @property
    def theta(self) -> NDArray[Any]:
        """All parameters in one vector: W then b, layer by layer. Assigning copies into it."""
        return self._theta

    @theta.setter
    def theta(self, value: NDArray[Any]) -> None:
        assign("theta", self._theta, np.asarray(value))

    @property
    def gradient(self) -> NDArray[Any]:
        """The gradient that `loss_and_gradient` found last, as long as theta and in its order."""
        return self._gradient

    @property
    def state(self) -> NDArray[Any]:
        """The running statistics of layers that keep some, in one vector."""
        return self._state

    @property
    def output(self) -> str:
        """The name of the output link."""
        return self.loss.link.kind

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return prod(self.layers[-1].output_shape)

    @property
    def architecture(self) -> str:
        """The network in the notation, such as "784-128-64-10"."""
        return write(self.layers[0].input_shape, self.layers)

    def workspace(self, theta: NDArray[Any] | None = None, gradient: NDArray[Any] | None = None) -> Workspace:
        """A new workspace: at the network's own theta and state, or at another theta, perhaps of another dtype."""
        if theta is None:
            return Workspace(self.layers, self._theta, gradient, self._state)
        return Workspace(self.layers, theta, gradient, self._state.astype(theta.dtype))

    # The verbs

    def predict(self, images: NDArray[Any]) -> NDArray[Any]:
        """What the network says of each example.

        Args:
            images: (N, 784), (N, 28, 28), ...; uint8 pixels are normalized, floats are taken as they are.

        Returns:
            (N, outputs) in the network's dtype; probabilities for softmax and sigmoid outputs.

        Raises:
            ShapeError: examples of another size, or a single example without its axis for N.
            DataError: values that are neither uint8 nor finite floats.
            NumericError: the outputs are not finite, because the weights or the values are too large.
        """
        images = check_images(images, self.input_shape)
        self.check_scale(images)
        return self.predictor(self.loss, self._theta, self._state, images, self.normalization)

    def classify(self, images: NDArray[Any]) -> NDArray[np.int64]:
        """The class of each example, (N,): the largest output, or whether a single output is above ½."""
        return np.asarray(decide(self.predict(images).T), np.int64)

    def evaluate(self, data: Dataset | NDArray[Any], labels: NDArray[Any] | None = None) -> Evaluation:
        """Accuracy, loss and mistakes on labelled examples: a Dataset, or images and labels.

        Of rows of answers (N, outputs) for binary cross-entropy, an example is right when all its answers are.
        """
        images, targets = self.check_examples(data, labels)
        self.check_scale(images)
        loss = for_labels(self.loss, labels)
        outputs, mean_loss = self.predictor.many(loss, self._theta, self._state, images, self.normalization, targets)
        true, predicted = (np.asarray(loss.decide(values.T).T, np.int64) for values in (targets, outputs))
        return Evaluation(outputs, true, predicted, mean_loss, self.classes)

    def check_scale(self, images: NDArray[Any]) -> None:
        """Warn, once, of floats that are far from what networks are made for."""
        if not self.told_of_scale and (size := typical_size(images)) > FAR:
            self.told_of_scale = True
            log.warning(
                "The network is given floats of about %.3g, where it is made for about 1. Pixels of 0 to 255? Divide "
                "them by 255, or give them as uint8, which the network scales as in its training (%s).",
                size, self.normalization.kind,
            )  # fmt: skip

    def loss_and_gradient(self, images: NDArray[Any], labels: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """The mean loss of these examples, and its gradient with respect to every parameter.

        The gradient is the array `network.gradient`, which the next call overwrites; the layers show all tensors
        of the pass: `network.layers[0].z`. As in prediction, dropout drops nothing and no noise is added. One thread at
        a time may call this.
        """
        images, targets = self.check_examples(images, labels)
        self._bind()
        x = self.normalization.columns(images, self.dtype, self._shown.input_shape)
        t = reference.gradient_of(self._shown, self.loss, x, targets.T)
        return float(t.losses.mean()), self._gradient

    def save(self, path: str | Path, made: dict[str, Any] | None = None) -> None:
        """Write the network to a model file, atomically; `made` says how it was made."""
        tensors = {slot.name: slot.view(self._theta) for slot in slots(self.layers, "parameter")}
        tensors |= {slot.name: slot.view(self._state) for slot in slots(self.layers, "state")}
        write_model(Path(path), tensors, self.about() | {"made": made or {}})

    def about(self) -> dict[str, Any]:
        """All but the numbers, as a model file keeps it."""
        return {
            "architecture": self.architecture,
            "output": self.output,
            "loss": self.loss.kind,
            "input_shape": list(self.input_shape),
            "classes": list(self.classes),
            "normalization": vars(self.normalization),
        }

    def summary(self) -> None:
        """Print the layers with their shapes, parameters and arithmetic."""
        print(self)

    def __str__(self) -> str:
        return table(self.layers, self._note)

    def _repr_html_(self) -> str:
        return html(self.layers, self._note)

    @property
    def _note(self) -> str:
        return f"input {self.input_shape}, output {self.output}, loss {self.loss.kind}, {self.dtype}"

    def check_examples(
        self, data: Dataset | NDArray[Any], labels: NDArray[Any] | None, loss: Loss | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Images (N, ...) and targets (N, outputs), from a Dataset or from images and labels; errors if unfit.

        Targets must suit the loss, which is the network's own unless another is given.
        """
        if isinstance(data, Dataset):
            if labels is not None:
                raise UsageError("A Dataset brings its own labels; give them with images only.")
            return self.check_examples(data.images, check_classes(data, self.classes), loss)
        images = check_images(data, self.input_shape)
        targets = targets_of(labels, len(images), len(self.classes), self.outputs, self.dtype)
        check_targets(targets, loss or self.loss)
        return images, targets

    # How it comes about

    def _bind(self) -> None:
        """Make the workspace whose numbers the layers show."""
        self._shown = self.workspace(gradient=self._gradient)
        for layer in walk(self.layers):
            layer.numbers = self._shown.of[layer.name]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_shown", "predictor")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.predictor = Predictor(self.layers)
        self._bind()
