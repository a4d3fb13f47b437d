"""What ``detente corridors`` looks up: places, goods, projects, ways between places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detente.corridors.catalogue import load_network, load_project
from detente.corridors.costpairs import shipment_of
from detente.corridors.costsectors import load_sectors
from detente.corridors.network import Network, mode_of
from detente.corridors.project import Project
from detente.corridors.routes import Route, RouteError, Shipment, Weigh, route
from detente.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from detente.corridors.network import Edge

_BOTH: tuple[Weigh, Weigh] = ("cost", "time")
#: What is shipped where nobody says.
SECTOR = "electronics"


# -- what was asked --------------------------------------------------------------------------
def network_of(folder: Path | None, at: str | None) -> Network:
    """The embedded network or one's own, as it was on a day."""
    network = load_network(folder)
    return network if at is None else network.as_of(day_of(at))


def day_of(text: str) -> date:
    """A day of an option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = f"--at: '{text}' is not a day; write it as 2015-06-30."
        raise InputError(what) from None


def place_of(network: Network, text: str, option: str) -> str:
    """Code of a place by its code or name, in any case; a mistake names the nearest."""
    asked = text.strip().casefold()
    names: dict[str, str] = {}
    for node in network.nodes.values():
        for name in (node.name, *_short_names(node.name)):
            names.setdefault(name.casefold(), node.code)
    codes = {code.casefold(): code for code in network.nodes}
    found = codes.get(asked) or names.get(asked)
    if found is not None:
        return found
    near = nearest(asked, [*network.nodes, *names])
    raise InputError(
        f"{option}: there is no place '{text}' in the network "
        "('detente corridors network --table nodes' lists them).",
        nearest=names.get(near or "", near),
    )


def _short_names(name: str) -> Iterator[str]:
    """``Osaka`` and ``Kobe`` of "Osaka and Kobe"; ``Vostochny`` of "Vostochny (Nakhodka)"."""
    whole, _, inner = name.partition(" (")
    for part in (whole, inner.rstrip(")")):
        if part:
            yield part
            yield from part.split(" and ")


def sector_of(text: str, option: str = "--sector") -> str:
    """A sector that a network carries; a mistake names the nearest."""
    table = load_sectors()
    carried = [code for code, row in table.items() if row.carried]
    if text in carried:
        return text
    why = "moves by itself or is no goods" if text in table else "is not among them"
    raise InputError(
        f"{option}: no network carries '{text}': it {why}. Sectors: {', '.join(carried)}.",
        nearest=nearest(text, carried),
    )


def shipment(sector: str) -> Shipment:
    """The shipment that stands for a sector."""
    return shipment_of(load_sectors()[sector])


def projects_of(text: str | None, network: Network) -> list[Project]:
    """Projects by names or files between commas."""
    given = [part.strip() for part in (text or "").split(",") if part.strip()]
    return [load_project(name, network) for name in given]


# -- ways ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Way:
    """A pair's way before and after; None and the reason where there is none."""

    origin: str
    destination: str
    sector: str
    before: Route | None
    after: Route | None
    why_before: str = ""
    why_after: str = ""

    @property
    def changed(self) -> bool:
        """Whether the project changes anything for the pair."""
        one, two = self.before, self.after
        if one is None or two is None:
            return (one is None) != (two is None)
        return one.legs != two.legs


def way_of(before: Network, after: Network, asked: tuple[str, str, str], weigh: Weigh) -> Way:
    """The way of a pair on two networks."""
    origin, destination, sector = asked
    found = [_route(net, origin, destination, sector, weigh) for net in (before, after)]
    (one, why), (two, why_after) = found
    return Way(origin, destination, sector, one, two, why, why_after)


def _route(
    network: Network, origin: str, destination: str, sector: str, weigh: Weigh
) -> tuple[Route | None, str]:
    try:
        found = route(network, shipment(sector), origin, destination, weigh)
    except RouteError as error:
        return None, error.what
    return found, ""


@dataclass(frozen=True)
class Choice:
    """One of several ways of a pair, and what it is the best of."""

    label: str
    route: Route | None
    without: str = ""


