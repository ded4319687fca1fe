"""The loop: the same bits by seed, after a kill, with and without cached features; and what ends it."""

import csv
import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from xaigt.models import ModelError, Settings, create
from xaigt.models import checkpoint as checkpoints
from xaigt.models.features import CachedFeatures
from xaigt.models.inputs import WINDOWS, Images, fit_scaling, storage, window_of
from xaigt.models.keeping import BEST, LAST, discard
from xaigt.models.loop import CURVES, Trainer, deterministic
from xaigt.models.settings import precision_of
from xaigt.schema import SchemaError, validate

from .conftest import made_images


def trained(splits, settings, folder, seed=1, outputs=1, **options):
    folder.mkdir(parents=True, exist_ok=True)
    network = create(settings.network, dim=2, outputs=outputs, size=(16, 16), seed=seed)
    with deterministic(1):
        trainer = Trainer(network, splits, settings, folder, **options)
        return trainer, trainer.run()


def content(folder, *names):
    return [(folder / name).read_bytes() for name in names]


def test_learns_keeps_the_best_epoch_and_writes_curves(splits, quick, tmp_path):
    trainer, fit = trained(splits, quick(epochs=5), tmp_path)
    rows = list(csv.DictReader((tmp_path / CURVES).open()))
    losses = [float(row["val_loss"]) for row in rows]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5]
    assert fit.best_epoch == int(np.argmin(losses)) + 1
    assert float(rows[-1]["val_auc"]) > 0.95
    kept = float(trainer.loss(trainer.logits(splits["val"]), splits["val"].targets))
    assert kept == pytest.approx(min(losses), rel=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(splits, quick, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        trained(splits, quick(augment=True, seed=seed), tmp_path / name)
    assert content(tmp_path / "a", BEST, LAST, CURVES) == content(tmp_path / "b", BEST, LAST, CURVES)
    assert content(tmp_path / "a", LAST) != content(tmp_path / "c", LAST)


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "0:2,all:2"},
        {"schedule": "2:2,1:2"},
        {"depth": 1},
        {"depth": 1, "batchnorm": "adaptive"},
        {"optimizer": "sgd", "augment": True},
    ],
)
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupted_training_goes_on_to_the_same_bytes(splits, quick, tmp_path, monkeypatch, changes, epoch):
    """Interrupted in the worst moment: the weights of the next epoch are there, its checkpoint is not."""
    settings = quick(**{"epochs": 4, **changes})
    trained(splits, settings, tmp_path / "whole")
    save = checkpoints.save

    def stop(path, tensors, state=None, parts=()):
        if path.name == LAST and state["fit"]["epoch"] == epoch + 1:
            raise Killed
        save(path, tensors, state, parts)

    monkeypatch.setattr(checkpoints, "save", stop)
    with pytest.raises(Killed):
        trained(splits, settings, tmp_path / "cut")
    monkeypatch.undo()
    trained(splits, settings, tmp_path / "cut")
    assert content(tmp_path / "whole", BEST, LAST, CURVES) == content(tmp_path / "cut", BEST, LAST, CURVES)


SCRIPT = """
import sys
from pathlib import Path
from tests.models.test_training import trained
from tests.models.conftest import made_images
from xaigt.models import Settings
splits = {"train": made_images(40, 0), "val": made_images(20, 1, split="val")}
trained(splits, Settings(network="small", epochs=15, batch_size=8), Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_process_that_was_killed_goes_on_to_the_same_bytes(splits, tmp_path):
    """kill -9 after some epoch, whichever it is."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = [sys.executable, "-c", SCRIPT]
    subprocess.run([*started, str(tmp_path / "whole")], env=environment, check=True)
    process = subprocess.Popen([*started, str(tmp_path / "cut")], env=environment)
    while not (tmp_path / "cut" / LAST).exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, state = checkpoints.load(tmp_path / "cut" / LAST)
    assert 1 <= state["fit"]["epoch"] < 15
    subprocess.run([*started, str(tmp_path / "cut")], env=environment, check=True)
    assert content(tmp_path / "whole", BEST, LAST, CURVES) == content(tmp_path / "cut", BEST, LAST, CURVES)


