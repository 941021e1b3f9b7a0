"""What `pellucid data` found, in words and as the values of its JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from pellucid.data import Dataset
from pellucid.data.overview import Double, Overview
from pellucid.glass.labels import FEWEST, Verdict

LISTED = 10  # doubles, unlikely labels, names in a sentence
WIDEST = 40  # cells of a terminal for the name of a class
BAR = 24
UNEVEN = 2  # times as many images in the largest class as in the smallest
LITTLE = 0.8  # networks that agree with a smaller share of the labels know too little


@dataclass(frozen=True)
class Findings:
    """Both parts of a data set and what was found in them; no verdict where the labels were not judged."""

    train: Dataset
    test: Dataset
    training: Overview
    testing: Overview
    doubles: list[Double]
    verdict: Verdict | None

    @property
    def parts(self) -> list[tuple[str, Dataset, Overview]]:
        """Each part with its name."""
        return [("training", self.train, self.training), ("test", self.test, self.testing)]

    # As JSON

    def values(self) -> dict[str, Any]:
        """All findings, in values that JSON can say."""
        largest, smallest = self._extremes()
        return {
            "name": self.train.name,
            "source": self.train.source,
            "verified": self.train.verified and self.test.verified,
            "input_shape": list(self.train.input_shape),
            "classes": list(self.train.classes),
            "training": len(self.train),
            "test": len(self.test),
            "counts": {name: part.counts.tolist() for name, _, part in self.parts},
            "missing": {name: [self.train.classes[label] for label in part.missing] for name, _, part in self.parts},
            "imbalance": float(self.training.counts[largest] / self.training.counts[smallest]),
            "pixels": {name: _pixels(part) for name, _, part in self.parts},
            "mean_pixels": self.training.mean_pixels.tolist(),
            "doubles": self._doubles_values(),
            "unlikely_labels": self._verdict_values(),
        }

    def _doubles_values(self) -> dict[str, Any]:
        groups = [
            {
                "training": list(double.training),
                "test": list(double.test),
                "labels": [self.train.classes[label] for label in double.labels],
            }
            for double in self.doubles
        ]
        return {**self._doubles_counts(), "groups": groups}

    def _doubles_counts(self) -> dict[str, int]:
        return {
            "test_images_in_training": sum(len(double.test) for double in self.doubles if double.training),
            "repeated_in_training": sum(max(len(double.training) - 1, 0) for double in self.doubles),
            "repeated_in_test": sum(max(len(double.test) - 1, 0) for double in self.doubles),
            "contradicting": sum(len(double.labels) > 1 for double in self.doubles),
        }

    def _verdict_values(self) -> dict[str, Any] | None:
        if self.verdict is None:
            return None
        names = self.train.classes
        return {
            "judged": self.verdict.judged,
            "agreement": self.verdict.agreement,
            "left_out": [names[label] for label in self.verdict.few],
            "labels": [
                {
                    "index": doubt.index,
                    "label": names[doubt.label],
                    "suggested": names[doubt.suggested],
                    "probability": doubt.probability,
                    "probability_suggested": doubt.probability_suggested,
                }
                for doubt in self.verdict.doubts
            ],
        }

    # In words

    def lines(self) -> Iterator[str]:
        """All findings, a line each."""
        yield self.train.description.replace("images from", "training images from")
        yield self.test.description.replace("images from", "test images from")
        yield f"images of {' × '.join(map(str, self.train.input_shape))} (channels, height, width)"
        for name, _, part in self.parts:
            values = _pixels(part)
            yield (
                f"{name} pixels from {values['lowest']} to {values['highest']}, {values['mean']:.1f} on average, "
                f"{values['zeros']:.1%} of them 0"
            )
        yield ""
        yield from self._table()
        yield ""
        yield from self._balance()
        if alike := self.training.most_alike():
            one, other, distance = alike
            yield (
                f"The mean images most alike are those of {self._name(one)} and {self._name(other)}: their pixels "
                f"differ by {distance:.1f} (root mean square)."
            )
        yield ""
        yield from self._doubles()
        yield ""
        yield from self._unlikely()

    def _table(self) -> Iterator[str]:
        names = [self._name(label) for label in range(len(self.train.classes))]
        width = max(5, *map(cell_len, names))
        bars = sys.stdout.isatty()
        yield f"{'class':<{width}}{'training':>10}{'share':>8}{'test':>9}{'share':>8}{'mean pixel':>12}"
        for name, count, tests, mean in zip(
            names, self.training.counts, self.testing.counts, self.training.mean_pixels, strict=True
        ):
            shares = count / len(self.train), tests / len(self.test)
            bar = "  " + "█" * round(BAR * count / self.training.counts.max()) if bars else ""
            yield (
                f"{set_cell_size(name, width)}{count:>10,}{shares[0]:>8.1%}{tests:>9,}{shares[1]:>8.1%}"
                f"{f'{mean:.1f}' if count else '-':>12}{bar}"
            )

    def _balance(self) -> Iterator[str]:
        largest, smallest = self._extremes()
        most, fewest = self.training.counts[largest], self.training.counts[smallest]
        often = self._name(largest)
        extent = (
            f"from {fewest:,} training images ({self._name(smallest)}) to {most:,} ({often}), "
            f"{most / fewest:.1f} times as many"
        )
        if most == fewest:
            every = "Every class that is there" if self.training.missing else "Every class"
            yield f"{every} has {most:,} training images."
        elif most < UNEVEN * fewest:
            yield f"The classes are about even: {extent}."
        else:
            share = self.testing.counts[largest] / len(self.test)
            yield f"The classes are uneven: {extent}."
            yield f"Whoever always says {often} is right on {share:.1%} of the test images."
        for name, _, part in self.parts:
            if part.missing:
                yield f"There is no {name} image of {self._listed(part.missing)}."

    def _doubles(self) -> Iterator[str]:
        """Doubles that contradict each other come first."""
        if not self.doubles:
            yield f"doubles: none; no two of the {len(self.train) + len(self.test):,} images have equal pixels"
            return
        counts = self._doubles_counts()
        yield (
            f"doubles: {len(self.doubles):,} images are there more than once, {counts['contradicting']:,} of them with "
            "different labels"
        )
        yield (
            f"In the training set too: {counts['test_images_in_training']:,} of the {len(self.test):,} test images. "
            f"Repeated: {counts['repeated_in_training']:,} training images, {counts['repeated_in_test']:,} test images."
        )
        for double in sorted(self.doubles, key=lambda double: -len(double.labels))[:LISTED]:
            places = [
                f"{name} {_some([str(index) for index in indices])}"
                for name, indices in (("training", double.training), ("test", double.test))
                if indices
            ]
            word = "labels" if len(double.labels) > 1 else "label"
            yield f"  {' = '.join(places)}: {word} {self._listed(double.labels)}"
        yield from _rest(len(self.doubles))

    def _unlikely(self) -> Iterator[str]:
        verdict = self.verdict
        if verdict is None:
            yield "unlikely labels: not looked for (--no-check-labels)"
            return
        if not verdict.judged:
            yield f"unlikely labels: not looked for; two classes with at least {FEWEST} training images are needed"
            return
        found, enough = len(verdict.doubts), int(self.training.counts[self.training.counts >= FEWEST].sum())
        drawn = f", drawn at random from {enough:,}" if verdict.judged < enough else ""
        yield f"unlikely labels: {found:,} of {verdict.judged:,} judged ({found / verdict.judged:.2%}){drawn}"
        yield "Each half of the training images was judged by a small network that was trained on the other half."
        yield (
            f"The networks agree with {verdict.agreement:.1%} of the labels. They err too: the list says where to "
            "look, not what is wrong."
        )
        if verdict.agreement < LITTLE:
            yield "That is little: these networks know the classes badly, and the list is worth no more than they are."
        if verdict.few:
            yield f"Left out, with fewer than {FEWEST} training images: {self._listed(verdict.few)}."
        if found:
            yield from self._doubts(verdict)

    def _doubts(self, verdict: Verdict) -> Iterator[str]:
        shown = verdict.doubts[:LISTED]
        width = max(
            6, *(cell_len(self._name(label)) + 2 for doubt in shown for label in (doubt.label, doubt.suggested))
        )
        yield f"{'image':>8}  {'label':<{width}}{'probability':<13}{'seen':<{width}}probability"
        for doubt in shown:
            label, seen = (set_cell_size(self._name(label), width) for label in (doubt.label, doubt.suggested))
            yield f"{doubt.index:>8}  {label}{doubt.probability:<13.6f}{seen}{doubt.probability_suggested:.6f}"
        yield from _rest(len(verdict.doubts))

    def _extremes(self) -> tuple[int, int]:
        """The classes with the most and the fewest training images, of those that have some."""
        present = [label for label, count in enumerate(self.training.counts) if count]
        return max(present, key=self.training.counts.__getitem__), min(present, key=self.training.counts.__getitem__)

    def _name(self, label: int) -> str:
        """The name of a class as a line shows it."""
        name = "".join(letter if letter.isprintable() else "?" for letter in self.train.classes[label])
        return name if cell_len(name) <= WIDEST else set_cell_size(name, WIDEST - 1) + "…"

    def _listed(self, labels: Iterable[int]) -> str:
        return _some([self._name(label) for label in labels])


def _some(words: list[str]) -> str:
    """The first words, and how many more there are."""
    more = f" and {len(words) - LISTED:,} more" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more


def _rest(count: int) -> Iterator[str]:
    if count > LISTED:
        yield f"  ... and {count - LISTED:,} more; --json lists all"


def _pixels(part: Overview) -> dict[str, float]:
    return {"lowest": part.lowest, "highest": part.highest, "mean": part.mean, "zeros": part.zeros}
