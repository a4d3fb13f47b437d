"""Tariffs: WITS / TRAINS downloads, the WTO's files of the same form, and plain csv.

Three forms are read. The *query* form is what WITS's advanced query gives: a row for each
reporter, partner, product and duty type (``AHS`` effectively applied, ``MFN``, ``PRF``
preferential, ``BND`` bound), rates in percent. The *bulk* form is what WITS's bulk download
(AVEMFN, AVEPref, MFN, Pref) and the WTO's Tariff Download Facility give: one file a reporter
and year, ``SimpleAverage`` in percent. A *plain* file has ``importer``, ``exporter``,
``product`` or ``sector``, and ``rate`` (0.10 is 10 %).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.sources.catalogue import record
from detente.sources.elasticities import own_record
from detente.sources.files import embedded_rows, is_zip, members
from detente.sources.reading import (
    read_header,
    read_table,
    refuse_below,
    refuse_duplicates,
)
from detente.sources.record import Sourced, SourceRecord

#: Rate for every partner that has none of its own.
WORLD = "WLD"

#: Codes that WITS still uses, and today's.
OLD_CODES = {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS", "YUG": "SRB", "SER": "SRB"}

#: Which duty is the applied one, the first that a pair has.
DUTIES = ("AHS", "PRF", "MFN")

_QUERY = {
    "nomenclature": ("Selected Nomen", "SelectedNomen"),
    "importer": ("Reporter",),
    "exporter": ("Partner",),
    "product": ("Product",),
    "year": ("Tariff Year", "TariffYear"),
    "duty": ("DutyType", "Duty Type"),
    "rate": ("Simple Average", "SimpleAverage"),
    "weight": ("Imports Value in 1000 USD", "ImportsValuein1000USD"),
}
_BULK = {
    "nomenclature": ("NomenCode",),
    "importer": ("Reporter_ISO_N",),
    "exporter": ("Partner",),
    "product": ("ProductCode",),
    "year": ("Year",),
    "rate": ("SimpleAverage",),
}
_PLAIN = {
    "importer": ("importer", "destination", "reporter"),
    "exporter": ("exporter", "origin", "partner"),
    "product": ("product", "hs", "hs6"),
    "sector": ("sector",),
    "year": ("year",),
    "rate": ("rate", "tariff"),
    "weight": ("weight", "imports"),
    "duty": ("duty",),
}
_COLUMNS = ["importer", "exporter", "product", "year", "rate", "duty", "weight"]
_KEYS = ["importer", "exporter", "product", "year", "duty"]

#: So many rates above zero, and none of 1 % or more, are no percentages.
_ENOUGH = 20

_BENEFICIARIES = re.compile(r"trains.*pref.*ben.*\.(csv|xlsx?)$", re.IGNORECASE)


def read_wits(path: str | Path, *, year: int | None = None, closest: bool = False) -> Sourced:
    """Read tariffs from WITS or from the WTO's Tariff Download Facility.

    Parameters
    ----------
    path : str or Path
        A csv (plain, gzipped, zipped), a zip of several, or a folder of them. In a folder a
        list of TRAINS preference beneficiaries (``TRAINSPreferenceBenficiaries.xls`` or
        .csv, columns ``RegionCode`` and ``Partner``) is used for preferences of groups.
    year : int, optional
        The year wanted; without it the files must hold one only.
    closest : bool
        Take each importer's closest year instead where it has not that one.

    Returns
    -------
    Sourced
        Columns ``importer``, ``exporter`` (ISO3; ``WLD`` for every partner, ``EUN`` for the
        European Union), ``product`` (HS code of 2, 4 or 6 digits), ``year``, ``rate`` (0.10
        is 10 %), ``duty`` (``AHS``, ``PRF`` or ``MFN``), ``weight`` (imports, million USD;
        NaN where the file has none).

    Raises
    ------
    InputError
        A column missing, a nomenclature other than HS, an unknown country, duty or product,
        a row twice, several years: with file and line.
    """
    path = Path(path)
    groups = _beneficiaries(path)
    notes: list[str] = []
    parts = [_piece(piece, groups, notes) for piece in _pieces(path)]
    table = pd.concat(parts, ignore_index=True)
    again = table.duplicated(_KEYS)
    if again.any():
        row = table[again].iloc[0]
        told = ", ".join(f"{key} '{row[key]}'" for key in _KEYS)
        raise InputError(f"two of its files have a row for {told}.", Place(str(path)))
    table = _of_year(table, year, closest, path, notes)
    vintage = f"{table['year'].min()}" if table["year"].nunique() == 1 else "several years"
    source = record("wits-trains", None, path, dict.fromkeys(notes))
    return Sourced(table[_COLUMNS], _dated(source, vintage))


def _dated(source: SourceRecord, years: str) -> SourceRecord:
    return source.noting(f"tariff year: {years}")


# -- the files -------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Piece:
    """A table of text in a file, or in a member of a zip."""

    path: Path
    member: str | None = None


def _pieces(path: Path) -> Iterator[_Piece]:
    """Every csv that the path stands for."""
    if not path.exists():
        raise InputError(f"there is no file or folder '{path}'.")
    found = [path]
    if path.is_dir():
        found = sorted(
            p
            for p in path.iterdir()
            if p.suffix.lower() in (".csv", ".zip", ".gz") and not _BENEFICIARIES.search(p.name)
        )
        if not found:
            raise InputError("the folder holds no csv and no zip.", Place(str(path)))
    for file in found:
        if not is_zip(file):
            yield _Piece(file)
            continue
        inside = [m for m in members(file) if m.lower().endswith((".csv", ".txt"))]
        if not inside:
            raise InputError("the zip holds no csv.", Place(str(file)))
        yield from (_Piece(file, member) for member in inside)


def _piece(piece: _Piece, groups: Mapping[str, list[str]], notes: list[str]) -> pd.DataFrame:
    """One file as a table with standard columns, checked."""
    header = {h.casefold() for h in read_header(piece.path, member=piece.member, sep=None)}
    bulk = "reporter_iso_n" in header
    frame = read_table(
        piece.path,
        columns=_BULK if bulk else _QUERY,
        member=piece.member,
        sep=None,
        whole=("year",),
        numbers=("rate", "weight"),
        optional=("weight", "exporter") if bulk else ("weight",),
        missing=("", "NA", "N/A"),
    )
    notes += frame.attrs["notes"]
    file = piece.path
    _refuse_nomenclature(frame, file)
    if bulk:
        frame = _bulk_partners(frame, groups, file)
    frame = _duties(frame, file, notes)
    for key in ("importer", "exporter"):
        frame[key] = _countries(frame[key], key, file)
    frame["product"] = _products(frame["product"], file)
    frame = _rates(frame, file, notes)
    refuse_duplicates(frame, _KEYS, file)
    if "weight" not in frame:
        frame["weight"] = np.nan
    refuse_below(frame, "weight", 0.0, file)
    frame["weight"] = frame["weight"] / 1000.0  # thousand USD in the file
    return frame


def _refuse_nomenclature(frame: pd.DataFrame, file: Path) -> None:
    other = ~frame["nomenclature"].str.upper().str.fullmatch(r"H[0-9S]?|HS.*").to_numpy(bool)
    if other.any():
        row = int(np.argmax(other))
        raise InputError(
            f"products are in the nomenclature '{frame['nomenclature'].iloc[row]}'; only the "
            "Harmonized System (H0 to H6) is read. Ask WITS for HS.",
            Place(str(file), int(frame.index[row]), "Selected Nomen"),
        )


def _bulk_partners(
    frame: pd.DataFrame, groups: Mapping[str, list[str]], file: Path
) -> pd.DataFrame:
    """MFN for everyone where there is no partner; groups of beneficiaries spelled out."""
    if "exporter" not in frame:
        return frame.assign(exporter="000", duty="MFN")
    frame = frame.assign(duty="PRF")
    code = frame["exporter"].str.strip().str.upper()
    group = ~code.str.fullmatch(r"\d+").to_numpy(bool)
    unknown = group & ~code.isin(list(groups)).to_numpy(bool)
    if unknown.any():
        row = int(np.argmax(unknown))
        raise InputError(
            f"partner '{code.iloc[row]}' is a group of preference beneficiaries. Put WITS's "
            "list TRAINSPreferenceBenficiaries.xls (Support Materials) into the folder of the "
            "tariff files and give the folder.",
            Place(str(file), int(frame.index[row]), "Partner"),
            nearest(str(code.iloc[row]), groups),
        )
    if not group.any():
        return frame
    several = frame[group].assign(exporter=code[group].map(groups)).explode("exporter")
    # a preference of its own goes before one of a group; of several groups the lowest counts
    several = several.sort_values("rate", kind="stable")
    both = pd.concat([frame[~group], several])
    return both[~both.duplicated([k for k in _KEYS if k != "duty"])].sort_index()


def _duties(
    frame: pd.DataFrame, file: Path, notes: list[str], column: str = "DutyType"
) -> pd.DataFrame:
    duty = frame["duty"].str.strip().str.upper()
    wrong = ~duty.isin([*DUTIES, "BND"]).to_numpy(bool)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"'{frame['duty'].iloc[row]}' is no duty type.",
            Place(str(file), int(frame.index[row]), column),
            nearest(str(duty.iloc[row]), (*DUTIES, "BND")),
        )
    bound = (duty == "BND").to_numpy(bool)
    if bound.any():
        notes.append(f"{int(bound.sum()):,} rows of bound rates left out")
    return frame.assign(duty=duty)[~bound]


def _countries(codes: pd.Series, key: str, file: Path) -> pd.Series:
    """ISO3 from ISO3, from an old code, or from the UN's number."""
    text = codes.str.strip().str.upper()
    numbers = numbers_to_iso3()
    unique = {code: _iso3(code, numbers) for code in text.unique()}
    found = text.map(unique)
    unknown = found.isna().to_numpy(bool)
    if unknown.any():
        row = int(np.argmax(unknown))
        raise InputError(
            f"'{text.iloc[row]}' is no country: ISO3 and the UN's three digits are read, "
            "groups are not.",
            Place(str(file), int(codes.index[row]), key),
            nearest(str(text.iloc[row]), set(numbers.values())),
        )
    return found


