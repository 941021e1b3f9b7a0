"""Backpropagation on single numbers: the same as the matrices', as PyTorch's, and as written in words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.glass.expression import evaluate
from pellucid.glass.scalar import Value
from pellucid.glass.scalar_graph import Graph

NUMBERS = st.floats(-2, 2).filter(lambda number: abs(number) > 1e-3)
LETTERS = st.sampled_from(["x", "y", "z"])


def expressions() -> st.SearchStrategy[str]:
    """Expressions in x, y and z that have a value and a slope wherever these are."""

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        quotient = st.tuples(inner, inner).map(lambda t: f"({t[0]} / (({t[1]})**2 + 1))")
        function = st.tuples(st.sampled_from(["tanh", "sigmoid"]), inner).map(lambda t: f"{t[0]}({t[1]})")
        bounded = inner.map(lambda t: f"log(exp(tanh({t})) + 1)")
        return pairs | quotient | function | bounded | inner.map(lambda t: f"-{t}") | inner.map(lambda t: f"({t})**2")

    return st.recursive(LETTERS | NUMBERS.map(lambda number: f"({number:.3f})"), larger, max_leaves=12)


@given(expressions(), NUMBERS, NUMBERS, NUMBERS)
@settings(max_examples=150, deadline=None)
def test_every_gradient_is_the_slope_that_a_nudge_measures(text: str, x: float, y: float, z: float) -> None:
    numbers = {name: value for name, value in {"x": x, "y": y, "z": z}.items() if name in text.replace("exp", "")}
    result = evaluate(text, numbers)
    result.backward()
    letters = Graph(result).letters
    for name in numbers:
        above, below = (evaluate(text, numbers | {name: numbers[name] + h}).data for h in (1e-5, -1e-5))
        scale = max(abs(above), abs(letters[name].gradient), 1)
        assert letters[name].gradient == pytest.approx((above - below) / 2e-5, abs=1e-4 * scale)


@pytest.mark.parametrize("function", ["exp", "log", "tanh", "sigmoid", "relu"])
def test_each_function_is_pytorchs(function: str) -> None:
    torch = pytest.importorskip("torch")
    for number in (0.3, 1.7, 4.0):
        x = torch.tensor(number, dtype=torch.float64, requires_grad=True)
        expected = getattr(torch, function)(x)
        expected.backward()
        value = Value(number)
        result = getattr(value, function)()
        result.backward()
        assert (result.data, value.gradient) == pytest.approx((expected.item(), x.grad.item()), rel=1e-14)


@pytest.mark.parametrize("number", range(5))
def test_a_small_network_of_scalars_has_the_gradients_of_the_matrices(number: int) -> None:
    rng = np.random.default_rng(number)
    network = pl.Network("4-5:tanh-3", dtype="float64", seed=number)
    network.theta[...] = rng.normal(size=network.theta.shape)
    x, labels = rng.normal(size=(2, 4)), rng.integers(0, 3, 2)
    loss, gradient = network.loss_and_gradient(x, labels)

    theta = [Value(weight) for weight in network.theta]
    W1, b1 = np.array(theta[:20]).reshape(5, 4), theta[20:25]
    W2, b2 = np.array(theta[25:40]).reshape(3, 5), theta[40:]
    total: Any = Value(0)
    for row, label in zip(x, labels, strict=True):
        hidden = [
            (sum(w * value for w, value in zip(ws, row, strict=True)) + b).tanh() for ws, b in zip(W1, b1, strict=True)
        ]
        z = [sum(w * h for w, h in zip(ws, hidden, strict=True)) + b for ws, b in zip(W2, b2, strict=True)]
        total = total + sum((each.exp() for each in z), Value(0)).log() - z[label]
    total = total / 2
    total.backward()
    assert total.data == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose([value.gradient for value in theta], gradient, atol=1e-12)


def test_a_gradient_that_arrives_by_two_ways_is_their_sum() -> None:
    x = Value(3, "x")
    result = x * x + x
    result.backward()
    assert x.gradient == 7
    result.backward()
    assert x.gradient == 7  # and is not added up over calls


def test_ten_thousand_operations_in_a_row_are_no_trouble() -> None:
    x = total = Value(1.0)
    for _ in range(10_000):
        total = total * 1.0001
    total.backward()
    assert x.gradient == pytest.approx(1.0001**10_000)


# Expressions


def test_an_expression_is_read_as_python_reads_it() -> None:
    assert evaluate("(y - (x*w + b))**2", {"x": 2, "w": 3, "b": 1, "y": 5}).data == 4
    assert evaluate("-2**2 + 3/2 - exp(0)", {}).data == pytest.approx(-(2**2) + 1.5 - 1)
    assert evaluate("x^-1", {"x": 4}).data == 0.25


@pytest.mark.parametrize(
    ("text", "numbers", "message"),
    [
        ("x + y", {"x": 1}, "'y' has no number: write y=2"),
        ("x + (", {"x": 1}, "no expression at character"),
        ("x", {"x": 1, "q": 2}, "'q' is given a number"),
        ("logg(x)", {"x": 1}, "Did you mean 'log'"),
        ("x ** y", {"x": 1, "y": 2}, "A power is a number"),
        ("__import__('os')", {}, "no function called"),
        ("x.real", {"x": 1}, "is none of numbers"),
        ("(" * 500 + "x" + ")" * 500, {"x": 1}, "no expression"),
        ("-" * 300 + "x", {"x": 1}, "more than 200 operations"),
        ("x if x else 1", {"x": 1}, "is none of numbers"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, numbers: dict[str, float], message: str) -> None:
    with pytest.raises(pl.UsageError, match=message.replace("(", r"\(")):
        evaluate(text, numbers)


@pytest.mark.parametrize("text", ["log(0*x)", "1/(x-x)", "exp(1000*x)", "(x-2)**0.5", "log(-x)", "x**1000*x**1000"])
def test_what_has_no_value_is_said(text: str) -> None:
    with pytest.raises(pl.NumericError, match=r"has no .*value there"):
        evaluate(text, {"x": 1.5})


def test_what_has_a_value_but_no_slope_is_said() -> None:
    with pytest.raises(pl.NumericError, match="or no slope"):
        evaluate("x**0.5", {"x": 0})
    with pytest.raises(pl.NumericError, match=r"-2 is negative, and has no power 0.5 among the real numbers"):
        evaluate("(-x)**0.5", {"x": 2})


def test_an_expression_may_begin_with_a_minus_and_a_bend_is_said(pellucid: Any) -> None:
    assert "If x grows a little, L changes -4 times as much." in pellucid("scalar", "-x**2", "x=2").out
    bend = "A ReLU stands at 0"
    assert bend in pellucid("scalar", "relu(x)", "x=0").out
    assert bend not in pellucid("scalar", "relu(x)", "x=1").out


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (("x",), "A number is given as NAME=NUMBER"),
        (("=3",), "'=3' came"),
        (("x=1", "--svgg"), "'--svgg' came"),
        (("x=1", "x=2"), "x is given twice, 1 and 2"),
    ],
)
def test_numbers_are_given_by_name_each_once(pellucid: Any, numbers: tuple[str, ...], words: str) -> None:
    result = pellucid("scalar", "x", *numbers)
    assert result.code == 2
    assert words in result.err


# As people see it


def test_each_step_back_is_the_gradient_that_arrived_times_the_slope() -> None:
    result = evaluate("(y - x*w)**2", {"x": 2, "w": 3, "y": 5})
    result.backward()
    graph = Graph(result)
    assert list(graph.forwards()) == ["v1 = x · w = 2 · 3 = 6", "v2 = y − v1 = 5 − 6 = -1", "L = v2 ^ 2 = (-1) ^ 2 = 1"]
    assert list(graph.backwards()) == [
        "dL/dL = 1",
        "dL/dv2 = dL/dL · ∂L/∂v2 = 1 · (2 · v2 ^ 1) = 1 · (-2) = -2",
        "dL/dy = dL/dv2 · ∂v2/∂y = -2 · (1) = -2 · 1 = -2",
        "dL/dv1 = dL/dv2 · ∂v2/∂v1 = -2 · (−1) = -2 · (-1) = 2",
        "dL/dx = dL/dv1 · ∂v1/∂x = 2 · (w) = 2 · 3 = 6",
        "dL/dw = dL/dv1 · ∂v1/∂w = 2 · (x) = 2 · 2 = 4",
    ]


@given(expressions(), NUMBERS, NUMBERS, NUMBERS)
@settings(max_examples=50, deadline=None)
def test_the_picture_has_every_value_and_none_lies_on_another(text: str, x: float, y: float, z: float) -> None:
    numbers = {name: value for name, value in {"x": x, "y": y, "z": z}.items() if name in text.replace("exp", "")}
    result = evaluate(text, numbers)
    result.backward()
    graph = Graph(result)
    boxes = ElementTree.fromstring(graph.svg()).findall(".//{*}rect")[1:]
    places = {(box.get("x"), box.get("y")) for box in boxes}
    assert len(places) == len(boxes) == len(graph.values)


def test_names_that_are_given_are_not_taken_for_others(pellucid: Any) -> None:
    printed = pellucid("scalar", "v1*L + v1", "v1=2", "L=3").out
    for line in ("v2 = v1 · L = 2 · 3 = 6", "L′ = v2 + v1 = 6 + 2 = 8", "If L grows a little, L′ changes +2 times"):
        assert line in printed
    assert list(Graph(Value(2) * Value(3, "x")).forwards()) == ["L = 2 · x = 2 · 3 = 6"]
    micro, mu = "\u00b5", "\u03bc"  # which Python takes for the same letter
    assert pellucid("scalar", f"{micro}*2", f"{micro}=3", "--json").json["gradients"] == {mu: 2}


def test_a_node_is_as_wide_as_its_words() -> None:
    result = evaluate("learning_rate * gradient_of_the_weight", {"learning_rate": 0.1, "gradient_of_the_weight": 2})
    result.backward()
    boxes = ElementTree.fromstring(Graph(result).svg()).findall(".//{*}rect")[1:]
    assert all(float(box.get("width", 0)) > 7 * len("L = learning_rate · gradient_of_the_weight") for box in boxes)


def test_the_command_prints_forwards_backwards_and_the_graph(pellucid: Any, tmp_path: Path) -> None:
    words = ("scalar", "(y - (x*w + b))**2", "x=2", "w=3", "b=1", "y=5", "--svg", tmp_path / "graph.svg")
    printed = pellucid(*words).out
    assert "dL/dw = dL/dv1 · ∂v1/∂w = 4 · (x) = 4 · 2 = 8" in printed
    assert "If w grows a little, L changes +8 times as much." in printed
    ElementTree.parse(tmp_path / "graph.svg")
    found = pellucid(*words, "--json").json
    assert found["value"] == 4
    assert found["gradients"] == {"y": -4, "x": 12, "w": 8, "b": 4}
    assert pellucid("scalar", "x", "x=two").code == 2
    assert pellucid("scalar", "log(x)", "x=0").code == 5
    assert math.isclose(pellucid("scalar", "exp(x)", "x=1", "--json").json["value"], math.e)
