"""How the map of a corridor looks: its style, colours by mode, where countries' names stand."""

from __future__ import annotations

from collections.abc import Mapping

from detente.report.svg import BLUE, GREEN, VERMILION

STYLE = """<style>
.dm-sea{fill:#e6eef4}.dm-land{fill:#f6f3ea;stroke:#a9a394;stroke-width:.6}
.dm-border{fill:none;stroke:#b5ad9b;stroke-width:.7;stroke-dasharray:none}
.dm-net{fill:none;stroke:#8d8778;stroke-width:.8}.dm-shut{stroke-dasharray:1.5 2.5}
.dm-before{fill:none;stroke:#6a6a6a;stroke-dasharray:6 4}
.dm-halo{paint-order:stroke;stroke:#ffffff;stroke-width:3px;stroke-linejoin:round}
.dm-land-name{fill:#827b69;letter-spacing:.06em;paint-order:stroke;stroke:#f6f3ea;
stroke-width:2px}.dm-edge{fill:none;stroke:#8a8a8a}
.dm-dot{fill:#ffffff;stroke:#1b1b1b}.dm-ink{stroke:#1b1b1b}
@media (prefers-color-scheme: dark){.dm-sea{fill:#1a2530}
.dm-land{fill:#2c2d2e;stroke:#5d5a52}.dm-border{stroke:#5d5a52}.dm-net{stroke:#77736a}
.dm-before{stroke:#b0b0b0}.dm-halo{stroke:#16181c}.dm-land-name{fill:#a29c8c;stroke:#2c2d2e}
.dm-dot{fill:#16181c;stroke:#ececec}.dm-ink{stroke:#ececec}}
</style>"""
#: Colour, width in pixels and words of each way to move.
MODES: Mapping[str, tuple[str, float, str]] = {
    "sea": (BLUE, 2.2, "sea"),
    "rail": (VERMILION, 3.6, "rail"),
    "road": (GREEN, 2.0, "road"),
}
#: Where a country's name may stand, the best place first; each is written once.
COUNTRIES: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = (
    ("DPRK", ((126.7, 40.4), (126.2, 39.6), (128.6, 41.3))),
    ("Republic of Korea", ((128.0, 36.5), (127.6, 35.6), (128.3, 37.4))),
    ("China", ((104.0, 35.0), (123.3, 45.2), (121.5, 42.2), (116.0, 33.2), (125.6, 42.2))),
    ("Japan", ((138.2, 36.3), (132.5, 34.9), (131.0, 32.8), (140.6, 39.5))),
    ("Russia", ((97.0, 62.0), (136.0, 46.0), (133.8, 44.4), (131.9, 43.7), (45.0, 58.5))),
    ("Mongolia", ((104.0, 46.2),)),
    ("Kazakhstan", ((67.0, 48.0),)),
    ("India", ((78.5, 22.0),)),
    ("Iran", ((54.0, 32.5),)),
    ("Türkiye", ((34.0, 39.2),)),
    ("Egypt", ((29.0, 26.0),)),
    ("Saudi Arabia", ((45.0, 23.5),)),
    ("Viet Nam", ((107.0, 13.4),)),
    ("Indonesia", ((113.5, -1.0),)),
    ("Germany", ((10.3, 50.0),)),
    ("Poland", ((19.0, 52.0),)),
    ("France", ((2.5, 46.8),)),
    ("United States", ((-100.0, 40.0),)),
)
