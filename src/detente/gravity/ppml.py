"""One Poisson pseudo-maximum-likelihood regression with fixed effects, by pyfixest.

Everything that estimates in this package goes through :func:`ppml`: it drops what carries no
information (separated and singleton rows), scales the data, runs pyfixest, and says whether
to believe the outcome. Santos Silva & Tenreyro (2006, Review of Economics and Statistics 88)
is why Poisson; Correia, Guimarães & Zylkin (2019, arXiv:1903.01633) is why separation is
looked for first.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import DetenteError, InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

#: Newton steps before a regression counts as not converged.
MAX_STEPS = 100
#: Relative change in deviance that ends the Newton steps.
TOLERANCE = 1e-10
#: A last Newton step that moves a row's log expectation by more than this shows separation.
SEPARATED_STEP = 0.05
#: What counts as zero in the rectifier.
RECTIFIER_TOLERANCE = 1e-4


class EstimationError(DetenteError):
    """A regression that has no usable estimate; the message says why."""


@dataclass(frozen=True)
class Fit:
    """A regression's raw outcome. n rows were given, k terms, m rows used.

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
        Expected flow of each row used, in the data's unit.
    n_clusters : int
        Zero without clusters.
    pseudo_r2 : float
        McFadden's: 1 − log likelihood over that of a constant, on flows over their mean.
    correlation2 : float
        Squared correlation of the flow and its expectation (R² of Stata's ``ppml``).
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
) -> Fit:
    """Estimate E[flow] = exp(Σ coefficient · term + Σ effects).

    Parameters
    ----------
    flow : ndarray, shape (n,)
        Not negative, finite, any unit.
    terms : mapping of str to ndarray, shape (n,)
    effects : mapping of str to ndarray of int32, shape (n,)
        Codes of each fixed effect: small integers from zero.
    clusters : mapping of str to ndarray of int32, shape (n,)
        Codes of none, one or two clusterings. With none, errors are robust to
        heteroskedasticity, times n/(n − 1); with clusters, times G/(G − 1).
    keep_singletons : bool
        True keeps fixed effects that have one row only (coefficients are the same, errors
        not quite).

    Raises
    ------
    EstimationError
        Nothing positive, no row left, not converged, or every term collinear.
    """
    kept, separated, alone = droppable(flow, effects, keep_singletons)
    _require_flows(flow[kept])
    frame = _frame(flow, terms, effects, clusters, kept)
    found = _run(frame, len(terms), tuple(effects), len(clusters))
    if _last_step(found, frame) > SEPARATED_STEP:
        # A term still runs off to infinity: rows that it alone explains must go first.
        lost = _rectified(frame, len(terms), tuple(effects))
        kept[np.flatnonzero(kept)[lost]] = False
        separated += len(lost)
        again, more, single = droppable(
            flow[kept], {k: v[kept] for k, v in effects.items()}, keep_singletons
        )
        kept[np.flatnonzero(kept)[~again]] = False
        separated, alone = separated + more, alone + single
        _require_flows(flow[kept])
        frame = _frame(flow, terms, effects, clusters, kept)
        found = _run(frame, len(terms), tuple(effects), len(clusters))
        if _last_step(found, frame) > SEPARATED_STEP:
            raise EstimationError("a coefficient has no finite value (separation)")
    return _outcome(found, frame, tuple(terms), flow, (kept, separated, alone))


def _require_flows(flow: Array) -> None:
    if not (flow > 0).any():
        raise EstimationError("no positive flow is left")


def _frame(
    flow: Array,
    terms: Mapping[str, Array],
    effects: Mapping[str, Codes],
    clusters: Mapping[str, Codes],
    kept: Mask,
) -> pd.DataFrame:
    """What pyfixest gets: short safe names, flows over their mean, dense codes."""
    columns: dict[str, NDArray[Any]] = {"flow": flow[kept] / flow[kept].mean()}
    columns |= {f"x{j}": values[kept] for j, values in enumerate(terms.values())}
    columns |= {f"e{j}": _dense(codes[kept]) for j, codes in enumerate(effects.values())}
    columns |= {f"c{j}": _dense(codes[kept]) for j, codes in enumerate(clusters.values())}
    return pd.DataFrame(columns)


def _dense(codes: Codes) -> Codes:
    """Codes renumbered without gaps."""
    used = np.bincount(codes) > 0
    renumbered: Codes = (np.cumsum(used, dtype=np.int32) - np.int32(1))[codes]
    return renumbered


