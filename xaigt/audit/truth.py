"""Is the recorded truth what the arrays show? Image and twin, instances, bits, tables and the plan must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.problems import Check, Problems
from xaigt.dataset.reading import Dataset

DIFFERENCES, INSTANCES, TABLES, VISIBLE = (
    "image and twin differ only where recorded",
    "instances and bits agree with the arrays",
    "tables and plans agree with the arrays",
    "visible lesions are visible",
)
_TOLERANCE = 1e-3  # tables are rounded to four decimals

Arrays = Mapping[str, npt.NDArray[Any]]
Row = Mapping[str, Any]


def check_sample(row: Row, lesions: Sequence[Row], arrays: Arrays, dataset: Dataset, problems: Problems) -> None:
    """Check one sample and note its problems.

    Parameters
    ----------
    row
        Of the table of samples.
    lesions
        Its rows of the table of lesions.
    arrays
        image, twin, lesion, altered, and other where there is one.
    dataset
        Where it belongs.
    problems
        Where to note what is wrong.
    """
    where = f"sample {int(row['sample'])}"
    difference = arrays["image"].astype(np.int32) - arrays["twin"]
    _differences(difference, arrays, dataset, where, problems)
    _instances(arrays, lesions, dataset, where, problems)
    _lesion_table(row, difference, arrays, lesions, dataset, where, problems)
    _sample_table(row, lesions, arrays, dataset, where, problems)


def check_evidence(dataset: Dataset, problems: Problems) -> None:
    """Every sample and class must have evidence, and every lesion it names must be one of that sample, with voxels."""
    lesions = dataset.lesions
    known = set()
    if len(lesions):
        truth = lesions[(lesions["role"] == "lesion") & (lesions["voxels"] > 0)]
        known = set(zip(truth["sample"].astype(int), truth["instance"].astype(int), strict=True))
    table = dataset.evidence
    listed = set(zip(table["sample"].astype(int), table["target"].astype(int), strict=True))
    for number in dataset.samples["sample"].astype(int):
        for target in range(len(dataset.classes)):
            if (number, target) not in listed:
                problems.add(TABLES, "evidence.parquet has no row for a sample and class", f"sample {number}, {target}")
    named = table[table["localizable"].astype(bool)]
    for number, instance in zip(named["sample"].astype(int), named["instance"].astype(int), strict=True):
        if (number, instance) not in known:
            problems.add(TABLES, "evidence.parquet names a lesion that is not there", f"sample {number}, {instance}")


def checks(problems: Problems, samples: int, lesions: int) -> list[Check]:
    """The checks of :func:`check_sample`, after all samples."""
    return [
        problems.check(DIFFERENCES, f"at every voxel of {samples} samples (as stored, whole numbers)"),
        problems.check(INSTANCES, f"{samples} samples, {lesions} lesions"),
        problems.check(TABLES, "counts, classes, sizes, contrasts, places"),
        problems.check(VISIBLE, f"contrast over noise measured again for {lesions} lesions"),
    ]


def _differences(
    difference: npt.NDArray[np.int32], arrays: Arrays, dataset: Dataset, where: str, problems: Problems
) -> None:
    changed = np.abs(difference) > float(dataset.description["recipe"]["epsilon"])
    altered, lesion = arrays["altered"], arrays["lesion"] > 0
    bits = dataset.description["altered_bits"]
    if (stray := changed & (altered == 0)).any():
        problems.add(DIFFERENCES, "differs outside every mask", f"{where}: {int(stray.sum())} voxels")
    if ((altered > 0) & ~changed).any():
        problems.add(INSTANCES, "altered says more than image and twin", where)
    if (altered & ~np.uint8(sum(bits.values()))).any():
        problems.add(INSTANCES, "altered has an unknown bit", where)
    if (((altered & bits["lesion"]) > 0) != (changed & lesion)).any():
        problems.add(INSTANCES, "the bit 'lesion' is not (lesion and changed)", where)


def _instances(arrays: Arrays, lesions: Sequence[Row], dataset: Dataset, where: str, problems: Problems) -> None:
    hidden = (dataset.description["recipe"].get("visibility") or {}).get("invisible") == "exclude"
    for name in ("lesion", "other"):
        if name not in arrays:
            continue
        counts = np.bincount(arrays[name].ravel())
        rows = [row for row in lesions if ("other" in arrays and row["role"] != "lesion") == (name == "other")]
        out = [name == "lesion" and hidden and not row["visible"] for row in rows]  # taken out of the truth
        listed = {int(row["instance"]): 0 if gone else int(row["voxels"]) for row, gone in zip(rows, out, strict=True)}
        stored = {number: int(count) for number, count in enumerate(counts) if number and count}
        if stored != {number: count for number, count in listed.items() if count}:
            problems.add(INSTANCES, f"array {name!r} and lesions.parquet differ in instances or voxels", where)
        if sorted(listed) != list(range(min(listed, default=1), min(listed, default=1) + len(listed))):
            problems.add(INSTANCES, "instances are not numbered without gaps", where)


def _lesion_table(
    sample: Row,
    difference: npt.NDArray[np.int32],
    arrays: Arrays,
    lesions: Sequence[Row],
    dataset: Dataset,
    where: str,
    problems: Problems,
) -> None:
    spacing = np.asarray(dataset.description["spacing_mm"], float)
    for row in lesions:
        if row["role"] != "lesion" and "other" in arrays:
            continue
        mask = arrays["lesion"] == int(row["instance"])
        if not mask.any():
            continue
        which = f"{where}, lesion {int(row['instance'])}"
        places = np.nonzero(mask)
        extent = np.array([axis.max() - axis.min() + 1 for axis in places]) * spacing[-mask.ndim :]
        contrast = float(difference[mask].mean())
        found = {f"extent_{axis}_mm": value for axis, value in zip("zyx"[-mask.ndim :], extent, strict=True)}
        found |= {"mean": float(arrays["image"][mask].mean()), "contrast": contrast}
        if mask.ndim == 2:
            found["area_mm2"] = float(mask.sum() * spacing[1] * spacing[2])
        for name, value in found.items():
            if name in row and abs(_number(row[name]) - value) > _TOLERANCE:
                problems.add(TABLES, f"{name} is not what the arrays show", which)
        _visible(row, difference[mask], float(sample.get("noise_sd", 0.0)), dataset, which, problems)


def _visible(
    row: Row, change: npt.NDArray[Any], noise: float, dataset: Dataset, which: str, problems: Problems
) -> None:
    """A lesion that is said to be visible must reach the recipe's contrast over noise, and the reverse.

    Mixed blood, whose old and fresh parts may cancel, is judged by its darker or brighter half.
    """
    least = (dataset.description["recipe"].get("visibility") or {}).get("minimum_cnr")
    if "visible" not in row or least is None or noise <= 0:
        return
    parts = [change]
    if row.get("stage") == "mixed":
        ordered, half = np.sort(change), (len(change) + 1) // 2
        parts = [ordered[:half], ordered[-half:]]
    ratio = max(abs(float(part.mean())) for part in parts) / noise
    if bool(row["visible"]) != (ratio >= float(least)) and abs(ratio - float(least)) > _TOLERANCE:
        kind = "said to be visible, is not" if row["visible"] else "said to be invisible, is visible"
        problems.add(VISIBLE, kind, f"{which}: contrast over noise {ratio:.2f}")


def _sample_table(
    row: Row, lesions: Sequence[Row], arrays: Arrays, dataset: Dataset, where: str, problems: Problems
) -> None:
    own = [item for item in lesions if item["role"] == "lesion"]
    label, classes = int(row["label"]), dataset.classes
    task = str(dataset.description["task"])
    if task != "subtype" and (not 0 <= label < len(classes) or row["class"] != classes[label]):
        problems.add(TABLES, "label and class differ", where)
    if int(row["lesions"]) not in (len(own), len(lesions)):
        problems.add(TABLES, "the number of lesions is not that of lesions.parquet", where)
    if task == "presence" and (label > 0) != bool(own):
        problems.add(TABLES, "the label is not the presence of a lesion", where)
    if task == "presence" and label == 0 and (arrays["lesion"] > 0).any():
        problems.add(TABLES, "a negative has a lesion", where)
    try:
        plan = json.loads(str(row["plan"]))
        planted = [item["lesion"] for item in plan["lesions"] if item["planted"] and item["role"] == "lesion"]
    except (ValueError, KeyError, TypeError):
        problems.add(TABLES, "the plan cannot be read", where)
        return
    kept = task == "subtype" or plan.get("label") == label  # labels of subtypes follow from what is seen
    if not kept or plan.get("template") != row["template"]:
        problems.add(TABLES, "plan and samples.parquet differ in label or template", where)
    if len(planted) != len(own):
        problems.add(TABLES, "plan and lesions.parquet differ in the number of lesions", where)
        return
    for item, drawn in zip(sorted(own, key=lambda item: item["instance"]), planted, strict=True):
        drawn_at = np.asarray(drawn["centre_mm"], float)
        listed = np.array([_number(item[f"centre_{axis}_mm"]) for axis in "zyx"])
        if np.abs(drawn_at - listed).max() > _TOLERANCE:
            problems.add(TABLES, "plan and lesions.parquet differ in the place", f"{where}, lesion {item['instance']}")
        if abs(float(drawn["volume_mm3"]) - _number(item["volume_mm3"])) > _TOLERANCE:
            problems.add(TABLES, "plan and lesions.parquet differ in the volume", f"{where}, lesion {item['instance']}")


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
