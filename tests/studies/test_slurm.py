"""The script of docs/how-to for SLURM, word for word, with a batch system that runs its jobs on this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xaigt.studies.running import Means, run
from xaigt.studies.status import status

from .conftest import planned

pytest.importorskip("distributed", reason="dask and distributed are not installed (pip install 'xaigt[dask]')")
pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed (pip install 'xaigt[dev]')")

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/how-to/run-a-study-on-a-cluster.md").read_text(encoding="utf-8")
SBATCH = """#!/bin/sh
# Keeps the script, runs it here as a job of its own, and answers as SLURM does.
number=0
until mkdir "$JOBS/$number" 2>/dev/null; do number=$((number + 1)); done  # two may be submitted at once
cp "$1" "$JOBS/$number.sh"
setsid bash "$JOBS/$number.sh" >"$JOBS/$number.out" 2>&1 </dev/null &
echo $! >"$JOBS/$number.pid"
echo "Submitted batch job $number"
"""
SCANCEL = """#!/bin/sh
echo "$1" >>"$JOBS/cancelled"
kill -- -"$(cat "$JOBS/$1.pid")"
"""

ASKED = (
    "#SBATCH -p gpu", "#SBATCH -n 1\n", "#SBATCH --cpus-per-task=1", "#SBATCH --mem=15G", "#SBATCH -t 04:00:00",
    "#SBATCH --gres=gpu:1", "--nthreads 1", "--resources GPU=1",
)  # fmt: skip


def script(jobs):
    """The example with two jobs and whatever port is free, and nothing else changed."""
    found = re.search(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    text, changed = re.subn(r"scale\(jobs=\d+\)", f"scale(jobs={jobs})", found[1])
    text, also = re.subn(r'"port": \d+', '"port": 0', text)
    assert changed == also == 1
    return text


@pytest.fixture
def slurm(tmp_path):
    """The environment of a machine with `sbatch` and `scancel`, and the folder of its jobs."""
    jobs, commands = tmp_path / "jobs", tmp_path / "bin"
    jobs.mkdir()
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{commands}:{os.environ['PATH']}", "JOBS": str(jobs), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
    }  # fmt: skip
    yield environment, jobs
    for file in jobs.glob("*.pid"):
        try:
            os.killpg(int(file.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the jobs are ended by process groups of Linux (setsid)")
def test_the_example_for_slurm_runs_a_study(slurm, tiny, tmp_path):
    environment, jobs = slurm
    file = tmp_path / "cluster.py"
    file.write_text(script(2), encoding="utf-8")
    host = subprocess.Popen(
        [sys.executable, str(file)], env=environment, cwd=tmp_path, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        address = host.stdout.readline().strip()
        assert address.startswith("tcp://"), host.stderr.read()
        done = run(planned(tiny), tmp_path / "study", Means("dask", 1, address))
        assert status(done).finished == 4
        # The batch system was asked for what the page says, and the cells ran in its jobs.
        for name in ("0.sh", "1.sh"):
            asked = (jobs / name).read_text()
            for part in ASKED:
                assert part in asked, part
        groups = {int(path.read_text()) for path in jobs.glob("*.pid")}
        told = [json.loads(path.read_text()) for path in done.path.glob("cells/*/cell.json")]
        assert {os.getpgid(entry["pid"]) for entry in told} <= groups
        # Enter ends the scheduler and cancels the jobs.
        host.communicate("\n", timeout=60)
        assert host.returncode == 0
        assert sorted((jobs / "cancelled").read_text().split()) == ["0", "1"]
        deadline = time.time() + 30
        while any(alive(entry["pid"]) for entry in told) and time.time() < deadline:
            time.sleep(0.2)
        assert not any(alive(entry["pid"]) for entry in told)
    finally:
        host.kill()
        host.wait()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
