"""A trace: the tensors of a step are what an independent source computes, and each of their numbers can be followed."""

from __future__ import annotations

import json
import random
import re
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import architecture
from twin import Twin

import pellucid as pl
from pellucid.layers import Layer, Tensor, walk
from pellucid.randomness import Draws
from pellucid.workspace import Workspace

OPTIMIZERS = [
    pl.SGD(0.1), pl.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01), pl.Adagrad(), pl.RMSProp(),
    pl.Adam(weight_decay=0.1), pl.AdamW(), pl.Lion(weight_decay=0.1),
]  # fmt: skip
OUTPUTS = [
    ("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("softmax", "squared_error"),
    ("sigmoid", "squared_error"), ("tanh", "squared_error"), ("identity", "squared_error"),
]  # fmt: skip


def made(text: str, number: int, **options: Any) -> tuple[pl.Network, np.ndarray, np.ndarray]:
    """A network at a random point, and a batch of three examples for it."""
    rng = np.random.default_rng(number)
    network = pl.Network(text, dtype="float64", seed=number, **options)
    network.theta[...] += rng.normal(0, 0.1, network.theta.shape)
    network.state[...] += rng.uniform(0, 0.5, network.state.shape)
    examples = rng.normal(size=(3, int(np.prod(network.layers[0].input_shape))))
    return network, examples, rng.integers(0, max(network.outputs, 2), 3)


def assert_adds_up(trace: pl.Trace, name: str, index: tuple[int, ...]) -> None:
    found = trace.sum(name, *index)
    assert found.value == trace[name][index]
    if found.equation is None:
        assert not found.terms, f"{found.name} has terms, but no formula"
        return
    size = sum(abs(term.value) for term in found.terms)
    assert found.total == pytest.approx(found.value, rel=1e-9, abs=1e-11 * size + 1e-15), f"{found.name}: {found.terms}"


# Where each number comes from


@pytest.mark.parametrize("number", range(60))
def test_every_number_of_any_network_is_the_sum_of_its_terms(number: int) -> None:
    choose = random.Random(number).choice
    network, x, labels = made(architecture(choose, images=number % 2 == 0), number)
    optimizer = OPTIMIZERS[number % len(OPTIMIZERS)]
    trace = pl.trace(network, x, labels, training=number % 3 == 0, optimizer=optimizer, seed=number)
    for name in trace.tensors:
        if trace[name].size:
            assert_adds_up(trace, name, tuple(choose(range(length)) for length in trace[name].shape))


@pytest.mark.parametrize(("output", "loss"), OUTPUTS)
def test_every_number_behind_the_last_layer_is_the_sum_of_its_terms(output: str, loss: str) -> None:
    network, x, labels = made("6-5-4", 1, output=output, loss=loss)
    trace = pl.trace(network, x, labels)
    for name in [name for name in trace.tensors if name.startswith("loss/")]:
        for index in np.ndindex(*trace[name].shape):
            assert_adds_up(trace, name, index)


def test_the_sum_of_a_weights_gradient_has_a_term_for_each_example() -> None:
    network, x, labels = made("6-5-4", 2)
    found = pl.trace(network, x, labels).sum("dense1/dW", 3, 2)
    assert found.equation is not None
    assert found.equation.formula == "dz xᵀ"
    assert [str(term) for term in found.terms] == [f"dense1/dz[3, {n}] · dense1/x[2, {n}]" for n in range(3)]


def test_what_is_given_is_made_of_nothing() -> None:
    network, x, labels = made("6-5-4", 2)
    found = pl.trace(network, x, labels).sum("dense1/W", 0, 0)
    assert (found.terms, found.equation) == ((), None)


def test_errors_name_the_nearest_tensor_and_the_shape() -> None:
    network, x, labels = made("6-5-4", 2)
    trace = pl.trace(network, x, labels)
    with pytest.raises(pl.UsageError, match="Did you mean 'dense1/dW'"):
        trace["dense1/dw"]
    assert trace.sum("dense1/W", np.int64(1), 2).value == trace["dense1/W"][1, 2]
    for index in [(5, 0), (0, 6), (-1, 0), (0,), (0, 0, 0), (1.0, 0), ("1", "0")]:
        with pytest.raises(pl.UsageError, match=r"whose shape is \(5, 6\)"):
            trace.sum("dense1/W", *index)


def test_a_layer_of_ones_own_has_no_equations() -> None:
    class Doubling(Layer):
        kind = "doubling"
        tensors = (Tensor("x", "... B", "input"), Tensor("a", "... B", "output"))

        def forward(self, t: Any) -> None:
            t.a = 2 * t.x

        def backward(self, t: Any) -> None:
            t.dx = 2 * t.da

    network = pl.Network([pl.Dense(3), Doubling(), pl.Dense(2)], input_shape=(6,))
    with pytest.raises(pl.UsageError, match="doubling1, a Doubling, is none of pellucid's layers"):
        pl.trace(network, np.ones((2, 6)), np.array([0, 1]))


def test_it_computes_in_single_or_double_precision_alone() -> None:
    network, x, labels = made("6-5-4", 2)
    with pytest.raises(pl.UsageError, match="no dtype called 'int32'"):
        pl.trace(network, x, labels, dtype="int32")
    with pytest.raises(pl.UsageError, match=r"no dtype called 'float23'. Did you mean 'float32'"):
        pl.trace(network, x, labels, dtype="float23")


@pytest.mark.parametrize("optimizer", ["sgd", pl.SGD])
def test_only_optimizers_and_networks_are_taken_for_such(optimizer: Any) -> None:
    network, x, labels = made("6-5-4", 2)
    with pytest.raises(pl.UsageError, match=r"optimizer is one such as pl.SGD\(0.1\)"):
        pl.trace(network, x, labels, optimizer=optimizer)
    with pytest.raises(pl.UsageError, match="A trace is of a Network"):
        pl.trace("pretrained", x, labels)  # type: ignore[arg-type]


# Formulas


@pytest.mark.parametrize(
    ("optimizer", "formula"),
    [
        (pl.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01), "−α (1 + μ) (dW + λ W)"),
        (pl.SGD(0.1, momentum=0.9), "−α dW"),
        (pl.RMSProp(), "−α dW / (√(1 − ρ) |dW| + ε)"),
        (pl.Adam(weight_decay=0.1), "−α (dW + λ W) / (|dW + λ W| + ε)"),
        (pl.AdamW(), "−α dW / (|dW| + ε) − α λ W"),
    ],
)
def test_the_formula_of_an_update_is_that_of_the_first_step(optimizer: Any, formula: str) -> None:
    network, x, labels = made("6-5-4", 2)
    assert pl.trace(network, x, labels, optimizer=optimizer).tensors["dense1/W_update"].formula == formula


