"""Realised shares of opened and closed links as ``detente openings`` tells them: tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.cli.openingsnames import code_of, dated
from detente.errors import InputError
from detente.openings.histories import for_curve
from detente.openings.record import Event, Record
from detente.report.documents import records

#: Years after the event that the table tells.
AFTER = (1, 5, 10, 15)
#: One row for each pair, event and year; money in million USD, as the panel has it.
SHARES = (
    "a", "b", "event", "group", "kind", "direction", "year0", "picked", "by_rule",
    "once", "reporting_start", "tau", "year", "actual", "potential", "potential_ab",
    "potential_ba", "share_ab", "share_ba", "share", "error",
)  # fmt: skip
#: What of it the event tells, and no file needs to repeat.
OF_EVENT = ("group", "kind", "direction", "year0", "tau")
#: Of predictions and comparisons.
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
#: So few rows more than asked for are no reason to hide them.
FEW = 10
#: What ``detente openings fit`` writes before the curve, and what is embedded.
EMBEDDED = ("shares.csv", "comparison.csv", "measure.json")
#: What the panel cannot say, in short lines.
LIMITS = (
    "Few events, and several share one cause: the bands are wide, and rightly so.",
    "Survivors: openings reversed at once, or never dated, are hardly on record.",
    "Manufacturing only: no oil, grain, services, aid or arms.",
    "Politics is not in it: it says what openings reached, not whether one comes.",
)


@dataclass(frozen=True)
class Realised:
    """Realised shares, and how they came about.

    Attributes
    ----------
    shares : DataFrame
        Columns ``SHARES``: a row for each pair, event and year.
    comparison : DataFrame
        ``set`` (ordinary, placebo), ``tau``, ``pairs``, ``q05`` … ``q95``; may be empty.
    record : Record
    facts : mapping
        Panel (file, hash, years, countries), formula, versions: what ``measure.json`` holds.
    """

    shares: pd.DataFrame
    comparison: pd.DataFrame
    record: Record
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def countries(self) -> list[str]:
        """Codes of the panel, or of the pairs where no list of them came with it."""
        listed = self.facts.get("countries")
        return sorted(listed or {*self.shares["a"], *self.shares["b"]})

    @property
    def goods(self) -> str:
        """What trade it is, where that is known."""
        return str(self.facts.get("panel", {}).get("goods", ""))

    @property
    def panel(self) -> str:
        """What panel it is, in a few words."""
        years = self.facts.get("years") or [
            int(self.shares["year"].min()),
            int(self.shares["year"].max()),
        ]
        name = self.facts.get("panel", {}).get("name", "the panel")
        return f"{name}, {len(self.countries)} countries, {years[0]}–{years[-1]}"


def embedded(record: Record) -> Realised:
    """The shares that come with detente.

    Parameters
    ----------
    record : Record
        The embedded one.
    """
    folder = files("detente.data").joinpath("openings")
    return from_files({n: folder.joinpath(n).read_text("utf-8") for n in EMBEDDED}, record)


def from_files(text: Mapping[str, str], record: Record) -> Realised:
    """A measure from the texts of its files."""
    shares = pd.read_csv(StringIO(text["shares.csv"]), keep_default_na=False, na_values=[""])
    for name in ("picked", "by_rule", "once"):
        shares[name] = shares[name].astype(bool)
    shares["reporting_start"] = shares["reporting_start"].astype("Int64")
    shares = _with_events(shares, record)
    return Realised(
        shares=shares,
        comparison=pd.read_csv(StringIO(text["comparison.csv"])),
        record=record,
        facts=json.loads(text["measure.json"]),
    )


def _with_events(shares: pd.DataFrame, record: Record) -> pd.DataFrame:
    """What a row's event says of it, from the record; a pair without an event has none."""
    events = {event.name: event for event in record.events}
    known = [events.get(str(name)) for name in shares["event"]]
    for column in ("group", "kind", "direction"):
        shares[column] = ["" if e is None else getattr(e, column) for e in known]
    shares["year0"] = [-1 if e is None else e.year for e in known]
    of_none = np.array([e is None for e in known], dtype=bool)
    shares["tau"] = np.where(of_none, 0, shares["year"] - shares["year0"])
    return shares[list(SHARES)]


