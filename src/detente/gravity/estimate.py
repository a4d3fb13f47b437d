"""Structural gravity: the formula interface, presets, and one regression a sector.

X = exp(Σ coefficient · term + exporter-time + importer-time + pair effects) × error
(Anderson & van Wincoop 2003, American Economic Review 93; Yotov, Piermartini, Monteiro &
Larch 2016, An Advanced Guide to Trade Policy Analysis, chapter 1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError, nearest
from detente.gravity.cross import MIN_POSITIVE_PER_TERM
from detente.gravity.formula import Design, Effect, Formula, design, effect, parse
from detente.gravity.irls import Array
from detente.gravity.panel import Panel, panel
from detente.gravity.ppml import EstimationError, Fit, dense, ols, ppml
from detente.gravity.results import GravityResult

ESTIMATORS = ("ppml", "ols")
#: Terms of the presets, where the table has them: constant over time, and not.
PAIR_TERMS = ("ln_distance", "contiguity", "common_language", "colony")
TIME_TERMS = ("rta",)


@dataclass(frozen=True)
class _Settings:
    formula: Formula
    cluster: str
    estimator: str
    keep_singletons: bool


def gravity(
    data: pd.DataFrame | Panel | str | Path,
    formula: str | Formula | None = None,
    *,
    cluster: str | None = "pair",
    sectors: str | bool | None = None,
    estimator: str = "ppml",
    years: int | Collection[int] | None = None,
    columns: Mapping[str, str] | None = None,
    keep_singletons: bool = False,
) -> GravityResult:
    """Estimate a gravity equation.

    Parameters
    ----------
    data : DataFrame, Panel, str or Path
        Bilateral trade with what the formula needs: a table, or a csv or parquet file.
        Columns are found by what BACI, ITPD-E and CEPII call them.
    formula : str or Formula, optional
        For example ``trade ~ ln_distance + border | exporter^year + importer^year``; by
        default what :func:`structural_gravity` would take. See :mod:`detente.gravity.formula`.
    cluster : str, optional
        Columns to cluster errors by: ``pair`` (both directions together), any column,
        ``a^b``, or two joined by ``+``. None gives errors robust to heteroskedasticity.
    sectors : str or bool, optional
        Column of sectors (True: the one found): one regression each, and all sectors
        together with effects of their own as the result itself. A sector without an
        estimate gets that pooled one, flagged.
    estimator : str
        ``ppml``, or ``ols`` of the log of positive flows.
    years : int or collection of int, optional
        These only.
    columns : mapping of str to str, optional
        Role → column, where a role's column has a name of its own.
    keep_singletons : bool
        Keep effects with one row (they change errors a little, coefficients not at all).

    Returns
    -------
    GravityResult

    Raises
    ------
    InputError
        Bad data, a formula that cannot be read, pyfixest not installed.
    EstimationError
        No estimate exists; with sectors, not even the pooled one.
    """
    if isinstance(sectors, str) and not isinstance(data, Panel):
        columns = {**(columns or {}), "sector": sectors}
    flows = panel(data, columns=columns, years=years)
    if estimator not in ESTIMATORS:
        raise InputError(
            f"estimator '{estimator}' is neither ppml nor ols.",
            nearest=nearest(estimator, ESTIMATORS),
        )
    chosen = preset(flows) if formula is None else formula
    parsed = parse(chosen) if isinstance(chosen, str) else chosen
    settings = _Settings(parsed, cluster or "none", estimator, keep_singletons)
    if not sectors:
        return _estimate(flows, settings, "")
    if "sector" not in flows.table:
        raise InputError(f"there is no column of sectors; there are {list(flows.table)}.")
    pooled_formula = _by_sector(parsed)
    pooled = _estimate(flows, replace(settings, formula=pooled_formula), "pooled")
    parts = []
    for name, rows in flows.table.groupby("sector", sort=True):
        part = replace(flows, table=rows)
        parts.append(_sector(part, settings, str(name), pooled))
    return replace(pooled, sectors=tuple(parts))


def structural_gravity(
    data: pd.DataFrame | Panel | str | Path,
    *,
    pair: bool = False,
    border: bool = True,
    border_by_year: bool = False,
    terms: Collection[str] | None = None,
    cluster: str | None = "pair",
    sectors: str | bool | None = None,
    years: int | Collection[int] | None = None,
    columns: Mapping[str, str] | None = None,
) -> GravityResult:
    """Structural gravity with the usual choices.

    Exporter-year and importer-year effects; log distance, contiguity, language, colonial tie
    and trade agreements where the table has them.

    Parameters
    ----------
    data : DataFrame, Panel, str or Path
        As for :func:`gravity`.
    pair : bool
        Pair effects instead of what is constant for a pair (Baier & Bergstrand 2007).
    border : bool
        A dummy for flows between countries, where domestic ones are in the data.
    border_by_year : bool
        That dummy for every year but the last, so that globalisation is not read as the
        effect of agreements (Bergstrand, Larch & Yotov 2015).
    terms : collection of str, optional
        Instead of the terms above.
    cluster, sectors, years, columns
        As for :func:`gravity`.
    """
    if isinstance(sectors, str) and not isinstance(data, Panel):
        columns = {**(columns or {}), "sector": sectors}
    flows = panel(data, columns=columns, years=years)
    formula = preset(
        flows, pair=pair, border=border, border_by_year=border_by_year, terms=terms
    )
    return gravity(flows, formula, cluster=cluster, sectors=bool(sectors))


def preset(
    flows: Panel,
    *,
    pair: bool = False,
    border: bool = True,
    border_by_year: bool = False,
    terms: Collection[str] | None = None,
) -> Formula:
    """The formula that :func:`structural_gravity` takes for these flows.

    Raises
    ------
    InputError
        Nothing is left to estimate.
    """
    table = flows.table
    panel_data = "year" in table and table["year"].nunique() > 1
    there = [
        t for t in (*PAIR_TERMS, *TIME_TERMS)
        if t in table or (t == "ln_distance" and "distance" in table)
    ]  # fmt: skip
    wanted = [t for t in there if not pair or t in TIME_TERMS] if terms is None else list(terms)
    domestic = bool((table["exporter"] == table["importer"]).any())
    if domestic and border_by_year and panel_data:
        wanted.append("border:i(year)")
    elif domestic and border and not pair:
        wanted.append("border")
    if not wanted:
        raise InputError(
            "there is nothing to estimate: the table has no distance, contiguity, "
            "common_language, colony or rta; name terms, or add covariates of pairs."
        )
    time = "^year" if panel_data else ""
    effects = [f"exporter{time}", f"importer{time}", *(["pair"] if pair else [])]
    return parse(f"trade ~ {' + '.join(wanted)} | {' + '.join(effects)}")


def _by_sector(formula: Formula) -> Formula:
    """Every effect for every sector by itself; clusters stay whole."""
    effects = tuple(e if "sector" in e else (*e, "sector") for e in formula.effects)
    return replace(formula, effects=effects)


def _sector(
    flows: Panel, settings: _Settings, name: str, pooled: GravityResult
) -> GravityResult:
    abroad = flows.table["exporter"] != flows.table["importer"]
    positive = int(((flows.table["trade"] > 0) & abroad).sum())
    need = MIN_POSITIVE_PER_TERM * len(pooled.terms)
    try:
        if positive < need:
            raise EstimationError(f"{positive} positive flows between countries, {need} needed")
        found = _estimate(flows, settings, name)
        lost = [t for t in pooled.terms if t not in found.terms]
        if lost:
            raise EstimationError(f"'{lost[0]}' cannot be told from the rest")
    except EstimationError as error:
        return replace(
            pooled,
            name=name,
            n_obs=len(flows.table),
            n_positive=positive,
            separated=0,
            singletons=0,
            pseudo_r2=float("nan"),
            correlation2=float("nan"),
            flag=f"pooled: {error}",
            rows=pooled.rows.iloc[:0],
        )
    return found


def _estimate(flows: Panel, settings: _Settings, name: str) -> GravityResult:
    drawn = design(flows, settings.formula)
    if settings.estimator == "ols":
        drawn, zeros = _positive(drawn)
    else:
        zeros = 0
    clusters = _clusters(flows, settings.cluster, drawn)
    effects = {e.name: e.codes for e in drawn.effects}
    terms = dict(drawn.terms)
    if not effects:
        terms = {"constant": np.ones(len(drawn.flow)), **terms}
    if settings.estimator == "ols":
        fit = ols(np.log(drawn.flow), terms, effects, clusters)
        fit = replace(fit, fitted=np.exp(fit.fitted))
    else:
        fit = ppml(
            drawn.flow, terms, effects, clusters, keep_singletons=settings.keep_singletons
        )
    return _result(flows, settings, name, drawn, terms, fit, zeros)


def _positive(drawn: Design) -> tuple[Design, int]:
    """Rows that have a log."""
    keep = drawn.flow > 0
    if not keep.any():
        raise EstimationError("no positive flow is left")
    effects = tuple(
        replace(
            e,
            codes=dense(e.codes[keep]),
            levels=e.levels[np.bincount(e.codes[keep], minlength=len(e.levels)) > 0],
        )
        for e in drawn.effects
    )
    terms = {k: v[keep] for k, v in drawn.terms.items()}
    small = replace(
        drawn, flow=drawn.flow[keep], terms=terms, effects=effects, rows=drawn.rows[keep]
    )
    return small, int((~keep).sum())


def _clusters(
    flows: Panel, cluster: str, drawn: Design
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    if cluster == "none":
        return {}
    names = [c.strip() for c in cluster.split("+")]
    if len(names) > 2:
        raise InputError(f"errors cluster by one or two columns; '{cluster}' has {len(names)}.")
    return {c: effect(flows, tuple(c.split("^")), drawn.rows).codes for c in names}


def _result(
    flows: Panel,
    settings: _Settings,
    name: str,
    drawn: Design,
    terms: Mapping[str, Array],
    fit: Fit,
    zeros: int,
) -> GravityResult:
    used = drawn.rows[fit.kept]
    rows = flows.table.iloc[used][flows.keys].copy()
    rows["trade"], rows["expected"] = drawn.flow[fit.kept], fit.fitted
    abroad = (rows["exporter"] != rows["importer"]).to_numpy() & (rows["trade"] > 0).to_numpy()
    error = np.log(rows["trade"].to_numpy()[abroad] / fit.fitted[abroad])
    matrix = np.column_stack([terms[t][fit.kept] for t in fit.terms])
    effects = tuple(_used(e, fit.kept) for e in drawn.effects)
    notes = [*flows.notes, *drawn.notes]
    if fit.collinear:
        notes.append(f"left out as collinear: {', '.join(fit.collinear)}")
    return GravityResult(
        name=name,
        formula=settings.formula,
        estimator=settings.estimator,
        cluster=settings.cluster,
        terms=fit.terms,
        coef=fit.coef,
        covariance=fit.covariance,
        n_obs=len(rows),
        n_positive=int(abroad.sum()),
        n_clusters=fit.n_clusters,
        effects={e.name: len(e.levels) for e in effects},
        separated=fit.separated,
        singletons=fit.singletons,
        zeros=zeros,
        collinear=fit.collinear,
        missing={
            **drawn.missing,
            **({"trade": flows.missing_trade} if flows.missing_trade else {}),
        },
        pseudo_r2=fit.pseudo_r2,
        correlation2=fit.correlation2,
        log_error_sd=float(np.sqrt(np.mean(error**2))) if len(error) else float("nan"),
        flag="",
        notes=tuple(notes),
        content_hash=_hash(flows, settings, drawn),
        rows=rows,
        _effects=effects,
        _index=np.log(fit.fitted) - matrix @ fit.coef,
    )


def _used(given: Effect, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Effect:
    codes = given.codes[kept]
    there = np.bincount(codes, minlength=len(given.levels)) > 0
    return replace(given, codes=dense(codes), levels=given.levels[there].reset_index(drop=True))


def _hash(flows: Panel, settings: _Settings, drawn: Design) -> str:
    """SHA-256 of settings, keys, flows and terms."""
    digest = hashlib.sha256(repr(settings).encode())
    keys = flows.table[flows.keys].iloc[drawn.rows].astype(str)
    digest.update(pd.util.hash_pandas_object(keys, index=False).to_numpy().tobytes())
    digest.update(np.ascontiguousarray(drawn.flow).tobytes())
    for name, values in drawn.terms.items():
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
