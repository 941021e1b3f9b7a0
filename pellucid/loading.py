"""A network or a committee from a model file, read with suspicion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.committee import Committee
from pellucid.data.normalization import Normalization
from pellucid.errors import ModelFileError, PellucidError
from pellucid.files.model import read_model
from pellucid.layers.sequence import connect
from pellucid.network import Network
from pellucid.notation import parse
from pellucid.workspace import slots

PRETRAINED = Path(__file__).with_name("pretrained.safetensors")


def load(path: str | Path) -> Network | Committee:
    """The network or the committee in a model file, or in a run folder; "pretrained" is the one that pellucid brings.

    Raises:
        ModelFileError: no such file, not a model, damaged, or tensors that do not fit its architecture.
    """
    path = PRETRAINED if path == "pretrained" else Path(path)
    try:
        folder, path = path, path / "model.safetensors" if path.is_dir() else path
        unfinished = folder != path and not path.exists() and (folder / "recipe.toml").exists()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    if unfinished:
        raise ModelFileError(f"{folder} has no model yet. Finish its training: pellucid train --resume {folder}")
    tensors, about = read_model(path)
    try:
        return restore(tensors, about)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    except (PellucidError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(f"{path} does not describe a network of pellucid: {str(error)[:500]}") from None


def restore(tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> Network | Committee:
    """The network or the committee of these tensors, by what `Network.about` says of it.

    Raises:
        ModelFileError: the tensors do not fit; other errors, too, where `about` makes no sense.
    """
    shape, layers = parse(about["architecture"])
    connect(layers, shape)
    members = _members(about.get("members"))
    places = slots(layers, "parameter") + slots(layers, "state")
    expected = {slot.name: (*members, *slot.shape) for slot in places}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if expected != found:  # compared before anything of the architecture's size is allocated
        name = next(name for name in [*expected, *found] if expected.get(name) != found.get(name))
        raise ModelFileError(
            f"{about['architecture']} has {name} of shape {expected.get(name, 'no such tensor')}, "
            f"the file has {found.get(name, 'no such tensor')}."
        )
    dtypes = {tensor.dtype.name for tensor in tensors.values()}
    if len(dtypes) != 1 or not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ModelFileError(
            f"the tensors are {', '.join(sorted(dtypes))}, all finite numbers of one kind are expected."
        )
    network = Network(
        about["architecture"],
        input_shape=_shape(about.get("input_shape", list(shape))),
        output=about["output"],
        loss=about["loss"],
        dtype=dtypes.pop(),
        classes=_names(about["classes"]),
    )
    network.normalization = Normalization(**about["normalization"])
    theta, state = (np.empty((*members, vector.size), vector.dtype) for vector in (network.theta, network.state))
    for slot in slots(layers, "parameter"):
        slot.view(theta)[...] = tensors[slot.name]
    for slot in slots(layers, "state"):
        slot.view(state)[...] = tensors[slot.name]
    if members:
        return Committee(network, theta, state)
    network.theta[...], network.state[...] = theta, state
    return network


def _members(count: Any) -> tuple[int, ...]:
    """The axis of a committee's members, before those of a tensor; none of a single network."""
    if count is not None and (type(count) is not int or count < 1):
        raise ModelFileError(f"members is a whole number, at least 1, not {str(count)[:100]}.")
    return () if count is None else (count,)


def _names(classes: Any) -> list[str]:
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ModelFileError(f"classes are a list of names, not {str(classes)[:100]}.")
    return classes


def _shape(lengths: Any) -> tuple[int, ...]:
    if not isinstance(lengths, list) or not all(type(length) is int and length > 0 for length in lengths):
        raise ModelFileError(f"input_shape is a list of lengths, not {str(lengths)[:100]}.")
    return tuple(lengths)
