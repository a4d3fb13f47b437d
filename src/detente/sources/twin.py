"""Flows that look like those of another country with a similar name.

No list of cases, but evidence that can be read: does the twin trade this with this partner, is
the flow one-sided, does it come and go, is its unit value possible, is it out of proportion to
the partner's size and distance. It ranks; it does not judge.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from detente.errors import InputError, nearest

_FEW_YEARS = 5


def suspicious(
    trade: pd.DataFrame,
    country: str,
    twin: str = "KOR",
    *,
    distance: pd.DataFrame | None = None,
    established: Collection[str] = (),
    digits: int = 4,
) -> pd.DataFrame:
    """Rank a country's flows by how much better they fit its twin.

    For a flow of value v, summed over the years in which it occurs:

    ``twin_fit`` = T / (T + v), with T the twin's trade with the same partner in the same
    product, direction and years.
    ``one_sided`` = v / (v + r), with r what goes the other way between country and partner
    in those years; only in tables by product.
    ``irregular`` = 1 − median / mean of the flow over all years of the data, zeros counted;
    only where there are at least five.
    ``unit_gap`` = |ln(unit value / unit value of the world's trade in the product and
    year)| / ln 10, at most 1, weighted by value; only with quantities.
    ``excess`` = 1 − E / v, at least 0, with E in proportion to the partner's trade over its
    distance, scaled so that it is met by the partner in the middle of the country's trade
    (median by value); only with ``distance``.

    The evidence is 1 − (1 − one_sided · irregular · excess)(1 − unit_gap), what is not
    available left out, and ``score`` = twin_fit · evidence. With no evidence beyond the
    twin's trade the score is ``twin_fit`` alone, which every large partner has.

    Parameters
    ----------
    trade : DataFrame
        ``year``, ``exporter``, ``importer``, ``value`` (million USD), and where there are
        any ``product`` (HS, as text) and ``quantity`` (tonnes), of the whole world or at
        least of the two countries.
    country, twin : str
        ISO3.
    distance : DataFrame, optional
        ``exporter``, ``importer``, ``distance`` (km), as from ``cepii.read_geodist``.
    established : collection of str
        Partners whose trade with the country is known to be its own: not scored.
    digits : int
        To which products are summed.

    Returns
    -------
    DataFrame
        ``direction`` (of ``country``), ``partner``, ``product`` (if any), ``first``,
        ``last``, ``years`` (how many), ``value``, ``twin_value`` (million USD), the
        evidence, ``same_both_ways`` (the flow back is equal in every year, as where one
        report was copied into both), ``score`` (0 to 1) and ``suspect`` = score · value,
        largest first.

    Raises
    ------
    InputError
        A column is missing; the country or its twin is not in the table.
    """
    _check(trade, country, twin)
    keys = ["product"] if "product" in trade else []
    columns = ["year", "exporter", "importer", *keys, "value"]
    whole = trade[columns + (["quantity"] if "quantity" in trade else [])]
    if keys:
        whole = whole.assign(product=whole["product"].str[:digits])
    found = [
        _direction(whole, country, twin, direction, distance)
        for direction in ("import", "export")
    ]
    table = pd.concat([f for f in found if len(f)] or found[:1], ignore_index=True)
    table = table[~table["partner"].isin(list(established))]
    table["score"] = table["twin_fit"] * _evidence(table)
    table["suspect"] = table["score"] * table["value"]
    order = table.sort_values(["suspect", "value"], ascending=False, kind="stable")
    return order.reset_index(drop=True)


def _check(trade: pd.DataFrame, country: str, twin: str) -> None:
    for name in ("year", "exporter", "importer", "value"):
        if name not in trade:
            near = nearest(name, map(str, trade.columns))
            raise InputError(f"the table has no column '{name}'.", nearest=near)
    there = {*trade["exporter"].unique(), *trade["importer"].unique()}
    for code in (country, twin):
        if code not in there:
            raise InputError(f"'{code}' is not in the table.", nearest=nearest(code, there))


def _direction(
    whole: pd.DataFrame, country: str, twin: str, direction: str, distance: pd.DataFrame | None
) -> pd.DataFrame:
    """All flows of one direction with their evidence."""
    own, other = ("importer", "exporter")[:: 1 if direction == "import" else -1]
    keys = ["product"] if "product" in whole else []
    cell = ["partner", *keys, "year"]
    money = [c for c in ("value", "quantity") if c in whole]

    def of(side: str, code: str, partner: str) -> pd.DataFrame:
        rows = whole[whole[side] == code].rename(columns={partner: "partner"})
        sums = rows.groupby(cell, as_index=False)[money].sum(min_count=1)
        return sums[sums["value"] > 0]

    flows = of(own, country, other)
    flows = flows[~flows["partner"].isin([country, twin])]
    twins = of(own, twin, other)[[*cell, "value"]].rename(columns={"value": "twin_value"})
    back = of(other, country, own)
    returned = back.groupby(["partner", "year"], as_index=False)[["value"]].sum()
    same = back[[*cell, "value"]].rename(columns={"value": "same_back"})
    flows = flows.merge(twins, how="left", on=cell)
    flows = flows.merge(returned.rename(columns={"value": "back"}), how="left")
    flows = flows.merge(same, how="left", on=cell)
    flows = flows.fillna({"twin_value": 0.0, "back": 0.0})
    flows["gap"] = _unit_gaps(flows, whole, keys) * flows["value"]
    flows["same_both_ways"] = np.isclose(flows["value"], flows["same_back"], rtol=1e-9, atol=0)
    table = _summed(flows, ["partner", *keys], sorted(whole["year"].unique()))
    table.insert(0, "direction", direction)
    table["one_sided"] = table["value"] / (table["value"] + table.pop("back"))
    if not keys:
        table["one_sided"] = np.nan
    table["excess"] = _excess(table, whole, country, distance)
    last = ["twin_fit", "one_sided", "irregular", "unit_gap", "excess", "same_both_ways"]
    return table[[*(c for c in table.columns if c not in last), *last]]


def _summed(flows: pd.DataFrame, cell: list[str], years: list[int]) -> pd.DataFrame:
    """Over the years: totals, span, irregularity."""
    table = flows.groupby(cell, as_index=False).agg(
        first=("year", "min"),
        last=("year", "max"),
        years=("year", "nunique"),
        value=("value", "sum"),
        twin_value=("twin_value", "sum"),
        back=("back", "sum"),
        unit_gap=("gap", lambda v: v.sum(min_count=1)),
        same_both_ways=("same_both_ways", "all"),
    )
    table["unit_gap"] = table["unit_gap"] / table["value"]
    table["twin_fit"] = table["twin_value"] / (table["twin_value"] + table["value"])
    table["irregular"] = np.nan
    if len(years) >= _FEW_YEARS and len(flows):
        wide = flows.pivot_table(index=cell, columns="year", values="value", aggfunc="sum")
        wide = wide.reindex(columns=years).fillna(0.0)
        steady = (wide.median(axis=1) / wide.mean(axis=1)).clip(upper=1.0)
        table["irregular"] = (1.0 - steady).to_numpy()
    return table


def _unit_gaps(flows: pd.DataFrame, whole: pd.DataFrame, keys: list[str]) -> pd.Series:
    """How many powers of ten a unit value is from the world's, at most one."""
    if "quantity" not in whole or not keys:
        return pd.Series(np.nan, index=flows.index)
    cell = [*keys, "year"]
    weighed = whole[whole["quantity"] > 0]
    world = weighed.groupby(cell)[["value", "quantity"]].sum()
    price = (world["value"] / world["quantity"]).rename("price").reset_index()
    usual = flows[cell].merge(price, how="left", on=cell)["price"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (flows["value"] / flows["quantity"].where(flows["quantity"] > 0)) / usual
        gap = np.abs(np.log10(ratio))
    return pd.Series(gap, index=flows.index).clip(upper=1.0)


def _excess(
    table: pd.DataFrame, whole: pd.DataFrame, country: str, distance: pd.DataFrame | None
) -> pd.Series:
    """What is beyond size over distance, by partner (products of a partner share it)."""
    if distance is None or not len(table):
        return pd.Series(np.nan, index=table.index)
    size = (
        whole.groupby("exporter")["value"]
        .sum()
        .add(whole.groupby("importer")["value"].sum(), fill_value=0.0)
    )
    near = distance[distance["exporter"] == country].set_index("importer")["distance"]
    value = table.groupby("partner")["value"].sum()
    ratio = (value / (size / near).reindex(value.index)).dropna().sort_values()
    if ratio.empty:
        return pd.Series(np.nan, index=table.index)
    reached = value[ratio.index].cumsum() / value[ratio.index].sum()
    middle = float(ratio.iloc[int(np.searchsorted(reached.to_numpy(), 0.5))])
    return table["partner"].map((1.0 - middle / ratio).clip(lower=0.0))


def _evidence(table: pd.DataFrame) -> pd.Series:
    odd = table[["one_sided", "irregular", "excess"]]
    factor = odd.prod(axis=1, skipna=True).where(odd.notna().any(axis=1))
    gap = table["unit_gap"]
    some = factor.notna() | gap.notna()
    found = 1.0 - (1.0 - factor.fillna(0.0)) * (1.0 - gap.fillna(0.0))
    return found.where(some, 1.0)
