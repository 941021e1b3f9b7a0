"""Lines of a backward pass that read otherwise than they should."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.check.formulas import Pass, changed, sigmoid_derivative
from pellucid.glass.check.mistake import Mistake
from pellucid.glass.check.phases import detours

SUM_FOR_MEAN = Mistake(
    "sum-for-mean",
    "the gradient is summed over the batch, not averaged",
    "The loss is a mean over the examples, so its gradient is one too. A sum is B times as large: the same learning "
    "rate takes B times as long a step, and another batch size gives another training.",
    "dW = dz xᵀ / B and db = the mean of dz over the batch: `dL_dz @ self.input.T / batch_size`, "
    "`dL_dz.mean(axis=1, keepdims=True)`.",
)
AVERAGED_TWICE = Mistake(
    "averaged-twice",
    "the batch size is divided by twice",
    "Once in ŷ − y and again in dW and db, for example. The gradient is then B times too small.",
    "Divide by B in one place alone: where dW and db are computed.",
)
AVERAGED_EACH_LAYER = Mistake(
    "averaged-at-every-layer",
    "the batch size is divided by again at each layer on the way back",
    "What is handed back belongs to single examples, a column each. The mean is taken only where the examples meet: in "
    "dW and db.",
    "dx = Wᵀ dz, without / B.",
)
SIGN = Mistake(
    "y-minus-a",
    "y − ŷ instead of ŷ − y: the whole gradient has the wrong sign",
    "The gradient points uphill, to a larger loss; descent subtracts it. With the sign turned, every step "
    "makes it worse.",
    "The derivative of softmax with cross-entropy is ŷ − y: `self.layers[-1].a - Y`.",
)
MINUS = Mistake(
    "minus-before-the-gradient",
    "there is a minus before dW or db",
    "The minus belongs to the step, `W -= learning_rate * dW`. With one here too, what it stands before climbs.",
    "`self.dW = dL_dz @ self.input.T / batch_size` and `self.db = dL_dz.mean(axis=1, keepdims=True)`.",
)
NOT_REVERSED = Mistake(
    "layers-not-reversed",
    "the way back goes through the layers from the first to the last",
    "ŷ − y is known at the output, so the last layer comes first; each layer needs what the one behind it hands back.",
    "`for layer in reversed(self.layers):`.",
)
DX_UNTRANSPOSED = Mistake(
    "missing-transpose-of-w",
    "W dz instead of Wᵀ dz on the way to the layer before",
    "Forwards W leads from inputs to outputs, (out, in). Backwards it has to lead from outputs to inputs: Wᵀ is (in, "
    "out). Only with as many inputs as outputs does W dz go through at all.",
    "dx = Wᵀ dz: `self.W.T @ dL_dz`.",
)
DW_UNTRANSPOSED = Mistake(
    "missing-transpose-of-x",
    "dz x instead of dz xᵀ",
    "dW sums over the examples, so the examples must be the inner size: (out, B) @ (B, in) is (out, in), the "
    "shape of W.",
    "`dL_dz @ self.input.T / batch_size`.",
)
DW_EXCHANGED = Mistake(
    "weight-gradient-transposed",
    "x dzᵀ instead of dz xᵀ",
    "That is the transpose of dW. It has the shape of Wᵀ, or, in a square layer, the right shape and wrong numbers.",
    "`dL_dz @ self.input.T / batch_size`.",
)
SLOPE_AT_A = Mistake(
    "derivative-at-a",
    "the activation's derivative is taken at a, where z is meant",
    "σ'(z) is the slope at the point where σ was taken, and that is z. σ'(a) is the slope somewhere else. (With ReLU "
    "both are the same, so ReLU does not show it.)",
    "dz = da ⊙ σ'(z): `dL_da * sigmoid_derivative(self.z)`.",
)
SLOPE_MISSING = Mistake(
    "derivative-forgotten",
    "the hidden layer's activation has no derivative",
    "By the chain rule what passed through σ on the way forward is multiplied by σ' on the way back.",
    "`dL_dz = dL_da * relu_derivative(self.z)` (or sigmoid_derivative), place by place.",
)
SLOPE_ELSEWHERE = Mistake(
    "derivative-of-another-layer",
    "the derivative is taken at the z of another layer",
    "Each layer's dz takes the slope at its own z.",
    "Keep z in the layer, `self.z`, and use that; in a loop watch the index.",
)
SLOPE_OF_GRADIENT = Mistake(
    "derivative-at-the-gradient",
    "the derivative is taken at the gradient that arrives, not at z",
    "Whether a ReLU passes the gradient on depends on whether its z was positive, not on the gradient's sign.",
    "`dL_da * relu_derivative(self.z)`.",
)
OUTPUT_SLOPE = Mistake(
    "output-derivative-twice",
    "ŷ − y is multiplied by the output's derivative once more",
    "ŷ − y is already ∂L/∂z: the derivative of softmax (or sigmoid) is in it, and cancelled against that of the loss.",
    "At the output dz = ŷ − y, and nothing else.",
)
OUTPUT_SLOPE_MISSING = Mistake(
    "output-derivative-forgotten",
    "the output's σ'(z) is missing",
    "With the squared error nothing cancels: ∂L/∂z = 2 (ŷ − y) σ'(z). Only cross-entropy leaves ŷ − y alone.",
    "`dL_dz = 2 * (a - Y) * sigmoid_derivative(z)` at the output.",
)
SQUARED = Mistake(
    "gradient-of-another-loss",
    "2 (ŷ − y) is the derivative of the squared error",
    "With softmax (or sigmoid) and cross-entropy the factor is 1.",
    "At the output dz = ŷ − y.",
)
TWO_MISSING = Mistake(
    "factor-of-the-squared-error",
    "the 2 of the squared error's derivative does not fit the loss",
    "The derivative of (ŷ − y)² is 2 (ŷ − y). Without the 2 the loss needs a ½.",
    "Loss Σ (ŷ − y)² with 2 (ŷ − y), or ½ Σ (ŷ − y)² with ŷ − y.",
)
SOFTMAX_UNDERIVED = Mistake(
    "softmax-derivative-missing",
    "−y / ŷ is taken for ∂L/∂z; it is ∂L/∂ŷ",
    "It still has to pass through softmax. The product of both is ŷ − y.",
    "At the output dz = ŷ − y; do not start from −y / ŷ.",
)
BIAS_AXIS = Mistake(
    "bias-gradient-over-the-wrong-axis",
    "db is averaged over the neurons, not over the examples",
    "Each neuron has a bias, so db has a number for each row; what disappears are the columns, the examples.",
    "`dL_dz.mean(axis=1, keepdims=True)`.",
)
BIAS_TOTAL = Mistake(
    "one-bias-gradient-for-the-layer",
    "db is a single number for the whole layer",
    "Without an axis `sum()` and `mean()` go over the neurons too, so that all biases move alike.",
    "`dL_dz.mean(axis=1, keepdims=True)`.",
)
BIAS_ZERO = Mistake(
    "no-bias-gradient",
    "db is 0, whatever the examples are",
    "∂z/∂b = 1, so what arrives at z arrives at b: db is the mean of dz over the examples. With 0 no bias ever moves.",
    "`dL_dz.mean(axis=1, keepdims=True)`.",
)
BIAS_FLAT = Mistake(
    "bias-gradient-row-for-column",
    "db is (n,), where b is a column (n, 1)",
    "b (n, 1) minus db (n,) is (n, n): NumPy takes db for a row. The next step fails, or the bias becomes a matrix.",
    "`dL_dz.mean(axis=1, keepdims=True)`: keepdims leaves (n, 1).",
)
BIAS_UNSUMMED = Mistake(
    "bias-gradient-not-averaged",
    "db is dz itself, with a column for each example",
    "For one example db = dz. For a batch the examples' columns are averaged, as in dW.",
    "`dL_dz.mean(axis=1, keepdims=True)`.",
)
OWN_OUTPUT = Mistake(
    "own-output-for-input",
    "dW is made with the layer's own output, not with its input",
    "zᵢ = Σⱼ Wᵢⱼ xⱼ, so ∂zᵢ/∂Wᵢⱼ = xⱼ: what the layer read.",
    "`dL_dz @ self.input.T`, with what `forward` was given.",
)
ALWAYS_X = Mistake(
    "x-for-every-layer",
    "dW is made with the network's input X in every layer",
    "Only the first layer reads X. The others read the activation of the layer before.",
    "`self.input = X` in each layer's own forward; dW of layer 2 is dz₂ a₁ᵀ.",
)
Z_FOR_INPUT = Mistake(
    "z-for-the-activation",
    "dW is made with z of the layer before, not with its activation",
    "A layer reads a = σ(z) of the layer before; z has not passed the activation yet.",
    "dW₂ = dz₂ a₁ᵀ / B.",
)
PAST_SLOPE = Mistake(
    "gradient-passed-around-the-activation",
    "da, before the derivative, is handed to the layer before",
    "On the way back one passes first the activation, da ⊙ σ'(z) = dz, then the weights, Wᵀ dz.",
    "`dL_dx = self.W.T @ dL_dz`, with dL_dz and not dL_da.",
)
UPDATED_FIRST = Mistake(
    "updated-before-passed-back",
    "the weights are updated before the gradient is passed through them",
    "The gradient of the first layer belongs to the weights that the forward pass used, not to new ones.",
    "Compute `dL_dx = self.W.T @ dL_dz` before `self.W -= ...`; or all gradients first, then all updates.",
)

RATE = 0.5  # with which a backward pass that updates at once is called


def _gradient(scale_W: Any, scale_b: Any) -> dict[str, Any]:
    """dW and db, multiplied by what depends on the batch size."""
    return {
        "dW": lambda self, k, dz: dz @ self.xs[k].T / self.B * scale_W(self.B),
        "db": lambda self, k, dz: dz.mean(axis=1, keepdims=True) * scale_b(self.B),
    }


def _passed_around(self: Any, k: int, dz: Any) -> Any:
    return self.parameters[k][0].T @ (getattr(self, "da", {}).get(k, dz))


def _through_and_kept(self: Any, k: int, da: Any) -> Any:
    self.da = {k: da}
    return da * self.slope(self.zs[k])


def _from_the_first(self: Any) -> dict[str, Any]:
    """The layers in the order of the forward pass, the error handed to the first."""
    told, da = {}, self.error()
    for k in range(self.last + 1):
        dz = da if k == self.last else self.through(k, da)
        told[f"layers[{k}].dW"], told[f"layers[{k}].db"] = self.dW(k, dz), self.db(k, dz)
        da = self.dx(k, dz)
    return told


def _once(_: int) -> float:
    return 1.0


Lines = tuple[tuple[Mistake, type[Pass]], ...]
ALL: Lines = (
    (SUM_FOR_MEAN, changed(**_gradient(lambda B: B, lambda B: B))),
    (SUM_FOR_MEAN, changed(**_gradient(lambda B: B, _once))),
    (SUM_FOR_MEAN, changed(**_gradient(_once, lambda B: B))),
    (AVERAGED_TWICE, changed(**_gradient(lambda B: 1 / B, lambda B: 1 / B))),
    (AVERAGED_TWICE, changed(**_gradient(lambda B: 1 / B, _once))),
    (AVERAGED_TWICE, changed(**_gradient(_once, lambda B: 1 / B))),
    (AVERAGED_EACH_LAYER, changed(dx=lambda self, k, dz: self.parameters[k][0].T @ dz / self.B)),
    (SIGN, changed(error=lambda self: -Pass.error(self))),
    (MINUS, changed(dW=lambda self, k, dz: -Pass.dW(self, k, dz))),
    (MINUS, changed(db=lambda self, k, dz: -Pass.db(self, k, dz))),
    (NOT_REVERSED, changed(gradient=_from_the_first)),
    (DX_UNTRANSPOSED, changed(dx=lambda self, k, dz: self.parameters[k][0] @ dz)),
    (DW_UNTRANSPOSED, changed(dW=lambda self, k, dz: dz @ self.xs[k] / self.B)),
    (DW_EXCHANGED, changed(dW=lambda self, k, dz: self.xs[k] @ dz.T / self.B)),
    (SLOPE_AT_A, changed(through=lambda self, k, da: da * self.slope(self.outputs[k]))),
    (SLOPE_MISSING, changed(through=lambda self, k, da: da)),
    (SLOPE_ELSEWHERE, changed(through=lambda self, k, da: da * self.slope(self.zs[k + 1]))),
    (SLOPE_ELSEWHERE, changed(through=lambda self, k, da: da * self.slope(self.zs[k - 1]))),
    (SLOPE_ELSEWHERE, changed(through=lambda self, k, da: da * self.slope(self.xs[k]))),
    (SLOPE_OF_GRADIENT, changed(through=lambda self, k, da: da * self.slope(da))),
    (BIAS_ZERO, changed(db=lambda self, k, dz: np.zeros((len(dz), 1)))),
    (BIAS_AXIS, changed(db=lambda self, k, dz: dz.mean(axis=0, keepdims=True))),
    (BIAS_AXIS, changed(db=lambda self, k, dz: dz.mean(axis=0))),
    (BIAS_AXIS, changed(db=lambda self, k, dz: dz.sum(axis=0, keepdims=True) / self.B)),
    (BIAS_AXIS, changed(db=lambda self, k, dz: dz.sum(axis=0) / self.B)),
    (BIAS_TOTAL, changed(db=lambda self, k, dz: np.asarray(dz.sum() / self.B))),
    (BIAS_TOTAL, changed(db=lambda self, k, dz: np.asarray(dz.mean()))),
    (BIAS_TOTAL, changed(db=lambda self, k, dz: np.asarray(dz.sum()))),
    (BIAS_TOTAL, changed(db=lambda self, k, dz: np.full((len(dz), 1), dz.sum() / self.B))),
    (BIAS_FLAT, changed(db=lambda self, k, dz: dz.mean(axis=1))),
    (BIAS_UNSUMMED, changed(db=lambda self, k, dz: dz)),
    (BIAS_UNSUMMED, changed(db=lambda self, k, dz: dz / self.B)),
    (OWN_OUTPUT, changed(dW=lambda self, k, dz: dz @ self.outputs[k].T / self.B)),
    (ALWAYS_X, changed(dW=lambda self, k, dz: dz @ self.X.T / self.B)),
    (Z_FOR_INPUT, changed(dW=lambda self, k, dz: dz @ (self.zs[k - 1] if k else self.X).T / self.B)),
    (PAST_SLOPE, changed(dx=_passed_around, through=_through_and_kept)),
    (UPDATED_FIRST, changed(dx=lambda self, k, dz: (self.parameters[k][0] - RATE * self.dW(k, dz)).T @ dz)),
    *detours.LINES,
)
CROSS_ENTROPY: Lines = (
    *ALL,
    (OUTPUT_SLOPE, changed(error=lambda self: Pass.error(self) * self.outputs[-1] * (1 - self.outputs[-1]))),
    (OUTPUT_SLOPE, changed(error=lambda self: Pass.error(self) * sigmoid_derivative(self.zs[-1]))),
    (OUTPUT_SLOPE, changed(error=lambda self: Pass.error(self) * (self.zs[-1] > 0))),
    (SQUARED, changed(error=lambda self: 2 * Pass.error(self))),
    (SOFTMAX_UNDERIVED, changed(error=lambda self: -self.Y / self.outputs[-1])),
)
SQUARED_ERROR: Lines = (
    *ALL,
    (OUTPUT_SLOPE_MISSING, changed(error=lambda self: 2 * self.factor * (self.outputs[-1] - self.Y))),
    (OUTPUT_SLOPE_MISSING, changed(error=lambda self: self.outputs[-1] - self.Y)),
    (TWO_MISSING, changed(error=lambda self: Pass.error(self) / 2)),
    (TWO_MISSING, changed(error=lambda self: Pass.error(self) * 2)),
    (SLOPE_AT_A, changed(
        error=lambda self: 2 * self.factor * (self.outputs[-1] - self.Y) * sigmoid_derivative(self.outputs[-1]),
        through=lambda self, k, da: da * self.slope(self.outputs[k]),
    )),
)  # fmt: skip
LINES: dict[str, Lines] = {
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": CROSS_ENTROPY,
    "squared_error": SQUARED_ERROR,
}
WAY_BACK = ("error", "dW", "db", "dx", "through", "gradient")


def changed_lines(kind: type[Pass]) -> list[int]:
    """Which lines of a pass read otherwise, by their place on the way back."""
    return [place for place, name in enumerate(WAY_BACK) if name in vars(kind)]


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
MISTAKES += detours.MISTAKES
