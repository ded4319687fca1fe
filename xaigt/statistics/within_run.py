"""Two slopes of the score on accuracy: between networks, and within one training run (checkpoints)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xaigt.statistics import design
from xaigt.statistics.checks import covariate_values
from xaigt.statistics.cluster_robust import cluster_robust
from xaigt.statistics.contrasts import Estimand, contrast_table
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.table import read_scores, require


def preset_checkpoints(
    checkpoints: pd.DataFrame,
    targets: Sequence[float],
    *,
    tolerance: float,
    run: str = "network_id",
    checkpoint: str = "checkpoint_id",
    validation: str = "val_accuracy",
) -> pd.DataFrame:
    """Choose, for each run and preset accuracy, the checkpoint whose validation accuracy is nearest to it.

    Choose on validation; the covariate of :func:`slopes` is then measured on other samples.

    Parameters
    ----------
    checkpoints
        One row a checkpoint.
    targets
        Preset accuracies.
    tolerance
        Farther checkpoints than this do not count: the run has not reached that accuracy.
    run, checkpoint, validation
        Columns of the run, the checkpoint and its validation accuracy.

    Returns
    -------
    pandas.DataFrame
        One row a run and preset accuracy: ``run, target, checkpoint, validation``, the last two missing where
        the run has not reached it. A checkpoint may serve two targets that are close.

    Raises
    ------
    StatisticsError
        If a column is missing, the tolerance is not positive, or there are no targets.
    """
    require(checkpoints, [run, checkpoint, validation], "the table of checkpoints")
    if tolerance <= 0 or len(targets) == 0:
        raise StatisticsError(f"preset accuracies need targets and a positive tolerance, got {tolerance}")
    rows = []
    for name, own in checkpoints.groupby(run, sort=True, observed=True):
        value = own[validation].to_numpy(dtype=np.float64)
        for target in sorted(targets):
            place = int(np.nanargmin(np.abs(value - target)))
            near = abs(value[place] - target) <= tolerance * (1 + 1e-9)
            found = (own[checkpoint].iloc[place], value[place]) if near else (None, np.nan)
            rows.append((name, target, *found))
    return pd.DataFrame(rows, columns=[run, "target", checkpoint, validation])


def slopes(
    table: pd.DataFrame,
    *,
    run: str = "network_id",
    checkpoint: str = "checkpoint_id",
    score: str = "value",
    factors: Sequence[str] = ("arm", "depth", "method"),
    covariate: str = "dprime",
    sample: str | Sequence[str] = "sample",
    level: float = 0.95,
) -> pd.DataFrame:
    """Slope of the score on accuracy between training runs, and within them, apart.

    A run that is better than another differs from it in many ways; a run that has become better since its
    last checkpoint differs from itself in fewer. Where the two slopes disagree, the line between networks is
    no guide to what a change of accuracy would do. Within-between model (Mundlak 1978, Econometrica
    46:69-85): the mean of the covariate over the checkpoints of a run, and the deviation from it; least
    squares over checkpoints with errors clustered by run (CR2, Satterthwaite).

    Parameters
    ----------
    table
        A score table with the checkpoints of each run, such as those nearest to preset accuracies.
    run, checkpoint
        Columns of the training run and of the checkpoint (unique over runs).
    score, factors, covariate, sample
        As for :func:`xaigt.statistics.compare`; the covariate is constant in each checkpoint.
    level
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        For each repeated cell, and for their mean: ``slope`` (``between``, ``within``, ``between - within``),
        ``estimate, se, df, t, p, low, high``.

    Raises
    ------
    StatisticsError
        If a checkpoint belongs to two runs, or no run has two checkpoints of different accuracy.
    """
    try:
        scores = read_scores(table, score=score, factors=factors, unit=checkpoint, sample=sample, keep=[run, covariate])
    except StatisticsError as error:
        if "varies within one" in str(error):
            raise StatisticsError(f"{error}. {checkpoint!r} must name one checkpoint of one run") from error
        raise
    if not scores.present.all():
        raise StatisticsError("every checkpoint must be scored with the same methods")
    points = scores.networks.assign(**{covariate: covariate_values(scores.networks, covariate)})
    centre = points.groupby(run, observed=True)[covariate].transform("mean")
    inside = points[covariate] - centre
    if float(inside.abs().max()) <= 1e-12 * max(1.0, float(points[covariate].abs().max())):
        raise StatisticsError(f"no {run} has two checkpoints of different {covariate}: there is no slope within runs")
    frame = points.assign(between_=centre, within_=inside)
    known = design.factor_levels(frame, scores.between)
    side = f"{design.right_side(scores.between, None)} + between_ + within_"
    matrix = design.build(side, frame, known, None)
    names = list(matrix.info.column_names)
    fit = cluster_robust(matrix, scores.means, scores.present, pd.factorize(frame[run])[0])
    repeated = len(scores.repeated)
    cells = ["/".join(map(str, row)) or score for row in scores.repeated.itertuples(index=False)]
    columns = [("mean", np.full(repeated, 1 / repeated))] if repeated > 1 else []
    columns += list(zip(cells, np.eye(repeated), strict=True))
    labels, weights = [], []
    for cell, over in columns:
        between, within = np.zeros((2, len(names), repeated))
        between[names.index("between_")] = over
        within[names.index("within_")] = over
        for name, weight in (
            ("between", between),
            ("within", within),
            ("between - within", between - within),
        ):
            labels.append({"repeated": cell, "slope": name})
            weights.append(weight)
    result = contrast_table(fit, Estimand(pd.DataFrame(labels), np.array(weights)), level)
    return result.loc[:, :"high"]
