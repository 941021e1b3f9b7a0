# %% [markdown]
# # 2. Why nonlinearity
#
# A layer computes z = W x + b. Put a second one behind it:
#
# ```
# W₂ (W₁ x + b₁) + b₂ = (W₂ W₁) x + (W₂ b₁ + b₂) = A x + c
# ```
#
# That is one layer again, whatever the sizes are, and however many layers follow.

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

deep = pl.Network("2-8:linear-8:linear-1", output="identity", dtype="float64", seed=1)
first, second, third = deep.layers
A = third.W @ second.W @ first.W
c = third.W @ (second.W @ first.b + second.b) + third.b
x = np.random.default_rng(0).normal(size=(5, 2))
print("three layers and one matrix agree:", np.allclose(deep.predict(x), (A @ x.T + c).T))
print("numbers in three layers:", len(deep.theta), " numbers that they amount to:", A.size + c.size)

# %% [markdown]
# One matrix and a threshold cut the plane along one straight line. Here are four points that no line cuts right: the
# exclusive or (XOR), 1 where exactly one input is 1. For any line z = w · x + b
#
# ```
# z(0, 0) + z(1, 1) = w₁ + w₂ + 2b = z(0, 1) + z(1, 0)
# ```
#
# but the right answers ask for a left side below 0 and a right side above 0.
#
# **Predict.** Of the four points, how many can three linear layers get right after any amount of training? And how
# many the same network with a tanh between the layers?

# %%
corners, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def trained(activation: str) -> pl.Network:
    """A network 2-8-8-1 that has seen the four points 500 times."""
    network = pl.Network("2-8-8-1", activation=activation, output="sigmoid", seed=1)
    pl.fit(network, corners, labels, epochs=500, batch_size=4, optimizer=pl.Adam(0.02), diagnosis=False)
    return network


networks = {"linear": trained("identity"), "tanh": trained("tanh")}
for name, network in networks.items():
    result = network.evaluate(corners, labels)
    print(f"{name:6}: loss {result.loss:.2f}, answers", *(f"{answer:.2f}" for answer in network.predict(corners)[:, 0]))

# %% [markdown]
# The linear network can get at most three right, and what serves its loss best is to say ½ everywhere: a loss of log 2
# = 0.69, that of a coin. With a bend between the layers the network folds the plane, and all four are right.
#
# With enough bent units a network can come as near as you like to any continuous function on a bounded region
# (Cybenko, 1989; Leshno and others, 1993: any activation will do that is no polynomial). It says that good weights
# exist, not that training finds them.

# %%
side = np.linspace(-0.5, 1.5, 101)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
figure, both = plt.subplots(1, 2, figsize=(8, 4), sharey=True)
for axes, (name, network) in zip(both, networks.items(), strict=True):
    answers = network.predict(plane).reshape(101, 101)
    areas = axes.contourf(side, side, answers, levels=np.linspace(0, 1, 12), cmap="cividis")
    if np.ptp(answers) > 0.5:
        axes.contour(side, side, answers, levels=[0.5], colors="white", linewidths=3)
    for value, marker in ((0, "o"), (1, "s")):
        axes.plot(*corners[labels == value].T, marker, color="white", markeredgecolor="black", markersize=13)
    axes.set(xlabel="x₁", aspect="equal", title={"linear": "Three linear layers", "tanh": "The same with tanh"}[name])
both[0].set_ylabel("x₂")
figure.colorbar(areas, ticks=[0, 0.5, 1], label="the answer (squares should be 1, circles 0)")
figure.savefig("02-nonlinearity.png")

# %% [markdown]
# ![Two maps of the plane with the four corner points. Left, linear layers: one grey everywhere, one half. Right, with
# tanh: the two squares lie in a bright band, the two circles in dark areas on either side of it, with white curves
# between them.](pictures/02-nonlinearity.png)
#
# *Without a bend the layers cannot do better than ½ everywhere. With tanh between them they cut out a band for the
# squares.*
