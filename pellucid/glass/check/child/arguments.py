"""Which argument a parameter of the learner's means, by its name, and the call with these arguments."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# Names of parameters, in lower case, that say which argument is meant; of two that do, the earlier name here has it.
ALIASES = {
    "y_pred": (
        "y_pred", "y_hat", "yhat", "a", "a2", "a3", "al", "output", "outputs", "pred", "predictions", "probs",
        "probabilities", "p",
    ),
    "y_true": ("y_true", "t", "target", "targets", "labels", "y_onehot", "one_hot_y", "y"),
    "Y": ("y", "y_true", "y_batch", "y_train", "y_onehot", "one_hot_y", "labels", "target", "targets"),
    "X": ("x", "x_batch", "x_train", "x_test", "inputs", "images", "data", "a0"),
    "y": ("y", "labels", "y_true", "y_labels", "y_test"),
    "dA": (
        "dl_da", "dl_dy", "da", "dout", "d_out", "grad_output", "grad", "gradient", "loss_grad", "loss_gradient",
        "dl_dz", "dz", "delta",
    ),
    "rate": ("learning_rate", "lr", "alpha", "eta", "rate", "initial_lr", "initial_learning_rate", "base_lr", "lr0"),
    "net": ("net", "network", "model", "nn"),
    "batch_size": ("batch_size", "batch", "size", "bs", "b"),
    "shuffle": ("shuffle",),
    "layer": ("layer",),
    "layer_id": ("layer_id", "id", "key", "name", "index", "i"),
    "momentum": ("momentum", "mu", "beta"),
    "epoch": ("epoch", "step", "t"),
    "training": ("training", "train", "is_training"),
    "dropped": ("rate", "p", "drop_rate", "dropout_rate", "p_drop", "prob", "drop_prob"),
    "kept": ("keep_prob", "keep_probability", "keep_rate", "keep", "p_keep"),
    "a": ("a", "x", "activations", "inputs"),
    "strength": ("strength", "lam", "lambda_", "weight_decay", "l2", "decay"),
    "n": ("n", "count", "n_samples", "num", "num_examples", "k"),
    "labels": ("labels", "y"),
    "classes": ("classes", "num_classes", "n_classes"),
    "input_size": ("input_size", "n_in", "n_inputs", "fan_in", "inputs", "in_features", "input_dim"),
    "output_size": ("output_size", "n_out", "n_outputs", "fan_out", "outputs", "out_features", "output_dim"),
}  # fmt: skip
RANDOM = ("rng", "generator", "random_state")  # parameters that take a random generator


class Missing(Exception):  # noqa: N818 - no error: the learner is not there yet
    """Something that a trial is about is not in the file."""


class Unfit(Exception):  # noqa: N818 - is told to the learner
    """What the learner wrote is there, but lacks what the specification says that it has."""


class Unknown(Exception):  # noqa: N818 - no error: it may well be right
    """What the learner wrote is of a form that the check cannot drive."""


def positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that can be given in order; none where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def required(function: Callable[..., Any]) -> list[str]:
    """Those of them that have no default."""
    return [one.name for one in positional(function) if one.default is one.empty]


def roles(function: Callable[..., Any], known: Sequence[str]) -> dict[str, str]:
    """Which parameter means what, by its name: {parameter: role}."""
    words = {one.name.lower(): one.name for one in positional(function)}
    found = {words[role.lower()]: role for role in known if role.lower() in words}
    for role in known:
        alike = [words[word] for word in ALIASES.get(role, ()) if word in words and words[word] not in found]
        if alike and role not in found.values():
            found[alike[0]] = role
    return {one.name: found[one.name] for one in positional(function) if one.name in found}


def use(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call it with what its parameters' names say; where a name says nothing, with the next value that is left.

    If all names of parameters without a default say what is meant, one with a default keeps it unless its name does.
    """
    parameters = positional(function)
    if not parameters:
        return function(*values.values())
    named = roles(function, tuple(values))
    left = [role for role in values if role not in named.values()]
    clear = all(name in named for name in required(function))
    ordered, by_name = [], {}
    for one in parameters:
        if one.name in named:
            value = values[named[one.name]]
        elif clear and one.default is not one.empty:
            continue
        elif one.name.lower() in RANDOM:
            value = np.random.default_rng()
        elif left:
            value = values[left.pop(0)]
        else:
            continue
        if one.kind is one.POSITIONAL_ONLY:
            ordered.append(value)
        else:
            by_name[one.name] = value
    return function(*ordered, **by_name)


def returned(function: Callable[..., Any]) -> list[str]:
    """The names in the tuple that a function ends in returning; none where it returns something else."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return []
    last = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)][-1:]
    if not last or not isinstance(last[0], ast.Tuple):
        return []
    return [part.id if isinstance(part, ast.Name) else "" for part in last[0].elts]
