# %% [markdown]
# # 3. The shapes
#
# Most mistakes in a network from scratch are mistakes of shape. One rule decides each product: the **inner** numbers
# must be equal and vanish, the **outer** ones stay.
#
# ```
# (128, 784) (784, 32) → (128, 32)
#       └─────┘ equal
# ```
#
# Here is a batch of B = 32 images, one in each column, in the network `784-128-64-10`. The three products of a dense
# layer, and what each one says:
#
# | product | shapes | in words |
# |---|---|---|
# | z = W x + b | (out, B) = (out, in) (in, B) + (out, 1) | each neuron looks at each example |
# | dW = dz xᵀ | (out, in) = (out, B) (B, in) | each error meets each input, summed over the examples |
# | dx = Wᵀ dz | (in, B) = (in, out) (out, B) | each error goes back along the wires that it came by |
#
# In z, the number at [i, n] is row i of W times column n of x, plus b[i]: what neuron i thinks of example n. A
# gradient always has the shape of what it is the gradient of.
#
# **Predict.** The second dense layer goes from 128 to 64. What are the shapes of its W, x, z, dW and dx?

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

network = pl.Network("784-128-64-10")
rng = np.random.default_rng(0)
trace = pl.trace(network, rng.random((32, 784)), rng.integers(0, 10, 32))
for tensor in ("W", "b", "x", "z", "dz", "dW", "db", "dx"):
    first, second, third = (str(trace[f"dense{number}/{tensor}"].shape) for number in (1, 2, 3))
    print(f"{tensor:3} {first:11} {second:10} {third}")
print("parameters:", len(network.theta))

# %% [markdown]
# **A mistake that shows itself.** Someone forgets the transpose in dW = dz xᵀ:

# %%
dz, x = trace["dense2/dz"], trace["dense2/x"]
try:
    dz @ x
except ValueError:
    print("NumPy cannot multiply", dz.shape, "by", x.shape)

# %% [markdown]
# Write the shapes below the product, (64, 32) (128, 32), and see that the inner numbers, 32 and 128, differ. To get
# (64, 128) the 32 must stand inside: (64, 32) (32, 128). So x has to be turned.
#
# **A mistake that hides itself.** NumPy adds a vector of shape (out,) along the *last* axis, the examples. That is an
# error of shape, unless B equals `out`, or is 1: then (out, 1) + (out,) makes (out, out).
#
# **Predict.** b has shape (4,) instead of (4, 1), and the batch has 4 examples. What happens?

# %%
z, b = np.zeros((4, 4)), np.array([0.0, 1, 2, 3])
print("column:", (z + b.reshape(4, 1))[0], " vector:", (z + b)[0])
try:
    network.layers[0].b = np.zeros(128)
except pl.ShapeError as error:
    print("pellucid:", error)

# %% [markdown]
# Nothing is reported, and it is wrong: neuron 0 should add b₀ = 0 to every example, and adds another number to each.
# So keep biases as columns, try a batch size above 1 that no layer has, and let the library refuse what is ambiguous.
# pellucid also names the layers on the way when an architecture does not fit together:

# %%
try:
    pl.Network("1x28x28-6C5-MP2-16C5-MP2-32C5-10")
except pl.ShapeError as error:
    print(error)


# %%
def draw(axes, row: int, factors: list[tuple[str, int, int, str]], sizes: dict[int, str]) -> None:
    """A product as rectangles: the first is what the others make."""
    left = 0.0
    for number, (name, down, across, sign) in enumerate(factors):
        height, width = 0.42 * np.sqrt(down), 0.42 * np.sqrt(across)
        axes.add_patch(Rectangle((left, -row - height / 2), width, height, facecolor=f"C{number}", alpha=0.55))
        axes.text(left + width / 2, -row, name, ha="center", va="center", weight="bold")
        axes.text(left - 0.15, -row, sizes[down], ha="right", va="center", size=9)
        axes.text(left + width / 2, -row + height / 2 + 0.15, sizes[across], ha="center", va="bottom", size=9)
        axes.text(left + width + 1.1, -row, sign, ha="center", va="center", size=13)
        left += width + 4.2


figure, axes = plt.subplots(figsize=(7, 7.2))
sizes = {784: "784", 128: "128", 32: "B = 32"}
draw(axes, 0, [("z", 128, 32, "="), ("W", 128, 784, "·"), ("x", 784, 32, "")], sizes)
draw(axes, 11, [("dW", 128, 784, "="), ("dz", 128, 32, "·"), ("xᵀ", 32, 784, "")], sizes)
draw(axes, 23, [("dx", 784, 32, "="), ("Wᵀ", 784, 128, "·"), ("dz", 128, 32, "")], sizes)
axes.set(xlim=(-2.5, 35), ylim=(-30.5, 8), aspect="equal", title="The three products of the first dense layer")
axes.axis("off")
figure.savefig("03-shapes.png")

# %% [markdown]
# ![Three rows of rectangles with their sides labelled. z, 128 by 32, equals W, 128 by 784, times x, 784 by 32. dW, 128
# by 784, equals dz, 128 by 32, times x transposed, 32 by 784. dx, 784 by 32, equals W transposed, 784 by 128, times
# dz, 128 by 32.](pictures/03-shapes.png)
#
# *Sides grow with the square root of the numbers. In every row the width of the middle rectangle is the height of the
# last one; what is left, the height of the one and the width of the other, is the shape of the product.*
