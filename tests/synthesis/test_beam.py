"""Beam hardening: a dark band between the petrous bones, a bright rim under the skull; in image and twin alike."""

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.randomness import stream
from xaigt.synthesis import beam
from xaigt.synthesis.acquisition import Acquisition, correlated_noise
from xaigt.synthesis.beam import PETROUS, RIM_MM, beam_hardening
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render
from xaigt.volume import Grid

STILL = SubjectRecipe.model_validate({"rotation_deg": 0, "shift_mm": 0, "scale": 1, "axis_scale": 1,
                                      "displacement_mm": 0, "ventricles_mm": 0})  # fmt: skip


@pytest.fixture(scope="module")
def anatomy():
    return Anatomy.of(load_fields("mni152-ct"), draw_subject(stream(0, 0, "subject"), STILL), torch.device("cpu"))


def added(anatomy, height, **settings):
    acquisition = Acquisition(noise_hu=4, noise_fwhm_mm=1.5, noise_seed=1, **settings)
    grid = Grid((1, 101, 101), (5.0, 2.0, 2.0), 5.0, (0.0, -18.0, height))
    points = anatomy.lattice(grid.axes())
    depth = anatomy(points, "depth")
    return beam_hardening(acquisition, grid, anatomy, depth), depth, grid


def test_without_it_nothing_is_added(anatomy):
    assert added(anatomy, 0.0)[0] is None
    high = added(anatomy, 60.0, beam_hu=10)[0]  # far above the petrous bones
    assert high is None or float(high.abs().max()) == 0


def test_the_band_is_dark_between_the_petrous_bones_and_gives_back_what_it_takes(anatomy):
    band, depth, grid = added(anatomy, PETROUS[0], beam_hu=10)
    column = 50  # the midline
    dark = int(np.abs(grid.axes()[1] - PETROUS[1]).argmin())
    profile = band[0, :, column]
    assert -14 <= float(profile[dark]) <= -5 and float(profile.max()) > 2
    assert float(band[depth <= 0].abs().max()) == 0
    assert abs(float(profile.mean())) < 0.5


@pytest.mark.parametrize("settings", [{"beam_hu": 10, "beam_phase": 0.3}, {"rim_hu": 3}, {"beam_hu": 8, "rim_hu": 2}])
def test_compiled_and_on_other_devices_it_is_the_same(anatomy, settings, monkeypatch):
    here = added(anatomy, PETROUS[0] + 4, **settings)[0]
    monkeypatch.setattr(beam, "_compiled", beam._computed)
    there = added(anatomy, PETROUS[0] + 4, **settings)[0]
    # What is skipped is less than a ten-thousandth of the amplitude, in each of two terms.
    assert float((here - there).abs().max()) < 0.003 and float(here.abs().max()) > 1


def test_the_rim_falls_with_the_depth(anatomy):
    rim, depth, _ = added(anatomy, 40.0, rim_hu=3)
    at = (depth > 5.5) & (depth < 6.5)
    assert float(rim.max()) == pytest.approx(3, abs=0.4) and float(rim[depth > 40].max()) < 0.01
    assert float(rim[at].mean()) == pytest.approx(3 * np.exp(-6 / RIM_MM), rel=0.1)


def test_it_is_in_image_and_twin_of_every_class():
    recipe, off = (
        load_recipe(
            "hemorrhage",
            ["acquisition.noise_hu=0", f"acquisition.rim_hu={rim}", f"acquisition.beam_hu={beam}"],
            SMALL,
        )
        for rim, beam in ((3, 12), (0, 0))
    )  # fmt: skip
    for sample in range(2):
        plan = draw_plan(recipe, 0, sample)
        with_it = render(plan, sampling_grid(recipe), recipe, torch.device("cpu")).arrays
        without = render(draw_plan(off, 0, sample), sampling_grid(off), off, torch.device("cpu")).arrays
        assert not np.array_equal(with_it["twin"], without["twin"])
        difference = with_it["image"].astype(int) - with_it["twin"]
        assert np.abs(difference - (without["image"].astype(int) - without["twin"])).max() <= 1  # rounding


def test_noise_is_none_of_it():
    acquisition = Acquisition(noise_hu=0, noise_fwhm_mm=1.5, noise_seed=1, beam_hu=10)
    assert float(correlated_noise(acquisition, Grid((1, 8, 8), (5.0, 2.0, 2.0), 5.0, (0, 0, 0))).abs().max()) == 0
