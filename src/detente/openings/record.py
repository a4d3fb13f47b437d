"""The record of openings: political events that could open or close trade, and picked pairs.

Events are listed by what happened in politics, not by what trade did, so that failures are in.
The embedded record is ``detente/data/openings/events.yaml``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as calendar_date
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detente.errors import InputError, nearest
from detente.sources.yamlfile import Lines, parse_yaml, text_of

Kind = Literal[
    "recognition",
    "peace treaty",
    "end of sanctions",
    "end of a bloc",
    "normalisation",
    "embargo",
    "sanctions",
]
Direction = Literal["opening", "closing"]
Verification = Literal["verified", "unverified", "assumed"]
#: Public panels that a user can fetch, and the one that the embedded result is measured on.
Panel = Literal["agtpa", "baci", "itpde", "cepii"]
Side = tuple[str, ...] | Literal["all"]

_NAME = "events.yaml"
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, Field(pattern=r"\S")]
Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)]
Year = Annotated[int, Field(ge=1900, le=2100)]
Day = Annotated[
    str,
    Field(pattern=r"^(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
]
#: What a key must be, for messages.
_MUST = {
    "event": "a name of small letters, digits and hyphens: china-korea-1992",
    "picked.event": "the name of an event",
    "what": "a sentence",
    "source": "the title, publisher and year of what says so; an event needs a source",
    "group": "a name of small letters, digits and hyphens",
    "note": "text",
    "date": "a date: 1992-08-24, or 1992-08 or 1992 where the day is not known",
    "earlier": "a year: 1988",
    "sides": "two lists of country codes (three capital letters each); one may be 'all'",
    "except": "a list of country codes (three capital letters each)",
    "pair": "two country codes (three capital letters each)",
    "events": "a list of events",
    "picked": "a list of pairs with their events: - {pair: [CHN, KOR], event: its-name}",
    "": "a mapping of keys: 'events:' and below it a list of them (docs/openings-record.md)",
}
#: Characters of a wrong value that a message shows.
_SHOWN = 60


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Event(_Part):
    """A political event."""

    event: Slug = Field(description="Its name, unique.")
    what: Text = Field(description="What happened, in one sentence.")
    kind: Kind
    direction: Direction
    date: Day | Year = Field(description="1992-08-24; 1992-08 or 1992 where no day is known.")
    sides: Annotated[
        list[Literal["all"] | Annotated[list[Code], Field(min_length=1)]],
        Field(min_length=2, max_length=2),
    ] = Field(description="Two lists of codes: every pair across them; all: everyone else.")
    spared: list[Code] = Field(
        default=[], alias="except", description="Countries that 'all' leaves out."
    )
    group: Slug = Field(description="Events with one cause share a group.")
    earlier: Year | None = Field(
        default=None, description="Year from which trade was tolerated, for sensitivity."
    )
    partial: bool = Field(
        default=False, description="A concession under a ban that stays: told, not fitted."
    )
    source: Text = Field(description="Title, publisher and year of what says so.")
    verification: Verification = Field(
        description="verified: read in the source; unverified: recalled; assumed: chosen."
    )
    note: str = ""
    covered_by: Panel = Field(description="A panel that can measure it.")


class _Picked(_Part):
    """A pair picked by hand, and the event that it belongs to."""

    pair: Annotated[list[Code], Field(min_length=2, max_length=2)]
    event: Slug
    note: str = ""


class _Document(_Part):
    """Political events that could open or close trade, and pairs picked by hand."""

    events: list[_Event] = Field(min_length=1)
    picked: list[_Picked] = []


@dataclass(frozen=True)
class Event:
    """A political event that could open or close trade between two sides.

    ``date`` is ISO text as precise as the source: ``1992-08-24``, ``1992-08`` or ``1992``.
    ``sides`` are two tuples of codes, of which one may be ``"all"``: every country on neither
    the other side nor in ``spared``. ``partial`` marks a concession under a ban that stays.
    """

    name: str
    what: str
    kind: str
    direction: str
    date: str
    sides: tuple[Side, Side]
    group: str
    earlier: int | None
    source: str
    verification: str
    note: str
    covered_by: str
    line: int
    spared: tuple[str, ...] = ()
    partial: bool = False

    @property
    def year(self) -> int:
        """Year of the event: event time counts from it."""
        return int(self.date[:4])

    @property
    def wide(self) -> bool:
        """Whether one side is everyone else."""
        return "all" in self.sides

    def holds(self, a: str, b: str) -> bool:
        """Whether the pair stands across the event's sides, in either order."""
        if a == b:
            return False
        across = self._on(a, 0) and self._on(b, 1)
        return across or (self._on(b, 0) and self._on(a, 1))

    def _on(self, code: str, i: int) -> bool:
        side = self.sides[i]
        if side != "all":
            return code in side
        return code not in self.sides[1 - i] and code not in self.spared


