"""Time in segments: cut at the beginning of each year and on every day of a measure.

Every year is as long as another: a day is 1/365 of one, and the 29th of February takes no
time. So a path whose dates all move by whole years is the same path, later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta

from detente.errors import InputError
from detente.scenario.dates import Dated, first_year, turning_days

_DAYS = 365
#: Position of the 29th of February, counted from 0: that of the 1st of March.
_LEAP_DAY = 59


@dataclass(frozen=True)
class Segment:
    """A stretch of one year in which the measures in force stay the same.

    Attributes
    ----------
    year : int
        The calendar year; counted from 0 where no measure has a date.
    begins : date, optional
        First day; None where no measure has a date.
    length : float
        Years.
    phase : int
        Which of the phases, counted from 0.
    """

    year: int
    begins: date | None
    length: float
    phase: int


@dataclass(frozen=True)
class Span:
    """First and last day of a phase; None where the path has no dates, or goes on."""

    begins: date | None
    ends: date | None


def position(day: date) -> float:
    """How much of its year has passed as a day begins, in [0, 1)."""
    index = day.timetuple().tm_yday - 1
    leap = date(day.year, 12, 31).timetuple().tm_yday > _DAYS
    return (index - (leap and index > _LEAP_DAY)) / _DAYS


def calendar_of(measures: Iterable[Dated], years: int) -> tuple[list[Span], list[Segment]]:
    """Phases and segments of a path.

    Parameters
    ----------
    measures : iterable of Dated
        The path begins on 1 January of the first year that they mention.
    years : int
        How many years.

    Raises
    ------
    InputError
        The path would end after the year 9999.
    """
    measures = tuple(measures)
    start = first_year(measures)
    if start is None:
        return [Span(None, None)], [Segment(y, None, 1.0, 0) for y in range(years)]
    if start + years - 1 > MAXYEAR:
        raise InputError(f"a path of {years} years from {start} ends after {MAXYEAR}.")
    first, last = date(start, 1, 1), date(start + years - 1, 12, 31)
    turns = [first, *(day for day in turning_days(measures) if first < day <= last)]
    ends = [day - timedelta(days=1) for day in turns[1:]]
    spans = [Span(a, b) for a, b in zip(turns, [*ends, None], strict=True)]
    januaries = [date(year, 1, 1) for year in range(start, start + years)]
    cuts = sorted({*turns, *januaries})
    found = []
    for day, following in zip(cuts, [*cuts[1:], None], strict=True):
        same = following is not None and following.year == day.year
        end = position(following) if following is not None and same else 1.0
        phase = sum(turn <= day for turn in turns) - 1
        found.append(Segment(day.year, day, end - position(day), phase))
    return spans, found
