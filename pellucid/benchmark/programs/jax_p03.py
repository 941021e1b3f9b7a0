"""What `pellucid train p03 --epochs 5` does, as a JAX script: python jax_p03.py FOLDER-WITH-IDX-FILES."""

import json
import sys
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np


def read(name: str, header: int) -> np.ndarray:
    """The bytes behind the header of an IDX file."""
    return np.fromfile(f"{sys.argv[1]}/{name}-ubyte", np.uint8)[header:]


def images(name: str) -> jax.Array:
    """Images as rows of floats."""
    return jnp.asarray(read(f"{name}-images-idx3", 16).reshape(-1, 784).astype(np.float32) / 255)


def labels(name: str) -> jax.Array:
    """Class numbers."""
    return jnp.asarray(read(f"{name}-labels-idx1", 8).astype(np.int32))


def logits(parameters: list, x: jax.Array) -> jax.Array:
    """Forwards."""
    for w, b in parameters[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = parameters[-1]
    return x @ w + b


def loss(parameters: list, x: jax.Array, y: jax.Array) -> jax.Array:
    """Cross-entropy."""
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits(parameters, x)), y[:, None], axis=1))


def step(parameters: list, batch: jax.Array) -> tuple:
    """Gradient descent."""
    gradient = jax.grad(loss)(parameters, X[batch], Y[batch])
    return jax.tree.map(lambda p, g: p - 0.1 * g, parameters, gradient), None


X, Y = images("train"), labels("train")
rng = np.random.default_rng(0)
widths = (784, 128, 64, 10)
network = [(jnp.asarray(rng.normal(0, (2 / i) ** 0.5, (i, o)), jnp.float32), jnp.zeros(o)) for i, o in pairwise(widths)]
epoch = jax.jit(lambda parameters, order: jax.lax.scan(step, parameters, order)[0])
for _ in range(5):
    order = rng.permutation(len(X))
    network = epoch(network, order[: len(X) // 32 * 32].reshape(-1, 32))
accuracy = float((logits(network, images("t10k")).argmax(axis=1) == labels("t10k")).mean())
np.savez("model.npz", *[array for pair in network for array in pair])
print(json.dumps({"test_accuracy": accuracy}))
