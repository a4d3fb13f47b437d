"""Solve the model's equations on plain arrays; knows no sanctions, trains or countries.

One joint fixed-point map in (ln ŵ, ln P̂, X′) under Anderson acceleration. Link weights
are built once per problem, so an iteration is four batched matrix-vector products.
Whatever the path, the result is accepted only on the residuals of the equations.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detente import model
from detente.anderson import Anderson
from detente.caps import CapLinks, CapState

Array = NDArray[np.float64]

DEFAULT_TOLERANCE = 1e-10
MAX_ITERATIONS = 2000
#: imports over factor income below which market clearing is held to no tighter scale
_LEAST_TRADE = 1e-3
#: largest change of ln ŵ, ln P̂ or X′/X in one step, so that a mixed step cannot run away
_TRUST = 2.0
#: lowest X′ that a step may leave, as a share of what it was
_LEAST_X = 0.05


@dataclass(frozen=True)
class Problem:
    """One counterfactual in exact-hat form. Shapes as in docs/model.md unless stated.

    ``weight`` is a (S, N, N), ``weight_net`` a/(1+t′); both belong to the problem and
    are changed in place on capped links. ``input_share`` is (N, S, S), country first.
    ``factor_base`` is L̂·wL (N,); ``blocks`` labels countries that trade, directly or
    through others (N,), and each block keeps its baseline factor income as numeraire.
    ``proportional`` is the country whose deficit follows its factor income, or None.
    ``pay`` (N, N) gives what n receives for each unit of ŵ[m], or None.
    """

    weight: Array
    weight_net: Array
    input_share: Array
    value_added_share: Array
    final_share: Array
    theta: Array
    value_added: Array
    factor_base: Array
    deficit: Array
    transfer: Array
    expenditure_start: Array
    blocks: NDArray[np.intp]
    proportional: int | None = None
    pay: Array | None = None
    caps: tuple[CapLinks, ...] = ()
    log_wage_start: Array | None = None
    log_price_start: Array | None = None


@dataclass(frozen=True)
class Residual:
    """The largest violation of each condition, and where it is.

    Market clearing is relative to each country's own imports (or to its factor income,
    where that is smaller), down to a thousandth of its factor income. ``balance`` is it
    relative to imports however small, for information: where trade is a billionth of
    income, no double holds its balance, and only real income is determined.
    """

    market_clearing: float
    market_country: int
    expenditure: float
    price: float
    cell: tuple[int, int]
    deficit: float
    cap: float = 0.0
    balance: float = 0.0

    @property
    def largest(self) -> float:
        """The largest of them all; NaN counts as infinite."""
        parts = (self.market_clearing, self.expenditure, self.price, self.deficit, self.cap)
        return math.inf if any(math.isnan(x) for x in parts) else max(parts)


@dataclass(frozen=True)
class Solution:
    """A point of the map: converged or not, with its residual. Shapes as in docs/model.md.

    ``cost_power`` and ``price_power`` are ĉ^−θ and P̂^−θ up to one factor per sector, which
    keeps them from overflowing: only their ratios mean anything.
    """

    wage_hat: Array
    price_hat: Array
    cost_hat: Array
    cost_power: Array
    price_power: Array
    expenditure: Array
    output: Array
    income: Array
    tariff_revenue: Array
    deficit: Array
    rents: Array
    cap_markup: Array
    residual: Residual
    iterations: int
    seconds: float
    converged: bool
    history: tuple[float, ...] = ()


@dataclass
class _Point:
    """One evaluation of the map."""

    log_wage: Array
    log_price: Array
    expenditure: Array
    log_cost: Array
    cost_power: Array
    price_power: Array
    output: Array
    revenue: Array
    rents: Array
    deficit: Array
    income: Array
    new_expenditure: Array
    new_log_price: Array
    wage_gap: Array
    residual: Residual


@dataclass
class _Map:
    """The fixed-point map of one problem."""

    problem: Problem
    caps: CapState = field(init=False)
    bought: NDArray[np.bool_] = field(init=False)
    own_net: Array = field(init=False)

    def __post_init__(self) -> None:
        p = self.problem
        self.caps = CapState(p.caps, p.weight, p.weight_net, p.theta)
        # a cell that nobody can supply has no price; feasibility is checked before
        self.bought = np.asarray(p.weight.any(axis=1))
        self.own_net = np.einsum("snn->sn", p.weight_net)
        # a block cut off from the world keeps its own level
        self._block_base = np.bincount(p.blocks, p.value_added)
        self._theta = p.theta[:, None]
        self._minus_theta = -self._theta
        self._factor_income = float(p.value_added.sum())
        self._all_bought = bool(self.bought.all())

    def normalise(self, log_wage: Array) -> Array:
        """Scale wages so that each block's factor income is its baseline's (eq. 8)."""
        p = self.problem
        now = np.bincount(p.blocks, np.exp(log_wage) * p.factor_base)
        return log_wage - np.log(now / self._block_base)[p.blocks]

    def __call__(self, log_wage: Array, log_price: Array, spent: Array) -> _Point:
        p = self.problem
        log_cost = model.log_unit_cost(log_wage, log_price, p.input_share, p.value_added_share)
        # shares do not change when a sector's q is scaled, and unscaled it can overflow
        log_q = self._minus_theta * log_cost
        shift = log_q.max(axis=1, keepdims=True)
        q = np.exp(log_q - shift)
        cap_gap = self.caps.update(q, log_cost, spent)
        v = model.price_power(p.weight, q)
        safe = v if self._all_bought else np.where(self.bought, v, 1.0)
        demand = spent / safe
        output = model.sales(p.weight_net, q, demand)
        net_of_tariff = model.price_power(p.weight_net, q) * demand
        traded = (net_of_tariff - self.own_net * q * demand).sum(axis=0)
        duties = spent - net_of_tariff
        revenue = (duties if self._all_bought else duties * self.bought).sum(axis=0)
        rents = self.caps.take_rents(q, demand, output)
        wage = np.exp(log_wage)
        earned = wage * p.factor_base + revenue + p.transfer + rents
        if p.pay is not None:
            earned = earned + p.pay @ wage
        deficit = self._deficit(wage, earned)
        income = earned + deficit
        new_spent = model.expenditure(output, income, p.input_share, p.final_share)
        new_log_price = (np.log(safe) + shift) / self._minus_theta
        if not self._all_bought:
            new_log_price[~self.bought] = 0.0
        paid = model.factor_demand(output, p.value_added_share)
        wage_gap = paid / (wage * p.factor_base) - 1.0
        # by Walras' law the gap is one of the trade balance, so that a country that hardly
        # trades is held to its trade, down to a thousandth of its factor income
        trade_share = traded / (wage * p.factor_base)
        residual = _residual(
            wage_gap,
            trade_share,
            spent,
            new_spent,
            self._theta * (new_log_price - log_price),
            deficit,
            cap_gap,
            self._factor_income,
        )
        return _Point(
            log_wage, log_price, spent, log_cost, q, v, output, revenue, rents,
            deficit, income, new_spent, new_log_price, wage_gap, residual,
        )  # fmt: skip

    def _deficit(self, wage: Array, earned: Array) -> Array:
        p = self.problem
        if p.proportional is None:
            return p.deficit
        n = p.proportional
        hat = wage[n] * p.factor_base[n] / p.value_added[n]
        linked = p.blocks == p.blocks[n]
        return model.proportional_deficit(p.deficit, n, float(hat), earned, linked)


def _residual(
    wage_gap: Array,
    trade_share: Array,
    spent: Array,
    new_spent: Array,
    price_gap: Array,
    deficit: Array,
    cap: float,
    factor_income: float,
) -> Residual:
    # zero spending that stays zero is no gap
    spent_gap = np.abs(new_spent - spent)
    spent_gap /= np.maximum(np.maximum(np.abs(new_spent), spent), 1e-300)
    price_gap = np.abs(price_gap)
    held_to = np.abs(wage_gap) / np.minimum(np.maximum(trade_share, _LEAST_TRADE), 1.0)
    worst_wage = int(np.argmax(held_to))
    trades = trade_share > 0
    balance = float(np.max(np.abs(wage_gap[trades]) / trade_share[trades], initial=0.0))
    gap = np.maximum(spent_gap, price_gap)
    cell = divmod(int(np.argmax(gap)), gap.shape[1])
    return Residual(
        market_clearing=float(held_to[worst_wage]),
        market_country=worst_wage,
        expenditure=float(spent_gap.max()),
        price=float(price_gap.max()),
        cell=cell,
        deficit=float(abs(deficit.sum()) / factor_income),
        cap=cap,
        balance=balance,
    )


@dataclass
class _Search:
    """Anderson steps with a trust bound; falls back to plain damped steps when lost."""

    map: _Map
    memory: int = 16
    plain_left: int = 0
    best: float = math.inf
    since_best: int = 0

    def __post_init__(self) -> None:
        p = self.map.problem
        self.n = p.value_added.size
        self.shape = p.final_share.shape
        self.cells = p.final_share.size
        self.unit = p.expenditure_start
        self.anderson = Anderson(self.n + 2 * self.cells, self.memory)
        self.wage_step = _wage_step(p)

    def next(self, point: _Point) -> tuple[Array, Array, Array]:
        """The next (ln ŵ, ln P̂, X′) from an evaluated point."""
        spent, new, n, cells = point.expenditure, point.new_expenditure, self.n, self.cells
        if self.anderson.empty:  # X′ is mixed in units that stay while the history does
            self.unit = np.maximum(np.maximum(new, spent), 1e-300)
        self._watch(point.residual.largest)
        z, f = np.empty((2, n + 2 * cells))
        z[:n] = point.log_wage
        z[n : n + cells] = point.log_price.ravel()
        z[n + cells :] = (spent / self.unit).ravel()
        f[:n] = self.wage_step * np.log1p(np.minimum(np.maximum(point.wage_gap, -0.95), 20.0))
        f[n : n + cells] = (point.new_log_price - point.log_price).ravel()
        f[n + cells :] = ((new - spent) / self.unit).ravel()
        if self.plain_left:
            self.plain_left -= 1
            step = f
        else:
            step = self.anderson.step(z, f)
        return self._apply(point, step, f)

    def _apply(self, point: _Point, step: Array, plain: Array) -> tuple[Array, Array, Array]:
        """Take a step, shortened where it leaves the bounds of trust."""
        n, cells = self.n, self.cells
        spent, new = point.expenditure, point.new_expenditure
        scale = np.maximum(np.maximum(spent, new), 1e-300)
        largest = self._largest(step, scale)
        if not math.isfinite(largest):
            self.anderson.reset()
            step = 0.5 * plain
            largest = self._largest(step, scale)
        if largest > _TRUST:
            step = step * (_TRUST / largest)
        log_wage = self.map.normalise(point.log_wage + step[:n])
        log_price = point.log_price + step[n : n + cells].reshape(self.shape)
        moved = spent + step[n + cells :].reshape(self.shape) * self.unit
        # spending stays positive where there is any, and is zero where nobody needs the good
        moved = np.maximum(moved, _LEAST_X * spent)
        if not spent.all():
            moved = np.where(moved > 0, moved, np.maximum(new, 0.0))
        return log_wage, log_price, np.where(new == 0, 0.0, moved)

    def _largest(self, step: Array, scale: Array) -> float:
        """The largest change of ln ŵ, ln P̂ or X′ over its scale."""
        n = self.n + self.cells
        spent = float(np.abs(step[n:].reshape(self.shape) * (self.unit / scale)).max())
        return max(float(np.abs(step[:n]).max()), spent)

    def _watch(self, residual: float) -> None:
        if residual < self.best * 0.9:
            self.best, self.since_best = residual, 0
            return
        self.since_best += 1
        lost = residual > 1e3 * max(self.best, 1e-9)
        if self.since_best > 25 or (lost and self.since_best > 5):
            self.anderson.reset()
            self.plain_left, self.since_best = 15, 0
            self.best = residual


def _wage_step(p: Problem) -> Array:
    """Share of the log wage gap that a plain step closes, shape (N,).

    Demand for a country's factors falls with its wage at about θ·(1 − own share), so that
    a full step would overshoot by as much.
    """
    own = np.einsum("snn->sn", p.weight)
    total = p.weight.sum(axis=1)
    abroad = 1.0 - np.divide(own, total, out=np.ones_like(own), where=total > 0)
    elasticity = np.einsum("sn,sn,s->n", p.final_share, abroad, p.theta)
    return np.asarray(0.8 / (1.0 + elasticity))


def solve_problem(
    problem: Problem,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Solution:
    """Iterate until every residual is at or below ``tolerance``.

    Returns
    -------
    Solution
        ``converged`` says whether it is one; the caller decides what to raise.
    """
    started = time.perf_counter()
    the_map = _Map(problem)
    search = _Search(the_map)
    n, shape = problem.value_added.size, problem.final_share.shape
    log_wage = np.zeros(n) if problem.log_wage_start is None else problem.log_wage_start
    log_price = np.zeros(shape) if problem.log_price_start is None else problem.log_price_start
    log_wage, spent = the_map.normalise(log_wage), problem.expenditure_start
    history: list[float] = []
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for iteration in range(max_iterations + 1):
            point = the_map(log_wage, log_price, spent)
            history.append(point.residual.largest)
            if history[-1] <= tolerance or iteration == max_iterations or not _usable(point):
                break
            log_wage, log_price, spent = search.next(point)
    seconds = time.perf_counter() - started
    return _solution(problem, the_map, point, iteration, seconds, tolerance, history)


def _usable(point: _Point) -> bool:
    return bool(np.isfinite(point.new_expenditure).all() and np.isfinite(point.wage_gap).all())


def _solution(
    problem: Problem,
    the_map: _Map,
    point: _Point,
    iterations: int,
    seconds: float,
    tolerance: float,
    history: list[float],
) -> Solution:
    return Solution(
        wage_hat=np.exp(point.log_wage),
        price_hat=np.exp(point.log_price),
        cost_hat=np.exp(point.log_cost),
        cost_power=point.cost_power,
        price_power=point.price_power,
        expenditure=point.expenditure,
        output=point.output,
        income=point.income,
        tariff_revenue=point.revenue,
        deficit=point.deficit,
        rents=point.rents,
        cap_markup=the_map.caps.markup,
        residual=point.residual,
        iterations=iterations,
        seconds=seconds,
        converged=point.residual.largest <= tolerance,
        history=tuple(history),
    )
