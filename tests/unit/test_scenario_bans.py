"""Bans, their lifting, openings, and how they compose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import ScenarioError
from detente.scenario import Scenario
from hypothesis_profiles import examples
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea

WORLD = small_korea()
BARE = small_korea(coverage={})
LINK = {"exporter": "KOR", "importer": "CHN"}


def shocks(*measures, world=WORLD, at=None, **top):
    data = {"scenario": "test", "measures": list(measures), **top}
    return Scenario.from_dict(data).to_shocks(world, at=at)


def remarks(got):
    return " ".join(r for note in got.notes["measures"] for r in note["remarks"])


def test_a_ban_leaves_what_it_does_not_cover_and_what_leaks_at_the_evasion_cost():
    ban = {**LINK, "coverage": 0.8, "leakage": 0.5, "evasion_markup": "30%"}
    link = shocks({"ban": ban}).link
    expected = 0.2 + 0.8 * 0.5 * 1.3 ** -np.array([5.0, 4.0, 2.0])
    np.testing.assert_allclose(link[:, KOR, CHN], expected, rtol=1e-14)
    assert (link != 1).sum() == 3


def test_coverage_by_sector_and_both_ways():
    link = shocks({"ban": {**LINK, "coverage": {"coal": 1, "food": "25%"}, "both_ways": True}})
    assert link.link[:, KOR, CHN].tolist() == [0.0, 1.0, 0.75]
    assert link.link[:, CHN, KOR].tolist() == [0.0, 1.0, 0.75]


def test_the_same_ban_twice_bans_once():
    ban = {"ban": {**LINK, "coverage": 0.6, "leakage": 0.1}}
    np.testing.assert_allclose(shocks(ban, ban).link, shocks(ban).link, rtol=1e-15)


@settings(max_examples=examples(50))
@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 10)).map(lambda b: (b[0] / 50, b[1] / 10)),
        min_size=1,
        max_size=4,
    )
)
def test_overlapping_bans_are_what_counting_product_lines_gives(bans):
    """Fifty lines of equal weight, each ban on the first c of them; the strictest holds."""
    survive = np.ones(50)
    for coverage, leakage in bans:
        hit = np.arange(50) < round(coverage * 50)
        survive[hit] = np.minimum(survive[hit], leakage)
    got = shocks(*({"ban": {**LINK, "coverage": c, "leakage": k}} for c, k in bans))
    link = np.ones((3, 4, 4)) if got.link is None else got.link
    assert link[:, KOR, CHN] == pytest.approx([survive.mean()] * 3)


def test_unban_undoes_a_ban_of_the_same_scenario_exactly():
    for coverage in ({}, {"coverage": 0.6}):
        got = shocks({"ban": {**LINK, "coverage": 0.6}}, {"unban": {**LINK, **coverage}})
        assert got.arrays() == {}


def test_half_an_unban_leaves_the_rest_of_the_ban():
    got = shocks({"ban": {**LINK, "coverage": 0.6}}, {"unban": {**LINK, "coverage": 0.2}})
    assert got.link[:, KOR, CHN] == pytest.approx([0.6] * 3)
    assert got.link_open is None
    assert "stay banned by 'ban 1 of the scenario'" in remarks(got)


def test_only_the_rok_lifting_leaves_what_the_un_covers():
    got = shocks({"unban": {"coverage": "rok-may-24"}})
    assert got.link_open[:, PRK, KOR] == pytest.approx([0.0, 0.1, 1.0])
    assert got.link_open[:, KOR, PRK] == pytest.approx([0.0, 0.1, 1.0])
    assert np.count_nonzero(got.link_open) == 4
    assert "stay banned by 'unsc-dprk'" in remarks(got)
    assert "PRK→KOR" in remarks(got)
    assert got.link is None


def returned(lifted, psi):
    """The lifted lines come back with their share of ψ beside what trades: never beyond ψ."""
    top = np.maximum(WORLD.trade_share, psi)
    return np.where(
        lifted > 0, np.minimum(WORLD.trade_share + lifted * psi, top), WORLD.trade_share
    )


def test_only_the_un_lifting_opens_china_and_not_the_other_korea():
    got = shocks({"unban": {"coverage": "unsc-dprk", "exporter": "PRK", "importer": "all"}})
    table = WORLD.coverage["unsc-dprk"]
    assert table[:, PRK, CHN] == pytest.approx([1.0, 0.9, 0.0])
    assert ((got.link_open[:, PRK, CHN] > 0) == (table[:, PRK, CHN] > 0)).all()
    carried = WORLD.trade_share + got.link_open * (got.dormant_share - WORLD.trade_share)
    wanted = returned(table, got.dormant_share)
    np.testing.assert_allclose(carried[:, PRK, CHN], wanted[:, PRK, CHN], atol=1e-15)
    assert not got.link_open[:, PRK, [KOR, JPN]].any()
    assert not got.link_open[:, CHN, PRK].any()
    assert "'rok-may-24'" in remarks(got)
    assert "'japan-dprk'" in remarks(got)


def test_all_regimes_lifted_open_links_as_far_as_they_were_closed():
    tables = [{"unban": {"coverage": name}} for name in WORLD.coverage]
    got = shocks(*tables)
    closed = np.max(list(WORLD.coverage.values()), axis=0)
    carried = WORLD.trade_share + got.link_open * np.maximum(
        got.dormant_share - WORLD.trade_share, 0.0
    )
    np.testing.assert_allclose(carried, returned(closed, got.dormant_share), atol=1e-15)
    np.testing.assert_array_equal(
        got.link_open, shocks({"unban": {"exporter": "all", "importer": "all"}}).link_open
    )
    assert got.link is None
    assert remarks(got) == ""


def test_the_order_in_which_regimes_lift_does_not_matter():
    tables = [{"unban": {"coverage": name}} for name in WORLD.coverage]
    assert shocks(*tables).content_hash == shocks(*reversed(tables)).content_hash


def test_a_share_lifted_comes_off_every_regime():
    got = shocks({"unban": {"exporter": "PRK", "importer": "KOR", "coverage": 0.4}})
    assert got.link_open[:, PRK, KOR] == pytest.approx([0.4, 0.4, 0.4])


def test_lifting_a_ban_that_a_link_does_not_have_changes_nothing():
    got = shocks({"unban": LINK})
    assert got.arrays() == {}
    assert "no ban there" in got.notes["measures"][0]["touched"]
    assert shocks({"unban": {**LINK, "coverage": "unsc-dprk"}}).arrays() == {}


def test_a_world_without_tables_opens_by_the_coverage_stated():
    got = shocks({"unban": {"exporter": "PRK", "importer": "KOR", "coverage": 0.4}}, world=BARE)
    assert got.link_open[:, PRK, KOR].tolist() == [0.4] * 3
    assert np.count_nonzero(got.link_open) == 3


def test_a_regime_put_back_returns_the_baseline():
    got = shocks(
        {"unban": {"coverage": "unsc-dprk", "on": "2020-01-01"}},
        {
            "ban": {
                "coverage": "unsc-dprk",
                "exporter": "all",
                "importer": "all",
                "on": "2021-01-01",
            }
        },
    )
    assert got.arrays() == {}


def test_a_regime_in_force_cannot_ban_twice_or_get_another_leakage():
    ban = {"coverage": "unsc-dprk", "exporter": "PRK", "importer": "CHN"}
    got = shocks({"ban": ban})
    assert got.arrays() == {}
    assert "in force" in got.notes["measures"][0]["touched"]
    with pytest.raises(ScenarioError, match="in force in the baseline"):
        shocks({"ban": {**ban, "leakage": 0.1}})


def test_a_table_of_later_law_is_an_ordinary_ban():
    world = small_korea(meta={"coverage_not_in_force": ["unsc-dprk"]})
    ban = {
        "ban": {"coverage": "unsc-dprk", "exporter": "PRK", "importer": "CHN", "leakage": 0.5}
    }
    assert shocks(ban, world=world).link[:, PRK, CHN] == pytest.approx([0.5, 0.55, 1.0])
    assert shocks(ban, {"unban": {"coverage": "unsc-dprk"}}, world=world).arrays() == {}


def test_openings_take_the_largest_and_stop_at_the_bans_that_stand():
    pair = {"exporter": "PRK", "importer": "KOR"}
    got = shocks({"open": {**pair, "share": 0.3}}, {"open": {**pair, "share": 0.2}}, world=BARE)
    assert got.link_open[:, PRK, KOR].tolist() == [0.3] * 3
    got = shocks({"open": {"country": "PRK", "share": 0.5}})
    # of textiles the tenth that nothing bans trades more already than its part of ψ
    assert got.link_open[:, PRK, CHN] == pytest.approx([0.0, 0.0, 0.5])
    assert not got.link_open[:, PRK, KOR].any()
    assert "'rok-may-24'" in remarks(got)


def test_a_country_opens_in_both_directions():
    got = shocks({"open": {"country": "PRK", "share": 1}}, world=BARE)
    assert np.count_nonzero(got.link_open) == 3 * 6
    assert (got.link_open[:, PRK, [KOR, CHN, JPN]] == 1).all()
    assert (got.link_open[:, [KOR, CHN, JPN], PRK] == 1).all()


@settings(max_examples=examples(50))
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_ban_on_an_opened_link_leaves_its_share_of_what_it_would_carry(c, leak, opened):
    pair = {"exporter": "PRK", "importer": "CHN"}
    got = shocks(
        {"open": {**pair, "share": opened}},
        {"ban": {**pair, "coverage": c, "leakage": leak}},
        world=BARE,
    )
    share, psi = BARE.trade_share[:, PRK, CHN], BARE.dormant["provisional"][:, PRK, CHN]
    m = (1 - c) + c * leak
    zero, one = np.zeros((3, 4, 4)), np.ones((3, 4, 4))
    link = (one if got.link is None else got.link)[:, PRK, CHN]
    link_open = (zero if got.link_open is None else got.link_open)[:, PRK, CHN]
    carried = share * link + link_open * np.maximum(psi - share * link, 0)
    np.testing.assert_allclose(
        carried, m * (share + opened * np.maximum(psi - share, 0)), rtol=1e-12, atol=1e-300
    )


def test_psi_scale_and_the_provisional_flag():
    lift = {"unban": {"coverage": "unsc-dprk"}}
    got = shocks(lift, psi_scale=10)
    np.testing.assert_allclose(got.dormant_share, 10 * WORLD.dormant["provisional"])
    assert got.notes["dormant_share"] == {
        "anchor": "provisional",
        "psi_scale": 10.0,
        "provisional": True,
        "used": True,
        "by_measure": False,
    }
    assert shocks().notes["dormant_share"]["used"] is False


def two_anchors():
    psi = WORLD.dormant["provisional"]
    return small_korea(dormant={"as_before": psi, "normal": 3 * psi}, meta={})


def test_openness_lies_between_the_anchors_and_relief_defaults_to_as_before():
    lift, psi = {"unban": {"coverage": "unsc-dprk"}}, WORLD.dormant["provisional"]
    for top, factor in (({}, 1), ({"openness": 0.25}, 1.5), ({"openness_anchor": "normal"}, 3)):
        got = shocks(lift, world=two_anchors(), **top)
        np.testing.assert_allclose(got.dormant_share, factor * psi)
        assert got.notes["dormant_share"]["provisional"] is False


def test_an_opening_may_have_its_own_openness():
    pair = {"exporter": "PRK", "importer": "CHN", "sectors": "food"}
    got = shocks({"open": {**pair, "share": 1, "openness": 1}}, world=two_anchors())
    assert got.dormant_share[FOOD, PRK, CHN] == pytest.approx(0.9)
    assert got.dormant_share[TEXTILES, PRK, CHN] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"openness": 0.5}, "'small-korea' has no 'as_before'; it has provisional"),
        ({"openness_anchor": "provisonal"}, "Did you mean 'provisional'"),
    ],
)
def test_an_anchor_that_the_world_lacks_is_refused(top, message):
    with pytest.raises(ScenarioError, match=message):
        shocks({"unban": {"coverage": "unsc-dprk"}}, **top)


def test_several_anchors_matter_only_where_something_opens():
    psi = WORLD.dormant["provisional"]
    world = small_korea(dormant={"a": psi, "b": psi})
    assert shocks({"tariff": {**LINK, "rate": 0.5}}, world=world).dormant_share is None
    with pytest.raises(ScenarioError, match=r"several dormant shares \(a, b\)"):
        shocks({"unban": {"coverage": "unsc-dprk"}}, world=world)


def test_opening_without_dormant_shares_is_refused():
    with pytest.raises(ScenarioError, match="no dormant shares"):
        shocks({"unban": {"coverage": "unsc-dprk"}}, world=small_korea(dormant={}))


def test_links_with_nowhere_to_go_are_named():
    psi = np.zeros((3, 4, 4))
    psi[COAL, PRK, CHN] = 0.3
    world = small_korea(dormant={"provisional": psi})
    got = shocks(
        {"unban": {"coverage": "unsc-dprk", "exporter": "PRK", "importer": "CHN"}}, world=world
    )
    assert "1 of these links have no dormant share above" in remarks(got)
