"""Every random number comes from a seed, a purpose and a counter; there is no global random state.

A generator is made afresh for each use, so that drawing for one purpose never disturbs another, and a run that
goes on at epoch 7 shuffles as if it had never stopped.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

PURPOSES = {"initialize": 0, "shuffle": 1, "split": 2, "check": 3}
Purpose = Literal["initialize", "shuffle", "split", "check"]


def generator(seed: int, purpose: Purpose, counter: int = 0) -> np.random.Generator:
    """The generator of a seed for one purpose, at one count of it (an epoch, for instance)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES[purpose], counter)))
