"""Sanctions coalitions: the paper's signs and orders, and what must hold whatever the data.

The figures of Chowdhry, Hinz, Kamin & Wanner (2024) are those of its abstracts (DIW Discussion
Paper 2021, Economic Policy 39) and of the authors' columns. Russia 2014 on the embedded world
needs no data; the WIOD of 2011 and what Iran takes are read where the shared data are.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_world_sources import shared

import detente as dt
from detente.cli.replicatetext import print_replication
from detente.equilibrium import solve_equilibrium
from detente.errors import InputError
from detente.replicate.coalition_results import (
    Case,
    embargo,
    goods_of,
    measures,
    results,
    senders_in,
)
from detente.replicate.coalition_world import (
    FILES,
    IRAN_NEEDS,
    find_files,
    iran_world,
    partners_of,
    wiod_world,
)
from detente.replicate.coalitions import EU, IRAN, ORDER, RUSSIA, Setup, coalitions
from detente.replicate.common import Comparison
from detente.replicate.costinot_rodriguez_clare_2014 import gains_by_formula
from hypothesis_profiles import examples
from worlds import random_world

SHARES = ("of_global", "of_embargo", "of_openness")


# -- beside the paper ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def embedded() -> Comparison:
    return coalitions()


@pytest.fixture(scope="module")
def wiod() -> Comparison:
    return coalitions(shared("wiod2013", FILES["wiod"]).parents[1])


def test_without_data_russia_has_the_papers_signs_and_orders(embedded: Comparison) -> None:
    assert embedded.agrees, embedded.verdict
    table = embedded.frames["replication"]
    assert table["same_sign"].all() and len(table) == 7
    assert table.loc[table["order_counts"], "same_order"].all()
    assert embedded.facts["largest_residual"] <= 1e-9


def test_shares_are_shares(embedded: Comparison) -> None:
    table = embedded.frames["replication"].set_index("figure")
    for rule in ("balanced", "fixed"):
        shares = table.loc[list(SHARES), rule].dropna()
        assert len(shares) >= 2 and ((shares > 0) & (shares < 100)).all()


def test_on_the_wiod_both_episodes_have_the_papers_signs_and_orders(wiod: Comparison) -> None:
    assert wiod.agrees, wiod.verdict
    table = wiod.frames["replication"]
    assert set(table["episode"]) == {"Russia 2014", "Iran 2012"}
    assert table["same_sign"].all()
    assert wiod.facts["largest_residual"] <= 1e-9


def test_what_the_coalition_and_china_make_of_russias_loss_is_near_the_print(
    wiod: Comparison,
) -> None:
    """Printed: 57.9 % of the loss if all took part; 22 % more with China."""
    table = wiod.frames["replication"].set_index(["episode", "world", "figure"])["balanced"]
    assert abs(table[("Russia 2014", "WIOD 2011", "of_global")] - 57.9) < 2
    assert abs(table[("Russia 2014", "WIOD 2011", "china_adds")] - 22.0) < 5


def test_figures_that_miss_the_order_are_those_that_the_verdict_leaves_out(
    wiod: Comparison,
) -> None:
    table = wiod.frames["replication"]
    assert set(table.loc[~table["same_order"], "figure"]) == {"target_joint"}
    assert not table.loc[~table["same_order"], "order_counts"].any()


def test_why_they_differ_is_computed(wiod: Comparison) -> None:
    """What the notes blame does what they say, in the table of other assumptions."""
    table = wiod.frames["replication"].set_index(["episode", "world", "figure"])["balanced"]
    other = wiod.frames["variants"].set_index(["episode", "world", "assumed"])
    russia, iran = ("Russia 2014", "WIOD 2011"), ("Iran 2012", "WIOD 2011")
    as_one, milder = (
        other.loc[(*russia, "EU joins as one")],
        other.loc[(*iran, "Russia's measures")],
    )
    assert as_one["target_joint"] < table[(*russia, "target_joint")] / 2
    assert milder["of_embargo"] < table[(*iran, "of_embargo")] / 2
    assert milder["target_joint"] < table[(*iran, "target_joint")] / 2
    assert milder["senders_joint"] > 0
    for episode in (russia, iran):
        dearer = other.loc[(*episode, "the handbook's elasticities")]
        assert dearer["loss"] < 3 * table[(*episode, "loss")]
        inside = other.loc[(*episode, "senders inside the rest")]
        assert inside["of_global"] > table[(*episode, "of_global")]


def test_china_held_more_of_the_targets_trade_later() -> None:
    """Of Iran's crude 20 % in 2009, 26 % in 2011; of Russia's goods more in 2022 than 2011."""
    baci = pd.read_parquet(shared("baci_minerals", FILES["minerals"]))
    crude = baci[(baci["i"] == 364) & (baci["k"].astype(int) == 270900)]
    bought = crude.groupby(["t", "j"])["v"].sum()
    shares = [100 * bought[year, 156] / bought[year].sum() for year in (2009, 2011)]
    assert [round(x) for x in shares] == [20, 26]
    coalition, china = zip(
        *(held(w) for w in (wiod_world(shared("wiod2013", FILES["wiod"])), load_2022())),
        strict=True,
    )
    assert coalition[1] < coalition[0] and china[1] > china[0]


def load_2022() -> dt.World:
    return dt.load_world("world-2022")


def held(world: dt.World) -> tuple[float, float]:
    """Shares of the coalition and of China in Russia's trade of goods."""
    r, goods = world.country_index("RUS"), [world.sectors.index(s) for s in goods_of(world)]
    trade = world.flows[goods, r].sum(axis=0) + world.flows[goods, :, r].sum(axis=0)
    trade[r] = 0
    senders = [world.country_index(c) for c in senders_in(world, RUSSIA.coalition)[0]]
    return trade[senders].sum() / trade.sum(), trade[world.country_index("CHN")] / trade.sum()


