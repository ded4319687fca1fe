"""Lesions in a user's own scans: a recipe whose anatomy is those scans, unchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xaigt.anatomy.adding import add, find_scans, known, understood
from xaigt.anatomy.cards import TemplateError
from xaigt.synthesis.loading import AnyRecipe, composed
from xaigt.synthesis.recipe import Recipe

AS_IT_IS = {
    "rotation_deg": 0.0,
    "scale": 1.0,
    "axis_scale": 1.0,
    "shift_mm": 0.0,
    "displacement_mm": 0.0,
    "ventricles_mm": 0.0,
    "bone": 1.0,
    "levels": "template",
}
SPLITS = {"test": 1.0}
Told = Callable[[Path, str | None], None]


def into_scans(recipe: AnyRecipe, scans: Path, told: Told | None = None) -> Recipe:
    """Return the recipe with a user's scans as its only anatomy, neither moved, deformed nor given noise.

    The scans are added to the user's catalogue, as ``xaigt templates add`` does, unless they are in it already: then
    they keep their names and terms. A scan that cannot be understood is left out, and reported.

    Parameters
    ----------
    recipe
        Which lesions.
    scans
        A NIfTI file, a folder of them, or a BIDS folder; only volumes of the recipe's modality count.
    told
        Called with each file and why it was left out, or None.

    Raises
    ------
    TemplateError
        If no scan can be used.
    """
    recipe = composed(recipe)
    names, refused = [], []
    for scan in find_scans(scans, recipe.modality):
        reason = None
        try:
            names.append(understood(known(scan.path) or add(scan)).name)
        except TemplateError as error:
            reason = str(error)
            refused.append(reason)
        if told is not None:
            told(scan.path, reason)
    if not names:
        raise TemplateError("no scan can be used:\n" + "\n".join(refused))
    data = recipe.written_out()
    data["templates"] = names
    data["disjoint"] = "subject"
    data["subject"] = {**data["subject"], **AS_IT_IS}
    data["acquisition"] = {**data["acquisition"], "noise_hu": 0.0}
    return Recipe.model_validate(data)
