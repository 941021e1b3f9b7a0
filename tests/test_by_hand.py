"""One training step, worked out by hand. [a b; c d] is a matrix with the rows a b and c d.

The network 2-2-2: W1 = [1 -1; 0.5 1], b1 = [0; -0.5], ReLU, W2 = [1 1; 0 -1], b2 = [0; 0], softmax, cross-entropy.
One batch of B = 2 examples, in columns: x = [1 2; 0 1], of the classes 0 and 1.

    z1 = W1 x + b1                 = [1 1; 0.5 2] + [0 0; -0.5 -0.5] = [1 1; 0 1.5]
    a1 = max(z1, 0)                = [1 1; 0 1.5]             (0 is not above 0: no gradient passes there)
    z2 = W2 a1 + b2                = [1 2.5; 0 -1.5]
    a2 = softmax(z2)               first column  1 / (1 + e^-1) = 0.731058579 and q = 0.268941421,
                                   second column s = 1 / (1 + e^-4) = 0.982013790 and 1 - s
    L  = (-log 0.731058579 - log 0.017986210) / 2 = (0.313261688 + 4.018149928) / 2 = 2.165705808

Backwards:

    dz2 = (a2 - y) / B             = [-q s; q -s] / 2
    dW2 = dz2 a1ᵀ                  = [-q s; q -s] [1 0; 1 1.5] / 2 = [s-q 1.5s; q-s -1.5s] / 2
    db2 = row sums of dz2          = [s-q; q-s] / 2
    da1 = W2ᵀ dz2                  = [1 0; 1 -1] [-q s; q -s] / 2 = [-q/2 s/2; -q s]
    dz1 = da1 where z1 > 0         = [-q/2 s/2; 0 s]
    dW1 = dz1 xᵀ                   = [-q/2 s/2; 0 s] [1 0; 2 1] = [s-q/2 s/2; 2s s]
    db1 = row sums of dz1          = [(s-q)/2; s]

With α = 1 each parameter then has its gradient subtracted: W2[0,0] becomes 1 - (s-q)/2 = 0.643463816.
"""

from __future__ import annotations

import numpy as np

import pellucid as pl

q, s = 1 - 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-4))
dW1, db1 = [s - q / 2, s / 2, 2 * s, s], [(s - q) / 2, s]
dW2, db2 = [(s - q) / 2, 0.75 * s, (q - s) / 2, -0.75 * s], [(s - q) / 2, (q - s) / 2]
GRADIENT = np.array([*dW1, *db1, *dW2, *db2])
THETA = np.array([1, -1, 0.5, 1, 0, -0.5, 1, 1, 0, -1, 0, 0])
x, labels = np.array([[1.0, 0], [2, 1]]), np.array([0, 1])  # outside, an example is a row


def network() -> pl.Network:
    net = pl.Network("2-2-2", dtype="float64")
    net.theta = THETA
    return net


def test_the_loss_and_every_gradient_are_those_found_by_hand() -> None:
    loss, gradient = network().loss_and_gradient(x, labels)
    assert abs(loss - 2.165705808) < 1e-9
    np.testing.assert_allclose(gradient, GRADIENT, rtol=0, atol=1e-15)


def test_every_matrix_on_the_way_is_the_one_found_by_hand() -> None:
    net = network()
    net.loss_and_gradient(x, labels)
    dense1, relu1, dense2 = net.layers
    for found, expected in (
        (dense1.z, [[1, 1], [0, 1.5]]),
        (relu1.a, [[1, 1], [0, 1.5]]),
        (dense2.z, [[1, 2.5], [0, -1.5]]),
        (dense2.dz, [[-q / 2, s / 2], [q / 2, -s / 2]]),
        (relu1.da, [[-q / 2, s / 2], [-q, s]]),
        (relu1.dz, [[-q / 2, s / 2], [0, s]]),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_one_step_subtracts_the_gradient() -> None:
    net = network()
    pl.fit(net, x, labels, epochs=1, batch_size=2, optimizer=pl.SGD(1.0))
    np.testing.assert_allclose(net.theta, THETA - GRADIENT, rtol=0, atol=1e-15)
    assert abs(net.layers[2].W[0, 0] - 0.643463816) < 1e-9