def summary(shares: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair and event, openings first, by the share after ten years.

    Parameters
    ----------
    shares : DataFrame
        Columns ``SHARES``.

    Returns
    -------
    DataFrame
        ``pair``, ``a``, ``b``, ``event``, ``group``, ``kind``, ``direction``, ``year``,
        ``share_before`` (the year before), ``share_1`` …, missing where not seen;
        ``potential`` (million USD, in the year of the event or the first one seen after),
        ``error`` of its log there, ``picked``, ``by_rule``, ``left_truncated``,
        ``right_truncated``, ``reporting_start``.
    """
    rows = [_row(own) for _, own in shares.groupby(["a", "b", "event"], sort=False)]
    if not rows:
        return pd.DataFrame(columns=["pair", "a", "b", "event", "direction"])
    table = pd.DataFrame(rows).astype({"reporting_start": "Int64"})
    table["closing"] = table["direction"] == "closing"
    order = ["closing", "share_10", "share_5", "share_1", "pair"]
    table = table.sort_values(order, ascending=[True, False, False, False, True])
    return table.drop(columns="closing").reset_index(drop=True)


def _row(own: pd.DataFrame) -> dict[str, Any]:
    own = own.sort_values("year")
    first = own.iloc[0]
    by_tau = own.drop_duplicates("tau").set_index("tau")
    seen = by_tau[by_tau.index >= 0]
    at = seen.iloc[0] if len(seen) else by_tau.iloc[-1]
    start = first["reporting_start"]
    return {
        "pair": f"{first['a']}–{first['b']}",
        **{k: first[k] for k in ("a", "b", "event", "group", "kind", "direction")},
        "year": int(first["year0"]),
        "share_before": _at(by_tau, -1),
        **{f"share_{t}": _at(by_tau, t) for t in AFTER},
        "potential": float(at["potential"]),
        "error": float(at["error"]),
        "picked": bool(first["picked"]),
        "by_rule": bool(first["by_rule"]),
        "left_truncated": int(own["tau"].min()) > 0,
        "right_truncated": int(own["tau"].max()) < AFTER[-1],
        "reporting_start": pd.NA if pd.isna(start) else int(start),
    }


def _at(by_tau: pd.DataFrame, tau: int) -> float:
    return float(by_tau["share"].get(tau, np.nan))


@dataclass(frozen=True)
class Filters:
    """What the command shows of the openings; None: either.

    Attributes
    ----------
    direction : str or None
        ``opening`` or ``closing``.
    picked : bool or None
    by_rule : bool
        Only pairs that the written rule finds.
    """

    direction: str | None = None
    picked: bool | None = None
    by_rule: bool = False

    @property
    def of_pairs(self) -> bool:
        """Whether some openings are left out."""
        return self.picked is not None or self.by_rule

    @property
    def options(self) -> list[str]:
        """As options of the command, in words."""
        words = ["--kind", self.direction] if self.direction else []
        words += [] if self.picked is None else ["--picked" if self.picked else "--not-picked"]
        return words + (["--by-rule"] if self.by_rule else [])


def chosen(table: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """Rows that the filters of the command leave."""
    keep = pd.Series(True, index=table.index)
    if filters.direction:
        keep &= table["direction"] == filters.direction
    if filters.picked is not None:
        keep &= table["picked"] == filters.picked
    if filters.by_rule:
        keep &= table["by_rule"]
    return table[keep].reset_index(drop=True)


def first_rows(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Rows picked by hand and, of the others, the largest by potential; order is kept.

    Where at most ``FEW`` would be left out, none is.
    """
    if len(table) <= most + FEW:
        return table
    rank = table.sort_values(["picked", "potential"], ascending=[False, False])
    return table.loc[sorted(rank.index[:most])]


def observed(shares: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Medians of what the openings reached, those that a curve is fitted to.

    Parameters
    ----------
    shares : DataFrame
        Columns ``SHARES``.
    record : Record

    Returns
    -------
    DataFrame
        ``set`` (all, picked, rule), ``tau``, ``openings`` (of the set), ``seen`` (of them in
        that year), ``q50``.
    """
    rows = for_curve(shares, record)
    sets = {"all": rows, "picked": rows[rows["picked"]], "rule": rows[rows["by_rule"]]}
    parts = []
    for name, own in sets.items():
        by_tau = own.dropna(subset=["share"]).groupby("tau")["share"]
        found = pd.DataFrame({"seen": by_tau.size(), "q50": by_tau.median()}).reset_index()
        count = len(own[["a", "b"]].drop_duplicates())
        parts.append(found.assign(set=name, openings=count))
    return pd.concat(parts, ignore_index=True)[["set", "tau", "openings", "seen", "q50"]]


# -- one pair ----------------------------------------------------------------------------------
def pair_table(measured: Realised, a: str, b: str) -> pd.DataFrame:
    """One pair by year, each direction and both together.

    Returns
    -------
    DataFrame
        ``year``; ``actual_A_B``, ``potential_A_B``, ``share_A_B`` for each direction (codes
        in place of A and B); ``actual``, ``potential``, ``share``, ``error``; ``event``.

    Raises
    ------
    InputError
        The pair is not in the record, or has no row.
    """
    shares = measured.shares
    own = shares[(shares["a"] == a) & (shares["b"] == b)]
    if own.empty:
        raise InputError(_not_there(measured, a, b))
    own = own.sort_values(["year", "year0"])
    events = own.groupby("event", sort=False)["year0"].first()
    table = own.drop_duplicates("year").reset_index(drop=True)
    found: dict[str, Any] = {"year": table["year"].astype(int)}
    for side, name in (("ab", f"{a}_{b}"), ("ba", f"{b}_{a}")):
        product = table[f"share_{side}"] * table[f"potential_{side}"]
        found[f"actual_{name}"] = [float(f"{v:.4g}") for v in product]  # as many as both have
        found[f"potential_{name}"] = table[f"potential_{side}"]
        found[f"share_{name}"] = table[f"share_{side}"]
    found |= {k: table[k] for k in ("actual", "potential", "share", "error")}
    found["event"] = [
        " ".join(str(e) for e, year0 in events.items() if e and year0 == year)
        for year in table["year"]
    ]
    return pd.DataFrame(found)


def _not_there(measured: Realised, a: str, b: str) -> str:
    shares = measured.shares
    events = measured.record.holding(a, b)
    if events:
        return (
            f"--pair: the record has {a}–{b} ({dated(events)}), but it does not count: the "
            "written rule does not find it, and nobody picked it. --panel FILE measures any "
            "pair of a panel of yours."
        )
    of = shares[(shares["a"].isin((a, b))) | (shares["b"].isin((a, b)))]
    pairs = [f"{x} {y}" for x, y in dict.fromkeys(zip(of["a"], of["b"], strict=True))]
    near = f" In it with one of them: {', '.join(pairs[:5])}." if pairs else ""
    return (
        f"--pair: {a}–{b} is no opening or closing of the record, so its share is not "
        f"embedded.{near} --panel FILE measures any pair of a panel of yours."
    )


def events_of(measured: Realised, a: str, b: str) -> list[Event]:
    """Events of the record that hold a pair, by date."""
    shares = measured.shares
    named = set(shares.loc[(shares["a"] == a) & (shares["b"] == b), "event"]) - {""}
    found = [
        e
        for e in measured.record.events
        if e.name in named or (not named and not e.wide and e.holds(a, b))
    ]
    return sorted(found, key=lambda e: e.date)


# -- the record --------------------------------------------------------------------------------
def sides(event: Event) -> str:
    """``CHN – KOR``, ``ZAF – all others``."""
    told = ["all others" if side == "all" else " ".join(side) for side in event.sides]
    return " – ".join(told)


def of_record(
    record: Record, direction: str | None, pair: tuple[str, str] | None
) -> tuple[Event, ...]:
    """Events of the record: of one direction, or that hold a pair; in the record's order.

    Raises
    ------
    InputError
        No event is left.
    """
    ends = None if pair is None else [code_of(word) for word in pair]
    found = tuple(
        e
        for e in record.events
        if direction in (None, e.direction) and (ends is None or e.holds(ends[0], ends[1]))
    )
    if not found:
        of = "" if ends is None else f" of {'–'.join(ends)}"
        raise InputError(f"the record has no {direction or 'event'}{of}.")
    return found


def events_table(record: Record, events: Sequence[Event] | None = None) -> pd.DataFrame:
    """The record, or some of its events: a row an event."""
    return pd.DataFrame(
        [
            {
                "event": e.name,
                "date": str(e.date),
                "direction": e.direction,
                "kind": e.kind,
                "sides": sides(e),
                "group": e.group,
                "picked": " ".join(
                    "-".join(p.pair) for p in record.picked if p.event == e.name
                ),
                "what": e.what,
                "source": e.source,
                "verification": e.verification,
                "note": e.note or "",
                "covered_by": e.covered_by or "",
            }
            for e in (record.events if events is None else events)
        ]
    )


# -- everything --------------------------------------------------------------------------------
def document(
    measured: Realised, table: pd.DataFrame, curve: Mapping[str, Any]
) -> dict[str, Any]:
    """All that is known, JSON-able.

    Parameters
    ----------
    measured : Realised
    table : DataFrame
        Of :func:`summary`, as filtered.
    curve : mapping
        The fitted curve, as :func:`detente.cli.openingscurve.curve_document` gives it.
    """
    return {
        "what": "openings",
        "version": __version__,
        "unit": "share of what gravity expects; money in million USD",
        "measure": dict(measured.facts),
        "record": measured.record.content_hash,
        "openings": records(table),
        "curve": dict(curve),
        "observed": records(observed(measured.shares, measured.record)),
        "comparison": records(measured.comparison),
        "limits": list(LIMITS),
    }


def pair_document(measured: Realised, table: pd.DataFrame, a: str, b: str) -> dict[str, Any]:
    """One pair with its events, JSON-able.

    Parameters
    ----------
    measured : Realised
    table : DataFrame
        Of :func:`pair_table`.
    a, b : str
    """
    return {
        "what": "opening",
        "version": __version__,
        "pair": [a, b],
        "unit": "million USD a year; share of what gravity expects",
        "events": [
            {
                "event": e.name,
                "date": str(e.date),
                "kind": e.kind,
                "direction": e.direction,
                "what": e.what,
                "source": e.source,
                "verification": e.verification,
            }
            for e in events_of(measured, a, b)
        ],
        "years": records(table),
        "measure": dict(measured.facts),
        "limits": list(LIMITS),
    }
