"""What every family that replaces a piece of tissue keeps: volume, tissue, site, contrast, provenance."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.lesions.planted import Slab, anatomy, draw_lesions, filled
from xaigt.errors import XaigtError
from xaigt.lesions import family
from xaigt.lesions.regions import REGIONS
from xaigt.lesions.signal import draw_value
from xaigt.randomness import stream
from xaigt.volume import Grid

TEMPLATE = {
    "white-matter": "mni152-flair",
    "ms": "mni152-flair",
    "lacune": "mni152-flair",
    "microbleed": "mni152-swi",
    "calcification": "mni152-ct",
    "tumor": "mni152-flair",
}
# science: image values of each contrast over white matter (CT: HU), and on which side of white matter they lie.
VALUES = [
    ("white-matter", "T1w", 0.82, 0.91),
    ("white-matter", "T2w", 1.6, 2.2),
    ("white-matter", "FLAIR", 1.5, 1.9),
    ("lacune", "T1w", 0.42, 0.42),
    ("lacune", "T2w", 3.8, 3.8),
    ("lacune", "FLAIR", 0.0, 0.2),
    ("microbleed", "SWI", 0.1, 0.4),
    ("calcification", "CT", 100, 400),
    ("tumor", "T1w", 1.3, 2.0),
    ("stroke", "DWI", 1.5, 2.5),
    ("stroke", "ADC", 0.5, 0.7),
    ("stroke", "CT", 18, 24),
]


@pytest.fixture(scope="module")
def drawn():
    return {name: draw_lesions(name, template, 24, seed=n) for n, (name, template) in enumerate(TEMPLATE.items())}


@pytest.mark.parametrize("name", TEMPLATE)
def test_the_volume_is_reached_and_counted_alike(drawn, name):
    for _, lesion in drawn[name]:
        assert lesion.volume_mm3 == pytest.approx(4 / 3 * np.pi * lesion.radius_mm**3, rel=0.03)
        assert family(name).lesion.model_validate_json(lesion.model_dump_json()) == lesion
        assert lesion.volume_mm3 > family(name).smallest_mm3
    for world, lesion in drawn[name][:3]:
        found, _, cell = filled(world, lesion)
        assert float((found.core >= 0.5).sum()) * cell == pytest.approx(lesion.volume_mm3, rel=0.12)


@pytest.mark.parametrize("name", TEMPLATE)
def test_it_lies_at_its_site_in_its_tissue_within_its_reach(drawn, name):
    for world, lesion in drawn[name][:6]:
        region = REGIONS[lesion.site]
        at = world.to_template(torch.tensor(lesion.centre_mm))
        z, y, x = at[0], at[1], at[2].abs() if region.paired else at[2]
        for value, (low, high) in zip((z, y, x), region.box, strict=True):
            assert low - 0.01 <= float(value) <= high + 0.01
        found, points, _ = filled(world, lesion)
        core = points[found.core >= 0.5]
        if name == "white-matter":
            assert float(world(core, "white").min()) > 0.3 and float(world(core, "ventricles").max()) < 0.2
        elif name != "calcification":
            assert float(world(core, "parenchyma").min()) > -0.2
        assert float(world(core, "depth").min()) > 0
        for axis in range(3):
            for face in (0, -1):
                assert float(found.core.select(axis, face).max()) == 0
                assert float(found.oedema.select(axis, face).max()) < 0.02
        low, high = lesion.z_range_mm
        assert core[:, 0].min() <= low <= high <= core[:, 0].max()


@pytest.mark.parametrize(("name", "contrast", "low", "high"), VALUES)
def test_values_are_the_published_ones(name, contrast, low, high):
    world = Slab()
    world.modality = contrast
    kind, unit = family(name), 1 if contrast == "CT" else 1000
    recipe = kind.recipe()
    drawn = [draw_value(stream(0, n, "contrast"), recipe.signal, world, name) for n in range(50)]
    assert low * unit <= min(drawn) and max(drawn) <= high * unit
    assert max(drawn) - min(drawn) >= 0.7 * (high - low) * unit


def test_a_contrast_that_is_not_known_is_named_with_those_that_are():
    world = Slab()
    world.modality = "SWI"
    with pytest.raises(XaigtError, match=r"family ms: parameters.signal says nothing of SWI, only of T1w, T2w"):
        draw = family("ms").draw
        draw(lambda purpose: np.random.default_rng(0), family("ms").recipe(), world)


def test_both_sides_are_equally_often(drawn):
    sides = [float(world.to_template(torch.tensor(lesion.centre_mm))[2]) > 0
             for name in TEMPLATE for world, lesion in drawn[name] if REGIONS[lesion.site].paired]  # fmt: skip
    assert abs(np.mean(sides) - 0.5) < 4 * 0.5 / np.sqrt(len(sides))


@pytest.mark.parametrize("height", [10.0, 24.0, 40.0])
def test_where_the_slice_is_known_lesions_lie_in_it(height):
    grid = Grid((1, 64, 64), (3.0, 3.5, 3.5), 3.0, (0.0, -18.0, height))
    world = replace(anatomy("mni152-flair"), grid=grid)
    kind = family("ms")
    for sample in range(6):
        lesion = kind.draw(partial(stream, 3, sample), kind.recipe(), world)
        assert abs(lesion.centre_mm[0] - height) <= 0.25 * lesion.radius_mm + 1e-3
        assert lesion.volume_mm3 > 40


def test_an_unknown_site_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown site 'thalmus'.*'thalamus'"):
        family("lacune").recipe.model_validate({"sites": {"choice": {"thalmus": 1}}})
