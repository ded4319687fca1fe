"""The cells of a study: run once, whatever happens in between."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xaigt.dataset.reading import load as load_dataset
from xaigt.errors import XaigtError
from xaigt.models import load_run
from xaigt.statistics.findings import Finding
from xaigt.studies import cell as one
from xaigt.studies import folder as folders
from xaigt.studies.conclusions import noticed
from xaigt.studies.query import query
from xaigt.studies.running import Means, run
from xaigt.studies.section import Section
from xaigt.studies.status import status

from .conftest import PLAN, planned


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in (folder.path / "cells").glob("*/run.json")}


def test_what_a_finished_study_holds(finished, tiny):
    assert finished.description["state"] == "finished"
    cells, scores = finished.table("cells"), finished.table("scores")
    assert sorted(zip(cells["arm"], cells["depth"], strict=True)) == [
        ("fractal", "1"), ("fractal", "all"), ("scratch", "1"), ("scratch", "all"),
    ]  # fmt: skip
    assert cells["pretrain_id"].nunique() == 2  # one fractal pre-training, one random start
    assert set(scores["method"]) == {"gradcam", "saliency", "input", "chance", "attainable"}
    assert set(scores.loc[scores["method"] == "gradcam", "stage"]) == {"block1", "block2", "block3", "block4"}
    signs = scores[scores["method"].isin(["gradcam", "saliency"])].groupby("method")["sign"].unique().map(list)
    assert signs.to_dict() == {"gradcam": ["relu"], "saliency": ["abs"]}
    # Every network was scored on the same samples, and no sample served both for accuracy and for scores.
    assert scores.groupby("network_id")["sample"].unique().map(tuple).nunique() == 1
    for name in cells["cell"]:
        known = pd.read_parquet(finished.cell(name) / one.EVALUATION)
        assert set(known.loc[known["use"] == "score", "sample"]) >= set(scores["sample"])
        half = known[known["use"] == "accuracy"]
        row = cells.set_index("cell").loc[name]
        assert row["n"] == len(half) and row["accuracy"] == pytest.approx(half["correct"].mean())
        pairs = [(a, b) for a in half.loc[half["label"] == 1, "score"] for b in half.loc[half["label"] == 0, "score"]]
        assert row["auc"] == pytest.approx(np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]))
    # Replacing all lesions by the twin is the twin's own answer: effects are those of the trained network.
    effects = finished.table("effects")
    assert set(effects["reference"]) == {"twin"} and effects["sample"].nunique() == 4
    assert set(finished.table("curves")["epoch"]) == {1, 2}
    sums = finished.description["checksums"]
    assert sums["tables/scores.parquet"] == finished.checksums()["tables/scores.parquet"]
    assert finished.description["datasets"]["main"][0]["splits"]["train"] == len(load_dataset(tiny).split("train"))


def test_the_gallery_has_the_same_samples_for_every_network(finished):
    gallery = finished.gallery()["main"]
    numbers = [row["sample"] for row in gallery["samples"]]
    assert sorted(row["rank"] for row in gallery["samples"]) == ["best", "median", "worst"]
    assert len(gallery["cells"]) == 4
    for entry in gallery["cells"]:
        pairs = pd.read_parquet(load_run(finished.cell(entry["cell"])).folder / "maps" / "pairs.parquet")
        assert pairs["sample"].tolist() == numbers
    values = {row["rank"]: row["value"] for row in gallery["samples"]}
    assert values["worst"] <= values["median"] <= values["best"]


def test_the_analysis_says_what_it_could_not_do(finished):
    # Four networks in four cells leave no spread to test against.
    analysis = finished.analysis()
    assert "residual degrees of freedom" in " ".join(row["sentence"] for row in analysis["refused"])
    assert any("networks" in sentence for sentence in analysis["summary"])


def test_a_finding_of_a_part_of_the_study_says_of_which():
    few = Finding("few_networks", "note", "the smallest cell has 3 networks.")
    shared = Finding("shared_pretraining", "note", "several networks share a pre-training run.")
    fewer = Finding("few_networks", "warning", "the smallest cell has 1 network.")
    whole = Section("total", "Total", findings=[few, shared])
    part = Section("matched", "Matched", findings=[fewer, shared], scope="matched networks: ")
    sentences = [(found.level, found.sentence) for found in noticed([whole, whole, part])]
    assert sentences == [
        ("note", few.sentence), ("note", shared.sentence), ("warning", f"matched networks: {fewer.sentence}"),
    ]  # fmt: skip


def test_a_larger_grid_keeps_the_finished_cells_and_can_be_compared(finished, tiny, tmp_path):
    folder = folders.StudyFolder(tmp_path / "grown")
    shutil.copytree(finished.path, folder.path)
    before = stamps(folder)
    grown = run(planned(tiny, seeds=[0, 1]), folder.path, Means(engine="local"))
    after = stamps(grown)
    assert len(after) == 8 and {path: after[path] for path in before} == before
    contrasts = grown.analysis_table("main", "contrasts")
    arm = contrasts[(contrasts["question"] == "arm") & (contrasts["analysis"] == "total")].iloc[0]
    # The total effect, by hand: the difference of the arms' means over depths, methods and networks.
    points = grown.analysis_table("main", "points")
    means = points.groupby("arm")["value"].mean()
    assert arm["contrast"] == "fractal - scratch"
    assert arm["estimate"] == pytest.approx(means["fractal"] - means["scratch"])
    assert set(points["method"]) == {"gradcam@block4", "saliency"}  # the raw input is a reference, not a candidate
    assert "fractal - scratch" in " ".join(grown.analysis()["summary"])
    # Smaller again: the cells stay, and the tables are those of the grid that was asked for.
    smaller = run(planned(tiny), folder.path, Means(engine="local"))
    assert len(smaller.table("cells")) == 4 and status(smaller).other == 4


def test_other_methods_explain_the_networks_that_are_there(finished, tiny, tmp_path):
    path = tmp_path / "other"
    shutil.copytree(finished.path, path)
    plan = planned(tiny)
    asked = plan.explanation.model_copy(update={"methods": ("saliency", "deeplift")})
    other = run(plan.model_copy(update={"explanation": asked}), path, Means(engine="local"))
    cells, old = other.table("cells").set_index("network_id"), finished.table("cells").set_index("network_id")
    assert set(cells["cell"]).isdisjoint(old["cell"]) and set(cells.index) == set(old.index)
    assert "deeplift" in set(other.table("scores")["method"])
    for name in cells.index:  # the training was copied: its files are the same, and none was written again
        one_run, other_run = (folder.cell(table.loc[name, "cell"]) / "run.json" for folder, table in
                              ((finished, old), (other, cells)))  # fmt: skip
        assert one_run.read_bytes() == other_run.read_bytes()
        assert not (other.cell(cells.loc[name, "cell"]) / "last.safetensors").exists()
    keys = ["network_id", "sample", "metric"]
    scores = [
        found.table("scores").query("method == 'saliency'").sort_values(keys)["value"].to_numpy()
        for found in (finished, other)
    ]
    assert np.array_equal(*scores)


def test_a_failed_cell_is_recorded_and_the_rest_goes_on(tiny, tmp_path):
    told = []
    study = planned(tiny, arms=["scratch", "imagenet"], depths=["all"], networks=["resnet18"])
    study = study.model_copy(update={"training": {**study.training, "epochs": 1}})
    found = run(study, tmp_path / "study", Means(engine="local"), say=told.append)
    look = status(found)
    assert (look.finished, look.failed) == (1, 1) and found.description["state"] == "incomplete"
    assert "imagenet" in look.failures[0][0] and "--download" in look.failures[0][1]
    assert any("failed" in text for text in told)
    assert found.table("cells")["arm"].tolist() == ["scratch"]


def script(tiny, output, engine):
    return (
        "from tests.studies.conftest import planned\nfrom pathlib import Path\n"
        "from xaigt.studies.running import Means, run\nif __name__ == '__main__':\n"
        f"    run(planned({str(tiny)!r}), Path({str(output)!r}), Means({engine!r}, 2))\n"
    )


@pytest.mark.parametrize("engine", ["processes"])
def test_a_killed_study_goes_on_to_the_same_scores(finished, tiny, tmp_path, engine):
    output = tmp_path / "killed"
    file = tmp_path / "go.py"
    file.write_text(script(tiny, output, engine))
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, str(file)], env=os.environ | {"PYTHONPATH": root}, stderr=subprocess.DEVNULL
    )
    while not list(output.glob("cells/*/best.safetensors")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.time() + 20
    while status(folders.load(output)).running and time.time() < deadline:
        time.sleep(0.1)  # workers end by themselves
    look = status(folders.load(output))
    assert look.running == 0 and look.finished < 4 and look.state == "interrupted"
    done = {entry["cell"]: entry for entry in folders.load(output).cells() if entry["state"] == "finished"}
    again = run(planned(tiny), output, Means(engine="local"))
    assert status(again).finished == 4
    assert all(json.loads((again.cell(name) / "cell.json").read_text()) == entry for name, entry in done.items())
    keys = ["network_id", "sample", "method", "stage", "metric"]
    old, new = (found.table("scores").sort_values(keys, ignore_index=True) for found in (finished, again))
    pd.testing.assert_frame_equal(old, new)


def test_status_and_sql(finished):
    look = status(finished)
    assert (look.total, look.finished, look.left) == (4, 4, 0) and look.seconds > 0
    table = query(finished, "select arm, count(*) as n from cells group by arm order by arm")
    assert table.to_dict("list") == {"arm": ["fractal", "scratch"], "n": [2, 2]}
    assert len(query(finished, "select * from main_stages")) == len(finished.analysis_table("main", "stages"))
    for wrong in ("select nothing from cells", "select * from read_csv('/etc/passwd')"):
        with pytest.raises(XaigtError, match="Tables: cells"):
            query(finished, wrong)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("grid", "arms"), ["scrach"], "did you mean 'scratch'"),
        (("grid", "seeds"), [1, 1], "twice"),
        (("explanation", "methods"), ["grad"], "unknown explainer"),
        (("analysis", "metric"), "dice", "not among explanation.metrics"),
        (("training", "epoch"), 3, "did you mean 'epochs'"),
        (("training", "seed"), 3, "no field 'seed'"),
        (("data", "samples"), {"train": 5}, "needs train, val and test"),
    ],
)
def test_a_wrong_field_is_named(path, value, message):
    data = json.loads(json.dumps(PLAN))
    data.setdefault(path[0], {})[path[1]] = value
    from xaigt.schema import validate
    from xaigt.studies.configuration import Study

    with pytest.raises(XaigtError, match=message):
        validate(Study, data, what="study.yaml")
