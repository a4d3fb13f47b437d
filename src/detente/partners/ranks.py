"""Ranks of partners over draws, and how likely each is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError
from detente.partners.units import Units
from detente.world.core import Array


def ranks(totals: Array) -> NDArray[np.intp]:
    """Rank of every partner in every draw, 1 the largest; 0 without trade; shape (M, U)."""
    order = np.argsort(-totals, axis=1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(1, totals.shape[1] + 1)[None, :], axis=1)
    return np.where(totals > 0, found, 0)


def rank_probability(totals: Array, partners: Units) -> pd.DataFrame:
    """Probability of each rank, shape (U, U).

    Returns
    -------
    DataFrame
        Index partner, columns ranks from 1. A row sums to the probability of any trade.
    """
    found, size = ranks(totals), len(partners.codes)
    if not len(found):
        table = np.full((size, size), np.nan)
    else:
        table = np.stack([(found == r).mean(axis=0) for r in range(1, size + 1)], axis=1)
    return pd.DataFrame(
        table,
        index=pd.Index(partners.codes, name="partner"),
        columns=pd.Index(range(1, size + 1), name="rank"),
    )


def probability_of_top(totals: Array, partners: Units, codes: Sequence[str]) -> float:
    """Probability that these partners, in any order, are the largest ones; NaN without draws.

    Raises
    ------
    InputError
        A code that is no partner, or is named twice.
    """
    here = [partners.position(code, "--top") for code in codes]
    if len(set(here)) < len(here):
        raise InputError("--top names a partner twice.")
    found = ranks(totals)[:, here]
    if not len(found):
        return float("nan")
    return float(((found > 0) & (found <= len(here))).all(axis=1).mean())
