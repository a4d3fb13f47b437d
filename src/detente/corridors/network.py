"""The transport network: places and what links them; what projects make of it.

How projects combine, so that their order does not matter, is in `changes`.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from detente.corridors.changes import BETTER, Change
from detente.corridors.parts import (
    GAUGES,
    KINDS,
    LAYERS,
    MODES,
    Edge,
    Key,
    Layer,
    Mode,
    ModeName,
    Node,
    Transfer,
    key_of,
    layer_of,
    make_edge,
    mode_of,
)
from detente.errors import InputError, Place, nearest

if TYPE_CHECKING:
    from detente.corridors.project import Project
    from detente.world.core import World

__all__ = [
    "BETTER",
    "GAUGES",
    "KINDS",
    "LAYERS",
    "MODES",
    "Change",
    "Edge",
    "Key",
    "Layer",
    "Mode",
    "ModeName",
    "Network",
    "Node",
    "Transfer",
    "key_of",
    "layer_of",
    "make_edge",
    "mode_of",
    "with_owners",
]


@dataclass(frozen=True, eq=False)
class Network:
    """Places and what links them, by mode.

    Parameters
    ----------
    nodes : mapping of str to Node
        Code → place.
    edges : tuple of Edge
        At most one for each pair of places and layer; in any order.
    modes : mapping of str to Mode
    transfers : tuple of Transfer
        At most one for each pair of layers; a pair that is not named cannot be changed
        between directly.
    base : tuple of Edge, optional
        The edges as they were before any project; ``edges`` where not given.
    changes : mapping of edge key to Change
        What projects have stated so far.

    Raises
    ------
    InputError
        An edge to a place that is not there (with the nearest); the same edge twice; an edge
        for own use of which it is not clear whose.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    modes: Mapping[str, Mode]
    transfers: tuple[Transfer, ...] = ()
    base: tuple[Edge, ...] | None = None
    changes: Mapping[Key, Change] = field(default_factory=dict)

    def __post_init__(self) -> None:
        edges = with_owners(self.edges, self.nodes)
        by_code = dict(sorted(self.nodes.items()))
        found: dict[str, Any] = {
            "nodes": MappingProxyType(by_code),
            "edges": tuple(sorted(edges, key=lambda e: e.key)),
            "modes": MappingProxyType(dict(self.modes)),
            "transfers": tuple(sorted(self.transfers, key=lambda t: sorted((t.a, t.b)))),
            "changes": MappingProxyType(dict(self.changes)),
        }
        found["base"] = found["edges"] if self.base is None else self.base
        for name, value in found.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        seen: set[Key] = set()
        for edge in self.edges:
            for code in (edge.a, edge.b):
                self.node(code)
            if edge.key in seen:
                raise InputError(f"the edge {edge} is there twice.")
            seen.add(edge.key)

    # -- looking things up ------------------------------------------------------------
    def node(self, code: str, place: Place | None = None) -> Node:
        """A place by its code.

        Raises
        ------
        InputError
            No such code; the nearest is named, by code or by name.
        """
        if code in self.nodes:
            return self.nodes[code]
        named = {n.name: n.code for n in self.nodes.values()}
        near = nearest(code, [*self.nodes, *named])
        raise InputError(
            f"there is no place '{code}' in the network.", place, named.get(near or "", near)
        )

    @cached_property
    def by_key(self) -> Mapping[Key, Edge]:
        """Edges by their key."""
        return MappingProxyType({edge.key: edge for edge in self.edges})

    def edge(self, a: str, b: str, layer: str) -> Edge | None:
        """The edge between two places on a layer, from either end; None if there is none."""
        return self.by_key.get(key_of(a, b, layer))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of what can change a route, whatever the order of rows and ends."""
        skip = {"a", "b", "source", "verification", "note", "name", "open_until"}

        def plain(item: Any) -> dict[str, Any]:
            names = [f.name for f in fields(item) if f.name not in skip]
            return {name: getattr(item, name) for name in names}

        content = {
            "nodes": [plain(n) for n in self.nodes.values()],
            "edges": [
                {**plain(e), "key": e.key, "until": str(e.open_until)} for e in self.edges
            ],
            "modes": [plain(self.modes[m]) for m in sorted(self.modes)],
            "transfers": [{**plain(t), "key": sorted((t.a, t.b))} for t in self.transfers],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    # -- other networks -----------------------------------------------------------------
    def with_project(self, project: Project, speed: float | None = None) -> Network:
        """The network once a project, and every project that it includes, is there.

        Projects may come in any order and more than once: `changes` says how they combine.

        Parameters
        ----------
        project : Project
        speed : float, optional
            Km per hour on every rail and road edge that the project names, in place of the
            project's own figures. An edge that is open and faster already stays as fast.

        Raises
        ------
        InputError
            The project sets an edge that is neither in the network nor added by a project
            that it includes; a speed that is not positive.
        """
        if speed is not None and not speed > 0:
            raise InputError(f"a speed of {speed:g} km/h is not positive.")
        changes = dict(self.changes)
        for part in project.closure:
            for key, change in part.changes(self.modes, speed):
                changes[key] = changes[key].beside(change) if key in changes else change
        return self._rebuilt(self.base or (), changes)

    def as_of(self, day: date) -> Network:
        """The network on a past day: what is closed now but was open then is open.

        Parameters
        ----------
        day : date
            Edges whose ``open_until`` is this day or later are open.
        """
        base = tuple(
            replace(e, state="open")
            if e.state == "closed" and e.open_until is not None and e.open_until >= day
            else e
            for e in self.base or ()
        )
        return self._rebuilt(base, self.changes)

    def _rebuilt(self, base: tuple[Edge, ...], changes: Mapping[Key, Change]) -> Network:
        edges = {edge.key: edge for edge in base}
        for key, change in changes.items():
            edge = change.applied(edges.get(key))
            if edge is None:
                raise InputError(
                    f"a project sets the edge {key[0]}–{key[1]} ({key[2]}), which is not in "
                    "the network; a project that adds it has to come first or be included."
                )
            edges[key] = edge
        return Network(
            self.nodes, tuple(edges.values()), self.modes, self.transfers, base, changes
        )

    # -- a world's regions ----------------------------------------------------------------
    def regions(self, world: World) -> dict[str, tuple[tuple[str, float], ...]]:
        """The places through which each economy of a world trades, and their weights.

        Parameters
        ----------
        world : World
            An economy holds the places of its own country and, where
            ``world.meta["members"]`` lists countries for it, of those.

        Returns
        -------
        dict of str to tuple of (str, float)
            Economy → (node, weight); weights are shares of mass and sum to 1. An economy
            without a place that has mass is left out.
        """
        members = world.meta.get("members", {})
        at: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes.values():
            if node.mass > 0:
                at[node.country].append(node)
        found: dict[str, tuple[tuple[str, float], ...]] = {}
        for code in world.countries:
            held = dict.fromkeys([code, *members.get(code, ())])
            places = [node for country in held for node in at.get(country, ())]
            total = sum(node.mass for node in places)
            if places:
                found[code] = tuple((node.code, node.mass / total) for node in places)
        return found


def with_owners(
    edges: Iterable[Edge], nodes: Mapping[str, Node], places: Mapping[Key, Place] | None = None
) -> tuple[Edge, ...]:
    """The edges, each for own use with the country whose shipments it carries.

    That is what ``owner`` says; else the country of both ends; else, of the two countries,
    the one that has edges for own use inside it.

    Parameters
    ----------
    edges : iterable of Edge
    nodes : mapping of str to Node
    places : mapping of edge key to Place, optional
        For messages.

    Raises
    ------
    InputError
        Both countries, or neither, have edges for own use inside: the owner has to be named.
    """
    edges = tuple(edges)

    def ends(edge: Edge) -> tuple[str, ...]:
        known = (nodes[c].country for c in (edge.a, edge.b) if c in nodes)
        return tuple(dict.fromkeys(known))

    inside = {ends(e)[0] for e in edges if e.use == "own" and len(ends(e)) == 1}
    found = []
    for edge in edges:
        owner = edge.owner
        if edge.use == "own" and not owner:
            here = ends(edge)
            able = here if len(here) == 1 else [c for c in here if c in inside]
            if len(able) != 1:
                raise InputError(
                    f"the edge {edge} is for own use, and it is not clear whose, "
                    f"{' or '.join(here)}: name the country in the column 'owner'.",
                    (places or {}).get(edge.key),
                )
            owner = able[0]
        found.append(edge if owner == edge.owner else replace(edge, owner=owner))
    return tuple(found)
