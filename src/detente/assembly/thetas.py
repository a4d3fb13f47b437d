"""Trade elasticities of a world's sectors: from a named set, a file, a table or a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detente.assembly.aggregation import Groups
from detente.assembly.changes import Change
from detente.assembly.concordance import by_industry, cp_concordance, goods, hs_industries
from detente.errors import InputError, Place, nearest
from detente.sources.elasticities import (
    caliendo_parro,
    combine,
    for_sectors,
    own_record,
    read_elasticities,
    spread,
)
from detente.sources.iotable import IOTable
from detente.sources.record import Sourced, SourceRecord

CALIENDO_PARRO = "caliendo-parro"
NAMES = (CALIENDO_PARRO,)

#: Names of sets that are read from a file first.
FROM_FILE = {"fontagne": "fontagne-elasticities", "protee": "fontagne-elasticities"}

#: What an elasticity may be: below, a price moves nothing; above, goods are the same.
LEAST, MOST = 0.05, 100.0

#: Least weight of an industry in its group's mean, over all exports (1 in 20 million).
_TRIFLE = 5e-8

Choice = str | float | Path | Sourced | pd.DataFrame | Mapping[str, float]


@dataclass(frozen=True)
class Thetas:
    """Elasticities of a world's sectors.

    Attributes
    ----------
    table : DataFrame
        Indexed by sector: ``value``, ``std_error`` (NaN where not known), ``flag``
        (``observed``, ``pooled``, ``assumed``), ``note``, ``estimate``.
    source : SourceRecord or None
        None for one number.
    changes : tuple of Change
    """

    table: pd.DataFrame
    source: SourceRecord | None
    changes: tuple[Change, ...]


def read_choice(choice: Choice) -> float | Sourced | str:
    """A number, a named set, or a table; files are read, so that errors come early.

    Raises
    ------
    InputError
        An unknown name with the nearest, a file that cannot be used, a number that is not
        above zero, one outside 0.05 to 100: with file and line.
    """
    if isinstance(choice, Sourced):
        return _in_range(choice)
    if isinstance(choice, pd.DataFrame | Mapping):
        return _in_range(_own(choice))
    if isinstance(choice, str | Path):
        text = str(choice)
        if text in NAMES:
            return text
        if text in FROM_FILE:
            raise InputError(
                f"the elasticities '{text}' do not come with detente: 'detente fetch "
                f"{FROM_FILE[text]}' gets the file; give its path."
            )
        try:
            number = float(text)
        except ValueError:
            if not text or not (Path(text).exists() or "/" in text or "." in text):
                raise InputError(
                    f"there are no elasticities '{text}': a name ({', '.join(NAMES)}), a "
                    "file, or a number.",
                    nearest=nearest(text, (*NAMES, *FROM_FILE)),
                ) from None
            return _in_range(read_elasticities(text))
        choice = number
    if not (np.isfinite(choice) and choice > 0):
        raise InputError(f"an elasticity is a positive number, not {choice:g}.")
    if not LEAST <= choice <= MOST:
        raise InputError(_outside(float(choice)))
    return float(choice)


def _outside(value: float, sector: str = "") -> str:
    whose = f"the elasticity of {sector}" if sector else "the elasticity"
    return f"{whose} is {value:.10g}; θ is from {LEAST:g} to {MOST:g}."


def _in_range(given: Sourced) -> Sourced:
    """The set, if every sector's θ may be one; of products, only the means have to be."""
    frame = given.table
    if "sector" not in frame:
        return given
    wrong = ~frame["value"].between(LEAST, MOST).to_numpy(dtype=np.bool_)
    if wrong.any():
        row = frame.iloc[int(np.argmax(wrong))]
        line = int(row["line"]) if "line" in frame else None
        place = Place(given.source.file, line, "value") if line else None
        raise InputError(_outside(float(row["value"]), str(row["sector"])), place)
    return given


def _own(choice: pd.DataFrame | Mapping[str, float]) -> Sourced:
    if isinstance(choice, Mapping):
        choice = pd.DataFrame(list(choice.items()), columns=["sector", "value"])
    frame = choice.copy()
    if not {"sector", "value"} <= set(frame.columns):
        raise InputError("elasticities need the columns 'sector' and 'value'.")
    if not (frame["value"] > 0).all():
        raise InputError("an elasticity is a positive number.")
    for key, value in (("std_error", np.nan), ("flag", "observed")):
        if key not in frame:
            frame[key] = value
    return Sourced(frame, own_record("elasticities by sector", "given"))