def test_no_formula_has_the_name_of_what_it_computes_in_it() -> None:
    network, x, labels = made("1x6x6-3C3-BN-MP2-R(3C1)-D0.5-4", 2)
    trace = pl.trace(network, x, labels, training=True, optimizer=pl.SGD(0.1))
    for name, traced in trace.tensors.items():  # "x, in a column" would be drawn with a box for the article
        assert traced.tensor not in re.split(r"\W+", traced.formula), name


# What it holds


def test_it_holds_every_tensor_with_its_formula_and_its_parents_in_the_order_of_the_step() -> None:
    network, x, labels = made("6-5-4", 3)
    trace = pl.trace(network, x, labels, optimizer=pl.SGD(0.1))
    assert " ".join(trace.tensors) == (
        "dense1/W dense1/b dense1/x dense1/z relu1/z relu1/a dense2/W dense2/b dense2/x dense2/z "
        "loss/z loss/y loss/w loss/a loss/losses loss/loss loss/dz "
        "dense2/dz dense2/dW dense2/db dense2/dx relu1/da relu1/dz dense1/dz dense1/dW dense1/db dense1/dx "
        "dense1/W_update dense1/b_update dense2/W_update dense2/b_update"
    )
    gradient = trace.tensors["dense1/dW"]
    assert (gradient.formula, gradient.parents) == ("dz xᵀ", ("dense1/dz", "dense1/x"))
    assert (gradient.role, gradient.way, gradient.axes) == ("gradient", "backward", "out in")
    assert trace.tensors["relu1/z"].same_as == "dense1/z"


@pytest.mark.parametrize("number", range(20))
def test_parents_come_before_what_is_made_of_them(number: int) -> None:
    network, x, labels = made(architecture(random.Random(number).choice, images=number % 2 == 0), number)
    trace = pl.trace(network, x, labels, training=True, optimizer=pl.SGD(0.1))
    order = {name: place for place, name in enumerate(trace.tensors)}
    for name, traced in trace.tensors.items():
        assert all(order[parent] < order[name] for parent in traced.parents), name
        assert not traced.same_as or order[traced.same_as] < order[name]
        layers = {**{layer.name: layer for layer in walk(network.layers)}}
        declared = {tensor.name: tensor for tensor in layers[traced.layer].tensors} if traced.layer in layers else {}
        if traced.tensor in declared:
            assert trace[name].shape == layers[traced.layer].shape_of(declared[traced.tensor], examples=3)


