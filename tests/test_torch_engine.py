"""The torch engine does what the reference does, on tensors: the same losses, decisions, weights and moments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import architecture
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_descent import SURROUNDINGS
from test_losses import PAIRS

import pellucid as pl
from pellucid.data import augment
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.diagnosis.breakdown import BreakdownError
from pellucid.engine import devices
from pellucid.engine.engines import select
from pellucid.engine.reference import ReferenceEngine
from pellucid.layers import walk
from pellucid.layers.activation import ACTIVATIONS
from pellucid.losses import MultiLabel
from pellucid.randomness import Draws

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")

from recorded import Recorded  # noqa: E402

from pellucid.engine import tensors  # noqa: E402
from pellucid.engine import torch as engine_module  # noqa: E402
from pellucid.engine.torch import TorchEngine  # noqa: E402

OPTIMIZERS = (
    pl.SGD(0.05), pl.SGD(0.05, weight_decay=0.1), pl.SGD(0.02, momentum=0.9), pl.SGD(0.02, momentum=0.9, nesterov=True),
    pl.Adagrad(0.02), pl.RMSProp(0.005), pl.Adam(0.01), pl.Adam(0.01, weight_decay=0.1), pl.AdamW(0.01), pl.Lion(0.005),
)  # fmt: skip
EVERYTHING = (
    "2x6x6-3C3p1-BN-MP2s1-D0.2-R(2C3p1:gelu-N0.1)-R(BN-2C1s2)-4C2:silu-AP2s1-LN-R(3C1:elu)-GAP-"
    "5:softplus-R(LN-4:tanh)-6:sigmoid-5:leaky_relu0.2-4:softmax-4:identity-BN-3"
)
LAYERS = (
    pl.Dense, pl.Convolution, pl.MaxPooling, pl.AveragePooling, pl.GlobalAveragePooling, pl.BatchNormalization,
    pl.LayerNormalization, pl.Dropout, pl.GaussianNoise, pl.Residual,
)  # fmt: skip
WORDS = augment.parse("shift1 rotate20")
SURROUND = {**SURROUNDINGS, "max-norm": {"max_norm": 0.5}}


def examples(network: pl.Network, count: int, weighted: bool) -> dict[str, Any]:
    """Random images of bytes, soft targets, and weights."""
    rng, shape, dtype = np.random.default_rng(2), network.layers[0].input_shape, network.dtype
    targets = rng.dirichlet(np.ones(max(network.outputs, 2)), count)[:, : network.outputs]
    return {
        "images": rng.integers(0, 256, (count, *shape[1:], shape[0])).astype(np.uint8),
        "targets": targets.astype(dtype),
        "weights": rng.uniform(0.5, 2, count).astype(dtype) if weighted else None,
    }


def train(
    engine: type, network: pl.Network, descent: Descent, given: dict[str, Any], batch_size: int, distorted: bool
) -> tuple[Any, np.ndarray, np.ndarray]:
    """The engine after two epochs, each cut into two runs, with rates that change; its losses and decisions."""
    runner = engine(
        network.workspace(gradient=np.zeros_like(network.theta)), network.loss, descent,
        normalization=Normalization("symmetric", 2 / 255, -1.0), batch_size=batch_size, seed=5, **given,
    )  # fmt: skip
    results = []
    for epoch in (1, 2):
        order = np.random.default_rng(epoch).permutation(len(given["images"]))
        rates = descent.optimizer.learning_rate / np.arange(1, -(-len(order) // batch_size) + 1)
        half = len(rates) // 2
        for part, own in (order[: half * batch_size], rates[:half]), (order[half * batch_size :], rates[half:]):
            drawn = WORDS.draw(part, epoch, 0, given["images"].shape[1:3]) if distorted else None
            results.append(runner.run(part, own, drawn))
    return runner, *(np.concatenate(columns) for columns in zip(*results, strict=True))


def compare(
    architecture: str, descent: Descent, tolerance: float = 1e-10, dtype: str = "float64", batch_size: int = 4,
    output: str = "softmax", loss: str = "cross_entropy", multi_label: bool = False, weighted: bool = False,
    distorted: bool = False,
) -> None:  # fmt: skip
    """Train on both engines from the same beginning, and hold one to the other."""
    kept = []
    for engine in (ReferenceEngine, TorchEngine):
        network = pl.Network(architecture, dtype=dtype, seed=1, output=output, loss=loss)
        network.loss = MultiLabel(network.loss.link) if multi_label else network.loss
        given = examples(network, 22, weighted)
        runner, losses, correct = train(engine, network, descent, given, batch_size, distorted)
        kept.append(((runner.step, correct.tolist()), (losses, network.theta, network.state, *runner.moments)))
    (decisions, expected), (answers, found) = kept
    assert answers == decisions
    for theirs, ours in zip(found, expected, strict=True):
        assert theirs.dtype == ours.dtype
        scale = max(1.0, float(np.abs(ours).max(initial=0)))
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("surroundings", SURROUND)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer_in_all_surroundings(optimizer: Any, surroundings: str) -> None:
    compare("6-5:tanh-4:sigmoid-3", Descent(optimizer, **SURROUND[surroundings]))


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_loss_with_each_output(output: str, loss: str) -> None:
    compare("6-5:tanh-4", Descent(pl.SGD(0.1)), output=output, loss=loss, weighted=True)


@pytest.mark.parametrize(("outputs", "multi_label"), [(1, False), (4, True)])
def test_a_single_question_and_several(outputs: int, multi_label: bool) -> None:
    descent = Descent(pl.SGD(0.1))
    compare(f"6-5:tanh-{outputs}", descent, output="sigmoid", loss="binary_cross_entropy", multi_label=multi_label)


@pytest.mark.parametrize("distorted", [False, True], ids=["as they are", "distorted"])
def test_every_layer_at_once(distorted: bool) -> None:
    layers = {type(layer) for layer in walk(pl.Network(EVERYTHING).layers)}
    assert layers == {*ACTIVATIONS.values(), *LAYERS}
    compare(EVERYTHING, Descent(pl.SGD(0.01, momentum=0.9)), 1e-9, weighted=True, distorted=distorted)


def test_in_float32_within_its_rounding() -> None:
    compare("6-D0.2-5:gelu-N0.1-4-LN-3", Descent(pl.SGD(0.05, momentum=0.9)), 1e-5, "float32")


@settings(max_examples=100)
@given(st.data(), st.booleans(), st.sampled_from(PAIRS), st.integers(1, 23), st.booleans())
def test_whatever_the_architecture(
    data: st.DataObject, images: bool, pair: tuple[str, str], batch_size: int, weighted: bool
) -> None:
    text = architecture(lambda choices: data.draw(st.sampled_from(choices)), images)
    descent = Descent(pl.SGD(0.01, momentum=0.9), clip_norm=0.1)
    compare(text, descent, 1e-8, batch_size=batch_size, output=pair[0], loss=pair[1], weighted=weighted)


# What is drawn


@pytest.mark.parametrize("step", [1, 2**32 - 1, 2**32, 2**41 + 3])
@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 3, 4)])
def test_layers_draw_the_same_numbers(shape: tuple[int, ...], step: int) -> None:
    numpy, torch_s = Draws(3, step, layer=2), Draws(3, torch.tensor(step), layer=2, xp=tensors)
    assert torch_s.words("dropout", shape).tolist() == numpy.words("dropout", shape).tolist()
    np.testing.assert_allclose(torch_s.normal("noise", shape), numpy.normal("noise", shape), rtol=1e-13)


def test_maximum_and_minimum_are_numpys() -> None:
    x = np.array([-1.0, 0.0, 2.0, np.nan, np.inf])
    for name, y in product(("maximum", "minimum"), (0, 1.5, x[::-1].copy())):
        ours, theirs = getattr(tensors, name), getattr(np, name)
        y_there = torch.tensor(y) if isinstance(y, np.ndarray) else y
        np.testing.assert_array_equal(ours(torch.tensor(x), y_there), theirs(x, y))
        np.testing.assert_array_equal(ours(y_there, torch.tensor(x)), theirs(y, x))


# What a graph needs


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps are recorded and replayed, as on a GPU."""
    monkeypatch.setattr(engine_module, "Repeated", Recorded)
    monkeypatch.setattr(Recorded, "replays", 0)
    yield
    assert Recorded.replays > 0


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("surroundings", SURROUND)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_replayed_step_has_its_own_rate_and_number(optimizer: Any, surroundings: str) -> None:
    compare("6-D0.3-5:tanh-N0.1-4:sigmoid-3", Descent(optimizer, **SURROUND[surroundings]))


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("distorted", [False, True], ids=["as they are", "distorted"])
def test_every_layer_can_be_replayed(distorted: bool) -> None:
    compare(EVERYTHING, Descent(pl.Adam(0.001)), 1e-7, weighted=True, distorted=distorted)


