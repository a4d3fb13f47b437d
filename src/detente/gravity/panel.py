"""Tables of bilateral trade as people have them, read into one shape and checked.

Columns are found by what BACI, ITPD-E, CEPII's Gravity and GeoDist, WITS and the Advanced
Guide call them (``SYNONYMS``); whatever is not found there keeps its own name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.sources.cepii import RENAMED
from detente.sources.checking import counted, listed, to_numbers
from detente.sources.reading import read_table

#: Role → spellings, the preferred one first; upper or lower case does not count.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "exporter": (
        "exporter", "exporter_iso3", "iso3_o", "iso_o", "iso3num_o", "country_o", "origin",
        "exporter_iso", "exp", "i", "reporter_iso", "reporteriso",
    ),
    "importer": (
        "importer", "importer_iso3", "iso3_d", "iso_d", "iso3num_d", "country_d",
        "destination", "importer_iso", "imp", "j", "partner_iso", "partneriso",
    ),
    "year": ("year", "t", "period", "refyear"),
    "sector": (
        "sector", "industry_id", "industry", "product", "hs", "hs6", "k", "broad_sector",
    ),
    "trade": (
        "trade", "value", "flow", "tradeflow_baci", "tradeflow_comtrade_o", "tradeflow",
        "trade_value", "tradevalue", "primaryvalue", "exports", "v", "fij", "xij",
    ),
    "distance": (
        "distance", "distw_harmonic", "distw_arithmetic", "distw", "dist", "distwces",
        "distcap",
    ),
    "contiguity": ("contiguity", "contig", "cntg"),
    "common_language": ("common_language", "comlang_off", "lang", "comlang", "comlang_ethno"),
    "colony": ("colony", "col_dep_ever", "clny"),
    "rta": ("rta", "fta_wto", "fta", "agree_pta"),
    "unit": ("unit", "units", "currency"),
}  # fmt: skip
#: What holds a code, never a number.
CODES = ("exporter", "importer", "sector", "unit")
#: Texts that stand for no number.
MISSING = ("", ".", "NA", "nan", "NaN", "NULL")
#: A jump of a year's median flow by more than this, up or down, is a change of unit.
UNIT_JUMP = 300.0


@dataclass(frozen=True)
class Panel:
    """Bilateral trade, checked.

    Attributes
    ----------
    table : DataFrame
        ``exporter``, ``importer`` and ``trade``, ``year`` and ``sector`` where there are
        any, and all other columns; the index is the line in the file, or the row from 1.
    read_as : mapping of str to str
        Role → the column's own name.
    file : str or None
    notes : tuple of str
        What was dropped or chosen, with counts.
    missing_trade : int
        Rows dropped because their trade is missing.
    """

    table: pd.DataFrame
    read_as: Mapping[str, str]
    file: str | None
    notes: tuple[str, ...] = ()
    missing_trade: int = 0

    @property
    def keys(self) -> list[str]:
        """Columns that tell rows apart."""
        return [k for k in ("sector", "year", "exporter", "importer") if k in self.table]

    def place(self, row: int, key: str | None = None) -> Place:
        """Where the row at this position stands."""
        own = self.read_as.get(key, key) if key else None
        return Place(self.file or "the table", int(self.table.index[row]), own)

    def numbers(self, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A column as float64, NaN where a cell is missing, shape (rows,).

        Raises
        ------
        InputError
            No such column (with the nearest), or a cell that is no number.
        """
        if column not in self.table:
            raise InputError(
                f"there is no column '{column}'; there are "
                f"{listed([str(c) for c in self.table.columns], 20)}.",
                Place(self.file) if self.file else None,
                nearest(column, [*map(str, self.table.columns), *self.read_as.values()]),
            )
        values = self.table[column]
        if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return to_numbers(values, self.file or "the table", missing=MISSING).to_numpy()


def panel(
    data: pd.DataFrame | Panel | str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    years: int | Collection[int] | None = None,
    member: str | None = None,
) -> Panel:
    """Read and check a table of bilateral trade.

    Parameters
    ----------
    data : DataFrame, Panel, str or Path
        A table, or a csv (plain, gzipped or zipped, any separator) or parquet file.
    columns : mapping of str to str, optional
        Role → column, where a role's column has a name of its own.
    years : int or collection of int, optional
        Keep these only.
    member : str, optional
        Member of a zip.

    Raises
    ------
    InputError
        A missing column, a missing or unknown code, a negative flow, a repeated row, a year
        that is none, more than one unit: with file, line and column.
    """
    if isinstance(data, Panel):
        return _only(data, years)
    file = str(data) if isinstance(data, str | Path) else None
    raw = _load(data, member)
    read_as, notes = _roles(raw, columns or {}, file)
    table = raw.rename(columns={own: role for role, own in read_as.items()})
    found = Panel(table, read_as, file, tuple(notes))
    found = _typed(found)
    found = _only(found, years)
    _check_codes(found)
    _check_values(found)
    found = _with_real_domestic(_without_missing(found))
    _check_repeats(found)
    _check_units(found)
    return found


