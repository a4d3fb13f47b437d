"""Lines of the Harmonized System: ranges, prefixes, revisions, and the way back to HS92."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from detente.errors import InputError, nearest
from detente.sources.files import embedded_rows
from detente.sources.hs import REVISIONS

__all__ = [
    "ALL",
    "REVISIONS",
    "expand",
    "headings",
    "in_hs92",
    "meanings",
    "moved_to",
    "refuse_unknown_lines",
]

_LINE = re.compile(r"\d{2}(\d{2}(\d{2})?)?")
#: Dots or blanks between pairs of digits, or after a heading: 27.01, 2701.12, 27 01 12.
_SPACED = re.compile(r"\d{2}(?:\d{2})?(?:[. ]\d{2}){1,2}")
_RANGE = re.compile(r"(\S.*?)\s*[-\u2013]\s*(\S.*)")
#: Written for every good.
ALL = "all"
#: Chapters that no trade is booked under: kept empty, or left to each country.
_EMPTY = {"77": "is kept empty", "98": "is each country's own", "99": "is each country's own"}


# -- what a user writes ------------------------------------------------------------------
def expand(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Prefixes of digits from ``2701``, ``50-63`` or ``all`` (an empty prefix).

    Dots and blanks between pairs of digits are dropped (``27.01``, ``2701.12``). A range
    holds the chapters or headings that some revision has: 72-83 has no 77.

    Parameters
    ----------
    codes : tuple of str

    Returns
    -------
    tuple of str
        In the order given, each once.

    Raises
    ------
    InputError
        Neither digits of HS (two, four or six), nor a range of equal length, nor all; with
        what was probably meant.
    """
    found: list[str] = []
    for code in codes:
        text = str(code).strip()
        span = _RANGE.fullmatch(text)
        if text.casefold() == ALL:
            found.append("")
        elif span:
            found += _between(_digits(span[1], text), _digits(span[2], text), text)
        else:
            found.append(_digits(text, text))
    return tuple(dict.fromkeys(found))


def _digits(text: str, whole: str) -> str:
    """Two, four or six digits, without what stands between them."""
    if _SPACED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    if text.isascii() and _LINE.fullmatch(text):
        return text
    raise _no_line(text, whole)


def _no_line(text: str, whole: str) -> InputError:
    bare = re.sub(r"[. ]", "", text)
    if not (bare.isascii() and bare.isdigit()):
        return InputError(
            f"'{whole}' is no HS line: two, four or six digits (03, 2701, 271012), a range "
            "(50-63, 7206-7229), or all."
        )
    if len(bare) > 6:
        return InputError(
            f"'{whole}' has {len(bare)} digits: HS has six, what follows is a tariff's own.",
            nearest=bare[:6],
        )
    # an odd number of digits: a spreadsheet, or a number, has lost the zero in front
    meant = text.zfill(len(text) + len(text) % 2)
    exists = meant[:4] in (_any_revision() if len(meant) > 2 else _chapters())
    return InputError(
        f"'{whole}' is no HS line: a chapter has two digits, a heading four, a subheading six; "
        "a zero in front is kept by writing the code as text.",
        nearest=meant if text.isdigit() and exists else None,
    )


def _between(first: str, last: str, whole: str) -> list[str]:
    """Chapters or headings from first to last, those that some revision has."""
    if len(first) != len(last) or len(first) == 6:
        raise InputError(
            f"'{whole}' is no range: both ends are chapters (50-63), or both are headings "
            "(7206-7229)."
        )
    if first > last:
        raise InputError(f"'{whole}' runs backwards.", nearest=f"{last}-{first}")
    known = _chapters() if len(first) == 2 else _any_revision()
    found = sorted(code for code in known if first <= code <= last)
    if not found:
        raise InputError(f"'{whole}' holds no line of HS.")
    # ends that do not exist stay, so that they are refused by name
    return list(dict.fromkeys([first, *found, last]))


# -- what a revision has -----------------------------------------------------------------
@cache
def headings(revision: str) -> frozenset[str]:
    """Every four-digit heading of a revision (``HS17``).

    Raises
    ------
    InputError
        No such revision.
    """
    column = _known_revision(revision).lower()
    return frozenset(row["hs4"] for row in embedded_rows("hs_headings.csv") if row[column])


def refuse_unknown_lines(line: str, revision: str, where: str) -> None:
    """Refuse a line that the revision does not have; say which revisions have it.

    Of six digits, the first four are checked: the tables are of headings.

    Raises
    ------
    InputError
        With the heading that most of it is in now, or came from.
    """
    known = headings(revision)
    head = line[:4]
    if any(h.startswith(head) for h in known):
        return
    others = [r for r in REVISIONS if any(h.startswith(head) for h in headings(r))]
    if others:
        raise InputError(
            f"{where}: HS {line} is not in {revision}; it is a line of {_spans(others)}. Give "
            f"the line of {revision}, or the regime's own revision.",
            nearest=_elsewhere(head, revision),
        )
    raise InputError(f"{where}: no revision of HS has a line {line}; {_chapter_is(line[:2])}.")


