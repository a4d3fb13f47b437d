"""UN Comtrade: csv of the API and of the website, with today's and yesterday's columns.

Both sides may report a flow. Which report is kept is a choice that is stated: importers'
reports (CIF) first, exporters' (FOB) where there is none, so that a country which reports
nothing is seen through its partners.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from detente.errors import InputError, Place
from detente.sources.catalogue import record
from detente.sources.checking import counted, listed, refuse_below, refuse_duplicates
from detente.sources.files import opened
from detente.sources.reading import read_header, read_table
from detente.sources.record import Sourced

#: Standard name → today's column, and the one before 2023.
COLUMNS = {
    "classification": ("classificationCode", "Classification"),
    "year": ("refYear", "Year"),
    "period": ("period", "Period"),
    "frequency": ("freqCode",),
    "flow": ("flowCode", "Trade Flow Code", "flowDesc", "Trade Flow"),
    "reporter": ("reporterISO", "Reporter ISO"),
    "partner": ("partnerISO", "Partner ISO"),
    "second_partner": ("partner2Code", "2nd Partner Code"),
    "customs": ("customsCode", "Customs Proc. Code"),
    "transport": ("motCode", "Mode of Transport Code"),
    "product": ("cmdCode", "Commodity Code"),
    "value": ("primaryValue", "Trade Value (US$)"),
    "weight": ("netWgt", "Netweight (kg)"),
}
_NEEDED = ("year", "flow", "reporter", "partner", "product", "value")
_WORLD = ("W00", "WLD", "ALL")
_FLOWS = {
    "M": "import",
    "IMPORT": "import",
    "IMPORTS": "import",
    "1": "import",
    "X": "export",
    "EXPORT": "export",
    "EXPORTS": "export",
    "2": "export",
    "RX": "re-export",
    "RE-EXPORT": "re-export",
    "RE-EXPORTS": "re-export",
    "3": "re-export",
    "RM": "re-import",
    "RE-IMPORT": "re-import",
    "RE-IMPORTS": "re-import",
    "4": "re-import",
}
#: What stands for "all of them" in columns that break a flow down.
_TOTALS = {
    "second_partner": ("", "0"),
    "customs": ("", "C00", "0"),
    "transport": ("", "0"),
}
_MISSING = ("", "N/A", "NULL")
#: Bytes of a line that are looked at; csv's own limit of a cell is not far above.
_LONGEST = 100_000
#: Partners and reporters of three letters that are several countries.
_GROUPS = ("EUR",)
_TAIWAN = "S19"
_KEYS = ["year", "exporter", "importer", "product"]

Reports = Literal["importers-first", "exporters-first", "importers", "exporters", "both"]
Level = Literal["total", 2, 4, 6]


def read_comtrade(
    path: str | Path,
    *,
    member: str | None = None,
    reports: Reports = "importers-first",
    level: Level | None = None,
) -> Sourced:
    """Read one csv of UN Comtrade, plain, gzipped or in a zip.

    Parameters
    ----------
    path : str or Path
        Annual data; of today's API and website (``refYear``, ``reporterISO``, ``flowCode``,
        ``cmdCode``, ``primaryValue`` …) or of those before 2023 (``Year``, ``Reporter ISO``,
        ``Trade Flow``, ``Commodity Code``, ``Trade Value (US$)`` …).
    member : str, optional
        Of a zip with several files.
    reports : str
        Whose report of a flow is kept. ``both`` keeps both: sums over the table then count
        most flows twice.
    level : {"total", 2, 4, 6}, optional
        Needed where the file mixes levels of the product code: their sum would count every
        flow several times.

    Returns
    -------
    Sourced
        ``year``, ``exporter``, ``importer`` (ISO3), ``product`` (``TOTAL`` or HS digits, as
        text), ``value`` (million USD), ``quantity`` (tonnes, net weight), ``reported_by``
        (``importer`` or ``exporter``).

    Raises
    ------
    InputError
        A missing column, codes without ISO3, monthly data, an unknown flow, mixed product
        levels, HS beside another classification, breakdowns without their total, a negative
        value, two rows for one report: with the line.
    """
    path = Path(path)
    notes = ["value: USD in the file, million USD here; net weight: kg there, tonnes here"]
    table = _read(path, member, notes)
    _refuse_monthly(table, path)
    _refuse_other_lists(table, path, notes)
    table = _totals_only(table, path, notes)
    table = _directed(table, path, notes)
    table = _one_level(table, level, path, notes)
    refuse_duplicates(table, [*_KEYS, "reported_by"], path)
    if table.empty:
        raise InputError(
            "no flow between two countries is left in it: "
            f"{'; '.join(notes[1:]) or 'there are no rows'}.",
            Place(str(path)),
        )
    table = _chosen(table, reports, notes)
    table = table.sort_values([*_KEYS, "reported_by"]).reset_index(drop=True)
    source = record("un-comtrade", None, path, notes)
    if any("before 2023" in note for note in notes):
        source = replace(source, vintage="legacy", verified=False)
    return Sourced(table, source)


def _read(path: Path, member: str | None, notes: list[str]) -> pd.DataFrame:
    """The columns that matter, as text and numbers, indexed by line."""
    with opened(path, member) as stream:
        if len(stream.readline(_LONGEST)) == _LONGEST:
            what = f"its first line has {_LONGEST:,} characters or more: it is no table."
            raise InputError(what, Place(str(path), 1))
    header = {name.casefold() for name in read_header(path, member=member)}
    if not header & {"flowcode", "flowdesc"} and header & {"trade flow", "trade flow code"}:
        notes.append("the columns are those of before 2023")
    with _without_last_comma(path, member, notes) as (text, inside):
        try:
            table = read_table(
                text,
                member=inside,
                columns=COLUMNS,
                optional=[c for c in COLUMNS if c not in _NEEDED],
                whole=["year"],
                numbers=["value", "weight"],
                missing=_MISSING,
            )
        except InputError as error:
            if text == path or error.place is None:
                raise
            raise InputError(
                error.what, replace(error.place, file=str(path)), error.nearest
            ) from None
    notes += table.attrs["notes"]
    for side in ("reporter", "partner"):
        table[side] = table[side].str.strip().str.upper()
        bare = (table[side] == "").to_numpy(dtype=bool)
        if bare.any():
            raise InputError(
                "the ISO3 code is missing: ask the API with includeDesc=true.",
                Place(str(path), int(table.index[bare][0]), COLUMNS[side][0]),
            )
    empty = table["value"].isna()
    if empty.any():
        notes.append(f"{counted(int(empty.sum()), 'row has', 'rows have')} no value: dropped")
    table = table[~empty]
    refuse_below(table, "value", 0.0, path)
    return table


@contextmanager
def _without_last_comma(
    path: Path, member: str | None, notes: list[str]
) -> Iterator[tuple[Path, str | None]]:
    """The website's csv ends each row, but not its header, with a comma too many."""
    with opened(path, member) as stream:
        lines = [stream.readline(_LONGEST).decode("latin-1") for _ in range(2)]
    cells = [next(csv.reader([line.rstrip("\r\n")]), []) for line in lines]
    if len(cells[1]) != len(cells[0]) + 1 or cells[1][-1]:
        yield path, member
        return
    notes.append("each row ends with a comma that the header lacks: left out")
    with tempfile.TemporaryDirectory(prefix="detente-") as scratch:
        clean = Path(scratch) / "comtrade.csv"
        with opened(path, member) as stream, clean.open("wb") as out:
            out.write(stream.readline().rstrip(b"\r\n") + b",_\n")
            for line in stream:
                out.write(line)
        yield clean, None


