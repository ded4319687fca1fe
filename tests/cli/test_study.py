"""``xaigt study power``: table, figure, pilot, and errors without a traceback."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xaigt.cli.study import study
from xaigt.errors import XaigtError
from xaigt.statistics import power_table, read_scores, variance_components
from xaigt.statistics.power import Spread
from xaigt.statistics.simulation import World, simulate

OPTIONS = ["--effect", "0.1", "--network-sd", "0.05"]


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    table = simulate(World(networks=3, samples=8), 1, np.random.default_rng(0)).table(0).assign(metric="rank")
    other = table.assign(metric="mass", value=0.5)
    path = tmp_path_factory.mktemp("pilot") / "scores.parquet"
    pd.concat([table, other]).to_parquet(path)
    return path, table


def test_from_a_pilot(pilot, tmp_path):
    path, scores = pilot
    table, figure = tmp_path / "deep" / "power.csv", tmp_path / "power.svg"
    arguments = f"power --effect 0.1 --networks 3,6 --samples 8,100 --cells 6 --depths 3 --metric rank --pilot {path}"
    done = CliRunner().invoke(study, [*arguments.split(), "--table", str(table), "--figure", str(figure)])
    assert done.exit_code == 0, done.output
    spread = Spread.of(variance_components(read_scores(scores)))
    expected = power_table(0.1, [3, 6], [8, 100], spread, cells=6, depths=3)
    pd.testing.assert_frame_equal(pd.read_csv(table), expected, check_exact=False)
    assert "network:method" in done.output
    assert figure.read_text(encoding="utf-8").startswith("<?xml")


def test_a_small_pilot_says_how_little_it_knows(pilot, tmp_path):
    _, scores = pilot
    path = tmp_path / "small.csv"
    scores[scores["network_id"].isin([f"n{3 * cell + i:03d}" for cell in range(6) for i in range(2)])].to_csv(path)
    done = CliRunner().invoke(study, ["power", "--effect", "0.1", "--pilot", str(path)])
    assert done.exit_code == 0
    assert "rests on 6 degrees of freedom" in done.stderr


def test_from_options():
    done = CliRunner().invoke(study, ["power", *OPTIONS, "--networks", "5", "--samples", "10"])
    assert done.exit_code == 0
    expected = power_table(0.1, [5], [10], Spread(0.05, 0, 0, 0))["power"].iloc[0]
    assert f"{expected:.3f}" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--effect 0.1", "needs a pilot"),
        ("--effect -1 --network-sd 1", "must be positive"),
        ("--effect 1 --network-sd 1 --figure power.docx", "a figure ends in one of"),
    ],
)
def test_errors(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(study, ["power", *arguments.split()])
    assert isinstance(done.exception, XaigtError)
    assert message in str(done.exception)


def test_bad_pilots(pilot, tmp_path):
    path, _ = pilot
    text = tmp_path / "scores.txt"
    text.write_text("value\n", encoding="utf-8")
    broken = tmp_path / "scores.parquet"
    broken.write_text("value\n", encoding="utf-8")
    for arguments, message in (
        (["--pilot", str(text)], "a .parquet or a .csv"),
        (["--pilot", str(broken)], "cannot be read as parquet"),
        (["--pilot", str(path), "--metric", "ranks"], "did you mean 'rank'"),
        (["--pilot", str(path)], "'metric' tells them apart"),
    ):
        done = CliRunner().invoke(study, ["power", "--effect", "1", *arguments])
        assert message in str(done.exception)


def test_lists_of_numbers():
    done = CliRunner().invoke(study, ["power", *OPTIONS, "--networks", "few"])
    assert done.exit_code == 2
    assert "such as 3,5,10" in done.output


def test_help_loads_neither_torch_nor_statsmodels():
    code = "import sys; from xaigt.cli.main import main; sys.argv = ['xaigt', 'study', 'power', '--help']\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "print(sorted({'torch', 'statsmodels', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "pilot" in done.stdout
