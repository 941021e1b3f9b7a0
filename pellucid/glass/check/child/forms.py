"""The names and forms in which the learner may have written a network, and how each is used. One table, no guessing.

The specification has classes, `Layer` and `NeuralNetwork`; notebooks often have functions instead,
`forward_prop(W1, b1, W2, b2, X)` and `backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y)`. Both are driven by the same verbs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

NETWORKS = ("NeuralNetwork", "Network", "MLP")
FORWARD = ("forward_prop", "forward_propagation", "forward")
BACKWARD = ("backward_prop", "backward_propagation", "back_prop", "backprop", "backward")
UPDATE = ("update_params", "update_parameters", "sgd_update", "update")
LOSSES = {
    "cross_entropy": ("cross_entropy_loss", "cross_entropy"),
    "binary_cross_entropy": ("binary_cross_entropy_loss", "binary_cross_entropy"),
    "squared_error": ("squared_error_loss", "squared_error", "mse_loss", "mean_squared_error", "cost"),
}
# Names of parameters, in lower case, that say which argument is meant.
ALIASES = {
    "y_pred": ("y_pred", "y_hat", "yhat", "a", "a2", "output", "outputs", "pred", "predictions", "probs", "p"),
    "y_true": ("y_true", "y", "labels", "target", "targets", "y_onehot", "one_hot_y", "t"),
    "Y": ("y", "y_true", "y_batch", "y_onehot", "one_hot_y", "labels", "target", "targets"),
    "X": ("x", "x_batch", "inputs", "images", "a0"),
    "y": ("y", "labels", "y_true", "y_labels", "y_test"),
    "dA": ("dl_da", "dl_dy", "da", "dout", "grad_output"),
    "rate": ("learning_rate", "lr", "alpha", "eta", "rate"),
    "net": ("net", "network", "model", "nn"),
    "batch_size": ("batch_size", "batch", "b"),
    "layer": ("layer",),
    "layer_id": ("layer_id", "id", "key", "name", "index", "i"),
    "momentum": ("momentum", "mu", "beta"),
    "epoch": ("epoch", "step", "t"),
    "training": ("training", "train", "is_training"),
    "dropped": ("rate", "p", "drop_rate", "dropout_rate", "p_drop"),
    "a": ("a", "x", "activations", "inputs"),
    "strength": ("strength", "lam", "lambda_", "weight_decay", "l2", "decay"),
    "n": ("n", "count", "n_samples"),
}


class Missing(Exception):  # noqa: N818 - no error: the learner is not there yet
    """Something that a trial is about is not in the file."""


class Unfit(Exception):  # noqa: N818 - is told to the learner
    """What the learner wrote is there, but lacks what the specification says that it has."""


def find(module: Any, names: Sequence[str]) -> Callable[..., Any]:
    """The first of these names that the module has."""
    for name in names:
        if callable(found := getattr(module, name, None)):
            return found  # type: ignore[no-any-return]
    raise Missing(names[0])


def has(module: ModuleType, names: Sequence[str]) -> bool:
    """Whether it has one of them."""
    return any(callable(getattr(module, name, None)) for name in names)


def form(module: ModuleType) -> str | None:
    """Whether the network is a class or functions."""
    if has(module, NETWORKS):
        return "class"
    return "functions" if has(module, FORWARD) else None


def ending(module: ModuleType) -> str:
    """The loss that the network is for, by which loss function the file has; the specification's comes first."""
    return next((loss for loss, names in LOSSES.items() if has(module, names)), "cross_entropy")


def positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that can be given in order; none where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def roles(function: Callable[..., Any], known: Sequence[str]) -> dict[str, str]:
    """Which parameter means what, by its name: {parameter: role}."""
    found: dict[str, str] = {}
    for parameter in positional(function):
        word = parameter.name.lower()
        exact = [role for role in known if role.lower() == word and role not in found.values()]
        alike = [role for role in known if word in ALIASES.get(role, ()) and role not in found.values()]
        if exact or alike:
            found[parameter.name] = (exact or alike)[0]
    return found


