"""Caliendo & Parro (2015): NAFTA's tariff cuts, computed again beside the print."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import InputError
from detente.outcomes import cp_decomposition
from detente.shocks import Shocks
from detente.sources.cp2015 import CITATION, CaliendoParro, read_cp2015
from detente.world.core import World
from detente.world.tables import world_from_tables

#: largest difference from the expectation file that counts as replicated, percentage points
AGREES = 1e-6

#: (region, column, value, digits after the point) as printed, percent
PRINTED: tuple[tuple[str, str, float, int], ...] = (
    ("Mexico", "welfare", 1.31, 2),
    ("Canada", "welfare", -0.06, 2),
    ("USA", "welfare", 0.08, 2),
)
_COLUMNS = {
    "tot": "terms_of_trade",
    "vot": "volume_of_trade",
    "welfare": "welfare",
    "realwage": "real_wage",
}
WHY_THEY_DIFFER = (
    "The paper's welfare is a first-order sum with baseline weights and x̂ − 1; the exact "
    "real income is Î/P̂ in the same equilibrium, where every weight moves with the shock."
)


@dataclass(frozen=True)
class Replication:
    """A published result beside ours.

    Attributes
    ----------
    name, citation : str
    table : DataFrame
        Per region, percent: ``*_published``, ``*_computed``, ``*_difference`` for terms of
        trade, volume of trade, welfare and real wage, and ``real_income_exact``.
    printed : DataFrame
        The figures that stand in the paper, and whether ours round to them.
    observed_deficits : DataFrame
        The same with the observed deficits; no published counterpart exists.
    largest : float
        Largest absolute difference, percentage points; NaN without a full solution.
    rebased_balanced, rebased_observed : float
        How much of all expenditure re-basing moved, to zero and to the observed deficits.
    certificates : tuple of str
    agrees : bool
        Every difference within ``AGREES`` and every printed figure met.
    """

    name: str
    citation: str
    table: pd.DataFrame
    printed: pd.DataFrame
    observed_deficits: pd.DataFrame
    largest: float
    rebased_balanced: float
    rebased_observed: float
    certificates: tuple[str, ...]
    agrees: bool

    @property
    def text(self) -> str:
        """The verdict in a few lines."""
        verdict = "replicated" if self.agrees else "NOT replicated"
        if math.isnan(self.largest):
            return (
                f"{verdict}, as far as the paper prints; the folder has no file of the full "
                f"solution to compare with.\n{WHY_THEY_DIFFER}"
            )
        return (
            f"{verdict}: largest of {4 * len(self.table)} differences is {self.largest:.1e} "
            f"percentage points (allowed {AGREES:.0e}).\n{WHY_THEY_DIFFER}"
        )

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name; the first is the main one."""
        return {
            "replication": self.table.reset_index(),
            "printed": self.printed.reset_index(drop=True),
            "observed_deficits": self.observed_deficits.reset_index(),
        }

    @property
    def facts(self) -> dict[str, Any]:
        """Largest difference (null without a full solution), re-basing, certificates."""
        return {
            "largest_difference": None if math.isnan(self.largest) else self.largest,
            "rebased_balanced": self.rebased_balanced,
            "rebased_observed": self.rebased_observed,
            "certificates": list(self.certificates),
        }


def cp2015_world(data: CaliendoParro) -> World:
    """The 1993 world of 31 regions × 40 sectors, before re-basing."""
    return world_from_tables(
        flows=data.flows,
        input_use=data.input_use,
        final=data.final,
        value_added=data.value_added,
        tariffs=data.tariffs,
        elasticities=data.elasticities,
        name="cp2015",
        keep_negative_inputs=True,
    )


def caliendo_parro_2015(folder: str | Path, tolerance: float = 1e-11) -> Replication:
    """NAFTA's tariff cuts in the data of Caliendo & Parro (2015).

    Parameters
    ----------
    folder : str or Path
        With the csv files of the cp2015 package and ``expected_welfare_zero_deficit.csv``.
    tolerance : float
        The solver's.

    Returns
    -------
    Replication

    Raises
    ------
    InputError
        A file that is missing or does not have its columns.
    """
    data = read_cp2015(folder)
    world = cp2015_world(data)
    strange = sorted(set(world.countries) ^ set(data.expected.index))
    if strange and not data.expected.empty:
        raise InputError(f"the expectations and the data differ about '{strange[0]}'.")
    balanced = _nafta(world, data, "balanced", tolerance)
    observed = _nafta(world, data, "fixed", tolerance)
    table = _beside(balanced, data.expected)
    compared = table.filter(like="_difference").abs().to_numpy()
    largest = float(compared.max()) if len(data.expected) else math.nan
    printed = _printed(table)
    return Replication(
        name="caliendo-parro-2015",
        citation=CITATION,
        table=table,
        printed=printed,
        observed_deficits=_percent(observed),
        largest=largest,
        rebased_balanced=_moved(balanced),
        rebased_observed=_moved(observed),
        certificates=(str(balanced.certificate), str(observed.certificate)),
        agrees=not largest > AGREES and bool(printed["agrees"].all()),
    )


def _nafta(world: World, data: CaliendoParro, rule: str, tolerance: float) -> Equilibrium:
    shocks = Shocks.from_tables(world, tariff_new=data.tariffs_new, deficit_rule=rule)
    return solve_equilibrium(world, shocks, tolerance=tolerance)


def _moved(eq: Equilibrium) -> float:
    """Share of all expenditure that re-basing moved; zero where the data are an equilibrium."""
    return float(eq.world.meta.get("rebased", {}).get("expenditure", 0.0))


def _percent(eq: Equilibrium) -> pd.DataFrame:
    """The paper's columns and the exact real income, percent."""
    table = cp_decomposition(eq).rename(columns={v: k for k, v in _COLUMNS.items()})
    table["real_income_exact"] = eq.welfare_hat - 1.0
    return 100.0 * table[[*_COLUMNS, "real_income_exact"]]


def _beside(eq: Equilibrium, expected: pd.DataFrame) -> pd.DataFrame:
    computed = _percent(eq)
    columns: dict[str, pd.Series] = {}
    for key in _COLUMNS:
        published = expected[key].reindex(computed.index)
        columns[f"{key}_published"] = published
        columns[f"{key}_computed"] = computed[key]
        columns[f"{key}_difference"] = computed[key] - published
    columns["real_income_exact"] = computed["real_income_exact"]
    return pd.DataFrame(columns)


def _printed(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for region, key, value, digits in PRINTED:
        computed = float(table[f"{key}_computed"][region])
        rows.append((region, key, value, computed, round(computed, digits) == value))
    return pd.DataFrame(rows, columns=["region", "figure", "printed", "computed", "agrees"])
