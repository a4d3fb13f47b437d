"""CEPII BACI: bilateral trade by six-digit product, as published, through duckdb.

The original is a zip with one ``BACI_HS92_Y2022_V202401b.csv`` per year (columns t, i, j, k,
v, q), a list of countries and one of products. It may stay zipped: members are streamed, and
memory stays below 2 GB whatever the size. Values are thousand USD there and million USD here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from detente.errors import InputError, Place
from detente.sources import bulk, hs
from detente.sources.baci_parts import (
    LEGACY,
    OTHER_ASIA,
    UNSPECIFIED,
    Codes,
    Part,
    chosen,
    code_lists,
    country_numbers,
    label_of,
    line_number,
    line_text,
    parts_of,
    product_prefixes,
    spans,
)
from detente.sources.catalogue import entry, record
from detente.sources.checking import (
    asked_numbers,
    counted,
    refuse_below,
    refuse_outside,
    to_numbers,
)
from detente.sources.record import Sourced, SourceRecord

COLUMNS = {name: (name,) for name in ("t", "i", "j", "k", "v", "q")}

#: Median of value over quantity, thousand USD per tonne; outside, a unit must be wrong.
PLAUSIBLE = (0.02, 500.0)

_TYPES = {"t": pa.int64(), "i": pa.int64(), "j": pa.int64(), "v": pa.float64()}
_MISSING = ("", "NA")
_ENOUGH = 1000
_GOOD = """
    t BETWEEN {first} AND {last} AND i BETWEEN 1 AND 999 AND j BETWEEN 1 AND 999
    AND v >= 0 AND isfinite(v)
    AND regexp_full_match(trim(CAST(k AS VARCHAR)), '[0-9]{{5,6}}|9999AA')
    AND (trim(coalesce(CAST(q AS VARCHAR), '')) IN ('', 'NA') OR TRY_CAST(q AS DOUBLE) >= 0)
