"""From headings of the Harmonized System to the embedded sectors and to ICIO's industries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from detente.errors import InputError, nearest
from detente.sources.files import embedded_rows

#: Revisions in which BACI is published, by the year that gives each its name.
REVISIONS = ("HS92", "HS96", "HS02", "HS07", "HS12", "HS17", "HS22")

Target = Literal["sector", "icio"]


def prefixes(target: Target = "sector") -> Mapping[str, str]:
    """Chapter (two digits) or heading (four) of HS 1992 to its sector or industry.

    A heading's own row goes before its chapter's. Later revisions are covered through their
    chapter: a heading that HS 1992 did not have goes where most of its chapter goes.

    Parameters
    ----------
    target : {"sector", "icio"}
        Embedded sectors (``oil-gas``), or OECD ICIO's industries (``B06``).

    Returns
    -------
    mapping of str to str
        Empty text for what is no product (chapters 77, 98 and 99).
    """
    return MappingProxyType(_table(target))


def sector_of(code: str) -> str:
    """Embedded sector of a chapter, heading or six-digit line.

    Parameters
    ----------
    code : str
        Two digits or more, leading zeros included.

    Returns
    -------
    str
        Sector code; empty for what is unspecified.

    Raises
    ------
    InputError
        No such chapter, or no code at all.
    """
    return _found(code, "sector")


def icio_of(code: str) -> str:
    """OECD ICIO industry of a chapter, heading or six-digit line; else as ``sector_of``."""
    return _found(code, "icio")


def _found(code: str, target: Target) -> str:
    text = str(code).strip()
    if not text.isascii() or not text[:4].isdigit() or len(text) < 2:
        raise InputError(f"'{code}' is no HS code: two digits or more, as text.")
    table = _table(target)
    for part in (text[:4], text[:2]):
        if part in table:
            return table[part]
    raise InputError(f"'{code}' is in no chapter of HS.", nearest=nearest(text[:2], table))


@cache
def _table(target: Target) -> dict[str, str]:
    column = {"sector": "sector", "icio": "icio_code"}[target]
    return {row["hs"]: row[column] for row in embedded_rows("hs_sector.csv")}
