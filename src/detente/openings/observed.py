"""Histories of openings as the arrays that a curve is fitted to.

Pairs and groups are put in an order that depends on what they did, not on what they are
called: the same histories under other names, or with rows in another order, give the same
arrays, and so the same draws.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.intp]

#: Columns without which there is nothing to fit.
NEEDED = ("a", "b", "group", "year0", "tau", "share", "potential")
#: A share at or below this is known only as that: trade this small is an accident of reporting.
FLOOR = 0.002
#: Fewer openings than this say nothing about a population of them.
FEWEST = 5
#: Later years are left out: nobody asks, and the few pairs seen so long are the earliest.
LONGEST = 30
#: Potential, million USD a year both ways, of the link that the curve speaks of by default.
TYPICAL_SIZE = 1000.0


@dataclass(frozen=True)
class Observed:
    """P openings, at most K years of each, G groups. Years not seen leave no hole.

    Attributes
    ----------
    pairs : DataFrame, P rows
        ``a``, ``b``, ``group``, ``year0``, ``potential`` (million USD, both ways, in the first
        year seen), and ``event``, ``picked`` and ``by_rule`` where the histories have them.
    tau : ndarray of int, shape (P, K)
        Years since the opening, ascending; those seen come first.
    share, log_share : ndarray, shape (P, K)
        Share of the potential; its ln, never below ln FLOOR.
    seen, low : ndarray of bool, shape (P, K)
        The place holds a year; the year's share is at or below FLOOR (left-censored).
    gap : ndarray of int, shape (P, K)
        Years since the year seen before; 0 for the first.
    group : ndarray of int, shape (P,)
        0 … G−1.
    log_size : ndarray, shape (P,)
        ln (potential / TYPICAL_SIZE).
    content_hash : str
        Of what was used, whatever the order of rows.
    """

    pairs: pd.DataFrame
    tau: Codes
    share: Array
    log_share: Array
    seen: Mask
    low: Mask
    gap: Codes
    group: Codes
    log_size: Array
    content_hash: str

    @property
    def n_groups(self) -> int:
        """How many groups: causes that one or several openings share."""
        return int(self.group.max()) + 1


def observed(histories: pd.DataFrame, *, fewest: int = FEWEST) -> Observed:
    """Check histories and turn them into arrays.

    Parameters
    ----------
    histories : DataFrame
        One row per opening and year: ``a``, ``b``, ``group``, ``year0`` (year of the event),
        ``tau`` (years since), ``share`` (realised over potential, NaN: not seen) and
        ``potential`` (million USD). Rows before the event, before a ``reporting_start`` and of
        a ``direction`` other than ``opening`` are left out.
    fewest : int
        Fewer openings than this are refused.

    Raises
    ------
    InputError
        A column is missing; a share is negative or infinite; a potential is not positive; a
        year occurs twice; no year at or after the event; fewer than ``fewest`` openings.
    """
    rows = _used(_checked(histories))
    if rows.empty:
        raise InputError(
            "no year at or after its opening (τ ≥ 0) has a share in these histories: there is "
            "nothing to fit a curve to."
        )
    keys = ["a", "b", "event" if "event" in rows else "year0"]
    if rows.duplicated([*keys, "tau"]).any():
        a, b, tau = rows.loc[rows.duplicated([*keys, "tau"]), ["a", "b", "tau"]].iloc[0]
        raise InputError(f"year {tau} after the opening of {a}–{b} occurs twice.")
    openings = [part.sort_values("tau") for _, part in rows.groupby(keys, sort=True)]
    if len(openings) < fewest:
        raise InputError(
            f"{len(openings)} openings have a year at or after the event; a curve needs at "
            f"least {fewest}."
        )
    openings = _ordered(openings)
    return _arrays(openings, keys)


def _checked(histories: pd.DataFrame) -> pd.DataFrame:
    """The histories, if their columns and numbers can be used."""
    for name in NEEDED:
        if name not in histories:
            raise InputError(
                f"the histories have no column '{name}' (they need {', '.join(NEEDED)}).",
                nearest=nearest(name, [str(c) for c in histories.columns]),
            )
    rows = histories.copy()
    for name in ("year0", "tau", "share", "potential"):
        rows[name] = pd.to_numeric(rows[name], errors="coerce").astype("float64")
    labels = list(zip(rows["a"], rows["b"], strict=True))
    share, potential = rows["share"].to_numpy(), rows["potential"].to_numpy()
    for wrong, what in (
        (share < 0, "a negative share"),
        (np.isinf(share), "an infinite share"),
        (~np.isnan(share) & ~(potential > 0), "no positive potential"),
        (~(np.floor(rows["tau"]) == rows["tau"]).to_numpy(), "no whole number of years"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            a, b = labels[first]
            raise InputError(f"row {first + 1} of the histories ({a}–{b}) has {what}.")
    return rows


def _used(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of openings, from the event on, that report a share."""
    use = (rows["tau"] >= 0) & (rows["tau"] <= LONGEST) & rows["share"].notna()
    if "direction" in rows:
        use &= rows["direction"] == "opening"
    if "reporting_start" in rows:
        begun = pd.to_numeric(rows["reporting_start"], errors="coerce").astype("float64")
        use &= ~(rows["year0"] + rows["tau"] < begun)
    kept = rows[use].copy()
    kept["tau"] = kept["tau"].astype(int)
    kept["year0"] = kept["year0"].astype(int)
    return kept


