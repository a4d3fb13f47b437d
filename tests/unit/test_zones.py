"""Zones: Kaesong's calibration, what law and relief leave to add, limits, and mistakes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from detente import load_scenario, load_world, model, solve
from detente.errors import ScenarioError
from detente.scenario import Scenario
from detente.scenario.zones import (
    beyond,
    catalogue,
    running,
    sector_tfp,
    sector_workforce,
    turnover,
)
from detente.shocks import Shocks
from small_korea import CHN, COAL, FOOD, KOR, PRK, TEXTILES, small_korea

KOREA = load_world("korea")
SMALL = small_korea(coverage={})
P, K, C = (KOREA.country_index(code) for code in ("PRK", "KOR", "CHN"))
#: The Council exempts the ROK from what closes Kaesong's goods.
EXEMPT = {
    "lift": {
        "regime": "unsc-dprk",
        "provisions": ["2375-16", "2397-6", "2397-7"],
        "senders": "KOR",
    }
}
OWN = {
    "in": "PRK",
    "with": "CHN",
    "sectors": {"textiles": "60%", "food": "40%"},
    "workers": 100,
    "sales_per_worker": "30000 USD",
    "inputs_per_worker": "20000 USD",
    "workforce": 50000,
    "returning": 0,
}


def zone(**fields):
    return {"zone": fields}


def shocks(*measures, world=KOREA, at=None, **top):
    made = Scenario.from_dict({"scenario": "t", "measures": list(measures), **top})
    return made.to_shocks(world, at=at)


def carried(got, world=KOREA):
    """Million USD that every link carries at baseline costs and spending, (S, N, N)."""
    base = model.link_base(world.trade_share, got.link, got.link_open, got.dormant_share)
    tariff = world.tariff if got.tariff_new is None else got.tariff_new
    share = base / np.maximum(base.sum(axis=1, keepdims=True), 1e-300)
    return share * world.expenditure[:, None, :] / (1 + tariff)


def between(flows, i=P, n=K):
    return float(flows[:, i, n].sum() + flows[:, n, i].sum())


def note(got, measure=-1):
    return got.notes["measures"][measure]


# -- calibration: Kaesong --------------------------------------------------------------------
def test_kaesong_turns_over_what_the_ministry_counted_in_2014():
    (made,) = Scenario.from_dict({"scenario": "t", "measures": [zone(use="kaesong")]}).measures
    assert made.sold + made.bought == pytest.approx(2342.64 * 0.998, rel=1e-3)
    assert made.sold == pytest.approx(0.998 * 1206, rel=1e-3)
    assert made.head_count == 53000
    # what stays in the DPRK: net sales of 70 and wages of 95 million USD are of one size
    assert made.sold - made.bought == pytest.approx(made.wage_bill, rel=0.35)


def test_the_stated_range_holds_every_year_that_was_counted():
    each = catalogue().per_worker
    counted = {"2012": 1970e6 / 53448, "2014": 2338e6 / 53000, "2015": 2710e6 / 54988}
    for year, found in counted.items():
        assert each.low <= found <= each.high, year
    assert each.sales + each.inputs == pytest.approx(counted["2014"], rel=1e-3)
    assert each.high == pytest.approx(2338e6 / 44000, rel=1e-3)


def test_the_closing_of_2016_is_forty_one_days_of_2015s_trade():
    """What korea-before has of trade with the ROK is Kaesong's until 10 February 2016."""
    world = load_world("korea-before")
    p, k = world.country_index("PRK"), world.country_index("KOR")
    days = (date(2016, 2, 10) - date(2015, 12, 31)).days
    assert between(world.flows, p, k) == pytest.approx(2710 * days / 366, rel=0.10)


def test_with_the_councils_exemption_kaesong_brings_back_its_trade():
    got = shocks(EXEMPT, zone(use="kaesong"))
    flows = carried(got)
    made = catalogue().zones["kaesong"]
    # at baseline costs: its 2,338 million USD less the luxury goods that stay banned
    assert between(flows) == pytest.approx(2338, rel=0.01)
    for code in ("textiles", "electronics", "machinery", "chemicals"):
        s = KOREA.sector_index(code)
        assert flows[s, P, K] == pytest.approx(1203.6 * made.sales[code], rel=0.02), code
    # the rest of the economy moves it by a few percent
    made = Scenario.from_dict({"scenario": "t", "measures": [EXEMPT, zone(use="kaesong")]})
    assert between(solve(KOREA, made).equilibrium.flows) == pytest.approx(2338, rel=0.07)


