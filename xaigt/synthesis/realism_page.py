"""Write the realism page of the MR families: see :mod:`xaigt.synthesis.realism_mr`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd

from xaigt.report.realism import family_figure
from xaigt.synthesis.published import FAMILIES, Published
from xaigt.synthesis.realism_mr import (
    MEASURES,
    Drawn,
    Sizes,
    Values,
    compare,
    drawn,
    generated_shapes,
    published_of,
    real_shapes,
    recipe_for,
    seen,
)

REAL = "real-strokes.csv"
_PAGE = """# Realism of the MR families

This page is written by a command; do not edit it:

```
python -m xaigt.synthesis.realism_mr --output docs/explanation
```

Seed {seed}: the lesions of {samples} volumes a family (a quarter of them for further contrasts) were drawn (*drawn*:
what the recipe says), and {rendered} slices of each contrast rendered, half of them with lesions (*in the image*: means
over the masks of lesions of 12 voxels and more, with partial volume, texture and noise in them). Image values are over
white matter; CT is in HU. *Unverified* numbers are general knowledge or choices of the recipes: that generated lesions
agree with them shows that the
generator does what it is told, not that it is right. Where a distribution is clipped in the recipe, its mean moves.
"""
_SHAPES = """
Shape of {count} real stroke masks (public, drawn by hand; `{file}`) and of generated infarcts, all on voxels of 2 mm.
Compactness is the sphericity of `xaigt.shape`; roughness is the surface over that of the mask after a Gaussian of 4 mm
SD.

