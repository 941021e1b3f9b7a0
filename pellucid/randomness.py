"""Every random number comes from a seed, a purpose and a counter; there is no global random state.

A generator is made afresh for each use, so that drawing for one purpose never disturbs another, and a run that
goes on at epoch 7 shuffles as if it had never stopped. What layers draw for each element in each step comes from
Philox: an element's numbers depend on its place alone, not on how a batch was split or who computes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi, prod
from typing import Any, Literal

import numpy as np

from pellucid.philox import LOW, Words, philox

Purpose = Literal[
    "initialize", "shuffle", "split", "check", "dropout", "noise", "augment", "probe", "alter", "landscape"
]  # fmt: skip
PURPOSES: dict[Purpose, int] = {
    "initialize": 0, "shuffle": 1, "split": 2, "check": 3, "dropout": 4, "noise": 5, "augment": 6, "probe": 7,
    "alter": 8, "landscape": 9,
}  # fmt: skip


def generator(seed: int, purpose: Purpose, counter: int = 0) -> np.random.Generator:
    """The generator of a seed for one purpose, at one count of it (an epoch, for instance)."""
    return np.random.default_rng(_sequence(seed, purpose, counter))


def key(seed: int, purpose: Purpose, counter: int = 0) -> tuple[int, int]:
    """The key of a seed for Philox, for one purpose, at one count of it (the index of a layer, for instance)."""
    first, second = _sequence(seed, purpose, counter).generate_state(2, np.uint32).tolist()
    return first, second


def _sequence(seed: int, purpose: Purpose, counter: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(PURPOSES[purpose], counter))


@dataclass(frozen=True)
class Draws:
    """What a layer draws in one training pass; its arrays have the shape of its input, (..., B).

    The key of Philox is made of seed, purpose and layer, its counter of the rest: (element // 4, position of the
    example, step's low 32 bits, step's high 32 bits). The four words serve four elements in a row.

    Args:
        seed: of the training.
        step: of the optimizer, counted from 1 over the whole training.
        first: position of the first example in the global batch, of which this pass may be a part.
        layer: index of the layer in the network.
        xp: array library of what is drawn; where it is not NumPy, the step is an int64 array of its.
        still: whether dropout and noise stay away, in a pass that only measures batches.
    """

    seed: int
    step: Any
    first: int = 0
    layer: int = 0
    xp: Any = np
    still: bool = False

    def of(self, layer: int) -> Draws:
        """What another layer draws in the same pass."""
        return replace(self, layer=layer)

    def words(self, purpose: Purpose, shape: tuple[int, ...]) -> Words:
        """Whole numbers from 0 to 2³² − 1, all equally likely."""
        return self._elements(self._fours(purpose, shape), shape)

    def normal(self, purpose: Purpose, shape: tuple[int, ...]) -> Any:
        """Numbers of the standard normal distribution, two from each two words.

        √(−2 ln u₁) cos 2πu₂ and √(−2 ln u₁) sin 2πu₂ are independent and normal where u₁ and u₂ are uniform; u₁ is
        taken half a word above 0, where the logarithm exists.

        Source: Box, Muller, "A note on the generation of random normal deviates", 1958.
        """
        w0, w1, w2, w3 = self._fours(purpose, shape)
        return self._elements([*self._box_muller(w0, w1), *self._box_muller(w2, w3)], shape)

    def _fours(self, purpose: Purpose, shape: tuple[int, ...]) -> tuple[Words, ...]:
        """The four words of each four elements of each example, (fours, B) each."""
        *lengths, examples = shape
        fours = self.xp.arange(-(-prod(lengths) // 4))[:, None]
        positions = self.first + self.xp.arange(examples)
        return philox((fours, positions, self.step & LOW, self.step >> 32), key(self.seed, purpose, self.layer))

    def _box_muller(self, even: Words, odd: Words) -> tuple[Any, Any]:
        xp = self.xp
        even, odd = (xp.asarray(words, dtype=xp.float64) for words in (even, odd))
        u1, u2 = (even + 0.5) / 2.0**32, odd / 2.0**32
        radius = xp.sqrt(-2 * xp.log(u1))
        return radius * xp.cos(2 * pi * u2), radius * xp.sin(2 * pi * u2)

    def _elements(self, fours: Any, shape: tuple[int, ...]) -> Any:
        """The array of this shape whose elements 4i, 4i + 1, 4i + 2, 4i + 3 are row i of each of the four."""
        *lengths, examples = shape
        return self.xp.stack(fours, axis=1).reshape(-1, examples)[: prod(lengths)].reshape(shape)
