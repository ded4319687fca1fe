"""The audit of a dataset: covariates, pixels, truth, and leaks between splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from xaigt.audit import predictors, truth
from xaigt.audit.auc import area
from xaigt.audit.between import between_splits
from xaigt.audit.covariates import Covariate, by_nature, covariates, is_declared, plain_name
from xaigt.audit.lines import MARGIN, Family, Role, Tested
from xaigt.audit.measure import measure
from xaigt.audit.pixels import WORDS, Injected, classify
from xaigt.audit.problems import Check
from xaigt.audit.report import Report
from xaigt.audit.seen import check_seen
from xaigt.audit.targets import Target, blocks_of, clusters_of, targets_of
from xaigt.dataset.reading import Dataset
from xaigt.errors import XaigtError

LEVEL = 0.95
RERENDERED = 8
Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]


def audit(
    dataset: Dataset,
    *,
    arrays: bool = True,
    pixels: bool = True,
    rerender: int = RERENDERED,
    level: float = LEVEL,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Ask whether anything but the lesion tells the class, and whether the recorded truth is true.

    Parameters
    ----------
    dataset
        All of its splits.
    arrays
        False: read the tables only (no masks, no pixels, no truth).
    pixels
        False: leave out the classifiers on pixels.
    rerender
        Samples that are rendered again from their plans, to compare arrays that were not rounded; 0 for none.
    level
        Simultaneous coverage of the intervals.
    seed
        Of folds, bootstrap and shuffles.
    progress
        Called with the name of a stage, what is done, and what is wanted.

    Raises
    ------
    XaigtError
        If the dataset has too few samples of a class, or cannot be read.

    Examples
    --------
    >>> import xaigt
    >>> from xaigt.audit import audit
    >>> report = audit(xaigt.load("hemorrhage"))  # doctest: +SKIP
    >>> report.verdict  # doctest: +SKIP
    <Verdict.INCONCLUSIVE: 'INCONCLUSIVE'>
    """
    if not 0.5 <= level < 1:
        raise XaigtError(f"the level must be from 0.5 to below 1 (given: {level}).")
    clusters = clusters_of(dataset)
    targets, left_out = targets_of(dataset, clusters, seed)
    measured = measure(dataset, _stage(progress, "reading arrays")) if arrays else None
    found = covariates(dataset, measured)
    tested, limitations = _covariate_lines(dataset, found, targets)
    injected: list[Injected] = []
    if measured is not None and pixels:
        noise = _noise(found)
        seen, injected = classify(
            dataset, measured, targets, noise_sd=noise, seed=seed, progress=_stage(progress, "classifying pixels")
        )
        tested += seen
    family = Family(tested, clusters, blocks_of(dataset), level, seed)
    family.tested = [_with_sensitivity(item, injected, family) for item in family.tested]
    checks: list[Check] = [check_seen(dataset)]
    if measured is not None:
        truth.check_evidence(dataset, measured.problems)
        checks += truth.checks(measured.problems, len(dataset), len(dataset.lesions))
    if measured is not None and rerender > 0:
        from xaigt.audit.exact import check_exact

        checks.append(check_exact(dataset, rerender, _stage(progress, "rendering again")))
    checks += between_splits(dataset, measured)
    left_out = [f"not asked: {words}" for words in left_out]
    return Report.of(dataset, family, checks, [*limitations, *left_out], level, seed)


