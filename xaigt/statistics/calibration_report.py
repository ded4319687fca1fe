"""The calibration as a page: tables, a figure, and where the tests fail and by how much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xaigt.statistics.diagram import causal_diagram, save
from xaigt.statistics.scenarios import CLUSTERED, SCENARIOS

BAND = (0.04, 0.06)
_SCENARIOS = {**SCENARIOS, **CLUSTERED}
_TITLES = {
    "arm": "Difference of two arms",
    "method": "Difference of two methods, on these samples",
    "method, new samples": "Difference of two methods, for new samples",
    "arm, clusters": "Difference of two arms, missing methods and shared pre-training runs",
}
_PAGE = """# Calibration of the statistics

This page is written by a command; do not edit it:

```
python -m xaigt.statistics.calibration --studies {studies} --seed {seed}
```

{studies:,} studies were simulated for each scenario and size: two arms, three depths, three methods, 50
scored samples, and 3, 5 or 10 trained networks a cell, with random effects of network, network:method,
sample, sample:method and network:sample. There is no direct effect of the arm and no difference of methods.
*Error* is the share of 95 % intervals that miss the true value of what the analysis estimates (for the total
effect: what accuracy carries); it should be 0.05. Two Monte Carlo standard errors are at most {largest:.3f}
where an analysis holds.

Analyses: *naive*, every image as independent evidence; *Wald z*, the total effect with a normal instead of a
t quantile, as a mixed model reports it; *network intercept*, a mixed model with a random intercept of the
network and nothing else; *total*, *adjusted* (one slope), *separate slopes* (one an arm), *corrected*
(regression calibration); *over samples*, `generalize="samples"`; *CR2*, cluster-robust.

![Error of each analysis](statistics/calibration.svg)

## Where the assumptions hold

{held}

## All errors

An asterisk marks an analysis whose assumptions do not hold, or hold only about, in that scenario.

{errors}
## Where they fail, and by how much

Analyses other than naive, Wald z and network intercept whose assumptions do not hold and whose error lies
outside {low} to {high}, at the size where it is largest (for new samples: the worst scenario only). *Bias* is
in units of the score; a network-level standard deviation is 0.05.

{failures}
"""
_COLOURS = {
    "naive": "#b2182b",
    "Wald z": "#ef8a62",
    "total": "#2166ac",
    "adjusted": "#1b7837",
    "corrected": "#762a83",
}


def write(table: pd.DataFrame, out: Path, studies: int, seed: int) -> list[Path]:
    """Write the table, two figures and the page into a folder; returns the paths."""
    folder = out / "statistics"
    folder.mkdir(parents=True, exist_ok=True)
    rounded = table.round({"truth": 5, "bias": 5, "rejects": 5, "error": 5, "coverage": 5, "margin": 5})
    rounded.to_csv(folder / "calibration.csv", index=False)
    paths = [folder / "calibration.csv", save(figure(table), folder / "calibration.svg")]
    paths.append(save(causal_diagram(), folder / "causal-diagram.svg"))
    page = out / "statistics-calibration.md"
    page.write_text(text(rounded, studies, seed), encoding="utf-8")
    return [*paths, page]


def text(table: pd.DataFrame, studies: int, seed: int) -> str:
    """Return the page in Markdown; every figure in it comes from the table."""
    kept = table[table["holds"]]
    inside = kept["error"].between(*BAND)
    held = (
        f"Of {len(kept)} combinations of scenario, size, contrast and analysis whose assumptions hold, "
        f"{int(inside.sum())} have an error between {BAND[0]} and {BAND[1]} (coverage between {1 - BAND[1]} "
        f"and {1 - BAND[0]}); the errors run from {kept['error'].min():.3f} to {kept['error'].max():.3f}."
    )
    if not inside.all():
        rows = kept[~inside]
        held += " Outside: " + "; ".join(
            f"{row.scenario}, {row.networks} networks, {row.contrast}, {row.analysis}: {row.error:.3f}"
            for row in rows.itertuples()
        )
    largest = float(kept["margin"].max())
    errors = [f"### {title}\n\n{_errors(table[table['contrast'] == name])}\n" for name, title in _TITLES.items()]
    return _PAGE.format(
        studies=studies,
        seed=seed,
        largest=largest,
        held=held,
        errors="\n".join(errors),
        low=BAND[0],
        high=BAND[1],
        failures=_failures(table),
    )


def _errors(rows: pd.DataFrame) -> str:
    analyses = list(dict.fromkeys(rows["analysis"]))
    # An analysis that only some scenarios have comes last.
    body = [
        "| scenario | networks a cell | " + " | ".join(analyses) + " |",
        "|---|---|" + "---|" * len(analyses),
    ]
    for (name, size), group in rows.groupby(["scenario", "networks"], sort=False):
        own = group.set_index("analysis")
        cells = []
        for analysis in analyses:
            if analysis not in own.index:
                cells.append("")
                continue
            row = own.loc[analysis]
            cells.append(f"{row['error']:.3f}" + ("" if row["holds"] else "*"))
        body.append(f"| {_SCENARIOS[name].title} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(body)


def _failures(table: pd.DataFrame) -> str:
    rows = table[~table["holds"] & ~table["analysis"].isin(["naive", "Wald z", "network intercept"])]
    rows = rows[rows["contrast"].str.startswith("arm") | (rows["analysis"] == "total")]
    worst = rows.loc[rows.groupby(["scenario", "contrast", "analysis"], sort=False)["error"].idxmax()]
    worst = worst[~worst["error"].between(*BAND)].sort_values("error", ascending=False)
    worst = worst[(worst["contrast"] != "method, new samples") | ~worst["contrast"].duplicated()]
    body = [
        "| scenario | contrast | analysis | networks a cell | error | bias |",
        "|---|---|---|---|---|---|",
    ]
    for row in worst.itertuples():
        title = _SCENARIOS[row.scenario].title
        body.append(
            f"| {title} | {row.contrast} | {row.analysis} | {row.networks} | {row.error:.3f} | {row.bias:+.3f} |"
        )
    return "\n".join(body)


def figure(table: pd.DataFrame) -> Figure:
    """Draw the error of the arm contrast in every scenario, one panel a size."""
    rows = table[table["contrast"] == "arm"]
    names, sizes = list(dict.fromkeys(rows["scenario"])), sorted(rows["networks"].unique())
    drawing = Figure(figsize=(9.5, 4.6), layout="constrained")
    panels = np.atleast_1d(drawing.subplots(1, len(sizes), sharey=True))
    for axes, size in zip(panels, sizes, strict=True):
        axes.axvspan(*BAND, color="0.88", zorder=0)
        for analysis, colour in _COLOURS.items():
            own = rows[(rows["networks"] == size) & (rows["analysis"] == analysis)]
            place = [names.index(name) for name in own["scenario"]]
            held = own["holds"].to_numpy()
            for marked, face in ((held, colour), (~held, "none")):
                error, row = own["error"].to_numpy()[marked], np.array(place)[marked]
                axes.scatter(error, row, s=34, facecolors=face, edgecolors=colour)
        axes.set(xscale="log", title=f"{size} networks a cell", xlabel="error of a nominal 0.05")
        axes.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
        axes.minorticks_off()
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    handles = [Line2D([], [], marker="o", linestyle="", color=c, label=a) for a, c in _COLOURS.items()]
    drawing.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    drawing.suptitle("Filled: assumptions hold. Open: they do not. Band: 0.04 to 0.06.", fontsize=10)
    return drawing
