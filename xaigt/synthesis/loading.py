"""Reading recipes: from the catalogue, a file or plain data, with settings applied and everything checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xaigt import catalog
from xaigt.anatomy.cards import load_card
from xaigt.errors import XaigtError
from xaigt.lesions import family
from xaigt.schema import Document, SchemaError, assign, put, validate
from xaigt.synthesis.legacy.recipe import GENERATOR, LegacyRecipe
from xaigt.synthesis.recipe import Recipe

AnyRecipe = Recipe | LegacyRecipe
"""What a file of generators/ may hold."""


def load_recipe(name: str, settings: Sequence[str] = (), changes: dict[str, Any] | None = None) -> AnyRecipe:
    """Read a recipe of the catalogue or a file, apply settings, and check everything.

    Parameters
    ----------
    name
        A name of the catalogue, or a path that ends in .yaml or .yml.
    settings
        ``key.subkey=value`` each, the value in YAML.
    changes
        Values for ``key.subkey`` names, such as ``lesions.0.count``; ``None`` values are skipped.

    Raises
    ------
    SchemaError, catalog.UnknownNameError
        Saying what is wrong, in which file, line and field, and what is allowed.
    """
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    document = Document(Path(name) if is_file else catalog.find("generators", name))
    recipe = _check(document.data, document, "")
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    if not settings and not given:
        return recipe
    data = assign(recipe.written_out(), settings)
    for key, value in given.items():
        put(data, key, value, f"recipe {recipe.name}, change {key!r}")
    if data["task"] != recipe.task and data["classes"] == recipe.class_names:
        data["classes"] = None  # they named the classes of the other task
    return _check(data, None, f"recipe {recipe.name} with the options given")


def composed(recipe: AnyRecipe) -> Recipe:
    """Return a recipe that plants lesions into anatomy; refuse one that reproduces published data as a whole.

    Raises
    ------
    XaigtError
        If the recipe has no groups of lesions.
    """
    if isinstance(recipe, LegacyRecipe):
        raise XaigtError(
            f"recipe {recipe.name} reproduces published data as a whole; this needs one that plants lesions, such as "
            "hemorrhage or lesion-shape."
        )
    return recipe


def recipe_of(data: Mapping[str, Any], document: Document | None = None, what: str = "") -> AnyRecipe:
    """Recipe from plain data, such as dataset.json keeps; a field `generator` says that it is not an ordinary one."""
    if "generator" not in data:
        return validate(Recipe, data, document, what)
    if data["generator"] != GENERATOR:
        place = _place(document, what, ("generator",))
        raise SchemaError(f"{place}unknown ({data['generator']!r}): leave it out, or write {GENERATOR}.")
    return validate(LegacyRecipe, data, document, what)


def _check(data: dict[str, Any], document: Document | None, what: str) -> AnyRecipe:
    recipe = recipe_of(data, document, what)
    for name in recipe.templates:
        _found("templates", name, document, what, ("templates",))
        if (modality := load_card(name).modality) != recipe.modality:
            raise SchemaError(
                _place(document, what, ("templates",))
                + f"the template {name} is {modality}, but the recipe makes {recipe.modality}."
            )
    for index, group in enumerate(recipe.lesions if isinstance(recipe, Recipe) else ()):
        where: tuple[str | int, ...] = ("lesions", index)
        try:
            model = family(group.family).recipe
        except XaigtError as error:
            raise SchemaError(_place(document, what, (*where, "family")) + str(error)) from None
        validate(model, group.parameters, document, what, (*where, "parameters"))
    return recipe


def _found(kind: catalog.Kind, name: str, document: Document | None, what: str, location: tuple[str, ...]) -> None:
    try:
        catalog.find(kind, name)
    except catalog.UnknownNameError as error:
        raise SchemaError(_place(document, what, location) + str(error)) from None


def _place(document: Document | None, what: str, location: tuple[str | int, ...]) -> str:
    field = ".".join(str(part) for part in location)
    if document is None:
        return f"{what}, field {field}: "
    return f"{document.path}, line {document.line(location)}, field {field}: "
