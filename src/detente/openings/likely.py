"""What an opening is likely to do, as the embedded fit has written it down.

A run needs a few numbers of it, and not the draws: this reads one small file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from detente.openings.pace import Array, Pace

#: Dollars of the openings on record (about 1990) that one of a world of 2022 is worth: US
#: prices have doubled since (GDP deflator; recalled, not read again).
DOLLARS = 0.5


@cache
def facts() -> Mapping[str, Any]:
    """``curve.json`` as it is."""
    text = (files("detente.data") / "openings" / "curve.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


@cache
def paces() -> Mapping[str, Pace]:
    """``base-rate``, ``warm``, ``cold``, and the quantiles ``p05`` to ``p95``, by name."""
    return MappingProxyType(
        {name: Pace(**numbers) for name, numbers in facts()["paces"].items()}
    )


def after(years: int) -> Mapping[float, float]:
    """Predictive quantiles of the share of one new link some years after it opened.

    Parameters
    ----------
    years : int
        One of those written down: 0, 1, 5, 10, 15, 20.

    Returns
    -------
    mapping of float to float
        0.05, 0.25, 0.5, 0.75 and 0.95.
    """
    found = facts()["after"][str(years)]
    return {float(q): float(v) for q, v in found.items() if q != "mean"}


@cache
def ordinary() -> float:
    """Median share of large ordinary pairs, never closed, one to fifteen years on."""
    text = (files("detente.data") / "openings" / "comparison.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if row["set"] == "ordinary-large"]
    return float(np.mean([float(row["q50"]) for row in rows if 1 <= int(row["tau"]) <= 15]))


def before_factor() -> float:
    """What a share of gravity's potential is multiplied with to be one of ordinary trade.

    A link that returns to what it carried before a ban was an ordinary one, and those are at
    :func:`ordinary` of what gravity expects, which is a mean.
    """
    return 1.0 / ordinary()


def size_factor(potential: ArrayLike) -> Array:
    """By how much the size of a link raises its level over that of a link of typical size.

    (potential/typical)^β with β the fitted ``size_effect``: what gravity expects is a mean, and
    the smaller the link the further below its mean the usual one lies.

    Parameters
    ----------
    potential : array_like
        What each link could carry both ways, million USD of 2022. Held within the sizes on
        record; nothing at all counts as typical.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    known = facts()
    least, most = known["sizes"]
    size = np.asarray(potential, dtype=np.float64) * DOLLARS
    inside = np.clip(size, least, most) / float(known["typical_size"])
    beta = float(known["posterior"]["size_effect"][1])
    found: Array = np.where(size > 0, inside**beta, 1.0)
    return found


def provenance() -> dict[str, str]:
    """Hashes of the histories that the curve was fitted to, and of its draws."""
    return {"histories": facts()["histories"], "curve": facts()["draws_sha256"]}
