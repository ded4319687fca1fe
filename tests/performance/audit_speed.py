"""Time of an audit, stage by stage, on a generated dataset.

    python tests/performance/audit_speed.py                       1,000 hemorrhages of 128 x 128
    python tests/performance/audit_speed.py FOLDER                a dataset that is there
    python tests/performance/audit_speed.py -n 300 --recipe lesion-shape --size 128

Generating is not counted. Two threads, as on a machine of two cores.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

import xaigt
from xaigt.audit import audit
from xaigt.audit.figure import audit_figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--recipe", default="hemorrhage")
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as work:
        folder = options.folder or Path(work) / "data"
        if options.folder is None:
            recipe = xaigt.load_recipe(options.recipe, changes={"grid.size": options.size})
            xaigt.generate(recipe, folder, samples=options.n, workers=2)
        stages: dict[str, float] = {}
        start = last = time.perf_counter()

        def told(stage: str, done: int, wanted: int) -> None:
            nonlocal last
            now = time.perf_counter()
            stages[stage] = stages.get(stage, 0.0) + now - last
            last = now

        report = audit(xaigt.load(folder), progress=told)
        rest = time.perf_counter() - last
        audit_figure(report, Path(work) / "audit.png")
        total = time.perf_counter() - start
    for stage, seconds in stages.items():
        print(f"{stage:40s} {seconds:6.1f} s")  # covariates are counted with the stage that follows them
    print(f"{'intervals, splits, figure':40s} {rest:6.1f} s")
    print(f"{'total':40s} {total:6.1f} s, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    print(report.summary)


if __name__ == "__main__":
    main()
