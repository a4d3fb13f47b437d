"""Re-basing: the model solved once without a shock becomes the baseline (docs/model.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from detente import model
from detente.errors import NotConvergedError, WorldError
from detente.solver import Problem, Solution, solve_problem
from detente.world.checks import require_within
from detente.world.core import Array, World
from detente.world.feasibility import require_feasible

#: a world whose no-shock residual is at or below this is an equilibrium already
CONSISTENT = 1e-12
#: largest total violation of an identity that is re-based away, where a world states none
DEFAULT_TOLERANCE = 1e-6
_TOLERANCE = 2e-13
_ACCEPTED = 1e-10

#: rules under which the baseline keeps its own deficits
KEEPS_DEFICITS = ("fixed", "proportional", "path", "balanced_as_shock")


def baseline_problem(world: World, deficit: Array | None = None) -> Problem:
    """The no-shock problem of a world: a = π, d̂ = T̂ = L̂ = 1.

    The weights are views of the world's own arrays where that is safe; a caller that
    changes links replaces ``weight`` and ``weight_net``.
    """
    return Problem(
        weight=world.trade_share,
        weight_net=world.trade_share_net,
        input_share=world.input_share_by_country,
        value_added_share=world.value_added_share,
        final_share=world.final_share,
        theta=world.trade_elasticity,
        value_added=world.value_added,
        factor_base=world.value_added,
        deficit=world.deficit if deficit is None else deficit,
        transfer=np.zeros(world.n_countries),
        expenditure_start=world.expenditure,
        blocks=np.zeros(world.n_countries, dtype=np.intp),
    )


def baseline_for(world: World, deficit_rule: str) -> World:
    """The baseline that a scenario is measured from: the world, re-based where it must be.

    Whoever calls ``world.rebase`` asks for the move; a solve makes it unasked, so here a
    world is refused whose identities fail beyond ``meta["tolerance"]`` (1e-6 where it
    states none).

    Raises
    ------
    WorldError
        Naming the identity, by how much it fails, and where.
    """
    if deficit_rule not in world._rebased and not _is_equilibrium(world, world.deficit):
        require_within(world, float(world.meta.get("tolerance", DEFAULT_TOLERANCE)))
    return world.rebase(deficit_rule)


def rebase(world: World, deficit_rule: str = "fixed") -> World:
    """The equilibrium that a world's parameters imply, as a new baseline.

    Parameters
    ----------
    world : World
    deficit_rule : str
        ``balanced`` re-bases to zero deficits; every other rule keeps the world's own.

    Returns
    -------
    World
        The same world when it is an equilibrium already, else a new one whose
        ``meta["rebased"]`` says what moved (see :func:`rebase_report`).

    Raises
    ------
    WorldError
        A needed good that no flow supplies, or an unknown rule.
    NoSolutionError, NotConvergedError
        The parameters have no equilibrium under the rule.
    """
    if deficit_rule not in (*KEEPS_DEFICITS, "balanced"):
        raise WorldError(f"unknown deficit rule '{deficit_rule}'.")
    deficit = np.zeros(world.n_countries) if deficit_rule == "balanced" else world.deficit
    if _is_equilibrium(world, deficit):
        return world
    _refuse_unsupplied(world)
    problem = baseline_problem(world, deficit)
    problem = replace(problem, blocks=require_feasible(world, problem))
    solution = solve_problem(problem, _TOLERANCE)
    if solution.residual.largest > _ACCEPTED:
        country = world.countries[solution.residual.market_country]
        raise NotConvergedError(
            f"world '{world.name}' has no equilibrium under the rule '{deficit_rule}': after "
            f"{solution.iterations} iterations the largest residual is "
            f"{solution.residual.largest:.1e}, worst market {country}.",
            solution.residual,
        )
    return _close(world, solution, deficit, deficit_rule)


def _is_equilibrium(world: World, deficit: Array) -> bool:
    """Whether the identities hold to ``CONSISTENT``: then ŵ = P̂ = 1 solves the model."""
    income = world.value_added + world.tariff_revenue + deficit
    spent = model.expenditure(
        world.output, income, world.input_share_by_country, world.final_share
    )
    gap = np.abs(spent - world.expenditure)
    paid = model.factor_demand(world.output, world.value_added_share)
    return bool(
        np.all(gap <= CONSISTENT * world.expenditure)
        and np.all(np.abs(paid - world.value_added) <= CONSISTENT * world.value_added)
        and abs(deficit.sum()) <= CONSISTENT * world.value_added.sum()
    )


def _refuse_unsupplied(world: World) -> None:
    used = np.einsum("ksi,si->ki", world.input_share, world.output) > 0
    needed = used | ((world.final_share > 0) & (world.income > 0))
    missing = np.argwhere(needed & (world.expenditure <= 0))
    if missing.size:
        s, n = missing[0]
        raise WorldError(
            f"world '{world.name}': {world.countries[n]} needs {world.sectors[s]} but no flow "
            f"supplies it ({len(missing)} such cells)."
        )


def _close(world: World, solution: Solution, deficit: Array, rule: str) -> World:
    """The solution as a baseline; the last rounding goes into final demand."""
    share = world.trade_share * solution.cost_power[:, :, None]
    share /= np.where(solution.price_power > 0, solution.price_power, 1.0)[:, None, :]
    flows = share * solution.expenditure[:, None, :] / (1.0 + world.tariff)
    output = flows.sum(axis=2)
    spent = np.sum(flows * (1.0 + world.tariff), axis=1)
    final = spent - np.einsum("ksi,si->ki", world.input_share, output)
    final = np.where(world.final_share > 0, np.maximum(final, 0.0), 0.0)
    value_added = np.einsum("si,si->i", world.value_added_share, output)
    if rule != "balanced":
        deficit = flows.sum(axis=(0, 1)) - flows.sum(axis=(0, 2))
        deficit -= deficit.mean()
    rebased = replace(
        world,
        flows=flows,
        final_share=final / final.sum(axis=0),
        value_added=value_added,
        deficit=deficit,
    )
    moved = _moves(world, rebased, rule, solution)
    return replace(rebased, meta={**world.meta, "rebased": moved})


def _moves(old: World, new: World, rule: str, solution: Solution) -> dict[str, Any]:
    """What moved, by country and by sector code, JSON-able."""
    gap = np.abs(new.expenditure - old.expenditure)
    wage = new.value_added / old.value_added - 1.0
    deficit = new.deficit - old.deficit
    by_country = gap.sum(axis=0) / old.expenditure.sum(axis=0)
    by_sector = gap.sum(axis=1) / np.maximum(old.expenditure.sum(axis=1), 1e-300)
    return {
        "deficit_rule": rule,
        "iterations": solution.iterations,
        "expenditure": float(gap.sum() / old.expenditure.sum()),
        "by_country": {
            code: {
                "wage": float(wage[j]),
                "deficit": float(deficit[j]),
                "expenditure": float(by_country[j]),
            }
            for j, code in enumerate(old.countries)
        },
        "by_sector": {
            code: {"expenditure": float(by_sector[j])} for j, code in enumerate(old.sectors)
        },
    }


def rebase_report(world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What re-basing moved: one table by country, one by sector.

    Returns
    -------
    by_country : DataFrame
        ``wage`` (relative change of factor income), ``deficit`` (change, million USD),
        ``expenditure`` (Σ|change| over the country's expenditure).
    by_sector : DataFrame
        ``expenditure``. Both are empty for a world that was not re-based.
    """
    moved = world.meta.get("rebased", {})
    tables = []
    for key, labels in (("by_country", world.countries), ("by_sector", world.sectors)):
        rows = moved.get(key, {})
        table = pd.DataFrame.from_dict(rows, orient="index")
        table = table.reindex([code for code in labels if code in rows])
        tables.append(table.rename_axis(key.removeprefix("by_")))
    return tables[0], tables[1]
