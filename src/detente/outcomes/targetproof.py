"""Why no value of a lever reaches a goal, where that can be proved; else nothing is claimed.

A grid proves nothing about what lies between its points. Four arguments do, and the first that
holds is given, with its formula:

- *by definition*: a share lies in [0, 1], a flow is not negative, Ŵ is above zero;
- *no room*: the model's arrays (link weights a of docs/model.md's equation 2 with and without
  tariffs, transfers, deficits, labour, caps) are the same at both ends of the range. Every
  lever's arrays move in one direction only, cell by cell, so that they are the same in between;
- *closed*: every link of the goal has a weight of zero at both ends, hence in between;
- *world income*: what i ships of sector s is at most its output, Y = F summed over buyers, and
  market clearing (equation 7) gives Σₛ γᵛ[s,i] Y[s,i] = ŵ L̂ wL of i, which is at most world
  factor income, V, that the numeraire holds fixed (equation 8). So exports of i are at most
  V/min γᵛ[s,i] over the sectors that it can ship. This holds of flows at the producer's price,
  as an Equilibrium reports them. Were rents of caps ever counted in a reported flow (as burnt
  ones are, in the customs value: nothing is claimed beside those), they would have to be added,
  since a rent is nobody's output: the bound would then read V/min γᵛ plus all rents.

And one on the direction, *monotone*. Lemma: let γᵛ = 1, t = 0, D = 0, no transfers or caps,
all countries linked in sectors that the buyer spends on (α > 0): no group of countries is
without trade with the rest. If only links from A to others gain weight as x rises, exports,
imports, trade and welfare of A do not fall in x; and if only links from A to B do, nor do
exports of A to B. Proof: demand for the factor of j, Σₛ Σₙ π[s,j,n] α[s,n] wₙLₙ, rises in the
wage of every other country (CES across sources with elasticity 1 + θ > 1, constant shares of
spending across sectors): gross substitutes. At unchanged wages the change raises demand for A's
factor and lowers no buyer's spending, so that demand for every other factor does not rise. Take
the countries M whose wage rose most, and suppose that A is not among them. Relative to M all
other wages are lower or equal, and some country outside M buys from M or M would be cut off
(its trade balances, D = 0), so that demand for a factor of M is below its supply: a
contradiction. So w_A rises at least as much as any wage. Then A's own share falls in every
sector (its weight at home and those of its rivals there are unchanged), imports
Σₛ (1 − π[s,A,A]) α w_A L_A rise (w_A rises in the numeraire), exports equal them, and
Ŵ = Π π̂[s,A,A]^(−α/θ) rises. Sales of A to each other buyer n, relative to w_A, fall with
w_n/w_A, so that those to B take all of the rise.
For gross substitutes in such economies see Alvarez & Lucas (2007, Journal of Monetary Economics
54), who prove it for one sector and with more in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detente.equilibrium import HasShocks
from detente.equilibrium.problem import Exogenous, build_problem, exogenous
from detente.errors import DetenteError
from detente.outcomes.targetgoal import Goal
from detente.scenario import Scenario
from detente.shocks import Shocks
from detente.solver import Problem
from detente.world.core import Array, World
from detente.world.rebase import baseline_for

#: Measures that read no state that others make: below them a lever's arrays are monotone.
_PLAIN = frozenset(
    {"tariff", "trade_cost", "transfer", "productivity", "open", "unban", "lift", "ban"}
)


@dataclass(frozen=True)
class Proof:
    """Why no value does it.

    Attributes
    ----------
    kind : str
        ``bounded`` or ``monotone``.
    why : str
        The argument, with its formula and figures.
    """

    kind: str
    why: str


@dataclass(frozen=True, eq=False)
class Ends:
    """The model at both ends of a lever's range."""

    world: World
    shocks: tuple[Shocks, Shocks]
    given: tuple[Exogenous, Exogenous]
    problems: tuple[Problem, Problem]

    @classmethod
    def of(cls, world: World, low: HasShocks, high: HasShocks) -> Ends | None:
        """Both ends; None where one of them has no problem that could be solved."""
        try:
            first = low.to_shocks(world)
            base = baseline_for(world, first.deficit_rule)
            shocks = (low.to_shocks(base), high.to_shocks(base))
            given = (exogenous(base, shocks[0]), exogenous(base, shocks[1]))
            problems = (build_problem(base, given[0]), build_problem(base, given[1]))
        except DetenteError:
            return None
        return cls(base, shocks, given, problems)


def by_definition(goal: Goal, target: float) -> Proof | None:
    """What no equilibrium of any scenario can show."""
    if goal.is_flow and target < 0 and goal.sign != ">=":
        return Proof("bounded", "flows are never negative.")
    if goal.quantity == "share":
        if target > 1 and goal.sign != "<=":
            return Proof("bounded", "a share of trade is at most 100 %.")
        if target < 0 and goal.sign != ">=":
            return Proof("bounded", "a share of trade is at least 0 %.")
    if goal.quantity == "welfare" and target <= -1 and goal.sign != ">=":
        return Proof("bounded", "Ŵ = Î/P̂ is above zero, so that welfare stays above −100 %.")
    return None


def plain(scenario: Scenario) -> bool:
    """Whether nothing in a scenario reads what the levers do."""
    return all(m.kind in _PLAIN and not m.last for m in scenario.measures)


