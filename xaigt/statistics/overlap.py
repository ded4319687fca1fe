"""Do the arms overlap in accuracy? Where they do not, a comparison at equal accuracy is an extrapolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xaigt.statistics.findings import Finding


def overlap_table(networks: pd.DataFrame, covariate: str, factors: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return the common share of the range of the covariate, for every pair of levels of every factor.

    Returns
    -------
    pandas.DataFrame
        ``factor, a, b``; ``low, high``: the common range (NaN where there is none); ``share``: its length
        over the length of the range of both, 0 to 1; ``gap``: difference of the means, a minus b.
    """
    rows = []
    for factor, known in factors.items():
        values = {level: networks.loc[networks[factor] == level, covariate].to_numpy(float) for level in known}
        for i, a in enumerate(known):
            for b in known[i + 1 :]:
                low, high, share = common_range([values[a], values[b]])
                rows.append((factor, a, b, low, high, share, values[a].mean() - values[b].mean()))
    return pd.DataFrame(rows, columns=["factor", "a", "b", "low", "high", "share", "gap"])


def common_range(groups: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Return the common range of several groups, and its share of the range of all (0: none)."""
    low = max(float(group.min()) for group in groups)
    high = min(float(group.max()) for group in groups)
    whole = max(float(group.max()) for group in groups) - min(float(group.min()) for group in groups)
    if high < low:
        return float("nan"), float("nan"), 0.0
    return low, high, (high - low) / whole if whole > 0 else 1.0


def overlap_findings(
    table: pd.DataFrame,
    networks: pd.DataFrame,
    covariate: str,
    factors: Sequence[str],
    at: float,
    least: float = 0.5,
) -> list[Finding]:
    """Say where arms hardly overlap, and which cells are carried beyond their range of accuracy."""
    found = []
    for row in table.itertuples():
        if row.share >= least:
            continue
        where = f"{row.low:.4g} to {row.high:.4g}" if row.share > 0 else "nowhere"
        found.append(
            Finding(
                "overlap",
                "warning",
                f"{row.factor} {row.a} and {row.b} share {row.share:.0%} of their range of {covariate} "
                f"(common range: {where}); their difference at equal {covariate} is an extrapolation along "
                f"the fitted slope.",
            )
        )
    outside = []
    for name, group in networks.groupby(list(factors), observed=True) if factors else []:
        low, high = group[covariate].min(), group[covariate].max()
        if not low <= at <= high:
            outside.append("/".join(map(str, name)))
    if outside:
        found.append(
            Finding(
                "extrapolation",
                "warning",
                f"the common {covariate} of {at:.4g} lies outside the range of {len(outside)} cells "
                f"({', '.join(outside)}); their adjusted means are extrapolated.",
            )
        )
    return found
