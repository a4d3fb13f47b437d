"""What a project does: the edges that it opens or improves, ways and pairs before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from detente.cli.corridorsdata import ROUTE_COLUMNS, Way, route_row
from detente.corridors.catalogue import load_network, load_project, project_names
from detente.corridors.network import BETTER, Edge, Network
from detente.corridors.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from detente.world import World

#: Attributes whose change is told, and how.
_TOLD = {
    "km": "km",
    "kmh": "km/h",
    "wait_h": "h wait",
    "capacity_mt": "Mt a year",
    "usd_teu_km": "USD/TEU-km",
    "usd_t_km_dry": "USD/t-km",
    "usd_teu": "USD/TEU",
    "usd_t": "USD/t",
}


# -- what a project changes ------------------------------------------------------------------
@dataclass(frozen=True)
class EdgeChanged:
    """An edge that is another after a project.

    ``kind``: ``new``, ``opened``, ``transit`` (opened to others' shipments) or ``improved``.
    """

    edge: Edge
    kind: str
    words: str
    countries: tuple[str, ...]


def edge_changes(before: Network, after: Network) -> list[EdgeChanged]:
    """Edges that differ between two networks, as they are on the second."""
    found = []
    for edge in after.edges:
        old = before.by_key.get(edge.key)
        if old is not None and all(getattr(old, n) == getattr(edge, n) for n in BETTER):
            continue
        kind, words = _change(old, edge)
        ends = (after.nodes[edge.a].country, after.nodes[edge.b].country)
        found.append(EdgeChanged(edge, kind, words, tuple(dict.fromkeys(ends))))
    return found


def _change(old: Edge | None, new: Edge) -> tuple[str, str]:
    if old is None:
        return "new", "new"
    words = [
        f"{_figure(getattr(old, n))} → {_figure(getattr(new, n))} {unit}"
        for n, unit in _TOLD.items()
        if getattr(old, n) != getattr(new, n)
    ]
    if new.electrified and not old.electrified:
        words.append("electrified")
    if not old.passable and new.passable:
        return "opened", "; ".join(["opened", *words])
    if old.use == "own" and new.use == "all":
        return "transit", "; ".join(["opened to transit", *words])
    return "improved", "; ".join(words)


def _figure(value: float) -> str:
    return "no limit" if math.isinf(value) else f"{value:,.4g}"


def edges_table(changes: Sequence[EdgeChanged]) -> pd.DataFrame:
    """The project's edges as a table."""
    import pandas as pd

    rows = [
        {
            "a": c.edge.a,
            "b": c.edge.b,
            "layer": c.edge.layer,
            "change": c.kind,
            "what": c.words,
            "km": c.edge.km,
            "kmh": c.edge.kmh,
            "wait_h": c.edge.wait_h,
            "capacity_mt": None if math.isinf(c.edge.capacity_mt) else c.edge.capacity_mt,
            "use": c.edge.use,
            "source": c.edge.source,
            "verification": c.edge.verification,
        }
        for c in changes
    ]
    names = ["a", "b", "layer", "change", "what", "km", "kmh", "wait_h", "capacity_mt"]
    return pd.DataFrame(rows, columns=[*names, "use", "source", "verification"])


# -- the list ---------------------------------------------------------------------------------
def projects_table() -> pd.DataFrame:
    """The projects that come with detente."""
    import pandas as pd

    network, rows = load_network(), []
    for name in project_names():
        project = load_project(name, network)
        changes = edge_changes(network, network.with_project(project))
        low, central, high = capex_of(project)
        rows.append(
            {
                "name": project.project,
                "title": project.title,
                "status": project.status,
                "capex_low": low,
                "capex_central": central,
                "capex_high": high,
                "opens": sum(c.kind in ("new", "opened", "transit") for c in changes),
                "improves": sum(c.kind == "improved" for c in changes),
                "countries": " ".join(sorted({x for c in changes for x in c.countries})),
                "includes": " ".join(p.project for p in project.included),
            }
        )
    return pd.DataFrame(rows)


def capex_of(project: Project) -> tuple[float, float, float]:
    """Low, central, high, million USD, of a project and all that it includes."""
    stated = [part.capex for part in project.closure if part.capex is not None]
    if not stated:
        return (math.nan,) * 3
    return (
        math.fsum(c.low for c in stated),
        math.fsum(c.central for c in stated),
        math.fsum(c.high for c in stated),
    )


# -- everything of one project -----------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Shown:
    """A project, its networks, the ways of its pairs, and what it does to other pairs."""

    project: Project
    before: Network
    after: Network
    ways: tuple[Way, ...]
    weigh: str
    world: World
    at: str | None = None

    @cached_property
    def changes(self) -> list[EdgeChanged]:
        """Edges that the project opens or improves, in the project's order."""
        every = [edge.key for part in self.project.closure for edge in part.edges]
        order = {key: j for j, key in reversed([*enumerate(every)])}
        found = edge_changes(self.before, self.after)
        return sorted(found, key=lambda c: order.get(c.edge.key, len(order)))

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Countries that it is built in; where it does not say, those that its lines touch."""
        stated = [p.capex for p in self.project.closure if p.capex is not None]
        built = {c for capex in stated for c, part in capex.in_.items() if part > 0}
        touched = {c for change in self.changes for c in change.countries}
        return frozenset(built or touched)

    @cached_property
    def cost(self) -> Any:
        """Trade costs of the world's pairs, before and after."""
        from detente.corridors.cost import cost_change

        return cost_change(self.world, self.before, self.after, self.world.flows)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Pairs of economies by what their trade costs do, both directions together.

        Columns ``one``, ``other``, ``trade`` (million USD), ``days_before``, ``days_after``,
        ``cost_change`` (share; sectors and directions weighted by trade) and ``saved``
        (million USD at baseline trade); the largest fall first.
        """
        return both_ways(self.cost.pairs)


def both_ways(table: pd.DataFrame) -> pd.DataFrame:
    """Pairs whichever way, of a table of exporters and importers."""
    import numpy as np
    import pandas as pd

    ends = np.sort(table[["exporter", "importer"]].to_numpy(dtype=str), axis=1)
    weight = table["trade"].to_numpy(dtype=float)
    frame = pd.DataFrame({"one": ends[:, 0], "other": ends[:, 1], "trade": weight})
    frame["weight"] = weight
    silent = frame.groupby(["one", "other"])["trade"].transform("sum") == 0
    frame.loc[silent, "weight"] = 1.0
    columns = {"days_before": "days_before", "days_after": "days_after", "cost_hat": "cost"}
    for column, name in columns.items():
        frame[name] = table[column].to_numpy(dtype=float) * frame["weight"]
    found = frame.groupby(["one", "other"], as_index=False).sum()
    for name in columns.values():
        found[name] /= found["weight"]
    found["cost_change"] = found["cost"] - 1.0
    found["saved"] = -found["cost_change"] * found["trade"]
    found = found.sort_values(["saved", "cost_change"], ascending=[False, True])
    names = ["one", "other", "trade", "days_before", "days_after", "cost_change", "saved"]
    return found[names].reset_index(drop=True)


# -- tables ----------------------------------------------------------------------------------
def ways_table(shown: Shown) -> pd.DataFrame:
    """One row a pair and state: km, days, money, the route in words."""
    import pandas as pd

    rows = []
    for way in shown.ways:
        for when, found, why in (
            ("before", way.before, way.why_before),
            ("after", way.after, way.why_after),
        ):
            key = {"origin": way.origin, "destination": way.destination, "sector": way.sector}
            rows.append({**key, "when": when, **route_row(shown.after, found, why)})
    names = ["origin", "destination", "sector", "when", *ROUTE_COLUMNS]
    return pd.DataFrame(rows, columns=names)


def legs_table(shown: Shown) -> pd.DataFrame:
    """Every leg of every way, handling among them."""
    import pandas as pd

    rows = [
        {
            "origin": way.origin,
            "destination": way.destination,
            "sector": way.sector,
            "when": when,
            "leg": number,
            **{name: getattr(leg, name) for name in ("a", "b", "layer", "km", "hours")},
            "usd_per_tonne": leg.usd,
        }
        for way in shown.ways
        for when, found in (("before", way.before), ("after", way.after))
        for number, leg in enumerate(found.legs if found else (), start=1)
    ]
    names = ["origin", "destination", "sector", "when", "leg", "a", "b", "layer", "km"]
    return pd.DataFrame(rows, columns=[*names, "hours", "usd_per_tonne"])


def tables(shown: Shown) -> dict[str, pd.DataFrame]:
    """Every table of a project by name."""
    return {
        "routes": ways_table(shown),
        "legs": legs_table(shown),
        "edges": edges_table(shown.changes),
        "pairs": shown.pairs,
        "links": shown.cost.table,
    }
