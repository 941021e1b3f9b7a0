"""Architectures of every kind, as `write` writes them: each choice is made by a function, drawn or generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Choose = Callable[[Sequence[Any]], Any]
NAMES = ("tanh", "elu", "gelu", "silu", "softplus", "sigmoid", "leaky_relu0.2", "softmax", "identity")


def architecture(choose: Choose, images: bool) -> str:
    """An architecture whose layers fit together, with three outputs; images are small and of any proportion."""
    shape = tuple(choose(range(1, 4 if length == 0 else 9)) for length in range(3 if images else 1))
    items = ["x".join(map(str, shape))]
    for _ in range(choose(range(5))):
        item, shape = _item(choose, shape)
        items.append(item)
    if len(shape) == 3 and choose((True, False)):
        items.append(f"GAP{_suffix(choose)}")
    return "-".join([*items, f"3{choose(('', '-D0.5', '-BN'))}"])


def _item(choose: Choose, shape: tuple[int, ...], inside: bool = False) -> tuple[str, tuple[int, ...]]:
    """An item that reads such a shape, and what shape it leaves."""
    kinds = ["weights", "weights", "norm", "draw"] + ["block"] * (not inside) + ["pooling"] * (len(shape) == 3)
    kind = choose(kinds)
    if kind == "weights":
        item, shape = _weights(choose, shape, same=inside)
        return item + _behind_weights(choose), shape
    if kind == "norm":
        item = choose(("BN", "LN"))
        return item + choose(("", f":{choose(NAMES)}")), shape  # ':relu' is not written where it is the usual one
    if kind == "draw":
        item = choose(("D0.2", "D0", "N0.1"))
    elif kind == "block":
        parts = []
        for _ in range(choose((1, 2, 3))):
            part, shape = _item(choose, shape, inside=True)
            parts.append(part)
        item = f"R({'-'.join(parts)})"
    else:
        side = 1 if inside else choose(range(1, min(shape[1:]) + 1))
        stride = choose((side, 1, 2, 3))
        item = choose(("MP", "AP")) + (f"{side}" if stride == side else f"{side}s{stride}")
        shape = (shape[0], *((length - side) // stride + 1 for length in shape[1:]))
    return item + _suffix(choose), shape


def _weights(choose: Choose, shape: tuple[int, ...], same: bool) -> tuple[str, tuple[int, ...]]:
    if len(shape) == 1:
        units = choose(range(2, 6))
        return f"{units}", (units,)
    maps, stride = choose(range(1, 4)), choose((1, 1, 2, 3))
    side = choose((1, 3)) if same else choose(range(1, min(shape[1:]) + 1))
    padding = side // 2 if same else choose(range(side))
    item = f"{maps}C{side}" + (f"s{stride}" if stride > 1 else "") + (f"p{padding}" if padding else "")
    return item, (maps, *((length + 2 * padding - side) // stride + 1 for length in shape[1:]))


def _behind_weights(choose: Choose) -> str:
    """The activation, with a normalization before or behind it, or none."""
    name = choose(NAMES)
    norm = choose(("BN", "LN"))
    forms = ("", f":{name}", ":linear-D0.1", f"-{norm}", f"-{norm}:{name}", f":linear-{norm}", f":relu-{norm}")
    return choose((*forms, f":{name}-{norm}:relu"))


def _suffix(choose: Choose) -> str:
    return choose(("", "", ":relu", f":{choose(NAMES)}"))
