"""The assumptions and the results in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.statistics.crossed import Crossed
from xaigt.statistics.findings import StatisticsError

if TYPE_CHECKING:
    from xaigt.statistics.comparison import Comparison

TOTAL = (
    "Total effect: the difference between networks as they were trained, whatever their accuracy. It assumes "
    "that networks are independent given their cell, and that residuals of network means are about normal "
    "with one covariance in all cells. "
)
THESE_SAMPLES = (
    "It speaks about these samples: to say that one method beats another on new samples too, pass generalize='samples'."
)
NEW_SAMPLES = "It speaks about new samples too, if these are a random draw of them."
ADJUSTED = (
    "Effect at equal {covariate} (a controlled direct effect at {covariate} = {at:.4g}): the difference "
    "that would be left if every network were held at this accuracy. Beyond the assumptions of the total "
    "effect it assumes that (1) nothing unmeasured moves both {covariate} and {score} within a cell "
    "(accuracy lies between arm and score, and adjusting for it opens a path through such a cause: see "
    "sensitivity()), (2) nothing that the arm itself changes is such a cause, (3) the line is right: "
    "{shape}, and (4) {covariate} is measured without error{corrected}."
)
CORRECTED = (
    "Corrected effect: as the effect at equal {covariate}, with the error of its measurement taken out. It "
    "assumes that this error is independent of the score, which needs {covariate} from samples that are not "
    "scored, and that its standard errors are right."
)
NAIVE = (
    "Naive test: counts every image of a network as independent evidence. It is shown to say what it would "
    "have said; do not report it."
)


def assumptions(result: Comparison) -> tuple[str, ...]:
    """Return what must hold for each analysis of a comparison."""
    new = isinstance(result.fits["total"], Crossed)
    words = [TOTAL + (NEW_SAMPLES if new else THESE_SAMPLES)]
    if "adjusted" in result.fits and result.at is not None:
        design = result.fits["adjusted"].design
        spline = any("cr(" in name for name in design.info.column_names)
        apart = sum(str(result.covariate) in name for name in design.info.column_names) > 1 and not spline
        shape = "a natural spline" if spline else "straight lines, one a level" if apart else "one straight line"
        words.append(
            ADJUSTED.format(
                covariate=result.covariate,
                at=result.at,
                score=result.scores.score,
                shape=f"{shape}, with the same slope in every other respect",
                corrected=" (the corrected effect relaxes this)" if "corrected" in result.fits else "",
            )
        )
    if "corrected" in result.fits:
        words.append(CORRECTED.format(covariate=result.covariate))
    if "naive" in result.fits:
        words.append(NAIVE)
    return tuple(words)


def sentences(result: Comparison, factor: str | None = None, **options: Any) -> list[str]:
    """Return the result in words: what was compared, each contrast, findings, assumptions."""
    scores = result.scores
    factor = factor or next((name for name, known in result.factors.items() if len(known) > 1), None)
    first = (
        f"{len(scores.networks)} networks, {len(scores.repeated)} repeated cells and {len(scores.samples)} "
        f"samples; the network is the unit of evidence ({result.fits['total'].name})."
    )
    words = [first]
    if factor is not None:
        table = result.side_by_side(factor, **options)
        keys = list(table.columns[1 : table.columns.get_loc("estimate")])
        for key, rows in table.groupby(keys, sort=False, observed=True):
            words.append(_contrast(result, key, {row["analysis"]: row for _, row in rows.iterrows()}))
        words += _sensitivity(result, factor, keys, options)
    words += [f"{finding.level.capitalize()}: {finding.sentence}" for finding in result.findings]
    return words + [f"Assumptions. {text}" for text in result.assumptions]


def _sensitivity(result: Comparison, factor: str, keys: list[str], options: dict[str, Any]) -> list[str]:
    """Say how strong a common cause would have to be, for contrasts of cells that differ in accuracy."""
    try:
        table = result.sensitivity(factor, **options)
    except StatisticsError:
        return []
    spread = float(result.scores.networks[str(result.covariate)].astype(float).std())
    words = []
    for _, row in table.iterrows():
        if not np.isfinite(row["estimate"]) or abs(row["accuracy_gap"]) < 1e-9 * spread:
            continue
        text = (
            f"Sensitivity, {', '.join(str(row[name]) for name in keys)}: a common cause of "
            f"{result.covariate} (within cells) and of {result.scores.score} (given both) must explain "
            f"{row['r2_zero']:.0%} of the variance of each to bring the adjusted difference to zero"
        )
        if row["r2_interval"] > 0:
            text += f", and {row['r2_interval']:.0%} to bring zero into its interval"
        words.append(text + ".")
    return words


def _number(row: Any, level: float) -> str:
    if not np.isfinite(row["se"]):
        return (
            "cannot be estimated" if not np.isfinite(row["estimate"]) else f"{row['estimate']:.4g} (no spread to test)"
        )
    interval = f"{level:.0%} interval {row['low']:.4g} to {row['high']:.4g}"
    return f"{row['estimate']:.4g} ({interval}, p = {row['p']:.3g})"


def _contrast(result: Comparison, key: Any, rows: dict[str, Any]) -> str:
    label = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
    total = rows["total"]
    text = f"{label}: the total effect is {_number(total, result.level)}"
    best = "corrected" if "corrected" in rows else "adjusted" if "adjusted" in rows else None
    if best is not None:
        text += f"; at {result.covariate} = {result.at:.4g} it is {_number(rows['adjusted'], result.level)}"
        if best == "corrected":
            text += f", corrected for error of measurement {_number(rows['corrected'], result.level)}"
        last = rows[best]
        if np.isfinite(last["change"]):
            verdict = "changes" if last["verdict_changed"] else "does not change"
            moved = f"moves it by {last['change']:.4g}" if last["change"] else "does not move it"
            text += f"; the correction {moved} and {verdict} the verdict"
    if "naive" in rows and np.isfinite(rows["naive"]["se"]) and np.isfinite(total["se"]):
        ratio = total["se"] / rows["naive"]["se"]
        text += f"; the naive test would give p = {rows['naive']['p']:.2g}, its error {ratio:.1f} times too small"
    return text + "."
