"""A race in words and in tables of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from detente.partners.race import GRAVITY, RANKED, REFORM, RELIEF, STATES, Race
from detente.report.numbers import capital, in_prose, in_table, listed, million, share, usd
from detente.report.sections import Section, Table

_MOST = 12
#: Partners that come among the first three less often than this, summed over what is shown.
_RARE = 0.1
#: Trade beyond this multiple of income is read as a bound.
_IMPLAUSIBLE = 2.0


def sections(race: Race, top: Sequence[str] = ()) -> list[Section]:
    """What is printed: partners, ranks, what it rests on.

    Parameters
    ----------
    race : Race
    top : sequence of str
        Partners whose chance of being the largest is asked for.
    """
    found = [
        Section(
            "partners",
            f"Partners of {_country(race)}, million USD a year (rank)",
            paragraphs=(),
            tables=(partners_table(race, top),),
            notes=_about(race),
        )
    ]
    if race.settings.draws:
        found.append(
            Section(
                "ranks",
                "Chance of a rank, %; in brackets with each pair's own error",
                paragraphs=tuple(_claim(race, top)) if top else (),
                tables=(ranks_table(race, top),),
                notes=_drawn(race),
            )
        )
    return found


def title(race: Race) -> str:
    """One line that says what was done."""
    lifted = race.settings.lift
    what = f"lifting {listed(list(lifted))}" if lifted else "lifting nothing"
    return capital(f"{_country(race)} opens: {what}")


def _country(race: Race) -> str:
    return in_prose(race.world.country_names[race.world.country_index(race.country)])


def _shown(race: Race, top: Sequence[str]) -> pd.DataFrame:
    first = race.table.head(_MOST)
    named = race.table.loc[[c for c in top if c not in first.index]]
    return pd.concat([first, named])


def partners_table(race: Race, top: Sequence[str] = ()) -> Table:
    """Observed, gravity's potential, and the equilibria after relief and reform."""
    table = _shown(race, top)
    rows = [
        (
            in_table(str(row["name"]), 19),
            _ranked(row["observed"], row["observed_rank"]),
            _ranked(row["potential_normal"], row["potential_normal_rank"]),
            _ranked(row[RELIEF], row[f"{RELIEF}_rank"]),
            share(row[f"{RELIEF}_share"]),
            _ranked(row[REFORM], row[f"{REFORM}_rank"]),
            share(row[f"{REFORM}_share"]),
        )
        for _, row in table.iterrows()
    ]
    money = ["observed", "potential_normal", RELIEF, REFORM]
    rest = race.table.drop(index=table.index)
    if len(rest):
        o, g, a, b = (million(float(rest[key].sum())) for key in money)
        pa, pb = (share(float(rest[f"{s}_share"].sum())) for s in STATES)
        rows.append((f"{len(rest)} others", o, g, a, pa, b, pb))
    o, g, a, b = (million(float(race.table[key].sum())) for key in money)
    rows.append(("All partners", o, g, a, "", b, ""))
    headers = ("Partner", "Observed", "Gravity", "Relief", "share", "Reform", "share")
    return Table(headers, "lrrrrrr", tuple(rows), sums=1)


def _ranked(value: float, rank: float | None) -> str:
    place = "–" if rank is None or pd.isna(rank) else str(int(rank))
    return f"{million(float(value))} ({place})"


def ranks_table(race: Race, top: Sequence[str] = ()) -> Table:
    """Chances of the first three ranks, of the partners that ever come near."""
    plain = {s: race.rank_probability(s) for s in STATES}
    noisy = {s: race.rank_probability(s, pair_error=True) for s in STATES}
    every = [p.iloc[:, :3].sum(axis=1) for p in (*plain.values(), *noisy.values())]
    chance = pd.concat(every, axis=1).sum(axis=1)
    codes = [c for c in race.table.index if chance[c] >= _RARE or c in top]
    rows = []
    for code in codes:
        cells = [
            f"{_percent(plain[s].loc[code, r])} ({_percent(noisy[s].loc[code, r])})"
            for s in STATES
            for r in (1, 2, 3)
        ]
        rows.append((in_table(str(race.table.loc[code, "name"]), 19), *cells))
    headers = ("Partner", "Relief 1st", "2nd", "3rd", "Reform 1st", "2nd", "3rd")
    return Table(headers, "lrrrrrr", tuple(rows))


