"""Visits of state, reduced-form and off unless a scenario asks for them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from detente.errors import nearest
from detente.scenario.compose import State
from detente.scenario.dates import Day, status
from detente.scenario.measure import Mask, Measure, nearest_label
from detente.scenario.numerals import NUMERAL, below, ratio_schema
from detente.scenario.quantities import ALL, Codes, OneCode, ratio, refuse
from detente.scenario.registry import measure
from detente.scenario.visits import LEDGERS, Meeting, factor, load_ledger, turning
from detente.scenario.zonefields import Flag
from detente.world.core import Array

_DIRECTIONS = ("visitor-exports", "host-exports", "both")
_DURATION = re.compile(rf"^({NUMERAL})\s*(year|month|day)s?$")
_IN_YEARS = {"year": 1.0, "month": 1.0 / 12.0, "day": 1.0 / 365.25}
_LONGEST = 50.0
#: The same for the schema, unit by unit.
_LENGTHS = "|".join(
    rf"{below(most, itself=True)}\s*{unit}"
    for unit, most in (("year", "50"), ("month", "600"), ("day", "18262.5"))
)
_SHOWN = 3
#: Share of a country's imports from which its deficit decides how far they can rise.
_MOST = 0.5
_PAD = "links of visits"
OFF = "off: reduced-form, no part of the model; write reduced_form: true"


def _duration(value: Any) -> float:
    """Years of ``1 year``, ``18 months`` or ``90 days``."""
    match = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value != 1
        hint = f"{value} years" if number else "1 year"
        refuse(f"{value!r} is no length of time: a number, and years, months or days.", hint)
    years = float(match[1]) * _IN_YEARS[match[2]]
    if not 0 < years <= _LONGEST:
        refuse(f"a length of {value} is outside 0 to {_LONGEST:g} years.")
    return years


def _effect(value: Any) -> float:
    found = ratio(value, "visit's effect", -1.0, 1.0)
    if found <= -1.0:
        refuse("an effect of −100 % is a ban: write 'ban'.")
    return found


def _one_of(options: tuple[str, ...]) -> BeforeValidator:
    def check(value: Any) -> str:
        if value not in options:
            refuse(f"{value!r} is none of {', '.join(options)}.", nearest(str(value), options))
        return str(value)

    return BeforeValidator(check)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(lambda years: f"{years!r} years"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\s*(?![0.]+\s*[ymd])(?:{_LENGTHS})s?\s*$",
            "examples": ["1 year", "18 months"],
        }
    ),
]
Effect = Annotated[
    float,
    BeforeValidator(_effect),
    WithJsonSchema(ratio_schema(-1, 1, "9%", "-8.1%", ends="(]")),
]
Direction = Annotated[str, _one_of(_DIRECTIONS), WithJsonSchema({"enum": list(_DIRECTIONS)})]
Ledger = Annotated[str, _one_of(tuple(LEDGERS)), WithJsonSchema({"enum": list(LEDGERS)})]


@measure("visit")
class Visit(Measure):
    """What a visit of state does to trade: reduced-form, no part of the model, off by default.

    Nitsch (2007, The World Economy 30): exports of the visitor's country are higher by 8 to
    10 %, strongly and for a short time. Fuchs & Klann (2013, Journal of International
    Economics 91): receptions of the Dalai Lama lower exports to China by some 8 %, and not in
    the second year (``effect: -8.1%``, ``ends: 2 years``). Head & Ries (2010, Canadian Journal
    of Economics 43): trade missions have no robust effect. It changes nothing unless the
    scenario says ``reduced_form: true``.

    The link's weight b is multiplied by Π(1 + e·2^(−t/h)) over the visits up to the day, t
    years ago: several visits add their logs. Exports rise by exactly e·2^(−t/h) at given price
    indices, as in the gravity equation that e is from; at baseline costs, the buyer's own index
    moving, by (1 + e)/(1 + e·π) − 1, which is e to first order where π, the share in what the
    buyer spends, is small. An empty link stays empty.
    """

    visitor: OneCode | None = Field(default=None, description="Whose leader travels.")
    host: OneCode | None = Field(default=None, description="Where to.")
    ledger: Ledger | None = Field(
        default=None, description="Every visit of a ledger, in place of one: dprk or all."
    )
    of: Codes = Field(
        default=(ALL,), description="With a ledger: countries whose visits count, or all."
    )
    since: Day | None = Field(default=None, description="With a ledger: first day.")
    through: Day | None = Field(default=None, description="With a ledger: last day.")
    effect: Effect = Field(default=0.09, description="On exports, on the day; may be negative.")
    half_life: Duration = Field(default=1.0, description="Time in which half of it is gone.")
    ends: Duration | None = Field(default=None, description="Time after which it is all gone.")
    direction: Direction = Field(
        default="visitor-exports", description="Which exports: the visitor's, the host's, both."
    )
    sectors: Codes = Field(default=(ALL,), description="Sector codes, or all.")
    reduced_form: Flag = Field(
        default=False, description="Acknowledges that this is no part of the model; else off."
    )

    @model_validator(mode="after")
    def _one_or_a_ledger(self) -> Visit:
        pair = [key for key in ("visitor", "host") if getattr(self, key) is not None]
        if (self.ledger is None) == (not pair):
            refuse("'visit' needs 'visitor' and 'host', or 'ledger'; one of the two.")
        wrong = {"of", "since", "through"} if pair else {"on", "until"}
        for key in sorted(wrong & self.model_fields_set):
            what = (
                "belongs to a ledger" if pair else "is not for a ledger: write since, through"
            )
            refuse(f"'{key}' {what}.")
        if self.since and self.through and self.through < self.since:
            refuse(f"'through' ({self.through}) is before 'since' ({self.since}).")
        if self.ledger is None:
            self._complete_pair()
        return self

    def _complete_pair(self) -> None:
        for key in ("visitor", "host", "on"):
            if getattr(self, key) is None:
                refuse(f"'visit' needs '{key}'.")
        if self.visitor == self.host:
            refuse(f"'visitor' and 'host' are both {self.host}.")

    def mentioned(self) -> tuple[date, ...]:
        """Days that it mentions beside its own dates: a ledger's first and last visit."""
        days = sorted(day for _, _, day in self._visits()) if self.ledger else []
        return (days[0], days[-1]) if days else ()

    def turns(self) -> tuple[date, ...]:
        """Further days on which a path looks at the effect again, as it fades."""
        days = [day for _, _, day in self._visits()] if self.reduced_form else []
        return turning(days, self.half_life, self.ends)

    def _visits(self) -> list[tuple[str, str, date]]:
        """Visitor, host and first day of every visit that counts."""
        if self.ledger is None:
            assert self.visitor and self.host and self.on
            return [(self.visitor, self.host, self.on)]
        return [(m.visitor, m.host, m.on) for m in self._meetings() if m.is_visit]

    def _meetings(self) -> list[Meeting]:
        """Rows of the ledger between its dates, of the countries asked for."""
        whose = LEDGERS[str(self.ledger)]
        found = []
        for m in load_ledger(str(self.ledger)):
            parties = {m.visitor, m.host} - {whose}
            in_time = (self.since or date.min) <= m.on <= (self.through or date.max)
            if in_time and (self.of == (ALL,) or not parties.isdisjoint(self.of)):
                found.append(m)
        return found

    def apply(self, state: State) -> str:
        """Multiply the links of the pairs that met, or say that it is off."""
        self._check(state)
        sectors = self.sectors_of(state.world, self.sectors)
        if not self.reduced_form:
            return OFF
        visits = self._in_world(state)
        if not visits:
            return f"reduced-form: nothing, {self._why_none(state)}"
        self._refuse_twice(state, visits, sectors)
        day = self._day(state, visits)
        pairs = self._factors(state, visits, day)
        scale = np.ones(state.world.flows.shape)
        scale[sectors] *= pairs
        state.scale_links(scale)
        self._remark(state, pairs)
        state.pad.setdefault(_PAD, {})[id(self)] = sectors[:, None, None] & (pairs != 1.0)
        return self._words(state, pairs, day, sum(on <= day for _, _, on in visits))

    def _check(self, state: State) -> None:
        """Refuse codes that the world, or the ledger, does not have."""
        if self.ledger is None:
            names = _names(state)
            for key, code in (("visitor", str(self.visitor)), ("host", str(self.host))):
                if code not in names:
                    what = f"unknown country '{code}' in world '{state.world.name}'."
                    self.fail(key, what, nearest_label(code, list(names), list(names.values())))
            return
        if self.of == (ALL,):
            return
        known = {c for m in load_ledger(self.ledger) for c in (m.visitor, m.host)}
        names = {code: _names(state).get(code, code) for code in known}
        for code in self.of:
            if code not in known:
                what = f"ledger '{self.ledger}' has no meeting of '{code}'."
                self.fail("of", what, nearest_label(code, list(names), list(names.values())))
        self.countries(state.world, self.of, "of")

    def _in_world(self, state: State) -> list[tuple[str, str, date]]:
        """The visits between countries of the world; others are told."""
        here = set(state.world.countries)
        visits = self._visits()
        out = sorted({c for v, h, _ in visits for c in (v, h)} - here)
        if out:
            state.tell(
                self, f"not countries of this world, their visits left out: {', '.join(out)}"
            )
        return [visit for visit in visits if here.issuperset(visit[:2])]

    def _why_none(self, state: State) -> str:
        """Why no visit counts: none on these days, or none between countries that are here."""
        visits = self._visits()
        if visits:
            return (
                f"none of its visits ({len(visits)}) is between countries that world "
                f"'{state.world.name}' has"
            )
        since = f" from {self.since} on" if self.since else ""
        through = f" up to {self.through}" if self.through else ""
        of = "" if self.of == (ALL,) else f" with {', '.join(self.of)}"
        return f"ledger '{self.ledger}' has no visit{of}{since}{through}"

    def _refuse_twice(
        self, state: State, visits: list[tuple[str, str, date]], sectors: Mask
    ) -> None:
        """A visit counts once on a link, whichever measures name it."""
        if status(self, state.day) != "active":
            return
        ways = {"visitor-exports": (0,), "host-exports": (1,)}.get(self.direction, (0, 1))
        there = state.pad.setdefault("visits counted", {})
        for key in dict.fromkeys((v, h, on, way) for v, h, on in visits for way in ways):
            before, other = there.get(key, (np.zeros_like(sectors), self))
            if other is not self and (before & sectors).any():
                line = other.source.place().line
                where = "another measure" if line is None else f"the measure of line {line}"
                self.fail(
                    "visitor" if self.ledger is None else "ledger",
                    f"the visit of {key[0]} to {key[1]} on {key[2]} is counted by {where} "
                    "already, on the same links: leave one out.",
                )
            there[key] = (before | sectors, other)

    def _day(self, state: State, visits: list[tuple[str, str, date]]) -> date:
        """The day shown; without one, the day after the last visit that counts."""
        if state.day is not None:
            return state.day
        return max(on for _, _, on in visits) + timedelta(days=1)

    def _factors(self, state: State, visits: list[tuple[str, str, date]], day: date) -> Array:
        """What the links of each pair [i, n] are multiplied by, shape (N, N)."""
        found = np.ones((state.world.n_countries,) * 2)
        for visitor, host, on in visits:
            v, h = (state.world.country_index(c) for c in (visitor, host))
            one = factor(self.effect, (on,), day, self.half_life, self.ends)
            if self.direction != "host-exports":
                found[v, h] *= one
            if self.direction != "visitor-exports":
                found[h, v] *= one
        return found

    def _words(self, state: State, pairs: Array, day: date, count: int) -> str:
        codes, trade = state.world.countries, state.world.flows.sum(axis=0)
        changed = sorted(np.argwhere(pairs != 1.0), key=lambda pair: -trade[tuple(pair)])
        if not changed and not count:
            return f"reduced-form: nothing, no visit of its is before {day}"
        if not changed:
            return f"reduced-form: nothing is left of {_count(count)} on {day}"
        told = [
            f"{codes[i]}→{codes[n]} {100 * (pairs[i, n] - 1):+.2f} %".replace("-", "−")
            for i, n in changed[:_SHOWN]
        ]
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return (
            f"reduced-form: {_count(count)}, exports at given prices {', '.join(told)}{more} "
            f"on {day}"
        )

    def _remark(self, state: State, pairs: Array) -> None:
        state.tell(
            self,
            "the effect of visits is reduced-form, an average over other countries' visits "
            "(Nitsch 2007), and no part of the model; Head & Ries (2010) find none. It is no "
            "basis for a claim about welfare: what follows says only what such trade would be "
            "worth",
        )
        self._tell_prices(state, pairs)

    def _tell_prices(self, state: State, pairs: Array) -> None:
        """What 'at given prices' means, and who cannot buy so much more."""
        world = state.world
        bought = world.flows.sum(axis=0) * ~np.eye(world.n_countries, dtype=bool)
        share = bought / np.maximum(bought.sum(axis=0), 1e-300)
        told = [
            f"{world.countries[n]} buys {100 * share[i, n]:.0f} % of its imports from "
            f"{world.countries[i]}"
            for i, n in np.argwhere((pairs != 1.0) & (share > _MOST))
        ]
        words = (
            "'at given prices': with wages and price indices as they were, which is what the "
            "studies measure. In equilibrium, in the tables below, trade changes otherwise"
        )
        if told and state.assumptions.rule == "fixed":
            words += (
                f": {', '.join(told)}; with deficits fixed a country's imports rise by as many "
                "USD as its exports, and not by the effect"
            )
        state.tell(self, words)

    def remarks(self, state: State) -> list[str]:
        """That it is reduced-form, and which visits find no trade."""
        told, cells = state.told_of(self), state.pad.get(_PAD, {}).get(id(self))
        if cells is None:
            return told
        # what other measures open is known only now
        psi = state.dormant_share
        opens = (state.opening.link_open > 0) | (state.additions.extra > 0)
        opens &= True if psi is None else (psi > 0) | (state.additions.extra > 0)
        empty = (cells & (state.world.flows > 0)).sum(axis=0) == 0
        met = cells.any(axis=0)
        opened = met & empty & (cells & opens).any(axis=0)
        for links, words in (
            (opened, "no trade in the baseline; what other measures open is multiplied"),
            (met & empty & ~opened, "no trade in the baseline, and nothing to change"),
        ):
            if links.any():
                codes = state.world.countries
                pairs = [f"{codes[i]}→{codes[n]}" for i, n in np.argwhere(links)]
                told.append(f"{words}: {', '.join(pairs)}")
        return told


def _names(state: State) -> dict[str, str]:
    """Code → name of every country of the world."""
    return dict(zip(state.world.countries, state.world.country_names, strict=True))


def _count(visits: int) -> str:
    return "1 visit" if visits == 1 else f"{visits} visits"
