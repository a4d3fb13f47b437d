"""Law measures beside each other, beside other measures, and on worlds made of others."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

import detente as dt
from detente.errors import InputError, ScenarioError
from detente.regimes.coverage import pair_coverage
from detente.scenario import Scenario, load_scenario
from detente.world.aggregate import aggregate
from lawfiles import scenario_with_own_regime


@pytest.fixture(scope="module")
def korea():
    return dt.load_world("korea")


@pytest.fixture(scope="module")
def before():
    return dt.load_world("korea-before")


def asked(*measures, **top):
    return Scenario.from_dict({"scenario": "x", "world": "korea", "measures": measures, **top})


def weight(world, *measures, **top):
    """b of every link."""
    shocks = asked(*measures, **top).to_shocks(world)
    kept = world.trade_share * (1.0 if shocks.link is None else shocks.link)
    if shocks.link_open is None:
        return kept
    return kept + shocks.link_open * np.maximum(shocks.dormant_share - kept, 0.0)


def law(kind, **fields):
    return {kind: {"regime": "unsc-dprk", **fields}}


def at(world, sector, exporter="PRK", importer="CHN"):
    pair = world.country_index(exporter), world.country_index(importer)
    return (world.sector_index(sector), *pair)


# -- beside each other -------------------------------------------------------------------
def test_compliance_is_stated_of_the_lines_named_and_of_no_others(korea, before):
    """A scenario that states κ of machines leaves the embargo on farm goods as it is."""
    some = {"impose": {"regime": "us-dprk", "hs": ["84"], "compliance": "76%"}}
    found, old = weight(before, some), weight(before)
    farm = at(before, "agriculture", "PRK", "USA")
    assert found[farm] == old[farm] == 0.0
    ores = at(korea, "metal-ores")
    coal = law("impose", provisions=["2371-8"], hs=["2701"], compliance="100%")
    assert weight(korea, coal)[ores] == korea.trade_share[ores]
    half = law("impose", provisions=["2371-8"], hs=["2701", "2702"], leakage="50%")
    none = law("impose", provisions=["2371-8"], hs=["2601"], leakage=0)
    for order in ([half, none], [none, half]):
        left = weight(before, *order)[at(before, "coal")]
        assert left == pytest.approx(0.5 * before.trade_share[at(before, "coal")])


def test_a_stated_compliance_outlives_a_measure_that_states_none(korea):
    full = law("impose", compliance="100%")
    again = law("impose", provisions=[2371])
    np.testing.assert_array_equal(weight(korea, full, again), weight(korea, again, full))
    np.testing.assert_array_equal(weight(korea, full, again), weight(korea, full))


def test_imposing_after_a_share_was_lifted_bans_again(before):
    cell = at(before, "textiles")
    lifted = {"unban": {"exporter": "PRK", "importer": "CHN", "on": "2017-10-01"}}
    ban = law("impose", provisions=["2375-16"], on="2018-01-01")
    expected = weight(before, ban)[cell]
    assert expected < 0.05 * before.trade_share[cell]
    assert weight(before, lifted, ban)[cell] == pytest.approx(expected)


def test_a_share_lifted_from_the_law_leaves_the_rest_closed(korea):
    """Half of what all regimes close together: half of coal's ψ returns."""
    cell = at(korea, "coal")
    psi = korea.dormant["as_before"][cell]
    half = {"unban": {"exporter": "PRK", "importer": "CHN", "coverage": 0.5}}
    assert weight(korea, half)[cell] == pytest.approx(0.5 * psi)
    whole = {"unban": {"exporter": "PRK", "importer": "CHN"}}
    np.testing.assert_allclose(
        weight(korea, half, whole)[cell], weight(korea, whole)[cell], rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(8))
def test_lifting_more_never_closes_and_imposing_more_never_opens(korea, before, seed):
    rng = np.random.default_rng(seed)
    regime = dt.load_regime("unsc-dprk")
    goods = [p for p in regime.provisions if p.effect in ("ban", "cap") and not p.until]
    ids = [p.id for p in goods if p.first_day > date(2016, 7, 1)]  # not in the older baseline
    some = list(rng.choice(ids, 4, replace=False))
    more = [*some, *rng.choice(ids, 3)]
    lifted = [weight(korea, law("lift", provisions=x)) for x in (some, more)]
    assert (lifted[1] >= lifted[0] - 1e-15).all()
    imposed = [weight(before, law("impose", provisions=x)) for x in (some, more)]
    assert (imposed[1] <= imposed[0] + 1e-15).all()
    undone = weight(before, law("impose", provisions=some), law("lift", provisions=some))
    np.testing.assert_allclose(undone, before.trade_share, atol=1e-15)


