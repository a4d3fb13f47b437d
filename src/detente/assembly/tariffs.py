"""Tariffs on a table's links, from lists by product or by sector.

For each sector and pair of countries: the mean over the lines that the list has, weighted by
imports where it has them. An applied rate (AHS) goes first; else the importer's MFN lines,
with the pair's preferences (PRF) in place of those that they replace. A pair of which the
list says nothing pays the importer's MFN rate, without one the mean of what the importer's
other partners pay, without that nothing; each of these is counted with the imports that it
falls on. Sales at home pay nothing; neither do services that the list does not name, nor trade
inside the European Union, a customs union, unless the list has a rate of the pair itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.assembly.aggregation import Groups
from detente.assembly.changes import Change, change
from detente.assembly.concordance import by_industry, goods, hs_industries
from detente.errors import InputError, Place, nearest
from detente.sources.checking import counted
from detente.sources.iotable import IOTable
from detente.sources.record import Sourced
from detente.sources.wits import WORLD, eu_members, numbers_to_iso3

Array = NDArray[np.float64]

#: Labels under which tables have the rest of the world.
REST_OF_WORLD = ("ROW", "RoW", "WWW", "ROE")

#: What the European Union is called in lists of tariffs.
UNION = ("EUN", "EU", "EU27", "EU28")

_CELL = ["importer", "exporter", "sector"]


@dataclass(frozen=True)
class TableTariffs:
    """Tariffs on every link of a table.

    Attributes
    ----------
    rate : ndarray, shape (S, N, N)
        [s, i, n], 0.10 is 10 %.
    changes : tuple of Change
        What was imputed, with amounts.
    flag : str
        ``observed``, ``derived`` (some imputed or assumed) or ``assumed`` (no list).
    """

    rate: Array
    changes: tuple[Change, ...]
    flag: str


def table_tariffs(
    tariffs: Sourced | None, table: IOTable, groups: tuple[Groups, Groups] | None = None
) -> TableTariffs:
    """Put a list of tariffs on the links of a table.

    Parameters
    ----------
    tariffs : Sourced or None
        Columns ``importer``, ``exporter`` (``WLD`` for everyone), ``product`` or ``sector``,
        ``rate``, and perhaps ``year``, ``duty``, ``weight``; None for no tariffs.
    table : IOTable
        Before aggregation: its flows are the weights.
    groups : tuple of Groups, optional
        Countries and sectors of the world; their codes may stand in the list too.

    Raises
    ------
    InputError
        A country or sector that neither the table nor the map has, with the nearest; HS
        products for a table whose industries have no known concordance.
    """
    shape = table.intermediate.shape
    if tariffs is None:
        what = "no tariffs were given: every rate is zero"
        return TableTariffs(np.zeros(shape), (Change("tariffs", "assumed", what),), "assumed")
    changes: list[Change] = []
    rows = _filled(_abroad(tariffs.table, table, changes))
    rows = _with_industries(rows, tariffs.source.file, table, groups, changes)
    year = int(rows["year"].max()) if rows["year"].notna().any() else table.year
    union = [c for c in eu_members(year) if c in table.countries]
    cells = _bilateral(rows, union)
    homes = _homes(rows, tariffs.source.file, table, groups, union, changes)
    taxed = _taxed(rows, table)
    listed = _dense(cells, homes, table, union)
    everyone = _mfn(rows, homes, table)
    rate, filled = _impute(listed, everyone, taxed, table, union)
    changes += _told(filled, table, taxed)
    changes += _weighting(cells)
    imputed = any(c.flag in ("imputed", "assumed") for c in changes)
    return TableTariffs(rate, tuple(changes), "derived" if imputed else "observed")


# -- the list --------------------------------------------------------------------------------
def _abroad(frame: pd.DataFrame, table: IOTable, changes: list[Change]) -> pd.DataFrame:
    """The list without rates on sales at home, which nobody pays."""
    own = frame["importer"].isin(table.countries) & (frame["importer"] == frame["exporter"])
    home = own.to_numpy(dtype=np.bool_)
    paid = home & (frame["rate"] > 0).to_numpy(dtype=np.bool_)
    if paid.any():
        rates = counted(int(paid.sum()), "rate", "rates")
        what = f"{rates} on sales at home, where no tariff is paid"
        changes.append(Change("tariffs", "left out", what, cells=int(paid.sum())))
    return frame[~home]


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The list with every optional column."""
    frame = frame.copy()
    for key, value in (("duty", "AHS"), ("weight", np.nan), ("year", np.nan)):
        if key not in frame:
            frame[key] = value
    everyone = frame["exporter"] == WORLD
    return frame.assign(duty=frame["duty"].mask(everyone, "MFN"))


