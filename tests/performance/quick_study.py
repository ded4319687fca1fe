"""The quick study: how long it takes, and the figures of docs/tutorial/pretraining.md.

    python tests/performance/quick_study.py -o FOLDER [--tutorial docs/tutorial]

Runs ``xaigt study pretraining --preset quick`` (a folder that holds one goes on, and what is finished is not timed
again), and prints times, tables and sentences. ``--tutorial`` writes them and three pictures into the tutorial.
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

PICTURES, WIDEST = ("scores", "accuracy", "gallery"), 1200  # pixels
QUERIES = {
    "accuracy": """select arm, depth, round(avg(auc), 3) as auc, round(min(auc), 3) as low,
        round(max(auc), 3) as high, round(avg(dprime), 2) as dprime from cells group by all order by all""",
    "scores": """select method, stage, round(avg(value), 3) as score from scores
        where metric = 'precision_at_k' group by all order by score desc""",
    "arms": """select analysis, contrast, round(estimate, 3) as estimate, round(low, 3) as low,
        round(high, 3) as high, round(p, 4) as p from main_contrasts where question = 'arm'""",
    "methods": """select method, analysis, round(estimate, 3) as estimate,
        round(low, 3) as low, round(high, 3) as high, round(p_holm, 4) as p_holm from main_contrasts
        where question = 'arm by method' and analysis in ('total', 'adjusted') order by all""",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--engine", default="processes", choices=["local", "processes"])
    parser.add_argument("--tutorial", type=Path, help="folder of the tutorial, whose blocks and pictures are written")
    given = parser.parse_args()
    command = ["study", "pretraining", "--preset", "quick", "--engine", given.engine, "-o", str(given.output)]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "xaigt", *command], check=True)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    folder = load(given.output)
    cpu = used.ru_utime + used.ru_stime
    found = blocks(folder, f"The command took {wall:.0f} s by the clock and {cpu:.0f} s of CPU.")
    for name, text in found.items():
        print(f"\n## {name}\n\n{text}")
    if given.tutorial:
        fill(given.tutorial / "pretraining.md", found)
        for name in PICTURES:
            shrink(folder.path / "report" / f"{name}.png", given.tutorial / f"{name}.png")


def blocks(folder: StudyFolder, took: str) -> dict[str, str]:
    """Return the text of each block of the tutorial."""
    described = folder.description
    where = f"{described['platform']}, {described['cpus']} CPUs, torch {described['versions']['torch']}"
    seconds = ", ".join(f"{name} {value:.0f}" for name, value in described["seconds"].items())
    cells = folder.table("cells")
    auc = f"AUC {cells['auc'].min():.3f} to {cells['auc'].max():.3f} over {len(cells)} networks."

    def table(name: str) -> str:
        return f"```\n{query(folder, QUERIES[name]).to_string(index=False)}\n```"

    sections = {entry["id"]: entry["sentences"] for entry in folder.analysis()["sections"]}

    def said(*names: str) -> str:
        return "\n".join(f"- {sentence}" for name in names for sentence in sections.get(name, []))

    def picture(name: str, words: str) -> str:
        return f"![{words}]({name}.png)"

    return {
        "time": f"{took} Seconds by part (cells: summed over processes; wall: of all commands): {seconds}. {where}.",
        "accuracy": f"{table('accuracy')}\n\n{auc}",
        "scores": f"{picture('scores', 'Scores by method, arm and depth')}\n\n{table('scores')}\n\n{said('stages')}",
        "gallery": picture("gallery", "Maps on the best, median and worst slices, with the true outline"),
        "arms": "\n\n".join(
            [picture("accuracy", "Score against d' with the fitted lines"), table("arms"), table("methods"),
             said("changes", "matched", "sensitivity")]
        ),
        "used": said("used"),
    }  # fmt: skip


def fill(path: Path, found: dict[str, str]) -> None:
    """Write each block between its comments."""
    text = path.read_text(encoding="utf-8")
    for name, block in found.items():
        start = text.index(f"<!-- figures: {name} -->")
        end = text.index("<!-- end -->", start)
        text = f"{text[:start]}<!-- figures: {name} -->\n{block}\n{text[end:]}"
    path.write_text(text, encoding="utf-8")


def shrink(source: Path, target: Path) -> None:
    """Copy a picture, no wider than a page needs."""
    from PIL import Image

    with Image.open(source) as image:
        width = min(image.width, WIDEST)
        small = image.convert("RGB").resize(
            (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        small.quantize(256).save(target, optimize=True)


if __name__ == "__main__":
    main()