def _refuse_monthly(table: pd.DataFrame, path: Path) -> None:
    """Months are not summed: a year of which some are missing would look whole."""
    monthly = pd.Series(False, index=table.index)
    if "frequency" in table:
        monthly |= table["frequency"].str.strip().str.upper() == "M"
    if "period" in table:
        monthly |= table["period"].str.strip().str.len() == 6
    found = monthly.to_numpy(dtype=bool)
    if found.any():
        raise InputError(
            "it holds monthly data; ask for annual data (freqCode A).",
            Place(str(path), int(table.index[found][0])),
        )


def _refuse_other_lists(table: pd.DataFrame, path: Path, notes: list[str]) -> None:
    """HS editions differ by reporter and are noted; SITC or BEC beside HS is refused."""
    if "classification" not in table:
        return
    code = table["classification"].str.strip().str.upper()
    harmonized = code.str.fullmatch(r"H\d|HS")
    if not harmonized.all():
        row = table.index[~harmonized.to_numpy(dtype=bool)][0]
        raise InputError(
            f"'{code.loc[row]}' is no edition of HS; products would not compare.",
            Place(str(path), int(row), "classification"),
        )
    editions = code.value_counts().sort_index()
    if len(editions) > 1:
        told = ", ".join(f"{c} ({n:,} rows)" for c, n in editions.items())
        notes.append(f"reporters use several editions of HS: {told}")


