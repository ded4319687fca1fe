"""The benchmarks of shapes and of hemorrhage can be learnt, and only from the lesions."""

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


@pytest.mark.slow
def test_quick_settings_learn_all_kinds_of_hemorrhage_beside_distractors(tmp_path):
    """Slices of 96 x 96, lesions of 15 to 50 mL at 14 SD of the noise, distractors as they are; on twins nothing.

    The recipe's own volumes need more slices and minutes than a test has: docs/performance/models.md.
    """
    changes = {"grid.size": 96, "grid.spacing": 2.0, "contrast_to_noise": 14.0, "visibility.invisible": "redraw"}
    large = [f"lesions.{group}.parameters.volume_ml={{uniform: [15, 50]}}" for group in range(5)]
    xaigt.generate(xaigt.load_recipe("hemorrhage", large, changes), tmp_path / "data", samples=1600, workers=2)
    data = xaigt.load(tmp_path / "data")
    quick = {"network": "small", "augment": True, "epochs": 20, "batch_size": 16, "learning_rate": 3e-3}
    learnt = train(data, Settings(**quick), tmp_path / "image", threads=1).description["figures"]["test"]
    assert learnt["auc"] > 0.9
    control = train(data, Settings(**quick, images="twin"), tmp_path / "twin", threads=1)
    figures = control.description["figures"]["test"]
    assert figures["auc_low"] <= 0.5 <= figures["auc_high"]
