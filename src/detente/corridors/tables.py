"""The csv files of a network, read strictly: file, line and column of what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from detente.corridors.network import (
    GAUGES,
    KINDS,
    LAYERS,
    MODES,
    Edge,
    Key,
    Mode,
    Node,
    Transfer,
    key_of,
    make_edge,
    with_owners,
)
from detente.errors import InputError, Place, nearest
from detente.sources.checking import (
    refuse_below,
    refuse_duplicates,
    refuse_outside,
    refuse_unknown,
)
from detente.sources.reading import read_table

VERIFICATIONS = ("verified", "unverified", "assumed")
#: What a cell of a column is called, where it is not the column's name.
_WORDS = {"from": "layer", "to": "layer", "a": "place", "b": "place"}
_TRUE, _FALSE = ("yes", "true", "1"), ("no", "false", "0", "")


def _table(
    path: Path, text: Sequence[str], numbers: Sequence[str], optional: Sequence[str] = ()
) -> pd.DataFrame:
    names = (*text, *numbers)
    frame = read_table(
        path, columns={n: (n,) for n in names}, numbers=numbers, optional=optional
    )
    for name in text:
        if name in frame:
            frame[name] = frame[name].str.strip()
        else:
            frame[name] = ""
    for name in set(numbers) - set(frame.columns):
        frame[name] = math.nan
    return frame


def _place(path: Path, line: Any, key: str | None = None) -> Place:
    return Place(str(path), int(line), key)


def _refuse_blank(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    for name in columns:
        column = frame[name]
        blank = column.isna() | (column == "")
        if blank.any():
            what = f"the cell is empty; every row needs '{name}'."
            raise InputError(
                what, _place(path, frame.index[int(blank.to_numpy().argmax())], name)
            )


def _refuse_other(frame: pd.DataFrame, known: Mapping[str, Sequence[str]], path: Path) -> None:
    for name, options in known.items():
        refuse_unknown(frame, name, options, path, _WORDS.get(name))


def read_nodes(path: Path) -> dict[str, Node]:
    """Places from ``nodes.csv``.

    Raises
    ------
    InputError
        A missing column, an empty or repeated code, a country that is no ISO3 code, an
        unknown kind, a latitude out of range, a negative mass: with line and column.
    """
    text = ("code", "name", "country", "kind", "note")
    frame = _table(path, text, ("lat", "lon", "mass"), ("note",))
    _refuse_blank(frame, ("code", "name", "country", "kind", "lat", "lon"), path)
    refuse_duplicates(frame, ["code"], path)
    _refuse_other(frame, {"kind": KINDS}, path)
    iso = frame["country"].str.fullmatch("[A-Z]{3}")
    refuse_outside(
        frame,
        {
            "country": (iso, "a country is an ISO3 code, such as KOR"),
            "lat": (frame["lat"].abs() <= 90, "a latitude lies between -90 and 90"),
            "lon": (frame["lon"].abs() <= 360, "a longitude lies between -360 and 360"),
        },
        path,
    )
    refuse_below(frame, "mass", 0.0, path)
    columns = ["code", "name", "country", "kind", "lat", "lon", "mass"]
    rows = frame[columns].fillna({"mass": 0.0}).itertuples(index=False)
    return {row[0]: Node(*row) for row in rows}


def read_modes(path: Path) -> dict[str, Mode]:
    """What modes cost and how fast they are, from ``modes.csv``.

    Raises
    ------
    InputError
        A missing column or mode, an empty cell, a negative figure, a speed of zero: with line
        and column.
    """
    figures = ("kmh", "usd_teu_km", "usd_t_km_dry", "usd_t_km_liquid")
    loads = ("load_h", "load_usd_teu", "load_usd_t")
    text = ("mode", "source", "verification")
    frame = _table(path, text, (*figures, *loads, "low", "high"), ("low", "high"))
    _refuse_blank(frame, ("mode", *figures, *loads), path)
    refuse_duplicates(frame, ["mode"], path)
    _refuse_other(frame, {"mode": MODES, "verification": VERIFICATIONS}, path)
    for name in (*figures, *loads):
        refuse_below(frame, name, 0.0, path)
    refuse_outside(frame, {"kmh": (frame["kmh"] > 0, "a speed is above zero")}, path)
    missing = [m for m in MODES if m not in set(frame["mode"])]
    if missing:
        raise InputError(f"there is no row for the mode {missing[0]}.", Place(str(path)))
    names = ["mode", *figures, *loads, "low", "high", "source", "verification"]
    return {row[0]: Mode(*row) for row in frame[names].itertuples(index=False)}


def read_transfers(path: Path) -> tuple[Transfer, ...]:
    """What changing layers takes, from ``transfers.csv``.

    Raises
    ------
    InputError
        A missing column, an unknown layer, an empty cell, a negative figure, the same pair
        twice (either way round): with line and column.
    """
    figures = ("hours", "usd_teu", "usd_t")
    frame = _table(path, ("from", "to", "source", "verification"), figures)
    _refuse_blank(frame, ("from", "to", *figures), path)
    known = {"from": LAYERS, "to": LAYERS, "verification": VERIFICATIONS}
    _refuse_other(frame, known, path)
    for name in figures:
        refuse_below(frame, name, 0.0, path)
    seen: dict[tuple[str, ...], int] = {}
    found = []
    for line, a, b, *rest in frame[
        ["from", "to", *figures, "source", "verification"]
    ].itertuples():
        pair = tuple(sorted((a, b)))
        if a == b:
            raise InputError(f"a transfer from {a} to itself is none.", _place(path, line))
        if pair in seen:
            what = f"the pair {a}, {b} is on line {seen[pair]} already; it holds either way."
            raise InputError(what, _place(path, line))
        seen[pair] = line
        found.append(Transfer(a, b, *rest))
    return tuple(found)


_EDGE_TEXT = ("a", "b", "mode", "electrified", "state", "use", "open_until")
_EDGE_MORE = ("source", "verification", "note", "owner")
_EDGE_RATES = ("wait_h", "usd_teu_km", "usd_t_km", "usd_teu", "usd_t", "capacity_mt")
_EDGE_NUMBERS = ("km", "gauge", "kmh", *_EDGE_RATES)


def read_edges(
    path: Path, nodes: Mapping[str, Node], modes: Mapping[str, Mode]
) -> tuple[Edge, ...]:
    """Edges from ``edges.csv``.

    Parameters
    ----------
    path : Path
    nodes, modes
        As read from the files beside it.

    Raises
    ------
    InputError
        A missing column, an unknown place (with the nearest), mode, state or use, a gauge
        where there is no rail, a negative length or capacity, a speed of zero, the same edge
        twice, an edge for own use of which it is not clear whose: with line and column.
    """
    text = (*_EDGE_TEXT, *_EDGE_MORE)
    frame = _table(path, text, _EDGE_NUMBERS, ("note", "owner"))
    frame["state"] = frame["state"].replace("", "open")
    frame["use"] = frame["use"].replace("", "all")
    frame["electrified"] = frame["electrified"].str.casefold()
    _refuse_blank(frame, ("a", "b", "mode", "km"), path)
    options = {"a": nodes, "b": nodes, "mode": MODES, "electrified": (*_TRUE, *_FALSE)}
    _refuse_other(frame, {name: tuple(known) for name, known in options.items()}, path)
    known = {"state": ("open", "closed"), "use": ("all", "own")}
    _refuse_other(frame, known | {"verification": VERIFICATIONS}, path)
    for name in ("km", *_EDGE_RATES):
        refuse_below(frame, name, 0.0, path)
    speed = frame["kmh"]
    refuse_outside(frame, {"kmh": (speed.isna() | (speed > 0), "a speed is above zero")}, path)
    _refuse_gauges(frame, path)
    places: dict[Key, Place] = {}
    found: list[Edge] = []
    for record in frame.reset_index().to_dict("records"):
        edge = _edge(record, modes, path)
        where = _place(path, record["line"])
        if edge.a == edge.b:
            raise InputError(f"an edge from {edge.a} to itself is none.", where)
        if edge.key in places:
            what = f"the edge {edge} is on line {places[edge.key].line} already."
            raise InputError(what, where)
        places[edge.key] = where
        found.append(edge)
    return with_owners(found, nodes, places)


def _refuse_gauges(frame: pd.DataFrame, path: Path) -> None:
    rail = frame["mode"] == "rail"
    gauge = frame["gauge"]
    right = gauge.isin(GAUGES).where(rail, gauge.isna())
    if not right.all():
        row = int((~right).to_numpy().argmax())
        what = "a rail edge has the gauge 1435 or 1520 (a dual gauge is two rows)"
        if not rail.iloc[row]:
            what = f"an edge with mode {frame['mode'].iloc[row]} has no gauge"
        raise InputError(f"{what}.", _place(path, frame.index[row], "gauge"))


def _edge(record: Mapping[Any, Any], modes: Mapping[str, Mode], path: Path) -> Edge:
    given = {n: record[n] for n in (*_EDGE_RATES, "kmh") if not math.isnan(record[n])}
    until = None
    if record["open_until"]:
        try:
            until = date.fromisoformat(record["open_until"])
        except ValueError:
            what = f"'{record['open_until']}' is no date: write it as 2016-02-10."
            raise InputError(what, _place(path, record["line"], "open_until")) from None
    words = {n: record[n] for n in ("state", "use", *_EDGE_MORE)}
    gauge = None if math.isnan(record["gauge"]) else int(record["gauge"])
    return make_edge(
        modes,
        record["a"],
        record["b"],
        record["mode"],
        float(record["km"]),
        gauge,
        electrified=record["electrified"] in _TRUE,
        open_until=until,
        **given,
        **words,
    )


def read_scarcity(path: Path, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """Edges with the price of room on those that are full, from ``scarcity.csv``.

    Parameters
    ----------
    path : Path
        Columns a, b, layer, usd_t; where there is no such file no edge has a price.
    edges : sequence of Edge

    Raises
    ------
    InputError
        A negative price; an edge that is not there, or that has no capacity to be full.
    """
    if not path.is_file():
        return tuple(edges)
    frame = _table(path, ("a", "b", "layer"), ("usd_t",), ())
    refuse_below(frame, "usd_t", 0.0, path)
    known = {e.key: e for e in edges}
    priced: dict[Key, float] = {}
    for record in frame.reset_index().to_dict("records"):
        key = key_of(record["a"], record["b"], record["layer"])
        if key not in known:
            what, near = no_edge(edges, record["a"], record["b"], record["layer"])
            raise InputError(what, _place(path, record["line"]), near)
        if math.isinf(known[key].capacity_mt):
            what = f"the edge {known[key]} has no capacity, so that it cannot be full."
            raise InputError(what, _place(path, record["line"]))
        priced[key] = float(record["usd_t"])
    return tuple(
        replace(e, scarcity_usd_t=priced[e.key]) if e.key in priced else e for e in edges
    )


def no_edge(edges: Sequence[Edge], a: str, b: str, layer: str) -> tuple[str, str | None]:
    """Words for an edge that is not there: what links its ends instead, and the nearest.

    Returns
    -------
    what : str
    nearest : str or None
    """
    asked = key_of(a, b, layer)
    what = f"there is no edge {a}–{b} ({layer}) in the network"
    between = [e for e in edges if e.key[:2] == asked[:2]]
    if between:
        told = ", ".join(e.layer for e in between)
        return f"{what}; between them there is {told}.", str(between[0])
    beside = [e for e in edges if layer == e.layer and {a, b} & {e.a, e.b}]
    if beside:
        told = ", ".join(map(str, beside[:4]))
        named = {f"{e.a}–{e.b}": e for e in beside} | {f"{e.b}–{e.a}": e for e in beside}
        near = nearest(f"{a}–{b}", named)
        what = f"{what}; on this layer there are {told}"
        return f"{what}. To build it, write 'add' and its km.", near
    return f"{what}; to build it, write 'add' and its km.", None
