# %% [markdown]
# # 16. Space warping
#
# A layer takes every point to another: W turns, stretches and shears the space, b shifts it, the activation bends it.
# A network is a chain of such maps, and learns the one after which a straight cut is enough.
#
# Points in the plane, in two classes, one ring inside the other: no straight line parts them. The network is 2-6-1
# with tanh.
#
# **Predict.** Of these points, what share can the best straight line get right?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

rng = np.random.default_rng(0)
labels = np.arange(400) % 2
radius = np.where(labels == 0, 0.5, 1.5) + rng.normal(0, 0.12, 400)
angle = rng.uniform(0, 2 * np.pi, 400)
points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def best_line(points: np.ndarray) -> float:
    """The largest share that a straight line gets right, of 360 directions and all places."""
    best = 0.0
    for way in np.linspace(0, 2 * np.pi, 360, endpoint=False):
        order = np.argsort(points @ [np.cos(way), np.sin(way)])
        behind = np.cumsum(labels[order] == 0)  # circles behind the line, in each place
        right = behind + (labels == 1).sum() - np.arange(1, 401) + behind
        best = max(best, float(right.max() / 400))
    return best


print(f"a straight line through the plane gets {best_line(points):.0%} right")

# %% [markdown]
# About three quarters at best: the line can cut off a piece of the outer ring and has to leave the rest on the wrong
# side.
#
# **Predict.** Behind a layer of *two* units with tanh, can a straight line part the rings? And behind one of six units
# a flat cut?

# %%
for units in (2, 6):
    network = pl.Network(f"2-{units}-1", activation="tanh", output="sigmoid", dtype="float64", seed=2)
    pl.fit(network, points, labels, epochs=300, batch_size=40, optimizer=pl.Adam(0.02), l2=0.002, diagnosis=False)
    print(f"2-{units}-1 gets {network.evaluate(points, labels).accuracy:.0%} right")

# %% [markdown]
# The last layer is a single neuron of lesson 1. It can only cut straight, so the layer before it had to learn to lay
# the classes on two sides of a plane.
#
# With two units it cannot do it for whole rings (it gets some points by slipping between others): W either flattens
# the plane to a line, or is one-to-one, as tanh is. Then the plane is bent but not folded, and of two rings one stays
# inside the other, for a curve around a point goes to a curve around its image. With more units there is room: the
# paper can bulge, and take the middle out of the ring.
#
# Follow a sheet of squared paper into the space of the six units. First look at it from above, then from the side, so
# that the height is the last neuron's z = w · a + b. The cut is where z = 0.

# %%


def seen(x: np.ndarray) -> np.ndarray:
    """What the hidden layer makes of points: (N, 6)."""
    return pl.trace(network, x, np.zeros(len(x), int))["tanh1/a"].T


side, fine = np.linspace(-2, 2, 17), np.linspace(-2, 2, 161)
paper = [np.stack([np.full(161, s), fine], axis=1) for s in side]
paper += [line[:, ::-1] for line in paper]
w, b = network.layers[2].W[0], network.layers[2].b[0, 0]
hidden = seen(points)
level = hidden - np.outer(hidden @ w, w) / (w @ w)  # without what lies along w
floor = np.linalg.svd(level - level.mean(axis=0), full_matrices=False)[2][:2].T  # its two directions of most spread
above = (
    (lambda x: x),
    (lambda x: seen(x) @ floor),
    (lambda x: np.stack([seen(x) @ floor[:, 0], seen(x) @ w + b], axis=1)),
)
titles = ("The plane of the inputs", "The six units, from above", "The same, from the side")
figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.7))
for axes, place, title in zip(panels, above, titles, strict=True):
    for line in paper:
        axes.plot(*place(line).T, color="0.75", linewidth=0.6, zorder=0)
    for value, marker, colour in ((0, "o", "C0"), (1, "s", "C1")):
        axes.plot(*place(points[labels == value]).T, marker, color=colour, markersize=3.5, label=f"class {value}")
    axes.set_title(title)
    axes.set_box_aspect(1)
panels[2].axhline(0, color="black", linewidth=2)
panels[2].set(ylabel="z of the last neuron")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
figure.savefig("16-space-warping.png")

# %% [markdown]
# ![Three panels with squared paper and two classes of points. Left, the paper is flat and one class rings the other.
# Middle, from above, the paper is bent but the ring is still a ring. Right, from the side, the paper is a hollow: one
# class lies above a straight black line, the other below it.](pictures/16-space-warping.png)
#
# *The same points and the same paper. From above the rings are rings still; from the side the middle has been pressed
# down, and the straight black line, where the last neuron's z is 0, parts the classes.*
