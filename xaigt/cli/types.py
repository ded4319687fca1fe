"""Option values that are more than a number: sizes, splits."""

from __future__ import annotations

from typing import Any

import click


class Axes(click.ParamType[Any]):
    """One number, or one for each axis joined by x: ``224``, ``192x160``, ``64x192x160``."""

    def __init__(self, kind: type[int] | type[float], name: str) -> None:
        self.kind, self.name = kind, name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            numbers = [self.kind(part) for part in str(value).lower().split("x")]
        except ValueError:
            self.fail(f"{value!r} must be one number or one for each axis, such as 224 or 192x160.", param, ctx)
        return numbers[0] if len(numbers) == 1 else numbers


_SPLITS = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}


class Splits(click.ParamType[Any]):
    """Shares of train, validation and test: ``0.7/0.15/0.15``; two shares are train and test."""

    name = "shares"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, dict):
            return value
        try:
            shares = [float(part) for part in str(value).split("/")]
        except ValueError:
            shares = []
        if len(shares) not in _SPLITS or any(not 0 <= share <= 1 for share in shares):
            self.fail(f"{value!r} must be up to three shares of 0 to 1, such as 0.7/0.15/0.15.", param, ctx)
        if abs(sum(shares) - 1) > 1e-9:
            self.fail(f"the shares in {value!r} sum to {sum(shares):g}, not 1.", param, ctx)
        return dict(zip(_SPLITS[len(shares)], shares, strict=True))