def _with_industries(
    frame: pd.DataFrame,
    file: str,
    table: IOTable,
    groups: tuple[Groups, Groups] | None,
    changes: list[Change],
) -> pd.DataFrame:
    """Rows by the table's industries: products by concordance, groups by members."""
    if "product" in frame:
        if not by_industry(table.sectors):
            raise InputError(
                f"the industries of the table ({', '.join(table.sectors[:4])} …) have no known "
                "concordance with HS products; give tariffs by its sectors."
            )
        industries: Mapping[str, Iterable[str]] = hs_industries(frame["product"], table.sectors)
        key = "product"
        lost = np.array([not industries[p] for p in frame["product"]], dtype=np.bool_)
        if lost.any():
            codes = frame["product"][lost].nunique()
            what = f"{codes} HS codes that no industry of the table makes"
            changes.append(Change("tariffs", "left out", what, cells=int(lost.sum())))
    else:
        members = groups[1].members(table.sectors) if groups else {}
        industries = {code: (code,) for code in table.sectors}
        industries |= {c: m for c, m in members.items() if c not in table.sectors}
        _refuse_unknown(frame, "sector", industries, file)
        key = "sector"
    rows = frame.assign(product=frame[key], sector=frame[key].map(industries))
    rows = rows.explode("sector")
    return rows[rows["sector"].notna()]


def _refuse_unknown(
    frame: pd.DataFrame, column: str, known: Iterable[str], file: str, *, kind: str = ""
) -> None:
    """Refuse a code that neither the table nor the map has, with its line if there is one."""
    known = list(known)
    wrong = ~frame[column].isin(known).to_numpy(dtype=np.bool_)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    code, codes = str(frame[column].iloc[row]), frame[column][wrong].nunique()
    line = int(frame["line"].iloc[row]) if "line" in frame else None
    raise InputError(
        f"the tariffs name the {kind or column} '{code}', which the table does not have "
        f"({codes} such).",
        Place(file or None, line, column),
        nearest(code, known),
    )


def _bilateral(rows: pd.DataFrame, union: list[str]) -> pd.DataFrame:
    """One rate for each importer, exporter and industry of the list."""
    pairs = rows[rows["exporter"] != WORLD]
    inside = pairs[["importer", "exporter"]].isin([*union, *UNION]).all(axis=1)
    pairs = pairs[~(inside & (pairs["duty"] == "MFN"))]  # members do not charge it each other
    applied = _mean(pairs[pairs["duty"] == "AHS"])
    preferred = _preferences(pairs[pairs["duty"] == "PRF"], rows)
    other = _mean(pairs[pairs["duty"] == "MFN"])
    found = pd.concat([applied, preferred, other], ignore_index=True)
    return found[~found.duplicated(_CELL)]


