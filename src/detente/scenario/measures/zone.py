"""Special economic zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, WithJsonSchema, model_validator

from detente.errors import InputError
from detente.scenario.compose import State
from detente.scenario.dates import status
from detente.scenario.finance import Finance
from detente.scenario.hostcosts import Host
from detente.scenario.measure import Mask, Measure, nearest_label
from detente.scenario.quantities import OneCode, Share, Tfp, refuse
from detente.scenario.registry import measure
from detente.scenario.units import figure
from detente.scenario.zonefields import (
    Dollars,
    Firms,
    Flag,
    Ids,
    Investment,
    Persons,
    Workers,
    ZoneMix,
    ZoneName,
)
from detente.scenario.zones import (
    KnownZone,
    Mix,
    beyond,
    carried,
    catalogue,
    closed_to_zone,
    excepted,
    extra_for,
    known_zone,
    running,
    sector_tfp,
    sector_workforce,
    turnover,
)
from detente.scenario.zonewords import closing_words, exception, notes, size, stated
from detente.world.core import Array, World

#: Rounds of weights and the host's costs.
_ROUNDS = 3
#: Shares of its trade below this are rounding.
_NOTHING = 1e-9

_NEEDED = ("in", "with", "sectors", "workers")
_FINANCE = {
    **Finance.model_json_schema(),
    "description": "What was invested, and by whom.",
}


@measure("zone")
class Zone(Measure):
    """A zone whose workers make goods for, and from inputs of, firms of other countries.

    W workers sell W·``sales_per_worker`` and buy W·``inputs_per_worker`` a year, calibrated to
    Kaesong in 2014 (inter-Korean trade of 2,342.64 million USD, 99.8 % of it Kaesong's, and
    53,000 workers; docs/zones.md). They are added to the links both ways by sector, as far as
    law lets the plants run, and beyond what is the zone's own in the trade that relief
    returns: :mod:`detente.scenario.zones`, docs/model.md equation 2. ``productivity`` p
    raises T̂ = f^θ with f = 1 + (zone's share of the sector's workers)·(p − 1), Eaton & Kortum
    (2002); ``new_labour`` of its workers, from outside employment, raise L̂ by their share of
    heads times labour's share of factor income. The trade is price-neutral unless
    ``variety: counted`` (:mod:`detente.scenario.additions`): the host then gains by wages,
    terms of trade, productivity and new labour, and not since buyers get more varieties. With
    ``tariff_free`` t′ = t·(1 − zone's share of the link's trade). Wages are part of what the
    zone sells. ``finance`` charges what was invested to who pays
    (:mod:`detente.scenario.finance`).
    """

    last = True

    use: ZoneName | None = Field(
        default=None, description="A zone of 'detente zones list'; other fields replace its."
    )
    in_: OneCode | None = Field(
        default=None, alias="in", description="Where it stands.", examples=["PRK"]
    )
    with_: Firms | None = Field(
        default=None,
        alias="with",
        description="Whose firms: a country, or shares of its trade.",
    )
    sectors: ZoneMix | None = Field(
        default=None,
        description="Sectors that it sells, with shares or alone (then shared as at Kaesong).",
    )
    inputs: ZoneMix | None = Field(
        default=None, description="What it buys from its investors; as it sells if not stated."
    )
    workers: Workers | None = Field(
        default=None,
        description="Workers, persons.",
        json_schema_extra={"examples": [53000]},
    )
    sales_per_worker: Dollars | None = Field(
        default=None, description="Sales, USD a worker and year; Kaesong's 22709 if not stated."
    )
    inputs_per_worker: Dollars | None = Field(
        default=None,
        description="Inputs, USD a worker and year; Kaesong's 21391 if not stated.",
    )
    wage: Dollars | None = Field(
        default=None,
        description="Wage and insurance, USD a worker and month, part of the sales; 150.",
    )
    workforce: Persons | None = Field(
        default=None,
        description="People at work where it stands, persons; known for the DPRK.",
    )
    productivity: Tfp = Field(
        default=1.0, description="Of its plants over others of the sector: 1.3 or +30%."
    )
    new_labour: Share = Field(
        default=0.0, description="Share of its workers who had no work before."
    )
    tariff_free: Flag | None = Field(
        default=None, description="No duty on what it buys and sells."
    )
    returning: Share | None = Field(
        default=None,
        description="Share of what its links trade without it that is its own trade: 1 if not "
        "stated, so that nothing counts twice; 0 for a zone that never was.",
    )
    excepted_from: Ids | None = Field(
        default=None,
        description="Law that does not apply to it: provisions, resolutions, regimes.",
        examples=[["2375-16", 2397]],
    )
    variety: Literal["neutral", "counted"] = Field(
        default="neutral",
        description="neutral: its goods are ones that buyers have from others, and cheapen "
        "nothing; counted: new varieties, an upper end.",
    )
    investment: Investment | None = Field(
        default=None,
        description="What is invested, by sector: the capital that 'finance' charges, to the "
        "zone's firms where it is not stated; 'sectors' as it is shared and 'workers' as "
        "Kaesong's cost, 16400 USD each, where they are not stated.",
        json_schema_extra={"examples": [{"textiles": "100 million USD"}]},
    )
    finance: Annotated[Finance | None, WithJsonSchema(_FINANCE)] = Field(
        default=None,
        description="What was invested, and by whom; without 'capex' what 'investment' sums "
        "to, or what the zone named states, by its workers.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Zone:
        if self.use is None:
            workers = self.investment if self.workers is None else self.workers
            given = (self.in_, self.with_, self._made, workers)
            missing = [key for key, v in zip(_NEEDED, given, strict=True) if v is None]
            if missing:
                refuse(f"'zone' needs '{missing[0]}', or 'use', a zone by name.")
        if self.investment and self.finance and self.finance.capex is not None:
            refuse("'investment' is the capital: leave 'capex' out of 'finance'.")
        if self.host in self.partners:
            refuse(f"'with' names {self.host}, where the zone stands.")
        if self.wage_bill > self.sold + 1e-9:
            refuse(
                f"a wage bill of {figure(self.wage_bill)} million USD a year is more than the "
                f"{figure(self.sold)} that the zone sells."
            )
        return self

    @property
    def _made(self) -> Mix | None:
        """Sectors that are stated, or those that are invested in."""
        return self.sectors if self.sectors is not None else self._invested_in

    @property
    def _invested_in(self) -> dict[str, float] | None:
        """Shares of the investment by sector."""
        whole = sum((self.investment or {}).values())
        return {s: x / whole for s, x in (self.investment or {}).items()} if whole else None

    # -- what is stated, or known ----------------------------------------------------------
    @property
    def _entry(self) -> KnownZone | None:
        return None if self.use is None else known_zone(self.use)

    @property
    def host(self) -> str:
        """Where it stands."""
        return self.in_ or (self._entry.in_ if self._entry else "")

    @property
    def partners(self) -> Mapping[str, float]:
        """Whose firms, with shares that sum to one."""
        return self.with_ or (self._entry.with_ if self._entry else {})

    @property
    def head_count(self) -> float:
        """Workers, persons."""
        if self.workers is not None:
            return self.workers
        if self.investment:
            return sum(self.investment.values()) * 1e6 / catalogue().per_worker.investment
        return self._entry.workers if self._entry else 0.0

    @property
    def sold(self) -> float:
        """Sales in all, million USD a year."""
        return self.head_count * self._each("sales") / 1e6

    @property
    def bought(self) -> float:
        """Inputs in all, million USD a year."""
        return self.head_count * self._each("inputs") / 1e6

    def _each(self, side: str) -> float:
        """Sales or inputs, USD a worker and year."""
        found = getattr(self, f"{side}_per_worker")
        if found is None and self._entry:
            found = getattr(self._entry, f"{side}_per_worker")
        return float(getattr(catalogue().per_worker, side) if found is None else found)

    @property
    def wage_bill(self) -> float:
        """Million USD a year, twelve months."""
        known = catalogue().per_worker.wage
        return self.head_count * 12 * (known if self.wage is None else self.wage) / 1e6

    @property
    def _returning(self) -> float:
        if self.returning is not None:
            return self.returning
        return self._entry.returning if self._entry else 1.0

    def _excepted(self, state: State) -> frozenset[str]:
        """Provisions and tables that do not apply to it; unknown ones are refused."""
        if self.excepted_from is None:
            return frozenset(self._entry.excepted_from if self._entry else ())
        try:
            return excepted(state, self.excepted_from)
        except InputError as error:
            self.fail("excepted_from", error.what, error.nearest)

    @property
    def _name(self) -> str:
        """What words call it: its name, else its line."""
        line = self.source.place().line
        return self.use or ("the zone" if line is None else f"the zone of line {line}")

    @property
    def _tariff_free(self) -> bool:
        if self.tariff_free is not None:
            return self.tariff_free
        return self._entry.tariff_free if self._entry else False

    def _shares(self, world: World, given: Mix | None, known: Any, key: str) -> Array:
        """A mix as an array (S,)."""
        mix = known if given is None else given
        if isinstance(mix, tuple):
            kaesong = catalogue().zones["kaesong"].sales
            if len(mix) > 1:
                other = next((c for c in mix if c in world.sectors and c not in kaesong), None)
                if other is not None:
                    self.fail(
                        key,
                        f"Kaesong made no {other}, so that shares are not known: state them, "
                        f"{{{mix[0]}: 60%, {mix[1]}: 40%}}.",
                    )
            mix = {code: kaesong.get(code, 1.0) for code in mix}
        found = np.zeros(world.n_sectors)
        for code, share in mix.items():
            if code not in world.sectors:
                hint = nearest_label(code, world.sectors, world.sector_names)
                self.fail(key, f"unknown sector '{code}' in world '{world.name}'.", hint)
            found[world.sector_index(code)] = share
        shares: Array = found / found.sum()
        return shares

    def _mixes(self, world: World) -> tuple[Array, Array, Array]:
        """Shares by sector of sales, inputs and workers, each (S,)."""
        entry, made = self._entry, self._made
        where = "investment" if self.sectors is None and self.investment else "sectors"
        sales = self._shares(world, made, entry and entry.sales, where)
        if self.inputs is not None:
            inputs = self._shares(world, self.inputs, None, "inputs")
        elif made is None and entry and entry.inputs:
            inputs = self._shares(world, None, entry.inputs, "use")
        else:
            inputs = sales
        staff = sales
        if self.investment:
            staff = self._shares(world, self._invested_in, None, "investment")
        elif made is None and entry and entry.staff:
            staff = self._shares(world, None, entry.staff, "use")
        return sales, inputs, staff

    # -- checks ----------------------------------------------------------------------------
    def apply(self, state: State) -> str:
        """Check who, where and how many; charge what was invested."""
        world = state.world
        where = "use" if self.in_ is None else "in"
        self.countries(world, (self.host,), where)
        for code in self.partners:
            self.countries(world, (code,), "use" if self.with_ is None else "with")
        self._mixes(world)
        self._excepted(state)
        self._enough_workers(state)
        words = f"{self._name}, {self.head_count:,.0f} workers in {self.host}"
        words += stated(self.productivity, self.new_labour, self._tariff_free)
        finance = self._paid()
        if finance is not None:
            words += f"; {finance.charge(state, self, {self.host: 1.0})}"
        return words

    def _paid(self) -> Finance | None:
        """``finance`` with what is invested: as stated, or as the zone named cost a worker."""
        if self.investment:
            capex = sum(self.investment.values())
            given = self.finance or Finance(paid_by=dict(self.partners))
            return given.with_capex(capex)
        if self.finance is None or self._entry is None or self.head_count == 0:
            return self.finance
        cost = self._entry.investment * self.head_count / self._entry.workers
        return self.finance.with_capex(cost)

    def _persons(self) -> float:
        """People at work where it stands."""
        if self.workforce is not None:
            return self.workforce
        known = catalogue().workforce
        if self.host not in known:
            self.fail(
                "in",
                f"how many people work in {self.host} is not known here: state 'workforce', "
                "in persons.",
            )
        return known[self.host].persons

    def _enough_workers(self, state: State) -> None:
        """Refuse more workers, over all zones in force, than a sector has."""
        none = np.zeros(state.world.n_sectors)
        taken = none
        if status(self, state.day) == "active":
            taken = state.pad.setdefault("zone workers", {}).setdefault(self.host, none)
        self.check_workers(state.world, taken)
        taken += self.head_count * self._mixes(state.world)[2]

    def check_workers(self, world: World, others: Array) -> None:
        """Refuse more workers than a sector has beside those of other zones, (S,).

        Raises
        ------
        ScenarioError
            At the key that says how many.
        """
        have = sector_workforce(world, self.host, self._persons())
        mine = self.head_count * self._mixes(world)[2]
        taken = others + mine
        short = (taken > have + self.new_labour * mine) & (mine > 0)
        if short.any():
            s = int(np.argmax(short))
            self.fail(
                "use" if self.workers is None else "workers",
                f"zones would employ {taken[s]:,.0f} people in {world.sectors[s]}, and "
                f"{self.host} has {have[s]:,.0f} at work there (its workforce by shares of "
                "value added).",
            )

    def _refuse_twice(self, state: State) -> None:
        """The same zone with the same firms twice in force would count twice."""
        there = state.pad.setdefault("zones by name", {})
        for code in self.partners if self.use else ():
            other = there.setdefault((self.use, self.host, code), self)
            if other is not self:
                line = other.source.place().line
                self.fail(
                    "use",
                    f"'{self.use}' with {code} is in force already"
                    f"{'' if line is None else f' (line {line})'} and would count twice: state "
                    "all its workers once, give the two dates that do not overlap, or describe "
                    "another zone with 'in', 'with' and 'sectors'.",
                )

    # -- what it does ----------------------------------------------------------------------
    def apply_last(self, state: State) -> str:
        """Add the trade that law leaves and relief does not return; productivity, labour."""
        self._refuse_twice(state)
        world = state.world
        h = world.country_index(self.host)
        sales, inputs, staff = self._mixes(world)
        closed = closed_to_zone(state, self._excepted(state))
        pad = state.pad.setdefault("zone claimed", np.zeros(world.flows.shape))
        run = np.zeros(world.n_sectors)
        told = np.zeros(3)  # the zone's trade, what relief returns of it, what law closes
        for code, share in self.partners.items():
            n = world.country_index(code)
            out, back = closed[:, h, n], closed[:, n, h]
            runs = running(out, back, inputs > 0)
            lets = np.where(sales > 0, runs, float(runs @ sales) * (1.0 - back))
            trade = {
                (h, n): turnover(1.0, 1e6 * share * self.sold, sales * runs),
                (n, h): turnover(1.0, 1e6 * share * self.bought, inputs * lets),
            }
            whole = share * (self.sold + self.bought)
            for (i, j), wanted in trade.items():
                told[:2] += self._add(state, pad, i, j, wanted)
            told[2] += whole - sum(float(t.sum()) for t in trade.values())
            run += share * runs
        self._factors(state, h, staff * run)
        if self.variety == "neutral":
            # its costs depend on the weights, and the weights on its costs
            for _ in range(_ROUNDS):
                host = Host(state, carried(state).now, self.host)
                state.additions.costs[:, h] = host.costs()
        # sums of shares leave rounding behind, which is no law
        told[np.abs(told) < _NOTHING * (self.sold + self.bought)] = 0.0
        self._tell(state, told)
        return f"; {size(told, self.wage_bill * float(staff @ run), self.partners)}"

    def _add(
        self, state: State, claimed: Array, i: int, n: int, trade: Array
    ) -> tuple[float, float]:
        """Add to one link; returns the zone's trade on it, and what of it was there."""
        links = carried(state)
        there = links.without[:, i, n]
        gain = beyond(trade, self._returning, there, claimed[:, i, n])
        claimed[:, i, n] += trade - gain
        extra = np.zeros(state.world.flows.shape)
        extra[:, i, n] = extra_for(state, links, i, n, gain)
        if np.isnan(extra).any():
            s = int(np.argmax(np.isnan(extra[:, i, n])))
            w = state.world
            self.fail(
                "use" if self.workers is None else "workers",
                f"the zone would move {figure(trade[s])} million USD of {w.sectors[s]} from "
                f"{w.countries[i]} to {w.countries[n]}, beside what goes there already; all "
                f"it spends on that is {figure(w.expenditure[s, n])} million USD.",
            )
        state.additions.add(extra, neutral=self.variety == "neutral")
        if self._tariff_free:
            self._exempt(state, i, n, trade, carried(state))
        return float(trade.sum()), float((trade - gain).sum())

    def _exempt(self, state: State, i: int, n: int, trade: Array, links: Any) -> None:
        """Take duty off the zone's share of a link: t′ = t·(1 − share)."""
        total = np.maximum(links.now[:, :, n].sum(axis=1), 1e-300)
        spent = state.world.expenditure[:, n] * links.now[:, i, n] / total
        before = state.pad.setdefault("zone tariff", state.tariff.copy())[:, i, n]
        free = state.pad.setdefault("zone free", np.zeros(state.tariff.shape))
        free[:, i, n] += trade
        flow = spent / (1.0 + before)
        share = np.divide(free[:, i, n], flow, out=np.zeros(flow.shape), where=flow > 0)
        state.tariff[:, i, n] = before * (1.0 - np.minimum(share, 1.0))

    def _factors(self, state: State, h: int, staff: Array) -> None:
        """Productivity of its sectors, and labour that had no work, as far as plants run."""
        if self.productivity == 1.0 and not self.new_labour:
            return
        persons, mine = self._persons(), self.head_count * staff
        have = sector_workforce(state.world, self.host, persons)
        gain = sector_tfp(mine, have, self.productivity)
        state.productivity_hat[:, h] *= gain**state.world.trade_elasticity
        # heads earn labour's share of factor income; capital does not grow with them
        labour = 1.0 - state.assumptions.capital_share
        more = self.new_labour * float(mine.sum()) / persons
        state.labour_hat[h] *= 1.0 + labour * more

    # -- words -----------------------------------------------------------------------------
    def _tell(self, state: State, told: Array) -> None:
        """What a reader has to know."""
        cells, spared = self._cells(state.world), self._excepted(state)
        law = self._entry.law if self._entry else ""
        found = notes(self._name, told, closing_words(state, cells, spared), law, self.variety)
        found.append(exception(state, cells, spared, self._name, self.excepted_from or ()))
        for remark in filter(None, found):
            state.tell(self, remark)

    def _cells(self, world: World) -> Mask:
        """Links that it trades on, (S, N, N)."""
        pair = np.zeros((world.n_countries, world.n_countries), dtype=bool)
        h = world.country_index(self.host)
        for code in self.partners:
            pair[h, world.country_index(code)] = pair[world.country_index(code), h] = True
        sales, inputs, _ = self._mixes(world)
        cells: Mask = ((sales + inputs) > 0)[:, None, None] & pair
        return cells

    def remarks(self, state: State) -> list[str]:
        """What was found out while it was applied."""
        return state.told_of(self)
