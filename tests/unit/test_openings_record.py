"""The record of openings: what it holds, what it refuses and where, and its schema."""

from __future__ import annotations

import copy
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.openings.record import Event, Record, load_record, record_schema
from hypothesis_profiles import examples

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "openings-record.md"
SCHEMA = jsonschema.Draft202012Validator(record_schema())
_CODES = (
    "ARG AUS AUT BEL BGR BOL BRA CAN CHE CHL CHN CMR COL CRI CYP DEU DNK ECU EGY ESP FIN FRA "
    "GBR GRC HKG HUN IDN IND IRL IRN ISL ISR ITA JOR JPN KEN KOR KWT LKA MAC MAR MEX MLT MMR "
    "MUS MWI MYS NER NGA NLD NOR NPL PAN PHL POL PRT QAT ROM SEN SGP SWE THA TTO TUN TUR TZA "
    "URY USA ZAF"
)
PANEL = tuple(_CODES.split())
#: Pairs that the brief names and the panel covers.
NAMED = (
    "CHN KOR, KOR POL, HUN KOR, DEU POL, DEU ROM, BGR DEU, AUT HUN, IND ZAF, KEN ZAF, NGA ZAF, "
    "CHN ZAF, USA ZAF, ISR JOR, EGY ISR, IRN USA, MMR USA"
)
GOOD: dict[str, Any] = {
    "events": [
        {
            "event": "aaa-bbb-1990",
            "what": "Aaa and Bbb make peace.",
            "kind": "peace treaty",
            "direction": "opening",
            "date": "1990-05-06",
            "sides": [["AAA"], ["BBB", "CCC"]],
            "group": "one",
            "source": "Treaty of 1990",
            "verification": "verified",
            "covered_by": "agtpa",
        },
        {
            "event": "ddd-1991",
            "what": "The bloc of Ddd ends.",
            "kind": "end of a bloc",
            "direction": "opening",
            "date": "1991",
            "sides": [["DDD"], "all"],
            "except": ["EEE"],
            "group": "two",
            "earlier": 1988,
            "source": "A chronicle",
            "verification": "unverified",
            "note": "recalled",
            "covered_by": "baci",
        },
    ],
    "picked": [{"pair": ["BBB", "AAA"], "event": "aaa-bbb-1990", "note": "by hand"}],
}


def row(event: Event) -> str:
    """The event's row of the page."""
    sides = " – ".join("all" if s == "all" else " ".join(s) for s in event.sides)
    if event.spared:
        sides += " without " + " ".join(event.spared)
    cells = (event.date, f"`{event.name}`", event.direction, event.what, sides, event.source)
    return f"| {' | '.join(cells)} | {event.verification} |"


