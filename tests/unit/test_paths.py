"""A scenario as a path: time, adjustment, capital, phases, years, totals."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from clikorea import korea_like
from detente import load_scenario, load_world, model, solve
from detente.cli.render import console, print_section
from detente.equilibrium.opened import with_links
from detente.errors import InputError, NoSolutionError, NotConvergedError, ScenarioError
from detente.paths import PathResult, solve_path
from detente.paths.adjust import adjusted, deepened, speed
from detente.paths.clock import calendar_of, position
from detente.paths.text import foot, headline, sections, shown_years, title
from detente.scenario import Scenario
from detente.scenario.dates import turning_days
from detente.shocks import Shocks
from detente.world import World
from small_korea import CHN, COAL, KOR, PRK, small_korea

WORLD = small_korea().rebase()
OPEN = {"open": {"country": "PRK", "share": 1}}


def scenario(*measures: dict[str, Any], **assumed: Any) -> Scenario:
    return Scenario.from_dict({"scenario": "a path", "measures": list(measures), **assumed})


def opened(**dates: str) -> dict[str, Any]:
    return {"open": {"country": "PRK", "share": 1, **dates}}


# -- time -----------------------------------------------------------------------------------
def test_every_year_is_as_long_as_another() -> None:
    assert position(date(2021, 1, 1)) == position(date(2020, 1, 1)) == 0.0
    assert position(date(2021, 7, 2)) == pytest.approx(182 / 365)
    assert position(date(2020, 2, 29)) == position(date(2020, 3, 1)) == 59 / 365
    assert position(date(2020, 12, 31)) == position(date(2021, 12, 31)) == 364 / 365


def test_segments_are_cut_at_years_and_dates() -> None:
    given = scenario(opened(on="2020-07-02", until="2021-12-31"), OPEN).measures
    spans, segments = calendar_of(given, 3)
    assert [(s.begins, s.ends) for s in spans] == [
        (date(2020, 1, 1), date(2020, 7, 1)),
        (date(2020, 7, 2), date(2021, 12, 31)),
        (date(2022, 1, 1), None),
    ]
    assert [(s.year, s.phase) for s in segments] == [(2020, 0), (2020, 1), (2021, 1), (2022, 2)]
    for year in (2020, 2021, 2022):
        assert math.isclose(sum(s.length for s in segments if s.year == year), 1.0)
    assert turning_days(given) == (date(2020, 7, 2), date(2022, 1, 1))


def test_a_path_without_dates_counts_from_zero() -> None:
    spans, segments = calendar_of(scenario(OPEN).measures, 4)
    assert len(spans) == 1
    assert [s.year for s in segments] == [0, 1, 2, 3]
    assert solve_path(WORLD, scenario(OPEN), 4).calendar == (0, 1, 2, 3)


def test_a_path_that_outlives_the_calendar_is_refused() -> None:
    with pytest.raises(InputError, match="ends after 9999"):
        solve_path(WORLD, scenario(opened(on="9990-01-01")), 20)


# -- adjustment -----------------------------------------------------------------------------
def test_ninety_five_percent_after_the_years_stated() -> None:
    _, end = adjusted(np.array(0.1), np.array(0.5), speed(8.0), 8.0)
    assert (end - 0.1) / 0.4 == pytest.approx(0.95)


@pytest.mark.parametrize("years", [0.01, 0.5, 1.0, 20.0])
def test_the_mean_of_a_link_is_the_integral(years: float) -> None:
    """Against numerical integration of b* − (b* − b)·exp(−κt)."""
    kappa, b, target = speed(5.0), 0.02, 0.3
    whole, _ = quad(lambda t: target - (target - b) * math.exp(-kappa * t), 0.0, years)
    mean, _ = adjusted(np.array(b), np.array(target), kappa, years)
    assert float(mean) == pytest.approx(whole / years, rel=1e-12)


def test_bans_bind_at_once_and_relief_does_not() -> None:
    b, target = np.array([0.5, 0.1, 0.3]), np.array([0.2, 0.4, 0.3])
    mean, end = adjusted(b, target, speed(8.0), 0.25)
    assert mean[0] == end[0] == 0.2
    assert 0.1 < mean[1] < end[1] < 0.4
    assert mean[2] == end[2] == 0.3
    none, still = adjusted(b, target, speed(8.0), 0.0)
    np.testing.assert_allclose(none, [0.2, 0.1, 0.3])
    np.testing.assert_allclose(still, [0.2, 0.1, 0.3])


def test_at_once_where_adjustment_takes_no_time() -> None:
    mean, end = adjusted(np.array(0.0), np.array(0.4), speed(0.0), 0.1)
    assert mean == end == 0.4


def test_the_model_sees_exactly_the_link_weights_of_the_path() -> None:
    rng = np.random.default_rng(3)
    share = WORLD.trade_share
    wanted = share * rng.uniform(0.0, 2.0, share.shape) + (share == 0) * 0.07
    wanted[COAL, CHN, KOR] = 0.0
    given = Shocks(tariff_new=WORLD.tariff * 0.5, labour_hat=np.full(4, 1.1))
    shocks = with_links(given, share, wanted, np.full(4, 1.2))
    base = model.link_base(share, shocks.link, shocks.link_open, shocks.dormant_share)
    np.testing.assert_allclose(base, wanted, rtol=1e-14, atol=0)
    assert shocks.labour_hat == pytest.approx(np.full(4, 1.32))
    np.testing.assert_array_equal(shocks.tariff_new, given.tariff_new)
    unchanged = with_links(given, share, share, None)
    assert unchanged.content_hash == given.content_hash


# -- limits ---------------------------------------------------------------------------------
@pytest.mark.parametrize("years", [0, 1e-6])
def test_without_time_to_adjust_every_year_is_the_static_answer(years: float) -> None:
    given = scenario(
        opened(on="2020-01-01", until="2021-12-31"),
        {"tariff": {"importer": "CHN", "exporter": "KOR", "rate": 0.3, "on": "2021-01-01"}},
        adjustment_years=years,
    )
    path = solve_path(WORLD, given, 4)
    for j, year in enumerate(path.calendar):
        static = solve(WORLD, given, at=f"{year}-06-01")
        hat = path.values["welfare_hat"][j] - 1.0
        np.testing.assert_allclose(hat, static.welfare["welfare"], rtol=1e-5, atol=1e-11)
        own = path.values["own_earnings_hat"][j] - 1.0
        np.testing.assert_allclose(own, static.welfare["own_earnings"], rtol=1e-5, atol=1e-11)


def test_undated_relief_converges_upwards_to_the_static_answer() -> None:
    path = solve_path(WORLD, scenario(OPEN, adjustment_years=8), 60)
    static = solve(WORLD, scenario(OPEN))
    gain = path.values["welfare_hat"][:, PRK] - 1.0
    assert (np.diff(gain[:40]) > 0).all()
    assert gain[0] < 0.5 * gain[-1]
    assert gain[-1] == pytest.approx(static.welfare.loc["PRK", "welfare"], rel=1e-6)
    before, after = static.partners("PRK")[["total", "total_new"]].sum()
    table = path.of("PRK")
    assert table["trade"].iloc[0] == pytest.approx(before)
    assert table["trade_new"].iloc[-1] == pytest.approx(after, rel=1e-6)


def test_nothing_is_left_of_relief_that_snaps_back() -> None:
    path = solve_path(WORLD, scenario(opened(on="2020-01-01", until="2021-12-31")), 5)
    gain = path.values["welfare_hat"] - 1.0
    assert 0.0 < gain[0, PRK] < gain[1, PRK]
    np.testing.assert_allclose(gain[2:], 0.0, atol=1e-12)
    before = WORLD.flows.sum(axis=0) * ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(path.values["pairs"][4], before, rtol=1e-11)


def test_relief_given_twice_begins_again() -> None:
    twice = scenario(
        opened(on="2020-01-01", until="2021-12-31"), opened(on="2023-01-01", until="2024-12-31")
    )
    gain = solve_path(WORLD, twice, 5).values["welfare_hat"][:, PRK]
    assert gain[3] == pytest.approx(gain[0], rel=1e-8)
    assert gain[4] == pytest.approx(gain[1], rel=1e-8)


def test_no_measure_changes_exactly_nothing() -> None:
    path = solve_path(WORLD, scenario(), 5)
    for key in ("welfare_hat", "own_earnings_hat", "capital_hat"):
        assert np.abs(path.values[key] - 1.0).max() <= 1e-13
    assert path.totals["undiscounted"].abs().max() <= 1e-10
    assert "Nothing changes" in headline(path, "PRK")


def test_a_year_is_the_mean_of_its_parts() -> None:
    """Half a year without and half a year with a tariff: the mean of two static answers."""
    tariff = {"tariff": {"importer": "CHN", "exporter": "all", "rate": 0.5, "on": "2021-07-02"}}
    given = scenario(
        {"productivity": {"country": "JPN", "tfp": 1.1, "on": "2020-01-01"}}, tariff
    )
    path = solve_path(WORLD, given, 2)
    before, after = (solve(WORLD, given, at=day) for day in ("2021-01-01", "2022-01-01"))
    part = 182 / 365
    wanted = part * before.welfare["welfare"] + (1 - part) * after.welfare["welfare"]
    np.testing.assert_allclose(path.values["welfare_hat"][1] - 1.0, wanted, rtol=1e-7)


def test_a_date_that_changes_nothing_changes_nothing() -> None:
    """Two half-years are one year: to the bit where no shock turns; within a hundredth of the
    year's effect where one does, for welfare at the mean b is not the mean of welfare."""
    ban = {"exporter": "CHN", "importer": "JPN", "coverage": 0.0, "on": "2020-07-01"}
    one = solve_path(WORLD, scenario(opened(on="2020-01-01")), 3)
    two = solve_path(WORLD, scenario(opened(on="2020-01-01"), {"ban": ban}), 3)
    assert len(two.stages) == 2
    for key, values in one.values.items():
        np.testing.assert_array_equal(two.values[key], values)
    tiny = {"tariff": {"importer": "CHN", "exporter": "JPN", "add": 1e-12, "on": "2020-07-01"}}
    cut = solve_path(WORLD, scenario(opened(on="2020-01-01"), tiny), 3)
    np.testing.assert_allclose(
        cut.values["welfare_hat"] - 1.0, one.values["welfare_hat"] - 1.0, rtol=1e-2, atol=1e-7
    )


