"""The world without the DPRK: the 2022 ICIO, aggregated, balanced, given tariffs.

What is observed stays: intermediate flows, outputs, final sales by supplier. The source
has no final demand by buyer; ``final_estimated``, its sourcing corrected by the WIOD's
(sourcing.py), is the prior of a balancing (RAS) to each supplier's final sales and to each
economy's final demand, which is its value added less its published external balance.
Run ``python -m tools.build_worlds.rest DATA``.

What the table's value added holds: Y − Σ inputs, so factor income, taxes less subsidies
on production and products, and purchases from countries outside the table. Sales to those
countries sit in final sales. Neither can be told apart here, so the outside world is
spread over the 22 economies, its net purchases over the groups that lie next to it
(:data:`HOSTS`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.economies import Grouping, economies, is_goods, read_table, sectors
from tools.build_worlds.elasticities import trade_elasticity
from tools.build_worlds.sourcing import foreign_odds_ratio, goods_prior
from tools.build_worlds.tariffs import TariffSchedule, fit, read_schedule

from detente.world.balance import balance

Array = NDArray[np.float64]

#: Groups around the countries that the table lacks; they take what the balances leave.
HOSTS = ("LATX", "EECA", "MENA", "SASX", "SSAF")


@dataclass(frozen=True)
class RestTable:
    """Every economy but the DPRK; million USD, 2022; N economies, S sectors.

    Attributes
    ----------
    countries, country_names, sectors, sector_names : tuple of str
        The axes.
    flows : ndarray, shape (S, N, N)
        F[s, i, n]: intermediate and final, basic prices, net of tariff.
    input_use : ndarray, shape (S, S, N)
        [k, s, i]: cost of k in making s in i, all sources, tariff-inclusive.
    final : ndarray, shape (S, N)
        Final expenditure, all sources, tariff-inclusive.
    value_added : ndarray, shape (S, N)
        By sector, after the tariffs on inputs are taken out.
    tariff : ndarray, shape (S, N, N)
        t[s, i, n], ad valorem.
    trade_elasticity : ndarray, shape (S,)
        θ.
    deficit : ndarray, shape (N,)
        D: imports less exports, net of tariff.
    schedule : TariffSchedule
        What the tariffs were made of; serves the DPRK's links too.
    report : dict
        What was moved and by how much; JSON-able.
    """

    countries: tuple[str, ...]
    country_names: tuple[str, ...]
    sectors: tuple[str, ...]
    sector_names: tuple[str, ...]
    flows: Array
    input_use: Array
    final: Array
    value_added: Array
    tariff: Array
    trade_elasticity: Array
    deficit: Array
    schedule: TariffSchedule
    report: dict[str, Any]


@dataclass(frozen=True)
class _Icio:
    """The originals in double precision, and their sums over groups."""

    countries: tuple[str, ...]
    value_added: Array  # by country
    goods_imports: Array  # intermediate, by country
    trade: Array  # intermediate exports and imports, by country
    intermediate: Array  # S, N, N, aggregated
    input_use: Array  # S, S, N, aggregated
    final_sales: Array  # S, N, aggregated
    final_prior: Array  # S, N, N, aggregated
    report: dict[str, Any]


def rest_of_table(data: Path) -> RestTable:
    """Build the table of every economy but the DPRK.

    Parameters
    ----------
    data : Path
        Folder of the originals, with ``icio2022/icio2022.npz``.

    Returns
    -------
    RestTable
        All of docs/model.md's identities hold to rounding; nothing is negative.

    Raises
    ------
    WorldError
        Targets that no table can meet.
    """
    countries, goods = economies(), sectors()
    icio = _read(data, countries, goods)
    value_added = icio.final_sales.sum(axis=0) + icio.intermediate.sum(axis=(0, 2))
    value_added -= icio.intermediate.sum(axis=(0, 1))
    deficit, targets = _deficits(icio, countries)
    # D = imports − exports and output = inputs + value added leave, net of tariff,
    # final demand = value added + D.
    demand = value_added + deficit
    prior = _corrected_prior(data, icio, demand, (countries, goods))
    final_flows, moved = _balance_final(icio, prior, demand, (countries, goods))
    flows = icio.intermediate + final_flows
    weights = dict(zip(icio.countries, map(float, icio.goods_imports), strict=True))
    tariff, schedule = fit(
        read_schedule(weights, countries), flows, countries.codes, goods.codes
    )
    final = (final_flows * (1.0 + tariff)).sum(axis=1)
    input_use, cost = _with_tariff(icio, tariff, flows)
    report = icio.report | targets | moved | cost
    report |= _tariff_report(tariff, flows, schedule, countries)
    return RestTable(
        countries=countries.codes,
        country_names=countries.names,
        sectors=goods.codes,
        sector_names=goods.names,
        flows=flows,
        input_use=input_use,
        final=final,
        value_added=flows.sum(axis=2) - input_use.sum(axis=0),
        tariff=tariff,
        trade_elasticity=trade_elasticity(goods.codes),
        deficit=flows.sum(axis=(0, 1)) - flows.sum(axis=(0, 2)),
        schedule=schedule,
        report=report,
    )


def _read(data: Path, countries: Grouping, goods: Grouping) -> _Icio:
    """Read and aggregate; final sales that the prior lacks are placed, negatives cut."""
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        raw = {key: table[key].astype(np.float64) for key in _SUMMED}
        names = tuple(str(code) for code in table["countries"])
        icio_sectors = tuple(str(code) for code in table["sectors"])
    negative = {key: float(np.abs(np.minimum(array, 0.0)).sum()) for key, array in raw.items()}
    raw = {key: np.maximum(array, 0.0) for key, array in raw.items()}
    prior, placed = _complete_prior(raw)
    g, h = countries.matrix(names), goods.matrix(icio_sectors)
    customs = np.array([code[0] in "ABC" for code in icio_sectors])
    abroad = raw["intermediate"] * ~np.eye(len(names), dtype=bool)[None]
    return _Icio(
        countries=names,
        value_added=raw["value_added"].sum(axis=0),
        goods_imports=abroad[customs].sum(axis=(0, 1)),
        trade=abroad.sum(axis=(0, 1)) + abroad.sum(axis=(0, 2)),
        intermediate=_sum(h, raw["intermediate"], g),
        input_use=np.einsum("ak,bs,ksi,gi->abg", h, h, raw["input_use"], g, optimize=True),
        final_sales=h @ raw["final_sales"] @ g.T,
        final_prior=_sum(h, prior, g),
        report={
            "world_output": float(raw["output"].sum()),
            "world_value_added": float(raw["value_added"].sum()),
            "negatives_cut": negative,
            "final_sales_placed_at_home_or_by_inputs": placed,
        },
    )


_SUMMED = (
    "intermediate",
    "input_use",
    "value_added",
    "output",
    "final_sales",
    "final_estimated",
)


def _sum(h: Array, array: Array, g: Array) -> Array:
    """Aggregate [s, i, n] over sectors (h) and countries (g)."""
    found: Array = np.einsum("as,sin,gi,hn->agh", h, array, g, g, optimize=True)
    return found


def _complete_prior(raw: Mapping[str, Array]) -> tuple[Array, float]:
    """Give final sales that the estimate leaves unallocated to the supplier's buyers.

    They follow the supplier's own intermediate sales; where it has none (sector T, work
    in households) they stay at home.
    """
    estimate, sales = raw["final_estimated"], raw["final_sales"]
    missing = np.maximum(sales - estimate.sum(axis=2), 0.0)
    bought = raw["intermediate"]
    total = bought.sum(axis=2, keepdims=True)
    home = np.broadcast_to(np.eye(sales.shape[1])[None], bought.shape)
    pattern = np.where(total > 0, bought / np.where(total > 0, total, 1.0), home)
    return estimate + missing[:, :, None] * pattern, float(missing.sum())


def _deficits(icio: _Icio, countries: Grouping) -> tuple[Array, dict[str, Any]]:
    """D[n] = −(external balance) from the table of targets, summing to zero.

    Figures named as targets come out exactly (of the table's value added). The sum of
    all differs from zero by what the rest of the world buys net and by what the world's
    statistics miss; it goes to :data:`HOSTS`, by the cross-border intermediate trade of
    their members that have no target: a balance can be wrong where trade is large.
    """
    rows = {row["code"]: row for row in read_table("external_balance.csv")}
    size = dict(zip(icio.countries, map(float, icio.value_added), strict=True))
    trade = dict(zip(icio.countries, map(float, icio.trade), strict=True))
    given, open_size = np.zeros(len(countries.codes)), np.zeros(len(countries.codes))
    for position, code in enumerate(countries.codes):
        members = countries.members(code)
        if code in rows and code not in members:
            given[position] = _share(rows[code]) * sum(size[m] for m in members)
            continue
        given[position] = sum(_share(rows[m]) * size[m] for m in members)
        if code in HOSTS:
            priors = [m for m in members if rows[m]["figure"] == "prior"]
            open_size[position] = sum(trade[m] for m in priors)
    gap = float(given.sum())
    spread = gap * open_size / open_size.sum()
    total = np.array([sum(size[m] for m in countries.members(c)) for c in countries.codes])
    report = {
        "balance_gap": gap,
        "balance_gap_share_of_value_added": gap / float(total.sum()),
        "balance_gap_spread": _named(countries.codes, spread),
        "external_balance_given_percent": _named(countries.codes, 100 * given / total),
        "external_balance_used_percent": _named(
            countries.codes, 100 * (given - spread) / total
        ),
    }
    return spread - given, report


def _share(row: Mapping[str, str]) -> float:
    return float(row["value"]) / 100


def _named(codes: tuple[str, ...], values: Array) -> dict[str, float]:
    """Code to value, in the order of the codes."""
    return {code: float(value) for code, value in zip(codes, values, strict=True)}


def _corrected_prior(
    data: Path, icio: _Icio, demand: Array, axes: tuple[Grouping, Grouping]
) -> Array:
    """Take goods' final sourcing from the WIOD's odds; services and mining stay estimated."""
    countries, goods = axes
    odds = foreign_odds_ratio(data, countries, goods.codes)
    prior = icio.final_prior.copy()
    for s in np.flatnonzero((odds != 1.0).any(axis=1)):
        prior[s] = goods_prior(icio.intermediate[s], icio.final_sales[s], demand, odds[s])
    return prior


def _balance_final(
    icio: _Icio, corrected: Array, demand: Array, axes: tuple[Grouping, Grouping]
) -> tuple[Array, dict[str, Any]]:
    """RAS of the final block: rows are suppliers (s, i), columns are buyers n."""
    countries, goods = axes
    s, n = icio.final_sales.shape
    prior = corrected.reshape(s * n, n)
    labels = [f"{sector} of {country}" for sector in goods.codes for country in countries.codes]
    found = balance(
        prior,
        icio.final_sales.reshape(-1),
        # Rounding of the two sums only: both are the world's value added.
        demand * (icio.final_sales.sum() / demand.sum()),
        row_labels=labels,
        column_labels=countries.codes,
    )
    before, after = prior.sum(axis=0), found.values.sum(axis=0)
    report = {
        "final_demand_prior": _named(countries.codes, before),
        "final_demand_balanced": _named(countries.codes, after),
        "final_block_corrected_share": _moved(corrected, icio.final_prior),
        "final_block_balanced_share": _moved(found.values, prior),
        "final_block_moved_share": _moved(found.values, icio.final_prior.reshape(s * n, n)),
        "balance_sweeps": found.iterations,
        "balance_residual": found.residual,
        "balance_worst": found.worst,
    }
    return found.values.reshape(s, n, n), report


def _moved(after: Array, before: Array) -> float:
    """Share of the total that sits in another cell."""
    return float(np.abs(after - before).sum() / 2 / before.sum())


def _with_tariff(icio: _Icio, tariff: Array, flows: Array) -> tuple[Array, dict[str, Any]]:
    """Costs of inputs with the tariff in them, which leaves value added by as much.

    Every user of an input k in n pays the mean tariff on n's intermediate purchases of k.
    The source's inputs are first made to add up to its flows (single precision).
    """
    bought = icio.intermediate.sum(axis=1)
    used = icio.input_use.sum(axis=1)
    paid = (icio.intermediate * (1.0 + tariff)).sum(axis=1)
    # Inputs that the two arrays book differently in the last digits of float32.
    factor = np.divide(paid, used, out=np.zeros_like(paid), where=used > 0)
    input_use = icio.input_use * factor[:, None, :]
    output = flows.sum(axis=2)
    value_added = output - input_use.sum(axis=0)
    if (value_added < 0).any():
        raise ValueError("tariffs on inputs exceed a sector's value added")
    safe = np.where(output > 0, output, 1.0)
    before = icio.input_use / safe[None]
    report = {
        "inputs_booked_differently": float(np.abs(bought - used).max()),
        "tariff_taken_out_of_value_added": float((paid - bought).sum()),
        "largest_input_coefficient_change": _largest_change(input_use / safe[None] - before),
    }
    return input_use, report


def _largest_change(change: Array) -> dict[str, Any]:
    """Where an input coefficient [k, s, i] moved most, and by how much."""
    k, s, i = (int(x) for x in np.unravel_index(np.abs(change).argmax(), change.shape))
    codes = sectors().codes
    where = {"input": codes[k], "sector": codes[s], "country": economies().codes[i]}
    return where | {"change": float(change[k, s, i])}


def _tariff_report(
    tariff: Array, flows: Array, schedule: TariffSchedule, countries: Grouping
) -> dict[str, Any]:
    goods = np.array([is_goods(sectors(), code) for code in sectors().codes])
    abroad = flows * ~np.eye(len(countries.codes), dtype=bool)[None]
    imports = abroad[goods].sum(axis=(0, 1))
    revenue = (tariff * flows).sum(axis=(0, 1))
    return {
        "tariff_scale": dict(schedule.scale),
        "tariff_level_percent": _named(countries.codes, 100 * revenue / imports),
        "tariff_revenue": _named(countries.codes, revenue),
        "largest_tariff": float(tariff.max()),
    }


def check(table: RestTable) -> dict[str, float]:
    """Largest violation of each identity of docs/model.md, relative to the cell's own size.

    Parameters
    ----------
    table : RestTable

    Returns
    -------
    dict
        Name of the identity to its largest violation.
    """
    output = table.flows.sum(axis=2)
    expenditure = (table.flows * (1.0 + table.tariff)).sum(axis=1)
    used = table.input_use.sum(axis=1) + table.final
    made = table.input_use.sum(axis=0) + table.value_added
    revenue = (table.tariff * table.flows).sum(axis=(0, 1))
    income = table.value_added.sum(axis=0) + revenue + table.deficit
    spent = table.final.sum(axis=0)
    smallest = min(
        float(array.min())
        for array in (table.flows, table.input_use, table.final, table.value_added)
    )
    return {
        "output = inputs + value added": _relative(output, made),
        "expenditure = inputs + final": _relative(expenditure, used),
        "income = final": _relative(income, spent),
        "deficits sum to zero": float(abs(table.deficit.sum()) / np.abs(table.deficit).sum()),
        "most negative cell": max(-smallest, 0.0),
    }


def _relative(a: Array, b: Array) -> float:
    size = np.maximum(np.abs(a), np.abs(b))
    return float((np.abs(a - b) / np.where(size > 0, size, 1.0)).max())


def _print(table: RestTable) -> None:
    """Thirty lines that a person can check against what they know."""
    report = table.report
    print(f"{len(table.countries)} economies × {len(table.sectors)} sectors, million USD, 2022")
    print(f"output {table.flows.sum():,.0f}  value added {table.value_added.sum():,.0f}")
    for name, value in check(table).items():
        print(f"  {name}: {value:.1e}")
    print(
        f"balances given sum to {report['balance_gap']:,.0f}; final block moved "
        f"{report['final_block_moved_share']:.1%} in {report['balance_sweeps']} sweeps; "
        f"duties out of value added {report['tariff_taken_out_of_value_added']:,.0f}"
    )
    print(
        "      value added  exports  imports  balance %  final prior → balanced  duty %     κ"
    )
    abroad = table.flows * ~np.eye(len(table.countries), dtype=bool)[None]
    for j, code in enumerate(table.countries):
        print(
            f"{code:5}{table.value_added[:, j].sum():12,.0f}{abroad[:, j].sum():9,.0f}"
            f"{abroad[:, :, j].sum():9,.0f}{report['external_balance_used_percent'][code]:9.1f}"
            f"{report['final_demand_prior'][code]:15,.0f}"
            f"{report['final_demand_balanced'][code]:12,.0f}"
            f"{report['tariff_level_percent'][code]:8.2f}{report['tariff_scale'][code]:7.2f}"
        )


if __name__ == "__main__":
    _print(rest_of_table(Path(sys.argv[1])))
