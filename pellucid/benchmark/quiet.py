"""A machine that others use too: each turn begins when nothing of the one before runs on, and no core is missing."""

from __future__ import annotations

import gc
import time

from pellucid.engine.compiled import missing, peak

PAUSE = 0.2  # seconds; the threads of most libraries spin for a while when their work is done
ENOUGH = 0.85  # of the best peak that was seen
TRIES = 40


class Machine:
    """So many threads of this machine.

    On a shared machine two virtual cores may for seconds be one: then all that is bound by arithmetic takes twice as
    long, and the rest does not. The peak tells.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.measured = threads, not missing()
        self.peak = max(peak(threads) for _ in range(10)) if self.measured else None
        self.waits = 0

    def rest(self) -> None:
        """Wait until the machine gives what it can, for ten seconds at most."""
        gc.collect()
        time.sleep(PAUSE)
        for _ in range(TRIES):
            if self.peak is None:
                return
            now = peak(self.threads)
            self.peak = max(self.peak, now)
            if now >= ENOUGH * self.peak:
                return
            self.waits += 1
            time.sleep(PAUSE)