# -- capital --------------------------------------------------------------------------------
def closed() -> World:
    """One sector, two countries that trade with nobody."""
    flows = np.diag([100.0, 300.0])[None]
    return World(
        name="closed",
        countries=("A", "B"),
        sectors=("all",),
        flows=flows,
        tariff=np.zeros((1, 2, 2)),
        input_share=np.zeros((1, 1, 2)),
        value_added_share=np.ones((1, 2)),
        final_share=np.ones((1, 2)),
        trade_elasticity=[4.0],
        value_added=[100.0, 300.0],
        deficit=[0.0, 0.0],
    )


@pytest.mark.parametrize("share", [0.2, 1 / 3, 0.6])
def test_capital_multiplies_gains_in_a_closed_economy(share: float) -> None:
    """Ŵ = g·K̂^α and K̂ = Ŵ at rest: ln Ŵ = ln g/(1 − α)."""
    given = scenario(
        {"productivity": {"country": "A", "tfp": 1.2}},
        capital="A",
        capital_share=share,
        depreciation=0.5,
    )
    path = solve_path(closed(), given, 100)
    rest = path.phases_of("A").iloc[0]
    assert math.log1p(rest["welfare"]) == pytest.approx(math.log(1.2) / (1 - share), rel=1e-8)
    assert rest["capital"] == pytest.approx(rest["welfare"], rel=1e-7)
    table = path.of("A")
    assert table["welfare"].iloc[0] == pytest.approx(0.2, rel=1e-9)
    assert table["welfare"].iloc[-1] == pytest.approx(rest["welfare"], rel=1e-6)
    assert not path.of("B")[["welfare", "capital"]].to_numpy().any()


