"""Scores of how well covariates tell a class, predicted out of fold: by a small tree, a line, and boosted trees.

Folds are made of whole subjects and hold the classes in equal shares. Settings are fixed: nothing is tuned on what it
is then judged by.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.randomness import stream

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
FOLDS = 5
_DEPTH = 3
_LEAF_SHARE, _LEAF_LEAST = 0.03, 5
_BOOSTS = 60


def folds(label: npt.NDArray[Any], groups: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Fold (0..FOLDS-1) of every sample: groups are never torn apart, classes spread evenly.

    Parameters
    ----------
    label
        (n,): class, whole numbers.
    groups
        (n,): group of each sample (its subject), from 0 without gaps.
    seed
        Of the order in which groups are dealt out.
    """
    sizes = np.bincount(groups)
    share = np.bincount(groups, weights=np.asarray(label, float)) / sizes
    order = stream(seed, 0, "audit-folds").permutation(len(sizes))
    order = order[np.lexsort((-sizes[order], share[order]))]  # alike in class, then the large ones first
    loads = np.zeros(FOLDS)
    fold = np.zeros(len(sizes), np.int64)
    for kind in np.unique(share):
        for member in order[share[order] == kind]:
            fold[member] = int(loads.argmin())
            loads[fold[member]] += sizes[member]
    return np.asarray(fold[groups])


def tree(values: Floats, label: Labels, fold: npt.NDArray[np.int64]) -> Floats:
    """Out-of-fold score of a tree of depth 3 on a few columns: finds leaks that are not monotone."""
    from sklearn.tree import DecisionTreeClassifier

    leaf = max(_LEAF_LEAST, round(_LEAF_SHARE * len(label)))
    return _out_of_fold(
        lambda: DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=leaf, random_state=0), values, label, fold
    )


def logistic(values: Floats, label: Labels, fold: npt.NDArray[np.int64]) -> Floats:
    """Out-of-fold score of a penalised logistic regression on all columns; missing values get the median."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _out_of_fold(
        lambda: make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), LogisticRegression(C=0.1)
        ),
        values,
        label,
        fold,
    )


def boosted(values: Floats, label: Labels, fold: npt.NDArray[np.int64]) -> Floats:
    """Out-of-fold score of boosted trees on all columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    leaf = max(_LEAF_LEAST, round(_LEAF_SHARE * len(label)))
    return _out_of_fold(
        lambda: HistGradientBoostingClassifier(
            max_iter=_BOOSTS, max_leaf_nodes=6, min_samples_leaf=leaf, learning_rate=0.1, random_state=0,
            early_stopping=False,
        ),
        values,
        label,
        fold,
    )  # fmt: skip


def _out_of_fold(make: Callable[[], Any], values: Floats, label: Labels, fold: npt.NDArray[np.int64]) -> Floats:
    score = np.zeros(len(label))
    for number in np.unique(fold):
        test = fold == number
        train = ~test
        if label[train].all() or not label[train].any():
            continue  # nothing to learn: a constant score, which tells nothing
        columns = np.isfinite(values[train]).any(0)  # a column that no training sample has cannot be split
        if not columns.any():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence on constant columns
            model = make().fit(values[train][:, columns], label[train])
            score[test] = model.predict_proba(values[test][:, columns])[:, 1]
    return score
