"""Are the intervals of an audit right? Clean datasets must not fail, planted leaks must.

    python tests/performance/audit_calibration.py                    all three tables, about half an hour on one core
    python tests/performance/audit_calibration.py --only spread      one of: spread, clean, leaks
    python tests/performance/audit_calibration.py --datasets 20      fewer datasets a row: quick, and rough

*Spread*: how much more an area out of fold scatters over permuted labels (within blocks, as they were drawn) than its
interval would know if the classifiers were given; the audit takes 1.41, the root of 2.
*Clean*: toy datasets whose class tells nothing (tables of 25 covariates, or with pixels): how often a line fails, and
how often any interval leaves out one half, which simultaneous intervals do in 5 % of datasets.
*Leaks*: the same with a leak: how often a line fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.audit.toy import Leak, toy
from xaigt.audit import Report, Role, Verdict, audit, predictors
from xaigt.audit.auc import area, standard_error
from xaigt.audit.features import Scale, describe, out_of_fold

Floats = np.ndarray[Any, np.dtype[np.float64]]
Learner = Callable[[Any, Any, Any], Any]


def labels(rng: np.random.Generator, samples: int) -> Any:
    """One of each class in every block of two."""
    return np.concatenate([rng.permutation(2) for _ in range(samples // 2)]).astype(bool)


def pictures(rng: np.random.Generator, samples: int) -> Any:
    """Descriptions of smooth random heads, as the pixel tests see them."""
    y, x = np.mgrid[:48, :48]
    head = (y - 24) ** 2 + (x - 24) ** 2 < 21**2
    smooth = ndimage.gaussian_filter(rng.normal(size=(samples, 48, 48)), (0, 3, 3))
    images = (head * (30 + 60 * smooth) + rng.normal(0, 4, smooth.shape)).astype(np.float32)
    return describe(images, Scale.of(images, np.broadcast_to(head, images.shape)))


SPREAD: dict[str, tuple[Learner, Callable[[np.random.Generator, int], Any]]] = {
    "tree, one number": (predictors.tree, lambda rng, n: rng.normal(size=(n, 1))),
    "tree, three values": (predictors.tree, lambda rng, n: rng.integers(0, 3, (n, 1)).astype(float)),
    "tree, six templates": (predictors.tree, lambda rng, n: np.eye(6)[rng.integers(0, 6, n)]),
    "logistic, 5 covariates": (predictors.logistic, lambda rng, n: rng.normal(size=(n, 5))),
    "logistic, 20 covariates": (predictors.logistic, lambda rng, n: rng.normal(size=(n, 20))),
    "boosted, 5 covariates": (predictors.boosted, lambda rng, n: rng.normal(size=(n, 5))),
    "boosted, 20 covariates": (predictors.boosted, lambda rng, n: rng.normal(size=(n, 20))),
    "pixels": (out_of_fold, pictures),
}


def spread(permutations: int) -> None:
    """Table of the standard error over permuted labels, over the one for given classifiers."""
    sizes = (60, 120, 400)
    print(f"\n| out of fold, {permutations} permutations | " + " | ".join(f"n = {n}" for n in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name, (learn, make) in SPREAD.items():
        cells = []
        for samples in sizes:
            rng = np.random.default_rng(samples)
            matrix = make(rng, samples)
            fold = predictors.folds(labels(rng, samples).astype(int), np.arange(samples) // 2, 0)
            ratios = []
            for _ in range(permutations):
                label = labels(rng, samples)
                found = area(learn(matrix, label, fold), label, fold)
                error = standard_error(found, np.arange(samples)) / np.sqrt(2)
                ratios.append((found.value - 0.5) / error if error > 0 else 0.0)
            cells.append(f"{np.sqrt(np.mean(np.square(ratios))):.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def reports(datasets: int, samples: int, pixels: bool, drawn: Leak | None) -> list[Report]:
    """Audits of toy datasets with one leak, or none."""
    found = []
    for seed in range(datasets):
        with tempfile.TemporaryDirectory() as work:
            data = toy(Path(work) / "d", samples, seed, drawn=drawn, write_arrays=pixels)
            found.append(audit(data, arrays=pixels, rerender=0, seed=seed))
    return found


def clean(datasets: int) -> None:
    """Table of false alarms."""
    print("\n| clean datasets | samples | datasets with a FAIL | with an interval that leaves out .5 | expected |")
    print("|---|---|---|---|---|")
    for pixels, samples in ((False, 40), (False, 120), (False, 240), (False, 480), (True, 60), (True, 120)):
        found = reports(datasets, samples, pixels, None)
        shortcuts = [[line for line in report.lines if line.role is Role.SHORTCUT] for report in found]
        failed = sum(any(line.verdict is Verdict.FAIL for line in lines) for lines in shortcuts)
        out = sum(any(line.low > 0.5 for line in lines) for lines in shortcuts)
        kind = "tables and pixels" if pixels else "tables"
        print(f"| {datasets}, {kind} | {samples} | {failed} | {out} | {0.05 * datasets:.1f} |", flush=True)


def _shifted(strength: float) -> Leak:
    def noisier(item: dict[str, Any], rng: np.random.Generator) -> None:
        item["noise"] += strength * item["label"]  # noise itself is uniform over 2

    return noisier


def _joint(strength: float) -> Leak:
    def together(item: dict[str, Any], rng: np.random.Generator) -> None:
        """Noise and slice agree in positives and disagree in negatives, in a share of the samples."""
        high = bool(rng.integers(2))
        agree = bool(item["label"]) if rng.random() < strength else bool(rng.integers(2))
        item["noise"] = (4.5 if high else 3.5) + float(rng.uniform(-0.4, 0.4))
        item["slice_mm"] = float(rng.uniform(0, 20)) + (30 if high == agree else 0)

    return together


def _weak_signs(strength: float) -> Leak:
    def weak(item: dict[str, Any], rng: np.random.Generator) -> None:
        """Noise, slice and volume, each a little larger in positives."""
        item["noise"] += strength * item["label"] * 2 / 12**0.5
        item["slice_mm"] += strength * item["label"] * 50 / 12**0.5
        item["volume"] += strength * item["label"] * 1000 / 12**0.5

    return weak


LEAKS: dict[str, tuple[Callable[[float], Leak], str, tuple[float, ...]]] = {
    "noise shifted by {} of its range": (lambda s: _shifted(2 * s), "noise", (0.2, 0.3, 0.4)),
    "noise and slice tell together, in {} of the samples": (_joint, "all together", (0.6, 0.8, 1.0)),
    "noise, slice and volume shifted by {} SD": (_weak_signs, "all together", (0.5, 0.75, 1.0)),
}


def leaks(datasets: int) -> None:
    """Table of leaks that are found."""
    sizes = (120, 240, 480)
    print(f"\n| of {datasets} datasets, the line that FAILs | " + " | ".join(f"n = {n}" for n in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name, (make, line, strengths) in LEAKS.items():
        for strength in strengths:
            cells = []
            for samples in sizes:
                found = reports(datasets, samples, False, make(strength))
                cells.append(str(sum(any(item.name == line for item in report.failed) for report in found)))
            print(f"| {name.format(strength)}: {line} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("spread", "clean", "leaks"))
    parser.add_argument("--datasets", type=int, default=200, help="a row; of leaks a tenth of it")
    options = parser.parse_args()
    if options.only in (None, "spread"):
        spread(options.datasets)
    if options.only in (None, "clean"):
        clean(options.datasets)
    if options.only in (None, "leaks"):
        leaks(max(options.datasets // 10, 1))


if __name__ == "__main__":
    main()
