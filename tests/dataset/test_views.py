import nibabel
import numpy as np
import pandas
import pytest
import torch
from torch.utils.data import DataLoader

import xaigt
from xaigt.dataset import layout
from xaigt.dataset.export import to_nifti
from xaigt.dataset.files import DatasetError


@pytest.mark.parametrize(("hu", "expected"), [(-50, 0), (0, 0), (20, 0.25), (80, 1), (1000, 1)])
def test_brain_window(hu, expected):
    assert xaigt.window(np.array([hu], np.int16))[0] == expected
    assert xaigt.window(np.array([hu], np.int16), 40, 80).dtype == np.float32


@pytest.mark.parametrize("workers", [0, 1])
def test_torch_batches(slices, workers):
    view = xaigt.TorchView(slices.split("train"), windowed=(40, 80), arrays=("lesion", "twin"))
    batch = next(
        iter(DataLoader(view, batch_size=4, num_workers=workers, multiprocessing_context="spawn" if workers else None))
    )
    assert batch["image"].shape == (4, 1, 64, 64) and batch["image"].dtype == torch.float32
    assert batch["image"].min() >= 0 and batch["image"].max() <= 1
    for position, number in enumerate(batch["sample"].tolist()):
        sample = slices[number]
        assert batch["label"][position] == sample.label
        assert np.array_equal(batch["lesion"][position, 0].numpy(), sample.lesion)
        assert np.array_equal(batch["image"][position, 0].numpy(), xaigt.window(sample.image))


def test_torch_keeps_units_and_applies_a_transform(slices):
    view = xaigt.TorchView(slices, transform=lambda item: (item["image"].min(), item["label"]))
    low, label = view[5]
    assert low == slices[5].image.min() and label == slices[5].label


@pytest.mark.parametrize("kind", ["slices", "volumes"])
def test_monai_items_carry_the_affine_of_their_axes(kind, request):
    from monai.transforms import Compose, RandFlipd, ScaleIntensityRanged

    data = request.getfixturevalue(kind)[:2]
    items = xaigt.monai_items(data)
    for item, sample in zip(items, data, strict=True):
        assert item["image"].shape == (1, *sample.image.shape)
        index = np.zeros(4)
        index[: sample.image.ndim] = 3
        index[3] = 1
        grid_index = [3, 3, 3, 1] if data.dim == 3 else [0, 3, 3, 1]
        assert np.allclose(item["image"].affine.numpy() @ index, sample.affine @ grid_index)
    done = Compose(
        [
            ScaleIntensityRanged("image", 0, 80, 0, 1, clip=True),
            RandFlipd(["image", "lesion"], prob=1.0, spatial_axis=-1),
        ]
    )(items[1])
    assert np.array_equal(done["lesion"][0].numpy(), data[1].lesion[..., ::-1])


@pytest.mark.parametrize("kind", ["slices", "volumes"])
def test_torchio_subjects_show_left_and_right_as_they_are(kind, request):
    data = request.getfixturevalue(kind)
    chosen = data.where(lambda samples: samples["label"] == 1)[:1]
    subject = xaigt.torchio_subjects(chosen)[0]
    subject.check_consistent_space()
    sample = chosen[0]
    mask = sample.lesion if data.dim == 3 else sample.lesion[None]
    z, y, x = np.argwhere(mask)[0]
    assert subject["lesion"].data[0, x, y, z] == mask[z, y, x]
    assert np.allclose(subject["image"].affine @ [x, y, z, 1], sample.affine @ [z, y, x, 1])
    assert subject["image"].orientation == ("L", "P", "S")


@pytest.mark.parametrize("kind", ["slices", "volumes"])
def test_export_to_nifti(kind, request, tmp_path):
    data = request.getfixturevalue(kind)[:2]
    calls = []
    folder = to_nifti(data, tmp_path / "out", progress=lambda done, wanted: calls.append((done, wanted)))
    assert calls == [(1, 2), (2, 2)]
    for sample in data:
        for name in layout.ARRAYS:
            image = nibabel.load(folder / sample.row["id"] / f"{name}.nii.gz")
            stored = sample.array(name) if data.dim == 3 else sample.array(name)[None]
            assert np.array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), stored)
            assert np.allclose(image.affine @ [0, 0, 0, 1], sample.affine @ [0, 0, 0, 1])
            spacing = data.description["spacing_mm"]
            assert np.allclose(image.header.get_zooms(), spacing[::-1])
    assert pandas.read_csv(folder / "samples.csv")["label"].tolist() == data.samples["label"].tolist()
    to_nifti(data, folder)  # again, over itself


def test_export_leaves_foreign_folders_alone(slices, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DatasetError, match="exists and is not an export"):
        to_nifti(slices, tmp_path)