def world_thetas(
    choice: float | Sourced | str, table: IOTable, groups: tuple[Groups, Groups]
) -> Thetas:
    """Elasticities of the sectors of the world.

    A group takes the mean of its members, weighted by what they sell abroad. A sector of
    which the set says nothing takes the pooled value (goods) or the default (services).

    Parameters
    ----------
    choice : float, Sourced or str
        As :func:`read_choice` gives it.
    table : IOTable
        Before aggregation.
    groups : tuple of Groups
        Countries and sectors of the world.

    Raises
    ------
    InputError
        A sector of the file that neither table nor world has; industries without a known
        concordance.
    """
    labels = groups[1].labels
    if isinstance(choice, float):
        what = f"one elasticity for every sector: {choice:g}"
        frame = pd.DataFrame(
            {
                "value": choice,
                "std_error": np.nan,
                "flag": "assumed",
                "note": "one number",
                "estimate": "one number",
            },
            index=pd.Index(labels, name="sector"),
        )
        return Thetas(frame, None, (Change("elasticities", "assumed", what),))
    members = groups[1].members(table.sectors)
    if isinstance(choice, str):
        frame, source = _caliendo_parro(table), caliendo_parro().source
    else:
        source = choice.source
        if "sector" in choice.table and set(choice.table["sector"]) <= set(labels):
            frame = _by_sector(choice.table, labels, ())
            members = {label: (label,) for label in labels}
        elif "sector" in choice.table:
            file = source.file if "line" in choice.table else ""
            frame = _by_sector(choice.table, table.sectors, labels, file)
        else:
            frame = _by_product(choice.table, table.sectors, source.file)
    weights = pd.Series(_sold_abroad(table), index=list(table.sectors))
    concordance = {
        label: {m: float(weights.get(m, 1.0)) for m in own} for label, own in members.items()
    }
    found = combine(labels, concordance, frame)
    return Thetas(found, source, tuple(_told(found)))


def _sold_abroad(table: IOTable) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Exports of each industry, at least a trifle: whatever the unit of money."""
    flows = np.maximum(table.intermediate + table.final, 0.0)
    abroad = flows.sum(axis=(1, 2)) - np.einsum("sii->s", flows)
    least = _TRIFLE * float(abroad.sum()) or 1.0
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = np.maximum(abroad, least)
    return found


def _caliendo_parro(table: IOTable) -> pd.DataFrame:
    concordance = cp_concordance(table.sectors)
    if not concordance:
        raise InputError(
            f"the industries of the table ({', '.join(table.sectors[:4])} …) have no known "
            "concordance with Caliendo & Parro's sectors; give elasticities by sector in a "
            "file, or one number."
        )
    return for_sectors(table.sectors, concordance)


def _by_sector(
    given: pd.DataFrame, sectors: tuple[str, ...], others: tuple[str, ...], file: str = ""
) -> pd.DataFrame:
    """A file by the table's industries; the rest pooled. ``file``: where ``line`` counts."""
    unknown = [c for c in given["sector"] if c not in sectors]
    if unknown:
        known = [*sectors, *others]
        line = int(given["line"][given["sector"] == unknown[0]].iloc[0]) if file else None
        raise InputError(
            f"the elasticities name the sector '{unknown[0]}', which is none of the "
            f"{'table' if others else 'world'}'s ({len(unknown)} such).",
            Place(file, line, "sector") if file else None,
            nearest(str(unknown[0]), known),
        )
    return _completed(given.set_index("sector"), sectors)


def _by_product(given: pd.DataFrame, sectors: tuple[str, ...], file: str) -> pd.DataFrame:
    """Simple means over HS products; the error is that of the mean over products."""
    if not by_industry(sectors):
        raise InputError(
            f"the industries of the table ({', '.join(sectors[:4])} …) have no known "
            "concordance with HS products; give elasticities by sector."
        )
    industries = hs_industries(given["product"], sectors)
    rows = given.assign(sector=given["product"].map(industries)).explode("sector")
    by = rows[rows["sector"].notna()].groupby("sector")["value"]
    frame = pd.DataFrame({"value": by.mean(), "std_error": by.std() / np.sqrt(by.size())})
    wrong = frame[~frame["value"].between(LEAST, MOST)]
    if len(wrong):
        value, code = float(wrong["value"].iloc[0]), str(wrong.index[0])
        raise InputError(f"over products, {_outside(value, code)}", Place(file or None))
    note = [f"mean of {n} products; error: their spread over √{n}" for n in by.size()]
    return _completed(frame.assign(flag="observed", note=note), sectors)


def _completed(frame: pd.DataFrame, sectors: tuple[str, ...]) -> pd.DataFrame:
    """Sectors that the set lacks: the mean over those that it has."""
    value, error = spread(frame["value"])
    made = goods(sectors)
    rows = [
        {
            "sector": code,
            "value": value,
            "std_error": error,
            "flag": "pooled" if code in made or not made else "assumed",
            "note": "not in the set: its mean",
            "estimate": "pooled",
        }
        for code in sectors
        if code not in frame.index
    ]
    frame = frame.assign(note=frame.get("note", ""), estimate=frame.index)
    columns = ["value", "std_error", "flag", "note", "estimate"]
    if not rows:
        return frame[columns]
    return pd.concat([frame[columns], pd.DataFrame(rows).set_index("sector")[columns]])


def _told(found: pd.DataFrame) -> list[Change]:
    words = {
        "pooled": ("imputed", "{} without an estimate: the pooled value"),
        "assumed": ("assumed", "{} of services without an estimate: the set's default"),
    }
    changes = []
    for flag, (kind, what) in words.items():
        codes = list(found.index[found["flag"] == flag])
        if codes:
            told = ", ".join(map(str, codes[:4])) + (" …" if len(codes) > 4 else "")
            count = f"{len(codes)} sector" + ("s" if len(codes) > 1 else "")
            changes.append(
                Change("elasticities", kind, what.format(count), cells=len(codes), where=told)
            )
    known = int(np.isfinite(found["std_error"].to_numpy(np.float64)).sum())
    if 0 < known < len(found):
        what = f"standard errors of {known} of {len(found)} sectors only: none is used"
        changes.append(Change("elasticities", "left out", what, cells=known))
    return changes
