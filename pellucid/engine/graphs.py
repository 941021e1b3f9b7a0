"""A step that is captured once as a CUDA graph and then replayed.

A step of a small network is some dozens of operations, each of which takes a GPU less time than Python needs to ask
for it. A graph holds all of them and is asked for at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Repeated:
    """A function that is called again and again, and reads and writes the same tensors each time.

    On a GPU the first call runs it as it is, so that libraries load what they need; the second captures it, after which
    a call is a replay: the same kernels on the same addresses. So whatever differs from call to call, say a learning
    rate, must be in a tensor, and nothing may be read back or copied from the host. On the CPU it always runs as it is.

    Args:
        function: without arguments and result.
        device: of its tensors.
    """

    def __init__(self, function: Callable[[], None], device: Any) -> None:
        self.function, self.device = function, device
        self.stream: Any = None  # on which it was warmed up, and is captured
        self.graph: Any = None

    def __call__(self) -> None:
        """One call of the function, or a replay."""
        if self.device.type == "cpu":
            self.function()
        elif self.graph is not None:
            self.graph.replay()
        elif self.stream is None:
            self._warm_up()
        else:
            self._capture()

    def _warm_up(self) -> None:
        self.stream = torch.cuda.Stream(self.device)
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            self.function()
        torch.cuda.current_stream(self.device).wait_stream(self.stream)

    def _capture(self) -> None:
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=self.stream):  # which runs nothing
            self.function()
        self.graph.replay()
