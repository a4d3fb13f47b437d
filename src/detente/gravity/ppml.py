"""One gravity regression: rows dropped, scaled, estimated, and whether to believe it.

Poisson pseudo-maximum likelihood (Santos Silva & Tenreyro 2006, Review of Economics and
Statistics 88), by ``pyfixest.fepois`` or, with many rows or effects, by
:mod:`detente.gravity.irls` on pyfixest's kernels. Separation is looked for first,
as estimates do not exist where it is (Correia, Guimarães & Zylkin 2019, arXiv:1903.01633).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import DetenteError, InputError
from detente.gravity.irls import (
    Array,
    Codes,
    Solution,
    clustered,
    deviance,
    least_squares,
    levels_told_apart,
    poisson,
    rectified,
)

Mask = NDArray[np.bool_]

#: Newton steps before a regression counts as not converged.
MAX_STEPS = 100
#: Relative change in deviance that ends the Newton steps.
TOLERANCE = 1e-10
#: A last Newton step that moves a row's log expectation by more than this shows separation.
SEPARATED_STEP = 0.05
#: Up to so many effects and rows ``fepois`` is as good as any; beyond, it takes several times
#: as long as :mod:`detente.gravity.irls`, or stalls (benchmarks/bench_gravity.py).
FEPOIS_EFFECTS, FEPOIS_ROWS = 2, 5_000


class EstimationError(DetenteError):
    """A regression that has no usable estimate; the message says why."""


@dataclass(frozen=True)
class Fit:
    """A regression's raw outcome. n rows were given, m used; k terms have a coefficient.

    Attributes
    ----------
    terms : tuple of str
        The k terms that have a coefficient.
    collinear : tuple of str
        Terms left out because the fixed effects and the other terms determine them.
    coef : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    kept : ndarray of bool, shape (n,)
        Rows used.
    separated, singletons : int
        Rows dropped: a fixed effect (or a combination of terms) with no positive flow, and
        a fixed effect with one row only.
    fitted : ndarray, shape (m,)
        Expected flow of each row used, in the data's unit; its log for least squares.
    n_clusters : int
        Zero without clusters.
    pseudo_r2 : float
        1 − deviance / deviance of a constant; R² for least squares.
    correlation2 : float
        Squared correlation of the flow and its expectation.
    """

    terms: tuple[str, ...]
    collinear: tuple[str, ...]
    coef: Array
    covariance: Array
    kept: Mask
    separated: int
    singletons: int
    fitted: Array
    n_clusters: int
    pseudo_r2: float
    correlation2: float


@dataclass
class _Rows:
    """What is estimated: arrays of the rows in use, and the tally of those dropped."""

    flow: Array
    terms: Mapping[str, Array]
    effects: Mapping[str, Codes]
    clusters: Mapping[str, Codes]
    kept: Mask
    separated: int = 0
    singletons: int = 0

    def drop(self, keep_singletons: bool) -> None:
        """Drop rows of effects without a positive flow, and singletons."""
        inside = {k: v[self.kept] for k, v in self.effects.items()}
        again, separated, alone = droppable(self.flow[self.kept], inside, keep_singletons)
        self.kept[np.flatnonzero(self.kept)[~again]] = False
        self.separated += separated
        self.singletons += alone
        if not (self.flow[self.kept] > 0).any():
            raise EstimationError(
                f"no positive flow is left of {len(self.kept)} rows: {self.separated} have an "
                f"effect with zeros only, {self.singletons} an effect of their own"
            )

    @property
    def scaled(self) -> Array:
        """Flows in use over their mean: the unit of money must not matter."""
        flow = self.flow[self.kept]
        found: Array = flow / flow.mean()
        return found

    @property
    def matrix(self) -> Array:
        """Terms in use, shape (m, k)."""
        columns = [v[self.kept] for v in self.terms.values()]
        return np.column_stack(columns) if columns else np.zeros((int(self.kept.sum()), 0))

    def codes(self, which: Mapping[str, Codes]) -> list[Codes]:
        """Codes in use, renumbered without gaps."""
        return [dense(v[self.kept]) for v in which.values()]


def pyfixest() -> ModuleType:
    """The package that estimates.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import pyfixest as found  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise InputError(
            f'estimating needs pyfixest ({error}): pip install "detente[estimate]".'
        ) from None
    module: ModuleType = found
    return module


