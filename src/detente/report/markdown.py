"""The summary of a run as Markdown."""

from __future__ import annotations

from detente.report.sections import Section, Table, certificate, head, remarks, sections
from detente.report.view import View


def summary(view: View) -> str:
    """``summary.md``: what the terminal shows, as Markdown."""
    parts = [f"# {view.title}"]
    if view.scenario.get("description"):
        parts.append(str(view.scenario["description"]))
    last, lines = "", []
    for label, text in head(view):
        lines.append(f"- {label}: {text}" if label != last else f"- {text}")
        last = ""
    parts.append("\n".join(lines))
    parts += [_section(section) for section in sections(view)]
    noted = remarks(view)
    if noted:
        parts.append("\n".join(["## Remarks of the measures", "", *(f"- {n}" for n in noted)]))
    parts.append("\n\n".join(certificate(view)))
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"## {section.title}", *section.paragraphs, *map(_table, section.tables)]
    return "\n\n".join([*parts, *section.notes])


def _table(table: Table) -> str:
    rules = ["---:" if side == "r" else ":---" for side in table.align]
    rows = [table.headers, tuple(rules), *table.rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows
    )
