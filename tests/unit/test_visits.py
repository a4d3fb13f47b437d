"""Visits of state: the ledger, how an effect fades, and the limits with known answers."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from detente import load_world, solve
from detente.cli.visits import visits as command
from detente.errors import InputError, ScenarioError
from detente.paths import solve_path
from detente.scenario import Scenario
from detente.scenario.visits import (
    MEETINGS,
    VISITS,
    factor,
    load_ledger,
    read_ledger,
    remaining,
    turning,
)
from small_korea import CHN, FOOD, KOR, PRK, TEXTILES, small_korea
from worlds import random_world

WORLD = small_korea()
#: One that is an equilibrium.
WHOLE = random_world(3, 3, 2)
DAY = "2020-01-01"
YEAR_LATER = "2021-01-01"
HEAD = "on,until,visitor,host,where,place,who,kind,source,verification,note\n"


def shocks(measure, *others, at=None, world=WORLD):
    data = {"scenario": "test", "measures": [{"visit": measure}, *others]}
    return Scenario.from_dict(data).to_shocks(world, at=at)


def visit(**fields):
    given = {"visitor": "PRK", "host": "CHN", "on": DAY, "reduced_form": True}
    return {k: v for k, v in (given | fields).items() if v is not None}


def weight(got, world=WORLD):
    """Link weight b over π, where there is trade."""
    b = world.trade_share * (1.0 if got.link is None else got.link)
    if got.link_open is not None:
        b = b + got.link_open * np.maximum(got.dormant_share - b, 0.0)
    pi = world.trade_share
    return np.divide(b, pi, out=np.ones_like(pi), where=pi > 0)


def told(got):
    return got.notes["measures"][0]


# -- how it fades -----------------------------------------------------------------------------
def test_half_of_it_is_gone_after_a_half_life_and_nothing_is_there_before():
    assert remaining(0.08, 0.0, 1.0) == 0.08
    assert remaining(0.08, 1.0, 1.0) == pytest.approx(0.04, abs=1e-15)
    assert remaining(0.08, 3.0, 1.5) == pytest.approx(0.02, abs=1e-15)
    assert remaining(0.08, -1e-9, 1.0) == 0.0
    assert remaining(-0.081, 1.0, 1.0) == pytest.approx(-0.0405, abs=1e-15)


def test_it_ends_where_it_is_said_to():
    """Fuchs & Klann (2013): −8.1 %, and nothing of it in the second year after."""
    assert remaining(-0.081, 1.9, float("inf"), 2.0) == -0.081
    assert remaining(-0.081, 2.0, float("inf"), 2.0) == 0.0


def test_logs_of_several_visits_add():
    days = (date(2018, 1, 1), date(2019, 1, 1))
    got = factor(0.1, days, date(2019, 1, 1), 1.0)
    first = 0.1 * 2 ** (-365 / 365.25)
    assert np.log(got) == pytest.approx(np.log1p(first) + np.log1p(0.1), abs=1e-15)
    assert factor(0.1, (), date(2019, 1, 1), 1.0) == 1.0


def test_a_path_looks_again_every_year_for_five_half_lives():
    days = turning((date(2018, 1, 1),), 1.0, None)
    assert [d.year for d in days] == [2018, 2019, 2020, 2021, 2022, 2023]
    ended = turning((date(2018, 1, 1),), 1.0, 2.0)
    assert remaining(0.1, (ended[-1] - date(2018, 1, 1)).days / 365.25, 1.0, 2.0) == 0.0
    assert turning((), 1.0, None) == ()


# -- the measure ------------------------------------------------------------------------------
@pytest.mark.parametrize("effect", ["9%", "-8.1%"])
def test_links_in_the_visitors_direction_are_scaled_and_no_other(effect):
    got = shocks(visit(effect=effect), at=DAY)
    size = float(effect.rstrip("%")) / 100
    expected = np.ones((3, 4, 4))
    expected[[TEXTILES, FOOD], PRK, CHN] = 1 + size  # PRK and CHN trade no coal
    np.testing.assert_allclose(weight(got), expected, atol=1e-14)
    assert "reduced-form" in told(got)["touched"]


def test_exports_rise_by_the_effect_at_given_prices_and_by_less_as_the_buyers_index_moves():
    """docs/model.md, equations 2 to 4 at ĉ = 1: (1 + e)/(1 + e·π) − 1."""
    got = shocks(visit(effect="9%"), at=DAY)
    b = WORLD.trade_share * weight(got)
    new = b / b.sum(axis=1, keepdims=True)
    pi = WORLD.trade_share[FOOD, PRK, CHN]
    rise = new[FOOD, PRK, CHN] / pi
    assert rise == pytest.approx(1.09 / (1 + 0.09 * pi), abs=1e-14)
    assert rise * b[FOOD, :, CHN].sum() == pytest.approx(1.09, abs=1e-14)


def test_directions_and_sectors():
    got = weight(shocks(visit(direction="host-exports"), at=DAY))
    assert got[FOOD, CHN, PRK] == pytest.approx(1.09)
    assert got[FOOD, PRK, CHN] == 1.0
    got = weight(shocks(visit(direction="both", sectors="food"), at=DAY))
    assert got[FOOD, CHN, PRK] == got[FOOD, PRK, CHN] == pytest.approx(1.09)
    assert (got[TEXTILES] == 1.0).all()


def test_it_fades_from_its_day_on():
    sizes = [weight(shocks(visit(), at=d))[FOOD, PRK, CHN] for d in (DAY, YEAR_LATER)]
    assert sizes == pytest.approx([1.09, 1 + 0.09 * 2 ** (-366 / 365.25)], abs=1e-14)
    assert shocks(visit(), at="2019-12-31").link is None
    assert shocks(visit(), at="2019-12-31").link_open is None


def test_it_changes_nothing_unless_the_scenario_says_that_it_is_reduced_form():
    for off in (None, False):
        got = shocks(visit(reduced_form=off), at=DAY)
        assert got.link is None and got.link_open is None
        assert told(got)["touched"].startswith("off: reduced-form, no part of the model")
    assert shocks(visit(reduced_form="on"), at=DAY).notes == shocks(visit(), at=DAY).notes


def test_an_effect_of_nothing_and_the_end_of_it_return_the_baseline():
    pair = {"visitor": "C00", "host": "C01"}
    for more, at in (({"effect": 0}, DAY), ({"ends": "1 year"}, "2021-01-02")):
        got = solve(WHOLE, Scenario.from_dict(_file(visit(**pair, **more))), at=at)
        assert np.abs(got.welfare["welfare"]).max() < 1e-11


def _file(measure):
    return {"scenario": "test", "measures": [{"visit": measure}]}


def test_an_empty_link_stays_empty_and_the_reader_is_told():
    got = shocks(visit(host="KOR"), at=DAY)
    assert weight(got)[:, PRK, KOR].tolist() == [1.0] * 3
    assert any("nothing to change: PRK→KOR" in r for r in told(got)["remarks"])


def test_what_another_measure_opens_is_told_to_be_multiplied_wherever_it_stands():
    opened = {"open": {"exporter": "PRK", "importer": "KOR", "share": 0.2}}
    for measures in (
        ({"visit": visit(host="KOR")}, opened),
        (opened, {"visit": visit(host="KOR")}),
    ):
        data = {"scenario": "test", "measures": list(measures)}
        notes = (
            Scenario.from_dict(data)
            .to_shocks(small_korea(coverage={}), at=DAY)
            .notes["measures"]
        )
        remarks = [r for note in notes for r in note["remarks"]]
        assert any("open is multiplied: PRK→KOR" in r for r in remarks)
        assert not any("nothing to change" in r for r in remarks)


def test_a_visit_counts_once_on_a_link():
    with pytest.raises(ScenarioError, match="PRK to CHN on 2020-01-01 is counted"):
        shocks(visit(), {"visit": visit()}, at=DAY)
    with pytest.raises(ScenarioError, match="PRK to CHN on 2018-03-25 is counted"):
        shocks(visit(on="2018-03-25"), {"visit": ledger(since="2018-01-01")}, at=DAY)
    with pytest.raises(ScenarioError, match="is counted"):
        shocks(visit(direction="both"), {"visit": visit(direction="host-exports")}, at=DAY)
    # another direction, other sectors, another day
    shocks(visit(), {"visit": visit(direction="host-exports")}, at=DAY)
    shocks(visit(sectors="food"), {"visit": visit(sectors="textiles")}, at=DAY)
    shocks(visit(), {"visit": visit(on="2019-12-31")}, at=DAY)


def test_why_no_visit_counts_is_told():
    late = told(shocks({"ledger": "dprk", "since": "2030-01-01", "reduced_form": True}))
    assert late["touched"] == (
        "reduced-form: nothing, ledger 'dprk' has no visit from 2030-01-01 on"
    )
    world = random_world(3, 3, 2)
    away = shocks({"ledger": "dprk", "since": "2018-01-01", "reduced_form": True}, world=world)
    assert "is between countries that world 'random-3' has" in told(away)["touched"]
    early = told(shocks({**ledger(), "since": "2018-03-25"}, at="2018-03-24"))
    assert early["touched"] == "reduced-form: nothing, no visit of its is before 2018-03-24"


def test_a_fall_has_its_sign():
    assert "PRK→CHN −8.10 % on" in told(shocks(visit(effect="-8.1%"), at=DAY))["touched"]


def test_a_remark_says_that_it_is_no_part_of_the_model():
    remarks = told(shocks(visit(), at=DAY))["remarks"]
    assert any("no part of the model" in r and "no basis for a claim" in r for r in remarks)


def test_a_remark_says_what_given_prices_are_and_who_cannot_buy_so_much_more():
    """PRK imports from CHN alone: with its deficit fixed, its exports say how much more."""
    to_prk = visit(visitor="CHN", host="PRK")
    (remark,) = (r for r in told(shocks(to_prk, at=DAY))["remarks"] if "given prices" in r)
    assert "PRK buys 100 % of its imports from CHN" in remark
    data = {"scenario": "test", "measures": [{"visit": to_prk}], "deficit_rule": "balanced"}
    other = Scenario.from_dict(data).to_shocks(WORLD, at=DAY)
    assert not any("imports from" in r for r in told(other)["remarks"])


def test_in_equilibrium_a_deficit_that_is_fixed_lets_imports_rise_as_exports_do():
    """docs/visits.md: +9 % at given prices is +0.9 % of what China sells to the DPRK."""
    world = load_world("korea")
    p, c = world.country_index("PRK"), world.country_index("CHN")
    made = Scenario.from_dict(_file(visit(visitor="CHN", host="PRK")))
    flows = solve(world, made, at=DAY).equilibrium.flows.sum(axis=0)
    before = world.flows.sum(axis=0)
    assert flows[c, p] / before[c, p] - 1 == pytest.approx(0.009, abs=0.001)
    assert flows[p, c] / before[p, c] - 1 == pytest.approx(0.071, abs=0.002)
    rise = [
        (f := flows - before)[p].sum() - f[p, p],
        f[:, p].sum() - f[p, p],
    ]
    assert rise[0] == pytest.approx(rise[1], rel=1e-6)


def test_lengths_of_time():
    half = {"1 year": 1.0, "6 months": 0.5, "18 months": 1.5, "0.5 years": 0.5}
    for text, years in half.items():
        scenario = Scenario.from_dict(_file(visit(half_life=text)))
        assert scenario.measures[0].half_life == pytest.approx(years)
        assert Scenario.from_dict(scenario.to_dict()).content_hash == scenario.content_hash


# -- a ledger in a scenario --------------------------------------------------------------------
def ledger(**fields):
    given = {"ledger": "dprk", "reduced_form": True, "of": ["CHN"]}
    return given | fields


def test_a_ledgers_visits_multiply():
    """Three visits to China in 2018; the summit at Singapore and the border are none."""
    got = shocks(ledger(since="2018-01-01", through="2018-12-31"), at="2018-06-19")
    days = (date(2018, 3, 25), date(2018, 5, 7), date(2018, 6, 19))
    assert weight(got)[FOOD, PRK, CHN] == pytest.approx(
        factor(0.09, days, date(2018, 6, 19), 1.0), abs=1e-14
    )
    assert "3 visits" in told(got)["touched"]
    all_of = shocks(
        {
            "ledger": "dprk",
            "since": "2018-01-01",
            "through": "2018-12-31",
            "reduced_form": True,
        },
        at="2018-06-19",
    )
    assert weight(all_of)[FOOD, PRK, CHN] == weight(got)[FOOD, PRK, CHN]


def test_without_dates_it_is_the_day_after_the_last_visit():
    bare = shocks(ledger(since="2018-01-01", through="2018-12-31"))
    dated = shocks(ledger(since="2018-01-01", through="2018-12-31"), at="2018-06-20")
    np.testing.assert_array_equal(weight(bare), weight(dated))


def test_a_ledger_mentions_its_first_and_last_visit():
    (measure,) = Scenario.from_dict(
        _file(ledger(since="2018-01-01", through="2018-12-31"))
    ).measures
    assert measure.mentioned() == (date(2018, 3, 25), date(2018, 6, 19))
    assert measure.turns()[:3] == (date(2018, 3, 25), date(2018, 5, 7), date(2018, 6, 19))
    (one,) = Scenario.from_dict(_file(visit())).measures
    assert one.mentioned() == ()


def test_countries_that_a_world_lacks_are_left_out_and_named():
    got = shocks({"ledger": "dprk", "reduced_form": True}, at="2024-12-31")
    assert any("IDN, MNG, RUS, VNM" in r for r in told(got)["remarks"])


def test_a_path_sees_it_fade():
    measure = visit(visitor="C00", host="C01", effect="1%")
    scenario = Scenario.from_dict(_file(measure) | {"adjustment_years": 0})
    path = solve_path(WHOLE, scenario, 4)
    gains = path.of("C01")["welfare"].to_numpy()
    # a small effect halves from year to year, up to what is of second order in it
    assert gains[1:] / gains[:-1] == pytest.approx([0.5] * 3, abs=0.01)


# -- mistakes ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        (visit(visitor="PRX"), "unknown country 'PRX'"),
        (visit(visitor=None, host=None, on=None), "needs 'visitor' and 'host', or 'ledger'"),
        (visit(on=None), "needs 'on'"),
        (visit(host=None), "needs 'host'"),
        (visit(host="PRK"), "both PRK"),
        (visit(of="CHN"), "'of' belongs to a ledger"),
        (ledger(on=DAY), "'on' is not for a ledger"),
        (ledger(visitor="PRK"), "one of the two"),
        (ledger(ledger="dprc"), "Did you mean 'dprk'"),
        (ledger(of=["FRA"]), "no meeting of 'FRA'"),
        (ledger(since="2019-01-01", through="2018-01-01"), "before 'since'"),
        (visit(half_life=1), "Did you mean '1 year'\\?"),
        (visit(half_life=2), "Did you mean '2 years'"),
        (visit(effect=9), "a visit's effect of 9 without a % sign"),
        (visit(reduced_form=1), "Did you mean 'true'"),
        (visit(visitor="South Korea"), "Did you mean 'KOR'"),
        (visit(visitor="Putin"), r"unknown country 'Putin' in world 'small-korea'\.$"),
        (ledger(of=["South Korea"]), "Did you mean 'KOR'"),
        (visit(half_life="0 years"), "outside 0 to 50 years"),
        (visit(half_life="a while"), "no length of time"),
        (visit(effect="-100%"), "write 'ban'"),
        (visit(effect="120%"), "outside"),
        (visit(direction="visitor"), "Did you mean 'visitor-exports'"),
        (visit(sectors="foods"), "unknown sector 'foods'"),
    ],
)
def test_mistakes_are_refused_with_their_reason(fields, what):
    with pytest.raises(ScenarioError, match=what):
        shocks(fields, at=DAY)


# -- the ledger's data -------------------------------------------------------------------------
def test_the_ledger_holds_what_the_sources_name():
    rows = load_ledger("all")
    by_day = {(m.on.isoformat(), m.visitor, m.host): m for m in rows}
    assert by_day["2018-03-25", "PRK", "CHN"].is_visit
    assert by_day["2019-06-20", "CHN", "PRK"].kind == "state"
    assert by_day["2024-06-18", "RUS", "PRK"].kind == "state"
    assert not by_day["2018-06-12", "PRK", "USA"].is_visit
    assert not by_day["2018-04-27", "PRK", "KOR"].is_visit
    # eight years before Vladivostok there was Ulan-Ude, and nothing in between
    russia = [m for m in load_ledger("dprk") if m.of(("RUS",)) and m.on.year > 2010]
    assert [m.on.year for m in russia[:2]] == [2011, 2019]
    # Xi Jinping had met the South's president and not yet Kim Jong-un
    xi = [m for m in rows if "Xi Jinping" in m.who]
    assert {m.visitor for m in xi if m.on < date(2018, 1, 1)} <= {"KOR", "CHN"}


def test_every_row_has_a_source_and_says_whether_its_days_were_read():
    for m in load_ledger("all"):
        assert m.source and m.place and m.who, m
        assert m.kind in (*VISITS, *MEETINGS)
        assert m.verification == "verified" or "recalled" in m.note, m


def test_the_dprks_ledger_is_its_own_part():
    assert all(m.of(("PRK",)) for m in load_ledger("dprk"))
    assert len(load_ledger("dprk")) < len(load_ledger("all"))
    with pytest.raises(InputError, match="no ledger 'prk'"):
        load_ledger("prk")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2018-13-01,2018-01-02,A,B,B,x,y,state,z,verified,", "month"),
        ("2018-01-03,2018-01-02,A,B,B,x,y,state,z,verified,", "before the first"),
        ("2018-01-01,2018-01-02,A,A,A,x,y,state,z,verified,", "both A"),
        ("2018-01-01,2018-01-02,A,B,C,x,y,state,z,verified,", "host's country"),
        ("2018-01-01,2018-01-02,A,B,B,x,y,third-country,z,verified,", "no third country"),
        ("2018-01-01,2018-01-02,A,B,B,x,y,stat,z,verified,", "Did you mean 'state'"),
        ("2018-01-01,2018-01-02,A,B,B,x,y,state,z,verifed,", "Did you mean 'verified'"),
    ],
)
def test_rows_that_cannot_be_are_refused_with_their_line(row, what):
    with pytest.raises(InputError, match=what) as caught:
        read_ledger(HEAD + row, "mine.csv")
    assert "mine.csv, line 2" in str(caught.value)


# -- the command -------------------------------------------------------------------------------
def run(*arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def test_the_command_lists_and_filters():
    got = run("--country", "RUS", "--since", "2018-01-01")
    assert got.exit_code == 0
    assert "2019-04-24" in got.stdout and "2011" not in got.stdout
    assert max(map(len, got.stdout.splitlines())) <= 80
    assert max(map(len, run().stdout.splitlines())) <= 80
    rows = json.loads(run("--country", "rus", "--format", "json").stdout)
    assert {"on", "visitor", "host", "kind", "source", "verification", "visit"} <= rows[
        0
    ].keys()
    assert run("--format", "csv").stdout.startswith("on,until,visitor,host,where")


def test_the_command_refuses_what_the_ledger_does_not_have():
    for arguments, what in (
        (("--country", "RUX"), "Did you mean 'RUS'"),
        (("--since", "2018-1-1"), "Did you mean '2018-01-01'"),
    ):
        got = run(*arguments)
        assert isinstance(got.exception, InputError)
        assert what in str(got.exception)


def test_on_the_embedded_world_visits_are_worth_less_than_law_closes():
    """What is left of one visit's 9 % is a small part of what the bans of 2017 took away."""
    world = load_world("korea")
    got = solve(world, Scenario.from_dict(_file(visit())), at=DAY)
    assert 0 < float(got.welfare.loc["PRK", "welfare"]) < 0.01