def _known_revision(revision: str) -> str:
    if revision not in REVISIONS:
        year = re.fullmatch(r"(?i)hs\s*(?:19|20)?(\d\d)", str(revision).strip())
        meant = f"HS{year[1]}" if year else str(revision)
        raise InputError(
            f"unknown HS revision '{revision}'; there are {', '.join(REVISIONS)}.",
            nearest=meant if meant in REVISIONS else nearest(meant, REVISIONS),
        )
    return revision


@cache
def _any_revision() -> frozenset[str]:
    return frozenset(row["hs4"] for row in embedded_rows("hs_headings.csv"))


@cache
def _chapters() -> frozenset[str]:
    return frozenset(h[:2] for h in _any_revision())


def _spans(revisions: list[str]) -> str:
    """``HS92 to HS02, HS22``: runs of neighbours."""
    runs: list[list[str]] = []
    for r in revisions:
        if runs and REVISIONS.index(r) == REVISIONS.index(runs[-1][-1]) + 1:
            runs[-1].append(r)
        else:
            runs.append([r])
    words = {1: "{0}", 2: "{0} and {1}"}
    return ", ".join(words.get(len(run), "{0} to {n}").format(*run, n=run[-1]) for run in runs)


def _chapter_is(chapter: str) -> str:
    if chapter in _EMPTY:
        return f"chapter {chapter} {_EMPTY[chapter]}"
    inside = sorted(h for h in _any_revision() if h.startswith(chapter))
    if not inside:
        return "chapters go from 01 to 97"
    return f"chapter {chapter} goes from {inside[0]} to {inside[-1]}"


def _elsewhere(head: str, revision: str) -> str | None:
    """The heading that another revision's heading is, or was, in this one; if it is one."""
    if len(head) < 4:
        return None
    places = set(moved_to(head, revision))
    for _, sources, _ in meanings().get(head, ()):
        for source in sources:
            places |= {source} & headings(revision) or set(moved_to(source, revision))
    return places.pop() if len(places) == 1 else None


# -- from a revision back to HS92 --------------------------------------------------------
def in_hs92(line: str, revision: str) -> tuple[str, ...]:
    """Lines of HS92 for a line of a revision.

    A chapter stays a chapter, and ``""`` (all goods) stays all. A heading is itself, unless
    it is new, has taken in another, or its number meant something else in 1992: then what
    most of it was (``hs_moves.csv``). Six digits stay where the heading's subheadings are
    those of HS92; else they become the heading, which is more than was meant.

    Parameters
    ----------
    line : str
        Two, four or six digits, or empty.
    revision : str
        ``HS17``.

    Returns
    -------
    tuple of str
        In ascending order; never empty.

    Raises
    ------
    InputError
        The revision does not have the line; no such revision.
    """
    refuse_unknown_lines(line, revision, "HS")
    if len(line) < 4 or revision == "HS92":
        return (line,)
    head = line[:4]
    sources = _sources(head, revision)
    # the same six digits mean the same good only up to the revision that redrew the heading
    if len(line) == 6 and sources == (head,) and _same_subheadings(head, revision):
        return (line,)
    return sources


def moved_to(heading: str, revision: str) -> list[str]:
    """Headings of a revision that an HS92 heading went to, when it was deleted.

    Returns
    -------
    list of str
        Empty where it is still there, or was never in HS92.
    """
    here = headings(revision)
    if heading in here or heading not in headings("HS92"):
        return []
    return sorted(h for h in meanings() if h in here and heading in _sources(h, revision))


@cache
def meanings() -> Mapping[str, tuple[tuple[str, tuple[str, ...], str], ...]]:
    """Headings that are not what they were in HS92, or were not there at all.

    Returns
    -------
    mapping
        Heading → (first revision, HS92 headings most of it came from, note), oldest first.
    """
    found: dict[str, list[tuple[str, tuple[str, ...], str]]] = {}
    for row in embedded_rows("hs_moves.csv"):
        entry = (row["since"], tuple(row["hs92"].split()), row["note"])
        found.setdefault(row["hs4"], []).append(entry)
    return MappingProxyType({h: tuple(rows) for h, rows in found.items()})


def _sources(head: str, revision: str) -> tuple[str, ...]:
    """HS92 headings for one that the revision has; the latest change up to it counts."""
    at = REVISIONS.index(revision)
    for since, sources, _ in reversed(meanings().get(head, ())):
        if REVISIONS.index(since) <= at:
            return sources
    return (head,)


@cache
def _last_same() -> Mapping[str, str]:
    """Heading → last revision whose six-digit lines are those of HS92."""
    return {row["hs4"]: row["six"] for row in embedded_rows("hs_headings.csv") if row["six"]}


def _same_subheadings(head: str, revision: str) -> bool:
    last = _last_same().get(head, "HS92")
    return REVISIONS.index(revision) <= REVISIONS.index(last)
