"""A committee: the mean of its members' outputs, one model file, and a clear no to what only a network can do."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from conftest import BOTH
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load_file, save_file

import pellucid as pl
from pellucid.committee import logits_of_mean
from pellucid.engine import compiled
from pellucid.layers import Numbers
from pellucid.layers.activation import Activation, Identity, Sigmoid, Softmax, Tanh
from pellucid.losses import make_loss

ARCHITECTURE = "1x8x8-3C3-BN-MP2-6:tanh-3"
LINKS = [Softmax(), Sigmoid(), Tanh(), Identity()]
ENDS = [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("tanh", None), ("identity", None)]
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (300, 8, 8)).astype(np.uint8)
LABELS = np.arange(300) % 3


def member(seed: int, architecture: str = ARCHITECTURE, **options: object) -> pl.Network:
    """A network with running statistics as training might leave them."""
    network = pl.Network(architecture, seed=seed, **options)
    rng = np.random.default_rng(seed)
    network.state[...] = rng.random(network.state.size) + 0.5
    return network


def committee(count: int = 3, **options: object) -> pl.Committee:
    return pl.Committee.of([member(seed, **options) for seed in range(count)])


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Prediction by the formulas, and by the kernels where there are some."""
    if request.param == "reference":
        monkeypatch.setattr(compiled, "_native", None)
    return request.param


# What it says


