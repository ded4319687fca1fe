"""Arms: what each starts from, what names it, and that none is ever replaced by another."""

import hashlib
import json

import numpy as np
import pytest
import torch

from xaigt.models import ModelError, Settings, create
from xaigt.models.arms import ARMS, Context, fractal, labelled, start
from xaigt.models.inputs import WINDOWS
from xaigt.models.weights import Found, Published, find, fit_channels, read


@pytest.fixture
def context(slices):
    def make(network="small", size=(64, 64), weights=None, download=False, **changes):
        return Context(Settings(network=network, **changes), slices, 1, size, weights, download)

    return make


def same_stages(one, other):
    state = other.body.state_dict()
    return all(torch.equal(tensor, state[name]) for name, tensor in one.body.state_dict().items())


def test_scratch_is_random_by_seed(context):
    one, same, other = (start(context(seed=seed)) for seed in (1, 1, 2))
    assert same_stages(one.network, same.network)
    assert not same_stages(one.network, other.network)
    assert one.random
    assert one.pretrain_id == ""


QUICK = {"categories": 3, "instances": 10, "epochs": 1}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CACHE", str(tmp_path / "cache"))


def test_pretraining_is_cached_by_configuration_and_replicated_by_seed(context, own_cache, monkeypatch):
    torch.set_num_threads(1)
    first = start(context(size=(32, 32), arm="fractal", arm_options=QUICK))
    monkeypatch.setattr(fractal, "_images", None)  # the second time nothing is made
    again = start(context(size=(32, 32), arm="fractal", arm_options=QUICK, seed=5))
    assert again.pretrain_id == first.pretrain_id
    assert same_stages(first.network, again.network)
    assert not torch.equal(first.network.head[2].weight, again.network.head[2].weight)
    monkeypatch.undo()
    replicate = start(context(size=(32, 32), arm="fractal", arm_options=QUICK, pretrain_seed=1))
    other = start(context(size=(32, 32), arm="fractal", arm_options={**QUICK, "categories": 4}))
    assert len({first.pretrain_id, replicate.pretrain_id, other.pretrain_id}) == 3
    assert not same_stages(first.network, replicate.network)
    assert not first.random
    assert first.record["samples"] == {"train": 24, "val": 6}


@pytest.mark.parametrize("size", [(24, 24), (12, 14, 16)])
def test_fractals_differ_between_categories_more_than_within(size):
    images = fractal._images(0, 4, 10, size)["train"]
    flat = images.pixels.reshape(len(images), -1)
    assert flat.min() >= 0
    assert flat.max() == 1
    assert images.targets.bincount().tolist() == [8] * 4
    histograms = np.stack([np.bincount((row * 9).astype(int), minlength=10) for row in flat]).astype(float)
    means = np.stack([histograms[images.targets == k].mean(0) for k in range(4)])
    within = np.mean([np.linalg.norm(histograms[images.targets == k] - means[k], axis=1).mean() for k in range(4)])
    between = np.linalg.norm(means[:, None] - means[None], axis=2)[np.triu_indices(4, 1)].mean()
    assert between > within


def test_maps_are_contractive():
    maps = fractal.contractive(np.random.default_rng(0).uniform(-1, 1, (20, 3, 3)))
    assert np.linalg.svd(maps, compute_uv=False).max() <= 0.95 + 1e-12


@pytest.mark.slow
def test_brain_learns_from_twins_of_other_subjects(context, own_cache, slices):
    torch.set_num_threads(1)
    begun = start(context(arm="brain", arm_options={"samples": 64, "epochs": 1}))
    from xaigt import cache, load

    made = load(cache.folder() / "pretraining" / begun.pretrain_id / "dataset")
    assert set(made.samples["subject"]).isdisjoint(slices.samples["subject"])
    assert begun.record["measure"] == "ventricles_mm"
    assert sum(begun.record["samples"].values()) == 64
    assert begun.record["window"] == list(WINDOWS["CT"])


