"""What a rendered sample must satisfy, whatever was drawn."""

import json

import numpy as np
import pytest
import torch

from tests.conftest import SMALL, SMALL_3D
from xaigt.anatomy.fields import CHANNELS, Fields, load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.dataset.layout import ALTERED, ARRAYS, COMPARTMENTS
from xaigt.lesions import family
from xaigt.synthesis import cover as covering
from xaigt.synthesis.acquisition import Acquisition, correlated_noise
from xaigt.synthesis.beam import beam_hardening
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import Plan, sampling_grid
from xaigt.synthesis.render import render
from xaigt.volume import Grid

CPU = torch.device("cpu")
CENTRE = load_fields("mni152-ct").centre


FAMILIES = ["epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"]


def only(family, **parameters):
    """Settings that leave one family of the recipe."""
    return ["choose=null", f"lesions=[{{family: {family}, parameters: {json.dumps(parameters)}}}]"]


def recipe(changes=SMALL, *settings):
    return load_recipe("hemorrhage", settings, changes)


def sample(number, changes=SMALL, *settings):
    chosen = recipe(changes, *settings)
    plan = draw_plan(chosen, 0, number)
    return plan, render(plan, chosen.grid.resolve(CENTRE), chosen, CPU)


def positive(changes=SMALL, *settings, start=0):
    number = next(n for n in range(start, start + 2) if draw_plan(recipe(changes), 0, n).label == 1)
    return sample(number, changes, *settings)


@pytest.mark.parametrize("changes", [SMALL, SMALL_3D], ids=["2-D", "3-D"])
@pytest.mark.parametrize("name", FAMILIES)
def test_truth_and_arrays_agree(changes, name):
    plan, found = positive(changes, *only(name, volume_ml={"uniform": [5, 20]}), start=4)
    arrays = found.arrays
    assert {name: str(array.dtype) for name, array in arrays.items()} == ARRAYS
    image, twin, altered = arrays["image"].astype(int), arrays["twin"].astype(int), arrays["altered"]
    lesion = arrays["lesion"] > 0
    assert lesion.any()
    # Altered is exactly where the stored arrays differ, and every altered voxel has one reason.
    assert np.array_equal(altered > 0, image != twin)
    assert set(np.unique(altered)) <= {0, ALTERED["lesion"], ALTERED["oedema"], ALTERED["blur"]}
    assert np.array_equal((altered & ALTERED["lesion"]) > 0, lesion & (image != twin))
    # The lesion is brighter than its surroundings and lies where its family may lie.
    assert (image - twin)[lesion].mean() > 5
    allowed = sum(COMPARTMENTS[compartment] for compartment in family(name).compartments)
    assert ((arrays["compartment"] & allowed) > 0)[lesion].mean() > 0.8  # voxels of 3.5 mm straddle borders
    assert arrays["support"][lesion].mean() > 0.95
    # The table says what the mask shows.
    row = found.lesions[0]
    assert row["voxels"] == lesion.sum()
    assert row["contrast"] == pytest.approx((image - twin)[lesion].mean(), abs=1e-3)
    assert row["volume_mm3"] == plan.lesions[0].lesion.volume_mm3


def test_the_mask_of_a_volume_has_the_nominal_volume():
    changes = {"grid.dim": 3, "grid.size": [60, 64, 64], "grid.spacing": 2.5, "grid.thickness": None}
    grid = recipe(changes).grid.resolve(CENTRE)
    for start in (0, 2):
        _, found = positive(changes, *only("intraparenchymal", volume_ml={"uniform": [10, 30]}), start=start)
        row = found.lesions[0]
        assert row["voxels"] * grid.voxel_volume == pytest.approx(row["volume_mm3"], rel=0.05)


def test_a_negative_is_its_twin_and_has_no_truth():
    number = next(n for n in range(2) if draw_plan(recipe(), 0, n).label == 0)
    plan, found = sample(number)
    lesions = [item for item in plan.lesions if item.role == "lesion"]
    assert lesions and not any(item.planted for item in lesions)
    assert {row["role"] for row in found.lesions} <= {"distractor"}
    assert np.array_equal(found.arrays["image"], found.arrays["twin"])
    assert not found.arrays["lesion"].any() and not found.arrays["altered"].any()