def test_capital_follows_its_yearly_law() -> None:
    """K′ = (1 − δ)K + δŴ, year after year, and half-years make up the year."""
    given = scenario(OPEN, capital=["PRK", "CHN"], depreciation="10%")
    path = solve_path(WORLD, given, 6)
    k, w = path.values["capital_hat"], path.values["welfare_hat"]
    np.testing.assert_allclose(k[0], 1.0)
    for n in (PRK, CHN):
        np.testing.assert_allclose(k[1:, n], 0.9 * k[:-1, n] + 0.1 * w[:-1, n], rtol=1e-12)
    np.testing.assert_array_equal(k[:, KOR], 1.0)
    half = deepened(np.array(1.0), np.array(1.4), 0.1, 0.5)
    assert deepened(half, np.array(1.4), 0.1, 0.5) == pytest.approx(0.9 + 0.1 * 1.4)


def test_at_rest_capital_is_real_income_everywhere() -> None:
    path = solve_path(WORLD, scenario(OPEN, capital="all", openness_path="immediate"), 1)
    rest = path.stages[0]
    np.testing.assert_allclose(rest.capital, rest.equilibrium.welfare_hat, rtol=1e-8)
    without = solve(WORLD, scenario(OPEN))
    assert rest.equilibrium.welfare_hat[PRK] - 1 > without.welfare.loc["PRK", "welfare"]


