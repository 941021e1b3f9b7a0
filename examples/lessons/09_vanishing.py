# %% [markdown]
# # 9. Vanishing gradients
#
# On the way back through a layer the gradient is multiplied by Wᵀ and by the slope of the activation:
#
# ```
# dx = Wᵀ (da ∘ g'(z))          again for each layer before it
# ```
#
# The sigmoid's slope is a (1 − a), at most ¼, at z = 0. ReLU's is 1 wherever it is open.
#
# **Predict.** Six layers with sigmoid. By about what factor is the gradient of the first layer's weights smaller than
# that of the last layer's?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

z = np.linspace(-6, 6, 1001)
a = 1 / (1 + np.exp(-z))
print(f"the largest slope of the sigmoid: {(a * (1 - a)).max():.4f}, and 0.25 to the fifth power: {0.25**5:.4f}")

train, test = pl.data.load("mnist")
LINE = "784-64-64-64-64-64-10"
networks = {name: pl.Network(LINE, activation=name, seed=0) for name in ("sigmoid", "relu")}
strength = {}
for name, network in networks.items():
    trace = pl.trace(network, train.images[:512], train.labels[:512], dtype="float64")
    strength[name] = [float(np.sqrt(np.mean(trace[f"dense{layer}/dW"] ** 2))) for layer in range(1, 7)]
    print(f"{name:8} spread of dW, layers 1 to 6:", *(f"{value:.0e}" for value in strength[name]))

# %% [markdown]
# By a factor of about three thousand. The last layer learns as always, but the first ones, which are to make something
# of the pixels, hardly move: at learning rate 0.1 a step changes them by less than a millionth.
#
# **Predict.** Both networks see all training digits once, at the same learning rate. What accuracy will each have?

# %%
for network in networks.values():
    pl.fit(network, train, epochs=1, batch_size=32, optimizer=pl.SGD(0.1), seed=0, diagnosis=False)
accuracy = {name: network.evaluate(test).accuracy for name, network in networks.items()}
print("test accuracy:", *(f"{name} {value:.0%}" for name, value in accuracy.items()))

# %% [markdown]
# The sigmoid network guesses (it gives every digit about the same answer). It is not that it cannot: its gradients do
# not arrive. What helps: ReLU and its kin, a start that fits (lesson 8), batch normalization (lesson 13), residual
# blocks y = x + f(x), through which the gradient also comes unchanged.
#
# **Exploding** is the opposite: factors above 1, multiplied. `clip_norm=1` shortens a gradient that is too long.
# pellucid watches each training for both and says so; `pellucid reproduce vanishing` repeats this lesson with 20
# seeds.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.8))
z = np.linspace(-6, 6, 400)
a = 1 / (1 + np.exp(-z))
left.plot(z, z > 0, color="C1", linestyle="--", label="ReLU")
left.plot(z, 1 - np.tanh(z) ** 2, color="C2", linestyle=":", label="tanh")
left.plot(z, a * (1 - a), color="C0", label="sigmoid: at most ¼")
left.set(xlabel="z", ylabel="slope g'(z)", ylim=(-0.03, 1.5), title="What a gradient is multiplied by")
left.legend(loc="upper left")
for name, marker, colour, words in (("relu", "s--", "C1", "ReLU"), ("sigmoid", "o-", "C0", "sigmoid")):
    right.semilogy(range(1, 7), strength[name], marker, color=colour)
    right.annotate(words, (3, strength[name][2]), (4, -18), textcoords="offset points", color=colour, weight="bold")
right.set(xlabel="dense layer", ylabel="spread of dW", xticks=range(1, 7), title="Gradients before training")
figure.savefig("09-vanishing.png")

# %% [markdown]
# ![Left: the slopes of ReLU, a step from 0 to 1; tanh, a bell up to 1; and the sigmoid, a low bell up to a quarter.
# Right: on a logarithmic axis the gradients of the sigmoid network fall steeply from the last layer to the first,
# those of the ReLU network stay almost level.](pictures/09-vanishing.png)
#
# *A low bell, multiplied layer after layer, leaves nothing for the first layers. Read the right picture from right to
# left: that is the way the gradient goes.*
