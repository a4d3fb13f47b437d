"""A pipeline or power line from a seller through transit lands to a buyer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, WithJsonSchema, model_validator

from detente.corridors.pipelinecase import Case, Weights, case_on, load_case, one_carrier
from detente.corridors.pipelineentry import Entry, entry
from detente.corridors.pipelines import Economics, Link, Segment, economics
from detente.errors import InputError, ScenarioError
from detente.scenario.compose import State
from detente.scenario.finance import Finance
from detente.scenario.measure import Measure, nearest_label
from detente.scenario.pipelinelaw import law_met
from detente.scenario.quantities import Code, Codes, OneCode, refuse
from detente.scenario.registry import measure
from detente.scenario.units import (
    Capacity,
    ContractPrice,
    Days,
    EnergyPrice,
    Fee,
    Kilometres,
    Part,
    Price,
    TransitFee,
    Years,
)
from detente.shocks import Cap

SECTORS = {"gas": "oil-gas", "power": "utilities"}
_FINANCE = {**Finance.model_json_schema(), "description": "Who pays for building it."}


@measure("pipeline")
class Pipeline(Measure):
    """A gas or power link of limited capacity, with its contract.

    Enters as in :mod:`detente.corridors.pipelineentry`: shipments worth E = capacity ×
    alternative price are added to the seller's link, with resource cost r·E (supply and
    transport, no fee) and a cap on quantity whose rent, (1 − r)·E at baseline prices, is the
    link's surplus and goes to buyer, seller and transit lands by the contract
    (:mod:`detente.corridors.pipelines`: stated price, share of the alternative, or Nash's
    bargain). A link that costs more than its alternative is not used, and changes nothing.
    What is not stated is the case's: ``use``, or the latest one on the same route.
    """

    use: str | None = Field(
        default=None,
        min_length=1,
        description="A case of 'detente pipelines list', or a file (.yaml).",
        examples=["kogas-2018"],
    )
    from_: OneCode | None = Field(default=None, alias="from", description="Who sells.")
    via: Codes | None = Field(default=None, description="Transit lands, in order.")
    to: OneCode | None = Field(default=None, description="Who buys.")
    capacity: Capacity | None = Field(
        default=None, description="A year, at the buyer's border."
    )
    km: dict[str, Kilometres] | None = Field(
        default=None, description="Length by country: {PRK: 700 km}."
    )
    transit_fee: TransitFee | None = Field(
        default=None, description="By distance, or a share in kind; of every transit land."
    )
    supply_cost: EnergyPrice | None = Field(
        default=None, description="At the inlet: own cost, or what it would fetch elsewhere."
    )
    alternative_price: EnergyPrice | None = Field(
        default=None, description="What the buyer pays without the link: LNG landed."
    )
    price: ContractPrice | None = Field(
        default=None, description="The contract's, or a share of the alternative's."
    )
    split: Annotated[Weights | None, Field(description="Weights of a bargain over money.")] = (
        Field(default=None, examples=[{"RUS": 1, "PRK": 1, "KOR": 1}])
    )
    load_factor: Part | None = Field(
        default=None, description="Share of capacity that is used."
    )
    fuel: Part | None = Field(default=None, description="Share used up on the way.")
    opex: Part | None = Field(default=None, description="Yearly running cost over capital.")
    discount_rate: Part | None = Field(default=None, description="Of the link's capital.")
    life: Years | None = Field(default=None, description="Over which capital is written off.")
    availability: Part | None = Field(
        default=None, description="Share of the year that it flows."
    )
    interrupted: Days | None = Field(default=None, description="Days of the year without flow.")
    sector: Code | None = Field(
        default=None, description="By default oil-gas for gas, utilities for power."
    )
    finance: Annotated[Finance | None, WithJsonSchema(_FINANCE)] = Field(
        default=None,
        description="Capital charged to its payers as real resources; without it, part of r.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Pipeline:
        if self.use is None and (self.from_ is None or self.to is None):
            refuse("'pipeline' needs 'use', or 'from' and 'to'.")
        if self.use is not None and (self.from_ or self.via or self.to):
            refuse("'use' names the route already: leave 'from', 'via' and 'to' out.")
        if self.price is not None and self.split is not None:
            refuse("'price' is stated, or 'split' bargains over it: not both.")
        if self.availability is not None and self.interrupted is not None:
            refuse("'availability' and 'interrupted' say the same thing: give one.")
        if self.fuel is not None and self.fuel >= 1:
            refuse("'fuel' uses up all that enters.")
        lands = set(self.via or ())
        if self.transit_fee is not None and self.split and lands & set(self.split):
            refuse("'transit_fee' is stated, or the transit lands are in 'split': not both.")
        if self.capacity is not None:
            price = self.price if isinstance(self.price, Price) else None
            one_carrier(
                self.capacity,
                supply_cost=self.supply_cost,
                alternative_price=self.alternative_price,
                transit_fee=self.transit_fee,
                price=price,
            )
        return self

    # -- in the model ------------------------------------------------------------------------
    def apply(self, state: State) -> str:
        """Add the link, its cost, its cap and the owners of its rent."""
        link, borrowed = self._link(state)
        seller, buyer = self._known(state, link)
        s = self._sector(state, link)
        try:
            found = economics(link)
        except InputError as error:
            self.fail("use" if self.use else "from", error.what, error.nearest)
        for remark in borrowed:
            state.tell(self, remark)
        route = _route(link)
        enters = entry(found, financed=self.finance is not None)
        if enters is None:
            state.tell(self, _unused(found))
            return f"nothing: {route} would not be used"
        self._put(state, link, enters, (s, seller, buyer))
        words = _told(found, enters)
        if self.finance is not None:
            finance = self.finance.with_capex(link.capex)
            words += f"; {finance.charge(state, self, _hosts(link))}"
        return f"{route}: {words}"

    def _put(self, state: State, link: Link, enters: Entry, cell: tuple[int, int, int]) -> None:
        sector = state.world.sectors[cell[0]]
        for cap in state.caps:
            if (
                cap.sector == sector
                and link.seller in cap.exporters
                and link.buyer in cap.importers
            ):
                self.fail(
                    "use" if self.use else "from",
                    f"another measure caps {sector} from {link.seller} to {link.buyer}: a link "
                    "of the model has one capacity. Add the two up in one pipeline.",
                )
        extra = np.zeros(state.world.flows.shape)
        extra[cell] = enters.worth
        try:
            state.add_trade(extra)
        except ScenarioError as error:
            self.fail("capacity", error.what)
        flow = float(state.world.flows[cell])
        state.cost_hat[cell] *= enters.cost_hat(flow)
        _no_variety(state, cell, enters.worth)
        quantity = enters.quantity(flow)
        state.caps.append(
            Cap(sector, (link.seller,), (link.buyer,), quantity, owner=enters.owners)
        )
        for code, amount in enters.transfers.items():
            state.transfer[state.world.country_index(code)] += amount
            if amount < 0:
                state.tell(
                    self,
                    f"by this contract {code} pays {-amount:,.4g} million USD a year more than "
                    "its part of the rent: it would be better off without it",
                )

    def remarks(self, state: State) -> list[str]:
        """What was borrowed or found, what is still banned, and law that it would meet."""
        case = self._case()
        via = self.via or (case.via if case else ())
        return [*state.told_of(self), *law_met(state, tuple(via))]

    # -- what is meant -----------------------------------------------------------------------
    def _case(self) -> Case | None:
        """The case named, or the latest on the route; None where there is none."""
        if self.use is not None:
            folder = Path(self.source.file).parent if self.source.file else None
            try:
                return load_case(self.use, folder)
            except InputError as error:
                where = f"{error.place}: " if error.place and str(error.place) else ""
                self.fail("use", where + error.what, error.nearest)
        carrier = self.capacity.carrier if self.capacity else "gas"
        name = case_on(str(self.from_), self.via or (), str(self.to), carrier)
        return load_case(name) if name else None

    def _link(self, state: State) -> tuple[Link, list[str]]:
        """The link with what is stated in place of the case's, and what was borrowed."""
        case = self._case()
        base = case.link() if case else self._bare()
        borrowed = []
        if case is not None and self.use is None:
            keys = [k for k in _BORROWED if getattr(self, k) is None]
            if keys:
                borrowed.append(f"not stated, and as in {case.pipeline}: {', '.join(keys)}")
        self._same_carrier(base)
        link = replace(base, **self._stated(base))
        if self.finance is not None:
            link = _financed(link, self._finance(base))
        return link, borrowed

    def _finance(self, base: Link) -> Finance:
        """``finance``, with the case's capital where it states none."""
        assert self.finance is not None
        found = self.finance.with_capex(base.capex or None)
        if found.capex is None:
            self.fail("finance", "'finance' needs 'capex': no case says what the link costs.")
        return found

    def _bare(self) -> Link:
        """A link of which no case is known: what it cannot do without has to be stated."""
        for key in ("capacity", "supply_cost", "alternative_price"):
            if getattr(self, key) is None:
                self.fail(
                    key,
                    f"'pipeline' needs '{key}': detente has no case from {self.from_} to "
                    f"{self.to}{' via ' + ', '.join(self.via) if self.via else ''}.",
                )
        if self.via and self.transit_fee is None and not self.split:
            self.fail(
                "transit_fee", "'pipeline' needs 'transit_fee', or 'split' with every party."
            )
        assert self.capacity and self.supply_cost and self.alternative_price
        seller, buyer = str(self.from_), str(self.to)
        km = self.km or {}
        segments = tuple(Segment(c, x, 0.0, {c: 1.0}, {c: 1.0}) for c, x in km.items())
        return Link(
            seller=seller,
            buyer=buyer,
            via=self.via or (),
            carrier=self.capacity.carrier,
            capacity=self.capacity.a_year,
            segments=segments,
            supply_cost=self.supply_cost.value,
            alternative=self.alternative_price.value,
            fee=self.transit_fee or Fee(0.0, "%"),
            weights={seller: 1.0, buyer: 1.0},
        )

    def _same_carrier(self, base: Link) -> None:
        """Prices of gas for a power line, where the case says which it is."""
        for key in ("capacity", "supply_cost", "alternative_price", "transit_fee", "price"):
            value = getattr(self, key)
            carrier = getattr(value, "carrier", None)
            if carrier is not None and carrier != base.carrier:
                hint = {"gas": "USD/1000m3", "power": "USD/MWh"}[base.carrier]
                self.fail(
                    key, f"{value} is of {carrier}, and the link carries {base.carrier}.", hint
                )

    def _stated(self, base: Link) -> dict[str, Any]:
        """Fields of the link that the measure states."""
        found: dict[str, Any] = {}
        for key, (name, value_of) in _FIELDS.items():
            value = getattr(self, key)
            if value is not None:
                found[name] = value_of(value)
        if self.price is not None:
            share = None if isinstance(self.price, Price) else self.price
            stated = self.price.value if isinstance(self.price, Price) else None
            found |= {"price": stated, "price_share": share}
        elif self.split is not None:
            found |= {"price": None, "price_share": None}
        if self.transit_fee is not None and self.split is None:
            # a fee that is stated is no outcome of the case's bargain
            kept = {c: w for c, w in base.weights.items() if c not in base.via}
            found["weights"] = kept if sum(kept.values()) > 0 else base.weights
        if self.km is not None:
            found["segments"] = self._stretched(base)
        if self.availability is not None:
            found["closed"] = 365.0 * (1.0 - self.availability)
        return found

    def _stretched(self, base: Link) -> tuple[Segment, ...]:
        """Segments with the lengths stated; capital stays what it was."""
        km = self.km or {}
        places = {base.seller, *base.via, base.buyer}
        for code in km:
            if code not in places:
                what = f"'{code}' is neither seller, transit land nor buyer."
                self.fail(
                    ("km", code), what, nearest_label(code, sorted(places), sorted(places))
                )
        old = {c: base.km(c) for c in km}
        kept = tuple(
            replace(s, km=s.km * km[s.country] / old[s.country]) if s.country in km else s
            for s in base.segments
        )
        new = (c for c in km if old[c] == 0)
        return kept + tuple(Segment(c, km[c], 0.0, {c: 1.0}, {c: 1.0}) for c in new)

    def _known(self, state: State, link: Link) -> tuple[int, int]:
        """Positions of seller and buyer; every party has to be in the world."""
        route = (("from", link.seller), *(("via", c) for c in link.via), ("to", link.buyer))
        for key, code in route:
            self.countries(state.world, (code,), "use" if self.use else key)
        for code in link.parties:
            self.countries(state.world, (code,), "finance" if self.finance else "use")
        return state.world.country_index(link.seller), state.world.country_index(link.buyer)

    def _sector(self, state: State, link: Link) -> int:
        code = self.sector or SECTORS[link.carrier]
        if code not in state.world.sectors:
            names = state.world.sectors, state.world.sector_names
            self.fail(
                "sector",
                f"world '{state.world.name}' has no sector '{code}' to put {link.carrier} in: "
                "say which it is in.",
                nearest_label(code, *names),
            )
        return state.world.sector_index(code)


