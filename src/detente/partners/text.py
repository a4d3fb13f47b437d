"""A race in words and in tables of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from detente.openings.likely import before_factor
from detente.partners.race import GRAVITY, REFORM, RELIEF, Race
from detente.report.numbers import capital, in_prose, in_table, listed, million, share, usd
from detente.report.sections import Section, Table
from detente.scenario.opennesspath import BASE_RATE, FROM_RECORD

_MOST = 12
#: Partners that come among the first three less often than this, summed over what is shown.
_RARE = 0.1
#: Trade beyond this multiple of income is read as a bound.
_IMPLAUSIBLE = 2.0


def sections(race: Race, top: Sequence[str] = ()) -> list[Section]:
    """What is printed: partners, ranks, what they rest on.

    Parameters
    ----------
    race : Race
    top : sequence of str
        Partners whose chance of being the largest is asked for.
    """
    found = [
        Section(
            "partners",
            f"Partners of {country(race)}, million USD a year (rank)",
            tables=(partners_table(race, top),),
            notes=_about(race),
        )
    ]
    if race.settings.draws:
        found.append(
            Section(
                "ranks",
                _chances(race),
                paragraphs=tuple(_claim(race, top)) if top else (),
                tables=(ranks_table(race, top),),
                notes=_drawn(race),
            )
        )
    return found


def _chances(race: Race) -> str:
    pace = race.settings.timing
    when = "" if pace.at_once else f" {pace.when}"
    own = "" if pace.drawn else "; in brackets with each pair's own error"
    return f"Chance of a rank{when}, %{own}"


def title(race: Race) -> str:
    """One line that says what was done."""
    lifted = race.settings.lift
    what = f"lifting {listed(list(lifted))}" if lifted else "lifting no ban"
    rule = race.settings.deficit_rule
    told = "" if rule == "fixed" else f"; deficits: {rule}"
    pace = race.settings.timing
    when = "" if pace.at_once else f"; {pace.when}"
    return capital(f"{country(race)} opens: {what}{told}{when}")


def country(race: Race) -> str:
    """The country in a sentence."""
    return in_prose(race.world.country_names[race.world.country_index(race.country)])


def _shown(race: Race, top: Sequence[str]) -> pd.DataFrame:
    first = race.table.head(_MOST)
    named = race.table.loc[[c for c in top if c not in first.index]]
    return pd.concat([first, named])


def partners_table(race: Race, top: Sequence[str] = ()) -> Table:
    """Observed, gravity's potential, and the equilibria."""
    table = _shown(race, top)
    rest = race.table.drop(index=table.index)
    rows = [(in_table(str(row["name"]), 19), *_cells(race, row)) for _, row in table.iterrows()]
    if len(rest):
        rows.append((f"{len(rest)} others", *_sums(race, rest, shares=True)))
    rows.append(("All partners", *_sums(race, race.table, shares=False)))
    headers = ["Partner", "Observed", "Gravity"]
    for state in race.states:
        headers += [capital(state), "share"]
    return Table(tuple(headers), "l" + "r" * (len(headers) - 1), tuple(rows), sums=1)


def _cells(race: Race, row: pd.Series) -> list[str]:
    cells = [
        _ranked(row["observed"], row["observed_rank"]),
        _ranked(row["potential_normal"], row["potential_normal_rank"]),
    ]
    for state in race.states:
        cells += [_ranked(row[state], row[f"{state}_rank"]), share(row[f"{state}_share"])]
    return cells


def _sums(race: Race, table: pd.DataFrame, *, shares: bool) -> list[str]:
    cells = [million(float(table[key].sum())) for key in ("observed", "potential_normal")]
    for state in race.states:
        part = share(float(table[f"{state}_share"].sum())) if shares else ""
        cells += [million(float(table[state].sum())), part]
    return cells


def _ranked(value: float, rank: float | None) -> str:
    place = "–" if rank is None or pd.isna(rank) else str(int(rank))
    return f"{million(float(value))} ({place})"


def ranks_table(race: Race, top: Sequence[str] = ()) -> Table:
    """Chances of the first three ranks, of the partners that ever come near."""
    shown = race.states if RELIEF in race.states else race.ranked
    sets = [
        {s: race.rank_probability(s, pair_error=own) for s in shown} for own in _errors(race)
    ]
    every = [p.iloc[:, :3].sum(axis=1) for found in sets for p in found.values()]
    chance = pd.concat(every, axis=1).sum(axis=1)
    codes = [c for c in race.table.index if chance[c] >= _RARE or c in top]
    rows = []
    for code in codes:
        cells = [
            _bracketed([found[s].loc[code, r] for found in sets])
            for s in shown
            for r in sets[0][s].columns[:3]
        ]
        rows.append((in_table(str(race.table.loc[code, "name"]), 19), *cells))
    ordinals = ("1st", "2nd", "3rd")[: len(race.units.codes)]
    headers = [f"{capital(s)} {o}" if o == "1st" else o for s in shown for o in ordinals]
    return Table(("Partner", *headers), "l" + "r" * len(headers), tuple(rows))