def _load(data: pd.DataFrame | str | Path, member: str | None) -> pd.DataFrame:
    if isinstance(data, pd.DataFrame):
        table = data.copy(deep=False)
        if not all(isinstance(c, str) for c in table.columns):
            raise InputError("the table's columns need names that are text.")
        table.index = pd.RangeIndex(1, len(table) + 1, name="line")
        return _not_empty(table, None)
    path = Path(data)
    if path.suffix.lower() in (".parquet", ".pq"):
        if not path.is_file():
            raise InputError(f"there is no file '{path}'.")
        try:
            table = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise InputError(f"it is no parquet file: {error}.", Place(str(path))) from None
        table.index = pd.RangeIndex(1, len(table) + 1, name="line")
        return _not_empty(table, str(path))
    return read_table(path, columns={}, keep=None, sep=None, member=member)


def _not_empty(table: pd.DataFrame, file: str | None) -> pd.DataFrame:
    if table.empty:
        raise InputError("it has no rows.", Place(file or "the table"))
    return table


def _roles(
    raw: pd.DataFrame, given: Mapping[str, str], file: str | None
) -> tuple[dict[str, str], list[str]]:
    """Which column plays which role, and what was chosen among several."""
    names = [str(c) for c in raw.columns]
    folded = {n.casefold(): n for n in reversed(names)}
    where = Place(file) if file else None
    found: dict[str, str] = {}
    notes: list[str] = []
    for role, column in given.items():
        if role not in SYNONYMS:
            raise InputError(
                f"'{role}' is no role of a column; there are {', '.join(SYNONYMS)}.",
                nearest=nearest(role, SYNONYMS),
            )
        if column not in names:
            raise InputError(
                f"there is no column '{column}'; there are {listed(names, 20)}.",
                where, nearest(column, names),
            )  # fmt: skip
        found[role] = column
    for role, spellings in SYNONYMS.items():
        if role in found:
            continue
        there = [
            folded[s] for s in spellings if s in folded and folded[s] not in given.values()
        ]
        if there:
            found[role] = there[0]
            if there[0] != role and len(there) > 1:
                notes.append(f"{role} is read from '{there[0]}'; there is also {there[1]}")
    for role in ("exporter", "importer", "trade"):
        if role not in found:
            close = nearest(role, [n for n in names if n not in found.values()])
            raise InputError(
                f"there is no column for the {role}; there are {listed(names, 20)}. Any of "
                f"{', '.join(SYNONYMS[role][:8])} is understood; or name it, with "
                f"columns={{'{role}': ...}} or --column {role}=....",
                where, close,
            )  # fmt: skip
    return found, notes


def _typed(found: Panel) -> Panel:
    """Codes as text without blanks, trade and years as numbers."""
    table = found.table
    changed: dict[str, Any] = {}
    for role in CODES:
        if role in table:
            column = table[role]
            if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
                column = column.astype("Int64")  # 156.0 is the code 156
            codes = column.astype("string").str.strip()
            changed[role] = codes.astype(object)
    changed["trade"] = found.numbers("trade")
    if "year" in table:
        years = found.numbers("year")
        bad = ~(np.isfinite(years) & (years == np.round(years)) & (np.abs(years) < 10_000))
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"'{table['year'].iloc[row]}' is no year.", found.place(row, "year")
            )
        changed["year"] = years.astype(np.int64)
    return replace(found, table=table.assign(**changed))


def _only(found: Panel, years: int | Collection[int] | None) -> Panel:
    if years is None:
        return found
    wanted = {years} if isinstance(years, int) else set(years)
    if "year" not in found.table:
        raise InputError("there is no column of years to choose from.", Place(found.file))
    there = set(found.table["year"].unique().tolist())
    lost = sorted(wanted - there)
    if lost:
        raise InputError(
            f"there is no row for {lost[0]}; there are the years "
            f"{listed([str(y) for y in sorted(there)], 20)}.",
            Place(found.file) if found.file else None,
        )
    return replace(found, table=found.table[found.table["year"].isin(wanted)])