def _mean(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over products: by imports where all are known, else simple."""
    if rows.empty:
        return pd.DataFrame(columns=pd.Index([*_CELL, "rate", "weight", "weighted"]))
    weight = rows["weight"].fillna(0.0)
    paid = rows.assign(_paid=rows["rate"] * weight, _weight=weight, _told=rows["weight"])
    cell = paid.groupby(_CELL, sort=False).agg(
        simple=("rate", "mean"),
        paid=("_paid", "sum"),
        weight=("_weight", "sum"),
        told=("_told", "count"),
        lines=("rate", "size"),
    )
    weighed = (cell["weight"] > 0) & (cell["told"] == cell["lines"])
    cell["rate"] = cell["simple"].mask(
        weighed, cell["paid"] / cell["weight"].where(weighed, 1.0)
    )
    cell["weighted"] = weighed | (cell["lines"] == 1)
    return cell.reset_index()[[*_CELL, "rate", "weight", "weighted"]]


def _preferences(preferred: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The importer's MFN lines, those with a preference at the preferred rate."""
    mfn = rows[(rows["exporter"] == WORLD) & (rows["duty"] == "MFN")]
    if preferred.empty or mfn.empty:
        return _mean(preferred)
    lines = ["importer", "product", "sector"]
    base = mfn.groupby(["importer", "sector"])["rate"].agg(["mean", "size"])
    both = preferred.merge(mfn[[*lines, "rate"]], on=lines, how="left", suffixes=("", "_mfn"))
    both["cut"] = (both["rate"] - both["rate_mfn"]).fillna(0.0)
    cell = both.groupby(_CELL, sort=False)["cut"].sum().reset_index()
    cell = cell.merge(base.reset_index(), on=["importer", "sector"], how="left")
    rate = (cell["mean"] + cell["cut"] / cell["size"]).clip(lower=0.0)
    only = _mean(preferred).set_index(_CELL)["rate"]
    alone = only.reindex(pd.MultiIndex.from_frame(cell[_CELL])).to_numpy()
    rate = rate.fillna(pd.Series(alone, index=cell.index))
    return cell[_CELL].assign(rate=rate, weight=0.0, weighted=False)


# -- onto the table's labels -----------------------------------------------------------------
#: Rank of a country that the table has in the rest of the world only.
_PART = 2


@dataclass(frozen=True)
class _Rates:
    """Rates, NaN where the list has none, and which are those of a part of the label."""

    value: Array
    of_part: NDArray[np.bool_]

    @staticmethod
    def none(shape: tuple[int, ...]) -> _Rates:
        return _Rates(np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_))


def _homes(
    rows: pd.DataFrame,
    file: str,
    table: IOTable,
    groups: tuple[Groups, Groups] | None,
    union: list[str],
    changes: list[Change],
) -> pd.DataFrame:
    """Each country code of the list, the table's labels that it stands for, and a rank.

    Rank 0 is the label itself, 1 a group or the European Union, 2 a country that the table
    has in the rest of the world: a lower rank goes first.
    """
    members = groups[0].members(table.countries) if groups else {}
    rest = [label for label in REST_OF_WORLD if label in table.countries]
    iso3 = set(numbers_to_iso3().values())
    found: list[tuple[str, tuple[str, ...], int]] = []
    elsewhere: list[str] = []
    for code in pd.unique(pd.concat([rows["importer"], rows["exporter"]])):
        if code in table.countries:
            found.append((code, (code,), 0))
        elif code in members:
            found.append((code, members[code], 1))
        elif code in UNION:
            found.append((code, tuple(union), 1))
        elif code in iso3 and code != WORLD:
            found.append((code, tuple(rest[:1]), _PART))
            elsewhere.append(code)
    named = {code for code, *_ in found}
    for side, known in (("importer", named), ("exporter", named | {WORLD})):
        wrong = rows[~rows[side].isin(known)]
        _refuse_unknown(wrong, side, [*table.countries, *members], file, kind="country")
    changes += _elsewhere(elsewhere, bool(rest))
    frame = pd.DataFrame(found, columns=["code", "label", "rank"]).explode("label")
    return frame[frame["label"].notna()]


