"""``xaigt study pretraining``, ``status``, ``report`` and ``query`` as commands."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner

from xaigt.cli.dry_run import time_text
from xaigt.cli.study import study as group
from xaigt.errors import XaigtError
from xaigt.studies import configuration, speed
from xaigt.studies.configuration import PRESETS, as_yaml, preset_path
from xaigt.studies.grid import size
from xaigt.studies.running import caveats

from .conftest import PLAN, planned


def call(*arguments):
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "cells"),
    # By hand: 2 arms x 3 depths x 3 seeds; 3 x 5 x 5; 3 x 5 x 3 in two regimes.
    [("quick", 18), ("standard", 75), ("paper", 90)],
)
def test_every_preset_is_whole_and_can_be_copied(name, cells, tmp_path):
    study = configuration.load(preset_path(name))
    assert size(study) == cells and study.preset == name
    copy = tmp_path / "mine.yaml"
    copy.write_text(as_yaml(study), encoding="utf-8")
    assert configuration.load(copy) == study
    assert set(PRESETS) == {"quick", "standard", "paper"}


def test_the_paper_preset_is_the_published_grid():
    study = configuration.load(preset_path("paper"))
    assert study.grid.networks == ("vgg16",) and study.grid.depths == (1, 2, 3, 4, "all")
    assert study.data.samples == {"train": 2500, "val": 2500, "test": 8539}
    assert [study.training_of(variant)["regime"] for variant in study.variants[1:]] == ["same"]
    assert study.training["head"] == "k-logit" and study.training["momentum"] == 0.5
    published = {
        "integrated-gradients", "gradient-shap", "deeplift", "saliency", "input-x-gradient", "guided-backprop",
        "deconvolution", "lrp",
    }  # fmt: skip
    assert published <= set(study.explanation.methods) and study.analysis.metric == "precision_at_k"


def test_the_quick_preset_says_that_it_is_not_the_published_contrast():
    study = configuration.load(preset_path("quick"))
    assert any("not the ImageNet" in sentence for sentence in caveats(study))
    assert len(study.grid.arms) >= 2 and len(study.grid.depths) >= 3 and len(study.grid.seeds) >= 3


def test_another_recipe_keeps_the_pixels_of_a_preset_and_not_its_lesions():
    study = configuration.load(preset_path("quick"), {"data.recipe": "hemorrhage"})
    assert study.data.recipe == "hemorrhage"
    assert set(study.data.changes) == {"grid.size", "grid.spacing", "grid.thickness"}
    assert len(configuration.load(preset_path("quick"), {"data.recipe": "lesion-shape"}).data.changes) > 3


def test_other_methods_leave_out_the_options_of_those_that_are_gone():
    chosen = configuration.load(preset_path("quick"), {"explanation.methods": ["gradcam", "saliency"]}).explanation
    assert chosen.methods == ("gradcam", "saliency") and chosen.options == {}
    kept = configuration.load(preset_path("quick"), {"explanation.methods": ["integrated-gradients"]}).explanation
    assert set(kept.options) == {"integrated-gradients"}


def test_options_of_a_method_that_is_not_there_are_refused_before_anything_is_trained():
    explanation = PLAN["explanation"] | {"methods": ["gradcam"], "options": {"occlusion": {"window": 4}}}
    with pytest.raises(ValueError, match=r"explanation.options: 'occlusion' is not among explanation.methods"):
        configuration.Study.model_validate(PLAN | {"explanation": explanation})


def test_a_dry_run_prints_grid_time_and_disk_and_runs_nothing(tiny, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(PLAN), encoding="utf-8")
    done = call("pretraining", "--config", file, "--dataset", tiny, "--seeds", "0,1", "--dry-run", "-o", tmp_path / "s")
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "s").exists()
    assert "cells        8" in done.output and "arms         2  scratch, fractal" in done.output
    assert "time, about" in done.output and "disk, about" in done.output
    # What it prints first is a configuration.
    printed = yaml.safe_load(done.output[: done.output.index("\narms ")])
    assert printed["grid"]["seeds"] == [0, 1] and printed["data"]["dataset"] == str(tiny)


def test_status_query_and_report_of_a_finished_study(finished):
    done = call("status", finished.path)
    assert done.exit_code == 0 and "4 of 4 cells are finished (finished)" in done.output
    done = call("query", finished.path, "select arm, count(*) as n from cells group by arm order by arm", "--csv")
    assert done.output == "arm,n\nfractal,2\nscratch,2\n"
    done = call("report", finished.path)
    assert done.exit_code == 0, done.output
    assert (finished.path / "report" / "index.html").stat().st_size > 10_000


def test_the_command_goes_on_with_the_study_that_is_there(finished):
    # Nothing is left to do, so this is quick; the grid is that of the directory, not that of a preset.
    done = call("pretraining", "--engine", "local", "-o", finished.path)
    assert done.exit_code == 0, done.output
    assert "4 of 4 cells are finished" in done.output and "Report:" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "quick", "--config", "x.yaml"], "not both"),
        (["--engine", "dask"], "--scheduler ADDRESS"),
        (["--depths", "1,deep"], "such as 0,1,all"),
        (["--seeds", "all"], "such as 0,1,2"),
        (["--arms", "scrach"], "did you mean 'scratch'"),
        (["--methods", "grad"], "unknown explainer"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--dataset", "missing", "--data-seeds", "0,1"], "has one seed"),
        (["--dataset", "missing", "--compare-legacy"], "leave data.dataset out"),
    ],
)
def test_a_wrong_option_is_named(arguments, message, tmp_path):
    done = call("pretraining", *arguments, "-o", tmp_path / "s")
    said = done.output + str(done.exception)
    assert done.exit_code != 0 and message in said
    assert isinstance(done.exception, XaigtError | SystemExit) and not (tmp_path / "s").exists()


def test_a_directory_that_is_no_study_is_named(tmp_path):
    for arguments in (("status", tmp_path), ("report", tmp_path), ("query", tmp_path, "select 1")):
        done = call(*arguments)
        assert isinstance(done.exception, XaigtError) and "is not a study" in str(done.exception)


def test_a_dataset_of_one_split_is_refused(slices, tmp_path):
    from xaigt.studies.running import Means, run

    study = planned(tmp_path / "missing")
    with pytest.raises(XaigtError, match="missing"):
        run(study, tmp_path / "s", Means(engine="local"))


def test_a_dry_run_says_what_it_assumes_of_a_gpu(tiny, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(PLAN), encoding="utf-8")
    plan = ("pretraining", "--config", file, "--dataset", tiny, "--dry-run", "-o", tmp_path / "s")
    said = call(*plan, "--tflops", "0.001").output
    assert "on one GPU, not measured: about" in said and "sustains 0.001 x 10^12" in said
    operations = float(re.search(r"counted: ([\d.e+]+) floating-point", said)[1])
    seconds = re.search(r"\(networks (\d+) s;", said)[1]
    assert float(seconds) == pytest.approx(operations / 1e9, abs=0.5 + 0.05 * operations / 1e9)
    assert "sustains 10 x 10^12" in call(*plan).output
    refused = call("pretraining", "--tflops", "5", "-o", tmp_path / "s")
    assert refused.exit_code == 2 and "--dry-run" in refused.output


def test_the_optimiser_counts_once_a_batch_in_an_estimate(monkeypatch):
    # By hand: a second an image, and eight seconds a step of the optimiser, which sixteen images share.
    monkeypatch.setattr(speed, "_seconds", lambda *_: 1.0)
    monkeypatch.setattr(speed, "_timed", lambda *_, again=False: 8.0)
    assert speed.measure("small", 2, (32, 32), 16).step == 1.5


@pytest.mark.parametrize(
    ("seconds", "text"), [(89, "89 s"), (120, "2 min"), (7200, "2.0 h"), (47 * 3600, "47.0 h"), (10 * 86400, "10 days")]
)
def test_times_are_told_in_the_unit_that_fits(seconds, text):
    assert time_text(seconds) == text
