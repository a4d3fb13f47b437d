"""Each measure is its formula, on exactly the links that it names."""

import numpy as np
import pytest

import detente as dt
from detente.errors import ScenarioError
from detente.scenario import Scenario
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea

WORLD = small_korea()


def shocks(*measures, world=WORLD, at=None, **top):
    data = {"scenario": "test", "measures": list(measures), **top}
    return Scenario.from_dict(data).to_shocks(world, at=at)


@pytest.mark.parametrize(
    ("form", "formula"),
    [
        ({"rate": 0.05}, lambda t: 0.05 + 0 * t),
        ({"rate": "5%"}, lambda t: 0.05 + 0 * t),
        ({"rate": 0}, lambda t: 0 * t),
        ({"cap": "25%"}, lambda t: np.minimum(t, 0.25)),
        ({"cut": "40%"}, lambda t: 0.6 * t),
        ({"swiss": "8%"}, lambda t: 0.08 * t / (0.08 + t)),
        ({"add": "5%"}, lambda t: t + 0.05),
        ({"add": -0.3}, lambda t: np.maximum(t - 0.3, 0)),
    ],
)
def test_a_tariff_is_its_formula_on_the_links_named(form, formula):
    new = shocks({"tariff": {"importer": "JPN", "exporter": ["KOR", "CHN"], **form}}).tariff_new
    expected = WORLD.tariff.copy()
    for exporter in (KOR, CHN):
        expected[:, exporter, JPN] = formula(WORLD.tariff[:, exporter, JPN])
    np.testing.assert_allclose(new, expected, rtol=1e-15)


def test_the_swiss_formula_never_exceeds_its_coefficient_and_keeps_the_order_of_rates():
    world = small_korea(tariff=WORLD.tariff * np.array([1.0, 5.0, 20.0])[:, None, None])
    new = shocks(
        {"tariff": {"importer": "all", "exporter": "all", "swiss": 0.1}}, world=world
    ).tariff_new
    assert new.max() < 0.1
    assert new[FOOD, KOR, JPN] > new[TEXTILES, KOR, JPN] > new[COAL, KOR, JPN] == 0


def test_all_never_means_own_trade_and_except_leaves_countries_out():
    new = shocks(
        {"tariff": {"importer": "JPN", "exporter": "all", "except": ["KOR"], "rate": "100%"}}
    ).tariff_new
    changed = {(int(i), int(n)) for _, i, n in np.argwhere(new != WORLD.tariff)}
    assert changed == {(PRK, JPN), (CHN, JPN)}


def test_later_tariffs_replace_and_cuts_act_on_what_is_there():
    link = {"importer": "JPN", "exporter": "KOR"}
    new = shocks(
        {"tariff": {**link, "cut": 0.5, "on": "2021-01-01"}},
        {"tariff": {**link, "rate": 0.3, "on": "2020-01-01"}},
    ).tariff_new
    assert new[:, KOR, JPN] == pytest.approx([0.15] * 3)


def test_a_trade_cost_is_an_iceberg_and_several_multiply():
    hat = shocks(
        {"trade_cost": {"exporter": "KOR", "importer": "CHN", "change": "-5%"}},
        {
            "trade_cost": {
                "exporter": "CHN",
                "importer": "KOR",
                "sectors": "coal",
                "change": 0.1,
                "both_ways": True,
            }
        },
    ).cost_hat
    assert hat[COAL, KOR, CHN] == pytest.approx(0.95 * 1.1)
    assert hat[TEXTILES, KOR, CHN] == 0.95
    assert hat[COAL, CHN, KOR] == 1.1
    assert (hat != 1).sum() == 4


def test_productivity_enters_as_tfp_to_the_power_of_theta():
    hat = shocks(
        {"productivity": {"country": "PRK", "sectors": ["coal", "food"], "tfp": "+10%"}}
    ).productivity_hat
    assert hat[COAL, PRK] == pytest.approx(1.1**5)
    assert hat[FOOD, PRK] == pytest.approx(1.1**2)
    assert (hat != 1).sum() == 2


def test_transfers_add_and_sum_to_zero():
    got = shocks(
        {"transfer": {"from": "KOR", "to": "PRK", "amount": "1.5 billion USD"}},
        {"transfer": {"from": "CHN", "to": "PRK", "amount": "500 million USD"}},
    ).transfer
    assert got.tolist() == [2000.0, -1500.0, -500.0, 0.0]


def test_an_elasticity_is_an_assumption_about_the_world():
    scenario = Scenario.from_dict(
        {
            "scenario": "θ",
            "trade_elasticity": {"coal": 15},
            "measures": [{"productivity": {"country": "PRK", "tfp": 1.1}}],
        }
    )
    with pytest.raises(ScenarioError, match="prepare"):
        scenario.to_shocks(WORLD)
    world = scenario.prepare(WORLD)
    assert world.trade_elasticity.tolist() == [15.0, 4.0, 2.0]
    hat = scenario.to_shocks(world).productivity_hat
    assert hat[COAL, PRK] == pytest.approx(1.1**15)
    assert Scenario("nothing").prepare(WORLD) is WORLD


