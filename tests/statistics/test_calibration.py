"""The calibration: a batch is what compare gives for each study; the page is made of its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xaigt.statistics import calibration_clusters, compare
from xaigt.statistics.calibration import analyses, run, truth
from xaigt.statistics.calibration_report import BAND, text, write
from xaigt.statistics.scenarios import CLUSTERED, SCENARIOS
from xaigt.statistics.simulation import World, simulate

DOCS = Path(__file__).parents[2] / "docs" / "explanation"
WORLD = World(networks=4, samples=6, gap=0.5, accuracy_samples=80)
PRESENT = np.arange(18)[:, None] % 3 != np.arange(3)[None, :] - 1
OURS = {
    "adjusted": "adjusted",
    "total": "total",
    "naive": "naive",
    "corrected": "corrected",
    "over samples": "total",
}


@pytest.mark.parametrize(("contrast", "options"), [("arm", {}), ("method, new samples", {"generalize": "samples"})])
def test_a_batch_is_compare_study_by_study(contrast, options):
    studies = simulate(WORLD, 3, np.random.default_rng(8))
    batch = analyses(studies, contrast)
    factor, by = ("arm", "method") if contrast == "arm" else ("method", ())
    for study in range(3):
        result = compare(studies.table(study), covariate_se="dprime_se", **options)
        for name, (estimate, se, df) in batch.items():
            if name not in OURS or (options and name not in ("over samples", "naive")):
                continue
            row = result.contrasts(factor, by=by, analysis=OURS[name]).iloc[0]
            assert row["estimate"] == pytest.approx(estimate[study], rel=1e-8), name
            assert row["se"] == pytest.approx(se[study], rel=1e-8), name
            assert row["df"] == pytest.approx(np.broadcast_to(df, 3)[study], rel=1e-8), name


def test_separate_slopes_are_those_of_compare():
    studies = simulate(WORLD, 2, np.random.default_rng(8))
    estimate, se, df = analyses(studies, "arm")["separate slopes"]
    row = compare(studies.table(1), slopes="arm").contrasts("arm", by="method").iloc[0]
    assert (row["estimate"], row["se"], row["df"]) == pytest.approx((estimate[1], se[1], df))


@pytest.mark.filterwarnings("ignore:The MLE may be on the boundary")
def test_network_intercept_is_a_mixed_model():
    import statsmodels.formula.api as smf

    studies = simulate(World(networks=3, depths=1, samples=5), 1, np.random.default_rng(0))
    table = studies.table(0)
    _, se, _ = analyses(studies, "method")["network intercept"]
    fit = smf.mixedlm("value ~ C(method, Treatment('m1')) * C(arm, Sum)", table, groups="network_id").fit()
    assert fit.bse["C(method, Treatment('m1'))[T.m0]"] == pytest.approx(se[0], rel=1e-4)


def test_clustered_batches_are_compare_study_by_study(monkeypatch):
    """The first study of the batch, through the table and compare."""
    seen = []

    def keep(name, size, analysis, block):
        seen.append((analysis, block[:, 0]))
        return {}

    monkeypatch.setattr(calibration_clusters, "_row", keep)
    tables = []

    def spy(world, count, rng):
        studies = simulate(world, count, rng)
        tables.append(studies.table(0))
        return studies

    monkeypatch.setattr(calibration_clusters, "simulate", spy)
    monkeypatch.setattr(calibration_clusters, "_present", lambda n, cells, m, rng: PRESENT)
    calibration_clusters.run_clustered([3], 1, 0, ["holes"])
    table = tables[0]
    network = table["network_id"].str[1:].astype(int)
    method = table["method"].str[1:].astype(int)
    result = compare(table[PRESENT[network, method]], covariate=None)
    row = result.contrasts("arm", by="method").iloc[0]
    ((analysis, (estimate, reach)),) = seen
    assert analysis == "CR2"
    assert (row["estimate"], row["high"] - row["estimate"]) == pytest.approx((estimate, reach))


def test_truth_is_what_a_huge_study_finds():
    world = World(networks=400, depths=1, samples=4, gap=0.5)
    studies = simulate(world, 3, np.random.default_rng(3))
    for contrast in ("arm", "method"):
        estimate, se, _ = analyses(studies, contrast)["total"]
        assert (np.abs(estimate - truth(studies, contrast, "total")) < 4 * se).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [3, 5, 10])
def test_the_default_test_keeps_its_size(size):
    """4,000 null studies: error within 0.04 to 0.06 where assumptions hold (Monte Carlo error .0034)."""
    table = run(sizes=[size], studies=4000, scenarios=["equal", "gap", "bounded"], seed=1)
    kept = table[table["holds"]]
    assert kept["error"].between(*BAND).all(), kept[["scenario", "contrast", "analysis", "error"]].to_string()
    assert (table.loc[table["analysis"] == "naive", "error"] > 0.25).all()


@pytest.mark.slow
def test_it_fails_where_it_must_and_the_correction_helps():
    table = run(sizes=[10], studies=2000, scenarios=["cause", "noise, wide gap", "one run"], seed=1)
    error = table[table["contrast"] == "arm"].set_index(["scenario", "analysis"])["error"]
    assert error["cause", "adjusted"] > 0.1
    assert error["noise, wide gap", "adjusted"] > 0.1
    assert error["noise, wide gap", "corrected"] < 0.06
    assert error["one run", "total"] > 0.3


def test_the_page_is_made_of_the_table(tmp_path):
    """Every figure of the committed page comes from the committed table."""
    page = (DOCS / "statistics-calibration.md").read_text(encoding="utf-8")
    table = pd.read_csv(DOCS / "statistics" / "calibration.csv")
    studies = int(page.split("--studies ")[1].split()[0])
    seed = int(page.split("--seed ")[1].split()[0])
    assert text(table, studies, seed) == page
    assert set(table["scenario"]) == {*SCENARIOS, *CLUSTERED}
    assert set(table["networks"]) == {3, 5, 10}
    assert table.loc[table["analysis"] != "corrected", "studies"].min() >= 4000
    written = write(table, tmp_path, studies, seed)
    assert {path.name for path in written} == {
        "calibration.csv",
        "calibration.svg",
        "causal-diagram.svg",
        "statistics-calibration.md",
    }
    assert all(path.stat().st_size > 500 for path in written)


def test_published_errors_lie_in_the_band():
    table = pd.read_csv(DOCS / "statistics" / "calibration.csv")
    default = table[table["holds"]]
    assert default["error"].between(*BAND).all()
    assert default["coverage"].between(0.94, 0.96).all()
