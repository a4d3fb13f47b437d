"""How far an answer depends on what nobody knows: ψ, and who pays for the deficit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import NoSolutionError, NotConvergedError
from detente.outcomes.trade import partners
from detente.outcomes.yearson import YEARS_ON, after, has_pace, years_on
from detente.scenario.onday import OnDay
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
#: the elasticities are of 1993 and of other countries
THETA_SCALES = (0.5, 2.0)
ENDING = "deficits end with the change"
#: what opens, opens to a normal border and not only to what was there before
NORMAL_BORDER = "a normal border"


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
        "deficit_new": float(eq.deficit_new[n]),
        "partners": ", ".join(
            f"{code} {share:.0%}" for code, share in top["share_new"].items()
        ),
    }


@dataclass(frozen=True)
class Variant:
    """One assumption changed: a scenario's own, every θ, or what is there some years on."""

    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    theta: float = 1.0
    years: int | None = None


def variants(country: str, shocks: Shocks, anchors: Sequence[str] = ()) -> list[Variant]:
    """The assumptions that are varied, with their labels; the scenario's own comes first.

    Parameters
    ----------
    country : str
    shocks : Shocks
    anchors : sequence of str
        Of the world's dormant shares.
    """
    psi = shocks.notes.get("dormant_share", {})
    assumed = shocks.notes.get("assumptions", {})
    found = [Variant("as the scenario says")]
    if psi.get("used"):
        if has_pace(assumed):
            found += [Variant(years_on(years), years=years) for years in YEARS_ON]
        scale = float(psi.get("psi_scale", 1.0))
        found += [
            Variant(f"ψ × {factor:g}", {"psi_scale": scale * factor})
            for factor in PSI_SCALES
            if factor != 1.0
        ]
        own = psi.get("by_measure", False)  # the measures say themselves what opens
        if psi.get("anchor") == "as_before" and "normal" in anchors and not own:
            found.append(Variant(NORMAL_BORDER, {"openness_anchor": "normal"}))
    if assumed.get("trade_elasticity") is None:
        found += [Variant(f"θ × {factor:g}", theta=factor) for factor in THETA_SCALES]
    rules: Sequence[tuple[str, str, Any]] = (
        ("fixed", "deficits fixed", "fixed"),
        ("proportional", f"{country}'s deficit follows its income", {"proportional": country}),
        ("balanced", "no deficits, before or after", "balanced"),
        ("balanced_as_shock", ENDING, "balanced_as_shock"),
    )
    return found + [
        Variant(label, {"deficit_rule": value})
        for key, label, value in rules
        if key != shocks.deficit_rule
    ]


def sensitivity(
    world: World, scenario: HasAssumptions, country: str, eq: Equilibrium
) -> pd.DataFrame:
    """One country's answer at other ψ and θ, and under every deficit rule.

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
        Index ``assumption``; columns of :func:`headline`, ``realised`` with its quartiles
        ``low`` and ``high`` (rows of what is there some years on), and ``note``: why a row has
        no numbers, or what was taken out of them. Where deficits end with the change, welfare
        is net of what their end alone would do, which is no effect of the measures.
    """
    rows: dict[str, dict[str, Any]] = {}
    for variant in variants(country, eq.shocks, tuple(world.dormant)):
        try:
            rows[variant.label] = _row(world, scenario, country, eq, variant)
        except (NoSolutionError, NotConvergedError) as error:
            rows[variant.label] = {"note": str(error)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "assumption"
    return table


def _row(
    world: World, scenario: HasAssumptions, country: str, eq: Equilibrium, variant: Variant
) -> dict[str, Any]:
    if variant.label == "as the scenario says":
        return headline(eq, country) | {"note": ""}
    day = None if eq.shocks.notes.get("end_of_scenario", True) else eq.shocks.notes["at"]
    tolerance = eq.certificate.tolerance
    if variant.years is not None:
        later = after(eq, variant.years)
        row = headline(solve_equilibrium(eq.world, later.shocks, tolerance=tolerance), country)
        found = {"realised": later.realised, "low": later.low, "high": later.high}
        return row | {"note": later.note} | found
    if variant.theta != 1.0:
        world = world.with_(trade_elasticity=variant.theta * world.trade_elasticity)
    asked = OnDay(scenario.with_(**variant.changes), day)
    solved = solve_equilibrium(world, asked, tolerance=tolerance)
    row = headline(solved, country)
    if variant.label != ENDING:
        return row | {"note": ""}
    alone = solve_equilibrium(world, Shocks(deficit_rule=solved.shocks.deficit_rule))
    ending = headline(alone, country)
    for key in ("welfare", "own_earnings"):
        row[key] = (1.0 + row[key]) / (1.0 + ending[key]) - 1.0
    row["equivalent_variation"] -= ending["equivalent_variation"]
    alone_ = f"{100 * ending['welfare']:+.1f} %".replace("-", "−")
    return row | {"note": f"net of what the end of deficits alone does ({alone_})"}