# -- limits ----------------------------------------------------------------------------------
def test_a_zone_without_workers_changes_nothing():
    own = OWN | {"workers": 0, "productivity": 1.5, "new_labour": "100%", "tariff_free": True}
    assert shocks(zone(**own), world=SMALL).content_hash == Shocks().content_hash


def test_twice_the_workers_add_twice_the_trade():
    base = between(SMALL.flows, PRK, CHN)
    once, twice = (
        between(carried(shocks(zone(**(OWN | {"workers": w})), world=SMALL), SMALL), PRK, CHN)
        for w in (100, 200)
    )
    assert once - base == pytest.approx(5.0, rel=1e-9)
    assert twice - base == pytest.approx(10.0, rel=1e-9)


def test_what_is_added_is_what_is_stated_by_sector_and_direction():
    added = carried(shocks(zone(**OWN), world=SMALL), SMALL) - SMALL.flows
    assert added[[COAL, TEXTILES, FOOD], PRK, CHN] == pytest.approx([0, 1.8, 1.2])
    assert added[[COAL, TEXTILES, FOOD], CHN, PRK] == pytest.approx([0, 1.2, 0.8])


def test_two_zones_add_up_in_any_order():
    one, other = zone(**OWN), zone(**(OWN | {"sectors": "food", "workers": 50}))
    there, back = (
        carried(shocks(*pair, world=SMALL), SMALL) for pair in ((one, other), (other, one))
    )
    np.testing.assert_allclose(there, back, rtol=1e-10)
    assert between(there, PRK, CHN) - between(SMALL.flows, PRK, CHN) == pytest.approx(7.5)


def test_firms_of_two_countries_share_its_trade():
    own = OWN | {"with": {"CHN": "75%", "KOR": "25%"}}
    flows = carried(shocks(zone(**own), world=SMALL), SMALL)
    assert flows[:, PRK, CHN].sum() - SMALL.flows[:, PRK, CHN].sum() == pytest.approx(2.25)
    assert flows[:, PRK, KOR].sum() == pytest.approx(0.75)


# -- relief ----------------------------------------------------------------------------------
def test_beyond_is_the_larger_of_the_two_or_their_sum():
    trade, there = np.array([5.0, 5.0]), np.array([3.0, 8.0])
    assert (there + beyond(trade, 1.0, there, np.zeros(2))).tolist() == [5, 8]
    assert (there + beyond(trade, 0.0, there, np.zeros(2))).tolist() == [8, 13]
    assert beyond(trade, 1.0, there, there).tolist() == [5, 5]  # claimed by another zone


@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
def test_a_link_that_relief_opens_carries_the_larger_of_relief_and_zone(share):
    opened = {"open": {"exporter": "PRK", "importer": "KOR", "share": share, "both_ways": True}}
    alone = carried(shocks(opened, world=SMALL), SMALL)
    own = OWN | {"with": "KOR", "returning": "100%"}
    both = carried(shocks(opened, zone(**own), world=SMALL), SMALL)
    target = np.zeros(SMALL.flows.shape)
    target[[TEXTILES, FOOD], PRK, KOR] = 1.8, 1.2
    target[[TEXTILES, FOOD], KOR, PRK] = 1.2, 0.8
    for i, n in ((PRK, KOR), (KOR, PRK)):
        np.testing.assert_allclose(
            both[:, i, n], np.maximum(alone[:, i, n], target[:, i, n]), rtol=1e-9
        )


def test_a_zone_that_never_was_adds_to_what_relief_opens():
    opened = {"open": {"exporter": "PRK", "importer": "KOR", "share": 0.2, "both_ways": True}}
    alone = carried(shocks(opened, world=SMALL), SMALL)
    both = carried(shocks(opened, zone(**(OWN | {"with": "KOR"})), world=SMALL), SMALL)
    added = both - alone
    assert added[[TEXTILES, FOOD], PRK, KOR] == pytest.approx([1.8, 1.2])
    assert added[[TEXTILES, FOOD], KOR, PRK] == pytest.approx([1.2, 0.8])


