"""Some samples rendered again from their plans: they must come out as stored, and change only near the truth.

Stored images are whole numbers, which hides changes below half a unit; what is rendered again is compared before it is
rounded, where the noise of image and twin cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.lines import Verdict
from xaigt.audit.problems import Check, Problems
from xaigt.dataset.reading import Dataset, Sample
from xaigt.errors import XaigtError

NAME = "rendered again: image and twin differ only near the truth"
BLUR_VOXELS = 2.0
"""A lesion's border is averaged over the voxels it crosses: beyond this distance nothing of it is left."""
STRAY_SHARE = 0.01
"""Share of all change that may lie farther, each of it below epsilon: slivers of fluid that never fill a voxel."""
_OTHER_VOXELS, _DICE = 0.001, 0.9999  # what "the same" means elsewhere; see docs/reference/dataset.md
Progress = Callable[[int, int], None]


def check_exact(dataset: Dataset, count: int, progress: Progress | None = None) -> Check:
    """Render some samples again, most of them with lesions, and compare.

    Parameters
    ----------
    dataset
        With plans that this version can read, and templates that are at hand; else the check says that it was not made.
    count
        How many samples.
    progress
        Called with the samples done and the samples wanted.
    """
    from pydantic import ValidationError

    if generator := dataset.description["recipe"].get("generator"):
        return _not_made(f"made by the generator {generator}, which rounds before it compares")
    problems, farthest, stray = Problems(), 0.0, 0.0
    chosen = _chosen(dataset, count)
    for done, index in enumerate(chosen, start=1):
        sample = dataset[index]
        try:
            change, arrays = _again(dataset, sample)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            return _not_made(f"recipe or plan of sample {sample.number} cannot be read ({field}: {first['msg']})")
        except XaigtError as error:
            return _not_made(str(error))
        _compare(sample, arrays, problems)
        share, distance = _far(sample, change, float(dataset.description["recipe"]["epsilon"]), problems)
        farthest, stray = max(farthest, distance), max(stray, share)
        if progress is not None:
            progress(done, len(chosen))
    good = (
        f"{len(chosen)} samples, not rounded: {stray:.2%} of the change or less lies more than {BLUR_VOXELS:g} voxels "
        f"from the recorded masks, the farthest {farthest:.1f} voxels away"
    )
    return problems.check(NAME, good)


def _not_made(reason: str) -> Check:
    return Check(NAME, Verdict.NOT_JUDGED, f"not made: {reason}")


def _chosen(dataset: Dataset, count: int) -> list[int]:
    """Positions spread over the dataset: three of four with lesions."""
    lesions = dataset.samples["lesions"].to_numpy() > 0
    found: list[int] = []
    for wanted, pool in ((-(-3 * count // 4), np.flatnonzero(lesions)), (count, np.flatnonzero(~lesions))):
        take = min(wanted - len(found), len(pool)) if wanted != count else min(count - len(found), len(pool))
        if take > 0:
            found += [int(pool[i]) for i in np.unique(np.linspace(0, len(pool) - 1, take).astype(int))]
    return sorted(found)


def _again(dataset: Dataset, sample: Sample) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[Any]]]:
    """Image minus twin before rounding, and the arrays, of a sample's plan."""
    import torch

    from xaigt.execution import fixed_threads
    from xaigt.synthesis.plan import Plan, sampling_grid
    from xaigt.synthesis.recipe import Recipe
    from xaigt.synthesis.render import render

    recipe = Recipe.model_validate(dataset.description["recipe"])
    plan = Plan.model_validate_json(sample.plan)
    with fixed_threads():
        rendered = render(plan, sampling_grid(recipe), recipe, torch.device("cpu"), exact=True)
    assert rendered.change is not None
    return rendered.change, rendered.arrays


def _compare(sample: Sample, arrays: dict[str, npt.NDArray[Any]], problems: Problems) -> None:
    where = f"sample {sample.number}"
    for name in ("image", "twin"):
        off = np.abs(arrays[name].astype(np.int32) - sample.array(name))
        if off.max() > 1 or (off > 0).mean() > _OTHER_VOXELS:
            problems.add(NAME, f"the plan does not give the stored {name}", where)
    stored, again = sample.lesion, arrays["lesion"]
    either = int((stored > 0).sum() + (again > 0).sum())
    same = 2 * int(((stored == again) & (stored > 0)).sum()) / either if either else 1.0
    if same <= _DICE:
        problems.add(NAME, "the plan does not give the stored lesion mask", f"{where}: Dice {same:.4f}")


def _far(sample: Sample, change: npt.NDArray[np.float32], epsilon: float, problems: Problems) -> tuple[float, float]:
    """Share of the change that lies far from the recorded masks, and the distance of the farthest."""
    from scipy import ndimage

    recorded = (sample.lesion > 0) | (sample.altered > 0)
    size = np.abs(change)
    if not size.any():
        return 0.0, 0.0
    where = f"sample {sample.number}"
    if not recorded.any():
        if size.max() <= epsilon:
            return 0.0, 0.0  # a lesion that grazes the slice: of what is stored it changes nothing
        problems.add(NAME, "image and twin differ, no mask says so", where)
        return 1.0, float("inf")
    distance = ndimage.distance_transform_edt(~recorded)
    far = distance > BLUR_VOXELS
    share = float(size[far].sum() / size.sum())
    if (size[far] >= np.floor(epsilon) + 1).any():  # less may be rounded to no change above epsilon
        problems.add(NAME, "changes more than rounding hides far from the masks", where)
    elif share > STRAY_SHARE:
        problems.add(NAME, "too much changes far from the masks", f"{where}: {share:.1%} of the change")
    return share, float(distance[size > 1e-3].max(initial=0.0))
