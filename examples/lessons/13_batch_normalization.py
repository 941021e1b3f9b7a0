# %% [markdown]
# # 13. Batch normalization
#
# Lesson 8 chose the weights so that the signal begins with a good spread. Batch normalization keeps it there: each
# feature is shifted and stretched so that over the batch it has mean 0 and deviation 1, and is then given a gain and a
# bias that are learned.
#
# ```
# μ = mean over the batch        σ = √(mean of (x − μ)² + ε)        for each feature (row of x)
# n = (x − μ) / σ                a = gain · n + bias
# ```
#
# **Predict.** The inputs of three features have means 5, 0 and −2 and deviations 0.1, 1 and 30. What will n have?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

rng = np.random.default_rng(0)
x = rng.normal([5, 0, -2], [0.1, 1, 30], size=(64, 3))
layers = [pl.BatchNormalization(), pl.Dense(4)]
network = pl.Network(layers, input_shape=(3,), dtype="float64")
layers[0].gain = np.array([[1.0], [2.0], [0.5]])
trace = pl.trace(network, x, rng.integers(0, 4, 64), training=True)
n = trace["bn1/n"]
print("mean of n:", (n.mean(axis=1).round(6) + 0.0), " deviation of n:", n.std(axis=1).round(2))

# %% [markdown]
# Mean 0 and deviation 1, whatever came in (0.1 becomes 1 up to the ε = 10⁻⁵ in the root).
#
# **The way back.** Each x moves its own n, and also μ and σ, so all n of its feature: ∂μ/∂x = 1/m, ∂σ/∂x = n/m, with m
# the numbers in the batch. With g = gain · da, and means over the batch,
#
# ```
# dx = (g − mean(g) − n · mean(g n)) / σ
# ```
#
# The first mean is what goes by μ, the second what goes by σ.
#
# **Predict.** What do the dx of a feature sum to? Think of what happens to n if all x grow by the same amount.

# %%
gain, sigma = layers[0].gain, np.sqrt(x.T.var(axis=1, keepdims=True) + 1e-5)
g = gain * trace["bn1/da"]
dx = (g - g.mean(axis=1, keepdims=True) - n * (g * n).mean(axis=1, keepdims=True)) / sigma
print("the formula is pellucid's dx:", np.allclose(dx, trace["bn1/dx"], rtol=1e-9, atol=1e-12))
print("dx of each feature sums to 0:", np.allclose(dx.sum(axis=1), 0))

# %% [markdown]
# If all x grow alike, n stays the same, and so does the loss: the derivatives must sum to 0.
#
# In prediction the answer to one digit must not depend on the digits beside it. So running means of μ and σ², kept
# during the training, take their place.
#
# **What it is good for.** The six sigmoid layers of lesson 9, which learned nothing in one pass through the digits,
# with `BN` between each dense layer and its sigmoid.
#
# **Predict.** Will it reach 90%?

# %%
train, test = pl.data.load("mnist")
lines = {"plain": "784-64-64-64-64-64-10", "BN": "784-64-BN-64-BN-64-BN-64-BN-64-BN-10"}
networks, accuracy, strength = {}, {}, {}
for name, line in lines.items():
    network = networks[name] = pl.Network(line, activation="sigmoid", seed=0)
    first = pl.trace(network, train.images[:512], train.labels[:512], training=True)
    strength[name] = [np.sqrt(np.mean(first[f"dense{layer}/dW"] ** 2)) for layer in range(1, 7)]
    pl.fit(network, train, epochs=1, batch_size=32, optimizer=pl.SGD(0.1), seed=0, diagnosis=False)
    accuracy[name] = network.evaluate(test).accuracy
print("test accuracy:", *(f"{name} {value:.0%}" for name, value in accuracy.items()))

# %% [markdown]
# It does. The z lie around 0, where the sigmoid is steep, and dividing by a small σ on the way back makes a small
# gradient large again: the 1/σ in dx.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.9))
for place, (before, after) in enumerate(zip(x.T, n, strict=True)):
    for height, values, colour in ((place + 0.17, before, "C1"), (place - 0.17, after, "C0")):
        left.plot(values, np.full(64, height), "|", color=colour, markersize=13, alpha=0.6)
left.plot([], [], "|", color="C1", label="x, before")
left.plot([], [], "|", color="C0", label="n, after")
left.set_xscale("symlog", linthresh=1)
left.set(yticks=range(3), yticklabels=["feature 1", "feature 2", "feature 3"], ylim=(-0.5, 3.1))
left.set(xlabel="value (logarithmic beyond ±1)", title="A batch of 64")
left.set_xticks([-100, -10, -1, 0, 1, 10, 100], ["−100", "−10", "−1", "0", "1", "10", "100"])
left.legend(ncols=2, loc="upper left")
for name, style, words in (("BN", "o-", "with BN"), ("plain", "s--", "without")):
    right.semilogy(range(1, 7), strength[name], style, color={"BN": "C0", "plain": "C1"}[name])
    score = f"{words}: {accuracy[name]:.0%} after an epoch"
    right.annotate(score, (2.2, strength[name][1]), (0, 14 if name == "BN" else -20), textcoords="offset points")
right.set(
    xlabel="dense layer", ylabel="spread of dW before training", xticks=range(1, 7), title="Six layers with sigmoid"
)
right.set_ylim(3e-6, 0.3)
figure.savefig("13-batch-normalization.png")

# %% [markdown]
# ![Left: the values of three features before and after. Before, they lie around 5, around 0, and from minus 80 to 80;
# after, all lie around 0 with the same spread. Right: without normalization the gradients fall steeply towards the
# first layer, with it they stay level.](pictures/13-batch-normalization.png)
#
# *Left: whatever comes in, mean 0 and deviation 1 come out. Right: so the gradients of lesson 9 no longer vanish.*
