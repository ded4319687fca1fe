"""Measures the rate at which datasets are made, the memory that takes, and the time to the first sample.

Run it from the checkout on an idle machine: ``python tests/performance/generate_rate.py``. Parts (``--only``):

slices   224 x 224, 5 mm slices of mni152-ct by the function behind ``xaigt generate``, writing included, with 2 workers
volumes  a whole 128 x 128 x 128 sample, and TorchIO's elastic deformation and bias field on one, in turns
memory   peak resident memory for 200 and for 2,000 samples, at 64 x 64 and at 224 x 224
start    from the command to the first finished block, with an empty cache

With ``--device cuda`` slices and volumes are also made on that device, by one process, and the ratio to one process on
the CPU is printed; without such a device that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import xaigt
from xaigt.dataset.store import checksum
from xaigt.execution import fixed_threads
from xaigt.synthesis import generate as generating
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.render import render

PARTS = ("slices", "volumes", "memory", "start")
RECIPE = "hemorrhage"
FLAT = {"grid.dim": 2, "grid.thickness": 5.0}
SMALL = {**FLAT, "grid.size": 64, "grid.spacing": 3.5}
DEEP = {"grid.dim": 3, "grid.thickness": None}


def make(samples: int, workers: int, small: bool, device: str) -> dict[str, float]:
    """Make a dataset; seconds of the whole call, samples a second between first and last block, peak memory in MB."""
    stamps: list[tuple[float, int]] = []
    recipe = xaigt.load_recipe(RECIPE, changes=SMALL if small else FLAT)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        generating.generate(
            recipe,
            Path(folder) / "data",
            samples=samples,
            workers=workers,
            device=device,
            progress=lambda done, _: stamps.append((time.perf_counter(), done)),
        )
        whole = time.perf_counter() - start
    made = [stamp for stamp in stamps if stamp[1] > 0]
    # Blocks are committed in order and workers are some blocks ahead: rate from the first quarter on.
    first, last = made[len(made) // 4], made[-1]
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    steady = (last[1] - first[1]) / (last[0] - first[0]) if len(made) > 2 else samples / whole
    return {"whole": whole, "steady": steady, "peak_mb": peak / (1e6 if sys.platform == "darwin" else 1e3)}


def apart(**arguments: object) -> dict[str, float]:
    """Call :func:`make` in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def slices(samples: int, device: str | None) -> None:
    """Print the rate of 2-D samples."""
    print(f"\n224 x 224, 5 mm slices, {samples} samples, writing included")
    found = apart(samples=samples, workers=2, small=False, device="cpu")
    print(
        f"  2 workers: {found['steady']:.0f} samples/s; with start, tables and picture {samples / found['whole']:.0f}"
    )
    if device is not None:
        rates = [apart(samples=samples, workers=1, small=False, device=name)["steady"] for name in ("cpu", device)]
        print(f"  1 process: cpu {rates[0]:.0f}, {device} {rates[1]:.0f} samples/s: ratio {rates[1] / rates[0]:.1f}")


def volume_ms(numbers: range, device: str) -> list[float]:
    """Milliseconds of whole 3-D samples (drawing, rendering, checksums, encoding and writing), one thread."""
    from xaigt.dataset.store import Store

    recipe, took = xaigt.load_recipe(RECIPE, changes=DEEP), []
    with tempfile.TemporaryDirectory() as folder:
        job = generating.prepare(recipe, Path(folder), samples=len(numbers), seed=0, splits=None, device=device)
        store = Store(Path(folder), max(numbers) + 1, generating.sample_shape(job.grid), job.arrays)
        store.open({"format_version": 0})
        store.block_size = 1
        render(draw_plan(recipe, 0, 0), job.grid, recipe, torch.device(device))  # loads what is loaded once
        for number in numbers:
            start = time.perf_counter()
            plan = draw_plan(recipe, 0, number)
            arrays = render(plan, job.grid, recipe, torch.device(device)).arrays
            plan.model_dump_json()
            for array in arrays.values():
                checksum(array)
            store.write(number, {name: array[None] for name, array in arrays.items()})
            took.append(1000 * (time.perf_counter() - start))
    return took


def volumes(samples: int, device: str | None) -> None:
    """Print the time of 3-D samples beside TorchIO's."""
    import torchio

    subject = torchio.Subject(image=torchio.ScalarImage(tensor=torch.rand(1, 128, 128, 128)))
    ours, elastic, bias = [], [], []
    with fixed_threads():
        for number in range(samples):  # in turns, so that a slow spell of the machine meets all three
            ours += volume_ms(range(number, number + 1), "cpu")
            for times, transform in (
                (elastic, torchio.RandomElasticDeformation()),
                (bias, torchio.RandomBiasField()),
            ):
                start = time.perf_counter()
                transform(subject)
                times.append(1000 * (time.perf_counter() - start))
        mine, theirs = statistics.median(ours), statistics.median(np.add(elastic, bias))
        print(f"\n128 x 128 x 128, {samples} samples, one thread, medians")
        print(f"  a whole sample {mine:.0f} ms, from {min(ours):.0f} to {max(ours):.0f}")
        print(f"  TorchIO {torchio.__version__}: RandomElasticDeformation {statistics.median(elastic):.0f} ms")
        print(f"  TorchIO {torchio.__version__}: RandomBiasField {statistics.median(bias):.0f} ms")
        print(f"  ratio {mine / theirs:.2f}")
        if device is not None:
            there = statistics.median(volume_ms(range(samples), device))
            print(f"  {device}: {there:.0f} ms; ratio of the rates {mine / there:.1f}")


def memory(samples: tuple[int, int]) -> None:
    """Print the peak memory for two numbers of samples."""
    print("\npeak resident memory of a process (1 worker)")
    for small in (True, False):
        few, many = (apart(samples=count, workers=1, small=small, device="cpu")["peak_mb"] for count in samples)
        size = "64 x 64" if small else "224 x 224"
        print(
            f"  {size}: {samples[0]} samples {few:.0f} MB, {samples[1]} samples {many:.0f} MB: ratio {many / few:.3f}"
        )


def start() -> None:
    """Print the time from the command to the first finished block with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        output, environment = Path(folder) / "data", os.environ | {"XAIGT_CACHE": str(Path(folder) / "cache")}
        command = [sys.executable, "-m", "xaigt", "generate", "--lesion", RECIPE, "-n", "64", "-o", str(output)]
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(output.glob("blocks/*.json")) and process.poll() is None:
            time.sleep(0.02)
        print(f"\ncold cache: first 32 samples on the disk after {time.perf_counter() - began:.1f} s")
        if process.wait() != 0:
            raise SystemExit(f"the command failed with status {process.returncode}: {' '.join(command)}")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3000, help="2-D samples; the hundredth part in 3-D, at most 12")
    parser.add_argument("--memory", type=int, nargs=2, default=(200, 2000), help="the two numbers of samples")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--device", help="a device to compare with the CPU, such as cuda")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(make(**json.loads(options.child))))
        return
    device: str | None = options.device
    if device is not None and not torch.cuda.is_available():
        print(f"no {device} device is here: only the CPU is measured")
        device = None
    name = f", {torch.cuda.get_device_name()}" if device is not None else ""
    print(f"xaigt {xaigt.__version__}, torch {torch.__version__}, {os.cpu_count()} CPUs{name}")
    if "slices" in options.only:
        slices(options.samples, device)
    if "volumes" in options.only:
        volumes(max(3, min(12, options.samples // 100)), device)
    if "memory" in options.only:
        memory((options.memory[0], options.memory[1]))
    if "start" in options.only:
        start()


if __name__ == "__main__":
    main()