@pytest.mark.parametrize("limit", [10**9, 10])
def test_cached_features_are_those_of_the_prefix(splits, tmp_path, limit):
    """In memory, and in a memory map whose file is gone when nobody uses it."""
    network = create("small", dim=2, outputs=1, size=(16, 16), seed=2).eval()
    cached = CachedFeatures(
        network, splits["train"], 2, limit=limit, folder=tmp_path, batch_size=8, device=torch.device("cpu")
    )
    assert isinstance(cached.values, np.memmap) == (limit == 10)
    assert list(tmp_path.iterdir()) == []
    chosen = np.array([31, 3, 17])
    with torch.no_grad():
        wanted = network.prefix(splits["train"].batch(chosen), 2)
    assert torch.allclose(cached.batch(chosen), wanted, atol=1e-6)


def test_training_on_cached_features_is_training_on_images(splits, quick, tmp_path, monkeypatch):
    trained(splits, quick(depth=1), tmp_path / "cached")
    monkeypatch.setattr("xaigt.models.loop.cached", lambda *_, **__: None)
    trained(splits, quick(depth=1), tmp_path / "plain")
    one, two = (checkpoints.load(tmp_path / name / BEST)[0] for name in ("cached", "plain"))
    assert all(torch.allclose(one[name].float(), two[name].float(), atol=1e-5) for name in one)


def test_a_phase_of_the_head_alone_leaves_the_stages_as_they_were(splits, quick, tmp_path):
    settings = quick(schedule="0:2,all:1", keep_epochs=True)
    trained(splits, settings, tmp_path, random=False)
    fresh = create("small", dim=2, outputs=1, size=(16, 16), seed=1).state_dict()
    epochs = [checkpoints.load(tmp_path / "epochs" / f"000{number}.safetensors")[0] for number in (1, 2, 3)]
    for name, tensor in fresh.items():
        assert torch.equal(epochs[1][name], tensor) == name.startswith("body.")
        assert not torch.equal(epochs[2][name], epochs[1][name])


def test_frozen_random_stages_are_calibrated_once_and_trained_ones_are_not(splits, quick, tmp_path):
    assert trained(splits, quick(depth=1), tmp_path / "a")[1].calibrated == 3
    assert trained(splits, quick(depth=1), tmp_path / "b", random=False)[1].calibrated == 0
    assert trained(splits, quick(), tmp_path / "c")[1].calibrated == 0


def test_early_stopping(splits, quick, tmp_path):
    _, fit = trained(splits, quick(epochs=60, patience=2, learning_rate=0.05), tmp_path)
    assert fit.stopped
    assert fit.epoch == fit.best_epoch + 2 < 60


def test_same_regime_stops_at_the_first_epoch_that_reaches_the_accuracy(splits, quick, tmp_path):
    settings = quick(regime="same", target_accuracy=0.9, epochs=20)
    _, fit = trained(splits, settings, tmp_path)
    accuracies = [row["val_accuracy"] for row in fit.history]
    assert fit.matched
    assert all(value < 0.9 for value in accuracies[:-1])
    assert accuracies[-1] >= 0.9
    assert fit.best_epoch == fit.epoch


def test_same_regime_records_a_network_that_cannot_reach_it(splits, quick, tmp_path):
    splits["val"].targets = splits["val"].targets[torch.randperm(20, generator=torch.Generator().manual_seed(0))]
    _, fit = trained(splits, quick(regime="same", target_accuracy=1.0), tmp_path)
    assert fit.matched is False
    assert fit.epoch == 3


@pytest.mark.parametrize(("head", "outputs"), [("one-logit", 1), ("k-logit", 2), ("multi-label", 2)])
def test_every_head_learns(splits, quick, tmp_path, head, outputs):
    if head == "multi-label":
        for images in splits.values():
            images.targets = torch.stack([images.targets, 1 - images.targets], 1).float()
    labels = ("one", "other") if head == "multi-label" else ("label",)
    settings = quick(head=head, labels=labels, epochs=6, class_weights=True)
    _, fit = trained(splits, settings, tmp_path, outputs=outputs)
    assert fit.history[-1]["val_auc"] > 0.9


