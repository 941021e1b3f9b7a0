# %% [markdown]
# # 1. A neuron
#
# A neuron takes some numbers, weighs each, adds them up with a bias, and bends the sum:
#
# ```
# z = w₁ x₁ + w₂ x₂ + … + wₙ xₙ + b = w · x + b          the weighted sum: a dot product
# a = σ(z) = 1 / (1 + e^−z)                              the activation, here the sigmoid: between 0 and 1
# ```
#
# **Predict.** The inputs are x = (2, 3), the weights w = (0.5, −1), the bias b = 1. Will a lie above or below ½?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl
from pellucid.glass.scalar import Value

plt.style.use("pellucid.glass.lessons")

x, w, b = np.array([2.0, 3.0]), np.array([0.5, -1.0]), 1.0
z = w @ x + b
a = 1 / (1 + np.exp(-z))
print(f"z = 0.5 · 2 − 1 · 3 + 1 = {z:g}")
print(f"a = {a:.4f}")

# %% [markdown]
# Below ½: z is negative, and σ(0) = ½. A whole network in pellucid can be this one neuron. Its matrix W
# has a row for each neuron, here one; `predict` takes an example in each row.

# %%
network = pl.Network("2-1", output="sigmoid", dtype="float64")
network.layers[0].W, network.layers[0].b = w.reshape(1, 2), np.array([[b]])
print(f"pellucid's a = {network.predict(x.reshape(1, 2))[0, 0]:.4f}")

# %% [markdown]
# **What the weights do.** w · x = |w| |x| cos(angle): the sum is large where the input points the way that the weights
# point, and 0 where it stands at a right angle to them. So the weights are a pattern that the neuron looks for, and
# the bias says how much of it is enough. Where z = 0, at the points with w · x = −b, lies a straight line (in more
# dimensions a plane): the neuron says "yes" on one side and "no" on the other.
#
# **Which way to turn a weight.** `Value` is a number that remembers what it was made of, and finds the slope of the
# result towards each. By hand: ∂z/∂w₁ = x₁ and σ'(z) = a (1 − a), so ∂a/∂w₁ = a (1 − a) x₁.
#
# **Predict.** Which of w₁, w₂ and b changes a most, when each is nudged by the same small amount?

# %%
w1, w2, bias = Value(0.5, "w1"), Value(-1, "w2"), Value(1, "b")
answer = (w1 * x[0] + w2 * x[1] + bias).sigmoid()
answer.backward()
for value, by_hand in ((w1, a * (1 - a) * x[0]), (w2, a * (1 - a) * x[1]), (bias, a * (1 - a))):
    print(f"∂a/∂{value.name:2} = {value.gradient:.4f}, by hand {by_hand:.4f}")

# %% [markdown]
# w₂, because its input is the largest. A weight matters as much as what comes in through it; a weight whose input is 0
# changes nothing.

# %%
side = np.linspace(-4, 4, 161)
points = np.stack(np.meshgrid(side, side), axis=-1)
answers = network.predict(points.reshape(-1, 2)).reshape(161, 161)
figure, axes = plt.subplots(figsize=(6, 4.6))
areas = axes.contourf(side, side, answers, levels=np.linspace(0, 1, 11), cmap="cividis")
axes.contour(side, side, answers, levels=[0.1, 0.5, 0.9], colors=["white", "white", "black"], linewidths=[1, 3, 1])
for place, words, colour in (
    ((-3.3, 1.75), "a = 0.1", "white"),
    ((-3.6, -0.6), "a = 0.5, z = 0", "white"),
    ((-3.3, -2.6), "a = 0.9", "black"),
):
    axes.text(*place, words, color=colour, rotation=26.6, rotation_mode="anchor")
start = -b * w / (w @ w)  # the point of the line z = 0 that is nearest to the origin
axes.annotate("", start + 1.5 * w, start, arrowprops={"width": 3, "headwidth": 11, "color": "#E69F00"})
axes.text(*(start + 1.5 * w + [0.2, 0.1]), "w", color="black", weight="bold", size=13)
axes.plot(*x, "o", color="white", markeredgecolor="black", markersize=9)
axes.annotate("x = (2, 3)", x, (8, 6), textcoords="offset points", color="white")
axes.set(xlabel="x₁", ylabel="x₂", aspect="equal", title="The answer a of one neuron to every point of the plane")
figure.colorbar(areas, label="a")
figure.savefig("01-neuron.png")

# %% [markdown]
# ![A plane of inputs x1 and x2. A straight white line runs from bottom left to top right; above it the answer falls to
# 0, below it the answer rises to 1. An arrow w stands at a right angle on the line and points to the side of
# 1.](pictures/01-neuron.png)
#
# *One neuron cuts the plane in two. The arrow is w: along it a rises fastest, at a right angle to it nothing changes.*
