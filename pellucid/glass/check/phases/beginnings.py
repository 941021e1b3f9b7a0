"""Phase 3: how weights begin."""

from __future__ import annotations

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.mistake import Check, Finding, Mistake, present
from pellucid.glass.check.question import failed

W_TRANSPOSED = Mistake(
    "weights-transposed",
    "the weight matrix is (inputs, outputs)",
    "In W x each row of W is a neuron, so W has as many rows as neurons: (outputs, inputs).",
    "`np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)`.",
)
ZEROS = Mistake(
    "weights-all-alike",
    "all weights begin with the same number",
    "Neurons that begin alike get the same gradient and stay alike for ever: a layer of 128 is then worth one neuron.",
    "Draw them at random: `np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)`.",
)
TOO_LARGE = Mistake(
    "weights-too-large",
    "the weights have a standard deviation of 1, whatever the number of inputs",
    "A sum over n inputs is √n times as large as one term. With 784 inputs z is about ±20, sigmoids saturate, and "
    "softmax is sure before it has learned anything.",
    "Times √(2 / fan_in), He's initialization: `np.random.randn(output_size, input_size) * np.sqrt(2 / input_size)`.",
)
POSITIVE = Mistake(
    "weights-all-positive",
    "no weight is negative",
    "`np.random.rand` draws from 0 to 1. Positive inputs then always make large positive sums, the more "
    "inputs the larger.",
    "`np.random.randn`, with mean 0, times √(2 / fan_in).",
)
FAN_MIXED_UP = Mistake(
    "fan-in-and-fan-out-mixed-up",
    "the number of outputs stands under the root",
    "How large a sum gets depends on how many terms it has, and that is the number of inputs.",
    "He: `np.sqrt(2 / input_size)`; Xavier: `np.sqrt(2 / (input_size + output_size))`.",
)
NO_ROOT = Mistake(
    "variance-for-deviation",
    "2 / fan_in is taken as the standard deviation; it is the variance",
    "The weights are √(fan_in / 2) times too small, and what goes through the layers shrinks to nothing.",
    "Take the root: `np.random.randn(...) * np.sqrt(2 / input_size)`.",
)
ROOT_OF_2 = Mistake(
    "root-of-the-two-alone",
    "the root is drawn from 2 alone, and then divided by fan_in",
    "√2 / fan_in is √fan_in times too small: with 784 inputs 28 times, and what goes through the layers shrinks to "
    "nothing.",
    "Both under the root: `np.random.randn(...) * np.sqrt(2 / input_size)`.",
)
ONE_SEED = Mistake(
    "weights-of-one-seed",
    "all layers begin with the same random numbers",
    "A seed that is set where the weights are drawn deals the same numbers at every call: layers of one shape begin as "
    "copies of one another, and each network as a copy of the last.",
    'Set the seed once, above the functions or in the block `if __name__ == "__main__":`.',
)
INPUTS, OUTPUTS = 300, 40  # so that 0.01 or 0.1 times a normal number resembles no formula
HIDDEN = ("relu", "sigmoid")
TRIALS = tuple(
    {"id": f"beginning_{hidden}", "kind": "beginning", "sizes": [INPUTS, OUTPUTS], "hidden": hidden}
    for hidden in HIDDEN
)


def judge(answers: Answers) -> list[Check]:
    """The checks of how weights begin; one hidden activation is enough."""
    return present([_beginning(answers, hidden) for hidden in HIDDEN])


def _beginning(answers: Answers, hidden: str) -> Check:
    name, called = "weights", f"initialize_weights({INPUTS}, {OUTPUTS}), or the W of a layer of NeuralNetwork"
    result, other = answers.result(f"beginning_{hidden}", "initialize_weights", called)
    if other:
        return other
    W, finding = array_of(result["W"], "initialize_weights", called)
    if W is None:
        assert finding
        return failed(name, finding)
    came = {"shape": str(W.shape), "mean": f"{W.mean():.4f}", "deviation": f"{W.std():.4f}"}
    he, xavier = np.sqrt(2 / INPUTS), np.sqrt(2 / (INPUTS + OUTPUTS))
    right = {
        "shape": str((OUTPUTS, INPUTS)),
        "mean": "0",
        "deviation": f"√(2 / {INPUTS}) = {he:.4f} (He), or √(2 / ({INPUTS} + {OUTPUTS})) = {xavier:.4f} (Xavier)",
    }

    def found(what: str, mistake: Mistake | None) -> Check:
        return failed(name, Finding(what, mistake, called, {}, came, right))

    if W.shape != (OUTPUTS, INPUTS):
        mistake = W_TRANSPOSED if W.shape == (INPUTS, OUTPUTS) else None
        return found(f"The weights of a layer of {INPUTS} inputs and {OUTPUTS} outputs are {W.shape}.", mistake)
    if not np.isfinite(W).all():
        return found("Some weights are no numbers.", None)
    deviation = float(W.std())

    def near(size: float) -> bool:
        return bool(0.95 < deviation / size < 1.05)

    if deviation < 1e-12:
        return found("All weights begin with the same number.", ZEROS)
    if W.min() >= 0:
        return found("No weight is negative.", POSITIVE)
    if near(np.sqrt(2 / OUTPUTS)) or near(np.sqrt(1 / OUTPUTS)):
        return found("The weights' size depends on the number of outputs.", FAN_MIXED_UP)
    if near(2 / INPUTS) or near(1 / INPUTS):
        return found("The weights are far too small for so many inputs.", NO_ROOT)
    if near(np.sqrt(2) / INPUTS):
        return found("The weights are far too small for so many inputs.", ROOT_OF_2)
    if near(1.0) or deviation > 1:
        return found("The weights are far too large for so many inputs.", TOO_LARGE)
    if result.get("alike"):
        return found("Two layers of the same shape begin with the same weights.", ONE_SEED)
    return Check(name, "passed")


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
