"""An epoch on the data of a folder in so much memory: python capped.py FOLDER mapped|read MIB; prints the peak."""

import json
import re
import resource
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import pellucid as pl

MIB = 2**20


def own() -> float:
    """MiB that this process has for itself, without pages of files."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def watch() -> None:
    """Remember the most."""
    global peak
    while True:
        peak = max(peak, own())
        time.sleep(0.002)


peak = own()
threading.Thread(target=watch, daemon=True).start()
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]) * MIB,) * 2)
train, test = pl.data.load(sys.argv[1])
if sys.argv[2] == "read":
    train = replace(train, images=np.array(train.images))
network = pl.Network("784-32-10", seed=0)
pl.fit(network, train, epochs=1, batch_size=256, threads=2)
print(json.dumps({"peak": max(peak, own()), "images": len(train), "accuracy": network.evaluate(test).accuracy}))
