"""What ``detente corridors show -o DIR`` writes: maps, tables, the project, run.json."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detente.cli.corridorsshow import Shown, capex_of, tables
from detente.cli.corridorstext import modes_words
from detente.corridors.catalogue import SUFFIXES
from detente.corridors.network import Network
from detente.corridors.routes import Route
from detente.report.corridormap import Lines, MapText, Pair, corridor_map
from detente.report.documents import document
from detente.report.folder import table_bytes, world_bytes, world_options, write_files
from detente.scenario.corridorfiles import project_files

#: A second map shows the project's own lines where they fill less than this of the first.
_SMALL = 0.35
_NETWORK_FILES = ("nodes.csv", "edges.csv", "scarcity.csv", "modes.csv", "transfers.csv")


@dataclass(frozen=True)
class Typed:
    """What was typed, for the command that gives the same again."""

    name: str
    network: Path | None
    pair: tuple[str, str] | None
    sector: str | None


def provenance(shown: Shown) -> dict[str, Any]:
    """Which project, network, world and version made it."""
    from detente._version import __version__
    from detente.result import WORLD_FILE, world_reference

    project, world = shown.project, shown.world
    low, central, high = (None if math.isnan(x) else x for x in capex_of(project))
    own = world_reference(world) == WORLD_FILE
    return {
        "what": "corridor",
        "version": __version__,
        "project": {
            "name": project.project,
            "title": project.title,
            "what": project.what,
            "status": project.status,
            "includes": [part.project for part in project.included],
            "capex_million_usd": {"low": low, "central": central, "high": high},
            "sources": [s.model_dump() for part in project.closure for s in part.sources],
        },
        "network": {
            "hash": shown.before.content_hash,
            "hash_with_project": shown.after.content_hash,
            "at": shown.at,
        },
        "world": {
            "name": world.name,
            "file": WORLD_FILE if own else None,
            "hash": world.content_hash,
        },
        "weigh": shown.weigh,
        "remarks": list(shown.cost.remarks),
    }


def whole(shown: Shown) -> dict[str, Any]:
    """Everything as one JSON-able document; links one by one are in the folder alone."""
    kept = {name: table for name, table in tables(shown).items() if name != "links"}
    return document(provenance(shown), kept)


def write(directory: Path, shown: Shown, typed: Typed) -> Path:
    """Write the folder."""
    facts = provenance(shown)
    found: dict[str, bytes] = {
        f"tables/{name}.{ending}": table_bytes(table, ending)
        for name, table in tables(shown).items()
        for ending in ("parquet", "csv")
    }
    for name, drawn in maps(shown).items():
        found[name] = drawn.encode()
    text = json.dumps(whole(shown), indent=2, ensure_ascii=False, allow_nan=False)
    found["corridor.json"] = f"{text}\n".encode()
    if facts["world"]["file"]:
        found[facts["world"]["file"]] = world_bytes(shown.world)
    found |= _own_files(typed)
    again = _again(shown, typed, facts["world"])
    return write_files(directory, found, {**facts, "run_again": again})


def _own_files(typed: Typed) -> dict[str, bytes]:
    """A network and a project of one's own, so that the folder is enough to run it again."""
    found = {}
    if typed.network is not None:
        for name in _NETWORK_FILES:
            if (typed.network / name).is_file():
                found[f"network/{name}"] = (typed.network / name).read_bytes()
    return found | _own_project(typed)[1]


def _own_project(typed: Typed) -> tuple[str, dict[str, bytes]]:
    """What the project is called in the folder, and its files where it is one's own."""
    if not typed.name.endswith(SUFFIXES):
        return typed.name, {}
    (name,), files = project_files([Path(typed.name)])
    return name, files


def _again(shown: Shown, typed: Typed, world: dict[str, Any]) -> str:
    words = ["detente", "corridors", "show", _own_project(typed)[0]]
    words += ["--network", "network"] if typed.network is not None else []
    words += ["--from", typed.pair[0], "--to", typed.pair[1]] if typed.pair else []
    words += ["--sector", typed.sector] if typed.sector else []
    words += ["--weigh", shown.weigh, *world_options(world)[:2]]
    words += ["--at", shown.at] if shown.at else []
    return shlex.join(words)