{table}
{count} masks are too few to fit anything to. Generated infarcts are one wedge each; real ones are also patchy, of
several pieces, or fill a whole territory.
"""


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=Path("docs/explanation"), show_default=True)
@click.option("--real", type=click.Path(path_type=Path, exists=True), help="Folder of real lesion masks.")
@click.option("--samples", default=Sizes().samples, show_default=True, type=click.IntRange(2))
@click.option("--rendered", default=Sizes().rendered, show_default=True, type=click.IntRange(2))
@click.option("--seed", default=Sizes().seed, show_default=True, type=click.IntRange(0))
@click.option("--family", "only", multiple=True, type=click.Choice(FAMILIES), help="Only these; no page is written.")
def main(output: Path, real: Path | None, samples: int, rendered: int, seed: int, only: tuple[str, ...]) -> None:
    """Write one figure and one table a family, and the page that shows them."""
    folder = output / "realism"
    folder.mkdir(parents=True, exist_ok=True)
    if real is not None:
        real_shapes(real).round(4).to_csv(folder / REAL, index=False)
    sizes = Sizes(samples=samples, rendered=rendered, seed=seed)
    parts = [_PAGE.format(samples=samples, rendered=rendered, seed=seed)]
    for name in only or FAMILIES:
        parts.append(write_family(name, folder, sizes))
        click.echo(f"{name}: done")
    if not only:
        (output / "realism-mr.md").write_text("\n".join(parts), encoding="utf-8")
        click.echo(f"Wrote {output / 'realism-mr.md'}")


def write_family(name: str, folder: Path, sizes: Sizes) -> str:
    """Write the figure and the table (CSV) of one family; return its part of the page."""
    contrasts = list(dict.fromkeys([recipe_for(name, dim=2).modality, *_contrasts(name)]))
    # Places and sizes are the same in every contrast, and only image values are not: fewer of the others will do.
    fewer = replace(sizes, samples=math.ceil(sizes.samples / 4))
    found = {contrast: drawn(name, contrast, fewer if number else sizes) for number, contrast in enumerate(contrasts)}
    images = {contrast: seen(name, contrast, sizes) for contrast in contrasts}
    rows, values_of = [], {}
    for item in published_of(name):
        own = found[item.contrast or contrasts[0]]
        values = MEASURES[item.quantity](own)
        values_of[item.quantity, item.contrast] = values
        rows.append(
            _row(item, values, images[item.contrast][0] if item.quantity == "value" and item.contrast else None)
        )
    table = pd.DataFrame(rows)
    table.to_csv(folder / f"{name}.csv", index=False)
    shapes, text = None, ""
    if name == "stroke" and (folder / REAL).exists():
        shapes, text = _stroke_shapes(found[contrasts[0]], folder, sizes)
    family_figure(
        f"{name}: generated lesions and stated numbers",
        images[contrasts[0]][1],
        _sizes(name, found[contrasts[0]]),
        {contrast: _strip(name, contrast, found[contrast], images[contrast][0]) for contrast in contrasts},
        shapes,
        folder / f"{name}.png",
    )
    return f"## {name}\n\n![{name}](realism/{name}.png)\n\n{markdown(table)}\n{text}"


def _contrasts(name: str) -> list[str]:
    return [str(item.contrast) for item in published_of(name) if item.contrast is not None]


def _row(item: Published, values: Values, image: Values | None) -> dict[str, str]:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {
        "quantity": f"{item.quantity}{', ' + item.contrast if item.contrast else ''}{_UNITS[item.quantity]}",
        "stated": _stated(item),
        "source": item.source,
        "drawn: mean +- SD": f"{values.mean():.3g} +- {values.std():.2g}",
        "drawn: 5 / 50 / 95 %": f"{low:.3g} / {middle:.3g} / {high:.3g}",
        "agreement": compare(item, values),
        "in the image: mean +- SD": ""
        if image is None or not len(image)
        else f"{image.mean():.3g} +- {image.std():.2g}",
    }


_UNITS = {"volume": " (mm3)", "diameter": " (mm)", "load of 10 to 80": " lesions (mL)"} | dict.fromkeys(
    ("value", "value of the core", "value of the oedema"), ""
)


def _stated(item: Published) -> str:
    if item.kind == "mean and SD":
        return f"{item.value[0]:g} +- {item.value[1]:g}" if item.value[1] else f"{item.value[0]:g}"
    if item.kind == "range":
        low, high = item.value
        return f"{low:g}" if low == high else f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}"
    total, edges = sum(item.counts), [f"{edge:g}" for edge in item.value]
    return "; ".join(
        f"{low}-{high}: {100 * count / total:.1f} %" if high != "inf" else f"> {low}: {100 * count / total:.1f} %"
        for low, high, count in zip(edges, edges[1:], item.counts, strict=False)
    )


def _sizes(name: str, found: Drawn) -> tuple[str, Values, tuple[float, ...], tuple[float, ...]]:
    for item in published_of(name):
        if item.kind == "shares":
            return "volume (mm3)", MEASURES[item.quantity](found), item.value, tuple(
                count / sum(item.counts) for count in item.counts
            )  # fmt: skip
    edges = next((item.value for item in published_of(name) if item.quantity == "diameter"), ())
    return "diameter of the sphere of its volume (mm)", MEASURES["diameter"](found), edges, ()


def _strip(name: str, contrast: str, found: Drawn, image: Values) -> tuple[Values, Values, tuple[float, float] | None]:
    stated = next((i for i in published_of(name) if i.quantity == "value" and i.contrast == contrast), None)
    span = None
    if stated is not None:
        first, second = stated.value
        span = (first - second, first + second) if stated.kind == "mean and SD" else (first, second)
    return MEASURES["value"](found), image, span


def _stroke_shapes(found: Drawn, folder: Path, sizes: Sizes) -> tuple[tuple[dict[str, Values], dict[str, Values]], str]:
    real = pd.read_csv(folder / REAL)
    made = generated_shapes(found, sizes.shapes)
    columns = ["compactness", "roughness"]
    rows = []
    for title, data in (("real", real), ("generated", made)):
        rows.append(
            {"masks": f"{title} ({len(data)})"}
            | {
                column: f"{data[column].median():.3g} ({data[column].min():.3g} to {data[column].max():.3g})"
                for column in ("volume_ml", *columns)
            }
        )
    text = _SHAPES.format(count=len(real), file=f"realism/{REAL}", table=markdown(pd.DataFrame(rows)))
    return tuple({c: data[c].to_numpy() for c in columns} for data in (made, real)), text  # type: ignore[return-value]


def markdown(table: pd.DataFrame) -> str:
    """Table as Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"
