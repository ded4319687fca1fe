"""Each defect, switched on alone, makes a leak that can be measured; with all of them mended there is none."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import ndimage

import xaigt
from xaigt.anatomy.fields import load_fields
from xaigt.synthesis.legacy import backgrounds, plan, samples
from xaigt.synthesis.legacy.recipe import MENDED, PUBLISHED, variants

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
PLANS = 500


@functools.cache
def recipe(variant):
    return xaigt.load_recipe("lesion-shape-legacy", variants()[variant])


def auc(labels, values):
    """Share of pairs of a round and an irregular image in which the irregular one has the larger value."""
    first, second = (np.asarray(values)[np.asarray(labels) == label] for label in (0, 1))
    above = (second[:, None] > first).mean() + 0.5 * (second[:, None] == first).mean()
    return float(above)


@pytest.fixture(scope="module")
def plans():
    """Plans of a variant, all drawn into one and the same slice: that is where the time goes."""
    chosen = recipe(MENDED)
    frame = chosen.grid.source(load_fields("mni152-t1").centre)
    image = backgrounds.slice_of(backgrounds.draw_background(chosen, 0, 0), frame)

    @functools.cache
    def of(variant):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plan, "slice_of", lambda background, grid: image)
            return [plan.draw_plan(recipe(variant), 0, number, SHARES) for number in range(PLANS)]

    return of


@functools.cache
def rendered(variant, count=16):
    drawn = [plan.draw_plan(recipe(variant), 0, number, SHARES) for number in range(count)]
    return [(one.label, samples.render(one, recipe(variant))) for one in drawn]


def planted(one):
    return [item.lesion for item in one.lesions if item.planted]


def test_labels_and_numbers_are_the_published_ones_in_every_variant(plans):
    for variant in (MENDED, PUBLISHED):
        for one in plans(variant):
            rng = np.random.RandomState({"train": 0, "val": 30_000, "test": 50_000}[one.split] + _rank(plans, one))
            assert (len(planted(one)), one.label) == (rng.randint(3, 6), rng.randint(0, 2))


def _rank(plans, one):
    return sum(other.split == one.split for other in plans(MENDED)[: one.sample])


def test_reused_templates(plans):
    for variant, reused in ((MENDED, False), ("reused_templates", True)):
        used = {
            split: [{item.template for item in planted(one)} for one in plans(variant) if one.split == split]
            for split in SHARES
        }
        in_splits = {split: set().union(*found) for split, found in used.items()}
        assert bool(in_splits["train"] & in_splits["test"]) == reused
        assert bool(in_splits["train"] & in_splits["val"]) == reused
        of_round = [{item.template for item in planted(one)} for one in plans(variant) if one.label == 0]
        assert (set().union(*of_round) == set(range(5))) == reused
        # Which templates an image shows tells its class: round ones begin with the first three, always.
        first_three = [float({0, 1, 2} <= {item.template for item in planted(one)}) for one in plans(variant)]
        found = auc([one.label for one in plans(variant)], first_three)
        assert found < 0.02 if reused else abs(found - 0.5) < 0.05


def test_unequal_boxes(plans):
    """Irregular lesions keep away from the edge of the brain, and need more tries."""
    for variant, unequal in ((MENDED, False), ("unequal_boxes", True)):
        labels = [one.label for one in plans(variant)]
        centres = [np.array([item.centre_mm[1:] for item in planted(one)]) for one in plans(variant)]
        middle = np.concatenate(centres).mean(0)
        distance = auc(labels, [np.hypot(*(places - middle).T).mean() for places in centres])
        tries = auc(labels, [np.mean([len(item.drawn_index) for item in planted(one)]) for one in plans(variant)])
        if unequal:
            assert distance < 0.45
            assert tries > 0.6
        else:
            assert abs(distance - 0.5) < 0.06
            assert abs(tries - 0.5) < 0.06


def test_coupled_random_numbers(plans):
    """The parity of the first pixel drawn for a place goes with the class, and that of the second more so."""
    for variant, coupled in ((MENDED, False), ("coupled_random_numbers", True)):
        drawn = [(one.label, planted(one)[0].drawn_index) for one in plans(variant)]
        first = auc([label for label, _ in drawn], [index[0] % 2 for _, index in drawn])
        second = [(label, index[1] % 2) for label, index in drawn if len(index) > 1]
        assert (first > 0.56) == coupled
        assert (auc(*zip(*second, strict=True)) > 0.58) == coupled


def test_overlapping_backgrounds(plans):
    for variant, overlapping in ((MENDED, False), ("overlapping_backgrounds", True)):
        backgrounds_of = {split: [one.background for one in plans(variant) if one.split == split] for split in SHARES}
        shared = [number in backgrounds_of["val"] for number in backgrounds_of["test"]]
        assert len(set(backgrounds_of["train"] + backgrounds_of["val"])) == sum(
            one.split != "test" for one in plans(variant)
        )
        assert np.mean(shared) == pytest.approx(2500 / 8539 if overlapping else 0, abs=0.01)


@pytest.mark.parametrize("variant", [MENDED, "unmatched_area", "visible_boxes"])
def test_areas(variant):
    """Area of the truth, nominal volume, and area of what differs from the healthy twin."""
    labels = [label for label, _ in rendered(variant)]
    voxels, volumes, altered = [], [], []
    for _, one in rendered(variant):
        count = len(one.lesions)
        voxels.append((one.arrays["lesion"] > 0).sum() / count)
        volumes.append(np.mean([row["volume_mm3"] for row in one.lesions]))
        altered.append((one.arrays["altered"] > 0).sum() / count)
    if variant == "unmatched_area":
        assert auc(labels, voxels) == auc(labels, volumes) == 1
    else:
        assert np.ptp(volumes) < 1e-9
        means = [np.mean([v for v, label in zip(voxels, labels, strict=True) if label == k]) for k in (0, 1)]
        assert means[0] == pytest.approx(means[1], rel=0.01)
    # Box area alone tells the class; without boxes, what differs is the truth.
    if variant == "visible_boxes":
        assert auc(labels, altered) == 1
        assert all((one.arrays["altered"] == 8).sum() > 500 for _, one in rendered(variant))
    else:
        for _, one in rendered(variant):
            changed, lesion = (one.arrays[name] > 0 for name in ("altered", "lesion"))
            assert not (changed & ~lesion).any()
            assert changed.sum() > 0.97 * lesion.sum()  # at its edge a lesion can be less than a quantum


def test_as_published():
    """Truth covers about 3.4 % of the image; the swapped twin has the other class's lesions at the same places."""
    share = [(one.arrays["lesion"] > 0).mean() for _, one in rendered(PUBLISHED)]
    assert np.mean(share) == pytest.approx(0.034, abs=0.004)
    for label, one in rendered(PUBLISHED):
        arrays = one.arrays
        assert arrays["image"].max() < 8600  # 1 - 0.3 * 0.5 = 0.85
        assert arrays["twin"].max() <= 7000
        lesions, swapped = (arrays[name] > 0 for name in ("lesion", "swapped_lesion"))
        assert (lesions.sum() < swapped.sum()) == (label == 0)
        outside = ~ndimage.binary_dilation(arrays["support"] > 0, iterations=2)
        assert not arrays["swapped"][outside].any()  # a larger lesion may leave the brain: it is cut there
        assert (arrays["support"][lesions] > 0).all()
        assert not arrays["other"].any()
        for number in range(1, len(one.lesions) + 1):
            both = (arrays["lesion"] == number, arrays["swapped_lesion"] == number)
            first, second = (np.argwhere(mask).mean(0) for mask in both)
            assert np.abs(first - second).max() < 12  # rectangles share their middle