_BORROWED = ("capacity", "km", "transit_fee", "supply_cost", "alternative_price", "life")
#: Key of the measure → field of the link, and how it gets there.
_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "capacity": ("capacity", lambda v: v.a_year),
    "transit_fee": ("fee", lambda v: v),
    "supply_cost": ("supply_cost", lambda v: v.value),
    "alternative_price": ("alternative", lambda v: v.value),
    "split": ("weights", dict),
    "load_factor": ("load_factor", float),
    "fuel": ("fuel", float),
    "opex": ("opex", float),
    "discount_rate": ("rate", float),
    "life": ("life", float),
    "interrupted": ("closed", float),
}


def _no_variety(state: State, cell: tuple[int, int, int], worth: float) -> None:
    """Take the gain from variety out: gas of another supplier is the same gas.

    Added trade raises the weights of a buyer's suppliers to Σb = 1/k in all, k = (1 − Σ(π +
    Δσ))/(1 − Σπ) over links with additions (:mod:`detente.scenario.additions`), so that its
    price would fall by k^(1/θ). d̂ of every supplier, the own country's too, rises by k^(−1/θ):
    at baseline costs the price stays, and the others give way in proportion.
    """
    world, (s, i, n) = state.world, cell
    known = state.pad.setdefault("pipeline", {}).setdefault((s, n), {})
    before = _left(state, s, n, known)
    known[i] = known.get(i, 0.0) + worth * (1.0 + world.tariff[cell]) / world.expenditure[s, n]
    ratio = _left(state, s, n, known) / before
    state.cost_hat[s, :, n] *= ratio ** (-1.0 / world.trade_elasticity[s])


