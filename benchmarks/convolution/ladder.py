"""The convolution in eight versions, from the formula to the kernels that train, each timed on one core.

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
# channels, height and width, maps, side of the kernel
LAYERS = ((1, 28, 32, 5), (6, 14, 16, 5), (24, 12, 32, 3), (32, 26, 64, 3))
ROUNDING = 5e-5  # of the largest number: no version may be farther off


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


def climb(versions: Any, channels: int, size: int, maps: int, side: int) -> list[tuple[str, float, float]]:
    """Each version with the seconds of a batch, and its largest error as a part of the largest number.

    What is right says the reference in double precision.
    """
    layer = pl.Convolution(maps, side)
    layer.name, layer.source = "conv1", "the input has"
    layer.input_shape = (channels, size, size)
    layer.output_shape = layer.build(layer.input_shape)
    rng = np.random.default_rng(0)
    t, exact = Numbers("conv1", np), Numbers("conv1", np)
    t.W, t.b = (rng.normal(size=shape).astype(np.float32) for shape in ((maps, channels, side, side), (maps, 1)))
    t.x = rng.normal(size=(channels, size, size, BATCH)).astype(np.float32)
    exact.W, exact.b, exact.x = (array.astype(np.float64) for array in (t.W, t.b, t.x))
    layer.forward(exact)

    def error(z: Any) -> float:
        return float(np.abs(z - exact.z).max() / np.abs(exact.z).max())

    seconds = fastest(lambda: layer.forward(t))
    found = [("NumPy: windows and a matrix product", seconds, error(t.z))]
    places = size - side + 1
    sizes = np.array([BATCH, channels, size, size, maps, side, places, places], np.int64)
    number = 0
    while name := versions.version_name(number):
        x, z = (np.moveaxis(array, -1, 0) for array in (t.x, np.full_like(t.z, np.nan)))
        if versions.version_abreast(number):
            x, z = (np.moveaxis(a.reshape(-1, ABREAST, *a.shape[1:]), 1, -1) for a in (x, z))
        x, z = np.ascontiguousarray(x), np.ascontiguousarray(z)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (sizes, t.W, t.b, x, z)]
        seconds = fastest(lambda n=number, p=pointers: versions.run(n, ctypes.c_int64(1), *p))
        if versions.version_abreast(number):
            z = np.moveaxis(z, -1, 1).reshape(BATCH, *z.shape[1:-1])
        off = error(np.moveaxis(z, 0, -1))
        assert off < ROUNDING, (name, off)
        found.append((name.decode(), seconds, off))
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
            print(f"\n{BATCH} images, {channels}×{size}×{size} → {maps}×{places}×{places}, kernel {side}×{side}:\n")
            print("| version | times as fast as the formula | of the peak | error |\n|---|---|---|---|")
            found = climb(versions, channels, size, maps, side)
            slowest = next(seconds for name, seconds, _ in found if name == "the formula")
            for name, seconds, off in found:
                print(f"| {name} | {slowest / seconds:.1f} | {work / seconds / most:.0%} | {off:.1e} |")


if __name__ == "__main__":
    main()
