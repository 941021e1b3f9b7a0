# %% [markdown]
# # 12. Dropout
#
# A network with more parameters than it needs can learn its examples by heart. Dropout makes that harder: in each step
# of the training, each hidden unit is left out with probability p, for each example anew.
#
# ```
# m = 0 with probability p, else 1 / (1 − p)        a mask of the shape of x
# a = m ∘ x              dx = m ∘ da
# ```
#
# **Predict.** Why is what stays divided by 1 − p? What is the mean of m?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

network = pl.Network("400-D0.5-10", dtype="float64")
x = np.ones((500, 400))
training = pl.trace(network, x, np.zeros(500, int), training=True, seed=1)
print("values of m:", np.unique(training["dropout1/m"]), f" their mean: {training['dropout1/m'].mean():.2f}")
print("dx = m ∘ da:", np.array_equal(training["dropout1/dx"], training["dropout1/m"] * training["dropout1/da"]))
print("in prediction m is", np.unique(pl.trace(network, x, np.zeros(500, int))["dropout1/m"]))

# %% [markdown]
# The mean of m is p · 0 + (1 − p) / (1 − p) = 1. So the next layer sees on average what it will see in prediction,
# where nothing is dropped and nothing has to be scaled.
#
# No unit can lean on one certain other. Seen otherwise: each step trains another one of the 2ⁿ networks that n units
# make when each may be left out. They share their weights, and prediction is nearly their mean.
#
# **Predict.** 1,000 digits to learn from, a network with 400,000 parameters, 40 epochs. Which ends with the lower loss
# on its training digits, which on 5,000 digits that it never saw?

# %%
train, _ = pl.data.load("mnist")
few, unseen = train.subset(slice(1000)), train.subset(slice(1000, 6000))
histories, ends = {}, {}
for name, line in (("without", "784-512-10"), ("dropout", "784-D0.2-512-D0.5-10")):
    network = pl.Network(line, seed=0)
    histories[name] = pl.fit(
        network, few, epochs=40, optimizer=pl.Adam(0.001), validation=unseen, diagnosis=False
    ).history
    ends[name] = network.evaluate(few).loss, network.evaluate(unseen)
    print(f"{name:8} loss on the 1,000: {ends[name][0]:.3f}, on the unseen: {ends[name][1].loss:.2f}, "
          f"accuracy there {ends[name][1].accuracy:.0%}")  # fmt: skip

# %% [markdown]
# Both know their 1,000 digits. The gap between the losses on seen and on unseen digits is what was learned by heart.
# Without dropout the loss on unseen digits turns early and rises again: the network grows ever surer, of its mistakes
# too. With dropout it turns later and stays lower.
#
# More examples help more than dropout does, and so do distorted copies of them (`--augment "shift rotate"`). With all
# 60,000 digits there is less to gain, and the training takes longer.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.8))
epochs = np.arange(1, 41)
for name, style in (("without", "s--"), ("dropout", "o-")):
    words, colour = {"without": ("without dropout", "C1"), "dropout": ("with dropout", "C0")}[name]
    left.semilogy(epochs, histories[name]["loss"], style, color=colour, markevery=4, markersize=5, label=words)
    right.plot(epochs, histories[name]["validation_loss"], style, color=colour, markevery=4, markersize=5, label=words)
left.set(xlabel="epoch", ylabel="loss in training", title="The 1,000 digits to learn from")
right.set(xlabel="epoch", ylabel="loss", ylim=(0.2, 0.9), title="5,000 digits never seen")
left.legend()
right.legend()
figure.savefig("12-dropout.png")

# %% [markdown]
# ![Two panels of loss over 40 epochs. Left, on a logarithmic axis: in training the loss without dropout falls far
# below that with dropout. Right: on unseen digits the loss without dropout turns after a few epochs and rises, with
# dropout it stays lower.](pictures/12-dropout.png)
#
# *Dropout makes the training harder (left), and what is learned holds better for digits never seen (right).*
