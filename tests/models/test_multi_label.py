"""Several labels at once: the subtypes of hemorrhage, from generating to scoring."""

import pandas as pd
import pytest
from click.testing import CliRunner

import xaigt
from tests.conftest import SMALL
from xaigt.cli.main import xaigt_command
from xaigt.models import ModelError, Settings, load_run, train
from xaigt.models.pictures import _title

LABELS = ("has_intraparenchymal", "has_intraventricular")


def invoke(*arguments):
    done = CliRunner().invoke(xaigt_command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


@pytest.fixture(scope="module")
def subtypes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subtypes") / "data"
    chosen = xaigt.load_recipe("hemorrhage", ["choose={integers: [1, 4]}"], {**SMALL, "task": "subtype"})
    xaigt.generate(chosen, folder, samples=40)
    return xaigt.load(folder)


def test_subtypes_are_trained_explained_and_scored(subtypes, tmp_path):
    folder = tmp_path / "run"
    options = ["--network", "small", "--epochs", 1, "--head", "multi-label", "--labels", ",".join(LABELS)]
    invoke("train", subtypes.path, *options, "--threads", 1, "-o", folder)
    invoke("explain", folder, "--methods", "gradcam,random", "--stages", "block2", "-n", 4)
    invoke("score", folder, "--metrics", "roc_auc")
    run, pairs = load_run(folder), pd.read_parquet(folder / "maps" / "pairs.parquet")
    # A map for each label that a sample has, and its truth is that subtype's lesions alone.
    test, lesions = subtypes.split("test").samples.set_index("sample"), subtypes.lesions
    for pair in pairs.itertuples():
        assert test.loc[pair.sample, LABELS[pair.target]] == 1
        own = lesions[(lesions["sample"] == pair.sample) & lesions["instance"].isin(pair.instances)]
        own = own[own["role"] == "lesion"]
        assert set("has_" + own["group"]) == {LABELS[pair.target]}
    assert set(pairs["target"]) == {0, 1}
    scores = pd.read_parquet(folder / "scores.parquet")
    assert set(scores["target"]) == {0, 1} and scores["value"].between(0, 1).all()
    assert _title(run, pairs.iloc[0]).splitlines()[1] == LABELS[pairs["target"].iloc[0]].removeprefix("has_")


def test_a_dataset_of_subtypes_says_how_it_is_learnt(subtypes, tmp_path):
    """Every sample has a hemorrhage, so that the label is 1 in all; nothing is pre-trained before that is said."""
    with pytest.raises(ModelError, match=r"one class.* --head multi-label --labels has_epidural,has_subdural"):
        train(subtypes, Settings(network="small", arm="fractal"), tmp_path / "run")


def test_pretraining_has_a_progress_bar_of_its_own(subtypes, tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CACHE", str(tmp_path / "cache"))
    arm = ["--arm", "fractal", "--arm-option", "categories=3", "--arm-option", "instances=10"]
    options = ["--network", "small", "--epochs", 1, "--threads", 1, "--labels", LABELS[0], *arm]
    done = invoke("train", subtypes.path, *options, "--arm-option", "epochs=1", "-o", tmp_path / "run")
    first, second = (done.stderr.index(words) for words in ("pre-training of the arm fractal", "small, fractal"))
    assert first < second and "24/24" in done.stderr[first:second]
