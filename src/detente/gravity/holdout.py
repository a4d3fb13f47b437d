"""Does gravity predict trade that it has not seen? Pairs hidden, predicted, and compared.

A tenth of the pairs that do trade is taken out, both directions and every year and sector of
it; gravity is estimated on the rest; what it expects of the hidden flows is set beside what
they were, and beside predictors that anybody has without an estimate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.errors import InputError
from detente.gravity.estimate import gravity, preset
from detente.gravity.formula import Formula, pair_id, parse
from detente.gravity.irls import Array
from detente.gravity.panel import Panel, panel
from detente.gravity.ppml import EstimationError
from detente.gravity.results import GravityResult

#: Predictors, gravity first.
MODELS = ("gravity", "gravity_logs", "mean_share", "inverse_distance", "size_over_distance")
_LN10 = float(np.log(10.0))


@dataclass(frozen=True)
class Holdout:
    """Out-of-sample errors.

    Attributes
    ----------
    table : DataFrame
        Per sector (``all`` for all together) and model: ``n`` hidden positive flows;
        ``log10_rmse``; ``log10_bias`` (mean of log10 predicted / actual); ``median_factor``
        (half of the predictions are off by more than this factor); ``rank_correlation``;
        ``within_2``, ``within_5``, ``within_10`` (shares); ``total_ratio`` (sum predicted
        over sum actual) and ``misplaced`` (Σ|predicted − actual| over the sum of both: the
        share of value in the wrong place, 0 to 1).
    flows : DataFrame
        The hidden flows: keys, ``trade``, and each model's prediction.
    hidden_pairs, all_pairs : int
        Unordered pairs hidden, and that trade at all.
    zero_flows : int
        Hidden flows that are zero (the other direction, a year, a sector): they have no log
        and are left out of the errors.
    unpredicted : int
        Hidden positive flows left out because a predictor has nothing to go by: no distance,
        or a country of which nothing else is seen.
    seed : int
    result : GravityResult
        Estimated on what was not hidden.
    """

    table: pd.DataFrame
    flows: pd.DataFrame
    hidden_pairs: int
    all_pairs: int
    zero_flows: int
    unpredicted: int
    seed: int
    result: GravityResult

    def prediction_error(self) -> pd.DataFrame:
        """Noise of a single pair's prediction by sector, natural logs.

        Returns
        -------
        DataFrame
            ``sector``, ``n``, ``log_sd`` (root mean square of ln actual / predicted),
            ``log_sd_large`` (the same among the half of flows with the larger
            predictions: what matters for pairs worth asking about), ``log_sd_robust`` (half
            of the 16–84 % range), ``log_bias`` and ``log_bias_large`` (means).
        """
        ratio = self.flows["trade"] / self.flows["gravity"]
        error = pd.Series(np.log(ratio.to_numpy()), index=ratio.index)
        rows = []
        for name, at in _groups(self.flows).items():
            own, size = error.loc[at], self.flows.loc[at, "gravity"]
            large = own[size >= size.median()]
            low, high = own.quantile([0.16, 0.84])
            rows.append(
                {
                    "sector": name,
                    "n": len(own),
                    "log_sd": _rms(own),
                    "log_sd_large": _rms(large),
                    "log_sd_robust": float(high - low) / 2,
                    "log_bias": float(own.mean()),
                    "log_bias_large": float(large.mean()),
                }
            )
        return pd.DataFrame(rows)


def holdout(
    data: pd.DataFrame | Panel | str | Path,
    formula: str | Formula | None = None,
    *,
    share: float = 0.1,
    seed: int = 0,
    sectors: str | bool | None = None,
    years: int | Collection[int] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Holdout:
    """Hide pairs that trade, predict them, and report the error beside naive predictors.

    ``gravity`` is Poisson's expectation, a mean; ``gravity_logs`` least squares of logs, a
    median. The naive predictors, with what is seen of the same sector and year:
    ``mean_share``, the exporter's mean share in other markets times the importer's purchases
    abroad; ``inverse_distance``, those purchases split over suppliers by 1 / distance; and
    ``size_over_distance``, by the supplier's exports over distance. The last two need a
    distance.

    Parameters
    ----------
    data, formula, sectors, years, columns
        As for :func:`detente.gravity.gravity`. The formula may not have effects of pairs: a
        hidden pair has none.
    share : float
        Of the unordered pairs with a positive flow, between 0 and 1.
    seed : int
        Of the draw.

    Raises
    ------
    InputError
        Bad data, a share out of range, effects of pairs in the formula.
    EstimationError
        No estimate, or nothing hidden that it can predict.
    """
    if not 0.0 < share < 1.0:
        raise InputError(f"the share to hide is {share:g}; it lies between 0 and 1.")
    if isinstance(sectors, str) and not isinstance(data, Panel):
        columns = {**(columns or {}), "sector": sectors}
    flows = panel(data, columns=columns, years=years)
    chosen = preset(flows) if formula is None else formula
    parsed = parse(chosen) if isinstance(chosen, str) else chosen
    _refuse_pairs(parsed)
    hidden, n_hidden, n_all = draw(flows, share, seed)
    seen = replace(flows, table=flows.table[~hidden])
    result = gravity(seen, parsed, sectors=bool(sectors))
    predicted = _naive(flows, hidden)
    predicted["gravity"] = _gravity(flows, result)
    logs = gravity(seen, parsed, estimator="ols", sectors=bool(sectors))
    predicted["gravity_logs"] = _gravity(flows, logs)
    # a naive predictor can be missing where nothing is seen; compare all on the same flows
    table = flows.table[[*flows.keys, "trade"]].assign(**predicted)[hidden]
    found = [m for m in MODELS if m in predicted and table[m].notna().any()]
    positive = (table["trade"] > 0).to_numpy()
    usable = (table[found].notna() & (table[found] > 0)).all(axis=1).to_numpy()
    kept = table[positive & usable]
    if kept.empty:
        raise EstimationError("no hidden flow can be predicted from what is left")
    return Holdout(
        table=_score(kept, found),
        flows=kept,
        hidden_pairs=n_hidden,
        all_pairs=n_all,
        zero_flows=int((~positive).sum()),
        unpredicted=int((positive & ~usable).sum()),
        seed=seed,
        result=result,
    )


def without_pair(
    data: pd.DataFrame | Panel | str | Path,
    first: str,
    second: str,
    formula: str | Formula | None = None,
    *,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Every year by itself, estimated without one pair, and that pair predicted.

    Returns
    -------
    DataFrame
        ``year``, ``exporter``, ``importer``, ``trade``, ``predicted``, ``ratio`` (trade over
        predicted), two rows a year.

    Raises
    ------
    InputError
        A country that is not there, or effects of pairs in the formula.
    """
    flows = panel(data, columns=columns)
    there = {*flows.table["exporter"], *flows.table["importer"]}
    for code in (first, second):
        if code not in there:
            raise InputError(f"there is no country '{code}'.")
    rows = []
    for year in sorted(flows.table["year"].unique().tolist()):
        part = panel(flows, years=int(year))
        chosen = preset(part) if formula is None else formula
        parsed = parse(chosen) if isinstance(chosen, str) else chosen
        _refuse_pairs(parsed)
        pair = {first, second}
        own = part.table["exporter"].isin(pair) & part.table["importer"].isin(pair)
        own &= part.table["exporter"] != part.table["importer"]
        result = gravity(replace(part, table=part.table[~own]), parsed)
        expected = result.predict(part)[own.to_numpy()]
        rows.append(part.table.loc[own, ["year", "exporter", "importer", "trade"]].assign(
            predicted=expected))  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    table["ratio"] = table["trade"] / table["predicted"]
    return table