"""
_LINE = f"CAST(replace(trim(CAST(k AS VARCHAR)), '{UNSPECIFIED}', '{LEGACY}') AS INTEGER)"
_STAGE = "t SMALLINT, i SMALLINT, j SMALLINT, k INTEGER, v DOUBLE, q DOUBLE"
_KEY = "((t::BIGINT * 1000 + i) * 1000 + j) * 1000000 + k"

By = Literal["product", "sector", "total"] | Mapping[str, str]


def read_baci(
    path: str | Path,
    *,
    years: int | Iterable[int] | None = None,
    exporters: str | Collection[str] | None = None,
    importers: str | Collection[str] | None = None,
    either: str | Collection[str] | None = None,
    products: str | Collection[str] | None = None,
    by: By = "product",
    revision: str | None = None,
    release: str | None = None,
    countries: str | Path | None = None,
    memory: str = bulk.MEMORY,
    threads: int | None = None,
    scratch: str | Path | None = None,
    max_rows: int = 15_000_000,
    check_units: bool = True,
) -> Sourced:
    """Read BACI: a zip, a folder of its csv, one csv (or ``.gz``), or a parquet file.

    Parameters
    ----------
    path : str or Path
        Names as published; a parquet file has the same columns.
    years : int or iterable of int, optional
        All by default. Files of other years are not opened.
    exporters, importers, either : str or collection of str, optional
        ISO3 codes, or BACI's numbers as text; ``either`` keeps what one of them sells or buys.
    products : str or collection of str, optional
        HS codes of two, four or six digits, as text; all below them are kept.
    by : {"product", "sector", "total"} or mapping
        Six-digit lines; sums over the embedded sectors (``hs.prefixes``); sums over all
        products; or prefix → label, the longest prefix first, the empty one for the rest.
    revision, release : str, optional
        ``HS92`` … ``HS22`` and ``202401b``, for example, where the file's name does not say.
    countries : str or Path, optional
        The release's ``country_codes`` csv, where it is neither in the zip nor beside the
        file.
    memory, threads, scratch
        Of ``bulk.workbench``; with the defaults all of Python stays below 2 GB.
    max_rows : int
        A result with more rows is refused: it would not fit.
    check_units : bool
        Refuse a file whose median unit value is implausible (a thousand rows or more, no
        choice of products).

    Returns
    -------
    Sourced
        ``table``: ``year``, ``exporter``, ``importer`` (ISO3), ``product`` (six digits, as
        text) or ``sector``, ``value`` (million USD), ``quantity`` (tonnes; NaN if no row has
        one), sorted. ``extra``: ``countries``, and ``products`` where listed.

    Raises
    ------
    InputError
        A missing file or column, a cell that is no number, a negative value, an unknown
        country or product, two rows for one flow, two HS revisions or two releases, a year
        other than the file's name says, implausible units: with file and line.

    References
    ----------
    Gaulier, G. and S. Zignago (2010), CEPII Working Paper 2010-23.
    """
    path = Path(path)
    parts = parts_of(path, revision, release)
    codes = code_lists(path, parts[0], countries)
    asked = _Asked(
        years=asked_numbers(years),
        exporters=country_numbers(exporters, codes, "exporter"),
        importers=country_numbers(importers, codes, "importer"),
        either=country_numbers(either, codes, "country"),
        products=product_prefixes(products),
        by=by,
        check_units=check_units,
    )
    with bulk.workbench(memory, threads, scratch) as connection:
        run = _Run(connection, codes, asked, parts[0].revision or "")
        for part in chosen(parts, asked.years, path):
            run.take(part)
        arrays = run.result(max_rows)
    source = _source(path, parts[0], run.notes())
    extra = {"countries": codes.countries.reset_index(drop=True)}
    if len(codes.products):
        extra["products"] = codes.products.reset_index(drop=True)
    return Sourced(_frame(arrays, run.names, run.labels, by), source, extra)


@dataclass(frozen=True)
class _Asked:
    """What to keep, in the file's own codes."""

    years: frozenset[int] | None
    exporters: frozenset[int] | None
    importers: frozenset[int] | None
    either: frozenset[int] | None
    products: tuple[str, ...] | None
    by: By
    check_units: bool

    def __post_init__(self) -> None:
        if isinstance(self.by, str) and self.by not in ("product", "sector", "total"):
            raise InputError(f"by='{self.by}' is unknown: product, sector, total or a mapping.")

    def condition(self) -> str:
        """SQL for the rows that are kept."""
        found = bulk.among({"t": self.years, "i": self.exporters, "j": self.importers})
        if self.either is not None:
            codes = ", ".join(map(str, sorted(self.either)))
            found.append(f"(i IN ({codes}) OR j IN ({codes}))")
        if self.products is not None:
            below = [f"k // {10 ** (6 - len(p))} = {int(p)}" for p in self.products]
            found.append(f"({' OR '.join(below)})")
        return " AND ".join(found)


@dataclass
class _Tally:
    """What was read, for the notes; money in million USD."""

    rows: int = 0
    value: float = 0.0
    unweighed: int = 0
    unweighed_value: float = 0.0
    years: set[int] = field(default_factory=set)
    merged: dict[int, float] = field(default_factory=dict)
    unplaced: dict[str, float] = field(default_factory=dict)