def _elsewhere(codes: list[str], rest: bool) -> list[Change]:
    """Countries of the list that are none of the table's own."""
    if not codes:
        return []
    flag, where = ("noted", "in its rest of the world") if rest else ("left out", "not in it")
    what = f"{len(codes)} countries of the list are not the table's own: {where}"
    told = ", ".join(codes[:6]) + (" …" if len(codes) > 6 else "")
    return [Change("tariffs", flag, what, cells=len(codes), where=told)]


def _dense(
    cells: pd.DataFrame, homes: pd.DataFrame, table: IOTable, union: list[str]
) -> _Rates:
    """Rates by label; the most specific row goes first."""
    found = cells
    for side in ("importer", "exporter"):
        named = homes.rename(columns={"code": side, "label": f"{side}_at", "rank": f"{side}_r"})
        found = found.merge(named, on=side)
    rates = _Rates.none(table.intermediate.shape)
    if found.empty:
        return rates
    at = ["sector", "exporter_at", "importer_at"]
    found["rank"] = found["importer_r"] + found["exporter_r"]
    # a rate of a group says nothing of two members of the union in it
    inside = found[["importer_at", "exporter_at"]].isin(union).all(axis=1)
    found = found[~(inside & (found["rank"] > 0))]
    found = found[found["rank"] == found.groupby(at)["rank"].transform("min")]
    weight = found["weight"].astype(float).where(lambda w: w > 0, 1e-12)
    found = found.assign(_paid=found["rate"] * weight, _weight=weight)
    found["_part"] = (found["importer_r"] == _PART) | (found["exporter_r"] == _PART)
    by = found.groupby(at)
    mean = by[["_paid", "_weight"]].sum()
    where = _positions(mean.index, table)
    rates.value[where] = (mean["_paid"] / mean["_weight"]).to_numpy(float)
    rates.of_part[where] = by["_part"].any().to_numpy(bool)
    return rates


def _positions(index: pd.Index, table: IOTable) -> tuple[NDArray[np.intp], ...]:
    sectors, countries = pd.Index(table.sectors), pd.Index(table.countries)
    axes = (sectors, countries, countries)[: index.nlevels]
    return tuple(
        axis.get_indexer(index.get_level_values(level)) for level, axis in enumerate(axes)
    )


def _mfn(rows: pd.DataFrame, homes: pd.DataFrame, table: IOTable) -> _Rates:
    """MFN rate of each importer by sector, (S, N)."""
    rates = _Rates.none((len(table.sectors), len(table.countries)))
    mfn = rows[rows["duty"] == "MFN"]
    everyone = mfn[mfn["exporter"] == WORLD]
    alone = ~mfn["importer"].isin(everyone["importer"])
    mfn = pd.concat([everyone, mfn[alone]])
    if mfn.empty:
        return rates
    found = mfn.merge(homes, left_on="importer", right_on="code")
    found = found[found["rank"] == found.groupby(["sector", "label"])["rank"].transform("min")]
    by = found.groupby(["sector", "label"])
    mean = by["rate"].mean()
    where = _positions(mean.index, table)
    rates.value[where] = mean.to_numpy(float)
    rates.of_part[where] = by["rank"].max().to_numpy(int) == _PART
    return rates


def _taxed(rows: pd.DataFrame, table: IOTable) -> NDArray[np.bool_]:
    """Sectors that may pay tariffs: goods, where that is known, else those of the list."""
    listed = set(rows["sector"])
    made = goods(table.sectors)
    return np.array([s in made or s in listed for s in table.sectors])


#: How a rate came about, in the order in which they are tried.
_OWN, _LIST, _UNION, _MFN, _MEAN, _NONE, _REST, _PAIR = range(8)


