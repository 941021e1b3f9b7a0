# %% [markdown]
# # 11. Momentum and Adam on a bowl
#
# A long valley: L = ½ (θ₁² + 25 θ₂²). It is 25 times as steep across as along. Plain descent must keep α below 2/25
# for the steep direction, and then creeps in the flat one: each step shrinks θ₁ by the factor 1 − α only.
#
# ```
# SGD        θ ← θ − α g
# momentum   v ← μ v + g                                       θ ← θ − α v
# Adam       m ← β₁ m + (1 − β₁) g      m̂ = m / (1 − β₁^t)     a mean of the gradients
#            v ← β₂ v + (1 − β₂) g²     v̂ = v / (1 − β₂^t)     a mean of their squares
#            θ ← θ − α m̂ / (√v̂ + ε)
# ```
#
# Here g is the gradient, t the number of the step, and μ the share of the velocity v that is kept. Adam's means keep
# β₁ = 0.9 and β₂ = 0.999 of what they were; ε = 10⁻⁸ is there so that it never divides by 0.
#
# Momentum adds up what points the same way, step after step (at best 1/(1 − μ) times as much), while what changes sign
# cancels. Adam divides each coordinate by the size of its own gradients: a direction's steepness no longer counts.
#
# **Predict.** All begin at (−9, 2). Which is nearest to the bottom after 40 steps? And whose first step goes exactly
# along a diagonal?

# %%
import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("pellucid.glass.lessons")

CURVATURE, START, STEPS = np.array([1.0, 25.0]), np.array([-9.0, 2.0]), 40
rules = {
    "SGD, α = 0.07": pl.SGD(0.07),
    "momentum, α = 0.03, μ = 0.8": pl.SGD(0.03, momentum=0.8),
    "Adam, α = 0.6": pl.Adam(0.6),
}
paths = {}
for name, rule in rules.items():
    theta, moments = START.copy(), [np.zeros(2) for _ in range(rule.moments)]
    path = [theta.copy()]
    for step in range(1, STEPS + 1):
        rule.update(theta, CURVATURE * theta, moments, step, rule.learning_rate)
        path.append(theta.copy())
    paths[name] = np.array(path)
    first, end = paths[name][1] - START, np.linalg.norm(theta)
    print(f"{name:28} first step ({first[0]:+.2f}, {first[1]:+.2f}), after 40 at distance {end:.2f}")

# %% [markdown]
# Momentum is nearest. Adam's first step is (α, −α), however large the gradient is: m̂ = g and √v̂ = |g| then. So for
# Adam α is the length of a step in each coordinate, and near the bottom it has to be made smaller; on a network, whose
# coordinates differ by more than 25, not having to find a rate for each is worth a lot.
#
# **The formulas by hand**, to see that the library does what stands above:

# %%
theta, v = START.copy(), np.zeros(2)
adam, m, s = START.copy(), np.zeros(2), np.zeros(2)
for step in range(1, STEPS + 1):
    v = 0.8 * v + CURVATURE * theta
    theta = theta - 0.03 * v
    g = CURVATURE * adam
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
    adam = adam - 0.6 * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
_, momentum_path, adam_path = paths.values()
print("by hand the same:", np.allclose(theta, momentum_path[-1]), np.allclose(adam, adam_path[-1]))

# %% [markdown]
# **Predict.** At the start the gradient is (−9, 50). How much of momentum's velocity points along the valley after one
# step, and how much after ten?

# %%
velocity = -np.diff(momentum_path, axis=0) / 0.03
print("velocity after 1 step ", velocity[0].round(1), " after 10 steps", velocity[9].round(1))

# %% [markdown]
# Along the valley gradients of one sign have piled up; across it they had both signs, and cancelled. `pellucid train
# --optimizer adam --learning-rate 0.001` is the usual start for Adam on a network.

# %%
figure, axes = plt.subplots(figsize=(8.5, 4.4))
across, down = np.meshgrid(np.linspace(-10, 3, 200), np.linspace(-2.6, 3.6, 150))
bowl = (across**2 + 25 * down**2) / 2
axes.contour(across, down, bowl, levels=[0.5, 2, 6, 14, 28, 50, 80, 120], colors="0.8", linewidths=1)
for (name, path), style in zip(paths.items(), ("o-", "s--", "^:"), strict=True):
    axes.plot(*path.T, style, markersize=4, linewidth=1.3, label=name)
axes.plot(*START, "o", color="black", markersize=9)
axes.annotate("start", START, (-8, 10), textcoords="offset points")
axes.plot(0, 0, "+", color="black", markersize=16, markeredgewidth=2.5)
axes.set(xlabel="θ₁, flat", ylabel="θ₂, steep", ylim=(-2.6, 3.6), title="40 steps from the same point; + is the bottom")
axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="white")
figure.savefig("11-momentum.png")

# %% [markdown]
# ![Contours of a long valley. SGD jumps from wall to wall and creeps along; momentum swings wide, then runs down the
# valley to the bottom; Adam goes down along a diagonal, swings past the bottom and curves
# back.](pictures/11-momentum.png)
#
# *The steep direction limits SGD's rate, so it creeps in the flat one. Momentum gathers speed along the valley; Adam
# makes both directions alike.*
