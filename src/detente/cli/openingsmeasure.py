"""Openings measured on a panel, and the files that a finished measure leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.cli.openingsdata import (
    EMBEDDED,
    OF_EVENT,
    QUANTILES,
    SHARES,
    Realised,
    from_files,
)
from detente.cli.openingsnames import ordered_pair
from detente.cli.options import Advance
from detente.errors import InputError
from detente.openings.record import Record

if TYPE_CHECKING:
    from detente.gravity.panel import Panel
    from detente.openings.measure import Measured
    from detente.openings.predicted import Shares

#: Digits that the tables keep; a share's error is in its second.
DIGITS = 4
#: Modules that measured shares come out of: a change in one makes older files stale.
_CODE = ("predicted", "measure", "rule", "histories")
#: Pairs that are told apart from smaller ones: potential both ways, in the panel's unit.
LARGE = 500.0
#: The year that stands for an event's where there was none.
AT = 1990
#: Panels known by their file's name, and what they are.
SOURCES = {
    "agtpa_applications": (
        "Yotov, Piermartini, Monteiro & Larch (2016), An Advanced Guide to Trade Policy "
        "Analysis (WTO and UNCTAD): the data set agtpa_applications of the R package "
        "tradepolicy; manufacturing, million USD. Shares are derived; the panel is not here."
    ),
}


def measure(
    file: Path,
    record: Record,
    *,
    columns: Mapping[str, str] | None = None,
    zeros: bool = False,
    pair: tuple[str, str] | None = None,
    advance: Advance | None = None,
) -> Realised:
    """Measure the record's links on a panel, and one more pair where it is asked for.

    Parameters
    ----------
    file, columns, zeros
        As for :func:`detente.cli.openingspanel.read`.
    record : Record
    pair : (str, str), optional
        A pair that the record need not have; the estimate does not see it either.
    advance : callable, optional
        Moves a progress bar.

    Returns
    -------
    Realised
        Rounded to ``DIGITS`` digits, as its files have it.

    Raises
    ------
    InputError
        A panel that cannot be used, or a pair that it does not have.
    """
    from detente.cli.openingspanel import estimable, read
    from detente.openings.measure import measure as measured

    flows = read(file, columns, zeros=zeros)
    countries = sorted({*flows.table["exporter"], *flows.table["importer"]})
    ends = None if pair is None else ordered_pair(*pair, countries, record)
    with estimable(file):
        found = measured(flows, record, required=ends is None, progress=moved(advance))
        rows = _kept(found.histories)
        if ends is not None and not ((rows["a"] == ends[0]) & (rows["b"] == ends[1])).any():
            extra = _extra(flows, found, ends, advance)
            rows = pd.concat([rows, extra], ignore_index=True) if len(rows) else extra
    return Realised(
        shares=rounded(rows[list(SHARES)], SHARES[-9:]),
        comparison=rounded(comparison(found.shares, record), tuple(QUANTILES)),
        record=record,
        facts=_facts(file, found, record, columns, zeros)
        | ({"notes": list(flows.notes)} if flows.notes else {}),
    )


def moved(advance: Advance | None, what: str | None = "measuring") -> Any:
    """Progress of a library as that of a bar; None where there is no bar."""
    if advance is None:
        return None
    return lambda done, total: advance(done, total, what)


def _kept(histories: pd.DataFrame) -> pd.DataFrame:
    """Each pair and direction once, and what was picked by hand besides."""
    return histories[histories["once"] | histories["picked"]]


def _extra(
    flows: Panel, found: Measured, pair: tuple[str, str], advance: Advance | None
) -> pd.DataFrame:
    """The years of a pair that no event of the record counts for."""
    from detente.openings.predicted import realised

    out = {*found.shares.left_out, pair}
    shares = realised(flows, out, progress=moved(advance, f"{pair[0]}–{pair[1]}"))
    own = shares.pair(*pair)
    blank = dict.fromkeys(("event", "group", "kind", "direction"), "")
    flags = dict.fromkeys(("picked", "by_rule", "once"), False)
    return own.assign(
        **blank, **flags, year0=-1, tau=0, reporting_start=pd.array([pd.NA] * len(own), "Int64")
    )


def rounded(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The table with some columns to ``DIGITS`` significant digits, as a file keeps them."""
    digits = {
        c: [float(f"{v:.{DIGITS}g}") for v in table[c].to_numpy(dtype=float, na_value=np.nan)]
        for c in columns
    }
    return table.assign(**digits).reset_index(drop=True)