# -- what must hold ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def case() -> Case:
    return Setup(RUSSIA, load_2022(), "world-2022").case


def on_target(case: Case, senders: Iterable[str], rule: str = "balanced") -> float:
    eq = solve_equilibrium(case.world, measures(case, senders, rule), tolerance=1e-12)
    return float(eq.welfare_hat[case.world.country_index(case.target)] - 1)


def test_if_everyone_is_in_the_coalition_it_does_all_that_can_be_done(case: Case) -> None:
    all_in = replace(case, senders=tuple((c,) for c in case.everyone))
    for rule in ("balanced", "fixed"):
        found = results(all_in, rule).shares
        assert found["of_global"] == pytest.approx(100, abs=1e-7)
        assert found["china_adds"] == pytest.approx(0, abs=1e-7)


def test_no_sender_who_joins_makes_it_easier_for_the_target(case: Case) -> None:
    before = on_target(case, case.members)
    for code in set(case.everyone) - set(case.members):
        assert on_target(case, {*case.members, code}) < before
    for code in case.members:
        assert on_target(case, [c for c in case.members if c != code]) > before


def test_deeper_measures_and_embargoes_cost_more(case: Case) -> None:
    losses = [
        on_target(replace(case, exports_left=m, imports_left=m), case.members)
        for m in (0.9, 0.6, 0.3, 0.05)
    ]
    closed = solve_equilibrium(case.world, embargo(case, case.members, "balanced"))
    losses.append(float(closed.welfare_hat[case.world.country_index("RUS")] - 1))
    assert losses == sorted(losses, reverse=True) and losses[0] < 0


def test_a_measure_is_a_cost_or_a_share_of_the_link(case: Case) -> None:
    """d̂ = m^(−1/θ) and the multiplier m on π are the same measure."""
    as_cost = measures(case, case.members, "fixed")
    theta = case.world.trade_elasticity[:, None, None]
    as_share = dt.Shocks(link=as_cost.cost_hat**-theta, deficit_rule="fixed")
    one, other = (
        solve_equilibrium(case.world, x, tolerance=1e-12).welfare_hat
        for x in (as_cost, as_share)
    )
    np.testing.assert_allclose(one, other, rtol=1e-10)


def test_measures_that_leave_next_to_nothing_are_an_embargo(case: Case) -> None:
    nothing = replace(case, exports_left=1e-9, imports_left=1e-9, embargoed=case.measured)
    assert results(nothing).shares["of_embargo"] == pytest.approx(100, abs=1e-4)
    none = replace(case, exports_left=1.0, imports_left=1.0)
    assert on_target(none, none.members) == pytest.approx(0, abs=1e-11)


def test_small_measures_add_up_over_senders(case: Case) -> None:
    """To first order nobody's joining changes what another's does: joint over alone is nil."""
    gaps = []
    for cut in (1e-1, 1e-2, 1e-3):
        small = replace(case, exports_left=1 - cut, imports_left=1 - cut)
        joint = on_target(small, small.members)
        alone = sum(on_target(small, [code]) for code in small.members)
        gaps.append(abs(joint / alone - 1))
    assert gaps[0] < 0.01
    assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.2)
    assert gaps[2] == pytest.approx(gaps[1] / 10, rel=0.2)


