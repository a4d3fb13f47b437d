"""impose, lift, suspend and snapback in scenarios: what they do, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import detente as dt
from detente.errors import ScenarioError
from detente.scenario import Scenario, load_scenario
from lawfiles import scenario_with_own_regime

REGIMES = ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk", "eu-dprk")


@pytest.fixture(scope="module")
def korea():
    return dt.load_world("korea")


@pytest.fixture(scope="module")
def before():
    return dt.load_world("korea-before")


def asked(*measures, world="korea", **top):
    return Scenario.from_dict({"scenario": "x", "world": world, "measures": measures, **top})


def told(shocks):
    return [(m["status"], m["touched"] or "") for m in shocks.notes["measures"]]


def remarks(shocks):
    return " ".join(r for m in shocks.notes["measures"] for r in m["remarks"])


def same(one, other):
    np.testing.assert_array_equal(*(np.asarray(s.link_open) for s in (one, other)))
    assert one.caps == other.caps
    assert one.content_hash == other.content_hash


# -- what they do ------------------------------------------------------------------------
def test_the_order_of_lifts_does_not_matter(korea):
    lifts = [{"lift": {"regime": name}} for name in REGIMES]
    same(asked(*lifts).to_shocks(korea), asked(*reversed(lifts)).to_shocks(korea))


def test_a_resolution_is_all_of_its_paragraphs(korea):
    whole = asked({"lift": {"regime": "unsc-dprk", "provisions": [2371]}})
    parts = asked(
        {"lift": {"regime": "unsc-dprk", "provisions": ["2371-8", "2371-9", "2371-10"]}}
    )
    same(whole.to_shocks(korea), parts.to_shocks(korea))


def test_a_suspension_is_a_lift_until_it_snaps_back(korea):
    dates = {"on": "2020-01-01", "until": "2021-12-31"}
    suspended = asked({"suspend": {"regime": "unsc-dprk", **dates}})
    lifted = asked({"lift": {"regime": "unsc-dprk", "on": "2020-01-01"}})
    same(suspended.to_shocks(korea, at="2021-06-30"), lifted.to_shocks(korea))
    end = suspended.to_shocks(korea)
    assert told(end)[0][0] == "snapped back"
    assert end.link_open is None and end.link is None


def test_snapback_puts_back_all_or_the_part_that_is_named(korea):
    lift = {"lift": {"regime": "unsc-dprk", "on": "2020-01-01"}}
    back = {"snapback": {"regime": "unsc-dprk", "on": "2022-01-01"}}
    nothing = asked(lift, back).to_shocks(korea)
    assert nothing.link_open is None
    assert {c.sector for c in nothing.caps} == {"oil-gas", "petroleum"}
    part = asked(lift, {"snapback": {**back["snapback"], "provisions": ["2371-8"]}})
    coal = korea.sector_index("coal")
    opened = part.to_shocks(korea).link_open
    assert not opened[coal].any() and opened[korea.sector_index("textiles")].any()


def test_one_sender_opens_its_own_links_alone(korea):
    got = asked({"lift": {"regime": "unsc-dprk", "senders": ["CHN"]}}).to_shocks(korea)
    prk, chn = korea.country_index("PRK"), korea.country_index("CHN")
    assert got.link_open[:, prk, chn].any() and got.link_open[:, chn, prk].any()
    others = got.link_open.copy()
    others[:, prk, chn] = others[:, chn, prk] = 0.0
    assert not others.any()


def test_lines_alone_can_be_lifted_and_be_spared(korea, before):
    lifted = asked({"lift": {"regime": "unsc-dprk", "hs": ["50-63"]}}).to_shocks(korea)
    sectors = {
        korea.sectors[s] for s in np.flatnonzero((lifted.link_open > 0).any(axis=(1, 2)))
    }
    assert sectors == {"textiles"}
    law = {"regime": "unsc-dprk", "provisions": ["2375-16"]}
    spared = asked({"impose": {**law, "exempt": ["61", "62"]}}, world="korea-before")
    whole = asked({"impose": law}, world="korea-before")
    s, prk, chn = (
        before.sector_index("textiles"),
        before.country_index("PRK"),
        before.country_index("CHN"),
    )
    left = [x.to_shocks(before).link[s, prk, chn] for x in (spared, whole)]
    assert left[0] > 0.5
    assert left[1] < 0.05


def test_leakage_leaves_a_share_at_the_evasion_cost(before):
    law = {"regime": "unsc-dprk", "provisions": ["2371-8"]}
    given = {"compliance": {"CHN": "80%"}, "leakage": {"CHN": "10%"}, "evasion_markup": "20%"}
    got = asked({"impose": {**law, **given}}, world="korea-before").to_shocks(before)
    s, prk, chn = before.sector_index("coal"), 0, before.country_index("CHN")
    theta = before.trade_elasticity[s]
    assert got.link[s, prk, chn] == pytest.approx(0.2 + 0.8 * 0.1 * 1.2**-theta)
    assert got.link[s, prk, before.country_index("IND")] == 0.0


def test_a_cap_binds_and_its_rent_goes_to_its_owner(before):
    found = {}
    for owner in ("importer", "exporter", "burnt"):
        law = {"regime": "unsc-dprk", "provisions": ["2397-5"], "rent": owner}
        found[owner] = dt.solve(before, asked({"impose": law}, world="korea-before"))
        (row,) = found[owner].caps.to_dict("records")
        assert row["owner"] == owner and row["sector"] == "petroleum"
        # half a million barrels of four and a half; by lines of what partners sell
        bought = before.flows[before.sector_index("petroleum"), 1:, 0].sum()
        assert row["quantity"] == pytest.approx(bought * 0.5 / 4.5, rel=0.05)
        assert row["shipped"] == pytest.approx(row["quantity"], rel=1e-8)
        assert row["markup"] > 0 and row["rent"] > 0
    welfare = {k: r.welfare.loc["PRK", "welfare"] for k, r in found.items()}
    assert welfare["importer"] > welfare["exporter"]
    assert welfare["importer"] > welfare["burnt"]


def test_caps_of_the_baseline_hold_until_they_are_lifted(korea):
    """More trade wants more oil; the cap holds the quantity, and a slack one costs nothing."""
    relief = [{"lift": {"regime": "unsc-dprk", "provisions": [2371, "2375-16"]}}]
    held = dt.solve(korea, asked(*relief))
    assert (held.caps["markup"] > 0).all()
    np.testing.assert_allclose(held.caps["shipped"], held.caps["quantity"], rtol=1e-8)
    oil = {"lift": {"regime": "unsc-dprk", "provisions": ["2397-4", "2397-5"]}}
    free = dt.solve(korea, asked(*relief, oil))
    assert free.caps.empty
    assert free.welfare.loc["PRK", "welfare"] > held.welfare.loc["PRK", "welfare"]
    slack = dt.solve(korea, asked({"productivity": {"country": "KOR", "tfp": 1.001}}))
    assert (slack.caps["shipped"] <= slack.caps["quantity"] * (1 + 1e-9)).all()


def test_full_compliance_stops_what_leaks_and_changes_no_lawful_trade(korea):
    law = {"regime": "unsc-dprk", "compliance": "100%"}
    got = asked({"impose": law}).to_shocks(korea)
    prk, chn = korea.country_index("PRK"), korea.country_index("CHN")
    table = korea.coverage["unsc-dprk"][:, prk, chn]
    assert (got.link <= 1).all() and got.link_open is None
    assert (got.link[:, prk, chn][table == 0] == 1).all()
    assert not (got.link * korea.flows)[table == 1, prk, chn].any()


def test_what_remains_closed_is_named_with_who_closes_it(korea):
    got = asked({"lift": {"regime": "unsc-dprk"}}).to_shocks(korea)
    rows = {(r["exporter"], r["importer"]): r for r in got.notes["closed"]}
    south = rows["PRK", "KOR"]
    assert south["closed"] == pytest.approx(1.0)
    assert set(south["regimes"]) == {"rok-may-24"}
    assert ("PRK", "CHN") not in rows
    result = dt.solve(korea, asked({"lift": {"regime": "unsc-dprk"}}))
    table = result.closed.set_index(["exporter", "importer"])
    assert table.loc[[("PRK", "KOR")], "regime"].tolist() == ["rok-may-24"]
    assert "kaesong-2016" in table.loc[[("PRK", "KOR")], "provisions"].iloc[0]


def test_a_table_of_a_regimes_name_is_the_regime(korea):
    old = asked({"unban": {"coverage": "unsc-dprk"}}).to_shocks(korea)
    new = asked({"lift": {"regime": "unsc-dprk"}}).to_shocks(korea)
    np.testing.assert_allclose(old.link_open, new.link_open)
    both = asked(
        {"unban": {"coverage": "unsc-dprk"}},
        {
            "ban": {
                "exporter": "PRK",
                "importer": "all",
                "coverage": "unsc-dprk",
                "both_ways": True,
            }
        },
    ).to_shocks(korea)
    assert both.link_open is None


def test_law_day_says_what_an_unrecorded_baseline_holds(korea):
    bare = korea.with_(meta={k: v for k, v in korea.meta.items() if k != "law"}, coverage={})
    lift = {"lift": {"regime": "rok-may-24"}}
    assert "nothing to lift" in remarks(asked(lift).to_shocks(bare))
    given = asked(lift, law_day="2018-07-01").to_shocks(bare)
    pair = (slice(None), 0, korea.country_index("KOR"))
    assert given.link_open[pair].any()
    # nothing is said of the Council there, so that it closes nothing
    assert not given.notes["closed"]


# -- what they refuse, or warn of --------------------------------------------------------
@pytest.mark.parametrize(
    ("measure", "says"),
    [
        ({"lift": {"regime": "unsc-drpk"}}, "Did you mean 'unsc-dprk'?"),
        (
            {"lift": {"regime": "unsc-dprk", "provisions": ["2371-88"]}},
            "Did you mean '2371-8'?",
        ),
        ({"lift": {"regime": "unsc-dprk", "on": "2005-01-01"}}, "is law before 2006-10-14"),
        (
            {"impose": {"regime": "unsc-dprk", "provisions": ["2397-6"], "on": "2016-06-01"}},
            "law from 2017-12-22 on, not on 2016-06-01",
        ),
        (
            {"impose": {"regime": "unsc-dprk", "provisions": ["2321-26"], "on": "2018-01-01"}},
            "2321-26 lapsed on 2017-08-04; 2371-8 replaced it",
        ),
        ({"lift": {"regime": "unsc-dprk", "hs": ["8549"]}}, "is a line of HS22"),
        ({"lift": {"regime": "unsc-dprk", "hs": ["9876"]}}, "no revision of HS has"),
        ({"lift": {"regime": "unsc-dprk", "hs": [3]}}, "has to stand in quotes"),
        ({"lift": {"regime": "unsc-dprk", "hs": ["0303"]}}, "rest of chapter 03"),
        ({"lift": {"regime": "rok-may-24", "senders": ["JPN"]}}, "no sender of 'rok-may-24'"),
        ({"lift": {"regime": "unsc-dprk", "senders": ["PRK"]}}, "PRK is the target"),
        ({"lift": {"regime": "iran-2018"}}, "is on IRN"),
        ({"lift": {"regime": "mine.yaml"}}, "there is no file 'mine.yaml'"),
        ({"suspend": {"regime": "unsc-dprk", "on": "2020-01-01"}}, "needs 'until'"),
        ({"impose": {"regime": "unsc-dprk", "compliance": {"CHN": "150%"}}}, "outside 0 %"),
        ({"impose": {"regime": "unsc-dprk", "leakage": {"CHX": 0.1}}}, "Did you mean 'CHN'?"),
        ({"impose": {"regime": "unsc-dprk", "evasion_markup": 0.1}}, "needs 'leakage'"),
        ({"impose": {"regime": "unsc-dprk", "rent": "china"}}, "Did you mean 'CHN'?"),
        ({"lift": {"regime": "unsc-dprk", "provision": 2371}}, "Did you mean 'provisions'?"),
    ],
)
def test_mistakes_are_named(korea, measure, says):
    with pytest.raises(ScenarioError) as error:
        asked(measure).to_shocks(korea)
    assert says in str(error.value)


def test_a_measure_that_is_not_in_force_is_checked_too(korea):
    later = {"lift": {"regime": "unsc-dprk", "provisions": [9999], "on": "2030-01-01"}}
    with pytest.raises(ScenarioError, match="no provision '9999'"):
        asked(later).to_shocks(korea, at="2020-01-01")


def test_lifting_what_was_never_imposed_is_a_warning_that_says_so(before):
    got = asked({"lift": {"regime": "unsc-dprk", "provisions": [2397]}}, world="korea-before")
    shocks = got.to_shocks(before)
    assert "warning: 2397 is in force neither in the baseline (law of 2016-07-01)" in remarks(
        shocks
    )
    assert shocks.link_open is None
    nothing = asked({"snapback": {"regime": "unsc-dprk"}}, world="korea-before")
    assert "warning: no measure in force lifts any of this" in remarks(
        nothing.to_shocks(before)
    )


def test_imposing_what_is_in_force_bans_nothing_twice(korea):
    got = asked({"impose": {"regime": "unsc-dprk"}}).to_shocks(korea)
    assert got.link is None and got.link_open is None
    assert "in force already, in the baseline (law of 2018-07-01)" in remarks(got)


def test_provisions_without_goods_are_told_and_move_nothing(korea):
    got = asked({"lift": {"regime": "unsc-dprk", "provisions": ["2397-8"]}}).to_shocks(korea)
    assert got.link_open is None
    assert "no goods are in them: state their money with 'transfer'" in remarks(got)


def test_a_regime_of_ones_own_stands_beside_the_scenario(tmp_path, korea):
    file = scenario_with_own_regime(tmp_path, "mine", "[CHN]")
    got = load_scenario(file).to_shocks(korea)
    s, prk, chn = korea.sector_index("wood-paper"), 0, korea.country_index("CHN")
    assert 0 < got.link[s, chn, prk] < 1
    touched = {korea.sectors[k] for k in np.flatnonzero((got.link < 1).any(axis=(1, 2)))}
    assert touched == {"wood-paper", "agriculture"}  # logs are the forester's
