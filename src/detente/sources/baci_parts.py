"""Which files of BACI there are in a zip, a folder or a file, and the release's code lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.sources import hs
from detente.sources.bulk import Piece
from detente.sources.checking import to_numbers
from detente.sources.files import members, require_file
from detente.sources.reading import read_table

#: The UN cannot list Taiwan; its trade stands under 490, "Other Asia, nes" (CEPII's FAQ).
OTHER_ASIA = {"S19": "TWN"}
#: The one line that is no number, and the number that it goes by inside.
UNSPECIFIED, LEGACY = "9999AA", 999998

_FILE = re.compile(r"BACI_(HS\d\d)_Y(\d{4})_V(\d{6}[a-z]?)\.csv(\.gz)?$", re.IGNORECASE)
_RELEASE = re.compile(r"_V(\d{6}[a-z]?)", re.IGNORECASE)
_REVISION = re.compile(r"(?<![a-z])hs(92|96|02|07|12|17|22)(?!\d)", re.IGNORECASE)
_COUNTRIES = {
    "code": ("country_code",),
    "name": ("country_name", "country_name_full", "country_name_abbreviation"),
    "iso3": ("country_iso3", "iso_3digit_alpha"),
}
_PRODUCTS = {"code": ("code", "hs6"), "description": ("description",)}


@dataclass(frozen=True)
class Part:
    """One file of flows: a year's, or a parquet file of any years.

    Attributes
    ----------
    piece : Piece
    year : int or None
        As the name says.
    revision : str or None
        ``HS92`` …
    release : str or None
        ``202401b``, for example.
    """

    piece: Piece
    year: int | None
    revision: str | None
    release: str | None


@dataclass
class Codes:
    """Countries and products, as the release lists them.

    Attributes
    ----------
    countries, products : DataFrame
        ``products`` is empty where no list was found.
    iso : dict of int to str
        BACI's number to ISO3, or to the number as text where it has none.
    file : str
        Where the countries are listed.
    """

    countries: pd.DataFrame
    products: pd.DataFrame
    iso: dict[int, str] = field(default_factory=dict)
    file: str = ""


def parts_of(path: Path, revision: str | None, release: str | None) -> list[Part]:
    """Every file of flows, in order of years.

    Parameters
    ----------
    path : Path
        A zip, a folder, a csv or a parquet file.
    revision, release : str or None
        Where the names do not say.

    Raises
    ------
    InputError
        None there, two revisions or releases, a year twice, a revision that is none or that
        the name contradicts.
    """
    pieces = _pieces(path)
    given = _valid_revision(revision) if revision is not None else None
    stated = str(release).lower().removeprefix("v") if release is not None else None
    parts = []
    for piece in pieces:
        name = (piece.member or piece.path.name).rsplit("/", 1)[-1]
        match, other = _FILE.search(name), _REVISION.search(name) or _REVISION.search(path.name)
        named = f"HS{other[1]}" if other else None
        found = _RELEASE.search(name) or _RELEASE.search(path.name)
        parts.append(
            Part(
                piece=piece,
                year=int(match[2]) if match else None,
                revision=named or given,
                release=found[1].lower() if found else stated,
            )
        )
        if named and given and named != given:
            raise InputError(
                f"revision='{given}' was asked for; the name says {named}.",
                Place(piece.label),
                named,
            )
    _refuse_mixture(parts)
    if parts[0].revision is None:
        raise InputError(
            f"the name does not say which HS revision it is: give revision=, one of "
            f"{', '.join(hs.REVISIONS)}.",
            Place(str(path)),
        )
    return sorted(parts, key=lambda p: (p.year or 0, p.piece.label))


def _pieces(path: Path) -> list[Piece]:
    if path.is_dir():
        found = [Piece(p) for p in sorted(path.iterdir()) if _FILE.search(p.name)]
    elif path.suffix == ".zip":
        found = [Piece(path, m) for m in members(path) if _FILE.search(m)]
    else:
        require_file(path)
        return [Piece(path)]
    if not found:
        raise InputError(
            "there is no file of flows in it, such as BACI_HS92_Y2022_V202401b.csv.",
            Place(str(path)),
        )
    return found


def _refuse_mixture(parts: list[Part]) -> None:
    """CEPII: versions are not to be mixed; and a revision is another list of products."""
    for what, told in (
        ("HS revisions", [p.revision for p in parts]),
        ("releases of BACI", [p.release for p in parts]),
    ):
        if len(set(told)) > 1:
            other = next(p for p, t in zip(parts, told, strict=True) if t != told[0])
            raise InputError(
                f"two {what} are mixed: {told[0]} and "
                f"{other.revision if what.startswith('HS') else other.release}.",
                Place(other.piece.label),
            )
    years = [p.year for p in parts if p.year is not None]
    twice = sorted({y for y in years if years.count(y) > 1})
    if twice:
        again = [p for p in parts if p.year == twice[0]][1]
        raise InputError(f"{twice[0]} is there twice.", Place(again.piece.label))


def _valid_revision(text: str) -> str:
    found = str(text).upper()
    if found not in hs.REVISIONS:
        raise InputError(
            f"'{text}' is no HS revision of BACI; there are {', '.join(hs.REVISIONS)}.",
            nearest=nearest(found, hs.REVISIONS),
        )
    return found


def chosen(parts: list[Part], years: frozenset[int] | None, path: Path) -> list[Part]:
    """The files of the years asked for; InputError where one is not there."""
    if years is None or any(p.year is None for p in parts):
        return parts
    there = {p.year for p in parts}
    absent = sorted(years - there)
    if absent:
        span = ", ".join(str(y) for y in sorted(y for y in there if y))
        raise InputError(f"there is no {absent[0]}; there are {span}.", Place(str(path)))
    return [p for p in parts if p.year in years]


def code_lists(path: Path, part: Part, given: str | Path | None) -> Codes:
    """Countries and products of the release: ``given``, in the zip, or beside the file.

    Raises
    ------
    InputError
        No list of countries, or one without its columns.
    """
    listed = Piece(Path(given)) if given is not None else _beside(path, part, "country_codes")
    if listed is None:
        raise InputError(
            "the list of countries is neither in it nor beside it: give countries=, the "
            "release's country_codes csv.",
            Place(str(path)),
        )
    table = read_table(listed.path, member=listed.member, columns=_COUNTRIES)
    table["code"] = to_numbers(table["code"], listed.label, whole=True)
    iso = {}
    for number, text in zip(table["code"].tolist(), table["iso3"].tolist(), strict=True):
        own = str(text).strip()
        plain = own if len(own) == 3 and own.isalnum() else str(number)
        iso[int(number)] = OTHER_ASIA.get(plain, plain)
    products = pd.DataFrame()
    lines = _beside(path, part, "product_codes")
    if lines is not None:
        products = read_table(lines.path, member=lines.member, columns=_PRODUCTS)
        products["code"] = products["code"].str.strip().str.zfill(6)
    return Codes(table, products, iso, listed.label)


def _beside(path: Path, part: Part, stem: str) -> Piece | None:
    """A code list: in the zip, or in the same folder; the same release's first."""
    if path.suffix == ".zip":
        names = [(Piece(path, m), m.rsplit("/", 1)[-1]) for m in members(path)]
    else:
        folder = path if path.is_dir() else path.parent
        near = sorted(folder.glob(f"{stem}*.csv")) if folder.is_dir() else []
        names = [(Piece(p), p.name) for p in near]
    found = [(p, n) for p, n in names if n.startswith(stem) and n.endswith(".csv")]
    revision = part.revision or ""
    if stem == "product_codes":  # another revision's list would refuse good lines
        found = [
            (p, n)
            for p, n in found
            if (m := _REVISION.search(n)) is None or f"HS{m[1]}" == revision
        ]
    same = [p for p, n in found if part.release and f"_V{part.release}." in n]
    return next(iter(same or [p for p, _ in found]), None)