def proof(
    goal: Goal, target: float, ends: Ends | None, at_ends: tuple[float, float]
) -> Proof | None:
    """The first argument that holds, for a goal that no point of the grid meets.

    Parameters
    ----------
    goal : Goal
    target : float
    ends : Ends or None
        None where they are not known, or where the arrays need not be monotone between.
    at_ends : tuple of float
        The quantity at both ends; NaN where it is not solved.
    """
    first = by_definition(goal, target)
    if first is not None or ends is None:
        return first
    found = _no_room(ends) or _closed(goal, target, ends) or _world_income(goal, target, ends)
    return found or _monotone(goal, target, ends, at_ends)


def _same(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and bool(np.array_equal(a, b)))


def _no_room(ends: Ends) -> Proof | None:
    low, high = ends.problems
    arrays = ("weight", "weight_net", "factor_base", "deficit", "transfer")
    if not all(_same(getattr(low, a), getattr(high, a)) for a in arrays):
        return None
    if ends.given[0].caps != ends.given[1].caps or low.proportional != high.proportional:
        return None
    return Proof(
        "bounded",
        "the lever has no room: over its whole range it touches no link that trades or opens, "
        "and no money, so that every equilibrium is the same.",
    )


def _links(goal: Goal, ends: Ends) -> list[tuple[int, int]]:
    """Exporter and importer of the links that a goal of a pair counts."""
    if len(goal.countries) != 2:
        return []
    a, b = (ends.world.country_index(c) for c in goal.countries)
    return {
        "exports": [(a, b)],
        "imports": [(b, a)],
        "trade": [(a, b), (b, a)],
        "share": [(a, b), (b, a)],
    }[goal.quantity]


def _closed(goal: Goal, target: float, ends: Ends) -> Proof | None:
    links = _links(goal, ends)
    if not links or target <= 0 or goal.sign == "<=":
        return None
    if any(p.weight[:, i, n].any() for p in ends.problems for i, n in links):
        return None
    a, b = goal.countries
    return Proof(
        "bounded",
        f"the links between {a} and {b} that count here stay closed over the whole range: "
        "their weight is zero, and so is what they carry.",
    )


def _world_income(goal: Goal, target: float, ends: Ends) -> Proof | None:
    """Flows against world factor income over the smallest share of value added."""
    if not goal.is_flow or goal.sign == "<=":
        return None
    if any(_burns(given) for given in ends.given):
        return None
    n = ends.world.n_countries
    a = ends.world.country_index(goal.countries[0])
    b = ends.world.country_index(goal.countries[1]) if len(goal.countries) == 2 else None
    others = [i for i in range(n) if i != a]
    sellers = {
        "exports": [a],
        "imports": others if b is None else [b],
        "trade": list(range(n)) if b is None else [a, b],
    }[goal.quantity]
    least = _least_value_added(ends, sellers)
    income = float(ends.world.value_added.sum())
    if least <= 0 or target <= income / least:
        return None
    return Proof(
        "bounded",
        "exports are at most output, value added of output is factor income, and no country's "
        f"is more than the world's: at most V/min γᵛ = {income:,.0f}/{least:.3g} = "
        f"{income / least:,.0f} million USD.",
    )


def _burns(given: Exogenous) -> bool:
    """A burnt rent is in the customs value of a flow and in nobody's output."""
    return any(cap.owner == "burnt" for cap in given.caps)


def _least_value_added(ends: Ends, sellers: list[int]) -> float:
    """min γᵛ over the sectors that some sellers can ship abroad at either end."""
    live = np.zeros(ends.world.flows.shape, dtype=bool)
    for problem in ends.problems:
        live |= problem.weight > 0
    own = np.arange(ends.world.n_countries)
    live[:, own, own] = False
    ships = np.asarray(live.any(axis=2))[:, sellers]
    shares = ends.world.value_added_share[:, sellers][ships]
    return float(shares.min(initial=1.0))


def _monotone(
    goal: Goal, target: float, ends: Ends, at_ends: tuple[float, float]
) -> Proof | None:
    """The lemma of the module's docstring, where its conditions hold."""
    if not direction_is_proved(goal, ends) or not np.isfinite(at_ends).all():
        return None
    low, high = at_ends
    if goal.sign != "<=" and target > high:
        side = f"highest at the end of the range, {high:.6g}"
    elif goal.sign != ">=" and target < low:
        side = f"lowest at the start of the range, {low:.6g}"
    else:
        return None
    return Proof(
        "monotone",
        f"without inputs, tariffs and deficits, exports of {goal.countries[0]} that become "
        f"cheaper never lower the quantity (gross substitutes); it is {side}.",
    )


def direction_is_proved(goal: Goal, ends: Ends) -> bool:
    """Whether the lemma's conditions hold, so that the quantity does not fall in x."""
    world, (low, high) = ends.world, ends.problems
    if world.input_share.any() or not np.allclose(world.value_added_share, 1.0, atol=1e-12):
        return False
    if not (_bare(low, world) and _bare(high, world)):
        return False
    if not np.array_equal(low.factor_base, high.factor_base):
        return False
    a = world.country_index(goal.countries[0])
    rise = high.weight - low.weight
    if (rise < 0).any() or rise[:, a, a].any() or np.delete(rise, a, axis=1).any():
        return False
    if len(goal.countries) == 1:
        return True
    b = world.country_index(goal.countries[1])
    return goal.quantity == "exports" and not np.delete(rise[:, a, :], b, axis=1).any()


def _bare(problem: Problem, world: World) -> bool:
    """No deficits, transfers, caps or tariffs, and all countries linked where α > 0."""
    money = max(np.abs(problem.deficit).max(), np.abs(problem.transfer).max())
    return bool(
        money <= 1e-12 * world.value_added.min()
        and not problem.caps
        and problem.proportional is None
        and problem.blocks.max() == 0
        and np.array_equal(problem.weight, problem.weight_net)
    )
