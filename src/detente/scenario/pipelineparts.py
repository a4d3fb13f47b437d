"""Parts of the measure ``pipeline``: what it costs to whom, how it enters, and its words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from detente.corridors.pipelineentry import Entry
from detente.corridors.pipelines import DAYS, Economics, Link, Segment, while_built
from detente.corridors.pipelineunits import figure
from detente.errors import ScenarioError
from detente.scenario.compose import State
from detente.scenario.finance import Finance
from detente.scenario.measure import Measure
from detente.scenario.zones import carried, extra_for
from detente.shocks import Cap

Cell = tuple[int, int, int]


# -- who pays --------------------------------------------------------------------------------
def hosts(link: Link) -> dict[str, float]:
    """Where the link stands: shares by capital, else by length, else at both ends."""
    by_capital = link.capex > 0
    sizes: dict[str, float] = {}
    for segment in link.segments:
        size = segment.capex if by_capital else segment.km
        sizes[segment.country] = sizes.get(segment.country, 0.0) + size
    sizes = sizes or {link.seller: 1.0, link.buyer: 1.0}
    total = sum(sizes.values())
    return {c: x / total for c, x in sizes.items() if x > 0}


def terms(finance: Finance, link: Link) -> Finance:
    """``finance`` with the link's capital, rate and life where it states none of its own."""
    given = finance.model_fields_set
    own = {"rate": link.rate, "life": link.life, "capex": link.capex or None}
    return finance.model_copy(update={k: v for k, v in own.items() if k not in given})


def financed(link: Link, finance: Finance) -> Link:
    """The link with the capital, payers, rate and life of ``finance``."""
    others = tuple(replace(s, capex=0.0) for s in link.segments)
    runners = {s.country: s.run_by for s in link.segments}
    capex = finance.capex or 0.0
    paid = tuple(
        Segment(c, 0.0, share * capex, finance.paid_by, runners.get(c, {c: 1.0}))
        for c, share in hosts(link).items()
    )
    return replace(link, segments=others + paid, rate=finance.rate, life=finance.life)


def charged(state: State, measure: Measure, finance: Finance, link: Link) -> str:
    """Charge a year's annuity of the capital, interest while it was built included."""
    built = while_built(finance.rate, link.construction)
    whole = finance.model_copy(update={"capex": (finance.capex or 0.0) * built})
    return whole.charge(state, measure, hosts(link))


# -- law -------------------------------------------------------------------------------------
def under_law(link: Link, closed: float) -> Link:
    """The link of which law closes a share: it flows in so much less of the year."""
    left = (1.0 - link.closed / DAYS) * (1.0 - closed)
    return replace(link, closed=DAYS * (1.0 - left))


# -- in the model ----------------------------------------------------------------------------
def put(state: State, measure: Measure, link: Link, enters: Entry, cell: Cell) -> None:
    """Add the link's trade, cost, cap and the owners of its rent to the state.

    F is what the link carries without the pipe once every law, ban and opening has been
    applied, at baseline costs (:func:`detente.scenario.zones.carried`).
    """
    (s, i, n), world = cell, state.world
    links = carried(state)
    flow = float(links.without[cell])
    gain = np.zeros(world.n_sectors)
    gain[s] = enters.worth
    extra = np.zeros(world.flows.shape)
    extra[:, i, n] = extra_for(state, links, i, n, gain)
    try:
        if np.isnan(extra[cell]):
            raise ScenarioError(
                f"the link would sell {figure(enters.worth)} million USD of {world.sectors[s]} "
                f"to {link.buyer}, and all that it spends on that sector is "
                f"{figure(world.expenditure[s, n])} million USD."
            )
        state.add_trade(extra)
    except ScenarioError as error:
        measure.fail("capacity", error.what)
    state.cost_hat[cell] *= enters.cost_hat(flow)
    _no_variety(state, cell, float(links.now[s, :, n].sum()))
    quantity = enters.quantity(flow)
    state.caps.append(
        Cap(world.sectors[s], (link.seller,), (link.buyer,), quantity, owner=enters.owners)
    )
    for code, amount in enters.transfers.items():
        state.transfer[world.country_index(code)] += amount
        if amount < 0:
            state.tell(
                measure,
                f"by this contract {code} pays {figure(-amount)} million USD a year more than "
                "its part of the rent: it would be better off without it",
            )