class _Run:
    """One reading: file by file into a scratch table, checked, summed, kept."""

    def __init__(self, connection: Any, codes: Codes, asked: _Asked, revision: str) -> None:
        self.connection, self.codes, self.asked = connection, codes, asked
        self.revision, self.tally = revision, _Tally()
        self.names = sorted(set(codes.iso.values()))
        self.labels: list[str] = []
        place = {name: j for j, name in enumerate(self.names)}
        rows = ", ".join(f"({n}, {place[iso]})" for n, iso in codes.iso.items())
        connection.execute("CREATE TABLE codes (n SMALLINT, e SMALLINT)")
        connection.execute(f"INSERT INTO codes VALUES {rows}")
        connection.execute(
            "CREATE TABLE kept (t SMALLINT, e SMALLINT, m SMALLINT, p INTEGER, v DOUBLE, "
            "q DOUBLE)"
        )

    def take(self, part: Part) -> None:
        """Read one file, check it, and add what is kept of it."""
        self.connection.execute(f"CREATE OR REPLACE TABLE stage ({_STAGE})")
        span = (part.year or 1900, part.year or 2100)
        good = _GOOD.format(first=span[0], last=span[1])
        rows = 0
        for batch in bulk.blocks(part.piece, COLUMNS, _TYPES):
            rows += batch.num_rows
            self.connection.register("block", pa.Table.from_batches([batch]))
            bad = f"SELECT count(*) FROM block WHERE NOT coalesce({good}, FALSE)"
            if self._one(bad):
                raise _fault(part)
            self.connection.execute(
                f"INSERT INTO stage SELECT * FROM (SELECT t, i, j, {_LINE} AS k, v, "
                f"TRY_CAST(q AS DOUBLE) AS q FROM block) WHERE {self.asked.condition()}"
            )
            self.connection.unregister("block")
        if not rows:
            raise InputError("it has a header, but no rows.", Place(part.piece.label))
        self._check_codes(part)
        self._check_repeats(part)
        self._check_units(part)
        self._count()
        self._keep()

    def result(self, most: int) -> dict[str, np.ndarray[Any, Any]]:
        """The kept rows in order, as arrays."""
        rows = int(self._one("SELECT count(*) FROM kept"))
        if rows > most:
            raise InputError(
                f"the result has {rows:,} rows; max_rows is {most:,}. Choose years, countries "
                'or products, or sum with by="sector".'
            )
        query = "SELECT t, e, m, p, v, q FROM kept ORDER BY t, e, m, p"
        return bulk.fetched(self.connection, query, rows)

    def notes(self) -> list[str]:
        """What was read, converted, merged and dropped, with amounts."""
        tally = self.tally
        found = [
            f"{tally.rows:,} rows kept, {tally.value:,.0f} million USD; "
            f"years: {spans(tally.years)}",
            "value: thousand USD in the file, million USD here",
        ]
        if tally.unweighed:
            share = 100 * tally.unweighed_value / tally.value if tally.value else 0.0
            found.append(
                f"quantity is missing in {counted(tally.unweighed, 'row', 'rows')}, "
                f"{share:.1f} % of the value; "
                "sums of quantities leave them out"
            )
        for number, value in sorted(tally.merged.items()):
            row = self.codes.countries.set_index("code").loc[number]
            found.append(
                f"{number} '{row['name']}' counts as {self.codes.iso[number]}: "
                f"{value:,.1f} million USD"
            )
        if tally.unplaced:
            lines = ", ".join(sorted(tally.unplaced)[:12])
            found.append(
                f"{len(tally.unplaced)} lines have no label and are dropped: {lines}; "
                f"{sum(tally.unplaced.values()):,.1f} million USD"
            )
        if self.asked.by == "sector" and self.revision != "HS92":
            found.append(
                f"the sectors' concordance is of HS92; headings that {self.revision} added go "
                "with their chapter"
            )
        return found

    def _one(self, query: str) -> Any:
        return bulk.one(self.connection, query)[0]

    def _check_codes(self, part: Part) -> None:
        for column, what in (("i", "exporter"), ("j", "importer")):
            found = self.connection.execute(
                f"SELECT DISTINCT {column} FROM stage "
                f"WHERE {column} NOT IN (SELECT n FROM codes) ORDER BY 1"
            ).fetchall()
            if found:
                number = found[0][0]
                raise InputError(
                    f"{number} is no known {what}; '{self.codes.file}' lists the countries.",
                    _place(part, column, lambda f, c=column, n=number: _same(f[c], n)),
                )
        if not len(self.codes.products):
            return
        known = set(self.codes.products["code"].map(line_number))
        lines = self.connection.execute("SELECT DISTINCT k FROM stage ORDER BY 1").fetchall()
        for (line,) in lines:
            if line not in known:
                raise InputError(
                    f"'{line_text(line)}' is no product that the release lists.",
                    _place(part, "k", lambda f, n=line: _same(f["k"], n)),
                )

    def _check_repeats(self, part: Part) -> None:
        found = bulk.one(
            self.connection,
            f"SELECT min(t), min(i), min(j), min(k) FROM stage GROUP BY {_KEY} "
            "HAVING count(*) > 1 ORDER BY 1, 2, 3, 4 LIMIT 1",
        )
        if found[0] is None:
            return
        key = dict(zip("tijk", found, strict=True))

        def match(frame: pd.DataFrame) -> pd.Series:
            same = pd.Series(True, index=frame.index)
            for name, value in key.items():
                same &= _same(frame[name], value)
            return same

        first, second = bulk.lines_of(part.piece, COLUMNS, match)
        told = ", ".join(f"{name} {value}" for name, value in key.items())
        raise InputError(
            f"there is a second row for {told}; the first is on line {first}.",
            Place(part.piece.label, second),
        )

    def _check_units(self, part: Part) -> None:
        if not self.asked.check_units or self.asked.products is not None:
            return
        count, median = bulk.one(
            self.connection,
            "SELECT count(*), approx_quantile(v / q, 0.5) FROM stage WHERE q > 0 AND v > 0",
        )
        if count >= _ENOUGH and not PLAUSIBLE[0] <= median <= PLAUSIBLE[1]:
            raise InputError(
                f"the median of v over q is {median:.3g}; in thousand USD per tonne it lies "
                f"between {PLAUSIBLE[0]} and {PLAUSIBLE[1]:.0f}. A unit must be wrong (or "
                "give check_units=False).",
                Place(part.piece.label, key="v"),
            )

    def _count(self) -> None:
        tally = self.tally
        row = bulk.one(
            self.connection,
            "SELECT count(*), coalesce(sum(v), 0), count(*) FILTER (q IS NULL), "
            "coalesce(sum(v) FILTER (q IS NULL), 0) FROM stage",
        )
        tally.rows += row[0]
        tally.value += row[1] / 1e3
        tally.unweighed += row[2]
        tally.unweighed_value += row[3] / 1e3
        years = self.connection.execute("SELECT DISTINCT t FROM stage").fetchall()
        tally.years |= {year for (year,) in years}
        for number in self._merged_numbers():
            value = self._one(
                f"SELECT coalesce(sum(v), 0) FROM stage WHERE i = {number} OR j = {number}"
            )
            tally.merged[number] = tally.merged.get(number, 0.0) + value / 1e3

    def _merged_numbers(self) -> list[int]:
        """Numbers in the stage that share their ISO3 with another, or stand for Taiwan."""
        seen = self.connection.execute(
            "SELECT DISTINCT i FROM stage UNION SELECT DISTINCT j FROM stage"
        ).fetchall()
        iso = self.codes.iso
        shared = {n for n in iso if sum(v == iso[n] for v in iso.values()) > 1}
        historic = {n for n in shared if n != min(m for m in iso if iso[m] == iso[n])}
        other = set(OTHER_ASIA.values())
        return sorted(n for (n,) in seen if n in historic or iso[n] in other)

    def _keep(self) -> None:
        """Add the stage to what is kept, with indices for codes, summed where needed."""
        by_product = isinstance(self.asked.by, str) and self.asked.by == "product"
        if by_product:
            label, join = "s.k", ""
        elif self.asked.by == "total":
            label, join = "0", ""
        else:
            self._place_lines()
            label, join = "l.p", "JOIN lines l ON l.k = s.k"
        summed = not by_product or bool(self.tally.merged)
        value, mass = ("sum(s.v)", "sum(s.q)") if summed else ("s.v", "s.q")
        self.connection.execute(
            f"INSERT INTO kept SELECT s.t, a.e, b.e, {label}, {value} / 1000, {mass} "
            f"FROM stage s JOIN codes a ON a.n = s.i JOIN codes b ON b.n = s.j {join} "
            f"{'GROUP BY 1, 2, 3, 4' if summed else ''}"
        )
        self.connection.execute("DROP TABLE stage")

    def _place_lines(self) -> None:
        """A table from lines to labels; what has none is noted with its value."""
        by = self.asked.by
        prefixes = hs.prefixes() if isinstance(by, str) else by
        lines = self.connection.execute("SELECT k, sum(v) / 1000 FROM stage GROUP BY k")
        rows = []
        for line, value in lines.fetchall():
            code = line_text(line)
            label = label_of(code, prefixes)
            if not label:
                self.tally.unplaced[code] = self.tally.unplaced.get(code, 0.0) + value
                continue
            if label not in self.labels:
                self.labels.append(label)
            rows.append(f"({line}, {self.labels.index(label)})")
        self.connection.execute("CREATE OR REPLACE TABLE lines (k INTEGER, p INTEGER)")
        if rows:
            self.connection.execute(f"INSERT INTO lines VALUES {', '.join(rows)}")