def comparison(shares: Shares, record: Record) -> pd.DataFrame:
    """Pairs that did not open: ordinary ones, never closed, and equally low ones (placebo).

    Both are dated at ``AT``, and the panel's other years are counted from it.

    Returns
    -------
    DataFrame
        ``set`` (ordinary, placebo; the same with ``-large``: a potential of ``LARGE`` or
        more), ``tau``, ``pairs``, ``q05``, ``q25``, ``q50``, ``q75``, ``q95``; empty where the
        panel has not the years.
    """
    from detente.openings.histories import histories
    from detente.openings.measure import ordinary
    from detente.openings.rule import LEAST, placebo

    columns = ["set", "tau", "pairs", *QUANTILES]
    if AT not in shares.years:
        return pd.DataFrame(columns=columns)
    parts = []
    for name, least in (("ordinary", LEAST), ("ordinary-large", LARGE)):
        usual = ordinary(shares, record, classes=(least,))
        parts.append(usual[usual["set"] == "open"].assign(set=name, tau=usual["year"] - AT))
    try:
        links = placebo(shares, record, AT)
    except InputError:  # the panel begins too late to see that they were closed
        links = pd.DataFrame()
    if len(links):
        table = histories(shares, links)
        then = table[table["tau"] == 0].set_index(["a", "b"])["potential"]
        large = then[then >= LARGE].index
        parts.append(_quantiles(table, "placebo"))
        of_large = table.set_index(["a", "b"]).index.isin(large)
        parts.append(_quantiles(table[of_large], "placebo-large"))
    return pd.concat([part[columns] for part in parts], ignore_index=True)


def _quantiles(table: pd.DataFrame, name: str) -> pd.DataFrame:
    by_tau = table.dropna(subset=["share"]).groupby("tau")["share"]
    found = pd.DataFrame({key: by_tau.quantile(q) for key, q in QUANTILES.items()})
    return found.assign(set=name, pairs=by_tau.size()).reset_index()


# -- what a finished measure leaves ------------------------------------------------------------
def key(
    file: Path, record: Record, columns: Mapping[str, str] | None, zeros: bool
) -> dict[str, Any]:
    """What measured shares depend on: files and code, by their hashes, and how it was read."""
    code = hashlib.sha256()
    for name in _CODE:
        code.update(files("detente.openings").joinpath(f"{name}.py").read_bytes())
    return {
        "panel_sha256": _sha256(file),
        "record_sha256": record.content_hash,
        "code_sha256": code.hexdigest(),
        "columns": dict(columns or {}),
        "zeros": zeros,
    }


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _facts(
    file: Path,
    found: Measured,
    record: Record,
    columns: Mapping[str, str] | None,
    zeros: bool,
) -> dict[str, Any]:
    from detente.openings.rule import CLOSED, LEAST, PARTNERS, K

    name = file.name.split(".")[0]
    source = SOURCES.get(name)
    return {
        "panel": {
            "name": "agtpa" if name == "agtpa_applications" else name,
            "file": file.name,
            **({"source": source, "goods": "manufacturing"} if source else {}),
            "content_hash": found.shares.content_hash,
        },
        "version": __version__,
        "formula": found.shares.formula,
        "years": list(found.shares.years),
        "countries": list(found.shares.countries),
        "rule": {"years_before": K, "closed": CLOSED, "partners": PARTNERS, "least": LEAST},
        "pairs_left_out": found.shares.pairs_left_out,
        "absent": list(found.absent),
        "unsettled": len(found.unsettled),
        "key": key(file, record, columns, zeros),
    }


def measure_files(found: Realised) -> dict[str, bytes]:
    """The files of a finished measure, by name."""
    from detente.report.folder import table_bytes

    shares = found.shares.drop(columns=[c for c in OF_EVENT if c in found.shares])
    for name in ("picked", "by_rule", "once", "year"):
        shares[name] = shares[name].astype(int)
    text = json.dumps(found.facts, indent=2, ensure_ascii=False, allow_nan=False)
    return {
        "shares.csv": table_bytes(shares, "csv"),
        "comparison.csv": table_bytes(found.comparison, "csv"),
        "measure.json": (text + "\n").encode(),
    }


def taken_up(folder: Path | None, record: Record, wanted: Mapping[str, Any]) -> Realised | None:
    """A finished measure of the same panel, record and code in a folder; else nothing."""
    if folder is None or not all((folder / name).is_file() for name in EMBEDDED):
        return None
    try:
        facts = json.loads((folder / "measure.json").read_text(encoding="utf-8"))
        text = {n: (folder / n).read_text(encoding="utf-8") for n in EMBEDDED}
        listed = json.loads((folder / "tables.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return None
    same = all(
        listed.get(n) == hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in EMBEDDED
    )
    if not same or facts.get("key") != wanted:
        return None
    return replace(from_files(text, record), facts=facts)
