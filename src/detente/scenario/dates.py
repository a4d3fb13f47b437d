"""Dates of measures: parsing, order, and what is in force on a day.

A measure holds from ``on`` (that day included; without it, from the start) to ``until``
(that day included; without it, for good). The end of a scenario is the day after the last
date that its file mentions, so that every ``until`` has passed by then.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from detente.scenario.quantities import refuse

M = TypeVar("M", bound="Dated")
Status = Literal["active", "not yet", "snapped back"]
_ISO = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")


class Dated(Protocol):
    """Anything with the two dates of a measure."""

    @property
    def on(self) -> date | None:
        """First day in force."""

    @property
    def until(self) -> date | None:
        """Last day in force."""


def parse_date(value: Any) -> date:
    """A day from ``2020-01-31`` or a ``datetime.date``.

    Raises
    ------
    PydanticCustomError
        Another form, or a day that the calendar does not have.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    match = _ISO.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        refuse(f"{value!r} is not a date: write it as 2020-01-31.")
    year, month, day = (int(part) for part in match.groups())
    if not (1 <= month <= 12 and year >= 1):
        refuse(f"the date {value} does not exist: months run from 01 to 12.")
    last = calendar.monthrange(year, month)[1]
    if not 1 <= day <= last:
        refuse(
            f"the date {value} does not exist: {calendar.month_name[month]} {year} has "
            f"{last} days.",
            nearest=date(year, month, min(max(day, 1), last)).isoformat(),
        )
    found = date(year, month, day)
    if value.strip() != found.isoformat():
        refuse(f"the date {value} is not in full.", nearest=found.isoformat())
    return found


Day = Annotated[
    date,
    BeforeValidator(parse_date),
    PlainSerializer(lambda day: day.isoformat()),
    WithJsonSchema({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]


def end_of(measures: Iterable[Dated]) -> date | None:
    """The day after the last date that the measures mention; None if they mention none."""
    days = _mentioned(measures)
    if not days:
        return None
    last = max(days)
    return last if last == date.max else last + timedelta(days=1)


def turning_days(measures: Iterable[Dated]) -> tuple[date, ...]:
    """Days on which what is in force may change: each ``on``, and the day after each ``until``.

    A measure may know more (``turns``): law that ends by its own terms while it is in force,
    an effect that fades.
    Between two of them that follow each other the state of a scenario is the same.
    """
    days: set[date] = set()
    for measure in measures:
        if measure.on is not None:
            days.add(measure.on)
        if measure.until is not None and measure.until != date.max:
            days.add(measure.until + timedelta(days=1))
        turns = getattr(measure, "turns", None)
        if turns is not None:
            days.update(turns())
    return tuple(sorted(days))


def first_year(measures: Iterable[Dated]) -> int | None:
    """Calendar year of the first date that the measures mention; None if they mention none."""
    days = _mentioned(measures)
    return min(days).year if days else None


def _mentioned(measures: Iterable[Dated]) -> list[date]:
    """First and last days of measures, and days that one names otherwise (``mentioned``)."""
    found: list[date] = []
    for measure in measures:
        found += [day for day in (measure.on, measure.until) if day is not None]
        named = getattr(measure, "mentioned", None)
        found += named() if named is not None else ()
    return found


def status(measure: Dated, at: date | None) -> Status:
    """Whether a measure is in force on a day (always, where no date is mentioned)."""
    if at is not None and measure.on is not None and at < measure.on:
        return "not yet"
    if at is not None and measure.until is not None and at > measure.until:
        return "snapped back"
    return "active"


def in_order(measures: Iterable[M]) -> list[M]:
    """Measures by first day, then in the order of the file; undated ones come first."""
    return sorted(measures, key=lambda m: m.on or date.min)
