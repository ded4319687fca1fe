"""Measure how real generated hemorrhages are.

``python -m xaigt.synthesis.realism FOLDER`` generates lesions of every subtype, sets them beside published figures, and
writes ``lesions.csv.gz`` (every cluster), ``realism.md`` (the table), ``realism.svg`` and ``windows.png``. With
``--scan`` it also sets noise, sharpness and pictures beside real head CT (``texture.md``, ``texture.svg``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from xaigt.synthesis.loading import composed, load_recipe
from xaigt.synthesis.realism.figures import figure, table_text, windows
from xaigt.synthesis.realism.lesions import compare, observe
from xaigt.synthesis.realism.targets import TARGETS
from xaigt.synthesis.realism.texture import texture_figure, texture_table


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--count", type=int, default=500, help="cases a subtype")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--recipe", default="hemorrhage")
    parser.add_argument("--scan", type=Path, action="append", default=[], help="a real head CT in HU (NIfTI)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    recipe = composed(load_recipe(given.recipe))
    scans = [scan for scan in given.scan if scan.exists()]
    if missing := [str(scan) for scan in given.scan if not scan.exists()]:
        print(f"left out, as it is not there: {', '.join(missing)}")
    windows(recipe, scans, given.folder / "windows.png")
    if scans:
        texture = texture_table(recipe, scans)
        (given.folder / "texture.md").write_text(table_text(texture), encoding="utf-8")
        texture_figure(recipe, scans, given.folder / "texture.svg")
    kept = given.folder / "lesions.csv.gz"
    parts = []
    for name in TARGETS:
        parts.append(observe(recipe, name, given.count, seed=given.seed, workers=given.workers))
        print(name, compare(parts[-1]).to_string(index=False), sep="\n", flush=True)
    clusters = pd.concat(parts, ignore_index=True).round(3)
    clusters.to_csv(kept, index=False)
    table = pd.concat([compare(clusters[clusters["family"] == name]) for name in TARGETS], ignore_index=True)
    (given.folder / "realism.md").write_text(table_text(table), encoding="utf-8")
    figure(clusters, given.folder / "realism.svg")


if __name__ == "__main__":
    main()
