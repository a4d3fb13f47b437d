"""What a sector's goods are to a carrier: class, value of a tonne, value of a day, by air.

Data: ``data/corridors/sectors.csv``, for the sectors of the embedded worlds. Unit values are
of 2022, the year of those worlds' table: computed from trade data where the sector's lines are
at hand, else recalled; the row says which. Values of a day are within what Hummels & Schaur
(2013, AER 103(7)) find over all goods, 0.6 to 2.1 percent of the value.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from detente.errors import InputError, Place, nearest

CLASSES = ("container", "dry", "liquid", "none")
#: Which column of the table a run takes as the value of a day.
TIME_VALUES = {"central": "value_of_time", "low": "low", "high": "high"}
_NUMBERS = ("usd_per_tonne", "tonnes_per_teu", "value_of_time", "low", "high", "air_share")
_NAMED = ("sector", "class", *_NUMBERS, "source", "verification")


@dataclass(frozen=True)
class SectorFreight:
    """One sector's goods as a carrier sees them.

    Attributes
    ----------
    sector : str
    kind : str
        ``container``, ``dry`` or ``liquid``; ``none`` where a network carries nothing of it.
    usd_per_tonne : float
        Value of a tonne, USD.
    tonnes_per_teu : float
        Tonnes in a 20-foot box.
    value_of_time, low, high : float
        Worth of one day less in transit, share of the value (0.01 is 1 %).
    air_share : float
        Share of the value that flies, on every pair, whatever lies on the ground.
    source, verification : str
    """

    sector: str
    kind: str
    usd_per_tonne: float
    tonnes_per_teu: float
    value_of_time: float
    low: float
    high: float
    air_share: float
    source: str = ""
    verification: str = "assumed"

    @property
    def carried(self) -> bool:
        """Whether a network of land and sea carries it."""
        return self.kind != "none"


def load_sectors(path: str | Path | None = None) -> Mapping[str, SectorFreight]:
    """The table by sector: the embedded one, or a file with the same columns.

    Parameters
    ----------
    path : str or Path, optional
        A csv with the columns of ``data/corridors/sectors.csv``.

    Raises
    ------
    InputError
        A file that is not there, a column that is missing, a class, number or share that
        cannot be, with file, line and key.
    """
    if path is None:
        return _embedded()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' cannot be read: {error}.") from None
    return _parsed(text, str(path))


@cache
def _embedded() -> Mapping[str, SectorFreight]:
    source = files("detente.data") / "corridors" / "sectors.csv"
    return _parsed(source.read_text(encoding="utf-8"), "sectors.csv")


def _parsed(text: str, name: str) -> Mapping[str, SectorFreight]:
    reader = csv.DictReader(text.splitlines())
    missing = [c for c in _NAMED if c not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"the column '{missing[0]}' is missing; there must be {', '.join(_NAMED)}.",
            Place(name, 1),
            nearest(missing[0], reader.fieldnames or ()),
        )
    found: dict[str, SectorFreight] = {}
    for row in reader:
        one = _row(row, name, reader.line_num)
        if one.sector in found:
            raise InputError(
                f"'{one.sector}' is there twice.", Place(name, reader.line_num, "sector")
            )
        found[one.sector] = one
    return MappingProxyType(found)


def _row(row: Mapping[str, str | None], name: str, line: int) -> SectorFreight:
    text = {key: (row[key] or "").strip() for key in _NAMED}
    if text["class"] not in CLASSES:
        raise InputError(
            f"there is no class '{text['class']}'; there are {', '.join(CLASSES)}.",
            Place(name, line, "class"),
            nearest(text["class"], CLASSES),
        )
    carried = text["class"] != "none"
    values = {
        key: _number(text[key], key, Place(name, line, key)) if carried else 0.0
        for key in _NUMBERS
    }
    if carried and not values["low"] <= values["value_of_time"] <= values["high"]:
        raise InputError("value_of_time is not between low and high.", Place(name, line, "low"))
    return SectorFreight(
        text["sector"],
        text["class"],
        source=text["source"],
        verification=text["verification"],
        **values,
    )


def _number(text: str, key: str, place: Place) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"'{text}' is not a number.", place) from None
    least, most = 0.0, (math.inf if key in {"usd_per_tonne", "tonnes_per_teu"} else 1.0)
    if not (least <= value <= most and math.isfinite(value)):
        raise InputError(f"{value:g} is not between {least:g} and {most:g}.", place)
    if math.isinf(most) and value == 0.0:
        raise InputError("it must be more than zero.", place)
    return value


def table_for(
    sectors: Iterable[str], table: Mapping[str, SectorFreight] | str | Path | None = None
) -> tuple[dict[str, SectorFreight], tuple[str, ...]]:
    """The rows that a world's sectors have, and a remark on those that have none.

    Parameters
    ----------
    sectors : iterable of str
        The world's codes.
    table : mapping, str or Path, optional
        A table, or a file of one; the embedded one where not given.

    Returns
    -------
    rows : dict of str to SectorFreight
        Sectors that a network carries, in the world's order.
    remarks : tuple of str

    Raises
    ------
    InputError
        A table of the user's with a sector that the world does not have, with the nearest.
    """
    codes = tuple(sectors)
    own = table is not None
    given = table if isinstance(table, Mapping) else load_sectors(table)
    for code in given:
        if own and code not in codes:
            raise InputError(
                f"the table of freight by sector has '{code}', which this world has not.",
                nearest=nearest(code, codes),
            )
    unknown = [code for code in codes if code not in given]
    remarks = []
    if unknown:
        listed = ", ".join(unknown[:6]) + (" and others" if len(unknown) > 6 else "")
        remarks.append(f"no freight is known of {listed}: their trade costs stay as they are.")
    rows = {code: given[code] for code in codes if code in given and given[code].carried}
    return rows, tuple(remarks)
