"""What is tried on the learner's code: each trial calls some of it with small numbers and tells what came."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from . import stand_ins
from .arguments import Missing, Unfit, positional, required, roles, use
from .encoding import decode, encode
from .forms import Classes, build, find, has, way_back

Trial = dict[str, Any]
Answer = dict[str, Any]
STEPS = {"float32": 3e-3, "float16": 3e-2}  # of the numerical gradient; else 1e-5
BATCHES = 50  # after which a batch iterator that never ends is left


def call(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """Call a function; tell what it gave, and whether it changed its arguments."""
    function = find(module, trial["names"])
    values = {name: _value(value) for name, value in trial["values"].items()}
    for role, (other, value) in trial.get("instead", {}).items():
        if role in roles(function, (role,)).values():
            values = {role if name == other else name: value if name == other else old for name, old in values.items()}
    before = {name: np.array(value) for name, value in values.items() if isinstance(value, np.ndarray)}
    result = use(function, values)
    changed = [name for name, array in before.items() if not np.array_equal(array, values[name])]
    names = [parameter.name for parameter in positional(function)]
    name, line = getattr(function, "__name__", trial["names"][0]), getattr(function, "__code__", None)
    told = {"name": name, "parameters": names, "value": encode(result), "changed": changed}
    return told | {"line": line.co_firstlineno if line else None}


def _value(told: Any) -> Any:
    """A value of the request: an array in the dtype that it says, or a plain one."""
    if isinstance(told, dict):
        array = decode(told)
        assert array is not None
        return array.astype(told["dtype"])
    return told


def beginning(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The weights with which a layer begins, and whether two layers of one shape begin alike."""
    inputs, outputs = trial["sizes"]
    answer: Answer = {"alike": False}
    with contextlib.suppress(Exception):  # what is wrong with a network is said elsewhere
        (first, _), (second, _) = build(module, [outputs] * 3, trial["hidden"]).parameters()
        answer["alike"] = bool(np.allclose(first * second.std(), second * first.std(), rtol=1e-6, atol=0))
    if has(module, ("initialize_weights",)):
        values = {"input_size": inputs, "output_size": outputs}
        return {**answer, "W": encode(use(find(module, ("initialize_weights",)), values))}
    network = build(module, [inputs, outputs, 10], trial["hidden"])
    if not isinstance(network, Classes):
        raise Missing("initialize_weights")
    W, _ = network.parameters()[0]
    return {**answer, "W": encode(W)}