def _left(state: State, s: int, n: int, gained: Mapping[int, float]) -> float:
    """k of a buyer's suppliers, with Δσ by supplier."""
    pi = sum(float(state.world.trade_share[s, i, n]) for i in gained)
    return (1.0 - pi - sum(gained.values())) / (1.0 - pi)


def _hosts(link: Link) -> dict[str, float]:
    """Where the link stands: shares by capital, else by length, else at both ends."""
    by_capital = link.capex > 0
    sizes: dict[str, float] = {}
    for segment in link.segments:
        size = segment.capex if by_capital else segment.km
        sizes[segment.country] = sizes.get(segment.country, 0.0) + size
    sizes = sizes or {link.seller: 1.0, link.buyer: 1.0}
    total = sum(sizes.values())
    return {c: x / total for c, x in sizes.items() if x > 0}


def _financed(link: Link, finance: Finance) -> Link:
    """The link with the capital, payers, rate and life of ``finance``."""
    hosts = _hosts(link)
    others = tuple(replace(s, capex=0.0) for s in link.segments)
    runners = {s.country: s.run_by for s in link.segments}
    capex = finance.capex or 0.0
    paid = tuple(
        Segment(c, 0.0, share * capex, finance.paid_by, runners.get(c, {c: 1.0}))
        for c, share in hosts.items()
    )
    return replace(link, segments=others + paid, rate=finance.rate, life=finance.life)


