"""The notation: what is written is what is built, and a slip is pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.layers import ACTIVATIONS
from pellucid.notation import parse, write

names = st.sampled_from(["", ":linear", ":leaky_relu0.25", *(f":{name}" for name in ACTIVATIONS)])
sizes = st.integers(2, 40).map(str)


@given(st.integers(1, 99).map(str), st.lists(st.tuples(sizes, names).map("".join), max_size=4), sizes)
def test_notation_to_layers_to_notation_is_the_identity(first: str, hidden: list[str], last: str) -> None:
    text = "-".join([first, *hidden, last]).replace(":relu", "")
    assert write(*parse(text)) == text


@given(st.integers(1, 99).map(str), st.lists(st.tuples(sizes, names).map("".join), max_size=4), sizes)
def test_a_network_says_its_architecture(first: str, hidden: list[str], last: str) -> None:
    network = pl.Network("-".join([first, *hidden, last]), activation="tanh")
    again = pl.Network(network.architecture)
    assert list(map(repr, again.layers)) == list(map(repr, network.layers))


def test_layers_are_named_by_kind_and_number() -> None:
    network = pl.Network("784-128-64:tanh-10")
    assert [layer.name for layer in network.layers] == ["dense1", "relu1", "dense2", "tanh1", "dense3"]


def test_a_star_takes_its_meaning_from_the_data() -> None:
    network = pl.Network("*-16-*", input_shape=(1, 28, 28), classes=("cat", "dog", "cow"))
    assert network.architecture == "784-16-3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("784-128:rleu-10", "Did you mean 'relu'?|  784-128:rleu-10|          ^"),
        ("784-x-10", "a number of units is expected|  784-x-10|      ^"),
        ("784--10", "a number of units is expected|  784--10|      ^"),
        ("784-0-10", "1 to 1,000,000 units|  784-0-10|      ^"),
        ("784-99999999999999999999999-10", "1 to 1,000,000 units|      ^"),
        ("784", "an input and at least one layer|  784|  ^"),
        ("", "an input and at least one layer"),
        ("784-10-", "a number of units is expected|         ^"),
        ("*-10", "'*' needs the data set|  *-10|  ^"),
        ("784-*", "'*' needs the data set|      ^"),
        ("784-10:relu0.5-10", "relu takes no number"),
        ("784-١٠-10", "a number of units is expected"),
    ],
)
def test_a_slip_is_answered_with_the_text_and_a_caret(text: str, message: str) -> None:
    with pytest.raises(pl.UsageError) as error:
        parse(text)
    for part in message.split("|"):
        assert part in str(error.value)


def test_layers_that_the_notation_cannot_say_are_refused() -> None:
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Tanh(), pl.Dense(3)], input_shape=(5,))
    with pytest.raises(pl.UsageError, match="tanh1 does not follow a dense layer"):
        _ = network.architecture
