"""What is measured of drawn subjects, where it is known beforehand."""

import numpy as np
import pytest

from tests.anatomy.test_subjects import PLAIN
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.portrait import facts
from xaigt.anatomy.subjects import SubjectRecipe
from xaigt.anatomy.variation import MEASURES, drawn, measure, sources, table


@pytest.fixture(scope="module")
def fields():
    return load_fields("mni152-ct")


def test_the_plain_subject_measures_what_its_template_does(fields):
    found, known = measure(fields, PLAIN), facts(fields)
    assert found["brain_ml"] == pytest.approx(known.brain_ml, rel=0.01)
    assert found["inside_skull_ml"] == pytest.approx(known.inside_skull_ml, rel=0.01)
    assert found["ventricles_ml"] == pytest.approx(known.ventricles_ml, rel=0.05)
    assert found["midline_mm"] == pytest.approx(0, abs=0.05)


def test_volume_grows_with_the_cube_of_the_scale_and_turning_changes_nothing(fields):
    plain = measure(fields, PLAIN)
    larger = measure(fields, PLAIN.model_copy(update={"scale": (1.05, 1.05, 1.05)}))
    assert larger["brain_ml"] / plain["brain_ml"] == pytest.approx(1.05**3, rel=0.01)
    turned = measure(fields, PLAIN.model_copy(update={"rotation_deg": (5, -4, 8), "shift_mm": (3, 2, -4)}))
    assert turned["brain_ml"] == pytest.approx(plain["brain_ml"], rel=0.01)
    assert turned["midline_mm"] == pytest.approx(0, abs=0.05)


def test_drawn_subjects_vary_and_stay_anatomical(fields):
    subjects = drawn("mni152-ct", SubjectRecipe(), 4)
    spread = {name: np.std([subject[name] for subject in subjects]) for name in MEASURES}
    assert all(value > 0 for value in spread.values())
    assert np.ptp([subject["ventricles_ml"] for subject in subjects]) > 5
    assert all(abs(subject["midline_mm"]) < 8 for subject in subjects)
    assert subjects[:1] == drawn("mni152-ct", SubjectRecipe(), 1)
    page = table({"mni152-ct": subjects})
    assert page.count("| `mni152-ct` |") == len(MEASURES) and "1067 to 1673" in page
    assert "Matsumae" in sources() and "[unverified]" in sources()