def test_a_whole_training_is_replayed_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, before = fitted("6-D0.2-5-BN-3"), Recorded.replays
    monkeypatch.setattr(engine_module, "Repeated", Recorded)
    assert fitted("6-D0.2-5-BN-3") == plain
    assert Recorded.replays > before + 10


def test_what_cannot_be_captured_is_refused() -> None:
    x = torch.ones(3)
    for step in (lambda: float(x.sum()), lambda: x + torch.tensor(1.0), lambda: torch.maximum(x, torch.asarray(0.0))):
        recorded = Recorded(step, x.device)
        recorded()
        with pytest.raises(AssertionError, match=r"read back|from the host"):
            recorded()


@pytest.mark.parametrize("architecture", [EVERYTHING, "6-D0.2-5-N0.1-3"])
def test_a_step_needs_nothing_that_is_not_on_the_device(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device 'meta' tensors have shapes and no numbers: whoever reads one, or mixes them with others, fails."""
    monkeypatch.setattr(devices, "device", torch.device)
    network = pl.Network(architecture)
    descent = Descent(pl.Adam(), l1=0.1, clip_value=1.0, clip_norm=1.0, max_norm=1.0)
    given = examples(network, 22, weighted=True)
    runner = TorchEngine(
        network.workspace(), network.loss, descent, normalization=Normalization(), batch_size=4, device="meta", **given
    )
    with runner._on_device():
        runner._take_step(4, distorted=False)
    assert runner.losses.device.type == "meta"


# As a part of a training

X = np.random.default_rng(0).integers(0, 256, (37, 6)).astype(np.uint8)
LABELS = np.arange(37) % 3
OPTIONS: dict[str, Any] = {
    "epochs": 4, "batch_size": 5, "optimizer": pl.Adam(0.01), "validation": 0.2, "average": "ema,decay=0.8",
    "early_stopping": 3, "schedule": "cosine", "engine": "torch", "seed": 3,
}  # fmt: skip


def fitted(architecture: str, seed: int = 0, **options: Any) -> tuple[bytes, bytes, dict[str, list[float]]]:
    """Weights, statistics and history of a training with everything around it."""
    network = pl.Network(architecture, seed=seed)
    history = pl.fit(network, X, LABELS, **{**OPTIONS, **options}).history
    return network.theta.tobytes(), network.state.tobytes(), history | {"seconds": []}


class Stop(pl.Callback):
    """Takes a snapshot and breaks off."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if logs.step == self.step:
            self.snapshot = logs.snapshot()
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", [1, 6, 10, 19])
def test_resumed_is_the_same_as_never_stopped(step: int) -> None:
    stop = Stop(step)
    with pytest.raises(KeyboardInterrupt):
        fitted("6-D0.2-5-BN-3", callbacks=[stop])
    assert fitted("6-D0.2-5-BN-3", seed=1, resume=stop.snapshot) == fitted("6-D0.2-5-BN-3")


def test_a_training_on_it_is_one_on_the_reference() -> None:
    ours, theirs = (fitted("6-D0.2-5-LN-3", engine=engine)[2] for engine in ("reference", "torch"))
    for name, values in ours.items():
        np.testing.assert_allclose(theirs[name], values, atol=1e-4, err_msg=name)


def test_watching_changes_nothing_and_sees_the_weights_of_the_moment() -> None:
    norms = pl.Norms(every=1)
    assert fitted("6-5-3", callbacks=[norms]) == fitted("6-5-3", diagnosis=False)
    assert all(row.update > 0 for row in norms.rows)


def test_what_a_callback_does_to_the_weights_is_what_is_trained_on() -> None:
    class Zero(pl.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any) -> None:
            self.model.theta[...] = 0

    network = pl.Network("6-3")
    pl.fit(network, X, LABELS, engine="torch", batch_size=37, epochs=3, optimizer=pl.SGD(1e-6), callbacks=[Zero()])
    assert 0 < np.abs(network.theta).max() < 1e-5


@pytest.mark.parametrize("kind", ["colour", "grey", "flat", "floats", "doubles"])
def test_every_kind_of_images(kind: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 4, 4, 3)).astype(np.uint8)
    if kind != "colour":
        pixels = pixels[..., 0]
    if kind in ("floats", "doubles"):
        pixels = rng.random((20, 4, 4)).astype(np.float32 if kind == "floats" else np.float64)
    pixels = pixels.reshape(20, 16) if kind == "flat" else pixels
    pixels.flags.writeable = False
    for text in ("48-3", "3x4x4-2C3-3") if kind == "colour" else ("16-3", "1x4x4-2C3-3"):
        thetas = []
        for engine in ("reference", "torch"):
            network = pl.Network(text, input_shape=(3, 4, 4) if kind == "colour" else (1, 4, 4))
            pl.fit(network, pixels, np.arange(20) % 3, engine=engine, epochs=2, batch_size=6, normalize=None)
            thetas.append(network.theta)
        np.testing.assert_allclose(thetas[1], thetas[0], atol=1e-5)


