"""Lesion families: how each kind of lesion is drawn and how it changes an image.

A family is one file in :mod:`xaigt.lesions.families`, or an entry point of the group ``xaigt.lesions``.
"""

from __future__ import annotations

from xaigt.lesions.base import DrawError, Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.registry import family, family_names

__all__ = ["DrawError", "Family", "Footprint", "Lesion", "LesionRecipe", "Streams", "World", "family", "family_names"]
