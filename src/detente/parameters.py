"""The parameter table: what a scenario assumes by default, how sure that is, and who says so.

Data: ``data/parameters.csv``. The defaults are those of
:class:`detente.scenario.Assumptions` and of the measures (tests hold the two together).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from detente.errors import InputError, nearest

if TYPE_CHECKING:  # a command that prints one entry starts without pandas
    from collections.abc import Mapping

    import pandas as pd

#: verified: read in the source or its abstract; unverified: recalled, or at second hand;
#: assumed: ours.
VERIFICATION = ("verified", "unverified", "assumed")
DISTRIBUTIONS = ("triangular", "uniform", "log-uniform", "log-normal")


@dataclass(frozen=True)
class Parameter:
    """One entry of the table.

    Attributes
    ----------
    name, label, unit : str
    default : float, optional
        None where it differs by sector.
    low, high : float
        Range that uncertainty is drawn from.
    distribution : str
        Its shape: ``triangular`` (peak at the default), ``uniform``, ``log-uniform``,
        ``log-normal`` (``low`` and ``high`` are its 2.5 and 97.5 %).
    source, verification, note : str
    where : tuple of str
        Keys of a scenario that set it: ``discount_rate``, or ``impose.leakage`` for a key of
        a measure.
    written : mapping of str to str
        ``default``, ``low`` and ``high`` as the table writes them: ``3%``, ``1/3``.
    """

    name: str
    label: str
    unit: str
    default: float | None
    low: float
    high: float
    distribution: str
    source: str
    verification: str
    where: tuple[str, ...]
    note: str
    written: Mapping[str, str]


def _number(text: str) -> float:
    """``8``, ``3%``, ``1/3``, exact before the last rounding."""
    return float(Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text))


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every entry by name, in the table's order."""
    import csv  # noqa: PLC0415

    text = (files("detente.data") / "parameters.csv").read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["name"]] = Parameter(
            name=row["name"],
            label=row["label"],
            unit=row["unit"],
            default=_number(row["default"]) if row["default"] else None,
            low=_number(row["low"]),
            high=_number(row["high"]),
            distribution=row["distribution"],
            source=row["source"],
            verification=row["verification"],
            where=tuple(key.strip() for key in row["where"].split(";")),
            note=row["note"],
            written={
                "default": row["default"] or "by sector",
                "low": row["low"],
                "high": row["high"],
            },
        )
    return MappingProxyType(found)


def parameter(name: str) -> Parameter:
    """One entry.

    Raises
    ------
    InputError
        An unknown name, with the nearest.
    """
    known = parameters()
    # a key whose value is several numbers: name those
    parts = [p.name for p in known.values() if any(w.startswith(f"{name}.") for w in p.where)]
    if name not in known and parts:
        raise InputError(f"'{name}' is several numbers: {', '.join(parts)}.")
    if name not in known:
        raise InputError(
            f"there is no parameter '{name}'; there are {', '.join(known)}.",
            nearest=nearest(name, known),
        )
    return known[name]


def parameter_table() -> pd.DataFrame:
    """The whole table.

    Returns
    -------
    DataFrame
        ``name``, ``label``, ``unit``, ``default`` (missing where it differs by sector),
        ``low``, ``high``, ``distribution``, ``source``, ``verification``, ``where``, ``note``.
    """
    import pandas as pd  # noqa: PLC0415

    columns = ["name", "label", "unit", "default", "low", "high", "distribution"]
    columns += ["source", "verification", "where", "note"]
    rows = [{c: getattr(p, c) for c in columns} for p in parameters().values()]
    table = pd.DataFrame(rows, columns=pd.Index(columns))
    return table.assign(where=["; ".join(keys) for keys in table["where"]])
