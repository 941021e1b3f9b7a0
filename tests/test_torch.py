"""PyTorch as an oracle: its stored numbers always, its live ones where it is installed. All in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracle import ARCHITECTURE, CASES, problem, torch_numbers
from safetensors.numpy import load_file

import pellucid as pl
from pellucid.glass.gradcheck import Probe

GOLDEN = load_file(Path(__file__).parent / "golden" / "torch.safetensors")


def ours(hidden: str, output: str, loss: str, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    network = pl.Network("-".join(map(str, ARCHITECTURE)), activation=hidden, output=output, loss=loss, dtype="float64")
    network.theta = theta
    value, gradient = network.loss_and_gradient(x, y)
    _, gradients = Probe(network, network.theta, x.T, y.T).gradients()
    return {
        "outputs": network.predict(x),
        "loss": np.array([value]),
        "gradient": gradient,
        "dx": gradients["input"].reshape(x.T.shape).T,
    }


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, array in found.items():
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e-12 * max(scale, 1), err_msg=name)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_forward_loss_and_gradients_equal_what_pytorch_once_computed(case: tuple[str, str, str]) -> None:
    stored = {
        name: GOLDEN[f"{'/'.join(case)}/{name}"] for name in ("theta", "x", "y", "outputs", "loss", "gradient", "dx")
    }
    given = {name: stored[name] for name in ("theta", "x", "y")}
    assert_equal(ours(*case, **given), stored)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: "-".join(CASES[number]))
def test_forward_loss_and_gradients_equal_pytorch_live(number: int) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; its stored numbers were compared instead")
    given = problem(1000 + number)
    assert_equal(ours(*CASES[number], **given), torch_numbers(*CASES[number], **given))


def test_sgd_follows_pytorch_for_ten_steps() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, labels = rng.random((40, 6)), rng.integers(0, 3, 40)
    network = pl.Network("6-5-3", dtype="float64", seed=3)
    modules = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()
    for module, layer in zip((modules[0], modules[2]), (network.layers[0], network.layers[2]), strict=True):
        module.weight.data, module.bias.data = torch.tensor(layer.W), torch.tensor(layer.b[:, 0])
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.3)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(modules(torch.tensor(x)), torch.tensor(labels))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history = pl.fit(network, x, labels, epochs=10, batch_size=40, optimizer=pl.SGD(0.3))
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-12)
    theirs = np.concatenate([p.detach().numpy().ravel() for p in modules.parameters()])
    np.testing.assert_allclose(network.theta, theirs, atol=1e-12)
