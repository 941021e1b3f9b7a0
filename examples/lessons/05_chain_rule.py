# %% [markdown]
# # 5. The chain rule in matrices
#
# How does the network know which way to turn each of its weights? Backpropagation is the chain rule, walked from the
# loss to the input. `d` before a name is the derivative of the loss L with respect to it: dW is ∂L/∂W.
#
# **On single numbers.** L = (y − (w x + b))². Each step knows its own slope; along a path slopes multiply, and where
# paths meet again they add.
#
# **Predict.** x = 2, w = 3, b = 1, y = 5. Should w grow or shrink for L to fall?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl
from pellucid.glass.scalar import Value

plt.style.use("pellucid.glass.lessons")

x, w, b, y = (Value(number, name) for name, number in (("x", 2), ("w", 3), ("b", 1), ("y", 5)))
error = y - (x * w + b)
L = error**2
L.backward()
print(f"error = {error.data:g}, L = {L.data:g}, ∂L/∂w = 2 · error · (−1) · x = {w.gradient:g}")

# %% [markdown]
# ∂L/∂w is positive: with a larger w the loss grows. So w should shrink, and a step w ← w − α ∂L/∂w does that.
#
# **With matrices.** The network has two dense layers with a tanh between them, then softmax and cross-entropy. Columns
# are examples, n = 1 … B; here in = 5, hid = 4, out = 3.
#
# ```
# z¹ = W¹ x + b¹        z¹[i,n] = Σ_j W¹[i,j] x[j,n] + b¹[i]       (hid, B) = (hid, in) (in, B) + (hid, 1)
# a¹ = tanh(z¹)         a¹[i,n] = tanh z¹[i,n]                     (hid, B)
# z² = W² a¹ + b²       z²[k,n] = Σ_i W²[k,i] a¹[i,n] + b²[k]      (out, B) = (out, hid) (hid, B) + (out, 1)
# L  = mean over n of −log softmax(z²[:,n])[c_n]                   one number
# ```
#
# *The end.* From lesson 4, for the mean over B examples: dz² = (a − y) / B, shape (out, B).
#
# *A dense layer.* W²[k,i] touches only z²[k,n], for every n, with the slope ∂z²[k,n]/∂W²[k,i] = a¹[i,n]. Sum over all
# paths, and read each sum as a product:
#
# ```
# ∂L/∂W²[k,i] = Σ_n dz²[k,n] a¹[i,n]       dW² = dz² a¹ᵀ          (out, hid) = (out, B) (B, hid)
# ∂L/∂b²[k]   = Σ_n dz²[k,n]               db² = Σ_n dz²          (out, 1)
# ∂L/∂a¹[i,n] = Σ_k dz²[k,n] W²[k,i]       da¹ = W²ᵀ dz²          (hid, B) = (hid, out) (out, B)
# ```
#
# The last line is a sum over k, because a¹[i,n] goes into every z²[k,n].
#
# *An activation* works on each number alone, so its slopes multiply element by element (∘):
#
# ```
# dz¹ = da¹ ∘ tanh'(z¹) = da¹ ∘ (1 − a¹ ∘ a¹)                      (hid, B)
# ```
#
# Then the dense layer's three lines again: dW¹ = dz¹ xᵀ, db¹ = Σ_n dz¹, and dx = W¹ᵀ dz¹ if anyone asks. As a program:

# %%
rng = np.random.default_rng(0)
X, classes = rng.normal(size=(5, 6)), rng.integers(0, 3, 6)  # six examples, in columns
W1, b1 = rng.normal(size=(4, 5)), rng.normal(size=(4, 1))
W2, b2 = rng.normal(size=(3, 4)), rng.normal(size=(3, 1))
Y = np.eye(3)[:, classes]


