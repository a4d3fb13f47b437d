"""What law covers of a target's trade with one partner, and all that the figures rest on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from detente.cli.regimesdata import GOODS, cap_in_words, changes, law_day
from detente.errors import InputError
from detente.regimes.coverage import binds, closed_by_cap, pair_coverage, target_of
from detente.regimes.schema import Provision, Regime
from detente.report.numbers import in_prose, plural

if TYPE_CHECKING:
    from detente.world.core import World

#: The embedded world whose trade is of before most bans, by target; any other: the last.
BEFORE = {"PRK": "korea-before"}
OTHERS = "world-2022"


@dataclass(frozen=True)
class Asked:
    """A question about a pair, as it was typed."""

    regimes: tuple[Regime, ...]
    partner: str
    at: str | None = None
    world: str | None = None
    trade: Path | None = None
    revision: str | None = None
    year: int | None = None


@dataclass(frozen=True)
class Pair:
    """What law covers of a target's trade with a partner on a day.

    Attributes
    ----------
    frame : DataFrame
        As of ``regimes.coverage.pair_coverage``.
    traded : str
        Whose trade the USD are, and of which year.
    year : int or None
        Year of that trade, where it is on record.
    basis : tuple of (str, str)
        What each side's shares rest on.
    notes : tuple of str
        What the table cannot show.
    last : bool
        Whether the day is the law's last change because nobody named another.
    """

    world: World
    regimes: tuple[Regime, ...]
    target: str
    partner: str
    day: date
    frame: pd.DataFrame
    traded: str
    year: int | None
    basis: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    last: bool = False

    def totals(self) -> pd.DataFrame:
        """Trade, banned and covered by direction; ``covered`` is missing without trade."""
        rows = []
        for direction in ("export", "import"):
            part = self.frame[self.frame["direction"] == direction]
            trade, banned = float(part["trade"].sum()), float(part["banned"].sum())
            share = banned / trade if trade > 0 else None
            rows.append(
                {"direction": direction, "trade": trade, "covered": share, "banned": banned}
            )
        return pd.DataFrame(rows)

    def name_of(self, code: str) -> str:
        """A country's name."""
        return self.world.country_names[self.world.country_index(code)]


def pair_of(asked: Asked) -> Pair:
    """Coverage of a pair's trade, and all that it rests on.

    Raises
    ------
    InputError
        Regimes on several targets, a world without the target, a partner that is unknown,
        the target itself or no sender, a date before the law, trade that cannot be read.
    """
    from detente.cli.regimestrade import untold_lines
    from detente.regimes.mix import mix_for

    day = law_day(asked.regimes, asked.at)
    world, target = world_of(asked.regimes, asked.world)
    partner = _partner(world, target, asked.partner)
    applied = _applied(asked.regimes, world, target, partner)
    if asked.trade is None:
        mix, values, year = mix_for(world, target), world, trade_year(world, target)
        traded = f"world {world.name}, {year or 'year not on record'}"
        base = _baseline(world, target, year)
    else:
        from detente.cli.regimestrade import mix_of, read_trade, traded_world

        rows = read_trade(asked.trade, world, target, asked.year, asked.revision)
        mix, values = mix_of(rows, world, target), traded_world(rows, world, target)
        year = rows.years[-1]
        traded, base = f"the pair's own in {rows.note}", (date(year, 7, 1), None)
        if len(rows.years) > 1:
            traded += f": mean of {len(rows.years)} years"
    frame = pair_coverage(values, applied, target, partner, day, mix)
    basis = [("sells", mix.basis["exports"]), ("buys", mix.basis["imports"])]
    basis += [("warning", mix.basis["warnings"])] if "warnings" in mix.basis else []
    basis += [("warning", w) for w in untold_lines(mix, world, applied, day, [partner])]
    found = Pair(world, asked.regimes, target, partner, day, frame, traded, year, tuple(basis))
    told = tuple(_notes(found, applied, base))
    return replace(found, notes=told, last=asked.at is None)


def world_of(regimes: Sequence[Regime], name: str | None) -> tuple[World, str]:
    """The world asked for, or the embedded one of before the bans; and the target in it."""
    from detente.world import load_world

    codes = {code for regime in regimes for code in regime.target}
    chosen = name or next((w for code, w in BEFORE.items() if code in codes), OTHERS)
    world = load_world(chosen)
    targets = {}
    for regime in regimes:
        try:
            targets[regime.regime] = target_of(regime, world)
        except InputError as error:
            if name is not None:
                raise
            raise InputError(
                f"{error.what} No embedded world has it: give one of your own with --world."
            ) from None
    if len(set(targets.values())) > 1:
        told = ", ".join(f"{r} on {t}" for r, t in targets.items())
        raise InputError(f"name regimes on one target at a time: {told}.")
    return world, next(iter(targets.values()))


def _partner(world: World, target: str, code: str) -> str:
    """The partner's code in the world; a member of a region is told its region's."""
    from detente.scenario.measure import nearest_label

    if code == target:
        raise InputError(f"--partner: {code} is the target itself; name who trades with it.")
    if code in world.countries:
        return code
    members = world.meta.get("members", {})
    region = next((label for label, inside in members.items() if code in inside), None)
    if region is not None:
        raise InputError(
            f"--partner: world '{world.name}' holds {code} within {region}.", nearest=region
        )
    others = [
        (c, n) for c, n in zip(world.countries, world.country_names, strict=True) if c != target
    ]
    codes, names = [c for c, _ in others], [n for _, n in others]
    raise InputError(
        f"--partner: unknown country '{code}' in world '{world.name}'; it has "
        f"{', '.join(codes)}.",
        nearest=nearest_label(code, codes, names),
    )


