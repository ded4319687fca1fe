"""Leaks between splits: a subject, a lesion's shape, an image, a seed or a template that two of them share."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from xaigt.audit.forms import drawn_forms, of_no_known_form, seeds_of
from xaigt.audit.lines import Verdict
from xaigt.audit.measure import Measured
from xaigt.audit.problems import Check, Problems
from xaigt.dataset.reading import Dataset

NEAR = 0.9995
"""Correlation of two thumbnails, the mean image taken away, from which two images are one."""
_BLOCK = 512
_SHOWN = 3


def between_splits(dataset: Dataset, measured: Measured | None) -> list[Check]:
    """Every check; without arrays, those that tables allow."""
    found = [subjects(dataset), seeds(dataset), templates(dataset), shapes(dataset, measured)]
    if measured is not None:
        found.append(images(dataset, measured))
    return found


def subjects(dataset: Dataset) -> Check:
    """FAIL where one subject is in two splits."""
    samples = dataset.samples
    shared = _shared(zip(samples["subject"].astype(str), samples["split"], strict=True))
    good = f"{samples['subject'].nunique()} subjects, each in one split"
    return _check("no subject in two splits", shared, "subject", good)


def seeds(dataset: Dataset) -> Check:
    """FAIL where two samples were drawn from the same random numbers, in whatever split."""
    samples, problems, name = dataset.samples, Problems(), "no random numbers used twice"
    if "seed" in samples:
        twice = samples.duplicated(["seed", "sample"], keep=False)
        for number in samples.loc[twice, "sample"]:
            problems.add(name, "same seed and number", f"sample {number}")
    first: dict[tuple[str, int], int] = {}
    for number, text in zip(samples["sample"], samples["plan"], strict=True):
        for key, value in seeds_of(json.loads(str(text))):
            if (key, value) in first and first[key, value] != number:
                problems.add(name, f"same {key}", f"samples {first[key, value]} and {number}")
            first.setdefault((key, value), int(number))
    return problems.check(name, f"{len(samples)} samples, {len(first)} recorded seeds")


def templates(dataset: Dataset) -> Check:
    """FAIL where a template, or a person, is in two splits and the recipe says that none is; else a limitation."""
    samples = dataset.samples
    disjoint = dataset.description["recipe"].get("disjoint", "sample")
    owner = {name: name for name in samples["template"].astype(str).unique()}
    if disjoint == "subject":
        persons = {str(card["name"]): card.get("person") for card in dataset.description.get("templates", [])}
        owner = {name: str(persons.get(name) or name) for name in owner}
    shared = _shared(zip((owner[str(name)] for name in samples["template"]), samples["split"], strict=True))
    name = {"template": "no template in two splits", "subject": "no person in two splits"}.get(disjoint)
    if name is not None:
        return _check(name, shared, "template" if disjoint == "template" else "person", "as the recipe declares")
    if not shared:
        return Check("templates and splits", Verdict.PASS, "no template is in two splits")
    note = f"{len(shared)} of {len(owner)} templates are in more than one split; the recipe does not declare otherwise"
    return Check("templates and splits", Verdict.NOT_JUDGED, note, {"templates": sorted(shared)[:100]})


def shapes(dataset: Dataset, measured: Measured | None) -> Check:
    """FAIL where lesions of two splits were drawn as one form, or, where plans say no form, have congruent masks.

    Masks of different forms that are congruent are counted: on coarse voxels round forms are, by chance.
    """
    split = dict(zip(dataset.samples["sample"].astype(int), dataset.samples["split"].astype(str), strict=True))
    forms = drawn_forms(dataset)
    drawn = _shared((form, split[number]) for (number, _), form in forms.items())
    measured_shapes = measured.shapes if measured is not None else []
    masks = [(key, split[number]) for number, key in of_no_known_form(measured_shapes, forms)]
    congruent = len(_shared((key, split[number]) for number, _, key in measured_shapes))
    good = f"{len(forms)} drawn forms and {len(masks)} masks of no known form, none in two splits"
    if congruent:
        good += f"; {congruent} masks of different forms are congruent by chance"
    return _check("no lesion shape in two splits", drawn | _shared(masks), "shape", good)


def images(dataset: Dataset, measured: Measured) -> Check:
    """FAIL where two images, or twins, of different splits are nearly identical."""
    problems, name = Problems(), "no near-identical images in two splits"
    numbers = dataset.samples["sample"].to_numpy()
    _, split = np.unique(dataset.samples["split"].astype(str), return_inverse=True)
    closest = 0.0
    for kind, which in (("image", 0), ("twin", 1)):
        vectors = _embedded(measured.thumbnails[:, which])
        for start in range(0, len(vectors), _BLOCK):
            alike = vectors[start : start + _BLOCK] @ vectors.T
            alike[split[start : start + _BLOCK, None] == split[None]] = -1
            closest = max(closest, float(alike.max(initial=-1)))
            for row, column in np.argwhere(alike >= NEAR):
                if start + row < column:
                    problems.add(name, f"{kind}s", f"samples {numbers[start + row]} and {numbers[column]}")
    return problems.check(name, f"the nearest correlate by {closest:.4f} (limit {NEAR})")


def _embedded(thumbnails: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Unit vectors of what distinguishes each image from the mean of all."""
    centred = thumbnails - thumbnails.mean(0)
    centred -= centred.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(length, 1e-6), np.float32)


def _shared(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """What occurs with more than one split."""
    splits: dict[str, set[str]] = {}
    for what, split in pairs:
        splits.setdefault(what, set()).add(split)
    return {what for what, found in splits.items() if len(found) > 1}


def _check(name: str, shared: set[str], what: str, good: str) -> Check:
    if not shared:
        return Check(name, Verdict.PASS, good)
    first = sorted(shared)
    words = f"{len(shared)} {what}s are in two splits ({', '.join(first[:_SHOWN])}{', ...' if len(first) > 3 else ''})"
    return Check(name, Verdict.FAIL, words, {what: first[:100]})