def test_a_slice_is_the_slice_of_the_volume():
    """2-D sets are slices of the same world: same subject, same lesion, the same voxels but for the noise."""
    quiet = ["acquisition.noise_hu=0"]
    plan, flat = positive(SMALL, *quiet)
    chosen = recipe(SMALL_3D, *quiet)
    volume_plan = draw_plan(chosen, 0, plan.sample)
    assert volume_plan.subject == plan.subject and volume_plan.lesions == plan.lesions
    grid = chosen.grid.resolve((CENTRE[0], CENTRE[1], plan.slice_mm))
    middle = Grid((3, *grid.shape[1:]), grid.spacing, grid.thickness, grid.centre)
    deep = render(volume_plan, middle, chosen, CPU)
    for name in ("image", "twin", "lesion", "support", "compartment"):
        assert np.array_equal(deep.arrays[name][1], flat.arrays[name]), name


def test_regeneration_reads_the_provenance_and_gives_the_same_bits(slices):
    grid = recipe().grid.resolve(CENTRE)
    for number in (1, 2, 3):
        stored = slices[number]
        plan = Plan.model_validate_json(stored.plan)
        again = render(plan, grid, recipe(), CPU)
        for name in ARRAYS:
            assert np.array_equal(again.arrays[name], stored.array(name))


def test_noise_has_the_recorded_deviation_and_grain():
    grid = Grid((2, 256, 256), (5.0, 1.0, 1.0), 5.0, (0.0, 0.0, 0.0))
    noise = correlated_noise(Acquisition(noise_hu=4.0, noise_fwhm_mm=2.0, noise_seed=3), grid).numpy()
    assert noise.std() == pytest.approx(4, rel=0.03)
    assert abs(noise.mean()) < 0.15
    sd = 2.0 / 2.3548
    for lag in (1, 2):  # the autocorrelation of Gaussian-smoothed white noise
        rolled = np.roll(noise, lag, axis=2)
        assert np.mean(noise * rolled) / noise.var() == pytest.approx(np.exp(-(lag**2) / (4 * sd**2)), abs=0.05)
    assert abs(np.mean(noise[0] * noise[1])) / noise.var() < 0.03  # slices are independent


def test_no_noise_is_no_noise():
    _, first = positive(SMALL, "acquisition.noise_hu=0")
    _, second = positive(SMALL, "acquisition.noise_hu=0", "acquisition.noise_fwhm_mm=9")
    assert np.array_equal(first.arrays["image"], second.arrays["image"])


def test_epsilon_decides_what_counts_as_altered():
    _, fine = positive(SMALL, *only("intraparenchymal"), "epsilon=0.5")
    _, coarse = positive(SMALL, *only("intraparenchymal"), "epsilon=3")
    difference = np.abs(fine.arrays["image"].astype(int) - fine.arrays["twin"])
    assert np.array_equal(coarse.arrays["altered"] > 0, difference > 3)
    assert (fine.arrays["altered"] > 0).sum() > (coarse.arrays["altered"] > 0).sum()


def test_three_lesions_have_three_numbers():
    _, found = positive(
        SMALL_3D, "choose=null", "lesions=[{family: intraparenchymal, count: 3, parameters: {volume_ml: 4}}]"
    )
    numbers = set(np.unique(found.arrays["lesion"])) - {0}
    assert numbers == {row["instance"] for row in found.lesions if row["voxels"]}
    assert [row["instance"] for row in found.lesions] == [1, 2, 3]


