"""Reports and tables on a terminal, in 80 columns."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from detente.report.sections import Section, Table, certificate, head, sections
from detente.report.view import View

WIDTH = 80


def console() -> Console:
    """Standard output at 80 columns: the same on a terminal, in a pipe and in a file."""
    return Console(
        file=sys.stdout,
        width=WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        legacy_windows=False,
    )


def print_report(view: View) -> None:
    """The whole answer of a run."""
    out = console()
    out.print(Text(view.title, style="bold"))
    _paragraph(out, view.scenario.get("description", ""))
    last = ""
    for label, text in head(view):
        _labelled(out, label if label != last else "", text)
        last = label or last
    for section in sections(view):
        print_section(out, section)
    out.print()
    for line in certificate(view):
        _paragraph(out, line, style="dim")


def print_section(out: Console, section: Section) -> None:
    """A heading, paragraphs, tables and notes."""
    out.print()
    out.print(Text(section.title, style="bold"))
    for paragraph in section.paragraphs:
        _paragraph(out, paragraph)
    for table in section.tables:
        out.print(rich_table(table))
    for note in section.notes:
        _paragraph(out, note, style="dim")


def rich_table(table: Table) -> RichTable:
    """Columns two blanks apart; no cell wraps."""
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for header, side in zip(table.headers, table.align, strict=True):
        drawn.add_column(header, justify="right" if side == "r" else "left", no_wrap=True)
    for j, row in enumerate(table.rows):
        style = "bold" if j >= len(table.rows) - table.sums else ""
        drawn.add_row(*(Text(cell, style=_tone(cell)) for cell in row), style=style)
    return drawn


def _tone(cell: str) -> str:
    """Gains green and losses red, where there are colours; the sign says it anyway."""
    return {"+": "green", "−": "red"}.get(cell[:1], "") if cell[1:2].isdigit() else ""


def _paragraph(out: Console, text: str, style: str = "") -> None:
    for line in textwrap.wrap(str(text), WIDTH, break_on_hyphens=False):
        out.print(Text(line, style=style))


def _labelled(out: Console, label: str, text: str, width: int = 10) -> None:
    """A label and its text, wrapped below itself."""
    lines = textwrap.wrap(text, WIDTH - width, break_on_hyphens=False) or [""]
    out.print(Text.assemble((f"{label:<{width}}", "dim"), lines[0]))
    for line in lines[1:]:
        out.print(Text(" " * width + line))


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines, wrapped at 80 columns."""
    out = console()
    for line in lines:
        _paragraph(out, line) if line else out.print()
