"""How far the lobes of :mod:`xaigt.lobes` agree with what others call the same places.

The named regions are the 160 of Dosenbach and others, Science 329:1358-1361, 2010 (doi:10.1126/science.1194144): MNI
positions and names of peaks of functional studies, which nilearn carries. Names that tell no lobe are left out.
"""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np

from xaigt.anatomy.sources import TemplateError
from xaigt.lobes import NAMES, lobe

REGIONS = "datasets/data/dosenbach_2010.csv"
NAMED = {
    "frontal": (
        "vmPFC", "mPFC", "aPFC", "vent aPFC", "dlPFC", "vlPFC", "vPFC", "vFC", "dFC", "mFC", "frontal", "sup frontal",
        "precentral gyrus", "SMA", "pre-SMA", "ACC", "dACC",
    ),
    "parietal": ("parietal", "sup parietal", "post parietal", "IPL", "IPS", "angular gyrus", "precuneus"),
    "temporal": ("temporal", "sup temporal", "inf temporal", "fusiform"),
    "occipital": ("occipital", "post occipital"),
    "insula": ("ant insula", "mid insula", "post insula"),
    "deep": ("basal ganglia", "thalamus"),
    "cerebellum": ("inf cerebellum", "med cerebellum", "lat cerebellum"),
}  # fmt: skip
_LOBE_OF = {name: lobe_name for lobe_name, names in NAMED.items() for name in names}


def named_regions() -> list[tuple[str, tuple[float, float, float]]]:
    """Lobe by its name, and MNI position (z, y, x; mm), of every region whose name tells a lobe.

    Raises
    ------
    TemplateError
        If nilearn does not carry the table.
    """
    spec = importlib.util.find_spec("nilearn")
    if spec is None or not spec.submodule_search_locations:
        raise TemplateError("the Python package nilearn is not installed: pip install nilearn.")
    path = Path(spec.submodule_search_locations[0]) / REGIONS
    if not path.is_file():
        raise TemplateError(f"{path}: missing; this version of nilearn does not carry it.")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (_LOBE_OF[row["name"]], (float(row["z"]), float(row["y"]), float(row["x"])))
        for row in rows
        if row["name"] in _LOBE_OF
    ]


def agreement() -> dict[str, tuple[int, int, Counter[str]]]:
    """Lobe -> regions that lie in it here, all regions of that name, and where the others lie."""
    regions = named_regions()
    z, y, x = np.array([position for _, position in regions]).T
    found = [NAMES[number - 1] for number in lobe(z, y, x)]
    result = {}
    for name in NAMED:
        of_name = [here for (true, _), here in zip(regions, found, strict=True) if true == name]
        result[name] = (of_name.count(name), len(of_name), Counter(here for here in of_name if here != name))
    return result