# -- totals ---------------------------------------------------------------------------------
def test_totals() -> None:
    path = solve_path(WORLD, scenario(opened(on="2020-01-01"), discount_rate="0%"), 5)
    yearly = path.years.groupby("country", sort=False)["equivalent_variation"].sum()
    totals = path.totals.set_index("country")
    np.testing.assert_allclose(totals["undiscounted"], yearly)
    np.testing.assert_allclose(totals["discounted"], yearly)
    dear = solve_path(WORLD, scenario(opened(on="2020-01-01"), discount_rate="25%"), 5)
    money = dear.of("PRK")["equivalent_variation"].to_numpy()
    by_hand = sum(value / 1.25**y for y, value in enumerate(money))
    assert dear.totals.set_index("country").loc["PRK", "discounted"] == pytest.approx(by_hand)
    assert dear.of("PRK")["discounted"].sum() == pytest.approx(by_hand)


def test_the_books_of_every_year_balance() -> None:
    path = solve_path(WORLD, scenario(opened(on="2020-04-01")), 4)
    years = path.years
    np.testing.assert_allclose(
        years["imports_new"] - years["exports_new"], years["deficit_new"], atol=1e-6
    )
    by_year = years.groupby("year")[["exports_new", "imports_new", "deficit_new"]].sum()
    np.testing.assert_allclose(by_year["exports_new"], by_year["imports_new"])
    partners = path.partners("PRK").groupby("year")[["exports_new", "imports_new"]].sum()
    own = path.of("PRK")
    np.testing.assert_allclose(partners["exports_new"], own["exports_new"])
    sectors = (
        path.sectors("PRK").groupby("year")[["exports", "exports_new", "imports_new"]].sum()
    )
    np.testing.assert_allclose(sectors["imports_new"], own["imports_new"])
    np.testing.assert_allclose(sectors["exports"], own["exports"])
    shares = path.partners("PRK").groupby("year")["share_new"].sum()
    np.testing.assert_allclose(shares, 1.0)


