# %% [markdown]
# # 14. Convolution
#
# A dense layer has a weight of its own for every pixel; a stroke that it learned in one corner it does not know in
# another. A convolution is one small pattern of weights, the kernel, laid on every place of the image:
#
# ```
# z[m, i, j] = b[m] + Σ_c Σ_u Σ_v W[m, c, u, v] x[c, i + u, j + v]        m: the map, c: the channel
# ```
#
# At each place stands a neuron of lesson 1 that looks at K×K pixels only, and all of them share their weights.
#
# **Predict.** 28×28 pixels, a kernel of 3×3, no padding. How many rows and columns has z? How many weights has a layer
# with 4 maps, and how many a dense layer with as many outputs?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

EDGE = np.array([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])  # ink below, none above
CORNER = np.array([[0.0, -1, -1], [1, 0, -1], [1, 1, 0]])
kernels = np.stack([EDGE, -EDGE, EDGE.T, CORNER]).reshape(4, 1, 3, 3)
network = pl.Network([pl.Convolution(4, 3), pl.Flatten(), pl.Dense(10)], input_shape=(1, 28, 28), dtype="float64")
convolution = network.layers[0]
convolution.W = kernels
train, _ = pl.data.load("mnist")
digit = train.images[np.flatnonzero(train.labels == 5)[0]] / 255
trace = pl.trace(network, digit[None], np.array([5]))
z = trace["conv1/z"][..., 0]  # of the first and only image
print("maps, rows, columns:", z.shape)
print("weights:", convolution.W.size, " dense:", 28 * 28 * z.size)

# %% [markdown]
# 28 − 3 + 1 = 26 places in each direction. 36 weights instead of two million. The formula by loops, and the same as a
# product of matrices: write each window of 9 pixels as a column of X, then z = W X + b, and all of lesson 5 holds.

# %%
loops = np.zeros((4, 26, 26))
for i in range(26):
    for j in range(26):
        loops[:, i, j] = (kernels[:, 0] * digit[i : i + 3, j : j + 3]).sum(axis=(1, 2))
windows = np.lib.stride_tricks.sliding_window_view(digit, (3, 3))  # (26, 26, 3, 3)
X = windows.reshape(26 * 26, 9).T
product = kernels.reshape(4, 9) @ X
print("loops:", np.allclose(z, loops), " product:", product.shape, np.allclose(z.reshape(4, -1), product))

# %% [markdown]
# **The way back** is that of a dense layer: dW = dz Xᵀ, summed over all places, for the kernel was used at all of
# them; dX = Wᵀ dz. A pixel lies in up to nine windows, so dx adds up what it gets in each.

# %%
dz = trace["conv1/dz"].reshape(4, -1)
print("dW = dz Xᵀ:", np.allclose(trace["conv1/dW"].reshape(4, 9), dz @ X.T))
dx = np.zeros((28, 28))
for column, (i, j) in zip((kernels.reshape(4, 9).T @ dz).T, np.ndindex(26, 26), strict=True):
    dx[i : i + 3, j : j + 3] += column.reshape(3, 3)
print("dx from overlapping windows:", np.allclose(trace["conv1/dx"][0, ..., 0], dx))

# %% [markdown]
# **Predict.** The digit is moved three pixels to the right. What becomes of the maps? And would a dense layer's
# outputs do the same?

# %%
moved = np.zeros_like(digit)
moved[:, 3:] = digit[:, :-3]
z_moved = pl.trace(network, moved[None], np.array([5]))["conv1/z"][..., 0]
print("the maps moved by three columns too:", np.allclose(z_moved[..., 3:], z[..., :-3]))

# %% [markdown]
# They move with it, which is called equivariance: what is learned at one place is known at all. A dense layer would
# give quite other numbers. Pooling (`MP2`: the largest of 2×2) then makes a small shift matter little. In the
# notation, `1x28x28-6C5p2-MP2-16C5-MP2-120-84-10` is LeNet-5, with 6 maps of 5×5, then 16: `pellucid train lenet5`
# reaches 99.3%.

# %%
figure, axes = plt.subplots(2, 5, figsize=(8.5, 3.3))
names = ("ink below", "ink above", "ink on the right", "ink lower left")
most = abs(z).max()
axes[0, 0].axis("off")
axes[0, 0].text(0.5, 0.5, "kernels (3×3)\nabove,\nmaps (26×26)\nbelow", ha="center", va="center")
axes[1, 0].imshow(digit, cmap="gray_r")
axes[1, 0].set_title("the digit (28×28)", size=9)
for m, name in enumerate(names):
    axes[0, m + 1].imshow(kernels[m, 0], cmap="PuOr_r", vmin=-1, vmax=1)
    for (i, j), weight in np.ndenumerate(kernels[m, 0]):
        axes[0, m + 1].text(j, i, f"{weight:+.0f}" if weight else "0", ha="center", va="center", size=8,
                            color="white" if weight else "black")  # fmt: skip
    shown = axes[1, m + 1].imshow(z[m], cmap="PuOr_r", vmin=-most, vmax=most)
    axes[1, m + 1].set_title(name, size=9)
for one in axes.flat:
    one.set(xticks=[], yticks=[])
figure.colorbar(shown, ax=axes, shrink=0.6, label="z")
figure.savefig("14-convolution.png")

# %% [markdown]
# ![A digit five, four kernels of three by three with their weights, and below each the map that it makes: outlines of
# the five, orange where its edge runs as the kernel has it, purple where it runs the opposite
# way.](pictures/14-convolution.png)
#
# *Ink is 1, paper 0. Each kernel finds its kind of edge wherever it is: orange where it fits, purple where the
# opposite fits, white where nothing changes. A training finds kernels of its own.*
