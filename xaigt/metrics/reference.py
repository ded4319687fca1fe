"""The reference page of the metrics, made from their declarations."""

from __future__ import annotations

import inspect
import math
from typing import Any

from xaigt.metrics.catalog import METRICS, get
from xaigt.metrics.declaration import CASES, Metric

_HEAD = """\
# Reference: metrics

<!-- Made by `python -m xaigt.metrics > docs/reference/metrics.md` from the declarations; do not edit. -->

`xaigt.metrics` scores explanations whose truth is known, 2-D and 3-D, in batches, on the device of the
maps. It needs nothing else of xaigt: maps and masks may come from anywhere.

```python
from xaigt import metrics

metrics.precision_at_k(maps, masks)                     # [B]; maps [B, *S], masks [B, *S]
metrics.dice(maps, masks, threshold="otsu", support=brain, spacing=(1.0, 0.5, 0.5))
metrics.score(maps, masks, ["ranking", "mass", "dice(threshold=otsu)"], columns={"method": "gradcam"})
metrics.get("roc_auc").chance                           # what a declaration says
```

## What holds for every metric of a map

- **Truth** is where the mask is not zero. The numbers of an integer mask are the lesions; of a boolean mask
  its connected components are.
- **Evaluated** are the voxels inside `support` that are not in `ignore`. Values elsewhere do not matter,
  NaN included.
- **Sign policy.** `relu` keeps what speaks for the target, `abs` the strength, `signed` everything. It is
  stored in the column `sign` of a score table. A metric's first policy is its default.
- **Distances** are in mm where `spacing` is given, else in voxels.
- **A batch scores as its items alone.** Large batches are worked on in blocks, so memory stays bounded.
- **Undefined.** A map with NaN or infinity among the evaluated voxels, a truth that is empty there, and one
  that fills them all give NaN: there is nothing to localize. The column `note` says why; such samples are
  to be counted, not dropped silently. Metrics of a region (`distractor` ...) are NaN where that region is
  empty.
- **A map that says nothing** (all zero, or constant) scores chance in ranking and mass metrics, as the
  limit of ever flatter maps does, and 0 in overlap metrics, where it predicts nothing. It never scores
  best.
- **Chance** is what uniformly random maps score inside the support: a formula (`metric.chance_of(batch)`)
  or `permutation`, which is found by shuffling (`permutation_chance`; `shuffled_maps` for faithfulness and
  consistency).
- **Attainable** is a reference, not a bound: `attainable(metric, masks, grid)` scores the truth averaged
  onto the grid of the map and resized back. `reference_scores` puts both into a score table.
- **Thresholds**: a number on the map scaled to [0, 1] (`scale`: `minmax`, `max`, `none`; above, not at),
  `"otsu"`, `"top:0.05"` (the highest 5 % of the evaluated voxels), or what `tune_threshold` chose on
  another split. Tuning on a test split, and scoring the split or samples tuned on, are errors.
- **Third parties** add a metric by an entry point of the group `xaigt.metrics` that names a `MapMetric`.

"""

_TABLE = """\
| metric | of a | range | better | chance | sign policies |
|---|---|---|---|---|---|"""

_TAIL = """\
## Beside the metrics

| function | what for |
|---|---|
"""

_HELPERS = (
    "score", "reference_scores", "attainable", "through_grid", "resize", "in_template",
    "permutation_chance", "shuffled_maps", "tune_threshold", "ThresholdTuner", "pooled_overlap",
    "lesion_table", "component_table", "rates", "perturbation_curve", "road_curve", "impute",
    "footprints", "lesion_parts", "instance_effects", "used_instances", "planted_and_used",
    "consistency_references",
)  # fmt: skip


def page() -> str:
    """Return the whole page in Markdown."""
    import xaigt.metrics

    found = [get(name) for name in METRICS]
    rows = [_row(metric) for metric in found]
    head = "## All metrics\n\n" + _TABLE
    helpers = [f"| `{name}` | {_first(getattr(xaigt.metrics, name))} |" for name in _HELPERS]
    sections = "\n".join(_section(metric) for metric in found)
    return f"{_HEAD}{head}\n{chr(10).join(rows)}\n\n{sections}\n{_TAIL}{chr(10).join(helpers)}\n"


def _row(metric: Metric) -> str:
    link, signs = f"[{metric.name}](#{metric.name})", ", ".join(metric.signs)
    return f"| {link} | {metric.shape} | {_range(metric)} | {metric.direction} | {_chance(metric)} | {signs} |"


def _section(metric: Metric) -> str:
    text = inspect.getdoc(metric.compute) or ""
    prose = text.split("\n\nParameters\n---")[0]
    parameters = ", ".join(f"`{key}={value!r}`" for key, value in _shown(metric).items())
    module, signs = metric.compute.__module__, ", ".join(metric.signs)
    outcomes = "; ".join(f"{case}: {_outcome(metric.degenerate[case])}" for case in CASES)
    lines = [
        f"### {metric.name}\n",
        f"{prose}\n",
        f"- in `{module}`; range {_range(metric)}, {metric.direction} is better; sign policies {signs}",
        *([f"- parameters: {parameters}"] if parameters else []),
        *([f"- reads the region `{metric.region}` in place of the truth"] if metric.region else []),
        f"- chance: {_chance(metric)}",
        f"- attainable: {metric.attainable}",
        f"- {outcomes}",
        f"- source: {metric.source}\n",
    ]
    return "\n".join(lines)


def _shown(metric: Metric) -> dict[str, Any]:
    return {key: value for key, value in metric.defaults.items() if key != "batch_size"}


def _range(metric: Metric) -> str:
    low, high = ("∞" if v == math.inf else "-∞" if v == -math.inf else f"{v:g}" for v in metric.range)
    return f"{low} to {high}"


def _chance(metric: Metric) -> str:
    if isinstance(metric.chance, str):
        return "by permutation"
    return "by formula" if callable(metric.chance) else f"{metric.chance:g}"


def _outcome(outcome: object) -> str:
    words = {"nan": "NaN", "share": "the truth's share of the evaluated voxels", "any": "no special case"}
    return words.get(str(outcome), f"{outcome:g}" if isinstance(outcome, float) else str(outcome))


def _first(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
