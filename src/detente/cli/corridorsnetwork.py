"""The network's lines and places as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detente.corridors.network import Network
from detente.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

_EDGE: tuple[str, ...] = ("a", "b", "layer", "km", "electrified", "kmh", "wait_h", "usd_teu_km")
_EDGE += ("usd_t_km_dry", "usd_t_km_liquid", "usd_teu", "usd_t", "capacity_mt", "state", "use")
_EDGE += ("owner", "open_until", "source", "verification", "note")
_NODE = ("code", "name", "country", "kind", "lat", "lon", "mass")


def edges_of(
    network: Network, country: str | None, mode: str | None, state: str | None
) -> pd.DataFrame:
    """Lines, of a country (either end), a mode, a state; no capacity is blank."""
    import pandas as pd

    code = _country(network, country)
    rows = []
    for edge in network.edges:
        ends = {network.nodes[edge.a].country, network.nodes[edge.b].country}
        if (code and code not in ends) or (mode and edge.mode != mode):
            continue
        if state and ("open" if edge.passable else "closed") != state:
            continue
        row = {name: getattr(edge, name) for name in _EDGE}
        row["capacity_mt"] = math.nan if math.isinf(edge.capacity_mt) else edge.capacity_mt
        row["open_until"] = str(edge.open_until) if edge.open_until else ""
        rows.append(row)
    return pd.DataFrame(rows, columns=list(_EDGE))


def nodes_of(network: Network, country: str | None) -> pd.DataFrame:
    """Places, of a country."""
    import pandas as pd

    code = _country(network, country)
    rows = [
        {name: getattr(node, name) for name in _NODE}
        for node in network.nodes.values()
        if code is None or node.country == code
    ]
    return pd.DataFrame(rows, columns=list(_NODE))


def _country(network: Network, text: str | None) -> str | None:
    """A country's code in any case; a mistake names the nearest."""
    if text is None:
        return None
    codes = sorted({node.country for node in network.nodes.values()})
    if text.upper() in codes:
        return text.upper()
    raise InputError(
        f"--country: the network has no place in '{text}'; it has {', '.join(codes)}.",
        nearest=nearest(text.upper(), codes),
    )