def ppml(
    flow: Array,
    terms: Mapping[str, Array],
    effects: Mapping[str, Codes],
    clusters: Mapping[str, Codes],
    *,
    keep_singletons: bool = False,
    engine: str = "auto",
) -> Fit:
    """Estimate E[flow] = exp(Σ coefficient · term + Σ effects).

    Parameters
    ----------
    flow : ndarray, shape (n,)
        Not negative, finite, any unit.
    terms : mapping of str to ndarray, shape (n,)
    effects : mapping of str to ndarray of int32, shape (n,)
        Codes of each fixed effect: small integers from zero. Without any, give a constant
        as a term.
    clusters : mapping of str to ndarray of int32, shape (n,)
        Codes of none, one or two clusterings. With none, errors are robust to
        heteroskedasticity, times n/(n − 1); with clusters, times G/(G − 1).
    keep_singletons : bool
        True keeps fixed effects that have one row only (coefficients are the same, errors
        not quite).
    engine : str
        ``fepois``, ``irls``, or ``auto``: by the number of effects and rows.

    Raises
    ------
    EstimationError
        Nothing positive, no row left, not converged, or every term collinear.
    InputError
        pyfixest is not installed.
    """
    pyfixest()
    rows = _Rows(flow, terms, effects, clusters, np.ones(len(flow), dtype=bool))
    rows.drop(keep_singletons)
    if engine == "auto":
        small = len(effects) <= FEPOIS_EFFECTS and len(flow) <= FEPOIS_ROWS
        engine = "fepois" if small else "irls"
    solve = {"fepois": _by_fepois, "irls": _by_irls}[engine]
    solution, covariance, groups = _unseparated(rows, solve, keep_singletons)
    y, mu = rows.scaled, solution.fitted
    fit = 1.0 - deviance(y, mu) / deviance(y, np.ones(len(y))) if np.ptp(y) > 0 else np.nan
    scale = float(flow[rows.kept].mean())
    return _outcome(rows, solution, (covariance, groups), (y, mu * scale), fit)


def _unseparated(
    rows: _Rows, solve: Callable[[_Rows], tuple[Solution, Array, int]], keep_singletons: bool
) -> tuple[Solution, Array, int]:
    """Solve; where a term runs off to infinity, drop the rows that it separates first."""
    failed = None
    try:
        solution, covariance, groups = solve(rows)
        if solution.last_step <= SEPARATED_STEP:
            return solution, covariance, groups
    except EstimationError as error:
        failed = error
    try:
        lost = rectified(rows.scaled, rows.matrix, rows.codes(rows.effects), MAX_STEPS)
    except ValueError as error:
        raise failed or EstimationError(str(error)) from None
    if failed is not None and not len(lost):
        raise failed
    rows.kept[np.flatnonzero(rows.kept)[lost]] = False
    rows.separated += len(lost)
    rows.drop(keep_singletons)
    solution, covariance, groups = solve(rows)
    if solution.last_step > SEPARATED_STEP:
        raise EstimationError("a coefficient has no finite value (separation)")
    return solution, covariance, groups


def ols(
    log_flow: Array,
    terms: Mapping[str, Array],
    effects: Mapping[str, Codes],
    clusters: Mapping[str, Codes],
) -> Fit:
    """Least squares of ln(flow), arguments as :func:`ppml`; singletons are kept.

    Errors are times (n − 1)/(n − K), K with all fixed effects, and G/(G − 1), as Stata's
    ``regress`` with dummies has them.
    """
    pyfixest()
    n = len(log_flow)
    rows = _Rows(log_flow, terms, effects, clusters, np.ones(n, dtype=bool))
    codes = rows.codes(effects)
    try:
        found = least_squares(log_flow, rows.matrix, codes)
    except ValueError as error:
        raise EstimationError(f"the regression fails: {error}") from None
    x, gap = found.residual_terms, log_flow - found.fitted
    used = x.shape[1] + levels_told_apart(codes)
    if n <= used:
        raise EstimationError(f"{n} rows cannot tell {used} coefficients and effects")
    covariance, groups = clustered(x * gap[:, None], _inverse(x.T @ x), rows.codes(clusters))
    covariance = covariance * (n - 1) / (n - used)
    fit = 1.0 - gap @ gap / ((log_flow - log_flow.mean()) ** 2).sum()
    return _outcome(rows, found, (covariance, groups), (log_flow, found.fitted), float(fit))


def droppable(
    flow: Array, effects: Mapping[str, Codes], keep_singletons: bool = False
) -> tuple[Mask, int, int]:
    """Rows to use, and how many were separated and how many were singletons.

    Dropping a singleton can leave another effect without a positive flow, and the other way
    round, so both are repeated until nothing more goes.
    """
    kept = np.ones(len(flow), dtype=bool)
    separated = alone = 0
    changed = bool(effects)
    while changed:
        changed = False
        for codes in effects.values():
            size = int(codes.max(initial=0)) + 1
            positive = np.bincount(codes[kept], flow[kept] > 0, minlength=size)
            rows = np.bincount(codes[kept], minlength=size)
            empty = kept & (positive[codes] == 0)
            single = kept & ~empty & (rows[codes] == 1) & (not keep_singletons)
            separated += int(empty.sum())
            alone += int(single.sum())
            if empty.any() or single.any():
                kept &= ~(empty | single)
                changed = True
    return kept, separated, alone


def dense(codes: Codes) -> Codes:
    """Codes renumbered without gaps, in the same order."""
    used = np.bincount(codes) > 0
    renumbered: Codes = (np.cumsum(used, dtype=np.int32) - np.int32(1))[codes]
    return renumbered


