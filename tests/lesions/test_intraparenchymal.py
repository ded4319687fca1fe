"""Statistics and geometry of the one family that hemorrhage.yaml plants."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import family
from xaigt.lesions.sites import LOBAR, SITES, draw_position, largest_ml
from xaigt.randomness import stream
from xaigt.synthesis.loading import load_recipe

CPU = torch.device("cpu")
FAMILY = family("intraparenchymal")
RECIPE = next(group for group in load_recipe("hemorrhage").lesions if group.family == "intraparenchymal").recipe()


def anatomy(sample=0):
    return Anatomy.of(load_fields("mni152-ct"), draw_subject(stream(0, sample, "subject"), SubjectRecipe()), CPU)


@pytest.fixture(scope="module")
def drawn():
    worlds = [anatomy(sample) for sample in range(6)]
    return [
        (worlds[sample % 6], FAMILY.draw(partial(stream, 0, sample), RECIPE, worlds[sample % 6]))
        for sample in range(160)
    ]


def test_volumes_follow_the_table_of_cases(drawn):
    """science: quartiles of 2.3, 9.3 and 31.7 mL a case; small sites take no more than they can hold."""
    wanted = {0.25: 2.3, 0.5: 9.3, 0.75: 31.7}
    volumes = np.array([lesion.volume_mm3 / 1000 for _, lesion in drawn])
    free = np.array([lesion.site in ("basal-ganglia", LOBAR) for _, lesion in drawn])
    for probability, volume in wanted.items():
        tolerance = 4 * math.sqrt(probability * (1 - probability) / free.sum())
        assert abs(np.mean(volumes[free] <= volume) - probability) < tolerance
    for world, lesion in drawn:
        del world
        assert lesion.volume_mm3 <= 1000 * largest_ml(lesion.site) * 1.02


def test_sites_follow_their_weights(drawn):
    weights = RECIPE.sites.choice
    total = sum(weights.values())
    for site, weight in weights.items():
        share = np.mean([lesion.site == site for _, lesion in drawn])
        assert abs(share - weight / total) < 4 * math.sqrt(weight / total / len(drawn)) + 0.01


def test_both_sides_are_equally_often(drawn):
    paired = [
        world.map.to_template(torch.tensor(lesion.centre_mm))[2] for world, lesion in drawn if lesion.site != "pons"
    ]
    right = np.mean([float(x) > 0 for x in paired])
    assert abs(right - 0.5) < 4 * 0.5 / math.sqrt(len(paired))


@pytest.mark.parametrize("site", [*SITES, LOBAR])
def test_positions_lie_in_the_parenchyma_near_their_structure(site):
    world = anatomy()
    for sample in range(20):
        z, y, x = position = draw_position(stream(1, sample, site), site, world, margin_mm=2.0)
        assert float(world.at_template(torch.tensor([position]), "parenchyma")[0]) > 0
        if site != LOBAR:
            known = SITES[site]
            offset = np.abs(np.array([z, y, abs(x)]) - known.centre)
            assert (offset <= 2 * np.array(known.spread) + 1e-3).all()
    back = world.to_scanner(position)
    assert torch.allclose(world.map.to_template(torch.tensor(back)), torch.tensor(position), atol=0.02)


def test_the_hematoma_stays_in_the_parenchyma_and_the_oedema_outside_the_hematoma(drawn):
    for world, lesion in drawn[:8]:
        reach = FAMILY.reach(lesion)
        edge = torch.linspace(-reach, reach, 33)
        points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
        found = FAMILY.footprint(lesion, world, points, softness=1.0)
        outside = world(points, "parenchyma") < -0.5
        assert float(found.core[outside].max()) == 0
        assert float(found.oedema[outside].max()) == 0
        assert float((found.oedema * (found.core >= 1)).max()) == 0
        assert float(found.core.min()) >= 0 and float(found.core.max()) <= 1
        # Nothing happens at the faces of the box that the lesion says it reaches.
        for axis in range(3):
            for face in (0, -1):
                assert float(found.core.select(axis, face).max()) == 0
                assert float(found.oedema.select(axis, face).max()) < 0.02


def test_a_lesion_survives_the_round_trip_through_its_provenance(drawn):
    _, lesion = drawn[3]
    assert FAMILY.lesion.model_validate_json(lesion.model_dump_json()) == lesion


def test_an_unknown_site_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="did you mean 'thalamus'"):
        FAMILY.recipe.model_validate({"sites": {"choice": {"talamus": 1}}})