def test_after_full_relief_kaesong_is_there_already_and_counts_once():
    lifts = [{"lift": {"regime": r}} for r in ("unsc-dprk", "rok-may-24")]
    alone, both = shocks(*lifts), shocks(*lifts, zone(use="kaesong"))
    before, after = carried(alone), carried(both)
    assert between(before) > 2338  # 2015's trade, and gravity's in other goods
    for code, share in catalogue().zones["kaesong"].sales.items():
        s = KOREA.sector_index(code)
        for i, n, whole in ((P, K, 1203.6), (K, P, 1133.7)):
            missing = max(whole * share - 0.998 * before[s, i, n], 0.0)
            assert after[s, i, n] == pytest.approx(before[s, i, n] + missing, rel=1e-3), code
    assert between(after) == pytest.approx(between(before), rel=0.05)
    assert any("not added again" in r for r in note(both)["remarks"])


# -- law -------------------------------------------------------------------------------------
def test_the_councils_bans_close_kaesong_and_the_result_says_which():
    got = shocks(zone(use="kaesong"))
    assert between(carried(got)) < 0.15 * 2338  # chemicals and a little else
    (warning,) = [r for r in note(got)["remarks"] if r.startswith("warning")]
    for provision in ("2375-16", "2397-6", "2397-7"):
        assert provision in warning
    assert "may24-2" not in warning


def test_the_roks_own_measures_close_a_zone_that_they_do_not_except():
    got = shocks(EXEMPT, zone(use="kaesong", excepted_from=[]))
    assert between(carried(got)) == 0
    assert "rok-may-24 (may24-2, kaesong-2016)" in "".join(note(got)["remarks"])


def test_kaesong_opens_nothing_else_between_the_two():
    flows = carried(shocks(EXEMPT, zone(use="kaesong")))
    made = [KOREA.sector_index(s) for s in catalogue().zones["kaesong"].sales]
    others = np.delete(flows, made, axis=0)
    assert between(others) == 0


def test_a_ban_of_the_scenario_closes_a_zone_by_its_share():
    ban = {"ban": {"exporter": "PRK", "importer": "CHN", "sectors": "food", "coverage": "40%"}}
    alone = carried(shocks(ban, world=SMALL), SMALL)
    added = carried(shocks(ban, zone(**OWN), world=SMALL), SMALL) - alone
    assert added[[TEXTILES, FOOD], PRK, CHN] == pytest.approx([1.8, 0.6 * 1.2])
    assert added[[TEXTILES, FOOD], CHN, PRK] == pytest.approx([1.2, 0.6 * 0.8])


def test_the_scenarios_own_ban_is_named_beside_the_law():
    ban = {"ban": {"exporter": "PRK", "importer": "KOR", "sectors": "chemicals"}}
    told = "".join(note(shocks(EXEMPT, ban, zone(use="kaesong")))["remarks"])
    assert "ban 1 of the scenario" in told
    alone = "".join(note(shocks(EXEMPT, zone(use="kaesong")))["remarks"])
    assert "ban 1 of the scenario" not in alone


def test_an_exception_is_by_provision_resolution_or_regime():
    """Of 2375 and 2397 these three are what closes its goods; the whole regime is more."""
    own = ["may24-2", "kaesong-2016"]
    found = {
        names: between(carried(shocks(zone(use="kaesong", excepted_from=[*own, *names]))))
        for names in (("2375-16", "2397-6", "2397-7"), (2375, 2397), ("unsc-dprk",), ())
    }
    one, other, whole, none = found.values()
    assert one == pytest.approx(other, rel=1e-12)
    assert none < one < whole
    assert whole == pytest.approx(2338, rel=1e-3)


def test_what_an_exception_opens_or_does_not_is_told():
    got = "".join(note(shocks(EXEMPT, zone(use="kaesong")))["remarks"])
    assert "kaesong is excepted from rok-may-24 (may24-2, kaesong-2016)" in got
    idle = shocks(zone(use="songrim", excepted_from="may24-2"))
    assert any("opens nothing: may24-2" in r for r in note(idle)["remarks"])


