"""Shapes of the generated lesions of every family beside those of real lesion masks: a figure, a table, a page.

::

    python -m xaigt.synthesis.realism_masks --output docs/explanation [--real FOLDER]

Whole lesions, each on cubic voxels of such a size that it has about as many as every other: compactness and roughness
depend on voxels, so lesions of 3 and of 60 mm compare. What is measured, and how real masks are: see
:mod:`xaigt.synthesis.realism_shape`.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import Lesion, family
from xaigt.report.pictures import new_figure, save_figure
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import composed, load_recipe
from xaigt.synthesis.realism_shape import LEAST, LIKE, measure, real_shapes

RECIPES = ("hemorrhage", "white-matter", "ms", "tumor", "stroke", "stroke-ct", "lacune", "microbleed", "calcification")
SHARED_BY = {"hemorrhage": 5}
"""Recipes that plant one of several families: so many times the samples."""
PAGE, FIGURE, REAL, GENERATED = "realism-shapes.md", "masks.png", "real-masks.csv", "masks.csv"
MEASURES = {"diameter_mm": "diameter (mm)", "compactness": "sphericity", "roughness": "roughness"}
_MOST_POINTS = 3_000_000
_TEXT = """# Shapes of all families beside real masks

This page is written by a command; do not edit it:

```
python -m xaigt.synthesis.realism_masks --output docs/explanation
```

Real: {pieces} pieces of {masks} masks drawn by hand (public; `realism/{real}`), all of them strokes. So only strokes
can be compared; the other families are listed to show where they lie, and what they are like is asked of published
figures ([CT](realism.md), [MR](realism-mr.md)). Generated: the whole lesions of {samples} volumes a family, seed {seed}
(`realism/{generated}`). Every mask is measured on cubic voxels of a size that gives it about {like} of them: diameter
of the ball as large, sphericity (`xaigt.shape.compactness`; 1: a ball), and roughness, the surface over that of the
mask after a Gaussian of an eighth of its diameter (1: smooth). A Gaussian leaves little of a sheet that is thinner:
roughness above 3 or so says thin, not rough, and where nothing is left ({thin} masks) there is none. `stroke-ct`
draws the infarcts of `stroke`. Median (5 to 95 %).

![Sphericity and roughness](realism/{figure})

{table}
Shapes made for the benchmark of shapes are compared [there](lesion-shape.md#beside-real-lesions), slices too.
"""


def mask_of(lesion: Lesion, world: Anatomy) -> tuple[npt.NDArray[np.bool_], float]:
    """Nominal mask of a drawn lesion on cubic voxels, and their edge in mm."""
    kind = family(lesion.family)
    reach = kind.reach(lesion)
    step = max((lesion.volume_mm3 / LIKE[3]) ** (1 / 3), 2 * reach / _MOST_POINTS ** (1 / 3))
    edge = torch.arange(-reach, reach + step, step)
    points = torch.stack(torch.meshgrid(*(edge + middle for middle in lesion.centre_mm), indexing="ij"), -1)
    core = kind.footprint(lesion, world, points, step).core
    return (core >= 0.5).numpy(), step


def generated_shapes(names: tuple[str, ...], samples: int, seed: int) -> pd.DataFrame:
    """Shapes of the lesions of some volumes of each recipe: a row a lesion that is large enough to have a shape."""
    rows = []
    for name in names:
        recipe = composed(load_recipe(name, changes={"grid.dim": 3}))
        for sample in range(samples * SHARED_BY.get(name, 1)):
            plan = draw_plan(recipe, seed, sample)
            world = Anatomy.of(load_fields(plan.template), plan.subject, torch.device("cpu"))
            for item in plan.lesions:
                if item.role != "lesion":
                    continue
                mask, step = mask_of(item.lesion, world)
                if mask.sum() >= LEAST[3]:
                    title = item.group if name == "hemorrhage" else name
                    rows.append({"family": title, **measure(mask, (step,) * 3)})
    return pd.DataFrame(rows)


def table(real: pd.DataFrame, generated: pd.DataFrame) -> str:
    """Median and range of every measure, a row a family, as Markdown."""
    lines = ["| lesions | masks | " + " | ".join(MEASURES.values()) + " |", "|---|---|---|---|---|"]
    groups = [("real strokes", real), *((str(name), rows) for name, rows in generated.groupby("family", sort=False))]
    for title, rows in groups:
        cells = []
        for measured in MEASURES:
            low, middle, high = rows[measured].quantile([0.05, 0.5, 0.95])
            cells.append(f"{middle:.3g} ({low:.3g} to {high:.3g})")
        lines.append(f"| {title} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def figure(real: pd.DataFrame, generated: pd.DataFrame, path: Path) -> Path:
    """Draw sphericity against roughness, a panel a family, real masks in each."""
    names = list(dict.fromkeys(generated["family"]))
    columns = 5
    drawing = new_figure(11, 2.4 * -(-len(names) // columns))
    panels = drawing.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for name, panel in zip(names, panels, strict=False):
        rows = generated[generated["family"] == name]
        panel.scatter(rows["compactness"], rows["roughness"], s=12, alpha=0.6, color="#3a78b5", label="generated")
        panel.scatter(real["compactness"], real["roughness"], s=30, marker="x", color="#d62728", label="real strokes")
        panel.set_title(name, fontsize=9)
        panel.set_yscale("log")
        panel.tick_params(labelsize=7)
        panel.set_xlabel("sphericity", fontsize=8)
    for panel in panels[::columns]:
        panel.set_ylabel("roughness", fontsize=8)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    panels[0].legend(fontsize=6)
    return save_figure(drawing, path)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=Path("docs/explanation"), show_default=True)
@click.option("--real", "folder", type=click.Path(path_type=Path, exists=True), help="Folder of real lesion masks.")
@click.option("--samples", default=16, show_default=True, type=click.IntRange(1), help="Volumes a family.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--recipe", "only", multiple=True, type=click.Choice(RECIPES), help="Only these.")
def main(output: Path, folder: Path | None, samples: int, seed: int, only: tuple[str, ...]) -> None:
    """Write the figure, the table, the page, and what was measured."""
    pictures = output / "realism"
    pictures.mkdir(parents=True, exist_ok=True)
    if folder is not None:
        found = real_shapes(folder)
        found[found["axes"] == 3].drop(columns="axes").to_csv(pictures / REAL, index=False)
    if not (pictures / REAL).exists():
        raise click.UsageError(f"{pictures / REAL} is not there: measure real masks first, with --real FOLDER.")
    real = pd.read_csv(pictures / REAL)
    generated = generated_shapes(only or RECIPES, samples, seed)
    generated.to_csv(pictures / GENERATED, index=False)
    figure(real, generated, pictures / FIGURE)
    text = _TEXT.format(
        pieces=len(real),
        masks=real["mask"].nunique(),
        real=REAL,
        samples=samples,
        seed=seed,
        generated=GENERATED,
        like=LIKE[3],
        thin=int(generated["roughness"].isna().sum()),
        figure=FIGURE,
        table=table(real, generated),
    )
    (output / PAGE).write_text(text, encoding="utf-8")
    click.echo(f"Wrote {output / PAGE}")


if __name__ == "__main__":
    main()