def _same(column: pd.Series, number: int) -> pd.Series:
    text = column.str.strip().replace(UNSPECIFIED, str(LEGACY))
    return pd.to_numeric(text, errors="coerce") == number


def _place(part: Part, column: str, match: Any) -> Place:
    lines = bulk.lines_of(part.piece, COLUMNS, match, most=1)
    return Place(part.piece.label, lines[0] if lines else None, column)


def _fault(part: Part) -> InputError:
    """Read the file again, strictly, and say where the first fault is."""
    label = part.piece.label
    try:
        for frame in bulk.frames(part.piece, COLUMNS):
            for name in ("t", "i", "j"):
                frame[name] = to_numbers(frame[name], label, whole=True)
            frame["v"] = to_numbers(frame["v"], label, missing=())
            frame["q"] = to_numbers(frame["q"], label, missing=_MISSING)
            for name in ("v", "q"):
                refuse_below(frame, name, 0.0, label)
            _refuse_outside(frame, part)
    except InputError as told:
        return told
    return InputError("it holds a row that is no flow.", Place(label))


def _refuse_outside(frame: pd.DataFrame, part: Part) -> None:
    span = (part.year or 1900, part.year or 2100)
    line = frame["k"].str.strip().str.fullmatch(rf"\d{{5,6}}|{UNSPECIFIED}")
    country = "it is no number of a country"
    checks = {
        "t": (frame["t"].between(*span), f"the file should hold {part.year or 'years'} only"),
        "i": (frame["i"].between(1, 999), country),
        "j": (frame["j"].between(1, 999), country),
        "k": (line, "it is no six-digit product"),
    }
    refuse_outside(frame, checks, part.piece.label)