def _iso3(code: str, numbers: Mapping[str, str]) -> str | None:
    if code.isdigit():
        return numbers.get(code.zfill(3))
    code = OLD_CODES.get(code, code)
    return code if code in set(numbers.values()) else None


@cache
def numbers_to_iso3() -> Mapping[str, str]:
    """The UN's three-digit country number → ISO3 (``918`` → EUN, ``000`` → WLD)."""
    return {row["number"]: row["iso3"] for row in embedded_rows("country_numbers.csv")}


def _products(codes: pd.Series, file: Path) -> pd.Series:
    """HS codes with their leading zeros: an odd number of digits has lost one."""
    text = codes.str.strip()
    bad = ~text.str.fullmatch(r"\d{1,6}").to_numpy(bool)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"'{text.iloc[row]}' is no HS code of two, four or six digits.",
            Place(str(file), int(codes.index[row]), "product"),
        )
    return text.where(text.str.len() % 2 == 0, "0" + text)


def _rates(frame: pd.DataFrame, file: Path, notes: list[str]) -> pd.DataFrame:
    empty = frame["rate"].isna().to_numpy(bool)
    if empty.any():
        notes.append(f"{int(empty.sum()):,} rows without a rate left out")
    frame = frame[~empty]
    low = (frame["rate"] < 0).to_numpy(bool)
    if low.any():
        row = int(np.argmax(low))
        what = f"the rate is {frame['rate'].iloc[row]:g} %; a tariff is not negative."
        raise InputError(what, Place(str(file), int(frame.index[row]), "rate"))
    positive = frame["rate"][frame["rate"] > 0]
    if len(positive) >= _ENOUGH and float(positive.max()) < 1.0:
        raise InputError(
            f"none of its {len(positive):,} rates above zero reaches 1 %: they look like "
            "shares, and these files are in percent (10 % is written 10).",
            Place(str(file), int(positive.index[0]), "rate"),
        )
    return frame.assign(rate=frame["rate"] / 100.0)