def _inverse(matrix: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise EstimationError("terms cannot be told apart") from None


def _by_irls(rows: _Rows) -> tuple[Solution, Array, int]:
    try:
        found = poisson(
            rows.scaled, rows.matrix, rows.codes(rows.effects),
            tolerance=TOLERANCE, steps=MAX_STEPS,
        )  # fmt: skip
    except ValueError as error:
        raise EstimationError(f"the regression fails: {error}") from None
    if not found.converged:
        raise EstimationError(f"not converged in {MAX_STEPS} steps")
    x = found.residual_terms
    bread = _inverse((x * found.fitted[:, None]).T @ x)
    scores = x * (rows.scaled - found.fitted)[:, None]
    return found, *clustered(scores, bread, rows.codes(rows.clusters))


def _by_fepois(rows: _Rows) -> tuple[Solution, Array, int]:
    frame = _frame(rows)
    found = _fepois(frame, len(rows.terms), len(rows.effects), len(rows.clusters))
    names = [f"x{j}" for j in range(len(rows.terms))]
    has = list(found._coefnames)
    covariance = np.atleast_2d(np.asarray(found._vcov, dtype=float))
    groups = int(np.min(found._G)) if found._is_clustered else 0
    if not groups:  # as with one row a cluster; pyfixest leaves the factor out
        covariance = covariance * len(frame) / (len(frame) - 1)
    fitted, root = np.ravel(found._Y_hat_response), np.sqrt(np.ravel(found._weights))
    x: Array = np.asarray(found._X, dtype=float) / root[:, None]
    # One more Newton step: tiny at a maximum, near 1/e where a term runs off to infinity.
    weighted = x * (root**2)[:, None]
    step = np.linalg.lstsq(
        weighted.T @ x, x.T @ (frame["flow"].to_numpy() - fitted), rcond=None
    )[0]
    solution = Solution(
        coef=np.asarray(found._beta_hat, dtype=float),
        kept=np.array([n in has for n in names], dtype=bool),
        residual_terms=x,
        fitted=fitted,
        last_step=float(np.abs(x @ step).max(initial=0.0)),
        converged=True,
    )
    return solution, covariance, groups


def _frame(rows: _Rows) -> pd.DataFrame:
    """What pyfixest gets: short safe names, flows over their mean, dense codes."""
    columns: dict[str, NDArray[Any]] = {"flow": rows.scaled}
    columns |= {f"x{j}": v[rows.kept] for j, v in enumerate(rows.terms.values())}
    columns |= {f"e{j}": v for j, v in enumerate(rows.codes(rows.effects))}
    columns |= {f"c{j}": v for j, v in enumerate(rows.codes(rows.clusters))}
    return pd.DataFrame(columns)


def _fepois(frame: pd.DataFrame, n_terms: int, n_effects: int, n_clusters: int) -> Any:
    pf = pyfixest()
    formula = f"flow ~ {' + '.join(f'x{j}' for j in range(n_terms))}"
    if n_effects:
        formula += f" | {' + '.join(f'e{j}' for j in range(n_effects))}"
    by = "+".join(f"c{j}" for j in range(n_clusters))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = pf.fepois(
                formula,
                frame,
                vcov={"CRV1": by} if by else "HC1",
                ssc=pf.ssc(k_adj=False, G_adj=True, G_df="min"),
                fixef_rm="none",
                iwls_tol=TOLERANCE,
                iwls_maxiter=MAX_STEPS,
                separation_check=[],
                drop_intercept=not n_effects,
                # Two effects: alternating projections; the sparse solver stalls above 1e-10.
                demeaner=pf.MapDemeaner(fixef_tol=1e-8, fixef_maxiter=100_000),
            )
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            if "collinear" in str(error):
                raise EstimationError("the fixed effects determine every term") from None
            told = " ".join(str(error).split())
            raise EstimationError(f"the regression fails: {told}") from None
    if not found.convergence:
        raise EstimationError(f"not converged in {MAX_STEPS} steps")
    return found


def _outcome(
    rows: _Rows,
    solution: Solution,
    errors: tuple[Array, int],
    values: tuple[Array, Array],
    fit: float,
) -> Fit:
    names = tuple(rows.terms)
    has = tuple(n for n, kept in zip(names, solution.kept, strict=True) if kept)
    covariance, groups = errors
    if not has:
        raise EstimationError("the fixed effects determine every term")
    if not (np.isfinite(solution.coef).all() and np.isfinite(covariance).all()):
        raise EstimationError("a coefficient or its error is not finite")
    observed, fitted = values
    return Fit(
        terms=has,
        collinear=tuple(n for n in names if n not in has),
        coef=solution.coef,
        covariance=(covariance + covariance.T) / 2,
        kept=rows.kept,
        separated=rows.separated,
        singletons=rows.singletons,
        fitted=fitted,
        n_clusters=groups,
        pseudo_r2=fit,
        correlation2=float(np.corrcoef(observed, fitted)[0, 1] ** 2),
    )
