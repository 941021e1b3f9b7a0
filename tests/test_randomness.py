"""The counter generator: known answers, and numbers that depend on nothing but their place."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pellucid.philox import LOW, philox
from pellucid.randomness import PURPOSES, Draws, generator, key

# Counter, key and answer: the first three as in the test vectors of Random123, the library of Philox's authors; the
# others as PyTorch's at::philox_engine computes them (ATen/core/PhiloxRNGEngine.h of version 2.13).
KNOWN = """
00000000 00000000 00000000 00000000  00000000 00000000  6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff  ffffffff ffffffff  408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344  a4093822 299f31d0  d16cfe09 94fdcceb 5001e420 24126ea1
4b5a6978 0f1e2d3c 76543210 fedcba98  9abcdef0 12345678  b248a1c2 5a43fe6e 1ccc173b 1f2a5ffc
00000003 00000000 00000002 00000000  00000001 00000000  de08bf52 663eff4f 8759c4e2 bdd5e548
ffffffff 00000000 00000007 00000000  cafebabe deadbeef  bc7697b9 edd5e151 79a68284 6f6d2ca2
"""
ROWS = [[int(word, 16) for word in line.split()] for line in KNOWN.strip().splitlines()]
DRAWS = Draws(seed=5, step=3, layer=2)


@pytest.mark.parametrize("row", ROWS)
def test_philox_gives_the_known_answers(row: list[int]) -> None:
    assert [int(word) for word in philox(tuple(row[:4]), tuple(row[4:6]))] == row[6:]


def test_many_counters_at_once_are_each_as_alone() -> None:
    counters = np.array([row[:4] for row in ROWS]).T
    together = np.array(philox(tuple(counters), (7, 8)))
    assert together.dtype == np.uint32
    for i, counter in enumerate(counters.T):
        assert [int(word) for word in philox(tuple(counter.tolist()), (7, 8))] == together[:, i].tolist()


def test_the_counter_is_four_elements_then_position_then_step() -> None:
    step = 2**33 + 9
    draws = Draws(seed=5, step=step, first=100, layer=2)
    words = draws.words("dropout", (3, 2, 4))
    for element, example in product(range(6), range(4)):
        four = philox((element // 4, 100 + example, step & LOW, step >> 32), key(5, "dropout", 2))
        assert words[element // 2, element % 2, example] == four[element % 4]


def test_the_key_is_that_of_numpys_seed_sequence() -> None:
    sequence = np.random.SeedSequence(5, spawn_key=(PURPOSES["noise"], 2))
    assert list(key(5, "noise", 2)) == sequence.generate_state(2, np.uint32).tolist()
    names = ["initialize", "shuffle", "split", "check", "dropout", "noise", "augment", "probe", "alter"]
    names += ["landscape"]
    assert list(PURPOSES) == names
    assert list(PURPOSES.values()) == list(range(len(PURPOSES)))


@pytest.mark.parametrize("shape", [(6, 5), (7, 5), (2, 3, 5), (1, 5), (5,)])
def test_a_batch_in_parts_draws_what_the_whole_draws(shape: tuple[int, ...]) -> None:
    for draw in (Draws.words, Draws.normal):
        whole = draw(DRAWS, "noise", shape)
        parts = [draw(replace(DRAWS, first=first), "noise", (*shape[:-1], count)) for first, count in ((0, 2), (2, 3))]
        assert whole.shape == shape
        assert np.array_equal(np.concatenate(parts, axis=-1), whole)


@pytest.mark.parametrize("change", [{"seed": 6}, {"step": 4}, {"step": 3 + 2**32}, {"layer": 3}, {"first": 7}])
def test_seed_step_layer_and_position_each_change_the_words(change: dict[str, int]) -> None:
    one, other = (draws.words("dropout", (8, 5)) for draws in (DRAWS, replace(DRAWS, **change)))
    assert not (one == other).any()
    assert not (one == DRAWS.words("noise", (8, 5))).any()


def test_words_are_uniform_and_neighbours_are_independent() -> None:
    u = DRAWS.words("dropout", (400, 500)) / 2.0**32
    assert abs(u.mean() - 1 / 2) < 0.003
    assert abs(u.var() - 1 / 12) < 0.001
    assert_unrelated(u)


def test_normal_numbers_have_the_moments_of_the_normal_distribution() -> None:
    n = DRAWS.normal("noise", (400, 500))
    assert n.dtype == np.float64
    moments = [(n**power).mean() for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.05)
    assert abs((np.abs(n) < 1).mean() - 0.6827) < 0.005
    assert_unrelated(n)
    assert_unrelated(n**2)  # the two numbers of a Box-Muller pair share a radius, and yet are independent


def test_box_mullers_formula_is_taken_word_by_word() -> None:
    w = DRAWS.words("noise", (4, 3)).astype(float)
    for even, function in product((0, 2), (np.cos, np.sin)):
        expected = np.sqrt(-2 * np.log((w[even] + 0.5) / 2**32)) * function(2 * np.pi * w[even + 1] / 2**32)
        found = DRAWS.normal("noise", (4, 3))[even + (function is np.sin)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_a_generator_is_new_at_each_use() -> None:
    assert generator(1, "shuffle", 2).random() == generator(1, "shuffle", 2).random()
    assert generator(1, "shuffle", 2).random() != generator(1, "split", 2).random()


def assert_unrelated(numbers: np.ndarray) -> None:
    """No correlation between neighbouring elements, within and across the fours, or between examples."""
    for one, other in (
        (numbers[0::2], numbers[1::2]),
        (numbers[1:-1:2], numbers[2::2]),
        (numbers[0::4], numbers[2::4]),
        (numbers[:, :-1], numbers[:, 1:]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01
