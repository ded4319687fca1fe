"""What a detector of bright blobs gets out of the hemorrhage recipe: little, beside the truth."""

import numpy as np
import pytest
import torch

from xaigt.explainers.baselines.contrast import contrast
from xaigt.metrics import precision_at_k
from xaigt.synthesis.plan import draw_plan, sampling_grid
from xaigt.synthesis.recipe import load_recipe
from xaigt.synthesis.render import render

SLICES = {"grid.size": 112, "grid.spacing": 2.0, "grid.thickness": 5.0}


@pytest.mark.slow
def test_local_contrast_reaches_at_most_half_of_the_truths_precision():
    recipe = load_recipe("hemorrhage", changes=SLICES)
    plain, brain_alone, attainable = [], [], []
    for sample in range(60):
        plan = draw_plan(recipe, 3, sample)
        if not any(item.role == "lesion" and item.planted for item in plan.lesions):
            continue
        arrays = render(plan, sampling_grid(recipe), recipe, torch.device("cpu")).arrays
        truth, support = (torch.from_numpy(arrays[name] > 0)[None] for name in ("lesion", "support"))
        if not truth.any():
            continue
        image = torch.from_numpy(np.clip(arrays["image"], 0, 80).astype(np.float32))[None, None]
        # The harder rival is told where the skull is: bone is painted over with brain.
        painted = torch.where(support[None], image, image[support[None]].median())
        for scores, map_ in ((plain, contrast(image)), (brain_alone, contrast(painted)), (attainable, truth.float())):
            scores.append(float(precision_at_k(map_, truth, support=support)))
    assert len(attainable) >= 20
    assert np.mean(attainable) == pytest.approx(1.0)
    assert np.mean(plain) <= 0.5 * np.mean(attainable)
    assert np.mean(brain_alone) <= 0.5 * np.mean(attainable)
    print(np.mean(plain), np.mean(brain_alone))
