"""Economics of a gas or power link: what it costs, who gains what, and who could hurt whom.

Everything is a real, constant year. With V the volume delivered (bcm or TWh), p_a what the
buyer pays for the alternative, c what a unit costs where it enters the link, φ the share used
up on the way, K_j the capital of a segment j, o the yearly cost of running it as a share of K:

- what enters: V/(1 − φ); supply costs c·V/(1 − φ);
- capital a year: k·g·K with k = r/(1 − (1 + r)^−T), the capital recovery factor, and
  g = ((1 + r)^B − 1)/(r·B), interest during B years of building in equal yearly outlays;
- resource cost C = c·V/(1 − φ) + Σ (k·g + o)·K_j. A transit fee is no part of it: it is a
  transfer of money, paid by the seller out of a price at the buyer's border;
- surplus S = p_a·V − C: what the link saves the parties together;
- gains at a price p and fees f: buyer p_a·V − p·V − C_b, seller p·V − Σf − C_s, transit land
  f − C_t, where C_b, C_s, C_t is what each pays of C. They sum to S;
- NPV of a gain over the life, as of the first day of flow: gain·(1 − (1 + r)^−T)/r, since
  k·g charges capital and the interest of building at the rate r.

A contract is a stated price, a share of the alternative, or a bargain. Nash's bargain over
money, with weights β and no deal as the alternative, gives each party β of S (Nash 1950,
Econometrica 18; the asymmetric form is Kalai's, 1977). Where the fee is stated, buyer and
seller bargain over what it leaves. Where less than nothing is left nobody signs: there is no
deal, and nothing flows. Only a price that is stated may leave a party worse off.

What each could live with, returns and interruptions: :mod:`detente.corridors.pipelineparties`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

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
    load_factor, opex, fuel, rate, life, construction : float
        Share of capacity used; yearly running cost over capital; share used up on the way;
        real discount rate; years of use; years of building before them.
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
    construction: float = 0.0
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
        """Million USD in all, without interest."""
        return sum(s.capex for s in self.segments)

    @property
    def charge(self) -> float:
        """k·g: what a year of use is charged with for each USD of capital."""
        return recovery(self.rate, self.life) * while_built(self.rate, self.construction)

    @property
    def bargained(self) -> bool:
        """Whether price and fees come out of a bargain of all parties."""
        return any(c in self.weights for c in self.via) and self.bargains

    @property
    def bargainers(self) -> tuple[str, ...]:
        """Who has to agree: buyer and seller, and transit lands whose fee is not stated."""
        return (self.buyer, self.seller, *(self.via if self.bargained else ()))

    @property
    def bargains(self) -> bool:
        """Whether the price comes out of a bargain."""
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
        On these terms; they sum to ``surplus``. See ``deal`` and ``outcome``.
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

    @property
    def divided(self) -> float:
        """What those who bargain gain together: S less stated fees and others' cost."""
        return sum(self.gains[c] for c in self.link.bargainers)

    @property
    def deal(self) -> bool:
        """Whether it is signed: a bargain only where it leaves nobody less than nothing."""
        if not self.link.bargains:
            return True
        return self.divided >= -1e-9 * (self.value + self.cost)

    @property
    def outcome(self) -> Mapping[str, float]:
        """Gains, and zero for everybody where there is no deal."""
        return self.gains if self.deal else dict.fromkeys(self.gains, 0.0)

    def own_cost(self, country: str) -> float:
        """What a party pays of C."""
        own = self.running.get(country, 0.0) + self.capital.get(country, 0.0)
        return own + (self.supply if country == self.link.seller else 0.0)

    def npv(self, country: str) -> float:
        """Net present value of a party's outcome, as of the first day of flow."""
        return self.outcome[country] / recovery(self.link.rate, self.link.life)


def recovery(rate: float, life: float) -> float:
    """Capital recovery factor k = r/(1 − (1 + r)^−T); 1/T at r = 0."""
    return 1.0 / life if rate == 0 else rate / -math.expm1(-life * math.log1p(rate))


def while_built(rate: float, years: float) -> float:
    """Interest during building, g = ((1 + r)^B − 1)/(r·B); 1 at r = 0 or up to a year.

    Equal outlays at the end of each year; the last one falls on the first day of flow.
    """
    if abs(rate) < 1e-12 or years <= 1:
        return 1.0
    return math.expm1(years * math.log1p(rate)) / (rate * years)


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
    volume, k = link.volume, link.charge
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
