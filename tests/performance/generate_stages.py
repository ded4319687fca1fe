"""Times the stages of one 2-D sample and of one 3-D sample, side by side in one run, and prints a table.

Run it from the checkout: ``python tests/performance/generate_stages.py [--samples 60]``. The figures are shares of
one process with one thread; absolute times depend on the machine, shares hardly do. As a yardstick the time of
TorchIO's elastic deformation and bias field on a volume of the same size is measured in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

import xaigt
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.dataset import layout
from xaigt.dataset.store import Store, checksum
from xaigt.execution import fixed_threads
from xaigt.synthesis import render as rendering
from xaigt.synthesis.acquisition import correlated_noise
from xaigt.synthesis.generate import sample_shape
from xaigt.synthesis.plan import draw_plan

CPU = torch.device("cpu")


def stages(dim: int, samples: int) -> dict[str, list[float]]:
    """Milliseconds of each stage for each sample; `whole` is everything together, measured apart."""
    recipe = xaigt.load_recipe("hemorrhage", changes={"grid.dim": dim, "grid.thickness": 5.0 if dim == 2 else None})
    grid = recipe.grid.resolve(load_fields("mni152-ct").centre)
    fields = load_fields("mni152-ct", grid.voxel)
    took: dict[str, list[float]] = defaultdict(list)

    def timed(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        took[name].append(1000 * (time.perf_counter() - start))
        return result

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), samples, sample_shape(grid))
        store.open({"format_version": layout.FORMAT_VERSION})
        for block in store.blocks:
            members = store.members(block)
            stacks = {n: np.zeros((len(members), *sample_shape(grid)), dtype) for n, dtype in layout.ARRAYS.items()}
            for index, sample in enumerate(members):
                plan = timed("draw: subject, place, shape, level", draw_plan, recipe, 0, sample)
                here = grid if plan.slice_mm is None else grid.at(plan.slice_mm)
                anatomy = Anatomy.of(load_fields(plan.template), plan.subject, CPU)
                timed("read: displacement and fields", rendering._healthy, plan, here, anatomy, fields)
                timed("noise", correlated_noise, plan.acquisition, here)
                found = timed("whole rendering (fields, lesions, noise, masks)", rendering.render, plan, grid, 0.5, CPU)
                timed("checksums", lambda arrays=found.arrays: [checksum(array) for array in arrays.values()])
                for name, array in found.arrays.items():
                    stacks[name][index] = array
            start = time.perf_counter()
            store.write(block, stacks)
            took["write"] += [1000 * (time.perf_counter() - start) / len(members)] * len(members)
    return took


def yardstick(size: int, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of TorchIO's transforms on a volume of `size` cubed."""
    import torchio

    subject = torchio.Subject(image=torchio.ScalarImage(tensor=torch.rand(1, size, size, size)))
    took: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for name, transform in (
            ("TorchIO RandomElasticDeformation", torchio.RandomElasticDeformation()),
            ("TorchIO RandomBiasField", torchio.RandomBiasField()),
        ):
            start = time.perf_counter()
            transform(subject)
            took[name].append(1000 * (time.perf_counter() - start))
    return took


def main() -> None:
    """Print a table a dimension."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=64, help="2-D samples; a sixteenth of it in 3-D")
    samples = parser.parse_args().samples
    with fixed_threads():
        print(f"one process, one thread, torch {torch.__version__}; medians in ms a sample")
        for dim, count in ((2, samples), (3, max(samples // 16, 2))):
            print(f"\n{'224 x 224, 5 mm' if dim == 2 else '128 x 128 x 128'} ({count} samples)")
            for name, values in stages(dim, count).items():
                print(f"  {name:50} {statistics.median(values):9.2f}")
        print("\nyardstick on 128 x 128 x 128")
        for name, values in yardstick(128, 3).items():
            print(f"  {name:50} {statistics.median(values):9.2f}")


if __name__ == "__main__":
    main()
