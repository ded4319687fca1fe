"""Areas under the ROC curve with simultaneous intervals, for many scores of the same samples at once.

The estimate and its influence values are those of DeLong et al. (1988, Biometrics 44:837). A score that was predicted
out of fold is compared only within its fold, as LeDell et al. (2015, doi 10.1214/15-EJS1035) do: folds differ in their
intercepts, and pooling them pulls the area below one half where nothing can be predicted.

Intervals are simultaneous by the bootstrap of the largest studentised deviation (max-T): whole subjects are drawn
again, all scores together, and the influence values, not the scores, are resampled. That is exact to first order and
turns the bootstrap into one product of matrices. The interval itself inverts a score test with the variance of Hanley
and McNeil at the tested value (Newcombe 2006, doi 10.1002/sim.2324, method 5), with that test's factor for ties and
widened where the data's own variance is larger: an area of 1 from a few samples gets no interval of length zero.

Scores that were predicted out of fold scatter more than such an interval knows, which takes the classifiers as given:
folds learn from each other, so what a sample has by chance carries from fold to fold. Twice the variance bounds it. Let
d_ij be how much sample i, in training, adds to the area by its effect on the rank of sample j. Where there is nothing
to learn, these are uncorrelated but for d_ij with d_ji, so the variance of their sum is that of pairs,
var(d_ij + d_ji) <= 2 (var d_ij + var d_ji): twice what it were if each fold were asked of a classifier of its own, and
as much if the classifier sees samples alike, as linear ones do. Permuted labels give 1.1 to 1.5 times the standard
error, root 2 being 1.41: ``tests/performance/audit_calibration.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
DRAWS = 4000
_CHUNK = 2_000_000  # weights a chunk of the bootstrap: bounds its memory
_STEPS = 50  # of bisection: 2**-50 is beyond what is printed
_LEARNED = 2.0  # variance of an area out of fold over that of a given classifier, at most; see above
_EXTREME = 0.05  # nearer to 0 or 1 the data's own variance is no longer compared with the formula's


@dataclass(frozen=True)
class Area:
    """One area and what its interval needs.

    Attributes
    ----------
    value
        The area, 0..1; one half is chance.
    influence
        (n,): contribution of each sample; the sum of their squares is the variance if samples are independent.
    positives, negatives
        How many samples were compared.
    ties
        0..1: factor of the variance for ties; 0 for a score that never changes.
    learned
        Whether the score was predicted out of fold: its interval is wider.
    """

    value: float
    influence: Floats
    positives: int
    negatives: int
    ties: float
    learned: bool = False


def area(score: Floats, label: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64] | None = None) -> Area:
    """Area under the ROC curve of a score, compared within folds.

    Parameters
    ----------
    score
        (n,): finite; higher means the class.
    label
        (n,): True in the class.
    folds
        (n,): of a score that was predicted out of fold; only pairs of one fold are compared. None: all pairs.

    Raises
    ------
    ValueError
        If no fold holds both classes.
    """
    fold = np.zeros(len(score), np.int64) if folds is None else folds
    influence, value, weights = np.zeros(len(score)), 0.0, 0.0
    for number in np.unique(fold):
        inside = np.flatnonzero(fold == number)
        chosen = label[inside]
        ones, zeros = inside[chosen], inside[~chosen]
        if not len(ones) or not len(zeros):
            continue
        ranks = stats.rankdata(score[inside])
        above = (ranks[chosen] - stats.rankdata(score[ones])) / len(zeros)
        below = 1 - (ranks[~chosen] - stats.rankdata(score[zeros])) / len(ones)
        weight = float(len(ones) * len(zeros))
        value += weight * float(above.mean())
        weights += weight
        influence[ones] = weight * (above - above.mean()) / np.sqrt(len(ones) * max(len(ones) - 1, 1))
        influence[zeros] = weight * (below - below.mean()) / np.sqrt(len(zeros) * max(len(zeros) - 1, 1))
    if weights == 0:
        raise ValueError("no fold holds both classes")
    _, counts = np.unique(score, return_counts=True)
    n = len(score)
    ties = 1 - float((counts.astype(float) ** 3 - counts).sum()) / max(float(n) ** 3 - n, 1.0)
    positives = int(label.sum())
    return Area(value / weights, influence / weights, positives, n - positives, max(ties, 0.0), folds is not None)


def critical_value(
    influence: Floats, clusters: npt.NDArray[np.int64], level: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> float:
    """Quantile of the largest studentised deviation over all areas, by a bootstrap of whole clusters.

    Parameters
    ----------
    influence
        (n, K): influence values of K areas.
    clusters
        (n,): number of the subject of each sample, from 0 without gaps.
    level
        Simultaneous coverage.
    seed
        Of the bootstrap.
    draws
        Bootstrap samples.

    Returns
    -------
    float
        Not below the pointwise normal quantile.
    """
    sums = _cluster_sums(influence, clusters)
    spread = np.sqrt((sums**2).sum(0))
    used = spread > 1e-9
    pointwise = float(stats.norm.ppf(0.5 + level / 2))
    if not used.any():
        return pointwise
    studentised = (sums[:, used] / spread[used]).astype(np.float32)
    count = len(studentised)
    rng = np.random.default_rng(seed)
    largest, done = np.empty(draws), 0
    while done < draws:
        size = min(draws - done, max(_CHUNK // count, 1))
        weights = rng.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float32) - 1
        largest[done : done + size] = np.abs(weights @ studentised).max(1)
        done += size
    return max(float(np.quantile(largest, level)), pointwise)


def interval(found: Area, clusters: npt.NDArray[np.int64], critical: float) -> tuple[float, float]:
    """Both ends of the interval of an area, for a critical value of :func:`critical_value`.

    Parameters
    ----------
    found
        The area.
    clusters
        (n,) or (n, ways): cluster of each sample, in each of several ways; the one of the largest variance counts.
    critical
        Standard errors on each side.
    """
    if found.ties == 0:
        return found.value, found.value
    scale = critical * _widened(found, clusters)

    def end(limit: float) -> float:
        outside, inside = limit, found.value
        for _ in range(_STEPS):
            middle = (outside + inside) / 2
            if abs(found.value - middle) <= scale * np.sqrt(_variance(middle, found)):
                inside = middle
            else:
                outside = middle
        return inside

    return end(0.0), end(1.0)


def standard_error(found: Area, clusters: npt.NDArray[np.int64]) -> float:
    """Standard error of an area where its true value is one half: what its scatter is by chance."""
    return float(_widened(found, clusters) * np.sqrt(_variance(0.5, found)))


def _widened(found: Area, clusters: npt.NDArray[np.int64]) -> float:
    """Factor on the formula's standard error: for ties, for the data's own variance, for scores out of fold."""
    ways = clusters[:, None] if clusters.ndim == 1 else clusters
    own = max(float((_cluster_sums(found.influence[:, None], way) ** 2).sum()) for way in ways.T)
    if _EXTREME < found.value < 1 - _EXTREME:
        expected = found.ties * _variance(found.value, found)
    else:
        expected = float((found.influence**2).sum())
    inflation = (max(own / expected, 1.0) if expected > 0 else 1.0) * (_LEARNED if found.learned else 1.0)
    return float(np.sqrt(inflation * found.ties))


def _variance(theta: float, found: Area) -> float:
    """Variance of an area (Hanley and McNeil 1982) at a true value, both group sizes replaced by their mean."""
    mean = (found.positives + found.negatives) / 2
    spread = 1 + (mean - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) * spread / (found.positives * found.negatives)


def _cluster_sums(influence: Floats, clusters: npt.NDArray[np.int64]) -> Floats:
    sums = np.zeros((int(clusters.max()) + 1, influence.shape[1]))
    np.add.at(sums, clusters, influence)
    return sums
