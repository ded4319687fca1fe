"""A room imports only rooms below it; the three rooms that strangers use alone know nothing of the rest."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "xaigt"
FLOORS = [
    {"errors"},
    {
        "cache",
        "catalog",
        "compiled",
        "distributions",
        "execution",
        "lobes",
        "randomness",
        "sampling",
        "schema",
        "shape",
        "splines",
    }
    | {"volume", "dataset", "report", "explainers", "metrics", "statistics"},
    {"anatomy", "lesions"},
    {"synthesis"},
    {"audit", "models", "publishing", "cohorts"},
    {"studies"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ALONE = {"explainers", "metrics", "statistics"}
# On the ground floor, rooms may use these tools, which use nothing but each other in this order.
TOOLS = [
    "errors",
    "lobes",
    "cache",
    "compiled",
    "randomness",
    "splines",
    "sampling",
    "volume",
    "schema",
    "catalog",
    "distributions",
    "shape",
]


def imports(path):
    """Rooms of xaigt that a file imports, at its top or inside functions, but not for type checking alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "xaigt" else [node.module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "xaigt" and len(parts) > 1:
                yield parts[1]


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    here = room(path)
    if here in ("__init__", "__main__"):
        return
    for other in imports(path):
        if other == here or other not in FLOOR:
            assert other == here or not (PACKAGE / other).exists(), f"{other} has no floor"
            continue
        if here in ALONE:
            assert other == "errors", f"{here} must be usable alone, but imports {other}"
        elif FLOOR[here] == FLOOR[other]:
            assert other in TOOLS, f"{here} and {other} are on the same floor"
            assert here not in TOOLS or TOOLS.index(other) < TOOLS.index(here), f"{here} imports {other}"
        else:
            assert FLOOR[other] < FLOOR[here], f"{here} imports {other}, which is above it"