def test_the_loss_falls_as_is_said() -> None:
    network, x, labels = made("6-5-4", 4)
    trace = pl.trace(network, x, labels, optimizer=pl.SGD(0.1))
    expected, _ = network.loss_and_gradient(x, labels)
    assert trace.made.loss == expected
    for layer in (network.layers[0], network.layers[2]):
        layer.W += trace[f"{layer.name}/W_update"]
        layer.b += trace[f"{layer.name}/b_update"]
    assert trace.made.loss_after == pytest.approx(network.loss_and_gradient(x, labels)[0], rel=1e-12)


# Watching changes nothing


@pytest.mark.parametrize("dtype", ["float32", "float64", None])
def test_only_the_networks_gradient_changes(dtype: str | None) -> None:
    network, x, labels = made("1x6x6-3C3-BN-D0.5-4", 5)
    expected = network.loss_and_gradient(x, labels)[1].copy()
    theta, state = network.theta.copy(), network.state.copy()
    for training in (True, False):
        trace = pl.trace(network, x, labels, training=training, optimizer=pl.Adam(), dtype=dtype)
    assert (network.theta == theta).all()
    assert (network.state == state).all()
    np.testing.assert_allclose(network.gradient, expected, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-7)
    assert trace["conv1/z"].dtype == np.dtype(dtype or "float64")


def test_a_pass_of_training_draws_what_the_first_step_of_that_seed_draws() -> None:
    network, x, labels = made("6-D0.5-5-4", 6)
    trace = pl.trace(network, x, labels, training=True, seed=7)
    kept = Draws(7, step=1).of(0).words("dropout", (6, 3)) >= 2**31
    np.testing.assert_array_equal(trace["dropout1/m"], 2.0 * kept)


# As a file


@pytest.mark.parametrize("number", range(8))
def test_a_file_holds_all_of_it(number: int, tmp_path: Path) -> None:
    network, x, labels = made(architecture(random.Random(number).choice, images=number % 2 == 0), number)
    optimizer = OPTIMIZERS[number % len(OPTIMIZERS)] if number else None
    trace = pl.trace(network, x, labels, training=True, optimizer=optimizer)
    trace.save(tmp_path / "step.safetensors")
    again = pl.Trace.open(tmp_path / "step.safetensors")
    assert (again.tensors, again.made) == (trace.tensors, trace.made)
    assert all((again[name] == trace[name]).all() for name in trace.tensors)
    for name in islice(trace.equations, 0, None, 5):
        index = tuple(length - 1 for length in trace[name].shape)
        assert again.sum(name, *index).terms == trace.sum(name, *index).terms


def test_others_can_read_a_file_without_pellucid(tmp_path: Path) -> None:
    from safetensors import safe_open

    network, x, labels = made("6-5-4", 8)
    pl.trace(network, x, labels).save(tmp_path / "step.safetensors")
    with safe_open(tmp_path / "step.safetensors", "numpy") as file:
        table = {row["name"]: row for row in json.loads(file.metadata()["tensors"])}
        dz, x_read = (file.get_tensor(table[name]["same_as"] or name) for name in table["dense2/dW"]["parents"])
        np.testing.assert_allclose(file.get_tensor("dense2/dW"), dz @ x_read.T)
        assert table["dense2/dW"]["shape"] == [4, 5]


