# %% [markdown]
# # 16. Space warping
#
# A layer takes every point to another: W turns, stretches and shears the space, b shifts it, the activation bends it. A
# network is a chain of such maps, and learns the one after which a straight cut is enough.
#
# To see it, the points must have two coordinates, and so must a layer: 2-6-2-1 with tanh. Two classes, one ring inside the
# other: no straight line parts them.
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
# About three quarters at best: the line can cut off a piece of the outer ring and has to leave the rest on the wrong side.
#
# **Predict.** And after two layers, in the plane of the two hidden units?

# %%
network = pl.Network("2-6-2-1", activation="tanh", output="sigmoid", dtype="float64", seed=3)
pl.fit(network, points, labels, epochs=300, batch_size=40, optimizer=pl.Adam(0.02), diagnosis=False)
trace = pl.trace(network, points, labels)
hidden = trace["tanh2/a"].T  # (400, 2)
print(f"in the hidden plane a straight line gets {best_line(hidden):.0%} right")
print(f"the network gets {network.evaluate(points, labels).accuracy:.0%} right")

# %% [markdown]
# The last layer is a single neuron of lesson 1. It can only cut straight, so the layers before it had to learn to lay the
# classes on two sides of a line. How do they fold the plane? Follow a sheet of squared paper through the layers.
#
# Could a layer of *two* units do it alone, 2-2-1? tanh of a linear map is one-to-one: it can bend the plane but not fold
# it, and of two rings one stays inside the other, for a curve around a point goes to a curve around its image. In six
# dimensions there is room to lift the middle out of the ring.

# %%


def seen(x: np.ndarray, tensor: str) -> np.ndarray:
    """What a layer makes of points."""
    return pl.trace(network, x, np.zeros(len(x), int))[tensor].T


side = np.linspace(-2, 2, 17)
fine = np.linspace(-2, 2, 161)
paper = [np.stack([np.full(161, s), fine], axis=1) for s in side] + [np.stack([fine, np.full(161, s)], axis=1) for s in side]
inside, sheet = seen(points, "tanh1/a"), seen(np.concatenate(paper), "tanh1/a")
axis = np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][:2]  # the two directions of most spread
flat = [(line, line) for line in paper]
stages = (
    ("The plane of the inputs", points, paper),
    ("6 units, seen from the side", inside @ axis.T, [seen(line, "tanh1/a") @ axis.T for line in paper]),
    ("The plane of the 2 hidden units", hidden, [seen(line, "tanh2/a") for line in paper]),
)
figure, panels = plt.subplots(1, 3, figsize=(9, 3.6))
for axes, (title, places, lines) in zip(panels, stages, strict=True):
    for line in lines:
        axes.plot(*line.T, color="0.8", linewidth=0.6, zorder=0)
    for value, marker, colour in ((0, "o", "C0"), (1, "s", "C1")):
        axes.plot(*places[labels == value].T, marker, color=colour, markersize=3.5, label=f"class {value}")
    axes.set_title(title)
W, b = network.layers[4].W[0], network.layers[4].b[0, 0]
middle, along = -b * W / (W @ W), np.array([-W[1], W[0]]) / np.linalg.norm(W)
panels[2].plot(*np.array([middle - 3 * along, middle + 3 * along]).T, color="black", linewidth=2)
panels[2].set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15))
panels[0].legend(loc="upper right", frameon=True, framealpha=1)
panels[0].set_aspect("equal")
panels[2].set_aspect("equal")
figure.savefig("16-space-warping.png")

# %% [markdown]
# ![Three panels with squared paper and two classes of points. Left, the paper is flat and one class rings the other. Middle,
# the paper is bent. Right, the paper is folded so that the classes lie on two sides of a straight black
# line.](pictures/16-space-warping.png)
#
# *The same points and the same paper, layer after layer. At the end the straight black line, where the last neuron's z is
# 0, parts the classes.*