@pytest.fixture
def bids(tmp_path):
    """Twelve subjects; men are brighter in front (the arrays run to the right, forwards and up), women at the back."""
    from xaigt.volume import write_nifti

    rng = np.random.default_rng(0)
    lines = ["participant_id\tsex\tsite"]
    for number in range(12):
        folder = tmp_path / "bids" / f"sub-{number:02d}" / "anat"
        folder.mkdir(parents=True)
        image = rng.integers(0, 100, (10, 20, 18)).astype(np.int16)
        image[:, 10:] += 100 if number % 2 else 0
        image[:, :10] += 0 if number % 2 else 100
        write_nifti(folder / f"sub-{number:02d}_T1w.nii.gz", image, np.eye(4))
        lines.append(f"sub-{number:02d}\t{'FM'[number % 2]}\tone")
    lines.append("sub-99\tF\tone")  # has no image
    (tmp_path / "bids" / "participants.tsv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "bids"


def test_labelled_gives_each_slice_the_value_of_its_subject_and_keeps_subjects_apart(
    context, own_cache, bids, monkeypatch
):
    made, images = [], labelled._images
    monkeypatch.setattr(labelled, "_images", lambda *given: made.append(images(*given)) or made[-1])
    torch.set_num_threads(1)
    options = {"data": str(bids), "epochs": 1, "slices": 3}
    begun = start(context(size=(32, 32), arm="labelled", arm_options=options))
    assert sum(begun.record["samples"].values()) == 36
    (splits,) = made
    subjects = [set(splits[name].numbers) for name in ("train", "val")]
    assert subjects[0].isdisjoint(subjects[1])
    assert len(subjects[0] | subjects[1]) == 12
    for part in splits.values():  # rows run backwards: those of the front come first
        front, back = part.pixels[:, :16].mean((1, 2)), part.pixels[:, 16:].mean((1, 2))
        assert (front > back).tolist() == (part.targets == 1).tolist()  # F is class 0, M is class 1


@pytest.mark.parametrize(
    ("column", "says"), [("age", "no column 'age'"), ("site", "12 subjects .* 1 different values")]
)
def test_labelled_names_a_column_that_cannot_be_learnt(context, own_cache, bids, column, says):
    with pytest.raises(ModelError, match=says):
        start(context(arm="labelled", arm_options={"data": str(bids), "column": column}))


def test_brain_needs_subjects_that_differ(tmp_path):
    import xaigt

    alike = {"grid.size": 32, "grid.spacing": 7.0, "subject.ventricles_mm": 0.0}
    xaigt.generate(xaigt.load_recipe("hemorrhage", changes=alike), tmp_path / "data", samples=3)
    data = xaigt.load(tmp_path / "data")
    with pytest.raises(ModelError, match="ventricles_mm is 0 in all subjects"):
        start(Context(Settings(network="small", arm="brain"), data, 1, (32, 32)))


def test_labelled_says_which_images_it_looked_for(context, own_cache, bids):
    with pytest.raises(ModelError, match=r"has an image \(.*_T2w\.nii.*suffix, now T2w"):
        start(context(arm="labelled", arm_options={"data": str(bids), "suffix": "T2w"}))


def timm_file(folder, name, title):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(3)
    theirs = timm.create_model(name, pretrained=False)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.01)
            module.running_var.uniform_(0.9, 1.1)
    save_file(theirs.state_dict(), folder / f"{title}.safetensors")
    return theirs.eval()


@pytest.mark.parametrize(
    ("network", "name", "title"),
    [
        ("resnet18", "resnet18", "resnet18.tv_in1k"),
        ("densenet121", "densenet121", "densenet121.tv_in1k"),
        ("efficientnet-b0", "tf_efficientnet_b0", "tf_efficientnet_b0.in1k"),
        ("efficientnetv2-s", "tf_efficientnetv2_s", "tf_efficientnetv2_s.in21k_ft_in1k"),
        pytest.param("vgg16", "vgg16", "vgg16.tv_in1k", marks=pytest.mark.slow),
        pytest.param("inception-v3", "inception_v3", "inception_v3.tv_in1k", marks=pytest.mark.slow),
        pytest.param("resnetv2-50", "resnetv2_50", "resnetv2_50.a1h_in1k", marks=pytest.mark.slow),
        pytest.param("resnet50", "resnet50", "resnet50.tv_in1k", marks=pytest.mark.slow),
    ],
)
def test_imagenet_weights_compute_what_timm_computes_of_a_grey_image(context, tmp_path, network, name, title):
    """A file with timm's names: our stages on one channel give timm's features of three equal channels."""
    torch.set_num_threads(1)
    theirs = timm_file(tmp_path, name, title)
    begun = start(context(network, size=(96, 96), arm="imagenet", weights=tmp_path))
    grey = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    ours, theirs, grey = begun.network.eval().double(), theirs.double(), grey.double()
    with torch.no_grad():
        found, wanted = ours.prefix(grey, len(ours.stages)), theirs.forward_features(grey.repeat(1, 3, 1, 1))
    found = torch.nn.functional.max_pool2d(found, 2) if network == "vgg16" else found  # it opens our head
    assert torch.allclose(found, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))
    assert begun.record["source"] == "folder"
    assert begun.record["sha256"] == hashlib.sha256((tmp_path / f"{title}.safetensors").read_bytes()).hexdigest()
    assert begun.pretrain_id == f"imagenet-{begun.record['sha256'][:12]}"


