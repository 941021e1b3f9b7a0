# %% [markdown]
# # 17. The loss landscape
#
# In pellucid all parameters lie in one vector, `network.theta`. A network is a point, the loss is its height, and
# training is a walk downhill. In 784-16-10 the space has 12,730 dimensions; a picture has two. So cut a plane through
# it.
#
# First a line: from the start θ₀ to the end θ₁ of a training, L(θ₀ + t (θ₁ − θ₀)).
#
# **Predict.** On the straight way from start to end, does the loss climb over hills?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")


class Footsteps(pl.Callback):
    """Keeps theta every so many steps."""

    every = 25

    def on_train_begin(self, logs):
        self.points = [self.model.theta.copy()]

    def on_train_batch_end(self, batch, logs):
        self.points.append(self.model.theta.copy())


train, _ = pl.data.load("mnist")
part = train.subset(slice(2000))
network, steps = pl.Network("784-16-10", seed=0), Footsteps()
pl.fit(network, part, epochs=16, batch_size=32, optimizer=pl.SGD(0.1), seed=0, callbacks=[steps], diagnosis=False)
start, end = steps.points[0], network.theta.copy()
x, y = part.images[:1000], part.labels[:1000]


def height(theta: np.ndarray) -> float:
    """The loss at a point."""
    network.theta = theta
    return network.evaluate(x, y).loss


t = np.linspace(-0.25, 1.5, 36)
line = [height(start + s * (end - start)) for s in t]
between = [height(start + s * (end - start)) for s in np.linspace(0, 1, 21)]
print(f"dimensions: {len(start):,}, loss at the start {between[0]:.1f}, at the end {between[-1]:.2f}")
print("downhill all the way:", bool((np.diff(between) < 0).all()))

# %% [markdown]
# No hills: as for many networks, the straight way leads down all along (Goodfellow, Vinyals, Saxe, 2015). The training
# did not know that way; it found another.
#
# **The gradient is the slope of this landscape.** In the direction d the loss changes by ∇L · d.

# %%
precise = pl.Network("784-16-10", dtype="float64")
precise.theta = start.astype(np.float64)
d = (end - start).astype(np.float64) / np.linalg.norm(end - start)
slope = precise.loss_and_gradient(x, y)[1] @ d
heights = []
for h in (1e-5, -1e-5):
    precise.theta = start + h * d
    heights.append(precise.loss_and_gradient(x, y)[0])
print(f"∇L · d = {slope:.4f}, measured {(heights[0] - heights[1]) / 2e-5:.4f}")

# %% [markdown]
# **A plane.** One direction is θ₁ − θ₀. The other is where the training's path strays farthest from that line. A
# random direction would show nothing of the path: in so many dimensions it is nearly at a right angle to everything.
#
# **Predict.** What is the cosine of the angle between the way of the training and a random direction?

# %%
random = np.random.default_rng(0).normal(size=len(start))
print(
    f"cosine to a random direction: {abs(d @ random) / np.linalg.norm(random):.2f}, typical 1/√n = {len(d) ** -0.5:.3f}"
)
points = np.array(steps.points, np.float64) - start
off = points - np.outer(points @ d, d)
second = off[np.linalg.norm(off, axis=1).argmax()]
second /= np.linalg.norm(second)
path = np.stack([points @ d, points @ second], axis=1)
gone = np.linalg.norm(np.diff(points, axis=0), axis=1).sum() / np.linalg.norm(end - start)
print(f"the path is at least {gone:.1f} times as long as the straight line")

# %% [markdown]
# So pictures of landscapes must be read with care: a plane shows two dimensions of thousands. What looks like a wall
# here may have a door in another direction, and a place that is flat in this plane may be steep across it.

# %%
reach = path[-1, 0]
across, up = np.linspace(-0.3 * reach, 1.5 * reach, 25), np.linspace(-0.7 * reach, 0.9 * reach, 21)
plane = np.array([[height(start + a * d + b * second) for a in across] for b in up])
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9), width_ratios=[1, 1.35])
left.semilogy(t, line)
left.plot([0, 1], [between[0], between[-1]], "o", color="C1", markersize=8)
left.annotate("start", (0, between[0]), (8, 4), textcoords="offset points")
left.annotate("end", (1, between[-1]), (0, -16), textcoords="offset points", ha="center")
left.set(xlabel="t, from start to end", ylabel="loss", title="Along the straight line")
levels = np.geomspace(plane.min(), plane.max(), 13)
areas = right.contourf(across, up, plane, levels=levels, norm="log", cmap="cividis")
right.contour(across, up, plane, levels=levels, colors="white", linewidths=0.4)
right.plot(*path.T, "-", color="white", linewidth=3)
right.plot(*path.T, "-", color="C1", linewidth=1.5)
right.plot([0, path[-1, 0]], [0, path[-1, 1]], "o", color="C1", markeredgecolor="white", markersize=9)
for words, place, shift in (("start", path[0], (-4, 10)), ("end", path[-1], (-4, -18))):
    right.annotate(words, place, shift, textcoords="offset points", ha="center",
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
right.set(xlabel="along the line", ylabel="where the path strays farthest", title="The path of the training in a plane")
ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if plane.min() <= tick <= plane.max()]
bar = figure.colorbar(areas, ticks=ticks, label="loss")
bar.ax.set_yticklabels([f"{tick:g}" for tick in ticks])
bar.ax.minorticks_off()
figure.savefig("17-loss-landscape.png")

# %% [markdown]
# ![Left: the loss along the line falls smoothly from start to end and flattens. Right: contours of the loss in a
# plane, and the path of the training, which bows away from the straight line and ends in the dark
# basin.](pictures/17-loss-landscape.png)
#
# *Left: straight from start to end it goes downhill. Right: the training takes a curve, at each step against the
# gradient of its batch.*
