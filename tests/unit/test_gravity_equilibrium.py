"""General equilibrium of gravity: identities, known limits, an independent solve."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import fsolve

from detente.errors import InputError
from detente.gravity.equilibrium import (
    conditional_general_equilibrium,
    full_endowment_general_equilibrium,
    multilateral_resistances,
    square,
    trade_costs,
)

SIGMA = 5.0
X = {"C0": "X"}


def economy(n=6, seed=0, spread=2.0, balanced=False):
    """Flows that are an equilibrium of random costs, the costs, and other costs."""
    rng = np.random.default_rng(seed)
    codes = [f"C{i}" for i in range(n)]

    def costs():
        made = np.exp(-spread * rng.uniform(0, 1, (n, n)))
        np.fill_diagonal(made, 1.0)
        return pd.DataFrame(made, codes, codes)

    old, new = costs(), costs()
    output = rng.lognormal(3, 1, n)
    spent = output if balanced else output * rng.uniform(0.8, 1.25, n)
    spent = spent * output.sum() / spent.sum()
    found = multilateral_resistances(old.to_numpy(), output, spent)
    flow = np.outer(output / found.outward, spent / found.inward) * old.to_numpy()
    return pd.DataFrame(flow, codes, codes), old, new


@given(
    n=st.integers(2, 12),
    seed=st.integers(0, 10_000),
    spread=st.floats(0.0, 30.0),
)
@example(n=3, seed=157, spread=20.0)
@example(n=3, seed=156, spread=14.0)
@settings(max_examples=60, deadline=None)
def test_resistances_fit_their_margins_whatever_the_costs(n, seed, spread):
    """Up to trade costs of e^-30: home markets all but closed, where scaling alone is slow."""
    rng = np.random.default_rng(seed)
    cost = np.exp(-spread * rng.uniform(0, 1, (n, n)))
    np.fill_diagonal(cost, 1.0)
    output, spent = rng.lognormal(0, 2, (2, n))
    spent *= output.sum() / spent.sum()
    found = multilateral_resistances(cost, output, spent, reference=n - 1)
    flow = np.outer(output / found.outward, spent / found.inward) * cost
    np.testing.assert_allclose(flow.sum(axis=1), output, rtol=1e-9)
    np.testing.assert_allclose(flow.sum(axis=0), spent, rtol=1e-9)
    assert found.inward[-1] == 1.0


def test_resistances_are_those_of_anderson_and_van_wincoop():
    """Their equations 9–11: Π^(1−σ) = Σ t/P^(1−σ) E/Y and P^(1−σ) = Σ t/Π^(1−σ) Y/Y."""
    flows, cost, _ = economy()
    output, spent = flows.sum(axis=1).to_numpy(), flows.sum(axis=0).to_numpy()
    world, t = output.sum(), cost.to_numpy()
    found = multilateral_resistances(t, output, spent)
    outward = found.outward / world  # X = Y E/World · t / (Π P)
    np.testing.assert_allclose(outward, t @ (spent / world / found.inward))
    np.testing.assert_allclose(found.inward, t.T @ (output / world / outward))


def test_without_frictions_trade_is_the_product_of_sizes():
    output, spent = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    found = multilateral_resistances(np.ones((3, 3)), output, spent)
    flow = np.outer(output / found.outward, spent / found.inward)
    np.testing.assert_allclose(flow, np.outer(output, spent) / 6.0)


@pytest.mark.parametrize(
    "solve", [conditional_general_equilibrium, full_endowment_general_equilibrium]
)
def test_no_change_changes_nothing(solve):
    flows, cost, _ = economy()
    found = solve(flows, cost, cost, sigma=SIGMA)
    assert found.table.filter(like="_change").abs().to_numpy().max() < 1e-9
    np.testing.assert_allclose(found.trade, flows, rtol=1e-10)
    assert found.expenditure_factor == pytest.approx(1.0)


def test_conditional_equilibrium_keeps_output_and_expenditure():
    flows, cost, new = economy()
    found = conditional_general_equilibrium(flows, cost, new, sigma=SIGMA)
    np.testing.assert_allclose(found.trade.sum(axis=1), flows.sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(found.trade.sum(axis=0), flows.sum(axis=0), rtol=1e-10)
    assert found.residual < 1e-10


def test_full_equilibrium_clears_every_market_and_adds_up():
    flows, cost, new = economy()
    found = full_endowment_general_equilibrium(flows, cost, new, sigma=SIGMA, reference="C2")
    price = 1 + found.table["price_change"] / 100
    made = price * flows.sum(axis=1)
    np.testing.assert_allclose(found.trade.sum(axis=1), made, rtol=1e-10)
    share = flows.sum(axis=0) / flows.sum(axis=1)
    spent = found.expenditure_factor * share * made
    np.testing.assert_allclose(found.trade.sum(axis=0), spent, rtol=1e-10)
    assert made.sum() == pytest.approx(spent.sum())
    assert found.table.loc["C2", "inward_change"] == pytest.approx(0.0, abs=1e-9)


def test_real_gdp_is_the_home_share_to_a_power():
    """Arkolakis, Costinot & Rodríguez-Clare (2012): W = (share at home)^(1/(1−σ))."""
    flows, cost, new = economy()
    found = full_endowment_general_equilibrium(flows, cost, new, sigma=SIGMA)
    before = np.diag(flows) / flows.sum(axis=0)
    after = np.diag(found.trade) / found.trade.sum(axis=0)
    expected = (after / before) ** (1 / (1 - SIGMA))
    # t_ii is 1 before and after, so nothing else moves the price of the own good at home
    np.testing.assert_allclose(1 + found.table["real_gdp_change"] / 100, expected, rtol=1e-10)


def test_an_independent_solve_in_levels_agrees():
    """Prices p and price indices P by fsolve, from the demand system as textbooks have it."""
    flows, cost, new = economy(n=4, seed=3, balanced=True)
    found = full_endowment_general_equilibrium(flows, cost, new, sigma=SIGMA, reference="C0")
    output, t0, t1 = flows.sum(axis=1).to_numpy(), cost.to_numpy(), new.to_numpy()
    start = multilateral_resistances(t0, output, flows.sum(axis=0).to_numpy())
    taste = output / start.outward  # α^(1−σ), prices 1

    def excess(log_p):
        p = np.exp(np.concatenate([[0.0], log_p]))
        pull = (taste * p ** (1 - SIGMA))[:, None] * t1
        return ((pull / pull.sum(axis=0)) @ (p * output) / (p * output) - 1)[1:]

    p = np.exp(np.concatenate([[0.0], fsolve(excess, np.zeros(3), xtol=1e-13)]))

    def index(t, p):
        return ((taste * p ** (1 - SIGMA)) @ t) ** (1 / (1 - SIGMA))

    ratio = index(t1, p) / index(t0, np.ones(4))
    np.testing.assert_allclose(1 + found.table["price_change"] / 100, p / ratio[0], rtol=1e-8)
    np.testing.assert_allclose(1 + found.table["real_gdp_change"] / 100, p / ratio, rtol=1e-8)
    assert found.expenditure_factor == pytest.approx(1.0)


def test_dearer_trade_everywhere_leaves_shares_and_lowers_real_gdp_by_as_much():
    """All costs, home included, up by one factor: t^(1−σ) halved is P up by 2^(1/(σ−1))."""
    flows, cost, _ = economy(balanced=True)
    found = full_endowment_general_equilibrium(flows, cost, cost * 0.5, sigma=SIGMA)
    np.testing.assert_allclose(
        found.trade / found.trade.sum(axis=0), flows / flows.sum(axis=0), rtol=1e-9
    )
    expected = 100 * (0.5 ** (1 / (SIGMA - 1)) - 1)
    np.testing.assert_allclose(found.table["real_gdp_change"], expected, rtol=1e-9)


def test_real_gdp_does_not_depend_on_the_reference_or_the_unit():
    flows, cost, new = economy()
    one = full_endowment_general_equilibrium(flows, cost, new, sigma=SIGMA, reference="C0")
    other = full_endowment_general_equilibrium(
        flows * 1e6, cost, new, sigma=SIGMA, reference="C4"
    )
    np.testing.assert_allclose(
        one.table["real_gdp_change"], other.table["real_gdp_change"], rtol=1e-9
    )
    again = full_endowment_general_equilibrium(
        flows.iloc[::-1, ::-1], cost, new, sigma=SIGMA, reference="C0"
    )
    np.testing.assert_allclose(
        again.table.loc[one.table.index, "price_change"], one.table["price_change"], atol=1e-8
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, c: (f.rename(index={"C0": "X"}), c, {}), "same countries"),
        (lambda f, c: (f, c.rename(index=X, columns=X), {}), "differ about"),
        (lambda f, c: (f, c * 0, {}), "cost from C0 to C0 is 0"),
        (lambda f, c: (f * np.nan, c, {}), "flow from C0 to C0 is nan"),
        (lambda f, c: (f.mul((f.index != "C1") * 1.0, axis=0), c, {}), "without output: C1"),
        (lambda f, c: (f, c, {"sigma": 1.0}), "sigma is 1"),
        (lambda f, c: (f, c, {"reference": "C9"}), "no country 'C9'"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(change, message):
    flows, cost, new = economy()
    flows, cost, options = change(flows, cost)
    with pytest.raises(InputError, match=message):
        full_endowment_general_equilibrium(flows, cost, new, **options)


# -- costs from an estimate ----------------------------------------------------------------
def test_costs_are_the_exponent_of_the_terms():
    pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")
    from detente.gravity import gravity
    from gravity_world import flows_of

    data = flows_of(noise=0.0, zeros=0.0, years=1)
    result = gravity(data, "trade ~ ln_distance + border | exporter + importer")
    cost = trade_costs(result, data)
    km = square(data, "distance").to_numpy()
    border = 1.0 - np.eye(len(km))
    np.testing.assert_allclose(cost, np.exp(-0.9 * np.log(km) - 2.0 * border), rtol=1e-6)
    gone = trade_costs(result, data, {"border": 0.0})
    np.testing.assert_allclose(gone, np.exp(-0.9 * np.log(km)), rtol=1e-6)
    with pytest.raises(InputError, match="Did you mean 'border'"):
        trade_costs(result, data, {"bordr": 0.0})
    # flows of the model itself: the baseline is the data
    found = conditional_general_equilibrium(square(data, "trade"), cost, gone)
    np.testing.assert_allclose(found.baseline, square(data, "trade"), rtol=1e-6)
    with pytest.raises(InputError, match="pair C00-C01 has no trade"):
        square(data[(data["exporter"] != "C00") | (data["importer"] != "C01")], "trade")
    with pytest.raises(InputError, match="there twice"):
        square(pd.concat([data, data]), "trade")