def test_medicalnet_weights_fill_a_3d_resnet(context, tmp_path):
    """A file as MedicalNet publishes it: a pickle of tensors under ``state_dict``, names begin with ``module.``."""
    torch.set_num_threads(1)
    whole = create("resnet10", dim=3, outputs=1, size=(32, 32, 32), seed=9)
    from xaigt.models.registry import source

    theirs = source("resnet10", dim=3, outputs=1, size=(32, 32, 32), seed=9)
    state = {f"module.{key}": value for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    torch.save({"state_dict": state}, tmp_path / "resnet_10_23dataset.pth")
    begun = start(context("resnet10", size=(32, 32, 32), arm="medicalnet", weights=tmp_path))
    assert same_stages(begun.network, whole)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arm": "imagenet", "network": "resnet18"}, "not here.*--download.*--weights"),
        ({"arm": "imagenet", "network": "small"}, "no weights for small.*resnet18"),
        ({"arm": "medicalnet", "network": "resnet18"}, "no weights for resnet18 in 2-D"),
        ({"arm": "image-net"}, "did you mean 'imagenet'"),
        ({"arm": "fractal", "arm_options": {"categorys": 3}}, "did you mean 'categories'"),
        ({"arm": "fractal", "arm_options": {"categories": "many"}}, "must be of type int"),
        ({"arm": "fractal", "arm_options": {"categories": 0}}, "categories=0: must be 1 or more"),
        ({"arm": "labelled"}, "give --arm-option data=FOLDER"),
        ({"arm": "labelled", "arm_options": {"data": "nowhere"}}, "nowhere/participants.tsv: missing"),
        ({"arm": "brain", "arm_options": {"measure": "ventricle"}}, "did you mean 'ventricles_mm'"),
    ],
)
def test_an_arm_that_cannot_be_had_says_why(context, own_cache, changes, says):
    with pytest.raises(ModelError, match=says):
        start(context(**changes))


def test_a_download_without_network_says_what_to_do(own_cache, monkeypatch):
    import huggingface_hub

    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", offline)
    with pytest.raises(ModelError, match=r"cannot be downloaded.*no route to host.*--weights"):
        find(Published("a", "someone/a", "model.safetensors"), None, True)


def test_a_download_is_checked_against_the_sha256_that_the_hub_names(own_cache, monkeypatch, tmp_path):
    from types import SimpleNamespace

    import huggingface_hub

    (tmp_path / "got").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: str(tmp_path / "got"))
    wanted = Published("a", "someone/a", "model.safetensors")
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda _: SimpleNamespace(etag="0" * 64))
    with pytest.raises(ModelError, match="the hub names 0000"):
        find(wanted, None, True)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda _: SimpleNamespace(etag=digest))
    found = find(wanted, None, True)
    assert found.sha256 == digest
    assert json.loads(found.path.with_suffix(".json").read_text())["repository"] == "someone/a"
    assert find(wanted, None, False).path == found.path
    found.path.write_bytes(b"altered")
    with pytest.raises(ModelError, match="remove it"):
        find(wanted, None, False)


def test_channels_are_adapted_without_loss():
    """By hand: one channel sums the kernels; two get the mean times 3/2, so that equal channels give the sum."""
    kernel = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    assert fit_channels(kernel, 1).flatten().tolist() == [9.0]
    assert fit_channels(kernel, 2).flatten().tolist() == [4.5, 4.5]
    assert fit_channels(kernel, 3) is kernel


def test_a_damaged_file_of_weights_is_named(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"no pickle")
    with pytest.raises(ModelError, match=r"a\.pth: cannot be read"):
        read(Found(tmp_path / "a.pth", "", "folder"))


def test_every_arm_has_a_module():
    import importlib

    assert all(callable(importlib.import_module(f"xaigt.models.arms.{name}").start) for name in ARMS)
