"""The order to run one cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xaigt.studies.grid import Cell


@dataclass(frozen=True)
class Job:
    """Everything that a worker needs to run a cell. Plain and picklable.

    Attributes
    ----------
    study
        Directory of the study, absolute.
    data, evaluation
        Datasets that the network is trained on and evaluated on.
    """

    study: Path
    cell: Cell
    data: Path
    evaluation: Path
    batch_size: int
    device: str
    weights: Path | None = None
    download: bool = False