def written(folder: Path, data: Any) -> Path:
    path = folder / "events.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """The good document with one value replaced, or its key removed (value None)."""
    data = copy.deepcopy(GOOD)
    node: Any = data
    for step in path[:-1]:
        node = node[step]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return data


@pytest.fixture(scope="module")
def record() -> Record:
    return load_record()


# -- the embedded record ---------------------------------------------------------------------
def test_every_pair_of_the_brief_is_picked(record: Record) -> None:
    picked = record.picked_pairs()
    named = {tuple(pair.split()) for pair in NAMED.split(", ")}
    assert named <= set(picked)
    inside = {p for p in picked if set(p) <= set(PANEL)}
    assert len(inside) >= 20


def test_codes_of_events_in_the_panel_are_the_panels(record: Record) -> None:
    for event in (e for e in record.events if e.covered_by == "agtpa"):
        named = {c for side in event.sides if side != "all" for c in side} | set(event.spared)
        assert named <= set(PANEL), event.name
        assert event.year <= 2006, event.name


def test_failures_and_closings_are_in(record: Record) -> None:
    """The list is by politics: a peace that stayed cold, and what closed again, are on it."""
    assert record.of("israel-tunisia-1994").direction == "opening"
    assert record.of("israel-maghreb-2000").holds("TUN", "ISR")
    assert sum(e.direction == "closing" for e in record.events) >= 20


def test_south_africas_sanctions_are_dated_by_sender(record: Record) -> None:
    years = {
        c: [e.year for e in record.holding("ZAF", c, "opening") if "south-africa" in e.name]
        for c in PANEL
        if c != "ZAF"
    }
    assert years["USA"] == years["DEU"] == years["JPN"] == [1991]
    assert years["SWE"] == years["IND"] == [1993]
    without = {c for c, found in years.items() if not found}
    # those that are recalled as having had no general ban
    assert without == {"AUT", "CHE", "CHL", "HKG", "ISR", "MAC", "MUS", "MWI"}


def test_the_bloc_opens_to_all_but_itself(record: Record) -> None:
    bloc = ("BGR", "HUN", "POL", "ROM")
    for a, b in combinations(bloc, 2):
        assert record.holding(a, b, "opening") == ()
    for a in bloc:
        assert any(e.group == "soviet-bloc" for e in record.holding(a, "DEU", "opening"))


def test_a_day_is_given_only_where_one_was_read_or_recalled(record: Record) -> None:
    assert {len(e.date) for e in record.events} == {4, 7, 10}
    for event in record.events:
        if event.source.startswith("recalled"):
            assert event.verification == "unverified", event.name


def test_no_addresses_in_the_record(record: Record) -> None:
    assert not [e.name for e in record.events if re.search(r"https?:|www\.", e.source + e.note)]


def test_the_page_lists_every_event(record: Record) -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| \d{4}", line)]
    expected = [row(e) for e in sorted(record.events, key=lambda e: (e.date, e.name))]
    assert rows == expected, "python tests/unit/test_openings_record.py prints the table"


# -- sides -----------------------------------------------------------------------------------
def test_sides_hold_pairs_across_them_in_either_order(tmp_path: Path) -> None:
    found = load_record(written(tmp_path, GOOD))
    peace, bloc = found.events
    assert peace.holds("AAA", "CCC")
    assert peace.holds("CCC", "AAA")
    assert not peace.holds("BBB", "CCC")
    assert bloc.holds("ZZZ", "DDD")
    assert not bloc.holds("DDD", "EEE")
    assert not bloc.holds("AAA", "BBB")
    assert not bloc.holds("DDD", "DDD")
    assert (bloc.year, bloc.date, bloc.earlier) == (1991, "1991", 1988)
    assert found.candidates("ABC") == ()
    five = ("EEE", "DDD", "CCC", "BBB", "AAA")
    expected = (("AAA", "BBB"), ("AAA", "CCC"), *((c, "DDD") for c in ("AAA", "BBB", "CCC")))
    assert found.candidates(five) == tuple(sorted(expected))
    assert found.candidates(five, "closing") == ()
    assert found.candidates(five, years=(1990, 1990)) == (("AAA", "BBB"), ("AAA", "CCC"))


@given(st.permutations(PANEL[:12]))
@settings(max_examples=examples(10), deadline=None)
def test_the_order_of_countries_changes_nothing(order: list[str]) -> None:
    record = load_record()
    assert record.candidates(order) == record.candidates(PANEL[:12])


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    one = load_record(written(tmp_path, GOOD)).content_hash
    assert one == load_record(written(tmp_path, GOOD)).content_hash
    assert (
        one
        != load_record(written(tmp_path, changed("events", 0, "what", value="X"))).content_hash
    )


def test_an_unknown_event_is_named_with_the_nearest(record: Record) -> None:
    with pytest.raises(InputError, match="Did you mean 'china-korea-1992'"):
        record.of("china-korea-1993")


# -- what is refused, by the loader and by the schema ----------------------------------------
#: path of the change, value (None: no such key), what the message says, nearest, schema refuses
WRONG: list[tuple[tuple[str | int, ...], Any, str, str | None, bool]] = [
    (("events", 0, "source"), None, "missing.*an event needs a source", None, True),
    (("events", 0, "source"), "  ", "an event needs a source", None, True),
    (("events", 0, "kind"), "peace traety", "must be one of", "peace treaty", True),
    (("events", 0, "direction"), "open", "must be one of", "opening", True),
    (("events", 0, "verification"), "verifed", "must be one of", "verified", True),
    (("events", 0, "covered_by"), "bacy", "must be one of", "baci", True),
    (("events", 0, "date"), "6 May 1990", "a date: 1992-08-24", None, True),
    (("events", 0, "date"), "1990-13-01", "a date: 1992-08-24", None, True),
    (("events", 0, "date"), 17, "a date: 1992-08-24", None, True),
    (("events", 0, "date"), "1990-02-30", "in no calendar", None, False),
    (("events", 0, "event"), "Aaa Bbb", "small letters", None, True),
    (("events", 0, "sides"), [["AAA"]], "two lists of country codes", None, True),
    (("events", 0, "sides"), [["AAA"], []], "two lists of country codes", None, True),
    (("events", 0, "sides"), [["AAA"], ["bbb"]], "three capital letters", "BBB", True),
    (("events", 0, "sides"), [["AAA"], ["GERM"]], "three capital letters", None, True),
    (("events", 0, "sides"), [["AAA"], "al"], "two lists of country codes", "all", True),
    (
        ("events", 0, "sides"),
        [["AAA", "BBB"], ["BBB"]],
        "BBB stands on both sides",
        None,
        False,
    ),
    (("events", 0, "sides"), [["AAA", "AAA"], ["BBB"]], "AAA stands twice", None, False),
    (("events", 0, "sides"), ["all", "all"], "one side only", None, False),
    (("events", 0, "except"), ["DDD"], "no side is 'all'", None, False),
    (("events", 1, "except"), ["DDD"], "on a side and in 'except'", None, False),
    (("events", 1, "earlier"), "soon", "a year: 1988", None, True),
    (("events", 1, "earlier"), 1995, "after the event itself", None, False),
    (("events", 1, "event"), "aaa-bbb-1990", "stands twice", None, False),
    (("events", 0, "sorce"), "x", "no such key", "source", True),
    (("pickd",), [], "no such key", "picked", True),
    (("events",), [], "a list of events", None, True),
    (("picked", 0, "event"), "aaa-bbb-1991", "no event 'aaa-bbb-1991'", "aaa-bbb-1990", False),
    (("picked", 0, "pair"), ["BBB", "CCC"], "not across the sides", None, False),
    (("picked", 0, "pair"), ["DDD", "CCC"], "not across the sides", "ddd-1991", False),
    (("picked", 0, "pair"), ["BBB"], "two country codes", None, True),
    (("picked",), [["AAA", "BBB"]], r"\{pair: \[CHN, KOR\], event: its-name\}", None, True),
    (("picked", 0, "event"), None, "missing: the name of an event", None, True),
]


@pytest.mark.parametrize(("path", "value", "says", "near", "schema"), WRONG)
def test_wrong_records_are_refused(
    path: tuple[str | int, ...],
    value: Any,
    says: str,
    near: str | None,
    schema: bool,
    tmp_path: Path,
) -> None:
    data = changed(*path, value=value)
    file = written(tmp_path, data)
    with pytest.raises(InputError, match=says) as caught:
        load_record(file)
    place = caught.value.place
    assert place is not None
    assert place.file == str(file)
    assert place.line
    assert str(path[-1]) in str(place.key)
    assert caught.value.nearest == near
    # the schema refuses what a schema can say
    assert SCHEMA.is_valid(data) is not schema


def test_the_line_is_that_of_the_key(tmp_path: Path) -> None:
    file = written(tmp_path, changed("events", 1, "kind", value="peace"))
    wanted = file.read_text(encoding="utf-8").splitlines().index("  kind: peace") + 1
    with pytest.raises(InputError) as caught:
        load_record(file)
    assert caught.value.place is not None
    assert caught.value.place.line == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("events: [", "no valid YAML"),
        ("- a\n", "must be a mapping"),
        ("events: &a []\n", "anchors"),
        ("events: !!python/name:os []\n", "tag"),
        ("events: []\nevents: []\n", "stands twice"),
        ("events: []\n---\nevents: []\n", "second document"),
        ("? [a]\n: b\n", "a word"),
        ("events:\n- 3\n", "must be a list of events"),
        ("events: \x07\n", "no place in YAML"),
    ],
)
def test_broken_files_are_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load_record(file)


def test_a_file_that_is_no_record_is_not_quoted_whole(tmp_path: Path) -> None:
    file = tmp_path / "panel.csv"
    file.write_text("exporter,importer,trade\n" + "AAA,BBB,1\n" * 9000, encoding="utf-8")
    with pytest.raises(InputError, match="a mapping of keys: 'events:'") as caught:
        load_record(file)
    assert len(caught.value.what) < 300


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"events\.yaml"):
        load_record(tmp_path / "event.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"events: \xe9\n")
    with pytest.raises(InputError, match="UTF-8"):
        load_record(latin)


# -- the schema ------------------------------------------------------------------------------
def test_the_schema_is_valid_and_passes_what_loads(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(record_schema())
    json.dumps(record_schema())
    load_record(written(tmp_path, GOOD))
    assert SCHEMA.is_valid(GOOD)


def test_the_embedded_record_passes_the_schema() -> None:
    text = (ROOT / "src/detente/data/openings/events.yaml").read_text(encoding="utf-8")
    # BaseLoader: dates stay text, as in YAML 1.2; years and truths are text then, too
    data = yaml.load(text, Loader=yaml.BaseLoader)
    for event in data["events"]:
        if "earlier" in event:
            event["earlier"] = int(event["earlier"])
        if "partial" in event:
            event["partial"] = event["partial"] == "true"
    assert list(SCHEMA.iter_errors(data)) == []


VALUES = st.one_of(
    st.sampled_from(["1990", "1990-05", "1990-05-06", "AAA", "all", "baci", "", " ", "NO"]),
    st.sampled_from([["AAA"], ["AAA", "BBB"], [["AAA"], ["BBB"]], [["AAA"], "all"], [[], []]]),
    st.sampled_from([1990, 1990.0, 1990.5, -1, True, False, {}, [], {"a": 1}]),
)
KEYS = [("events", 0, k) for k in (*GOOD["events"][0], "earlier", "note")]
KEYS += [("picked", 0, "note"), ("events", 1, "date"), ("events", 1, "sides")]


@given(st.sampled_from(KEYS), VALUES)
@settings(max_examples=examples(60), deadline=None)
def test_the_schema_agrees_with_the_loader(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[str | int, ...], value: Any
) -> None:
    """What loads the schema passes; what it refuses does not load."""
    data = changed(*path, value=value)
    del data["picked"]  # what is picked depends on the events, which no schema can say
    if path[0] == "picked":
        data["picked"] = [{**GOOD["picked"][0], str(path[-1]): value}]
    file = written(tmp_path_factory.mktemp("record"), data)
    beyond = ("both sides", "twice", "one side only", "except", "after the event", "across")
    try:
        load_record(file)
    except InputError as error:
        assert not SCHEMA.is_valid(data) or any(b in error.what for b in beyond)
    else:
        assert SCHEMA.is_valid(data)


if __name__ == "__main__":
    for each in sorted(load_record().events, key=lambda e: (e.date, e.name)):
        print(row(each))
