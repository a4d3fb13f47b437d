"""Caliendo & Parro (2015), Table 1: sector elasticities from triple differences of trade.

For three countries i, j, n and a sector, their equation 23 multiplies imports around the
circle one way and divides by those the other way, X[i,j]X[j,n]X[n,i]/(X[j,i]X[n,j]X[i,n]);
whatever is symmetric or belongs to one country cancels, and what is left answers to the same
ratio of tariffs with the elasticity −θ. So θ is the slope of a regression without constant.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.replicate.common import (
    ComparedTable,
    Comparison,
    Shown,
    existing_folder,
    figures,
    shown,
)
from detente.sources.cp2015 import CITATION
from detente.sources.reading import read_table, refuse_duplicates, refuse_unknown

NAME = "caliendo-parro-elasticities"
FILES = ("elasticity_triads.csv.gz", "elasticity_triads.csv")

#: The printed table: sector, then θ, standard error and N in the full sample and in the one
#: without the smallest traders (99 %).
PRINTED: tuple[tuple[str, float, float, int, float, float, int], ...] = (
    ("Agriculture", 8.11, 1.86, 496, 9.11, 2.01, 430),
    ("Mining", 15.72, 2.76, 296, 13.53, 3.67, 178),
    ("Food", 2.55, 0.61, 495, 2.62, 0.61, 429),
    ("Textile", 5.56, 1.14, 437, 8.10, 1.28, 314),
    ("Wood", 10.83, 2.53, 315, 11.50, 2.87, 191),
    ("Paper", 9.07, 1.69, 507, 16.52, 2.65, 352),
    ("Petroleum", 51.08, 18.05, 91, 64.85, 15.61, 86),
    ("Chemicals", 4.75, 1.77, 430, 3.13, 1.78, 341),
    ("Plastic", 1.66, 1.41, 376, 1.67, 2.23, 272),
    ("Minerals", 2.76, 1.44, 342, 2.41, 1.60, 263),
    ("Basic metals", 7.99, 2.53, 388, 3.28, 2.51, 288),
    ("Metal products", 4.30, 2.15, 404, 6.99, 2.12, 314),
    ("Machinery n.e.c", 1.52, 1.81, 397, 1.45, 2.80, 290),
    ("Office", 12.79, 2.14, 306, 12.95, 4.53, 126),
    ("Electrical", 10.60, 1.38, 343, 12.91, 1.64, 269),
    ("Communication", 7.07, 1.72, 312, 3.95, 1.77, 143),
    ("Medical", 8.98, 1.25, 383, 8.71, 1.56, 237),
    ("Auto", 1.01, 0.80, 237, 1.84, 0.92, 126),
    ("Other Transport", 0.37, 1.08, 245, 0.39, 1.08, 226),
    ("Other", 5.00, 0.92, 412, 3.98, 1.08, 227),
)

#: Which printed figures were read in a source, by sector; every other one is recalled, and
#: every N. θ: data/SECTORAL_TRADE_ELASTICITY.csv of nicolaswess/TradMod.jl (full sample) and
#: the elasticities of paulofelipe/cp2015 (99 %); standard errors: notes on the triads' file.
READ: dict[str, frozenset[str]] = {
    "theta": frozenset(row[0] for row in PRINTED)
    - {"Metal products", "Office", "Communication", "Medical", "Auto"},
    "std_error": frozenset(("Agriculture", "Mining", "Food", "Other")),
    "theta_99": frozenset(row[0] for row in PRINTED) - {"Auto", "Other Transport"},
    "std_error_99": frozenset(),
}

#: What the 99 % sample leaves out: a sector's smallest traders that hold less than 1 % of
#: its trade together, one at least. Found by matching the full triads with data99.csv of
#: SandersBas/NBBQTSM, row by row.
SMALLEST: dict[str, tuple[str, ...]] = {
    "Agriculture": ("NOR",),
    "Mining": ("ARG", "NZL", "THA"),
    "Food": ("COL",),
    "Textile": ("CHL", "COL"),
    "Wood": ("ARG", "COL", "IND", "THA"),
    "Paper": ("COL", "IND"),
    "Petroleum": ("CHL", "COL", "NZL", "THA"),
    "Plastic": ("COL", "IND"),
    "Minerals": ("CHL", "COL"),
    "Basic metals": ("ARG", "COL"),
    "Metal products": ("CHL", "COL"),
    "Machinery n.e.c": ("COL", "NZL"),
    "Office": ("CHL", "COL", "IDN", "IND", "NZL"),
    "Electrical": ("COL", "NZL"),
    "Communication": ("CHL", "COL", "IND", "NZL"),
    "Auto": ("CHL", "COL", "IND", "NZL"),
    "Other Transport": ("CHL", "COL"),
    "Other": ("ARG", "CHL", "NZL"),
}
#: One row that the authors' 99 % sample lacks although its three countries are in it.
MISSING_ROW = ("Communication", "CHN EU25 IDN")

#: The file's sector 8 is no sector of the paper.
ODD = "Chemicals"
NOT_THERE = "Medical"

#: The file's numbers 1 to 19.
SECTORS = tuple(row[0] for row in PRINTED if row[0] != NOT_THERE)

NOTES = (
    "Chemicals: the script that wrote this file (Sample_100.m in yangyuzhou001/RCEPupdate) "
    "adds trade and tariffs of chemicals and medical instruments up as sector 8. From the "
    "same repository's matrices, chemicals alone (without China as an importer) give 4.75 "
    "(1.77), N 430, and medical instruments 8.98 (1.25), N 383: both as printed.",
    "Standard errors are HC1, White's with N/(N − 1): what Stata's 'robust' does in the "
    "authors' script. HC0 prints 17.95 for petroleum, not 18.05.",
    "* recalled, not read in a source: shown, and not part of the verdict.",
)


def read_triads(folder: str | Path) -> pd.DataFrame:
    """Read the triple differences.

    Parameters
    ----------
    folder : str or Path
        With ``elasticity_triads.csv.gz`` (or ``.csv``): ``sector`` (1 to 19), ``y`` (log of
        the ratio of trade), ``x`` (log of the ratio of tariffs), ``triad`` (three codes).

    Returns
    -------
    DataFrame
        sector (name), y, x, triad, indexed by the line of the file; rows without trade or
        tariff keep NaN.

    Raises
    ------
    InputError
        A folder, file or column that is not there, an unknown sector, a cell that is no
        number, a row twice: with its line.
    """
    there = existing_folder(folder, FILES[0])
    found = [there / name for name in FILES if (there / name).is_file()]
    if not found:
        names = [p.name for p in sorted(there.iterdir()) if p.is_file()]
        raise InputError(
            f"'{FILES[0]}' is not in '{there}'; there is {', '.join(names[:8]) or 'no file'}.",
            nearest=nearest(FILES[0], names),
        )
    columns = {key: (key,) for key in ("sector", "y", "x", "triad")}
    table = read_table(
        found[0], columns=columns, numbers=("y", "x"), missing=("", "NaN", "nan", "NA")
    )
    numbers = {str(j): name for j, name in enumerate(SECTORS, start=1)}
    refuse_unknown(table, "sector", numbers, found[0], what="sector (1 to 19)")
    refuse_duplicates(table, ["sector", "triad"], found[0])
    return table.assign(sector=table["sector"].map(numbers))


def estimate_elasticities(triads: pd.DataFrame) -> pd.DataFrame:
    """θ of each sector: least squares of y on x without a constant, with the sign turned.

    θ = −Σxy/Σx², and its standard error is White's with N/(N − 1) (HC1), √(Σx²e²)/Σx² times
    √(N/(N − 1)) with e = y + θx (Caliendo & Parro 2015, equation 23 and Table 1).

    Parameters
    ----------
    triads : DataFrame
        ``sector``, ``y``, ``x``; a row that lacks y or x is left out. Other columns do not
        matter, nor does the order of rows.

    Returns
    -------
    DataFrame
        sector (in the order in which sectors first appear), theta, std_error, n_obs (rows
        used).

    Raises
    ------
    InputError
        A column that is missing, a number that is infinite or none, a sector with fewer
        than two complete rows or whose x never differs from zero.
    """
    for column in ("sector", "y", "x"):
        if column not in triads.columns:
            raise InputError(
                f"column '{column}' is missing; there are {', '.join(map(str, triads))}.",
                Place("table 'triads'"),
            )
    if triads["sector"].isna().any():
        row = int(triads["sector"].isna().to_numpy().argmax())
        raise InputError(f"row {row + 1} has no sector.", Place("table 'triads'"))
    rows = [
        (sector, *_slope(sector, group["y"], group["x"]))
        for sector, group in triads.groupby("sector", sort=False)
    ]
    return pd.DataFrame(rows, columns=["sector", "theta", "std_error", "n_obs"])


def _slope(sector: object, left: pd.Series, right: pd.Series) -> tuple[float, float, int]:
    """−slope through the origin, its HC1 standard error, and N."""
    try:
        both = np.column_stack([left.to_numpy(np.float64), right.to_numpy(np.float64)])
    except (TypeError, ValueError) as wrong:
        raise InputError(f"sector '{sector}': {wrong}.", Place("table 'triads'")) from None
    if np.isinf(both).any():
        raise InputError(
            f"sector '{sector}' has an infinite y or x: trade or a tariff ratio of zero; "
            "leave such rows out.",
            Place("table 'triads'"),
        )
    y, x = both[~np.isnan(both).any(axis=1)].T
    n, square = y.size, float(x @ x)
    if n < 2 or square == 0.0:
        why = f"{n} complete rows" if n < 2 else "no tariff ratio that differs from one"
        raise InputError(f"sector '{sector}' has {why}; no slope can be told.")
    slope = float(x @ y) / square
    error = x * (y - slope * x)
    return -slope, float(np.sqrt(error @ error * n / (n - 1))) / square, n


def without_smallest(triads: pd.DataFrame) -> pd.DataFrame:
    """The 99 % sample: triads in which none of a sector's smallest traders takes part.

    Parameters
    ----------
    triads : DataFrame
        As ``read_triads`` gives it. Chemicals are left out: the file's are something else.

    Returns
    -------
    DataFrame
    """
    out = [
        sector not in SMALLEST
        or (sector, triad) == MISSING_ROW
        or any(code in SMALLEST[sector] for code in triad.split())
        for sector, triad in zip(triads["sector"], triads["triad"], strict=True)
    ]
    return triads[~np.array(out, dtype=bool)]


def caliendo_parro_elasticities(folder: str | Path) -> Comparison:
    """θ, standard error and N by sector beside the printed Table 1, in two samples.

    Parameters
    ----------
    folder : str or Path
        As for ``read_triads``.

    Returns
    -------
    Comparison
        ``replication`` (the full sample) and ``sample_99``. It agrees where every figure
        that was read in a source comes out to its last digit, chemicals aside.

    Raises
    ------
    InputError
        As for ``read_triads`` and ``estimate_elasticities``.
    """
    triads = read_triads(folder)
    full = _beside(estimate_elasticities(triads), "")
    trimmed = _beside(estimate_elasticities(without_smallest(triads)), "_99")
    trimmed["left_out"] = [" ".join(SMALLEST.get(s, ())) for s in trimmed["sector"]]
    met, met_99 = int(full["as_printed"].sum()), int(trimmed["as_printed"].sum())
    agrees = _as_read(full[full["sector"] != ODD]) and _as_read(trimmed)
    verdict = (
        f"{'replicated' if agrees else 'NOT replicated'}: θ, standard error and N come out as "
        f"printed in {met} of the {full['theta'].count()} sectors of the file, and in {met_99} "
        f"of {trimmed['theta'].count()} in the 99 % sample. The odd one is {ODD}."
    )
    tables = (
        ComparedTable("replication", "Full sample (printed, here)", full, _shown(full)),
        ComparedTable("sample_99", "99 % sample (printed, here)", trimmed, _shown(trimmed)),
    )
    facts = {"sectors_as_printed": met, "sectors_as_printed_99": met_99}
    return Comparison(NAME, CITATION, tables, verdict, agrees, NOTES, facts)


def _as_read(table: pd.DataFrame) -> bool:
    """Whether every figure that was read in a source is met, in the sectors that are there."""
    return bool((table["read_agree"] | table["theta"].isna()).all())


def _beside(estimated: pd.DataFrame, sample: str) -> pd.DataFrame:
    """Printed and estimated figures by sector, and whether they agree to the last digit."""
    first = 4 if sample else 1
    printed = pd.DataFrame(
        [(row[0], *row[first : first + 3]) for row in PRINTED],
        columns=["sector", "theta_printed", "std_error_printed", "n_printed"],
    )
    table = printed.merge(estimated, on="sector", how="left")
    met = read_met = table["sector"].notna()
    read = ~met
    for key in ("theta", "std_error"):
        table[f"{key}_difference"] = table[key] - table[f"{key}_printed"]
        table[f"{key}_read"] = table["sector"].isin(list(READ[key + sample]))
        close = table[f"{key}_difference"].abs() <= 0.005 + 1e-9  # half a printed digit
        met, read = met & close, read | table[f"{key}_read"]
        read_met = read_met & (close | ~table[f"{key}_read"])
    table["as_printed"] = met & (table["n_obs"] == table["n_printed"])
    return table.assign(read=read, read_agree=read_met)


def _shown(table: pd.DataFrame) -> Shown:
    """The table as text; a recalled figure has a star."""
    columns: list[tuple[str, list[str]]] = [("Sector", table["sector"].tolist())]
    for key, header in (("theta", "θ"), ("std_error", "s.e.")):
        text = figures(table[f"{key}_printed"], 2)
        read = table[f"{key}_read"]
        stars = [t + (" " if r else "*") for t, r in zip(text, read, strict=True)]
        columns += [(f"{header} pr. ", stars), (header, figures(table[key], 2))]
    columns += [
        ("N pr. ", [f"{n}*" for n in table["n_printed"]]),
        ("N", figures(table["n_obs"], 0)),
    ]
    told = [
        "not there" if gone else "yes" if met else "NO"
        for met, gone in zip(table["as_printed"], table["theta"].isna(), strict=True)
    ]
    return shown(*columns, ("as printed", told))
