"""The fitted curve of openings in the figures that ``detente openings`` tells."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detente.cli.openingsdata import AFTER, QUANTILES
from detente.openings.observed import TYPICAL_SIZE
from detente.report.documents import records

if TYPE_CHECKING:
    from detente.openings.curve import Curve

#: Chains whose R-hat is above this have not mixed (Vehtari et al. 2021 ask for less).
MIXED = 1.05
#: What is told beside the curve: the same fitted without the pairs picked by hand.
TOLD = "fit.json"
#: Sizes that the median is told for, beside the typical one; million USD both ways.
SIZES = (100.0, 10_000.0)


def curve_document(curve: Curve, **more: Any) -> dict[str, Any]:
    """A fitted curve in the figures that the command tells, JSON-able.

    Parameters
    ----------
    curve : Curve
    **more
        ``without_picked`` (such a document) and ``leave_one_out`` (of :func:`held_out`), where
        there are any.

    Returns
    -------
    dict
        ``typical_size`` (million USD both ways), ``openings``, ``groups``; ``level``,
        ``half_life`` (years) and ``start`` of the median warm link, ``cold_level``, and
        ``cold``, the chance of staying cold, each with the posterior's ``median``, ``low``
        and ``high`` (90 %); ``shares``, predictive quantiles of a new link of typical size
        by ``tau`` = 0 … 15; ``sizes``, the median of smaller and larger ones; ``odds``;
        ``about``, where it is from; ``warnings``.
    """
    draws = curve.draws
    taus = range(AFTER[-1] + 1)
    shares = curve.share(list(taus), tuple(QUANTILES.values()))
    return {
        "typical_size": float(curve.about.get("typical_size", TYPICAL_SIZE)),
        "openings": int(curve.about["openings"]),
        "groups": int(curve.about["groups"]),
        "level": _interval(np.exp(draws["mu_warm"])),
        "cold_level": _interval(np.exp(draws["mu_cold"])),
        "half_life": _interval(np.exp(draws["mu_half"])),
        "start": _interval(_logistic(draws["mu_start"])),
        "cold": _interval(_chance_of_cold(draws)),
        "shares": [
            {"tau": t, **{n: float(shares.iloc[t][q]) for n, q in QUANTILES.items()}}
            for t in taus
        ],
        "sizes": [
            {
                "potential": size,
                "tau": t,
                "q50": float(curve.share([t], (0.5,), potential=size)[0.5].iloc[0]),
            }
            for size in SIZES
            for t in AFTER
        ],
        "odds": {k: float(v) for k, v in curve.odds.items()},
        "about": {k: curve.about[k] for k in _ABOUT if k in curve.about},
        "warnings": _warnings(curve),
        **{k: v for k, v in more.items() if v},
    }


#: What is told of a curve's making.
_ABOUT = ("source", "date", "histories", "seed", "numpyro", "diagnostics")


def _warnings(curve: Curve) -> list[str]:
    """Why not to believe the draws; empty where there is no reason."""
    checks = curve.about.get("diagnostics", {})
    if checks.get("rhat", 1.0) <= MIXED:
        return []
    return [f"The chains do not agree (R-hat {checks['rhat']:.2f}): take more draws."]


def _interval(values: Any) -> dict[str, float]:
    low, middle, high = np.quantile(np.asarray(values, dtype=float), (0.05, 0.5, 0.95))
    return {"median": float(middle), "low": float(low), "high": float(high)}


def _logistic(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.asarray(values, dtype=float)))


def _chance_of_cold(draws: pd.DataFrame) -> Any:
    """Chance of each draw, over causes: a normal's mean by Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    odds = draws["logit_cold"].to_numpy()[:, None]
    spread = draws["cold_spread"].to_numpy()[:, None]
    return _logistic(odds + spread * nodes) @ (weights / weights.sum())


def embedded_curve() -> dict[str, Any]:
    """The fitted curve that comes with detente, as :func:`document` takes it."""
    from detente.openings.embedded import curve, scores

    found = curve()
    told = files("detente.data").joinpath("openings", TOLD)
    more = json.loads(told.read_text("utf-8")) if told.is_file() else {}
    if more.pop("histories", None) != found.about.get("histories"):
        more = {}  # of another curve
    return curve_document(found, **more, leave_one_out=held_out(scores()))


def held_out(scores: pd.DataFrame) -> dict[str, Any]:
    """How openings left out were predicted, by what was left out: ``group``, ``pair``.

    Parameters
    ----------
    scores : DataFrame
        Of :func:`detente.openings.embedded.scores`.

    Returns
    -------
    dict
        For each, coverage and CRPS over all years, every opening counting the same.
    """
    if not len(scores):
        return {}
    of = scores[(scores["weight"] == "opening") & (scores["which"] == "all")]
    of = of[of["when"] == "all"].drop(columns=["weight", "which", "when"])
    return {row.pop("by"): row for row in records(of)}
