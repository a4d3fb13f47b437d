"""A new country's trade of goods out of BACI or Comtrade, by partner and sector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.sources.baci import read_baci
from detente.sources.comtrade import read_comtrade
from detente.sources.hs import prefixes, sector_of
from detente.sources.mirror import load_traps, mirror_report
from detente.sources.record import Sourced, SourceRecord
from detente.world.core import World

if TYPE_CHECKING:
    from detente.assembly.splitspec import Customs, SplitSpec

#: Digits by which products go to sectors.
_DIGITS = 4
_COLUMNS = ["year", "exporter", "importer", "product", "value", "quantity"]


def read_trade(spec: SplitSpec) -> Sourced:
    """What the original has of the country in the year, by product and partner.

    Known traps of mirror data are applied (`detente.sources.mirror`), unless the spec says
    ``traps: ignore``; what each did is in ``extra["traps"]``.

    Returns
    -------
    Sourced
        ``table``: flow (``exports``, ``imports``), partner (ISO3), product, value in
        million USD.

    Raises
    ------
    InputError
        As the parsers do; no year; no trade at all.
    """
    kind, given = _given(spec)
    year = _year(spec)
    code = given.reporter or spec.model.country.code
    path = spec.path(given.file, "trade", kind, "file")
    read = _from_baci if kind == "baci" else _from_comtrade
    trade, source = read(path, code, year, given)
    _refuse_chapters(trade, spec.place("trade", kind, "file"))
    extra = {}
    if given.traps == "apply":
        trade, report = mirror_report(trade, code)
        extra["traps"] = report[report["status"].str.startswith(("applied", "flagged"))]
    own = (trade["exporter"] == code) ^ (trade["importer"] == code)
    trade = trade[own]
    if trade.empty:
        what = f"it has no trade of {code} in {year}."
        raise InputError(what, spec.place("trade", kind, "file"))
    selling = trade["exporter"] == code
    frame = pd.DataFrame(
        {
            "flow": selling.map({True: "exports", False: "imports"}),
            "partner": trade["importer"].where(selling, trade["exporter"]),
            "product": trade["product"],
            "value": trade["value"],
        }
    )
    return Sourced(frame.reset_index(drop=True), source, extra)


def _refuse_chapters(trade: pd.DataFrame, place: Place) -> None:
    """Refuse products that are not told apart: chapter 27 is coal, crude and fuels in one."""
    coarse = sorted({p for p in trade["product"].unique() if len(p) < _DIGITS or p == "TOTAL"})
    if coarse:
        raise InputError(
            f"its products are too coarse ({', '.join(coarse[:3])}): a chapter is of several "
            "sectors, as 27 is of coal, crude and fuels. Take headings (four digits) or lines "
            "(six).",
            place,
        )


def _given(spec: SplitSpec) -> tuple[str, Customs]:
    found = spec.model.trade.customs
    assert found is not None
    return found


def _year(spec: SplitSpec) -> int:
    """The year of the original, else the spec's own."""
    kind, given = _given(spec)
    year = spec.model.year if given.year is None else given.year
    if not isinstance(year, int):
        raise InputError("which year of it? Give 'year'.", spec.place("trade", kind))
    return year


def _from_baci(
    path: Path, code: str, year: int, given: Customs
) -> tuple[pd.DataFrame, SourceRecord]:
    """The country's flows, and those that the prices of what a trap adds come from."""
    sold = read_baci(path, years=year, exporters=code)
    parts = [sold.table, read_baci(path, years=year, importers=code).table]
    adding = [
        trap
        for trap in (load_traps() if given.traps == "apply" else ())
        if trap.country == code and trap.action == "impute" and trap.covers_year(year)
    ]
    for trap in adding:
        buyer = trap.formula.rpartition(" ")[2]
        found = read_baci(path, years=year, importers=buyer, products=trap.product.split(";"))
        parts.append(found.table[found.table["exporter"] != code])
    return pd.concat(parts, ignore_index=True)[_COLUMNS], sold.source


def _from_comtrade(
    path: Path, code: str, year: int, given: Customs
) -> tuple[pd.DataFrame, SourceRecord]:
    """All flows of the year: prices may need others' too."""
    read = read_comtrade(path, level=given.level)
    table = read.table[read.table["year"] == year]
    return table[_COLUMNS].reset_index(drop=True), read.source


def by_partner(spec: SplitSpec, world: World) -> pd.DataFrame:
    """The same by the world's partners and sectors: every cell of goods, zeros included.

    Parameters
    ----------
    spec : SplitSpec
    world : World
        Its sectors must be the embedded ones, which products are mapped to.

    Returns
    -------
    DataFrame
        flow, partner, sector, value; ``attrs["notes"]`` says what is left out.

    Raises
    ------
    InputError
        Other sectors; a region that the world does not have.
    """
    kind, given = _given(spec)
    assert spec.customs is not None
    goods = sorted({s for s in prefixes().values() if s})
    if not set(goods) <= set(world.sectors):
        missing = next(s for s in goods if s not in world.sectors)
        raise InputError(
            f"products are mapped to the embedded sectors; this world has no '{missing}'. "
            "Make a table of trade by sector instead.",
            spec.place("trade", kind),
        )
    products = spec.customs.table["product"]
    frame = spec.customs.table.assign(
        sector=products.map({code: sector_of(code) for code in products.unique()}),
        region=spec.customs.table["partner"].map(_regions(spec, world)),
    )
    if given.rest is not None:
        frame["region"] = frame["region"].fillna(given.rest)
    placed = frame[frame["region"].notna() & (frame["sector"] != "")]
    sums = placed.groupby(["flow", "region", "sector"])["value"].sum()
    index = pd.MultiIndex.from_product(
        [("exports", "imports"), world.countries, goods], names=["flow", "partner", "sector"]
    )
    found = sums.reindex(index, fill_value=0.0).rename("value").reset_index()
    found.attrs["notes"] = _left_out(frame)
    return found


def _regions(spec: SplitSpec, world: World) -> dict[str, str]:
    """ISO3 to partner: the spec's regions, else the world's record of members, else itself."""
    kind, given = _given(spec)
    members = world.meta.get("members", {})
    found = {iso: region for region, codes in members.items() for iso in codes}
    found |= {code: code for code in world.countries}
    found |= {iso: region for region, codes in given.regions.items() for iso in codes}
    for region in (*given.regions, *([given.rest] if given.rest else [])):
        if region not in world.countries:
            raise InputError(
                f"unknown country '{region}' in world '{world.name}'.",
                spec.place("trade", kind, "regions", region),
                nearest(region, world.countries),
            )
    return {iso: region for iso, region in found.items() if region in world.countries}


def _left_out(frame: pd.DataFrame) -> tuple[str, ...]:
    """What no partner or sector of the world takes, with amounts."""
    notes = []
    lost = frame[frame["region"].isna()]
    if len(lost):
        size = lost.groupby("partner")["value"].sum().sort_values(ascending=False)
        named = ", ".join(f"{code} {value:,.1f}" for code, value in size.head(8).items())
        notes.append(
            f"{len(size)} partners are in no region and are left out, "
            f"{size.sum():,.1f} million USD: {named}"
        )
    nowhere = frame[frame["region"].notna() & (frame["sector"] == "")]
    if len(nowhere):
        notes.append(
            "products that are in no sector are left out, "
            f"{nowhere['value'].sum():,.1f} million USD"
        )
    return tuple(notes)
