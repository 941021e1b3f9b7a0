"""Model files and recipes: what is saved comes back, and what is damaged is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import pellucid as pl
from pellucid import recipe as recipes
from pellucid.files.atomic import write_atomic
from pellucid.network import Network
from pellucid.run import resolved


def saved(path: Path, **options: object) -> Network:
    network = Network("6-5:tanh-4:leaky_relu0.2-3", seed=3, **options)
    network.theta += 0.125
    network.save(path)
    return network


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_network_comes_back_whole(tmp_path: Path, dtype: str) -> None:
    network = saved(tmp_path / "m.safetensors", dtype=dtype, output="sigmoid", loss="squared_error", classes="abc")
    network.normalization = pl.data.normalization.Normalization("standard", 0.0123, -0.4)
    network.save(tmp_path / "m.safetensors")
    again = pl.load(tmp_path / "m.safetensors")
    assert again.theta.tobytes() == network.theta.tobytes()
    for name in ("architecture", "output", "classes", "dtype", "normalization", "input_shape"):
        assert getattr(again, name) == getattr(network, name), name
    assert again.loss.kind == "squared_error"
    assert list(map(repr, again.layers)) == list(map(repr, network.layers))


def test_a_model_file_is_a_safetensors_file_that_others_read(tmp_path: Path) -> None:
    network = saved(tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert list(tensors) == ["dense1/W", "dense1/b", "dense2/W", "dense2/b", "dense3/W", "dense3/b"]
    assert np.array_equal(tensors["dense2/W"], network.layers[2].W)


def test_a_run_folder_is_a_model(tmp_path: Path) -> None:
    network = saved(tmp_path / "model.safetensors")
    assert np.array_equal(pl.load(tmp_path).theta, network.theta)


def test_every_single_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    saved(path)
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(pl.ModelFileError):
            pl.load(path)


def test_padding_that_is_no_space_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for classes in ("ab", ("a", "bb"), ("a", "bbb"), ("a", "bbbb")):  # so that one of them is padded
        Network("6-5-2", classes=classes).save(path)
        content = path.read_bytes()
        end = 8 + int.from_bytes(content[:8], "little")
        if content[end - 1 : end] == b" ":
            path.write_bytes(content[: end - 1] + b"\n" + content[end:])
            with pytest.raises(pl.ModelFileError):
                pl.load(path)
            return
    raise AssertionError("no header was padded")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    saved(path)
    content = path.read_bytes()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(pl.ModelFileError):
            pl.load(path)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.safetensors"
    path.write_bytes(content)
    with pytest.raises(pl.ModelFileError):
        pl.load(path)


def rewritten(path: Path, **changes: object) -> None:
    """The same tensors as another program might write them: other metadata, no digest."""
    about = {
        "architecture": "6-5:tanh-4:leaky_relu0.2-3",
        "output": "softmax",
        "loss": "cross_entropy",
        "classes": ["a", "b", "c"],
        "normalization": {"kind": "unit", "scale": 1 / 255, "offset": 0.0},
        **changes,
    }
    save_file(load_file(path), path, {key: json.dumps(value) for key, value in about.items() if value != "absent"})


def test_a_file_of_others_loads_without_a_digest(tmp_path: Path) -> None:
    network = saved(tmp_path / "m.safetensors")
    rewritten(tmp_path / "m.safetensors")
    assert np.array_equal(pl.load(tmp_path / "m.safetensors").theta, network.theta)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "6-5-3"}, "dense2/W of shape"),
        ({"architecture": "6-1000000-1000000-3"}, "dense1/W of shape"),  # 4 TB: nothing may be allocated for it
        ({"architecture": "absent"}, "does not describe a network"),
        ({"architecture": 7}, "does not describe a network"),
        ({"architecture": "__import__('os')"}, "does not describe a network"),
        ({"output": "softmix"}, "Did you mean 'softmax'"),
        ({"output": "sigmoid"}, "made for the output"),
        ({"classes": ["a"]}, "3 outputs for 1 classes"),
        ({"classes": None}, "classes are a list of names"),
        ({"classes": ["a", 2, "c"]}, "classes are a list of names"),
        ({"normalization": {"kind": "unit", "exec": 1}}, "does not describe a network"),
        ({"normalization": {"kind": "unit", "scale": "a"}}, "finite scale"),
        ({"normalization": {"kind": "unit", "scale": float("nan")}}, "finite scale"),
        ({"normalization": {"kind": "banana", "scale": 1.0}}, "There is no normalization"),
        ({"input_shape": ["x"]}, "input_shape is a list of lengths"),
        ({"input_shape": [6.0]}, "input_shape is a list of lengths"),
        ({"input_shape": [2, 4]}, "reads examples of shape .6,., but these have shape .2, 4., 8 numbers"),
        ({"pellucid": 2}, "SHA-256"),
    ],
)
def test_metadata_that_describe_no_network_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    saved(tmp_path / "m.safetensors")
    rewritten(tmp_path / "m.safetensors", **changes)
    with pytest.raises(pl.ModelFileError, match=message):
        pl.load(tmp_path / "m.safetensors")


def test_a_safetensors_file_without_metadata_is_refused(tmp_path: Path) -> None:
    save_file({"weight": np.ones(3)}, tmp_path / "m.safetensors")
    with pytest.raises(pl.ModelFileError, match="does not describe a network"):
        pl.load(tmp_path / "m.safetensors")


def test_a_later_format_is_refused_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.files.model.VERSION", 2)
    saved(tmp_path / "m.safetensors")
    monkeypatch.undo()
    with pytest.raises(pl.ModelFileError, match="format version 2; this pellucid reads version 1"):
        pl.load(tmp_path / "m.safetensors")


def test_metadata_that_are_not_ours_do_not_disturb(tmp_path: Path) -> None:
    network = saved(tmp_path / "m.safetensors")
    rewritten(tmp_path / "m.safetensors")
    tensors, path = load_file(tmp_path / "m.safetensors"), tmp_path / "m.safetensors"
    about = {"architecture": '"6-5:tanh-4:leaky_relu0.2-3"', "output": '"softmax"', "loss": '"cross_entropy"'}
    about |= {"classes": '["a", "b", "c"]', "normalization": "{}", "author": "somebody", "format": "pt"}
    save_file(tensors, path, about)
    assert np.array_equal(pl.load(path).theta, network.theta)


def test_weights_that_are_not_finite_or_of_mixed_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    network = Network("6-3")
    network.layers[0].W[0, 0] = np.nan
    network.save(path)
    with pytest.raises(pl.ModelFileError, match="finite"):
        pl.load(path)
    saved(path)
    rewritten(path)
    tensors = {name: tensor.astype(np.int32 if "b" in name else np.float32) for name, tensor in load_file(path).items()}
    about = {"architecture": '"6-5:tanh-4:leaky_relu0.2-3"', "output": '"softmax"', "loss": '"cross_entropy"'}
    save_file(tensors, path, about | {"classes": '["a", "b", "c"]', "normalization": "{}"})
    with pytest.raises(pl.ModelFileError, match="float32, int32"):
        pl.load(path)


def test_the_same_network_makes_the_same_bytes_whatever_is_noted_of_it(tmp_path: Path) -> None:
    network = Network("6-5-2", classes=("0" * 64, "é"))
    contents = set()
    for number in range(5):
        network.save(tmp_path / f"{number}", {"note": "0" * 64, "sha256": "f" * 64})
        contents.add((tmp_path / f"{number}").read_bytes())
        assert pl.load(tmp_path / f"{number}").classes == network.classes
    assert len(contents) == 1


@pytest.mark.parametrize("slope", [1e-5, 0.5, 1e-300, 0.1 + 0.2])
def test_any_slope_survives_the_file(tmp_path: Path, slope: float) -> None:
    network = Network([pl.Dense(3), pl.LeakyReLU(slope), pl.Dense(2)], input_shape=(4,))
    network.save(tmp_path / "m.safetensors")
    assert pl.load(tmp_path / "m.safetensors").layers[1].slope == slope


def test_the_shape_of_the_images_is_kept(tmp_path: Path) -> None:
    network = Network("*-5-3", input_shape=(1, 2, 8))
    network.save(tmp_path / "m.safetensors")
    again = pl.load(tmp_path / "m.safetensors")
    assert again.input_shape == (1, 2, 8)
    for shape in ((4, 16), (4, 2, 8), (4, 2, 8, 1)):
        assert again.predict(np.zeros(shape, np.uint8)).shape == (4, 3)
    with pytest.raises(pl.ShapeError, match=r"examples of shape \(1, 2, 8\)"):
        again.predict(np.zeros((4, 4, 4), np.uint8))


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail) if name == "fsync" else monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_p03_is_the_specifications_network() -> None:
    recipe = recipes.find("p03")
    network = recipe.make_network()
    assert network.theta.size == 109_386
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs) == (0.1, 32, 20)
    assert (network.output, network.loss.kind, recipe.activation) == ("softmax", "cross_entropy", "relu")


def test_a_recipe_comes_back_from_its_file(tmp_path: Path) -> None:
    recipe = recipes.Recipe("784-16:tanh-10", name="mine", initializer="uniform0.5", learning_rate=1, seed=7)
    (tmp_path / "mine.toml").write_text(recipe.write())
    assert recipes.find(tmp_path / "mine.toml") == recipe


def test_a_resolved_recipe_makes_the_same_network() -> None:
    recipe = recipes.Recipe("*-9:relu-8-*", activation="tanh", loss="binary_cross_entropy")
    network = recipe.make_network((1, 4, 4), ("a", "b", "c"))
    again = resolved(recipe, network)
    assert (again.architecture, again.output) == ("16-9-8:tanh-3", "sigmoid")
    assert list(map(repr, again.make_network().layers)) == list(map(repr, network.layers))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 3", "has no architecture"),
        ('architecture = "784-10"\nepoch = 3', "unknown entry 'epoch'. Did you mean 'epochs'"),
        ('architecture = "784-10"\nepochs = "3"', "epochs is '3'; a int is expected"),
        ('architecture = "784-10"\nepochs = true', "epochs is True"),
        ('architecture = "784-10"\nepochs = 0', "at least 1"),
        ('architecture = "784-10"\nvalidation = 1.0', "fraction below 1"),
        ('architecture = "784-10"\nlearning_rate = -1', "above 0"),
        ('architecture = "784-10"\noptimizer = "sdg"', "Did you mean 'sgd'"),
        ('architecture = "784-10"\ninitializer = "hee"', "Did you mean 'he'"),
        ('architecture = "784-10"\nnormalize = "minmax"', "Known: standard, symmetric, unit"),
        ('architecture = "784-1o"', "no layer 'o'"),
        ("architecture =", "is not TOML"),
        ('architecture = "784-10"\nlearning_rate = 1' + "0" * 400, "beyond all bounds"),
        ("a = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_recipe_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(pl.UsageError, match=message) as error:
        recipes.find(tmp_path / "r.toml")
    assert "r.toml" in str(error.value)
