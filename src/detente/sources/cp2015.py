"""Caliendo & Parro (2015): the data behind their NAFTA counterfactual, 1993.

31 regions × 40 sectors, as the R package cp2015 (paulofelipe/cp2015, MIT licence) holds
them, converted to csv. Money is in USD there and in million USD here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from detente.errors import InputError, Place

CITATION = (
    "Caliendo, L. and F. Parro (2015), Estimates of the Trade and Welfare Effects of NAFTA, "
    "Review of Economic Studies 82(1): 1-44."
)
FILES = {
    "trade": ("sector", "exporter", "importer", "value", "tariff_bln", "tariff_cfl"),
    "intermediate_consumption": ("input", "sector", "region", "value"),
    "final_consumption": ("sector", "region", "value"),
    "value_added": ("sector", "region", "value"),
    "theta": ("sector", "value"),
}
EXPECTED = "expected_welfare_zero_deficit.csv"
_MILLION = 1e6


@dataclass(frozen=True)
class CaliendoParro:
    """The tables that ``World.from_tables`` takes, and the counterfactual's tariffs.

    Attributes
    ----------
    flows, input_use, final, value_added, tariffs, tariffs_new : DataFrame
        Long tables, money in million USD of 1993.
    elasticities : DataFrame
        θ by sector: the 99 % sample.
    expected : DataFrame
        By region, in percent: ``tot``, ``vot``, ``welfare``, ``realwage`` with zero
        deficits, as solved to 1e-10 by the cp2015 package; empty where the folder has no
        ``expected_welfare_zero_deficit.csv``.
    """

    flows: pd.DataFrame
    input_use: pd.DataFrame
    final: pd.DataFrame
    value_added: pd.DataFrame
    tariffs: pd.DataFrame
    tariffs_new: pd.DataFrame
    elasticities: pd.DataFrame
    expected: pd.DataFrame


def read_cp2015(folder: str | Path) -> CaliendoParro:
    """Read the folder with trade.csv.gz and the others.

    Raises
    ------
    InputError
        A folder or file that is not there, or a file without its columns.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder; it should hold trade.csv.gz and others.")
    tables = {name: _read(folder, name, columns) for name, columns in FILES.items()}
    trade = tables["trade"]
    links = ["sector", "exporter", "importer"]
    return CaliendoParro(
        flows=_millions(trade[[*links, "value"]]),
        input_use=_millions(tables["intermediate_consumption"]),
        final=_millions(tables["final_consumption"]),
        value_added=_millions(tables["value_added"]),
        tariffs=trade[[*links, "tariff_bln"]].rename(columns={"tariff_bln": "rate"}),
        tariffs_new=trade[[*links, "tariff_cfl"]].rename(columns={"tariff_cfl": "value"}),
        elasticities=tables["theta"],
        expected=_expected(folder),
    )


def _read(folder: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    found = [p for p in (folder / f"{name}.csv.gz", folder / f"{name}.csv") if p.is_file()]
    if not found:
        raise InputError(f"'{name}.csv.gz' is not in '{folder}'.")
    table = pd.read_csv(found[0])
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise InputError(
            f"column '{missing[0]}' is missing; there are {', '.join(table.columns)}.",
            Place(str(found[0])),
        )
    return table[list(columns)].rename(columns={"region": "country"})


def _millions(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(value=table["value"] / _MILLION)


def _expected(folder: Path) -> pd.DataFrame:
    path = folder / EXPECTED
    if not path.is_file():  # the package does not hold it; the printed figures remain
        return pd.DataFrame(columns=pd.Index(["tot", "vot", "welfare", "realwage"]))
    return pd.read_csv(path).set_index("region")
