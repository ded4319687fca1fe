"""What each defect of the published pre-training study does to every explainer.

The published data is made as published, with every defect mended, and with each defect alone; the same network is
trained on each; every explainer is asked where the evidence is, and scored against the planted lesions. Image i of a
split has the same class, number of lesions and background in all of them (unless backgrounds are the defect).

Usage::

    python -m xaigt.studies.defects -o FOLDER [--samples 2500] [--seeds 5] [--network small] [--device cuda]

It goes on where it was when it is repeated, and writes ``scores.parquet``, ``cells.parquet``, ``defects.csv`` and
``defects.md``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaigt.synthesis.legacy.recipe import GENERATOR, MENDED, variants

if TYPE_CHECKING:
    import pandas

    from xaigt.models import Settings

METRICS = ("precision_at_k", "roc_auc", "relative_mass")
SPLITS = {"train": 0.6, "val": 0.15, "test": 0.25}
Told = Callable[[str], None]


def compare(
    folder: Path,
    *,
    samples: int = 2500,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    settings: Settings | None = None,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
    explained: int = 200,
    sign: str = "abs",
    chosen: Mapping[str, Sequence[str]] | None = None,
    device: str = "cpu",
    workers: int = 1,
    told: Told | None = None,
) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Train and score the same network on every variant of the published data.

    Parameters
    ----------
    folder
        Where datasets, runs and tables go; what is finished there is not done again.
    samples
        Images a variant: 0.6 train, 0.15 validation, 0.25 test.
    seeds
        A network each.
    settings
        Of the training; its seed is replaced. Default: the network ``small``, 20 epochs.
    methods
        Explainers; every one there is by default.
    metrics, sign
        As :func:`xaigt.models.scoring.score_run`; absolute values, as published.
    explained
        Images of the test split that are explained.
    chosen
        Name -> settings of the recipe; :func:`xaigt.synthesis.legacy.recipe.variants` by default.
    device, workers
        For training and explaining; for generating.
    told
        Called with a line about each step.

    Returns
    -------
    tuple
        The table of scores and the table of cells (how well each network classifies), both with a column `variant`.
    """
    import pandas

    from xaigt.models import Settings

    base = settings or Settings(network="small", epochs=20)
    scores, cells = [], []
    for variant, changes in (chosen or variants()).items():
        for seed in seeds:
            if told is not None:
                told(f"{variant}, network {seed}")
            data = _dataset(folder, variant, changes, samples, workers)
            run_folder = folder / "runs" / _file_name(variant) / str(seed)
            own = base.model_copy(update={"seed": seed})
            table, cell = _cell(run_folder, data, own, methods, metrics, explained, sign, device)
            scores.append(table.assign(variant=variant))
            cells.append(cell.assign(variant=variant))
    both = pandas.concat(scores, ignore_index=True), pandas.concat(cells, ignore_index=True)
    for name, table in zip(("scores", "cells"), both, strict=True):
        table.to_parquet(folder / f"{name}.parquet")
    return both


def effects(scores: pandas.DataFrame, metric: str = METRICS[0], *, correct: bool = False) -> pandas.DataFrame:
    """How far each variant moves the score of each method from that on the mended data.

    Parameters
    ----------
    scores
        Of :func:`compare`.
    metric
        Which one.
    correct
        Only images that their own network classifies correctly.

    Returns
    -------
    pandas.DataFrame
        A row a method, stage and variant: mean over networks of the mean over images, difference to the mended data,
        and its 95 % interval over networks (Welch's t; NaN with fewer than two networks on either side).
    """
    import pandas

    rows = scores[(scores["metric"] == metric) & scores["value"].notna()]
    if correct:
        rows = rows[rows["correct"]]
    means = rows.groupby(["method", "stage", "variant", "seed"], sort=False)["value"].mean()
    found = []
    for (method, stage), part in means.groupby(level=["method", "stage"], sort=False):
        by_variant = {name: one.to_numpy() for name, one in part.groupby(level="variant", sort=False)}
        mended = by_variant.get(MENDED)
        for variant, values in by_variant.items():
            row: dict[str, Any] = {"method": method, "stage": stage, "variant": variant, "networks": len(values)}
            row["mean"] = float(values.mean())
            row |= dict(zip(("difference", "low", "high"), _welch(values, mended), strict=True))
            found.append(row)
    return pandas.DataFrame(found)


