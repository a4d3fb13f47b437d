"""The measure: shares of potential of the record's links, estimated without them.

Two passes, since the rule needs shares and shares need an estimate: the first leaves out the
pairs picked by hand; the rule looks at its shares; the second leaves out what was picked and
what the rule found. ``Measured.change`` says how much the second moved the first: leaving out
pairs because they are low raises what is expected of their countries' pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError
from detente.gravity.panel import Panel
from detente.openings.histories import after, histories, reopenings
from detente.openings.predicted import (
    Array,
    Mask,
    Progress,
    Shares,
    openings_formula,
    read_panel,
    realised,
)
from detente.openings.record import Record
from detente.openings.rule import (
    CLOSED,
    LEAST,
    PARTNERS,
    K,
    candidates,
    counted,
    eventless,
    spellings,
)

__all__ = [
    "CLASSES",
    "Measured",
    "Shares",
    "measure",
    "openings_formula",
    "ordinary",
    "read_panel",
    "realised",
    "standing",
]

#: Lower ends of the classes of potential, million USD a year both ways.
CLASSES = (20.0, 100.0, 500.0)
#: Pairs that a message gives reasons for.
_REASONS = 3
#: Quantiles of ordinary pairs.
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)


@dataclass(frozen=True)
class Measured:
    """Openings and closings of a record, measured on a panel.

    Attributes
    ----------
    shares : Shares
        Of the second pass.
    links : DataFrame
        As :func:`detente.openings.rule.find` gives them, on the first pass.
    first : Shares
        Of the first pass.
    unsettled : DataFrame
        Links on which the rule would decide otherwise by the second pass's shares: ``a``,
        ``b``, ``event``, ``by_rule`` (of the second), ``why``.
    absent : tuple of str
        Picked pairs that the panel does not have.
    considered : DataFrame
        As :func:`detente.openings.rule.candidates` gives them, on the first pass: every pair
        on the sides of every event, and why the rule takes it or not.
    """

    shares: Shares
    links: pd.DataFrame
    first: Shares
    unsettled: pd.DataFrame
    absent: tuple[str, ...]
    considered: pd.DataFrame

    @cached_property
    def histories(self) -> pd.DataFrame:
        """Openings and closings in event time."""
        return histories(self.shares, self.links)

    @property
    def openings(self) -> pd.DataFrame:
        """Histories of openings, every pair once; a curve leaves some out (``for_curve``)."""
        table = self.histories
        return table[(table["direction"] == "opening") & table["once"]].reset_index(drop=True)

    def table(self, years: Sequence[int] = (1, 5, 10, 15)) -> pd.DataFrame:
        """Shares after some years, one row a link."""
        return after(self.histories, years)

    @property
    def reopenings(self) -> pd.DataFrame:
        """Links closed and opened again within the panel, found by the rule or not."""
        shut = self.links[self.links["direction"] == "closing"]
        pairs = set(shut[["a", "b"]].itertuples(index=False, name=None))
        rows = self.considered[self.considered["seen"]]
        rows = rows[rows["direction"] == "opening"]
        own = [p in pairs for p in rows[["a", "b"]].itertuples(index=False, name=None)]
        opened = rows[own].assign(once=rows["picked"] | rows["by_rule"])
        return reopenings(histories(self.shares, pd.concat([shut, opened])))

    @property
    def change(self) -> dict[str, float]:
        """|ln(share of the second pass / of the first)| of the links' years with trade."""
        keys = ["a", "b", "year"]
        own = self.links[["a", "b"]].drop_duplicates()
        one, two = (
            own.merge(s.table, on=["a", "b"]).set_index(keys)["share"]
            for s in (self.first, self.shares)
        )
        both = (one > 0) & (two > 0)
        size = pd.Series(np.abs(np.log(two[both].to_numpy() / one[both].to_numpy())))
        if size.empty:
            return {"median": 0.0, "q95": 0.0, "most": 0.0}
        return {
            "median": float(size.median()),
            "q95": float(size.quantile(0.95)),
            "most": float(size.max()),
        }