# -- maps --------------------------------------------------------------------------------------
def maps(shown: Shown) -> dict[str, str]:
    """``map.svg`` with every pair; ``map-lines.svg`` of the project's own lines where small."""
    lines = _lines(shown)
    pairs = [_pair(shown, way) for way in shown.ways]
    title = f"{shown.project.title}: ways before and after" if pairs else shown.project.title
    weighed = "least cost, time valued" if shown.weigh == "cost" else "least time"
    text = MapText(
        title,
        f"Ways of {weighed}; USD of freight; rail and road straight between places",
        source(shown.before),
    )
    found = {"map.svg": corridor_map(shown.after, pairs, text, lines)}
    near = _extent(shown)
    if pairs and near is not None:
        text = MapText(f"{shown.project.title}: its lines", text.unit, text.source)
        found["map-lines.svg"] = corridor_map(shown.after, pairs, text, lines, only=near)
    return found


def _lines(shown: Shown) -> Lines:
    """The project's lines by what it does to them."""
    by: dict[str, list[tuple[str, str, str]]] = {}
    for change in shown.changes:
        edge = change.edge
        by.setdefault(change.kind, []).append((edge.a, edge.b, edge.layer))
    built = [*by.get("new", ()), *by.get("opened", ())]
    return Lines(tuple(built), tuple(by.get("transit", ())), tuple(by.get("improved", ())))


def source(network: Network) -> str:
    """Who made a map, and of what."""
    from detente._version import __version__

    return (
        f"Source: detente {__version__}, network {network.content_hash[:12]}; "
        "land: Natural Earth 4.1; lanes: searoute"
    )


def _pair(shown: Shown, way: Any) -> Pair:
    """Legs of a pair, and its lines below the map."""
    nodes = shown.after.nodes
    head = f"{nodes[way.origin].name} to {nodes[way.destination].name}, {way.sector}"
    legs = [tuple(found.legs) if found else () for found in (way.before, way.after)]
    return Pair(legs[0], legs[1], (head, figures(way.before, way.after)))


def figures(before: Route | None, after: Route | None) -> str:
    """``9,013 → 8,916 km; 17.3 → 13.7 days; USD 2,265 → 2,175 per TEU; sea, rail → rail``."""
    if before is None or after is None:
        return " → ".join("no route" if r is None else _alone(r) for r in (before, after))
    pairs = zip(_parts(before), _parts(after), strict=True)
    (km, km2), (days, days2), (money, money2), (by, by2) = pairs
    per = "tonne" if math.isnan(before.usd_per_teu) else "TEU"
    how = by if by == by2 else f"{by} → {by2}"
    return f"{km} → {km2} km; {days} → {days2} days; USD {money} → {money2} per {per}; {how}"


def _alone(found: Route) -> str:
    km, days, money, by = _parts(found)
    per = "tonne" if math.isnan(found.usd_per_teu) else "TEU"
    return f"{km} km, {days} days, USD {money} per {per}, {by}"


def _parts(found: Route) -> tuple[str, str, str, str]:
    """km, days, USD per TEU (bulk: per tonne), modes."""
    boxed = not math.isnan(found.usd_per_teu)
    money = f"{found.usd_per_teu:,.0f}" if boxed else f"{found.usd_per_tonne:,.1f}"
    return f"{found.km:,.0f}", f"{found.days:.1f}", money, modes_words(found)


def _extent(shown: Shown) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the project's lines, where a second map is of use."""
    nodes = shown.after.nodes
    own = {code for c in shown.changes for code in (c.edge.a, c.edge.b)}
    every = {
        code
        for way in shown.ways
        for found in (way.before, way.after)
        for code in (found.nodes if found else ())
    } | own
    if not own:
        return None
    lon, lat = ([getattr(nodes[c], k) for c in own] for k in ("lon", "lat"))
    wide = max(max(lon) - min(lon), max(lat) - min(lat), 3.0)
    around = [[getattr(nodes[c], k) for c in every] for k in ("lon", "lat")]
    if wide > _SMALL * max(max(x) - min(x) for x in around):
        return None
    return min(lon), min(lat), max(lon), max(lat)
