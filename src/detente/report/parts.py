"""What a report is made of: tables of finished text, and titled sections."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Headers, their alignment (``l`` or ``r`` each), and rows of finished text."""

    headers: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]
    #: rows that stand apart at the end (sums)
    sums: int = 0


@dataclass(frozen=True)
class Section:
    """A titled part: paragraphs, tables, then notes in small print."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())