def test_nothing_is_complied_with_or_everything_leaks_is_as_if_not_imposed(before):
    for given in ({"compliance": 0}, {"leakage": "100%"}):
        got = asked(law("impose", provisions=[2371, "2375-16", 2397], **given)).to_shocks(
            before
        )
        assert got.link is None
        for cap in got.caps:  # a cap that nobody keeps allows what was shipped
            s = before.sector_index(cap.sector)
            bought = before.flows[s, 1:, 0].sum()
            assert cap.quantity == pytest.approx(bought)


# -- caps --------------------------------------------------------------------------------
def test_caps_of_different_senders_hold_side_by_side(before):
    china = law("impose", provisions=["2397-5"], senders=["CHN"])
    russia = law("impose", provisions=["2375-14"], senders=["RUS"])
    caps = {c.exporters: c.quantity for c in asked(china, russia).to_shocks(before).caps}
    s = before.sector_index("petroleum")
    flows = {c: before.flows[s, before.country_index(c), 0] for c in ("CHN", "RUS")}
    assert caps[("CHN",)] == pytest.approx(flows["CHN"] * 0.5 / 4.5)
    assert caps[("RUS",)] == pytest.approx(flows["RUS"] * 2.0 / 4.5)
    solved = dt.solve(before, asked(china, russia)).caps
    assert (solved["shipped"] <= solved["quantity"] * (1 + 1e-8)).all()


def test_of_two_caps_on_the_same_links_the_smaller_holds(before):
    both = law("impose", provisions=["2397-5", "2375-14"])
    (cap,) = asked(both).to_shocks(before).caps
    (one,) = asked(law("impose", provisions=["2397-5"])).to_shocks(before).caps
    assert cap.quantity == one.quantity


def test_caps_that_share_some_links_are_refused_by_name(before):
    china = law("impose", provisions=["2397-5"], senders=["CHN"])
    all_ = law("impose", provisions=["2375-14"])
    with pytest.raises(InputError, match="on 'petroleum' hold some of the same links") as error:
        asked(china, all_).to_shocks(before)
    assert {"2397-5", "2375-14"} <= set(str(error.value).replace(",", "").split())


def test_a_cap_covers_the_lines_that_are_named_and_not_spared(before):
    assert asked(law("impose", provisions=["2397-5"], hs=["03"])).to_shocks(before).caps == ()
    spared = ["2710", "2712", "2713"]
    assert (
        asked(law("impose", provisions=["2397-5"], exempt=spared)).to_shocks(before).caps == ()
    )


def test_every_caps_rent_has_its_own_owner(before):
    oil = law("impose", provisions=["2397-4"], rent="exporter")
    fuel = law("impose", provisions=["2397-5"], rent="burnt")
    owners = {c.sector: c.owner for c in asked(oil, fuel).to_shocks(before).caps}
    assert owners == {"oil-gas": "exporter", "petroleum": "burnt"}


def test_a_provision_ends_by_its_own_terms(before):
    cap = law("impose", provisions=["2375-14"], on="2017-10-01")
    held = asked(cap).to_shocks(before, at="2017-12-31")
    assert [c.sector for c in held.caps] == ["petroleum"]
    after = asked(cap).to_shocks(before, at="2018-01-01")
    assert after.caps == ()
    said = " ".join(after.notes["measures"][0]["remarks"])
    assert "2375-14 lapsed on 2017-12-31 by its own terms; 2397-5 replaced it" in said


# -- beside other measures ---------------------------------------------------------------
def test_an_opening_goes_no_further_than_the_lines_that_nothing_bans(korea):
    psi, kept = korea.dormant["as_before"], korea.trade_share
    found = weight(korea, {"open": {"country": "PRK", "share": 1}})
    closed = np.zeros(psi.shape)
    for name in korea.meta["law"]["PRK"]["regimes"]:
        closed = np.maximum(closed, korea.coverage.get(name, 0.0))
    assert (found <= np.maximum(kept, (1.0 - closed) * psi) + 1e-12).all()
    assert (found > kept * (1 + 1e-6)).any()


