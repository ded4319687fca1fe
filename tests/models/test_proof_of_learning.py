"""The benchmarks of shapes and of hemorrhage can be learnt, and only from the lesions."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

import xaigt
from xaigt.models import Settings, train

GRID = {"grid.size": 96, "grid.spacing": 2.0, "contrast_to_noise": 14.0}
LARGE = [
    f"lesions.{group}.{setting}"
    for group in (0, 1)
    for setting in ("count=3", "parameters.diameter_mm={uniform: [22, 26]}")
]
QUICK = {"network": "small", "epochs": 24, "batch_size": 16, "learning_rate": 3e-3}


@pytest.mark.slow
def test_quick_settings_learn_shapes_and_learn_nothing_from_healthy_twins(tmp_path):
    """Slices of 96 x 96 with three lesions of 22 to 26 mm: a test AUC above 0.9; on twins an interval that has 0.5."""
    folder = tmp_path / "data"
    xaigt.generate(xaigt.load_recipe("lesion-shape", LARGE, GRID), folder, samples=1000)
    data = xaigt.load(folder)
    learnt = train(data, Settings(**QUICK), tmp_path / "image", threads=1).description["figures"]["test"]
    assert learnt["auc"] > 0.9
    control = train(data, Settings(**QUICK, images="twin"), tmp_path / "twin", threads=1)
    figures = control.description["figures"]["test"]
    assert figures["auc_low"] <= 0.5 <= figures["auc_high"]


def trained(images, data, folder):
    """Figures of the test split after training on an array of a dataset."""
    quick = {"network": "small", "augment": True, "epochs": 40, "batch_size": 16, "learning_rate": 1e-2}
    run = train(xaigt.load(data), Settings(**quick, images=images), folder / images, threads=1)
    return run.description["figures"]["test"]


@pytest.mark.slow
def test_quick_settings_learn_all_kinds_of_hemorrhage_beside_distractors(tmp_path):
    """Slices of 128 x 128, the recipe's own volumes and distractors at 14 SD of the noise; on twins nothing.

    Both trainings run at once, each in a process of one thread.
    """
    changes = {"grid.size": 128, "grid.spacing": 1.5, "contrast_to_noise": 14.0, "visibility.invisible": "redraw"}
    xaigt.generate(xaigt.load_recipe("hemorrhage", changes=changes), tmp_path / "data", samples=1600, workers=2)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        learnt, control = pool.map(partial(trained, data=tmp_path / "data", folder=tmp_path), ("image", "twin"))
    assert learnt["auc"] > 0.9
    assert control["auc_low"] <= 0.5 <= control["auc_high"]
