"""Transit by land: what crosses a country that projects opened or improved.

A toll on transit takes what such shipments save at most; ``saved_usd_per_teu`` is that, on
average, for shipments that would otherwise have gone as on the network before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detente.corridors.costtrees import Asked, trees
from detente.corridors.graph import Graph, Ints, graph_of
from detente.world.core import Array

if TYPE_CHECKING:
    import pandas as pd

    from detente.corridors.costflow import Flowed
    from detente.corridors.costpairs import Regions
    from detente.corridors.costskim import Costs
    from detente.corridors.network import Edge, Network
    from detente.corridors.routes import Shipment
    from detente.world.core import World

#: Tonnes of bulk that stand for a container, for one measure of both (assumed).
TONNES_PER_TEU = 20.0
COLUMNS = ("country", "exporter", "importer", "kilotonnes", "teu", "saved_usd_per_teu")
_NOT_CONTENT = ("a", "b", "source", "verification", "note", "open_until")


@dataclass(frozen=True, eq=False)
class Transit:
    """What the table is made of, once somebody asks.

    Attributes
    ----------
    world : World
    regions : Regions
    networks : tuple of two Network
        Before and after.
    tonnes : mapping of Shipment to ndarray, shape (R, R)
        A year, from row to column.
    costs : tuple of two mappings of Shipment to Costs
        Paid before and after.
    flowed : Flowed or None
        Flows on the network after, where lines can be full.
    """

    world: World
    regions: Regions
    networks: tuple[Network, Network]
    tonnes: Mapping[Shipment, Array]
    costs: tuple[Mapping[Shipment, Costs], Mapping[Shipment, Costs]]
    flowed: Flowed | None

    def table(self) -> pd.DataFrame:
        """Kilotonnes, containers and what they save, by country, exporter and importer."""
        graph = graph_of(self.networks[1])
        marks = _marks(graph, *self.networks)
        sums = {land: np.zeros((4, self.world.n_countries**2)) for land in sorted(marks)}
        if sums:
            for part in self._parts(graph, marks):
                self._add(part, sums[part.land])
        return self._listed(sums)

    def _parts(self, graph: Graph, marks: Mapping[str, NDArray[np.bool_]]) -> Iterator[_Part]:
        """Ways through each country: those in the problem, then cheapest routes."""
        inside: dict[Shipment, Ints] = {}
        if self.flowed is not None:
            yield from self._settled(self.flowed, graph, marks)
            goods = self.flowed.goods
            for k, shipment in enumerate(goods.shipments):
                mine = self.flowed.inside[goods.kind[self.flowed.inside] == k]
                inside[shipment] = goods.one[mine] * len(self.regions.codes) + goods.other[mine]
        codes, network = self.regions.codes, self.networks[1]
        for shipment, sent in self.tonnes.items():
            tree = trees(Asked(network.content_hash, shipment, codes, codes, network))
            left = np.triu((sent + sent.T > 0) & np.isfinite(tree.least), k=1)
            left.ravel()[inside.get(shipment, np.zeros(0, dtype=np.intp))] = False
            one, other = np.nonzero(left)
            trail = tree.trails(one, other)
            for land, mark in marks.items():
                at = np.flatnonzero(mark[trail].any(axis=1))
                pair = (one[at], other[at])
                yield _Part(land, shipment, *pair, np.ones(len(at)), tree.least[pair])

    def _settled(
        self, flowed: Flowed, graph: Graph, marks: Mapping[str, NDArray[np.bool_]]
    ) -> Iterator[_Part]:
        goods, ways = flowed.goods, flowed.ways
        weight = np.stack([graph.generalised(s) for s in goods.shipments])
        kind = goods.kind[ways.flow]
        for land, mark in marks.items():
            through = mark[ways.trail].any(axis=1)
            for k, shipment in enumerate(goods.shipments):
                at = np.flatnonzero(through & (kind == k))
                flows = ways.flow[at]
                paid = goods.summed(flows, ways.trail[at], weight)
                ends = (goods.one[flows], goods.other[flows])
                yield _Part(land, shipment, *ends, ways.share[at], paid)

    def _add(self, part: _Part, sums: Array) -> None:
        """Kilotonnes, containers, those of known saving, and the saving, both directions."""
        before = self.costs[0][part.shipment].generalised[part.one, part.other]
        box = part.shipment.kind == "container"
        per_teu = part.shipment.tonnes_per_teu if box else TONNES_PER_TEU
        known = np.isfinite(before)
        saved = np.where(known, before - part.paid, 0.0)
        sent, owner = self.tonnes[part.shipment], self._economy
        for one, other in ((part.one, part.other), (part.other, part.one)):
            tonnes = part.share * sent[one, other]
            pair = owner[one] * self.world.n_countries + owner[other]
            rows = (tonnes / 1e3, tonnes / per_teu, known * tonnes / per_teu, saved * tonnes)
            for k, values in enumerate(rows):
                sums[k] += np.bincount(pair, values, sums.shape[1])

    @property
    def _economy(self) -> Ints:
        return np.asarray(self.regions.share.argmax(axis=0), dtype=np.intp)

    def _listed(self, sums: Mapping[str, Array]) -> pd.DataFrame:
        import pandas as pd  # noqa: PLC0415

        names, members = self.world.countries, self.world.meta.get("members", {})
        rows = []
        for land, (kilotonnes, teu, known, saved) in sums.items():
            for at in np.flatnonzero(kilotonnes > 0).tolist():
                ends = [names[k] for k in divmod(at, len(names))]
                if any(land == e or land in members.get(e, ()) for e in ends):
                    continue
                mean = saved[at] / known[at] if known[at] > 0 else np.nan
                rows.append((land, *ends, kilotonnes[at], teu[at], mean))
        rows.sort(key=lambda row: (row[0], -row[3], row[1], row[2]))
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Part:
    """Ways of one shipment through one country, and what a tonne pays on them."""

    land: str
    shipment: Shipment
    one: Ints
    other: Ints
    share: Array
    paid: Array


def _marks(graph: Graph, before: Network, after: Network) -> dict[str, NDArray[np.bool_]]:
    """By country, the arcs of land edges inside it that are new or other than before.

    The last entry stands for no arc.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    for j, edge in enumerate(graph.edges):
        land = after.nodes[edge.a].country
        if edge.mode == "sea" or land != after.nodes[edge.b].country:
            continue
        if _same(before.by_key.get(edge.key), edge):
            continue
        mark = found.setdefault(land, np.zeros(len(graph.edge) + 1, dtype=bool))
        mark[:-1] |= graph.edge == j
    return found


def _same(old: Edge | None, new: Edge) -> bool:
    names = [f.name for f in fields(new) if f.name not in _NOT_CONTENT]
    return old is not None and all(getattr(old, n) == getattr(new, n) for n in names)
