"""The written rule: which pairs an opening could have opened, whatever came of it.

A pair belongs to an opening event if

1. the event's sides in the record hold it;
2. in every one of the ``K`` years of the panel before the event's year, its share of potential,
   both ways together, is below ``CLOSED``;
3. in each of those years each of the two trades with at least ``PARTNERS`` others of the panel
   (a positive flow either way): the link was closed, not the country or its statistics;
4. its potential both ways in the event's year is at least ``LEAST``, in the panel's unit of
   money (million USD; a panel in thousands needs 20,000): below it a share is noise.

The rule looks at nothing after the event, so that failures are in. Zeros that were not reported
(:func:`reporting_starts`) are no closure. Every event is taken by itself; a pair with several
enters a curve once (``once``): with the event it was picked for, else with the first that the
rule finds. Pairs that satisfy 2 to 4 and that no event of the record holds are the placebo.

Closings are taken as the record names them: pairs picked, or named by code on both sides. The
estimate sees the latter: most were never shut, and they are a country's ordinary partners.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError
from detente.openings.predicted import WAYS, Shares
from detente.openings.record import Event, Record
from detente.sources.cepii import RENAMED

#: Years before the event in which the link was closed.
K = 3
#: A share of potential below this is closed.
CLOSED = 0.10
#: Others that each of the two trades with.
PARTNERS = 20
#: Potential both ways in the event's year, million USD.
LEAST = 20.0
#: A share up to this is scraps, such as statistics record of trade that they do not report.
NOTHING = 0.002
#: Years after a pair's first trade that show whether it was all there at once.
AFTER_START = 5
#: Fewer of those years than this show nothing.
FEWEST_AFTER_START = 2

#: Columns of every table of links.
COLUMNS = [
    "a", "b", "event", "group", "kind", "direction", "year0",
    "picked", "by_rule", "once", "wide", "why",
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """The constants of the rule; see the module's text.

    Raises
    ------
    InputError
        One out of range.
    """

    k: int = K
    closed: float = CLOSED
    partners: int = PARTNERS
    least: float = LEAST

    def __post_init__(self) -> None:
        if self.k < 1 or self.k != int(self.k):
            raise InputError(f"the rule needs one year before the event or more, not {self.k}.")
        for name, value in (("closed", self.closed), ("least", self.least)):
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"'{name}' of the rule is {value:g}; it is more than 0.")
        if self.partners < 0:
            raise InputError(f"'partners' of the rule is {self.partners}; it is 0 or more.")


class _Seen:
    """Shares as arrays over pairs and years: what the rule looks at."""

    def __init__(self, shares: Shares) -> None:
        self.shares, self.years = shares, np.array(shares.years)
        self.at = {pair: k for k, pair in enumerate(shares.pairs)}
        self.potential = shares.wide("potential").to_numpy(dtype=float)
        starts = reporting_starts(shares)
        self.start = starts.to_numpy(dtype=float, na_value=np.nan)
        share = shares.wide("share").to_numpy(dtype=float)
        self.share = np.where(self.years < self.start[:, None], np.nan, share)

    @cached_property
    def _traded(self) -> NDArray[np.int64]:
        """1 where a pair has a positive flow either way, shape (pairs, years)."""
        flows = [self.shares.wide(f"actual_{way}").to_numpy(dtype=float) for way in WAYS]
        found: NDArray[np.int64] = ((flows[0] > 0) | (flows[1] > 0)).astype(np.int64)
        return found

    @cached_property
    def _partners(self) -> dict[str, NDArray[np.int64]]:
        """Country to how many it trades with, each year."""
        found = {c: np.zeros(len(self.years), dtype=np.int64) for c in self.shares.countries}
        for (a, b), own in zip(self.at, self._traded, strict=True):
            found[a] += own
            found[b] += own
        return found

    def why_not(self, pair: tuple[str, str], year: int, rule: Rule) -> str:
        """Why the rule does not find this pair at this year; empty where it does."""
        row = self.at[pair]
        before = np.flatnonzero((self.years >= year - rule.k) & (self.years < year))
        now = np.flatnonzero(self.years == year)
        if len(before) < rule.k or not len(now):
            return f"the panel has not all of {year - rule.k} to {year}"
        for code in pair:
            count = int((self._partners[code] - self._traded[row])[before].min())
            if count < rule.partners:
                return f"{code} traded with {count} others only"
        potential = self.potential[row, now[0]]
        if not potential >= rule.least:
            known = f"{potential:.3g}" if np.isfinite(potential) else "unknown"
            return f"potential of {known} in {year}, below {rule.least:g}"
        return self._open(row, before, rule)

    def _open(self, row: int, before: NDArray[np.intp], rule: Rule) -> str:
        """Why the link was not closed in those years; empty where it was."""
        if self.years[before[0]] < self.start[row]:
            return f"not reported before {int(self.start[row])}"
        share = self.share[row, before]
        if np.isnan(share).any():
            return f"no share in {self.years[before[np.isnan(share)][0]]}"
        if (share >= rule.closed).any():
            worst = int(np.argmax(share))
            return f"not closed: share {share[worst]:.2f} in {self.years[before[worst]]}"
        return ""


def reporting_starts(
    shares: Shares, *, closed: float = CLOSED, nothing: float = NOTHING
) -> pd.Series:
    """Year from which a pair is reported, where its zeros before are no closure.

    Mechanical: in every earlier year of the panel the pair is zero both ways, or so near it
    (a share up to ``nothing``) that only scraps were reported; its first year above that is
    already above half of the mean share of the five years after it (as many as the panel has,
    two at least); and that first share is not itself below ``closed``, since a pair that
    starts lower was closed whether its trade was reported or not.

    Returns
    -------
    Series of Int64
        Year by pair, NA where there is no such start.
    """
    share = shares.wide("share").to_numpy(dtype=float)
    trades = np.nan_to_num(share, nan=0.0) > nothing
    found = []
    for own, traded in zip(share, trades, strict=True):
        year: Any = pd.NA
        first = int(np.argmax(traded))
        after = own[first + 1 : first + 1 + AFTER_START]
        after = after[np.isfinite(after)]
        if first > 0 and len(after) >= FEWEST_AFTER_START and own[first] >= closed:
            year = shares.years[first] if own[first] > 0.5 * after.mean() else pd.NA
        found.append(year)
    return pd.Series(found, index=shares.pairs, dtype="Int64", name="reporting_start")


def find(
    shares: Shares,
    record: Record,
    *,
    k: int = K,
    closed: float = CLOSED,
    partners: int = PARTNERS,
    least: float = LEAST,
) -> pd.DataFrame:
    """Links that count: found by the rule, picked by hand, or closings that are named.

    Parameters
    ----------
    shares : Shares
    record : Record
    k, closed, partners, least
        The constants of the rule, as the module's text says.

    Returns
    -------
    DataFrame
        ``a``, ``b``, ``event``, ``group``, ``kind``, ``direction``, ``year0`` (the event's
        year), ``picked``, ``by_rule``, ``once`` (the row of this pair and direction that
        may enter a curve), ``wide`` (one side of the event is everyone else) and ``why`` (why
        the rule does not find it, else empty).
    """
    return counted(
        candidates(shares, record, k=k, closed=closed, partners=partners, least=least)
    )


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the candidates that count, as :func:`find` gives them."""
    named = (rows["direction"] == "closing") & ~rows["wide"]
    kept = rows[(rows["picked"] | rows["by_rule"] | named) & rows["seen"]]
    return _once(kept)[COLUMNS].reset_index(drop=True)


