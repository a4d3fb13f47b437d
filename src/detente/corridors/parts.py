"""What a transport network is made of: places, modes, transfers, edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

ModeName = Literal["sea", "rail", "road"]
Layer = Literal["sea", "rail1435", "rail1520", "road"]
Key = tuple[str, str, str]

MODES = ("sea", "rail", "road")
GAUGES = (1435, 1520)
LAYERS = ("sea", "rail1435", "rail1520", "road")
KINDS = ("city", "port", "border", "junction")


def layer_of(mode: str, gauge: int | None) -> str:
    """The layer of the graph that a mode runs on: rail has one for each gauge."""
    return f"rail{gauge}" if mode == "rail" else mode


def mode_of(layer: str) -> str:
    """The mode of a layer: ``rail1520`` is rail."""
    return "rail" if layer.startswith("rail") else layer


def key_of(a: str, b: str, layer: str) -> Key:
    """The key of an edge, the same from both ends."""
    return (*sorted((a, b)), layer)  # type: ignore[return-value]


@dataclass(frozen=True)
class Node:
    """A place: city, port, border crossing or junction.

    Attributes
    ----------
    code, name : str
    country : str
        ISO3 of the country that it lies in.
    kind : str
        city, port, border or junction.
    lat, lon : float
        Degrees.
    mass : float
        Billion USD of GDP that trades through here; 0 where it is no region of a country.
    """

    code: str
    name: str
    country: str
    kind: str
    lat: float
    lon: float
    mass: float = 0.0


@dataclass(frozen=True)
class Mode:
    """What a mode costs and how fast it is where an edge does not say otherwise.

    Attributes
    ----------
    mode : str
        sea, rail or road.
    kmh : float
        Speed, km per hour, stops between the ends included.
    usd_teu_km : float
        USD per TEU and km, for containers.
    usd_t_km_dry, usd_t_km_liquid : float
        USD per tonne and km, for bulk.
    load_h : float
        Hours, once at the origin and once at the destination.
    load_usd_teu, load_usd_t : float
        USD per TEU, and per tonne of bulk, once at either end.
    low, high : float
        Range of the mode's freight rate as its source has it; NaN where it has none.
    source, verification : str
    """

    mode: str
    kmh: float
    usd_teu_km: float
    usd_t_km_dry: float
    usd_t_km_liquid: float
    load_h: float = 0.0
    load_usd_teu: float = 0.0
    load_usd_t: float = 0.0
    low: float = float("nan")
    high: float = float("nan")
    source: str = ""
    verification: str = "assumed"


@dataclass(frozen=True)
class Transfer:
    """From one layer to another at one place, either way: a port's handling, another gauge.

    Attributes
    ----------
    a, b : str
        Layers.
    hours : float
    usd_teu, usd_t : float
        USD per TEU, and per tonne of bulk.
    source, verification : str
    """

    a: str
    b: str
    hours: float
    usd_teu: float
    usd_t: float
    source: str = ""
    verification: str = "assumed"


@dataclass(frozen=True)
class Edge:
    """A line, lane or road between two places, the same in both directions.

    Attributes
    ----------
    a, b : str
        Codes of nodes.
    mode : str
        sea, rail or road.
    km : float
    gauge : int or None
        1435 or 1520 mm; None but for rail.
    electrified : bool
    kmh : float
        Speed, km per hour.
    wait_h : float
        Hours of waiting, once per crossing of the edge.
    usd_teu_km, usd_t_km_dry, usd_t_km_liquid : float
        USD per TEU and km; USD per tonne and km of dry and of liquid bulk.
    usd_teu, usd_t : float
        USD per TEU, and per tonne of bulk, once per crossing of the edge.
    capacity_mt : float
        Million tonnes a year, both directions together; infinite where it never binds. An
        edge with none (0) carries nothing, as if it were closed.
    state : str
        open or closed.
    use : str
        ``all``, or ``own``: only shipments from or to the country that owns it, no transit.
    open_until : date or None
        Last day on which an edge that is closed now was open.
    source, verification, note : str
    owner : str
        Whose shipments an edge with ``use: own`` carries: a country, or several joined by
        ``+``. Filled in by the network where it is blank.
    scarcity_usd_t : float
        What room on an edge that is full today costs, USD per tonne and crossing: the price
        at which trade as it is fits through (``scarcity.csv``). It is part of what decides
        a route, and no freight. Where it is above zero the price stands for the capacity.
    """

    a: str
    b: str
    mode: str
    km: float
    gauge: int | None
    electrified: bool
    kmh: float
    wait_h: float
    usd_teu_km: float
    usd_t_km_dry: float
    usd_t_km_liquid: float
    usd_teu: float
    usd_t: float
    capacity_mt: float = float("inf")
    state: str = "open"
    use: str = "all"
    open_until: date | None = None
    source: str = ""
    verification: str = "assumed"
    note: str = ""
    owner: str = ""
    scarcity_usd_t: float = 0.0

    @property
    def counted_mt(self) -> float:
        """The capacity that is counted, million tonnes a year: infinite where a price is."""
        return float("inf") if self.scarcity_usd_t > 0 else self.capacity_mt

    @property
    def layer(self) -> str:
        """sea, rail1435, rail1520 or road."""
        return layer_of(self.mode, self.gauge)

    @property
    def key(self) -> Key:
        """Both ends in alphabetical order, and the layer: an edge's identity."""
        return key_of(self.a, self.b, self.layer)

    @property
    def passable(self) -> bool:
        """Whether anything can pass: it is open and has some capacity."""
        return self.state == "open" and self.capacity_mt > 0

    @property
    def owners(self) -> frozenset[str]:
        """Countries whose shipments alone it carries; empty where it carries everybody's."""
        return frozenset(self.owner.split("+")) if self.use == "own" else frozenset()

    @property
    def hours(self) -> float:
        """Hours from end to end, waiting included."""
        return self.km / self.kmh + self.wait_h

    def __str__(self) -> str:
        return f"{self.a}–{self.b} ({self.layer})"


def make_edge(
    modes: Mapping[str, Mode],
    a: str,
    b: str,
    mode: str,
    km: float,
    gauge: int | None = None,
    **values: Any,
) -> Edge:
    """An edge, the mode's defaults in place of what is not given (or None).

    Parameters
    ----------
    modes : mapping of str to Mode
    a, b, mode, km, gauge
        As in `Edge`.
    **values
        Other attributes of `Edge`; ``usd_t_km`` stands for dry and liquid bulk alike.
    """
    usual = modes[mode]
    given = {k: v for k, v in values.items() if v is not None}
    bulk = given.pop("usd_t_km", None)
    if bulk is not None:
        given |= {"usd_t_km_dry": bulk, "usd_t_km_liquid": bulk}
    default: dict[str, Any] = {
        name: getattr(usual, name)
        for name in ("kmh", "usd_teu_km", "usd_t_km_dry", "usd_t_km_liquid")
    }
    default |= {"electrified": False, "wait_h": 0.0, "usd_teu": 0.0, "usd_t": 0.0}
    return Edge(a=a, b=b, mode=mode, km=km, gauge=gauge, **(default | given))
