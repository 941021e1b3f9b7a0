"""The search for a learning rate, as a picture and in words."""

from __future__ import annotations

from math import ceil, floor, log10

import numpy as np

from pellucid.finder import RateSearch
from pellucid.glass.chart import Panel, draw


def picture(search: RateSearch, caption: str) -> bytes:
    """The losses over the learning rate, which rises by equal factors to the right, as the bytes of a PNG."""
    ceiling = 1.2 * max(search.smoothed[: max(1, len(search.smoothed) // 2)].max(), search.smoothed[0])
    lines = {
        "smoothed": np.where(search.smoothed < ceiling, search.smoothed, np.nan).tolist(),
        "of each batch": np.where(search.losses < ceiling, search.losses, np.nan).tolist(),
    }
    low, growth = log10(search.rates[0]), log10(search.rates[-1] / search.rates[0]) / (len(search.rates) - 1)
    marks = {
        1 + (power - low) / growth: f"1e{power}"
        for power in range(ceil(low - 1e-9), floor(log10(search.rates[-1]) + 1e-9) + 1)
    }
    rule = (1 + (log10(search.recommended) - low) / growth, f"{search.recommended:g}")
    panel = Panel("loss", lines, "learning rate", marks=marks, rule=rule)
    return draw([panel], caption, width=720)


def words(search: RateSearch) -> list[str]:
    """What the picture shows, one sentence each."""
    first, last = search.rates[0], search.rates[-1]
    sentences = [
        f"In {len(search.rates):,} steps the learning rate rose from {first:.1e} to {last:.1e}; the smoothed loss went "
        f"from {search.smoothed[0]:.4f} down to {search.smoothed.min():.4f}, at {search.lowest:.1e}."
    ]
    if search.smoothed.min() > 0.95 * search.smoothed[0]:
        sentences.append("It hardly fell at all: the network learns nothing at any of these rates, so look for why.")
    if search.diverged:
        sentences.append(f"It had doubled by {last:.1e}, where the search ended: beyond that the weights run away.")
    elif search.lowest > 0.9 * last:
        sentences.append("It fell to the end: the best rate may be higher still; look there with --high.")
    return sentences
