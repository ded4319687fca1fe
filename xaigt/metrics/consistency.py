"""Consistency: how alike the explanations of one class are (C-Score), and what that is to be read against.

Consistency is not correctness: an explainer that shows every image the same map scores 1, and a perfect map
of lesions that lie anywhere scores low. Hence the references. The abstract of arXiv 2604.08502 was all that
was available: every choice is a parameter, the defaults are ours, and no reproduction is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import Array, MapBatch
from xaigt.metrics.declaration import set_metric

if TYPE_CHECKING:
    import pandas as pd

SIMILARITIES = ("soft_iou", "product")
WEIGHTS = ("product", "mean", "min", "none")
BLOCK = 8192


@set_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    attainable="the C-Score of the truth masks (`consistency_references`): beyond it, maps share too much",
    degenerate={"all-zero map": 0.0, "constant map": 0.0, "empty mask": "any", "full mask": "any"},
    source="After the abstract of arXiv 2604.08502 (confidence-weighted, intensity-emphasised pairwise soft "
    "IoU of correctly classified instances); formula and defaults are ours, no reproduction is claimed",
)
def c_score(
    maps: Array,
    labels: Array,
    predictions: Array,
    confidences: Array,
    *,
    tau: float = 0.5,
    gamma: float = 2.0,
    similarity: str = "soft_iou",
    weight: str = "product",
    sign: str = "relu",
    support: Array | None = None,
    ignore: Array | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    block: int = BLOCK,
) -> pd.DataFrame:
    """C-Score: weighted mean similarity of the maps of every pair of correctly classified samples of a class.

    Maps are min-max scaled over the evaluated voxels and raised to ``gamma``. A constant map (an all-zero one
    too) becomes 0 everywhere and is like nothing, also not like another constant one, so that an explainer
    that collapses scores 0 and not 1. Samples with NaN in the map are left out and counted.

    Parameters
    ----------
    maps
        ``[B, *S]``, all on one grid; of many subjects best in their shared space (``in_template``).
    labels, predictions
        ``[B]``, true and predicted class.
    confidences
        ``[B]``, probability of the predicted class.
    tau
        A sample is on its class's gold list if it is predicted rightly with at least this confidence.
    gamma
        Emphasis of high intensities; 1 for none.
    similarity
        ``soft_iou``: sum min(a, b) / sum max(a, b); ``product``: sum ab / (sum a + sum b - sum ab).
    weight
        Weight of a pair, from its confidences p and q: ``product`` pq, ``mean``, ``min`` or ``none``.
    sign, support, ignore
        As for every metric of a map.
    level, resamples, seed
        Bootstrap interval over the samples of the gold list; a sample drawn twice is not paired with itself.
    block
        Voxels in work at a time. Memory beside the maps: 8 bytes a voxel of the block and sample, and 24
        bytes a pair of the largest gold list.

    Returns
    -------
    pandas.DataFrame
        A row a class and a last row ``macro`` (mean over the classes that have a value): class, value, low,
        high, gold (size of the gold list), constant (maps among them that are constant), left_out, reason
        (why there is no value).
    """
    import pandas as pd

    _known("similarity", similarity, SIMILARITIES)
    _known("weight", weight, WEIGHTS)
    raw = torch.as_tensor(maps)
    batch = MapBatch(raw, torch.zeros_like(raw, dtype=torch.bool), support=support, ignore=ignore, sign=sign)
    label, predicted = _vector("labels", labels, batch), _vector("predictions", predictions, batch)
    confidence = _vector("confidences", confidences, batch).to(torch.float64)
    gold = (label == predicted) & (confidence >= tau)
    generator = torch.Generator().manual_seed(seed)
    rows: list[tuple[Any, ...]] = []
    draws: list[Tensor] = []
    for name in sorted(set(label.tolist())):
        listed = gold & (label == name)
        kept = (listed & batch.finite).nonzero()[:, 0]
        low, high = (limit[kept] for limit in batch.limits)
        counts = (int(listed.sum()), int((low == high).sum()), len(label[listed]) - len(kept))
        if len(kept) < 2:
            reason = f"{len(kept)} maps on the gold list; a pair needs 2"
            rows.append((name, torch.nan, torch.nan, torch.nan, *counts, reason))
            continue
        alike = similarities(batch, kept, gamma=gamma, similarity=similarity, block=block)
        weights = pair_weights(confidence[kept].cpu(), weight)
        value = _mean(alike, weights, torch.ones(1, len(kept), dtype=torch.float64))[0]
        drawn = torch.randint(len(kept), (resamples, len(kept)), generator=generator)
        times = torch.zeros(resamples, len(kept), dtype=torch.float64).scatter_add_(
            1, drawn, torch.ones(drawn.shape, dtype=torch.float64)
        )
        draws.append(_mean(alike, weights, times))
        rows.append((name, value.item(), *_interval(draws[-1], level), *counts, ""))
    known = [row[1] for row in rows if row[1] == row[1]]
    total = tuple(sum(row[i] for row in rows) for i in (4, 5, 6))
    if known:
        bounds = _interval(torch.stack(draws).mean(0), level)
        rows.append(("macro", sum(known) / len(known), *bounds, *total, ""))
    else:
        rows.append(("macro", torch.nan, torch.nan, torch.nan, *total, "no class has a value"))
    names = ["class", "value", "low", "high", "gold", "constant", "left_out", "reason"]
    return pd.DataFrame(rows, columns=names)


def similarities(
    batch: MapBatch, kept: Tensor, *, gamma: float, similarity: str, block: int = BLOCK
) -> Tensor:
    """Similarity of every pair of the kept maps, ``[n, n]``, float64 on the CPU; 0 on the diagonal.

    With L = ||a - b||_1 and s = sum a + sum b, sum min = (s - L) / 2 and sum max = (s + L) / 2: one pass of
    pairwise distances gives every soft IoU exactly.
    """
    low, high = (limit[kept, None] for limit in batch.limits)
    span = torch.where(high > low, high - low, 1)
    n, size = len(kept), batch.values.shape[1]
    sums = torch.zeros(n, dtype=torch.float64, device=batch.device)
    pairs = torch.zeros(n * (n - 1) // 2, dtype=torch.float64, device=batch.device)
    upper = torch.triu_indices(n, n, 1, device=batch.device)
    for start in range(0, size, block):
        part = slice(start, start + block)
        values = ((batch.values[:, part][kept] - low) / span) ** gamma
        if batch.evaluated is not None:
            values = torch.where(batch.evaluated[:, part][kept], values, 0)
        sums += values.sum(1, dtype=torch.float64)
        if similarity == "soft_iou":
            pairs += torch.pdist(values, p=1.0)
        else:
            pairs += (values @ values.T)[upper[0], upper[1]]
    both = sums[upper[0]] + sums[upper[1]]
    top, bottom = (both - pairs, both + pairs) if similarity == "soft_iou" else (pairs, both - pairs)
    alike = torch.zeros(n, n, dtype=torch.float64, device=batch.device)
    alike[upper[0], upper[1]] = torch.where(bottom > 0, top / bottom, 0).clamp(0, 1)
    return (alike + alike.T).cpu()


def pair_weights(confidence: Tensor, weight: str) -> Tensor:
    """Weight of every pair, ``[n, n]``, 0 on the diagonal."""
    first, second = confidence[:, None], confidence[None, :]
    weights = {
        "product": first * second,
        "mean": (first + second) / 2,
        "min": torch.minimum(first, second),
        "none": torch.ones_like(first * second),
    }[weight]
    return weights.fill_diagonal_(0)


def consistency_references(
    masks: Array,
    labels: Array,
    predictions: Array,
    confidences: Array,
    *,
    prior: Array | None = None,
    **choices: Any,
) -> pd.DataFrame:
    """C-Scores to read a C-Score against, on the same gold lists and with the same choices.

    Parameters
    ----------
    masks
        ``[B, *S]``: ``truth`` scores the masks themselves, which is what a perfect explainer would score.
    labels, predictions, confidences, **choices
        As for :data:`c_score`.
    prior
        ``[*S]`` or ``[B, *S]``: where lesions may lie. ``prior`` scores it as the map of each sample, which
        is what an explainer would score that looks at no image; 1 if it is the same for all. By default
        the mean of all masks.

    Returns
    -------
    pandas.DataFrame
        As of :data:`c_score`, with a first column ``reference``.
    """
    import pandas as pd

    truth = (torch.as_tensor(masks) != 0).float()
    shown = truth.mean(0) if prior is None else torch.as_tensor(prior).to(truth)
    tables = []
    for name, maps in (("truth", truth), ("prior", shown.expand_as(truth))):
        table = c_score(maps, labels, predictions, confidences, **choices)
        table.insert(0, "reference", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _mean(alike: Tensor, weights: Tensor, times: Tensor) -> Tensor:
    """Weighted mean similarity with sample i drawn ``times[:, i]`` times, ``[draws]``; NaN without a pair."""
    top = ((times @ (alike * weights)) * times).sum(1)
    bottom = ((times @ weights) * times).sum(1)
    return torch.where(bottom > 0, top / bottom, torch.nan)


def _interval(drawn: Tensor, level: float) -> tuple[float, float]:
    if not len(drawn):
        return torch.nan, torch.nan
    tail = (1 - level) / 2
    return drawn.nanquantile(tail).item(), drawn.nanquantile(1 - tail).item()


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise XaigtError(f"Unknown {what} {value!r}: {nearest(str(value), known)}.")


def _vector(name: str, values: Array, batch: MapBatch) -> Tensor:
    vector = torch.as_tensor(values).to(batch.device)
    if vector.shape != (batch.size,):
        raise XaigtError(f"{name} has shape {list(vector.shape)} for {batch.size} maps.")
    return vector
