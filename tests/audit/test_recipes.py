"""Every recipe of the catalogue is audited, small: what the recorded truth says is true, and nothing tells the class.

More samples and ten seeds of each: tests/performance/audit_recipes.py.
"""

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


@pytest.mark.slow
def test_a_slice_through_its_lesion_tells_the_subtype_and_one_drawn_first_does_not(tmp_path):
    names = {}
    for where, settings in {"through": [], "first": ["slice_mm={uniform: [2, 20]}"]}.items():
        recipe = xaigt.load_recipe("hemorrhage", ["task=subtype", *settings], {"grid.size": 64})
        xaigt.generate(recipe, tmp_path / where, samples=240)
        report = audit(xaigt.load(tmp_path / where), pixels=False, rerender=0)
        names[where] = {item.name for item in report.failed}
    assert "slice height" in names["through"]
    assert names["first"] == set()
