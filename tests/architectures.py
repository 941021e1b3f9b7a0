"""Architectures of every kind, as `write` writes them: each choice is made by a function, drawn or generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

Choose = Callable[[Sequence[Any]], Any]
NAMES = ("tanh", "elu", "gelu", "silu", "softplus", "sigmoid", "leaky_relu0.2", "softmax", "identity")
FEW = 3  # features, whose variance may be tiny by chance: dividing by it magnifies every error of rounding


def architecture(choose: Choose, images: bool) -> str:
    """An architecture whose layers fit together, with three outputs; images are small and of any proportion."""
    shape = (choose((1, 2, 3)), *(choose(range(1, 9)) for _ in "HW")) if images else (choose(range(3, 9)),)
    items = ["x".join(map(str, shape))]
    for _ in range(choose(range(5))):
        item, shape = _item(choose, shape)
        items.append(item)
    if len(shape) == 3 and choose((True, False)):
        items.append(f"GAP{_suffix(choose, shape)}")
    return "-".join([*items, f"3{choose(('', '-D0.5', '-BN'))}"])


def _item(choose: Choose, shape: tuple[int, ...], depth: int = 0) -> tuple[str, tuple[int, ...]]:
    """An item that reads such a shape, and what shape it leaves; `depth` blocks are around it."""
    kinds = ["weights", "weights", "norm", "draw"] + ["block"] * (depth < 2) + ["pooling"] * (len(shape) == 3)
    kind = choose(kinds)
    if kind == "weights":
        item, shape = _weights(choose, shape, same=depth > 0)
        return item + _behind_weights(choose, shape), shape
    if kind == "norm":
        item = choose(("BN", "LN") if prod(shape) > FEW else ("BN",))
        return item + choose(
            ("", f":{_name(choose, shape)}")
        ), shape  # ':relu' is not written where it is the usual one
    if kind == "draw":
        item = choose(("D0.2", "D0", "N0.1"))
    elif kind == "block":
        parts = []
        for _ in range(choose((1, 2, 3))):
            part, shape = _item(choose, shape, depth + 1)
            parts.append(part)
        item = f"R({'-'.join(parts)})"
    else:
        item, shape = _pooling(choose, shape, same=depth > 0)
    return item + _suffix(choose, shape), shape


def _pooling(choose: Choose, shape: tuple[int, ...], same: bool) -> tuple[str, tuple[int, ...]]:
    """In a block, only what a projection can follow: single pixels, or windows of two that leave nothing out."""
    even = all(length % 2 == 0 for length in shape[1:])
    side = choose((1, 2) if even else (1,)) if same else choose(range(1, min(shape[1:]) + 1))
    stride = 2 if same and side == 2 else choose((side, 1, 2, 3))
    item = choose(("MP", "AP")) + (f"{side}" if stride == side else f"{side}s{stride}")
    return item, (shape[0], *((length - side) // stride + 1 for length in shape[1:]))


def _weights(choose: Choose, shape: tuple[int, ...], same: bool) -> tuple[str, tuple[int, ...]]:
    """A dense layer or a convolution; `same` in a block, where its padding makes up for its kernel."""
    if len(shape) == 1:
        units = choose(range(2, 6))
        return f"{units}", (units,)
    maps, stride = choose(range(1, 4)), choose((1, 1, 2, 3))
    side = choose((1, 3)) if same else choose(range(1, min(shape[1:]) + 1))
    padding = side // 2 if same else choose(range(side))
    item = f"{maps}C{side}" + (f"s{stride}" if stride > 1 else "") + (f"p{padding}" if padding else "")
    return item, (maps, *((length + 2 * padding - side) // stride + 1 for length in shape[1:]))


def _behind_weights(choose: Choose, shape: tuple[int, ...]) -> str:
    """The activation, with a normalization before or behind it, or none."""
    name = _name(choose, shape)
    norm = choose(("BN", "LN") if prod(shape) > FEW else ("BN",))
    forms = ("", f":{name}", ":linear-D0.1", f"-{norm}", f"-{norm}:{name}", f":linear-{norm}", f":relu-{norm}")
    return choose((*forms, f":{name}-{norm}:relu"))


def _suffix(choose: Choose, shape: tuple[int, ...]) -> str:
    return choose(("", "", ":relu", f":{_name(choose, shape)}"))


def _name(choose: Choose, shape: tuple[int, ...]) -> str:
    """An activation; the softmax of one channel would always be 1."""
    return choose(NAMES if shape[0] > 1 else [name for name in NAMES if name != "softmax"])