def _of_year(
    table: pd.DataFrame, year: int | None, closest: bool, path: Path, notes: list[str]
) -> pd.DataFrame:
    """The rows of one year, or of each importer's closest one."""
    years = sorted(table["year"].unique().tolist())
    if year is None:
        if len(years) > 1:
            told = ", ".join(map(str, years[:8]))
            what = f"it holds several years ({told}); say which one."
            raise InputError(what, Place(str(path), key="year"))
        return table
    if not closest:
        if year not in years:
            told = ", ".join(map(str, years[:8]))
            raise InputError(f"it holds {told}, not {year}.", Place(str(path), key="year"))
        return table[table["year"] == year].reset_index(drop=True)
    has = table[["importer", "year"]].drop_duplicates()
    has = has.assign(gap=(has["year"] - year).abs()).sort_values(["gap", "year"])
    chosen = has.drop_duplicates("importer").set_index("importer")["year"]
    other = chosen[chosen != year]
    if len(other):
        told = ", ".join(f"{c} {y}" for c, y in other.sort_index().iloc[:5].items())
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        notes.append(f"not of {year}, the closest year instead: {told}{more}")
    kept = table["year"] == table["importer"].map(chosen)
    return table[kept].reset_index(drop=True)


def _beneficiaries(path: Path) -> Mapping[str, list[str]]:
    """Group of preference beneficiaries → the UN's numbers of its members."""
    lists = (
        [p for p in sorted(path.iterdir()) if _BENEFICIARIES.search(p.name)]
        if path.is_dir()
        else []
    )
    if not lists:
        return {}
    file = lists[0]
    if file.suffix.lower() == ".csv":
        columns = {"group": ("RegionCode", "Region_Code"), "member": ("Partner",)}
        frame = read_table(file, columns=columns, sep=None)
    else:
        frame = _excel(file)
    group = frame["group"].astype(str).str.strip().str.upper()
    member = frame["member"].astype(str).str.strip().str.replace(r"\.0$", "", regex=True)
    return {str(code): sorted(set(own)) for code, own in member.groupby(group)}


