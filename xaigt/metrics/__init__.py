"""Metrics of explanations whose truth is known: localization, faithfulness, consistency; 2-D and 3-D.

The room stands alone: give it maps and masks of any origin. Three shapes:

- of a map: ``precision_at_k(maps[B, *S], masks[B, *S], support=None, ignore=None, spacing=None) -> value[B]``
- of faithfulness: ``deletion(model, inputs, maps, targets, reference) -> value[B]``
- of a set: ``c_score(maps, labels, predictions, confidences) -> a value a class``

``score`` runs a set of metrics that share one sort and returns a table; ``get`` finds a metric by name, and
its attributes say what its values mean. Importing this package imports nothing: every name is loaded when
it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xaigt.metrics.catalog import METRICS, get, names

if TYPE_CHECKING:
    from xaigt.metrics.batch import MapBatch
    from xaigt.metrics.box_overlap import box_dice, box_iou, loose_hit, matched_box_dice, matched_box_iou
    from xaigt.metrics.chance import permutation_chance, shuffled_maps
    from xaigt.metrics.compartment import compartment_precision
    from xaigt.metrics.consistency import c_score, consistency_references
    from xaigt.metrics.declaration import MapMetric, Metric, map_metric, model_metric, set_metric
    from xaigt.metrics.evidence import evidence_agreement, planted_and_used
    from xaigt.metrics.grids import attainable, in_template, resize, through_grid
    from xaigt.metrics.imputation import impute
    from xaigt.metrics.instances import component_table, lesion_precision, lesion_recall, lesion_table, rates
    from xaigt.metrics.mass import (
        confounder_mass,
        distractor_mass,
        energy_ratio,
        lesion_mass,
        mass_accuracy,
        relative_mass,
        suppressor_mass,
    )
    from xaigt.metrics.overlap import dice, iou, pooled_overlap, precision, recall
    from xaigt.metrics.perturbation import deletion, insertion, perturbation_curve
    from xaigt.metrics.ranking import average_precision, pointing_game, precision_at_k, roc_auc
    from xaigt.metrics.removal import road, road_curve
    from xaigt.metrics.replacement import footprints, instance_effects, used_instances
    from xaigt.metrics.surface import hausdorff_distance, surface_distance
    from xaigt.metrics.table import reference_scores, score
    from xaigt.metrics.thresholds import TunedThreshold
    from xaigt.metrics.transport import earth_mover
    from xaigt.metrics.tuning import ThresholdTuner, tune_threshold

_HELPERS = {
    "consistency_references": "consistency",
    "footprints": "replacement",
    "impute": "imputation",
    "instance_effects": "replacement",
    "perturbation_curve": "perturbation",
    "planted_and_used": "evidence",
    "road_curve": "removal",
    "used_instances": "replacement",
    "component_table": "instances",
    "lesion_table": "instances",
    "rates": "instances",
    "MapBatch": "batch",
    "MapMetric": "declaration",
    "Metric": "declaration",
    "ThresholdTuner": "tuning",
    "TunedThreshold": "thresholds",
    "attainable": "grids",
    "map_metric": "declaration",
    "model_metric": "declaration",
    "permutation_chance": "chance",
    "pooled_overlap": "overlap",
    "reference_scores": "table",
    "resize": "grids",
    "score": "table",
    "shuffled_maps": "chance",
    "in_template": "grids",
    "set_metric": "declaration",
    "through_grid": "grids",
    "tune_threshold": "tuning",
}
_PLACES = {**METRICS, **_HELPERS}

__all__ = [
    "MapBatch",
    "MapMetric",
    "Metric",
    "ThresholdTuner",
    "TunedThreshold",
    "attainable",
    "average_precision",
    "box_dice",
    "box_iou",
    "c_score",
    "compartment_precision",
    "component_table",
    "confounder_mass",
    "consistency_references",
    "deletion",
    "dice",
    "distractor_mass",
    "earth_mover",
    "energy_ratio",
    "evidence_agreement",
    "footprints",
    "get",
    "hausdorff_distance",
    "impute",
    "in_template",
    "insertion",
    "instance_effects",
    "iou",
    "lesion_mass",
    "lesion_precision",
    "lesion_recall",
    "lesion_table",
    "loose_hit",
    "map_metric",
    "mass_accuracy",
    "matched_box_dice",
    "matched_box_iou",
    "model_metric",
    "names",
    "permutation_chance",
    "perturbation_curve",
    "planted_and_used",
    "pointing_game",
    "pooled_overlap",
    "precision",
    "precision_at_k",
    "rates",
    "recall",
    "reference_scores",
    "relative_mass",
    "resize",
    "road",
    "road_curve",
    "roc_auc",
    "score",
    "set_metric",
    "shuffled_maps",
    "suppressor_mass",
    "surface_distance",
    "through_grid",
    "tune_threshold",
    "used_instances",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
