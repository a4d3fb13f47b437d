"""``detente openings fit``: measured and fitted again from the panel, beside the embedded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.cli.openingscurve import TOLD, curve_document, embedded_curve, held_out
from detente.cli.openingsdata import AFTER, QUANTILES, Realised
from detente.cli.openingsmeasure import key, measure, measure_files, moved, rounded, taken_up
from detente.cli.options import progress_bar, working
from detente.errors import InputError
from detente.openings.record import Record

if TYPE_CHECKING:
    from detente.openings.curve import Curve

#: Columns of scores that are rounded.
SCORES = ("share", *QUANTILES, "crps", "crps_at_once", "crps_nothing", "crps_pool")


@dataclass(frozen=True)
class Fitted:
    """The embedded result and the one that was fitted, in the words of the command.

    Attributes
    ----------
    measured : Realised
    old, new : mapping
        Curves, as :func:`detente.cli.openingscurve.curve_document` gives them.
    again : bool
        The measure was taken up from the folder.
    folder : Path or None
    """

    measured: Realised
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    again: bool = False
    folder: Path | None = None

    def table(self) -> pd.DataFrame:
        """``quantity``, ``embedded`` and ``refit``, each with ``_low`` and ``_high`` (90 %)."""
        old, new = _figures(self.old), _figures(self.new)
        rows = []
        for name in new:
            row: dict[str, Any] = {"quantity": name}
            for label, values in (("embedded", old), ("refit", new)):
                middle, low, high = values.get(name, (np.nan,) * 3)
                row |= {label: middle, f"{label}_low": low, f"{label}_high": high}
            rows.append(row)
        return pd.DataFrame(rows)

    def document(self) -> dict[str, Any]:
        """Both curves, the comparison and how it was measured, JSON-able."""
        from detente.report.documents import records

        return {
            "what": "openings fit",
            "version": __version__,
            "quantities": records(self.table()),
            "measure": dict(self.measured.facts),
            "measure_taken_up": self.again,
            "embedded": dict(self.old),
            "refit": dict(self.new),
        }


def _figures(curve: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Parameters and shares with their 90 % intervals, by name."""
    found = {
        name: (curve[name]["median"], curve[name]["low"], curve[name]["high"])
        for name in ("level", "half_life", "start", "cold")
        if name in curve
    }
    at = {int(row["tau"]): row for row in curve.get("shares", ())}
    for tau in AFTER:
        if tau in at:
            found[f"share_{tau}"] = tuple(float(at[tau][q]) for q in ("q50", "q05", "q95"))  # type: ignore[assignment]
    return found


@dataclass(frozen=True)
class Ask:
    """What a fit is asked for.

    Attributes
    ----------
    panel : Path
    columns : mapping of str to str
    zeros : bool
        Pairs that are not listed trade nothing.
    seed : int
    draws : int or None
        Of each chain; None: the usual number.
    leave_out : str or None
        ``group`` or ``pair``: what each fold leaves out; None: nothing is left out.
    out : Path or None
    """

    panel: Path
    columns: Mapping[str, str]
    zeros: bool
    seed: int
    draws: int | None
    leave_out: str | None
    out: Path | None


def run_fit(ask: Ask, record: Record) -> Fitted:
    """Measure, write what is measured, fit with and without the picked, predict, and write.

    Parameters
    ----------
    ask : Ask
    record : Record

    Raises
    ------
    InputError
        A panel that cannot be used, or too few openings in it.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the same draws everywhere, and no search
    from detente.openings.fit import fit
    from detente.openings.histories import for_curve
    from detente.report.folder import write_files

    if not ask.panel.is_file():
        raise InputError(f"there is no file '{ask.panel}'.")
    measured, again = _measured(ask, record)
    files = measure_files(measured)
    if ask.out is not None and not again:
        write_files(ask.out, files)
    shares = measured.shares
    rows = for_curve(shares, record)
    sizes = {} if ask.draws is None else {"draws": ask.draws, "warmup": ask.draws}
    with working("fitting the curve (minutes)"):
        curve = fit(rows, seed=ask.seed, **sizes)
    told: dict[str, Any] = {"histories": curve.about["histories"]}
    rest = rows[~rows["picked"]]
    if len(rest) < len(rows):
        with working("fitting it without the pairs picked by hand (minutes)"):
            told["without_picked"] = _without(rest, ask.seed, sizes)
    both = rows[~rows["event"].isin({e.name for e in record.events if e.wide})]
    if len(both) < len(rows):
        with working("fitting it to events that name both sides"):
            told["both_named"] = _without(both, ask.seed, sizes)
    scores = _left_out(rows, ask, sizes) if ask.leave_out is not None else None
    more, held = _curve_files(curve, told, scores)
    if ask.out is not None:
        write_files(ask.out, files | more)
    beside = {k: v for k, v in told.items() if k != "histories"}
    new = curve_document(curve, **beside, leave_one_out=held)
    return Fitted(measured, embedded_curve(), new, again, ask.out)


def _measured(ask: Ask, record: Record) -> tuple[Realised, bool]:
    """Shares that the folder has of the same panel, record and code, or measured ones."""
    found = taken_up(ask.out, record, key(ask.panel, record, ask.columns, ask.zeros))
    if found is not None:
        return found, True
    with progress_bar("measuring", elapsed=True) as advance:
        fresh = measure(
            ask.panel, record, columns=ask.columns, zeros=ask.zeros, advance=advance
        )
    return fresh, False


def _without(rows: pd.DataFrame, seed: int, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The curve of those that nobody picked; empty where they are too few."""
    from detente.openings.fit import fit
    from detente.openings.observed import FEWEST

    if rows.groupby(["a", "b", "event"]).ngroups < FEWEST:
        return {}
    return curve_document(fit(rows, seed=seed, **sizes))


def _left_out(rows: pd.DataFrame, ask: Ask, sizes: Mapping[str, int]) -> pd.DataFrame:
    from detente.openings.scores import leave_one_out

    with progress_bar("predicting each from the others", elapsed=True) as advance:
        return leave_one_out(
            rows, str(ask.leave_out), seed=ask.seed, progress=moved(advance, None), **sizes
        )


def _curve_files(
    curve: Curve, told: Mapping[str, Any], scores: pd.DataFrame | None
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The curve's own files, what is told beside it and every score; and their summary."""
    from detente.openings import embedded
    from detente.report.folder import table_bytes

    with TemporaryDirectory() as name:
        embedded.write_embedded(curve, name, loo=scores)
        held = held_out(embedded.scores(name))
        found = {p.name: p.read_bytes() for p in Path(name).iterdir() if p.is_file()}
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    found[TOLD] = (text + "\n").encode()
    if scores is not None:
        found["leave_one_out.csv"] = table_bytes(rounded(scores, SCORES), "csv")
    return found, held


def require_extras() -> None:
    """Refuse at once what would fail after minutes.

    Raises
    ------
    InputError
        A package that estimates or fits is not installed.
    """
    missing = [name for name in ("pyfixest", "numpyro") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"measuring and fitting need {' and '.join(missing)}: "
            'pip install "detente[estimate,openings]".'
        )