def _excel(file: Path) -> pd.DataFrame:
    try:
        raw = pd.read_excel(file, dtype=str)
    except ImportError:
        raise InputError(
            'reading Excel needs more packages: pip install "detente[data]"; for an .xls save '
            "it as csv.",
            Place(str(file)),
        ) from None
    except (ValueError, OSError) as error:
        raise InputError(f"it is no Excel file: {error}.", Place(str(file))) from None
    names = {str(c).casefold().replace("_", ""): c for c in raw.columns}
    for wanted in ("regioncode", "partner"):
        if wanted not in names:
            what = f"the column is missing; there are {', '.join(map(str, raw.columns))}."
            raise InputError(what, Place(str(file), key=wanted))
    return pd.DataFrame({"group": raw[names["regioncode"]], "member": raw[names["partner"]]})


# -- the European Union --------------------------------------------------------------------
#: Year of accession; the United Kingdom left the customs union at the end of 2020.
_ACCESSION = {
    1958: "BEL DEU FRA ITA LUX NLD",
    1973: "DNK GBR IRL",
    1981: "GRC",
    1986: "ESP PRT",
    1995: "AUT FIN SWE",
    2004: "CYP CZE EST HUN LTU LVA MLT POL SVK SVN",
    2007: "BGR ROU",
    2013: "HRV",
}


def eu_members(year: int) -> tuple[str, ...]:
    """Members of the European Union's customs union in a year, ISO3, sorted."""
    found = {c for since, codes in _ACCESSION.items() if since <= year for c in codes.split()}
    return tuple(sorted(found - {"GBR"} if year > 2020 else found))


