"""The result of a comparison: adjusted means, contrasts, and what each analysis says beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from xaigt.errors import nearest
from xaigt.statistics import wording
from xaigt.statistics.contrasts import Estimand, Kind, contrast_table, contrast_weights, estimate_table
from xaigt.statistics.correlations import correlations
from xaigt.statistics.findings import Finding, StatisticsError, findings_table
from xaigt.statistics.fits import Fit, LeastSquares
from xaigt.statistics.mixed import VarianceComponents, variance_components
from xaigt.statistics.sensitivity import bias_grid, sensitivity_table
from xaigt.statistics.table import Scores


@dataclass(frozen=True)
class Comparison:
    """Network-level analyses of one table of scores, the total effect first.

    Attributes
    ----------
    scores
        The scores that were compared.
    responses
        float64, (N, R): network means, on the scale of the analysis.
    fits
        ``"total"``; with a covariate ``"adjusted"`` and, with its standard errors, ``"corrected"``;
        ``"naive"``.
    covariate, at
        Name of the covariate and the common value at which arms are compared; None without one.
    level
        Coverage of the intervals.
    scale
        ``"identity"`` or ``"logit"``.
    overlap
        Common share of the range of the covariate, for every pair of levels.
    findings
        What was noticed: see :class:`~xaigt.statistics.findings.Finding`.
    """

    scores: Scores
    responses: np.ndarray
    fits: Mapping[str, Fit]
    covariate: str | None
    at: float | None
    level: float
    scale: str
    overlap: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def factors(self) -> dict[str, Sequence[Any]]:
        """Every factor and its levels: those between networks first."""
        repeated = self.scores.repeated
        return {
            **self.fits["total"].design.factors,
            **{name: list(dict.fromkeys(repeated[name])) for name in repeated},
        }

    @property
    def analyses(self) -> tuple[str, ...]:
        """Names of the analyses, in the order in which they are reported."""
        return tuple(name for name in ("total", "adjusted", "corrected", "naive") if name in self.fits)

    def fit(self, analysis: str) -> Fit:
        """Return one analysis by name; ``"best"``: the most corrected one there is."""
        if analysis == "best":
            return self.fits[
                "corrected" if "corrected" in self.fits else "adjusted" if "adjusted" in self.fits else "total"
            ]
        if analysis not in self.fits:
            raise StatisticsError(f"no analysis {analysis!r}: {nearest(analysis, self.analyses)}")
        return self.fits[analysis]

    def _marginal(self, over: Sequence[str], fit: Fit) -> Estimand:
        """Equal-weight means over all factors that are not named."""
        for name in over:
            if name not in self.factors:
                raise StatisticsError(f"no factor {name!r}: {nearest(name, self.factors)}")
        grid, rows = fit.design.grid(self.at)
        repeated = self.scores.repeated
        outer = [name for name in self.factors if name in over and name in grid]
        inner = [name for name in self.factors if name in over and name in repeated]
        combined = int(np.prod([repeated[name].nunique() for name in repeated])) if len(repeated.columns) else 1
        if len(repeated) != combined and len(inner) < len(repeated.columns):
            raise StatisticsError(
                f"not every combination of {', '.join(repeated.columns)} was scored, so a mean over "
                f"{', '.join(name for name in repeated if name not in inner)} would compare different sets; "
                f"name {'them' if len(repeated.columns) > 2 else 'it'} too (over= or by=)"
            )
        labels, weights = [], []
        for outer_level, outer_rows in _groups(grid, outer):
            for inner_level, inner_rows in _groups(repeated, inner):
                cell = np.zeros(len(repeated))
                cell[inner_rows] = 1 / len(inner_rows)
                weights.append(np.outer(rows[outer_rows].mean(axis=0), cell))
                labels.append({**outer_level, **inner_level})
        frame = pd.DataFrame(labels, columns=[*outer, *inner], index=range(len(weights)))
        return Estimand(frame, np.array(weights))

    def means(self, over: Sequence[str] | str | None = None, analysis: str = "best") -> pd.DataFrame:
        """Marginal means at the common value of the covariate, with intervals.

        Parameters
        ----------
        over
            Factors to keep apart; the others are averaged with equal weights. None: all kept apart.
        analysis
            ``"total"``, ``"adjusted"``, ``"corrected"``, ``"naive"``, or ``"best"``.

        Returns
        -------
        pandas.DataFrame
            The factors, ``estimate, se, df, low, high``; on the logit scale also ``response, response_low,
            response_high``, which are back on the scale of the score.
        """
        fit = self.fit(analysis)
        table = estimate_table(fit, self._marginal(_names(over, self.factors), fit), self.level)
        if self.scale == "logit":
            for name, source in (
                ("response", "estimate"),
                ("response_low", "low"),
                ("response_high", "high"),
            ):
                table[name] = 1 / (1 + np.exp(-table[source]))
        return table

    def _contrast(self, factor: str, kind: Kind, reference: Any, by: Sequence[str], fit: Fit) -> Estimand:
        if factor not in self.factors:
            raise StatisticsError(f"no factor {factor!r}: {nearest(factor, self.factors)}")
        if factor in by:
            raise StatisticsError(f"{factor!r} cannot be compared by its own levels: leave it out of by=")
        names, weights = contrast_weights(self.factors[factor], kind, reference)
        marginal = self._marginal([factor, *by], fit)
        labels, stacked = [], []
        for held, rows in _groups(marginal.labels, list(by)):
            order = [rows[list(marginal.labels[factor].iloc[rows]).index(known)] for known in self.factors[factor]]
            stacked.append(np.einsum("ck,kpr->cpr", weights, marginal.weights[order]))
            labels += [{"contrast": name, **held} for name in names]
        return Estimand(pd.DataFrame(labels, columns=["contrast", *by]), np.concatenate(stacked))

    def contrasts(
        self,
        factor: str,
        kind: Kind = "pairs",
        *,
        reference: Any = None,
        by: Sequence[str] | str = (),
        analysis: str = "best",
        family: str = "all",
        margin: float | None = None,
    ) -> pd.DataFrame:
        """Differences between the levels of a factor, each by itself and as a family.

        Parameters
        ----------
        factor
            Such as ``"arm"``.
        kind
            ``"pairs"``, ``"control"`` (against `reference`) or ``"trend"`` (a slope over ordered levels).
        reference
            The control; the first level where None.
        by
            Factors at whose levels the contrasts are made apart; the others are averaged.
        analysis
            As for :meth:`means`.
        family
            ``"all"``: one family of tests; ``"by"``: one for each combination of `by`.
        margin
            Differences no larger than this are equivalent: adds the column ``equivalent``.

        Returns
        -------
        pandas.DataFrame
            See :func:`xaigt.statistics.contrasts.contrast_table`.
        """
        fit, by = self.fit(analysis), _names(by, self.factors)
        wanted = self._contrast(factor, kind, reference, by, fit)
        groups = list(wanted.labels[by].astype(str).agg("/".join, axis=1)) if family == "by" and by else None
        return contrast_table(fit, wanted, self.level, groups, margin)

    def side_by_side(
        self, factor: str, kind: Kind = "pairs", *, reference: Any = None, by: Sequence[str] | str = ()
    ) -> pd.DataFrame:
        """Return the same contrasts in every analysis, and what each changed from the total effect.

        Returns
        -------
        pandas.DataFrame
            ``analysis``, the labels, ``estimate, se, df, t, p, low, high``; ``change``: estimate minus that
            of the total effect; ``verdict_changed``: whether the interval holds zero in one and not in the
            other, or lies on the other side.
        """
        parts = []
        for name in self.analyses:
            part = self.contrasts(factor, kind, reference=reference, by=by, analysis=name)
            parts.append(part.loc[:, :"high"].assign(analysis=name))
        total = parts[0]
        side = np.sign(total["low"]) + np.sign(total["high"])
        for part in parts:
            change = part["estimate"] - total["estimate"]
            # What is left of equal estimates is rounding.
            part["change"] = change.mask(change.abs() < 1e-10 * total["se"], 0.0)
            known = part["se"].notna() & total["se"].notna()
            part["verdict_changed"] = known & (np.sign(part["low"]) + np.sign(part["high"]) != side)
        table = pd.concat(parts, ignore_index=True)
        return table[["analysis", *(name for name in table if name != "analysis")]]

    def sensitivity(
        self, factor: str, kind: Kind = "pairs", *, reference: Any = None, by: Sequence[str] | str = ()
    ) -> pd.DataFrame:
        """How strong a common cause of accuracy and score must be to explain an adjusted difference away.

        Returns
        -------
        pandas.DataFrame
            The labels and the adjusted ``estimate, low, high``; ``accuracy_gap``: how far the arms differ in
            the covariate; ``r2_zero``: the share of the variance of accuracy (within arms) and of the score
            (given arm and accuracy) that a common cause must explain, both alike, to bring the estimate to
            zero; ``r2_interval``: to bring zero into the interval; ``reach``: the bias for each unit of
            sqrt(r2_score r2_accuracy / (1 - r2_accuracy)).

        Raises
        ------
        StatisticsError
            If there is no adjusted analysis with one straight line fitted by least squares.
        """
        fit = self.fits.get("adjusted")
        measured = None if self.covariate is None else self.scores.networks[self.covariate].to_numpy(float)
        position = None if fit is None or measured is None else fit.design.slope_column(measured)
        if not isinstance(fit, LeastSquares) or measured is None or position is None:
            raise StatisticsError("the sensitivity analysis needs an adjusted least-squares fit with one straight line")
        wanted = self._contrast(factor, kind, reference, _names(by, self.factors), fit)
        return sensitivity_table(fit, wanted, measured, position, self.level)

    def sensitivity_grid(self, factor: str, row: int = 0, **options: Any) -> pd.DataFrame:
        """Return the largest bias of one row of :meth:`sensitivity` for pairs of strengths."""
        line = self.sensitivity(factor, **options).iloc[row]
        grid = bias_grid(float(line["reach"]))
        return grid.assign(low=line["estimate"] - grid["bias"], high=line["estimate"] + grid["bias"])

    def correlations(self, by: Sequence[str] | str | None = None) -> pd.DataFrame:
        """Correlation of score and covariate over all networks, within and between the levels of `by`.

        `by` are factors between networks, such as ``"arm"``; None: all of them. See
        :func:`xaigt.statistics.correlations.correlations` for the columns.
        """
        if self.covariate is None:
            raise StatisticsError("correlations with accuracy need a covariate")
        factors = self.fits["total"].design.factors
        cells = _names(by, factors)
        for name in cells:
            if name not in factors:
                raise StatisticsError(f"{name!r} is not a factor between networks: {nearest(name, factors)}")
        return correlations(self.scores.networks, self.responses, self.cell_names, self.covariate, cells, self.level)

    @property
    def cell_names(self) -> list[str]:
        """Names of the repeated cells, such as the methods."""
        repeated = self.scores.repeated
        return ["/".join(map(str, row)) or self.scores.score for row in repeated.itertuples(index=False)]

    @cached_property
    def components(self) -> VarianceComponents:
        """Variance components and intraclass correlations of the scores."""
        return variance_components(self.scores)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for each analysis, in words."""
        return wording.assumptions(self.fits, self.covariate, self.at, self.scores.score)

    def sentences(self, factor: str | None = None, **options: Any) -> list[str]:
        """Return the result in words, the total effect first; `options` as for :meth:`side_by_side`."""
        factor = factor or next((name for name, known in self.factors.items() if len(known) > 1), None)
        words = [wording.overview(self.scores, self.fits["total"])]
        if factor is not None:
            table = self.side_by_side(factor, **options)
            words += wording.contrasts(table, self.covariate, self.at, self.level)
            with suppress(StatisticsError):  # there is no sensitivity to speak of
                words += wording.sensitivity(self.sensitivity(factor, **options), self.scores, str(self.covariate))
        words += [f"{finding.level.capitalize()}: {finding.sentence}" for finding in self.findings]
        return words + [f"Assumptions. {text}" for text in self.assumptions]

    def findings_table(self) -> pd.DataFrame:
        """Return the findings as a table."""
        return findings_table(self.findings)

    def __str__(self) -> str:
        return "\n".join(self.sentences())


def _names(names: Sequence[str] | str | None, known: Mapping[str, Any]) -> list[str]:
    if names is None:
        return list(known)
    return [names] if isinstance(names, str) else list(names)


def _groups(frame: pd.DataFrame, by: Sequence[str]) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return the rows of each combination of levels, in order of appearance."""
    if not by:
        return [({}, np.arange(len(frame)))]
    seen: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(frame[list(by)].itertuples(index=False, name=None)):
        seen.setdefault(key, []).append(i)
    return [(dict(zip(by, key, strict=True)), np.array(rows)) for key, rows in seen.items()]