def test_a_run_may_be_longer_than_an_epoch() -> None:
    order, thetas = np.arange(60) % 22, []
    for engine in (ReferenceEngine, TorchEngine):
        network = pl.Network("6-3", dtype="float64")
        given = examples(network, 22, weighted=False)
        runner = engine(network.workspace(gradient=np.zeros(21)), network.loss, Descent(pl.SGD(0.1)),
                        normalization=Normalization(), batch_size=7, **given)  # fmt: skip
        losses, _ = runner.run(order, np.full(9, 0.1))
        thetas.append([*losses, *network.theta])
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-12)


def test_a_breakdown_is_explained() -> None:
    with pytest.raises(BreakdownError, match=r"dense1\.z became infinite on the way forward") as caught:
        pl.fit(pl.Network("6-5-3"), 100.0 * X, LABELS, engine="torch", batch_size=5, optimizer=pl.SGD(1e30))
    assert caught.value.step > 0


# Devices


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyTorch speaks on a machine with two."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA H200")


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_found_by_their_numbers() -> None:
    assert [str(devices.device(name)) for name in ("cpu", "cuda", "cuda:0")] == ["cpu", "cuda:1", "cuda:0"]
    with pytest.raises(pl.UsageError, match=r"no device cuda:2 here, but cpu, cuda:0 \(NVIDIA H200\), cuda:1 \(NVID"):
        pl.fit(pl.Network("6-3"), X, LABELS, device="cuda:2")


