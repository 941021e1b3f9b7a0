"""The systems that pellucid grew from, the ladder of accuracy, and other recipes with a published figure."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid import recipe as recipes
from pellucid.names import choose
from pellucid.systems import digit_recognizer, glass_from_black_box, ladder, scalar_notes, sixteen_sixteen, vanishing
from pellucid.systems.system import System
from pellucid.systems.trained import from_recipe


def groups() -> dict[str, list[System]]:
    """The systems of docs/five-systems.md, and the rungs of docs/results.md."""
    five = [
        from_recipe("p03"),
        glass_from_black_box.SYSTEM,
        vanishing.SYSTEM,
        scalar_notes.SYSTEM,
        digit_recognizer.SYSTEM,
        sixteen_sixteen.SYSTEM,
    ]
    return {"five-systems": five, "ladder": list(ladder.systems())}


def all_systems() -> dict[str, System]:
    """Every system by its name: group by group, then each other recipe whose source tells of a figure."""
    systems = {system.name: system for group in groups().values() for system in group}
    others = [name for name in recipes.names() if name not in systems and recipes.find(name).published]
    return systems | {name: from_recipe(name) for name in others}


def find(names: Sequence[str]) -> list[System]:
    """The systems of these names, each once; "five-systems" and "ladder" name all of theirs.

    Raises:
        UsageError: there is no such system.
    """
    named = groups() | {name: [system] for name, system in all_systems().items()}
    chosen = [system for name in names for system in choose("system to reproduce", name, named)]
    return list({system.name: system for system in chosen}.values())
