"""What projects state of an edge, and how that combines.

One rule says how projects combine, so that their order does not matter. The edges of the
network as loaded are kept, and the changes of all projects beside them:

- several projects on one edge: the better of what they state holds, attribute by attribute
  (open over closed, use ``all`` over ``own``, the higher km/h and capacity, the lower waiting
  time and cost, electrified over not);
- an edge that is open already: the better of its own and the projects' values;
- an edge that is closed: what the projects state replaces its own values, which were those
  of a line that nobody used; what no project states stays.

A value that a project does not state is no statement, also where the network's own is blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from detente.corridors.parts import Edge

#: Attributes of an edge that a project may state, and which of two values is the better.
BETTER: Mapping[str, Any] = MappingProxyType(
    {
        "km": min,
        "electrified": max,
        "kmh": max,
        "wait_h": min,
        "usd_teu_km": min,
        "usd_t_km_dry": min,
        "usd_t_km_liquid": min,
        "usd_teu": min,
        "usd_t": min,
        "capacity_mt": max,
        "state": max,  # "open" > "closed"
        "use": min,  # "all" < "own"
    }
)


@dataclass(frozen=True)
class Change:
    """What projects state of one edge: an edge that they add, and values that they set."""

    added: Edge | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def beside(self, other: Change) -> Change:
        """Both together; the better of two values holds."""
        pair = [e for e in (self.added, other.added) if e is not None]
        return Change(
            _merged(*pair) if len(pair) == 2 else (pair[0] if pair else None),
            _better(self.values, other.values),
        )

    def applied(self, edge: Edge | None) -> Edge | None:
        """The edge that comes of the one that is there (None: there is none)."""
        if edge is not None and edge.state == "closed":
            stated = self.values
            if self.added is not None:
                new = {name: getattr(self.added, name) for name in BETTER}
                stated = _better(new, stated)
            return replace(edge, **stated)
        if edge is not None and self.added is not None:
            edge = _merged(edge, self.added)
        edge = edge or self.added
        if edge is None:
            return None
        own = {name: getattr(edge, name) for name in self.values}
        if self.values.get("capacity_mt", 0.0) > edge.capacity_mt:
            # there is other room now than the price was found at: room is counted instead
            edge = replace(edge, scarcity_usd_t=0.0)
        return replace(edge, **_better(own, self.values))


def _better(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: BETTER[name](one[name], other[name]) for name in one if name in other}
    return {**one, **other, **both}


def _merged(one: Edge, other: Edge) -> Edge:
    """Two statements of an edge that was not there before, in either order."""
    one, other = sorted((one, other), key=lambda e: (e.source, e.note, repr(e)))
    values = {n: BETTER[n](getattr(one, n), getattr(other, n)) for n in BETTER}
    named = set(filter(None, [*one.owner.split("+"), *other.owner.split("+")]))
    return replace(one, **values, owner="+".join(sorted(named)))