@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize(("output", "loss"), ENDS)
def test_it_says_the_mean_of_what_its_members_say(engine: str, output: str, loss: str | None, count: int) -> None:
    networks = [member(seed, output=output, loss=loss) for seed in range(3)]
    said = pl.Committee.of(networks).predict(IMAGES[:count])
    mean = np.mean([network.predict(IMAGES[:count]) for network in networks], axis=0, dtype=np.float64)
    assert (said.shape, said.dtype) == ((count, 3), np.float32)
    np.testing.assert_allclose(said, mean, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("output", "loss"), ENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_committee_of_one_is_its_network(engine: str, output: str, loss: str | None, dtype: str) -> None:
    network = member(5, output=output, loss=loss, dtype=dtype)
    alone = pl.Committee.of([network])
    for count in (1, 300):
        assert alone.predict(IMAGES[:count]).tobytes() == network.predict(IMAGES[:count]).tobytes()
    assert np.array_equal(alone.classify(IMAGES), network.classify(IMAGES))
    ours, its = alone.evaluate(IMAGES, LABELS), network.evaluate(IMAGES, LABELS)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert ours.loss == pytest.approx(its.loss, rel=tolerance)
    np.testing.assert_allclose(ours.outputs, its.outputs, rtol=tolerance, atol=tolerance)
    assert np.array_equal(ours.confusion, its.confusion)


def test_the_order_of_members_matters_to_rounding_alone() -> None:
    networks = [member(seed) for seed in range(3)]
    expected = pl.Committee.of(networks)
    for order in permutations(networks):
        other = pl.Committee.of(order)
        np.testing.assert_allclose(other.predict(IMAGES), expected.predict(IMAGES), atol=1e-6)
        assert other.evaluate(IMAGES, LABELS).loss == pytest.approx(expected.evaluate(IMAGES, LABELS).loss, rel=1e-6)


def test_the_same_network_twice_says_what_it_says_once() -> None:
    network = member(1)
    twice = pl.Committee.of([network, network])
    np.testing.assert_array_equal(twice.predict(IMAGES), network.predict(IMAGES))


@pytest.mark.parametrize(("output", "loss"), ENDS)
def test_its_loss_is_that_of_the_mean_outputs(engine: str, output: str, loss: str | None) -> None:
    """By the textbook's formulas in float64, with the logarithm of the mean."""
    voices = committee(output=output, loss=loss, dtype="float64")
    a, y = voices.predict(IMAGES), np.eye(3)[LABELS]
    formulas = {
        "cross_entropy": lambda: -(y * np.log(a)),
        "binary_cross_entropy": lambda: -(y * np.log(a) + (1 - y) * np.log(1 - a)),
        "squared_error": lambda: (a - y) ** 2,
    }
    evaluation = voices.evaluate(IMAGES, LABELS)
    assert evaluation.loss == pytest.approx(formulas[voices.loss.kind]().sum(axis=1).mean(), rel=1e-12)
    assert evaluation.accuracy == np.mean(a.argmax(axis=1) == LABELS)
    np.testing.assert_allclose(evaluation.outputs, a, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.kind)
@given(arrays(np.float64, (4, 3, 2), elements=st.floats(-15, 15)))
def test_the_logits_of_the_mean_have_the_mean_as_outputs(link: Activation, logits: np.ndarray) -> None:
    def outputs(z: np.ndarray) -> np.ndarray:
        t = Numbers("link", np)
        t.z = z
        link.forward(t)
        return t.a

    mean = np.mean([outputs(z) for z in logits], axis=0)
    np.testing.assert_allclose(outputs(logits_of_mean(link, logits)), mean, rtol=1e-9, atol=1e-12)


def test_its_loss_is_right_where_the_outputs_are_0_and_1() -> None:
    """Two members are so sure that their outputs, as float32, are 0 and 1."""
    exact = -math.log((math.exp(-200) + math.exp(-180)) / 2)
    for loss, logits in (("cross_entropy", [[200, 180], [0, 0]]), ("binary_cross_entropy", [[-200, -180]])):
        t = Numbers("loss", np)
        measure = make_loss(loss=loss)
        t.z = logits_of_mean(measure.link, np.float32(logits).T[:, :, None])
        t.y = np.float32([[0], [1]][-len(logits) :])
        measure.forward(t)
        assert t.losses.dtype == np.float32
        assert float(t.losses[0]) == pytest.approx(exact, rel=1e-6)


def test_rows_of_answers_are_right_when_all_answers_are() -> None:
    voices = committee(output="sigmoid", loss="binary_cross_entropy")
    answers = RNG.integers(0, 2, (300, 3))
    evaluation = voices.evaluate(IMAGES, answers)
    assert evaluation.accuracy == np.mean(((voices.predict(IMAGES) > 0.5) == answers).all(axis=1))


def test_one_member_with_numbers_that_are_none_is_said() -> None:
    voices = committee()
    voices.theta[1, 5] = np.nan
    for ask in (lambda: voices.predict(IMAGES), lambda: voices.evaluate(IMAGES, LABELS)):
        with pytest.raises(pl.NumericError, match="300 of 300 examples are NaN"):
            ask()


def test_images_of_another_scale_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    voices = committee()
    voices.predict(IMAGES.astype(np.float32))
    voices.predict(IMAGES.astype(np.float32))
    assert caplog.text.count("Divide them by 255") == 1


# Its members


def test_a_member_is_a_network_of_its_own() -> None:
    voices = committee()
    for number in (1, 2, 3):
        network, its = voices.member(number), member(number - 1)
        assert network.theta.tobytes() == its.theta.tobytes() == voices.theta[number - 1].tobytes()
        assert network.predict(IMAGES).tobytes() == its.predict(IMAGES).tobytes()
        network.theta[...] = 0
        assert voices.theta[number - 1].any()


@pytest.mark.parametrize("number", [0, -1, 4, 1.5, "1"])
def test_a_member_that_is_not_there_is_refused_with_the_range(number: object) -> None:
    with pytest.raises(pl.UsageError, match="from 1 to 3"):
        committee().member(number)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (member(1, "1x8x8-3C3-BN-MP2-5:tanh-3"), "has architecture 1x8x8-3C3-BN-MP2-6:tanh-3, member 2 has 1x8x8-3C3"),
        (member(1, output="sigmoid"), "has output softmax, member 2 has sigmoid"),
        (member(1, loss="squared_error"), "has loss cross_entropy, member 2 has squared_error"),
        (member(1, classes="abc"), "has classes .'0', '1', '2'., member 2 has .'a', 'b', 'c'."),
        (member(1, dtype="float64"), "has dtype float32, member 2 has float64"),
    ],
    ids=["architecture", "output", "loss", "classes", "dtype"],
)
def test_networks_that_differ_in_more_than_parameters_are_refused(other: pl.Network, difference: str) -> None:
    with pytest.raises(pl.UsageError, match=difference):
        pl.Committee.of([member(0), other])


def test_other_normalizations_and_shapes_are_refused_too() -> None:
    other = member(1)
    other.normalization = pl.data.normalization.Normalization("symmetric", 2 / 255, -1.0)
    with pytest.raises(pl.UsageError, match="has normalization"):
        pl.Committee.of([member(0), other])
    flat, image = (pl.Network("*-3", input_shape=shape) for shape in ((64,), (1, 8, 8)))
    with pytest.raises(pl.UsageError, match=r"has input_shape \[64\], member 2 has \[1, 8, 8\]"):
        pl.Committee.of([flat, image])
    with pytest.raises(pl.UsageError, match="at least one member"):
        pl.Committee.of([])