def _errors(race: Race) -> tuple[bool, ...]:
    """Whether pairs' own errors are drawn: without and with, or once where paces hold them."""
    return (False,) if race.settings.timing.drawn else (False, True)


def _bracketed(chances: Sequence[float], unit: str = "") -> str:
    first, *others = (f"{_percent(p)}{unit}" for p in chances)
    return " ".join([first, *(f"({p})" for p in others)])


def borders(race: Race) -> Section:
    """How far from normal the border was before the bans, by sector."""
    partner = race.shares.history.reference if race.shares.history else ""
    return Section(
        "borders",
        f"How far from normal the border of {country(race)} was before the bans",
        tables=(_borders_table(race, partner),),
        notes=(
            "Million USD a year with all partners, at today's costs: as before the bans, and "
            "behind a normal border; their ratio (1 is normal). "
            f"With {partner}: the ratio with this one partner, as it was traded then (not cut "
            "to what is made today).",
        ),
    )


def _borders_table(race: Race, partner: str) -> Table:
    rows = [
        (
            str(sector),
            *(
                cell
                for way in ("exports", "imports")
                for cell in (
                    million(row[f"{way}_as_before"]),
                    million(row[f"{way}_normal"]),
                    _times(row[f"{way}_ratio"]),
                    _times(row[f"reference_{way}_ratio"]),
                )
            ),
        )
        for sector, row in race.shares.border_ratio().iterrows()
    ]
    headers = (
        "Sector", "Sold", "normal", "ratio", f"to {partner}",
        "Bought", "normal", "ratio", f"from {partner}",
    )  # fmt: skip
    return Table(headers, "lrrrrrrrr", tuple(rows))


def _times(ratio: float) -> str:
    return "" if pd.isna(ratio) else f"{ratio:.2g}"


def _percent(probability: float) -> str:
    value = 100 * float(probability)
    if pd.isna(value):
        return "n/a"
    return "0" if value == 0 else "<1" if value < 0.95 else f"{value:.0f}"


def _claim(race: Race, top: Sequence[str]) -> list[str]:
    """The chance that the partners named are the largest ones."""
    names = [in_prose(str(race.table.loc[c, "name"])) for c in top]
    pace, parts = race.settings.timing, []
    words = {s: f"{'after' if pace.at_once else 'with'} {s}" for s in race.states}
    words[GRAVITY] = "by gravity"
    the = "The" if pace.at_once else f"{capital(pace.when)} the"
    for state in race.ranked:
        chances = [race.probability_of_top(top, state, pair_error=own) for own in _errors(race)]
        parts.append(f"{_bracketed(chances, ' %')} {words[state]}")
    size = {1: "largest partner is", 2: "two largest partners are"}.get(
        len(top), f"{len(top)} largest partners are"
    )
    order = ", in any order" if len(top) > 1 else ""
    return [f"{the} {size} {listed(names)}{order}: {', '.join(parts)}."]


def _state(race: Race, state: str) -> str:
    """``after relief``, or how long after it."""
    pace = race.settings.timing
    if pace.at_once:
        return f"after {state}"
    if pace.after == 0:
        return f"on the first day of {state}"
    return f"{pace.when.removeprefix('after ')} after {state}"


def _paced(race: Race) -> str:
    """What the path and the years make of the amounts."""
    pace = race.settings.timing
    like = {
        BASE_RATE: "as the middle one of openings in history",
        "warm": "as warm openings in history",
        "cold": "as cold openings in history",
    }.get(pace.path if isinstance(pace.path, str) else "", "as stated")
    middle = pace.middle()
    if isinstance(pace.path, str) and pace.path in FROM_RECORD:
        how = (
            f"what opens comes {like}: {share(middle * before_factor())} of what links carried "
            f"before the bans (relief); {share(middle)} of gravity's potential where that is "
            "two billion USD, and more where it is more (reform)"
        )
    else:
        how = f"{share(middle)} of what opens is there ({like}), for every partner alike"
    tail = " Draws spread around it, by partner." if pace.drawn else ""
    return f"{capital(pace.when)} {how}; gravity's column is its potential, all of it.{tail}"