def choices(
    network: Network, origin: str, destination: str, sector: str, weigh: Weigh
) -> list[Choice]:
    """Least cost, least time, the next best, and the best without each mode that is used.

    Raises
    ------
    RouteError
        There is no way at all.
    """
    goods = shipment(sector)
    cost, time = (route(network, goods, origin, destination, w) for w in _BOTH)
    best = cost if weigh == "cost" else time
    found = [Choice("least cost", cost), Choice("least time", time)]
    found.append(_next_best(network, best, (origin, destination, sector, weigh)))
    for mode in dict.fromkeys(mode_of(layer) for layer in best.layers):
        part = without(network, lambda edge, mode=mode: edge.mode == mode)  # type: ignore[misc]
        other, _ = _route(part, origin, destination, sector, weigh)
        found.append(Choice(f"without {mode}", other))
    return found


def _next_best(network: Network, best: Route, asked: tuple[str, str, str, Weigh]) -> Choice:
    """The best of the ways that are left when one edge of the best is closed."""
    *_, weigh = asked
    found = Choice("next best", None)
    for leg in best.legs:
        edge = network.edge(leg.a, leg.b, leg.layer) if leg.moves else None
        if edge is None:
            continue
        rest = without(network, lambda other, key=edge.key: other.key == key)  # type: ignore[misc]
        other, _ = _route(rest, *asked)
        if other is not None and (found.route is None or _less(other, found.route, weigh)):
            closed = f"{_name(network, leg.a)}–{_name(network, leg.b)} ({mode_of(leg.layer)})"
            found = Choice("next best", other, closed)
    return found


def _less(one: Route, other: Route, weigh: str) -> bool:
    if weigh == "time":
        return one.days < other.days
    return one.generalised < other.generalised


def without(network: Network, closed: Callable[[Edge], bool]) -> Network:
    """The network without the edges of which ``closed`` is true."""
    edges = tuple(edge for edge in network.edges if not closed(edge))
    return Network(network.nodes, edges, network.modes, network.transfers)


def route_words(network: Network, found: Route) -> str:
    """``rail 1435 mm Seoul – Dorasan – Kaesong 70 km; sea …``: modes, places, km."""
    parts: list[tuple[str, list[str], float]] = []
    for leg in found.legs:
        if not leg.moves:
            continue
        if parts and parts[-1][0] == leg.layer and parts[-1][1][-1] == leg.a:
            layer, places, km = parts[-1]
            parts[-1] = (layer, [*places, leg.b], km + leg.km)
        else:
            parts.append((leg.layer, [leg.a, leg.b], leg.km))
    told = [
        f"{layer_words(layer)} {' – '.join(_name(network, c) for c in places)} {km:,.0f} km"
        for layer, places, km in parts
    ]
    return "; ".join(told) or "origin and destination are one place"


def layer_words(layer: str) -> str:
    """``rail 1520 mm``, ``sea``, ``road``."""
    return f"rail {layer[4:]} mm" if mode_of(layer) == "rail" else layer


def _name(network: Network, code: str) -> str:
    return network.nodes[code].name.partition(" (")[0]


ROUTE_COLUMNS: tuple[str, ...] = (
    "km",
    "days",
    "usd_per_teu",
    "usd_per_tonne",
    "generalised_usd_per_tonne",
)
ROUTE_COLUMNS += ("modes", "route")


def route_row(network: Network, found: Route | None, why: str = "") -> dict[str, Any]:
    """A route as a row of a table; blanks where there is none, and the reason as route."""
    if found is None:
        return {**dict.fromkeys(ROUTE_COLUMNS), "modes": "", "route": why or "no route"}
    teu = None if math.isnan(found.usd_per_teu) else found.usd_per_teu
    values = (found.km, found.days, teu, found.usd_per_tonne, found.generalised)
    modes = " ".join(dict.fromkeys(mode_of(layer) for layer in found.layers))
    return dict(zip(ROUTE_COLUMNS, (*values, modes, route_words(network, found)), strict=True))


def choices_table(network: Network, found: Sequence[Choice]) -> pd.DataFrame:
    """One row a way of a pair."""
    import pandas as pd

    rows = [
        {"way": c.label, "without": c.without, **route_row(network, c.route)} for c in found
    ]
    return pd.DataFrame(rows)