def _totals_only(table: pd.DataFrame, path: Path, notes: list[str]) -> pd.DataFrame:
    """Rows for all customs procedures, modes of transport and second partners."""
    whole = pd.Series(True, index=table.index)
    for name, codes in _TOTALS.items():
        if name in table:
            whole &= table[name].str.strip().isin(codes)
    if not whole.any() and len(table):
        raise InputError(
            "every row is a part of a flow (by customs procedure, mode of transport or second "
            "partner), and none is a whole one; ask for customsCode C00, motCode 0 and "
            "partner2Code 0.",
            Place(str(path), int(table.index[0])),
        )
    parts = int((~whole).sum())
    if parts:
        notes.append(
            f"{counted(parts, 'row', 'rows')} by customs procedure, mode of transport or "
            "second partner left out; their totals are kept"
        )
    notes += _without_total(table, whole)
    return table[whole]


def _without_total(table: pd.DataFrame, whole: pd.Series) -> list[str]:
    """Flows that the file has in parts alone; adding parts up could count some twice."""
    keys = ["year", "reporter", "flow", "partner", "product"]
    known = pd.MultiIndex.from_frame(table.loc[whole, keys])
    lost = table[~whole]
    lost = lost[~pd.MultiIndex.from_frame(lost[keys]).isin(known)]
    if lost.empty:
        return []
    flows = len(lost.drop_duplicates(keys))
    return [
        f"{counted(flows, 'flow is', 'flows are')} there in parts alone, without a total, and "
        f"left out: at most {lost['value'].sum() / 1e6:,.1f} million USD; ask for customsCode "
        "C00, motCode 0 and partner2Code 0"
    ]


def _directed(table: pd.DataFrame, path: Path, notes: list[str]) -> pd.DataFrame:
    """From reporter and partner to exporter and importer; the world is no partner."""
    flow = _flows(table, path)
    again = int(flow.isin(["re-export", "re-import"]).sum())
    if again:
        notes.append(
            f"{counted(again, 'row', 'rows')} of re-exports and re-imports left out: exports "
            "and imports hold them already"
        )
    world = table["partner"].isin(_WORLD) | table["reporter"].isin(_WORLD)
    if world.any():
        notes.append(f"{counted(int(world.sum()), 'row', 'rows')} with the world left out")
    own = flow.isin(["import", "export"]) & ~world & (table["partner"] == table["reporter"])
    if own.any():
        amount = float(table.loc[own, "value"].sum()) / 1e6
        notes.append(
            f"{counted(int(own.sum()), 'row', 'rows')} of a country with itself (goods that "
            f"come back, no domestic trade) left out: {amount:,.1f} million USD"
        )
    kept = flow.isin(["import", "export"]) & ~world & ~own
    table, flow = table[kept], flow[kept]
    importing = flow == "import"
    found = pd.DataFrame(
        {
            "year": table["year"],
            "exporter": table["partner"].where(importing, table["reporter"]),
            "importer": table["reporter"].where(importing, table["partner"]),
            "product": table["product"].str.strip().str.upper(),
            "value": table["value"] / 1e6,
            "quantity": table["weight"] / 1e3 if "weight" in table else float("nan"),
            "reported_by": importing.map({True: "importer", False: "exporter"}),
        },
        index=table.index,
    )
    found["quantity"] = found["quantity"].where(found["quantity"] > 0)
    other = (found[["exporter", "importer"]] == _TAIWAN).any(axis=1)
    if other.any():
        amount = float(found.loc[other, "value"].sum())
        notes.append(f"S19 'Other Asia, nes' counts as TWN: {amount:,.1f} million USD")
        sides = ["exporter", "importer"]
        found[sides] = found[sides].replace(_TAIWAN, "TWN")
    return found.pipe(_noting_areas, notes)


