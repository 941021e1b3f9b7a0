"""The names and forms in which the learner may have written a network, and how each is used. One table, no guessing.

The specification has classes, `Layer` and `NeuralNetwork`; notebooks often have functions instead,
`forward_prop(W1, b1, W2, b2, X)` and `backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y)`. Both are driven by the same verbs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import Missing, Unfit, Unknown, positional, required, returned, roles, use

Numbers = NDArray[np.float64]

NETWORKS = ("NeuralNetwork", "Network", "MLP")
FORWARD = ("forward_prop", "forward_propagation", "forward")
BACKWARD = ("backward_prop", "backward_propagation", "back_prop", "backprop", "backward")
UPDATE = ("update_params", "update_parameters", "sgd_update", "update")
GRADIENTS = ("dw1", "db1", "dw2", "db2")
SHARED = " All networks share the list of the class: `self.layers = []` belongs in `__init__`."
LOSSES = {
    "cross_entropy": ("cross_entropy_loss", "cross_entropy"),
    "binary_cross_entropy": ("binary_cross_entropy_loss", "binary_cross_entropy"),
    "squared_error": ("squared_error_loss", "squared_error", "mse_loss", "mean_squared_error", "cost"),
}


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


def encoded(function: Callable[..., Any], Y: Numbers) -> Numbers | NDArray[np.int64]:
    """The labels as a function takes them: one-hot, or numbers where it calls `one_hot` itself."""
    code = getattr(function, "__code__", None)
    return Y.argmax(axis=0) if code and {"one_hot", "one_hot_encode", "to_one_hot"} & set(code.co_names) else Y


def way_back(function: Callable[..., Any]) -> tuple[dict[str, str], str | None]:
    """What the parameters of a backward pass mean, and which one holds Y, or ŷ − y where there is no Y."""
    named = roles(function, ("Y", "X", "rate", "y_pred", "dA"))
    unclear = [name for name in required(function) if name not in named]
    if len(unclear) > 2 or (unclear and "Y" in named.values()) or (len(unclear) == 2 and "X" in named.values()):
        raise Unfit(f"`backward` should take Y, or X and Y; it takes {', '.join(required(function))}.")
    named |= dict(zip(unclear, ("X", "Y")[-len(unclear) :], strict=False))
    return named, next((name for role in ("Y", "dA") for name, other in named.items() if other == role), None)


class Classes:
    """`NeuralNetwork(layer_sizes, activations)`: its `layers` have `W`, `b` and, after the way back, `dW`, `db`."""

    def __init__(self, module: ModuleType, sizes: list[int], activations: list[str]) -> None:
        make = find(module, NETWORKS)
        parameters = positional(make)
        alone = len(required(make)) == 1 and all(
            isinstance(one.default, str | int | float) for one in parameters[1:2]
        )  # NeuralNetwork(layer_sizes, learning_rate=0.1) chooses its activations itself
        if alone and activations[0] != ("relu" if has(module, ("relu",)) else "sigmoid"):
            raise Missing(f"{activations[0]} in a network that chooses its activations itself")
        self.net = make(sizes) if alone else make(sizes, activations)
        own = getattr(self.net, "layers", None)
        self.layers = list(own) if isinstance(own, list | tuple) else []
        if len(self.layers) != len(sizes) - 1:  # activations may be layers of their own
            self.layers = [layer for layer in self.layers if isinstance(getattr(layer, "W", None), np.ndarray)]
        if len(self.layers) != len(sizes) - 1:
            came = f"of {len(own)}" if isinstance(own, list | tuple) else f"a {type(own).__name__}"
            shared = isinstance(vars(type(self.net)).get("layers"), list)
            raise Unfit(
                f"The network of sizes {sizes} should have a list `layers` with {len(sizes) - 1} layers in it; "
                f"`layers` is {'not there' if own is None else came}."
                f"{SHARED if shared else ''}"
            )
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
        named, _ = way_back(back)
        with contextlib.suppress(Missing):  # where gradients are added up until they are set to 0
            find(self.net, ("zero_grad",))()
        before = self.parameters()
        values = {"Y": Y, "X": X, "rate": rate, "y_pred": self.output, "dA": self.output - Y}
        back(**{name: values[role] for name, role in named.items()})
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
        """Take a step, where the network has a method for it that is told the learning rate."""
        step = find(self.net, ("update",))
        if not positional(step):
            raise Missing("update(learning_rate)")
        use(step, {"rate": rate})


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

    def _call(self, names: Sequence[str], values: dict[str, Any], every: bool = True) -> Any:
        """Call a function that takes these values (every one of them, or some) and no others."""
        function = find(self.module, names)
        named = roles(function, tuple(values))
        unclear = [name for name in required(function) if name not in named]
        if len(unclear) != (len(values) - len(named) if every else 0):
            raise Unknown(
                f"{function.__name__} takes {', '.join(required(function))}; what is known are functions for two "
                f"layers, with {', '.join(values)}"
            )
        return use(function, values)

    def forward(self, X: Numbers) -> Any:
        """A2, the last thing of what the function gives; Z1, A1, Z2, A2 are remembered."""
        parameters = {f"{n}{k}": self.values[f"{n}{k}"] for k in (1, 2) for n in "Wb"}
        result = self._call(FORWARD, {**parameters, "X": X})
        if isinstance(result, tuple):
            if len(result) != 4:
                raise Unfit(f"The forward function should give (Z1, A1, Z2, A2); {len(result)} things came.")
            self.values |= dict(zip(("Z1", "A1", "Z2", "A2"), result, strict=True))
            return result[-1]
        self.values["A2"] = result
        return result

    def backward(self, X: Numbers, Y: Numbers, rate: float) -> None:
        """The gradients (dW1, db1, dW2, db2) that the function gives, or in the order of the names that it returns."""
        back = find(self.module, BACKWARD)
        values = {**self.values, "X": X, "m": X.shape[1]}
        try:
            result = self._call(BACKWARD, {**values, "Y": encoded(back, Y)}, every=False)
        except IndexError as error:  # where labels are used as indices, as in dZ2[Y, np.arange(m)] -= 1
            try:
                result = self._call(BACKWARD, {**values, "Y": Y.argmax(axis=0)}, every=False)
            except Exception:  # that was not the reason
                raise error from None
        if not isinstance(result, tuple) or len(result) != 4:
            raise Unfit("The backward function should give (dW1, db1, dW2, db2).")
        names = [name.lower() for name in returned(back)]
        order = [names.index(name) if name in names else n for n, name in enumerate(GRADIENTS)]
        dW1, db1, dW2, db2 = (np.array(result[n]) for n in (order if len(set(order)) == 4 else range(4)))
        self.gradient = [(dW1, db1), (dW2, db2)]

    def update(self, rate: float) -> None:
        """Take a step with the function (W1, b1, W2, b2) = update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, rate)."""
        gradients = {f"d{n}{k}": self.gradient[k - 1][i].copy() for k in (1, 2) for i, n in enumerate("Wb")}
        parameters = {f"{n}{k}": self.values[f"{n}{k}"] for k in (1, 2) for n in "Wb"}
        result = self._call(UPDATE, {**parameters, **gradients, "rate": rate})
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
