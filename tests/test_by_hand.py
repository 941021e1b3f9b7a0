"""One training step, worked out by hand.

The network 2-2-2: W1 = [1 -1; 0.5 1], b1 = [0; -0.5], ReLU, W2 = [1 1; 0 1], b2 = [0; 0], softmax, cross-entropy.
One batch of B = 2 examples, in columns: x = [1 0; 0 1], of classes 0 and 1.

    z1 = W1 x + b1 = [1 -1; 0.5 1] + [0 0; -0.5 -0.5] = [ 1 -1; 0 0.5]
    a1 = max(z1, 0)                                   = [ 1  0; 0 0.5]     (and 0 is not above 0: no gradient there)
    z2 = W2 a1 + b2                                   = [ 1  0.5; 0 0.5]
    p  = softmax(z2): first column 1 / (1 + e^-1) = 0.731058578..., second column 1/2, 1/2
    L  = (-log 0.731058578 - log 0.5) / 2             = (0.313261687 + 0.693147180) / 2 = 0.503204434

Backwards, with q = 1 - 0.731058578 = 0.268941421:

    dz2 = (p - y) / B = [-q 0.5; q -0.5] / 2          = [-0.134470710 0.25; 0.134470710 -0.25]
    dW2 = dz2 a1' = [-0.134470710·1 + 0.25·0,  -0.134470710·0 + 0.25·0.5; ...]
                                                      = [-0.134470710 0.125; 0.134470710 -0.125]
    db2 = row sums of dz2                             = [0.115529289; -0.115529289]
    da1 = W2' dz2 = [1 0; 1 1] dz2                    = [-0.134470710 0.25; 0 0]
    dz1 = da1 where z1 > 0                            = [-0.134470710 0; 0 0]
    dW1 = dz1 x' = dz1                                = [-0.134470710 0; 0 0]
    db1 = row sums of dz1                             = [-0.134470710; 0]

With α = 1 each parameter then loses its gradient: W2[0,0] becomes 1.134470710, and so on.
"""

from __future__ import annotations

import numpy as np

import pellucid as pl

q = 1 - 1 / (1 + np.exp(-1))
GRADIENT = [-q / 2, 0, 0, 0, -q / 2, 0, -q / 2, 0.125, q / 2, -0.125, 0.25 - q / 2, q / 2 - 0.25]
THETA = [1, -1, 0.5, 1, 0, -0.5, 1, 1, 0, 1, 0, 0]
x, labels = np.eye(2), np.array([0, 1])


def network() -> pl.Network:
    net = pl.Network("2-2-2", dtype="float64")
    net.theta = np.array(THETA, float)
    return net


def test_the_loss_and_every_gradient_are_those_found_by_hand() -> None:
    loss, gradient = network().loss_and_gradient(x, labels)
    assert abs(loss - 0.503204434) < 1e-9
    np.testing.assert_allclose(gradient, GRADIENT, atol=1e-15)


def test_one_step_subtracts_the_gradient() -> None:
    net = network()
    pl.fit(net, x, labels, epochs=1, batch_size=2, optimizer=pl.SGD(1.0))
    np.testing.assert_allclose(net.theta, np.array(THETA) - GRADIENT, atol=1e-15)
    assert abs(net.layers[2].W[0, 0] - 1.134470710) < 1e-9