def candidates(
    shares: Shares,
    record: Record,
    *,
    k: int = K,
    closed: float = CLOSED,
    partners: int = PARTNERS,
    least: float = LEAST,
) -> pd.DataFrame:
    """Every pair of the panel on the sides of every event, and why the rule takes it or not.

    Returns
    -------
    DataFrame
        As :func:`find` (without ``once``), with ``seen`` (the event is no later than the
        panel).
    """
    rule, seen = Rule(k, closed, partners, least), _Seen(shares)
    called = spellings(record, shares.countries)
    picked = record.picked_pairs()
    rows = []
    for event in record.events:
        for pair in held(event, seen.at, called):
            names = sorted((called[pair[0]], called[pair[1]]))
            by_hand = event.name in picked.get((names[0], names[1]), ())
            rows.append(_row(pair, event, by_hand, seen, rule))
    columns = [c for c in COLUMNS if c != "once"] + ["seen"]
    found = pd.DataFrame(rows, columns=columns)
    return found.astype(dict.fromkeys(("picked", "by_rule", "wide", "seen"), bool))


def _row(
    pair: tuple[str, str], event: Event, by_hand: bool, seen: _Seen, rule: Rule
) -> tuple[Any, ...]:
    if event.direction == "opening":
        why = seen.why_not(pair, event.year, rule)
    else:
        why = "closings are taken as the record names them"
    inside = event.year <= int(seen.years[-1])
    told = (event.name, event.group, event.kind, event.direction, event.year)
    return (*pair, *told, by_hand, not why, event.wide, why, inside)


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """Mark one row a pair and direction: the picked event, else the rule's first."""
    order = rows.assign(_later=~rows["picked"], _lost=~rows["by_rule"])
    order = order.sort_values(["a", "b", "direction", "_later", "_lost", "year0", "event"])
    first = ~order.duplicated(["a", "b", "direction"])
    return order.assign(once=first).drop(columns=["_later", "_lost"])