def use(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call it with what its parameters' names say; with the values in their order where the names say nothing."""
    parameters = positional(function)
    named = roles(function, tuple(values))
    if parameters and all(one.name in named for one in parameters if one.default is one.empty):
        return function(**{name: values[role] for name, role in named.items()})
    return function(*list(values.values())[: len(parameters) or None])


def encoded(function: Callable[..., Any], Y: Numbers) -> Numbers | NDArray[np.int64]:
    """The labels as a function takes them: one-hot, or numbers where it calls `one_hot` itself."""
    code = getattr(function, "__code__", None)
    return Y.argmax(axis=0) if code and {"one_hot", "one_hot_encode"} & set(code.co_names) else Y


class Classes:
    """`NeuralNetwork(layer_sizes, activations)`: its `layers` have `W`, `b` and, after the way back, `dW`, `db`."""

    def __init__(self, module: ModuleType, sizes: list[int], activations: list[str]) -> None:
        make = find(module, NETWORKS)
        single = len([one for one in positional(make) if one.default is one.empty]) == 1 == len(positional(make))
        if single and activations[0] != ("relu" if has(module, ("relu",)) else "sigmoid"):
            raise Missing(f"{activations[0]} in a network that chooses its activations itself")
        self.net = make(sizes) if single else make(sizes, activations)
        layers = getattr(self.net, "layers", None)
        if not isinstance(layers, list | tuple) or len(layers) != len(sizes) - 1:
            came = f"of {len(layers)}" if isinstance(layers, list | tuple) else f"a {type(layers).__name__}"
            raise Unfit(
                f"The network of sizes {sizes} should have a list `layers` with {len(sizes) - 1} layers in it; "
                f"`layers` is {'not there' if layers is None else came}."
            )
        self.layers = list(layers)
        for number, layer in enumerate(self.layers):
            for name in ("W", "b"):
                if not isinstance(getattr(layer, name, None), np.ndarray):
                    arrays = [other for other, value in vars(layer).items() if isinstance(value, np.ndarray)]
                    has_them = f"the arrays that it has are {', '.join(arrays)}" if arrays else "it has no arrays"
                    raise Unfit(f"layers[{number}] should have an array `{name}`; {has_them}.")
        self.output: Any = None
        self.gradient: list[tuple[Any, Any]] = []

    def parameters(self) -> list[tuple[Any, Any]]:
        """A copy of (W, b), layer by layer."""
        return [(np.array(layer.W), np.array(layer.b)) for layer in self.layers]

    def set(self, parameters: Sequence[tuple[Numbers, Numbers]]) -> None:
        """Give it these weights and biases, in the learner's own arrays where they have room for them."""
        for layer, pair in zip(self.layers, parameters, strict=True):
            for name, values in zip("Wb", pair, strict=True):
                own = getattr(layer, name)
                if isinstance(own, np.ndarray) and own.size == values.size and own.dtype.kind == "f":
                    own[...] = values.reshape(own.shape)
                else:
                    setattr(layer, name, values.copy())

    def forward(self, X: Numbers) -> Any:
        """The network's outputs."""
        self.output = find(self.net, ("forward",))(X)
        return self.output

    def backward(self, X: Numbers, Y: Numbers, rate: float) -> None:
        """Let the network compute its gradients. One that takes a learning rate has them in how far it moved."""
        back = find(self.net, ("backward",))
        before = self.parameters()
        values = {"Y": Y, "X": X, "rate": rate, "y_pred": self.output, "dA": self.output - Y}
        named = roles(back, tuple(values))
        required = [one.name for one in positional(back) if one.default is one.empty]
        if len(required) > 2 and not set(required) <= set(named):
            raise Unfit(f"`backward` should take Y, or X and Y; it takes {', '.join(required)}.")
        if len(required) == 2 and not set(required) <= set(named):
            values = {"X": X, "Y": Y}
        use(back, values)
        if "rate" in named.values():
            after = self.parameters()
            self.gradient = [((W - V) / rate, (b - c) / rate) for (W, b), (V, c) in zip(before, after, strict=True)]
            return
        for number, layer in enumerate(self.layers):
            for name in ("dW", "db"):
                if getattr(layer, name, None) is None:
                    raise Unfit(f"After `backward`, layers[{number}].{name} is {getattr(layer, name, 'not there')}.")
        self.gradient = [(np.array(layer.dW), np.array(layer.db)) for layer in self.layers]

    def update(self, rate: float) -> None:
        """Take a step, where the network has a method for it."""
        use(find(self.net, ("update",)), {"rate": rate})


class Functions:
    """`forward_prop` and `backward_prop` of two layers; arguments are handed over by their parameters' names."""

    def __init__(self, module: ModuleType, sizes: list[int], activations: list[str]) -> None:
        if activations[0] != ("relu" if has(module, ("relu",)) else "sigmoid"):
            raise Missing(f"{activations[0]} in functions that choose their activations themselves")
        if len(sizes) != 3:
            raise Missing("more than two layers in functions for two")
        self.module = module
        self.values: dict[str, Any] = {}
        self.gradient: list[tuple[Any, Any]] = []

    def parameters(self) -> list[tuple[Any, Any]]:
        """A copy of (W1, b1), (W2, b2)."""
        return [(np.array(self.values[f"W{k}"]), np.array(self.values[f"b{k}"])) for k in (1, 2)]

    def set(self, parameters: Sequence[tuple[Numbers, Numbers]]) -> None:
        """Remember these weights and biases, to hand them over."""
        for number, (W, b) in enumerate(parameters, 1):
            self.values |= {f"W{number}": W.copy(), f"b{number}": b.copy()}

    def forward(self, X: Numbers) -> Any:
        """A2, the last thing of what the function gives; Z1, A1, Z2, A2 are remembered."""
        result = use(find(self.module, FORWARD), {**self.values, "X": X})
        if isinstance(result, tuple):
            if len(result) != 4:
                raise Unfit(f"The forward function should give (Z1, A1, Z2, A2); {len(result)} things came.")
            self.values |= dict(zip(("Z1", "A1", "Z2", "A2"), result, strict=True))
            return result[-1]
        self.values["A2"] = result
        return result

    def backward(self, X: Numbers, Y: Numbers, rate: float) -> None:
        """The gradients (dW1, db1, dW2, db2) that the function gives."""
        back = find(self.module, BACKWARD)
        result = use(back, {**self.values, "X": X, "Y": encoded(back, Y)})
        if not isinstance(result, tuple) or len(result) != 4:
            raise Unfit("The backward function should give (dW1, db1, dW2, db2).")
        self.gradient = [(np.array(result[0]), np.array(result[1])), (np.array(result[2]), np.array(result[3]))]

    def update(self, rate: float) -> None:
        """Take a step with the function (W1, b1, W2, b2) = update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, rate)."""
        gradients = {f"d{n}{k}": self.gradient[k - 1][i].copy() for k in (1, 2) for i, n in enumerate("Wb")}
        parameters = {f"{n}{k}": self.values[f"{n}{k}"] for k in (1, 2) for n in "Wb"}
        result = use(find(self.module, UPDATE), {**parameters, **gradients, "rate": rate})
        if not isinstance(result, tuple) or len(result) != 4:
            raise Unfit("The update function should give (W1, b1, W2, b2).")
        self.set([(np.array(result[0]), np.array(result[1])), (np.array(result[2]), np.array(result[3]))])


def build(module: ModuleType, sizes: list[int], hidden: str) -> Classes | Functions:
    """The learner's network of these sizes, with this activation in the hidden layers and the output of its loss."""
    activation = (hidden, f"{hidden}_derivative", f"{hidden}_deriv")
    if not has(module, activation):
        raise Missing(hidden)
    last = "softmax" if ending(module) == "cross_entropy" else "sigmoid"
    activations = [hidden] * (len(sizes) - 2) + [last]
    if has(module, NETWORKS):
        return Classes(module, sizes, activations)
    if has(module, FORWARD):
        return Functions(module, sizes, activations)
    raise Missing(NETWORKS[0])
