"""Fit the curve of openings to histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from detente.openings.curve import COLUMNS, Curve
from detente.openings.model_numpyro import (
    COLD_SPREAD,
    PRIORS,
    RHO,
    Posterior,
    Sampler,
    modules,
)
from detente.openings.observed import FLOOR, TYPICAL_SIZE, Array, Observed, observed

#: Draws kept of each chain, steps before them, chains.
DRAWS, WARMUP, CHAINS = 1000, 600, 4
#: Draws of the population that a curve keeps.
KEPT = 400


def fit(
    histories: pd.DataFrame,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    warmup: int = WARMUP,
    chains: int = CHAINS,
    keep: int = KEPT,
) -> Curve:
    """Fit the model of detente.openings.model_numpyro.

    Parameters
    ----------
    histories : DataFrame
        As of :func:`detente.openings.observed.observed`.
    seed : int
    draws, warmup, chains : int
        Of the sampler.
    keep : int
        Draws of the population that the curve keeps, evenly spaced.

    Returns
    -------
    Curve

    Raises
    ------
    InputError
        Histories that cannot be used; numpyro is not installed.
    """
    sampler = Sampler(observed(histories), draws=draws, warmup=warmup, chains=chains, seed=seed)
    return curve_of(sampler.all_pairs(), sampler.observed, seed=seed, keep=keep)


def curve_of(found: Posterior, data: Observed, *, seed: int, keep: int = KEPT) -> Curve:
    """The curve that a posterior is; six digits of each number, as they are embedded."""
    table = pd.DataFrame(population(found.draws))
    every = np.linspace(0, len(table) - 1, min(keep, len(table))).round().astype(int)
    kept = table.iloc[every].reset_index(drop=True).map(lambda v: float(f"{v:.6g}"))
    size = data.pairs["potential"]
    about: dict[str, Any] = {
        "openings": len(data.pairs),
        "groups": data.n_groups,
        "years": int(data.seen.sum()),
        "at_floor": int(data.low.sum()),
        "floor": FLOOR,
        "typical_size": TYPICAL_SIZE,
        "sizes": [float(f"{size.min():.6g}"), float(f"{size.max():.6g}")],
        "histories": data.content_hash,
        "seed": seed,
        "numpyro": str(modules()[0].__version__),
        "diagnostics": found.diagnostics,
        "priors": {
            name: f"{family}({v[0]:.3g}, {v[1]:.3g}): {why}"
            for name, (family, v, why) in PRIORS.items()
        },
        "posterior": _summary(table),
    }
    return Curve(draws=kept, about=about, pairs=_pairs(found.draws, data))


def population(draws: Mapping[str, Array]) -> dict[str, Array]:
    """Population parameters by the names of a curve's columns; shape (n,) each."""
    found = {name: draws[name] for name in PRIORS if name in COLUMNS}
    found["mu_cold"] = draws["mu_warm"] - 1.0 - draws["gap"]
    found["sigma_cold"] = draws["sigma_warm"] + draws["wider"]
    ones = np.ones_like(draws["mu_warm"])
    found |= {"cold_spread": COLD_SPREAD * ones, "rho": RHO * ones}
    return {name: found[name] for name in COLUMNS}


def _summary(table: pd.DataFrame) -> dict[str, list[float]]:
    """5, 50 and 95 % of each parameter."""
    found = table.quantile([0.05, 0.5, 0.95])
    return {c: [float(f"{v:.4g}") for v in found[c]] for c in COLUMNS}


def _pairs(draws: Mapping[str, Array], data: Observed) -> pd.DataFrame:
    """Posterior medians of each opening, in alphabetical order."""
    table = data.pairs.copy()
    table["years"] = data.seen.sum(axis=1)
    table["level"] = np.exp(np.median(draws["log_level"], axis=0))
    table["half_life"] = np.exp(np.median(draws["log_half"], axis=0))
    table["start"] = 1.0 / (1.0 + np.exp(-np.median(draws["logit_start"], axis=0)))
    table["cold"] = draws["is_cold"].mean(axis=0)
    return table.sort_values(["a", "b", "year0"]).reset_index(drop=True)
