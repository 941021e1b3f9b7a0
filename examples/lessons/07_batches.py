# %% [markdown]
# # 7. Batches, and the whole training from scratch
#
# The loss to lower is the mean over all N training examples. Its gradient costs a pass through all of them. A
# mini-batch of B examples drawn at random gives an estimate of that gradient, for B/N of the work.
#
# One matrix product does a whole batch: the examples stand side by side as columns of x. And since the loss of a batch
# is a mean, its gradient is the mean of the gradients of its examples. The sum over n hides in dW = dz xᵀ, the 1/B in
# dz.

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

train, test = pl.data.load("mnist")
network = pl.Network("784-128-64-10", seed=0, dtype="float64")
few, their = train.images[:8], train.labels[:8]
batch = network.loss_and_gradient(few, their)[1].copy()
singles = [network.loss_and_gradient(few[n : n + 1], their[n : n + 1])[1].copy() for n in range(8)]
print("gradient of 8 = mean of 8 gradients:", np.allclose(batch, np.mean(singles, axis=0)))

# %% [markdown]
# How good is the estimate? Its error is that of a mean of B draws: it falls as 1/√B. Here it is measured for the
# network as it begins, against the gradient of 4,000 images.
#
# **Predict.** How much more exact is the gradient of 64 images than that of 16, and how much more does it cost?

# %%
rng = np.random.default_rng(0)
exact = network.loss_and_gradient(train.images[:4000], train.labels[:4000])[1].copy()
sizes, errors = [1, 4, 16, 64, 256], []
for size in sizes:
    found = []
    for _ in range(12):
        drawn = rng.integers(0, 4000, size)
        found.append(network.loss_and_gradient(train.images[drawn], train.labels[drawn])[1] - exact)
    errors.append(np.sqrt(np.mean(np.square(found).sum(axis=1))) / np.linalg.norm(exact))
    print(f"B = {size:3}: error {errors[-1]:5.2f} times the length of the gradient")

# %% [markdown]
# Twice as exact for four times the work, each time. So it pays to take many cheap steps in roughly the right direction
# rather than few exact ones. B = 1 would be cheapest, but a processor does one product of matrices much faster than
# many with vectors (it fetches each weight once and uses it B times); and the noise asks for a smaller learning rate.
# B = 32 to 256 is where both are well served. Too small: slow, noisy. Too large: few steps for the same work.
#
# **Now all of it, from scratch**: forward, backward and update of lessons 3 to 6 in NumPy, for mini-batches of 32.
#
# **Predict.** How many of the 10,000 test digits does it read right after two passes through the training images?

# %%
columns = train.images.reshape(len(train), 784).T / np.float32(255)  # (784, N)
drawn = pl.Network("784-128-64-10", seed=0)  # for its first weights
W1, b1, W2, b2, W3, b3 = (
    tensor.copy() for layer in drawn.layers if layer.kind == "dense" for tensor in (layer.W, layer.b)
)
loss_curve = []
for _ in range(2):
    order = rng.permutation(len(train))
    for start in range(0, len(train), 32):
        chosen = order[start : start + 32]
        x, y = columns[:, chosen], np.eye(10, dtype=np.float32)[:, train.labels[chosen]]
        a1 = np.maximum(W1 @ x + b1, 0)  # forward
        a2 = np.maximum(W2 @ a1 + b2, 0)
        z3 = W3 @ a2 + b3
        e = np.exp(z3 - z3.max(axis=0))
        a3 = e / e.sum(axis=0)
        loss_curve.append(-np.log((a3 * y).sum(axis=0) + 1e-30).mean())
        dz3 = (a3 - y) / x.shape[1]  # backward
        dz2 = (W3.T @ dz3) * (a2 > 0)
        dz1 = (W2.T @ dz2) * (a1 > 0)
        for W, b, dz, into in ((W1, b1, dz1, x), (W2, b2, dz2, a1), (W3, b3, dz3, a2)):
            W -= 0.1 * dz @ into.T  # update
            b -= 0.1 * dz.sum(axis=1, keepdims=True)

drawn.theta = np.concatenate([tensor.ravel() for tensor in (W1, b1, W2, b2, W3, b3)])
accuracy = drawn.evaluate(test).accuracy
print(f"steps: {len(loss_curve):,}, test accuracy {accuracy:.1%}")
print("over 95%:", accuracy > 0.95)

# %% [markdown]
# In a library that is two lines: `net = pl.Network("784-128-64-10")` and `pl.fit(net, train, epochs=2,
# batch_size=32)`.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.8))
left.loglog(sizes, errors, "o", markersize=8, label="measured")
left.loglog(sizes, errors[0] / np.sqrt(sizes), "--", color="C1", label="falls as 1/√B")
left.set(xticks=sizes, xticklabels=sizes, xlabel="batch size B", ylabel="error ÷ length of the exact gradient")
left.set_title("Four times the batch, half the error")
left.minorticks_off()
left.legend()
smooth = np.convolve(loss_curve, np.ones(100) / 100, "valid")
right.semilogy(loss_curve, color="0.75", linewidth=0.5, label="each batch of 32")
right.semilogy(np.arange(len(smooth)) + 100, smooth, color="C0", label="mean of the last 100")
right.set(xlabel="step", ylabel="loss", ylim=(0.02, 4), title=f"From scratch: {accuracy:.1%} of the test digits")
right.legend()
figure.savefig("07-batches.png")

# %% [markdown]
# ![Left: on logarithmic axes the error of the gradient falls along a straight dashed line as the batch grows from 1 to
# 256 examples. Right: the loss of each batch scatters widely while its running mean falls from 1 to about
# 0.1.](pictures/07-batches.png)
#
# *Left: a larger batch gives a better gradient, with diminishing returns. Right: every single step is noisy, and the
# loss falls all the same.*
