"""The result of ``explain``: maps by method and stage."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.targets import Resolved

Key = tuple[str, str]


class Maps(dict[Key, Tensor]):
    """A dictionary of Tensor[B, *grid] by (method, stage), which knows how its maps came about.

    The stage of a method that works on the input is ``"input"``; that of a method that fuses stages is their
    names joined by ``+``.

    Attributes
    ----------
    postprocessed
        Keys of maps that are not raw: the grad-cam backend's went through ReLU, min-max, resize and min-max
        inside that library.
    targets
        What was explained; None if no method needed the model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.postprocessed: set[Key] = set()
        self.targets: Resolved | None = None