def _check_codes(found: Panel) -> None:
    table = found.table
    for role in ("exporter", "importer", "sector"):
        if role in table:
            empty = (table[role].isna() | (table[role] == "")).to_numpy(dtype=bool)
            if empty.any():
                row = int(np.argmax(empty))
                raise InputError(
                    f"the {role} is missing, in {counted(int(empty.sum()), 'row', 'rows')}.",
                    found.place(row, role),
                )
    exporters, importers = set(table["exporter"].unique()), set(table["importer"].unique())
    if len(exporters) > 1 and len(importers) > 1 and not exporters & importers:
        raise InputError(
            f"exporters ({listed(sorted(exporters), 3)}) and importers "
            f"({listed(sorted(importers), 3)}) have no code in common: two code lists?",
            Place(found.file) if found.file else None,
        )


def _check_values(found: Panel) -> None:
    trade = found.table["trade"].to_numpy()
    for bad, why in ((trade < 0, "negative"), (np.isinf(trade), "infinite")):
        if bad.any():
            row = int(np.argmax(bad))
            line = found.table.iloc[row]
            raise InputError(
                f"trade from {line['exporter']} to {line['importer']} is {trade[row]:g}: "
                f"{counted(int(bad.sum()), 'flow is', 'flows are')} {why}.",
                found.place(row, "trade"),
            )
    if "unit" in found.table:
        units = found.table["unit"].fillna("").unique()
        if len(units) > 1:
            row = int(np.argmax((found.table["unit"].fillna("") != units[0]).to_numpy()))
            raise InputError(
                f"trade comes in several units: {listed(sorted(map(str, units)))}. Convert "
                f"it to one.", found.place(row, "unit"),
            )  # fmt: skip


def _without_missing(found: Panel) -> Panel:
    absent = found.table["trade"].isna().to_numpy()
    if absent.all():
        raise InputError("trade is missing in every row.", found.place(0, "trade"))
    if not absent.any():
        return found
    note = f"{counted(int(absent.sum()), 'row', 'rows')} without trade left out: not zero"
    return replace(
        found,
        table=found.table[~absent],
        notes=(*found.notes, note),
        missing_trade=int(absent.sum()),
    )


def _with_real_domestic(found: Panel) -> Panel:
    """A diagonal of zeros and re-imports says that domestic sales were not recorded.

    It is left out where most countries have none and all of it is below a twentieth of trade
    abroad; real domestic sales are several times that trade.
    """
    table = found.table
    own = (table["exporter"] == table["importer"]).to_numpy()
    if not own.any() or own.all():
        return found
    trade = table["trade"].to_numpy()
    recorded = table["exporter"][own & (trade > 0)].nunique()
    countries = table["exporter"].nunique()
    if 2 * recorded >= countries or trade[own].sum() > 0.05 * trade[~own].sum():
        return found
    note = (
        f"{counted(int(own.sum()), 'domestic row', 'domestic rows')} left out: positive for "
        f"{recorded} of {countries} countries only, so not domestic sales"
    )
    return replace(found, table=table[~own], notes=(*found.notes, note))


def _check_repeats(found: Panel) -> None:
    again = found.table.duplicated(found.keys).to_numpy()
    if not again.any():
        return
    row = int(np.argmax(again))
    line = found.table.iloc[row]
    same = (found.table[found.keys] == line[found.keys]).all(axis=1).to_numpy()
    first = found.table.index[int(np.argmax(same))]
    told = ", ".join(f"{k} {line[k]}" for k in found.keys)
    more = counted(int(again.sum()), "row repeats", "rows repeat")
    hint = "" if "year" in found.table else " Several years need a column of years."
    raise InputError(
        f"there is a second row for {told}; the first is on line {first}. In all, {more} an "
        f"earlier one.{hint}",
        found.place(row),
    )


def _check_units(found: Panel) -> None:
    """A median flow that jumps a thousandfold from one year to the next is another unit."""
    if "year" not in found.table:
        return
    positive = found.table[found.table["trade"] > 0]
    median = positive.groupby("year")["trade"].median()
    ratio = median / median.shift()
    jump = ratio[(ratio > UNIT_JUMP) | (ratio < 1 / UNIT_JUMP)]
    if len(jump):
        year, factor = int(jump.index[0]), float(jump.iloc[0])
        row = int(np.argmax((found.table["year"] == year).to_numpy()))
        raise InputError(
            f"the median flow of {year} is {factor:,.4g} times the year before's: mixed "
            f"units? Convert them to one.",
            found.place(row, "trade"),
        )


