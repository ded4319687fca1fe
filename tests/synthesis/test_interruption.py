"""Killed, stopped, locked out, or out of disk: nothing is lost, and the end is the same bits."""

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pandas
import pytest

import xaigt
from tests.conftest import SMALL, SMALL_OPTIONS
from xaigt.dataset import layout, store
from xaigt.dataset.files import DatasetError
from xaigt.synthesis.generate import generate

COUNT = 320  # ten blocks: some seconds, so that a signal finds it at work


def small():
    return xaigt.load_recipe("hemorrhage", changes=SMALL)


def start(folder, workers=1):
    command = [sys.executable, "-m", "xaigt", "generate", "--lesion", "hemorrhage", *SMALL_OPTIONS]
    return subprocess.Popen(
        [*command, "-n", str(COUNT), "--workers", str(workers), "-o", str(folder)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip


def finished_blocks(folder):
    return len(list((folder / layout.BLOCKS).glob("*.json")))


def wait_until(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "d"
    generate(small(), folder, samples=COUNT)
    return xaigt.load(folder)


def assert_same(folder, whole):
    again = xaigt.load(folder)
    pandas.testing.assert_frame_equal(whole.samples, again.samples)
    pandas.testing.assert_frame_equal(whole.lesions, again.lesions)
    for name in (layout.SAMPLES, layout.LESIONS):
        assert (folder / name).read_bytes() == (whole.path / name).read_bytes()
    for sample in again:
        for name in layout.ARRAYS:
            sample.array(name)  # raises if a voxel is not what the table's checksum says


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_goes_on_and_ends_with_the_same_bits(tmp_path, whole, workers):
    folder, moments = tmp_path / "d", random.Random(workers)
    reached = []
    for kill in range(3):
        process = start(folder, workers)
        wait_until(lambda wanted=kill: finished_blocks(folder) > wanted, process)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        reached.append(finished_blocks(folder))
        if not (folder / layout.BLOCKS).exists():
            break  # it was quicker than the kill
        with pytest.raises(DatasetError, match="not finished"):
            xaigt.load(folder)
    assert reached == sorted(reached)  # no finished block is ever lost
    generate(small(), folder, samples=COUNT)
    assert_same(folder, whole)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_says_how_to_go_on_and_leaves_a_usable_state(tmp_path, whole, workers):
    folder = tmp_path / "d"
    process = start(folder, workers)
    assert wait_until(lambda: finished_blocks(folder) >= 1, process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in message and "Traceback" not in message
    generate(small(), folder, samples=COUNT)
    assert_same(folder, whole)


def test_a_killed_finish_is_finished(tmp_path, whole, monkeypatch):
    folder = tmp_path / "d"
    real = store.write_json

    def dies_at_the_last_step(path, content, **options):
        if path.name == layout.DESCRIPTION and content.get("complete"):
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(store, "write_json", dies_at_the_last_step)
    with pytest.raises(KeyboardInterrupt):
        generate(small(), folder, samples=COUNT)
    monkeypatch.undo()
    generate(small(), folder, samples=COUNT)
    assert_same(folder, whole)


def test_two_writers_the_second_is_refused_and_told_who_the_first_is(tmp_path):
    process = start(tmp_path / "d")
    try:
        assert wait_until(lambda: finished_blocks(tmp_path / "d") >= 1, process)
        with pytest.raises(DatasetError, match=f"number {process.pid} on "):
            generate(small(), tmp_path / "d", samples=COUNT)
    finally:
        process.kill()
        process.communicate()


def test_the_lock_of_a_dead_writer_does_not_hold(tmp_path, whole):
    process = start(tmp_path / "d")
    wait_until(lambda: finished_blocks(tmp_path / "d") >= 1, process)
    process.kill()
    process.communicate()
    assert (tmp_path / "d" / layout.LOCK).exists()
    generate(small(), tmp_path / "d", samples=COUNT)
    assert_same(tmp_path / "d", whole)


def test_another_recipe_seed_or_size_is_not_mixed_in(tmp_path):
    folder = tmp_path / "d"
    generate(small(), folder, samples=2)
    for changes, arguments, message in (
        ({}, {"samples": 3}, "samples is 2 there and 3 here"),
        ({}, {"samples": 2, "seed": 4}, "seed is 0 there and 4 here"),
        ({"grid.thickness": 4.0}, {"samples": 2}, "recipe.grid.thickness"),
    ):
        recipe = xaigt.load_recipe("hemorrhage", changes=SMALL | changes)
        with pytest.raises(DatasetError, match=message):
            generate(recipe, folder, **arguments)
    assert len(xaigt.load(folder)) == 2


def test_foreign_directories_and_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DatasetError, match=r"not an xaigt dataset .*thesis\.tex"):
        generate(small(), tmp_path, samples=2)
    with pytest.raises(DatasetError, match="is a file"):
        generate(small(), tmp_path / "thesis.tex", samples=2)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_too_little_room_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("xaigt.synthesis.generate.free_bytes", lambda folder: 1000)
    with pytest.raises(DatasetError, match=r"needs about .*kB, but only 1\.0 kB"):
        generate(small(), tmp_path / "d", samples=4)


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "cannot be written")],
)
def test_a_disk_that_fails_in_the_middle(tmp_path, whole, monkeypatch, number, message):
    folder, real, calls = tmp_path / "d", store.write_json, []

    def fails(path, content, **options):
        calls.append(path)
        if len(calls) == 5:
            raise OSError(number, os.strerror(number))
        real(path, content)

    monkeypatch.setattr(store, "write_json", fails)
    with pytest.raises(DatasetError, match=f"{message}.*Finished samples are kept"):
        generate(small(), folder, samples=COUNT)
    monkeypatch.undo()
    assert finished_blocks(folder) > 0
    generate(small(), folder, samples=COUNT)
    assert_same(folder, whole)


@contextlib.contextmanager
def tiny_disk(folder, size):
    """A real file system of `size`, where the machine lets us mount one."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount command here")
def test_a_really_full_disk(tmp_path, whole, monkeypatch):
    monkeypatch.setattr("xaigt.synthesis.generate.estimate_bytes", lambda job: 0)
    with tiny_disk(tmp_path / "disk", "900k") as disk:
        folder = disk / "d"
        with pytest.raises(DatasetError, match="the disk is full"):
            generate(small(), folder, samples=COUNT)
        assert 0 < finished_blocks(folder) < COUNT // 32
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        generate(small(), folder, samples=COUNT)
        assert_same(folder, whole)
