import json
import pickle
import shutil

import numpy as np
import pytest

import xaigt
from xaigt.dataset import layout
from xaigt.dataset.files import DatasetError
from xaigt.lesions import family


@pytest.fixture
def copy(slices, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(slices.path, folder)
    return folder


def test_samples_arrays_and_tables_agree(slices):
    assert len(slices) == len(slices.samples) == 40
    assert "40 samples of hemorrhage" in repr(slices)
    for number in (0, 7, 39):
        sample = slices[number]
        assert sample.number == number and sample.row["id"] == f"{number:06d}"
        assert np.array_equal(sample.image, slices.arrays["image"][number])
        assert sample.label == int((sample.lesion > 0).any())
    assert slices[-1].number == 39
    lesions = slices.lesions[slices.lesions["role"] == "lesion"]
    assert set(lesions["sample"]) == set(slices.samples.loc[slices.samples["label"] == 1, "sample"])
    with pytest.raises(IndexError):
        slices[40]


def test_splits_slices_and_conditions(slices):
    parts = [slices.split(name) for name in slices.description["splits"]]
    assert sum(len(part) for part in parts) == 40
    numbers = [sample.number for part in parts for sample in part]
    assert sorted(numbers) == list(range(40))
    positives = slices.where(lambda samples: samples["label"] == 1)
    assert {sample.label for sample in positives} == {1}
    assert [sample.number for sample in slices[10:13]] == [10, 11, 12]
    assert set(positives.lesions["sample"]) == {sample.number for sample in positives}
    assert (positives.lesions["role"] == "lesion").sum() == len(positives)
    with pytest.raises(xaigt.XaigtError, match="did you mean 'val'"):
        slices.split("vall")
    with pytest.raises(xaigt.XaigtError, match="did you mean 'lesion'"):
        slices.read("lesions", 0)


def test_positions_in_the_scanner(slices, volumes):
    sample = slices[3]
    x, y, z, _ = sample.affine @ [0, 31.5, 31.5, 1]
    assert (x, y) == (0, -18) and z == sample.row["slice_mm"]
    assert np.allclose(volumes[0].affine @ [11.5, 31.5, 31.5, 1], [0, -18, 18, 1])
    seen = 0
    for _, row in volumes.lesions.iterrows():
        kind = family(row["family"])
        reach = kind.reach(kind.lesion.model_validate_json(row["parameters"]))
        sample = volumes[int(row["sample"])]
        array = "lesion" if row["role"] == "lesion" else "other"  # distractors have a mask of their own
        where = np.argwhere(sample.array(array) == row["instance"])
        assert len(where) == row["voxels"]
        if len(where) == 0:  # thinner than the voxels of this small grid
            continue
        seen += row["role"] == "lesion"
        x, y, z, _ = sample.affine @ np.column_stack([where, np.ones(len(where))]).T
        for found, centre, voxel in ((x, "centre_x_mm", 3.5), (y, "centre_y_mm", 3.5), (z, "centre_z_mm", 5.0)):
            assert np.abs(found - row[centre]).max() <= reach + voxel
    assert seen == volumes.samples["label"].sum()


def test_it_can_be_sent_to_another_process(slices):
    slices[0].image  # noqa: B018 - opens the arrays
    again = pickle.loads(pickle.dumps(slices.split("train")))
    assert np.array_equal(again[0].image, slices.split("train")[0].image)


def test_datasets_of_other_tools_read_the_files(slices):
    """Nothing but zarr and pandas is needed."""
    import pandas
    import zarr

    group = zarr.open_group(slices.path / "data.zarr", mode="r")
    table = pandas.read_parquet(slices.path / "samples.parquet")
    assert group["image"].shape == (len(table), 64, 64)
    assert group["image"].metadata.zarr_format == 3


def damage_description(folder, **changes):
    path = folder / layout.DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="no such directory"):
        xaigt.load(tmp_path / "none")
    with pytest.raises(DatasetError, match=r"has no dataset\.json"):
        xaigt.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": layout.FORMAT_VERSION + 1}, "install a newer xaigt"),
        ({"format_version": None}, "field format_version"),
        ({"complete": False}, "not finished"),
    ],
)
def test_newer_older_and_unfinished(copy, changes, message):
    damage_description(copy, **changes)
    with pytest.raises(DatasetError, match=message):
        xaigt.load(copy)


def test_a_truncated_description(copy):
    path = copy / layout.DESCRIPTION
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    with pytest.raises(DatasetError, match=r"dataset\.json: damaged"):
        xaigt.load(copy)


def test_a_description_that_lacks_a_field(copy):
    path = copy / layout.DESCRIPTION
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["shape"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match="field shape: missing"):
        xaigt.load(copy)


@pytest.mark.parametrize("name", [layout.SAMPLES, layout.LESIONS])
def test_a_table_that_is_missing_or_changed(copy, name):
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    data = xaigt.load(copy)
    with pytest.raises(DatasetError, match="not what was written"):
        data.samples, data.lesions  # noqa: B018
    path.unlink()
    data = xaigt.load(copy)
    with pytest.raises(DatasetError, match="is missing"):
        data.samples, data.lesions  # noqa: B018


def shards(folder, name):
    return sorted(path for path in (folder / layout.DATA / name / "c").rglob("*") if path.is_file())


def test_a_missing_shard_is_not_read_as_zeros(copy):
    shards(copy, "image")[0].unlink()
    with pytest.raises(DatasetError, match="array image, sample 3: is not what was written"):
        xaigt.load(copy)[3].image  # noqa: B018
    assert not xaigt.load(copy, check=False)[3].image.any()


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_truncated_shard(copy, keep):
    path = shards(copy, "image")[0]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DatasetError, match="array image, sample 3"):
        xaigt.load(copy)[3].image  # noqa: B018


def test_a_changed_byte_in_a_shard(copy):
    path = shards(copy, "image")[0]
    content = bytearray(path.read_bytes())
    for place in range(50, len(content) - 600, 1500):  # touches every chunk, spares the index at the end
        content[place] ^= 255
    path.write_bytes(content)
    data = xaigt.load(copy)
    with pytest.raises(DatasetError, match="array image, sample"):
        [data[number].image for number in range(32)]


def test_a_changed_voxel_is_found(copy):
    import zarr

    zarr.open_group(copy / layout.DATA, mode="r+")["lesion"][3, 10, 10] = 1
    with pytest.raises(DatasetError, match="array lesion, sample 3: is not what was written"):
        xaigt.load(copy)[3].lesion  # noqa: B018


def test_arrays_that_are_gone_or_of_another_shape(copy):
    damage_description(copy, samples=41)
    with pytest.raises(DatasetError, match="has the shape"):
        xaigt.load(copy).arrays  # noqa: B018
    shutil.rmtree(copy / layout.DATA / "twin")
    with pytest.raises(DatasetError, match="missing or damaged"):
        xaigt.load(copy).arrays  # noqa: B018
