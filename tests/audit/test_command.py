"""The audit as a user meets it: what it writes, how it ends, and what it says of bad input."""

import json
import sys

import pytest

import xaigt
from tests.audit.test_leaks import noisier
from tests.audit.toy import toy
from xaigt.audit import Verdict, audit
from xaigt.cli.main import main


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["xaigt", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return end.value.code, out, " ".join(err.split())

    return run


def test_clean_data_end_with_0_and_a_report(tmp_path, command):
    toy(tmp_path / "d", 60, write_arrays=False)
    code, out, _ = command("audit", tmp_path / "d", "--tables-only", "-o", tmp_path / "r")
    assert code == 0 and "INCONCLUSIVE" in out
    assert (tmp_path / "r" / "audit.png").stat().st_size > 10_000
    report = json.loads((tmp_path / "r" / "audit.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "INCONCLUSIVE" and report["settings"]["margin"] == 0.05
    line = next(line for line in report["lines"] if line["name"] == "noise" and line["test"] == "rank")
    assert 0.5 <= line["low"] <= line["auc"] <= line["high"] <= 1 and line["n"] > 60
    assert sorted(path.name for path in (tmp_path / "d").glob("audit*")) == []


def test_a_leak_ends_with_1(tmp_path, command):
    toy(tmp_path / "d", drawn=noisier, write_arrays=False)
    code, out, _ = command("audit", tmp_path / "d", "--tables-only")
    assert code == 1 and "FAIL" in out and "noise (rank)" in out
    assert (tmp_path / "d" / "audit.json").exists() and xaigt.load(tmp_path / "d")


@pytest.mark.parametrize(
    ("samples", "message"),
    [(3, "At least 10 samples"), (18, "At least 10 samples")],
)
def test_too_few_samples_end_with_2(tmp_path, command, samples, message):
    toy(tmp_path / "d", samples, write_arrays=False)
    code, _, err = command("audit", tmp_path / "d")
    assert code == 2 and message in err


def test_one_class_ends_with_2(tmp_path, command):
    def ill(item, rng):
        item["label"] = 1

    toy(tmp_path / "d", 40, drawn=ill, write_arrays=False)
    code, _, err = command("audit", tmp_path / "d")
    assert code == 2 and "40 samples against 0" in err


def test_no_dataset_ends_with_2(tmp_path, command):
    assert command("audit", tmp_path / "nowhere")[0] == 2
    assert "not an xaigt dataset" in command("audit", tmp_path)[2]


def test_a_damaged_array_ends_with_2(tmp_path, command):
    toy(tmp_path / "d", 40)
    for file in (tmp_path / "d" / "data.zarr" / "twin" / "c").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-50])
    code, _, err = command("audit", tmp_path / "d")
    assert code == 2 and "twin" in err


def test_a_level_beyond_its_range_is_refused(tmp_path):
    data = toy(tmp_path / "d", 40, write_arrays=False)
    with pytest.raises(xaigt.XaigtError, match=r"level must be from 0\.5"):
        audit(data, arrays=False, level=1.0)


def test_the_same_seed_gives_the_same_report(tmp_path):
    data = toy(tmp_path / "d", 60)
    first, again = (audit(data, rerender=0, seed=3).plain() for _ in range(2))
    assert first == again


def test_hemorrhage_does_not_fail(slices):
    report = audit(slices)
    assert report.failed == []
    by_name = {check.name: check for check in report.checks}
    exact = by_name["rendered again: image and twin differ only near the truth"]
    assert exact.verdict is Verdict.PASS and exact.note.startswith("8 samples")
    assert all(check.verdict in (Verdict.PASS, Verdict.NOT_JUDGED) for check in report.checks)


@pytest.mark.slow
def test_volumes_are_audited_too(tmp_path):
    from tests.conftest import SMALL_3D

    recipe = xaigt.load_recipe(
        "hemorrhage", changes={**SMALL_3D, "grid.size": [12, 32, 32], "grid.spacing": [10, 7, 7]}
    )
    xaigt.generate(recipe, tmp_path / "d", samples=20)
    report = audit(xaigt.load(tmp_path / "d"), rerender=2)
    assert report.failed == []
    assert {"place z", "extent z", "surface"} <= {line.name for line in report.lines}
