"""What every parser says of the file that it read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class SourceRecord:
    """Where a table comes from; goes into the metadata of what is made of it.

    Attributes
    ----------
    name : str
        Key of the catalogue, for example ``oecd-icio``.
    title, vintage, citation, licence : str
        As the catalogue has them; the vintage is the release that was read.
    verified : bool
        Whether this parser has read a real original of this release. If not, every output
        says ``unverified``.
    file : str
        Name of the file, without its folder.
    sha256 : str
        Of the file that was read; empty where it was not computed.
    notes : tuple of str
        What was dropped, merged, converted or imputed, with amounts.
    """

    name: str
    title: str
    vintage: str
    citation: str
    licence: str
    verified: bool
    file: str
    sha256: str = ""
    notes: tuple[str, ...] = ()

    def noting(self, *notes: str) -> SourceRecord:
        """The same record with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, for metadata and ``--format json``."""
        found = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return found | {"notes": list(self.notes)}


@dataclass(frozen=True)
class Sourced:
    """A long table with standard column names, and the record of its source.

    Attributes
    ----------
    table : DataFrame
        Columns are those that the parser's docstring lists.
    source : SourceRecord
    extra : dict of str to DataFrame
        Further tables of the same original: code lists, for example.
    """

    table: pd.DataFrame
    source: SourceRecord
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)
