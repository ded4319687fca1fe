"""The assumptions and the results in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xaigt.statistics.crossed import Crossed
from xaigt.statistics.fits import Fit
from xaigt.statistics.table import Scores

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


def assumptions(fits: Mapping[str, Fit], covariate: str | None, at: float | None, score: str) -> tuple[str, ...]:
    """Return what must hold for each analysis of a comparison."""
    words = [TOTAL + (NEW_SAMPLES if isinstance(fits["total"], Crossed) else THESE_SAMPLES)]
    if "adjusted" in fits and at is not None:
        names = fits["adjusted"].design.info.column_names
        spline = any("cr(" in name for name in names)
        apart = sum(str(covariate) in name for name in names) > 1 and not spline
        shape = "a natural spline" if spline else "straight lines, one a level" if apart else "one straight line"
        words.append(
            ADJUSTED.format(
                covariate=covariate,
                at=at,
                score=score,
                shape=f"{shape}, with the same slope in every other respect",
                corrected=" (the corrected effect relaxes this)" if "corrected" in fits else "",
            )
        )
    if "corrected" in fits:
        words.append(CORRECTED.format(covariate=covariate))
    if "naive" in fits:
        words.append(NAIVE)
    return tuple(words)


def overview(scores: Scores, total: Fit) -> str:
    """Say what was compared."""
    return (
        f"{len(scores.networks)} networks, {len(scores.repeated)} repeated cells and {len(scores.samples)} "
        f"samples; the network is the unit of evidence ({total.name})."
    )


def contrasts(side_by_side: pd.DataFrame, covariate: str | None, at: float | None, level: float) -> list[str]:
    """Say what each analysis makes of each contrast; the table of :meth:`Comparison.side_by_side`."""
    keys = list(side_by_side.columns[1 : side_by_side.columns.get_loc("estimate")])
    words = []
    for key, rows in side_by_side.groupby(keys, sort=False, observed=True):
        label = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        analyses = {row["analysis"]: row for _, row in rows.iterrows()}
        words.append(f"{label}: {_contrast(analyses, covariate, at, level)}")
    return words


def sensitivity(table: pd.DataFrame, scores: Scores, covariate: str) -> list[str]:
    """Say how strong a common cause would have to be, for contrasts of cells that differ in accuracy."""
    spread = float(scores.networks[covariate].astype(float).std())
    keys = list(table.columns[: table.columns.get_loc("estimate")])
    words = []
    for _, row in table.iterrows():
        if not np.isfinite(row["estimate"]) or abs(row["accuracy_gap"]) < 1e-9 * spread:
            continue
        text = (
            f"Sensitivity, {', '.join(str(row[name]) for name in keys)}: a common cause of "
            f"{covariate} (within cells) and of {scores.score} (given both) must explain "
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


def _contrast(rows: dict[str, Any], covariate: str | None, at: float | None, level: float) -> str:
    total = rows["total"]
    text = f"the total effect is {_number(total, level)}"
    best = "corrected" if "corrected" in rows else "adjusted" if "adjusted" in rows else None
    if best is not None:
        text += f"; at {covariate} = {at:.4g} it is {_number(rows['adjusted'], level)}"
        if best == "corrected":
            text += f", corrected for error of measurement {_number(rows['corrected'], level)}"
        last = rows[best]
        if np.isfinite(last["change"]):
            verdict = "changes" if last["verdict_changed"] else "does not change"
            moved = f"moves it by {last['change']:.4g}" if last["change"] else "does not move it"
            text += f"; the correction {moved} and {verdict} the verdict"
    if "naive" in rows and np.isfinite(rows["naive"]["se"]) and np.isfinite(total["se"]):
        ratio = total["se"] / rows["naive"]["se"]
        text += f"; the naive test would give p = {rows['naive']['p']:.2g}, its error {ratio:.1f} times too small"
    return text + "."
