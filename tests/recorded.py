"""A CUDA graph's counterpart for the CPU: a step's operations are written down once and then repeated without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Recorded:
    """Stands in for `Repeated`. The first call runs the function, the second records it, the others replay it.

    As in a graph, each operation works on the very tensors of the recording, and what Python computed meanwhile has
    become a constant. What a graph cannot capture is refused.
    """

    replays = 0  # of all, so that a test can see that there were some

    def __init__(self, function: Callable[[], None], device: Any) -> None:
        self.function, self.tape, self.calls = function, Tape(), 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 1:
            self.function()
        elif self.calls == 2:
            with OnlyTensors(), self.tape:
                self.function()
        else:
            Recorded.replays += 1
            self.tape.replay()


class Tape(TorchDispatchMode):
    """Writes down each operation with its arguments and results."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert operation is not torch.ops.aten._local_scalar_dense.default, "a number was read back from the device"
        result = operation(*args, **(kwargs or {}))
        self.operations.append((operation, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for operation, args, kwargs, result in self.operations:
            for new, old in zip(tree_leaves(operation(*args, **kwargs)), tree_leaves(result), strict=True):
                if new.untyped_storage().data_ptr() != old.untyped_storage().data_ptr():  # neither a view nor in place
                    old.copy_(new)


class OnlyTensors(TorchFunctionMode):
    """Refuses tensors that are made of Python's numbers: they would be copied from the host."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (torch.tensor, torch.asarray, torch.from_numpy):
            assert isinstance(args[0], torch.Tensor), f"{function.__name__} copies {args[0]!r} from the host"
        return function(*args, **(kwargs or {}))
