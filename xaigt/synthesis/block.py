"""The arrays of a block of samples, and its rows of every table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.dataset import layout
from xaigt.dataset.store import Rows, checksum
from xaigt.synthesis.evidence import evidence_rows
from xaigt.synthesis.legacy.recipe import LegacyRecipe
from xaigt.synthesis.loading import AnyRecipe, recipe_of
from xaigt.synthesis.splits import split_of_sample

if TYPE_CHECKING:
    import torch

    from xaigt.synthesis.generate import Job
    from xaigt.synthesis.legacy.plan import LegacyPlan
    from xaigt.synthesis.plan import Plan
    from xaigt.synthesis.render import Rendered


def render_samples(job: Job, members: range) -> tuple[dict[str, npt.NDArray[Any]], Rows]:
    """Return stacked arrays and the rows of every table of some samples."""
    import torch

    recipe, device = recipe_of(job.recipe), torch.device(job.device)
    shape = (len(members), *job.store().shape)
    stacks = {name: np.zeros(shape, dtype) for name, dtype in job.arrays.items()}
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in layout.TABLES}
    for index, sample in enumerate(members):
        made = _make(job, recipe, sample, device)
        plan, rendered = made.plan, made.rendered
        for name, array in rendered.arrays.items():
            stacks[name][index] = array
        truth = [row for row in rendered.lesions if row["role"] == "lesion"]
        tables["samples"].append(
            {
                "id": f"{sample:06d}",
                "sample": sample,
                "split": made.split,
                **labels(recipe, plan.label, truth),
                "template": plan.template,
                "subject": f"{plan.template}-{job.seed}-{made.subject:06d}",
                "seed": job.seed,
                "slice_mm": plan.slice_mm,
                "lesions": len(truth),
                "noise_sd": made.noise_sd,
                **{f"sha256_{name}": checksum(array) for name, array in rendered.arrays.items()},
                "plan": plan.model_dump_json(),
            }
        )
        tables["lesions"].extend({"sample": sample, "class": plan.label, **row} for row in rendered.lesions)
        found = evidence_rows(recipe, plan.label, rendered.lesions)
        tables["evidence"].extend({"sample": sample, **row} for row in found)
    return stacks, tables


@dataclass(frozen=True)
class _Made:
    """One sample, whichever generator made it; `subject` is its number."""

    plan: Plan | LegacyPlan
    rendered: Rendered
    split: str
    subject: int
    noise_sd: float


def _make(job: Job, recipe: AnyRecipe, sample: int, device: torch.device) -> _Made:
    shares = dict(job.splits)
    if isinstance(recipe, LegacyRecipe):
        from xaigt.synthesis.legacy import plan as legacy_plan
        from xaigt.synthesis.legacy import samples as legacy

        old = legacy_plan.draw_plan(recipe, job.seed, sample, shares)
        return _Made(old, legacy.render(old, recipe), old.split, old.background, legacy.noise_sd(old))
    from xaigt.synthesis.drawing import draw_plan
    from xaigt.synthesis.render import render

    plan = draw_plan(recipe, job.seed, sample)
    split = split_of_sample(recipe, job.seed, sample, plan.template, shares)
    return _Made(plan, render(plan, job.grid, recipe, device), split, sample, plan.acquisition.noise_hu)


def labels(recipe: AnyRecipe, label: int, truth: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Label columns of one sample; for the task subtype, one of 0 and 1 for each subtype that can be seen."""
    if recipe.task != "subtype":
        return {"label": label, "class": recipe.class_names[label]}
    seen = {row["group"] for row in truth if row["visible"]}
    names = [name for name in recipe.class_names if name in seen]
    columns = {f"has_{name}": int(name in seen) for name in recipe.class_names}
    return {"label": int(bool(names)), "class": " + ".join(names) or "none", **columns}