def test_divergence_ends_with_what_to_do_and_keeps_the_last_good_epoch(splits, quick, tmp_path):
    settings = quick(optimizer="sgd", epochs=6, annealing="constant")
    trained(splits, settings, tmp_path / "good")
    batch, calls = splits["train"].batch, []

    class Breaks(type(splits["train"])):
        def batch(self, positions, device=None):
            calls.append(positions)
            return batch(positions, device) * (float("nan") if len(calls) > 5 else 1)  # an epoch has five batches

    broken = {**splits, "train": Breaks(**splits["train"].__dict__)}
    with pytest.raises(ModelError, match=r"epoch 2 is not finite.*epoch 1 is kept in .*last.*best one \(1\).*--lr"):
        trained(broken, settings, tmp_path / "bad")
    assert checkpoints.load(tmp_path / "bad" / LAST)[1]["fit"]["epoch"] == 1
    assert set(checkpoints.load(tmp_path / "bad" / BEST)[0]) == set(
        create("small", dim=2, outputs=1, size=(16, 16)).state_dict()
    )


def test_a_split_of_one_class_is_refused(splits, quick, tmp_path):
    splits["val"].targets[:] = 1
    says = r"split val: all its 20 samples are of one class \(label 'label': 20 of class 1, none of another\).*--splits"
    with pytest.raises(ModelError, match=says):
        trained(splits, quick(), tmp_path)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_label_that_is_the_same_in_all_samples_is_refused_by_name(splits, quick, tmp_path, value):
    for images in splits.values():
        images.targets = torch.stack([images.targets, images.targets], 1).float()
    splits["train"].targets[:, 1] = value
    settings = quick(head="multi-label", labels=("epidural", "subdural"))
    says = rf"split train: .* 40 samples apart by subdural; .*: epidural 20, subdural {int(value * 40)}\..*--splits"
    with pytest.raises(ModelError, match=says):
        trained(splits, settings, tmp_path, outputs=2)


def test_a_full_disk_says_so_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    checkpoints.save(tmp_path / LAST, {"a": torch.ones(2)}, {"epoch": 1})

    def full(path, *content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "replace", full)
    with pytest.raises(ModelError, match=r"disk is full.*last good checkpoint is kept"):
        checkpoints.save(tmp_path / LAST, {"a": torch.zeros(2)}, {"epoch": 2})
    assert checkpoints.load(tmp_path / LAST)[1] == {"epoch": 1}


def test_a_disk_that_fills_up_ends_the_training_and_it_goes_on_when_there_is_room(splits, quick, tmp_path, monkeypatch):
    settings, replace = quick(epochs=4, depth=1), checkpoints.replace
    trained(splits, settings, tmp_path / "whole")

    def full_from_epoch_3(path, *content):
        if path.name == "weights-0003.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(path, *content)

    monkeypatch.setattr(checkpoints, "replace", full_from_epoch_3)
    with pytest.raises(ModelError, match=r"weights-0003.*disk is full.*run the same command again"):
        trained(splits, settings, tmp_path / "cut")
    assert checkpoints.load(tmp_path / "cut" / LAST)[1]["fit"]["epoch"] == 2
    monkeypatch.undo()
    trained(splits, settings, tmp_path / "cut")
    assert content(tmp_path / "whole", BEST, LAST, CURVES) == content(tmp_path / "cut", BEST, LAST, CURVES)


def test_an_epoch_writes_what_it_trained_once_and_the_rest_is_written_at_the_start(
    splits, quick, tmp_path, monkeypatch
):
    written, replace = [], checkpoints.replace

    def noted(path, *pieces):
        written.append((path.name, sum(map(len, pieces))))
        replace(path, *pieces)

    monkeypatch.setattr(checkpoints, "replace", noted)
    trainer, fit = trained(splits, quick(epochs=3, depth=1, learning_rate=1e-4), tmp_path)
    names = [name for name, _ in written]
    epoch = ["weights-000{}.safetensors", CURVES, LAST]
    assert names == ["frozen-0.safetensors", *(name.format(k) for k in (1, 2, 3) for name in epoch), BEST]
    sizes = dict(written)
    state = trainer.network.state_dict()
    bulk = {True: 0, False: 0}  # bytes of what is trained, and is not
    for name, tensor in state.items():
        bulk[name.startswith(("body.block4.", "head."))] += tensor.nbytes
    assert 0 <= sizes["weights-0002.safetensors"] - bulk[True] < 2000  # the header
    assert 0 <= sizes["frozen-0.safetensors"] - bulk[False] < 4000
    assert fit.best_epoch == 3  # the best and the last are one file
    assert [path.name for path in tmp_path.glob("weights-*")] == ["weights-0003.safetensors"]


