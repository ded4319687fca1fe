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
    "lesion-shape": {"grid.size": 96},
    "hemorrhage": {"grid.size": 64},
    "lacune": {"grid.size": 96, "task": "count", "classes": None, "lesions.0.count": {"integers": [1, 2]}},
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
        xaigt.generate(xaigt.load_recipe(name, changes=TEN[name]), folder, samples=24, seed=seed)
        report = audit(xaigt.load(folder), rerender=1, seed=seed)
        assert [f"{item.name}: {item.note}" for item in report.failed] == []
        rows.append({"lines": [line.plain() for line in report.lines]})
    shared = recipes.together(rows)
    assert [line for line in shared if line["verdict"] is Verdict.FAIL] == []
    alone = next(line for line in shared if line["role"] == Role.EVIDENCE)
    assert alone["verdict"] is Verdict.PASS
