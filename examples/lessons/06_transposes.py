# %% [markdown]
# # 6. Why transposes
#
# Forward stands W, backward stands Wᵀ. Where does the transpose come from? Three ways to see it.
#
# **By indices.** Forward, z_i sums over *row* i of W. Backward, x_j went into every z_i, so it is paid back by all of
# them, and that sum runs down *column* j of W:
#
# ```
# z_i  = Σ_j W[i,j] x_j          sum over the second index: W x
# dx_j = Σ_i W[i,j] dz_i         sum over the first index:  Wᵀ dz, for Wᵀ[j,i] = W[i,j]
# ```
#
# Write the sums as loops, without a transpose anywhere, and see what they compute.

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

rng = np.random.default_rng(3)
W, x, dz = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
dx, dW = np.zeros((4, 2)), np.zeros((3, 4))
for i in range(3):
    for j in range(4):
        for n in range(2):  # the examples
            dx[j, n] += W[i, j] * dz[i, n]
            dW[i, j] += dz[i, n] * x[j, n]
print("the loops are Wᵀ dz and dz xᵀ:", np.allclose(dx, W.T @ dz), np.allclose(dW, dz @ x.T))

# %% [markdown]
# **By shapes.** dx must be (in, B), from W (out, in) and dz (out, B): only Wᵀ dz fits. dW must be (out, in), from dz
# (out, B) and x (in, B): only dz xᵀ fits.
#
# **By what a transpose is.** Wᵀ is the matrix with ⟨W u, v⟩ = ⟨u, Wᵀ v⟩ for all u and v, where ⟨ , ⟩ multiplies
# element by element and sums. A small step u of the input moves the output by W u, and the loss by ⟨dz, W u⟩ = ⟨Wᵀ dz,
# u⟩. But what the loss gains for a step u is by definition ⟨dx, u⟩. So dx = Wᵀ dz: the gradient comes back through the
# transpose of whatever the signal went forward through. (A convolution, a pooling, a sum: each goes back by its
# transpose.)

# %%
u, v = rng.normal(size=4), rng.normal(size=3)
print("⟨W u, v⟩ = ⟨u, Wᵀ v⟩:", np.isclose((W @ u) @ v, u @ (W.T @ v)))

# %% [markdown]
# **Predict.** All layers have 6 units, and somebody writes `dx = W @ dz`. Will NumPy complain? Will the numbers be
# right?

# %%


class Forgetful(pl.Dense):
    """A dense layer whose author forgot a transpose."""

    def backward(self, t):
        super().backward(t)
        t.dx = t.W @ t.dz


def worst(layer: type[pl.Dense]) -> float:
    """The largest error of dense1/dW against nudging, relative to its largest number."""
    network = pl.Network([layer(6), pl.Tanh(), layer(6)], input_shape=(6,), dtype="float64", seed=1)
    data, classes = np.random.default_rng(0).normal(size=(8, 6)), np.arange(8) % 6
    formula = network.loss_and_gradient(data, classes)[1].copy()
    measured = np.zeros(36)
    for k in range(36):  # the first 36 numbers of theta are W of the first layer
        for sign in (1, -1):
            network.theta[k] += sign * 1e-5
            measured[k] += sign * network.loss_and_gradient(data, classes)[0] / 2e-5
            network.theta[k] -= sign * 1e-5
    return float(abs(formula[:36] - measured).max() / abs(measured).max())


print("right to 7 digits, with the transpose:", worst(pl.Dense) < 1e-7, " without:", worst(Forgetful) < 1e-7)
print("wrong by more than a tenth without it:", worst(Forgetful) > 0.1)

# %% [markdown]
# Nothing complains: where `out` = `in` every shape fits. Such a network even learns a little, for its last layer is
# right. Only a gradient check finds it: `pellucid gradcheck`, and `pellucid gradcheck --planted` shows this mistake
# and many others being caught.

# %%
figure, both = plt.subplots(1, 2, figsize=(8.5, 4))
titles = ("Forward: z₂ gathers along row 2 of W", "Backward: dx₃ gathers along column 3 of W")
for axes, title, letters in zip(both, titles, (("x", "z"), ("dx", "dz")), strict=True):
    forwards = letters[0] == "x"
    for i in range(3):
        for j in range(4):
            chosen = i == 1 if forwards else j == 2
            start, end = np.array([0, 3 - j]), np.array([1, 2.5 - i])
            colour = ("C0" if forwards else "C1") if chosen else "0.85"
            begin, stop = (start, end) if forwards else (end, start)
            way = stop - begin
            arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.5 if chosen else 1}
            axes.annotate("", begin + 0.88 * way, begin + 0.1 * way, zorder=2 if chosen else 1, arrowprops=arrow)
            if chosen:
                place = start + (0.34 if forwards else 0.62) * (end - start)
                axes.text(*place, f"W{'₁₂₃'[i]}{'₁₂₃₄'[j]}", ha="center", va="center", size=9,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    for j in range(4):
        axes.text(0, 3 - j, f"{letters[0]}{'₁₂₃₄'[j]}", ha="center", va="center", weight="bold")
    for i in range(3):
        axes.text(1, 2.5 - i, f"{letters[1]}{'₁₂₃'[i]}", ha="center", va="center", weight="bold")
    axes.set(xlim=(-0.15, 1.15), ylim=(-0.4, 3.4), title=title)
    axes.axis("off")
figure.savefig("06-transposes.png")

# %% [markdown]
# ![Two copies of the same twelve wires between four inputs and three outputs. Left, the four wires W21 to W24 that run
# into z2 are dark: a row of W. Right, the arrows are reversed and the three wires W13, W23 and W33 that run into dx3
# are dark: a column of W.](pictures/06-transposes.png)
#
# *The wires are the same, the signal runs the other way. Who gathers along a row forwards gathers along a column
# backwards, and that is what a transpose does.*
