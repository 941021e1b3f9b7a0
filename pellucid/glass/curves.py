"""The curves of a training: as a picture, as one line of blocks, and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.glass.chart import Panel, draw

BLOCKS = "▁▂▃▄▅▆▇█"
Curves = dict[str, list[float]]


def picture(history: Curves, caption: str) -> bytes:
    """Loss and accuracy over the epochs, side by side, as the bytes of a PNG."""
    panels = []
    for title, key, number in (("loss", "loss", "{:g}".format), ("accuracy", "accuracy", "{:.4g}".format)):
        lines = {"training": history[key]}
        if history[f"validation_{key}"]:
            lines["validation"] = history[f"validation_{key}"]
        panels.append(Panel(title, lines, number=number))
    return draw(panels, caption)


def blocks(values: Sequence[float]) -> str:
    """Values as a row of blocks, the smallest low, the largest high."""
    low, high = min(values), max(values)
    levels = [(value - low) / (high - low) if high > low else 0.0 for value in values]
    return "".join(BLOCKS[round(level * (len(BLOCKS) - 1))] for level in levels)


def words(history: Curves) -> list[str]:
    """What the curves show, one sentence each."""
    loss, accuracy = history["loss"], history["accuracy"]
    epochs = len(loss)
    if epochs == 1:
        sentences = [f"After one epoch the training loss is {loss[0]:.4f} and the training accuracy {accuracy[0]:.2%}."]
    else:
        moved = "fell" if loss[-1] < loss[0] else "rose"
        sentences = [
            f"The training loss {moved} from {loss[0]:.4f} to {loss[-1]:.4f} over {epochs} epochs; "
            f"the training accuracy went from {accuracy[0]:.2%} to {accuracy[-1]:.2%}."
        ]
    if validation := history["validation_loss"]:
        held_out = history["validation_accuracy"]
        best = int(np.argmax(held_out))
        sentences.append(
            f"On held-out images the accuracy ended at {held_out[-1]:.2%}; "
            f"its best was {held_out[best]:.2%}, after epoch {best + 1}."
        )
        lowest = int(np.argmin(validation))
        if lowest < epochs - 1 and validation[-1] > 1.02 * validation[lowest] and loss[-1] < loss[lowest]:
            sentences.append(
                f"The validation loss was lowest after epoch {lowest + 1} ({validation[lowest]:.4f}) and has risen to "
                f"{validation[-1]:.4f} since, while the training loss went on falling: the network overfits."
            )
    return sentences
