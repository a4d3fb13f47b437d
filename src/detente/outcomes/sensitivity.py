"""How far an answer depends on what nobody knows: ψ, and who pays for the deficit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import NoSolutionError, NotConvergedError
from detente.outcomes.trade import partners
from detente.shocks import Shocks
from detente.world.core import World


class HasAssumptions(Protocol):
    """A scenario whose assumptions can be changed (the Scenario class)."""

    def to_shocks(self, world: World, at: str | None = None) -> Shocks:
        """The state that the model sees, on a day or at the end."""
        ...

    def with_(self, **changes: Any) -> HasAssumptions:
        """A copy under other assumptions."""
        ...


#: dormant shares are printed at these multiples until gravity estimates them
PSI_SCALES = (0.1, 1.0, 10.0)


def headline(eq: Equilibrium, country: str) -> dict[str, Any]:
    """One country's answer in a row.

    Returns
    -------
    dict
        ``welfare``, ``own_earnings`` (shares), ``equivalent_variation``, ``trade``,
        ``trade_new``, ``exports_new``, ``imports_new``, ``deficit_new`` (million USD), and
        ``partners``: codes of the three largest after the change, with their shares.
    """
    n = eq.world.country_index(country)
    table = partners(eq, country)
    top = table.head(3)
    return {
        "welfare": float(eq.welfare_hat[n] - 1.0),
        "own_earnings": float(eq.own_earnings_hat[n] - 1.0),
        "equivalent_variation": float(eq.equivalent_variation[n]),
        "trade": float(table["total"].sum()),
        "trade_new": float(table["total_new"].sum()),
        "exports_new": float(table["exports_new"].sum()),
        "imports_new": float(table["imports_new"].sum()),
        "deficit_new": float((eq.solution.deficit + eq.problem.transfer)[n]),
        "partners": ", ".join(
            f"{code} {share:.0%}" for code, share in top["share_new"].items()
        ),
    }


def variants(
    country: str, rule: str, opens: bool, psi: float
) -> list[tuple[str, dict[str, Any]]]:
    """The assumptions that are varied, with their labels; the scenario's own comes first."""
    found: list[tuple[str, dict[str, Any]]] = [("as the scenario says", {})]
    if opens:
        found += [
            (f"ψ × {scale:g}", {"psi_scale": psi * scale})
            for scale in PSI_SCALES
            if scale != 1.0
        ]
    rules: Sequence[tuple[str, str, Any]] = (
        ("fixed", "deficits fixed", "fixed"),
        ("proportional", f"{country}'s deficit follows its income", {"proportional": country}),
        ("balanced", "no deficits, before or after", "balanced"),
        ("balanced_as_shock", "deficits end with the change", "balanced_as_shock"),
    )
    found += [(label, {"deficit_rule": value}) for key, label, value in rules if key != rule]
    return found


def sensitivity(
    world: World, scenario: HasAssumptions, country: str, eq: Equilibrium
) -> pd.DataFrame:
    """One country's answer at ψ × 0.1 and 10 and under every deficit rule.

    Parameters
    ----------
    world : World
        As the scenario prepares it.
    scenario : Scenario
    country : str
    eq : Equilibrium
        The answer as the scenario says, the first row.

    Returns
    -------
    DataFrame
        Index ``assumption``; columns of :func:`headline`, and ``note``: why a row has no
        numbers, where it has none.
    """
    notes = eq.shocks.notes.get("dormant_share", {})
    opens = bool(notes.get("used"))
    day = None if eq.shocks.notes.get("end_of_scenario", True) else eq.shocks.notes["at"]
    rows: dict[str, dict[str, Any]] = {}
    for label, changes in variants(
        country, eq.shocks.deficit_rule, opens, float(notes.get("psi_scale", 1.0))
    ):
        try:
            solved = (
                eq
                if not changes
                else solve_equilibrium(
                    world,
                    scenario.with_(**changes).to_shocks(world, day),
                    tolerance=eq.certificate.tolerance,
                )
            )
            rows[label] = headline(solved, country) | {"note": ""}
        except (NoSolutionError, NotConvergedError) as error:
            rows[label] = {"note": str(error)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "assumption"
    return table
