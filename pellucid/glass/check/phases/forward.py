"""Phase 3: the way forward."""

from __future__ import annotations

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.formulas import Pass, changed
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, present, recognize
from pellucid.glass.check.phases import beginnings
from pellucid.glass.check.phases.networks import FORWARD, OBLONG, SQUARE, Small, factor_for, facts
from pellucid.glass.check.question import CHANGES_INPUT, failed

FLAT_BIAS = Mistake(
    "row-for-column",
    "the bias is (n,), where a column (n, 1) is meant",
    "To NumPy (n,) is a row. Added to (n, B) it runs along the examples instead of the neurons: an error, or, when "
    "there are as many examples as neurons, a wrong sum without one.",
    "`b = np.zeros((output_size, 1))`.",
)
NO_BIAS = Mistake(
    "bias-forgotten",
    "the bias is not added",
    "Without b every neuron's sum is 0 for a black image; b moves the place where a neuron begins to answer.",
    "`self.z = self.W @ X + self.b`.",
)
W_T = Mistake(
    "weights-times-input-transposed",
    "Wᵀ X instead of W X",
    "zᵢ = Σⱼ Wᵢⱼ xⱼ: row i of W is neuron i. On the way forward nothing is transposed.",
    "`self.W @ X + self.b`; the transpose belongs on the way back.",
)
X_W = Mistake(
    "factors-exchanged",
    "X W instead of W X",
    "X W is the order for examples in rows. With columns the weights stand on the left.",
    "`self.W @ X + self.b`.",
)
ELEMENTWISE = Mistake(
    "elementwise-for-matrix-product",
    "W * X multiplies place by place",
    "A neuron's sum runs over all inputs; `*` makes no sum. It only works at all when the shapes happen to agree.",
    "`self.W @ X`, the matrix product.",
)
NOT_ACTIVATED = Mistake(
    "hidden-layer-without-activation",
    "the hidden layer hands on z, not its activation",
    "Two linear layers in a row are one linear layer: W₂(W₁x + b₁) + b₂ is again of the form A x + c.",
    "`self.a = relu(self.z)` (or sigmoid), and return `self.a`.",
)
OUTPUT_IS_Z = Mistake(
    "output-without-activation",
    "the output is z of the last layer, before softmax or sigmoid",
    "Scores are no probabilities: they need not sum to 1, and the loss takes their logarithm.",
    "The last layer too ends with `self.a = softmax(self.z)`, and returns it.",
)
ACTIVATED_TWICE = Mistake(
    "activated-twice",
    "an activation is applied twice",
    "σ(σ(z)) lies between 0.5 and 0.73 whatever z is.",
    "Apply the activation once, in the layer; the network only hands `layer.forward(current)` on.",
)
EVERY_X = Mistake(
    "every-layer-reads-x",
    "the second layer reads the network's input instead of the first layer's output",
    "A layer reads what the layer before it computed.",
    "In the loop: `current = layer.forward(current)`.",
)
HIDDEN_SOFTMAX = Mistake(
    "wrong-hidden-activation",
    "the hidden layer has another activation than it was told",
    "The list of activations has one entry for each layer, the first for the first hidden layer.",
    "`activations[i]` for layer i; look at the names in the layer's `if`.",
)
OUTPUT_IS_HIDDEN = Mistake(
    "output-with-the-hidden-activation",
    "the output has the activation of the hidden layer",
    "Each layer has an activation of its own; the last one's makes probabilities of the scores.",
    "`activations[i]` for layer i, not `activations[0]`.",
)
FLAT = Mistake(
    "one-neuron-at-a-time",
    "the output has another shape than (classes, examples)",
    "Each column of the output is one example's answer, each row a class.",
    "Follow the shapes: (out, in) @ (in, B) + (out, 1) is (out, B).",
)


def _twice(self: Pass, k: int, here: bool) -> Array:
    """An activation that is applied twice in some layers."""
    once = self.act(k, self.zs[k])
    return self.act(k, once) if here else once


# Lines of a pass that read otherwise.
LINES: tuple[tuple[Mistake, type[Pass]], ...] = (
    (NO_BIAS, changed(z=lambda self, k: self.parameters[k][0] @ self.xs[k])),
    (FLAT_BIAS, changed(z=lambda self, k: self.parameters[k][0] @ self.xs[k] + self.parameters[k][1].reshape(-1))),
    (W_T, changed(z=lambda self, k: self.parameters[k][0].T @ self.xs[k] + self.parameters[k][1])),
    (X_W, changed(z=lambda self, k: self.xs[k] @ self.parameters[k][0] + self.parameters[k][1])),
    (ELEMENTWISE, changed(z=lambda self, k: self.parameters[k][0] * self.xs[k] + self.parameters[k][1])),
    (NOT_ACTIVATED, changed(a=lambda self, k: self.zs[k] if k < self.last else self.act(k, self.zs[k]))),
    (OUTPUT_IS_Z, changed(a=lambda self, k: self.zs[k] if k == self.last else self.act(k, self.zs[k]))),
    (OUTPUT_IS_Z, changed(a=lambda self, k: self.zs[k])),
    (OUTPUT_IS_HIDDEN, changed(a=lambda self, k: self.act(0, self.zs[k]))),
    (ACTIVATED_TWICE, changed(a=lambda self, k: self.act(k, self.act(k, self.zs[k])))),
    (ACTIVATED_TWICE, changed(a=lambda self, k: _twice(self, k, k == self.last))),
    (ACTIVATED_TWICE, changed(a=lambda self, k: _twice(self, k, k < self.last))),
    (EVERY_X, changed(x=lambda self, k: self.X)),
    (HIDDEN_SOFTMAX, changed(a=lambda self, k: self.act(self.last, self.zs[k]))),
    (HIDDEN_SOFTMAX, changed(a=lambda self, k: np.tanh(self.zs[k]) if k < self.last else self.act(k, self.zs[k]))),
    (
        HIDDEN_SOFTMAX,
        changed(a=lambda self, k: np.maximum(0, self.zs[k]) if k < self.last else self.act(k, self.zs[k])),
    ),
    (
        HIDDEN_SOFTMAX,
        changed(a=lambda self, k: 1 / (1 + np.exp(-self.zs[k])) if k < self.last else self.act(k, self.zs[k])),
    ),
)  # fmt: skip