def test_a_scenario_without_measures_has_no_arrays():
    assert shocks().arrays() == {}


@pytest.mark.parametrize(
    ("measure", "message", "nearest"),
    [
        ({"tariff": {"importer": "China", "exporter": "PRK", "rate": 0}}, "China", "CHN"),
        ({"tariff": {"importer": "CHM", "exporter": "PRK", "rate": 0}}, "CHM", "CHN"),
        ({"tariff": {"importer": "CHN", "exporter": "dprk", "rate": 0}}, "dprk", "PRK"),
        (
            {"ban": {"importer": "CHN", "exporter": "PRK", "sectors": "textile"}},
            "textile",
            "textiles",
        ),
        (
            {"ban": {"importer": "CHN", "exporter": "PRK", "coverage": {"cole": 1}}},
            "cole",
            "coal",
        ),
        ({"unban": {"coverage": "unscr"}}, "coverage table", "unsc-dprk"),
        ({"transfer": {"from": "KOR", "to": "PRC", "amount": "1 million USD"}}, "PRC", "PRK"),
        ({"productivity": {"country": "JPM", "tfp": 1.1}}, "JPM", "JPN"),
    ],
)
def test_unknown_labels_name_the_nearest(measure, message, nearest):
    with pytest.raises(ScenarioError, match=message) as caught:
        shocks(measure)
    assert caught.value.nearest == nearest


def test_a_pair_of_one_country_is_no_link():
    with pytest.raises(ScenarioError, match="no link between two countries"):
        shocks({"ban": {"importer": "PRK", "exporter": "PRK"}})


def test_the_deficit_rule_and_its_country_reach_the_shocks():
    got = shocks(deficit_rule={"proportional": "PRK"})
    assert (got.deficit_rule, got.proportional_to) == ("proportional", "PRK")
    assert shocks(deficit_rule="proportional: PRK").proportional_to == "PRK"
    assert shocks(deficit_rule="balanced").deficit_rule == "balanced"
    with pytest.raises(ScenarioError, match=r"'China'.*CHN"):
        shocks(deficit_rule={"proportional": "China"})


def test_a_measure_that_needs_a_part_rests_on_it() -> None:
    """Without the part it changes nothing; with it, what it would change anyway."""
    world = dt.load_world("korea")
    aid = {"aid": {"from": "KOR", "to": "PRK", "amount": "100 million USD", "needs": "relief"}}
    lift = {"lift": {"regime": "rok-may-24", "part": "relief", "on": "2021-01-01"}}
    made = dt.Scenario.from_dict({"scenario": "t", "measures": [aid, lift]})
    before = made.to_shocks(world, "2020-01-01")
    assert before.arrays() == {}
    assert "it needs relief" in before.notes["measures"][0]["touched"]
    after = made.to_shocks(world, "2022-01-01")
    assert after.transfer[world.country_index("PRK")] == pytest.approx(100)
    assert made.to_dict()["measures"][0]["aid"]["needs"] == "relief"


def test_what_rests_on_a_part_that_is_not_there_is_not_there_either() -> None:
    world = dt.load_world("korea")
    gift = {"from": "KOR", "to": "PRK", "amount": "100 million USD"}
    one = {"aid": gift | {"part": "a", "needs": "b"}}
    other = {"aid": gift | {"part": "b", "needs": "c"}}
    last = {"aid": gift | {"part": "c", "on": "2021-01-01"}}
    made = dt.Scenario.from_dict({"scenario": "t", "measures": [one, other, last]})
    assert made.to_shocks(world, "2020-01-01").arrays() == {}
    prk = world.country_index("PRK")
    assert made.to_shocks(world, "2021-06-01").transfer[prk] == pytest.approx(300)


def test_an_unknown_part_is_refused_with_the_nearest() -> None:
    gift = {"from": "KOR", "to": "PRK", "amount": "100 million USD"}
    measures = [{"aid": gift | {"part": "relief"}}, {"aid": gift | {"needs": "relieff"}}]
    with pytest.raises(dt.ScenarioError, match="no measure belongs to a part") as caught:
        dt.Scenario.from_dict({"scenario": "t", "measures": measures})
    assert caught.value.nearest == "relief"
    with pytest.raises(dt.ScenarioError, match="needs itself"):
        dt.Scenario.from_dict(
            {"scenario": "t", "measures": [{"aid": gift | {"part": "a", "needs": "a"}}]}
        )


@pytest.mark.parametrize(("said", "meant"), [("South Korea", "KOR"), ("the US", "USA")])
def test_a_country_by_what_it_is_called(said: str, meant: str) -> None:
    world = dt.load_world("korea")
    gift = {"transfer": {"from": said, "to": "PRK", "amount": "1 million USD"}}
    with pytest.raises(dt.ScenarioError) as caught:
        dt.Scenario.from_dict({"scenario": "t", "measures": [gift]}).to_shocks(world)
    assert caught.value.nearest == meant
