"""Is a curve of openings any good? Each opening predicted from the others, and scored.

The score of a forecast is CRPS = E|X − y| − ½·E|X − X′| (Gneiting & Raftery 2007, JASA 102):
in units of the share, smaller is better, and |x − y| where the forecast is a number x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from detente.errors import InputError, nearest
from detente.openings.curve import errors, new_links
from detente.openings.fit import population
from detente.openings.model_numpyro import EFFECTS, Posterior, Sampler
from detente.openings.observed import FLOOR, Array, Codes, Mask, Observed, observed

#: Left out at a time: an opening, or all openings of one cause.
BY = ("pair", "group")
#: Rules that need no model: everything at once, nothing, what the others did by that year.
RULES = ("at_once", "nothing", "pool")
#: Simulated shares for each draw of the population.
REPEATS = 8
#: A share above this counts as this in a score: an error of Student's t in the log has no mean,
#: and no opening measured came near.
CEILING = 3.0
_BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)


def crps(draws: ArrayLike, actual: float) -> float:
    """CRPS of a forecast given by draws: E|X − y| − ½·E|X − X′|.

    Parameters
    ----------
    draws : array_like, shape (n,)
    actual : float
    """
    x = np.sort(np.asarray(draws, dtype=np.float64).ravel())
    n = len(x)
    if not n:
        raise InputError("a forecast without draws has no score.")
    # Σᵢⱼ|xᵢ − xⱼ| of sorted draws is 2·Σᵢ(2i − n + 1)·xᵢ
    spread = 2.0 * float(np.sum((2.0 * np.arange(n) - n + 1.0) * x)) / n**2
    return float(np.mean(np.abs(x - actual))) - 0.5 * spread


def leave_one_out(
    histories: pd.DataFrame,
    by: str = "pair",
    *,
    seed: int = 0,
    draws: int = 300,
    burn: int = 100,
    warmup: int = 700,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Predict each opening from the others.

    Parameters
    ----------
    histories : DataFrame
        As of :func:`detente.openings.observed.observed`.
    by : {'pair', 'group'}
        Leave out one opening at a time, or all of one cause. A country that opens is a new
        cause, so that ``group`` is the honest test.
    seed : int
    draws, burn : int
        Draws kept for each fold, and dropped before them.
    warmup : int
        Steps to warm up the fit to all openings, from which each fold starts.
    progress : callable, optional
        Called with (folds done, folds).

    Returns
    -------
    DataFrame
        A row per opening and year: keys, ``by``, ``tau``, ``share``, ``potential``;
        predictive quantiles of the share with its year's error ``q05``, ``q25``, ``q50``,
        ``q75``, ``q95``; ``in50``, ``in90`` (bool: within the bands, shares below FLOOR
        counted as FLOOR); ``pit`` (part of the draws below the share); ``crps`` and
        ``crps_at_once``, ``crps_nothing``, ``crps_pool``, of shares up to CEILING.

    Raises
    ------
    InputError
        As :func:`detente.openings.fit.fit`; an unknown ``by``; one group only.
    """
    if by not in BY:
        raise InputError(
            f"'{by}' cannot be left out: it is one of {', '.join(BY)}.",
            nearest=nearest(by, BY),
        )
    data = observed(histories)
    if by == "group" and data.n_groups < 2:
        raise InputError("all openings have one cause: leaving it out leaves nothing.")
    sampler = Sampler(data, draws=draws, warmup=warmup, chains=1, seed=seed)
    sampler.all_pairs()
    folds = list(_folds(data, by))
    tables = []
    for done, left_out in enumerate(folds):
        found = sampler.without(left_out, draws=draws, burn=burn, key=seed + 1 + done)
        rng = np.random.default_rng([seed, done])
        tables += _scored(found, data, left_out, rng)
        if progress is not None:
            progress(done + 1, len(folds))
    keys = [c for c in ("a", "b", "year0", "tau") if c in tables[0]]
    table = pd.concat(tables, ignore_index=True).sort_values(keys, ignore_index=True)
    table.insert(0, "by", by)
    return table


