"""Train, explain and score: from Python and from the command line, on a small real dataset."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from xaigt.cli.main import xaigt_command
from xaigt.models import ModelError, Settings, load_run, train
from xaigt.models.explaining import explain_run, inputs_of, load_maps, truth_of
from xaigt.models.inputs import WINDOWS
from xaigt.models.runs import Run
from xaigt.models.scoring import score_run

QUICK = {"network": "small", "epochs": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def run(slices, tmp_path_factory):
    return train(slices, Settings(**QUICK), tmp_path_factory.mktemp("runs") / "run", threads=1)


@pytest.fixture(scope="module")
def explained(run, slices):
    explain_run(run, slices, ["gradcam", "saliency", "oracle"], ["block2", "block4"], batch_size=2)
    return run


def test_a_run_says_what_it_is(run, slices):
    description = json.loads((run.folder / "run.json").read_text())
    assert description["status"] == "finished"
    assert description["settings"]["network"] == "small"
    assert set(description["figures"]) == {"train", "val", "test"}
    assert sum(found["samples"] for found in description["figures"].values()) == 40
    assert not list(run.folder.rglob("*.pt")) + list(run.folder.rglob("*.pkl"))
    assert {path.name for path in run.folder.iterdir()} - {"maps", ".lock"} == {
        "run.json", "best.safetensors", "curves.csv", "curves.png", "predictions.parquet"
    }  # fmt: skip


def test_predictions_are_those_of_the_loaded_network(run, slices):
    table = run.predictions()
    assert table["sample"].tolist() == slices.samples["sample"].tolist()
    assert table["split"].tolist() == slices.samples["split"].tolist()
    image = torch.from_numpy(slices[3].image.copy())[None]
    with torch.no_grad():
        logit = run.network()(run.scaling(image)[:, None])[0, 0]
    assert table.loc[3, "logit_0"] == pytest.approx(float(logit), abs=1e-5)
    chance = 1 / (1 + np.exp(-table["logit_0"]))
    assert np.allclose(table["confidence"], np.maximum(chance, 1 - chance), atol=1e-6)
    assert (table["correct"] == ((chance > 0.5) == (slices.samples["label"] == 1))).all()


def test_a_finished_training_is_not_repeated_and_another_is_refused(run, slices):
    before = (run.folder / "best.safetensors").stat().st_mtime_ns
    assert train(slices, Settings(**QUICK), run.folder).description == run.description
    assert (run.folder / "best.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ModelError, match=r"seed \(there: 0, asked: 4\)"):
        train(slices, Settings(**QUICK, seed=4), run.folder)


def test_the_window_is_recorded_and_explaining_uses_it(run, slices, tmp_path):
    """The default window is written out, so that a later default changes neither what the run is nor its inputs."""
    assert run.settings.window == WINDOWS["CT"]
    wide = train(slices, Settings(**QUICK, window=(-20, 180)), tmp_path / "wide", threads=1)
    found = load_run(wide.folder)
    assert (found.scaling.low, found.scaling.high) == found.settings.window == (-20, 180)
    assert wide.description["network_id"] != run.description["network_id"]
    pixels = torch.from_numpy(slices[0].image.astype(np.float32))
    unit = ((pixels + 20) / 200).clip(0, 1)
    inputs = inputs_of(found, slices, slices.samples.head(1), "image")[0, 0]
    assert torch.allclose(inputs, (unit - found.scaling.mean) / found.scaling.sd, atol=1e-5)


def test_a_folder_in_which_no_epoch_was_kept_takes_another_training(slices, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(ModelError, match=r"participants.tsv"):
        train(slices, Settings(**QUICK, arm="labelled"), folder, threads=1)
    assert train(slices, Settings(**QUICK), folder, threads=1).settings.arm == "scratch"


def test_a_dataset_that_was_moved_is_asked_for(run, tmp_path):
    description = run.description | {"dataset": run.description["dataset"] | {"path": str(tmp_path / "moved")}}
    with pytest.raises(ModelError, match=r"moved: the dataset of .* is not there.* Give --dataset"):
        Run(run.folder, description).dataset()


def test_maps_are_raw_and_one_by_one_the_same(explained, slices, tmp_path):
    described, pairs = load_maps(explained)
    grids = {(entry["method"], entry["stage"]): entry["grid"] for entry in described["maps"]}
    assert grids["gradcam", "block2"] == [16, 16]
    assert grids["gradcam", "block4"] == [4, 4]
    assert grids["saliency", "input"] == [64, 64]
    test = slices.samples[slices.samples["split"] == "test"]
    assert pairs["sample"].tolist() == test[test["label"] == 1]["sample"].tolist()
    assert described["samples_without_evidence"] == int((test["label"] == 0).sum())
    files = {path.name: np.load(path) for path in (explained.folder / "maps").glob("*.npy")}
    copy = tmp_path / "run"
    shutil.copytree(explained.folder, copy)
    explain_run(load_run(copy), slices, ["gradcam", "saliency", "oracle"], ["block2", "block4"], batch_size=1)
    for name, values in files.items():
        assert np.allclose(np.load(copy / "maps" / name), values, atol=1e-6)


def test_scores_have_the_columns_of_the_score_table(explained, slices):
    table = score_run(explained, slices, ["roc_auc", "precision_at_k"])
    from xaigt.metrics.table import COLUMNS

    assert list(table.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert set(table["method"]) == {"gradcam", "saliency", "oracle", "chance", "attainable"}
    assert (table[table["method"] == "oracle"]["value"] == 1).all()
    assert (table[(table["method"] == "chance") & (table["metric"] == "roc_auc")]["value"] == 0.5).all()
    assert set(table["network_id"]) == {explained.description["network_id"]}
    cell = pd.read_parquet(explained.folder / "cell.parquet")
    assert cell.loc[0, "accuracy"] == explained.description["figures"]["test"]["accuracy"]


def test_tensorboard_events_are_the_curves(slices, tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="pip install tensorboard to read its events"
    )
    made = train(slices, Settings(**QUICK), tmp_path / "run", threads=1, tensorboard=True)
    events = event_accumulator.EventAccumulator(str(made.folder / "tensorboard"))
    events.Reload()
    curves = pd.read_csv(made.folder / "curves.csv")
    for name in ("train_loss", "val_loss"):
        assert [event.step for event in events.Scalars(name)] == curves["epoch"].tolist()
        assert [event.value for event in events.Scalars(name)] == pytest.approx(curves[name].tolist(), rel=1e-5)


def test_a_missing_tensorboard_is_said_before_the_training(slices, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install tensorboard"):
        train(slices, Settings(**QUICK), tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_truth_of_a_pair_is_the_lesions_of_its_sample(explained, slices):
    _, pairs = load_maps(explained)
    pair = pairs.iloc[0]
    assert np.array_equal(truth_of(slices, pair), slices[int(pair["sample"])].lesion)


def test_a_label_can_be_a_lesion_family(slices):
    from xaigt.models.inputs import read_targets

    targets = read_targets(slices, Settings(labels=("intraparenchymal",)))
    planted = slices.lesions.loc[slices.lesions["family"] == "intraparenchymal", "sample"]
    expected = slices.samples["sample"].isin(planted).astype(int).tolist()
    assert 0 < sum(expected) < 40
    assert targets.tolist() == expected


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": ("intraparenchimal",)}, "did you mean 'intraparenchymal'"),
        ({"labels": ("class",)}, "holds text"),
        ({"labels": ("slice_mm",)}, "whole numbers of 0 to 1"),
        ({"network": "resnet19"}, "did you mean"),
    ],
)
def test_what_cannot_be_trained_is_named(slices, tmp_path, changes, says):
    with pytest.raises(ModelError, match=says):
        train(slices, Settings(**{**QUICK, **changes}), tmp_path / "run", threads=1)


def invoke(*arguments):
    return CliRunner().invoke(xaigt_command, [str(argument) for argument in arguments], catch_exceptions=True)


def test_the_three_commands(slices, tmp_path):
    folder = tmp_path / "run"
    options = ["--network", "small", "--epochs", 1, "--depth", 1, "--threads", 1]
    trained = invoke("train", slices.path, *options, "-o", folder)
    assert trained.exit_code == 0, trained.output
    assert "epoch 1 of 1 was kept" in trained.output
    assert load_run(folder).description["calibrated_normalisations"] == 3
    done = invoke("explain", folder, "--methods", "gradcam,random", "--stages", "block4", "-n", 2)
    assert done.exit_code == 0, done.output
    assert "Wrote 2 sets of 2 maps" in done.output
    scored = invoke("score", folder, "--metrics", "dice(threshold=otsu),roc_auc")
    assert scored.exit_code == 0, scored.output
    assert "attainable" in scored.output
    for picture in ("curves.png", "maps/gallery.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("explain", "nowhere"), "is not a run"),
        (("score", "nowhere"), "is not a run"),
        (("networks", "list", "resnet19"), "did you mean"),
    ],
)
def test_commands_say_what_is_wrong(arguments, says):
    assert says in str(invoke(*arguments).exception)


def test_the_list_shows_stages_channels_grids_and_parameters():
    """By hand: 3x3x16 + 2x16, 3x3x16x32 + 64, 3x3x32x64 + 128, 3x3x64x128 + 256, and 128 + 1: 97,521."""
    from xaigt.models.listing import describe

    found = describe("small", (64, 48))
    assert found.parameters == 97_521
    assert [(s.name, s.channels, s.grid) for s in found.stages] == [
        ("block1", 16, (32, 24)),
        ("block2", 32, (16, 12)),
        ("block3", 64, (8, 6)),
        ("block4", 128, (4, 3)),
    ]
    assert describe("vit-s16", (64, 64)).stages[3].grid == (4, 4)
    shown = invoke("networks", "list", "small", "--size", "64")
    assert "block4 128@4x4" in shown.output
