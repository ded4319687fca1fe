"""Every recipe of the catalogue is audited, small: what the recorded truth says is true, and nothing tells the class.

Ten seeds of three of them; more samples and ten seeds of each: tests/performance/audit_recipes.py.
"""

import importlib.util
from pathlib import Path

import pytest

import xaigt
from xaigt import catalog
from xaigt.audit import Verdict, audit
from xaigt.audit.lines import Role
from xaigt.synthesis.legacy.recipe import GENERATOR

RENDERED = "rendered again: image and twin differ only near the truth"
CLEAN = [name for name in catalog.names("generators") if name != GENERATOR]


@pytest.mark.slow
@pytest.mark.parametrize("seed, name", list(enumerate(CLEAN)))
def test_a_recipe_of_the_catalogue_does_not_fail(tmp_path, seed, name):
    recipe = xaigt.load_recipe(name, changes={"grid.size": 96})
    xaigt.generate(recipe, tmp_path / "d", samples=40, seed=seed)
    report = audit(xaigt.load(tmp_path / "d"), rerender=4, seed=seed)
    assert [f"{item.name}: {item.note}" for item in report.failed] == []
    checks = {check.name: check.verdict for check in report.checks}
    assert checks[RENDERED] is checks["visible lesions make the class"] is Verdict.PASS
    declared = [line for line in report.lines if line.role is Role.DECLARED]
    assert bool(declared) == bool(recipe.class_defining)
    assert all(line.verdict is Verdict.PASS for line in declared)


TEN = {
    "lesion-shape": ["grid.size=96"],
    "hemorrhage": ["grid.size=64"],
    "lacune": ["grid.size=96", "task=count", "classes=null", "lesions.0.count={integers: [1, 2]}"],
}


@pytest.fixture(scope="module")
def recipes():
    path = Path(__file__).parents[1] / "performance" / "audit_recipes.py"
    spec = importlib.util.spec_from_file_location("audit_recipes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", TEN)
def test_ten_seeds_do_not_fail(tmp_path, recipes, name):
    """Alone none fails; together, with ten times the samples, none either, and the lesion tells the class."""
    rows = []
    for seed in range(10):
        folder = tmp_path / str(seed)
        xaigt.generate(xaigt.load_recipe(name, TEN[name]), folder, samples=24, seed=seed)
        report = audit(xaigt.load(folder), rerender=1, seed=seed)
        assert [f"{item.name}: {item.note}" for item in report.failed] == []
        rows.append({"lines": [line.plain() for line in report.lines]})
    shared = recipes.together(rows)
    assert [line for line in shared if line["verdict"] is Verdict.FAIL] == []
    alone = next(line for line in shared if line["role"] == Role.EVIDENCE)
    assert alone["low"] > 0.5


def row(seed, signed, error=0.05, check="PASS"):
    """An audit of one line that must not tell the class: of 100 samples or so."""
    line = {"name": "noise", "test": "rank", "target": "", "role": "shortcut", "signed": signed, "error": error}
    line |= {"auc": max(signed, 1 - signed), "low": max(0.5, signed - 0.15), "verdict": "FAIL"}
    return {"case": "ms", "seed": seed, "samples": 100, "lines": [line], "checks": {"truth": check}}


def test_one_failure_among_ten_is_chance_and_ten_small_ones_are_a_leak(recipes):
    chance = [row(0, 0.72), *(row(seed, 0.5 + 0.02 * (-1) ** seed) for seed in range(1, 10))]
    assert recipes.leaks(chance) == []
    line = recipes.together(chance)[0]
    assert line["auc"] == pytest.approx(0.52, abs=0.003) and line["verdict"] is not Verdict.FAIL
    assert line["high"] - line["auc"] == pytest.approx(1.96 * 0.05 / 10**0.5, rel=1e-3)
    assert recipes.leaks([row(seed, 0.64) for seed in range(10)]) == ["ms: noise (rank)"]
    # Above one half as often as below: nothing that all have in common.
    assert recipes.leaks([row(seed, 0.5 + 0.14 * (-1) ** seed) for seed in range(10)]) == []


def test_a_check_that_fails_is_no_chance(recipes):
    assert recipes.leaks([row(0, 0.5), row(1, 0.5, check="FAIL")]) == ["ms, seed 1: truth"]


def test_of_one_seed_the_largest_dataset_counts(recipes):
    rows = [row(0, 0.6) | {"samples": 400}, row(0, 0.7), row(1, 0.5)]
    assert [(item["seed"], item["samples"]) for item in recipes.largest(rows)] == [(0, 400), (1, 100)]


def test_tables_go_between_the_marks_of_a_page(recipes, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{recipes.MARKS[0]}\nold\n{recipes.MARKS[1]}\nafter\n")
    recipes.put(page, "| new |")
    recipes.put(page, "| newer |")
    assert page.read_text() == f"before\n{recipes.MARKS[0]}\n\n| newer |\n\n{recipes.MARKS[1]}\nafter\n"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="has no lines"):
        recipes.put(page, "| new |")
