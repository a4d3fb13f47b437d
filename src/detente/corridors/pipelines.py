"""Economics of a gas or power link: what it costs, who gains what, and who could hurt whom.

Everything is a real, constant year. With V the volume delivered (bcm or TWh), p_a what the
buyer pays for the alternative, c what a unit costs where it enters the link, φ the share used
up on the way, K_j the capital of a segment j, o the yearly cost of running it as a share of K:

- what enters: V/(1 − φ); supply costs c·V/(1 − φ);
- capital a year: k·K with k = r/(1 − (1 + r)^−T), the capital recovery factor;
- resource cost C = c·V/(1 − φ) + Σ (k + o)·K_j. A transit fee is no part of it: it is a
  transfer, paid by the seller out of a price at the buyer's border;
- surplus S = p_a·V − C: what the link saves the parties together;
- gains at a price p and fees f: buyer p_a·V − p·V − C_b, seller p·V − Σf − C_s, transit land
  f − C_t, where C_b, C_s, C_t is what each pays of C. They sum to S;
- NPV of a gain g over the life: g·(1 − (1 + r)^−T)/r, since k charges capital at the rate r;
- break-even: the seller's lowest price (C_s + Σf)/V, the buyer's highest p_a − C_b/V, the
  transit land's lowest fee C_t/(V·km/100), and the highest that leaves the others nothing,
  (p_a·V − C_b − C_s)/(V·km/100).

A contract is a stated price, a share of the alternative, or a bargain. Nash's bargain over
money, with weights β and no deal as the alternative, gives each party β of S (Nash 1950,
Econometrica 18; the asymmetric form is Kalai's, 1977). Where the fee is stated, buyer and
seller bargain over what it leaves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from scipy.optimize import brentq

from detente.corridors.pipelineunits import Carrier, Fee
from detente.errors import InputError

DAYS = 365.0


@dataclass(frozen=True)
class Segment:
    """A stretch of the link in one country.

    Parameters
    ----------
    country : str
    km : float
    capex : float
        Million USD.
    paid_by, run_by : mapping of country to share
        Whose money builds it, and whose runs it; each sums to one.
    """

    country: str
    km: float
    capex: float
    paid_by: Mapping[str, float]
    run_by: Mapping[str, float]


@dataclass(frozen=True)
class Stop:
    """What is assumed of an interruption by a transit land.

    Parameters
    ----------
    days : float
        How long.
    probability : float
        Of one such interruption in a year.
    spot_premium : float
        What replacement costs beyond the alternative's price.
    replaceable : float
        Share that can be replaced; the rest is not delivered.
    lost_load : float
        What a unit not delivered costs the buyer, USD per 1000 m³ or MWh.
    """

    days: float
    probability: float
    spot_premium: float
    replaceable: float
    lost_load: float


@dataclass(frozen=True)
class Link:
    """An energy link and its contract; prices in USD per 1000 m³ or MWh.

    Parameters
    ----------
    seller, buyer : str
    via : tuple of str
        Transit lands.
    carrier : str
        ``gas`` (bcm) or ``power`` (TWh).
    capacity : float
        bcm or TWh a year at the buyer's border.
    segments : tuple of Segment
    supply_cost : float
        At the inlet: the seller's own cost, or what the gas would fetch elsewhere.
    alternative : float
        What the buyer pays without the link.
    fee : Fee
        Of each transit land; ignored where ``weights`` names them.
    price : float, optional
        A stated contract price.
    price_share : float, optional
        The contract price as a share of the alternative.
    weights : mapping of country to number
        Bargaining weights of buyer and seller, or of every party.
    load_factor, opex, fuel, rate, life : float
        Share of capacity used; yearly running cost over capital; share used up on the way;
        real discount rate; years.
    closed : float
        Days without flow in the year that is computed.
    stop : Stop, optional
    """

    seller: str
    buyer: str
    via: tuple[str, ...]
    carrier: Carrier
    capacity: float
    segments: tuple[Segment, ...]
    supply_cost: float
    alternative: float
    fee: Fee
    weights: Mapping[str, float]
    price: float | None = None
    price_share: float | None = None
    load_factor: float = 1.0
    opex: float = 0.03
    fuel: float = 0.0
    rate: float = 0.08
    life: float = 30.0
    closed: float = 0.0
    stop: Stop | None = None

    @property
    def parties(self) -> tuple[str, ...]:
        """Buyer, seller, transit lands, then whoever else pays."""
        named = (self.buyer, self.seller, *self.via)
        payers = [c for s in self.segments for side in (s.paid_by, s.run_by) for c in side]
        return tuple(dict.fromkeys((*named, *payers)))

    @property
    def volume(self) -> float:
        """V: what arrives in the year, bcm or TWh."""
        return self.capacity * self.load_factor * (1.0 - self.closed / DAYS)

    def km(self, country: str) -> float:
        """Length in a country."""
        return sum(s.km for s in self.segments if s.country == country)

    @property
    def capex(self) -> float:
        """Million USD in all."""
        return sum(s.capex for s in self.segments)

    @property
    def bargained(self) -> bool:
        """Whether price and fees come out of a bargain of all parties."""
        return any(c in self.weights for c in self.via) and self._bargains

    @property
    def _bargains(self) -> bool:
        return self.price is None and self.price_share is None


@dataclass(frozen=True)
class Economics:
    """A link's year, million USD; prices in USD per 1000 m³ or MWh.

    Attributes
    ----------
    link : Link
    volume : float
        bcm or TWh delivered.
    value : float
        At the alternative's price.
    supply : float
        Cost of what enters.
    running, capital : mapping of country to million USD
        What each pays to run it, and of the annuity.
    price : float
        The contract's; NaN where nothing flows.
    fees : mapping of transit land to million USD
    gains : mapping of country to million USD
        They sum to ``surplus``.
    """

    link: Link
    volume: float
    value: float
    supply: float
    running: Mapping[str, float]
    capital: Mapping[str, float]
    price: float
    fees: Mapping[str, float]
    gains: Mapping[str, float]

    @property
    def cost(self) -> float:
        """Resource cost C: supply, running, capital; no fee."""
        return self.supply + sum(self.running.values()) + sum(self.capital.values())

    @property
    def surplus(self) -> float:
        """S = value − cost."""
        return self.value - self.cost

    @property
    def ratio(self) -> float:
        """r = C/(p_a·V): below one the link is worth using; infinite where nothing flows."""
        return self.cost / self.value if self.value > 0 else math.inf

    @property
    def unit_cost(self) -> float:
        """Resource cost of a unit delivered."""
        return self.cost / self.volume if self.volume > 0 else math.inf

    @property
    def delivered(self) -> float:
        """Cost of a unit delivered, transit fees included."""
        paid = self.cost + sum(self.fees.values())
        return paid / self.volume if self.volume > 0 else math.inf

    def own_cost(self, country: str) -> float:
        """What a party pays of C."""
        own = self.running.get(country, 0.0) + self.capital.get(country, 0.0)
        return own + (self.supply if country == self.link.seller else 0.0)

    def npv(self, country: str) -> float:
        """Net present value of a party's gain over the link's life."""
        return self.gains[country] / recovery(self.link.rate, self.link.life)


def recovery(rate: float, life: float) -> float:
    """Capital recovery factor k = r/(1 − (1 + r)^−T); 1/T at r = 0."""
    return 1.0 / life if rate == 0 else rate / -math.expm1(-life * math.log1p(rate))


def check(link: Link) -> None:
    """Refuse a link that cannot be computed.

    Raises
    ------
    InputError
        A country twice among the parties; a fee per km and no length on the transit land;
        weights that name neither just buyer and seller nor every party; several prices.
    """
    named = (link.seller, *link.via, link.buyer)
    twice = [c for c in named if named.count(c) > 1]
    if twice:
        raise InputError(f"{twice[0]} stands twice among seller, transit lands and buyer.")
    if not link.bargained and link.fee.unit != "%" and link.fee.number > 0:
        for land in link.via:
            if link.km(land) <= 0:
                raise InputError(
                    f"a fee by distance needs the length in {land}.", nearest=f"{land}: 700 km"
                )
    if link.price is not None and link.price_share is not None:
        raise InputError("the price is stated, or a share of the alternative: not both.")
    _check_weights(link)


def _check_weights(link: Link) -> None:
    known = {link.seller, link.buyer, *link.via}
    for code in link.weights:
        if code not in known:
            raise InputError(
                f"{code} bargains and is no party: they are {', '.join(sorted(known))}."
            )
    lands = [c for c in link.via if c in link.weights]
    if lands and len(lands) < len(link.via):
        raise InputError("either every transit land bargains, or their fee is stated.")
    if sum(link.weights.values()) <= 0 or min(link.weights.values()) < 0:
        raise InputError("bargaining weights are zero or above, and not all zero.")


def economics(link: Link) -> Economics:
    """A year of a link.

    Returns
    -------
    Economics

    Raises
    ------
    InputError
        As from :func:`check`.
    """
    check(link)
    volume, k = link.volume, recovery(link.rate, link.life)
    value = link.alternative * volume
    supply = link.supply_cost * volume / (1.0 - link.fuel)
    running, capital = dict.fromkeys(link.parties, 0.0), dict.fromkeys(link.parties, 0.0)
    for segment in link.segments:
        for code, share in segment.run_by.items():
            running[code] += share * link.opex * segment.capex
        for code, share in segment.paid_by.items():
            capital[code] += share * k * segment.capex
    own = {c: running[c] + capital[c] + supply * (c == link.seller) for c in link.parties}
    price, fees = _contract(link, volume, value, own)
    gains = {c: -own[c] + fees.get(c, 0.0) for c in link.parties}
    paid = price * volume if volume > 0 else 0.0
    gains[link.buyer] += value - paid
    gains[link.seller] += paid - sum(fees.values())
    return Economics(link, volume, value, supply, running, capital, price, fees, gains)


def _contract(
    link: Link, volume: float, value: float, own: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Price and fees: stated, or so that every bargaining party gains its share."""
    weights = {c: w / sum(link.weights.values()) for c, w in link.weights.items()}
    if link.bargained:
        # whoever else pays is outside the bargain: its cost lowers nobody's gain
        inside = sum(own[c] for c in (link.buyer, link.seller, *link.via))
        surplus = value - inside
        fees = {c: weights[c] * surplus + own[c] for c in link.via}
    else:
        fees = {c: link.fee.income(volume, link.km(c), link.alternative) for c in link.via}
        surplus = value - own[link.buyer] - own[link.seller] - sum(fees.values())
    if volume <= 0:
        return math.nan, fees
    if link.price is not None:
        return link.price, fees
    if link.price_share is not None:
        return link.price_share * link.alternative, fees
    share = weights.get(link.buyer, 0.0)
    return (value - own[link.buyer] - share * surplus) / volume, fees


# -- what each needs -----------------------------------------------------------------------
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
    """Where each party would rather not sign; the formulas are in the module's docstring."""
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
        Million USD that it puts in.
    irr : float or None
        Rate at which its net present value is zero; None where it puts nothing in, or gets
        nothing back.
    payback : float or None
        Years until undiscounted income has paid the capital; None where it never does
        within the life.
    """

    capex: float
    irr: float | None
    payback: float | None


def returns(found: Economics, country: str | None = None) -> Return:
    """Internal rate of return and payback of a party, or of the whole link.

    The rate i solves capex = cash·(1 − (1 + i)^−T)/i, with cash the gain before capital.
    """
    link = found.link
    k = recovery(link.rate, link.life)
    if country is None:
        capital, gain = sum(found.capital.values()), found.surplus
    else:
        capital, gain = found.capital.get(country, 0.0), found.gains[country]
    capex, cash = capital / k, gain + capital
    if capex <= 0 or cash <= 0:
        return Return(capex, None, None)
    payback = capex / cash

    def short(rate: float) -> float:
        return recovery(rate, link.life) - cash / capex

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
    transit land its fee. Running and capital cost go on.

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