def test_the_image_is_the_published_formula():
    """From the stored twin and the plan alone: 1 - (1 - B)(1 - L), by scikit-image, within a quantum."""
    from skimage.transform import resize

    from xaigt.synthesis.legacy import bank

    chosen = recipe(PUBLISHED)
    one = plan.draw_plan(chosen, 0, 3, SHARES)
    frame = chosen.grid.source(load_fields("mni152-t1").centre).at(one.slice_mm)
    background = backgrounds.slice_of(one.ground, frame)
    assert background.max() == pytest.approx(0.7)
    assert background.min() == 0
    mask = (background > 0).astype(float)
    for item in planted(one):
        template = bank.templates()[one.label][item.template]
        rows, columns = template.shape
        scaled = (template - template.min()) / (template.max() - template.min()) * (0.5 - 0.1) + 0.1
        window = mask[item.row : item.row + rows, item.column : item.column + columns]
        assert (window == 1).all()  # wholly in the brain, and touching no earlier rectangle
        window -= scaled
    image = background.copy()
    image[image > 0] = 1 - image[image > 0]
    image[mask != 0] *= mask[mask != 0]
    image[background > 0] = 1 - image[background > 0]
    wanted = resize(np.repeat(image[..., None], 3, axis=2), (224, 224))[..., 0]
    stored = samples.render(one, chosen).arrays["image"]
    assert np.abs(stored - wanted * 10_000).max() <= 0.5 + 1e-6