@dataclass(frozen=True)
class Picked:
    """A pair of countries named by hand."""

    pair: tuple[str, str]
    event: str
    note: str
    line: int = 0


@dataclass(frozen=True)
class Record:
    """Events and hand-picked pairs, with the hash of the file that they come from."""

    events: tuple[Event, ...]
    picked: tuple[Picked, ...]
    content_hash: str

    def of(self, name: str) -> Event:
        """The event of that name.

        Raises
        ------
        InputError
            No such event; the nearest is named.
        """
        for event in self.events:
            if event.name == name:
                return event
        names = [e.name for e in self.events]
        raise InputError(f"the record has no event '{name}'.", nearest=nearest(name, names))

    def holding(self, a: str, b: str, direction: str | None = None) -> tuple[Event, ...]:
        """Events whose sides hold a pair, oldest first; opening, closing or both."""
        found = [e for e in self.events if direction in (None, e.direction) and e.holds(a, b)]
        return tuple(sorted(found, key=lambda e: (e.date, e.name)))

    def candidates(
        self,
        countries: Iterable[str],
        direction: str | None = None,
        years: tuple[int, int] | None = None,
    ) -> tuple[tuple[str, str], ...]:
        """Unordered pairs within ``countries`` that some event's sides hold, sorted.

        They are where the rule may look, not what the estimate leaves out: an event with
        everyone on one side holds every pair of a country.

        Parameters
        ----------
        countries : iterable of str
            Codes, as the panel has them.
        direction : str, optional
            Only ``opening`` or only ``closing`` events.
        years : tuple of int, optional
            Only events from the first of these years to the last.
        """
        low, high = years or (0, 9999)
        events = [
            e for e in self.events if direction in (None, e.direction) and low <= e.year <= high
        ]
        pairs = combinations(sorted(set(countries)), 2)
        return tuple(p for p in pairs if any(e.holds(*p) for e in events))

    def picked_pairs(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Sorted pair to the names of the events it was picked for."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for p in self.picked:
            key = (min(p.pair), max(p.pair))
            found[key] = (*found.get(key, ()), p.event)
        return found


def load_record(path: Path | str | None = None) -> Record:
    """The embedded record, or the one of a file.

    Parameters
    ----------
    path : Path, optional
        YAML, as in docs/openings-record.md; by default the embedded record.

    Raises
    ------
    InputError
        No such file, broken YAML, or a key that is missing, unknown or wrong: with the line,
        the key and the nearest valid thing.
    """
    if path is None:
        text, file = files("detente.data").joinpath("openings", _NAME).read_text("utf-8"), _NAME
    else:
        text, file = text_of(Path(path)), str(path)
    data, lines = parse_yaml(text, file)
    try:
        document = _Document.model_validate(data)
    except ValidationError as error:
        raise _wrong(error, data, lines) from None
    events = tuple(_event(e, j, lines) for j, e in enumerate(document.events))
    _check_names(events, lines)
    picked = tuple(_pick(p, events, j, lines) for j, p in enumerate(document.picked))
    digest = hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()
    return Record(events, picked, digest)


def record_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a record, as the loader reads it.

    What a schema cannot say the loader alone refuses: a name given twice, a country on both
    sides, a picked pair that its event does not hold, a day that no calendar has.
    """
    schema = _Document.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Record of openings"
    return schema


def _event(e: _Event, j: int, lines: Lines) -> Event:
    """One event, with what a schema cannot say checked."""
    day = str(e.date)
    if len(day) == len("1992-08-24"):
        try:
            calendar_date.fromisoformat(day)
        except ValueError:
            what = f"'{day}' is in no calendar."
            raise InputError(what, lines.place("events", j, "date")) from None
    if e.earlier is not None and e.earlier > int(day[:4]):
        what = f"trade tolerated from {e.earlier} is after the event itself ({day})."
        raise InputError(what, lines.place("events", j, "earlier"))
    sides = tuple(s if s == "all" else tuple(s) for s in e.sides)
    found = Event(
        name=e.event,
        what=e.what,
        kind=e.kind,
        direction=e.direction,
        date=day,
        sides=(sides[0], sides[1]),
        group=e.group,
        earlier=e.earlier,
        source=e.source,
        verification=e.verification,
        note=e.note,
        covered_by=e.covered_by,
        line=lines.place("events", j).line or 0,
        spared=tuple(e.spared),
        partial=e.partial,
    )
    _check_sides(found, j, lines)
    return found


def _check_sides(event: Event, j: int, lines: Lines) -> None:
    place = lines.place("events", j, "sides")
    named = [code for side in event.sides if side != "all" for code in side]
    if event.sides == ("all", "all"):
        raise InputError("'all' can stand on one side only.", place)
    twice = sorted({c for c in named if named.count(c) > 1})
    if twice:
        first, second = event.sides
        both = twice[0] in first and twice[0] in second
        where = "on both sides" if both else "twice on one side"
        raise InputError(f"{twice[0]} stands {where}.", place)
    if event.spared and not event.wide:
        what = "'except' leaves countries out of 'all', and no side is 'all'."
        raise InputError(what, lines.place("events", j, "except"))
    named_too = sorted(set(event.spared) & set(named))
    if named_too:
        what = f"{named_too[0]} is on a side and in 'except'."
        raise InputError(what, lines.place("events", j, "except"))


def _check_names(events: tuple[Event, ...], lines: Lines) -> None:
    first: dict[str, int] = {}
    for j, event in enumerate(events):
        if event.name in first:
            what = (
                f"the event '{event.name}' stands twice, here and on line {first[event.name]}."
            )
            raise InputError(what, lines.place("events", j, "event"))
        first[event.name] = event.line


def _pick(p: _Picked, events: tuple[Event, ...], j: int, lines: Lines) -> Picked:
    """One picked pair; its event must be there and hold it."""
    a, b = p.pair
    event = next((e for e in events if e.name == p.event), None)
    if event is None:
        hint = nearest(p.event, [e.name for e in events])
        what = f"the record has no event '{p.event}'."
        raise InputError(what, lines.place("picked", j, "event"), hint)
    if not event.holds(a, b):
        holding = [e.name for e in events if e.holds(a, b)]
        what = f"{a} and {b} are not across the sides of '{event.name}'."
        hint = nearest(event.name, holding) or (holding[0] if holding else None)
        raise InputError(what, lines.place("picked", j, "pair"), hint)
    return Picked((a, b), p.event, p.note, lines.place("picked", j).line or 0)


def _wrong(error: ValidationError, data: Any, lines: Lines) -> InputError:
    """Our error for pydantic's: the place, what the key must be, the nearest valid thing."""
    found = [(_walk(e["loc"], data, e["type"]), e) for e in error.errors()]
    # a misspelt key is an unknown and a missing one: the first says more
    unknown = [f for f in found if f[1]["type"] == "extra_forbidden"]
    path, first = (unknown or found)[0]
    key = next((str(k) for k in reversed(path) if isinstance(k, str)), "")
    if unknown:
        parts: dict[str, type[_Part]] = {"events": _Event, "picked": _Picked}
        model = _Document if len(path) == 1 else parts.get(str(path[0]), _Document)
        names = [f.alias or n for n, f in model.model_fields.items()]
        return InputError("there is no such key.", lines.place(*path), nearest(key, names))
    # of an alternative's errors the one furthest inside says what is wrong
    inside = [f for f in found if f[0][: len(path)] == path]
    path, first = max(inside, key=lambda f: len(f[0]))
    return _refused(path, key, first["type"], first["input"], lines)


def _refused(
    path: tuple[int | str, ...], key: str, kind: str, value: Any, lines: Lines
) -> InputError:
    """A key that is missing, or whose value is not what it must be."""
    place, options = lines.place(*path), _options(key)
    must = _MUST.get(f"{path[0]}.{key}" if path else "", _MUST.get(key, "a mapping of keys"))
    if options:
        must = "one of " + ", ".join(options)
    if kind == "missing":
        return InputError(f"the key is missing: {must}.", place)
    shown = "it"
    hint = None
    if isinstance(value, str | int | float):
        shown = f"{_short(value)} is not allowed: it"
        hint = _near(key, str(value)[:_SHOWN], options)
    return InputError(f"{shown} must be {must}.", place, hint)


def _short(value: str | int | float) -> str:
    """A value as a message quotes it: a file that is no record is one long text."""
    text = " ".join(str(value).split()) if isinstance(value, str) else value
    if isinstance(text, str) and len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 1]}…"
    return repr(text)


def _near(key: str, value: str, options: tuple[str, ...]) -> str | None:
    """The nearest word that a key allows; of codes the same in capitals."""
    if key in ("sides", "except", "pair"):
        if value.upper() != value and re.fullmatch("[A-Za-z]{3}", value) and value != "All":
            return value.upper()
        return nearest(value, ["all"])
    return nearest(value, options)


def _options(key: str) -> tuple[str, ...]:
    """The words that a key allows, if it allows only some."""
    known: dict[str, Any] = {
        "kind": Kind,
        "direction": Direction,
        "verification": Verification,
        "covered_by": Panel,
    }
    return tuple(known[key].__args__) if key in known else ()


def _walk(loc: tuple[int | str, ...], data: Any, kind: str) -> tuple[int | str, ...]:
    """A pydantic location without the names of its alternatives: keys and indices only."""
    path: list[int | str] = []
    node = data
    for j, part in enumerate(loc):
        last_missing = kind == "missing" and j == len(loc) - 1
        if last_missing and isinstance(node, dict):
            path.append(part)
        elif isinstance(node, dict) and part in node:
            path.append(part)
            node = node[str(part)]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            path.append(part)
            node = node[part]
    return tuple(path)