def measure(
    data: pd.DataFrame | Panel | str | Path,
    record: Record,
    *,
    columns: Mapping[str, str] | None = None,
    fill: bool = False,
    k: int = K,
    closed: float = CLOSED,
    partners: int = PARTNERS,
    least: float = LEAST,
    required: bool = True,
    progress: Progress | None = None,
) -> Measured:
    """Find the record's links in a panel and measure what became of them.

    Parameters
    ----------
    data : DataFrame, Panel, str or Path
        Bilateral trade over years, domestic sales among it; million USD by custom.
    record : Record
    columns, fill
        As for :func:`detente.openings.predicted.read_panel`.
    k, closed, partners, least
        The constants of :mod:`detente.openings.rule`.
    required : bool
        Refuse a panel in which no link of the record counts; without it there are no links.
    progress : callable, optional
        Called with years done and years in all, both passes together.

    Raises
    ------
    InputError
        Bad data, or no link of the record in the panel.
    EstimationError
        A year without an estimate.
    """
    flows = read_panel(data, columns=columns, fill=fill)
    countries = sorted({*flows.table["exporter"], *flows.table["importer"]})
    picked, absent = _picked(record, countries)
    first = realised(flows, picked, progress=_half(progress, 0))
    rule = partial(
        candidates, record=record, k=k, closed=closed, partners=partners, least=least
    )
    considered = rule(first)
    links = counted(considered)
    if links.empty:
        if required:
            raise InputError(_none_counts(considered, first))
        return Measured(first, links, first, _unsettled(links, links), absent, considered)
    chosen = links[links["by_rule"]][["a", "b"]]
    out = {*picked, *chosen.itertuples(index=False, name=None)}
    second = realised(flows, out, progress=_half(progress, 1))
    unsettled = _unsettled(links, counted(rule(second)))
    return Measured(second, links, first, unsettled, absent, considered)