def test_what_leaks_is_no_more_than_the_banned_lines_carried(korea):
    """Growth of lines that nobody bans is lawful: full compliance leaves it."""
    cut = korea.trade_share - weight(korea, law("impose", compliance="100%"))
    table, psi = korea.coverage["unsc-dprk"], korea.dormant["as_before"]
    open_ = (table < 1 - 1e-9) & (psi > 0)
    assert (cut[open_] <= (table * psi)[open_] + 1e-15).all()
    assert cut.max() > 0


def test_the_path_of_reform_then_relief_never_falls(korea):
    """Law that the baseline holds is known before any measure names it."""
    bare = korea.with_(meta={k: v for k, v in korea.meta.items() if k != "law"}, coverage={})
    reform = {"open": {"country": "PRK", "share": 1, "on": "2019-01-01"}}
    relief = law("lift", provisions=[2371], on="2021-01-01")
    path = asked(reform, relief, law_day="2018-07-01")
    first, then = (
        dt.solve(bare, path, at=day).welfare.loc["PRK", "welfare"]
        for day in ("2020-01-01", "2022-01-01")
    )
    assert then > first > 0


# -- worlds and files --------------------------------------------------------------------
def test_merged_sectors_that_hs_can_tell_keep_the_law(korea):
    services = ("construction", "trade", "transport", "business-services", "other-services")
    merged = aggregate(korea, sectors=dict.fromkeys(services, "services"))
    one = dt.solve(korea, asked(law("lift")))
    other = dt.solve(merged, asked(law("lift")))
    gain = [r.welfare.loc["PRK", "welfare"] for r in (one, other)]
    assert gain[1] == pytest.approx(gain[0], rel=0.15)
    again = asked(law("impose")).to_shocks(merged)
    assert again.link is None


def test_a_region_that_mixes_senders_leaves_the_table_and_says_so(korea):
    merged = aggregate(korea, countries=dict.fromkeys(("USA", "CAN", "MEX"), "NAM"))
    with pytest.raises(ScenarioError, match="'us-dprk' are merged with others into one region"):
        asked({"lift": {"regime": "us-dprk"}}).to_shocks(merged)
    table = asked({"unban": {"coverage": "us-dprk"}}).to_shocks(merged)
    assert table.link_open is not None and table.link_open.any()


def test_two_regimes_of_one_name_are_refused(tmp_path, korea):
    file = scenario_with_own_regime(tmp_path, "unsc-dprk", "all")
    with pytest.raises(ScenarioError, match="another regime called 'unsc-dprk'"):
        load_scenario(file).to_shocks(korea)


def test_law_day_is_for_the_targets_that_the_scenario_names(korea):
    moved = asked(law("lift", provisions=[2371]), law_day="2016-07-01").to_shocks(korea)
    assert moved.link_open is None  # not law yet on that day
    russia = asked(
        law("lift", provisions=[2371]), {"impose": {"regime": "russia-2022"}}
    ).to_shocks(korea)
    known = asked(
        law("lift", provisions=[2371]),
        {"impose": {"regime": "russia-2022"}},
        law_day="2018-07-01",
    )
    # both targets are named, and the day is before Russia's measures
    assert (known.to_shocks(korea).link <= russia.link + 1e-15).all()


def test_caps_and_openings_are_those_of_the_baseline_that_is_solved(korea):
    """Re-based to zero deficits the DPRK buys less oil: its cap is what it buys there."""
    lift = law("lift", provisions=["2375-16"])
    result = dt.solve(korea, asked(lift, deficit_rule="balanced"))
    base = result.equilibrium.world
    for row in result.caps.to_dict("records"):
        s = base.sector_index(row["sector"])
        assert row["quantity"] == pytest.approx(base.flows[s, 1:, 0].sum(), rel=1e-9)


def test_a_ban_takes_what_it_covers_where_nothing_is_known_of_before():
    """Russia's links have no ψ here: the trade of 2022 less the lines covered, no more."""
    law_ = {"impose": {"regime": "russia-2022", "provisions": ["576-3k"], "on": "2023-03-01"}}
    left = {}
    for name in ("korea", "world-2022"):
        world = dt.load_world(name)
        shocks = asked(law_).to_shocks(world)
        cell = at(world, "machinery", "EU27", "RUS")
        left[name] = shocks.link[cell]
        regime = dt.load_regime("russia-2022")
        table = pair_coverage(world, [regime], "RUS", "EU27", date(2023, 3, 1))
        rows = table[(table["direction"] == "import") & (table["sector"] == "machinery")]
        assert 1.0 - left[name] <= float(rows["covered"].iloc[0]) + 1e-9
    assert left["korea"] == pytest.approx(left["world-2022"], rel=1e-9)


