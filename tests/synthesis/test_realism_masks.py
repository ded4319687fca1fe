"""Shapes of every family beside real masks: masks are those that were drawn, and the command writes its page."""

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import composed, load_recipe
from xaigt.synthesis.realism_masks import RECIPES, main, mask_of, table
from xaigt.volume import write_nifti

AFFINE = np.array([[0, 0, -2.0, 0], [0, -2.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])


def ball(radius, size=30):
    z, y, x = np.mgrid[:size, :size, :size] - (size - 1) / 2
    return z**2 + y**2 + x**2 <= radius**2


def test_a_mask_has_the_volume_that_was_drawn():
    recipe = composed(load_recipe("lacune", changes={"grid.dim": 3}))
    plan = draw_plan(recipe, 0, 1)
    world = Anatomy.of(load_fields(plan.template), plan.subject, torch.device("cpu"))
    lesion = next(item.lesion for item in plan.lesions if item.role == "lesion")
    mask, step = mask_of(lesion, world)
    assert mask.sum() * step**3 == pytest.approx(lesion.volume_mm3, rel=0.15)
    assert 400 < mask.sum() < 800 and not mask[[0, -1]].any()


def test_every_recipe_of_lesions_without_a_page_of_its_own_is_listed():
    from xaigt import catalog

    own = {name for name in catalog.names("generators") if name.startswith("lesion-shape")}
    assert set(RECIPES) | own == set(catalog.names("generators"))


def test_the_command_writes_its_page(tmp_path):
    arguments = ["--output", str(tmp_path / "page"), "--samples", "4", "--recipe", "microbleed"]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 2 and "--real FOLDER" in refused.output
    write_nifti(tmp_path / "one_lesion.nii.gz", ball(12).astype(np.uint8), AFFINE)
    done = CliRunner().invoke(main, [*arguments, "--real", str(tmp_path)])
    assert done.exit_code == 0, done.output
    real, generated = (pd.read_csv(tmp_path / "page" / "realism" / f"{name}.csv") for name in ("real-masks", "masks"))
    assert real["compactness"].iloc[0] > 0.93  # a ball
    assert set(generated["family"]) == {"microbleed"} and (generated["compactness"] > 0.85).all()
    page = (tmp_path / "page" / "realism-shapes.md").read_text()
    assert table(real, generated) in page and "1 pieces of 1 masks" in page
    assert (tmp_path / "page" / "realism" / "masks.png").read_bytes().startswith(b"\x89PNG")
