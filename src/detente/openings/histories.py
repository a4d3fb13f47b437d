"""Links in event time: years since the event, share before, after, and after a closing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from detente.errors import InputError, nearest
from detente.openings.predicted import Shares, sorted_pair
from detente.openings.record import Record
from detente.openings.rule import reporting_starts

#: Years after the event up to which a history is complete.
HORIZON = 15
#: Years before the event that the share before is the mean of.
BEFORE = 3
#: Years after the event that tables show.
YEARS = (1, 5, 10, 15)

#: A pair whose mean share before its event is this or more was not closed.
OPEN_BEFORE = 1.0 / 3.0

_LINK = [
    "a", "b", "event", "group", "kind", "direction", "year0",
    "picked", "by_rule", "once", "wide",
]  # fmt: skip
_FLAGS = ["left_truncated", "right_truncated", "reporting_start", "left_out"]
_WAYS = ["actual_ab", "potential_ab", "share_ab", "actual_ba", "potential_ba", "share_ba"]
_BOTH = ["actual", "potential", "share", "error", "reported"]


def histories(
    shares: Shares, links: pd.DataFrame, record: Record | None = None
) -> pd.DataFrame:
    """Every year of every link, counted from its event.

    Parameters
    ----------
    shares : Shares
    links : DataFrame
        As :func:`detente.openings.rule.find` or ``placebo`` give it; or, with a record, pairs
        ``a``, ``b`` and ``event`` alone.
    record : Record, optional
        Where the links do not say what their events are.

    Returns
    -------
    DataFrame
        The columns of the links; ``left_truncated`` (the event is before the panel's first
        year), ``right_truncated`` (the panel ends before the fifteenth year after it),
        ``reporting_start`` (year or NA); ``left_out`` (no estimate has seen the pair);
        ``tau`` = ``year`` − ``year0``; actual, potential and share, each way and together,
        ``error`` and ``reported``. Before a reporting start what happened is missing, not
        zero.

    Raises
    ------
    InputError
        A country that the panel does not have (with the nearest), a pair without any flow in
        it, or an event that the record does not have.
    """
    told = _told(links, record)
    rows = told[_LINK].copy()
    for a, b in rows[["a", "b"]].itertuples(index=False):
        if sorted_pair(a, b, shares.countries) != (a, b) or (a, b) not in shares.pairs:
            raise InputError(f"the panel has no pair {a} and {b}, in this order.")
    first, last = shares.years[0], shares.years[-1]
    rows["left_truncated"] = rows["year0"] < first
    rows["right_truncated"] = rows["year0"] + HORIZON > last
    unseen = set(shares.left_out)
    rows["left_out"] = [
        p in unseen for p in rows[["a", "b"]].itertuples(index=False, name=None)
    ]
    starts = reporting_starts(shares).reset_index()
    rows = rows.merge(starts, on=["a", "b"], how="left")
    found = rows.merge(shares.table, on=["a", "b"], how="left")
    found["tau"] = found["year"] - found["year0"]
    hidden = (found["year"] < found["reporting_start"]).fillna(False).to_numpy(dtype=bool)
    happened = [c for c in (*_WAYS, *_BOTH) if c.startswith(("actual", "share"))]
    found.loc[hidden, happened] = np.nan
    found.loc[hidden, "reported"] = False
    found = found[[*_LINK, *_FLAGS, "tau", "year", *_BOTH, *_WAYS]]
    return found.sort_values(["year0", "event", "a", "b", "tau"], ignore_index=True)


def _told(links: pd.DataFrame, record: Record | None) -> pd.DataFrame:
    """Links with all their columns."""
    for column in ("a", "b", "event"):
        if column not in links:
            raise InputError(
                f"the links have no column '{column}'.",
                nearest=nearest(column, map(str, links.columns)),
            )
    lost = [c for c in ("group", "kind", "direction", "year0") if c not in links]
    found = links.copy()
    if lost and record is None:
        raise InputError(f"the links have no column '{lost[0]}', and no record says it.")
    if lost and record is not None:
        events = [record.of(str(name)) for name in links["event"]]
        found["year0"] = [e.year for e in events]
        for column in ("group", "kind", "direction"):
            found[column] = [getattr(e, column) for e in events]
    for column, value in (
        ("picked", False),
        ("by_rule", False),
        ("once", True),
        ("wide", False),
    ):
        if column not in found:
            found[column] = value
    return found


def after(table: pd.DataFrame, years: Sequence[int] = YEARS) -> pd.DataFrame:
    """Share of potential before an event and some years after it, one row a link.

    Parameters
    ----------
    table : DataFrame
        As :func:`histories` gives it, openings or closings.
    years : sequence of int
        Years since the event.

    Returns
    -------
    DataFrame
        The columns of the links and their truncation; ``before``, mean share of the three
        years before the event; ``share_1`` …; ``potential``, mean of all years. NaN where
        the panel does not show it.
    """
    keys = ["a", "b", "event"]
    rows = table.drop_duplicates(keys)[[*_LINK, *_FLAGS]]
    index = pd.MultiIndex.from_frame(rows[keys])
    early = table[(table["tau"] < 0) & (table["tau"] >= -BEFORE)]
    rows = rows.assign(before=early.groupby(keys)["share"].mean().reindex(index).to_numpy())
    share = table.set_index(keys)
    for tau in years:
        own = share.loc[(share["tau"] == tau).to_numpy(), "share"]
        rows[f"share_{tau}"] = own.reindex(index).to_numpy()
    rows["potential"] = table.groupby(keys)["potential"].mean().reindex(index).to_numpy()
    return rows.reset_index(drop=True)


def reopenings(table: pd.DataFrame, years: Sequence[int] = YEARS) -> pd.DataFrame:
    """Links that traded, were closed, and opened again, all within the panel.

    Parameters
    ----------
    table : DataFrame
        Histories of closings and openings together.
    years : sequence of int
        Years since the reopening.

    Returns
    -------
    DataFrame
        ``a``, ``b``, ``closing`` and ``opening`` (events), ``closed`` and ``opened`` (years);
        ``before``, mean share of up to three years before the closing, and ``years_before``,
        how many the panel has; ``between``, mean share from the year after the closing to
        the one before the opening; ``again_1`` …, share so long after the opening over the
        share before the closing. Where the panel shows no trade before, there is no row.
    """
    rows = []
    for (a, b), own in table.groupby(["a", "b"], sort=True):
        shut, opened = (own[own["direction"] == d] for d in ("closing", "opening"))
        for closing, one in shut.groupby("event", sort=True):
            early = one.loc[(one["tau"] < 0) & (one["tau"] >= -BEFORE), "share"].dropna()
            later = opened[opened["year0"] > one["year0"].iloc[0]]
            if early.empty or not early.mean() > 0 or later.empty:
                continue
            # the first opening after it, the one that enters curves where there are several
            first = later.sort_values(["once", "year0"], ascending=[False, True])
            again = first[first["event"] == first["event"].iloc[0]]
            rows.append((a, b, closing, *_again(one, again, early, years)))
    columns = ["a", "b", "closing", "opening", "closed", "opened", "before", "years_before",
               "between", *(f"again_{t}" for t in years)]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _again(
    one: pd.DataFrame, again: pd.DataFrame, early: pd.Series, years: Sequence[int]
) -> tuple[str | int | float, ...]:
    closed, opened = int(one["year0"].iloc[0]), int(again["year0"].iloc[0])
    between = one.loc[(one["year"] > closed) & (one["year"] < opened), "share"].mean()
    share = again.set_index("tau")["share"]
    before = float(early.mean())
    ratios = [float(share.get(t, np.nan)) / before for t in years]
    event = str(again["event"].iloc[0])
    return event, closed, opened, before, len(early), float(between), *ratios


def for_curve(table: pd.DataFrame, record: Record) -> pd.DataFrame:
    """The openings that the curve is fitted to.

    Each pair once; no concession under a ban that stays (``partial``), and no link that was
    not closed: where the three years before the event are on record, their mean share is below
    ``OPEN_BEFORE``. Somebody may have picked such a pair; the rule finds none.

    Parameters
    ----------
    table : DataFrame
        Histories, closings among them or not.
    record : Record

    Returns
    -------
    DataFrame
        Rows of ``table``.
    """
    partial = {event.name for event in record.events if event.partial}
    chosen = table[(table["direction"] == "opening") & table["once"].astype(bool)]
    chosen = chosen[~chosen["event"].isin(partial)]
    early = chosen[chosen["tau"].between(-BEFORE, -1)]
    before = early.groupby(["a", "b", "event"])["share"].mean()
    was_open = before[before >= OPEN_BEFORE].index
    keys = pd.MultiIndex.from_frame(chosen[["a", "b", "event"]])
    return chosen[~keys.isin(was_open)]
