"""Trade elasticities θ by sector, from Caliendo & Parro (2015).

The set is their 99 % sample, as in the file that their counterfactuals use (theta.csv of
the R package cp2015, MIT). Run ``python -m tools.build_worlds.elasticities DATA`` to
write detente/data/trade_elasticity.csv.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tools.build_worlds.economies import read_table, sectors

#: Petroleum's estimate (64.85) makes a solve stiff and rests on few observations.
PETROLEUM_CAP = 15.0

#: What theta.csv gives every sector that has no estimate of its own.
AGGREGATE = 8.22

#: ICIO code → sectors of Caliendo & Parro, and why where the names do not say it.
CP_SECTORS: Mapping[str, tuple[str, ...]] = {
    "A01": ("Agriculture",),
    "A02": ("Agriculture",),
    "A03": ("Agriculture",),  # ISIC rev. 3 divisions 01-05: fishing is in it
    "B05": ("Mining",),
    "B06": ("Mining",),
    "B07": ("Mining",),
    "B08": ("Mining",),
    "B09": ("Mining",),
    "C10T12": ("Food",),
    "C13T15": ("Textile",),
    "C16": ("Wood",),
    "C17_18": ("Paper",),
    "C19": ("Petroleum",),
    "C20": ("Chemicals",),
    "C21": ("Chemicals",),  # ISIC rev. 3 division 24 holds pharmaceuticals
    "C22": ("Plastic",),
    "C23": ("Minerals",),
    "C24A": ("Basic metals",),
    "C24B": ("Basic metals",),
    "C25": ("Metal products",),
    "C26": ("Office", "Communication", "Medical"),  # rev. 4 division 26 = rev. 3 30, 32, 33
    "C27": ("Electrical",),
    "C28": ("Machinery n.e.c",),
    "C29": ("Auto",),
    "C301": ("Other Transport",),
    "C302T309": ("Other Transport",),
    "C31T33": ("Other",),
    "D": ("Electricity",),
    "E": ("Electricity",),
    "F": ("Construction",),
    "G": ("Retail",),
    "H49": ("Land Transport",),
    "H50": ("Water Transport",),
    "H51": ("Air Transport",),
    "H52": ("Aux Transport",),
    "H53": ("Post",),
    "I": ("Hotels",),
    "J58T60": ("Other Business",),
    "J61": ("Post",),  # rev. 3 division 64: post and telecommunications
    "J62_63": ("Computer",),
    "K": ("Finance",),
    "L": ("Real State",),
    "M": ("Other Business",),
    "N": ("Other Business",),
    "O": ("Public",),
    "P": ("Education",),
    "Q": ("Health",),
    "R": ("Other services",),
    "S": ("Other services",),
    "T": ("Private",),
}


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
    weight = _cross_border(data)
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


def _cross_border(data: Path) -> dict[str, float]:
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


def main(data: Path, target: Path) -> None:
    """Write the table.

    Parameters
    ----------
    data : Path
        Folder of the originals.
    target : Path
        The csv to write.
    """
    rows = elasticity_rows(data)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("src/detente/data/trade_elasticity.csv"))
