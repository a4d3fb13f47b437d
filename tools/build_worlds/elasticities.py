"""Trade elasticities θ by sector, from Caliendo & Parro (2015).

The set is their 99 % sample, as in the file that their counterfactuals use (theta.csv of
the R package cp2015, MIT). Run ``python -m tools.build_worlds.elasticities DATA`` to
write detente/data/trade_elasticity.csv and detente/data/caliendo_parro.csv.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tools.build_worlds.economies import read_table, sectors

from detente.replicate.caliendo_parro_elasticities import (
    estimate_elasticities,
    read_triads,
)
from detente.sources.elasticities import AGGREGATE, CP_SECTORS, PETROLEUM_CAP

#: Sectors of the triads, in their numbering (medical instruments are not in them).
TRIADS = (
    "Agriculture",
    "Mining",
    "Food",
    "Textile",
    "Wood",
    "Paper",
    "Petroleum",
    "Chemicals",
    "Plastic",
    "Minerals",
    "Basic metals",
    "Metal products",
    "Machinery n.e.c",
    "Office",
    "Electrical",
    "Communication",
    "Auto",
    "Other Transport",
    "Other",
)

#: Sectors of goods after the last triad; every later row of theta.csv is a service.
GOODS = (*TRIADS[:16], "Medical", *TRIADS[16:])

_SOURCE_99 = "Caliendo & Parro (2015), 99 % sample (theta.csv of cp2015)"
_SOURCE_FULL = "Caliendo & Parro (2015), full sample, from their triads of 1993"


def read_theta(data: Path) -> dict[str, float]:
    """θ by Caliendo & Parro's sector names, petroleum not yet capped.

    Parameters
    ----------
    data : Path
        Folder that holds ``cp2015/theta.csv.gz``.
    """
    with gzip.open(data / "cp2015" / "theta.csv.gz", "rt", encoding="utf-8") as file:
        return {row["sector"]: float(row["value"]) for row in csv.DictReader(file)}


def elasticity_rows(data: Path) -> list[dict[str, str]]:
    """Rows of trade_elasticity.csv.

    A sector of several ICIO industries gets their mean, weighted by the industries'
    cross-border intermediate sales in 2022 (observed); an ICIO industry of several CP
    sectors gets their simple mean, as nothing observed divides it.

    Parameters
    ----------
    data : Path
        Folder with ``cp2015`` and ``icio2022``.
    """
    theta = read_theta(data)
    theta["Petroleum"] = min(theta["Petroleum"], PETROLEUM_CAP)
    weight = cross_border(data)
    grouping = sectors()
    return [_row(code, grouping.members(code), theta, weight) for code in grouping.codes]


def _row(
    sector: str,
    members: tuple[str, ...],
    theta: Mapping[str, float],
    weight: Mapping[str, float],
) -> dict[str, str]:
    values = [float(np.mean([theta[c] for c in CP_SECTORS[m]])) for m in members]
    mean = float(np.average(values, weights=[weight[m] for m in members]))
    used = list(dict.fromkeys(c for m in members for c in CP_SECTORS[m]))
    status, note = "observed", ""
    if sector == "petroleum":
        status, note = "derived", "capped; the estimate is 64.85"
    elif set(values) == {AGGREGATE}:
        status, note = "assumed", "no estimate of its own: the aggregate's value"
    elif len(set(values)) > 1:
        status, note = "derived", "mean by cross-border intermediate sales, ICIO 2022"
    return {
        "sector": sector,
        "value": f"{mean:.4f}".rstrip("0").rstrip("."),
        "unit": "elasticity",
        "year": "1993",
        "source": "Caliendo & Parro (2015), 99 % sample: " + ", ".join(used),
        "licence": "MIT (R package cp2015)",
        "status": status,
        "note": note,
    }


def cross_border(data: Path) -> dict[str, float]:
    """Intermediate sales abroad by ICIO industry, world, million USD; at least 1."""
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        sales = table["intermediate"].astype(np.float64)
        codes = [str(code) for code in table["sectors"]]
    abroad = sales.sum(axis=(1, 2)) - np.einsum("sii->s", sales)
    return {code: max(float(x), 1.0) for code, x in zip(codes, abroad, strict=True)}


def trade_elasticity(sector_codes: tuple[str, ...]) -> np.ndarray:
    """θ[s] from the committed table.

    Parameters
    ----------
    sector_codes : tuple of str
        S codes of sectors.csv.

    Returns
    -------
    ndarray, shape (S,)
    """
    value = {row["sector"]: float(row["value"]) for row in read_table("trade_elasticity.csv")}
    return np.array([value[code] for code in sector_codes])


def full_sample(data: Path) -> dict[str, tuple[float, float, int]]:
    """θ, its standard error and the observations by sector, from the authors' triads.

    Parameters
    ----------
    data : Path
        Folder with ``cp2015/elasticity_triads.csv.gz``.
    """
    table = estimate_elasticities(read_triads(data / "cp2015"))
    return {
        str(row["sector"]): (float(row["theta"]), float(row["std_error"]), int(row["n_obs"]))
        for row in table.to_dict("records")
    }


def caliendo_parro_rows(data: Path) -> list[dict[str, str]]:
    """Rows of caliendo_parro.csv: the 99 % sample, then the full one."""
    theta, full = read_theta(data), full_sample(data)
    own = [name for name in GOODS if theta[name] != AGGREGATE]
    relative = {name: full[name][1] / full[name][0] for name in own if name in full}
    middle = float(np.median(list(relative.values())))
    spread = float(np.std([theta[n] for n in own if n != "Petroleum"], ddof=1))
    rows = []
    for name, value in theta.items():
        error, note = spread, "no estimate: the aggregate; error: spread over sectors"
        flag = "pooled" if name in GOODS else "assumed"
        if name in own:
            flag, note = "observed", "error: the full sample's relative error"
            error = value * relative.get(name, middle)
        if name in own and name not in relative:
            note = "error: the median relative error, the sector has no triads"
        if name in GOODS and name not in own:
            note = "the set takes the aggregate instead; error: spread over sectors"
        rows.append(_cp_row(name, "99", (value, error, 0), flag, note))
    for name, estimate in full.items():
        note = "the paper prints another value for this sector" if name == "Chemicals" else ""
        rows.append(_cp_row(name, "full", estimate, "observed", note))
    return rows


def _cp_row(
    name: str, sample: str, estimate: tuple[float, float, int], flag: str, note: str
) -> dict[str, str]:
    value, error, count = estimate
    return {
        "sector": name,
        "value": f"{value:.4f}".rstrip("0").rstrip("."),
        "std_error": f"{error:.4f}",
        "sample": sample,
        "flag": flag,
        "observations": str(count) if count else "",
        "source": _SOURCE_99 if sample == "99" else _SOURCE_FULL,
        "licence": "MIT (cp2015); errors derived" if sample == "99" else "derived figures",
        "note": note,
    }


def main(data: Path, target: Path) -> None:
    """Write both tables.

    Parameters
    ----------
    data : Path
        Folder of the originals.
    target : Path
        The folder to write to.
    """
    tables = {
        "trade_elasticity.csv": elasticity_rows(data),
        "caliendo_parro.csv": caliendo_parro_rows(data),
    }
    for name, rows in tables.items():
        with (target / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("src/detente/data"))