def test_wages_are_of_the_plants_that_law_lets_run():
    """Half of what it makes and buys is closed: half of its workers are paid."""
    ban = {"ban": {"exporter": "PRK", "importer": "CHN", "coverage": "50%"}}
    own = OWN | {"wage": "1000 USD"}
    assert "1.2 of what it sells are wages" in note(shocks(zone(**own), world=SMALL))["touched"]
    half = note(shocks(ban, zone(**own), world=SMALL))["touched"]
    assert "0.6 of what it sells are wages; law and bans close another 2.5" in half


def test_rounding_is_no_law():
    lifts = [{"lift": {"regime": r}} for r in ("unsc-dprk", "rok-may-24")]
    for name in catalogue().zones:
        touched = note(shocks(*lifts, zone(use=name)))["touched"]
        assert "close another" not in touched, touched


def test_words_name_the_zone_and_what_is_stated(tmp_path):
    path = tmp_path / "mine.yaml"
    fields = "productivity: 1.3, new_labour: 20%, tariff_free: true"
    own = "in: PRK, with: CHN, sectors: textiles, workers: 100"
    path.write_text(
        f"scenario: t\nmeasures:\n  - zone: {{use: songrim, {fields}}}\n  - zone: {{{own}}}\n"
    )
    one, other = load_scenario(path).to_shocks(KOREA).notes["measures"]
    assert one["touched"].startswith(
        "songrim, 4,900 workers in PRK, 1.3 times as productive as their sectors, 20 % of them "
        "new labour, duty-free; "
    )
    assert other["touched"].startswith("the zone of line 4, 100 workers in PRK; ")
    assert any("closed by" in r and "of songrim" in r for r in one["remarks"])


def test_the_same_zone_counts_once():
    with pytest.raises(ScenarioError, match="'kaesong' with KOR is in force already"):
        shocks(zone(use="kaesong"), zone(use="kaesong", workers=10))
    first = zone(use="kaesong", until="2020-12-31", workers=80000)
    then = zone(use="kaesong", on="2021-01-01", workers=80000)
    # 80,000 twice would be more than textiles have; neither is there with the other
    for day in ("2019-01-01", "2022-01-01"):
        shocks(first, then, at=day)
    shocks(zone(use="kaesong"), zone(use="kaesong", **{"with": "CHN"}, workers=10))


def test_a_plant_runs_as_far_as_its_goods_get_out_and_its_inputs_in():
    out, back = np.array([0.0, 0.5, 0.2, 1.0]), np.array([0.3, 0.1, 0.9, 0.0])
    has = np.array([True, True, False, True])
    assert running(out, back, has) == pytest.approx([0.7, 0.5, 0.8, 0.0])


# -- productivity, labour, duty, capital -----------------------------------------------------
def test_productivity_is_the_zones_share_of_the_sectors_workers():
    got = shocks(zone(**OWN, productivity="+50%"), world=SMALL)
    made = SMALL.value_added_share[:, PRK] * SMALL.output[:, PRK]
    workforce = 50000 * made / made.sum()
    factor = 1 + np.array([0, 60, 40]) / workforce * 0.5
    np.testing.assert_allclose(
        got.productivity_hat[:, PRK], factor**SMALL.trade_elasticity, rtol=1e-12
    )
    assert (np.delete(got.productivity_hat, PRK, axis=1) == 1).all()
    np.testing.assert_allclose(sector_workforce(SMALL, "PRK", 50000), workforce)
    np.testing.assert_allclose(sector_tfp(workforce, workforce, 1.3), 1.3)
    np.testing.assert_allclose(turnover(200, 5e4, np.array([0.25, 0.75])), [2.5, 7.5])


def test_workers_who_had_no_work_are_new_labour():
    got = shocks(zone(**OWN, new_labour="25%"), world=SMALL)
    # workers alone enter, with labour's share of factor income: two thirds unless assumed
    assert got.labour_hat[PRK] == pytest.approx(1 + 2 / 3 * 25 / 50000)
    assumed = shocks(zone(**OWN, new_labour="25%"), world=SMALL, capital_share=0.5)
    assert assumed.labour_hat[PRK] == pytest.approx(1 + 0.5 * 25 / 50000)
    assert shocks(zone(**OWN), world=SMALL).labour_hat is None


