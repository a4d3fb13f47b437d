"""The embedded product mixes, and where a world's sectors and countries find theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from detente.assembly.concordance import atoms_of
from detente.errors import InputError, nearest
from detente.sources.files import embedded_rows
from detente.sources.hs import prefixes
from detente.world.core import World

#: Revision of the embedded lines: the data have the headings of HS 2007.
REVISION = "HS07"
#: Years of the embedded mixes: the DPRK's before the bans of 2017, and everyone else's.
YEARS: Mapping[str, int] = MappingProxyType({"PRK": 2016, "others": 2017})
#: Lines of the row that holds an exporter's own weight, by which rows are added up.
WHOLE = "all"
#: After two digits: what is left of a chapter beside the headings that stand alone.
REST = "*"

#: (lines, industry) → share of an exporter's goods.
Row = Mapping[tuple[str, str], float]


@cache
def table() -> tuple[Mapping[str, Row], Mapping[str, float]]:
    """``product_mix.csv``: exporter → its row; exporter → its weight among all."""
    rows: dict[str, dict[tuple[str, str], float]] = {}
    weight: dict[str, float] = {}
    for row in embedded_rows("product_mix.csv"):
        if row["lines"] == WHOLE:
            weight[row["exporter"]] = float(row["share"])
        else:
            key = row["lines"], row["icio"]
            rows.setdefault(row["exporter"], {})[key] = float(row["share"])
    return MappingProxyType(rows), MappingProxyType(weight)


@cache
def known() -> Mapping[tuple[str, str], Mapping[tuple[str, str], float]]:
    """``product_mix_known.csv``: what is known of the lines that a pair trades in an industry.

    Returns
    -------
    mapping
        (exporter, importer) → (lines, industry) → share of the pair's trade in the industry.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    for row in embedded_rows("product_mix_known.csv"):
        pair = row["exporter"], row["importer"]
        found.setdefault(pair, {})[row["lines"], row["icio"]] = float(row["share"])
    return MappingProxyType(found)


@cache
def positions(sectors: tuple[str, ...]) -> Mapping[str, int]:
    """Industry of the OECD's ICIO to the position of the sector that holds it.

    Sectors may be the 25 embedded ones, or industries of any table that
    ``assembly.concordance`` reads (every release of the ICIO among them). An industry that
    no sector holds is not traded in the world.

    Raises
    ------
    InputError
        A sector that may hold goods and is none of these; an industry in two sectors.
    """
    embedded: dict[str, list[str]] = {}
    for row in embedded_rows("sectors.csv"):
        embedded.setdefault(row["sector"], []).append(row["icio_code"])
    made = {code for code in prefixes("icio").values() if code}
    found: dict[str, int] = {}
    unknown = []
    for s, label in enumerate(sectors):
        own = embedded.get(label) or atoms_of(label)
        if not own:
            unknown.append(label)
        for atom in own:
            if atom in made and found.setdefault(atom, s) != s:
                raise InputError(
                    f"the sectors '{sectors[found[atom]]}' and '{label}' share the industry "
                    f"{atom}: HS lines cannot be told apart between them. Aggregate the two."
                )
    # a sector with a name of its own is no matter where all goods have their place
    if unknown and made - set(found):
        raise InputError(
            f"HS lines cannot be placed in the sector '{unknown[0]}': it is neither one of the "
            "25 embedded sectors nor an industry of a known table. Bring trade data and put "
            "the law on the finer world, then aggregate it: coverage is merged too.",
            nearest=nearest(unknown[0], embedded),
        )
    return MappingProxyType(found)


@cache
def group_of() -> Mapping[str, str]:
    """ISO3 to the embedded economy that it belongs to."""
    return {row["icio_code"]: row["economy"] for row in embedded_rows("economies.csv")}


def everyone() -> tuple[str, ...]:
    """The economies that add up to all; Iran's row is within none, and so is the DPRK's."""
    rows, _ = table()
    return tuple(sorted(set(rows) & set(group_of().values())))


def rows_of(world: World, code: str) -> tuple[str, ...]:
    """Rows that stand for a country: its own, its members', its group's, else everyone's."""
    rows, _ = table()
    if code in rows:
        return (code,)
    inside = world.meta.get("members", {}).get(code, [code])
    found = {m if m in rows else group_of().get(m, "") for m in inside}
    return tuple(sorted(found & set(rows))) or everyone()