def _impute(
    listed: _Rates,
    everyone: _Rates,
    taxed: NDArray[np.bool_],
    table: IOTable,
    union: list[str],
) -> tuple[Array, NDArray[np.int8]]:
    """Every rate, and how each came about."""
    n = len(table.countries)
    shape = table.intermediate.shape
    own = np.broadcast_to(np.eye(n, dtype=bool)[None], shape)
    # a group's rate within itself is no country's own
    known = np.where(own, np.nan, listed.value)
    rate, how = known.copy(), np.where(np.isnan(known), _NONE, _LIST).astype(np.int8)
    inside = np.isin(np.array(table.countries), union)
    free = np.broadcast_to(inside[:, None] & inside[None, :], shape)
    with np.errstate(invalid="ignore"):
        count = (~np.isnan(known)).sum(axis=1)
        mean = np.nansum(known, axis=1) / np.where(count > 0, count, np.nan)
    for code, value in (
        (_UNION, np.where(free, 0.0, np.nan)),
        (_MFN, everyone.value[:, None, :]),
        (_MEAN, mean[:, None, :]),
    ):
        stand_in = np.broadcast_to(value, shape)
        use = (how == _NONE) & ~np.isnan(stand_in)
        rate[use], how[use] = stand_in[use], code
    rate[how == _NONE] = 0.0
    part = (how == _LIST) & listed.of_part | (how == _MFN) & everyone.of_part[:, None, :]
    how[part] = _REST
    how[free & (how == _LIST) & (rate > 0)] = _PAIR
    nothing = own | ~taxed[:, None, None]
    rate[nothing], how[nothing] = 0.0, _OWN
    return rate, how


_WORDS = {
    _MFN: ("imputed", "pairs without a rate: the importer's MFN rate"),
    _MEAN: ("imputed", "no MFN rate either: the mean over the importer's partners"),
    _REST: (
        "imputed",
        "rates of countries without a row of their own: for all of the remainder",
    ),
    _NONE: ("assumed", "importers without any rate in a sector: zero"),
    _UNION: ("noted", "inside the European Union, a customs union: zero"),
    _PAIR: ("noted", "inside the European Union: the list's own rates of the pair, kept"),
}


def _told(how: NDArray[np.int8], table: IOTable, taxed: NDArray[np.bool_]) -> list[Change]:
    """How many cells, and how much imports, got a rate in each way."""
    bought = np.maximum(table.intermediate + table.final, 0.0)
    bought[:, np.arange(len(table.countries)), np.arange(len(table.countries))] = 0.0
    total = float(bought[taxed].sum())
    found = []
    for code, (flag, what) in _WORDS.items():
        cells = how == code
        if not cells.any():
            continue
        amount = bought * cells
        top = table.countries[int(amount.sum(axis=(0, 1)).argmax())]
        where = f"most: {top}" if amount.sum() > 0 else ""
        found.append(
            change(
                "tariffs",
                flag,
                what,
                float(amount.sum()),
                total,
                "goods imports",
                cells=int(cells.sum()),
                where=where,
            )
        )
    return found


def _weighting(cells: pd.DataFrame) -> list[Change]:
    """Say how many means over products had no imports as weights."""
    simple = int((~cells["weighted"].astype(bool)).sum())
    if not simple:
        return []
    what = f"{simple:,} of {len(cells):,} means over products are simple: no weights"
    return [Change("tariffs", "noted", what, cells=simple)]


def aggregate_tariffs(rate: Array, table: IOTable, groups: tuple[Groups, Groups]) -> Array:
    """Mean rates of groups, weighted by the table's flows; simple where nothing flows.

    Trade inside a group of several countries keeps what it pays; a country's own is zero.

    Parameters
    ----------
    rate : ndarray, shape (S, N, N)
        On the table's links.
    table : IOTable
        Before aggregation.
    groups : tuple of Groups
    """
    g, h = groups[0].indicator, groups[1].indicator

    def over(array: Array) -> Array:
        found: Array = np.tensordot(h, g @ array @ g.T, axes=1)
        return found

    flows = np.maximum(table.intermediate + table.final, 0.0)
    flow, paid = over(flows), over(flows * rate)
    size = over(np.ones_like(rate))
    mean = over(rate) / np.where(size > 0, size, 1.0)
    filled = flow > 0
    result: Array = np.where(filled, paid / np.where(filled, flow, 1.0), mean)
    return result
