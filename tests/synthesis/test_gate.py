"""What a detector of bright blobs gets out of the hemorrhage recipe: little, beside the truth."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from xaigt.explainers.baselines.contrast import contrast
from xaigt.metrics import precision_at_k
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render

SLICES = {"grid.size": 112, "grid.spacing": 2.0, "grid.thickness": 5.0}
SIGMA = 112 / 16  # of the baseline, in pixels
RIM = 3  # pixels under the inner table that the strongest rival is told to leave out


def rivals(image, support):
    """Maps that know nothing of the lesion: the baseline, and two that are told ever more of the anatomy."""
    shown = torch.from_numpy(np.clip(image, 0, 80).astype(np.float32))
    brain = torch.where(support, shown, shown[support].median())  # bone is painted over
    bright = ndimage.gaussian_filter(brain.numpy(), 1) - ndimage.gaussian_filter(brain.numpy(), SIGMA)
    inner = ndimage.binary_erosion(support.numpy(), iterations=RIM)
    return {
        "local contrast": contrast(shown[None, None])[0],
        "local contrast of the brain alone": contrast(brain[None, None])[0],
        "bright blobs of the brain without its rim": torch.from_numpy(np.where(inner, np.maximum(bright, 0), 0)),
    }


def test_local_contrast_reaches_at_most_half_of_the_truths_precision():
    recipe = load_recipe("hemorrhage", changes=SLICES)
    scores = {}
    for sample in range(60):
        plan = draw_plan(recipe, 3, sample)
        if plan.label == 0:
            continue
        arrays = render(plan, sampling_grid(recipe), recipe, torch.device("cpu")).arrays
        truth, support = (torch.from_numpy(arrays[name] > 0) for name in ("lesion", "support"))
        if not truth.any():  # a lesion thinner than these pixels: there is no truth to find
            continue
        for name, values in (rivals(arrays["image"], support) | {"oracle": truth.float()}).items():
            found = precision_at_k(values[None], truth[None], support=support[None])
            scores.setdefault(name, []).append(float(found))
    assert len(scores["oracle"]) >= 25
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    assert means.pop("oracle") == pytest.approx(1.0)
    assert {name: value for name, value in means.items() if value > 0.5} == {}
    # What is told to look inside the brain alone finds lesions: the gate is not met because nothing can be seen.
    assert means["bright blobs of the brain without its rim"] > 0.2


def test_distractors_are_in_both_classes_alike_and_some_are_as_bright_as_blood():
    recipe = load_recipe("hemorrhage", changes=SLICES)
    groups = {group.title for group in recipe.lesions if group.role == "distractor"}
    assert {"plexus", "pineal", "dense-falx", "dense-vessel", "skull-edge"} <= groups
    assert recipe.acquisition.beam_hu != 0  # and bands of beam hardening
    drawn = {label: [] for label in (0, 1)}
    for sample in range(40):
        plan = draw_plan(recipe, 5, sample)
        distractors = [item for item in plan.lesions if item.role == "distractor"]
        assert all(item.planted for item in distractors)
        drawn[plan.label].append(len(distractors))
    assert abs(np.mean(drawn[0]) - np.mean(drawn[1])) < 2 * np.sqrt(np.var(drawn[0] + drawn[1]) * 2 / 20)
