"""The audit fails on the published data for its defects alone, each in its own line; not when all are mended.

Coupled random numbers and unequal boxes are weak signs (areas of .6 to .7): they need several hundred samples.

Images have one brain and noise of their own: reading the anatomy of every image is most of the time of a dataset.
"""

from __future__ import annotations

import numpy as np
import pytest

import xaigt
from xaigt.anatomy.fields import load_fields
from xaigt.audit import Verdict, audit
from xaigt.randomness import white_noise
from xaigt.synthesis.legacy import backgrounds, plan, samples
from xaigt.synthesis.legacy.recipe import MENDED, PUBLISHED, variants

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


@pytest.fixture
def dataset(monkeypatch, tmp_path):
    recipe = xaigt.load_recipe("lesion-shape-legacy", variants()[MENDED])
    ground = backgrounds.draw_background(recipe, 0, 0)
    frame = recipe.grid.source(load_fields(ground.template).centre).at(ground.slice_mm)
    slice_, channels = backgrounds.slice_of(ground, frame), backgrounds.read_channels(ground, frame)

    def slice_of(background, grid):
        noise = 0.02 * white_noise(background.noise_seed, slice_.shape)
        return np.where(slice_ > 0, np.clip(slice_ + noise, 1e-9, 0.7), 0)

    for module in (plan, samples):
        monkeypatch.setattr(module, "slice_of", slice_of)
    monkeypatch.setattr(samples, "read_channels", lambda background, grid: channels)

    def make(variant, count):
        folder = tmp_path / f"{variant}-{count}"
        chosen = xaigt.load_recipe("lesion-shape-legacy", variants()[variant])
        xaigt.generate(chosen, folder, samples=count, splits=SHARES)
        return xaigt.load(folder)

    return make


def failed(report):
    return {item.name for item in report.failed}


EXPECTED = {
    "reused_templates": (120, {"no lesion shape in two splits"}),
    "visible_boxes": (60, {"altered area"}),
    "unmatched_area": (60, {"area", "area total", "volume"}),
    "overlapping_backgrounds": (60, {"no subject in two splits", "no random numbers used twice"}),
}


@pytest.mark.parametrize("defect", EXPECTED)
def test_a_defect_alone_fails(dataset, defect):
    count, names = EXPECTED[defect]
    report = audit(dataset(defect, count), pixels=False, rerender=0)
    assert report.verdict is Verdict.FAIL
    assert names <= failed(report)


@pytest.mark.slow
def test_unequal_boxes_alone_fail_where_there_are_enough(dataset):
    assert "place depth least" in failed(audit(dataset("unequal_boxes", 600), pixels=False, rerender=0))


@pytest.mark.slow
def test_coupled_random_numbers_alone_fail_where_there_are_enough(dataset):
    names = failed(audit(dataset("coupled_random_numbers", 800), arrays=False))
    assert "parity of drawn_index 1" in names
    assert names <= {"parity of drawn_index 0", "parity of drawn_index 1", "all together"}


def test_as_published_fails(dataset):
    names = failed(audit(dataset(PUBLISHED, 60), pixels=False, rerender=0))
    assert {"no lesion shape in two splits", "altered area", "area", "no subject in two splits"} <= names


@pytest.mark.slow
def test_with_every_defect_mended_nothing_fails_and_the_class_is_the_shape(dataset):
    report = audit(dataset(MENDED, 150), rerender=0)
    assert failed(report) == set()
    verdicts = {(line.name, line.test): line.verdict for line in report.lines}
    assert verdicts["compactness", "rank"] is verdicts["extent y", "rank"] is Verdict.PASS
    assert verdicts["lesion alone", "pixels"] is Verdict.PASS
