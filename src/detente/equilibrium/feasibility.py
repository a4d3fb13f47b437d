"""What has no equilibrium is found before the solve, and explained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from detente.errors import NoSolutionError
from detente.solver import Problem
from detente.world.core import World

#: payments of a cut-off block count as balanced below this share of its factor income
_BALANCED = 1e-9


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
    _require_suppliers(world, problem)
    links = csr_array(_open_links(problem))
    _require_payments(world, problem, links)
    _, blocks = connected_components(links, directed=False)
    return np.asarray(blocks, dtype=np.intp)


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
    """[i, n] above zero where i can sell something to n that n spends on."""
    spends = problem.final_share > 0
    spends |= np.einsum("isk,si->ki", problem.input_share > 0, problem.weight.any(axis=2))
    links: NDArray[np.float64] = np.einsum("sin,sn->in", problem.weight > 0, spends).astype(
        float
    )
    np.fill_diagonal(links, 0.0)
    return links


def _require_payments(world: World, problem: Problem, links: csr_array) -> None:
    """A block that cannot export must be paid for; one that cannot import must pay."""
    count, group = connected_components(links, directed=True, connection="strong")
    if count == 1:
        return
    start, end = links.nonzero()
    across = group[start] != group[end]
    exports = np.isin(np.arange(count), group[start[across]])
    imports = np.isin(np.arange(count), group[end[across]])
    received = np.bincount(group, problem.deficit + problem.transfer, minlength=count)
    size = np.bincount(group, problem.value_added, minlength=count)
    for g in range(count):
        share = received[g] / size[g]
        if exports[g] and imports[g]:
            continue
        members = ", ".join(world.countries[n] for n in np.flatnonzero(group == g)[:6])
        if not exports[g] and not imports[g] and abs(share) > _BALANCED:
            kind = "deficit" if share > 0 else "surplus"
            raise NoSolutionError(
                f"no equilibrium: the scenario cuts {members} off from every partner, yet the "
                f"deficit rule gives it a trade {kind} of {abs(received[g]):,.1f} million USD, "
                f"which nothing can carry. Use the deficit rule 'balanced' or "
                f"'balanced_as_shock'."
            )
        if imports[g] and not exports[g] and share <= _BALANCED:
            raise NoSolutionError(
                f"no equilibrium: {members} can buy abroad but sell nothing there, and the "
                f"deficit rule gives it nothing to pay with."
            )
        if exports[g] and not imports[g] and share >= -_BALANCED:
            raise NoSolutionError(
                f"no equilibrium: {members} can sell abroad but buy nothing there, so its "
                f"earnings could not be spent under this deficit rule."
            )
