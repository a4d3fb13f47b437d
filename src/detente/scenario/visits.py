"""Visits of state: a ledger of who met whom and when, and what is left of an effect on trade.

Nothing here is part of the model: the effect is reduced-form, an average over other countries'
visits. Nitsch (2007, The World Economy 30) finds exports of France, Germany and the United
States higher by 8 to 10 % with a visit of their head of state, strongly and for a short time;
Fuchs & Klann (2013, Journal of International Economics 91) find exports to China lower by
some 8 % after a reception of the Dalai Lama, and nothing of it in the second year; Head & Ries
(2010, Canadian Journal of Economics 43) find no robust effect of trade missions once pairs have
effects of their own.

Data: ``data/visits.csv``. A meeting in a country of one of the two is a visit; a summit in a
third country, at the border, on the way through or of ministers is listed and is none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from detente.errors import InputError, Place, nearest

#: Kinds that are visits, and kinds of meetings that are none.
VISITS = ("state", "official", "working")
MEETINGS = ("border", "third-country", "transit", "minister")
VERIFICATION = ("verified", "unverified", "assumed")
#: Whose meetings each name of a ledger holds: of one country, or of all.
LEDGERS: dict[str, str | None] = {"dprk": "PRK", "all": None}
DAYS_A_YEAR = 365.25
#: Half-lives after which what is left (3 %) is no longer followed.
FOLLOWED = 5


@dataclass(frozen=True)
class Meeting:
    """One row of the ledger.

    Attributes
    ----------
    on, until : date
        First and last day.
    visitor, host : str
        ISO 3166 codes of the two; where neither is the host, the host is the other one met.
    where : str
        Code of the country that they met in.
    place, who : str
    kind : str
        ``state``, ``official``, ``working`` are visits; ``border``, ``third-country``,
        ``transit`` and ``minister`` are not.
    source, verification, note : str
        ``verified``: the days were read in the source, unless the note says which were not.
    """

    on: date
    until: date
    visitor: str
    host: str
    where: str
    place: str
    who: str
    kind: str
    source: str
    verification: str
    note: str

    @property
    def is_visit(self) -> bool:
        """Whether it is a visit of one of the two to the other."""
        return self.kind in VISITS

    def of(self, countries: Iterable[str]) -> bool:
        """Whether one of the two is among some countries."""
        return not {self.visitor, self.host}.isdisjoint(countries)


@cache
def load_ledger(name: str = "all") -> tuple[Meeting, ...]:
    """The meetings of a ledger, by day.

    Parameters
    ----------
    name : str
        ``dprk`` for the meetings of the DPRK's leaders, ``all`` for every row.

    Raises
    ------
    InputError
        An unknown name.
    """
    if name not in LEDGERS:
        raise InputError(
            f"there is no ledger '{name}'; there are {', '.join(LEDGERS)}.",
            nearest=nearest(name, LEDGERS),
        )
    text = (files("detente.data") / "visits.csv").read_text(encoding="utf-8")
    rows = read_ledger(text, "visits.csv")
    whose = LEDGERS[name]
    return rows if whose is None else tuple(m for m in rows if m.of((whose,)))


def read_ledger(text: str, file: str | None = None) -> tuple[Meeting, ...]:
    """Meetings from the text of a csv file, by day.

    Raises
    ------
    InputError
        A row whose day, kind or place cannot be, with its line.
    """
    reader = csv.DictReader(text.splitlines())
    found = []
    for row in reader:
        place = Place(file, reader.line_num)
        try:
            days = date.fromisoformat(row["on"]), date.fromisoformat(row["until"])
            rest = {key: row[key] for key in Meeting.__dataclass_fields__ if key in row}
            meeting = Meeting(**(rest | {"on": days[0], "until": days[1]}))  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no row of a ledger: {error}.", place) from None
        _check(meeting, place)
        found.append(meeting)
    return tuple(sorted(found, key=lambda m: m.on))


def _check(meeting: Meeting, place: Place) -> None:
    """Refuse what contradicts itself."""
    kinds = (*VISITS, *MEETINGS)
    if meeting.kind not in kinds:
        hint = nearest(meeting.kind, kinds)
        raise InputError(f"'{meeting.kind}' is none of {', '.join(kinds)}.", place, hint)
    if meeting.verification not in VERIFICATION:
        hint = nearest(meeting.verification, VERIFICATION)
        raise InputError(f"'{meeting.verification}' is no verification.", place, hint)
    if meeting.until < meeting.on:
        raise InputError("the last day is before the first.", place)
    if meeting.visitor == meeting.host:
        raise InputError(f"'visitor' and 'host' are both {meeting.host}.", place)
    if meeting.is_visit and meeting.where != meeting.host:
        raise InputError(
            f"a visit is in the host's country, {meeting.host}; this was in {meeting.where}.",
            place,
            "third-country",
        )
    if meeting.kind == "third-country" and meeting.where in (meeting.visitor, meeting.host):
        raise InputError(f"{meeting.where} is no third country to the two.", place, "official")


def years_since(on: date, day: date) -> float:
    """Years from one day to another, of 365.25 days; below zero before it."""
    return (day - on).days / DAYS_A_YEAR


def remaining(
    effect: float, years: float, half_life: float, ends: float | None = None
) -> float:
    """What is left of an effect: e·2^(−t/h) from its day on, nothing before it or from its end.

    Parameters
    ----------
    effect : float
        Share of exports on the day of the visit, above −1.
    years : float
        Since the visit.
    half_life : float
        Years; above zero, infinite for an effect that does not fade.
    ends : float, optional
        Years after which nothing is left.
    """
    if years < 0 or (ends is not None and years >= ends):
        return 0.0
    return float(effect * 2.0 ** (-years / half_life))


def factor(
    effect: float,
    visits: Iterable[date],
    day: date,
    half_life: float,
    ends: float | None = None,
) -> float:
    """What several visits multiply a link by on a day: Π(1 + e·2^(−t/h)), logs adding up."""
    product = 1.0
    for on in visits:
        product *= 1.0 + remaining(effect, years_since(on, day), half_life, ends)
    return product


def turning(visits: Iterable[date], half_life: float, ends: float | None) -> tuple[date, ...]:
    """Days on which a path looks at the effect again.

    The visits; steps of a year (of a half-life, where that is shorter) from the first of them
    to five half-lives after the last; and the end of each effect.
    """
    days = sorted(set(visits))
    if not days:
        return ()
    found = set(days)
    step = min(1.0, half_life)
    alive = FOLLOWED * half_life if ends is None else min(FOLLOWED * half_life, ends)
    horizon = years_since(days[0], days[-1]) + alive
    k = 1
    while k * step <= horizon:
        found.add(_later(days[0], k * step))
        k += 1
    if ends is not None:
        found.update(_later(day, ends) for day in days)
    return tuple(sorted(found))


def _later(day: date, years: float) -> date:
    """The first day that is at least so many years after another."""
    days = years * DAYS_A_YEAR
    whole = int(days)
    return day + timedelta(days=whole + (days > whole))
