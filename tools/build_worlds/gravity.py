"""The embedded gravity: places, their covariates, and estimates by sector.

Run ``python -m tools.build_worlds.gravity DATA`` to write geography.npz,
gravity_estimates.csv and gravity_covariance.csv below detente/data.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tools.build_worlds.dprk_products import goods_mask
from tools.build_worlds.economies import sectors

from detente.dormant.estimates import OWN, POOLED, TERM_SETS, Estimates
from detente.dormant.geography import TERMS, Geography
from detente.gravity.cross import SectorEstimate, cross_section
from detente.gravity.ppml import EstimationError
from detente.gravity.resistance import resistances
from detente.sources.cepii import read_geodist

Array = NDArray[np.float64]

TARGET = Path(__file__).resolve().parents[2] / "src" / "detente" / "data"


def read_flows(data: Path) -> tuple[tuple[str, ...], Array, Array, Array]:
    """Countries of the ICIO; intermediate flows [s, i, n]; output and purchases [s, n].

    Intermediate flows are observed; final ones are estimated in this table, and are used for
    nothing but how a group divides among its members.
    """
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        names = tuple(str(c) for c in table["countries"])
        h = sectors().matrix(tuple(str(s) for s in table["sectors"]))
        flows = np.maximum(table["intermediate"].astype(float), 0.0)
        output = np.maximum(table["output"].astype(float), 0.0)
        bought = table["input_use"].astype(float).sum(axis=1)
        bought = bought + np.maximum(table["final_estimated"].astype(float), 0.0).sum(axis=1)
    return names, np.einsum("as,sin->ain", h, flows, optimize=True), h @ output, h @ bought


def pair_table(data: Path, places: Sequence[str]) -> pd.DataFrame:
    """Covariates of every ordered pair, as GeoDist has them."""
    found = read_geodist(data / "geodist" / "dist_cepii.csv.gz", fill_missing=True).table
    return found[found["exporter"].isin(places) & found["importer"].isin(places)]


def geography(data: Path) -> Geography:
    """The ICIO's 80 countries and the DPRK, with sizes by sector."""
    names, _, output, bought = read_flows(data)
    found = Geography.from_pairs(pair_table(data, ("PRK", *names)))
    order = [found.places.index(code) for code in ("PRK", *names)]
    blank = np.zeros((len(output), 1))
    return Geography(
        places=("PRK", *names),
        covariates={k: v[np.ix_(order, order)] for k, v in found.covariates.items()},
        sectors=sectors().codes,
        output=np.concatenate([blank, output], axis=1),
        spending=np.concatenate([blank, bought], axis=1),
        source="CEPII GeoDist (Mayer & Zignago 2011); sizes: OECD ICIO 2025 release, 2022",
    )


def estimate(
    data: Path, places: Geography, terms: Sequence[str] = TERMS
) -> tuple[list[SectorEstimate], SectorEstimate]:
    """One PPML for each sector of goods on the ICIO's intermediate flows of 2022.

    Parameters
    ----------
    data : Path
    places : Geography
    terms : sequence of str
        Covariates; all by default.

    Returns
    -------
    list of SectorEstimate
    SectorEstimate
        Of all goods together: it stands in where a sector has no estimate.
    """
    names, flows, *_ = read_flows(data)
    here = [places.places.index(code) for code in names]
    covariates = {t: places.covariates[t][np.ix_(here, here)] for t in terms}
    goods = np.flatnonzero(goods_mask(sectors().codes))
    whole, _ = cross_section(
        flows[goods].sum(axis=0, keepdims=True), covariates, (POOLED,), names
    )
    found = []
    for s in goods:
        code = sectors().codes[s]
        try:
            found.append(cross_section(flows[[s]], covariates, (code,), names)[0])
        except EstimationError as error:
            found.append(replace(whole, sector=code, flag=f"pooled: {error}"))
    return found, whole


def estimates(data: Path, places: Geography, terms: Sequence[str] = TERMS) -> Estimates:
    """What :func:`estimate` found, as the package keeps it; zero where a term is left out."""
    found, whole = estimate(data, places, terms)
    rows = [*found, whole]
    coefficient = np.zeros((len(rows), len(TERMS)))
    covariance = np.zeros((len(rows), len(TERMS), len(TERMS)))
    here = [TERMS.index(term) for term in terms]
    coefficient[:, here] = [e.coef for e in rows]
    covariance[np.ix_(range(len(rows)), here, here)] = [e.covariance for e in rows]
    return Estimates(
        sectors=tuple(e.sector for e in rows),
        coefficient=coefficient,
        covariance=covariance,
        n_obs=tuple(e.n_obs for e in rows),
        flag=tuple(POOLED if e.flag or e is whole else OWN for e in rows),
        source="",
        pair_error=pair_error(data, places, coefficient[:-1]),
    )


def pair_error(data: Path, places: Geography, coefficient: Array, most: int = 10) -> float:
    """Standard deviation of ln(actual/predicted) two-way trade with the largest partners.

    Intermediate goods of 2022; predictions are summed over sectors; every country's ten largest
    partners by prediction, neighbours at odds with each other among them. Over all pairs the
    figure is much larger, but that is the noise of pairs that hardly trade.

    Parameters
    ----------
    data : Path
    places : Geography
    coefficient : ndarray, shape (S, K)
        Of the sectors of goods.
    most : int
        Partners of each country.
    """
    names, flows, *_ = read_flows(data)
    here = [places.places.index(code) for code in names]
    covariates = np.stack([places.covariates[t][np.ix_(here, here)] for t in TERMS])
    goods = flows[goods_mask(sectors().codes)]
    freeness = np.exp(np.tensordot(coefficient, covariates, axes=1))
    made, used = goods.sum(axis=2), goods.sum(axis=1)
    pull, price = resistances(freeness, made, used)
    expected = (pull[:, :, None] * freeness / price[:, None, :] * used[:, None, :]).sum(axis=0)
    np.fill_diagonal(expected, 0.0)
    actual, expected = goods.sum(axis=0), expected + expected.T
    actual = actual + actual.T
    errors = [
        np.log(actual[i, n] / expected[i, n])
        for i in range(len(names))
        for n in np.argsort(-expected[i])[:most]
    ]
    return float(np.std(errors))


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A csv with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(data: Path, target: Path = TARGET) -> None:
    """Write the three files."""
    places = geography(data)
    places.save(target / "geography.npz")
    rows: list[dict[str, Any]] = []
    covariances: list[dict[str, Any]] = []
    for name, terms in TERM_SETS.items():
        found, between = estimates(data, places, terms).rows(name)
        rows += found
        covariances += between
    write(target / "gravity_estimates.csv", rows)
    write(target / "gravity_covariance.csv", covariances)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
