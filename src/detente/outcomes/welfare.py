"""Who gains and who loses, by country."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detente.equilibrium import Equilibrium
from detente.world.core import World


def country_axis(world: World, name: str = "country") -> pd.Index:
    """Country codes as a labelled index."""
    return pd.Index(world.countries, name=name)


def welfare(eq: Equilibrium) -> pd.DataFrame:
    """Welfare, real wage and income by country.

    Returns
    -------
    DataFrame
        ``welfare``: Ŵ − 1 as consumed; ``own_earnings``: the same without deficits and
        transfers, for somebody pays for those; ``real_wage``: ŵ/P̂ − 1; all shares (0.01 is
        1 %). ``equivalent_variation`` (Ŵ−1)·I, ``income``, ``income_new``, ``deficit``,
        ``deficit_new`` (D′ + transfer) in million USD of baseline world income;
        ``price`` P̂ of final demand and ``wage`` ŵ as ratios.
    """
    world = eq.world
    return pd.DataFrame(
        {
            "name": world.country_names,
            "welfare": eq.welfare_hat - 1.0,
            "own_earnings": eq.own_earnings_hat - 1.0,
            "equivalent_variation": eq.equivalent_variation,
            "real_wage": eq.wage_hat / eq.final_price_hat - 1.0,
            "income": world.income,
            "income_new": eq.income,
            "deficit": world.deficit,
            "deficit_new": eq.deficit_new,
            "price": eq.final_price_hat,
            "wage": eq.wage_hat,
        },
        index=country_axis(world),
    )


def tariff_revenue(eq: Equilibrium) -> pd.DataFrame:
    """Tariff revenue R and cap rents by country, million USD, before and after."""
    before, after = eq.world.tariff_revenue, eq.solution.tariff_revenue
    return pd.DataFrame(
        {
            "tariff_revenue": before,
            "tariff_revenue_new": after,
            "change": after - before,
            "rents": eq.solution.rents,
            "share_of_income_new": np.divide(after, eq.income),
        },
        index=country_axis(eq.world),
    )