def test_a_damaged_file_and_a_model_are_refused(tmp_path: Path) -> None:
    network, x, labels = made("6-5-4", 9)
    path = tmp_path / "step.safetensors"
    pl.trace(network, x, labels).save(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(pl.ModelFileError, match="SHA-256"):
        pl.Trace.open(path)
    network.save(path)
    with pytest.raises(pl.ModelFileError, match="not a trace"):
        pl.Trace.open(path)
    pl.trace(network, x, labels).save(path)
    with pytest.raises(pl.ModelFileError, match="is a trace, not a model"):
        pl.load(path)


# What PyTorch computes


class Recorder(Twin):
    """The same network in PyTorch, with what each layer reads and leaves, and their gradients."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: dict[str, Any] = {}

    def run(self, layers: Any, x: Any) -> Any:
        for layer in layers:
            x = x.clone()  # what goes two ways has a gradient for each
            self.seen[f"{layer.name}/{layer.input}"] = x
            if layer.kind == "conv":
                p, K = layer.padding, layer.side
                windows = self.functional.unfold(x, K, padding=p, stride=layer.stride)
                self.seen[f"{layer.name}/X"] = windows.reshape(len(x), -1, K * K, *layer.output_shape[1:])
            elif layer.kind == "bn":
                states = [self.states[f"{layer.name}/{name}"].clone() for name in ("mean", "variance")]
                self.seen[f"{layer.name}/n"] = self.functional.batch_norm(x, *states, training=self.training)
            x = super().run([layer], x)
            self.seen[f"{layer.name}/{layer.output}"] = x
        for tensor in self.seen.values():
            if tensor.requires_grad:
                tensor.retain_grad()
        return x


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "784-32-16-10",
        "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10",
        "1x28x28-4C3p1-BN-R(4C3p1-BN-4C3p1-BN)-R(8C3s2p1-BN-8C3p1-BN)-GAP-10",
    ],
)
def test_every_tensor_is_what_pytorch_computes(text: str, training: bool) -> None:
    torch = pytest.importorskip("torch")
    network, x, labels = made(text, 10)
    workspace = Workspace(network.layers, network.theta, None, network.state.copy())
    twin = Recorder(workspace, training)
    columns = torch.tensor(x.reshape(3, *network.layers[0].input_shape), requires_grad=True)
    z = twin.run(network.layers, columns)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(labels))
    loss.backward()
    trace = pl.trace(network, x, labels, training=training)
    assert trace.made.loss == pytest.approx(loss.item(), abs=1e-10)
    np.testing.assert_allclose(trace["loss/a"], z.softmax(1).detach().numpy().T, atol=1e-10)
    compared = set()
    for name, tensor in twin.seen.items():
        layer, short = name.split("/")
        for ours, theirs in ((name, tensor), (f"{layer}/d{short}", tensor.grad)):
            if ours in trace.tensors and theirs is not None:
                found = np.moveaxis(trace[ours], -1, 0)
                np.testing.assert_allclose(found, theirs.detach().numpy(), rtol=0, atol=1e-10, err_msg=ours)
                compared.add(ours)
    for name, tensor in twin.parameters.items():
        layer, short = name.split("/")
        found = trace[f"{layer}/d{short}"]
        np.testing.assert_allclose(found.ravel(), tensor.grad.numpy().ravel(), rtol=0, atol=1e-10, err_msg=name)
        compared |= {name, f"{layer}/d{short}"}
    for name, tensor in twin.states.items():
        added = trace[f"{name}_update"] if training else 0
        np.testing.assert_allclose((trace[name] + added).ravel(), tensor.numpy(), rtol=0, atol=1e-10)
        compared |= {name, f"{name}_update"}
    left = {name for name in trace.tensors if not name.startswith("loss/")} - compared
    assert {name.split("/")[1] for name in left} <= {"winner", "center", "deviation"}


# The document


def test_the_document_runs_and_says_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits_folder: Path
) -> None:
    text = (Path(__file__).parents[1] / "docs" / "trace.md").read_text(encoding="utf-8")
    first, by_numbers, from_file = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(first.replace('"mnist"', repr(str(digits_folder))), names)
    trace = names["trace"]
    for line in first.splitlines():
        if match := re.match(r"(trace.tensors\S+)\s+# (.+)", line):
            assert str(eval(match[1], names)) == match[2]
    assert trace["dense1/dW"].shape == (96, 512)
    assert [str(term) for term in names["found"].terms] == ["dense1/dz[5, 0] · dense1/x[29, 0]"]
    assert names["again"].made == trace.made
    exec(by_numbers, {})
    exec(from_file, {})
    assert capsys.readouterr().out == "30.25 -22.0\nTrue\n"


def test_the_document_names_every_role_and_every_key() -> None:
    text = (Path(__file__).parents[1] / "docs" / "trace.md").read_text(encoding="utf-8")
    network, x, labels = made("1x6x6-3C3-BN-D0.5-MP2-4", 5)
    trace = pl.trace(network, x, labels, training=True, optimizer=pl.SGD(0.1))
    for traced in trace.tensors.values():
        assert f"`{traced.role}`" in text
        assert f"`{traced.way}`" in text
    for field in fields(next(iter(trace.tensors.values()))):
        assert f"`{field.name}`" in text
