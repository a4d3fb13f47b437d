"""The Equilibrium: a solution on a world, with its certificate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from detente import model
from detente.equilibrium.problem import Exogenous
from detente.shocks import Shocks
from detente.solver import Problem, Solution
from detente.world.core import Array, World


@dataclass(frozen=True)
class Certificate:
    """What vouches for a solution: every condition, its largest violation, and where.

    Residuals are relative: market clearing to each country's own imports or factor income,
    whichever is smaller (:class:`detente.solver.Residual`), each cell of expenditure to
    itself, ``price`` how far the shares Σπ′ at the prices given are from one, ``deficit``
    Σ D′ and ``numeraire`` Σ ŵL̂wL to world factor income. ``balance`` is the largest gap of a
    trade balance over that country's imports. ``country`` and ``sector`` say where the
    largest is; a condition of the whole world stands under ``world``.
    """

    converged: bool
    residual: float
    tolerance: float
    iterations: int
    seconds: float
    country: str
    sector: str
    market_clearing: float
    expenditure: float
    price: float
    deficit: float
    cap: float
    balance: float
    numeraire: float
    blocks: int = 1

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    def __str__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        return (
            f"{state}: largest residual {self.residual:.1e} ({self.country}, {self.sector}), "
            f"tolerance {self.tolerance:.0e}, {self.iterations} iterations, "
            f"{self.seconds * 1e3:.1f} ms"
        )


def certify(
    world: World, problem: Problem, solution: Solution, tolerance: float
) -> Certificate:
    """The certificate of a solution, with labels."""
    r = solution.residual
    country, sector = world.countries[r.cell[1]], world.sectors[r.cell[0]]
    if r.market_clearing >= max(r.expenditure, r.price):
        country, sector = world.countries[r.market_country], "factor market"
    if r.largest > max(r.market_clearing, r.expenditure, r.price):
        country, sector = "world", "caps" if r.cap >= r.deficit else "deficits"
    earned = float(solution.wage_hat @ problem.factor_base)
    before = float(world.value_added.sum())
    return Certificate(
        converged=solution.converged,
        residual=r.largest,
        tolerance=tolerance,
        iterations=solution.iterations,
        seconds=solution.seconds,
        country=country,
        sector=sector,
        market_clearing=r.market_clearing,
        expenditure=r.expenditure,
        price=r.price,
        deficit=r.deficit,
        cap=r.cap,
        balance=r.balance,
        numeraire=abs(earned / before - 1.0),
        blocks=int(problem.blocks.max()) + 1,
    )


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A counterfactual that solves the model. Arrays as in docs/model.md, primes without marks.

    Attributes
    ----------
    world : World
        The baseline, re-based for the deficit rule.
    shocks : Shocks
    given : Exogenous
        The scenario's end point.
    problem : Problem
    solution : Solution
        ŵ, P̂, ĉ, X′, Y′, I′, R′, D′, rents and cap mark-ups.
    certificate : Certificate
    """

    world: World
    shocks: Shocks
    given: Exogenous
    problem: Problem
    solution: Solution
    certificate: Certificate

    @property
    def tariff(self) -> Array:
        """t′, shape (S, N, N)."""
        return self.world.tariff if self.given.tariff is None else self.given.tariff

    @cached_property
    def trade_share(self) -> Array:
        """π′[s, i, n], shape (S, N, N)."""
        s = self.solution
        return model.new_share(self.problem.weight, s.cost_power, s.price_power)

    @cached_property
    def spending(self) -> Array:
        """π′X′: what buyers pay on each link, tariff and cap mark-up included, (S, N, N)."""
        return self.trade_share * self.solution.expenditure[:, None, :]

    @cached_property
    def customs_value(self) -> Array:
        """π′X′/(1+t′), shape (S, N, N), million USD."""
        return self.spending / (1.0 + self.tariff)

    @cached_property
    def markup(self) -> Array | None:
        """1+μ on each link, shape (S, N, N); None without a binding cap."""
        if not np.any(self.solution.cap_markup > 0):
            return None
        markup = np.ones_like(self.spending)
        for cap, mu in zip(self.problem.caps, self.solution.cap_markup, strict=True):
            markup[cap.sector, cap.exporters, cap.importers] = 1.0 + mu
        return markup

    @cached_property
    def flows(self) -> Array:
        """F′ = π′X′/((1+t′)(1+μ)): the exporter's revenue, shape (S, N, N), million USD.

        On links whose rent is burnt it is the customs value (see caps.py).
        """
        if self.markup is None:
            return self.customs_value
        flows = self.customs_value / self.markup
        for cap in self.problem.caps:
            burnt = cap.owner.sum(axis=1) == 0
            cells = (cap.sector, cap.exporters[burnt], cap.importers[burnt])
            flows[cells] = self.customs_value[cells]
        return flows

    @property
    def wage_hat(self) -> Array:
        """ŵ[n], shape (N,)."""
        return self.solution.wage_hat

    @property
    def price_hat(self) -> Array:
        """P̂[s, n], shape (S, N)."""
        return self.solution.price_hat

    @property
    def cost_hat(self) -> Array:
        """ĉ[s, i], shape (S, N): unit cost of the producer, trade cost not included."""
        return self.solution.cost_hat

    @property
    def expenditure(self) -> Array:
        """X′[s, n], shape (S, N), million USD."""
        return self.solution.expenditure

    @property
    def output(self) -> Array:
        """Y′[s, i], shape (S, N), million USD."""
        return self.solution.output

    @property
    def income(self) -> Array:
        """I′[n], shape (N,), million USD."""
        return self.solution.income

    @cached_property
    def value_added(self) -> Array:
        """ŵ L̂ wL, shape (N,), million USD."""
        return self.wage_hat * self.problem.factor_base

    @cached_property
    def final_price_hat(self) -> Array:
        """Πₛ P̂^α, shape (N,): the price of final demand."""
        return model.final_price_hat(self.price_hat, self.world.final_share)

    @cached_property
    def income_hat(self) -> Array:
        """Î, shape (N,)."""
        return self.income / self.world.income

    @cached_property
    def welfare_hat(self) -> Array:
        """Ŵ = Î/Πₛ P̂^α, as consumed, shape (N,)."""
        return model.real_income_hat(self.income_hat, self.price_hat, self.world.final_share)

    @cached_property
    def own_earnings_hat(self) -> Array:
        """((I′ − D′ − transfer)/P̂) / (I − D), shape (N,); what is paid for work is earned."""
        earned = self.income - self.solution.deficit - self.problem.transfer
        if self.shocks.payment is not None:
            earned = earned + self.shocks.payment
        return earned / self.final_price_hat / (self.world.income - self.world.deficit)

    @cached_property
    def deficit_new(self) -> Array:
        """Imports less exports but for rents, million USD, shape (N,): D′, transfers, pay."""
        received = self.solution.deficit + self.problem.transfer
        if self.problem.pay is not None:
            received = received + self.problem.pay @ self.wage_hat
        return received

    @cached_property
    def equivalent_variation(self) -> Array:
        """(Ŵ − 1)·I, shape (N,), million USD."""
        return (self.welfare_hat - 1.0) * self.world.income