# -- phases ---------------------------------------------------------------------------------
def relief() -> Scenario:
    days = {"unsc-dprk": "2020-01-01", "japan-dprk": "2020-07-01", "us-dprk": "2021-01-01"}
    lifted = [{"lift": {"regime": name, "on": day}} for name, day in days.items()]
    whole = {"scenario": "Korea opens", "measures": lifted, "openness_path": "immediate"}
    return Scenario.from_dict(whole)


def test_phases_are_the_static_states_between_dates() -> None:
    given, world = relief(), korea_like()
    path = solve_path(world, given, 5)
    table = path.phases_of("PRK")
    assert list(table["from"]) == ["2020-01-01", "2020-07-01", "2021-01-01"]
    assert list(table["to"]) == ["2020-06-30", "2020-12-31", ""]
    assert "lift japan-dprk" not in table["in_force"][0]
    assert "lift japan-dprk" in table["in_force"][1]
    for _, row in table.iterrows():
        static = solve(world, given, at=row["from"])
        assert row["welfare"] == pytest.approx(static.welfare.loc["PRK", "welfare"], rel=1e-9)
        assert row["trade_new"] == pytest.approx(static.partners("PRK")["total_new"].sum())


def test_dates_after_the_horizon_are_told() -> None:
    path = solve_path(WORLD, scenario(opened(on="2020-01-01", until="2030-12-31")), 3)
    assert len(path.stages) == 1
    notes = " ".join(note for section in sections(path) for note in section.notes)
    assert "2031-01-01" in notes


def test_the_leap_day_takes_no_time_but_a_ban_binds_on_it() -> None:
    ban = {"ban": {"exporter": "PRK", "importer": "CHN", "both_ways": True}}
    ban["ban"] |= {"on": "2020-02-29", "until": "2020-02-29"}
    path = solve_path(WORLD, scenario(ban), 3)
    assert [s.begins for s in path.stages][1:] == [date(2020, 2, 29), date(2020, 3, 1)]
    loss = path.values["welfare_hat"][:, PRK] - 1.0
    assert loss[0] < loss[1] < loss[2] < 0


# -- errors ---------------------------------------------------------------------------------
def test_a_year_without_an_answer_is_named() -> None:
    """A transfer cannot be spent once nobody trades."""
    debt = {"transfer": {"from": "CHN", "to": "PRK", "amount": "5 million USD"}}
    shut = {"ban": {"exporter": "all", "importer": "all", "on": "2022-03-01"}}
    given = scenario(opened(on="2020-01-01"), shut, debt)
    with pytest.raises(NoSolutionError, match=r"^year 2022, from 2022-03-01: .*In force: open"):
        solve_path(WORLD, given, 4)
    solve_path(WORLD, given, 2)
    undated = scenario({"ban": {"exporter": "all", "importer": "all"}}, debt)
    with pytest.raises(NoSolutionError, match=r"^year 0 of the path: "):
        solve_path(WORLD, undated, 4)


def test_a_solve_that_stops_keeps_its_certificate() -> None:
    with pytest.raises(NotConvergedError, match=r"^year 2020, from 2020-01-01: ") as caught:
        solve_path(WORLD, scenario(opened(on="2020-01-01")), 2, max_iterations=1)
    assert caught.value.certificate.converged is False


def test_shocks_are_no_path() -> None:
    with pytest.raises(InputError, match="these are Shocks"):
        solve_path(WORLD, Shocks(), 3)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="whole number"):
        solve_path(WORLD, scenario(), 101)


# -- what is shown --------------------------------------------------------------------------
@pytest.fixture(scope="module")
def path() -> PathResult:
    return solve_path(korea_like(), relief().with_(capital=["PRK"]), 20)


def test_text_fits_80_columns(path: PathResult, capsys: pytest.CaptureFixture[str]) -> None:
    for section in sections(path, "PRK"):
        print_section(console(), section)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "growth is not modelled" in " ".join(shown.split())
    table = path.of("PRK")
    assert f"{table['exports_new'].iloc[-1]:,.1f}"[:4] in shown
    assert title(path) == "Korea opens: the path, 2020 to 2039"
    assert path.source_world.content_hash[:12] in foot(path)[1]