def with_covariates(flows: Panel, covariates: pd.DataFrame | str | Path) -> Panel:
    """Flows with what a pair has in common beside them.

    Parameters
    ----------
    flows : Panel
    covariates : DataFrame, str or Path
        One row a pair, or a pair and year, under the names of ``SYNONYMS``: CEPII's Gravity
        or GeoDist, for example.

    Returns
    -------
    Panel
        With notes on pairs that the covariates lack; those stay, with missing values.

    Raises
    ------
    InputError
        A missing column, a repeated pair, or no pair in common.
    """
    table = covariates if isinstance(covariates, pd.DataFrame) else _load(covariates, None)
    file = None if isinstance(covariates, pd.DataFrame) else str(covariates)
    names = {n.casefold(): n for n in reversed([str(c) for c in table.columns])}
    read_as = {
        role: next(names[s] for s in spellings if s in names)
        for role, spellings in SYNONYMS.items()
        if role not in ("trade", "sector", "unit") and any(s in names for s in spellings)
    }
    for role in ("exporter", "importer"):
        if role not in read_as:
            raise InputError(
                f"the covariates have no column for the {role}; there are "
                f"{listed(list(names.values()), 20)}.", Place(file) if file else None,
            )  # fmt: skip
    wanted = table.rename(columns={own: role for role, own in read_as.items()})
    by = ["exporter", "importer"]
    if "year" in wanted and "year" in flows.table and wanted["year"].nunique() > 1:
        by.append("year")
        wanted["year"] = pd.to_numeric(wanted["year"]).astype(np.int64)
    for role in ("exporter", "importer"):
        wanted[role] = wanted[role].astype("string").str.strip().astype(object)
    if wanted.duplicated(by).any():
        row = int(np.argmax(wanted.duplicated(by).to_numpy()))
        told = "-".join(str(v) for v in wanted[by].iloc[row])
        raise InputError(f"the covariates have {told} twice.", Place(file) if file else None)
    more = [c for c in wanted.columns if c not in flows.table or c in by]
    wanted = wanted[more].rename(columns={c: f"_{c}" for c in by})
    left = flows.table.assign(**{f"_{c}": flows.table[c] for c in by})
    for side in (left, wanted):  # CEPII keeps ROM, ZAR …; the flows may have either
        for role in ("_exporter", "_importer"):
            side[role] = side[role].replace(RENAMED)
    joined = left.merge(wanted, how="left", on=[f"_{c}" for c in by], indicator="_found")
    joined = joined.drop(columns=[f"_{c}" for c in by])
    joined.index = flows.table.index
    return _joined(flows, joined, read_as)


def _joined(flows: Panel, joined: pd.DataFrame, read_as: Mapping[str, str]) -> Panel:
    lost = (joined.pop("_found") == "left_only").to_numpy()
    if lost.all():
        raise InputError(
            f"flows and covariates have no pair in common: flows have "
            f"{listed(sorted(map(str, joined['exporter'].unique())), 4)}. One code list?"
        )
    notes = flows.notes
    if lost.any():
        pairs = joined.loc[lost, ["exporter", "importer"]].drop_duplicates()
        told = listed([f"{a}-{b}" for a, b in pairs.to_numpy()], 6)
        notes = (*notes, f"{counted(len(pairs), 'pair', 'pairs')} without covariates: {told}")
    return replace(flows, table=joined, notes=notes, read_as={**read_as, **flows.read_as})


def filled(flows: Panel) -> Panel:
    """A row for every exporter, importer (and year, and sector): what is not there is zero.

    BACI and Comtrade list positive flows only. A country counts where it ever exports or
    imports; covariates of a pair are repeated on its new rows. No domestic flow is invented.
    """
    table = flows.table
    codes = sorted({*table["exporter"], *table["importer"]})
    levels: dict[str, Any] = {
        k: np.sort(table[k].unique()) for k in ("sector", "year") if k in table
    }
    grid = pd.MultiIndex.from_product(
        [*levels.values(), codes, codes], names=[*levels, "exporter", "importer"]
    ).to_frame(index=False)
    domestic = set(table.loc[table["exporter"] == table["importer"], "exporter"])
    own = (grid["exporter"] == grid["importer"]).to_numpy()
    grid = grid[~own | grid["exporter"].isin(domestic).to_numpy()]
    out = grid.merge(table, how="left", on=flows.keys)
    new = out["trade"].isna().to_numpy()
    out["trade"] = out["trade"].fillna(0.0)
    pair = ["exporter", "importer"]
    rest = [c for c in table.columns if c not in (*flows.keys, "trade")]
    constant = [c for c in rest if (table.groupby(pair)[c].nunique() <= 1).all()]
    if constant:
        known = table.drop_duplicates(pair).set_index(pair)[constant]
        rows = known.reindex(pd.MultiIndex.from_frame(out[pair]))
        for c in constant:
            out[c] = out[c].where(~new, rows[c].to_numpy())
    out.index = pd.RangeIndex(1, len(out) + 1, name="line")
    note = f"{counted(int(new.sum()), 'flow', 'flows')} not listed taken to be zero"
    return replace(flows, table=out, notes=(*flows.notes, note), file=None)
