"""What corridors do to time, trade cost and trade: published figures beside ours.

Three studies, each by its own statistic as far as its abstract tells it: de Soyres, Mulabdic,
Murray, Rocha & Ruta (2020) on the Belt and Road; Kim (Asan Institute, 2014) on transit through
the DPRK; Baniya, Rocha & Ruta (2019) on what a day is worth in trade. And the level of our
freight beside that of US imports. The studies themselves were not at hand, only abstracts,
their authors' columns and press; nothing in the network or the table of sectors is set by them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import CostChange, cost_change, region_change
from detente.corridors.costpairs import regions_of
from detente.corridors.costsectors import SectorFreight, load_sectors, table_for
from detente.corridors.costskim import costs_between
from detente.corridors.graph import graph_of
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.errors import InputError
from detente.replicate.common import ComparedTable, Comparison, Shown, figures, shown
from detente.world import load_world
from detente.world.core import Array, World

NAME = "corridors"
CITATION = (
    "de Soyres, F., A. Mulabdic, S. Murray, N. Rocha and M. Ruta (2020), How much will the "
    "Belt and Road Initiative reduce trade costs?, International Finance Discussion Papers "
    "1274; Kim, C.W. (2014), Open North Korea: economic benefits to China from the distance "
    "effect in trade, Asan Institute; Baniya, S., N. Rocha and M. Ruta (2019), Trade effects "
    "of the New Silk Road, Policy Research Working Paper 8694."
)
#: A figure is of the printed order within this many times of the printed range.
ORDER = math.sqrt(10.0)

#: Economies of the world that are, or mostly are, of the initiative's 71 (recalled).
BELT_AND_ROAD = ("CHN", "RUS", "VNM", "IDN", "IND", "ASX", "EECA", "MENA", "SASX")
#: Everything in the catalogue that opens the DPRK to transit.
TRANSIT = ("trans-korean-railway", "rajin-chongjin-ports", "tumen-bridge", "kaesong-road")
#: Freight and insurance on US imports about 2003, percent of value (Hummels' data of 2007 by
#: GTAP sector, printed by the Peterson Institute), and our sector.
US_FREIGHT: Mapping[str, tuple[float, float]] = {
    "textiles": (5.3, 4.5),
    "wood-paper": (7.3, 6.4),
    "chemicals": (10.6, 3.4),
    "minerals": (13.3, 5.5),
    "metal-products": (8.1, 4.3),
    "vehicles": (6.9, 2.5),
}

#: Elasticities of trade to distance: mean of 1467 estimates (Disdier & Head 2008, recalled),
#: and a higher one.
DISTANCE = (0.9, 1.3)

NOTES = (
    "Belt and Road: 23 economies here, 9 of them of the initiative, against 191 countries and "
    "71; the land corridors alone, without ports, which serve most of the 191. Time is that of "
    "the fastest route; the paper gives a range because a shipper may or may not change from "
    "sea to rail (recalled); here he may, so ours is to be held against its upper end.",
    "Its trade cost is time at a value by sector (so its abstract reads). So counted it falls "
    "here as time does. What stands in the table is freight and time on the cheapest route: "
    "faster rail is dearer than the sea, many keep to the sea, and what is gained in time is "
    "partly paid for. In the price of the goods (1 + τ), which enters the model, it is less.",
    "Transit: Kim's figures come from an elasticity of trade to distance, ours from freight "
    "and time on the cheapest route; what flies and the bulk that stays at sea do not change. "
    "By distance alone Liaoning–Seoul would not change: by Dandong and a sailing to Incheon it "
    "is as far as by land (table 'distance').",
    "Jilin–Tokyo: from Changchun the way by Dalian and one sailing to Tokyo costs hardly more "
    "than road to Rajin, a sailing to Niigata and road again, and by distance a way through "
    "Zarubino in Russia is there already. Nearer the border (Yanji, Hunchun) transit pays.",
    "A day: theirs is estimated on trade of Belt and Road economies, with all that goes along "
    "with shorter times; ours is the value of a day (Hummels & Schaur) times θ, from 1.5 for "
    "machinery to 9.8 for electronics, over goods of which half the value hardly minds time.",
    "Freight: printed is freight and insurance, by air too, about 2003; ours by land and sea "
    "alone, rates of 2015 to 2019 over values of 2022. Boxed goods only: the printed rates of "
    "bulk rest on next to no trade.",
)


def corridors(folder: str | Path | None = None) -> Comparison:
    """Published effects of corridors beside ours.

    Parameters
    ----------
    folder : str or Path, optional
        Refused: everything is embedded, and a folder would not be read.

    Returns
    -------
    Comparison
        ``published``: every figure, printed range, ours. It agrees where every sign is the
        printed one and every figure lies within ``ORDER`` times of the printed range.
        ``belt_and_road``, ``transit``, ``distance``, ``freight``: what they are made of, and
        what else explains them.
    """
    if folder is not None:
        raise InputError(f"'corridors' reads no data, and so not {folder}: leave --data out.")
    study = Study()
    rows = [*_belt_and_road(study), *_transit(study), _one_day(study)]
    table = pd.DataFrame(rows).assign(
        same_sign=[r.low * r.here > 0 for r in rows],
        same_order=[_within(r, ORDER) for r in rows],
        in_range=[_within(r, 1.0) for r in rows],
    )
    agrees = bool(table["same_order"].all())
    counts = [int(table[c].sum()) for c in ("same_sign", "same_order", "in_range")]
    verdict = (
        f"{'same signs and orders' if agrees else 'NOT the same signs and orders'}: "
        f"{counts[0]} of {len(table)} signs, {counts[1]} of {len(table)} within {ORDER:.2f} "
        f"times of the printed range, {counts[2]} inside it."
    )
    tables = (
        ComparedTable("published", "Percent, printed and here", table, _shown(table)),
        _pairs_table(study),
        _transit_table(study),
        _distance_table(study),
        _freight_table(study),
    )
    facts = {"world": study.world.content_hash, "network": study.network.content_hash}
    return Comparison(NAME, CITATION, tables, verdict, agrees, NOTES, facts)


@dataclass(frozen=True)
class _Row:
    """A printed range and ours, percent."""

    study: str
    figure: str
    low: float
    high: float
    here: float
    source: str


def _within(row: _Row, times: float) -> bool:
    small, large = sorted((abs(row.low), abs(row.high)))
    same = row.low * row.here > 0
    return same and small / times <= abs(row.here) <= large * times


@dataclass(frozen=True)
class Study:
    """The world, the network and what the studies ask of them."""

    name: str = "korea"

    @cached_property
    def world(self) -> World:
        """The embedded world."""
        return load_world(self.name)

    @cached_property
    def network(self) -> Network:
        """The embedded network."""
        return load_network()

    @cached_property
    def rows(self) -> Mapping[str, SectorFreight]:
        """Freight by sector."""
        return table_for(self.world.sectors, None)[0]

    def built(self, *names: str) -> Network:
        """The network once projects are there."""
        network = self.network
        for name in names:
            network = network.with_project(load_project(name))
        return network

    @cached_property
    def bri(self) -> tuple[Network, CostChange]:
        """The network with the Belt and Road's land corridors, and what it changes."""
        after = self.built("bri")
        return after, cost_change(self.world, self.network, after, self.world.flows)

    @cached_property
    def open(self) -> Network:
        """The network with the DPRK open to transit."""
        return self.built(*TRANSIT)

    def least_days(self, network: Network) -> Array:
        """Least days between economies, mean over regions by size, shape (N, N)."""
        # a day that is worth many times the freight makes the cheapest route the fastest
        hurry = Shipment("container", 1e9, 10.0, 1.0)
        regions = regions_of(self.world, network)
        days = costs_between(network, hurry, regions.codes).days
        finite = np.isfinite(days).astype(float)
        total = regions.share @ finite @ regions.share.T
        mean: Array = regions.share @ np.where(finite > 0, days, 0.0) @ regions.share.T / total
        return mean


