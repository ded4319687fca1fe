"""A dataset of 32 x 32 pixels, and a grid of two arms, two depths and one seed that was run on it."""

import pytest

import xaigt
from xaigt.studies.configuration import Study
from xaigt.studies.running import Means, run

PLAN = {
    "grid": {
        "arms": ["scratch", "fractal"], "depths": [1, "all"], "networks": ["small"], "seeds": [0],
        "arm_options": {"fractal": {"categories": 3, "instances": 5, "epochs": 1}},
    },
    "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.003},
    "explanation": {
        "methods": ["gradcam", "saliency", "input"], "metrics": ["precision_at_k", "roc_auc"], "samples": 8,
        "effects": 4, "batch_size": 4,
    },
    "analysis": {"caliper": 0.3},
    "gallery": 1,
}  # fmt: skip


def planned(dataset, **grid):
    """The plan on a dataset, with some fields of its grid changed."""
    return Study.model_validate(PLAN | {"data": {"dataset": str(dataset)}, "grid": PLAN["grid"] | grid})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Directory of the dataset."""
    folder = tmp_path_factory.mktemp("study-data") / "tiny"
    changes = {"grid.size": 32, "grid.spacing": 7.0, "grid.thickness": 5.0}
    recipe = xaigt.load_recipe("hemorrhage", changes=changes)
    return xaigt.generate(recipe, folder, samples=96, splits={"train": 0.35, "val": 0.2, "test": 0.45})


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """The folder of a finished study."""
    return run(planned(tiny), tmp_path_factory.mktemp("study") / "study", Means(engine="local"))
