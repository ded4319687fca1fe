"""The same means the same: whatever n, blocks, workers, threads, locale or order."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

import xaigt
from tests.conftest import SMALL, SMALL_3D, SMALL_OPTIONS
from xaigt.dataset import layout
from xaigt.synthesis.generate import generate

SUMS = [f"sha256_{name}" for name in layout.ARRAYS]


def small(changes=SMALL):
    return xaigt.load_recipe("hemorrhage", changes=changes)


def run_command(*options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "xaigt", "generate", "--lesion", "hemorrhage", *SMALL_OPTIONS, *options],
        env=os.environ | environment, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def same_samples(first, second):
    """Compare every column of the samples that both have."""
    count = min(len(first), len(second))
    pandas.testing.assert_frame_equal(first.samples[:count], second.samples[:count])
    common = first.lesions[first.lesions["sample"] < count]
    pandas.testing.assert_frame_equal(
        common.reset_index(drop=True), second.lesions[second.lesions["sample"] < count].reset_index(drop=True)
    )


def test_fewer_samples_are_the_first_of_more(slices, tmp_path):
    same_samples(slices, xaigt.load(generate(small(), tmp_path / "few", samples=8)))


def test_workers_do_not_matter(slices, volumes, tmp_path):
    same_samples(slices, xaigt.load(generate(small(), tmp_path / "two", samples=40, workers=2)))
    same_samples(volumes, xaigt.load(generate(small(SMALL_3D), tmp_path / "three", samples=6, workers=3)))


def test_the_size_of_a_block_does_not_matter(slices, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "SHARD_2D", 5)
    same_samples(slices, xaigt.load(generate(small(), tmp_path / "five", samples=12)))


def test_threads_of_the_caller_do_not_matter(slices, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 2)
    try:
        same_samples(slices, xaigt.load(generate(small(), tmp_path / "threads", samples=8)))
        assert torch.get_num_threads() == before + 2
    finally:
        torch.set_num_threads(before)


def test_a_sample_alone_is_that_sample_of_the_dataset(slices):
    from xaigt.anatomy.fields import load_fields
    from xaigt.synthesis.drawing import draw_plan
    from xaigt.synthesis.render import render

    recipe = small()
    plan = draw_plan(recipe, 0, 7)
    assert plan.model_dump_json() == slices[7].plan
    alone = render(plan, recipe.grid.resolve(load_fields(plan.template).centre), recipe, torch.device("cpu"))
    for name in layout.ARRAYS:
        assert np.array_equal(alone.arrays[name], slices[7].array(name))


def test_splits_do_not_move_samples(slices, tmp_path):
    other = xaigt.load(generate(small(), tmp_path / "other", samples=8, splits={"train": 0.5, "test": 0.5}))
    assert slices.samples[SUMS][:8].equals(other.samples[SUMS])
    assert set(other.samples["split"]) <= {"train", "test"}


def test_a_plain_locale_a_thread_setting_and_another_process_do_not_matter(slices, tmp_path):
    folder = tmp_path / "Köpfe"
    done = run_command("-n", "8", "-o", str(folder), LC_ALL="C", LANG="C", PYTHONUTF8="0", OMP_NUM_THREADS="4")
    assert done.returncode == 0, done.stderr
    same_samples(slices, xaigt.load(folder))


def test_another_seed_is_another_dataset(slices, tmp_path):
    other = xaigt.load(generate(small(), tmp_path / "seed", samples=8, seed=1))
    assert not set(slices.samples["sha256_image"]) & set(other.samples["sha256_image"])


def test_no_two_samples_are_the_same(slices):
    for name in ("sha256_image", "sha256_twin", "plan"):
        assert slices.samples[name].is_unique


def test_classes_are_balanced_in_the_whole_and_in_every_split(slices):
    assert slices.samples["label"].sum() == 20
    for name in slices.description["splits"]:
        part = slices.split(name)
        assert part.samples["label"].sum() * 2 == len(part)


def test_the_shares_of_the_splits_are_met():
    from xaigt.synthesis.splits import split_of

    shares = {"train": 0.7, "val": 0.15, "test": 0.15}
    found = pandas.Series([split_of(0, sample, shares) for sample in range(4000)]).value_counts(normalize=True)
    for name, share in shares.items():
        assert abs(found[name] - share) < 4 * np.sqrt(share * (1 - share) / 2000)


def test_the_gallery_is_drawn_and_the_description_carries_terms_and_versions(slices):
    assert (slices.path / layout.GALLERY).stat().st_size > 10_000
    text = slices.description
    assert text["format_version"] == layout.FORMAT_VERSION
    assert text["recipe"]["lesions"][0]["parameters"]["volume_ml"]["log"] is True
    assert "McConnell" in text["templates"][0]["licence"]
    assert {"xaigt", "torch", "numpy", "scipy"} <= text["versions"].keys()
    assert json.loads((slices.path / layout.DESCRIPTION).read_text(encoding="utf-8")) == text


def test_a_finished_dataset_is_left_alone(slices):
    before = {path: path.stat().st_mtime_ns for path in Path(slices.path).rglob("*") if path.name != layout.LOCK}
    generate(small(), slices.path, samples=40)
    after = {path: path.stat().st_mtime_ns for path in Path(slices.path).rglob("*") if path.name != layout.LOCK}
    assert {path.name for path in before} == {path.name for path in after}
    assert all(before[path] == after[path] for path in before if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 0}, "1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"splits": {"train": 0.5, "test": 0.6}}, "sum to 1"),
        ({"device": "tpu9"}, "try --device cpu"),
    ],
)
def test_impossible_arguments(tmp_path, arguments, message):
    with pytest.raises(xaigt.XaigtError, match=message):
        generate(small(), tmp_path / "x", **({"samples": 2} | arguments))
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_labels_and_nearly_the_same_voxels(slices, tmp_path):
    other = xaigt.load(generate(small(), tmp_path / "gpu", samples=8, device="cuda"))
    assert slices.samples["plan"][:8].tolist() == other.samples["plan"].tolist()
    for first, second in zip(slices[:8], other, strict=True):
        difference = np.abs(first.image.astype(int) - second.image)
        assert difference.max() <= 1 and (difference > 0).mean() <= 1e-3
        assert (first.lesion != second.lesion).sum() <= 1e-4 * max((first.lesion > 0).sum(), 1)