def draw(flows: Panel, share: float, seed: int) -> tuple[np.ndarray[Any, Any], int, int]:
    """Which rows to hide: both directions of a share of the unordered pairs that trade."""
    table = flows.table
    pairs = pair_id(flows)
    abroad = (table["exporter"] != table["importer"]).to_numpy()
    trading = np.unique(pairs[abroad & (table["trade"] > 0).to_numpy()].astype(str))
    count = max(round(share * len(trading)), 1)
    chosen = np.random.default_rng(seed).choice(trading, size=count, replace=False)
    return abroad & np.isin(pairs.astype(str), chosen), count, len(trading)


def _refuse_pairs(formula: Formula) -> None:
    for effect in formula.effects:
        if {"pair", "directed_pair"} & set(effect) or {"exporter", "importer"} <= set(effect):
            raise InputError(
                f"the effect '{'^'.join(effect)}' cannot be estimated for a hidden pair: "
                f"use distance and the like instead."
            )


def _gravity(flows: Panel, result: GravityResult) -> Array:
    if not result.sectors:
        return result.predict(flows)
    found = np.full(len(flows.table), np.nan)
    sector = flows.table["sector"].to_numpy()
    for own in result.sectors:
        at = sector == own.name
        found[at] = own.predict(replace(flows, table=flows.table[at]))
    return found


