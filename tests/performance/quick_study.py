"""The quick study: how long it takes, and the figures of docs/tutorial/pretraining.md.

    python tests/performance/quick_study.py -o FOLDER [--pictures docs/tutorial]

Runs ``xaigt study pretraining --preset quick`` (a folder that holds one goes on, and what is finished is not timed
again), and prints in Markdown what the tutorial quotes. ``--pictures`` writes its pictures.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from xaigt.studies.folder import StudyFolder, load
from xaigt.studies.query import query

PICTURES, WIDEST = ("scores", "accuracy"), 1200  # pixels
QUERIES = {
    "Accuracy by arm and depth": """select arm, depth, round(avg(auc), 3) as auc, round(min(auc), 3) as low,
        round(max(auc), 3) as high, round(avg(dprime), 2) as dprime from cells group by all order by all""",
    "Mean score by method": """select method, stage, round(avg(value), 3) as score from scores
        where metric = 'precision_at_k' group by all order by score desc""",
    "Contrast of the arms": """select analysis, contrast, round(estimate, 3) as estimate, round(low, 3) as low,
        round(high, 3) as high, round(p, 4) as p from main_contrasts where question = 'arm'""",
    "Contrast of the arms by method": """select method, analysis, round(estimate, 3) as estimate,
        round(low, 3) as low, round(high, 3) as high, round(p_holm, 4) as p_holm from main_contrasts
        where question = 'arm by method' and analysis in ('total', 'corrected') order by all""",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--engine", default="processes", choices=["local", "processes"])
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of the tutorial")
    given = parser.parse_args()
    command = ["study", "pretraining", "--preset", "quick", "--engine", given.engine, "-o", str(given.output)]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "xaigt", *command], check=True)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    folder = load(given.output)
    print(f"\nThis command: {wall:.0f} s by the clock, {used.ru_utime + used.ru_stime:.0f} s of CPU.\n")
    show(folder)
    if given.pictures:
        for name in PICTURES:
            shrink(folder.path / "report" / f"{name}.png", given.pictures / f"{name}.png")


def show(folder: StudyFolder) -> None:
    """Print times, tables and sentences."""
    seconds = folder.description["seconds"]
    print("\n".join(f"- {name}: {value:.0f} s" for name, value in seconds.items()))
    cells = folder.table("cells")
    print(f"\nAUC {cells['auc'].min():.3f} to {cells['auc'].max():.3f}")
    print(f"Median time of a cell: {cells['seconds_total'].median():.0f} s")
    for title, sql in QUERIES.items():
        print(f"\n## {title}\n\n```\n{query(folder, sql).to_string(index=False)}\n```")
    for section in folder.analysis()["sections"]:
        print(f"\n## {section['title']}\n")
        print("\n".join(f"- {sentence}" for sentence in section["sentences"]))


def shrink(source: Path, target: Path) -> None:
    """Copy a picture, no wider than a page needs."""
    from PIL import Image

    with Image.open(source) as image:
        width = min(image.width, WIDEST)
        small = image.convert("RGB").resize(
            (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        small.quantize(64).save(target, optimize=True)


if __name__ == "__main__":
    main()
