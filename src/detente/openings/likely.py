"""What an opening is likely to do, as the embedded fit has written it down.

A run needs a few numbers of it, and not the draws: this reads one small file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from detente.openings.pace import Pace


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
