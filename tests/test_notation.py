"""The notation: what is written is what is built, and a slip is pointed at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.layers.activation import ACTIVATIONS
from pellucid.notation import parse, write

names = st.sampled_from(["", ":linear", ":leaky_relu0.25", *(f":{name}" for name in ACTIVATIONS)])
sizes = st.integers(2, 40).map(str)
draws = st.sampled_from(["", "", "-D0.5", "-N0.1", "-D0.25-N2", "-D0", "-D0.00001-D0.5"])
denses = st.tuples(sizes, names, draws).map("".join)
lasts = st.tuples(sizes, draws).map("".join)


@given(st.tuples(st.integers(1, 99).map(str), draws).map("".join), st.lists(denses, max_size=4), lasts)
def test_notation_to_layers_to_notation_is_the_identity(first: str, hidden: list[str], last: str) -> None:
    text = "-".join([first, *hidden, last]).replace(":relu", "")
    assert write(*parse(text)) == text


@given(st.tuples(st.integers(1, 99).map(str), draws).map("".join), st.lists(denses, max_size=4), lasts)
def test_a_network_says_its_architecture(first: str, hidden: list[str], last: str) -> None:
    network = pl.Network("-".join([first, *hidden, last]), activation="tanh")
    again = pl.Network(network.architecture)
    assert list(map(repr, again.layers)) == list(map(repr, network.layers))


def test_dropout_and_noise_stand_behind_the_activation() -> None:
    network = pl.Network("784-D0.2-128-D.5-64:linear-N0.1-10-D0.5")
    names = "dropout1 dense1 relu1 dropout2 dense2 noise1 dense3 dropout3"
    assert [layer.name for layer in network.layers] == names.split()
    assert [layer.rate for layer in network.layers if layer.kind == "dropout"] == [0.2, 0.5, 0.5]
    assert network.architecture == "784-D0.2-128-D0.5-64:linear-N0.1-10-D0.5"


@given(st.floats(0, 1, exclude_max=True), st.floats(0, allow_infinity=False, allow_nan=False))
def test_any_rate_and_sigma_come_back(rate: float, sigma: float) -> None:
    layers = [pl.Dropout(rate), pl.Dense(3), pl.GaussianNoise(np.float64(sigma))]
    text = write((4,), layers)
    assert "e" not in text
    again = parse(text)[1]
    assert (again[0].rate, again[2].sigma) == (rate, sigma)


def test_layers_are_named_by_kind_and_number() -> None:
    network = pl.Network("784-128-64:tanh-10")
    assert [layer.name for layer in network.layers] == ["dense1", "relu1", "dense2", "tanh1", "dense3"]


def test_a_star_takes_its_meaning_from_the_data() -> None:
    network = pl.Network("*-16-*", input_shape=(1, 28, 28), classes=("cat", "dog", "cow"))
    assert network.architecture == "784-16-3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("784-128-D1-10", "at least 0 and below 1, not 1.0|  784-128-D1-10|           ^"),
        ("784-128-N-10", "N is followed by a number, such as N0.5|           ^"),
        ("784-128-D1e5-10", "D is followed by a number|            ^"),
        ("784-128-Dnan-10", "There is no layer 'Dnan'|          ^"),
        (f"784-N{'9' * 400}-10", "number at least 0, not inf|       ^"),
        ("784-D0.5", "At least one dense layer or convolution is expected|  784-D0.5|      ^"),
        ("D0.5-10", "a number of inputs is expected|  D0.5-10|  ^"),
        ("784-d0.5-10", "Did you mean 'D'?|      ^"),
        ("784-128:rleu-10", "Did you mean 'relu'?|  784-128:rleu-10|          ^"),
        ("784-x-10", "There is no layer 'x'|  784-x-10|      ^"),
        ("784--10", "a number of units is expected|  784--10|      ^"),
        ("784-0-10", "from 1 to 1,000,000|  784-0-10|      ^"),
        ("784-99999999999999999999999-10", "from 1 to 1,000,000|      ^"),
        ("784", "an input and at least one layer|  784|  ^"),
        ("", "an input and at least one layer"),
        ("784-10-", "a number of units is expected|         ^"),
        ("*-10", "'*' needs the data set|  *-10|  ^"),
        ("784-*", "'*' needs the data set|      ^"),
        ("784-10:relu0.5-10", "relu takes no number"),
        ("784-١٠-10", "a number of units is expected"),
        ("1x28x28-6PM2-10", "Did you mean 'MP'?|  1x28x28-6PM2-10|           ^"),
        ("1x28x28-mp2-10", "Did you mean 'MP'?|          ^"),
        ("1x28x28-6C-10", "A convolution is written 6C5, 6C5s2 or 6C5s2p1|            ^"),
        ("1x28x28-C5-10", "A convolution is written|           ^"),
        ("1x28x28-6C5q2-10", "A convolution is written|             ^"),
        ("1x28x28-6C5p2s2-10", "side of the kernel, stride, padding|               ^"),
        ("1x28x28-6C5p5-10", "padding of a window of side 5 is a whole number, from 0 to 4; 5 came|            ^"),
        ("1x28x28-6C0-10", "from 1 to 1,000,000|            ^"),
        ("1x28x28-6C5s0-10", "from 1 to 1,000,000|              ^"),
        ("1x28x28-MP-10", "Pooling is written MP2 or MP3s2|            ^"),
        ("1x28x28-2MP2-10", "Pooling is written|             ^"),
        ("1x28x28-6C5-MP2s0-10", "from 1 to 1,000,000|                  ^"),
        ("784-BN2-10", "BN stands alone|        ^"),
        ("784-R-10", "A residual block is written R(|       ^"),
        ("784-R(10", "another layer are expected here, or a ')'|          ^"),
        ("784-R()-10", "a number of units is expected|        ^"),
        ("784-10)-3", "A '-' and another layer are expected here.|        ^"),
        ("784-R(5-5)10", "A '-' and another layer are expected here.|            ^"),
        ("784-R(5:tahn)-10", "Did you mean 'tanh'?|          ^"),
        ("784-" + "R(" * 21 + "5" + ")" * 21 + "-10", "at most 20 deep"),
        ("1x28-10", "an image such as 1x28x28|  1x28-10|  ^"),
        ("1x28x0-10", "from 1 to 1,000,000|       ^"),
        ("1x28x28x1-10", "an image such as 1x28x28|  ^"),
    ],
)
def test_a_slip_is_answered_with_the_text_and_a_caret(text: str, message: str) -> None:
    with pytest.raises(pl.UsageError) as error:
        parse(text)
    for part in message.split("|"):
        assert part in str(error.value)


def test_layers_that_the_notation_cannot_say_are_refused() -> None:
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Tanh(), pl.Dense(3)], input_shape=(5,))
    with pytest.raises(pl.UsageError, match="tanh1 follows no layer but activations"):
        _ = network.architecture
    for layers, message in (
        ([pl.ReLU(), pl.Dense(3)], "relu1 follows no layer but activations"),
        ([pl.Residual([pl.Tanh(), pl.Dense(5)])], "residual1.tanh1 follows no layer"),
        ([pl.Dense(4), pl.Flatten(), pl.Dense(3)], "flatten1 has no place in the notation"),
        ([pl.Dropout(0.5)], "without a dense layer"),
    ):
        with pytest.raises(pl.UsageError, match=message):
            _ = pl.Network(layers, input_shape=(5,)).architecture
