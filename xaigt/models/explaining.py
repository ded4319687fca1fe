"""Explaining a run: raw signed maps of every method at every stage, kept at feature resolution.

They lie in the run's folder::

    maps/maps.json            methods, stages, what was explained
    maps/pairs.parquet        a row a map: sample, target, correct, confidence, instances that support the target
    maps/METHOD@STAGE.npy     [pairs, *grid] float32

A pair is a sample and a target with evidence: the sample's own class, or, for a multi-label head, each label that it
has. What the dataset's table of evidence does not call localizable has no truth; such samples are left out and counted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.dataset.files import read_json
from xaigt.models.checkpoint import write
from xaigt.models.errors import ModelError
from xaigt.models.runs import Run

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset

MAPS, INDEX, PAIRS = "maps", "maps.json", "pairs.parquet"
DEFAULT_METHODS = ("gradcam", "hirescam", "layercam", "saliency", "integrated-gradients", "random")


def pairs_of(run: Run, dataset: Dataset, split: str, samples: int | None = None) -> tuple[pandas.DataFrame, int]:
    """Return the (sample, target) pairs of a split that have evidence, and the number of samples without any."""
    import pandas

    part = dataset.split(split)
    supported = _supporting(run, part)
    known = run.predictions().set_index("sample")
    rows = []
    for number, label in zip(part.samples["sample"], part.samples["label"], strict=True):
        if number not in known.index:
            continue
        outcome = {"correct": bool(known.loc[number, "correct"]), "confidence": float(known.loc[number, "confidence"])}
        targets = range(len(run.settings.labels)) if run.settings.head == "multi-label" else [int(label)]
        rows += [
            {"sample": int(number), "target": target, **outcome, "instances": supported[number, target]}
            for target in targets
            if (number, target) in supported
        ]
    without = len(part) - len({row["sample"] for row in rows})
    if samples is not None:
        kept = list(dict.fromkeys(row["sample"] for row in rows))[:samples]
        rows = [row for row in rows if row["sample"] in kept]
    if not rows:
        raise ModelError(f"{dataset.path}: no sample of the split {split} has a lesion to be found.")
    return pandas.DataFrame(rows), without


def truth_of(dataset: Dataset, pair: Any) -> npt.NDArray[np.uint8]:
    """Instance numbers of the lesions that are evidence for the target of a pair; 0 elsewhere."""
    mask = dataset.read("lesion", int(pair["sample"]))
    return np.where(np.isin(mask, pair["instances"]), mask, 0).astype(np.uint8)


def _supporting(run: Run, dataset: Dataset) -> dict[tuple[int, int], list[int]]:
    """Instances that support each (sample, target) of a run, from the dataset's table of evidence.

    A multi-label run names its labels; they are subtypes, or families of lesions.
    """
    if run.settings.head == "multi-label":
        lesions = dataset.lesions
        seen = lesions[(lesions["role"] == "lesion") & (lesions["voxels"] > 0)]
        title = seen["group"] if "group" in seen else seen["family"]
        targets = {name.removeprefix("has_"): target for target, name in enumerate(run.settings.labels)}
        found = seen.assign(target=title.map(targets).fillna(seen["family"].map(targets))).dropna(subset=["target"])
    elif dataset.description["task"] == "subtype":
        lesions = dataset.lesions
        found = lesions[(lesions["role"] == "lesion") & (lesions["voxels"] > 0)].assign(target=1)
    else:
        rows = dataset.evidence
        found = rows[rows["localizable"] & (rows["direction"] == "supports")]
    groups = found.groupby(["sample", "target"])["instance"]
    return {(int(sample), int(target)): list(instances) for (sample, target), instances in groups}


def explain_run(
    run: Run,
    dataset: Dataset,
    methods: Sequence[str] = DEFAULT_METHODS,
    stages: Sequence[str] | None = None,
    *,
    split: str = "test",
    samples: int | None = None,
    batch_size: int = 16,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Ask every method, at every stage, where the evidence of a split is.

    Parameters
    ----------
    run, dataset
        The network, and what it was trained on.
    methods, stages
        As :func:`xaigt.explainers.explain`; stages: all of the network by default.
    split, samples
        Which samples: those of a split with evidence, or the first so many of them.

    Returns
    -------
    Path
        The folder of maps; what was there is replaced when everything is computed.
    """
    import torch

    from xaigt.explainers import explain

    network = run.network().to(device)
    scaling = run.scaling
    pairs, without = pairs_of(run, dataset, split, samples)
    collected: dict[tuple[str, str], list[npt.NDArray[np.float32]]] = {}
    for start in range(0, len(pairs), batch_size):
        part = pairs.iloc[start : start + batch_size]
        stored = np.stack([dataset.read(run.settings.images, int(number)) for number in part["sample"]])
        inputs = scaling(torch.from_numpy(stored))[:, None].to(device)
        context = {
            "support": _stack(dataset.read("support", int(number)) > 0 for number in part["sample"]),
            "lesion": _stack(truth_of(dataset, pair) for _, pair in part.iterrows()),
        }
        targets = torch.tensor(part["target"].to_numpy(np.int64))
        maps = explain(network, inputs, targets, list(methods), stages, context)
        for key, values in maps.items():
            collected.setdefault(key, []).append(values.detach().float().cpu().numpy())
        if progress is not None:
            progress(min(start + batch_size, len(pairs)), len(pairs))
    return _keep(run, pairs, without, split, collected)


def _stack(arrays: Any) -> Any:
    import torch

    return torch.from_numpy(np.stack(list(arrays)))


def _keep(
    run: Run, pairs: pandas.DataFrame, without: int, split: str,
    collected: dict[tuple[str, str], list[npt.NDArray[np.float32]]],
) -> Path:  # fmt: skip
    folder = run.folder / MAPS
    entries = []
    (folder / INDEX).unlink(missing_ok=True)  # until all are written there is no set of maps
    for (method, stage), parts in collected.items():
        name = f"{method}@{stage}".replace("/", "-").replace(":", "-") + ".npy"
        content = io.BytesIO()
        values = np.concatenate(parts)
        np.save(content, values)
        write(folder / name, content.getvalue())
        entries.append({"method": method, "stage": stage, "file": name, "grid": list(values.shape[1:])})
    table = io.BytesIO()
    pairs.to_parquet(table)
    write(folder / PAIRS, table.getvalue())
    described = {"split": split, "pairs": len(pairs), "samples_without_evidence": without, "maps": entries}
    write(folder / INDEX, json.dumps(described, indent=2).encode())
    return folder


def load_maps(run: Run) -> tuple[dict[str, Any], pandas.DataFrame]:
    """Return what ``maps.json`` says and the table of pairs.

    Raises
    ------
    ModelError
        If the run has no maps.
    """
    import pandas

    folder = run.folder / MAPS
    if not (folder / INDEX).exists():
        raise ModelError(f"{run.folder}: has no maps yet; run xaigt explain {run.folder} first.")
    return read_json(folder / INDEX), pandas.read_parquet(folder / PAIRS)
