# %% [markdown]
# # 8. Initialization
#
# How should the weights begin? Not all equal: then all units of a layer compute the same, get the same gradient, and
# stay the same for ever.
#
# **Predict.** All weights begin at 0. Which of the three dense layers gets a gradient other than 0 for its W?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

rng = np.random.default_rng(0)
network = pl.Network("20-8-8-4")
network.theta = np.zeros_like(network.theta)
trace = pl.trace(network, rng.normal(size=(50, 20)), rng.integers(0, 4, 50))
for number in (1, 2, 3):
    tensors = (trace[f"dense{number}/{tensor}"] for tensor in ("dW", "db"))
    print(f"dense{number}: largest number of dW and db", *(f"{abs(tensor).max():.3f}" for tensor in tensors))

# %% [markdown]
# None. dW = dz xᵀ is 0 where x is 0, and dx = Wᵀ dz is 0 where W is 0. Only the last bias learns: how frequent each
# class is, and nothing of the images.
#
# So the weights begin at random, with mean 0. **How far apart?** For independent weights and inputs, z_i = Σ_j W_ij
# x_j has mean 0, and variances of independent terms add up:
#
# ```
# Var(z) = fan_in · Var(W) · mean(x²)          fan_in: how many inputs are summed
# ```
#
# Through many layers that factor is multiplied again and again, so it must be 1.
#
# | name | Var(W) | why |
# |---|---|---|
# | LeCun | 1 / fan_in | keeps mean(z²) = mean(x²) |
# | Xavier (Glorot) | 2 / (fan_in + fan_out) | between 1/fan_in for the way forward and 1/fan_out for the way back |
# | He | 2 / fan_in | ReLU sets half of the z to 0, which halves mean(a²); the 2 makes up for it |
#
# **Predict.** Twelve layers of 200 units with ReLU, and weights of deviation 0.01. Here √(2 / 200) = 0.1 would be
# right. By what factor does each layer shrink the signal, and how much is left at the end?

# %%
DEPTH, WIDTH = 12, 200
x = rng.normal(size=(200, WIDTH))
starts = {"too small": "normal0.01", "xavier": "xavier", "he": "he", "too large": "normal0.3"}


def spreads(activation: str, start: str) -> list[float]:
    """The spread (root mean square) of each layer's activations."""
    line = "-".join([str(WIDTH)] * (DEPTH + 1)) + "-10"
    network = pl.Network(line, activation=activation, initializer=start, dtype="float64", seed=0)
    trace = pl.trace(network, x, np.zeros(len(x), int))
    return [float(np.sqrt(np.mean(trace[f"{activation}{layer}/a"] ** 2))) for layer in range(1, DEPTH + 1)]


curves = {(activation, name): spreads(activation, start)
          for activation in ("relu", "tanh") for name, start in starts.items()}  # fmt: skip
print("spread of the activations in layer     1        4       12")
for (activation, name), curve in curves.items():
    print(f"{activation}, {name:10}", *(f"{curve[layer - 1]:16.1e}"[-9:] for layer in (1, 4, 12)))

# %% [markdown]
# Each layer has a tenth of the spread of the one before: 10⁻¹² is left after twelve, and the gradients that come back
# are as small. With 0.3 every layer triples it. He's start keeps it with ReLU, where Xavier's loses a factor √2 a
# layer.
#
# With tanh, activations cannot explode, and weights that are too large saturate them: most lie near ±1, where the slope
# 1 − a² is near 0, and such a unit hardly learns. A level spread alone does not show that:

# %%
for name in ("xavier", "too large"):
    network = pl.Network("-".join(["200"] * 13) + "-10", activation="tanh", initializer=starts[name], dtype="float64")
    trace = pl.trace(network, x, np.zeros(len(x), int))
    a = trace["tanh12/a"]
    print(f"tanh, {name:9}: share of |a| above 0.9 in layer 12: {np.mean(abs(a) > 0.9):.0%}, "
          f"mean slope {np.mean(1 - a**2):.2f}")  # fmt: skip

# %% [markdown]
# pellucid draws by He's rule before a ReLU and by Xavier's otherwise. `pellucid train --initializer normal0.01` lets
# you try another.

# %%
figure, both = plt.subplots(1, 2, figsize=(8.5, 4), sharey=True)
layers = np.arange(1, DEPTH + 1)
for axes, activation in zip(both, ("relu", "tanh"), strict=True):
    for name, marker in zip(starts, "vsoD", strict=True):
        axes.semilogy(layers, curves[activation, name], marker=marker, markersize=5, label=name)
    axes.set(xlabel="layer", xticks=range(2, 13, 2), title={"relu": "ReLU", "tanh": "tanh"}[activation])
    axes.axhline(1, color="0.8", linewidth=1, zorder=0)
both[0].set_ylabel("spread of the activations")
words = {"too small": "too small, 0.01", "xavier": "Xavier", "he": "He", "too large": "too large, 0.3"}
both[0].legend([words[name] for name in starts], loc="lower left")
figure.savefig("08-initialization.png")

# %% [markdown]
# ![Two panels of the spread of activations against the layer, on a logarithmic axis. With ReLU, weights too small fall
# in a straight line to 1e-12, too large rise to 1e6, He stays level near 1, Xavier falls slowly. With tanh too small
# falls alike, the other three stay between 0.1 and 1.](pictures/08-initialization.png)
#
# *A factor for each layer is a straight line on this axis. With ReLU He's start alone stays level; with
# tanh one that is too large stays level too, but saturated.*
