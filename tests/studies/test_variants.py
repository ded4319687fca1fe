"""Fresh training data, the published data beside ours, and regimes."""

import pytest

from xaigt.studies.configuration import Study
from xaigt.studies.running import Means, run

from .conftest import PLAN

SMALL = {
    "grid.size": 64, "grid.spacing": 2.5, "grid.thickness": 5.0, "lesions.0.count": 1, "lesions.1.count": 1,
}  # fmt: skip


def studied(data, **changes):
    plan = PLAN | {"data": {"samples": {"train": 30, "val": 20, "test": 50}, **data}}
    return Study.model_validate(plan | changes)


@pytest.mark.slow
def test_data_seeds_give_fresh_training_data_and_one_test_split(tmp_path):
    grid = PLAN["grid"] | {"arms": ["scratch"], "depths": ["all"]}
    study = studied({"changes": SMALL, "seeds": [0, 1]}, grid=grid)
    done = run(study, tmp_path / "study", Means(engine="local"))
    cells = done.table("cells")
    assert sorted(cells["data_seed"]) == [0, 1] and cells["network_id"].nunique() == 2
    # Both were evaluated and scored on the same samples, those of the first dataset.
    assert done.table("scores").groupby("network_id")["sample"].unique().map(tuple).nunique() == 1
    entries = done.description["datasets"]["main"]
    assert [entry["data_seed"] for entry in entries] == [0, 1] and entries[0]["id"] != entries[1]["id"]
    assert done.description["evaluated_on"] == {"main": "main-0"}


@pytest.mark.slow
def test_the_published_data_beside_ours(tmp_path):
    grid = PLAN["grid"] | {"depths": ["all"], "seeds": [0, 1]}
    study = studied({"changes": SMALL}, grid=grid, compare_legacy=True)
    done = run(study, tmp_path / "study", Means(engine="local"))
    cells = done.table("cells")
    assert cells.groupby("variant")["network_id"].nunique().to_dict() == {"main": 4, "legacy": 4}
    assert [done.description["datasets"][name][0]["shape"] for name in ("main", "legacy")] == [[64, 64], [224, 224]]
    sentences = (done.path / "analysis" / "comparison.json").read_text(encoding="utf-8")
    for part in ("lesion-shape: AUC", "lesion-shape-legacy: AUC", "fractal - scratch, total", "Spearman"):
        assert part in sentences
    from xaigt.studies.query import query

    beside = query(done, "select variant, count(*) as n from comparison where analysis = 'total' group by all")
    assert dict(zip(beside["variant"], beside["n"], strict=True)).keys() == {"main", "legacy"}


@pytest.mark.slow
def test_two_regimes_are_two_variants(tmp_path):
    grid = PLAN["grid"] | {
        "arms": ["scratch"], "depths": ["all"], "seeds": [0, 1],
        "regimes": {"best": {}, "same": {"regime": "same", "target_accuracy": 0.5}},
    }  # fmt: skip
    done = run(studied({"changes": SMALL}, grid=grid), tmp_path / "study", Means(engine="local"))
    cells = done.table("cells").set_index("variant")
    assert set(cells.index) == {"main", "main-same"}
    assert cells.loc["main-same", "matched"].notna().all() and cells.loc["main", "matched"].isna().all()
    assert (done.path / "analysis" / "main-same" / "analysis.json").exists()