def test_statues_bring_back_no_oil_caps(korea):
    lifted = law("lift", on="2020-01-01")
    for again in (
        law("impose", hs=["9703"], on="2021-01-01"),
        law("snapback", hs=["97"], on="2021-01-01"),
        law("impose", exempt=["27"], on="2021-01-01"),
    ):
        assert asked(lifted, again).to_shocks(korea).caps == ()


def test_a_path_sees_law_end_by_its_own_terms(before):
    cap = law("impose", provisions=["2375-14", "2375-15"], on="2017-10-01")
    path = dt.solve_path(before, asked(cap), years=3)
    starts = ["2017-01-01", "2017-10-01", "2017-12-22", "2018-01-01"]
    assert path.phases["from"].tolist() == starts
    welfare = path.of("PRK")["welfare"].tolist()
    assert welfare[0] != 0.0
    assert welfare[1:] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_an_instrument_without_a_date_is_what_of_it_is_in_force(korea):
    undated = asked(law("impose", provisions=[2375])).to_shocks(korea)
    dated = asked(law("impose", provisions=[2375], on="2020-01-01")).to_shocks(korea)
    assert undated.caps == dated.caps and undated.link is None
    add = {"importer": "USA", "exporter": "MEX", "add": 0, "on": "2019-01-01"}
    cap = law("impose", provisions=["2375-14"])
    alone, beside = (asked(*m).to_shocks(korea) for m in ([cap], [cap, {"tariff": add}]))
    assert alone.caps == beside.caps


def test_snapback_brings_back_what_was_before_the_first_of_several_lifts(korea):
    cell = at(korea, "coal")
    half = {"unban": {"exporter": "PRK", "importer": "CHN", "coverage": 0.5}}
    for lifts in ([half], [half, law("lift")], [half, half]):
        assert weight(korea, *lifts)[cell] > 0
        assert weight(korea, *lifts, law("snapback"))[cell] == pytest.approx(0.0, abs=1e-15)


def test_a_held_cap_loosens_steadily_with_compliance(korea):
    relief = law("lift", provisions=[2371, "2375-16"])
    found = []
    for kappa in ("100%", "99.9999%", "99%", "50%"):
        cap = law("impose", provisions=["2397-4", "2397-5"], compliance=kappa)
        caps = asked(relief, cap).to_shocks(korea).caps
        found.append({c.sector: c.quantity for c in caps}["petroleum"])
    assert found == sorted(found)
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert found[3] > found[0]


def test_who_complies_with_secondary_sanctions_is_known_in_any_order(korea):
    both = {"sender": "USA", "target": "PRK"}
    comply = {"secondary_sanctions": {**both, "complying": ["RUS"], "sectors": ["food"]}}
    pay = {"secondary_sanctions": {**both, "cost": "10%"}}
    orders = ([comply, pay], [pay, comply])
    assert len({asked(*m).to_shocks(korea).content_hash for m in orders}) == 1


def test_a_stated_compliance_stays_where_the_baseline_does_not_hold_the_provision(before):
    china = law("impose", provisions=[2371], compliance={"CHN": "80%"})
    cell = at(before, "coal")
    orders = ([china, law("impose")], [law("impose"), china])
    found = [weight(before, *order)[cell] for order in orders]
    assert found == pytest.approx([0.2 * before.trade_share[cell]] * 2)


def test_a_ban_by_a_regimes_name_imposes_what_the_baseline_does_not_hold(before):
    named = {"exporter": "PRK", "importer": "all", "coverage": "unsc-dprk", "both_ways": True}
    ban, impose = weight(before, {"ban": named}), weight(before, law("impose"))
    np.testing.assert_allclose(ban, impose, atol=1e-15)
    assert ban[at(before, "coal")] == 0.0


def test_relief_of_one_target_leaves_the_law_of_another_alone(korea):
    half = {"unban": {"exporter": "PRK", "importer": "CHN", "coverage": 0.5}}
    rows = asked(half).to_shocks(korea).notes["closed"]
    assert rows
    assert {row["target"] for row in rows} == {"PRK"}
