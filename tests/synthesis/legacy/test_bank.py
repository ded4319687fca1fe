"""The lesion bank, held to what the published notebook printed and to what the study's data show."""

import numpy as np
import pytest
from skimage.measure import perimeter_crofton
from skimage.transform import resize

from xaigt.synthesis.legacy import bank
from xaigt.synthesis.legacy.matching import matched_templates, stored_area


@pytest.mark.slow
def test_the_harvest_is_the_published_one():
    # Printed by the published notebook: "round lesions: 51/50 === not round lesions 207/50, number of seeds used: 886"
    (round_blobs, irregular), last_seed = bank.harvest()
    assert (len(round_blobs), len(irregular), last_seed) == (51, 207, 886)
    for found, kept in zip((round_blobs, irregular), bank.load_bank(), strict=True):
        assert len(kept) == 50
        for one, other in zip(found[:50], kept, strict=True):
            assert np.array_equal(one.pixels, other.pixels)
            assert (one.compactness, one.seed) == (other.compactness, other.seed)


def test_support_areas_of_the_lesions_in_use_are_the_published_ones():
    first, second = ([int((template > 0).sum()) for template in kind[: bank.USED]] for kind in bank.templates())
    assert (min(first), max(first)) == (452, 496)
    assert (min(second), max(second)) == (576, 708)


@pytest.mark.parametrize(("kind", "floor"), [(bank.ROUND, 0.2), (bank.IRREGULAR, 0.15)])
def test_every_blob_obeys_the_published_rules(kind, floor):
    for blob in bank.load_bank()[kind]:
        # rounded to three decimals after it was compared
        assert blob.compactness >= 0.8 if kind == bank.ROUND else blob.compactness <= 0.4
        assert abs(blob.pixels.sum() - 67.375) <= 1.005  # the sum was rounded to two decimals
        assert blob.pixels[blob.pixels > 0].min() >= floor
        assert blob.pixels.max() <= 1


def test_the_first_seeds_step_by_step():
    """An independent way through one noise image: flood fill, and a perimeter by scikit-image on the whole frame."""
    from scipy.ndimage import binary_erosion, binary_opening, gaussian_filter
    from skimage.filters import threshold_otsu

    blob = bank.load_bank()[bank.ROUND][0]
    np.random.seed(blob.seed)  # noqa: NPY002 - what the published code calls
    smooth = gaussian_filter(np.random.rand(256, 256), 2)  # noqa: NPY002
    opened = binary_opening(binary_erosion(smooth > threshold_otsu(smooth)))
    found = []
    for binary in (opened, binary_erosion(opened)):
        free = binary.copy()
        for start in zip(*np.nonzero(binary), strict=True):
            component, waiting = [], [start] if free[start] else []
            while waiting:
                row, column = waiting.pop()
                if not (0 <= row < 256 and 0 <= column < 256 and free[row, column]):
                    continue
                free[row, column] = False
                component.append((row, column))
                waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
            if len(component) == 70:
                mask = np.zeros((256, 256), bool)
                mask[tuple(np.transpose(component))] = True
                compactness = 4 * np.pi * 70 / perimeter_crofton(mask) ** 2
                if compactness > 0.8:
                    found.append((round(compactness, 3), mask))
    compactness, mask = next(item for item in found if item[0] == blob.compactness)
    rows, columns = np.nonzero(mask)
    crop = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    blurred = gaussian_filter(np.pad(crop.astype(float), 2), 0.75)
    assert np.allclose(blob.pixels, np.where(blurred < 0.2, 0, blurred), atol=1e-12)


def test_upscaling_doubles_each_side():
    blob = bank.load_bank()[bank.IRREGULAR][0]
    rows, columns = blob.pixels.shape
    assert np.array_equal(bank.templates()[bank.IRREGULAR][0], resize(blob.pixels, (2 * rows, 2 * columns)))


def test_matched_lesions_differ_in_shape_alone():
    first, second = matched_templates()
    both = [*first, *second]
    areas = np.array([stored_area(template > 0) for template in both])
    assert np.ptp(areas) / areas.mean() < 0.01
    masses = np.array([template.sum() for template in both])
    assert np.ptp(masses) / masses.mean() < 1e-6
    assert all(template.max() == 1 and template.min() == 0 for template in both)
    for template, whole in zip(both, [*bank.templates()[0], *bank.templates()[1]], strict=True):
        kept = template > 0
        assert whole[kept].min() >= whole[~kept].max()  # the brightest pixels, in their order
        order = np.argsort(whole[kept])
        assert (np.diff(template[kept][order][np.diff(whole[kept][order], prepend=-1) > 0]) > 0).all()


def test_stored_area_by_resizing():
    """Mean number of pixels above 0 after the published resizing, counted over the same positions."""
    mask = bank.templates()[bank.IRREGULAR][3] > 0
    counts = []
    for row in range(0, 135, 27):
        for column in range(0, 135, 27):
            frame = np.zeros((270, 270))
            frame[row : row + mask.shape[0], column : column + mask.shape[1]] = mask
            counts.append((resize(frame, (224, 224)) > 0).sum())
    assert stored_area(mask) == pytest.approx(np.mean(counts), rel=1e-6)
