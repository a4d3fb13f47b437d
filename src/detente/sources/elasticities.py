"""Trade elasticities θ: Caliendo & Parro (2015), Fontagné et al. (2022), or a file by sector.

θ is the elasticity of what a buyer spends on a supplier to that supplier's trade cost, a
positive number. Caliendo & Parro's is embedded; the others are read from files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from detente.errors import InputError, Place, nearest
from detente.sources.catalogue import record
from detente.sources.files import require_file
from detente.sources.reading import read_header, read_table, refuse_below, refuse_duplicates
from detente.sources.record import Sourced, SourceRecord

#: Petroleum's estimate (64.85) makes a solve stiff and rests on few observations.
PETROLEUM_CAP = 15.0

#: What theta.csv of cp2015 gives every sector that has no estimate of its own.
AGGREGATE = 8.22

#: Concordance from sectors to those of a set: members, or members with weights.
Concordance = Mapping[str, Mapping[str, float] | Sequence[str]]

#: ICIO code → sectors of Caliendo & Parro (ISIC rev. 3), and why where names do not say it.
CP_SECTORS: Mapping[str, tuple[str, ...]] = {
    "A01": ("Agriculture",),
    "A02": ("Agriculture",),
    "A03": ("Agriculture",),  # ISIC rev. 3 divisions 01-05: fishing is in it
    "B05": ("Mining",),
    "B06": ("Mining",),
    "B07": ("Mining",),
    "B08": ("Mining",),
    "B09": ("Mining",),
    "C10T12": ("Food",),
    "C13T15": ("Textile",),
    "C16": ("Wood",),
    "C17_18": ("Paper",),
    "C19": ("Petroleum",),
    "C20": ("Chemicals",),
    "C21": ("Chemicals",),  # ISIC rev. 3 division 24 holds pharmaceuticals
    "C22": ("Plastic",),
    "C23": ("Minerals",),
    "C24A": ("Basic metals",),
    "C24B": ("Basic metals",),
    "C25": ("Metal products",),
    "C26": ("Office", "Communication", "Medical"),  # rev. 4 division 26 = rev. 3 30, 32, 33
    "C27": ("Electrical",),
    "C28": ("Machinery n.e.c",),
    "C29": ("Auto",),
    "C301": ("Other Transport",),
    "C302T309": ("Other Transport",),
    "C31T33": ("Other",),
    "D": ("Electricity",),
    "E": ("Electricity",),
    "F": ("Construction",),
    "G": ("Retail",),
    "H49": ("Land Transport",),
    "H50": ("Water Transport",),
    "H51": ("Air Transport",),
    "H52": ("Aux Transport",),
    "H53": ("Post",),
    "I": ("Hotels",),
    "J58T60": ("Other Business",),
    "J61": ("Post",),  # rev. 3 division 64: post and telecommunications
    "J62_63": ("Computer",),
    "K": ("Finance",),
    "L": ("Real State",),
    "M": ("Other Business",),
    "N": ("Other Business",),
    "O": ("Public",),
    "P": ("Education",),
    "Q": ("Health",),
    "R": ("Other services",),
    "S": ("Other services",),
    "T": ("Private",),
}

_COLUMNS = ("sector", "value", "std_error", "sample", "flag", "note")


# -- Caliendo & Parro ----------------------------------------------------------------------
def caliendo_parro() -> Sourced:
    """The embedded estimates of Caliendo & Parro (2015), 1993.

    Returns
    -------
    Sourced
        Columns ``sector`` (their names), ``value`` (θ), ``std_error``, ``sample``, ``flag``,
        ``note``. Sample ``99`` is the set that their counterfactuals use, for all 40
        sectors: flag ``observed`` where the sector has an estimate, ``pooled`` for goods and
        ``assumed`` for services that have none and take 8.22. Its standard errors are
        derived: the relative error of the full sample times θ; where a sector has no
        estimate, the spread of the estimates over sectors. Sample ``full`` is least squares
        without constant on their triads, robust errors: 18 of 19 sectors as printed.
    """
    path = files("detente.data").joinpath("caliendo_parro.csv")
    table = pd.read_csv(path.open(encoding="utf-8"), dtype={"sample": str})
    table = table[list(_COLUMNS)].assign(note=lambda t: t["note"].fillna(""))
    source = record("caliendo-parro-elasticities", None, "caliendo_parro.csv", checksum=False)
    return Sourced(table, source)


def for_sectors(
    codes: tuple[str, ...],
    concordance: Concordance | None = None,
    *,
    sample: str = "99",
    cap: float = PETROLEUM_CAP,
) -> pd.DataFrame:
    """Caliendo & Parro's θ for other sectors.

    Parameters
    ----------
    codes : tuple of str
        S sectors.
    concordance : mapping, optional
        Code → their sectors, with equal weights, or with the weights given; by default
        :data:`CP_SECTORS`. A code that it lacks takes the pooled value.
    sample : str
        ``99``, or ``full``; what the full sample lacks (services, medical instruments)
        comes from the other.
    cap : float
        Largest θ that petroleum may have.

    Returns
    -------
    DataFrame
        Indexed by code: ``value`` (weighted mean), ``std_error`` (errors of the members are
        taken to be independent), ``flag`` (``observed`` where every member has an estimate,
        ``assumed`` where all take a services default, else ``pooled``), ``note``,
        ``estimate``: whose estimates it rests on, so that a draw can move them together.

    Raises
    ------
    InputError
        An unknown sample, or a sector that is none of theirs, with the nearest.
    """
    table = caliendo_parro().table
    samples = sorted(set(table["sample"]))
    if sample not in samples:
        raise InputError(
            f"there is no sample '{sample}'; there are {', '.join(samples)}.",
            nearest=nearest(sample, samples),
        )
    chosen = table[table["sample"] == sample].set_index("sector")
    rest = table[table["sample"] == "99"].set_index("sector")
    table = pd.concat([chosen, rest.loc[rest.index.difference(chosen.index)]])
    estimate = float(table["value"]["Petroleum"])
    if estimate > cap:
        table.loc["Petroleum", "value"] = cap
        error = float(table["std_error"]["Petroleum"])
        table.loc["Petroleum", "std_error"] = error * cap / estimate
        table.loc["Petroleum", "note"] = f"capped; the estimate is {estimate:g}"
    return combine(codes, CP_SECTORS if concordance is None else concordance, table)


def combine(
    codes: Iterable[str], concordance: Concordance, table: pd.DataFrame
) -> pd.DataFrame:
    """Elasticities of groups from those of their members.

    Parameters
    ----------
    codes : iterable of str
    concordance : mapping
        As for :func:`for_sectors`.
    table : DataFrame
        Indexed by member: ``value``, ``std_error`` (NaN where not known), ``flag`` and
        perhaps ``note`` and ``estimate`` (by default the member's own name).

    Returns
    -------
    DataFrame
        As for :func:`for_sectors`. A code without a known member takes the pooled value:
        the mean of the members that have an estimate, 8.22 for Caliendo & Parro.
    """
    rows = {}
    for code in codes:
        weights = _weights(code, concordance.get(code, ()), table)
        rows[code] = _mean(table, weights) if len(weights) else _pooled(table)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("sector")


def _weights(
    code: str, members: Mapping[str, float] | Sequence[str], table: pd.DataFrame
) -> pd.Series:
    given = dict(members) if isinstance(members, Mapping) else dict.fromkeys(members, 1.0)
    unknown = [m for m in given if m not in table.index]
    if unknown:
        raise InputError(
            f"'{unknown[0]}' of '{code}' is no sector of these elasticities.",
            Place(key=code),
            nearest(unknown[0], map(str, table.index)),
        )
    weights = pd.Series(given, dtype=np.float64)
    if not len(weights):
        return weights
    total = float(weights.sum())
    return weights / total if total > 0 else weights * 0.0 + 1.0 / len(weights)


def _mean(table: pd.DataFrame, weights: pd.Series) -> dict[str, object]:
    part = table.loc[weights.index]
    error = np.sqrt(((weights * part["std_error"]) ** 2).sum(skipna=False))
    flags = set(part["flag"])
    notes = [n for n in part.get("note", pd.Series(dtype=str)) if n]
    named = part.get("estimate", part.index)
    estimates = {e for name in named for e in str(name).split(" + ")}
    return {
        "value": float((weights * part["value"]).sum()),
        "std_error": float(error),
        "flag": flags.pop() if len(flags) == 1 else "pooled",
        "note": "; ".join(dict.fromkeys(notes)),
        "estimate": " + ".join(sorted(estimates)),
    }


def _pooled(table: pd.DataFrame) -> dict[str, object]:
    """What stands for a sector of which nothing is known."""
    pooled = table[table["flag"] == "pooled"]
    if len(pooled):
        first = pooled.iloc[0]
        value, error = float(first["value"]), float(first["std_error"])
    else:
        value, error = spread(table[table["flag"] == "observed"]["value"])
    return {
        "value": value,
        "std_error": error,
        "flag": "pooled",
        "note": "no concordance",
        "estimate": "pooled",
    }


def spread(values: pd.Series) -> tuple[float, float]:
    """Mean and standard deviation over sectors: a sector of which nothing is known."""
    deviation = float(values.std()) if len(values) > 1 else np.nan
    return float(values.mean()), deviation


# -- Fontagné, Guimbard & Orefice ------------------------------------------------------------
#: Spellings of the published files: csv of CEPII (2022), dta of the authors (2021).
_PROTEE = {
    "product": ("HS6", "hs6"),
    "tariff_coefficient": ("sigma",),
    "trade_elasticity": ("epsilon_pt", "epsilon", "Elasticity"),
    "zero": ("zero",),
    "positive": ("positive",),
}


def read_protee(path: str | Path, *, member: str | None = None) -> Sourced:
    """Read Fontagné, Guimbard & Orefice's elasticities by HS6 product (revision 2007).

    CEPII's csv (``HS6,zero,positive,sigma``) holds the coefficient of ln(1 + tariff), which
    is −σ: θ = σ − 1. That ``sigma`` is this coefficient, and not 1 − σ, is read from its
    name, from the authors' notation, and from its mode at −6 where the paper centres 1 − σ
    at −5; CEPII's page does not say it. The authors' dta has ``epsilon_pt`` = 1 − σ.

    Parameters
    ----------
    path : str or Path
        ``ProTEE_0_1.csv``, plain, gzipped or zipped, or ``elasticity_for_publication_*.dta``.
    member : str, optional
        Member of a zip.

    Returns
    -------
    Sourced
        Columns ``product`` (HS6), ``value`` (θ), ``std_error`` (NaN: the file has none),
        ``flag``: ``observed``, or ``pooled`` where the authors put the mean of the heading
        for an estimate that was not significant at 1 % or had the wrong sign. Products
        without a number, or with θ ≤ 0, are left out and counted in the notes.

    Raises
    ------
    InputError
        A column missing, a product twice, a code or number that is none, each with its
        line.
    """
    frame, notes = _protee_frame(Path(path), member)
    bad = ~frame["product"].str.fullmatch(r"\d{5,6}")
    if bad.any():
        line = frame.index[int(bad.to_numpy().argmax())]
        what = f"'{frame['product'][line]}' is no HS6 code."
        raise InputError(what, Place(str(path), int(line), "HS6"))
    frame = frame.assign(product=frame["product"].str.zfill(6))
    refuse_duplicates(frame, ["product"], path)
    if "tariff_coefficient" in frame:
        value = -frame["tariff_coefficient"] - 1.0
    else:
        value = -frame["trade_elasticity"]
    replaced = (frame["zero"] != 0) | (frame["positive"] != 0)
    _refuse_wrong_sign(value, replaced, path)
    table = pd.DataFrame(
        {
            "product": frame["product"],
            "value": value,
            "std_error": np.nan,
            "flag": np.where(replaced, "pooled", "observed"),
        }
    )
    empty, low = table["value"].isna(), table["value"] <= 0
    notes += (
        f"{len(table):,} products; {int(empty.sum())} without a number and {int(low.sum())} "
        f"with θ ≤ 0 left out; {int((replaced & ~empty).sum())} take their heading's mean",
    )
    kept = table[~empty & ~low].reset_index(drop=True)
    vintage = "2021 dta" if Path(path).suffix == ".dta" else "0.1"
    return Sourced(kept, record("fontagne-elasticities", vintage, path, notes))


def _protee_frame(path: Path, member: str | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if path.suffix != ".dta":
        frame = read_table(
            path,
            columns=_PROTEE,
            member=member,
            numbers=("tariff_coefficient", "trade_elasticity", "zero", "positive"),
            optional=("tariff_coefficient", "trade_elasticity"),
            missing=("", ".", "NA"),
        )
        notes = tuple(frame.attrs["notes"])
    else:
        frame, notes = _stata(path), ()
    if not {"tariff_coefficient", "trade_elasticity"} & set(frame.columns):
        what = "there is no column 'sigma' or 'epsilon_pt'."
        raise InputError(what, Place(str(path), key="sigma"))
    return frame, notes


def _stata(path: Path) -> pd.DataFrame:
    require_file(path)
    try:
        raw = pd.read_stata(path)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"it is no Stata file: {error}.", Place(str(path))) from None
    found = {}
    for name, spellings in _PROTEE.items():
        there = [s for s in spellings if s in raw.columns]
        if there:
            found[name] = raw[there[0]]
    for name in ("product", "zero", "positive"):
        if name not in found:
            what = f"the column is missing; there are {', '.join(map(str, raw.columns))}."
            raise InputError(what, Place(str(path), key=_PROTEE[name][0]))
    frame = pd.DataFrame(found)
    code = pd.to_numeric(frame["product"], errors="coerce").astype("Int64").astype("string")
    frame["product"] = code.fillna(frame["product"].astype("string"))
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1), axis="index")


def _refuse_wrong_sign(value: pd.Series, replaced: pd.Series, path: str | Path) -> None:
    """Refuse a file of positive numbers: it would give θ below zero without a word."""
    own = value[~replaced].dropna()
    if len(own) and float((own < 0).mean()) > 0.5:
        raise InputError(
            "most elasticities have the wrong sign: the published file has negative numbers.",
            Place(str(path), key="sigma"),
        )


# -- a file by sector ------------------------------------------------------------------------
def read_sector_elasticities(path: str | Path, *, member: str | None = None) -> Sourced:
    """Read a csv with ``sector``, ``value`` (θ > 0) and perhaps ``std_error``.

    Returns
    -------
    Sourced
        Columns ``sector``, ``value``, ``std_error`` (NaN where not known), ``flag`` and
        ``line``, where the file has the row.

    Raises
    ------
    InputError
        A column missing, a sector twice, a value that is not above zero, an error below
        zero, each with its line.
    """
    frame = read_table(
        path,
        columns={
            "sector": ("sector", "code", "industry"),
            "value": ("value", "theta", "elasticity", "trade_elasticity"),
            "std_error": ("std_error", "se"),
        },
        member=member,
        sep=None,
        numbers=("value", "std_error"),
        optional=("std_error",),
    )
    refuse_duplicates(frame, ["sector"], path)
    wrong = ~(frame["value"] > 0)
    if wrong.any():
        line = frame.index[int(wrong.to_numpy().argmax())]
        value = frame["value"][line]
        cell = "an empty cell" if np.isnan(value) else f"{value:g}"
        what = f"{cell} is no elasticity: θ is a positive number."
        raise InputError(what, Place(str(path), int(line), "value"))
    if "std_error" not in frame:
        frame["std_error"] = np.nan
    refuse_below(frame, "std_error", 0.0, path)
    table = frame[["sector", "value", "std_error"]].assign(flag="observed", line=frame.index)
    return Sourced(table.reset_index(drop=True), own_record("elasticities by sector", path))


def own_record(title: str, path: str | Path, notes: Iterable[str] = ()) -> SourceRecord:
    """The record of a user's own file, which no catalogue lists."""
    return SourceRecord(
        name="own file",
        title=title,
        vintage="",
        citation=Path(path).name,
        licence="the user's own",
        verified=True,
        file=Path(path).name,
        notes=tuple(notes),
    )


def read_elasticities(path: str | Path) -> Sourced:
    """Read a file of elasticities, by product or by sector, whichever its columns say.

    Raises
    ------
    InputError
        As for :func:`read_protee` and :func:`read_sector_elasticities`.
    """
    path = Path(path)
    require_file(path)
    if path.suffix == ".dta":
        return read_protee(path)
    header = {name.casefold() for name in read_header(path, sep=None)}
    return read_protee(path) if "hs6" in header else read_sector_elasticities(path)