def line_number(code: str) -> int:
    """A six-digit line as a number."""
    return LEGACY if code == UNSPECIFIED else int(code)


def line_text(number: int) -> str:
    """The line of a number, leading zeros included."""
    return UNSPECIFIED if number == LEGACY else f"{number:06d}"


def country_numbers(
    given: str | Collection[str] | None, codes: Codes, what: str
) -> frozenset[int] | None:
    """BACI's numbers of ISO3 codes (or of numbers as text); InputError on an unknown one."""
    if given is None:
        return None
    numbers: set[int] = set()
    for code in [given] if isinstance(given, str) else given:
        text = str(code).strip()
        own = {n for n, iso in codes.iso.items() if iso == text or str(n) == text}
        if not own:
            known = {*codes.iso.values()}
            raise InputError(
                f"'{code}' is no known {what}.", Place(codes.file), nearest(text, known)
            )
        numbers |= own
    return frozenset(numbers)


def product_prefixes(given: str | Collection[str] | None) -> tuple[str, ...] | None:
    """HS codes of two, four or six digits; InputError on any other text."""
    if given is None:
        return None
    found = [given] if isinstance(given, str) else list(given)
    for code in found:
        if not isinstance(code, str) or not re.fullmatch(r"\d\d|\d{4}|\d{6}", code):
            raise InputError(
                f"'{code}' is no HS code: two, four or six digits, as text (leading zeros "
                "count)."
            )
    return tuple(found)


def label_of(line: str, prefixes: Mapping[str, str]) -> str:
    """Label of a line: that of its longest prefix; empty where it has none."""
    for length in range(len(line), -1, -1):
        if line[:length] in prefixes:
            return prefixes[line[:length]]
    return ""


def spans(years: Collection[int]) -> str:
    """Years as text: ``1995-2016, 2018``."""
    found: list[list[int]] = []
    for year in sorted(years):
        if found and year == found[-1][1] + 1:
            found[-1][1] = year
        else:
            found.append([year, year])
    return ", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in found) or "none"
