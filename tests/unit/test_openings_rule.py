"""The rule on shares typed in by hand: what it finds and leaves, and what is no opening."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.openings.histories import after, histories, reopenings
from detente.openings.predicted import WAYS, Shares
from detente.openings.record import Event, Picked, Record
from detente.openings.rule import (
    COLUMNS,
    candidates,
    find,
    placebo,
    reporting_starts,
    sensitivity,
)

CODES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
YEARS = tuple(range(1980, 2001))
FEW = {"partners": 3}


def shares_of(curves, potential=None):
    """Every pair at a share of one and a potential of 100, but for those given."""
    rows = []
    for a, b in combinations(CODES, 2):
        curve = curves.get((a, b), lambda t: 1.0)
        size = (potential or {}).get((a, b), 100.0)
        for year in YEARS:
            share = float(curve(year) if callable(curve) else curve.get(year, 0.0))
            row = {"year": year, "a": a, "b": b}
            for way in WAYS:
                row |= {f"actual_{way}": share * size / 2, f"potential_{way}": size / 2}
                row[f"share_{way}"] = share
            row |= {"actual": share * size, "potential": size, "share": share}
            rows.append({**row, "error": 0.1, "reported": True, "why": ""})
    return Shares(pd.DataFrame(rows), "made up", CODES, YEARS, (("AAA", "BBB"),), "0")


def event(name, year, one, other, direction="opening"):
    sides = tuple(s if s == "all" else tuple(s) for s in (one, other))
    return Event(
        name=name, what="It happened.", kind="normalisation", direction=direction,
        date=f"{year}-06-01", sides=sides, group="made-up", earlier=None, source="made up",
        verification="assumed", note="", covered_by="agtpa", line=1,
    )  # fmt: skip


def record(*events, picked=()):
    return Record(tuple(events), tuple(Picked(p, e, "") for p, e in picked), "0")


def step(year, before, later):
    return lambda t: before if t < year else later


OPENED = event("a-opens-1990", 1990, ["AAA"], "all")
CURVES = {
    ("AAA", "BBB"): lambda t: min(max(0.0, 0.05 * (t - 1989)), 1.0),  # it opens
    ("AAA", "CCC"): lambda t: 0.03,  # it does not: a failure
    ("AAA", "DDD"): step(1990, 0.3, 0.9),  # it was not closed
    ("CCC", "EEE"): lambda t: 0.04,  # closed, without an event
}


def pairs_of(table):
    return set(table[["a", "b"]].itertuples(index=False, name=None))


# -- what the rule finds -----------------------------------------------------------------------
def test_it_finds_planted_closures_and_only_those_and_keeps_failures():
    links = find(shares_of(CURVES), record(OPENED), **FEW)
    assert pairs_of(links) == {("AAA", "BBB"), ("AAA", "CCC")}
    assert list(links.columns) == COLUMNS
    assert links["by_rule"].all()
    assert not links["picked"].any()


def test_what_comes_after_the_event_does_not_matter():
    """The same past with every future: the same pairs."""
    for later in (0.0, 0.05, 1.0, 3.0):
        shares = shares_of({("AAA", "BBB"): step(1990, 0.02, later)})
        assert pairs_of(find(shares, record(OPENED), **FEW)) == {("AAA", "BBB")}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, "not closed: share 0.30 in 1987"),
        ({"k": 11}, "the panel has not all of 1979 to 1990"),
        ({"partners": 6}, "AAA traded with 3 others only"),
        ({"least": 200.0}, "potential of 100 in 1990, below 200"),
        ({"closed": 0.31}, ""),
    ],
)
def test_it_says_why_not(changed, why):
    rows = candidates(shares_of(CURVES), record(OPENED), **{**FEW, **changed})
    row = rows[(rows["a"] == "AAA") & (rows["b"] == "DDD")].iloc[0]
    assert row["why"] == why
    assert row["by_rule"] == (why == "")


def test_a_country_that_trades_with_nobody_was_not_closed_to_one():
    alone = {("AAA", b): step(1990, 0.0, 1.0) for b in CODES[1:]}
    assert find(shares_of(alone), record(OPENED), **FEW).empty


def test_a_picked_pair_is_kept_with_the_reason_why_the_rule_does_not_find_it():
    given = record(
        OPENED, picked=[(("DDD", "AAA"), OPENED.name), (("AAA", "BBB"), OPENED.name)]
    )
    links = find(shares_of(CURVES), given, **FEW).set_index(["a", "b"])
    assert links.loc[("AAA", "DDD"), ["picked", "by_rule"]].tolist() == [True, False]
    assert links.loc[("AAA", "DDD"), "why"].startswith("not closed")
    assert links.loc[("AAA", "BBB"), ["picked", "by_rule"]].tolist() == [True, True]
    assert links.loc[("AAA", "CCC"), ["picked", "by_rule"]].tolist() == [False, True]


def test_a_pair_with_several_events_enters_a_curve_once():
    """The picked event, else the first that the rule finds."""
    events = [event(f"e-{y}", y, ["AAA"], ["CCC"]) for y in (1985, 1990, 1995)]
    shares = shares_of(CURVES)
    plain = find(shares, record(*events), **FEW)
    assert plain["event"].tolist() == ["e-1985", "e-1990", "e-1995"]
    assert plain["once"].tolist() == [True, False, False]
    by_hand = find(shares, record(*events, picked=[(("AAA", "CCC"), "e-1990")]), **FEW)
    assert by_hand[by_hand["once"]]["event"].tolist() == ["e-1990"]


def test_events_after_the_panel_and_closings_without_names_do_not_count():
    events = [
        event("late-2005", 2005, ["AAA"], ["CCC"]),
        event("shut-1990", 1990, ["EEE"], "all", "closing"),
        event("shut-1991", 1991, ["EEE"], ["FFF"], "closing"),
    ]
    given = record(*events, picked=[(("AAA", "CCC"), "late-2005")])
    links = find(shares_of(CURVES), given, **FEW)
    assert links["event"].tolist() == ["shut-1991"]
    assert links["why"].tolist() == ["closings are taken as the record names them"]


def test_old_codes_of_a_country_are_the_new_ones():
    shares = shares_of({("AAA", "BBB"): lambda t: 0.0})
    table = shares.table.replace({"BBB": "ROU"})
    renamed = Shares(table, "", tuple(sorted({*CODES, "ROU"} - {"BBB"})), YEARS, (), "0")
    given = record(event("r-1990", 1990, ["AAA"], ["ROM"]), picked=[(("ROM", "AAA"), "r-1990")])
    links = find(renamed, given, **FEW)
    assert pairs_of(links) == {("AAA", "ROU")}
    assert links["picked"].tolist() == [True]


def test_the_rules_constants_are_checked():
    shares = shares_of(CURVES)
    wrong = [
        ({"k": 0}, "one year"),
        ({"closed": 0.0}, "'closed'"),
        ({"least": -1.0}, "'least'"),
        ({"partners": -1}, "'partners'"),
    ]
    for constants, told in wrong:
        with pytest.raises(InputError, match=told):
            find(shares, record(OPENED), **constants)


# -- without an event -----------------------------------------------------------------------
def test_the_placebo_is_equally_low_and_in_no_event():
    links = placebo(shares_of(CURVES), record(OPENED), **FEW)
    assert pairs_of(links) == {("CCC", "EEE")}
    assert links["event"].tolist() == ["placebo-1990"]
    told = histories(shares_of(CURVES), links)
    assert told["share"].tolist() == [0.04] * len(YEARS)
    assert told["tau"].tolist() == [y - 1990 for y in YEARS]
    with pytest.raises(InputError, match="1979 to 1982"):
        placebo(shares_of(CURVES), record(OPENED), 1982, **FEW)


def test_an_event_after_the_panel_leaves_its_pairs_in_the_placebo():
    late = event("late-2005", 2005, ["CCC"], "all")
    links = placebo(shares_of(CURVES), record(OPENED, late), **FEW)
    assert pairs_of(links) == {("CCC", "EEE")}


def test_a_looser_rule_finds_no_fewer_pairs():
    shares, given = shares_of(CURVES), record(OPENED)
    table = sensitivity(shares, given, **FEW).set_index(["closed", "k", "least"])
    assert len(table) == 27
    assert table.loc[(0.10, 3, 20.0), "pairs"] == 2
    links = find(shares, given, **FEW)
    told = after(histories(shares, links), (5, 10, 15))
    assert table.loc[(0.10, 3, 20.0), "share_10"] == pytest.approx(told["share_10"].median())
    assert np.isnan(table.loc[(0.10, 3, 20.0), "share_15"])
    counts = table["pairs"].unstack("closed")
    assert (counts[0.05] <= counts[0.10]).all()
    assert (counts[0.10] <= counts[0.20]).all()


# -- a reporting start is no opening ---------------------------------------------------------
@pytest.mark.parametrize(
    ("curve", "year"),
    [
        (step(1991, 0.0, 0.5), 1991),  # there at once
        (step(1991, 0.0015, 0.5), 1991),  # scraps before
        (lambda t: 0.0 if t < 1991 else 0.1 * (t - 1990), None),  # it grows: an opening
        (step(1991, 0.0, 0.04), None),  # there at once, but as low as what is closed
        (step(1991, 0.02, 0.5), None),  # there was trade
        (step(1980, 0.0, 0.5), None),  # there from the panel's first year
        (step(2000, 0.0, 0.5), None),  # no year after shows it
        (step(2100, 0.0, 0.5), None),  # never
    ],
)
def test_reporting_starts_are_told_from_openings(curve, year):
    found = reporting_starts(shares_of({("AAA", "BBB"): curve}))
    assert found.drop(("AAA", "BBB")).isna().all()
    own = found[("AAA", "BBB")]
    assert pd.isna(own) if year is None else own == year


def test_before_a_reporting_start_nothing_is_known():
    shares = shares_of({("AAA", "BBB"): step(1991, 0.0, 0.5)})
    given = record(OPENED, picked=[(("AAA", "BBB"), OPENED.name)])
    links = find(shares, given, **FEW)
    assert links["why"].tolist() == ["not reported before 1991"]
    told = histories(shares, links).set_index("year")
    assert told.loc[:1990, ["actual", "share", "share_ab"]].isna().all(axis=None)
    assert not told.loc[:1990, "reported"].any()
    assert (told["potential"] == 100.0).all()
    assert told.loc[1991, "share"] == 0.5
    assert (told["reporting_start"] == 1991).all()


# -- event time ------------------------------------------------------------------------------
def test_histories_count_from_the_event_and_say_what_is_cut():
    early, late = (
        event(n, y, ["AAA"], ["BBB"]) for n, y in (("e-1979", 1979), ("l-1990", 1990))
    )
    given = record(early, late, picked=[(("AAA", "BBB"), e.name) for e in (early, late)])
    told = histories(shares_of(CURVES), find(shares_of(CURVES), given, **FEW))
    first, second = (told[told["event"] == e.name] for e in (early, late))
    assert (first["tau"].min(), first["tau"].max()) == (1, 21)
    assert (second["tau"].min(), second["tau"].max()) == (-10, 10)
    assert first["left_truncated"].all()
    assert not first["right_truncated"].any()
    assert not second["left_truncated"].any()
    assert second["right_truncated"].all()
    assert told["left_out"].all()
    row = after(told).set_index("event")
    assert np.isnan(row.loc[early.name, "before"])
    assert row.loc[late.name, "share_5"] == pytest.approx(0.30)
    assert row.loc[late.name, "share_10"] == pytest.approx(0.55)
    assert np.isnan(row.loc[late.name, "share_15"])


def test_a_link_that_opens_again_is_set_beside_what_it_was():
    values = [0.8] * 5 + [0.01] * 10 + [0.2] * 4 + [0.4, 0.6]
    curve = dict(zip(YEARS, values, strict=True))
    shares = shares_of({("AAA", "BBB"): curve, ("AAA", "CCC"): lambda t: 0.0})
    shut = event("shut-1984", 1984, ["AAA"], ["BBB", "CCC"], "closing")
    given = record(shut, event("open-1995", 1995, ["AAA"], ["BBB", "CCC"]))
    table = reopenings(histories(shares, find(shares, given, **FEW)))
    assert len(table) == 1  # the other had nothing before
    row = table.iloc[0]
    assert (row["a"], row["b"], row["closed"], row["opened"]) == ("AAA", "BBB", 1984, 1995)
    assert (row["before"], row["years_before"]) == (pytest.approx(0.8), 3)
    assert row["between"] == pytest.approx(0.01)
    assert row["again_1"] == pytest.approx(0.25)
    assert row["again_5"] == pytest.approx(0.75)
    assert np.isnan(row["again_10"])


def test_links_may_be_pairs_and_events_where_a_record_says_the_rest():
    shares = shares_of(CURVES)
    links = pd.DataFrame({"a": ["AAA"], "b": ["BBB"], "event": [OPENED.name]})
    told = histories(shares, links, record(OPENED))
    assert told["group"].unique().tolist() == ["made-up"]
    assert told["tau"].tolist() == [y - 1990 for y in YEARS]
    with pytest.raises(InputError, match="no record says it"):
        histories(shares, links)
    with pytest.raises(InputError, match="no event 'a-opens-1991'") as error:
        histories(shares, links.assign(event="a-opens-1991"), record(OPENED))
    assert error.value.nearest == OPENED.name
    with pytest.raises(InputError, match="no column 'event'"):
        histories(shares, links.drop(columns="event"), record(OPENED))
    with pytest.raises(InputError, match="no country 'BBX'") as error:
        histories(shares, links.assign(b="BBX"), record(OPENED))
    assert error.value.nearest == "BBB"
