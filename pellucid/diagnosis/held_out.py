"""What the held-out examples show of the labels: learned by heart, or exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.diagnosis.symptoms import Symptom
from pellucid.layers import Array

EXAMPLES = 1000  # of each part that are looked at
GAP = 0.1  # between the accuracies of training and validation, from which on it is worth looking
KNOWN = 0.2  # above chance, of the training examples: so much has been learned of them, by heart if need be
SPREAD = 2.0  # standard deviations around chance that count as chance
FEWEST = 50  # held-out examples that say something
CONSISTENT = 0.8  # of a class's held-out examples are called the same other class
RIGHT = 0.8  # of the class's training examples are right; no class is so clear here and so wrong there by nature
FEWEST_OF_CLASS = 10


def of_labels(
    training: tuple[Array, Array], held_out: tuple[Array, Array], classes: Sequence[str]
) -> Iterator[Symptom]:
    """Compare what a network answers on examples of both parts.

    Args:
        training: true and predicted classes, (N,) each, of training examples.
        held_out: the same of examples that are held out.
        classes: names.
    """
    exchanged = {}
    for number in range(len(classes)):
        ours, theirs = (predicted[true == number] for true, predicted in (training, held_out))
        if min(len(ours), len(theirs)) < FEWEST_OF_CLASS or (ours == number).mean() < RIGHT:
            continue
        called = int(np.bincount(theirs).argmax())
        if called != number and (theirs == called).mean() >= CONSISTENT:
            exchanged[classes[number]] = classes[called]
    if exchanged:
        table = ", ".join(f"{ours} as {theirs}" for ours, theirs in list(exchanged.items())[:10])
        yield ("exchanged labels", "",
               "what training knows well, validation labels otherwise, and always in the same way: the images that "
               f"validation labels {', '.join(list(exchanged)[:10])} are recognized, in this order, {table}. Probably "
               "the classes of the two parts were numbered differently. Look at the same class in both (pellucid "
               "data).")  # fmt: skip
        return
    (true, _), right, right_held = held_out, _share(training), _share(held_out)
    if len(true) < FEWEST:
        return
    chance = np.bincount(true).max() / len(true)
    spread = (chance * (1 - chance) / len(true)) ** 0.5
    if right >= chance + KNOWN and right_held <= chance + SPREAD * spread:
        yield ("labels learned by heart", "",
               f"{right:.0%} of the training images are right and {right_held:.0%} of those held out, where answering "
               f"the same for all gives {chance:.0%}: nothing of what was learned holds for other images. Probably the "
               "labels do not belong to the images (shuffled one without the other?). Look at some images with their "
               "labels (pellucid data).")  # fmt: skip


def _share(part: tuple[Array, Array]) -> float:
    true, predicted = part
    return float((true == predicted).mean())
