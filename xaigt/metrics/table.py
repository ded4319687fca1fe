"""One call for a set of metrics: a score table, a row a sample and metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import Array, MapBatch
from xaigt.metrics.blocks import blocks
from xaigt.metrics.catalog import METRICS, get
from xaigt.metrics.declaration import MapMetric
from xaigt.metrics.grids import through_grid
from xaigt.metrics.thresholds import TunedThreshold

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "network_id", "arm", "depth", "network", "seed", "sample", "split", "target",
    "method", "stage", "metric", "value", "correct", "confidence",
)  # fmt: skip
# Behind the columns that every table of scores has: what this room knows beside.
EXTRA = ("sign", "note")
GROUPS = ("ranking", "mass", "overlap")
DEFAULT = (
    "precision_at_k", "average_precision", "roc_auc", "pointing_game", "mass_accuracy", "relative_mass",
    "energy_ratio", "lesion_mass", "dice", "iou", "precision", "recall",
)  # fmt: skip


def select(metrics: Iterable[str | MapMetric]) -> list[MapMetric]:
    """Find metrics of a map by name, by group (``ranking``, ``mass``, ``overlap``) or as they are."""
    found = []
    for wanted in metrics:
        members = [n for n in DEFAULT if METRICS[n] == wanted] if wanted in GROUPS else [wanted]
        for metric in map(get, members):
            if not isinstance(metric, MapMetric):
                raise XaigtError(
                    f"{metric.name} is not a metric of a map: call xaigt.metrics.{metric.name} itself."
                )
            found.append(metric)
    if not found:
        raise XaigtError("metrics is empty: name at least one.")
    return found


def score(
    maps: Array,
    masks: Array,
    metrics: Iterable[str | MapMetric] = DEFAULT,
    *,
    support: Array | None = None,
    ignore: Array | None = None,
    spacing: Sequence[float] | None = None,
    sign: str = "relu",
    regions: Mapping[str, Array] | None = None,
    columns: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Score maps with a set of metrics that share the sort, the components and the counts.

    Parameters
    ----------
    maps, masks, support, ignore, spacing, sign, regions
        As for every metric of a map (:class:`xaigt.metrics.MapMetric`).
    metrics
        Names, with parameters where wanted (``dice(threshold=otsu)``), groups (``ranking``), or metrics.
    columns
        What the caller knows: columns of the score table by name, one value or one a sample.

    Returns
    -------
    pandas.DataFrame
        A row a metric and sample, metrics outermost: the columns of :data:`COLUMNS` (missing ones empty;
        ``sample`` counts from 0 unless given), then ``sign`` and ``note``, which says what is degenerate
        about the sample, if anything.

    Raises
    ------
    XaigtError
        For shapes that do not match, unknown names, and a tuned threshold on its own split or samples.

    Examples
    --------
    >>> import torch
    >>> masks = torch.zeros(1, 4, 4, dtype=torch.bool)
    >>> masks[:, :2, :2] = True
    >>> score(masks.float(), masks, ["roc_auc", "dice(threshold=otsu)"])["value"].tolist()
    [1.0, 1.0]
    """
    chosen = select(metrics)
    known = _columns(columns or {}, len(maps))
    for metric in chosen:
        for value in metric.parameters.values():
            if isinstance(value, TunedThreshold):
                value.check(
                    set(known["split"]), set(known["sample"]) if "sample" in (columns or {}) else set()
                )
    scores: list[list[float]] = [[] for _ in chosen]
    notes: list[str] = []
    for batch in blocks(
        maps, masks, support=support, ignore=ignore, spacing=spacing, sign=sign, regions=regions
    ):
        if any(metric.sorts for metric in chosen):
            _ = batch.ordered  # sort first, so that nothing is selected twice
        for metric, found in zip(chosen, scores, strict=True):
            found += metric.of(batch).tolist()
        notes += batch.notes()
    return _table([metric.title for metric in chosen], scores, notes, sign, known)


def reference_scores(
    masks: Array,
    metrics: Iterable[str | MapMetric] = DEFAULT,
    *,
    grids: Mapping[str, Sequence[int]] | None = None,
    columns: Mapping[str, Any] | None = None,
    **batch: Any,
) -> pd.DataFrame:
    """Score table of the references that every score is read against.

    Parameters
    ----------
    masks, **batch
        As for :func:`score`.
    metrics
        As for :func:`score`. Only those whose chance level needs no map get rows of ``chance``.
    grids
        Grid of each stage's maps: ``{"layer4": (7, 7)}``.
    columns
        As for :func:`score`, without method and stage.

    Returns
    -------
    pandas.DataFrame
        As :func:`score`, with method ``chance`` (uniformly random maps) and, for each stage, method
        ``attainable`` (the truth seen through the stage's grid).
    """
    import pandas as pd

    chosen = select(metrics)
    truth = through_grid(masks, np.shape(masks)[1:])
    prepared = MapBatch(truth, masks, **batch)
    known = {**(columns or {}), "method": "chance"}
    free = [m for m in chosen if not isinstance(m.chance, str) and "threshold" not in m.defaults]
    chances = [m.chance_of(prepared).tolist() for m in free]
    titles, filled = [m.title for m in free], _columns(known, prepared.size)
    tables = [_table(titles, chances, prepared.notes(), prepared.sign, filled)]
    for stage, grid in (grids or {}).items():
        named = {**(columns or {}), "method": "attainable", "stage": stage}
        tables.append(score(through_grid(masks, grid), masks, chosen, columns=named, **batch))
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]


def _columns(columns: Mapping[str, Any], size: int) -> dict[str, list[Any]]:
    own = ("metric", "value", *EXTRA)
    free = [name for name in COLUMNS if name not in own]
    filled: dict[str, list[Any]] = {name: [None] * size for name in free}
    filled["sample"] = list(range(size))
    for name, value in columns.items():
        if name in own:
            raise XaigtError(f"The column {name!r} is filled by score; leave it out.")
        if name not in free:
            raise XaigtError(f"The score table has no column {name!r}: {nearest(name, free)}.")
        scalar = isinstance(value, str) or not hasattr(value, "__len__") or np.ndim(value) == 0
        values = [value] * size if scalar else list(value.tolist() if hasattr(value, "tolist") else value)
        if len(values) != size:
            raise XaigtError(f"Column {name!r} has {len(values)} values for {size} samples.")
        filled[name] = values
    return filled


def _table(
    titles: list[str], scores: list[list[float]], notes: list[str], sign: str, known: dict[str, list[Any]]
) -> pd.DataFrame:
    import pandas as pd

    table = {name: values * len(titles) for name, values in known.items()}
    table["metric"] = [title for title in titles for _ in notes]
    table["value"] = [value for values in scores for value in values]
    table["sign"] = [sign] * len(table["value"])
    table["note"] = notes * len(titles)
    frame = pd.DataFrame(table, columns=[*COLUMNS, *EXTRA])
    return frame.astype({"value": "float64", "confidence": "float64", "correct": "boolean"})
