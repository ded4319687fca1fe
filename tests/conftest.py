"""Fixtures: one cache for the whole session, and small datasets that many tests read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Before any test imports xaigt, and inherited by the processes that tests start, those of pytest -n among them: fields
# are computed once, and processes that share the CPUs do not fight for them with threads.
if "XAIGT_TESTS_FOLDER" not in os.environ:
    _FOLDER = tempfile.TemporaryDirectory(prefix="xaigt-tests-", ignore_cleanup_errors=True)
    os.environ["XAIGT_TESTS_FOLDER"] = _FOLDER.name
    os.environ["XAIGT_CACHE"] = os.environ.get("XAIGT_TEST_CACHE") or _FOLDER.name
    os.environ["XAIGT_CATALOG"] = str(Path(_FOLDER.name) / "no-catalog")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

SMALL = {"grid.size": 64, "grid.spacing": 3.5, "grid.thickness": 5.0}
SMALL_3D = {"grid.dim": 3, "grid.size": [24, 64, 64], "grid.spacing": [5.0, 3.5, 3.5], "grid.thickness": None}
SMALL_OPTIONS = ["--size", "64", "--spacing", "3.5", "--thickness", "5"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real volumes, or a skip where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real volumes (../shared/data) is not here")
    return folder


@pytest.fixture(scope="session")
def slices(tmp_path_factory):
    """A small 2-D dataset of 40 samples (one whole shard and part of another)."""
    import xaigt

    folder = tmp_path_factory.mktemp("data") / "slices"
    xaigt.generate(xaigt.load_recipe("hemorrhage", changes=SMALL), folder, samples=40)
    return xaigt.load(folder)


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """A small 3-D dataset of 6 samples (one whole block and part of another)."""
    import xaigt

    folder = tmp_path_factory.mktemp("data") / "volumes"
    xaigt.generate(xaigt.load_recipe("hemorrhage", changes=SMALL_3D), folder, samples=6)
    return xaigt.load(folder)
