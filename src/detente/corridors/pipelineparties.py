"""What each party of a link could live with, what its capital earns, who could hurt whom.

The symbols are those of :mod:`detente.corridors.pipelines`.

- Break-even: the seller's lowest price (C_s + Σf)/V, the buyer's highest p_a − C_b/V, the
  transit land's lowest fee C_t/(V·km/100), and the highest that leaves the others nothing,
  (p_a·V − C_b − C_s)/(V·km/100).
- Internal rate of return: capital spent in equal yearly outlays while it is built, then the
  gain before capital in every year of use.
- An interruption: what d days without flow cost each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from scipy.optimize import brentq

from detente.corridors.pipelines import DAYS, Economics, economics, recovery, while_built
from detente.errors import InputError


@dataclass(frozen=True)
class BreakEven:
    """Prices and fees at which a party neither gains nor loses.

    Attributes
    ----------
    seller : float
        Lowest contract price, USD per 1000 m³ or MWh.
    buyer : float
        Highest contract price.
    lowest_fee, highest_fee : mapping of transit land to float
        USD per 1000 m³ or MWh and 100 km; NaN where the length is not known.
    """

    seller: float
    buyer: float
    lowest_fee: Mapping[str, float]
    highest_fee: Mapping[str, float]


def break_even(found: Economics) -> BreakEven:
    """Where each party would rather not sign; the formulas are in the module's docstring.

    NaN where nothing flows.
    """
    link, volume = found.link, found.volume
    if volume <= 0:
        nothing = dict.fromkeys(link.via, math.nan)
        return BreakEven(math.nan, math.nan, nothing, nothing)
    fees = sum(found.fees.values())
    low, high = {}, {}
    for land in link.via:
        distance = volume * link.km(land) / 100.0
        others = fees - found.fees[land]
        left = found.value - found.own_cost(link.buyer) - found.own_cost(link.seller) - others
        low[land] = found.own_cost(land) / distance if distance > 0 else math.nan
        high[land] = left / distance if distance > 0 else math.nan
    return BreakEven(
        (found.own_cost(link.seller) + fees) / volume,
        link.alternative - found.own_cost(link.buyer) / volume,
        low,
        high,
    )


@dataclass(frozen=True)
class Return:
    """What a party's capital earns.

    Attributes
    ----------
    capex : float
        Million USD that it puts in, without interest.
    irr : float or None
        Rate at which its net present value is zero; None where it puts nothing in, or gets
        nothing back.
    payback : float or None
        Years of flow until undiscounted income has paid the capital; None where it never
        does within the life.
    """

    capex: float
    irr: float | None
    payback: float | None


def returns(found: Economics, country: str | None = None) -> Return:
    """Internal rate of return and payback of a party, or of the whole link.

    The rate i solves capex·((1 + i)^B − 1)/(i·B) = cash·(1 − (1 + i)^−T)/i, with cash the
    gain before capital and B years of building. Where there is no deal nothing is put in.
    """
    link = found.link
    if not found.deal:
        return Return(0.0, None, None)
    if country is None:
        capital, gain = sum(found.capital.values()), found.surplus
    else:
        capital, gain = found.capital.get(country, 0.0), found.gains[country]
    capex, cash = capital / link.charge, gain + capital
    if capex <= 0 or cash <= 0:
        return Return(capex, None, None)
    payback = capex / cash

    def short(rate: float) -> float:
        return recovery(rate, link.life) * while_built(rate, link.construction) - cash / capex

    low, high = -0.99, 10.0
    inside = short(low) < 0 < short(high)
    irr = float(brentq(short, low, high, xtol=1e-12)) if inside else None
    return Return(capex, irr, payback if payback <= link.life else None)


# -- an interruption -------------------------------------------------------------------------
@dataclass(frozen=True)
class Interruption:
    """What a transit land's closing of the link costs, million USD; losses are positive.

    Attributes
    ----------
    days : float
    losses : mapping of country to float
    expected : float
        A year's, at the stated probability.
    fees : float
        Transit income of a whole year, to be set beside it.
    """

    days: float
    losses: Mapping[str, float]
    expected: float
    fees: float

    @property
    def total(self) -> float:
        """All parties' losses; what one pays another cancels."""
        return sum(self.losses.values())

    def others(self, lands: tuple[str, ...]) -> float:
        """What those lose who do not close it."""
        return sum(loss for code, loss in self.losses.items() if code not in lands)


def interruption(found: Economics, days: float | None = None) -> Interruption:
    """What d days without flow cost each party.

    With v = V·d/365 of a year without closing, m the spot premium, ρ the share that can be
    replaced, u the worth of a unit not delivered: the buyer loses v·(ρ·p_a·(1 + m) +
    (1 − ρ)·u − p), the seller v·(p − c/(1 − φ)) less the fee that it does not pay, and the
    transit land its fee. Running and capital cost go on. Without a deal nothing is lost.

    Raises
    ------
    InputError
        The link states no interruption.
    """
    link, stop = found.link, found.link.stop
    if stop is None:
        raise InputError("this link states nothing about an interruption.")
    days = stop.days if days is None else days
    whole = economics(replace(link, closed=0.0)) if link.closed > 0 else found
    if not whole.deal:
        return Interruption(
            days, dict.fromkeys((link.buyer, link.seller, *link.via), 0.0), 0, 0
        )
    lost = whole.volume * days / DAYS
    fees = {c: fee * days / DAYS for c, fee in whole.fees.items()}
    instead = stop.replaceable * link.alternative * (1.0 + stop.spot_premium)
    instead += (1.0 - stop.replaceable) * stop.lost_load
    kept = link.supply_cost / (1.0 - link.fuel)
    losses = {link.buyer: lost * (instead - whole.price)}
    losses[link.seller] = lost * (whole.price - kept) - sum(fees.values())
    losses |= fees
    total = sum(losses.values())
    return Interruption(days, losses, stop.probability * total, sum(whole.fees.values()))
