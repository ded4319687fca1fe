"""Infarcts: wedges inside one schematic territory, their tips deep and their bases on the cortex."""

import numpy as np
import pytest
import torch

from tests.lesions.planted import draw_lesions, filled
from xaigt.lesions import family
from xaigt.lesions.territories import TERRITORIES, outside


@pytest.fixture(scope="module")
def drawn():
    return [
        pair
        for name in TERRITORIES
        for pair in draw_lesions(
            "stroke", "mni152-dwi", 4, territories={"choice": {name: 1}}, volume_ml={"uniform": [5, 25]}
        )
    ]


def test_every_wedge_stays_in_its_territory_and_its_hemisphere(drawn):
    for world, lesion in drawn:
        found, points, _ = filled(world, lesion)
        core = points[found.core >= 0.5]
        at = world.to_template(core)
        assert float(outside(lesion.territory, lesion.side, at).max()) < 0.2
        assert float((at[:, 2] * lesion.side).min()) > -0.2
        assert float(world(core, "parenchyma").min()) > -0.2
        for axis in range(3):
            for face in (0, -1):
                assert float(found.core.select(axis, face).max()) == 0


def test_it_widens_from_a_deep_tip_to_the_cortex(drawn):
    for world, lesion in drawn:
        found, points, _ = filled(world, lesion)
        core = points[found.core >= 0.5]
        offset = core - torch.tensor(lesion.tip_mm)
        axis = torch.tensor(lesion.axis)
        along = offset @ axis
        across = (offset - along[:, None] * axis).norm(dim=-1)
        near, far = along < along.quantile(0.25), along > along.quantile(0.75)
        assert float(across[far].quantile(0.9)) > 1.2 * float(across[near].quantile(0.9))
        depth = world(core, "depth")
        if lesion.territory == "ACA":  # its cortex lies along the midline
            assert float(world.to_template(core)[:, 2].abs().min()) < 8
        else:
            assert float(depth[far].mean()) < float(depth[near].mean())
            assert float(depth.min()) < 6


def test_volume_and_provenance(drawn):
    short = 0
    for _, lesion in drawn:
        wanted = 4 / 3 * np.pi * lesion.radius_mm**3
        assert lesion.volume_mm3 <= 1.03 * wanted
        short += lesion.volume_mm3 < 0.97 * wanted  # an anterior territory may have too little room
        assert family("stroke").lesion.model_validate_json(lesion.model_dump_json()) == lesion
    assert short <= len(drawn) // 3
    for world, lesion in drawn[:3]:
        found, _, cell = filled(world, lesion, points_an_edge=56)
        assert float((found.core >= 0.5).sum()) * cell == pytest.approx(lesion.volume_mm3, rel=0.12)


def test_territories_do_not_overlap_and_are_mirror_images():
    points = torch.tensor(
        np.random.default_rng(0).uniform((-40, -110, -75), (75, 75, 75), (20000, 3)), dtype=torch.float32
    )
    inside = torch.stack([outside(name, side, points) < -0.1 for name in TERRITORIES for side in (-1.0, 1.0)])
    assert int(inside.sum(0).max()) == 1
    mirrored = points * torch.tensor([1.0, 1.0, -1.0])
    for name in TERRITORIES:
        assert torch.equal(outside(name, 1.0, points), outside(name, -1.0, mirrored))


@pytest.mark.parametrize(
    ("point", "name"),
    [((20, 0, 55), "MCA"), ((0, -10, 55), "MCA"), ((40, 45, 6), "ACA"), ((6, -85, 12), "PCA"), ((10, -70, 30), "PCA")],
)
def test_cortex_that_every_textbook_gives_to_an_artery(point, name):
    """Lateral surface and temporal lobe: middle; medial frontal lobe: anterior; occipital pole: posterior."""
    at = torch.tensor(point, dtype=torch.float32)
    assert [other for other in TERRITORIES if float(outside(other, 1.0, at)) < 0] == [name]


def test_an_unknown_territory_is_refused():
    with pytest.raises(ValueError, match="unknown territory 'ICA'"):
        family("stroke").recipe.model_validate({"territories": {"choice": {"ICA": 1}}})
