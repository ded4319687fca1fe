"""The cells of a study on a Dask cluster on loopback."""

import signal

import pandas as pd
import pytest

import xaigt
from xaigt.errors import XaigtError
from xaigt.execution import cluster as execution_cluster
from xaigt.studies import folder as folders
from xaigt.studies.running import Means, run
from xaigt.studies.status import status

from .conftest import planned

pytest.importorskip("distributed")
from tests.test_cluster import cluster


@pytest.mark.slow
def test_a_study_on_a_cluster_survives_its_workers_and_its_scheduler(finished, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(execution_cluster, "CONNECT_SECONDS", 3)
    output = tmp_path / "study"
    with cluster(tmp_path) as made:
        made.add()
        killed = []

        def kill_the_worker(text):
            raise AssertionError(text)

        def progress(what, unit):
            from contextlib import contextmanager

            @contextmanager
            def bar():
                def update(done, wanted):
                    if what == "cells" and done == 1 and not killed:
                        made.add()
                        made.workers[0].send_signal(signal.SIGKILL)
                        killed.append(True)
                    elif what == "cells" and done == 3:
                        made.scheduler.send_signal(signal.SIGKILL)

                yield update

            return bar()

        means = Means("dask", 1, made.address)
        with pytest.raises(XaigtError, match=r"went away.*run the same command again"):
            run(planned(tiny), output, means, progress=progress, say=kill_the_worker)
    assert killed and status(folders.load(output)).finished >= 3
    again = run(planned(tiny), output, Means(engine="local"))
    assert status(again).finished == 4
    keys = ["network_id", "sample", "method", "stage", "metric"]
    old, new = (found.table("scores").sort_values(keys, ignore_index=True) for found in (finished, again))
    pd.testing.assert_frame_equal(old, new)


@pytest.mark.slow
def test_a_dataset_is_the_same_from_a_cluster(tmp_path):
    recipe = xaigt.load_recipe("hemorrhage", changes={"grid.size": 32, "grid.spacing": 7.0, "grid.thickness": 5.0})
    with cluster(tmp_path) as made:
        made.add()
        far = xaigt.generate(recipe, tmp_path / "far", samples=40, engine="dask", scheduler=made.address)
    here = xaigt.generate(recipe, tmp_path / "here", samples=40)
    one, other = xaigt.load(here), xaigt.load(far)
    assert one.description["sha256"] == other.description["sha256"]
