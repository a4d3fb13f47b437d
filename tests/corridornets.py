"""Small made-up networks for tests of corridors, and folders of files that hold them."""

from __future__ import annotations

from pathlib import Path

from detente.corridors.network import Edge, Mode, Network, Node, Transfer, make_edge
from detente.corridors.routes import Shipment

#: Round figures, so that answers can be worked out by hand.
MODES = {
    "sea": Mode("sea", 20, 0.1, 0.01, 0.02, load_h=10, load_usd_teu=100, load_usd_t=5),
    "rail": Mode("rail", 50, 0.4, 0.02, 0.03, load_h=5, load_usd_teu=50, load_usd_t=2),
    "road": Mode("road", 50, 1.0, 0.10, 0.10, load_h=1, load_usd_teu=20, load_usd_t=1),
}
TRANSFERS = (
    Transfer("sea", "rail1435", 24, 100, 4),
    Transfer("sea", "rail1520", 24, 100, 4),
    Transfer("sea", "road", 12, 80, 3),
    Transfer("rail1435", "rail1520", 12, 60, 2),
    Transfer("rail1435", "road", 6, 40, 1),
    Transfer("rail1520", "road", 6, 40, 1),
)
BOX = Shipment("container", 1000.0, 10.0, 0.024)
DRY = Shipment("dry", 100.0, 0.0, 0.0024)
LIQUID = Shipment("liquid", 100.0, 0.0, 0.0024)


def node(code: str, country: str = "KOR", mass: float = 1.0) -> Node:
    """A place somewhere near Korea."""
    at = sum(map(ord, code)) % 20
    return Node(code, code.title(), country, "city", 30 + at, 110 + at, mass)


def edge(a: str, b: str, mode: str, km: float, gauge: int | None = None, **more) -> Edge:
    """An edge with the mode's figures but for what is given."""
    return make_edge(MODES, a, b, mode, km, gauge, **more)


def net(nodes: dict[str, str], edges: list[Edge], transfers=TRANSFERS, modes=MODES) -> Network:
    """A network from code → country, and edges."""
    return Network({c: node(c, k) for c, k in nodes.items()}, tuple(edges), modes, transfers)


NODES_CSV = """code,name,country,kind,lat,lon,mass,note
AAA,Ay,KOR,port,35,129,10,
BBB,Be,PRK,city,39,125.7,,no region
CCC,Ce,CHN,city,40,124.4,30,
DDD,De,CHN,border,42,130,10,
"""
EDGES_CSV = (
    "a,b,mode,km,gauge,electrified,kmh,wait_h,usd_teu_km,usd_t_km,usd_teu,usd_t,capacity_mt,"
    "state,use,open_until,source,verification,note\n"
    "AAA,BBB,rail,200,1435,yes,60,12,,,30,1,5,closed,all,2008-11-28,made up,assumed,\n"
    "BBB,CCC,rail,220,1435,no,,6,0.5,0.03,,,,open,all,,made up,assumed,\n"
    "CCC,AAA,sea,900,,no,,,,,,,,open,all,,made up,assumed,\n"
    "CCC,DDD,road,700,,no,,,,,,,,open,all,,made up,assumed,\n"
)
MODES_CSV = """mode,kmh,usd_teu_km,usd_t_km_dry,usd_t_km_liquid,load_h,load_usd_teu,load_usd_t,\
low,high,source,verification
sea,20,0.1,0.01,0.02,10,100,5,,,made up,assumed
rail,50,0.4,0.02,0.03,5,50,2,,,made up,assumed
road,50,1,0.1,0.1,1,20,1,,,made up,assumed
"""
TRANSFERS_CSV = """from,to,hours,usd_teu,usd_t,source,verification
sea,rail1435,24,100,4,made up,assumed
sea,road,12,80,3,made up,assumed
rail1435,road,6,40,1,made up,assumed
"""
FILES = {
    "nodes.csv": NODES_CSV,
    "edges.csv": EDGES_CSV,
    "modes.csv": MODES_CSV,
    "transfers.csv": TRANSFERS_CSV,
}


def folder(path: Path, **changes: tuple[str, str]) -> Path:
    """A folder of files; ``nodes=("old", "new")`` replaces text in nodes.csv."""
    for name, text in FILES.items():
        old, new = changes.get(name.removesuffix(".csv"), ("", ""))
        assert old in text
        (path / name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return path
