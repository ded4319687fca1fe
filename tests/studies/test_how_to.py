"""docs/how-to/run-a-study-on-a-cluster.md: its scripts can be read, and its commands and options are there."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from xaigt.cli.generate import generate
from xaigt.cli.pretraining import pretraining, status

TEXT = (Path(__file__).parents[2] / "docs/how-to/run-a-study-on-a-cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
COMMANDS = {"xaigt study pretraining": pretraining, "xaigt study status": status, "xaigt generate": generate}


def test_every_option_is_one_of_the_command():
    written = re.findall(r"(xaigt (?:study \w+|generate))((?: +[\w./:=-]+)*)", TEXT)
    assert {command for command, _ in written} == set(COMMANDS)
    for command, arguments in written:
        known = {name for parameter in COMMANDS[command].params for name in parameter.opts}
        assert {word for word in arguments.split() if word.startswith("-")} <= known, command


def test_the_scripts_are_whole():
    languages = [language for language, _ in BLOCKS]
    assert languages.count("python") == 1 and languages.count("") >= 3
    for language, script in BLOCKS:
        if language == "python":
            ast.parse(script)
        elif shutil.which("bash"):
            done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
            assert done.returncode == 0, (script, done.stderr)


def test_options_of_dask_are_those_of_its_commands():
    cli = pytest.importorskip("distributed.cli")
    del cli
    from distributed.cli.dask_scheduler import main as scheduler
    from distributed.cli.dask_worker import main as worker

    for name, command in (("scheduler", scheduler), ("worker", worker)):
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }  # fmt: skip
        lines = [line for _, block in BLOCKS for line in block.splitlines() if f"dask {name}" in line]
        assert lines
        for line in lines:
            assert set(re.findall(r"--[\w-]+", line.partition(f"dask {name}")[2])) <= known, line
    # What dask-jobqueue gives to each worker, too.
    extra = re.search(r'worker_extra_args=\["(--[\w-]+)', TEXT)
    assert extra is not None and extra[1] in {option for parameter in worker.params for option in parameter.opts}