def _stage(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, wanted: progress(name, done, wanted)


def _covariate_lines(
    dataset: Dataset, found: Sequence[Covariate], targets: Sequence[Target]
) -> tuple[list[Tested], list[str]]:
    """Each covariate by rank and by a tree, and all that must not tell the class together."""
    recipe, task = dataset.description["recipe"], str(dataset.description["task"])
    declared = list(recipe.get("class_defining") or [])
    roles = {}
    for item in found:
        nature = by_nature(task, item)
        roles[item.name] = Role.DECLARED if is_declared(item, declared) else Role.NATURE if nature else Role.SHORTCUT
    changing = [item for item in found if not item.constant]
    limitations = [
        f"{item.name}: the same in every sample"
        for item in found
        if item.constant and roles[item.name] is Role.SHORTCUT
    ]
    for name in declared:
        if not any(is_declared(item, [name]) for item in found):
            limitations.append(f"class_defining names {name!r} ({plain_name(name)}), which the audit does not measure")
    tested: list[Tested] = []
    for target in targets:
        for item in changing:
            tested += _one(item, roles[item.name], target)
        together = [item for item in changing if roles[item.name] is Role.SHORTCUT and not item.by_rank]
        if len(together) > 1:
            matrix = np.concatenate([_columns(item) for item in together], 1)
            for test, predict in (("logistic", predictors.logistic), ("boosted", predictors.boosted)):
                score = predict(matrix, target.label, target.folds)
                found_area = area(score, target.label, target.folds)
                note = f"{len(together)} covariates"
                tested.append(Tested("all together", test, target.name, Role.SHORTCUT, found_area, note))
    return tested, limitations


def _one(item: Covariate, role: Role, target: Target) -> list[Tested]:
    lines = []
    known = np.isfinite(item.values)
    levels = len(np.unique(item.values[known]))
    if role is Role.NATURE and not known.all():
        pass  # where a class has none at all, ranks say nothing; the tree sees what is missing
    elif item.ordered or levels == 2:
        filled = np.where(known, item.values, np.median(item.values[known]))
        lines.append(Tested(item.name, "rank", target.name, role, area(filled, target.label)))
    if (role is Role.NATURE or item.by_rank) and lines:
        return lines
    if levels > 2 or not known.all() or not item.ordered:
        score = predictors.tree(_columns(item), target.label, target.folds)
        note = "" if known.all() else f"{int((~known).sum())} samples have none"
        lines.append(Tested(item.name, "tree", target.name, role, area(score, target.label, target.folds), note))
    return lines


def _columns(item: Covariate) -> Floats:
    """A covariate as columns of a matrix; one a level where levels have no order."""
    if item.ordered:
        return item.values[:, None]
    known = np.unique(item.values[np.isfinite(item.values)])
    return np.asarray(item.values[:, None] == known[None], float)


def _noise(found: Sequence[Covariate]) -> float:
    """Median SD of the noise; 1 unit of the image where none was recorded."""
    for item in found:
        if item.name == "noise":
            middle = float(np.nanmedian(item.values))
            return middle if middle > 0 else 1.0
    return 1.0


def _with_sensitivity(item: Tested, injected: Sequence[Injected], family: Family) -> Tested:
    """A pixel test with the smallest injected leak that it detects, of each kind."""
    if item.test != "pixels":
        return item
    test = {"healthy twins": "twin", "images, lesions filled": "filled", "lesion alone": "lesion"}[item.name]
    words, details, blind = [], [], False
    for leak in dict.fromkeys(one.leak for one in injected if one.test == test):
        series = sorted((one for one in injected if (one.test, one.leak) == (test, leak)), key=lambda one: one.strength)
        smallest = None
        for one in reversed(series):  # from the strongest down: the smallest from which on all are detected
            if family.ends(one.area)[1] <= 0.5 + MARGIN:
                break
            smallest = one.strength
        blind = blind or (smallest is None and item.role is Role.SHORTCUT)
        seen = WORDS[leak].format(series[-1].strength if smallest is None else smallest)
        words.append(f"does not see {seen}" if smallest is None else f"sees {seen}")
        details.append(
            {
                "leak": WORDS[leak].replace("{0:g}", "x").replace("{0:.0%}", "x"),
                "smallest_detected": smallest,
                "auc": {f"{one.strength:g}": round(family.ends(one.area)[0], 4) for one in series},
            }
        )
    note = "; ".join(filter(None, (item.note, *words)))
    return replace(item, note=note, blind=blind, details={"injected": details})
