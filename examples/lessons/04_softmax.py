# %% [markdown]
# # 4. Softmax and cross-entropy
#
# The last layer gives one number for each class, the logits z. Softmax makes probabilities of them, and cross-entropy
# says how surprised they are by the truth (c is the true class, y holds a 1 there and 0 elsewhere):
#
# ```
# a_k = e^{z_k} / Σ_i e^{z_i}          positive, and they sum to 1
# L   = −Σ_k y_k log a_k = −log a_c    0 if the network was sure and right; large if it was sure and wrong
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")


def softmax(z: np.ndarray) -> np.ndarray:
    """As the formula says."""
    return np.exp(z) / np.exp(z).sum()


z = np.array([2.0, 1.0, 0.1])
print("a =", softmax(z).round(2), " sum", softmax(z).sum().round(6))
print(f"sure and right, −log 0.90 = {-np.log(0.9):.3f}")
print(f"knows nothing,  −log 0.10 = {-np.log(0.1):.3f}")
print(f"sure and wrong, −log 0.01 = {-np.log(0.01):.3f}")

# %% [markdown]
# **Predict.** Add 1000 to every logit. What should the probabilities be, and what does the program above print?

# %%
with np.errstate(over="ignore", invalid="ignore"):
    print("as written:   ", softmax(z + 1000))
print("largest taken:", softmax(z + 1000 - (z + 1000).max()).round(2))

# %% [markdown]
# They should stay the same, for e^{z−m} = e^z e^−m, and e^−m cancels. But e^1000 is more than a float can hold. So the
# largest logit is subtracted first: then no exponential exceeds 1. The logarithm is taken with care too: L = log Σ_i
# e^{z_i} − z_c never asks for the logarithm of a probability that was rounded to 0.
#
# **The gradient.** Differentiate that line. Towards z_k, the first term gives e^{z_k} / Σ_i e^{z_i} = a_k, and the
# second one 1 at the true class:
#
# ```
# ∂L/∂z_k = a_k − y_k          for a batch, averaged:  dz = (a − y) / B          (classes, B)
# ```
#
# **Predict.** The true class is the second. Which of the three logits is pulled up, and which is pushed down most?

# %%
y, h = np.array([0.0, 1.0, 0.0]), 1e-5


def loss(z: np.ndarray) -> float:
    """−log a_c, as log-sum-exp."""
    return float(z.max() + np.log(np.exp(z - z.max()).sum()) - z @ y)


numerical = np.array([(loss(z + h * e) - loss(z - h * e)) / (2 * h) for e in np.eye(3)])
network = pl.Network("3-3", dtype="float64")
network.layers[0].W = np.eye(3)  # and b = 0: the logits are the inputs
trace = pl.trace(network, z.reshape(1, 3), np.array([1]))
print("a − y     ", (softmax(z) - y).round(4))
print("numerical ", numerical.round(4))
print("pellucid  ", trace["loss/dz"][:, 0].round(4))

# %% [markdown]
# A step goes against the gradient. So the second logit is pulled up by 0.76, and the other two share the push down, by
# as much as they were believed, the first most. The three numbers sum to 0. Nothing is left to learn where a = y.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.8))
p = np.linspace(0.005, 1, 400)
left.plot(p, -np.log(p))
for probability, words in ((0.9, "sure and right"), (0.1, "knows nothing\n(10 classes)"), (0.01, "sure and wrong")):
    left.plot(probability, -np.log(probability), "o", color="C1", markersize=8)
    left.annotate(f"{words}: {-np.log(probability):.3f}", (probability, -np.log(probability)), (9, 5),
                  textcoords="offset points")  # fmt: skip
left.set(xlabel="probability of the true class, a_c", ylabel="loss −log a_c", xlim=(-0.03, 1.6), ylim=(-0.2, 5.4))
left.set_xticks([0, 0.25, 0.5, 0.75, 1])
left.set_title("The loss of one example")
place = np.arange(3)
three = ((-0.27, softmax(z), "a", ""), (0, y, "y", "//"), (0.27, softmax(z) - y, "a − y", "xx"))
for shift, values, words, hatch in three:
    bars = right.bar(place + shift, values, 0.25, label=words, hatch=hatch, edgecolor="white")
    right.bar_label(bars, fmt="%.2f", size=8, padding=2)
right.axhline(0, color="black", linewidth=0.8)
right.set(xticks=place, xticklabels=["class 0", "class 1 (true)", "class 2"], ylim=(-1, 1.35))
right.set_title("The gradient of the logits is a − y")
right.legend(ncols=3, loc="upper right")
figure.savefig("04-softmax.png")

# %% [markdown]
# ![Left: the loss against the probability of the true class falls from above 5 near 0 to 0 at 1, with points at 0.01,
# 0.1 and 0.9. Right: for three classes the bars a are 0.66, 0.24 and 0.10, y is 0, 1 and 0, and a minus y is 0.66,
# minus 0.76 and 0.10.](pictures/04-softmax.png)
#
# *Left: being sure and wrong costs most. Right: what softmax says, what is true, and their difference, the gradient.*