def borders_table(race: Race) -> Table:
    """How far from normal the border was before the bans, by sector."""
    table = race.shares.border_ratio()
    names = dict(zip(race.world.sectors, race.world.sector_names, strict=True))
    rows = [
        (
            _cut(names[str(sector)], 26),
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
        for sector, row in table.iterrows()
    ]
    partner = race.shares.history.reference if race.shares.history else ""
    headers = (
        "Sector",
        "Sold",
        "normal",
        "ratio",
        partner,
        "Bought",
        "normal",
        "ratio",
        partner,
    )
    return Table(headers, "lrrrrrrrr", tuple(rows))


def borders(race: Race) -> Section:
    """The table of borders with its title and how to read it."""
    partner = race.shares.history.reference if race.shares.history else ""
    return Section(
        "borders",
        f"How far from normal the border of {_country(race)} was before the bans",
        paragraphs=(),
        tables=(borders_table(race),),
        notes=(
            "Million USD a year with all partners, at today's costs: as before the bans, and "
            "behind a normal border; their ratio (1 is normal). "
            f"{partner}: the ratio with this one partner, as it was traded then (not cut to "
            "what is made today).",
        ),
    )


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1].rstrip(" ,") + "…"


def _times(ratio: float) -> str:
    return "" if pd.isna(ratio) else f"{ratio:.2g}"


def _percent(probability: float) -> str:
    value = 100 * float(probability)
    return "0" if value == 0 else "<1" if value < 0.95 else f"{value:.0f}"


def _claim(race: Race, top: Sequence[str]) -> list[str]:
    """The chance that the partners named are the largest ones."""
    names = [
        in_prose(str(race.table.loc[c, "name"])) if c in race.table.index else c for c in top
    ]
    parts = []
    for state in RANKED:
        chances = [race.probability_of_top(top, state, pair_error=own) for own in (False, True)]
        when = "by gravity" if state == GRAVITY else f"after {state}"
        parts.append(f"{_percent(chances[0])} % ({_percent(chances[1])} %) {when}")
    size = {1: "largest partner is", 2: "two largest partners are"}.get(
        len(top), f"{len(top)} largest partners are"
    )
    return [f"The {size} {listed(names)}, in any order: {', '.join(parts)}."]


def _about(race: Race) -> tuple[str, ...]:
    """What the columns are, and how to read them."""
    observed, relief, reform, gravity = (
        float(race.table[key].sum()) for key in ("observed", RELIEF, REFORM, "potential_normal")
    )
    notes = [
        "Gravity: what a country of its output, spending and place trades behind an average "
        "border, at today's costs. Relief: the bans are lifted, links return to what they "
        "carried before; equilibrium. Reform: they are lifted and every link opens to "
        "gravity's share; equilibrium. Basis: docs/dormant.md. By sector, how far from normal "
        "the border was before the bans: --table borders.",
        f"All trade: {usd(observed)} observed, {usd(gravity)} by gravity, {usd(relief)} after "
        f"relief (welfare {race.welfare[RELIEF]:+.1%}), {usd(reform)} after reform "
        f"({race.welfare[REFORM]:+.0%}).".replace("%", " %").replace("-", "−"),
    ]
    times = reform / race.income
    if times > _IMPLAUSIBLE:
        notes.append(
            f"Reform's trade is {times:.1f} times the country's income: read its amounts as "
            "a bound. Gravity's shares are met at today's costs; then inputs get cheaper, and "
            "sectors with high elasticities grow further. Ranks and shares say more."
        )
    return tuple(notes)


def _drawn(race: Race) -> tuple[str, ...]:
    given = race.settings
    drawn = "gravity's coefficients"
    drawn += " and trade elasticities" if given.elasticities else ""
    notes = [
        f"{given.draws} draws of {drawn}, seed {given.seed}. In brackets gravity also misses "
        f"each pair by a factor of its own (standard deviation of its log "
        f"{given.pair_error:.2f}, as between countries that do trade)."
    ]
    lost = {s: n for s, n in race.failed.items() if n}
    if lost:
        told = ", ".join(f"{n} of {s}" for s, n in lost.items())
        notes.append(f"Draws without an equilibrium, left out: {told}.")
    return tuple(notes)


def foot(race: Race) -> str:
    """World, version: what made it."""
    facts = race.provenance()
    return (
        f"world {race.world.name} {race.world.content_hash[:12]} · detente {facts['version']}"
    )
