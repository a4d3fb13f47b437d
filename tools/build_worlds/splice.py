"""Adding the DPRK to the table of everyone else, with every identity kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.dprk import DprkTable
from tools.build_worlds.dprk_products import Trade
from tools.build_worlds.rest import RestTable
from tools.build_worlds.tariffs import tariff_rates

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FullTable:
    """The world in levels: the DPRK first, then the rest in its order.

    Attributes
    ----------
    countries, country_names : tuple of str
    flows, tariff : ndarray, shape (S, N, N)
    input_use : ndarray, shape (S, S, N)
    final, value_added : ndarray, shape (S, N)
    report : dict
        What the partners gave up for it; JSON-able.
    """

    countries: tuple[str, ...]
    country_names: tuple[str, ...]
    flows: Array
    tariff: Array
    input_use: Array
    final: Array
    value_added: Array
    report: dict[str, Any]


def splice(rest: RestTable, dprk: DprkTable, trade: Trade) -> FullTable:
    """One table of both.

    A partner's output does not change: what it ships to the DPRK it no longer sells at
    home. What it then has of a good, more from the DPRK and less of its own, moves all
    its uses of that good, inputs and final demand, by one factor; an industry's value
    added takes what its inputs leave, and the partner's deficit the trade. So every
    identity of the rest holds as before.

    Parameters
    ----------
    rest : RestTable
    dprk : DprkTable
    trade : Trade
        Exports and imports of the DPRK, partners in the rest's order.

    Raises
    ------
    ValueError
        A partner would have to ship more than it sells at home.
    """
    countries = ("PRK", *rest.countries)
    flows, tariff = _flows(rest, dprk, trade), _tariff(rest, countries)
    spent = (flows * (1.0 + tariff)).sum(axis=1)[:, 1:]
    before = (rest.flows * (1.0 + rest.tariff)).sum(axis=1)
    factor = np.divide(spent, before, out=np.ones_like(spent), where=before > 0)
    input_use = np.concatenate(
        [dprk.input_use[:, :, None], rest.input_use * factor[:, None, :]], axis=2
    )
    final = np.concatenate([dprk.final[:, None], rest.final * factor], axis=1)
    added = flows.sum(axis=2) - input_use.sum(axis=0)
    names = ("Democratic People's Republic of Korea", *rest.country_names)
    report = _report(rest, added, factor)
    return FullTable(countries, names, flows, tariff, input_use, final, added, report)


def _flows(rest: RestTable, dprk: DprkTable, trade: Trade) -> Array:
    """Everyone's flows, the DPRK first; shape (S, N + 1, N + 1)."""
    s, n = rest.final.shape
    flows = np.zeros((s, n + 1, n + 1))
    flows[:, 1:, 1:] = rest.flows
    flows[:, 0, 0] = dprk.home_sales
    flows[:, 0, 1:], flows[:, 1:, 0] = trade.exports, trade.imports
    home = np.arange(1, n + 1)
    flows[:, home, home] -= trade.imports
    if (flows < 0).any():
        raise ValueError("a partner ships more to the DPRK than it sells at home")
    return flows


def _report(rest: RestTable, added: Array, factor: Array) -> dict[str, Any]:
    """What the partners gave up."""
    moved = added[:, 1:].sum(axis=0) / rest.value_added.sum(axis=0) - 1.0
    worst = int(np.abs(moved).argmax())
    return {
        "rule": "partners' outputs unchanged; uses of a good move by one factor, value "
        "added and deficits take the difference",
        "largest_change_of_a_partner's_value_added": {
            "country": rest.countries[worst],
            "relative": float(moved[worst]),
        },
        "largest_factor_on_a_partner's_use": float(np.abs(factor - 1.0).max()),
    }


def _tariff(rest: RestTable, countries: tuple[str, ...]) -> Array:
    """Tariffs with the DPRK's links, which the schedule answers too; shape (S, N, N)."""
    size = len(countries)
    found = np.zeros((len(rest.sectors), size, size))
    found[:, 1:, 1:] = rest.tariff
    for j, code in enumerate(countries[1:], start=1):
        found[:, 0, j] = tariff_rates(rest.schedule, code, "PRK", rest.sectors)
        found[:, j, 0] = tariff_rates(rest.schedule, "PRK", code, rest.sectors)
    return found
