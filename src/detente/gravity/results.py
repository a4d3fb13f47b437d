"""What an estimate holds, and what can be read off it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.gravity.formula import Effect, Formula, design, effect
from detente.gravity.irls import Array
from detente.gravity.panel import Panel

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class GravityResult:
    """A gravity regression; k terms, m rows used.

    Attributes
    ----------
    name : str
        The sector; ``pooled`` for all sectors together; empty without sectors.
    formula : Formula
    estimator : str
        ``ppml`` or ``ols`` (of the log of positive flows).
    cluster : str
    terms : tuple of str
        The k terms that have a coefficient.
    coef : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    n_obs : int
        m.
    n_positive : int
        Rows used with a positive flow between countries.
    n_clusters : int
    effects : mapping of str to int
        Fixed effects and how many levels each has in the rows used.
    separated, singletons, zeros : int
        Rows dropped: effects without a positive flow or terms that separate; effects with
        one row only; zeros, by least squares.
    collinear : tuple of str
        Terms left out because effects and other terms determine them.
    missing : mapping of str to int
        Rows left out because that column is missing there.
    pseudo_r2 : float
        1 − deviance over that of a constant; R² of the logs for least squares.
    correlation2 : float
        Squared correlation of flow and expectation, as Stata's ``ppml`` reports it.
    log_error_sd : float
        Root mean square of ln(flow / expected) over positive flows between countries.
    flag : str
        Empty, or ``pooled: reason`` where the sector has no estimate of its own.
    notes : tuple of str
    content_hash : str
        SHA-256 of the data used and of every setting.
    sectors : tuple of GravityResult
        One a sector, in order, where they were asked for.
    rows : DataFrame
        The m rows: keys, ``trade``, ``expected``.
    """

    name: str
    formula: Formula
    estimator: str
    cluster: str
    terms: tuple[str, ...]
    coef: Array
    covariance: Array
    n_obs: int
    n_positive: int
    n_clusters: int
    effects: Mapping[str, int]
    separated: int
    singletons: int
    zeros: int
    collinear: tuple[str, ...]
    missing: Mapping[str, int]
    pseudo_r2: float
    correlation2: float
    log_error_sd: float
    flag: str
    notes: tuple[str, ...]
    content_hash: str
    sectors: tuple[GravityResult, ...] = ()
    rows: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    _effects: tuple[Effect, ...] = field(default=(), repr=False, compare=False)
    _index: Array = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    @property
    def std_error(self) -> Array:
        """Standard errors, shape (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)

    def __getitem__(self, term: str) -> float:
        """A coefficient by its term."""
        return float(self.coef[self._at(term)])

    def error_of(self, term: str) -> float:
        """A standard error by its term."""
        return float(self.std_error[self._at(term)])

    def sector(self, name: str) -> GravityResult:
        """A sector's result."""
        for found in self.sectors:
            if found.name == name:
                return found
        names = [s.name for s in self.sectors]
        raise InputError(f"there is no sector '{name}'.", nearest=nearest(name, names))

    def _at(self, term: str) -> int:
        if term not in self.terms:
            raise InputError(
                f"there is no coefficient of '{term}'; there are {', '.join(self.terms)}.",
                nearest=nearest(term, self.terms),
            )
        return self.terms.index(term)

    # -- tables --------------------------------------------------------------------------
    def coefficients(self) -> pd.DataFrame:
        """Per sector (if any) and term: coefficient, error, z, p, 95 % interval, counts."""
        results = self.sectors or (self,)
        extra = (self,) if self.sectors else ()
        found: pd.DataFrame = pd.concat(
            [r._own() for r in (*results, *extra)], ignore_index=True
        )
        return found

    def _own(self) -> pd.DataFrame:
        error = self.std_error
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self.coef / error
        table = pd.DataFrame(
            {
                "term": self.terms,
                "coefficient": self.coef,
                "std_error": error,
                "z": z,
                "p": [math.erfc(abs(v) / math.sqrt(2.0)) for v in z],
                "low": self.coef - _Z95 * error,
                "high": self.coef + _Z95 * error,
                "n_obs": self.n_obs,
                "n_clusters": self.n_clusters,
                "flag": self.flag,
            }
        )
        if self.name:
            table.insert(0, "sector", self.name)
        return table

    def covariance_table(self) -> pd.DataFrame:
        """Covariance with labels, (k, k)."""
        return pd.DataFrame(self.covariance, index=list(self.terms), columns=list(self.terms))

    def table(self, form: str = "text", **options: Any) -> str:
        """The table that journals print; see :func:`detente.gravity.table.table`."""
        from detente.gravity.table import table  # noqa: PLC0415  (it imports this module)

        return table(self, form=form, **options)

    def sums(self, *terms: str) -> tuple[float, float]:
        """Sum of coefficients and its standard error (delta method)."""
        at = [self._at(t) for t in terms]
        return (
            float(self.coef[at].sum()),
            float(np.sqrt(self.covariance[np.ix_(at, at)].sum())),
        )

    def percent_change(self, last: str, first: str) -> tuple[float, float]:
        """100 (b_last − b_first) / b_first and its standard error (delta method)."""
        a, b = self._at(last), self._at(first)
        slope = 100.0 * np.array([1.0 / self.coef[b], -self.coef[a] / self.coef[b] ** 2])
        v = self.covariance[np.ix_([a, b], [a, b])]
        return (
            float(100.0 * (self.coef[a] / self.coef[b] - 1.0)),
            float(np.sqrt(slope @ v @ slope)),
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: settings, counts, coefficients and covariance, without rows."""
        return {
            "name": self.name,
            "formula": str(self.formula),
            "estimator": self.estimator,
            "cluster": self.cluster,
            "terms": list(self.terms),
            "coef": self.coef.tolist(),
            "std_error": self.std_error.tolist(),
            "covariance": self.covariance.tolist(),
            "n_obs": self.n_obs,
            "n_positive": self.n_positive,
            "n_clusters": self.n_clusters,
            "fixed_effects": dict(self.effects),
            "separated": self.separated,
            "singletons": self.singletons,
            "zeros": self.zeros,
            "collinear": list(self.collinear),
            "missing": dict(self.missing),
            "pseudo_r2": _finite(self.pseudo_r2),
            "correlation2": _finite(self.correlation2),
            "log_error_sd": _finite(self.log_error_sd),
            "flag": self.flag,
            "notes": list(self.notes),
            "content_hash": self.content_hash,
            "sectors": [s.as_dict() for s in self.sectors],
        }

    # -- beyond the rows used --------------------------------------------------------------
    def fixed_effects(self) -> dict[str, pd.DataFrame]:
        """Fixed effects: one table each, its columns and ``value`` (in logs).

        They add up to ln(expected) − Σ coefficient · term in every row used. What a constant
        could move from one effect to another is left with the first: the others have mean
        zero over their levels.
        """
        values = solve_effects([e.codes for e in self._effects], self._index)
        found = {}
        for e, v in zip(self._effects, values, strict=True):
            found[e.name] = e.levels.assign(value=v)
        return found

    def predict(self, data: Panel) -> Array:
        """Expected flow of every row of a panel, shape (rows,).

        NaN where a term is missing or a level of an effect was not among the rows used.
        """
        terms = {t: np.full(len(data.table), np.nan) for t in self.terms}
        drawn = design(data, self.formula)
        for t in self.terms:
            if t in drawn.terms:
                terms[t][drawn.rows] = drawn.terms[t]
        total = np.column_stack([terms[t] for t in self.terms]) @ self.coef
        everywhere = np.arange(len(data.table))
        for name, values in self.fixed_effects().items():
            columns = tuple(name.split("^"))
            here = effect(data, columns, everywhere)
            known = values.set_index(list(columns))["value"]
            keys = pd.MultiIndex.from_frame(here.levels) if len(columns) > 1 else None
            at = known.reindex(keys if keys is not None else here.levels[columns[0]])
            total = total + at.to_numpy()[here.codes]
        found: Array = np.exp(total)
        return found


def solve_effects(codes: list[NDArray[np.int32]], target: Array) -> list[Array]:
    """Effects that add up to a target, all but the first with mean zero.

    Parameters
    ----------
    codes : list of ndarray of int32, shape (rows,)
    target : ndarray, shape (rows,)
    """
    from scipy import sparse  # noqa: PLC0415  (slow to import)
    from scipy.sparse.linalg import lsmr  # noqa: PLC0415

    if not codes:
        return []
    sizes = [int(c.max()) + 1 for c in codes]
    rows = np.arange(len(target))
    blocks = [
        sparse.csr_matrix((np.ones(len(target)), (rows, c)), shape=(len(target), n))
        for c, n in zip(codes, sizes, strict=True)
    ]
    matrix = sparse.hstack(blocks).tocsr()
    scale = 1.0 / np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    found = lsmr(matrix @ sparse.diags(scale), target, atol=1e-13, btol=1e-13, maxiter=20_000)
    values = np.split(found[0] * scale, np.cumsum(sizes)[:-1])
    means = [float(v.mean()) for v in values[1:]]
    return [values[0] + sum(means), *(v - m for v, m in zip(values[1:], means, strict=True))]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
