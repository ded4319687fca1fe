"""What an explanation is worth, apart from how well its network classifies.

Usable alone on any table of scores: one row a network, a method and a sample. Start with :func:`compare`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaigt.statistics.accuracy import dprime, performance, split_samples
    from xaigt.statistics.analysis import compare
    from xaigt.statistics.comparison import Comparison
    from xaigt.statistics.findings import Finding, StatisticsError
    from xaigt.statistics.matching import matched_design
    from xaigt.statistics.mixed import VarianceComponents, variance_components
    from xaigt.statistics.permutation import permutation_test
    from xaigt.statistics.power import power_table
    from xaigt.statistics.selection import correct_against_incorrect, jointly_correct
    from xaigt.statistics.table import Scores, read_scores
    from xaigt.statistics.within_run import preset_checkpoints, slopes

_WHERE = {
    "compare": "analysis",
    "Comparison": "comparison",
    "Finding": "findings",
    "StatisticsError": "findings",
    "matched_design": "matching",
    "VarianceComponents": "mixed",
    "variance_components": "mixed",
    "dprime": "accuracy",
    "performance": "accuracy",
    "split_samples": "accuracy",
    "permutation_test": "permutation",
    "power_table": "power",
    "correct_against_incorrect": "selection",
    "jointly_correct": "selection",
    "preset_checkpoints": "within_run",
    "slopes": "within_run",
    "Scores": "table",
    "read_scores": "table",
}

__all__ = [
    "Comparison",
    "Finding",
    "Scores",
    "StatisticsError",
    "VarianceComponents",
    "compare",
    "correct_against_incorrect",
    "dprime",
    "jointly_correct",
    "matched_design",
    "performance",
    "permutation_test",
    "power_table",
    "preset_checkpoints",
    "read_scores",
    "slopes",
    "split_samples",
    "variance_components",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"xaigt.statistics.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
