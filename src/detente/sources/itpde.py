"""USITC ITPD-E: trade by industry with domestic trade, made for estimating gravity.

Releases 1 to 3: one csv of up to 7 GB, which may stay zipped; it is streamed through duckdb.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from detente.errors import InputError, Place, nearest
from detente.sources import bulk
from detente.sources.bulk import Piece
from detente.sources.catalogue import entry, record
from detente.sources.checking import asked_numbers, refuse_below, refuse_outside, to_numbers
from detente.sources.files import members
from detente.sources.record import Sourced, SourceRecord

COLUMNS = {
    "exporter": ("exporter_iso3",),
    "importer": ("importer_iso3",),
    "year": ("year",),
    "industry": ("industry_id",),
    "name": ("industry_descr",),
    "broad": ("broad_sector",),
    "trade": ("trade",),
    "mirror": ("flag_mirror",),
    "zero": ("flag_zero",),
}
OPTIONAL = ("name", "broad", "mirror", "zero")  # the files "no_names" lack the first two
_TYPES = {"year": pa.int64(), "industry": pa.int64(), "trade": pa.float64()}
_FILE = re.compile(r"ITPD_?E_R(\d\d)(_no_names)?\.(csv|zip|csv\.gz)$", re.IGNORECASE)
_GOOD = (
    "year BETWEEN 1900 AND 2100 AND industry BETWEEN 1 AND 999 AND trade >= 0 AND "
    "isfinite(trade) AND length(trim(exporter)) = 3 AND length(trim(importer)) = 3"
)

By = Literal["industry", "broad", "total"] | Mapping[int, str]


def read_itpde(
    path: str | Path,
    *,
    years: int | Iterable[int] | None = None,
    exporters: Collection[str] | None = None,
    importers: Collection[str] | None = None,
    industries: Collection[int] | None = None,
    by: By = "industry",
    unknown_zeros: bool = False,
    release: str | None = None,
    memory: str = bulk.MEMORY,
    threads: int | None = None,
    scratch: str | Path | None = None,
    max_rows: int = 15_000_000,
) -> Sourced:
    """Read ITPD-E: ``ITPD_E_R02.zip``, ``ITPDE_R03.csv``, or the files without names.

    Parameters
    ----------
    path : str or Path
    years : int or iterable of int, optional
        All by default.
    exporters, importers : collection of str, optional
        ISO3 codes.
    industries : collection of int, optional
        ITPD's own numbers, 1 to 170.
    by : {"industry", "broad", "total"} or mapping
        Industries; the four broad sectors; sums over all; or number → label.
    unknown_zeros : bool
        Keep rows that the source filled with zero because nothing is known (flag ``u``).
        Zeros that were reported (flag ``r``) always stay.
    release : str, optional
        ``R01`` …, where the file's name does not say.
    memory, threads, scratch, max_rows
        As for ``read_baci``.

    Returns
    -------
    Sourced
        ``year``, ``exporter``, ``importer``, ``sector`` (industry number or label, as text),
        ``value`` (million USD; domestic trade where exporter is importer), ``mirrored``
        (share of ``value`` that is the partner's report; NaN where not flagged), sorted.
        ``extra["industries"]``: ``sector``, ``name``, ``broad``.

    Raises
    ------
    InputError
        A missing file or column, a cell that is no number, a negative value, two rows for
        one flow, an unknown country, industry or year: with the line.

    References
    ----------
    Borchert, I., M. Larch, S. Shikher and Y. Yotov (2021), The International Trade and
    Production Database for Estimation, International Economics 166: 140-166.
    """
    path = Path(path)
    if isinstance(by, str) and by not in ("industry", "broad", "total"):
        raise InputError(f"by='{by}' is unknown: industry, broad, total, or a mapping.")
    if isinstance(by, Mapping):
        by = _by_number(by)
    piece, found = _piece(path)
    asked = _Asked(
        years=asked_numbers(years, "years"),
        industries=asked_numbers(industries, "industries"),
        exporters=_codes(exporters),
        importers=_codes(importers),
        by=by,
        unknown_zeros=unknown_zeros,
    )
    with bulk.workbench(memory, threads, scratch) as connection:
        run = _Run(connection, piece, asked)
        run.read()
        table = run.result(max_rows)
        names = run.industries()
    return Sourced(table, _source(path, release or found, run.notes), {"industries": names})


@dataclass(frozen=True)
class _Asked:
    years: frozenset[int] | None
    industries: frozenset[int] | None
    exporters: frozenset[str] | None
    importers: frozenset[str] | None
    by: By
    unknown_zeros: bool

    def condition(self, flagged: bool) -> str:
        """SQL for the rows that are kept."""
        quoted = {
            side: None if codes is None else [f"'{c}'" for c in codes]
            for side, codes in (("exporter", self.exporters), ("importer", self.importers))
        }
        found = bulk.among({"year": self.years, "industry": self.industries, **quoted})
        if flagged and not self.unknown_zeros:
            found.append("coalesce(trim(zero), '') <> 'u'")
        return " AND ".join(found)


@dataclass
class _Run:
    """One reading: block by block into a scratch table, checked, summed."""

    connection: Any
    piece: Piece
    asked: _Asked
    notes: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Everything that is kept, and what there is, in the scratch file."""
        run = self.connection.execute
        run(
            "CREATE TABLE flows (year SMALLINT, exporter VARCHAR, importer VARCHAR, "
            "industry SMALLINT, trade DOUBLE, mirror DOUBLE)"
        )
        run("CREATE TABLE seen (year SMALLINT, industry SMALLINT, name VARCHAR, broad VARCHAR)")
        run("CREATE TABLE places (code VARCHAR)")
        rows = unknown = 0
        for batch in bulk.blocks(self.piece, COLUMNS, _TYPES, OPTIONAL):
            self.connection.register("block", pa.Table.from_batches([batch]))
            if self._one(f"SELECT count(*) FROM block WHERE NOT coalesce({_GOOD}, FALSE)"):
                raise _fault(self.piece)
            rows += batch.num_rows
            unknown += self._take(set(batch.schema.names))
            self.connection.unregister("block")
        self._check()
        self._note(rows, unknown)

    def _take(self, there: set[str]) -> int:
        """Keep what is asked of a block; how many of its rows are zeros for want of data."""
        run = self.connection.execute
        mirror = "TRY_CAST(mirror AS DOUBLE)" if "mirror" in there else "NULL"
        run(
            "INSERT INTO flows SELECT year, trim(exporter), trim(importer), industry, "
            f"trade, {mirror} FROM block WHERE {self.asked.condition('zero' in there)}"
        )
        text = ", ".join(c if c in there else "''" for c in ("name", "broad"))
        run(f"INSERT INTO seen SELECT DISTINCT year, industry, {text} FROM block")
        run(
            "INSERT INTO places SELECT DISTINCT trim(exporter) FROM block UNION "
            "SELECT DISTINCT trim(importer) FROM block"
        )
        if "zero" not in there:
            return 0
        return self._one("SELECT count(*) FROM block WHERE trim(zero) = 'u'")

    def result(self, most: int) -> pd.DataFrame:
        """The table: sums where asked for, in order, codes as numbers until the last."""
        run = self.connection.execute
        labels = self._labels()
        names = sorted(set(labels.values()), key=lambda t: (not t.isdigit(), t.zfill(9)))
        places = sorted({c for (c,) in run("SELECT code FROM places").fetchall()})
        run("CREATE TABLE coded (code VARCHAR, n SMALLINT)")
        run("CREATE TABLE sectors (industry SMALLINT, n SMALLINT)")
        if places:
            rows = ", ".join(f"('{code}', {n})" for n, code in enumerate(places))
            run(f"INSERT INTO coded VALUES {rows}")
        if labels:
            rows = ", ".join(f"({i}, {names.index(text)})" for i, text in labels.items())
            run(f"INSERT INTO sectors VALUES {rows}")
        run(
            "CREATE TABLE kept AS SELECT f.year, a.n AS e, b.n AS m, s.n AS s, "
            "sum(f.trade) AS v, sum(f.trade * f.mirror) / nullif(sum(f.trade), 0) AS w "
            "FROM flows f JOIN coded a ON a.code = f.exporter JOIN coded b ON "
            "b.code = f.importer JOIN sectors s ON s.industry = f.industry GROUP BY 1, 2, 3, 4"
        )
        count = self._one("SELECT count(*) FROM kept")
        if count > most:
            raise InputError(
                f"the result has {count:,} rows; max_rows is {most:,}. Choose years, countries "
                'or industries, or sum with by="broad".'
            )
        query = "SELECT year, e, m, s, v, w FROM kept ORDER BY year, e, m, s"
        return self._table(bulk.fetched(self.connection, query, count), places, names)

    def _table(
        self, arrays: dict[str, np.ndarray[Any, Any]], places: list[str], names: list[str]
    ) -> pd.DataFrame:
        code, label = np.array([*places, ""], object), np.array([*names, ""], object)
        columns = {
            "year": pd.Series(arrays.pop("year").astype(np.int64)),
            "exporter": pd.Series(code[arrays.pop("e")]),
            "importer": pd.Series(code[arrays.pop("m")]),
            "sector": pd.Series(label[arrays.pop("s")]),
            "value": pd.Series(arrays.pop("v")),
            "mirrored": pd.Series(arrays.pop("w")),
        }
        if self.asked.by == "total":
            del columns["sector"]
        return pd.DataFrame(columns, copy=False)

    def industries(self) -> pd.DataFrame:
        """Numbers, names and broad sectors, as the file has them."""
        table: pd.DataFrame = self.connection.execute(
            "SELECT CAST(industry AS VARCHAR) AS sector, max(name) AS name, "
            "max(broad) AS broad FROM seen GROUP BY industry ORDER BY industry"
        ).fetchdf()
        return table

    def _one(self, query: str) -> int:
        return int(bulk.one(self.connection, query)[0])

    def _check(self) -> None:
        seen = self.connection.execute("SELECT DISTINCT year, industry FROM seen").fetchall()
        places = {c for (c,) in self.connection.execute("SELECT * FROM places").fetchall()}
        years, industries = {y for y, _ in seen}, {i for _, i in seen}
        for what, asked, there in (
            ("year", self.asked.years, years),
            ("industry", self.asked.industries, industries),
        ):
            absent = sorted((asked or frozenset()) - there)
            if absent:
                span = f"{min(there)} to {max(there)}" if there else "none"
                raise InputError(
                    f"there is no {what} {absent[0]}; there are {span}.",
                    Place(self.piece.label),
                )
        for what, codes in (
            ("exporter", self.asked.exporters),
            ("importer", self.asked.importers),
        ):
            for code in sorted((codes or frozenset()) - places):
                raise InputError(
                    f"there is no {what} '{code}'.",
                    Place(self.piece.label),
                    nearest(code, places),
                )
        self._refuse_repeats()

    def _refuse_repeats(self) -> None:
        years = self.connection.execute("SELECT DISTINCT year FROM flows ORDER BY 1").fetchall()
        for (year,) in years:  # year by year, so that the groups fit in memory
            found = bulk.one(
                self.connection,
                "SELECT year, exporter, importer, industry FROM flows "
                f"WHERE year = {year} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1",
            )
            if found[0] is not None:
                raise self._repeat(found)

    def _repeat(self, found: tuple[Any, ...]) -> InputError:
        key = dict(zip(("year", "exporter", "importer", "industry"), found, strict=True))

        def match(frame: pd.DataFrame) -> pd.Series:
            same = pd.Series(True, index=frame.index)
            for name, value in key.items():
                same &= frame[name].str.strip() == str(value)
            return same

        needed = {name: COLUMNS[name] for name in key}
        first, second = bulk.lines_of(self.piece, needed, match)
        told = ", ".join(f"{name} {value}" for name, value in key.items())
        return InputError(
            f"there is a second row for {told}; the first is on line {first}.",
            Place(self.piece.label, second),
        )

    def _labels(self) -> dict[int, str]:
        """Industry → label; those without one are noted, with their trade."""
        by, names = self.asked.by, self.industries()
        numbers = [int(text) for text in names["sector"]]
        if by == "total":
            return dict.fromkeys(numbers, "all")
        if by == "industry":
            return {n: str(n) for n in numbers}
        if isinstance(by, Mapping):
            labels = {n: str(by.get(n, "")) for n in numbers}
        else:
            labels = dict(zip(numbers, names["broad"].astype(str), strict=True))
            if not any(labels.values()):
                raise InputError(
                    "the file has no broad_sector; give by= a mapping from industry_id.",
                    Place(self.piece.label),
                )
        dropped = sorted(n for n, label in labels.items() if not label)
        if dropped:
            listed = ", ".join(map(str, dropped))
            query = f"SELECT coalesce(sum(trade), 0) FROM flows WHERE industry IN ({listed})"
            value = bulk.one(self.connection, query)[0]
            self.notes.append(
                f"{len(dropped)} industries have no label and are dropped: {value:,.1f} "
                "million USD"
            )
        return {n: label for n, label in labels.items() if label}

    def _note(self, rows: int, unknown: int) -> None:
        count, value, first, last, years = bulk.one(
            self.connection,
            "SELECT count(*), coalesce(sum(trade), 0), min(year), max(year), "
            "count(DISTINCT year) FROM flows",
        )
        span = f"{years} years, {first}-{last}" if count else "no year"
        self.notes.append(f"{count:,} of {rows:,} rows kept, {value:,.0f} million USD; {span}")
        if unknown and not self.asked.unknown_zeros:
            self.notes.append(
                f"{unknown:,} rows in the file are zeros for want of data: left out"
            )


def _piece(path: Path) -> tuple[Piece, str | None]:
    """The csv, and the release that its name tells."""
    if path.suffix.casefold() == ".zip":
        found = [m for m in members(path) if _FILE.search(m)]
        if not found:
            raise InputError("there is no ITPD_E_R….csv in it.", Place(str(path)))
        piece = Piece(path, found[0])
    else:
        piece = Piece(path)
    match = _FILE.search(piece.member or path.name)
    return piece, f"R{match[1]}" if match else None


def _by_number(by: Mapping[Any, str]) -> dict[int, str]:
    """Labels by number; a number may stand as text, as in a YAML or JSON file."""
    found = {}
    for key, label in by.items():
        if not str(key).strip().isdigit():
            raise InputError(f"by=: '{key}' is no number of an industry (1 to 170).")
        found[int(key)] = str(label)
    return found


def _codes(given: Collection[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    codes = [given] if isinstance(given, str) else list(given)
    for code in codes:
        if not re.fullmatch(r"[A-Z0-9]{3}", str(code)):
            raise InputError(f"'{code}' is no ISO3 code.")
    return frozenset(map(str, codes))


def _fault(piece: Piece) -> InputError:
    """Read the file again, strictly, and say where the first fault is."""
    needed = {name: COLUMNS[name] for name in COLUMNS if name not in OPTIONAL}
    try:
        for frame in bulk.frames(piece, needed):
            for name in ("year", "industry"):
                frame[name] = to_numbers(frame[name], piece.label, whole=True)
            frame["trade"] = to_numbers(frame["trade"], piece.label, missing=())
            refuse_below(frame, "trade", 0.0, piece.label)
            three = {n: frame[n].str.strip().str.len() == 3 for n in ("exporter", "importer")}
            checks = {
                "year": (frame["year"].between(1900, 2100), "it is no year"),
                "industry": (frame["industry"].between(1, 999), "it is no industry"),
                **{name: (good, "it is no ISO3 code") for name, good in three.items()},
            }
            refuse_outside(frame, checks, piece.label)
    except InputError as told:
        return told
    return InputError("it holds a row that is no flow.", Place(piece.label))


def _source(path: Path, release: str | None, notes: list[str]) -> SourceRecord:
    name = str(release).upper() if release else None
    known = {v.name for v in entry("usitc-itpd-e").vintages}
    if name in known:
        return record("usitc-itpd-e", name, path, notes)
    told = name or "release not stated"
    return replace(record("usitc-itpd-e", None, path, notes), vintage=told, verified=False)
