# %% [markdown]
# # 15. What the layers see
#
# What has a trained network learned? Three ways to look: at its weights, at what excites its units, and at how well
# each layer's numbers would serve a very simple judge.

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

train, test = pl.data.load("mnist")
network = pl.Network("784-128-64-10", seed=0)
pl.fit(network, train, epochs=4, batch_size=32, optimizer=pl.SGD(0.1), l2=1e-4, seed=0)
accuracy = network.evaluate(test).accuracy
print(f"test accuracy {accuracy:.1%}, over 95%: {accuracy > 0.95}")

# %% [markdown]
# **The weights.** A unit of the first layer has 784 weights, one for each pixel. Put where their pixels are, they are
# a picture of what the unit looks for: ink on the positive places, none on the negative ones.
#
# A pixel in a corner is never inked. Its x is 0 in every example, so dW = dz xᵀ is 0 there too: nothing but the decay
# (`l2`: in each step every weight loses the same small share of itself) ever touches these weights.
#
# **Predict.** How do weights to pixels that are never inked look after training: as at the start, or gone?

# %%
W = network.layers[0].W
start = pl.Network("784-128-64-10", seed=0).layers[0].W
never = ~train.images.reshape(len(train), 784).any(axis=0)
print(f"pixels that are never inked: {never.sum()}")
ratio = np.linalg.norm(W[:, never]) / np.linalg.norm(start[:, never])
print(f"the weights there have {ratio:.2f} of their length at the start")
print("and the direction that they had there:", np.allclose(W[:, never], ratio * start[:, never], atol=1e-4))

# %% [markdown]
# As at the start, random, hardly smaller. Whoever reads weights must know that: the speckles at the border are no
# knowledge. That is why each picture below is masked to pixels that are inked now and then.
#
# **A judge.** Give each layer's numbers to a judge that knows only the mean of each class, and says which mean is
# nearest.
#
# **Predict.** On raw pixels it is right for three digits of four. On which layer is it best?

# %%
learn, judge = train.subset(slice(6000)), test.subset(slice(2000))
inner = {"pixels": "dense1/x", "first hidden layer": "relu1/a", "second hidden layer": "relu2/a"}
known, asked = (pl.trace(network, part) for part in (learn, judge))
score = {}
for name, tensor in inner.items():
    means = np.stack([known[tensor][:, learn.labels == digit].mean(axis=1) for digit in range(10)])  # (10, features)
    distance = ((asked[tensor].T[:, None, :] - means) ** 2).sum(axis=2)  # (examples, 10)
    score[name] = (distance.argmin(axis=1) == judge.labels).mean()
    print(f"nearest mean on {name:20} {score[name]:.0%}")

# %% [markdown]
# Each layer makes the classes easier to tell apart, until a dense layer, which can only cut along planes, suffices.
# What do the layers learn? Here the first one learns strokes and blots at certain places, both what should be inked
# and what should not; the second one mixtures of these that belong to a few digits each; the last one to weigh them.
# The tidy story of edges, then parts, then objects fits deep convolutional networks; in a small dense one it is only
# roughly true.
#
# Which digits does each unit of the second layer answer to most?

# %%
a2 = known["relu2/a"]
by_class = np.stack([a2[:, learn.labels == digit].mean(axis=1) for digit in range(10)], axis=1)  # (64, 10)
share = np.sort(by_class / by_class.sum(axis=1, keepdims=True).clip(1e-9), axis=1)
print(f"of a unit's answers three classes get {share[:, -3:].sum(axis=1).mean():.0%} (evenly: 30%)")

# %%
figure = plt.figure(figsize=(8.5, 4.6))
left, right = figure.subfigures(1, 2, width_ratios=[1.45, 1])
inked = train.images.reshape(len(train), 784).astype(bool).mean(axis=0) > 0.01
units = np.argsort(-np.linalg.norm(network.layers[2].W, axis=0))[:15]  # those that the next layer listens to most
grid = left.subplots(3, 5)
for axes, unit in zip(grid.flat, units, strict=True):
    picture = np.where(inked, W[unit], np.nan).reshape(28, 28)
    most = np.nanmax(abs(picture))
    axes.imshow(picture, cmap="PuOr_r", vmin=-most, vmax=most)
    axes.set_title(f"unit {unit}", size=8, loc="center")
    axes.axis("off")
left.suptitle("Weights of the first layer", size=11)
axes = right.subplots()
chosen = np.argsort(by_class.argmax(axis=1), kind="stable")[::4]
axes.imshow(by_class[chosen] / by_class[chosen].max(axis=1, keepdims=True).clip(1e-9), cmap="cividis", aspect="auto")
axes.set(xticks=range(10), yticks=range(len(chosen)), yticklabels=chosen, xlabel="digit", ylabel="unit")
axes.tick_params(axis="y", labelsize=8)
axes.set_title("Second layer: mean answer\nto each digit (bright: largest)", loc="center")
figure.savefig("15-what-layers-see.png")

# %% [markdown]
# ![Left: fifteen pictures of first-layer weights, with orange and purple strokes and blots. Right: a table of sixteen
# units of the second layer against the ten digits; each row has one to three bright fields and is darker
# elsewhere.](pictures/15-what-layers-see.png)
#
# *Left: orange weights want ink, purple ones want none; pixels that are hardly ever inked are left out. Right: every
# fourth of the 64 units of the second layer, sorted by the digit that each answers to most; to the others it answers
# less.*