def test_duty_falls_by_the_zones_share_of_the_link():
    got = shocks(zone(**OWN, tariff_free=True), world=SMALL)
    flows = carried(shocks(zone(**OWN), world=SMALL), SMALL)
    kept = 1 - 1.8 / flows[TEXTILES, PRK, CHN]
    was = SMALL.tariff[TEXTILES, PRK, CHN]
    assert got.tariff_new[TEXTILES, PRK, CHN] == pytest.approx(was * kept, rel=0.01)
    assert got.tariff_new[COAL, PRK, CHN] == SMALL.tariff[COAL, PRK, CHN]
    assert shocks(zone(**OWN), world=SMALL).tariff_new is None


def test_what_was_invested_is_charged_to_who_pays():
    finance = {
        "capex": "2 million USD",
        "paid_by": "CHN",
        "rate": 0,
        "life": 10,
        "local_content": "50%",
    }
    got = shocks(zone(**OWN, finance=finance), world=SMALL)
    # 0.2 a year: half on factors of the host, which China hires, half on its own
    assert got.hired[PRK, CHN] == pytest.approx(0.1)
    assert got.hired[CHN, CHN] == pytest.approx(0.1)
    assert got.hired.sum() == pytest.approx(0.2)
    assert got.payment is None and got.transfer is None


def test_without_capex_a_known_zones_investment_by_its_workers_is_charged():
    paid = {"paid_by": "CHN", "rate": 0, "life": 10, "local_content": "100%"}
    got = shocks(zone(use="hungnam", workers=3050, finance=paid))
    assert got.hired[P, C] == pytest.approx(100 / 2 / 10)
    with pytest.raises(ScenarioError, match="needs 'capex'"):
        shocks(zone(**OWN, finance=paid), world=SMALL)


def test_investment_by_sector_is_the_capital_the_mix_and_the_workers():
    """1.64 million USD at 16,400 a worker: 100 people, three quarters of them in textiles."""
    own = {k: v for k, v in OWN.items() if k not in ("sectors", "workers")}
    money = {"textiles": "1.23 million USD", "food": "0.41 million USD"}
    (made,) = Scenario.from_dict(
        {"scenario": "t", "measures": [zone(**own, investment=money)]}
    ).measures
    assert made.head_count == pytest.approx(1.64e6 / 16400)
    got = shocks(
        zone(**own, investment=money, finance={"paid_by": "KOR", "rate": 0}), world=SMALL
    )
    added = carried(got, SMALL) - SMALL.flows
    assert added[[COAL, TEXTILES, FOOD], PRK, CHN] == pytest.approx([0, 2.25, 0.75])
    assert got.hired.sum() == pytest.approx(1.64 / 30)
    # its firms pay where nobody else is named
    alone = shocks(zone(**own, investment=money), world=SMALL)
    assert alone.hired[:, CHN].sum() == pytest.approx(alone.hired.sum())
    assert alone.hired.sum() > 1.64 / 30  # at interest


def test_workers_are_where_the_capital_is_and_sales_where_they_are_stated():
    money = {"textiles": "3 million USD", "food": "1 million USD"}
    got = shocks(zone(**OWN, investment=money, productivity="+50%"), world=SMALL)
    made = SMALL.value_added_share[:, PRK] * SMALL.output[:, PRK]
    factor = 1 + np.array([0, 75, 25]) / (50000 * made / made.sum()) * 0.5
    np.testing.assert_allclose(
        got.productivity_hat[:, PRK], factor**SMALL.trade_elasticity, rtol=1e-12
    )
    added = carried(got, SMALL) - SMALL.flows
    assert added[[TEXTILES, FOOD], PRK, CHN] == pytest.approx([1.8, 1.2])


