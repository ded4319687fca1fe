"""Counts how often a sample cannot be drawn, and how often its lesions are drawn again; and times drawing.

Run it from the checkout: ``python tests/performance/draws.py [--plans 2000] [--deep 100] [--only RECIPE ...]``. Every
recipe of the catalogue that plants lesions is drawn at four sizes of slices and as volumes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import xaigt
from xaigt import catalog
from xaigt.errors import XaigtError
from xaigt.execution import fixed_threads
from xaigt.synthesis import drawing
from xaigt.synthesis.recipe import Recipe

SIZES = (64, 96, 128, 224)


def count(recipe: Recipe, plans: int, seed: int) -> tuple[Counter[str], float]:
    """Messages of what failed, with `again` for attempts beyond the first; seconds a plan."""
    found: Counter[str] = Counter()
    drawn = drawing._drawn

    def noted(recipe: Recipe, seed: int, sample: int, attempt: int) -> drawing.Plan:
        found["again"] += attempt > 0
        return drawn(recipe, seed, sample, attempt)

    drawing._drawn = noted
    start = time.perf_counter()
    try:
        for sample in range(plans):
            try:
                drawing.draw_plan(recipe, seed, sample)
            except XaigtError as error:
                found[str(error)] += 1
    finally:
        drawing._drawn = drawn
    return found, (time.perf_counter() - start) / plans


def main() -> None:
    """Print a row for each recipe and grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=2000, help="of slices")
    parser.add_argument("--deep", type=int, default=100, help="plans of volumes")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=None)
    given = parser.parse_args()
    print("| recipe | grid | plans | failed | drawn again | ms a plan |\n|---|---|---:|---:|---:|---:|")
    with fixed_threads():
        for name in given.only or catalog.names("generators"):
            cases = [(f"{size} x {size}", {"grid.size": size}, given.plans) for size in given.sizes]
            cases.append(("128 x 128 x 128", {"grid.dim": 3, "grid.size": 128}, given.deep))
            for grid, changes, plans in cases:
                if plans == 0 or not isinstance(xaigt.load_recipe(name), Recipe):
                    continue
                found, seconds = count(xaigt.load_recipe(name, changes=changes), plans, given.seed)
                again = found.pop("again", 0)
                print(f"| {name} | {grid} | {plans} | {found.total()} | {again} | {1000 * seconds:.1f} |", flush=True)
                for message, number in found.most_common(3):
                    print(f"  {number}: {message}")


if __name__ == "__main__":
    main()
