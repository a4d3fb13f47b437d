"""Caliendo & Parro (2015): NAFTA's tariffs, 31 × 40, against what others printed.

Nothing here asks ``detente.replicate`` for its verdict. The tables are read in the test,
and the four figures by country are worked out from the solved wages, prices and spending
by the test's own sums: unit costs from equation 1 of docs/model.md, then Caliendo &
Parro's one-step formula (their equation 15) with baseline weights and x̂ − 1.

Sources of the figures: the paper (Review of Economic Studies 82(1): 1-44) prints welfare
of Mexico, Canada and the United States; the README of the R package cp2015
(paulofelipe/cp2015), zero aggregate deficits, prints three significant digits. The paper's
"welfare" is a first-order sum; exact real income in the same solution is near nothing for
Mexico. The last test needs no data: its equilibrium is solved on paper.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import detente as dt
from detente.cli import app
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.outcomes import cp_decomposition

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DETENTE_SHARED_DATA", ROOT / ".." / "shared" / "data"))
FOLDER = SHARED / "cp2015"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the shared data are not here: cp2015 may not be redistributed"
)

#: the paper's welfare, percent
PAPER = {"Mexico": "1.31", "Canada": "-0.06", "USA": "0.08"}
#: cp2015's README: tot, vot, welfare, real wage, percent
README = {
    "Canada": ("-0.108", "0.0443", "-0.0638", "0.323"),
    "Mexico": ("-0.412", "1.72", "1.31", "1.72"),
    "USA": ("0.0435", "0.0412", "0.0848", "0.112"),
}
#: exact I′/P in the same solution, percent (computed outside this repository)
EXACT = {"Mexico": "0.0073", "Canada": "-0.1101", "USA": "0.0741"}
FIGURES = ["tot", "vot", "welfare", "realwage"]
ALLOWED = 1e-6  # percentage points; the expectations were solved to 1e-10


def half_a_digit(printed: str) -> float:
    """Half of the last digit that is printed."""
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])


def read(name: str) -> pd.DataFrame:
    table = pd.read_csv(FOLDER / f"{name}.csv.gz")
    return table.rename(columns={"region": "country"})


def in_millions(name: str, *keys: str) -> pd.DataFrame:
    table = read(name)
    return table[list(keys)].assign(value=table["value"] / 1e6)


def solved(deficit_rule: str) -> Equilibrium:
    """NAFTA's tariff cuts, on tables read here."""
    trade, links = read("trade"), ["sector", "exporter", "importer"]
    world = dt.World.from_tables(
        flows=in_millions("trade", *links),
        input_use=in_millions("intermediate_consumption", "input", "sector", "country"),
        final=in_millions("final_consumption", "sector", "country"),
        value_added=in_millions("value_added", "sector", "country"),
        tariffs=trade[links].assign(rate=trade["tariff_bln"]),
        elasticities=read("theta"),
        keep_negative_inputs=True,
    )
    cut = trade[links].assign(value=trade["tariff_cfl"])
    shocks = dt.Shocks.from_tables(world, tariff_new=cut, deficit_rule=deficit_rule)
    return solve_equilibrium(world, shocks, tolerance=1e-11)


@pytest.fixture(scope="module")
def nafta() -> Equilibrium:
    return solved("balanced")


def by_hand(eq: Equilibrium) -> pd.DataFrame:
    """tot, vot, welfare, real wage and exact real income, percent, from ŵ, P̂, π′, X′, I′."""
    world, wage, price = eq.world, eq.wage_hat, np.log(eq.price_hat)
    flows, tariff, income = world.flows, world.tariff, world.income
    log_cost = world.value_added_share * np.log(wage)
    log_cost = log_cost + np.einsum("ksi,ki->si", world.input_share, price)
    cost = np.exp(log_cost) - 1.0
    shipped = np.einsum("sin,sn->sin", eq.trade_share, eq.expenditure) / (1.0 + eq.tariff)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(flows > 0, shipped / flows - 1.0, 0.0)
    sold = np.einsum("sin,si->i", flows, cost)
    bought = np.einsum("sin,si->n", flows, cost)
    duties = np.einsum("sin,sin,sin->n", tariff, flows, growth - cost[:, :, None])
    living = np.exp(np.einsum("sn,sn->n", world.final_share, price))
    table = {
        "tot": (sold - bought) / income,
        "vot": duties / income,
        "welfare": (sold - bought + duties) / income,
        "realwage": wage / living - 1.0,
        "exact": eq.income / income / living - 1.0,
    }
    return 100.0 * pd.DataFrame(table, index=list(world.countries))


@needs_data
def test_the_three_figures_of_the_paper(nafta: Equilibrium) -> None:
    welfare = by_hand(nafta)["welfare"]
    for country, printed in PAPER.items():
        assert abs(welfare[country] - float(printed)) <= half_a_digit(printed), country


@needs_data
@pytest.mark.parametrize("country", README)
def test_the_twelve_figures_of_the_cp2015_readme(nafta: Equilibrium, country: str) -> None:
    row = by_hand(nafta).loc[country]
    for figure, printed in zip(FIGURES, README[country], strict=True):
        assert abs(row[figure] - float(printed)) <= half_a_digit(printed), figure


@needs_data
def test_exact_real_income_is_another_number(nafta: Equilibrium) -> None:
    exact = by_hand(nafta)["exact"]
    for country, printed in EXACT.items():
        assert abs(exact[country] - float(printed)) <= half_a_digit(printed), country
    assert nafta.welfare_hat == pytest.approx(1.0 + exact.to_numpy() / 100.0, abs=1e-12)