@given(seed=st.integers(0, 10_000), target=st.integers(0, 3), left=st.floats(0.05, 0.95))
@settings(max_examples=examples(10))
def test_autarky_is_the_closed_form_and_no_measure_costs_more(
    seed: int, target: int, left: float
) -> None:
    """Everyone's embargo takes all gains from trade, 1 − Π λ^(β ã/θ), and is the most."""
    world = random_world(seed, 4, 3, tariffs=False, deficits=False)
    others = tuple((c,) for j, c in enumerate(world.countries) if j != target)
    one = Case(
        world,
        world.countries[target],
        others[:2],
        left,
        left,
        world.sectors,
        world.sectors,
    )
    eq = solve_equilibrium(world, embargo(one, one.everyone, "balanced"), tolerance=1e-12)
    lost = 1 - eq.welfare_hat[target]
    assert lost == pytest.approx(gains_by_formula(world)[target], abs=1e-9)
    assert 0 < -on_target(one, one.members) < -on_target(one, one.everyone) < lost


def test_the_order_of_senders_does_not_matter(case: Case) -> None:
    turned = replace(case, senders=case.senders[::-1])
    one, other = (results(c, one_by_one=True).shares for c in (case, turned))
    for key, value in one.items():
        assert other[key] == pytest.approx(value, rel=1e-6)


def test_a_part_that_takes_part_lies_between_out_and_in(case: Case) -> None:
    out = on_target(case, case.members)
    half = on_target(replace(case, partly={"EFTA": (0.5, 0.5)}), case.members)
    whole = on_target(replace(case, partly={"EFTA": (1.0, 1.0)}), case.members)
    assert whole == pytest.approx(on_target(case, [*case.members, "EFTA"]), rel=1e-9)
    assert out > half > whole


# -- who is a sender, what is a good --------------------------------------------------------
def test_a_region_is_a_sender_where_all_of_it_is() -> None:
    world = dt.load_world("world-2022")
    whole, part = senders_in(world, RUSSIA.coalition)
    assert set(whole) == {"EU27", "GBR", "USA", "CAN", "JPN", "ANZ"}
    assert part == {"EFTA": "NOR", "EECA": "UKR"}
    assert {"IRN", "RUS", "CHN"}.isdisjoint({*RUSSIA.coalition, *IRAN.coalition})
    assert len(EU) == 28 and set(EU) <= set(RUSSIA.coalition) & set(IRAN.coalition)


def test_goods_are_what_customs_see(case: Case) -> None:
    assert len(case.measured) == 19 and "utilities" not in case.measured
    assert case.embargoed == case.world.sectors


# -- Iran's world, and the whole of it on made-up files ---------------------------------------
def test_iran_comes_out_as_its_figures_say() -> None:
    files = find_files(shared("wiod2013").parent)
    assert set(IRAN_NEEDS) <= set(files), "the shared data lack what Iran needs"
    world = wiod_world(files["wiod"])
    new = iran_world(world, files)
    i, goods = new.country_index("IRN"), [new.sectors.index(s) for s in goods_of(new)]
    assert new.value_added[i] == pytest.approx(335_654, rel=1e-9)
    trade = partners_of(files["partners"], "IRN")
    for code in ("CHN", "JPN", "KOR", "DEU", "TUR"):
        n = new.country_index(code)
        assert new.flows[goods, i, n].sum() == pytest.approx(trade.exports[code], rel=1e-6)
        assert new.flows[goods, n, i].sum() == pytest.approx(trade.imports[code], rel=1e-6)
    assert new.flows[goods, i].sum() - new.flows[goods, i, i].sum() == pytest.approx(
        trade.exports.sum(), rel=1e-6
    )
    sold = new.flows[:, i].sum(axis=1) - new.flows[:, i, i]
    assert sold[new.sectors.index("c2")] > 0.75 * sold[goods].sum()
    rest = [new.country_index(c) for c in ("IRN", "ROW")]
    assert new.value_added[rest].sum() == pytest.approx(
        world.value_added[world.country_index("ROW")], rel=1e-9
    )