def placebo(
    shares: Shares,
    record: Record,
    at: int = 1990,
    *,
    k: int = K,
    closed: float = CLOSED,
    partners: int = PARTNERS,
    least: float = LEAST,
) -> pd.DataFrame:
    """Pairs as low before a year as the rule asks, which no event of the record holds.

    Their share afterwards is what happens to a closed link without an event.

    Parameters
    ----------
    at : int
        The year that stands for an event's.

    Returns
    -------
    DataFrame
        As :func:`find`, with the event and group ``placebo-1990`` and kind ``none``.

    Raises
    ------
    InputError
        The panel has not the years that the rule looks at.
    """
    rule, seen = Rule(k, closed, partners, least), _Seen(shares)
    needed = set(range(at - k, at + 1))
    if not needed <= set(shares.years):
        raise InputError(
            f"a placebo of {at} needs {at - k} to {at}; the panel has {shares.years[0]} to "
            f"{shares.years[-1]}."
        )
    name, free = f"placebo-{at}", eventless(shares, record)
    rows = [
        (*pair, name, name, "none", "opening", at, False, True, True, True, "")
        for pair, alone in zip(shares.pairs, free, strict=True)
        if alone and not seen.why_not(pair, at, rule)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def sensitivity(
    shares: Shares,
    record: Record,
    *,
    closed: Sequence[float] = (0.05, CLOSED, 0.20),
    k: Sequence[int] = (2, K, 4),
    least: Sequence[float] = (10.0, LEAST, 100.0),
    partners: int = PARTNERS,
    years: Sequence[int] = (5, 10, 15),
) -> pd.DataFrame:
    """How many pairs the rule finds, and how far half of them came, at other constants.

    The shares stay those given: which pairs the estimate has not seen does not change.

    Returns
    -------
    DataFrame
        ``closed``, ``k``, ``least``, ``pairs`` (each once), and for each of ``years`` the
        median share so long after the event and how many pairs show it (``seen_5`` …).
    """
    seen, rows = _Seen(shares), []
    for limit, before, size in itertools.product(closed, k, least):
        found = candidates(
            shares, record, k=before, closed=limit, partners=partners, least=size
        )
        found = _once(found[found["by_rule"]])
        found = found[found["once"]]
        row: dict[str, float] = {"closed": limit, "k": before, "least": size}
        row["pairs"] = len(found)
        for tau in years:
            later = _at(seen, found, tau)
            row[f"share_{tau}"] = float(np.median(later)) if len(later) else np.nan
            row[f"seen_{tau}"] = len(later)
        rows.append(row)
    whole = dict.fromkeys(("pairs", *(f"seen_{t}" for t in years)), int)
    return pd.DataFrame(rows).astype(whole)


def _at(seen: _Seen, links: pd.DataFrame, tau: int) -> NDArray[np.float64]:
    """Shares so many years after each link's event, where the panel has them."""
    found = []
    for a, b, year0 in links[["a", "b", "year0"]].itertuples(index=False):
        column = np.flatnonzero(seen.years == year0 + tau)
        found += seen.share[seen.at[(a, b)], column].tolist()
    values = np.array(found, dtype=float)
    shown: NDArray[np.float64] = values[np.isfinite(values)]
    return shown


# -- codes and sides -----------------------------------------------------------------------
def spellings(record: Record, countries: Iterable[str]) -> dict[str, str]:
    """Panel's code to the record's: a panel may say ROU where the record says ROM."""
    named = {c for e in record.events for side in e.sides if side != "all" for c in side}
    named |= {c for e in record.events for c in e.spared}
    other = {new: old for old, new in RENAMED.items()} | dict(RENAMED)
    return {c: other[c] if c not in named and other.get(c) in named else c for c in countries}


def held(
    event: Event, pairs: Iterable[tuple[str, str]], called: dict[str, str]
) -> list[tuple[str, str]]:
    """Those of the panel's pairs that stand across an event's sides."""
    return [p for p in pairs if event.holds(called[p[0]], called[p[1]])]


def eventless(shares: Shares, record: Record) -> NDArray[np.bool_]:
    """Which pairs no event up to the panel's end holds, in the order of ``shares.pairs``."""
    called = spellings(record, shares.countries)
    known = [e for e in record.events if e.year <= shares.years[-1]]
    taken = {p for e in known for p in held(e, shares.pairs, called)}
    return np.array([p not in taken for p in shares.pairs], dtype=bool)