# -- in words --------------------------------------------------------------------------------
def _route(link: Link) -> str:
    via = f" via {', '.join(link.via)}" if link.via else ""
    return f"{link.seller}→{link.buyer}{via}"


def _unit(link: Link) -> tuple[str, str]:
    return ("bcm", "USD/1000m3") if link.carrier == "gas" else ("TWh", "USD/MWh")


def _unused(found: Economics) -> str:
    """Why nobody would use it, with the figures."""
    link = found.link
    volume, price = _unit(link)
    if found.volume <= 0:
        return "nothing flows all year, and nothing changes"
    more = found.unit_cost - link.alternative
    return (
        f"nobody would use it: {found.volume:,.4g} {volume} a year cost "
        f"{found.unit_cost:,.4g} {price} to supply and carry, and the alternative "
        f"{link.alternative:,.4g}: {more:,.4g} too dear"
    )


def _told(found: Economics, enters: Entry) -> str:
    link = found.link
    volume, price = _unit(link)
    owners = ", ".join(f"{code} {100 * share:.3g} %" for code, share in enters.owners)
    fees = "".join(f", {c} gets {f:,.4g} for transit" for c, f in found.fees.items())
    return (
        f"{found.volume:,.4g} {volume} a year worth {enters.worth:,.4g} million USD at "
        f"{link.alternative:,.4g} {price}, at {enters.ratio:.3g} of that in resources; "
        f"contract price {found.price:,.4g}{fees}; rent {enters.rent:,.4g}: {owners}"
    )
