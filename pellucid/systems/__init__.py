"""The systems that pellucid grew from, and those that a recipe with a published figure describes."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid import recipe as recipes
from pellucid.names import choose
from pellucid.systems import digit_recognizer, glass_from_black_box, scalar_notes, sixteen_sixteen, vanishing
from pellucid.systems.system import System
from pellucid.systems.trained import from_recipe


def all_systems() -> dict[str, System]:
    """Every system by its name: the five first, then each recipe whose source tells of a figure."""
    first = [
        from_recipe("p03"),
        glass_from_black_box.SYSTEM,
        vanishing.SYSTEM,
        scalar_notes.SYSTEM,
        digit_recognizer.SYSTEM,
        sixteen_sixteen.SYSTEM,
    ]
    systems = {system.name: system for system in first}
    others = [name for name in recipes.names() if name not in systems and recipes.find(name).published]
    return systems | {name: from_recipe(name) for name in others}


def find(names: Sequence[str]) -> list[System]:
    """The systems of these names, each once.

    Raises:
        UsageError: there is no such system.
    """
    systems = all_systems()
    return [choose("system to reproduce", name, systems) for name in dict.fromkeys(names)]
