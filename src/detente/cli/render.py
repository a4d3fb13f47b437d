"""Reports and tables on a terminal, in 80 columns."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable
from typing import Literal

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from detente.report.numbers import MINUS, digits
from detente.report.sections import (
    Section,
    Table,
    certificate,
    first_sentence,
    head,
    sections,
)
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
    _paragraph(out, first_sentence(view.scenario.get("description", "")))
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
    """Columns two blanks apart; no row wraps, and only the first column may be cut short."""
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for j, (header, side) in enumerate(zip(table.headers, table.align, strict=True)):
        right: Literal["right", "left"] = "right" if side == "r" else "left"
        drawn.add_column(_cell(header), justify=right, no_wrap=j > 0)
    for j, row in enumerate(table.rows):
        style = "bold" if j >= len(table.rows) - table.sums else ""
        drawn.add_row(*map(_cell, row), style=style)
    return drawn


def _cell(text: str) -> Text:
    return Text(text, style=_tone(text), no_wrap=True, overflow="ellipsis")


def _tone(cell: str) -> str:
    """Gains green and losses red, where there are colours; the sign says it anyway."""
    return {"+": "green", "−": "red"}.get(cell[:1], "") if cell[1:2].isdigit() else ""


def _paragraph(out: Console, text: str, style: str = "") -> None:
    for line in _wrapped(text, WIDTH):
        out.print(Text(line, style=style))


def _labelled(out: Console, label: str, text: str, width: int = 10) -> None:
    """A label and its text, wrapped below itself."""
    lines = _wrapped(text, WIDTH - width) or [""]
    out.print(Text.assemble((f"{label:<{width}}", "dim"), lines[0]))
    for line in lines[1:]:
        out.print(Text(" " * width + line))


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of a text; a number and its unit stay together."""
    glued = re.sub(r"(?<=\d) (?=%)|(?<=USD) (?=\d)|(?<=≈) ", "\N{NO-BREAK SPACE}", str(text))
    lines = textwrap.wrap(glued, width, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines, wrapped at 80 columns."""
    out = console()
    for line in lines:
        _paragraph(out, line) if line else out.print()


# -- any table ---------------------------------------------------------------------------------
def print_frame(frame: pd.DataFrame) -> None:
    """Any table in 80 columns: columns that do not fit come below, with the labels again."""
    out = console()
    frame = frame.rename(columns=str)
    names = [str(c) for c in frame.columns]
    words = [c for c in names if not pd.api.types.is_numeric_dtype(frame[c]) and c != "name"]
    text = {c: _column(frame[c]) for c in names if c != "name"}
    labels = _labels(words, text)
    values = [c for c in names if c not in labels and c != "name"]
    room = WIDTH - sum(_width(c, text) for c in labels)
    for c in words:
        if c not in labels:  # long texts are cut, and never the labels for them
            text[c] = [textwrap.shorten(v, max(room - 2, 20), placeholder="…") for v in text[c]]
    for j, block in enumerate(_blocks(labels, values, text)):
        if j:
            out.print()
        columns = [*labels, *block]
        align = "l" * len(labels) + "".join("l" if c in words else "r" for c in block)
        rows = tuple(zip(*(text[c] for c in columns), strict=True))
        out.print(rich_table(Table(tuple(map(str, columns)), align, rows)))


#: Texts longer than this label no row.
_LABEL = 26
#: And labels together leave this much for values.
_FOR_VALUES = 24


def _width(column: str, text: dict[str, list[str]]) -> int:
    return max(map(cell_len, [column, *text[column]])) + 2


def _labels(words: list[str], text: dict[str, list[str]]) -> list[str]:
    """The columns of text that say which row it is: short ones, as many as leave room."""
    found: list[str] = []
    left = WIDTH - _FOR_VALUES
    for column in words:
        width = _width(column, text)
        if width <= min(_LABEL + 2, left):
            found.append(column)
            left -= width
    return found or words[:1]


def _column(values: pd.Series) -> list[str]:
    """Cells as text: five digits, no exponent but for the very small."""
    if pd.api.types.is_bool_dtype(values):
        return ["yes" if v else "no" for v in values]
    if not pd.api.types.is_float_dtype(values):
        return [
            "" if pd.isna(v) else f"{v:,}" if isinstance(v, int) else str(v) for v in values
        ]
    return ["" if pd.isna(v) else number(float(v)) for v in values]


def number(value: float) -> str:
    """Five digits and a minus sign."""
    size = abs(value)
    text = f"{size:.1e}" if 0 < size < 1e-4 else digits(size, 5)
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return f"{MINUS}{text}" if value < 0 else text


def _blocks(
    labels: list[str], values: list[str], text: dict[str, list[str]]
) -> Iterable[list[str]]:
    """Columns in groups that fit beside the labels."""
    width = {c: _width(c, text) for c in text}
    room = max(WIDTH - sum(width[c] for c in labels), 20)
    block: list[str] = []
    for column in values:
        if block and sum(width[c] for c in (*block, column)) > room + 2:
            yield block
            block = []
        block.append(column)
    if block or not values:
        yield block


_STATUS = {"passed": "pass", "FAILED": "FAIL", "note": "note"}


def print_checks(name: str, table: pd.DataFrame, tolerance: float) -> None:
    """Each identity, its largest violation and where, and whether it passes."""
    failed = int((table["status"] == "FAILED").sum())
    rows = tuple(
        (
            r["check"],
            r["identity"].replace(" where ", " if "),
            f"{r['violation']:.0f} cells" if r["status"] == "note" else f"{r['violation']:.1e}",
            _STATUS[r["status"]],
            r["where"],
        )
        for _, r in table.iterrows()
    )
    out = console()
    headers = ("Check", "Identity", "Largest", "Status", "Where")
    out.print(rich_table(Table(headers, "llrll", rows)))
    verdict = "every identity holds" if not failed else f"{failed} of {len(table)} checks FAIL"
    _paragraph(out, f"World {name}: {verdict} (relative tolerance {tolerance:g}).")
