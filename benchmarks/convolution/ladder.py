"""The convolution in six versions, from the formula to the kernel that trains, each timed on one core.

Run: python benchmarks/convolution/ladder.py   (needs a C compiler, `cc` or what CC names)
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

import pellucid as pl
from pellucid.layers import Numbers

HERE = Path(__file__).parent
KERNELS = HERE.parent.parent / "pellucid" / "engine" / "kernels"
FLAGS = (
    "-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-D_GNU_SOURCE", "-std=c11",
    "-shared", "-fPIC",
)  # fmt: skip
WIDE = "-mprefer-vector-width=512"  # GCC and Clang else take half of AVX-512's vectors for version 2
BATCH, ABREAST, ROUNDS = 32, 16, 9
LAYERS = ((6, 14, 16, 5), (24, 12, 32, 3))  # channels, height and width, maps, side of the kernel


def library(folder: Path) -> Any:
    """The versions, compiled for this machine."""
    built = folder / "ladder.so"
    compiler = os.environ.get("CC", "cc")
    wide = [WIDE] if os.uname().machine == "x86_64" else []
    subprocess.run([compiler, *FLAGS, *wide, f"-I{KERNELS}", HERE / "ladder.c", "-o", built, "-lm"], check=True)
    versions = ctypes.CDLL(str(built))
    versions.version_name.restype, versions.most.restype = ctypes.c_char_p, ctypes.c_int64
    return versions


def fastest(work: Any) -> float:
    """Seconds of the fastest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def climb(versions: Any, channels: int, size: int, maps: int, side: int) -> list[tuple[str, float]]:
    """Each version with the seconds of a batch; all must compute what the reference computes."""
    layer = pl.Convolution(maps, side)
    layer.name, layer.source = "conv1", "the input has"
    layer.input_shape = (channels, size, size)
    layer.output_shape = layer.build(layer.input_shape)
    rng = np.random.default_rng(0)
    t = Numbers("conv1", np)
    t.W, t.b = (rng.normal(size=shape).astype(np.float32) for shape in ((maps, channels, side, side), (maps, 1)))
    t.x = rng.normal(size=(channels, size, size, BATCH)).astype(np.float32)
    found = [("NumPy: windows and a matrix product", fastest(lambda: layer.forward(t)))]
    places = size - side + 1
    sizes = np.array([BATCH, channels, size, size, maps, side, places, places], np.int64)
    number = 0
    while name := versions.version_name(number):
        x, z = (np.moveaxis(array, -1, 0) for array in (t.x, np.full_like(t.z, np.nan)))
        if versions.version_abreast(number):
            x, z = (np.moveaxis(a.reshape(-1, ABREAST, *a.shape[1:]), 1, -1) for a in (x, z))
        x, z = np.ascontiguousarray(x), np.ascontiguousarray(z)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (sizes, t.W, t.b, x, z)]
        found.append((name.decode(), fastest(lambda n=number, p=pointers: versions.run(n, ctypes.c_int64(1), *p))))
        if versions.version_abreast(number):
            z = np.moveaxis(z, -1, 1).reshape(BATCH, *z.shape[1:-1])
        np.testing.assert_allclose(np.moveaxis(z, 0, -1), t.z, rtol=1e-4, atol=1e-4, err_msg=name.decode())
        number += 1
    return found


def main() -> None:
    """Print a table for each layer."""
    with tempfile.TemporaryDirectory() as folder, threadpoolctl.threadpool_limits(1):
        versions = library(Path(folder))
        numbers = np.full(4 * ABREAST, 0.5, np.float32).ctypes.data_as(ctypes.c_void_p)
        rounds = ctypes.c_int64(10**6)
        most = versions.most(rounds, numbers) / fastest(lambda: versions.most(rounds, numbers))
        for channels, size, maps, side in LAYERS:
            places = size - side + 1
            work = 2 * BATCH * maps * places**2 * channels * side**2
            print(f"\n{BATCH} images, {channels}x{size}x{size} -> {maps}x{places}x{places}, kernel {side}x{side}\n")
            print("| version | times as fast as the formula | of the peak |\n|---|---|---|")
            found = climb(versions, channels, size, maps, side)
            slowest = dict(found)["the formula"]
            for name, seconds in found:
                print(f"| {name} | {slowest / seconds:.1f} | {work / seconds / most:.0%} |")


if __name__ == "__main__":
    main()
