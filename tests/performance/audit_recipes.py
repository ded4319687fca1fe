"""Audit of every recipe of the catalogue, generated anew for each of ten seeds: nothing may fail.

    python tests/performance/audit_recipes.py -o FOLDER                        all cases, ten seeds
    python tests/performance/audit_recipes.py -o FOLDER --cases ms --seeds 0   one
    python tests/performance/audit_recipes.py -o FOLDER --table                the table of what was done

Each finished audit is a line of FOLDER/audits.jsonl, so it goes on where it was. Hours on one core: a case and seed
takes one to two minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import xaigt
from xaigt.audit import Verdict, audit
from xaigt.audit.lines import Role
from xaigt.synthesis.legacy.recipe import MENDED, variants

CATALOGUE = (
    "lesion-shape", "lesion-shape-ct", "hemorrhage", "white-matter", "ms", "tumor", "stroke", "stroke-ct", "lacune",
    "microbleed", "calcification",
)  # fmt: skip
LEGACY = "lesion-shape-legacy"


def cases() -> dict[str, tuple[str, list[str]]]:
    """Name -> recipe and settings: the catalogue as it is, other tasks on it, and the legacy recipe, mended."""
    found: dict[str, tuple[str, list[str]]] = {name: (name, []) for name in CATALOGUE}
    found["hemorrhage, side"] = ("hemorrhage", ["task=side"])
    found["hemorrhage, subtype"] = ("hemorrhage", ["task=subtype", "slice_mm={uniform: [2, 20]}"])
    found["microbleed, count"] = ("microbleed", ["task=count"])
    found["lacune, side"] = ("lacune", ["task=side"])
    found["hemorrhage, xor"] = ("hemorrhage", _rule("intraparenchymal xor subdural"))
    found["hemorrhage, and not"] = ("hemorrhage", _rule("intraparenchymal and not subdural"))
    found["legacy, mended"] = (LEGACY, variants()[MENDED])
    return found


def _rule(rule: str) -> list[str]:
    """Settings for a rule over two subtypes of hemorrhage, in a slice that is drawn first."""
    written = xaigt.load_recipe("hemorrhage").written_out()
    groups = [group for group in written["lesions"] if group["role"] == "distractor" or group["family"] in rule.split()]
    settings = {"task": "rule", "rule": rule, "choose": None, "lesions": groups, "slice_mm": {"uniform": [0, 40]}}
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def one(name: str, seed: int, samples: int, size: int) -> dict[str, Any]:
    """Generate and audit one case."""
    recipe, settings = cases()[name]
    grid = [] if recipe == LEGACY else [f"grid.size={size}"]
    with tempfile.TemporaryDirectory() as work:
        start = time.perf_counter()
        xaigt.generate(xaigt.load_recipe(recipe, [*settings, *grid]), Path(work) / "d", samples=samples, seed=seed)
        made = time.perf_counter()
        report = audit(xaigt.load(Path(work) / "d"), seed=seed)
        done = time.perf_counter()
    judged = [line for line in report.lines if line.role is Role.SHORTCUT]
    most = max(judged, key=lambda line: line.auc)
    counts = {str(verdict): 0 for verdict in Verdict}
    for item in [*report.lines, *report.checks]:
        counts[str(item.verdict)] += 1
    return {
        "case": name,
        "seed": seed,
        "samples": samples,
        "size": size if grid else 224,
        "verdict": str(report.verdict),
        "counts": counts,
        "failed": [_words(item) for item in report.failed],
        "largest": [f"{most.name} ({most.test})", round(most.auc, 4), round(most.low, 4), round(most.high, 4)],
        "evidence": [round(line.auc, 4) for line in report.lines if line.role is Role.EVIDENCE],
        "declared": [
            f"{line.name} ({line.test}) {line.verdict}" for line in report.lines if line.role is Role.DECLARED
        ],
        "limitations": report.limitations,
        "seconds": [round(made - start, 1), round(done - made, 1)],
    }


def _words(item: Any) -> str:
    if hasattr(item, "auc"):
        name = f"{item.name} ({item.test}{', ' + item.target if item.target else ''})"
        return f"{name} {item.auc:.3f} [{item.low:.3f}, {item.high:.3f}]"
    return f"{item.name}: {item.note}"


def table(rows: list[dict[str, Any]]) -> str:
    """A row a case: seeds, samples, failures, and the largest area that was judged."""
    lines = ["| case | seeds | samples | FAIL | PASS | INCONCLUSIVE | largest area judged | lesion alone, least |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == name]
        most = max(own, key=lambda row: row["largest"][1])["largest"]
        verdicts = (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE)
        counts = [sum(row["counts"][str(verdict)] for row in own) for verdict in verdicts]
        samples = "/".join(str(n) for n in sorted({row["samples"] for row in own}))
        evidence = min(value for row in own for value in row["evidence"])
        area = f"{most[0]} {most[1]:.3f} [{most[2]:.3f}, {most[3]:.3f}]"
        cells = [name, len(own), samples, *counts, area, f"{evidence:.2f}"]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cases", nargs="*", choices=list(cases()), default=list(cases()), metavar="CASE")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(10)))
    parser.add_argument("-n", "--samples", type=int, default=400)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    log = options.output / "audits.jsonl"
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    if options.table:
        print(table(rows))
        return
    done = {(row["case"], row["seed"], row["samples"]) for row in rows}
    for seed in options.seeds:
        for name in options.cases:
            if (name, seed, options.samples) in done:
                continue
            row = one(name, seed, options.samples, options.size)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            words = (row["verdict"], row["failed"], row["largest"], row["seconds"])
            print(f"{name}, seed {seed}:", *words, flush=True)


if __name__ == "__main__":
    main()
