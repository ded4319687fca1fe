"""A Dask cluster on loopback: a scheduler and workers that are processes of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import xaigt
from xaigt import execution
from xaigt.errors import XaigtError
from xaigt.execution import cluster as execution_cluster

pytest.importorskip("distributed")
ROOT = Path(__file__).resolve().parents[1]


def started(*arguments):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "scheduler.json"
        self.scheduler = started(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)
        )
        self.workers = []
        while not self.file.exists():
            time.sleep(0.05)

    @property
    def address(self):
        import json

        return json.loads(self.file.read_text())["address"]

    def add(self, *options, threads=1):
        self.workers.append(
            started(
                "worker",
                self.address,
                "--nthreads",
                str(threads),
                "--no-dashboard",
                "--no-nanny",
                "--local-directory",
                str(self.folder),
                *options,
            )
        )
        return self.workers[-1]

    def wait_for(self, workers):
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)


@contextmanager
def cluster(folder):
    made = Cluster(folder)
    try:
        yield made
    finally:
        for process in [*made.workers, made.scheduler]:
            process.kill()
            process.wait()


def slow_square(item):
    """Leave a trace of who did it, so that a test knows whom to kill."""
    number, folder = item
    (Path(folder) / f"{number}-{os.getpid()}").touch()
    time.sleep(0.3)
    return number * number


def fails(item):
    raise XaigtError(f"item {item} is wrong.")


def test_what_a_cluster_can_do_and_what_it_says_when_it_cannot(tmp_path, monkeypatch):
    monkeypatch.setattr(execution_cluster, "CONNECT_SECONDS", 3)
    with cluster(tmp_path) as made:
        made.add("--resources", "GPU=1")
        made.add()
        made.wait_for(2)
        done = []
        items = [(number, str(tmp_path)) for number in range(3)]
        execution.run(
            slow_square, items, on_done=lambda item, result: done.append(result), engine="dask", scheduler=made.address
        )
        assert done == [0, 1, 4]
        # Where some worker offers a GPU, one that has none gets nothing.
        assert {path.name.partition("-")[2] for path in tmp_path.glob("[012]-*")} == {str(made.workers[0].pid)}
        with pytest.raises(XaigtError, match=r"item 7 is wrong"):
            execution.run(fails, [7], on_done=lambda *_: None, engine="dask", scheduler=made.address)

        # The worker that holds an item is killed: the item goes to another, and nothing is lost.
        before = set(tmp_path.glob("*-*"))
        victim = made.workers[0]
        made.add("--resources", "GPU=1")
        killed = []

        def kill():
            while not {path for path in tmp_path.glob(f"*-{victim.pid}") if path not in before}:
                time.sleep(0.02)
            victim.send_signal(signal.SIGKILL)
            killed.append(victim.pid)

        killer = threading.Thread(target=kill)
        killer.start()
        items = [(number, str(tmp_path)) for number in range(10, 16)]
        done = []
        execution.run(
            slow_square, items, on_done=lambda item, result: done.append(result), engine="dask",
            scheduler=made.address, in_order=False,
        )  # fmt: skip
        killer.join()
        assert sorted(done) == [number**2 for number in range(10, 16)]
        assert killed == [victim.pid]

        # The scheduler goes away.
        def stop(item, result):
            made.scheduler.send_signal(signal.SIGKILL)

        with pytest.raises(XaigtError, match=r"went away.*run the same command again"):
            execution.run(slow_square, items, on_done=stop, engine="dask", scheduler=made.address)
    with pytest.raises(XaigtError, match="no Dask scheduler answers"):
        execution.run(slow_square, items, on_done=stop, engine="dask", scheduler="tcp://127.0.0.1:1")


def test_a_worker_of_several_threads_is_refused(tmp_path):
    with cluster(tmp_path) as made:
        made.add(threads=2)
        with pytest.raises(XaigtError, match="--nthreads 1"):
            execution.run(fails, [1], on_done=lambda *_: None, engine="dask", scheduler=made.address)


@pytest.mark.parametrize(("engine", "scheduler"), [("dask", None), ("local", "tcp://127.0.0.1:8786")])
def test_dask_and_an_address_go_together(engine, scheduler):
    with pytest.raises(XaigtError, match="address of a scheduler"):
        execution.run(fails, [1], on_done=lambda *_: None, engine=engine, scheduler=scheduler)
    assert xaigt.__version__