def _ordered(openings: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Openings in an order that no label decides: by what they did, then by their group's."""
    did = [
        tuple(p[["year0", "tau", "share", "potential"]].to_numpy().ravel().tolist())
        for p in openings
    ]
    of_group: dict[str, list[tuple[float, ...]]] = {}
    for part, key in zip(openings, did, strict=True):
        of_group.setdefault(str(part["group"].iloc[0]), []).append(key)
    together = {g: sorted(keys) for g, keys in of_group.items()}
    order = sorted(
        range(len(openings)),
        key=lambda i: (did[i], together[str(openings[i]["group"].iloc[0])]),
    )
    return [openings[i] for i in order]


def _arrays(openings: list[pd.DataFrame], keys: list[str]) -> Observed:
    """Arrays of openings already in order."""
    P, K = len(openings), max(len(p) for p in openings)
    tau = np.zeros((P, K), dtype=np.intp)
    gap = np.zeros((P, K), dtype=np.intp)
    share = np.ones((P, K))
    for i, part in enumerate(openings):
        n, years = len(part), part["tau"].to_numpy()
        tau[i, :n], share[i, :n] = years, part["share"].to_numpy()
        gap[i, 1:n] = np.diff(years)
    seen = np.arange(K)[None, :] < np.array([len(p) for p in openings])[:, None]
    names = ["a", "b", "group", "year0", "potential"]
    names += [c for c in ("event", "picked", "by_rule") if c in openings[0]]
    pairs = pd.DataFrame([p.iloc[0][names] for p in openings]).reset_index(drop=True)
    size = pairs["potential"].to_numpy(dtype=np.float64)
    codes, _ = pd.factorize(pairs["group"].astype(str))
    return Observed(
        pairs=pairs,
        tau=tau,
        share=share,
        log_share=np.log(np.maximum(share, FLOOR)),
        seen=seen,
        low=seen & (share <= FLOOR),
        gap=gap,
        group=codes.astype(np.intp),
        log_size=np.log(size / TYPICAL_SIZE),
        content_hash=_hash(openings, keys),
    )


def _hash(openings: list[pd.DataFrame], keys: list[str]) -> str:
    """SHA-256 of the rows used, ten digits of each number, in alphabetical order."""
    columns = ["group", *keys, "tau", "share", "potential"]
    lines = [
        ",".join(f"{v:.10g}" if isinstance(v, float) else str(v) for v in row)
        for part in openings
        for row in part[columns].itertuples(index=False)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