def _folds(data: Observed, by: str) -> Iterator[Mask]:
    """What is left out, one after the other; shape (P,)."""
    units: Codes = np.arange(len(data.pairs)) if by == "pair" else data.group
    for unit in range(int(units.max()) + 1):
        yield units == unit


def _scored(
    found: Posterior, data: Observed, left_out: Mask, rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Openings left out, set beside what their fold predicts for them."""
    repeated = {k: np.repeat(v, REPEATS, axis=0) for k, v in found.draws.items()}
    taken = population(repeated)
    tables = []
    for p in np.flatnonzero(left_out):
        size = data.log_size[[p]]
        effects = np.stack([repeated[f"z_{name}"] for name in EFFECTS])
        links = new_links(taken, rng, data.group[[p]], size, effects)
        n = int(data.seen[p].sum())
        tau = data.tau[p, :n]
        error = errors(taken, rng, size, data.gap[[p], :n])[:, 0, :]
        tables.append(
            _compared(links.share(tau)[:, 0, :] * np.exp(error), data, int(p), left_out)
        )
    return tables


def _compared(predicted: Array, data: Observed, p: int, left_out: Mask) -> pd.DataFrame:
    """Scores of one opening; ``predicted`` has shape (draws, years)."""
    n = predicted.shape[1]
    tau, actual = data.tau[p, :n], data.share[p, :n]
    bands = np.quantile(predicted, _BANDS, axis=0)
    seen, low = np.maximum(actual, FLOOR), np.maximum(bands, FLOOR)
    names = [c for c in data.pairs if c != "potential"]
    table = pd.DataFrame({c: [data.pairs[c].iloc[p]] * n for c in names})
    table["potential"] = data.pairs["potential"].iloc[p]
    table["tau"], table["share"] = tau, actual
    for name, band in zip(("q05", "q25", "q50", "q75", "q95"), bands, strict=True):
        table[name] = band
    table["in50"] = (low[1] <= seen) & (seen <= low[3])
    table["in90"] = (low[0] <= seen) & (seen <= low[4])
    table["pit"] = (np.maximum(predicted, FLOOR) < seen).mean(axis=0)
    capped, real = np.minimum(predicted, CEILING), np.minimum(actual, CEILING)
    table["crps"] = [crps(capped[:, k], real[k]) for k in range(n)]
    table["crps_at_once"], table["crps_nothing"] = np.abs(1.0 - real), real
    table["crps_pool"] = [
        _pool_score(data, left_out, int(t), y) for t, y in zip(tau, real, strict=True)
    ]
    return table


def _pool_score(data: Observed, left_out: Mask, tau: int, actual: float) -> float:
    """CRPS of the shares that the openings not left out had in the same year since."""
    there = data.seen & (data.tau == tau) & ~left_out[:, None]
    return crps(np.minimum(data.share[there], CEILING), actual) if there.any() else float("nan")


def summary(
    scores: pd.DataFrame, years: tuple[int, ...] = (1, 5, 10, 15), *, weight: str = "opening"
) -> pd.DataFrame:
    """Coverage and scores, over all years and after some.

    Parameters
    ----------
    scores : DataFrame
        Of :func:`leave_one_out`.
    years : tuple of int
        Since the opening.
    weight : {'opening', 'group'}
        Every opening counts the same, or every cause.

    Returns
    -------
    DataFrame
        ``when`` ('all' or years), ``openings``, ``groups``, ``coverage50``, ``coverage90``,
        ``crps`` and those of RULES; ``all`` is the mean over openings of each one's mean.
    """
    rows = []
    for when in ("all", *years):
        part = scores if when == "all" else scores[scores["tau"] == when]
        part = part[part["crps_pool"].notna()]
        if part.empty:
            continue
        numbers = ["in50", "in90", "crps", *(f"crps_{r}" for r in RULES)]
        keys = ["group", "a", "b", "year0"]
        each = part.groupby(keys)[numbers].mean()
        groups = part["group"].nunique()
        mean = (each.groupby("group").mean() if weight == "group" else each).mean()
        rows.append({"when": str(when), "openings": len(each), "groups": groups, **mean})
    return pd.DataFrame(rows).rename(columns={"in50": "coverage50", "in90": "coverage90"})
