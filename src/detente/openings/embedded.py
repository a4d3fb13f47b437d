"""The openings curve that comes with the package: written by a fit, read without one."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.errors import InputError, Place
from detente.openings.curve import COLUMNS, QUANTILES, Curve
from detente.openings.scores import summary
from detente.sources.files import atomic

FOLDER = Path(__file__).parents[1] / "data" / "openings"
SOURCE = (
    "Advanced Guide to Trade Policy Analysis panel (Yotov, Piermartini, Monteiro, Larch 2016), "
    "CC BY 4.0, derived shares and parameters"
)
#: Years for which the predictive quantiles are written down.
SHOWN_YEARS = (0, 1, 5, 10, 15, 20)


def write_embedded(
    curve: Curve,
    folder: str | Path = FOLDER,
    *,
    shares_table: pd.DataFrame | None = None,
    loo: pd.DataFrame | None = None,
    today: date | None = None,
) -> list[Path]:
    """Write ``curve.csv``, ``curve.json`` and, where a table is given, ``shares.csv``.

    Parameters
    ----------
    curve : Curve
    folder : path
        It must exist.
    shares_table : DataFrame, optional
        The table of shares that comes with it; numbers to six digits.
    loo : DataFrame, optional
        Of :func:`detente.openings.scores.leave_one_out`, one or both kinds, one after the
        other.
    today : date, optional
        What to write as the date of the fit.

    Returns
    -------
    list of Path
        What was written.
    """
    folder = Path(folder)
    draws = _csv(curve.draws[list(COLUMNS)])
    about = {
        "source": SOURCE,
        "date": (today or date.today()).isoformat(),
        **curve.about,
        "draws_sha256": hashlib.sha256(draws.encode()).hexdigest(),
        "paces": {
            name: {k: _short(getattr(p, k)) for k in ("level", "half_life", "start")}
            for name, p in curve.paces.items()
        },
        "misfit": {k: _short(v) for k, v in curve.misfit.items()},
        "odds": {k: _short(v) for k, v in curve.odds.items()},
        "after": _after(curve),
        "leave_one_out": [] if loo is None else _records(_summaries(loo)),
        "pairs": _records(curve.pairs),
    }
    texts = {"curve.csv": draws, "curve.json": _json(about)}
    if shares_table is not None:
        texts["shares.csv"] = _csv(shares_table)
    for name, text in texts.items():
        with atomic(folder / name) as part:
            part.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


@cache
def curve(folder: str | Path = FOLDER) -> Curve:
    """The embedded curve, or that of another folder.

    Raises
    ------
    InputError
        A file is missing or unreadable, or the two are not of one fit.
    """
    where = Path(folder) / "curve.csv"
    text = _text(where)
    about = _about(Path(folder))
    if hashlib.sha256(text.encode()).hexdigest() != about.get("draws_sha256"):
        raise InputError(
            "these draws are not those that curve.json describes: write both with one fit "
            "(detente openings fit).",
            Place(file=str(where)),
        )
    try:
        draws = pd.read_csv(io.StringIO(text))
    except (ValueError, csv.Error) as error:
        raise InputError(f"no table can be read: {error}.", Place(file=str(where))) from None
    derived = ("pairs", "paces", "misfit", "odds", "after", "leave_one_out")
    kept = {k: v for k, v in about.items() if k not in derived}
    return Curve(draws=draws, about=kept, pairs=pd.DataFrame(about.get("pairs", [])))


def shares(folder: str | Path = FOLDER) -> pd.DataFrame:
    """The embedded table of realised shares.

    Raises
    ------
    InputError
        The file is missing or unreadable.
    """
    where = Path(folder) / "shares.csv"
    try:
        return pd.read_csv(io.StringIO(_text(where)), keep_default_na=False, na_values=[""])
    except (ValueError, csv.Error) as error:
        raise InputError(f"no table can be read: {error}.", Place(file=str(where))) from None


def scores(folder: str | Path = FOLDER) -> pd.DataFrame:
    """How well each opening was predicted from the others.

    Returns
    -------
    DataFrame
        Columns of :func:`detente.openings.scores.summary`, and ``by`` (pair, group),
        ``weight`` (opening, group) and ``which`` (all, or found by rule and not picked).
    """
    return pd.DataFrame(_about(Path(folder)).get("leave_one_out", []))


def _summaries(loo: pd.DataFrame) -> pd.DataFrame:
    """Summaries by what was left out, weight, and with and without what was picked."""
    kinds = {"all": loo}
    if "picked" in loo:
        chosen = loo["picked"].fillna(False).astype(bool)
        kinds["not picked"] = loo[~chosen]
    parts = []
    for which, some in kinds.items():
        for by, part in some.groupby("by"):
            for weight in ("opening", "group"):
                table = summary(part, weight=weight)
                for at, (name, value) in enumerate(
                    {"by": by, "weight": weight, "which": which}.items()
                ):
                    table.insert(at, name, value)
                parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _after(curve: Curve) -> dict[str, dict[str, float]]:
    """Predictive quantiles and mean after SHOWN_YEARS."""
    table = curve.share(SHOWN_YEARS, QUANTILES)
    return {
        str(years): {str(q): _short(v) for q, v in row.items()}
        for years, (_, row) in zip(SHOWN_YEARS, table.iterrows(), strict=True)
    }


def _about(folder: Path) -> dict[str, Any]:
    """What curve.json says."""
    where = folder / "curve.json"
    try:
        found = json.loads(_text(where))
    except json.JSONDecodeError as error:
        raise InputError(f"no JSON: {error}.", Place(file=str(where))) from None
    if not isinstance(found, dict):
        raise InputError("a mapping is needed.", Place(file=str(where)))
    return found


def _text(where: Path) -> str:
    """A file's text."""
    try:
        return where.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"it cannot be read: {error}.", Place(file=str(where))) from None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain mappings, numbers to four digits; what is missing is null."""
    return [
        {str(k): _plain(v) for k, v in row.items()}
        for row in table.astype(object).to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else _short(float(value))
    return None if value is None or value is pd.NA else str(value)


def _short(value: Any) -> float:
    """Four digits: the draws are no better."""
    return float(f"{float(value):.4g}")


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def _json(about: dict[str, Any]) -> str:
    """JSON with one row per line in its tables."""
    tables = {k: v for k, v in about.items() if isinstance(v, list) and v and k != "sizes"}
    rest = {k: v for k, v in about.items() if k not in tables}
    text = json.dumps(rest, indent=1, ensure_ascii=False)[:-2]
    for name, rows in tables.items():
        lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        text += f",\n {json.dumps(name)}: [\n  {lines}\n ]"
    return text + "\n}\n"