def test_only_the_best_weights_are_left_when_all_is_said(splits, quick, tmp_path):
    trained(splits, quick(depth=1), tmp_path)
    discard(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [BEST, CURVES]


def test_the_library_of_safetensors_reads_a_checkpoint(tmp_path):
    from safetensors.torch import load_file

    tensors = {
        "whole": torch.arange(6).reshape(2, 3), "half": torch.rand(3).bfloat16(), "flag": torch.tensor([True, False]),
        "one": torch.tensor(2.5), "turned": torch.rand(2, 3).T, "none": torch.zeros(0, 4), "é": torch.rand(1).double(),
    }  # fmt: skip
    checkpoints.save(tmp_path / "a.safetensors", tensors, {"epoch": 1})
    found = load_file(tmp_path / "a.safetensors")
    assert found.keys() == tensors.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )


def test_a_checkpoint_and_its_parts_are_read_as_one_and_a_lost_part_is_named(tmp_path):
    checkpoints.save(tmp_path / "a", {"x": torch.ones(1)})
    checkpoints.save(tmp_path / "b", {"y": torch.zeros(1)}, parts=["a"])
    checkpoints.save(tmp_path / "c", {"z": torch.zeros(1)}, {"epoch": 2}, parts=["b"])
    tensors, state = checkpoints.load(tmp_path / "c")
    assert set(tensors) == {"x", "y", "z"}
    assert state == {"epoch": 2}
    (tmp_path / "a").unlink()
    with pytest.raises(ModelError, match="a: there is no such checkpoint"):
        checkpoints.load(tmp_path / "c")


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / LAST).write_bytes(b"\x00" * 40)
    with pytest.raises(ModelError, match="damaged"):
        checkpoints.load(tmp_path / LAST)


def test_storage_beyond_the_limit_is_a_memory_map(tmp_path):
    array = storage((10, 10), "int16", 199, tmp_path)
    array[:] = 7
    assert isinstance(array, np.memmap)
    assert int(array.sum()) == 700
    assert not isinstance(storage((10, 10), "int16", 200, tmp_path), np.memmap)


def test_nan_images_are_refused():
    images = made_images(4, 0)
    images.pixels[2, 3, 3] = np.nan
    with pytest.raises(ModelError, match="sample 2: its image has NaN"):
        fit_scaling(images)


def test_a_window_is_clipped_to_and_then_standardised():
    """By hand: 0, 10, 30 and 50 in the window 10 to 30 become 0, 0, 1 and 1: mean 0.5, SD 0.5."""
    images = Images(np.array([[0, 10], [30, 50]], np.int16), torch.zeros(2), np.arange(2), "train")
    scaling = fit_scaling(images, (10, 30))
    assert (scaling.mean, scaling.sd, scaling.background) == (0.5, 0.5, -1.0)
    assert scaling(torch.tensor([0, 10, 15, 20, 30, 50])).tolist() == [-1, -1, -0.5, 0, 1, 1]
    with pytest.raises(ModelError, match="constant between 100 and 200"):
        fit_scaling(images, (100, 200))


@pytest.mark.parametrize(
    ("modality", "asked", "window"), [("CT", None, WINDOWS["CT"]), ("CT", (-20, 180), (-20, 180)), ("T1w", None, None)]
)
def test_the_window_is_that_of_the_settings_or_of_the_modality(modality, asked, window):
    assert window_of(Settings(window=asked), modality) == window


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"regime": "same"}, "target_accuracy"),
        ({"schedule": "0:10,everything:5"}, "must be depth:epochs"),
        ({"head": "multi-label"}, "two labels or more"),
        ({"labels": ("a", "b")}, "takes one label"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learing_rate": 0.1}, "learning_rate"),
        ({"window": (80, 0)}, "the lower one first"),
        ({"window": (0, float("inf"))}, "finite"),
        ({"depth": -1}, "depth: -1 must be a number of stages.* or all"),
        ({"depth": "half"}, "depth: 'half' must be a number of stages.* or all"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes, says):
    with pytest.raises(SchemaError, match=says):
        validate(Settings, changes, what="training")


def test_schedule():
    assert Settings(schedule="0:10, all:20").phases() == [(0, 10), ("all", 20)]


def test_half_precision_is_for_gpus():
    assert precision_of(Settings(), "cpu") == "float32"
    assert precision_of(Settings(), "cuda:0") == "bfloat16"
    assert precision_of(Settings(precision="float32"), "cuda") == "float32"
    with pytest.raises(ModelError, match="--device cuda, or float32"):
        precision_of(Settings(precision="bfloat16"), "cpu")