def _no_variety(state: State, cell: Cell, before: float) -> None:
    """Take the gain from variety out: gas of another supplier is the same gas.

    Added trade raises the weights of a buyer's suppliers from Σb = ``before`` to Σb′, so that
    at baseline costs its price would fall by (Σb′/Σb)^(1/θ). d̂ of every supplier, the own
    country's too, rises by as much: the price stays, and the others give way in proportion.
    """
    s, _, n = cell
    after = float(carried(state).now[s, :, n].sum())
    state.cost_hat[s, :, n] *= (after / before) ** (1.0 / state.world.trade_elasticity[s])


# -- in words --------------------------------------------------------------------------------
def route(link: Link) -> str:
    """``RUS→KOR via PRK``."""
    via = f" via {', '.join(link.via)}" if link.via else ""
    return f"{link.seller}→{link.buyer}{via}"


def unit(link: Link) -> tuple[str, str]:
    """Of volume and of price."""
    return ("bcm", "USD/1000m3") if link.carrier == "gas" else ("TWh", "USD/MWh")


def unused(found: Economics, closed: float) -> str:
    """Why nobody would use it, with the figures."""
    link = found.link
    volume, price = unit(link)
    if found.volume <= 0:
        why = "law or a ban closes it: " if closed >= 1 else ""
        return f"{why}nothing flows all year, and nothing changes"
    if found.surplus <= 0:
        more = found.unit_cost - link.alternative
        return (
            f"nobody would use it: {figure(found.volume)} {volume} a year cost "
            f"{figure(found.unit_cost)} {price} to supply and carry, and the alternative "
            f"{figure(link.alternative)}: {figure(more)} too dear"
        )
    who = " and ".join(dict.fromkeys(link.bargainers))
    stated = "" if link.bargained else f", transit takes {figure(sum(found.fees.values()))}"
    return (
        f"no deal: the surplus is {figure(found.surplus)} million USD a year{stated}, and "
        f"{who} would lose {figure(-found.divided)} together; only a stated 'price' could hold "
        "them to it"
    )


def told(found: Economics, enters: Entry) -> str:
    """What enters, with the contract and the owners of the rent."""
    link = found.link
    volume, price = unit(link)
    owners = ", ".join(f"{code} {figure(100 * share, 3)} %" for code, share in enters.owners)
    fees = "".join(f", {c} gets {figure(f)} for transit" for c, f in found.fees.items())
    return (
        f"{figure(found.volume)} {volume} a year worth {figure(enters.worth)} million USD at "
        f"{figure(link.alternative)} {price}, at {enters.ratio:.3g} of that in resources; "
        f"contract price {figure(found.price)}{fees}; rent {figure(enters.rent)}: {owners}"
    )


def in_tables(found: Economics, enters: Entry) -> str:
    """What tables of trade show of it, and what the contract is for."""
    link, shown = found.link, enters.ratio * enters.worth
    return (
        f"tables of trade show this {link.carrier} at what its resources cost, {figure(shown)} "
        f"million USD a year; by the contract {link.buyer} pays "
        f"{figure(found.price * found.volume)}, and its alternative would cost "
        f"{figure(enters.worth)}. The rent, {figure(enters.rent)}, is income of its owners and "
        f"in no table of trade, so that {link.buyer}'s imports look smaller by it"
    )


def serialised(fields: dict[str, Any], finance: Finance | None) -> dict[str, Any]:
    """Fields of a file with a rate and life that were stated, even where they are defaults."""
    if finance is None:
        return fields
    stated = finance.model_fields_set & {"rate", "life"}
    whole = finance.model_dump(mode="json")
    mine = {k: whole[k] for k in sorted(stated)}
    return fields | {"finance": fields.get("finance", {}) | mine}
