"""Generated hemorrhages beside published figures of real ones; docs/explanation/realism.md has 500 a subtype."""

import numpy as np
import pandas as pd
import pytest

from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.realism.figures import table_text
from xaigt.synthesis.realism.lesions import compare, extent_fit, observe
from xaigt.synthesis.realism.targets import EXTENT_TOLERANCE, HU_TOLERANCE, TARGETS


def clusters(ml, hu, extent, family="epidural", case_ml=None):
    cases = np.arange(len(ml))
    return pd.DataFrame(
        {"case": cases, "family": family, "ml": ml, "hu": hu, "extent_z_mm": extent, "case_ml": case_ml or ml}
    )


def test_z_extents_are_fitted_on_the_logarithm_of_the_volume():
    volumes = [0.5, 1.0, 4.0, 16.0]
    assert extent_fit(clusters(volumes, [50.0] * 4, 6 * np.log(volumes) + 17)) == pytest.approx((6, 17))


def test_densities_count_from_one_millilitre_and_volumes_of_cases_once():
    volumes = [0.2, 2.0, 4.0, 8.0]
    table = compare(clusters(volumes, [10.0, 50.0, 60.0, 70.0], [5.0, 20.0, 30.0, 40.0])).set_index("figure")
    assert table.loc["HU, mean", "generated"] == 60 and table.loc["HU, SD", "generated"] == 10
    assert table.loc["mL a case, 50%", "generated"] == 3
    assert table.loc["HU, mean", "met"] and not table.loc["mL a case, 95%", "met"]
    assert table.loc["z-extent at 1 mL, mm", "real"] == 19.1
    assert "**no**" in table_text(table)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_generated_lesions_are_as_dense_as_large_and_as_high_as_real_ones(name):
    """Tolerances are those of the full table plus what 60 cases leave to chance: two standard errors."""
    count, target = 60, TARGETS[name]
    found = observe(load_recipe("hemorrhage"), name, count)
    table = compare(found).set_index("figure")
    generated = table["generated"]
    chance = 2 * target.hu[1] / np.sqrt(count)
    assert generated["HU, mean"] == pytest.approx(target.hu[0], abs=HU_TOLERANCE + chance)
    assert generated["HU, SD"] == pytest.approx(target.hu[1], abs=HU_TOLERANCE + chance / np.sqrt(2))
    cases = found.groupby("case")["case_ml"].first()
    for share, volume in zip((0.25, 0.5, 0.75, 0.95), target.volume_ml, strict=True):
        # As many cases are smaller as the quantile says; large ventricular and subarachnoid bleedings lack room.
        chance = 2 * np.sqrt(share * (1 - share) / count)
        assert (cases <= volume).mean() == pytest.approx(share, abs=chance + 0.05), share
    for volume in (5.0, 20.0):
        figure = f"z-extent at {volume:g} mL, mm"
        assert generated[figure] == pytest.approx(target.extent_mm(volume), rel=EXTENT_TOLERANCE + 0.05), figure
