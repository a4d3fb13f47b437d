"""``detente visits``: who met whom and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json
from detente.errors import InputError, nearest

if TYPE_CHECKING:
    from datetime import date

    from detente.scenario.visits import Meeting

Country = Annotated[
    str | None, typer.Option(metavar="CODE", help="Only meetings of this country's leaders.")
]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="Only from this day on (2018-01-31).")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


def visits(
    country: Country = None, since: Since = None, form: Shape = ListFormat.table
) -> None:
    """Who met whom and when: the ledger that the measure 'visit' reads.

    A visit is to one of the two countries; meetings elsewhere are listed and count for nothing.

    Example: detente visits --country RUS --since 2018-01-01
    """
    meetings = _chosen(country, since)
    if form is ListFormat.table:
        _print(meetings)
        return
    import pandas as pd

    from detente.report.documents import records

    table = pd.DataFrame([_row(m) for m in meetings], columns=[*_FIELDS, "visit"])
    if form is ListFormat.csv:
        echo_csv(table)
    else:
        echo_json(records(table))


_FIELDS: tuple[str, ...] = ("on", "until", "visitor", "host", "where", "place", "who", "kind")
_FIELDS += ("source", "verification", "note")


def _row(meeting: Meeting) -> dict[str, object]:
    row: dict[str, object] = {field: str(getattr(meeting, field)) for field in _FIELDS}
    return row | {"visit": meeting.is_visit}


def _chosen(country: str | None, since: str | None) -> list[Meeting]:
    """The meetings asked for; an unknown country or day is refused."""
    from detente.scenario.visits import load_ledger

    found = list(load_ledger("all"))
    if country is not None:
        known = sorted({code for m in found for code in (m.visitor, m.host)})
        if country.upper() not in known:
            raise InputError(
                f"--country: the ledger has no meeting of '{country}'; it has "
                f"{', '.join(known)}.",
                nearest=nearest(country.upper(), known),
            )
        found = [m for m in found if m.of((country.upper(),))]
    if since is not None:
        first = _day(since)
        found = [m for m in found if m.on >= first]
    return found


def _day(text: str) -> date:
    from pydantic_core import PydanticCustomError

    from detente.scenario.dates import parse_date

    try:
        return parse_date(text)
    except PydanticCustomError as error:
        told = error.context or {}
        raise InputError(f"--since: {told.get('what')}", nearest=told.get("nearest")) from None


def _print(meetings: Sequence[Meeting]) -> None:
    from detente.cli.render import console, print_lines, rich_table
    from detente.report.sections import Table

    if not meetings:
        print_lines(["No meeting in the ledger."])
        return
    rows = tuple(
        (
            m.on.isoformat(),
            f"{m.visitor}→{m.host}",
            _short(m.place),
            m.kind,
            "yes" if m.is_visit else "no",
            m.verification,
        )
        for m in meetings
    )
    headers = ("First day", "Who→whom", "Place", "Kind", "Visit", "Date")
    console().print(rich_table(Table(headers, "llllll", rows)))
    count = sum(m.is_visit for m in meetings)
    print_lines(
        [
            "",
            f"{len(meetings)} meetings, {count} of them visits of state; a meeting in a third "
            "country, at the border, on the way through or of ministers is none.",
            "Date: verified where the days were read in the source; unverified where some or "
            "all are recalled. With --format csv: names, sources, notes.",
        ]
    )


def _short(place: str, most: int = 18) -> str:
    return place if len(place) <= most else f"{place[: most - 1]}…"