def droppable(
    flow: Array, effects: Mapping[str, Codes], singletons: bool = False
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
            single = kept & ~empty & (rows[codes] == 1) & (not singletons)
            separated += int(empty.sum())
            alone += int(single.sum())
            if empty.any() or single.any():
                kept &= ~(empty | single)
                changed = True
    return kept, separated, alone


def _formula(outcome: str, n_terms: int, n_effects: int) -> str:
    left = f"{outcome} ~ {' + '.join(f'x{j}' for j in range(n_terms))}"
    return f"{left} | {' + '.join(f'e{j}' for j in range(n_effects))}" if n_effects else left


def _demeaner(pf: ModuleType) -> Any:
    """Alternating projections: on gravity's panels the sparse solver stalls above 1e-10."""
    return pf.MapDemeaner(fixef_tol=1e-8, fixef_maxiter=100_000)


def _run(frame: pd.DataFrame, n_terms: int, effects: tuple[str, ...], n_clusters: int) -> Any:
    pf = pyfixest()
    by = "+".join(f"c{j}" for j in range(n_clusters))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = pf.fepois(
                _formula("flow", n_terms, len(effects)),
                frame,
                vcov={"CRV1": by} if by else "HC1",
                ssc=pf.ssc(k_adj=False, G_adj=True, G_df="min"),
                fixef_rm="none",
                iwls_tol=TOLERANCE,
                iwls_maxiter=MAX_STEPS,
                separation_check=[],
                demeaner=_demeaner(pf),
            )
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            raise EstimationError(f"the regression fails: {error}") from None
    if not found.convergence:
        raise EstimationError(f"not converged in {MAX_STEPS} steps")
    return found


def _last_step(found: Any, frame: pd.DataFrame) -> float:
    """How far one more Newton step would move any row's log expectation.

    Tiny at a maximum; near 1/e where a term runs off to infinity, since each step then
    divides what is left of the row by e.
    """
    weighted = np.asarray(found._X, dtype=float)
    if not weighted.shape[1]:
        return 0.0
    root = np.sqrt(np.ravel(found._weights))
    gap = (frame["flow"].to_numpy() - np.ravel(found._Y_hat_response)) / root
    step = np.linalg.lstsq(weighted.T @ weighted, weighted.T @ gap, rcond=None)[0]
    return float(np.abs((weighted / root[:, None]) @ step).max())


def _rectified(frame: pd.DataFrame, n_terms: int, effects: tuple[str, ...]) -> NDArray[np.intp]:
    """Positions of rows that terms and effects separate: the iterative rectifier.

    Correia, Guimarães & Zylkin (2019): regress a variable that is zero where flows are
    positive on everything, with overwhelming weight there; what can be positive elsewhere
    without disturbing those rows is separated.
    """
    pf = pyfixest()
    zero = frame["flow"].to_numpy() == 0
    weight = np.where(zero, 1.0, (~zero).sum() / RECTIFIER_TOLERANCE**2)
    work = frame.assign(u=zero.astype(float), omega=weight)
    for _ in range(MAX_STEPS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pf.feols(
                _formula("u", n_terms, len(effects)), work, weights="omega",
                vcov="iid", fixef_rm="none", demeaner=_demeaner(pf),
            )  # fmt: skip
        expected = work["u"].to_numpy() - np.ravel(found.resid())
        expected[np.abs(expected) < RECTIFIER_TOLERANCE] = 0.0
        expected[~zero] = 0.0
        if (expected >= 0).all():
            return np.flatnonzero(expected > 0)
        work["u"] = np.maximum(expected, 0.0)
    raise EstimationError("separated rows cannot be told from others")


def _outcome(
    found: Any,
    frame: pd.DataFrame,
    terms: tuple[str, ...],
    given: Array,
    dropped: tuple[Mask, int, int],
) -> Fit:
    kept, separated, alone = dropped
    names = {f"x{j}": term for j, term in enumerate(terms)}
    has = tuple(names[c] for c in found._coefnames if c in names)
    if not has:
        raise EstimationError("the fixed effects determine every term")
    where = [j for j, c in enumerate(found._coefnames) if c in names]
    coef = np.asarray(found._beta_hat, dtype=float)[where]
    covariance = np.atleast_2d(np.asarray(found._vcov, dtype=float))[np.ix_(where, where)]
    if not (np.isfinite(coef).all() and np.isfinite(covariance).all()):
        raise EstimationError("a coefficient or its error is not finite")
    if not found._is_clustered:  # as with one row a cluster; pyfixest leaves the factor out
        covariance *= len(frame) / (len(frame) - 1)
    fitted = np.ravel(found._Y_hat_response)
    return Fit(
        terms=has,
        collinear=tuple(t for t in terms if t not in has),
        coef=coef,
        covariance=(covariance + covariance.T) / 2,
        kept=kept,
        separated=separated,
        singletons=alone,
        fitted=fitted * float(given[kept].mean()),
        n_clusters=int(np.min(found._G)) if found._is_clustered else 0,
        pseudo_r2=float(found._pseudo_r2),
        correlation2=float(np.corrcoef(frame["flow"], fitted)[0, 1] ** 2),
    )
