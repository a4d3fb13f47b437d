"""The Advanced Guide to Trade Policy Analysis, computed again and set beside the print.

Yotov, Y. V., R. Piermartini, J.-A. Monteiro and M. Larch (2016), An Advanced Guide to Trade
Policy Analysis: The Structural Gravity Model, UNCTAD and WTO. Printed coefficients, with their
sources, are in :mod:`detente.gravity.printed`. Printed general-equilibrium results are the
authors' tables in the repository pachadotdev/tradepolicy
(``00-application-files/Chapter2/Applications/*/Results/*_FULL.xls``), rounded here to 4 digits
after the point in ``agtpa_printed.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError
from detente.gravity.equilibrium import (
    conditional_general_equilibrium,
    full_endowment_general_equilibrium,
    multilateral_resistances,
    square,
    trade_costs,
)
from detente.gravity.estimate import gravity
from detente.gravity.irls import Array
from detente.gravity.panel import Panel, panel
from detente.gravity.printed import CHAPTER2, DERIVED, EFFECTS, LAGS, MODELS, PAIR
from detente.gravity.results import GravityResult

CITATION = (
    "Yotov, Y. V., R. Piermartini, J.-A. Monteiro and M. Larch (2016), An Advanced Guide to "
    "Trade Policy Analysis: The Structural Gravity Model, UNCTAD and WTO."
)
YEARS = (1986, 1990, 1994, 1998, 2002, 2006)
SIGMA, REFERENCE, STOP = 7.0, "DEU", 0.01
#: Steps after which the Guide's iteration counts as never settling.
SETTLE = 300
#: Half a unit of the third digit after the point, plus rounding.
PRINTED_TOLERANCE = 0.5001e-3
#: Percentage points: half a unit of the fourth digit, and what the authors' own tolerances
#: leave in the seventh significant one.
GE_TOLERANCE = 1e-4
#: Countries that a short table shows.
SELECTED = ("USA", "CHN", "JPN", "KOR", "DEU", "CAN", "MEX", "AUS", "HUN", "BOL")
WHY_THEY_DIFFER = (
    "Full endowment equilibrium as printed is not yet a solution: the stop rule of 0.01 ends "
    "the iteration early, and expenditure as a fixed multiple of each country's output no "
    "longer adds up to world output, so that the iteration settles beside an equilibrium "
    "(borders) or not at all (NAFTA). Solved: markets clear to 1e-10 and one factor for all "
    "makes world expenditure equal world output."
)


@dataclass(frozen=True)
class Replication:
    """The Guide beside us.

    Attributes
    ----------
    coefficients : DataFrame
        ``table``, ``term``, ``printed``, ``printed_error``, ``computed``,
        ``computed_error``, ``difference``, ``error_difference``, ``agrees`` (to the printed
        digits); rows of a table are counted by the term ``rows``.
    equilibrium : DataFrame
        ``application`` (borders, nafta), ``country``, ``figure``, ``printed``, ``computed``
        (the Guide's procedure with its stop rule), ``difference``, ``agrees``.
    converged : DataFrame
        The full endowment results once more, in percent: ``printed``; ``iterated`` (the
        Guide's procedure run until nothing moves; NaN where it never settles); ``solved``
        (markets clear, world expenditure equals world output); ``difference`` (solved −
        printed) and its parts ``not_converged`` (iterated − printed) and ``world_balance``
        (solved − iterated).
    iterations : dict
        Steps that the printed stop rule took, by application (5 and 3 in the authors' logs).
    agrees : bool
    """

    coefficients: pd.DataFrame
    equilibrium: pd.DataFrame
    converged: pd.DataFrame
    iterations: dict[str, int]
    agrees: bool
    citation: str = CITATION
    name: str = "agtpa"

    @property
    def summary(self) -> pd.DataFrame:
        """Per application and figure: how many are compared, and the largest differences."""
        keys = ["application", "figure"]
        rows = self.equilibrium.assign(largest=self.equilibrium["difference"].abs())
        table = rows.groupby(keys, sort=False).agg(
            countries=("country", "size"), largest=("largest", "max")
        )
        solved = self.converged.assign(solved=self.converged["difference"].abs())
        gap = solved.groupby(keys, sort=False)["solved"].agg(["median", "max"])
        table["solved_median"], table["solved_largest"] = gap["median"], gap["max"]
        return table.reset_index()

    @property
    def selection(self) -> pd.DataFrame:
        """Borders gone, percent: exports and real GDP of ten countries, four ways each."""
        own = self.converged[self.converged["application"] == "borders"]
        computed = self.equilibrium[self.equilibrium["application"] == "borders"]
        parts = {}
        for figure, label in (("exports_full", "exports"), ("real_gdp", "real_gdp")):
            rows = own[own["figure"] == figure].set_index("country").loc[list(SELECTED)]
            same = computed[computed["figure"] == figure].set_index("country")["computed"]
            parts[f"{label}_printed"] = rows["printed"]
            parts[f"{label}_computed"] = same.loc[list(SELECTED)]
            parts[f"{label}_settled"] = rows["iterated"]
            parts[f"{label}_solved"] = rows["solved"]
        return pd.DataFrame(parts).rename_axis("country").reset_index()

    @property
    def text(self) -> str:
        """The verdict and what explains the differences, one paragraph a line."""
        verdict = "replicated" if self.agrees else "NOT replicated"
        lines = len(self.coefficients)
        largest = self.equilibrium["difference"].abs().max()
        return (
            f"{verdict}: {int(self.coefficients['agrees'].sum())} of {lines} coefficients, "
            f"errors and counts to the printed digits; {len(self.equilibrium)} figures of "
            f"general equilibrium, with the Guide's own iteration and stop rule, within "
            f"{largest:.1e} percentage points (allowed {GE_TOLERANCE:.0e}).\n{WHY_THEY_DIFFER}"
        )

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name, full precision; the first is the main one."""
        return {
            "coefficients": self.coefficients,
            "largest_differences": self.summary,
            "selection": self.selection,
            "equilibrium": self.equilibrium,
            "converged": self.converged,
        }

    @property
    def facts(self) -> dict[str, object]:
        """What else a JSON document says."""
        return {
            "iterations": dict(self.iterations),
            "largest_difference": float(self.equilibrium["difference"].abs().max()),
            "allowed": GE_TOLERANCE,
        }


def printed_equilibrium() -> pd.DataFrame:
    """The printed general-equilibrium figures: ``application``, ``country``, five figures."""
    source = files("detente.gravity").joinpath("agtpa_printed.csv")
    with source.open("r", encoding="utf-8") as stream:
        return pd.read_csv(stream, keep_default_na=False)


def agtpa(folder: str | Path) -> Replication:
    """Chapters 1 and 2 of the Guide on its own data.

    Parameters
    ----------
    folder : str or Path
        With ``agtpa_applications.csv`` or ``.csv.gz``: the data set of that name in the R
        package tradepolicy.

    Raises
    ------
    InputError
        The file is not there or lacks a column.
    """
    data = _data(folder)
    coefficients = [*_chapter1(data)]
    borders = _borders(data)
    nafta = _nafta(data)
    coefficients += _compare("borders", CHAPTER2["borders"], borders.result)
    coefficients += _compare("nafta stage 2", CHAPTER2["nafta stage 2"], nafta.result)
    table = pd.DataFrame(coefficients)
    printed = printed_equilibrium()
    equilibrium = pd.concat([_beside(a, printed) for a in (borders, nafta)], ignore_index=True)
    converged = pd.concat([_converged(a, printed) for a in (borders, nafta)], ignore_index=True)
    agrees = bool(table["agrees"].all() and equilibrium["agrees"].all())
    steps = {a.name: a.steps for a in (borders, nafta)}
    return Replication(table, equilibrium, converged, steps, agrees)


def _data(folder: str | Path) -> Panel:
    folder = Path(folder)
    names = ("agtpa_applications.csv.gz", "agtpa_applications.csv")
    found = [folder / n for n in names if (folder / n).is_file()]
    if not found:
        raise InputError(f"'{names[0]}' is not in '{folder}'.")
    data = panel(found[0])
    table = data.table
    own = (table["exporter"] == table["importer"]).to_numpy()
    return replace(data, table=table.assign(home=np.where(own, table["exporter"], "abroad")))


# -- chapter 1 -----------------------------------------------------------------------------
def _chapter1(data: Panel) -> list[dict[str, object]]:
    data = panel(data, years=YEARS)
    abroad = data.table["exporter"] != data.table["importer"]
    foreign = replace(data, table=data.table[abroad])
    rows: list[dict[str, object]] = []
    for name, (formula, domestic, estimator, printed, n) in MODELS.items():
        result = gravity(data if domestic else foreign, formula, estimator=estimator)
        rows += _compare(name, printed, result)
        rows.append(_row(name, "rows", (n, 0.0), (result.n_obs, 0.0)))
        for (table, figure), values in DERIVED.items():
            if table == name:
                rows.append(_row(name, figure, values, _derived(result, figure)))
    return rows


def _derived(result: GravityResult, figure: str) -> tuple[float, float]:
    if figure == "sum of lags":
        return result.sums(*LAGS)
    years = {t.split("=")[-1]: t for t in result.terms if "year=" in t}
    return result.percent_change(years["2006"], years["1986"])


def _compare(
    table: str, printed: dict[str, tuple[float, float]], result: GravityResult
) -> list[dict[str, object]]:
    return [
        _row(table, term, values, (result[term], result.error_of(term)))
        for term, values in printed.items()
    ]


def _row(
    table: str, term: str, printed: tuple[float, float], computed: tuple[float, float]
) -> dict[str, object]:
    gaps = [c - p for c, p in zip(computed, printed, strict=True)]
    return {
        "table": table,
        "term": term,
        "printed": printed[0],
        "printed_error": printed[1],
        "computed": computed[0],
        "computed_error": computed[1],
        "difference": gaps[0],
        "error_difference": gaps[1],
        "agrees": max(map(abs, gaps)) <= PRINTED_TOLERANCE,
    }


# -- chapter 2 -----------------------------------------------------------------------------
@dataclass(frozen=True)
class _Application:
    """An application of chapter 2: what it needs and what its procedure gives."""

    name: str
    result: GravityResult
    flows: pd.DataFrame
    cost: pd.DataFrame
    cost_new: pd.DataFrame
    sign: float  # the Guide reports NAFTA's effect: baseline over counterfactual
    table: pd.DataFrame
    steps: int


def _borders(data: Panel) -> _Application:
    """Application 1: all borders gone, 2006."""
    year = panel(data, years=2006)
    formula = "trade ~ ln_distance + contiguity + border | exporter + importer"
    result = gravity(year, formula, cluster=None)
    costs = trade_costs(result, year), trade_costs(result, year, {"border": 0.0})
    return _application("borders", result, square(year.table, "trade"), *costs, 1.0)


def _nafta(data: Panel) -> _Application:
    """Application 2: NAFTA's effect, 1994.

    Costs are the pair effects of the panel; pairs that never trade get theirs from a second
    Poisson regression of the others' costs on geography (Anderson & Yotov 2016).
    """
    every = panel(data, years=YEARS)
    first = gravity(every, f"trade ~ rta | {EFFECTS} + pair")
    year = panel(data, years=1994)
    effects = first.fixed_effects()["pair"].set_index("pair")["value"]
    table = year.table
    pairs = np.where(
        table["exporter"] < table["importer"],
        table["exporter"] + "-" + table["importer"],
        table["importer"] + "-" + table["exporter"],
    )
    home = {c: float(effects[f"{c}-{c}"]) / 2 for c in sorted(set(table["exporter"]))}
    own = table["exporter"].map(home) + table["importer"].map(home)
    bar = np.exp(effects.reindex(pairs).to_numpy() - own.to_numpy())
    second_data = table.assign(trade=bar)
    abroad = table["exporter"] != table["importer"]
    second = gravity(
        second_data[abroad],
        f"trade ~ {PAIR} | exporter + importer",
        columns={"trade": "trade"},
    )
    guess = second.predict(replace(year, table=table))
    bar = np.where(np.isnan(bar), guess, bar)
    rta = year.numbers("rta")
    members = ("CAN", "MEX", "USA")
    nafta = (
        table["exporter"].isin(members) & table["importer"].isin(members) & abroad
    ).to_numpy()
    without = np.where(nafta, 0.0, rta)
    costs = [
        square(table.assign(cost=bar * np.exp(first["rta"] * r)), "cost")
        for r in (rta, without)
    ]
    return _application("nafta", second, square(table, "trade"), costs[0], costs[1], -1.0)


def _application(
    name: str,
    result: GravityResult,
    flows: pd.DataFrame,
    cost: pd.DataFrame,
    cost_new: pd.DataFrame,
    sign: float,
) -> _Application:
    conditional = conditional_general_equilibrium(
        flows, cost, cost_new, sigma=SIGMA, reference=REFERENCE
    ).table
    full, steps = guide_iteration(flows, cost, cost_new, stop=STOP)
    table = full.assign(exports_conditional=conditional["exports_change"])
    return _Application(name, result, flows, cost, cost_new, sign, table, steps)


def guide_iteration(
    flows: pd.DataFrame,
    cost: pd.DataFrame,
    cost_new: pd.DataFrame,
    *,
    sigma: float = SIGMA,
    reference: str = REFERENCE,
    stop: float = STOP,
    most: int = 1000,
) -> tuple[pd.DataFrame, int]:
    """Full endowment equilibrium as the Guide iterates it (its box on page 106).

    Factory-gate prices are read off the exporter effects of a Poisson regression with given
    costs, flows are moved by prices and resistances, and the regression is run again, until
    the standard deviation *and the largest* (not the largest absolute) change of the step in
    prices are at most ``stop``. Such a regression only fits its margins, so it is solved here
    as the resistances of given margins.

    Returns
    -------
    (DataFrame, int)
        ``exports_full``, ``price``, ``inward``, ``real_gdp``: changes in percent; steps.
    """
    codes = [str(c) for c in flows.index]
    new, at = cost_new.to_numpy(), codes.index(reference)
    output, spent = flows.to_numpy().sum(axis=1), flows.to_numpy().sum(axis=0)
    share, power = spent / output, 1.0 / (1.0 - sigma)
    start = _State(cost.to_numpy(), output, spent, at)
    now = _State(new, output, spent, at)
    moved = [np.zeros(len(codes)), now.price_over(start, power)]
    ratio = np.ones((2, len(codes)))
    steps = 0
    while steps < most:
        steps += 1
        flow = now.flow * np.outer(moved[-1] / ratio[0], moved[-1] / ratio[1])
        then, now = now, _State(new, flow.sum(axis=1), flow.sum(axis=0), at, share)
        moved.append(now.price_over(then, power))
        ratio = np.array([now.outward / then.outward, now.inward / then.inward])
        gap = moved[-2] - moved[-3]
        repeated = float(np.std(np.repeat(gap, len(codes)), ddof=1))
        if repeated <= stop and abs(float(gap.max())) <= stop:
            break
    price = now.price_over(start, power)
    made = price * output
    # The Guide's last step: flows of full output, expenditure and resistances.
    outward = made * now.spent[at] / now.row
    trade = np.outer(made / outward, share * made / now.inward) * new
    exports = trade.sum(axis=1) - np.diag(trade)
    before = start.flow.sum(axis=1) - np.diag(start.flow)
    inward = (now.inward / start.inward) ** power
    return (
        pd.DataFrame(
            {
                "exports_full": 100.0 * (exports / before - 1.0),
                "price": 100.0 * (price - 1.0),
                "inward": 100.0 * (inward - 1.0),
                "real_gdp": 100.0 * (price / inward - 1.0),
            },
            index=pd.Index(codes, name="country"),
        ),
        steps,
    )


class _State:
    """A step of the iteration: exporter effects, expenditure and resistances."""

    def __init__(
        self, cost: Array, output: Array, spent: Array, at: int, share: Array | None = None
    ) -> None:
        found = multilateral_resistances(cost, output, spent, at)
        row, column = output / found.outward, spent / found.inward
        self.flow = row[:, None] * cost * column
        scale = column[at]  # the reference's importer effect is 1
        self.row, column = row * scale, column / scale
        self.spent = spent if share is None else share * output
        self.outward = output * self.spent[at] / self.row
        self.inward = self.spent / (column * self.spent[at])
        self.at = at

    def price_over(self, before: _State, power: float) -> Array:
        """Change of factory-gate prices since another step."""
        units = self.spent[self.at] / before.spent[self.at]
        found: Array = (self.row / before.row / units) ** power
        return found


_FIGURES = ("exports_conditional", "exports_full", "price", "inward", "real_gdp")


def _effect(values: pd.Series, sign: float, figure: str) -> pd.Series:
    """Percent change, or the effect of what the counterfactual takes away.

    For that the Guide divides by the counterfactual, but for prices by the baseline.
    """
    if sign > 0:
        return values
    if figure == "price":
        return -values
    return 100.0 * (1.0 / (1.0 + values / 100.0) - 1.0)


def _beside(given: _Application, printed: pd.DataFrame) -> pd.DataFrame:
    own = printed[printed["application"] == given.name].set_index("country")
    parts = []
    for figure in _FIGURES:
        computed = _effect(given.table[figure], given.sign, figure)
        part = pd.DataFrame({"printed": own[figure], "computed": computed})
        part = part.rename_axis("country").reset_index()
        part.insert(0, "figure", figure)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "application", given.name)
    table["difference"] = table["computed"] - table["printed"]
    table["agrees"] = table["difference"].abs() <= GE_TOLERANCE
    return table


def _converged(given: _Application, printed: pd.DataFrame) -> pd.DataFrame:
    own = printed[printed["application"] == given.name].set_index("country")
    iterated, steps = guide_iteration(
        given.flows, given.cost, given.cost_new, stop=1e-12, most=SETTLE
    )
    if steps == SETTLE:
        iterated = iterated * np.nan
    solved = full_endowment_general_equilibrium(
        given.flows, given.cost, given.cost_new, sigma=SIGMA, reference=REFERENCE
    ).table
    names = {"exports_full": "exports_change", "price": "price_change",
             "inward": "inward_change", "real_gdp": "real_gdp_change"}  # fmt: skip
    parts = []
    for figure, column in names.items():
        part = pd.DataFrame(
            {
                "printed": own[figure],
                "iterated": _effect(iterated[figure], given.sign, figure),
                "solved": _effect(solved[column], given.sign, figure),
            }
        )
        part = part.rename_axis("country").reset_index()
        part.insert(0, "figure", figure)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "application", given.name)
    table["difference"] = table["solved"] - table["printed"]
    table["not_converged"] = table["iterated"] - table["printed"]
    table["world_balance"] = table["solved"] - table["iterated"]
    return table