@pytest.mark.usefixtures("two_gpus")
def test_auto_takes_it_where_a_gpu_is_asked_for_and_others_refuse() -> None:
    network = pl.Network("6-3")
    of_network = network.layers, network.dtype, network.loss, Descent(pl.SGD())
    assert select("auto", *of_network, device="cuda") == ("torch", "")
    for engine in ("native", "reference"):
        with pytest.raises(pl.UsageError, match=f"The {engine} engine computes on the CPU. Take the engine torch"):
            select(engine, *of_network, device="cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(pl.UsageError, match=f"A device is cpu, cuda or cuda:0, cuda:1, ...; {name!r} came"):
        pl.fit(pl.Network("6-3"), X, LABELS, engine="torch", device=name)


def test_without_pytorch_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert devices.describe() == "none: PyTorch and array-api-compat are not installed"
    with pytest.raises(pl.UsageError, match=r"The torch engine needs PyTorch, but .*: pip install 'pellucid\[torch\]'"):
        pl.fit(pl.Network("6-3"), X, LABELS, engine="torch")


def test_the_command_trains_and_resumes_on_it(pellucid: Any, digits_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = pellucid("train", "784-8-10", "--engine", "torch", "--data", digits_folder, "--out", run,
                      "--epochs", 1, "--threads", 1, "--json")  # fmt: skip
    assert result.code == 0
    assert "engine torch on cpu" in result.err
    answer = json.loads(result.out)
    assert (answer["engine"], answer["device"], answer["threads"]) == ("torch", "cpu", 1)
    (run / "result.json").unlink()
    resumed = pellucid("train", "--resume", run, "--json")
    assert json.loads(resumed.out)["test_loss"] == answer["test_loss"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_command_says_that_there_is_no_gpu(pellucid: Any, digits_folder: Path) -> None:
    for command in ("train", "find-lr"):
        result = pellucid(command, "784-8-10", "--device", "cuda", "--data", digits_folder)
        assert result.code == 2
        assert "There is no device cuda here, but cpu: " in result.err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_steps_are_graphs_and_equal_the_references() -> None:
    for text in (EVERYTHING, "784-D0.2-128-64-10"):
        kept = []
        for engine, device in ((ReferenceEngine, {}), (TorchEngine, {"device": "cuda"})):
            network = pl.Network(text, dtype="float64")
            given = {**examples(network, 22, weighted=True), **device}
            runner, losses, correct = train(engine, network, Descent(pl.SGD(0.01)), given, 4, distorted=False)
            kept.append((losses, correct, network.theta, network.state))
        assert all(step.graph is not None for step in runner.steps.values())
        for theirs, ours in zip(*kept, strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-8)