# -- the Belt and Road ---------------------------------------------------------------------
def _bri_pairs(study: Study) -> pd.DataFrame:
    """Pairs of economies that trade: change of days, of freight and time, of 1 + τ.

    A link that a ban closes is held against the network of another year, and left out.
    """
    after, change = study.bri
    days = [study.least_days(n) for n in (study.network, after)]
    table = change.table
    table = table.assign(
        shipping=table.ad_valorem_after / table.ad_valorem_before - 1.0,
        price=(1 + table.ad_valorem_after) / (1 + table.ad_valorem_before) - 1.0,
    )
    mean = table.groupby(["exporter", "importer"])[["shipping", "price"]].mean().reset_index()
    at = [[study.world.country_index(c) for c in mean[k]] for k in ("exporter", "importer")]
    trades = study.world.flows.sum(axis=0)[tuple(at)] > 0
    mean, at = mean[trades].reset_index(drop=True), [np.array(k)[trades] for k in at]
    found: pd.DataFrame = mean.assign(
        days=days[1][tuple(at)] / days[0][tuple(at)] - 1.0,
        member=mean.exporter.isin(BELT_AND_ROAD) & mean.importer.isin(BELT_AND_ROAD),
    )
    return found


def _belt_and_road(study: Study) -> Iterator[_Row]:
    pairs = _bri_pairs(study)
    source = "de Soyres et al. (2020), abstract"
    for key, label, world, own, most in (
        ("days", "time", (-2.5, -1.2), (-3.2, -1.7), -11.9),
        ("shipping", "trade cost", (-2.2, -1.1), (-2.8, -1.5), -10.2),
    ):
        change = 100.0 * pairs[key].to_numpy()
        for part, printed, here in (
            ("all pairs", world, change.mean()),
            ("its pairs", own, change[pairs.member].mean()),
            ("largest", (most, most), change.min()),
        ):
            yield _Row("Belt and Road", f"{label}, {part}", *printed, float(here), source)


