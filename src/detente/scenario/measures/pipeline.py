"""A pipeline or power line from a seller through transit lands to a buyer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from detente.corridors.pipelinecase import Case, Weights, case_on, load_case, one_carrier
from detente.corridors.pipelineentry import entry
from detente.corridors.pipelines import Economics, Link, Segment, economics
from detente.corridors.pipelinescale import sized
from detente.corridors.pipelineunits import figure, for_carrier
from detente.errors import InputError
from detente.scenario.compose import State
from detente.scenario.measure import Measure, nearest_label
from detente.scenario.pipelinefields import (
    CaseName,
    Lands,
    Lengths,
    LinkFinance,
    in_folder,
    own_file,
)
from detente.scenario.pipelinelaw import caps_on, closed_share, closing_words, law_met
from detente.scenario.pipelineparts import (
    Cell,
    charged,
    financed,
    in_tables,
    put,
    route,
    serialised,
    terms,
    told,
    under_law,
    unused,
)
from detente.scenario.quantities import Code, OneCode, refuse
from detente.scenario.registry import measure
from detente.scenario.units import (
    Capacity,
    ContractPrice,
    Days,
    EnergyPrice,
    Fee,
    Part,
    Price,
    TransitFee,
    Usd,
    Years,
)

SECTORS = {"gas": "oil-gas", "power": "utilities"}
_UNUSED = "pipelines that nobody would use"


@measure("pipeline")
class Pipeline(Measure):
    """A gas or power link of limited capacity, with its contract.

    Enters as in :mod:`detente.corridors.pipelineentry`: shipments worth E = capacity ×
    alternative price are added to the seller's link, with resource cost r·E (supply and
    transport, no fee) and a cap on quantity whose rent, (1 − r)·E at baseline prices, is the
    link's surplus and goes to buyer, seller and transit lands by the contract
    (:mod:`detente.corridors.pipelines`: stated price, share of the alternative, or Nash's
    bargain). A link that costs more than its alternative, or whose bargain would leave those
    who sign with less than nothing, is not used, and changes nothing. Law and bans on the
    seller's sales to the buyer close the same share of the link. What is not stated is the
    case's, ``use``, or that of the latest one on the same route; its capital follows length in
    proportion and capacity to a power (:mod:`detente.corridors.pipelinescale`).
    """

    last: ClassVar[bool] = True

    use: CaseName | None = Field(
        default=None,
        description="A case of 'detente pipelines list', or a file (.yaml).",
        examples=["kogas-2018"],
    )
    from_: OneCode | None = Field(default=None, alias="from", description="Who sells.")
    via: Lands | None = Field(default=None, description="Transit lands, in order.")
    to: OneCode | None = Field(default=None, description="Who buys.")
    capacity: Capacity | None = Field(
        default=None, description="A year, at the buyer's border."
    )
    km: Lengths | None = Field(default=None, description="Length by country: {PRK: 700 km}.")
    transit_fee: TransitFee | None = Field(
        default=None, description="By distance, or a share of the worth; of every transit land."
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
    capex: Usd | None = Field(
        default=None, description="Building it in all; by default the case's, scaled."
    )
    discount_rate: Part | None = Field(default=None, description="Of the link's capital.")
    life: Years | None = Field(default=None, description="Over which capital is written off.")
    availability: Part | None = Field(
        default=None, description="Share of the year that it flows."
    )
    interrupted: Days | None = Field(default=None, description="Days of the year without flow.")
    sector: Code | None = Field(
        default=None, description="By default oil-gas for gas, utilities for power."
    )
    finance: LinkFinance = Field(
        default=None,
        description="Capital charged to its payers as real resources; without it, part of r. "
        "Rate and life are the link's where it states none.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Pipeline:
        if self.use is None and (self.from_ is None or self.to is None):
            refuse("'pipeline' needs 'use', or 'from' and 'to'.")
        if self.use is not None and (self.from_ or self.via or self.to):
            refuse("'use' names the route already: leave 'from', 'via' and 'to' out.")
        self._from_one_to_another()
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
        self._one_word_on_money()
        return self

    def _from_one_to_another(self) -> None:
        """Refuse a country that is on the way twice."""
        if self.from_ is not None and self.from_ == self.to:
            refuse(f"'from' and 'to' are both {self.to}: a link has two ends.")
        named = [c for c in (self.from_, *(self.via or ()), self.to) if c is not None]
        for code in named:
            if named.count(code) > 1:
                refuse(f"{code} stands twice among seller, transit lands and buyer.")

    def _one_word_on_money(self) -> None:
        """Refuse a rate, life or capital that is stated twice and differs."""
        if self.finance is None:
            return
        pairs = (("discount_rate", "rate"), ("life", "life"), ("capex", "capex"))
        for mine, its in pairs:
            own, other = getattr(self, mine), getattr(self.finance, its)
            stated = own is not None and its in self.finance.model_fields_set
            if stated and own != other:
                refuse(
                    f"'{mine}' is stated as {figure(own)}, and '{its}' of 'finance' as "
                    f"{figure(other)}: "
                    "state it once."
                )

    def to_dict(self) -> dict[str, Any]:
        """The measure as a file holds it; a stated rate and life stay, default or not."""
        found = super().to_dict()
        return {self.kind: serialised(found[self.kind], self.finance)}

    def for_folder(self) -> tuple[Measure, dict[str, Path]]:
        """A case of one's own as ``pipelines/NAME.yaml``."""
        path = own_file(self.use, self._beside())
        if path is None:
            return self, {}
        name = in_folder(path)
        return self.model_copy(update={"use": name}).at(self.source), {name: path}

    def _beside(self) -> Path | None:
        """The scenario's folder."""
        return Path(self.source.file).parent if self.source.file else None

    # -- in the model ------------------------------------------------------------------------
    def apply(self, state: State) -> str:
        """Refuse what cannot be; nothing enters before law and bans are known."""
        link, _ = self._link(state)
        self._cell(state, link)
        self._year(link)
        return ""

    def apply_last(self, state: State) -> str:
        """Add what law leaves of the link, its cost, its cap and the owners of its rent."""
        link, remarks = self._link(state)
        cell = self._cell(state, link)
        closed = closed_share(state, cell)
        for remark in (*remarks, closing_words(state, cell, closed)):
            if remark:
                state.tell(self, remark)
        found = self._year(under_law(link, closed))
        finance = self.finance
        sunk = finance is not None and finance.paid == "before"
        enters = entry(found, financed=finance is not None, sunk=sunk)
        if enters is None:
            state.pad.setdefault(_UNUSED, set()).add(id(self))
            state.tell(self, unused(found, closed))
            return f"nothing: {route(link)} would not be used"
        self._refuse_second_cap(state, cell)
        put(state, self, link, enters, cell)
        state.tell(self, in_tables(found, enters))
        words = told(found, enters)
        if finance is not None:
            words += f"; {charged(state, self, terms(finance, link), link)}"
        return f"{route(link)}: {words}"

    def _year(self, link: Link) -> Economics:
        try:
            return economics(link)
        except InputError as error:
            self.fail("use" if self.use else "from", error.what, error.nearest)

    def _refuse_second_cap(self, state: State, cell: Cell) -> None:
        """A link has one mark-up: refuse one that law or another measure caps."""
        world, (s, i, n) = state.world, cell
        sector, seller, buyer = world.sectors[s], world.countries[i], world.countries[n]
        where, way = "use" if self.use else "from", f"{sector} from {seller} to {buyer}"
        for name, ids in caps_on(state, cell):
            self.fail(
                where,
                f"'{name}' caps {way} ({', '.join(ids)}), and a link of the model has one cap, "
                "which would be the pipe's. Lift that one first: lift: {regime: "
                f"{name}, provisions: [{', '.join(ids)}]}}.",
            )
        for cap in (*state.laws.caps(), *state.caps):
            if cap.sector == sector and seller in cap.exporters and buyer in cap.importers:
                self.fail(
                    where,
                    f"another measure caps {way}: a link of the model has one capacity. Add "
                    "the two up in one pipeline.",
                )

    def remarks(self, state: State) -> list[str]:
        """What was borrowed or found, what is still banned, and law that it would meet."""
        used = id(self) not in state.pad.get(_UNUSED, ())
        return [*state.told_of(self), *law_met(state, self._link(state)[0], used=used)]

    # -- what is meant -----------------------------------------------------------------------
    def _case(self) -> Case | None:
        """The case named, or the latest on the route; None where there is none."""
        if self.use is not None:
            try:
                return load_case(self.use, self._beside())
            except InputError as error:
                where = f"{error.place}: " if error.place and str(error.place) else ""
                self.fail("use", where + error.what, error.nearest)
        carrier = self.capacity.carrier if self.capacity else "gas"
        name = case_on(str(self.from_), self.via or (), str(self.to), carrier)
        return load_case(name) if name else None

    def _link(self, state: State) -> tuple[Link, list[str]]:
        """The link with what is stated in place of the case's, and what was borrowed."""
        self._known_countries(state)
        case = self._case()
        base = case.link() if case else self._bare()
        remarks = []
        if case is not None and self.use is None:
            keys = [k for k in _BORROWED if getattr(self, k) is None]
            if keys:
                remarks.append(f"not stated, and as in {case.pipeline}: {', '.join(keys)}")
        self._same_carrier(base)
        self._known_places(state, base)
        self._who_bargains(base)
        size = self.capacity.a_year if self.capacity else None
        capex = self.finance.capex if self.finance and self.finance.capex else self.capex
        base, scaled = sized(base, size, self.km, capex)
        remarks.append(scaled)
        link = replace(base, **self._stated(base))
        if self.finance is not None:
            finance = terms(self.finance, link)
            if finance.capex is None:
                self.fail(
                    "finance", "'finance' needs 'capex': no case says what the link costs."
                )
            if (finance.rate, finance.life) != (link.rate, link.life):
                remarks.append(
                    f"its capital at {100 * finance.rate:g} % over {finance.life:g} years, as "
                    f"'finance' states, in place of {100 * link.rate:g} % over {link.life:g}"
                )
            link = financed(link, finance)
        if link.capex == 0:
            remarks.append("what it costs to build is not counted: state 'capex'")
        return link, remarks

    def _known_countries(self, state: State) -> None:
        """A country of the route that the world has not is refused before a case is missed."""
        route = (("from", self.from_), *(("via", c) for c in self.via or ()), ("to", self.to))
        for key, code in route:
            if code is not None:
                self.countries(state.world, (code,), key)

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
                self.fail(
                    key,
                    f"{value} is of {carrier}, and the link carries {base.carrier}.",
                    for_carrier(key, value, base.carrier),
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
        if self.availability is not None:
            found["closed"] = 365.0 * (1.0 - self.availability)
        return found

    def _known_places(self, state: State, base: Link) -> None:
        """Lengths and weights of countries that are not on the way are refused."""
        places = sorted({base.seller, *base.via, base.buyer})
        names = [_name_of(state, code) for code in places]
        for key in ("km", "split"):
            for code in getattr(self, key) or {}:
                if code not in places:
                    what = (
                        f"'{code}' is neither seller, transit land nor buyer: they are "
                        f"{', '.join(places)}."
                    )
                    self.fail((key, code), what, nearest_label(code, places, names))

    def _who_bargains(self, base: Link) -> None:
        """Transit lands bargain all together, or none of them."""
        lands = set(base.via) & set(self.split or ())
        missing = [c for c in base.via if c not in lands]
        if lands and missing:
            self.fail(
                "split",
                f"every transit land bargains, or their fee is stated: {', '.join(missing)} "
                "has no weight.",
            )

    def _cell(self, state: State, link: Link) -> Cell:
        """Sector, seller and buyer; every party has to be in the world."""
        route = (("from", link.seller), *(("via", c) for c in link.via), ("to", link.buyer))
        for key, code in route:
            self.countries(state.world, (code,), "use" if self.use else key)
        for code in link.parties:
            self.countries(state.world, (code,), "finance" if self.finance else "use")
        at = state.world.country_index
        return self._sector(state, link), at(link.seller), at(link.buyer)

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


def _name_of(state: State, code: str) -> str:
    """A country's name in the world; its code where the world has it not."""
    names = dict(zip(state.world.countries, state.world.country_names, strict=True))
    return names.get(code, code)


_BORROWED = ("capacity", "km", "transit_fee", "supply_cost", "alternative_price", "life")
#: Key of the measure → field of the link, and how it gets there.
_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
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