def _about(race: Race) -> tuple[str, ...]:
    """What the columns are, and how to read them."""
    lifted = "the bans named are lifted"
    meant = {
        RELIEF: f"Relief: {lifted}, links return to what they carried before; equilibrium. ",
        REFORM: f"Reform: {lifted}, and every link that no ban closes opens to gravity's "
        "share; equilibrium. ",
    }
    past = "By sector, how far from normal the border was before the bans: --table borders."
    notes = [
        "Gravity: what a country of its output, spending and place trades behind an average "
        f"border, at today's costs. {''.join(meant[s] for s in race.states)}"
        f"Basis: docs/dormant.md. {past if RELIEF in race.states else ''}".strip(),
        _totals(race),
    ]
    if not race.settings.timing.at_once:
        notes.insert(1, _paced(race))
    other = _without_links(race)
    if other > 0.01 * float(race.table["observed"].sum()):
        notes.append(
            f"Gravity leaves out sectors without links, services mostly: {usd(other)} of what "
            "is observed."
        )
    lost = race.shares.record.get("without_geography")
    if lost:
        notes.append(f"Gravity has no place for {listed(list(lost))}, and says nothing of it.")
    if race.still_in_force:
        notes.append(f"Still in force: {listed(list(race.still_in_force))}.")
    if RELIEF in race.states:
        seen = race.never_seen[RELIEF] / max(float(race.table[RELIEF].sum()), 1e-12)
        notes.append(
            f"Of relief's trade {share(seen)} is on links with no trade to go by, carried from "
            "what was traded before with the one partner that was free."
        )
    times = float(race.table[REFORM].sum()) / race.income
    if times > _IMPLAUSIBLE:
        notes.append(
            f"Reform's trade is {times:.1f} times the country's income: read its amounts as "
            "a bound. Gravity's shares are met at today's costs; then inputs get cheaper, and "
            "sectors with high elasticities grow further. Ranks and shares say more."
        )
    return tuple(notes)


def _without_links(race: Race) -> float:
    """Observed trade in sectors that have no dormant shares, million USD."""
    world, c = race.world, race.world.country_index(race.country)
    out = [s for s, code in enumerate(world.sectors) if code not in race.shares.traded]
    both = world.flows[out, c].sum() + world.flows[out, :, c].sum()
    return float(both - 2.0 * world.flows[out, c, c].sum())


def _totals(race: Race) -> str:
    """Trade with all partners in every column, with its range over the draws."""
    observed, gravity = (
        usd(float(race.table[key].sum())) for key in ("observed", "potential_normal")
    )
    parts = [f"{observed} observed", f"{gravity} by gravity"]
    for state in race.states:
        welfare = f"{100 * race.welfare[state]:+.3g} %".replace("-", "−")
        told = f"{usd(float(race.table[state].sum()))} {_state(race, state)} (welfare {welfare}"
        if len(race.totals[state]):
            drawn = pd.Series(race.totals[state].sum(axis=1))
            low, middle, high = drawn.quantile([0.05, 0.5, 0.95])
            told += f"; draws {usd(low)} to {usd(high)}"
            # drawn paces are no spread around the middle pace: a few wide openings rule the sum
            told += f", half above {usd(middle)}" if race.settings.timing.drawn else ""
        parts.append(f"{told})")
    return f"All trade: {', '.join(parts)}."


def _drawn(race: Race) -> tuple[str, ...]:
    given = race.settings
    drawn = "gravity's coefficients"
    drawn += " and trade elasticities" if given.elasticities else ""
    notes = [f"{given.draws} draws of {drawn}, seed {given.seed}. {_pairs(race)}"]
    lost = {s: n for s, n in race.failed.items() if n}
    if lost:
        told = ", ".join(f"{n} of {s}" for s, n in lost.items())
        notes.append(f"Draws without an equilibrium, left out: {told}.")
    return tuple(notes)


def _pairs(race: Race) -> str:
    """How what is special to a single pair is drawn."""
    given = race.settings
    if given.timing.drawn:
        return (
            "Each partner economy's level, half-life and start are drawn as openings in "
            "history spread (a group of countries has one draw), the same both ways; they "
            "open for one cause, whose effect is drawn once. A level is measured against "
            "gravity, so it holds what gravity misses of a single pair: no error of pairs is "
            "drawn on top."
        )
    return (
        "In brackets gravity also misses each pair by a factor of its own (standard deviation "
        f"of its log {given.pair_error:.2f}, as between countries that do trade)."
    )


def foot(race: Race) -> str:
    """World, version: what made it."""
    facts = race.provenance()
    return (
        f"world {race.world.name} {race.world.content_hash[:12]} · detente {facts['version']}"
    )
