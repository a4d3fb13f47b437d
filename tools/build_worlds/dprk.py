"""What is known of the DPRK's size: the value added of a split spec."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tools.build_worlds.dprk_products import fact

MINING = ("coal", "metal-ores", "other-mining")  # the DPRK extracts no oil or gas
LIGHT = ("food", "textiles", "wood-paper", "other-manufacturing")
HEAVY = (
    "petroleum",
    "chemicals",
    "minerals",
    "basic-metals",
    "metal-products",
    "electronics",
    "machinery",
    "vehicles",
    "ships",
)
OTHER_SERVICES = ("trade", "transport", "business-services")


def value_added(year: int, size: str, refining: float) -> dict[str, Any]:
    """Value added as a split spec states it.

    The Bank of Korea's block shares come out exactly; refining is given, since it hangs on
    the crude oil that arrives.

    Parameters
    ----------
    year, size
        2016 or 2018; ``un`` or ``bok``: whose GDP.
    refining : float
        Value added in petroleum products, million USD.

    Returns
    -------
    dict
        Keys of the spec's ``value_added``; shares are percentages as text.
    """
    names = ("agriculture", "mining", "utilities", "construction", "services")
    part = {key: _percent(f"va-share/{key}", year) for key in (*names, "government")}
    light, heavy = (_percent(f"va-share/{key}", year) for key in ("light", "heavy"))
    factor = _percent("va-share/manufacturing", year) / (light + heavy)
    fishing = part["agriculture"] * _percent("va-share/fishing-in-agriculture", 2018) / 100
    return {
        "total": fact(f"gdp/{size}", year),
        "shares": {
            "agriculture": _text(part["agriculture"] - fishing),
            "fishing": _text(fishing),
            "utilities": _text(part["utilities"]),
            "construction": _text(part["construction"]),
            "other-services": _text(part["government"]),
        },
        "values": {"oil-gas": 0, "petroleum": refining},
        "blocks": [
            {"name": "mining", "share": _text(part["mining"]), "sectors": MINING},
            {"name": "light industry", "share": _text(light * factor), "sectors": LIGHT},
            {"name": "heavy industry", "share": _text(heavy * factor), "sectors": HEAVY},
            {
                "name": "other services",
                "share": _text(part["services"] - part["government"]),
                "sectors": OTHER_SERVICES,
            },
        ],
    }


def _percent(name: str, year: int) -> Decimal:
    return Decimal(repr(fact(name, year)))


def _text(percent: Decimal) -> str:
    return f"{percent.normalize():f}%"