def forward() -> tuple[np.ndarray, np.ndarray, float]:
    """The hidden activations, the probabilities and the mean loss."""
    a1 = np.tanh(W1 @ X + b1)
    z2 = W2 @ a1 + b2
    e = np.exp(z2 - z2.max(axis=0))
    a2 = e / e.sum(axis=0)
    return a1, a2, float(-np.log((a2 * Y).sum(axis=0)).mean())


a1, a2, loss = forward()
dz2 = (a2 - Y) / 6
dW2, db2, da1 = dz2 @ a1.T, dz2.sum(axis=1, keepdims=True), W2.T @ dz2
dz1 = da1 * (1 - a1**2)
dW1, db1, dX = dz1 @ X.T, dz1.sum(axis=1, keepdims=True), W1.T @ dz1

# %% [markdown]
# **Is it right?** Two witnesses. A nudge: move one weight by ±h and watch the loss. And pellucid, whose layers have
# these same lines.
#
# **Predict.** To how many decimal places will the formula and the nudge agree?

# %%


def nudged(tensor: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """(L(θ + h) − L(θ − h)) / 2h for every number of a tensor."""
    slopes = np.zeros_like(tensor)
    for place in np.ndindex(tensor.shape):
        was = tensor[place]
        tensor[place] = was + h
        above = forward()[2]
        tensor[place] = was - h
        slopes[place] = (above - forward()[2]) / (2 * h)
        tensor[place] = was
    return slopes


network = pl.Network("5-4:tanh-3", dtype="float64")
network.theta = np.concatenate([tensor.ravel() for tensor in (W1, b1, W2, b2)])
trace = pl.trace(network, X.T, classes)
named = {"dense1/dW": (W1, dW1), "dense1/db": (b1, db1), "dense2/dW": (W2, dW2), "dense2/db": (b2, db2)}
for name, (tensor, formula) in {**named, "dense1/dx": (X, dX)}.items():
    same = abs(formula - nudged(tensor)).max() < 1e-9, abs(formula - trace[name]).max() < 1e-14
    print(f"{name}  {formula.shape}  as nudged to 9 decimals: {same[0]}  as pellucid to 14: {same[1]}")

# %% [markdown]
# That is all of backpropagation: one product with the stored input for the weights, one with the turned weights to go
# on. The way back costs about twice the way forward, whatever the number of weights; nudging each of 109,386 weights
# would cost two forward passes *for every weight*. `pellucid explain pretrained --index 7` prints every matrix of such
# a step.

# %%
figure, axes = plt.subplots(2, 5, figsize=(8.5, 4), gridspec_kw={"width_ratios": [6, 6, 6, 6, 6]})
ways = (["dense1/x", "dense1/z", "tanh1/a", "dense2/z", "loss/a"], ["dense1/dx", "dense1/dz", "tanh1/da", "dense2/dz"])
for row, names in zip(axes, ways, strict=True):
    for one, name in zip(row, names, strict=False):
        most = abs(trace[name]).max()
        one.imshow(trace[name], cmap="PuOr_r", vmin=-most, vmax=most)
        one.set_title(f"{name}\n{trace[name].shape}, up to {most:.2g}", size=9)
for one in axes.flat:
    one.set(xticks=[], yticks=[])
    one.spines[:].set_visible(True)
axes[1, 4].axis("off")
axes[1, 4].text(
    0.5, 0.5, "the way back\nbegins here:\n(a − y) / B", ha="center", va="center", transform=axes[1, 4].transAxes
)
axes[0, 0].set_ylabel("forward →")
axes[1, 0].set_ylabel("← backward")
figure.savefig("05-chain-rule.png")

# %% [markdown]
# ![Two rows of small heat maps. The upper row, forward, has x, z, a, z and the probabilities; the lower row, backward,
# has dx, dz, da and dz, each below the tensor that it belongs to and of the same shape.](pictures/05-chain-rule.png)
#
# *Every tensor of the way forward (above), and below it its gradient, of the same shape. Purple is below 0, orange
# above; the columns are the six examples, the rows of the probabilities are the classes.*