# -- a plain file --------------------------------------------------------------------------
def read_tariffs(
    path: str | Path, *, year: int | None = None, closest: bool = False
) -> Sourced:
    """Read tariffs from WITS's forms or from a plain csv, whichever the columns say.

    A plain file has ``importer``, ``exporter``, ``product`` (HS) or ``sector`` (codes of the
    table or of the world), ``rate`` (0.10 is 10 %) and, if wanted, ``year``, ``weight``
    (imports, million USD), ``duty`` (AHS, PRF, MFN); exporter ``WLD`` is the rate for every
    partner that has none of its own.

    Parameters
    ----------
    path, year, closest
        As for :func:`read_wits`.

    Returns
    -------
    Sourced
        As from :func:`read_wits`; ``sector`` instead of ``product`` where the file has it,
        and ``line``, where a plain file has the row.

    Raises
    ------
    InputError
        As for :func:`read_wits`; also rates that look like percent.
    """
    path = Path(path)
    first = next(_pieces(path))
    header = {h.casefold() for h in read_header(first.path, member=first.member, sep=None)}
    if header & {"reporter_iso_n", "selected nomen", "selectednomen", "dutytype"}:
        return read_wits(path, year=year, closest=closest)
    if path.is_dir():
        raise InputError("it is a folder, but not of WITS files.", Place(str(path)))
    several = [piece.member for piece in _pieces(path)]
    if len(several) > 1:
        what = f"it holds {len(several)} tables ({', '.join(map(str, several[:4]))}): give one."
        raise InputError(what, Place(str(path)))
    frame = _plain(path, first.member)
    notes = [*frame.attrs["notes"], *_above_whole(frame["rate"])]
    frame = frame.assign(line=frame.index)
    if "year" in frame:
        frame = _of_year(frame, year, closest, path, notes)
    source = own_record("tariffs, own file", path, notes)
    return Sourced(frame.reset_index(drop=True), source)


def _plain(path: Path, member: str | None) -> pd.DataFrame:
    frame = read_table(
        path,
        columns=_PLAIN,
        member=member,
        sep=None,
        numbers=("rate", "weight"),
        whole=("year",),
        optional=("product", "sector", "year", "weight", "duty"),
    )
    by = [key for key in ("product", "sector") if key in frame]
    if len(by) != 1:
        what = "there must be one column 'product' or 'sector'" + (", not both." if by else ".")
        raise InputError(what, Place(str(path), key="sector"))
    _refuse_percent(frame["rate"], path)
    if by == ["product"]:
        frame["product"] = _products(frame["product"], path)
    for name, value in (("duty", "AHS"), ("weight", np.nan)):
        if name not in frame:
            frame[name] = value
    everyone = frame["exporter"].isin([WORLD, "*", "000"])
    frame["exporter"] = frame["exporter"].mask(everyone, WORLD)
    frame["duty"] = frame["duty"].mask(everyone & (frame["duty"] == "AHS"), "MFN")
    notes = list(frame.attrs["notes"])
    frame = _duties(frame, path, notes, "duty")
    refuse_below(frame, "weight", 0.0, path)
    keys = ["importer", "exporter", *by, *(["year"] if "year" in frame else []), "duty"]
    refuse_duplicates(frame, keys, path)
    frame.attrs["notes"] = tuple(notes)
    return frame


def _above_whole(rate: pd.Series) -> list[str]:
    """What a rate in percent among shares looks like; a few real tariffs do too."""
    high = rate[rate > 1.0]
    if not len(high):
        return []
    line = int(rate.index[int(rate.to_numpy().argmax())])
    return [f"rates above 100 %: {len(high):,}; the largest is {rate.max():.0%} (line {line})"]


def _refuse_percent(rate: pd.Series, path: Path) -> None:
    """Refuse a missing or negative rate, and rates in percent."""
    wrong = ~(rate >= 0)
    if wrong.any():
        line = int(rate.index[int(wrong.to_numpy(bool).argmax())])
        cell = f"{rate[line]:g}" if rate[line] < 0 else "an empty cell"
        what = f"{cell} is no rate: zero or more, 0.10 for 10 %."
        raise InputError(what, Place(str(path), line, "rate"))
    positive = rate[rate > 0]
    if len(positive) and float(positive.median()) >= 1.0:
        line = int(rate.index[int(rate.to_numpy().argmax())])
        raise InputError(
            f"half of the rates are 100 % or more (the largest is {rate.max():.0%}): they look "
            "like percent. 10 % is written 0.10.",
            Place(str(path), line, "rate"),
        )