def test_what_only_a_network_can_do_is_refused_naming_the_members() -> None:
    voices = committee()
    for ask in (
        lambda: pl.fit(voices, IMAGES, LABELS, epochs=1),
        lambda: pl.find_learning_rate(voices, IMAGES, LABELS),
        lambda: voices.loss_and_gradient(IMAGES, LABELS),
        lambda: voices.gradient,
        lambda: voices.layers,
    ):
        with pytest.raises(pl.UsageError, match=r"its 3 members have.*committee.member\(1\) to member\(3\)"):
            ask()
    assert not hasattr(voices, "layers")
    with pytest.raises(AttributeError, match="no 'banana'"):
        voices.banana  # noqa: B018


def test_it_shows_its_architecture_and_size(capsys: pytest.CaptureFixture[str]) -> None:
    voices = committee()
    voices.summary()
    shown = capsys.readouterr().out
    assert "conv1" in shown
    assert f"committee of 3 members of this architecture, {3 * member(0).theta.size:,} parameters in all" in shown


# Its file


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_committee_comes_back_whole(tmp_path: Path, dtype: str) -> None:
    voices = committee(4, dtype=dtype, output="sigmoid", loss="squared_error", classes=("a", "b", "ß"))
    voices.save(tmp_path / "m.safetensors", {"by": "hand"})
    again = pl.load(tmp_path / "m.safetensors")
    assert isinstance(again, pl.Committee)
    assert len(again) == 4
    assert (again.theta.tobytes(), again.state.tobytes()) == (voices.theta.tobytes(), voices.state.tobytes())
    for name in ("architecture", "output", "outputs", "classes", "dtype", "normalization", "input_shape", "loss"):
        assert str(getattr(again, name)) == str(getattr(voices, name)), name
    assert again.predict(IMAGES).tobytes() == voices.predict(IMAGES).tobytes()
    again.save(tmp_path / "again.safetensors", {"by": "hand"})
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_it_survives_pickling() -> None:
    voices = committee()
    assert pickle.loads(pickle.dumps(voices)).predict(IMAGES).tobytes() == voices.predict(IMAGES).tobytes()


def test_its_file_has_named_tensors_with_an_axis_for_the_members(tmp_path: Path) -> None:
    committee().save(tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert tensors["conv1/W"].shape == (3, 3, 1, 3, 3)
    assert tensors["bn1/mean"].shape == (3, *member(0).layers[1].mean.shape)
    assert np.array_equal(tensors["dense2/W"][1], member(1).layers[-1].W)


def test_the_file_of_a_single_network_is_as_it_was_before_there_were_committees(tmp_path: Path) -> None:
    network = pl.Network("6-5-BN-3", classes="abc")
    network.theta[...], network.state[...] = np.arange(network.theta.size), 1
    network.save(tmp_path / "m.safetensors", {"a": 1})
    digest = hashlib.sha256((tmp_path / "m.safetensors").read_bytes()).hexdigest()
    assert digest == "69ef7261e57a46a0f4bfbb123a2851642aa35abe05a9999b2053fa2be3d24fcb"


def test_every_damaged_byte_and_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    committee(2, architecture="6-3").save(path)
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        for wrong in (damaged, content[:place]):
            path.write_bytes(wrong)
            with pytest.raises(pl.ModelFileError):
                pl.load(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (0, "members is a whole number, at least 1, not 0"),
        (-3, "at least 1, not -3"),
        (True, "at least 1, not True"),
        (3.0, "at least 1, not 3.0"),
        ("3", "at least 1, not 3"),
        ([3], "at least 1, not .3."),
        (2, r"dense1/W of shape \(2, 3, 6\), the file has \(3, 3, 6\)"),
        (10**30, "dense1/W of shape"),  # nothing may be allocated for it
        (None, r"dense1/W of shape \(3, 6\), the file has \(3, 3, 6\)"),  # as a single network
    ],
)
def test_a_number_of_members_that_the_tensors_deny_is_refused(tmp_path: Path, members: object, message: str) -> None:
    path = tmp_path / "m.safetensors"
    voices = committee(3, architecture="6-3")
    voices.save(path)
    about = voices.member(1).about() | {"members": members}
    save_file(load_file(path), path, {key: json.dumps(value) for key, value in about.items()})
    with pytest.raises(pl.ModelFileError, match=message):
        pl.load(path)


# The document


def test_the_program_of_the_document_runs_as_written(digits_folder: Path, tmp_path: Path) -> None:
    document = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n([^`]*?Committee.*?)^```", document, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "PELLUCID_DATA": str(digits_folder)}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert pl.load(tmp_path / "committee.safetensors").theta.shape == (3, 25450)
