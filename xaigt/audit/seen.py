"""Do the lesions that can be seen make the class that is recorded? A label without visible evidence is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scipy.stats import binomtest

from xaigt.audit.lines import Verdict
from xaigt.audit.problems import Check
from xaigt.dataset.reading import Dataset

NAME = "visible lesions make the class"
MOST = 0.1
"""Share of samples that may show too little of what makes their class; a choice of ours."""
LEVEL = 0.025
"""Error of the one-sided binomial test that more do, as of one end of a 95 % interval."""


def check_seen(dataset: Dataset) -> Check:
    """FAIL where surely more than `MOST` of the samples do not show, in visible lesions, what their class says.

    Surely: by an exact binomial test; where only this sample has more of them, INCONCLUSIVE.

    presence: any lesion. subtype: its subtypes. shape, side: at least one lesion. count: as many as the class says.
    rule: groups for which the rule has the class as its value.
    """
    groups: dict[int, list[str]] = {}
    for row in dataset.lesions.to_dict("records"):
        if row["role"] == "lesion" and row["voxels"] > 0 and row.get("visible", True):
            groups.setdefault(int(row["sample"]), []).append(str(row["group"]))
    rows: list[dict[str, Any]] = dataset.samples.to_dict("records")
    shows = _question(dataset)
    off = [int(row["sample"]) for row in rows if not shows(row, groups.get(int(row["sample"]), []))]
    share = len(off) / max(len(rows), 1)
    surely = bool(rows) and binomtest(len(off), len(rows), MOST, alternative="greater").pvalue < LEVEL
    words = f"{len(off)} of {len(rows)} samples ({share:.1%}) show too little of what makes their class"
    verdict = Verdict.FAIL if surely else Verdict.INCONCLUSIVE if share > MOST else Verdict.PASS
    return Check(NAME, verdict, f"{words}; at most {MOST:.0%} may", {"samples": off[:100]})


def _question(dataset: Dataset) -> Callable[[Mapping[str, Any], list[str]], bool]:
    """Whether a sample, given its row and the groups that are seen in it, shows what its class says."""
    task = str(dataset.description["task"])
    if task == "presence":
        return lambda row, seen: bool(seen) == bool(row["label"])
    if task == "subtype":
        return lambda row, seen: all(bool(row[f"has_{name}"]) == (name in seen) for name in dataset.classes)
    if task == "count":
        from xaigt.synthesis.classes import counted
        from xaigt.synthesis.recipe import Recipe

        lowest = counted(Recipe.model_validate(dataset.description["recipe"]))[0]
        return lambda row, seen: len(seen) == lowest + int(row["label"])
    if task == "rule":
        from xaigt.synthesis.rules import parse

        rule = parse(str(dataset.description["recipe"]["rule"]))
        return lambda row, seen: rule({name: name in seen for name in rule.names}) == bool(row["label"])
    return lambda row, seen: bool(seen)