def test_before_it_opens_a_zone_changes_nothing_and_its_mistakes_are_refused():
    late = OWN | {"on": "2022-01-01"}
    assert shocks(zone(**late), world=SMALL, at="2021-12-31").content_hash == (
        Shocks().content_hash
    )
    with pytest.raises(ScenarioError, match="unknown country 'CHX'"):
        shocks(zone(**(late | {"with": "CHX"})), world=SMALL, at="2021-12-31")


def test_a_zone_makes_both_sides_richer():
    made = Scenario.from_dict({"scenario": "t", "measures": [EXEMPT, zone(use="kaesong")]})
    welfare = solve(KOREA, made).welfare["welfare"]
    assert welfare["PRK"] > 0
    assert welfare["KOR"] > 0


# -- what a worker adds ----------------------------------------------------------------------
def gain_per_worker(workers, **fields):
    """USD a worker and year of the DPRK, beyond the exemption alone."""
    found = [
        solve(KOREA, Scenario.from_dict({"scenario": "t", "measures": list(measures)}))
        for measures in ((EXEMPT,), (EXEMPT, zone(use="kaesong", workers=workers, **fields)))
    ]
    alone, both = (r.welfare.loc["PRK", "equivalent_variation"] for r in found)
    return 1e6 * float(both - alone) / workers


@pytest.mark.parametrize("more", [{}, {"sectors": {"food": "100%"}}])
def test_a_workers_gain_does_not_rise_with_the_size_of_the_zone(more):
    """Goods that buyers have already are worth no more since there are more of them."""
    sizes = (1000, 10_000, 53_000) if more else (1000, 10_000, 53_000, 200_000)
    gains = [gain_per_worker(w, **more) for w in sizes]
    assert gains == sorted(gains, reverse=True)
    # far below a year's wage: the workers leave other work
    assert 0 < gains[-1] < gains[0] < 0.1 * 1800


def test_where_variety_counts_the_gain_is_convex_and_far_above_a_wage():
    """What the neutral case takes out: −ln(1 − σ)/θ for every buyer, convex in σ."""
    gains = [gain_per_worker(w, variety="counted") for w in (1000, 53_000)]
    assert gains[1] > gains[0] > 1800


def test_workers_without_other_work_add_what_labour_earns():
    """At most the average earnings of a worker, and more than half of them."""
    more = gain_per_worker(53_000, new_labour="100%") - gain_per_worker(53_000)
    average = KOREA.value_added[P] * 2 / 3 / 12.19
    assert 0.5 * average < more < 1.2 * average


# -- the thirteen zones ----------------------------------------------------------------------
def test_thirteen_zones_plan_what_was_reported():
    zones = {n: z for n, z in catalogue().zones.items() if n != "kaesong"}
    assert len(zones) == 13
    invested = [z.investment for z in zones.values()]
    assert sum(invested) == 1590
    assert (min(invested), max(invested)) == (70, 240)
    provinces = [z.province for z in zones.values()]
    assert provinces.count("North Hamgyong") == 3
    assert provinces.count("Jagang") == provinces.count("North Hwanghae") == 2
    for name, known in zones.items():
        assert known.workers == pytest.approx(known.investment / 0.0164, abs=51), name


def test_every_mix_of_the_catalogue_sums_to_one_over_the_worlds_sectors():
    for name, known in catalogue().zones.items():
        for mix in (known.sales, known.inputs, known.staff):
            if mix is not None:
                assert sum(mix.values()) == pytest.approx(1), name
                assert set(mix) <= set(KOREA.sectors), name
    marks = {f.verification for z in catalogue().zones.values() for f in z.figures}
    assert marks <= {"verified", "unverified", "derived", "assumed"}


