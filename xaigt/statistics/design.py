"""The design between networks: factors crossed in full, the covariate, and rows at which means are wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import patsy

from xaigt.errors import nearest
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.table import levels


@dataclass(frozen=True)
class Design:
    """A model matrix of N networks, and how to write further rows of it.

    Attributes
    ----------
    matrix
        float64, (N, p).
    info
        patsy's account of the columns.
    factors
        Name of each factor -> its levels, in order.
    covariate
        Name of the covariate, or None where the design has none.
    """

    matrix: np.ndarray
    info: Any
    factors: Mapping[str, Sequence[Any]]
    covariate: str | None

    @property
    def rank(self) -> int:
        """Rank of the model matrix, its columns brought to unit length first."""
        length = np.linalg.norm(self.matrix, axis=0)
        return int(np.linalg.matrix_rank(self.matrix / np.where(length > 0, length, 1.0)))

    def rows(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the (K, p) rows of the model matrix for other values of the factors and the covariate."""
        matrix = patsy.build_design_matrices([self.info], coded(frame, self.factors))[0]
        return np.asarray(matrix, dtype=np.float64)

    def grid(self, at: float | None) -> tuple[pd.DataFrame, np.ndarray]:
        """Return every combination of the levels, and its rows with the covariate held at `at`."""
        frame = pd.DataFrame(list(product(*self.factors.values())), columns=list(self.factors))
        if not self.factors:
            frame = pd.DataFrame(index=[0])
        filled = frame if self.covariate is None else frame.assign(**{self.covariate: at})
        return frame, self.rows(filled)

    def slope_column(self, covariate: np.ndarray) -> int | None:
        """Position of the column that is the covariate itself; None unless one straight line serves all."""
        mentioning = [j for j, name in enumerate(self.info.column_names) if _mentions(name, str(self.covariate))]
        if self.covariate is None or len(mentioning) != 1:
            return None
        return mentioning[0] if np.array_equal(self.matrix[:, mentioning[0]], covariate) else None


def coded(frame: pd.DataFrame, factors: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return `frame` with its factors as categories in the given order."""
    columns = {
        name: pd.Categorical(frame[name].astype(object), categories=list(known)) for name, known in factors.items()
    }
    return frame.assign(**columns)


def build(formula: str, networks: pd.DataFrame, factors: Mapping[str, Sequence[Any]], covariate: str | None) -> Design:
    """Return the design of a right-hand side in patsy's language.

    Raises
    ------
    StatisticsError
        If patsy cannot read the formula.
    """
    try:
        matrix = patsy.dmatrix(formula, coded(networks, factors))
    except (patsy.PatsyError, SyntaxError, ValueError) as error:
        raise StatisticsError(f"the formula {formula!r} cannot be used: {error}") from error
    return Design(np.asarray(matrix, dtype=np.float64), matrix.design_info, factors, covariate)


def right_side(
    factors: Sequence[str], covariate: str | None, knots: Sequence[float] = (), slopes: str = "common"
) -> str:
    """Return the default right-hand side: all factors crossed, plus the covariate.

    Parameters
    ----------
    factors
        Factors between networks.
    covariate
        Name of the covariate, or None for the total effect.
    knots
        Inner knots of a natural cubic spline; none: a straight line.
    slopes
        ``"common"``, or the factor whose levels have slopes of their own.
    """
    cells = " * ".join(f"C(Q({name!r}))" for name in factors) or "1"
    if covariate is None:
        return cells
    term = f"Q({covariate!r})"
    if knots:
        term = f"cr({term}, knots={list(map(float, knots))}, constraints='center')"
    if slopes == "common":
        return f"{cells} + {term}"
    if slopes not in factors:
        raise StatisticsError(
            f"slopes must be 'common' or a factor between networks, got {slopes!r}: {nearest(slopes, factors)}"
        )
    return f"{cells} + {term} + C(Q({slopes!r})):{term}"


def spline_knots(covariate: np.ndarray, spline_df: int | None) -> list[float]:
    """Return the inner knots of a natural spline, at quantiles over networks; none for a straight line."""
    if spline_df is None:
        return []
    if spline_df < 2:
        raise StatisticsError(f"spline_df must be 2 or more, got {spline_df}; leave it out for a straight line")
    knots = np.quantile(covariate, np.linspace(0, 1, spline_df + 1)[1:-1])
    if len(np.unique(np.concatenate([knots, [covariate.min(), covariate.max()]]))) < spline_df + 1:
        raise StatisticsError(f"the covariate has too few distinct values for a spline with {spline_df} df")
    return [float(knot) for knot in knots]


def without(formula: str, name: str) -> str:
    """Return a right-hand side without the terms that hold a variable: the formula of the total effect."""
    try:
        model = patsy.ModelDesc.from_formula(formula)
    except (patsy.PatsyError, SyntaxError) as error:
        raise StatisticsError(f"the formula {formula!r} cannot be used: {error}") from error
    terms = [term for term in model.rhs_termlist if not any(_mentions(part.code, name) for part in term.factors)]
    return str(patsy.ModelDesc([], terms).describe()).removeprefix("~").strip() or "1"


def _mentions(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", code) is not None


def parse(formula: str, table: pd.DataFrame, covariate: str | None) -> tuple[str, str, list[str]]:
    """Split ``score ~ right side`` and return the score, the right side and the factors it names.

    Raises
    ------
    StatisticsError
        If there is no left side, or the covariate does not occur on the right.
    """
    left, tilde, right = formula.partition("~")
    if not tilde or not left.strip() or not right.strip():
        raise StatisticsError(f"a formula reads 'score ~ factors + covariate', got {formula!r}")
    if covariate is not None and not _mentions(right, covariate):
        raise StatisticsError(f"the covariate {covariate!r} does not occur in the formula {formula!r}")
    named = [str(name) for name in table.columns if str(name) != covariate and _mentions(right, str(name))]
    return left.strip(), right.strip(), named


def factor_levels(networks: pd.DataFrame, factors: Sequence[str]) -> dict[str, list[Any]]:
    """Return the levels of each factor, in order."""
    return {name: levels(networks[name]) for name in factors}