def _picked(
    record: Record, countries: Sequence[str]
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Picked pairs in the panel's codes, and those that it does not have."""
    panel_code = {own: c for c, own in spellings(record, countries).items()}
    there, absent = [], []
    for a, b in record.picked_pairs():
        if a in panel_code and b in panel_code:
            there.append((panel_code[a], panel_code[b]))
        else:
            absent.append(f"{a}-{b}")
    return there, tuple(absent)


def _none_counts(considered: pd.DataFrame, shares: Shares) -> str:
    """Why no link of the record counts, and what to do about it."""
    head = (
        f"no link of the record counts in this panel ({len(shares.countries)} countries, "
        f"{shares.years[0]} to {shares.years[-1]})"
    )
    if considered.empty:
        codes = ", ".join(shares.countries[:4])
        return (
            f"{head}: it has no pair of the events' sides; use the panel's codes ({codes} …)."
        )
    rows = considered[considered["seen"]]
    if rows.empty:
        return f"{head}: all events of its countries are later."
    told = "; ".join(
        f"{a}-{b}, {event}: {_told(direction, why)}"
        for a, b, event, direction, why in rows[["a", "b", "event", "direction", "why"]]
        .head(_REASONS)
        .itertuples(index=False, name=None)
    )
    more = f"; and {len(rows) - _REASONS} more" if len(rows) > _REASONS else ""
    return (
        f"{head}: the rule finds none ({told}{more}). A pair that stands under 'picked' in the "
        "record counts whatever the rule says, and 'detente openings --pair A B' measures any."
    )


def _told(direction: str, why: str) -> str:
    if direction == "closing":
        return "with 'all' on one side, a closing counts for pairs that are picked"
    return why


def _half(progress: Progress | None, which: int) -> Progress | None:
    """Progress of one of two passes as that of both."""
    if progress is None:
        return None
    return lambda done, total: progress(done + which * total, 2 * total)


def _unsettled(links: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    keys = ["a", "b", "event"]
    both = links[[*keys, "by_rule", "why"]].merge(
        again[[*keys, "by_rule", "why"]], on=keys, how="outer", suffixes=("_first", "")
    )
    one, two = (both[c].fillna(False).astype(bool) for c in ("by_rule_first", "by_rule"))
    found = both.assign(by_rule=two)[(one != two).to_numpy()]
    return found[[*keys, "by_rule", "why"]].reset_index(drop=True)


# -- ordinary pairs ------------------------------------------------------------------------
def ordinary(
    shares: Shares,
    record: Record,
    *,
    classes: Sequence[float] = CLASSES,
    k: int = K,
    closed: float = CLOSED,
) -> pd.DataFrame:
    """What share of its potential an ordinary pair realises.

    Poisson's expectation is a mean: a few pairs far above it carry the rest, and half of all
    pairs lie well below one. Two sets of pairs that no event of the record holds: ``all``, and
    ``open``, those never closed (below ``closed`` in ``k`` years running).

    Returns
    -------
    DataFrame
        ``set``, ``year``, ``potential_from`` and ``potential_to`` (both ways, in the panel's
        unit), ``pairs``, and the quantiles ``q05``, ``q25``, ``q50``, ``q75``, ``q95``.
    """
    share, potential = (shares.wide(c).to_numpy(dtype=float) for c in ("share", "potential"))
    sets = _sets(shares, record, share, k, closed)
    edges = [*classes, np.inf]
    rows = []
    for name, chosen in sets.items():
        for column, year in enumerate(shares.years):
            for low, high in pairwise(edges):
                own = _ordinary(share, potential, chosen, column, (low, high))
                values = np.quantile(own, QUANTILES) if len(own) else [np.nan] * len(QUANTILES)
                rows.append((name, year, low, high, len(own), *values))
    quantiles = [f"q{round(100 * q):02d}" for q in QUANTILES]
    return pd.DataFrame(
        rows, columns=["set", "year", "potential_from", "potential_to", "pairs", *quantiles]
    )


def standing(
    table: pd.DataFrame,
    shares: Shares,
    record: Record,
    *,
    among: str = "open",
    classes: Sequence[float] = CLASSES,
    k: int = K,
    closed: float = CLOSED,
) -> pd.Series:
    """Which percentile of ordinary pairs of the same year and size each row's share is.

    Parameters
    ----------
    table : DataFrame
        Histories.
    among : str
        ``open`` or ``all``, the sets of :func:`ordinary`.

    Returns
    -------
    Series
        0 to 100, on the index of ``table``: pairs with a lower share, and half of those with
        the same. NaN without a share, below the smallest class, or without such pairs.

    Raises
    ------
    InputError
        A set that is neither.
    """
    share, potential = (shares.wide(c).to_numpy(dtype=float) for c in ("share", "potential"))
    sets = _sets(shares, record, share, k, closed)
    if among not in sets:
        raise InputError(f"'{among}' is no set of ordinary pairs; there are 'all' and 'open'.")
    edges = np.array([*classes, np.inf])
    column = {year: j for j, year in enumerate(shares.years)}
    found = np.full(len(table), np.nan)
    sizes = np.searchsorted(edges, table["potential"].to_numpy(dtype=float), side="right") - 1
    known = table["share"].notna().to_numpy() & (sizes >= 0) & (sizes < len(classes))
    years, values = table["year"].to_numpy(), table["share"].to_numpy(dtype=float)
    for year, size in {(int(years[i]), int(sizes[i])) for i in np.flatnonzero(known)}:
        ends = (float(edges[size]), float(edges[size + 1]))
        own = np.sort(_ordinary(share, potential, sets[among], column[year], ends))
        rows = known & (years == year) & (sizes == size)
        if len(own):
            sides = [np.searchsorted(own, values[rows], s) for s in ("left", "right")]
            found[rows] = 50.0 * (sides[0] + sides[1]) / len(own)
    return pd.Series(found, index=table.index, name="percentile")


def _sets(
    shares: Shares, record: Record, share: Array, k: int, closed: float
) -> dict[str, Mask]:
    """Pairs that no event holds: all, and those never closed."""
    free: Mask = eventless(shares, record)
    below = np.nan_to_num(share, nan=np.inf) < closed
    runs = np.zeros(len(share), dtype=bool)
    for first in range(below.shape[1] - k + 1):
        runs |= below[:, first : first + k].all(axis=1)
    return {"all": free, "open": free & ~runs}


def _ordinary(
    share: Array, potential: Array, chosen: Mask, column: int, ends: tuple[float, float]
) -> Array:
    own, size = share[chosen, column], potential[chosen, column]
    found: Array = own[np.isfinite(own) & (size >= ends[0]) & (size < ends[1])]
    return found