@needs_data
def test_all_124_figures_of_the_converged_solution(nafta: Equilibrium) -> None:
    expected = pd.read_csv(FOLDER / "expected_welfare_zero_deficit.csv").set_index("region")
    computed = by_hand(nafta)[FIGURES]
    assert computed.shape == (31, 4)
    assert set(computed.index) == set(expected.index)
    assert (computed - expected.loc[computed.index, FIGURES]).abs().max().max() <= ALLOWED
    # the product's own columns say the same
    product = 100.0 * cp_decomposition(nafta).to_numpy()
    np.testing.assert_allclose(product, computed.to_numpy(), rtol=0, atol=1e-10)


@needs_data
def test_observed_deficits_are_printed_as_having_no_published_counterpart(
    nafta: Equilibrium,
) -> None:
    args = ["replicate", "caliendo-parro-2015", "--data", str(FOLDER)]
    ran = CliRunner().invoke(app, args)
    assert ran.exit_code == 0, ran.stderr
    before, marked, after = ran.stdout.partition("Observed deficits, percent")
    assert marked
    assert "no published counterpart" in after.splitlines()[0]
    assert "no published counterpart" not in before
    row = next(line.split() for line in after.splitlines() if line.startswith("Mexico "))
    printed = [float(cell.replace("−", "-")) for cell in row[1:]]
    # four figures and exact real income, as solved here, with nothing published beside them
    expected = by_hand(solved("fixed")).loc["Mexico"]
    np.testing.assert_allclose(printed, expected, rtol=0, atol=0.6e-4)
    assert np.abs(expected - by_hand(nafta).loc["Mexico"]).max() > 1e-3


# -- no data needed ----------------------------------------------------------------------
def test_the_one_step_formula_on_an_equilibrium_solved_on_paper() -> None:
    """Equation 15 on 2 countries × 1 sector, θ = 1, no inputs, zero deficits.

    Country 1 taxes imports at 25 %. Flows net of tariff: 80 and 64 at home, 16 each way.
    So X₁ = I₁ = 80 + 20 = 100 (96 earned, 4 of duties), X₂ = I₂ = 80, and both spend a
    fifth on the other. Suppose ŵ = (1.05, 0.94): 96·1.05 + 80·0.94 = 176 = 96 + 80.

    Country 1: weights 0.8/1.05 and 0.2/0.94, so π′₂₁ = 0.21/0.962 = 105/481. Duties are
    0.2 π′₂₁ of spending, so I′₁ = 100.8/(1 − 21/481) = 100.8·481/460, and
    F′₂₁ = 0.8·(105/481)·I′₁ = 0.8·105·100.8/460 = 18.406957.
    Country 2 spends 75.2. For balanced trade F′₁₂ = F′₂₁, so π′₁₂ = 18.406957/75.2. The
    multiplier m on link 1→2 that gives it: m·0.2/1.05 = (0.8/0.94)·π′₁₂/(1 − π′₁₂).

    Terms of trade: country 1 sells 96 at +5 %, buys 80 at +5 % and 16 at −6 %:
    4.8 − 4 + 0.96 = 1.76, over 100; country 2 loses the same 1.76, over 80.
    Volume of trade: 4·[(18.406957/16 − 1) − (−0.06)] = 0.841739, over 100.
    """
    flows = np.array([[[80.0, 16.0], [16.0, 64.0]]])
    world = dt.World(
        name="on paper",
        countries=("one", "two"),
        sectors=("goods",),
        flows=flows,
        tariff=np.array([[[0.0, 0.0], [0.25, 0.0]]]),
        input_share=np.zeros((1, 1, 2)),
        value_added_share=np.ones((1, 2)),
        final_share=np.ones((1, 2)),
        trade_elasticity=np.ones(1),
        value_added=np.array([96.0, 80.0]),
        deficit=np.zeros(2),
    )
    shipped = 0.8 * 105 * 100.8 / 460
    share = shipped / 75.2
    multiplier = (0.8 / 0.94) * share / (1.0 - share) * 1.05 / 0.2
    link = np.array([[[1.0, multiplier], [1.0, 1.0]]])
    eq = solve_equilibrium(world, dt.Shocks(link=link), tolerance=1e-12)
    np.testing.assert_allclose(eq.wage_hat, [1.05, 0.94], rtol=1e-10)
    assert eq.customs_value[0, 1, 0] == pytest.approx(18.406957, abs=5e-7)

    found = cp_decomposition(eq)
    terms, volume = [0.0176, -0.0220], [0.00841739, 0.0]
    np.testing.assert_allclose(found["terms_of_trade"], terms, atol=1e-10)
    np.testing.assert_allclose(found["volume_of_trade"], volume, atol=5e-9)
    np.testing.assert_allclose(found["welfare"], [0.02601739, -0.0220], atol=5e-9)
    # real wages: P̂₁ = 0.987/0.962; 1/P̂₂ = (0.8/0.94)/(1 − π′₁₂)
    prices = np.array([0.987 / 0.962, (1.0 - share) * 0.94 / 0.8])
    np.testing.assert_allclose(found["real_wage"], [1.05, 0.94] / prices - 1.0, atol=1e-10)
    # and it is a first-order sum, not real income: 481/460 · 1.008 / P̂₁ = 1.027…
    exact = 1.008 * 481 / 460 / prices[0]
    assert eq.welfare_hat[0] == pytest.approx(exact, rel=1e-10)
    assert abs(exact - 1.0 - 0.02601739) > 1e-3