def _naive(flows: Panel, hidden: np.ndarray[Any, Any]) -> dict[str, Array]:
    """Predictions of every row by what is seen of its sector and year; shape (rows,) each."""
    table = flows.table
    cell = [k for k in ("sector", "year") if k in table]
    distance = flows.numbers("distance") if "distance" in table else None
    if distance is None and "ln_distance" in table:
        distance = np.exp(flows.numbers("ln_distance"))
    work = pd.DataFrame(
        {
            "cell": table.groupby(cell, sort=False).ngroup().to_numpy() if cell else 0,
            "i": pd.factorize(table["exporter"])[0],
            "j": pd.factorize(table["importer"])[0],
            "x": np.where(hidden, 0.0, table["trade"].to_numpy()),
            "abroad": (table["exporter"] != table["importer"]).to_numpy(),
            "hidden": hidden,
        }
    )
    work.loc[~work["abroad"], "x"] = 0.0
    names = ["mean_share"]
    sold = work.groupby(["cell", "i"])["x"].transform("sum")
    bought = work.groupby(["cell", "j"])["x"].transform("sum")
    market = work["abroad"] & ~work["hidden"]
    room = bought.where(market, 0.0).groupby([work["cell"], work["i"]]).transform("sum")
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = {"mean_share": (sold / room).to_numpy()}
        if distance is not None:
            weights["inverse_distance"] = 1.0 / distance
            weights["size_over_distance"] = sold.to_numpy() / distance
            names += ["inverse_distance", "size_over_distance"]
    return {n: _split(work, bought, pd.Series(weights[n], index=work.index)) for n in names}


def _split(work: pd.DataFrame, bought: pd.Series, weight: pd.Series) -> Array:
    """What a buyer buys of the suppliers seen, carried to the hidden ones by weight."""
    usable = weight.where(work["abroad"], 0.0).replace([np.inf, -np.inf], np.nan).fillna(0.0)
    seen = (
        usable.where(~work["hidden"], 0.0).groupby([work["cell"], work["j"]]).transform("sum")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (bought * weight / seen).replace([np.inf, -np.inf], np.nan)
    return np.asarray(found, dtype=np.float64)


def _groups(flows: pd.DataFrame) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    if "sector" in flows:
        groups |= {str(k): v for k, v in flows.groupby("sector").groups.items()}
    return {**groups, "all": flows.index}


def _score(flows: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    rows = []
    for name, at in _groups(flows).items():
        own = flows.loc[at]
        for model in models:
            rows.append({"sector": name, "model": model, **_errors(own["trade"], own[model])})
    return pd.DataFrame(rows)


def _errors(actual: pd.Series, predicted: pd.Series) -> dict[str, float]:
    error = (np.log(predicted) - np.log(actual)) / _LN10
    size = error.abs()
    return {
        "n": len(error),
        "log10_rmse": _rms(error),
        "log10_bias": float(error.mean()),
        "median_factor": float(10.0 ** size.median()),
        "rank_correlation": float(actual.rank().corr(predicted.rank())),
        **{f"within_{f}": float((size <= np.log10(f)).mean()) for f in (2, 5, 10)},
        "total_ratio": float(predicted.sum() / actual.sum()),
        "misplaced": float((predicted - actual).abs().sum() / (predicted + actual).sum()),
    }


def _rms(values: pd.Series) -> float:
    return float(np.sqrt((values**2).mean()))
