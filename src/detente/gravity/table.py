"""The table that journals print: coefficients, errors in brackets below, models beside."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from detente.errors import InputError, nearest
from detente.gravity.results import GravityResult

FORMS = ("text", "markdown", "latex")
#: Levels of significance and their marks, as the Advanced Guide has them.
STARS = ((0.01, "**"), (0.05, "*"), (0.10, "+"))
#: What each fixed effect is called.
_EFFECTS = {
    "exporter": "exporter",
    "importer": "importer",
    "exporter^year": "exporter-year",
    "importer^year": "importer-year",
    "directed_pair": "directed pair",
}
Rows = list[tuple[str, list[str]]]


def table(
    *results: GravityResult,
    form: str = "text",
    names: Sequence[str] | None = None,
    stars: bool = False,
    digits: int = 3,
    width: int = 80,
) -> str:
    """Models side by side.

    Parameters
    ----------
    *results : GravityResult
        One a column; one with sectors gives a column a sector, and the pooled one last.
    form : str
        ``text``, ``markdown`` or ``latex`` (booktabs).
    names : sequence of str, optional
        Heads of the columns; by default the sector, or PPML and OLS.
    stars : bool
        Mark p < 0.10, 0.05, 0.01 by +, *, **.
    digits : int
        After the point.
    width : int
        Of a line of text or Markdown; columns that do not fit come in a block below.

    Raises
    ------
    InputError
        An unknown form, or names that are not as many as columns.
    """
    if form not in FORMS:
        raise InputError(
            f"the form '{form}' is none of {', '.join(FORMS)}.", nearest=nearest(form, FORMS)
        )
    columns = [c for r in results for c in ((*r.sectors, r) if r.sectors else (r,))]
    if not columns:
        raise InputError("a table needs at least one result.")
    if names is not None and len(names) != len(columns):
        raise InputError(f"{len(names)} names for {len(columns)} columns.")
    heads = list(names) if names is not None else [_head(c) for c in columns]
    body = _body(columns, stars, digits)
    notes = _notes(columns, stars)
    if form == "latex":
        return _latex(heads, body, notes)
    blocks = [(heads[a:b], [(k, v[a:b]) for k, v in body]) for a, b in _cut(heads, body, width)]
    draw = _text if form == "text" else _markdown
    end = notes if form == "markdown" else [line for n in notes for line in _wrap(n, width)]
    return "\n\n".join(draw(h, b) for h, b in blocks) + "\n\n" + "\n".join(end) + "\n"


def _head(result: GravityResult) -> str:
    return result.name or result.estimator.upper()


def _body(columns: list[GravityResult], stars: bool, digits: int) -> Rows:
    terms = list(dict.fromkeys(t for c in columns for t in c.terms))
    rows: Rows = []
    for term in terms:
        rows.append((term, [_coefficient(c, term, stars, digits) for c in columns]))
        rows.append(("", [_error(c, term, digits) for c in columns]))
    rows.append(("Observations", [f"{c.n_obs:,}" for c in columns]))
    r2 = "R2" if all(c.estimator == "ols" for c in columns) else "Pseudo R2"
    rows.append((r2, [_number(c.pseudo_r2, 3) for c in columns]))
    for effect in dict.fromkeys(e for c in columns for e in c.effects):
        plain = effect.replace("^sector", "")
        label = f"FE {_EFFECTS.get(plain, plain.replace('^', '-'))}"
        has = ["yes" if effect in c.effects else "" for c in columns]
        old = next((values for name, values in rows if name == label), None)
        if old is None:
            rows.append((label, has))
        else:  # exporter-year, and exporter-year by sector in the pooled column
            old[:] = [a or b for a, b in zip(old, has, strict=True)]
    for cluster in dict.fromkeys(c.cluster for c in columns if c.cluster != "none"):
        rows.append(
            (
                f"Clusters ({cluster})",
                [f"{c.n_clusters:,}" if c.cluster == cluster else "" for c in columns],
            )
        )
    dropped = (("Separated", "separated"), ("Singletons", "singletons"), ("Zeros", "zeros"))
    for label, key in dropped:
        counts = [int(getattr(c, key)) for c in columns]
        if any(counts):
            rows.append((f"{label} left out", [f"{n:,}" for n in counts]))
    return rows


def _coefficient(result: GravityResult, term: str, stars: bool, digits: int) -> str:
    if term not in result.terms:
        return ""
    value, error = result[term], result.error_of(term)
    mark = "†" if result.flag else ""
    if stars and error > 0:
        p = math.erfc(abs(value / error) / math.sqrt(2.0))
        mark += next((m for level, m in STARS if p < level), "")
    return _number(value, digits) + mark


def _error(result: GravityResult, term: str, digits: int) -> str:
    if term not in result.terms:
        return ""
    return f"({_number(result.error_of(term), digits)})"


def _number(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return ""
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("-") and not float(text) else text


def _notes(columns: list[GravityResult], stars: bool) -> list[str]:
    clustered = {c.cluster for c in columns}
    notes = ["Standard errors in brackets" + ("." if clustered == {"none"} else ", clustered.")]
    if stars:
        notes[0] += " + p < 0.10, * p < 0.05, ** p < 0.01."
    for c in columns:
        if c.flag:
            notes.append(f"† {c.name}: {c.flag}.")
    for note in dict.fromkeys(n for c in columns for n in c.notes):
        notes.append(f"Note: {note}.")
    return notes


def _widths(heads: list[str], body: Rows) -> tuple[int, list[int]]:
    first = max(len(k) for k, _ in body)
    return first, [max(len(h), *(len(v[j]) for _, v in body)) for j, h in enumerate(heads)]


def _cut(heads: list[str], body: Rows, width: int) -> list[tuple[int, int]]:
    """Blocks of columns that fit a line."""
    first, sizes = _widths(heads, body)
    blocks, start, used = [], 0, first
    for j, size in enumerate(sizes):
        if j > start and used + size + 3 > width:
            blocks.append((start, j))
            start, used = j, first
        used += size + 3
    return [*blocks, (start, len(heads))]


def _text(heads: list[str], body: Rows) -> str:
    first, sizes = _widths(heads, body)

    def line(label: str, cells: Sequence[str]) -> str:
        padded = "".join(f"   {c:>{w}}" for c, w in zip(cells, sizes, strict=True))
        return f"{label:<{first}}{padded}".rstrip()

    rule = "-" * (first + sum(sizes) + 3 * len(sizes))
    end = next(j for j, (k, _) in enumerate(body) if k == "Observations")
    lines = [line("", heads), rule, *(line(k, v) for k, v in body[:end]), rule]
    return "\n".join([*lines, *(line(k, v) for k, v in body[end:])])


def _markdown(heads: list[str], body: Rows) -> str:
    first, sizes = _widths(heads, body)
    sizes = [max(s, 3) for s in sizes]

    def line(label: str, cells: Sequence[str]) -> str:
        padded = " | ".join(f"{c:>{w}}" for c, w in zip(cells, sizes, strict=True))
        return f"| {label.replace('^', '-'):<{first}} | {padded} |"

    rule = f"| {'-' * first} | " + " | ".join("-" * (w - 1) + ":" for w in sizes) + " |"
    return "\n".join([line("", heads), rule, *(line(k, v) for k, v in body)])


_ESCAPES = {"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#", "†": r"$\dagger$"}


def _latex(heads: list[str], body: Rows, notes: list[str]) -> str:
    def safe(text: str) -> str:
        return "".join(_ESCAPES.get(c, c) for c in text)

    def cell(text: str) -> str:
        return f"${text}$" if text.startswith("-") and text[1:2].isdigit() else safe(text)

    def line(label: str, cells: Sequence[str]) -> str:
        return " & ".join([safe(label), *map(cell, cells)]) + r" \\"

    end = next(j for j, (k, _) in enumerate(body) if k == "Observations")
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule", line("", heads), r"\midrule",
        *(line(k, v) for k, v in body[:end]), r"\midrule",
        *(line(k, v) for k, v in body[end:]), r"\bottomrule", r"\end{tabular}",
        *(f"% {n}" for n in notes),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, subsequent_indent="  ")
