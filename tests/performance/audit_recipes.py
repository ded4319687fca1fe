"""Audit of every recipe of the catalogue, generated anew for each of ten seeds: nothing may fail but by chance.

    python tests/performance/audit_recipes.py -o FOLDER                        all cases, ten seeds
    python tests/performance/audit_recipes.py -o FOLDER --cases ms --seeds 0   one
    python tests/performance/audit_recipes.py -o FOLDER --table                the tables of what was done
    python tests/performance/audit_recipes.py -o FOLDER --table --page docs/explanation/audit.md     and puts them there

Each finished audit is a line of FOLDER/audits.jsonl, so it goes on where it was. Of 80 samples, 15 to 30 seconds a case
and seed on one core; of 400, one to two minutes.

A line that fails in one dataset of ten may do so by chance. What a recipe leaks is in all of its datasets: so areas are
put together over seeds, with simultaneous intervals (Bonferroni over the lines of a case), and judged by the same
margin. Exit status 1 if a line fails together, or a check of the truth or of splits fails anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import xaigt
from xaigt.audit import Verdict, audit
from xaigt.audit.lines import Role, folded, judge
from xaigt.synthesis.legacy.recipe import MENDED, variants

CATALOGUE = (
    "lesion-shape", "lesion-shape-ct", "hemorrhage", "white-matter", "ms", "tumor", "stroke", "stroke-ct", "lacune",
    "microbleed", "calcification",
)  # fmt: skip
LEGACY = "lesion-shape-legacy"
SIZE = 96
SIZES = {"microbleed, count": 160}
"""A class that is a number needs all lesions seen: at 96 pixels of 2.3 mm, a sixth of microbleeds has no voxel."""
SHARED_LEVEL = 0.95
MARKS = "<!-- written by tests/performance/audit_recipes.py -->", "<!-- until here -->"


def cases() -> dict[str, tuple[str, list[str]]]:
    """Name -> recipe and settings: the catalogue as it is, other tasks on it, and the legacy recipe, mended."""
    found: dict[str, tuple[str, list[str]]] = {name: (name, []) for name in CATALOGUE}
    found["hemorrhage, side"] = ("hemorrhage", ["task=side"])
    found["hemorrhage, subtype"] = ("hemorrhage", ["task=subtype", "slice_mm={uniform: [-2, 8]}"])
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


def _bases(seed: int) -> str:
    """Bases of the published generator: as published for seed 0, others beyond; else all seeds had the same images."""
    bases = {split: base + 100_000 * seed for split, base in (("train", 0), ("val", 30_000), ("test", 50_000))}
    return f"base={json.dumps(bases)}"


def one(name: str, seed: int, samples: int) -> dict[str, Any]:
    """Generate and audit one case."""
    recipe, settings = cases()[name]
    size = 224 if recipe == LEGACY else SIZES.get(name, SIZE)
    grid = [_bases(seed)] if recipe == LEGACY else [f"grid.size={size}"]
    with tempfile.TemporaryDirectory() as work:
        start = time.perf_counter()
        xaigt.generate(xaigt.load_recipe(recipe, [*settings, *grid]), Path(work) / "d", samples=samples, seed=seed)
        made = time.perf_counter()
        report = audit(xaigt.load(Path(work) / "d"), seed=seed)
        done = time.perf_counter()
    return {
        "case": name,
        "seed": seed,
        "samples": samples,
        "size": size,
        "verdict": str(report.verdict),
        "lines": [{**line.plain(), "details": {}} for line in report.lines],
        "checks": {check.name: str(check.verdict) for check in report.checks},
        "failed": [_words(item) for item in report.failed],
        "limitations": report.limitations,
        "seconds": [round(made - start, 1), round(done - made, 1)],
    }


def _words(item: Any) -> str:
    if hasattr(item, "auc"):
        name = f"{item.name} ({item.test}{', ' + item.target if item.target else ''})"
        return f"{name} {item.auc:.3f} [{item.low:.3f}, {item.high:.3f}]"
    return f"{item.name}: {item.note}"


def largest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest dataset of each case and seed: it begins with the samples of the smaller ones."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        if row["samples"] >= found.get((row["case"], row["seed"]), row)["samples"]:
            found[row["case"], row["seed"]] = row
    order = list(cases())
    return sorted(found.values(), key=lambda row: (order.index(row["case"]), row["seed"]))


def together(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every line of one case over its seeds: the mean area, and an interval that is simultaneous over lines.

    Mean weights are the inverse variances, which differ where datasets are of different sizes.
    """
    found: dict[tuple[str, str, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        for line in row["lines"]:
            key = (line["name"], line["test"], line["target"], line["role"])
            found.setdefault(key, []).append((line["signed"], line["error"]))
    judged = sum(Role(key[3]) is not Role.NATURE for key in found)
    critical = float(stats.norm.ppf(1 - (1 - SHARED_LEVEL) / (2 * max(judged, 1))))
    lines = []
    for (name, test, target, role), values in found.items():
        area, error = np.array(values).T
        known = error > 0
        if not known.any():
            continue
        weight = 1 / error[known] ** 2
        mean, half = float(np.average(area[known], weights=weight)), critical / float(np.sqrt(weight.sum()))
        auc, low, high = folded(mean, max(mean - half, 0.0), min(mean + half, 1.0))
        words = f"{name} ({test}{', ' + target if target else ''})"
        lines.append(
            {"line": words, "role": role, "auc": auc, "low": low, "high": high, "verdict": judge(Role(role), low, high)}
        )
    return lines


def tables(rows: list[dict[str, Any]]) -> str:
    """Datasets and lines by verdict, a row a case; and what failed, dataset by dataset, beside all seeds together."""
    head = "| case | seeds x samples | datasets that FAIL | lines FAIL / PASS / INCONCLUSIVE |"
    out = [f"{head} largest area, all seeds together | lines that FAIL together | lesion alone, least |"]
    out.append("|---|---|---|---|---|---|---|")
    failures = []
    for name in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == name]
        shared = together(own)
        counts = Counter(line["verdict"] for row in own for line in row["lines"])
        most = max((line for line in shared if line["role"] == Role.SHORTCUT), key=lambda line: line["auc"])
        failed = [line["line"] for line in shared if line["role"] == Role.SHORTCUT and line["verdict"] is Verdict.FAIL]
        samples = " + ".join(f"{k} x {n}" for n, k in sorted(Counter(row["samples"] for row in own).items()))
        evidence = min(line["auc"] for row in own for line in row["lines"] if line["role"] == Role.EVIDENCE)
        cells = [
            name,
            samples,
            f"{sum(row['verdict'] == Verdict.FAIL for row in own)} of {len(own)}",
            " / ".join(str(counts[verdict]) for verdict in (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE)),
            f"{most['line']} {most['auc']:.3f} [{most['low']:.3f}, {most['high']:.3f}]",
            ", ".join(failed) or "none",
            f"{evidence:.2f}",
        ]
        out.append("| " + " | ".join(cells) + " |")
        by_line = {line["line"]: line for line in shared}
        for row in own:
            for words in row["failed"]:
                line = next((line for key, line in by_line.items() if words.startswith(key)), None)
                over = f"{line['auc']:.3f} [{line['low']:.3f}, {line['high']:.3f}]" if line else "a check: no chance"
                failures.append(f"| {name} | {row['seed']} | {row['samples']} | {words} | {over} |")
    lines = [line for row in rows for line in row["lines"] if line["role"] == Role.SHORTCUT]
    datasets = sum(any(line["verdict"] == Verdict.FAIL for line in row["lines"]) for row in rows)
    missed = sum(line["low"] > 0.5 for line in lines)
    some = sum(any(line["low"] > 0.5 for line in row["lines"] if line["role"] == Role.SHORTCUT) for row in rows)
    out.append(
        f"\n{len(rows)} datasets, {len(lines)} lines that must not tell the class: in {datasets} datasets a line "
        f"fails; in {some} an interval leaves out .5 ({missed} lines). By chance, intervals leave it out in "
        f".05 x {len(rows)} = {0.05 * len(rows):.1f} datasets."
    )
    if failures:
        out += ["", "| case | seed | samples | what failed | all seeds together |", "|---|---|---|---|---|", *failures]
    return "\n".join(out)


def put(page: Path, text: str) -> None:
    """Put the tables between the marks of a page."""
    first, last = MARKS
    before, _, rest = page.read_text(encoding="utf-8").partition(first)
    _, found, after = rest.partition(last)
    if not found:
        raise SystemExit(f"{page}: has no lines {first} and {last}.")
    page.write_text(f"{before}{first}\n\n{text}\n\n{last}{after}", encoding="utf-8")


def leaks(rows: list[dict[str, Any]]) -> list[str]:
    """What is no chance: lines that fail over all seeds together, and checks that fail in any dataset."""
    found = []
    for name in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == name]
        lines = [line["line"] for line in together(own) if line["verdict"] is Verdict.FAIL]
        found += [f"{name}: {line}" for line in lines]
        for row in own:
            failed = [check for check, verdict in row["checks"].items() if verdict == Verdict.FAIL]
            found += [f"{name}, seed {row['seed']}: {check}" for check in failed]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cases", nargs="*", choices=list(cases()), default=list(cases()), metavar="CASE")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(10)))
    parser.add_argument("-n", "--samples", type=int, default=400)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--page", type=Path, help="page to put the tables into")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    log = options.output / "audits.jsonl"
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    rows = largest(rows)
    done = {(row["case"], row["seed"]) for row in rows if row["samples"] >= options.samples}
    for seed in [] if options.table else options.seeds:
        for name in options.cases:
            if (name, seed) in done:
                continue
            row = one(name, seed, options.samples)
            rows.append(row)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name}, seed {seed}:", row["verdict"], row["failed"], row["seconds"], flush=True)
    rows = largest(rows)
    print(tables(rows))
    if options.page is not None:
        put(options.page, tables(rows))
    found = leaks(rows)
    print("\n".join(["", "No chance:", *found]) if found else "\nNothing fails over all seeds together.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