def _source(path: Path, part: Part, notes: list[str]) -> SourceRecord:
    """The record; a release that the catalogue does not list is unverified."""
    known = {v.name for v in entry("cepii-baci").vintages}
    name = f"{part.revision} V{part.release}" if part.release else None
    if name in known:
        return record("cepii-baci", name, path, notes)
    told = name or f"{part.revision}, release not stated"
    return replace(record("cepii-baci", None, path, notes), vintage=told, verified=False)


def _frame(
    arrays: dict[str, np.ndarray[Any, Any]], names: list[str], labels: list[str], by: By
) -> pd.DataFrame:
    """Arrays to a table, codes to text; each array is let go once it is used."""
    iso = np.array(names, dtype=object)
    columns = {"year": pd.Series(arrays.pop("t").astype(np.int64))}
    columns["exporter"] = pd.Series(iso[arrays.pop("e")])
    columns["importer"] = pd.Series(iso[arrays.pop("m")])
    product = arrays.pop("p")
    if isinstance(by, str) and by == "product":
        text = np.empty(1_000_000, dtype=object)
        for line in np.unique(product):
            text[line] = line_text(int(line))
        columns["product"] = pd.Series(text[product])
    elif by != "total":
        columns["sector"] = pd.Series(np.array([*labels, ""], dtype=object)[product])
    columns["value"] = pd.Series(arrays.pop("v"))
    columns["quantity"] = pd.Series(arrays.pop("q"))
    table = pd.DataFrame(columns, copy=False)
    keys = [c for c in table.columns if c not in ("value", "quantity")]
    return table if by == "product" else table.sort_values(keys, ignore_index=True)