def _applied(
    regimes: Sequence[Regime], world: World, target: str, partner: str
) -> tuple[Regime, ...]:
    """Regimes that the partner applies; InputError where it applies none of them."""
    n = world.country_index(partner)
    found = tuple(r for r in regimes if binds(r, world, target)[n])
    if not found:
        told = "; ".join(_binding(regime, world, target, partner) for regime in regimes)
        raise InputError(f"--partner: {partner} is no sender: {told}.")
    return found


def _binding(regime: Regime, world: World, target: str, partner: str) -> str:
    bound = binds(regime, world, target)
    codes = [c for c, b in zip(world.countries, bound, strict=True) if b]
    acting, idle = _members_of(regime, world, partner)
    part = f", and of {partner} only {', '.join(acting)}" if acting and idle else ""
    return f"'{regime.regime}' binds {', '.join(codes) or 'nobody in this world'}{part}"


def trade_year(world: World, target: str) -> int | None:
    """Year of a target's trade in a world, where its metadata say it."""
    vintages = world.meta.get("vintages", {})
    told = next((vintages[k] for k in (target, "others", "all") if k in vintages), None)
    match = re.search(r"\b(1[89]|20)\d\d\b", str(told or world.meta.get("vintage", "")))
    return int(match[0]) if match else None


def _baseline(
    world: World, target: str, year: int | None
) -> tuple[date | None, frozenset[str] | None]:
    """The day of the law that the world's trade is under, and which regimes (None: all).

    As recorded in the world, else the middle of the year of its trade.
    """
    facts = world.meta.get("law", {}).get(target)
    if facts:
        return date.fromisoformat(facts["day"]), frozenset(facts["regimes"])
    return (date(year, 7, 1) if year else None), None


# -- what the table cannot show ------------------------------------------------------------
def _notes(
    pair: Pair, applied: Sequence[Regime], base: tuple[date | None, frozenset[str] | None]
) -> Iterator[str]:
    here = [(r, p) for r in applied for p in r.provisions if p.holds_on(pair.day)]
    goods = [p for _, p in here if p.effect in GOODS]
    yield from _who(pair, applied)
    if not here:
        names = ", ".join(r.regime for r in applied)
        yield (
            f"Nothing of {names} is in force on {pair.day}. The law changed on "
            f"{', '.join(map(str, changes(applied)))}."
        )
    day, recorded = base
    if day is not None:
        held = [p for r, p in here if recorded is None or r.regime in recorded]
        old = [p.id for p in held if p.effect in GOODS and p.holds_on(day)]
        yield from _already(pair, len(goods), old, day)
    yield from _caps(goods)
    unknown = [p.id for p in goods if p.products and all(e.covered == 0 for e in p.products)]
    if unknown:
        yield (
            f"In force, with a part of their lines that is not known and counts as none: "
            f"{', '.join(unknown)}."
        )
    other = [p for _, p in here if p.effect not in GOODS]
    if other:
        kinds = sorted({p.effect for p in other})
        told = (
            f"{kind} {', '.join(p.id for p in other if p.effect == kind)}" for kind in kinds
        )
        yield f"In force, and not on goods: {'; '.join(told)}."
    doubtful = sum(p.unverified for p in goods)
    if doubtful:
        yield (
            f"{doubtful} of the {plural(len(goods), 'provision')} on goods in force "
            f"{'is' if doubtful == 1 else 'are'} unverified in part or whole: detente regimes "
            f"show {','.join(r.regime for r in applied)}."
        )


def _who(pair: Pair, applied: Sequence[Regime]) -> Iterator[str]:
    """Regimes that the partner does not apply, and regions of which a part applies one."""
    for regime in pair.regimes:
        acting, idle = _members_of(regime, pair.world, pair.partner)
        if regime not in applied:
            yield f"{pair.partner} does not apply {regime.regime}: left out."
        elif acting and idle:
            yield (
                f"Of {pair.partner}, {regime.regime} binds {', '.join(acting)} and not "
                f"{', '.join(idle)}: it counts for all of {pair.partner}."
            )


def _members_of(regime: Regime, world: World, partner: str) -> tuple[list[str], list[str]]:
    """Members of a region that send a regime, and those that do not; empty for a country."""
    if regime.senders == ("all",) or partner in regime.senders:
        return [], []
    inside = sorted(world.meta.get("members", {}).get(partner, ()))
    return (
        [code for code in inside if code in regime.senders],
        [code for code in inside if code not in regime.senders],
    )


def _already(pair: Pair, of: int, old: Sequence[str], day: date) -> Iterator[str]:
    """Provisions that cut the trade before it was counted."""
    if not old:
        return
    when = f"{pair.year}" if pair.year else f"world {pair.world.name}"
    yield (
        f"The trade of {when} already contains sanctions on "
        f"{in_prose(pair.name_of(pair.target))}: of the {plural(of, 'provision')} on goods in "
        f"force on {pair.day}, {len(old)} held on {day} too ({_few(old)}). For these the USD "
        "are what they left, not what they cut."
    )


def _few(ids: Sequence[str], most: int = 6) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def _caps(goods: Sequence[Provision]) -> Iterator[str]:
    for p in goods:
        if p.cap is None:
            continue
        closed = closed_by_cap(p)
        if p.cap.reference is None:
            yield f"{p.id} caps trade at {cap_in_words(p)}, all partners together: not counted."
        elif closed > 0:
            yield (
                f"{p.id} is a cap ({cap_in_words(p)}): what lies beyond it counts as banned, "
                f"{100 * closed:.3g} % of its lines."
            )
        else:
            yield f"{p.id} is a cap ({cap_in_words(p)}): at that it closes nothing."
