"""What has no equilibrium is found before the solve, and explained."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from detente.errors import NoSolutionError
from detente.solver import Problem
from detente.world.core import World

#: payments of a cut-off block count as balanced below this share of its factor income
_BALANCED = 1e-9
#: least flow on an open link, as a share of world factor income, that counts as above zero
_LEAST_FLOW = 1e-12


def require_feasible(world: World, problem: Problem) -> NDArray[np.intp]:
    """Check suppliers and payments; label the blocks that trade with each other.

    Returns
    -------
    ndarray of int, shape (N,)
        Block of each country: one block when all are linked, directly or not.

    Raises
    ------
    NoSolutionError
        With the country, the sector and the reason.
    """
    if _plainly_feasible(problem):
        return np.zeros(world.n_countries, dtype=np.intp)
    _require_suppliers(world, problem)
    links = csr_array(_open_links(problem))
    _require_payments(world, problem, links)
    return _blocks(links)


def blocks_of(problem: Problem) -> NDArray[np.intp]:
    """Label the blocks of countries that trade with each other, unchecked, shape (N,)."""
    return _blocks(csr_array(_open_links(problem)))


def _blocks(links: csr_array) -> NDArray[np.intp]:
    _, blocks = connected_components(links, directed=False)
    return np.asarray(blocks, dtype=np.intp)


def _plainly_feasible(problem: Problem) -> bool:
    """The common case, told cheaply: all own sales, and one sector that links every pair."""
    if not np.einsum("snn->sn", problem.weight).all():
        return False
    wanted = np.flatnonzero((problem.final_share > 0).all(axis=1))
    return any(bool(problem.weight[s].all()) for s in wanted[:3])


def _require_suppliers(world: World, problem: Problem) -> None:
    supplied = problem.weight.any(axis=1)
    sells = problem.weight.any(axis=2)
    used = np.einsum("isk,si->ki", problem.input_share > 0, sells)
    needed = used | (problem.final_share > 0)
    missing = np.argwhere(needed & ~supplied)
    if not missing.size:
        return
    s, n = missing[0]
    sector, country = world.sectors[s], world.countries[n]
    own = world.flows[s, n, n]
    before = world.flows[s, :, n]
    sources = [world.countries[i] for i in np.argsort(-before)[:3] if before[i] > 0]
    why = (
        f"{country} buys none of its own {sector} in the baseline"
        if own == 0
        else f"its own {sector} is closed off as well"
    )
    more = f" ({len(missing)} such cells in all)" if len(missing) > 1 else ""
    raise NoSolutionError(
        f"no equilibrium: {country} needs {sector}, and the scenario leaves it no supplier"
        f"{more}. Its baseline suppliers are {', '.join(sources) or 'none'}; {why}. Leave one "
        f"of them open (leakage above zero is enough), or group the sector with another."
    )


def _open_links(problem: Problem) -> NDArray[np.float64]:
    """[i, n] above zero where i can sell something to n that n spends on.

    However light a link is, wages may move until it carries what it must: only a closed one
    proves that nothing can be paid.
    """
    spends = problem.final_share > 0
    spends |= np.einsum("isk,si->ki", problem.input_share > 0, problem.weight.any(axis=2))
    links: NDArray[np.float64] = np.einsum("sin,sn->in", problem.weight > 0, spends).astype(
        float
    )
    np.fill_diagonal(links, 0.0)
    return links


def _require_payments(world: World, problem: Problem, links: csr_array) -> None:
    """Deficits and transfers must be carried by trade between the strong components.

    Inside a component goods flow both ways and any balance can be reached; between them
    every open link carries something positive, and each component's imports less exports
    is its D′ + transfer. One linear program says whether such flows exist.
    """
    count, group = connected_components(links, directed=True, connection="strong")
    if count == 1:
        return
    size = np.bincount(group, problem.value_added, minlength=count)
    received: NDArray[np.float64] = np.bincount(
        group, problem.deficit + problem.transfer + _pay(problem), minlength=count
    ).astype(float)
    received[np.abs(received) <= _BALANCED * size] = 0.0
    start, end = (group[x] for x in links.nonzero())
    arcs = np.unique(np.column_stack([start, end])[start != end], axis=0)
    if _carried(arcs, received / size.sum()):
        return
    raise NoSolutionError(_unpaid(world, group, arcs, received))


def _pay(problem: Problem) -> NDArray[np.float64]:
    """What hired factors are paid at baseline wages, (N,)."""
    none = np.zeros(len(problem.transfer))
    return none if problem.pay is None else problem.pay.sum(axis=1)


def _carried(arcs: NDArray[Any], received: NDArray[np.float64]) -> bool:
    """Whether flows above zero on every arc give each component what it receives."""
    if not len(arcs):
        return not received.any()
    count, links = received.size, len(arcs)
    balance = np.zeros((count, links + 1))
    balance[arcs[:, 1], np.arange(links)] += 1.0
    balance[arcs[:, 0], np.arange(links)] -= 1.0
    balance[:, -1] = balance[:, :-1].sum(axis=1)  # the least flow, common to all arcs
    found = linprog(
        np.append(np.zeros(links), -1.0), A_eq=balance, b_eq=received, bounds=(0, 1)
    )
    return found.status == 0 and found.x is not None and bool(found.x[-1] > _LEAST_FLOW)


def _unpaid(
    world: World,
    group: NDArray[Any],
    arcs: NDArray[Any],
    received: NDArray[np.float64],
) -> str:
    """Which countries cannot be paid or cannot pay, in words."""
    for g in np.argsort(np.bincount(group), kind="stable"):
        exports, imports = g in arcs[:, 0], g in arcs[:, 1]
        members = ", ".join(world.countries[n] for n in np.flatnonzero(group == g)[:6])
        amount = f"{abs(received[g]):,.1f} million USD"
        if not exports and not imports and received[g]:
            kind = "deficit" if received[g] > 0 else "surplus"
            return (
                f"no equilibrium: {members} is cut off from every partner, yet has a trade "
                f"{kind} of {amount} under this deficit rule and these transfers, which "
                f"nothing can carry. The rules 'balanced' and 'balanced_as_shock' have no "
                f"deficits."
            )
        if imports and not exports and received[g] <= 0:
            return (
                f"no equilibrium: {members} can buy abroad but sell nothing there, and this "
                f"deficit rule and these transfers give it nothing to pay with."
            )
        if exports and not imports and received[g] >= 0:
            return (
                f"no equilibrium: {members} can sell abroad but buy nothing there, so that "
                f"what it earns could not be spent under this deficit rule."
            )
    return (
        "no equilibrium: some countries trade one way only, and the deficits and transfers "
        "do not fit the directions that are open."
    )