def _welch(values: Any, reference: Any) -> tuple[float, float, float]:
    """Difference of two means with its 95 % interval."""
    from scipy import stats

    if reference is None:
        return math.nan, math.nan, math.nan
    difference = float(values.mean() - reference.mean())
    if values is reference or min(len(values), len(reference)) < 2:
        return difference, math.nan, math.nan
    interval = stats.ttest_ind(values, reference, equal_var=False).confidence_interval(0.95)
    return difference, float(interval.low), float(interval.high)


def _dataset(folder: Path, variant: str, changes: Sequence[str], samples: int, workers: int) -> Any:
    from xaigt.dataset.reading import load
    from xaigt.synthesis.generate import generate
    from xaigt.synthesis.loading import load_recipe

    place = folder / "data" / _file_name(variant)
    generate(load_recipe(GENERATOR, list(changes)), place, samples=samples, splits=SPLITS, workers=workers)
    return load(place)


def _cell(
    folder: Path, data: Any, settings: Settings, methods: Sequence[str] | None, metrics: Sequence[str],
    explained: int, sign: str, device: str,
) -> tuple[pandas.DataFrame, pandas.DataFrame]:  # fmt: skip
    import pandas

    from xaigt.explainers import available
    from xaigt.models import train
    from xaigt.models.explaining import explain_run
    from xaigt.models.scoring import CELL, SCORES, score_run

    run = train(data, settings, folder, device=device)
    if not (folder / CELL).exists():  # written last
        explain_run(run, data, list(methods or available()), samples=explained, device=device)
        score_run(run, data, list(metrics), sign=sign)
    return pandas.read_parquet(folder / SCORES), pandas.read_parquet(folder / CELL)


def _file_name(variant: str) -> str:
    return variant.replace(" ", "-").replace("_", "-")


def report(scores: pandas.DataFrame, cells: pandas.DataFrame, metric: str = METRICS[0]) -> str:
    """Both tables as Markdown: a row a method (at the stage where it does best on the mended data)."""
    table = effects(scores, metric)
    names = list(dict.fromkeys(table["variant"]))
    lines = ["| variant | networks | accuracy | AUC |", "|---|---|---|---|"]
    for name in names:
        part = cells[cells["variant"] == name]
        lines.append(f"| {name} | {len(part)} | {part['accuracy'].mean():.3f} | {part['auc'].mean():.3f} |")
    lines += ["", f"| method ({metric}) | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for method, part in table.groupby("method", sort=False):
        first = part[part["variant"] == MENDED] if MENDED in names else part
        stage = first.loc[first["mean"].idxmax(), "stage"]
        at = part[part["stage"] == stage].set_index("variant")
        lines.append(f"| {method} at {stage} | " + " | ".join(_words(at.loc[name]) for name in names) + " |")
    return "\n".join(lines) + "\n"


def _words(row: Any) -> str:
    if row.name == MENDED or math.isnan(row["difference"]):
        return f"{row['mean']:.3f}"
    sure = "" if math.isnan(row["low"]) else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    return f"{row['difference']:+.3f}{sure}"


def main() -> None:
    """Run the comparison from the command line."""
    from xaigt.models import Settings

    parser = argparse.ArgumentParser(prog="python -m xaigt.studies.defects", description=__doc__.split("\n\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=2500, help="images a variant")
    parser.add_argument("--seeds", type=int, default=5, help="networks a variant")
    parser.add_argument("--network", default="small")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--methods", nargs="*", help="explainers; all by default")
    parser.add_argument("--explained", type=int, default=200, help="images explained")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=1, help="processes that generate")
    given = parser.parse_args()
    scores, cells = compare(
        given.output,
        samples=given.samples,
        seeds=range(given.seeds),
        settings=Settings(network=given.network, epochs=given.epochs),
        methods=given.methods,
        explained=given.explained,
        device=given.device,
        workers=given.workers,
        told=print,
    )
    effects(scores).to_csv(given.output / "defects.csv", index=False)
    text = report(scores, cells)
    (given.output / "defects.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
