"""The yes-or-no questions of a task: one for two classes, one a class for more, one a subtype."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaigt.audit.predictors import folds
from xaigt.dataset.reading import Dataset
from xaigt.errors import XaigtError

LEAST = 10
"""Samples that a class, and the rest, must have: two a fold."""


@dataclass(frozen=True)
class Target:
    """One class against the rest.

    Attributes
    ----------
    name
        The class; empty if there are two.
    label
        (n,): True in the class.
    folds
        (n,): fold of each sample; subjects are whole, classes spread evenly.
    """

    name: str
    label: npt.NDArray[np.bool_]
    folds: npt.NDArray[np.int64]


def clusters_of(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Number of the subject of each sample, from 0 without gaps."""
    _, numbers = np.unique(dataset.samples["subject"].astype(str), return_inverse=True)
    return np.asarray(numbers, np.int64)


def blocks_of(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Number of the block of each sample, from 0 without gaps: consecutive samples, which have each class once.

    If the first of two is in the class, the second is not: what goes by the place in the block, such as the parity of
    the file order, is as sure as there are blocks, not samples.
    """
    blocks = dataset.samples["sample"].to_numpy(np.int64) // max(len(dataset.classes), 1)
    _, numbers = np.unique(blocks, return_inverse=True)
    return np.asarray(numbers, np.int64)


def targets_of(dataset: Dataset, clusters: npt.NDArray[np.int64], seed: int) -> tuple[list[Target], list[str]]:
    """Every question that enough samples answer, and a sentence for each that is left out.

    Raises
    ------
    XaigtError
        If there is none.
    """
    samples = dataset.samples
    if dataset.description["task"] == "subtype":
        asked = {name: samples[f"has_{name}"].to_numpy() > 0 for name in dataset.classes}
    else:
        labels = samples["label"].to_numpy()
        names = dict(enumerate(dataset.classes)) if len(dataset.classes) > 2 else {1: ""}
        asked = {name: labels == number for number, name in names.items()}
    groups = _together(dataset, clusters)
    found, left_out = [], []
    for name, label in asked.items():
        ones, zeros = int(label.sum()), int((~label).sum())
        subjects = min(len(np.unique(clusters[label])), len(np.unique(clusters[~label])))
        if min(ones, zeros, subjects) < LEAST:
            class_ = f"class {name}" if name else f"class {dataset.classes[-1]}"
            left_out.append(f"{class_}: {ones} samples against {zeros} (of {subjects} subjects or more each)")
            continue
        found.append(Target(name, label, folds(label.astype(np.int64), groups, seed)))
    if not found:
        raise XaigtError(
            f"{dataset.path}: cannot be audited: {'; '.join(left_out)}. At least {LEAST} samples, of {LEAST} subjects, "
            "must have the class and as many must not. Generate more samples."
        )
    return found, left_out


def _together(dataset: Dataset, clusters: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of the group of samples that no fold may tear apart: of one subject, or of one block.

    A block of consecutive samples has each class once. Torn apart, what is left of a block tells the class of what was
    taken out, and whoever learns from the file order learns the opposite of the truth.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    block = blocks_of(dataset)
    shape = (int(clusters.max()) + 1, int(block.max()) + 1)
    links = coo_array((np.ones(len(block)), (clusters, block + shape[0])), shape=(sum(shape), sum(shape)))
    _, component = connected_components(links, directed=False)
    _, group = np.unique(component[clusters], return_inverse=True)
    return np.asarray(group, np.int64)