def _pairs_table(study: Study) -> ComparedTable:
    pairs = _bri_pairs(study).sort_values("days").reset_index(drop=True)
    top = pairs.head(8)
    shows = shown(
        ("pair", [f"{a}–{b}" for a, b in zip(top.exporter, top.importer, strict=True)]),
        ("days", figures(100 * top.days, 1)),
        ("freight and time", figures(100 * top.shipping, 1)),
        ("1 + τ", figures(100 * top.price, 2)),
    )
    title = "Belt and Road here: largest falls, percent"
    return ComparedTable("belt_and_road", title, pairs, shows)


# -- transit through the DPRK ---------------------------------------------------------------
@dataclass(frozen=True)
class Way:
    """Two places, the economies whose trade weighs the sectors, and Kim's figures, percent."""

    origin: str
    destination: str
    pair: tuple[str, str]
    label: str
    printed: tuple[float, float]


KIM = (
    Way("SHENYANG", "SEOUL", ("CHN", "KOR"), "Liaoning–Seoul", (16.0, 24.0)),
    Way("CHANGCHUN", "TOKYO", ("CHN", "JPN"), "Jilin–Tokyo", (10.0, 16.0)),
)
#: Other ways between the same parts of the countries, for the table of distances.
NEARBY = (
    Way("DANDONG", "SEOUL", ("CHN", "KOR"), "Dandong–Seoul", (math.nan, math.nan)),
    Way("YANJI", "TOKYO", ("CHN", "JPN"), "Yanji–Tokyo", (math.nan, math.nan)),
    Way("HUNCHUN", "NIIGATA", ("CHN", "JPN"), "Hunchun–Niigata", (math.nan, math.nan)),
)


def _changes(study: Study, way: Way) -> pd.DataFrame:
    """Changes by sector, with the two economies' trade as weight."""
    before, after = study.network, study.open
    found = region_change(study.world, before, after, way.origin, way.destination)
    i, n = (study.world.country_index(c) for c in way.pair)
    s = [study.world.sector_index(c) for c in found.sector]
    trade = study.world.flows[s, i, n] + study.world.flows[s, n, i]
    return found.assign(pair=way.label, trade=trade, change=found.trade_hat - 1.0)


def _mean_change(study: Study, way: Way) -> float:
    found = _changes(study, way)
    weight = found.trade.to_numpy() / found.trade.to_numpy().sum()
    return 100.0 * float(found.change.to_numpy() @ weight)


def _transit(study: Study) -> Iterator[_Row]:
    for way in KIM:
        here, source = _mean_change(study, way), "Kim (2014), as collected"
        yield _Row("Transit DPRK", f"trade {way.label}", *way.printed, here, source)


