"""Philox4x32-10: a generator without a state, whose random words are a function of a counter and a key.

A round multiplies two of the four words of the counter, and mixes the high and low halves of the products with the
others and with the key; ten rounds make words that pass all tests of the battery BigCrush. Each word can be had
alone and in any order, so that threads, machines and a run that goes on all draw the same.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)  # of the key after each round: the golden ratio and √3 − 1, as 32-bit fractions
LOW = 0xFFFFFFFF
NUMPY = (int, np.generic, np.ndarray)

Words = Any  # NumPy's uint32, or another library's int64


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four random words for each counter.

    Args:
        counter: four words, numbers below 2³² or arrays of them; the shapes are broadcast. Either all are numbers and
            arrays of NumPy, or all int64 arrays of another library.
        key: two words.
    """
    c0, c1, c2, c3 = (np.asarray(word, np.uint32) if isinstance(word, NUMPY) else word for word in counter)
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _product(MULTIPLIERS[0], c0)
        high1, low1 = _product(MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + INCREMENTS[0]) & LOW, (k1 + INCREMENTS[1]) & LOW
    return c0, c1, c2, c3


def _product(multiplier: int, word: Words) -> tuple[Words, Words]:
    """The high and the low 32 bits of the 64 of a product."""
    if isinstance(word, np.generic | np.ndarray):
        product = word.astype(np.uint64) * np.uint64(multiplier)
        return (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)
    product = word * multiplier  # may turn negative in 64 bits with a sign, which are the right ones all the same
    return (product >> 32) & LOW, product & LOW