# -- mistakes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("use: kaesung", "Did you mean 'kaesong'"),
        ("in: PRK, with: KOR, sectors: textiles", "needs 'workers'"),
        ("use: kaesong, workers: -5", "zero or above"),
        ("use: kaesong, workers: .inf", "no number of people"),
        ("use: kaesong, workers: 53 thousand", "Did you mean '53000'"),
        ("use: kaesong, workers: '53,000'", "Did you mean '53000'"),
        ("use: kaesong, workforce: 12.19 million", "Did you mean '12190000'"),
        ("use: kaesong, workforce: 0", "above zero"),
        ("use: kaesong, wage: 150", "a number, and USD. Did you mean '150 USD'"),
        ("use: kaesong, sales_per_worker: '22,700 USD'", "Did you mean '22700 USD'"),
        ("use: kaesong, sectors: all", "have to be named"),
        ("use: kaesong, inputs: [all]", "have to be named"),
        ("use: kaesong, tariff_free: 1", "Did you mean 'true'"),
        ("use: kaesong, with: {CHN: 70%, RUS: 40%}", "110 %, not to 100 % of the zone's trade"),
        (
            "use: kaesong, excepted_from: nonsense",
            "no law on record has a provision 'nonsense'",
        ),
        ("use: kaesong, excepted_from: unsc", "Did you mean 'unsc-dprk'"),
        ("use: kaesong, excepted_from: [may24-22]", "Did you mean 'may24-2'"),
        ("use: kaesong, excepted_from: [unsc-dprk/2375-16]", "Did you mean '2375-16'"),
        ("use: kaesong, workers: 900000", "people in textiles, and PRK has"),
        ("use: kaesong, sales_per_worker: 22700", "Did you mean '22700 USD'"),
        ("use: kaesong, wage: 5000 USD", "more than the"),
        ("use: kaesong, sectors: [textiles, chemical]", "Did you mean 'chemicals'"),
        ("use: kaesong, sectors: [textiles, coal]", "shares are not known"),
        ("use: kaesong, sectors: {textiles: 50%}", "sum to 50 %"),
        ("use: kaesong, with: PRK", "where the zone stands"),
        ("use: kaesong, with: {KOR: 60%}", "the shares sum to 60 %"),
        ("use: kaesong, in: VNM, with: KOR", "state 'workforce'"),
        ("use: kaesong, in: PRC", "unknown country 'PRC'"),
        ("use: kaesong, productivity: 130%", "could be a level or a change"),
        ("use: kaesong, worker: 3", "Did you mean 'workers'"),
        ("use: kaesong, variety: none", "variety"),
        ("use: kaesong, investment: {}", "names no sector"),
        ("use: kaesong, investment: {textiles: 5}", "Did you mean '5 million USD'"),
        ("use: kaesong, investment: {txtiles: 5 million USD}", "Did you mean 'textiles'"),
        (
            "use: kaesong, investment: {textiles: 5 million USD}, "
            "finance: {capex: 5 million USD, paid_by: KOR}",
            "leave 'capex' out",
        ),
    ],
)
def test_mistakes_have_a_place_and_the_nearest_valid_thing(tmp_path, fields, says):
    path = tmp_path / "mine.yaml"
    path.write_text(f"scenario: t\nmeasures:\n  - zone: {{{fields}}}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path).to_shocks(KOREA)
    assert says in str(caught.value)
    assert f"{path}, line 3" in str(caught.value)


def test_a_zone_that_sells_more_than_its_buyer_spends_is_refused():
    own = OWN | {"sales_per_worker": "900000 USD", "inputs_per_worker": "900000 USD"}
    with pytest.raises(ScenarioError, match="spends on that is"):
        shocks(zone(**(own | {"workers": 200})), world=SMALL)


def test_zones_together_cannot_have_more_workers_than_a_sector():
    world = small_korea(coverage={})
    half = OWN | {"workers": 2000, "workforce": 4000, "sales_per_worker": "3000 USD"}
    half |= {"inputs_per_worker": "3000 USD", "sectors": "food"}
    shocks(zone(**(half | {"workers": 900})), world=world)
    with pytest.raises(ScenarioError, match="zones would employ"):
        shocks(
            zone(**(half | {"workers": 900})), zone(**(half | {"workers": 900})), world=world
        )


def test_the_file_of_a_zone_reads_back():
    money = {"textiles": "10 million USD"}
    other = {"use": "kaesong", "workers": 44000, "productivity": 1.3, "variety": "counted"}
    for fields in (OWN, other, {"use": "kaesong", "investment": money}):
        made = Scenario.from_dict({"scenario": "t", "measures": [zone(**fields)]})
        again = Scenario.from_dict(made.to_dict())
        assert again.content_hash == made.content_hash
        assert again.measures[0].sold == made.measures[0].sold
