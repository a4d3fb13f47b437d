"""General equilibrium of gravity: one sector, endowments, given trade costs.

X_ij = (Y_i E_j / Y) (t_ij / (Π_i P_j))^(1−σ), with the multilateral resistances

    Π_i^(1−σ) = Σ_j (t_ij / P_j)^(1−σ) E_j / Y,    P_j^(1−σ) = Σ_i (t_ij / Π_i)^(1−σ) Y_i / Y

(Anderson & van Wincoop 2003, American Economic Review 93, equations 9–13; Yotov et al. 2016,
chapter 2). *Conditional* general equilibrium keeps output Y and expenditure E and lets the
resistances answer. *Full endowment* equilibrium keeps the quantities: factory-gate prices p
clear markets, Y_i = p_i Q_i and E_i = κ φ_i Y_i with the baseline's φ = E/Y.

κ = ΣY / Σ φY makes world expenditure equal world output. The Advanced Guide leaves it out:
then trade balances are fixed shares of output that no longer add up to zero once prices have
moved, and its iteration has no equilibrium to converge to (docs/gravity.md, with figures).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from detente.errors import InputError, NotConvergedError, nearest
from detente.gravity.formula import design
from detente.gravity.irls import Array
from detente.gravity.panel import Panel, panel
from detente.gravity.resistance import resistances
from detente.gravity.results import GravityResult
from detente.sources.checking import listed

#: Largest relative error of any country's margin or market at the end.
TOLERANCE = 1e-10
_STEPS = 200


@dataclass(frozen=True)
class GravityEquilibrium:
    """A general equilibrium beside its baseline; N countries.

    Attributes
    ----------
    kind : str
        ``conditional`` or ``full endowment``.
    table : DataFrame, N rows
        ``output``, ``expenditure`` (baseline, as given), ``exports`` (baseline, predicted),
        and changes in percent: ``exports_change``, ``real_gdp_change``, ``price_change``
        (factory gate), ``inward_change`` and ``outward_change`` (P and Π). Conditional
        equilibrium has no price and no output effect: its real GDP moves with P alone.
    baseline, trade : DataFrame, shape (N, N)
        Predicted flows, exporter by importer, before and after, in the data's unit.
    sigma : float
    reference : str
        Its price index P is the numeraire, before and after.
    expenditure_factor : float
        κ; 1 in conditional equilibrium.
    residual : float
        Largest relative error of a margin or market.
    iterations : int
        Steps that cleared markets; 0 in conditional equilibrium, which has none to clear.
    """

    kind: str
    table: pd.DataFrame
    baseline: pd.DataFrame
    trade: pd.DataFrame
    sigma: float
    reference: str
    expenditure_factor: float
    residual: float
    iterations: int = 0


@dataclass(frozen=True)
class Resistances:
    """Multilateral resistances to the power 1 − σ; N countries.

    Attributes
    ----------
    outward : ndarray, shape (N,)
        Π^(1−σ), in the unit that makes X = Y E t / (outward · inward).
    inward : ndarray, shape (N,)
        P^(1−σ), 1 for the reference country.
    residual : float
    """

    outward: Array
    inward: Array
    residual: float


def multilateral_resistances(
    trade_cost: Array,
    output: Array,
    expenditure: Array,
    reference: int = 0,
    tolerance: float = TOLERANCE,
) -> Resistances:
    """Solve both resistances for given output and expenditure (``resistance.py``).

    Parameters
    ----------
    trade_cost : ndarray, shape (N, N)
        t^(1−σ), from exporter to importer, positive.
    output, expenditure : ndarray, shape (N,)
        Positive, the same sum.
    reference : int
        Country whose inward resistance is 1.
    tolerance : float
        Largest relative error of a margin.

    Raises
    ------
    NotConvergedError
        The tolerance was not reached.
    """
    pull, price = (
        found[0]
        for found in resistances(
            trade_cost[None], output[None], expenditure[None], tolerance=tolerance
        )
    )
    # X = pull · t · E / price = Y E t / (outward · inward)
    outward, inward = output / pull, price
    flow = pull[:, None] * trade_cost * (expenditure / price)
    gaps = flow.sum(axis=1) / output - 1.0, flow.sum(axis=0) / expenditure - 1.0
    gap = max(float(np.abs(g).max()) for g in gaps)
    scale = inward[reference]
    return Resistances(outward * scale, inward / scale, gap)


def conditional_general_equilibrium(
    flows: pd.DataFrame,
    cost: pd.DataFrame,
    cost_new: pd.DataFrame,
    *,
    sigma: float = 7.0,
    reference: str | None = None,
) -> GravityEquilibrium:
    """Resistances answer to new trade costs; output and expenditure stay.

    Parameters
    ----------
    flows : DataFrame, shape (N, N)
        Observed trade, exporter by importer, domestic sales on the diagonal: its margins
        are output and expenditure.
    cost, cost_new : DataFrame, shape (N, N)
        t^(1−σ) before and after, as :func:`trade_costs` gives them.
    sigma : float
        Elasticity of substitution, above 1.
    reference : str, optional
        Country whose P is 1; the largest by default.

    Raises
    ------
    InputError
        Labels that differ, a country without output or expenditure, a cost that is not
        positive.
    """
    given = _Given(flows, cost, cost_new, sigma, reference)
    before, after = given.resist(given.cost), given.resist(given.cost_new)
    trade = given.trade(given.cost_new, after, given.output, given.expenditure)
    price = np.ones(len(given.codes))
    return given.result("conditional", before, after, trade, price, 1.0)


def full_endowment_general_equilibrium(
    flows: pd.DataFrame,
    cost: pd.DataFrame,
    cost_new: pd.DataFrame,
    *,
    sigma: float = 7.0,
    reference: str | None = None,
) -> GravityEquilibrium:
    """Factory-gate prices clear markets for fixed quantities; output and spending follow.

    Parameters
    ----------
    flows, cost, cost_new, sigma, reference
        As for :func:`conditional_general_equilibrium`.

    Raises
    ------
    InputError
        As for :func:`conditional_general_equilibrium`.
    NotConvergedError
        Markets do not clear to the tolerance.
    """
    given = _Given(flows, cost, cost_new, sigma, reference)
    before = given.resist(given.cost)
    price, gap, count = _clear(given, given.output / before.outward)
    made = price * given.output
    spent = given.share * made
    kappa = float(made.sum() / spent.sum())
    found = given.resist(given.cost_new, made, kappa * spent)
    # p^(1−σ) = (Y / Π^(1−σ)) over its baseline, in units of the reference's P.
    power = (made / found.outward) / (given.output / before.outward)
    unit = float(power[given.at] ** (1.0 / (1.0 - sigma)) / price[given.at])
    trade = given.trade(given.cost_new, found, made, kappa * spent) * unit
    after = Resistances(found.outward, found.inward, max(gap, found.residual))
    result = given.result("full endowment", before, after, trade, price * unit, kappa)
    return replace(result, iterations=count)


def _clear(given: _Given, weight: Array) -> tuple[Array, float, int]:
    """Prices at which every country sells what it has; Newton on their logs, damped.

    Demand for i is Σ_j S_ij E_j with shares S_ij = w_i p_i^(1−σ) t_ij / Σ_k w_k p_k^(1−σ) t_kj.
    """
    q, phi, power = given.output, given.share, 1.0 - given.sigma
    log_p, last, count = np.zeros(len(q)), np.inf, 0
    step, trial = np.zeros(len(q)), log_p
    while count < _STEPS:
        count += 1
        made = np.exp(trial) * q
        pull = (weight * np.exp(power * trial))[:, None] * given.cost_new
        share = pull / pull.sum(axis=0)
        spent = phi * made * (made.sum() / (phi @ made))
        sold = share @ spent
        gap = float(np.abs(sold / made - 1.0).max())
        if gap > last and np.abs(step).max() > 1e-12 and gap > TOLERANCE:
            step = step / 2  # too far: back half-way
            trial = log_p + step
            continue
        log_p = trial
        if gap <= 1e-13 or (gap <= TOLERANCE and gap >= last):
            break
        last = gap
        kappa = made / made.sum() - phi * made / (phi @ made)
        jacobian = (
            power * (np.diag(sold) - (share * spent) @ share.T)
            + share * spent
            + np.outer(sold, kappa)
            - np.diag(made)
        )
        # All prices times a constant change nothing: hold the reference's.
        keep = np.arange(len(q)) != given.at
        step = np.zeros(len(q))
        step[keep] = np.linalg.solve(jacobian[np.ix_(keep, keep)], (made - sold)[keep])
        step = np.clip(step, -1.0, 1.0)
        trial = log_p + step
    if not gap <= TOLERANCE:
        raise NotConvergedError(f"markets end {gap:.1e} away from clearing")
    found: Array = np.exp(log_p)
    return found, gap, count


class _Given:
    """Checked inputs as arrays."""

    def __init__(
        self,
        flows: pd.DataFrame,
        cost: pd.DataFrame,
        cost_new: pd.DataFrame,
        sigma: float,
        reference: str | None,
    ) -> None:
        self.codes = _labels(flows, cost, cost_new)
        self.flows, self.cost, self.cost_new = (
            f.loc[self.codes, self.codes].to_numpy(dtype=np.float64)
            for f in (flows, cost, cost_new)
        )
        if not sigma > 1.0:
            raise InputError(f"sigma is {sigma:g}; the elasticity of substitution exceeds 1.")
        self.sigma = sigma
        self.output, self.expenditure = self.flows.sum(axis=1), self.flows.sum(axis=0)
        self._check()
        self.share = self.expenditure / self.output
        if reference is None:
            reference = self.codes[int(np.argmax(self.output))]
        if reference not in self.codes:
            raise InputError(
                f"there is no country '{reference}'.", nearest=nearest(reference, self.codes)
            )
        self.at = self.codes.index(reference)

    def _check(self) -> None:
        for values, what in (
            (self.flows, "flow"),
            (self.cost, "cost"),
            (self.cost_new, "cost"),
        ):
            low = values < 0 if what == "flow" else values <= 0
            bad = ~np.isfinite(values) | low
            if bad.any():
                i, j = np.argwhere(bad)[0]
                raise InputError(
                    f"the {what} from {self.codes[i]} to {self.codes[j]} is {values[i, j]:g}."
                )
        for values, what in ((self.output, "output"), (self.expenditure, "expenditure")):
            none = [c for c, v in zip(self.codes, values, strict=True) if v <= 0]
            if none:
                raise InputError(f"countries without {what}: {listed(none)}; leave them out.")

    def resist(
        self, cost: Array, output: Array | None = None, spent: Array | None = None
    ) -> Resistances:
        return multilateral_resistances(
            cost,
            self.output if output is None else output,
            self.expenditure if spent is None else spent,
            self.at,
        )

    def trade(self, cost: Array, found: Resistances, output: Array, spent: Array) -> Array:
        made: Array = np.outer(output / found.outward, spent / found.inward) * cost
        return made

    def result(
        self,
        kind: str,
        before: Resistances,
        after: Resistances,
        trade: Array,
        price: Array,
        kappa: float,
    ) -> GravityEquilibrium:
        base = self.trade(self.cost, before, self.output, self.expenditure)
        exports, exports_new = (m.sum(axis=1) - np.diag(m) for m in (base, trade))
        power = 1.0 / (1.0 - self.sigma)
        inward = (after.inward / before.inward) ** power
        outward = (after.outward / before.outward) ** power
        real = price / inward
        with np.errstate(divide="ignore", invalid="ignore"):
            change = exports_new / exports
        table = pd.DataFrame(
            {
                "output": self.output,
                "expenditure": self.expenditure,
                "exports": exports,
                "exports_change": 100.0 * (change - 1.0),
                "real_gdp_change": 100.0 * (real - 1.0),
                "price_change": 100.0 * (price - 1.0),
                "inward_change": 100.0 * (inward - 1.0),
                "outward_change": 100.0 * (outward - 1.0),
            },
            index=pd.Index(self.codes, name="country"),
        )
        return GravityEquilibrium(
            kind, table, pd.DataFrame(base, self.codes, self.codes),
            pd.DataFrame(trade, self.codes, self.codes),
            self.sigma, self.codes[self.at], kappa,
            max(before.residual, after.residual),
        )  # fmt: skip


def _labels(*frames: pd.DataFrame) -> list[str]:
    codes = [str(c) for c in frames[0].index]
    for frame in frames:
        rows, columns = [str(c) for c in frame.index], [str(c) for c in frame.columns]
        if len(set(rows)) < len(rows) or set(rows) != set(columns):
            raise InputError("flows and costs need the same countries in rows and columns.")
        strange = sorted(set(rows) ^ set(codes))
        if strange:
            raise InputError(f"flows and costs differ about {listed(strange)}.")
    return codes


def trade_costs(
    result: GravityResult,
    data: pd.DataFrame | Panel,
    change: Mapping[str, float] | None = None,
    years: int | None = None,
) -> pd.DataFrame:
    """t^(1−σ) = exp(Σ coefficient · term) of every pair of one year, shape (N, N).

    Parameters
    ----------
    result : GravityResult
        Its terms, without effects of pairs.
    data : DataFrame or Panel
        One row a pair.
    change : mapping of str to float, optional
        Terms to set to a value: ``{"border": 0}`` takes borders away.
    years : int, optional
        The year, where there are several.

    Raises
    ------
    InputError
        A term that the estimate does not have, a pair that is missing or there twice.
    """
    flows = panel(data, years=years)
    for term in change or {}:
        if term not in result.terms:
            raise InputError(
                f"the estimate has no term '{term}'.", nearest=nearest(term, result.terms)
            )
    drawn = design(flows, result.formula)
    total = np.zeros(len(drawn.rows))
    for term in result.terms:
        values = (change or {}).get(term, drawn.terms[term])
        total = total + result[term] * values
    rows = flows.table.iloc[drawn.rows]
    return square(rows.assign(cost=np.exp(total)), "cost")


def square(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column of pairs as exporter by importer, (N, N).

    Raises
    ------
    InputError
        A pair that is missing or there twice.
    """
    if rows.duplicated(["exporter", "importer"]).any():
        raise InputError("a pair is there twice: choose one year and one sector.")
    codes = sorted({*rows["exporter"], *rows["importer"]})
    found = rows.pivot(index="exporter", columns="importer", values=column)
    found = found.reindex(index=codes, columns=codes)
    if found.isna().to_numpy().any():
        i, j = np.argwhere(found.isna().to_numpy())[0]
        raise InputError(
            f"the pair {codes[i]}-{codes[j]} has no {column}: every pair needs one, "
            f"domestic ones too."
        )
    return found
