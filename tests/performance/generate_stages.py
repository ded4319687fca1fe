"""Times the stages of one 2-D sample and of one 3-D sample, and prints a table: where the time of a sample goes.

Run it from the checkout: ``python tests/performance/generate_stages.py [--samples 64]``. The figures are medians of
one process with one thread; absolute times depend on the machine, shares hardly do. Rates, memory, and the comparison
with TorchIO are those of ``generate_rate.py``.
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
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.generate import sample_shape
from xaigt.synthesis.plan import sampling_grid

CPU = torch.device("cpu")


def stages(dim: int, samples: int) -> dict[str, list[float]]:
    """Milliseconds of each stage for each sample."""
    recipe = xaigt.load_recipe("hemorrhage", changes={"grid.dim": dim, "grid.thickness": 5.0 if dim == 2 else None})
    grid = sampling_grid(recipe)
    fields = load_fields("mni152-ct", grid.voxel)
    took: dict[str, list[float]] = defaultdict(list)

    def timed(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        took[name].append(1000 * (time.perf_counter() - start))
        return result

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), samples, sample_shape(grid), layout.ARRAYS)
        store.open({"format_version": layout.FORMAT_VERSION})
        rendering.render(draw_plan(recipe, 1, 0), grid, recipe, CPU)  # loads what is loaded once
        for block in store.blocks:
            members = store.members(block)
            stacks = {n: np.zeros((len(members), *sample_shape(grid)), dtype) for n, dtype in layout.ARRAYS.items()}
            for index, sample in enumerate(members):
                plan = timed("drawing: subject, lesions, distractors", draw_plan, recipe, 0, sample)
                here = grid if plan.slice_mm is None else grid.at(plan.slice_mm)
                found = timed("rendering: fields, lesions, noise, masks", rendering.render, plan, grid, recipe, CPU)
                anatomy = Anatomy.of(load_fields(plan.template), plan.subject, CPU)
                timed("of which displacement and fields", rendering._healthy, plan, here, anatomy, fields)
                timed("of which noise", correlated_noise, plan.acquisition, here)
                timed("checksums", lambda arrays=found.arrays: [checksum(array) for array in arrays.values()])
                for name, array in found.arrays.items():
                    stacks[name][index] = array
            start = time.perf_counter()
            store.write(block, stacks)
            took["writing"] += [1000 * (time.perf_counter() - start) / len(members)] * len(members)
    return took


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=64, help="2-D samples; a sixteenth of it in 3-D")
    samples = parser.parse_args().samples
    with fixed_threads():
        flat, deep = stages(2, samples), stages(3, max(samples // 16, 2))
    print(f"one process, one thread, torch {torch.__version__}; medians in ms a sample\n")
    print("| stage | 224 x 224, 5 mm slice | 128 x 128 x 128 |\n|---|---:|---:|")
    for name in flat:
        print(f"| {name} | {statistics.median(flat[name]):.1f} | {statistics.median(deep[name]):.1f} |")


if __name__ == "__main__":
    main()
