"""What the analysis calls a method: an explainer, at a stage where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.errors import nearest
from xaigt.studies.configuration import Study
from xaigt.studies.errors import StudyError

if TYPE_CHECKING:
    import pandas

REFERENCES = ("chance", "attainable")
INPUT = "input"


def stages_in_order(scores: pandas.DataFrame) -> list[str]:
    """Stages of the CAM family, in the order in which the networks have them; joined ones (FullGrad's) left out."""
    found = scores.loc[~scores["method"].isin(REFERENCES), "stage"].dropna()
    return [str(name) for name in dict.fromkeys(found) if name != INPUT and "+" not in str(name)]


def main_stages(scores: pandas.DataFrame, wanted: str) -> dict[str, str]:
    """Stage of the main analysis of each kind of network; none for a kind without maps at stages.

    Raises
    ------
    StudyError
        If no map was made at that stage.
    """
    found = {}
    for network, own in scores.groupby("network"):
        known = stages_in_order(own)
        if known and wanted != "last" and wanted not in known:
            raise StudyError(f"analysis.stage {wanted!r}: {network} has no maps there: {nearest(wanted, known)}.")
        if known:
            found[str(network)] = known[-1] if wanted == "last" else wanted
    return found


def named(scores: pandas.DataFrame, wanted: str) -> pandas.DataFrame:
    """Scores of methods at the stage of the main analysis; `method` becomes METHOD or METHOD@STAGE.

    Methods without a choice of stage (attributions, FullGrad) are there with their one map. Where kinds of networks
    have last stages of other names, the stage is called ``last``.
    """
    stages = main_stages(scores, wanted)
    place, main = scores["stage"].astype(str), scores["network"].map(lambda network: stages.get(network, ""))
    one_map = (place == INPUT) | place.str.contains("+", regex=False)
    own = scores[(one_map | (place == main)) & ~scores["method"].isin(REFERENCES)]
    called = next(iter(stages.values())) if len(set(stages.values())) == 1 else "last"
    staged = own["stage"].astype(str) == main.loc[own.index]
    return own.assign(method_name=own["method"], method=own["method"].where(~staged, own["method"] + f"@{called}"))


def candidates(scores: pandas.DataFrame, study: Study) -> pandas.DataFrame:
    """Leave out methods that are references."""
    baseline = scores["method_name"].isin(study.analysis.exclude)
    baseline |= scores["method_name"].str.startswith("untrained/")
    return scores[~baseline]
