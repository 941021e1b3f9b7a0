# %% [markdown]
# # 10. The learning rate
#
# A step against the gradient: θ ← θ − α ∇L. The gradient is the slope here; α says how far it is trusted.
#
# On a parabola L = ½ h θ², with curvature h, everything can be computed: the gradient is h θ, so
#
# ```
# θ ← θ − α h θ = (1 − α h) θ          again and again: θ_t = (1 − α h)^t θ_0
# ```
#
# It comes to rest at 0 if |1 − α h| < 1, that is for 0 < α < 2/h. At α = 1/h it is there in one step.
#
# **Predict.** h = 1, θ_0 = 1. Where is θ after ten steps with α = 0.1, 1, 1.9 and 2.1?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

paths = {}
for rate in (0.1, 1.0, 1.9, 2.1):
    theta, paths[rate] = np.array([1.0]), [1.0]
    for step in range(1, 11):
        pl.SGD(rate).update(theta, 1.0 * theta, [], step, rate)  # in place, with the gradient h θ
        paths[rate].append(float(theta[0]))
    print(f"α = {rate}: θ = {theta[0]:+.3f}, by the formula {(1 - rate) ** 10:+.3f}")

# %% [markdown]
# 0.1 creeps, 1 is exact, 1.9 jumps from side to side and still arrives, 2.1 moves away. A network's loss has another
# curvature in each direction: the steepest one sets the limit, 2 / h_max, and the flattest one must wait.
#
# **Predict.** For 784-64-10 with batches of 32, which is best after one pass through the digits: 0.001, 0.01, 0.1, 0.5
# or 3?

# %%


class Losses(pl.Callback):
    """Keeps the loss of each step."""

    def __init__(self):
        self.losses = []

    def on_chunk_end(self, logs):
        self.losses.extend(logs.losses.tolist())


train, test = pl.data.load("mnist")
curves, accuracy = {}, {}
for rate in (0.001, 0.01, 0.1, 0.5, 3.0):
    network, watching = pl.Network("784-64-10", seed=0), Losses()
    pl.fit(
        network, train, epochs=1, batch_size=32, optimizer=pl.SGD(rate), seed=0, callbacks=[watching], diagnosis=False
    )
    curves[rate], accuracy[rate] = watching.losses, network.evaluate(test).accuracy
    open_units = (pl.trace(network, test.images[:1000], test.labels[:1000])["relu1/a"] > 0).any(axis=1)
    print(
        f"α = {rate:5}: accuracy {accuracy[rate]:.0%}, units that open for any of 1,000 digits: {open_units.sum()}/64"
    )

# %% [markdown]
# Too small is slow, and safe; too large is worse than useless, for the first big steps throw the weights where nearly
# every ReLU is shut. The best rate lies not far below the largest that works. So: try powers of ten, or let `pellucid
# find-lr p03` raise the rate step by step and watch where the loss turns up; begin high and lower it towards the end
# (`schedule="cosine"`), so that the noise of the batches dies away. A larger batch has less noise and bears a larger
# rate (lesson 7).

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.9))
for (rate, path), marker in zip(paths.items(), "o^sD", strict=True):
    left.plot(path, marker=marker, markersize=5, label=f"α = {rate:g}")
left.set(xlabel="step", ylabel="θ", ylim=(-3.4, 4.6), title="On a parabola of curvature 1")
left.legend(ncols=2, loc="upper left")
for (rate, losses), line in zip(curves.items(), (":", "-.", "-", "--", (0, (4, 1, 1, 1))), strict=True):
    smooth = np.convolve(np.minimum(losses, 20), np.ones(50) / 50, "valid")
    right.semilogy(np.arange(len(smooth)) + 50, smooth, linestyle=line, label=f"α = {rate:g}")
right.set(xlabel="step", ylabel="loss, mean of the last 50", ylim=(0.05, 60), title="784-64-10 on the digits")
right.legend(ncols=2, loc="upper right")
figure.savefig("10-learning-rate.png")

# %% [markdown]
# ![Left: four paths over ten steps. 0.1 falls slowly, 1 is at 0 after a step, 1.9 swings around 0 with shrinking
# swings, 2.1 with growing ones. Right: the training loss for five rates. 0.001 falls slowest, 0.1 and 0.5 lowest, 3
# stays above 2.](pictures/10-learning-rate.png)
#
# *Creeping, arriving, swinging, leaving: a parabola has them all, and so has a network.*