def test_long_paths_are_thinned() -> None:
    assert shown_years((3, 4, 5)) == [3, 4, 5]
    for length in range(13, 101):
        shown = shown_years(tuple(range(2000, 2000 + length)))
        assert len(shown) <= 12
        assert shown[:5] == [2000, 2001, 2002, 2003, 2004]
        assert shown[-1] == 2000 + length - 1


def test_the_chart_is_svg_with_title_unit_source_and_world(path: PathResult) -> None:
    picture = path.chart("PRK")
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    words = " ".join(t.text or "" for t in root.iter() if t.tag.endswith("text"))
    assert "Korea opens" in words
    assert "million USD" in words and "%" in words
    assert f"world korea-like {path.source_world.content_hash[:12]}" in words
    most = 100 * path.of("PRK")[["welfare", "own_earnings"]].to_numpy().max()
    ticks = words.split("Welfare, %")[1].split("as consumed")[0].split("own earnings")[0]
    highest = max(float(tick.replace("−", "-")) for tick in ticks.split())
    assert most <= highest <= 2.5 * most
    lines = [t for t in root.iter() if t.tag.endswith("polyline")]
    assert len(lines) == 2 + 5
    assert all(len(line.attrib["points"].split()) == 20 for line in lines)


def test_a_chart_of_nothing_is_drawn_too() -> None:
    ET.fromstring(solve_path(WORLD, scenario(), 1).chart("PRK"))


def test_provenance_makes_it_again(path: PathResult, tmp_path: Path) -> None:
    folder = path.save(tmp_path / "run", "PRK")
    facts = path.provenance
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"run.json", "path.json", "scenario.yaml", "charts/path.svg", "world.npz"} <= names
    assert {f"tables/{t}.{e}" for t in path.tables() for e in ("csv", "parquet")} <= names
    again = solve_path(
        load_world(folder / "world.npz"), load_scenario(folder / "scenario.yaml")
    )
    assert again.calendar == path.calendar
    for key, values in path.values.items():
        np.testing.assert_array_equal(again.values[key], values)
    assert again.provenance["scenario"]["hash"] == facts["scenario"]["hash"]
    assert facts["settings"]["adjustment_years"] == 8
    assert facts["certificate"]["worst"]["residual"] <= 1e-10
    assert path.to_dict("PRK")["tables"]["path_years"]


def test_progress_is_told_year_by_year() -> None:
    told: list[float] = []
    solve_path(WORLD, scenario(OPEN), 3, progress=told.append)
    assert told == [0, 1, 2, 3]


def test_given_deficits_are_told_for_they_move_welfare_alone() -> None:
    given = scenario(deficit_rule={"path": {"PRK": "12 million USD"}})
    path = solve_path(WORLD, given, 2)
    np.testing.assert_allclose(path.of("PRK")["deficit_new"], 12.0, rtol=1e-8)
    assert (path.of("PRK")["welfare"] > 0).all()
    notes = " ".join(note for section in sections(path) for note in section.notes)
    assert "Deficits as given from the first day on, million USD: PRK 12.0" in notes


def test_trade_that_a_measure_adds_is_there_on_its_first_day() -> None:
    """A zone, tied aid: no year of falling suppliers whose successor is yet to come."""
    world = load_world("korea")
    aid = {
        "from": "KOR",
        "to": "PRK",
        "amount": "300 million USD",
        "tied": "100%",
        "on": "2020-01-01",
    }
    made = Scenario.from_dict({"scenario": "t", "measures": [{"aid": aid}]})
    static = solve(world, made, at="2025-01-01").welfare.loc["PRK", "welfare"]
    years = solve_path(world, made, 5).of("PRK")["welfare"]
    np.testing.assert_allclose(years, static, rtol=1e-6)