TRIALS = (
    *beginnings.TRIALS,
    *(small.told(f"forward_square_{hidden}") for hidden, small in SQUARE.items()),
    *(small.told(f"forward_oblong_{hidden}") for hidden, small in OBLONG.items()),
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    checks = beginnings.judge(answers)
    for kind, table in (("oblong", OBLONG), ("square", SQUARE)):
        checks += present([_shapes(answers, f"forward_{kind}_{hidden}", small) for hidden, small in table.items()])
    for kind, table in (("square", SQUARE), ("oblong", OBLONG)):
        checks += present([_forward(answers, f"forward_{kind}_{hidden}", small) for hidden, small in table.items()])
    return checks


def _shapes(answers: Answers, trial: str, small: Small) -> Check:
    """Whether the layers have the shapes of the specification."""
    name = "shapes"
    ending, form, _ = facts(answers)
    called = small.made(ending, form).split("; ")[0]
    result, other = answers.result(trial, name, called, FORWARD)
    if other:
        note = "NeuralNetwork" if other.status == "missing" else other.note
        return Check(name, "missing" if other.status == "missing" else "skipped", note=note)
    for number, (W, b) in enumerate(result["shapes"]):
        inputs, outputs = small.sizes[number : number + 2]
        came = {f"layers[{number}].W": str(tuple(W)), f"layers[{number}].b": str(tuple(b))}
        right = {f"layers[{number}].W": f"({outputs}, {inputs})", f"layers[{number}].b": f"({outputs}, 1)"}
        if tuple(W) != (outputs, inputs):
            mistake = beginnings.W_TRANSPOSED if tuple(W) == (inputs, outputs) else None
            what = (
                f"layers[{number}].W is {tuple(W)}; of {inputs} inputs and {outputs} outputs it is {outputs, inputs}."
            )
            return failed(name, Finding(what, mistake, called, {}, came, right))
        if int(np.prod(b)) != outputs:
            what = f"layers[{number}].b is {tuple(b)}; ({outputs}, 1) is right."
            return failed(name, Finding(what, None, called, {}, came, right))
    return Check(name, "passed")


def _forward(answers: Answers, trial: str, small: Small) -> Check:
    name = f"forward ({small.hidden})"
    ending, form, factor = facts(answers)
    called = small.made(ending, form)
    result, other = answers.result(trial, name, called, FORWARD)
    if other:
        return _flat_bias(answers, trial, small, other)
    if "output" not in result:
        return Check(name, "skipped")
    scale = factor_for(factor, small)
    run = small.run(ending, scale)
    right = run.outputs[-1]
    between: dict[str, Array] = {}
    for k, (z, a) in enumerate(zip(run.zs, run.outputs, strict=True)):
        between |= {f"on the way, layers[{k}].z": z, f"layers[{k}].a": a}
    came, finding = array_of(result["output"], "forward", called)
    shown = {"output": right}
    if came is None:
        assert finding
        return failed(name, Finding(finding.what, finding.mistake, called, small.given(), {}, shown))
    if result["changed"]:
        what = f"The forward pass changes {result['changed'][0]}."
        return failed(name, Finding(what, CHANGES_INPUT, called, small.given(), {}, shown))
    if close(came, right):
        return Check(name, "passed")
    with np.errstate(all="ignore"):
        variants = tuple((mistake, {"output": _output(small, ending, scale, kind)}) for mistake, kind in LINES)
    mistake = recognize({"output": came}, shown, variants) or (FLAT if came.shape != right.shape else None)
    notes = (first_difference(came, right),)
    what = f"The output of a small network with {small.hidden} in the hidden layer is not as expected."
    return failed(name, Finding(what, mistake, called, small.given(), {"output": came}, between, notes))


def _output(small: Small, ending: str, factor: float, kind: type[Pass]) -> Array:
    """The output with a mistake; an empty one where the shapes then do not fit."""
    try:
        return small.run(ending, factor, kind).outputs[-1]
    except ValueError:
        return np.zeros(0)


def _flat_bias(answers: Answers, trial: str, small: Small, check: Check) -> Check:
    """An error in the forward pass, where a bias of shape (n,) explains it."""
    line = answers.told.get(trial, {}).get("error", {})
    if check.finding is None:
        return check
    finding = check.finding
    named = FLAT_BIAS if "broadcast" in str(line.get("message", "")) and not finding.mistake else finding.mistake
    return failed(check.name, Finding(finding.what, named, finding.called, small.given(), notes=finding.notes))


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not CHANGES_INPUT)
MISTAKES += beginnings.MISTAKES
