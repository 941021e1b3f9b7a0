"""The small networks on which phases 3, 4 and 5 are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers
from pellucid.glass.check.child.encoding import encode
from pellucid.glass.check.formulas import Pass
from pellucid.glass.check.mistake import Array, close
from pellucid.glass.check.phases.losses import QUESTIONS


@dataclass(frozen=True)
class Small:
    """A network with numbers of one decimal, and a batch for it.

    In the square ones every wrong order and missing transpose still multiplies, and gives numbers to recognize; in the
    oblong ones shapes that do not fit show.
    """

    sizes: tuple[int, ...]
    batch: int
    hidden: str
    seed: int

    @property
    def parameters(self) -> list[tuple[Array, Array]]:
        """(W, b), layer by layer."""
        random = np.random.default_rng(self.seed)
        shapes = zip(self.sizes[1:], self.sizes, strict=False)
        return [
            (random.uniform(-1, 1, (out, inputs)).round(1) + 0, random.uniform(-0.5, 0.5, (out, 1)).round(1) + 0)
            for out, inputs in shapes
        ]

    @property
    def X(self) -> Array:
        """The examples, columns."""
        return np.random.default_rng(self.seed + 100).uniform(0, 1, (self.sizes[0], self.batch)).round(1)

    @property
    def Y(self) -> Array:
        """Their labels, one-hot."""
        labels = (np.arange(self.batch) * 2 + 1 + np.arange(self.batch) // 3) % self.sizes[-1]
        return np.asarray(np.eye(self.sizes[-1])[labels].T)

    @property
    def ending_words(self) -> Mapping[str, str]:
        """The output's activation by loss."""
        return {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "squared_error": "sigmoid"}

    def told(self, trial: str, **more: Any) -> dict[str, Any]:
        """The trial, for the child."""
        parameters = [[encode(W), encode(b)] for W, b in self.parameters]
        return {
            "id": trial,
            "kind": "network",
            "sizes": list(self.sizes),
            "hidden": self.hidden,
            "parameters": parameters,
            "X": encode(self.X),
            "Y": encode(self.Y),
            **more,
        }

    def given(self) -> dict[str, Array]:
        """The numbers, by name, to be shown."""
        shown = {"X": self.X, "Y": self.Y}
        for k, (W, b) in enumerate(self.parameters):
            shown |= {f"layers[{k}].W": W, f"layers[{k}].b": b}
        return shown

    def made(self, ending: str, form: str | None) -> str:
        """How it is made, as the learner would write it."""
        last = self.ending_words[ending]
        if form == "functions":
            return f"{self.hidden} in the hidden layer, {last} at the output: forward_prop(W1, b1, W2, b2, X)"
        hidden = [self.hidden] * (len(self.sizes) - 2)
        return f"net = NeuralNetwork({list(self.sizes)}, {[*hidden, last]}); net.forward(X)"

    def run(
        self, ending: str, factor: float = 1, kind: type[Pass] = Pass, parameters: Sequence[tuple[Array, Array]] = ()
    ) -> Pass:
        """The batch through the right formulas, or through ones with a mistake."""
        return kind(parameters or self.parameters, self.hidden, ending, self.X, self.Y, factor)


# What a network needs to go forwards, and back.
FORWARD = ("initialize_weights", "Layer.forward", "NeuralNetwork.forward")
BACKWARD = (*FORWARD, "Layer.backward", "NeuralNetwork.backward")
# Seeds with which no z of a ReLU is near its kink, and each layer has some on both sides of it.
SQUARE = {hidden: Small((4, 4, 4), 4, hidden, 30) for hidden in ("sigmoid", "relu")}
OBLONG = {hidden: Small((5, 4, 3), 6, hidden, 111) for hidden in ("sigmoid", "relu")}
DEEP = {hidden: Small((4, 4, 4, 4), 4, hidden, 116) for hidden in ("sigmoid", "relu")}


def facts(answers: Answers) -> tuple[str, str | None, float]:
    """The loss the network is for, its form, and the factor of its squared error."""
    result, _ = answers.result("import", "import", "")
    ending, form = str(result.get("ending", "cross_entropy")), result.get("form")
    if ending not in ("cross_entropy", "binary_cross_entropy", "squared_error"):
        ending = "cross_entropy"
    told = answers.told.get("squared_error", {}).get("result", {}).get("value", {}).get("numbers") or [None]
    question = next(one for one in QUESTIONS if one.trial == "squared_error")
    right = float(question.right(*question.values.values()))
    classes = question.values["y_true"].shape[0]
    for factor in (1.0, 0.5, 1.0 / classes):
        if told[0] is not None and close(np.asarray(told[0]), np.asarray(factor * right)):
            return ending, str(form) if form else None, -1.0 if factor == 1.0 / classes else factor
    return ending, str(form) if form else None, 1.0


def factor_for(factor: float, small: Small) -> float:
    """The factor in this network: −1 stands for one over the number of classes."""
    return 1 / small.sizes[-1] if factor < 0 else factor
