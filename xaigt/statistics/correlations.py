"""How closely the score follows accuracy: over all networks, within cells, and between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats


def correlation_row(x: np.ndarray, y: np.ndarray, lost: int = 0, level: float = 0.95) -> dict[str, object]:
    """Pearson correlation with a Fisher interval, and Spearman's; NaN with a note where it is not defined.

    Parameters
    ----------
    x, y
        float64, (n,).
    lost
        Group means that were taken out of x and y beforehand, beyond the one that a correlation always takes
        out.
    level
        Coverage of the interval.
    """
    n = len(x)
    row: dict[str, object] = {
        "n": n,
        "pearson": np.nan,
        "low": np.nan,
        "high": np.nan,
        "spearman": np.nan,
        "note": "",
    }
    if n - lost < 3:
        return row | {"note": f"{n} points are too few"}
    if np.ptp(x) <= 1e-12 * max(1.0, np.abs(x).max()) or np.ptp(y) <= 1e-12 * max(1.0, np.abs(y).max()):
        return row | {"note": "constant"}
    r = float(np.corrcoef(x, y)[0, 1])
    row |= {"pearson": r, "spearman": float(stats.spearmanr(x, y).statistic)}
    freedom = n - lost - 3
    if freedom < 1:
        return row | {"note": f"{n} points are too few for an interval"}
    reach = stats.norm.ppf((1 + level) / 2) / np.sqrt(freedom)
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    return row | {"low": float(np.tanh(z - reach)), "high": float(np.tanh(z + reach))}


def correlations(
    networks: pd.DataFrame,
    means: np.ndarray,
    names: Sequence[str],
    covariate: str,
    factors: Sequence[str],
    level: float,
) -> pd.DataFrame:
    """Correlations of network means (N, R) with the covariate, for every repeated cell.

    Returns
    -------
    pandas.DataFrame
        ``repeated``: the repeated cell; ``scope``: ``all`` networks, ``within <cell>`` for each cell between
        networks, ``within cells`` (deviations from cell means, pooled), ``between cells`` (cell means); and
        ``n, pearson, low, high, spearman, note``.
    """
    x = networks[covariate].to_numpy(dtype=np.float64)
    group = np.zeros(len(x), dtype=int)
    labels = ["all"]
    if factors:
        joined = networks[list(factors)].astype(str).agg("/".join, axis=1)
        group, found = pd.factorize(joined)
        labels = list(found)
    rows = []
    for r, name in enumerate(names):
        known = np.isfinite(means[:, r])
        xs, ys, gs = x[known], means[known, r], group[known]
        used = np.unique(gs)
        rows.append({"repeated": name, "scope": "all", **correlation_row(xs, ys, level=level)})
        if not factors:
            continue
        centre_x = np.array([xs[gs == g].mean() for g in used])
        centre_y = np.array([ys[gs == g].mean() for g in used])
        place = np.searchsorted(used, gs)
        for g in used:
            own = correlation_row(xs[gs == g], ys[gs == g], level=level)
            rows.append({"repeated": name, "scope": f"within {labels[g]}", **own})
        pooled = correlation_row(xs - centre_x[place], ys - centre_y[place], lost=len(used) - 1, level=level)
        rows.append({"repeated": name, "scope": "within cells", **pooled})
        rows.append({"repeated": name, "scope": "between cells", **correlation_row(centre_x, centre_y, level=level)})
    return pd.DataFrame(rows)