def _flows(table: pd.DataFrame, path: Path) -> pd.Series:
    flow = table["flow"].str.strip().str.upper().map(_FLOWS)
    unknown = flow.isna().to_numpy(dtype=bool)
    if unknown.any():
        row = table.index[unknown][0]
        raise InputError(
            f"'{table['flow'].loc[row]}' is no flow that is known: M, X, RX, RM.",
            Place(str(path), int(row), "flow"),
        )
    return flow


def _noting_areas(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Codes that are no country's, such as ``A59`` or ``EUR``, stay and are noted."""
    sides = pd.concat([table["exporter"], table["importer"]])
    areas = sorted(set(sides[~sides.str.fullmatch("[A-Z]{3}") | sides.isin(_GROUPS)]))
    if areas:
        rows = table["exporter"].isin(areas) | table["importer"].isin(areas)
        amount = float(table.loc[rows, "value"].sum())
        notes.append(
            f"partners that are no country: {listed(areas)}; {amount:,.1f} million USD"
        )
    return table


def _one_level(
    table: pd.DataFrame, level: Level | None, path: Path, notes: list[str]
) -> pd.DataFrame:
    total = table["product"] == "TOTAL"
    digits = table["product"].str.len().where(~total, 0).astype(int)
    odd = ~total & ~table["product"].str.fullmatch(r"\d{1,6}")
    odd &= table["product"].str[:4] != "9999"
    if odd.any():
        row = table.index[odd.to_numpy(dtype=bool)][0]
        raise InputError(
            f"'{table['product'].loc[row]}' is no HS code of two, four or six digits.",
            Place(str(path), int(row), "product"),
        )
    lost = digits.isin([1, 3, 5])
    if lost.any():
        table = table.assign(product=table["product"].where(~lost, "0" + table["product"]))
        notes.append(f"{counted(int(lost.sum()), 'product', 'products')} got a lost zero back")
        digits = digits + lost
    there = sorted(set(digits))
    names = {0: "total", 2: "2", 4: "4", 6: "6"}
    told = listed([names[d] for d in there])
    if level is None:
        if len(there) > 1:
            raise InputError(
                f"it mixes levels of products ({told}): choose one with level=.",
                Place(str(path)),
            )
        return table
    wanted = 0 if level == "total" else int(level)
    if wanted not in there:
        raise InputError(f"it has no level '{level}'; there are {told}.", Place(str(path)))
    return table[digits == wanted]


def _chosen(table: pd.DataFrame, reports: Reports, notes: list[str]) -> pd.DataFrame:
    """One report of each flow, as asked for."""
    sides = {"importers": "importer", "exporters": "exporter"}
    if reports == "both":
        notes.append("both sides' reports are kept: most flows are there twice")
        return table
    if reports in sides:
        kept = table[table["reported_by"] == sides[reports]]
        notes.append(f"only {reports}' reports are kept: {len(kept):,} of {len(table):,} rows")
        return kept
    if reports not in ("importers-first", "exporters-first"):
        raise InputError(
            f"reports='{reports}' is unknown: importers-first, exporters-first, importers, "
            "exporters or both."
        )
    first = sides[reports.removesuffix("-first")]
    order = (table["reported_by"] != first).astype(int)
    kept = table.assign(order=order).sort_values("order", kind="stable")
    kept = kept.drop_duplicates(_KEYS).drop(columns="order")
    count = kept["reported_by"].value_counts()
    second = len(table) - len(kept)
    notes.append(
        f"{count.get('importer', 0):,} flows as importers report them (CIF), "
        f"{count.get('exporter', 0):,} as exporters do (FOB); {second:,} second ones left out"
    )
    return kept