REGIONS = ("RUS", "CHN", "DEU", "FRA", "JPN", "RoW")


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder with all that the replication can read, in the formats of the originals."""
    rng, rows = np.random.default_rng(7), 35 * len(REGIONS)
    home = np.kron(np.eye(len(REGIONS)), np.full((35, 35), 40.0))
    intermediate = rng.integers(1, 10, (rows, rows)) + home
    final = rng.integers(1, 200, (rows, len(REGIONS), 5)).astype(float)
    final += 20_000 * np.kron(np.eye(len(REGIONS)), np.ones((35, 1)))[:, :, None]
    np.savez(
        tmp_path / FILES["wiod"],
        intermediate=intermediate,
        final=final.reshape(rows, -1),
        output=intermediate.sum(axis=1) + final.sum(axis=(1, 2)),
        countries=np.array(REGIONS),
        industries=np.array([f"c{j}" for j in range(1, 36)]),
    )
    inside = tmp_path / "trade"
    inside.mkdir()
    codes = ("IRN", "RUS", "CHN", "DEU", "FRA", "JPN", "NOR", "BRA")
    flows = [
        (i, j, 2e5 + 1e4 * a + 1e3 * b)
        for a, i in enumerate(codes)
        for b, j in enumerate(codes)
    ]
    pd.DataFrame(flows, columns=["i", "j", "Fij"]).to_csv(
        inside / FILES["partners"], sep=";", index=False
    )
    (inside / FILES["codes"]).write_text(
        "country_code,country_iso3\n364,IRN\n156,CHN\n392,JPN\n", encoding="utf-8"
    )
    pd.DataFrame({"iso": ["IRN"], "gdp": [40_000]}).to_csv(
        inside / FILES["size"], sep=";", index=False
    )
    pd.DataFrame(
        {
            "t": [2009, 2009, 2011],
            "i": 364,
            "j": [156, 392, 156],
            "k": 270900,
            "v": [9e4, 5e4, 1e9],
        }
    ).to_parquet(inside / FILES["minerals"])
    pd.DataFrame(
        {
            "iso3": "IRN",
            "hs4": ["2709", "3901", "0802", "5701", "9999"],
            "usd": [9e9, 4.0, 1, 1, 50],
        }
    ).to_parquet(inside / FILES["products"])
    return tmp_path


def test_it_runs_on_made_up_files_and_prints_in_eighty_columns(made_up: Path) -> None:
    found = coalitions(made_up)
    table = found.frames["replication"]
    assert table.groupby(["episode", "world"]).ngroups == 3
    assert (table.loc[table["figure"] == "loss", ["balanced", "fixed"]] < 0).all(axis=None)
    assert {"EU joins as one", "senders inside the rest"} <= set(
        found.frames["variants"]["assumed"]
    )
    out = io.StringIO()
    with redirect_stdout(out):
        print_replication(found)
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "Iran 2012, WIOD 2011" in out.getvalue()


def test_known_trade_of_made_up_files_comes_out(made_up: Path) -> None:
    files = find_files(made_up)
    world = iran_world(wiod_world(files["wiod"]), files)
    i, china, rest = (world.country_index(c) for c in ("IRN", "CHN", "ROW"))
    crude = world.flows[world.sectors.index("c2"), i]
    assert crude[china] == pytest.approx(90.0, rel=1e-9)
    goods = [world.sectors.index(s) for s in goods_of(world)]
    assert world.flows[goods, i, china].sum() == pytest.approx(202.0, rel=1e-9)
    # Norway and Brazil are in the rest of the world
    assert world.flows[goods, i, rest].sum() == pytest.approx(206.0 + 207.0, rel=1e-9)


def test_without_irans_files_it_says_which_are_missing(made_up: Path) -> None:
    (made_up / "trade" / FILES["minerals"]).unlink()
    found = coalitions(made_up)
    assert set(found.frames["replication"]["episode"]) == {"Russia 2014"}
    assert f"Without Iran: {FILES['minerals']} not found." in found.text


# -- wrong input ------------------------------------------------------------------------------
def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        coalitions(tmp_path / "none")
    with pytest.raises(InputError, match=r"neither .* holds wiot_2011\.npz"):
        coalitions(tmp_path)


@pytest.mark.parametrize(
    ("role", "content", "told"),
    [
        ("partners", b"i;j\nIRN;CHN\n", "Fij"),
        ("partners", b"i;j;Fij\nBRA;CHN;1\n", "no trade of 'RUS'"),
        ("size", b"iso;gdp\nBRA;1\n", "no one row of 'IRN'"),
        ("minerals", b"no parquet", "no parquet file"),
    ],
)
def test_broken_files_are_refused(made_up: Path, role: str, content: bytes, told: str) -> None:
    path = made_up / "trade" / FILES[role]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    with pytest.raises(InputError, match=told):
        coalitions(made_up)


def test_products_without_iran_or_a_column_are_refused(made_up: Path) -> None:
    path = made_up / "trade" / FILES["products"]
    pd.DataFrame({"iso3": ["BRA"], "hs4": ["2709"], "usd": [1.0]}).to_parquet(path)
    with pytest.raises(InputError, match="no exports of 'IRN'"):
        coalitions(made_up)
    pd.DataFrame({"iso3": ["BRA"], "hs4": ["2709"]}).to_parquet(path)
    with pytest.raises(InputError, match=r"'usd'.*missing"):
        coalitions(made_up)


def test_wrong_cases_are_refused(case: Case) -> None:
    with pytest.raises(InputError, match="'exports_left' is 0"):
        replace(case, exports_left=0.0)
    with pytest.raises(InputError, match="among the senders"):
        replace(case, senders=(("RUS",),))
    with pytest.raises(dt.DetenteError, match="'UKR'"):
        replace(case, senders=(("UKR",),))


def test_orders_are_told_by_a_half_power_of_ten() -> None:
    assert pytest.approx(10.0) == ORDER**2
