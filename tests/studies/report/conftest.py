"""Study folders and their reports, written once for all tests of the page."""

from __future__ import annotations

import shutil

import pytest

from tests.studies.report import browser as chromium
from tests.studies.report.example import build
from xaigt.studies.report import write


@pytest.fixture(scope="session")
def study(slices, tmp_path_factory):
    """A study of 12 networks with one failed cell, and its report."""
    folder = build(tmp_path_factory.mktemp("studies") / "whole", slices, failed=1)
    write(folder)
    return folder


@pytest.fixture(scope="session")
def bare(slices, tmp_path_factory):
    """A study of one arm without maps, without evidence and without an analysis, and its report."""
    folder = build(
        tmp_path_factory.mktemp("studies") / "bare", slices, arms=("scratch",), depths=("all",), seeds=(0,),
        analysed=False, used=False,
    )  # fmt: skip
    (folder / "gallery.json").unlink()
    shutil.rmtree(folder / "analysis", ignore_errors=True)
    write(folder)
    return folder


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    driver = chromium.start()
    yield driver
    driver.quit()
