"""Gallery of a run's maps with true outlines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.models.explaining import MAPS, load_maps, truth_of
from xaigt.models.runs import Run

if TYPE_CHECKING:
    import pandas as pd

    from xaigt.dataset.reading import Dataset

GALLERY = "gallery.png"
COLUMNS, ROWS = 6, 12


def _title(run: Run, pair: pd.Series[Any]) -> str:
    """Sample, the label whose map this is where there are several, and what the network said."""
    label = ""
    if run.settings.head == "multi-label":
        label = f"\n{run.settings.labels[int(pair['target'])].removeprefix('has_')}"
    return f"{int(pair['sample']):06d}{label}\n{'correct' if pair['correct'] else 'wrong'}, {pair['confidence']:.2f}"


def gallery(run: Run, dataset: Dataset) -> Path:
    """Draw the first samples with the maps of each method, at its deepest stage, then at others as room allows."""
    import torch

    from xaigt.explainers import postprocess
    from xaigt.report.maps import map_gallery

    described, pairs = load_maps(run)
    shown = pairs.head(COLUMNS)
    size = tuple(run.description["size"])
    deepest: dict[str, str] = {entry["method"]: entry["stage"] for entry in described["maps"]}
    order = sorted(described["maps"], key=lambda entry: deepest[entry["method"]] != entry["stage"])
    rows = []
    for entry in order[:ROWS]:
        raw = torch.from_numpy(np.load(run.folder / MAPS / entry["file"], mmap_mode="r")[: len(shown)].copy())
        rows.append((f"{entry['method']}\n{entry['stage']}", postprocess(raw, size, sign="signed").numpy()))
    images = [dataset.read("image", int(number)) for number in shown["sample"]]
    truths = [truth_of(dataset, pair) for _, pair in shown.iterrows()]
    titles = [_title(run, pair) for _, pair in shown.iterrows()]
    return map_gallery(rows, images, truths, titles, dataset.description, run.folder / MAPS / GALLERY)