# science: mean and SD of whole lesions of 1 mL and more, as seen at 5 mm slices.
TABLE = {
    "epidural": (57.7, 9.2),
    "subdural": (50.5, 13.5),
    "subarachnoid": (45.6, 6.8),
    "intraparenchymal": (49.7, 7.3),
    "intraventricular": (43.5, 8.6),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_whole_lesion_densities_are_within_one_deviation_of_the_table(name):
    """The median, as partial volume with bone makes outliers; a finer comparison needs hundreds of lesions."""
    chosen = recipe({}, *only(name, **SETTINGS_OF[name]))
    means = []
    for number in range(44):
        plan = draw_plan(chosen, 3, number)
        if plan.label == 1 and plan.lesions[0].lesion.volume_mm3 >= 1000:
            _, y, x = plan.lesions[0].lesion.centre_mm
            around = Grid((1, 96, 96), (5.0, 1.0, 1.0), 5.0, (x, y, 0.0))
            means.append(render(plan, around, chosen, CPU).lesions[0]["mean"])
    wanted, deviation = TABLE[name]
    assert len(means) > 10
    assert np.median(means) == pytest.approx(wanted, abs=deviation)


SETTINGS_OF = {group.family: group.parameters for group in load_recipe("hemorrhage").lesions}


@pytest.mark.parametrize("name", FAMILIES)
def test_no_positive_lacks_its_lesion(name):
    """Thin layers and thin sulci on 5 mm slices: the mask of every lesion has voxels; fresh blood is brighter."""
    chosen = recipe({"grid.size": 112, "grid.spacing": 2.0}, *only(name, **SETTINGS_OF[name]))
    for number in range(10):
        plan = draw_plan(chosen, 8, number)
        if plan.label == 1:
            row = render(plan, chosen.grid.resolve(CENTRE), chosen, CPU).lesions[0]
            assert row["voxels"] > 0 and (row["contrast"] > 3 or row["stage"] != "acute")


@pytest.mark.parametrize("changes", [SMALL, SMALL_3D], ids=["2-D", "3-D"])
def test_what_is_far_from_the_head_need_not_be_read(changes, monkeypatch):
    """Only the head's surroundings are read; reading everything gives the same."""
    chosen = load_recipe("hemorrhage", changes=changes)
    plan, grid = draw_plan(chosen, 0, 1), sampling_grid(chosen)
    found = render(plan, grid, chosen, CPU)
    monkeypatch.setattr(Fields, "is_near", lambda _, points: torch.ones(points.shape[1:], dtype=torch.bool))
    whole = render(plan, grid, chosen, CPU)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


def test_air_is_not_near_and_what_is_not_near_is_air():
    fields = load_fields("mni152-ct")
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(-130, 130, (3, 20000)).astype(np.float32))
    near = fields.is_near(points)
    soft = fields.sampler(CPU)(points.T)[CHANNELS.index("soft")]
    assert 0.2 < near.float().mean() < 0.9
    assert torch.allclose(soft[~near], torch.tensor(-1000.0), atol=0.05) and (soft[near] > -999).float().mean() > 0.5


@pytest.mark.parametrize(("height", "beam"), [(-34.0, True), (40.0, False)])
def test_beam_hardening_brightens_the_rim_and_darkens_the_bar(height, beam):
    subject = draw_plan(load_recipe("hemorrhage", changes=SMALL), 0, 0).subject.model_copy(
        update={"rotation_deg": (0, 0, 0), "scale": (1, 1, 1), "shift_mm": (0, 0, 0), "displacement_mm": 0.0}
    )
    anatomy = Anatomy.of(load_fields("mni152-ct"), subject, CPU)
    grid = Grid((1, 128, 128), (5.0, 1.75, 1.75), 5.0, (0.0, -18.0, height))
    depth = anatomy(anatomy.lattice(grid.axes()), "depth")
    acquisition = Acquisition(noise_hu=0, noise_fwhm_mm=1, noise_seed=0, beam_hu=10, beam_phase=0, rim_hu=2)
    added = beam_hardening(acquisition, grid, anatomy, depth)
    rim = 2 * torch.exp(-depth.clamp(min=0) / 6) * (depth > 0)
    y, x = (axis[None, :, None] if i == 0 else axis[None, None, :] for i, axis in enumerate(grid.axes()[1:]))
    between = torch.from_numpy((np.abs(y + 25) < 1) & (np.abs(x) < 10)) & (depth > 0)
    assert between.any() and not added[depth <= 0].any()
    if beam:
        assert (added - rim)[between].mean() < -4
    else:
        assert torch.allclose(added, rim, atol=0.05)
    still = acquisition.model_copy(update={"beam_hu": 0.0, "rim_hu": 0.0})
    assert beam_hardening(still, grid, anatomy, depth) is None


def test_one_pixel_in_nine_shows_where_a_plain_lesion_is(monkeypatch):
    """Looking at every pixel of a thick slice finds no more of a plain lesion."""
    chosen = load_recipe("hemorrhage", changes={"grid.dim": 2, "grid.thickness": 5.0})
    grid, met = sampling_grid(chosen), set()
    monkeypatch.setattr(covering, "_FEW", 0)
    for number in range(24):
        plan = draw_plan(chosen, 3, number)
        anatomy = Anatomy.of(load_fields(plan.template), plan.subject, CPU)
        for item in plan.lesions:
            kind, here = family(item.lesion.family), grid.at(item.lesion.centre_mm[0])
            if not kind.plain:
                continue
            found = covering.cover(kind, item.lesion, anatomy, here)
            with monkeypatch.context() as patch:
                patch.setattr(type(kind), "plain", False)
                every = covering.cover(kind, item.lesion, anatomy, here)
            np.testing.assert_array_equal(found.core, every.core, err_msg=f"{number}: {kind.name}")
            met |= {kind.name} if bool((found.core > 0).any()) else set()
    assert met >= {"epidural", "subdural", "intraventricular", "dense-falx", "skull-edge"}