def _distance_table(study: Study) -> ComparedTable:
    """Shortest ways before and after, and what distance alone would make of them."""
    rows = []
    for way in (*KIM, *NEARBY):
        before, after = (_shortest_km(n, way) for n in (study.network, study.open))
        low, high = (100 * ((after / before) ** -e - 1) for e in DISTANCE)
        rows.append(
            {
                "pair": way.label,
                "km_before": before,
                "km_after": after,
                "by_distance_low": low,
                "by_distance_high": high,
                "here": _mean_change(study, way),
                "printed_low": way.printed[0],
                "printed_high": way.printed[1],
            }
        )
    frame = pd.DataFrame(rows)
    shows = shown(
        ("pair", list(frame.pair)),
        ("km", figures(frame.km_before, 0)),
        ("after", figures(frame.km_after, 0)),
        ("distance 0.9", figures(frame.by_distance_low, 1)),
        ("1.3", figures(frame.by_distance_high, 1)),
        ("here", figures(frame.here, 1)),
    )
    return ComparedTable("distance", "Transit by distance alone: trade, percent", frame, shows)


def _shortest_km(network: Network, way: Way) -> float:
    graph = graph_of(network)
    source = np.array([graph.index[way.origin]])
    permits = graph.concerned(way.origin, way.destination)
    least, _ = graph.shortest(graph.km, source, permits)
    return float(least[0, graph.sink(np.array([graph.index[way.destination]]))[0]])


def _transit_table(study: Study) -> ComparedTable:
    parts = [_changes(study, way).sort_values("trade", ascending=False) for way in KIM]
    frame = pd.concat(parts, ignore_index=True)
    top = frame.groupby("pair", sort=False).head(5)
    shows = shown(
        ("pair, sector", [f"{p}, {s}" for p, s in zip(top.pair, top.sector, strict=True)]),
        ("days", figures(top.days_before, 1)),
        ("after", figures(top.days_after, 1)),
        ("USD/t", figures(top.usd_per_tonne_before, 0)),
        ("after", figures(top.usd_per_tonne_after, 0)),
        ("trade %", figures(100 * top.change, 1)),
    )
    return ComparedTable("transit", "Transit: largest sectors", frame, shows)


# -- a day, and freight -----------------------------------------------------------------------
def _one_day(study: Study) -> _Row:
    """One day less on every route: change of trade by land, sea and air, weighted by trade."""
    world, network = study.world, study.network
    change = cost_change(world, network, network)
    table = change.table
    rows = [study.rows[s] for s in table.sector]
    worth = np.array([r.value_of_time for r in rows])
    air = np.array([r.air_share for r in rows])
    s = [world.sector_index(c) for c in table.sector]
    theta = world.trade_elasticity[s]
    tau = 1.0 + table.ad_valorem_before.to_numpy()
    grown = (1.0 - air) * (((tau - worth) / tau) ** -theta - 1.0)
    i, n = ([world.country_index(c) for c in table[k]] for k in ("exporter", "importer"))
    trade = world.flows[s, i, n]
    here = 100.0 * float(grown @ trade / trade.sum())
    source = "World Bank (Baniya et al. 2019), in the press"
    return _Row("A day less", "trade, all pairs", 5.2, 5.2, here, source)


def _freight_table(study: Study) -> ComparedTable:
    """Freight over value from China and from Japan to the USA, beside US customs' figures."""
    world, network, table = study.world, study.network, load_sectors()
    means = cost_change(world, network, network).means
    rows = []
    to = world.country_index("USA")
    for sector, printed in US_FREIGHT.items():
        for code, label, share in zip(
            ("CHN", "JPN"), ("Hong Kong", "Japan"), printed, strict=True
        ):
            usd = means[sector][0].usd_per_tonne[world.country_index(code), to]
            here = 100 * float(usd) / table[sector].usd_per_tonne
            rows.append({"sector": sector, "origin": label, "printed": share, "here": here})
    frame = pd.DataFrame(rows)
    shows = shown(
        ("sector", list(frame.sector)),
        ("from", list(frame.origin)),
        ("printed", figures(frame.printed, 1)),
        ("here", figures(frame.here, 1)),
    )
    title = "Freight to the USA, percent of value (no part of the verdict)"
    return ComparedTable("freight", title, frame, shows)


def _shown(table: pd.DataFrame) -> Shown:
    printed = [
        f"{low} to {high}" if low != high else low
        for low, high in zip(figures(table.low, 1), figures(table.high, 1), strict=True)
    ]
    told = np.where(table.in_range, "in range", np.where(table.same_order, "order", "no"))
    return shown(
        ("study", list(table.study)),
        ("figure", list(table.figure)),
        ("printed", printed),
        ("here", figures(table.here, 1)),
        ("agrees", list(told)),
    )
