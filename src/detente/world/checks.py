"""Checks of a world: small named identities, each with its largest violation and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from detente.errors import WorldError
from detente.world.core import Array, World, label_of

#: Largest relative violation that an exact world may show.
TOLERANCE = 1e-9

#: A cell below this share of its country's income is compared with that instead of itself.
FLOOR = 1e-12


@dataclass(frozen=True)
class CheckResult:
    """One identity, as one world meets it.

    Parameters
    ----------
    name : str
        Short name of the check.
    identity : str
        The identity in docs/model.md's notation.
    violation : float
        Largest violation of one cell relative to that cell (a count where the identity
        counts cells).
    total : float
        Sum of absolute violations over the sum of absolute sizes: the violation in all.
    where : str
        Country and sector of the largest violation; empty where there is none.
    tolerance : float
        The largest violation that passes.
    informational : bool
        Whether it only informs: such a check never fails.
    """

    name: str
    identity: str
    violation: float
    total: float
    where: str
    tolerance: float
    informational: bool = False

    @property
    def passed(self) -> bool:
        """Whether the identity holds within the tolerance (NaN does not)."""
        return self.informational or self.violation <= self.tolerance


@dataclass(frozen=True)
class CheckReport:
    """Every check of one world.

    Parameters
    ----------
    world : str
        Name of the world.
    results : tuple of CheckResult
        In the order of docs/model.md.
    """

    world: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(r.passed for r in self.results)

    @cached_property
    def worst(self) -> CheckResult:
        """The check with the largest violation, informational ones left out."""
        binding = [r for r in self.results if not r.informational]
        return max(binding, key=lambda r: np.nan_to_num(r.violation, nan=np.inf))

    def __getitem__(self, name: str) -> CheckResult:
        return next(r for r in self.results if r.name == name)

    def table(self) -> pd.DataFrame:
        """One row per check: violation, total, where, tolerance, status."""
        rows = [
            {
                "check": r.name,
                "identity": r.identity,
                "violation": r.violation,
                "total": r.total,
                "where": r.where,
                "tolerance": r.tolerance,
                "status": _status(r),
            }
            for r in self.results
        ]
        return pd.DataFrame(rows)

    def require(self) -> CheckReport:
        """Itself, when every check passed.

        Raises
        ------
        WorldError
            Naming every check that failed, its violation and where.
        """
        failed = [r for r in self.results if not r.passed]
        if failed:
            told = "; ".join(
                f"{r.name} ({r.identity}) by {r.violation:.3g} at {r.where}" for r in failed
            )
            raise WorldError(
                f"world '{self.world}' fails {len(failed)} of {len(self.results)} checks at "
                f"tolerance {failed[0].tolerance:g}: {told}. Re-base it, or mend its tables."
            )
        return self


def require_within(world: World, tolerance: float) -> World:
    """Return the world, unless an identity fails in all by more than the tolerance.

    Raises
    ------
    WorldError
        Naming the identity, by how much it fails, and where most.
    """
    results = check(world, tolerance).results
    beyond = [r for r in results if not r.informational and not r.total <= tolerance]
    if beyond:
        worst = max(beyond, key=lambda r: r.total)
        raise WorldError(
            f"world '{world.name}' misses the identity '{worst.name}' ({worst.identity}) by "
            f"{worst.total:.2%} in all, most of its own size at {worst.where}; the tolerance "
            f"is {tolerance:.2g}. Look for a missing table, a wrong unit, or values that "
            "leave tariffs out; meta['tolerance'] states another."
        )
    return world


def check(world: World, tolerance: float = TOLERANCE) -> CheckReport:
    """Check every identity of a baseline.

    Parameters
    ----------
    world : World
        The world; it is not changed.
    tolerance : float
        Largest relative violation that passes.

    Returns
    -------
    CheckReport
        One result per identity, informational counts included.
    """
    return CheckReport(world.name, tuple(c(world, tolerance) for c in CHECKS))


# -- the identities ----------------------------------------------------------------------
def cost_shares(world: World, tolerance: float) -> CheckResult:
    """Σₖ γ[k,s,i] + γᵛ[s,i] = 1 in every cell."""
    gap = world.input_share.sum(axis=0) + world.value_added_share - 1.0
    return _result(
        world, "cost shares", "Σₖγ + γᵛ = 1", axes="si", gap=gap, size=1.0, tolerance=tolerance
    )


def final_shares(world: World, tolerance: float) -> CheckResult:
    """Σₛ α[s,n] = 1 in every country."""
    gap = world.final_share.sum(axis=0) - 1.0
    return _result(
        world, "final shares", "Σₛα = 1", axes="n", gap=gap, size=1.0, tolerance=tolerance
    )


def trade_shares(world: World, tolerance: float) -> CheckResult:
    """Σᵢ π[s,i,n] = 1 wherever n buys s."""
    gap = np.where(world.expenditure > 0, world.trade_share.sum(axis=1) - 1.0, 0.0)
    return _result(
        world, "trade shares", "Σᵢπ = 1", axes="sn", gap=gap, size=1.0, tolerance=tolerance
    )


def expenditure(world: World, tolerance: float) -> CheckResult:
    """X[s,n] = Σₖ γ[s,k,n] Y[k,n] + α[s,n] I[n], relative to the cell."""
    gap = world.expenditure - demand(world)
    size = np.maximum(np.maximum(world.expenditure, demand(world)), FLOOR * world.income)
    return _result(
        world,
        "expenditure",
        "X = Σₖ γ Y + α I",
        axes="sn",
        gap=gap,
        size=size,
        tolerance=tolerance,
    )


def value_added(world: World, tolerance: float) -> CheckResult:
    """WL[n] = Σₛ γᵛ[s,n] Y[s,n], relative to wL."""
    gap = world.value_added - (world.value_added_share * world.output).sum(axis=0)
    size = world.value_added
    return _result(
        world, "value added", "wL = Σₛ γᵛ Y", axes="n", gap=gap, size=size, tolerance=tolerance
    )


def deficit(world: World, tolerance: float) -> CheckResult:
    """D[n] = imports − exports, net of tariff, relative to wL."""
    gap = world.deficit - (world.flows.sum(axis=(0, 1)) - world.flows.sum(axis=(0, 2)))
    size = world.value_added
    return _result(
        world,
        "deficit",
        "D = imports − exports",
        axes="n",
        gap=gap,
        size=size,
        tolerance=tolerance,
    )


def world_deficit(world: World, tolerance: float) -> CheckResult:
    """Σₙ D[n] = 0, relative to world value added."""
    gap, size = world.deficit.sum(), world.value_added.sum()
    return _result(
        world, "world deficit", "Σₙ D = 0", axes="", gap=gap, size=size, tolerance=tolerance
    )


def positive_income(world: World, tolerance: float) -> CheckResult:
    """WL[n] > 0 and I[n] > 0: a country without either has no equilibrium."""
    lowest = np.minimum(world.value_added, world.income)
    gap = np.where(lowest > 0, 0.0, 1.0)
    return _result(
        world, "income", "wL > 0 and I > 0", axes="n", gap=gap, size=1.0, tolerance=tolerance
    )


def coverage_range(world: World, tolerance: float) -> CheckResult:
    """Coverage c[s,i,n] lies in [0, 1]."""
    gap = _largest(world, [c - np.clip(c, 0.0, 1.0) for c in world.coverage.values()])
    return _result(
        world, "coverage", "0 ≤ c ≤ 1", axes="sin", gap=gap, size=1.0, tolerance=tolerance
    )


def dormant_range(world: World, tolerance: float) -> CheckResult:
    """ψ[s,n,n] = 0: a home market cannot be a closed border."""
    home = np.eye(world.n_countries)
    gap = _largest(world, [psi * home for psi in world.dormant.values()])
    return _result(
        world,
        "dormant shares",
        "ψ[s,n,n] = 0",
        axes="sin",
        gap=gap,
        size=1.0,
        tolerance=tolerance,
    )


def no_own_sales(world: World, tolerance: float) -> CheckResult:
    """Cells with output and no sales at home: autarky has no price there (a count)."""
    own = np.einsum("snn->sn", world.flows)
    cells = (own == 0) & (world.output > 0)
    return _count(
        world,
        "no own sales",
        "F[s,n,n] > 0 where Y > 0",
        axes="sn",
        cells=cells,
        tolerance=tolerance,
    )


def negative_inputs(world: World, tolerance: float) -> CheckResult:
    """Cells with a negative input share (a count: published tables have a few)."""
    cells = world.input_share < 0
    return _count(
        world, "negative inputs", "γ ≥ 0", axes="ksi", cells=cells, tolerance=tolerance
    )


def no_supplier(world: World, tolerance: float) -> CheckResult:
    """Cells that are needed and that nobody supplies (a count; expenditure fails there)."""
    cells = (world.expenditure == 0) & (demand(world) > FLOOR * world.income)
    identity = "X > 0 where demand > 0"
    return _count(world, "no supplier", identity, axes="sn", cells=cells, tolerance=tolerance)


def home_tariff(world: World, tolerance: float) -> CheckResult:
    """Cells whose domestic flows pay a tariff (a count: regions may have one inside)."""
    cells = np.einsum("snn->sn", world.tariff) != 0
    return _count(
        world, "home tariff", "t[s,n,n] = 0", axes="sn", cells=cells, tolerance=tolerance
    )


CHECKS: tuple[Callable[[World, float], CheckResult], ...] = (
    cost_shares,
    final_shares,
    trade_shares,
    expenditure,
    value_added,
    deficit,
    world_deficit,
    positive_income,
    coverage_range,
    dormant_range,
    negative_inputs,
    no_own_sales,
    no_supplier,
    home_tariff,
)


# -- helpers -----------------------------------------------------------------------------
def demand(world: World) -> Array:
    """Σₖ γ[s,k,n] Y[k,n] + α[s,n] I[n] (docs/model.md, equation 5), million USD; (S, N)."""
    inputs: Array = np.einsum("ksn,sn->kn", world.input_share, world.output)
    return inputs + world.final_share * world.income


def _result(
    world: World,
    name: str,
    identity: str,
    *,
    axes: str,
    gap: ArrayLike,
    size: ArrayLike,
    tolerance: float,
) -> CheckResult:
    """Find the largest |gap|/size; a gap where the size is zero is infinite."""
    gaps, sizes = np.broadcast_arrays(np.abs(gap), np.abs(size))
    safe = np.where(sizes > 0, sizes, 1.0)
    relative = np.where(sizes > 0, gaps / safe, np.where(gaps > 0, np.inf, 0.0))
    top = np.unravel_index(int(np.argmax(relative)), relative.shape)
    violation = float(relative[top])
    scale = float(sizes.sum())
    total = float(gaps.sum()) / scale if scale > 0 else violation
    where = _place(world, axes, top) if violation > 0 else ""
    return CheckResult(name, identity, violation, total, where, tolerance)


def _count(
    world: World,
    name: str,
    identity: str,
    *,
    axes: str,
    cells: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    tolerance: float,
) -> CheckResult:
    """How many cells are so, and the first of them; it informs and never fails."""
    found = np.argwhere(cells)
    where = _place(world, axes, tuple(found[0])) if len(found) else ""
    share = float(cells.mean())
    return CheckResult(name, identity, float(len(found)), share, where, tolerance, True)


def _place(world: World, axes: str, position: tuple[np.intp, ...]) -> str:
    labels = [label_of(world, a, int(j)) for a, j in zip(axes, position, strict=True)]
    return ", ".join(labels) or "world"


def _largest(world: World, gaps: list[Array]) -> Array:
    """Take each link's largest absolute gap over several arrays; zero where none is given."""
    if not gaps:
        return np.zeros((1, 1, 1))
    worst: Array = np.max(np.abs(gaps), axis=0)
    return worst


def _status(result: CheckResult) -> str:
    if result.informational:
        return "note" if result.violation else "passed"
    return "passed" if result.passed else "FAILED"