def network(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """Forward with given parameters; on request backward, numerically, and a step."""
    made = build(module, trial["sizes"], trial["hidden"])
    X, Y = (_value(trial[name]) for name in "XY")
    if isinstance(made, Classes):
        shapes = [[list(W.shape), list(b.shape)] for W, b in made.parameters()]
        for number, (W, b) in enumerate(trial["parameters"]):
            if shapes[number][0] != W["shape"]:  # cannot be given these numbers
                return {"shapes": shapes}
            if np.prod(shapes[number][1]) != np.prod(b["shape"]):
                return {"shapes": shapes}
    else:
        shapes = []
    given = [(_value(W), _value(b)) for W, b in trial["parameters"]]
    made.set(given)
    x = X.copy()
    answer: Answer = {"shapes": shapes, "output": encode(made.forward(x))}
    answer["changed"] = [] if np.array_equal(x, X) else ["X"]
    if any(not np.allclose(W, V, 0, 1e-6) for (W, _), (V, _) in zip(given, made.parameters(), strict=True)):
        answer["changed"].append("W")
    if trial.get("backward"):
        y = Y.copy()
        made.backward(x, y, 0.5)
        answer["gradient"] = [[encode(dW), encode(db)] for dW, db in made.gradient]
        answer["changed"] += [] if np.array_equal(y, Y) else ["Y"]
    if trial.get("again"):  # a second pass of the same batch
        made.set(given)
        made.forward(X.copy())
        made.backward(X.copy(), Y.copy(), 0.5)
        answer["again"] = [[encode(dW), encode(db)] for dW, db in made.gradient]
    if trial.get("numerical"):
        answer["numerical"] = _numerical(made, given, X, Y)
    if trial.get("update"):
        made.set(given)
        made.forward(X.copy())
        made.backward(X.copy(), Y.copy(), 0.5)
        made.set(given)
        made.update(trial["update"])
        answer["updated"] = [[encode(W), encode(b)] for W, b in made.parameters()]
    return answer


def _numerical(made: Any, given: Any, X: Any, Y: Any) -> list[list[list[Answer]]]:
    """(L(w + h) − L(w − h)) / 2h for every weight and bias, with the learner's own forward pass; L: `_losses`."""
    gradient = []
    arrays = (np.asarray(made.forward(X.copy())), *(tensor for pair in made.parameters() for tensor in pair))
    size = max(STEPS.get(str(array.dtype), 1e-5) for array in arrays)  # what the coarsest of them can still tell apart
    for number, pair in enumerate(given):
        tensors = []
        for place, tensor in enumerate(pair):
            slopes = np.zeros((3, tensor.size))
            for at in range(tensor.size):
                ends = []
                for step in (size, -size):
                    moved = [[W.copy(), b.copy()] for W, b in given]
                    moved[number][place].flat[at] += step
                    made.set(moved)
                    ends.append(_losses(np.asarray(made.forward(X.copy()), np.float64), Y))
                slopes[:, at] = (ends[0] - ends[1]) / (2 * size)
            tensors.append([encode(slope.reshape(tensor.shape)) for slope in slopes])
        gradient.append(tensors)
    return gradient


def _losses(A: Any, Y: Any) -> Any:
    """The mean cross-entropy, binary cross-entropy and squared error of outputs (classes, B)."""
    P = np.clip(A, 1e-15, 1)
    Q = np.clip(1 - A, 1e-15, 1)
    cross_entropy = -(Y * np.log(P)).sum()
    binary = cross_entropy - ((1 - Y) * np.log(Q)).sum()
    return np.array([cross_entropy, binary, ((A - Y) ** 2).sum()]) / Y.shape[1]


def load_mnist(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The four arrays of `load_mnist`, their ranges and their first columns."""
    result = find(module, ("load_mnist", "load_data"))()
    if not isinstance(result, tuple | list):
        raise Unfit(f"load_mnist should give x_train, y_train_onehot, x_test, y_test; a {type(result).__name__} came.")
    if len(result) == 2 and all(isinstance(part, tuple) and len(part) == 2 for part in result):
        result = [*result[0], *result[1]]
    if len(result) != 4:
        raise Unfit(f"load_mnist should give x_train, y_train_onehot, x_test, y_test; {len(result)} things came.")
    arrays = [np.asarray(array) for array in result]
    return {
        "arrays": [
            {"shape": list(a.shape), "dtype": str(a.dtype), "low": float(a.min()), "high": float(a.max())}
            for a in arrays
        ],
        "values": [encode(array if array.size < 100_000 else array[:, :8]) for array in arrays],
    }


def batches(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The batches of the learner's iterator."""
    X, Y = (_value(trial[name]) for name in "XY")
    values = {"X": X, "Y": Y, "batch_size": trial["batch_size"], "shuffle": True}
    iterator = use(find(module, trial["names"]), values)
    if iterator is None:
        raise Unfit("The batch iterator gives None; it should yield (X_batch, Y_batch), batch after batch.")
    pairs = []
    for item in islice(iterator, BATCHES):
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise Unfit("The batch iterator should yield pairs (X_batch, Y_batch).")
        pairs.append([encode(np.asarray(item[0])), encode(np.asarray(item[1]))])
    return {"batches": pairs}


def epoch(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """Train for some epochs; tell for every step its batch, the parameters before it, and those after it."""
    function = find(module, ("train_epoch",))
    made = build(module, trial["sizes"], trial["hidden"])
    if not isinstance(made, Classes):
        raise Missing("train_epoch with a NeuralNetwork")
    made.set([(_value(W), _value(b)) for W, b in trial["parameters"]])
    X, Y = (_value(trial[name]) for name in "XY")
    passes: list[tuple[Any, Any, Any]] = []
    steps: list[dict[str, Any]] = []
    forward, backward = made.net.forward, made.net.backward
    named, labels = way_back(backward)
    order = [parameter.name for parameter in positional(backward)]

    def seen_forward(inputs: Any, *rest: Any, **by_name: Any) -> Any:
        before = made.parameters()
        output = forward(inputs, *rest, **by_name)
        passes.append((np.array(inputs), before, output))
        return output

    def seen_backward(*values: Any, **by_name: Any) -> Any:
        x, parameters, output = passes[-1] if passes else (np.zeros(0), made.parameters(), None)
        y = {**dict(zip(order, values, strict=False)), **by_name}.get(str(labels))
        if named.get(str(labels)) == "dA" and output is not None:  # ŷ − y is handed over
            y = output - np.asarray(y)
        steps.append({"X": x, "Y": np.array(y), "parameters": parameters})
        return backward(*values, **by_name)

    made.net.forward, made.net.backward = seen_forward, seen_backward
    epochs = []
    for _ in range(trial["epochs"]):
        steps.clear()
        loss = use(
            function,
            {"net": made.net, "X": X.copy(), "Y": Y.copy(), "batch_size": trial["batch_size"], "rate": trial["rate"]},
        )
        ends = [step["parameters"] for step in steps[1:]] + [made.parameters()]
        told = [
            {
                "X": encode(step["X"]),
                "Y": encode(step["Y"]),
                "before": _pairs(step["parameters"]),
                "after": _pairs(end),
            }
            for step, end in zip(steps, ends, strict=False)
        ]
        epochs.append({"loss": encode(loss), "steps": told[:BATCHES]})
    return {"epochs": epochs}


def _pairs(parameters: list[tuple[Any, Any]]) -> list[list[Answer]]:
    return [[encode(W), encode(b)] for W, b in parameters]


def evaluate(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """Call what takes a network, examples and labels; where asked, also with labels that are one-hot."""
    function = find(module, trial["names"])
    if "net" not in roles(function, ("net", "X", "y")).values() and len(required(function)) < 3:
        raise Missing(trial["names"][0])  # accuracy(predictions, labels)
    made = build(module, trial["sizes"], trial["hidden"])
    if not isinstance(made, Classes):
        raise Missing(f"{trial['names'][0]} with a NeuralNetwork")
    made.set([(_value(W), _value(b)) for W, b in trial["parameters"]])
    values = {"net": made.net, "X": _value(trial["X"]), "y": _value(trial["y"])}
    if "n" in trial:
        values["n"] = trial["n"]
    answer: Answer = {}
    if trial.get("one_hot"):
        with contextlib.suppress(Exception):
            answer["one_hot"] = encode(use(function, {**values, "y": np.eye(trial["sizes"][-1])[values["y"]].T}))
    try:
        answer["value"] = encode(use(function, values))
    except Exception:  # it wants the others
        if "one_hot" not in answer:
            raise
        answer["value"] = answer["one_hot"]
    return {**answer, "printed": printed()}


def numerical_gradient(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The learner's own numerical gradient of f(W) = Σ c W²."""
    W, c = _value(trial["W"]), _value(trial["c"])
    kept = W.copy()
    result = find(module, ("numerical_gradient",))(lambda: float((c * W**2).sum()), W)
    return {"value": encode(result), "restored": bool(np.allclose(W, kept, rtol=0, atol=1e-9))}


def weights(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The images that `visualize_weights` draws."""
    stand_ins.IMAGES.clear()
    find(module, ("visualize_weights",))(_value(trial["W"]))
    return {"images": [encode(image) for image in stand_ins.IMAGES[:30]]}


def momentum(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """Some updates of two layers of the same shape, in turn."""
    make = find(module, ("MomentumSGD",))
    optimizer = use(make, {"rate": trial["rate"], "momentum": trial["momentum"]})
    layers = [SimpleNamespace(W=_value(W), b=_value(b), dW=None, db=None) for W, b in trial["parameters"]]
    told = []
    for gradients in trial["steps"]:
        for number, (layer, (dW, db)) in enumerate(zip(layers, gradients, strict=True)):
            layer.dW, layer.db = _value(dW), _value(db)
            use(optimizer.update, {"layer": layer, "layer_id": number})
        told.append([[encode(layer.W), encode(layer.b)] for layer in layers])
    return {"steps": told}


def penalty(module: ModuleType, trial: Trial, printed: Callable[[], str]) -> Answer:
    """The L2 term of two layers, and what it adds to their gradients."""
    layers = [
        SimpleNamespace(W=_value(W), b=_value(b), dW=np.full_like(_value(W), 0.5), db=np.full_like(_value(b), 0.5))
        for W, b in trial["parameters"]
    ]
    term = use(find(module, ("l2_penalty",)), {"layers": layers, "strength": trial["strength"]})
    use(find(module, ("add_l2_gradient",)), {"layers": layers, "strength": trial["strength"]})
    return {"term": encode(term), "gradient": [[encode(layer.dW), encode(layer.db)] for layer in layers]}


KINDS: dict[str, Callable[[ModuleType, Trial, Callable[[], str]], Answer]] = {
    function.__name__: function
    for function in (
        call, beginning, network, load_mnist, batches, epoch, evaluate, numerical_gradient, weights, momentum, penalty,
    )
}  # fmt: skip
