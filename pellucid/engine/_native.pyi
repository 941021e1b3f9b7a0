from typing import Any

from numpy.typing import NDArray

KERNELS: tuple[str, ...]
INSTRUCTION_SETS: list[str]
LAYOUT: tuple[int, ...]

def copy(theta: NDArray[Any], from_theta: NDArray[Any], state: NDArray[Any], from_state: NDArray[Any], /) -> bool: ...

class Plan:
    def __init__(
        self,
        operations: NDArray[Any],
        rule: NDArray[Any],
        arena: NDArray[Any],
        *,
        batch_size: int,
        part: int,
        scratch_size: int,
        threads: int,
        instruction_set: str,
    ) -> None: ...
    def train(
        self,
        *,
        images: NDArray[Any],
        targets: NDArray[Any],
        area: int,
        channels: int,
        scale: float,
        offset: float,
        order: NDArray[Any],
        rates: NDArray[Any],
        step: int,
        losses: NDArray[Any],
        correct: NDArray[Any],
        distortions: tuple[Any, ...] | None = None,
        weights: NDArray[Any] | None = None,
    ) -> None: ...
    def predict(
        self,
        images: NDArray[Any],
        theta: NDArray[Any],
        state: NDArray[Any],
        area: int,
        channels: int,
        scale: float,
        offset: float,
        outputs: NDArray[Any],
        /,
    ) -> bool: ...
