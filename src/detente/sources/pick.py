"""Finding the one file of a year in what a user gives: a file, a zip or a folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from detente.errors import InputError, Place, nearest
from detente.sources.checking import listed
from detente.sources.files import is_zip, members, opened

_YEAR = re.compile(r"(?<!\d)(19[5-9]\d|20\d\d)(?!\d)")
_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|"
    "oct(ober)?|nov(ember)?|dec(ember)?"
)
_OTHER_YEAR = re.compile(rf"(?i)(?<![a-z])({_MONTHS}|constant)[ _-]?\d{{2,4}}(?!\d)")

#: How many folders deep an original may lie in the one given.
_DEPTH = 3


@dataclass(frozen=True)
class Original:
    """One original.

    Attributes
    ----------
    path : Path
        A file; a zip where ``member`` is given.
    member : str or None
        Member of the zip.
    year : int or None
        The year that its name speaks of.
    """

    path: Path
    member: str | None = None
    year: int | None = None

    @property
    def name(self) -> str:
        """Its own name, without folders."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def folder(self) -> str:
        """Name of the folder that it lies in, inside the zip if there is one."""
        return PurePosixPath(self.member).parent.name if self.member else self.path.parent.name

    @property
    def place(self) -> Place:
        """Where it is, for messages."""
        return Place(str(self.path) if self.member is None else f"{self.path} ({self.member})")

    @property
    def notes(self) -> tuple[str, ...]:
        """Which member of a zip was read, if any."""
        return () if self.member is None else (f"read from '{self.member}'",)

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open it as a stream of bytes."""
        return opened(self.path, self.member)

    def beside(self, name: str) -> Original | None:
        """Find a file in its folder or below, such as ``satellite/F.txt``, or None."""
        if self.member is None:
            path = self.path.parent / name
            return Original(path) if path.is_file() else None
        member = str(PurePosixPath(self.member).parent / name)
        return Original(self.path, member) if member in members(self.path) else None

    def require(self, name: str) -> Original:
        """Find a file beside it, or itself, as ``beside`` does.

        Raises
        ------
        InputError
            It is not there.
        """
        found = self if name == self.name else self.beside(name)
        if found is None:
            raise InputError(f"'{name}' is not beside it.", self.place)
        return found

    def siblings(self, wanted: Callable[[str], bool]) -> list[Original]:
        """Files of its zip, or of its folder (no deeper), whose name is wanted."""
        if self.member is not None:
            return _in_file(self.path, wanted, strict=True)
        found = sorted(self.path.parent.iterdir())
        return [Original(p) for p in found if p.is_file() and wanted(p.name)]


def years_of(name: str) -> list[int]:
    """Years that a file's name speaks of, those of a release or of prices left out.

    A year after a month is that of a release (``ADB-MRIO-2024-August 2025.xlsx`` holds 2024),
    one after "constant" that of prices.
    """
    found = _YEAR.findall(_OTHER_YEAR.sub("", PurePosixPath(name).stem))
    return [int(year) for year in found]


def year_of(name: str) -> int | None:
    """Year that a file's name speaks of: the last one, since a release may come first.

    ``ICIO2021_2018.csv`` is the 2021 release of 2018; else as ``years_of``.
    """
    return next(reversed(years_of(name)), None)


def _by_name(original: Original) -> int | None:
    return year_of(original.name)


def originals(
    path: str | Path,
    wanted: Callable[[str], bool],
    year_in: Callable[[Original], int | None] = _by_name,
) -> list[Original]:
    """Every original in a file, a zip or a folder (its zips too) whose name is wanted.

    Raises
    ------
    InputError
        Nothing is there, or a zip that is none.
    """
    path = Path(path)
    files = _files(path) if path.is_dir() else [path]
    found = [o for file in files for o in _in_file(file, wanted, strict=file == path)]
    return [replace(o, year=year_in(o)) for o in found]


def pick(
    path: str | Path,
    wanted: Callable[[str], bool],
    year: int | None,
    what: str,
    *,
    year_in: Callable[[Original], int | None] = _by_name,
) -> Original:
    """Choose the one original of a year.

    Parameters
    ----------
    path : str or Path
        A file, a zip or a folder.
    wanted : callable
        Whether a file of this name (without its folder) may be it.
    year : int or None
        Needed where there are several years.
    what : str
        What is looked for, for messages.
    year_in : callable, optional
        Year that an original's name speaks of.

    Raises
    ------
    InputError
        None or several: which years or files there are.
    """
    found, place = originals(path, wanted, year_in), Place(str(path))
    if not found:
        raise InputError(f"there is no {what} in it.{hint(Path(path))}", place)
    years = sorted({o.year for o in found if o.year is not None})
    if len(found) > 1 and year is None:
        told = f"the years {listed(years)}" if len(years) > 1 else listed(map(_called, found))
        ask = "say which year" if len(years) > 1 else "give one of them"
        raise InputError(f"it holds {told}; {ask}.", place)
    fit = [o for o in found if o.year == year] or [o for o in found if o.year is None]
    if year is not None and not fit:
        near = nearest(str(year), map(str, years)) if len(years) > 1 else None
        raise InputError(f"it holds {listed(years)}, not {year}.", place, near)
    if year is not None and len(fit) > 1:
        told = listed(map(_called, fit))
        raise InputError(f"it holds {len(fit)} of {year}: {told}. Give one of them.", place)
    return fit[0] if year is not None else found[0]


def the_year(original: Original, year: int | None) -> tuple[int, tuple[str, ...]]:
    """Year of an original, and a note where only the user says so.

    Raises
    ------
    InputError
        Neither its name nor the user says it.
    """
    if original.year is not None:
        return original.year, ()
    if year is None:
        raise InputError("its name does not say which year it holds; say it.", original.place)
    return year, (f"that it holds {year} is the caller's word; the file does not say",)


def _files(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.is_file())
    inside = [(p, p.relative_to(folder).parts) for p in found]
    return sorted(
        p for p, parts in inside if len(parts) <= _DEPTH and not any(x[0] == "." for x in parts)
    )


def _in_file(path: Path, wanted: Callable[[str], bool], *, strict: bool) -> list[Original]:
    """Originals in one file; one of a folder that cannot be opened is passed over.

    A file that is no zip and that a user names is what they say, whatever its name.
    """
    if wanted(path.name.removesuffix(".gz")):
        return [Original(path)]
    try:
        if not is_zip(path):
            return [Original(path)] if strict else []
        inside = members(path)
    except InputError:
        if strict:
            raise
        return []
    return [Original(path, m) for m in inside if wanted(PurePosixPath(m).name)]


def hint(path: Path) -> str:
    """What is there instead, and that a zip in a zip must be taken out."""
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir())
    elif is_zip(path):
        names = list(members(path))
        zips = [n for n in names if n.casefold().endswith(".zip")]
        if zips:
            return f" It holds further zips ({listed(zips)}): take one out and give that."
    else:
        return ""
    return f" It holds {listed(names)}." if names else " It is empty."


def _called(original: Original) -> str:
    inside = f" ({original.member})" if original.member else ""
    return f"{original.path.parent.name}/{original.path.name}{inside}"
